/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing through the cache.
 *
 * A write goes by batches of neighbouring pages: all of them locked, reserved by runs (cache_ops.dirty), filled from the user's memory without page faults
 * (which could want one of these pages), made dirty, the size moved, unlocked. A page that is written whole, or up to the end of the file, or behind it, is
 * not read first; one that must be read is a batch of its own. The size moves before the pages are unlocked: write-back zeroes what is behind it.
 */
#include "cache_impl.h"
#include <lib/bits.h>
#include <lib/string.h>
#include <mm/uaccess.h>
#include <sync/wait.h>

#define BATCH 16

struct batch {
	struct file_cache *c;
	u64 index;	/* of pages[0] */
	u32 off;	/* in pages[0] */
	size_t len;	/* bytes to copy */
	unsigned n;
	u32 reserved;	/* bit per page: `dirty` was called for it */
	struct page *pages[BATCH];
};

static bool is_uptodate(const struct page *page)
{
	return __atomic_load_n(&page->flags, __ATOMIC_ACQUIRE) & PAGE_F_UPTODATE;
}

/* The page at @index, locked, with a reference. */
static int get_locked(struct vm_object *obj, u64 index, struct page **out)
{
	for (;;) {
		struct page *page = vm_object_find(obj, index);
		int err = 0;

		if (page) {
			page_lock(page);
			if (likely(READ_ONCE(page->object) == obj)) {
				*out = page;
				return 0;
			}
			page_unlock(page);
			page_put(page);
			continue;
		}
		page = page_alloc(0, ALLOC_USER);
		if (!page)
			return -ENOMEM;
		err = vm_object_add(obj, index, page);
		if (!err)
			*out = page;
		if (err != -EEXIST)
			return err;
	}
}

/* The same, uptodate. */
static int get_read(struct vm_object *obj, u64 index, struct page **out)
{
	for (;;) {
		struct page *page;
		int err = vm_object_get(obj, index, true, &page);

		if (err)
			return err;
		page_lock(page);
		if (READ_ONCE(page->object) == obj && is_uptodate(page)) {
			*out = page;
			return 0;
		}
		page_unlock(page);
		page_put(page);
	}
}

static void put_from(struct batch *b, unsigned first)
{
	for (unsigned i = first; i < b->n; i++) {
		page_unlock(b->pages[i]);
		page_put(b->pages[i]);
	}
	b->n = first;
}

/* Bytes [from, to) of page @i are written. */
static u32 part_from(const struct batch *b, unsigned i)
{
	return i ? 0 : b->off;
}

static u32 part_to(const struct batch *b, unsigned i)
{
	return (u32)min_t(u64, PAGE_SIZE, b->off + b->len - (u64)i * PAGE_SIZE);
}

/* Must what is not written of page @i be read? @size: of the file. */
static bool needs_read(const struct batch *b, unsigned i, u64 size)
{
	u64 start = (b->index + i) << PAGE_SHIFT;
	u64 end = min(size, start + PAGE_SIZE);

	if (start >= size)
		return false;
	return part_from(b, i) > 0 || start + part_to(b, i) < end;
}

/* Lock the pages; the batch gets shorter where one must be read. */
static int lock_pages(struct batch *b)
{
	struct vm_object *obj = cache_object(b->c);
	unsigned want = (unsigned)((b->off + b->len + PAGE_SIZE - 1) >> PAGE_SHIFT);
	u64 size = READ_ONCE(obj->size);
	int err = 0;

	for (b->n = 0; b->n < want && !err; b->n++) {
		struct page *page;

		err = get_locked(obj, b->index + b->n, &page);
		if (!err && !is_uptodate(page) && needs_read(b, b->n, size)) {
			page_unlock(page);
			page_put(page);
			if (b->n)
				break;
			err = get_read(obj, b->index, &page);
			want = 1;
		}
		if (err)
			break;
		b->pages[b->n] = page;
	}
	if (b->n)
		err = 0;
	b->len = min_t(u64, b->len, (u64)b->n * PAGE_SIZE - b->off);
	return err;
}

/* For a page that is being written there is what that write was promised. */
static bool needs_dirty(const struct page *page)
{
	return !(READ_ONCE(page->flags) & (PAGE_F_DIRTY | PAGE_F_WRITEBACK));
}

/* Reserve what is clean, run by run. A run that is refused as a whole is tried page by page, so that a full disk takes what fits. */
static int reserve(struct batch *b)
{
	struct file_cache *c = b->c;
	int err = 0;

	b->reserved = 0;
	if (!c->ops->dirty)
		return 0;
	for (unsigned i = 0, k; i < b->n && !err; i = k) {
		k = i + 1;
		if (!needs_dirty(b->pages[i]))
			continue;
		while (k < b->n && needs_dirty(b->pages[k]))
			k++;
		err = c->ops->dirty(c, b->index + i, k - i);
		if (err && k - i > 1) {
			k = i + 1;
			err = c->ops->dirty(c, b->index + i, 1);
		}
		if (!err) {
			b->reserved |= (u32)((1ull << k) - (1ull << i));
		} else if (i) {
			put_from(b, i);
			b->len = min_t(u64, b->len, (u64)i * PAGE_SIZE - b->off);
			return 0;
		}
	}
	return err;
}

/* Copy into one page. What is behind and before the part of a new page is zero. False: user memory has gone; *done is right. */
static bool fill_page(struct batch *b, unsigned i, struct iobuf *from, size_t *done)
{
	struct page *page = b->pages[i];
	u32 at = part_from(b, i), end = part_to(b, i);
	bool fresh = !is_uptodate(page);
	struct iobuf before = *from;
	char *va = page_va(page);
	size_t got;

	if (b->c->bdi->flags & BDI_STABLE)
		page_wait_writeback(page);
	pagefault_disable();
	got = iobuf_get(from, va + at, end - at);
	pagefault_enable();
	if (fresh && got < end - at) {
		/* Nobody has seen it, and nobody shall see it half full. */
		*from = before;
		return false;
	}
	if (fresh) {
		memset(va, 0, at);
		memset(va + end, 0, PAGE_SIZE - end);
		__atomic_fetch_or(&page->flags, PAGE_F_UPTODATE, __ATOMIC_RELEASE);
	}
	if (got)
		(void)vm_object_set_dirty(page);
	*done += got;
	return got == end - at;
}

/* What was reserved for pages that did not become dirty goes back; no page is locked. */
static void unreserve(struct batch *b, u32 pages)
{
	if (!b->c->ops->undirty)
		return;
	for (; pages; pages &= pages - 1)
		b->c->ops->undirty(b->c, b->index + ctz32(pages), 1);
}

/* One batch: bytes, or an error; 0: again. */
static ssize_t write_batch(struct batch *b, struct iobuf *from)
{
	struct vm_object *obj = cache_object(b->c);
	u64 at = (b->index << PAGE_SHIFT) + b->off;
	size_t done = 0;
	u32 lost = 0;
	int err = lock_pages(b);

	if (err)
		return err;
	err = reserve(b);
	if (err) {
		put_from(b, 0);
		return err;
	}
	for (unsigned i = 0; i < b->n && fill_page(b, i, from, &done); i++)
		;
	for (unsigned i = 0; i < b->n; i++) {
		if ((b->reserved >> i & 1) && !(READ_ONCE(b->pages[i]->flags) & PAGE_F_DIRTY))
			lost |= 1u << i;
	}
	if (done && at + done > obj->size)
		WRITE_ONCE(obj->size, at + done);
	put_from(b, 0);
	unreserve(b, lost);
	return (ssize_t)done;
}

ssize_t cache_write(struct file_cache *c, struct iobuf *from, u64 at, size_t len)
{
	struct batch b = {.c = c};
	ssize_t done = 0, n = 0;

	if (!c->ops->write)
		return -EROFS;
	if (at > cache_object(c)->size)
		vm_object_zero_tail(cache_object(c));
	while ((size_t)done < len) {
		b.index = at >> PAGE_SHIFT;
		b.off = at & (PAGE_SIZE - 1);
		b.len = min_t(size_t, len - (size_t)done, BATCH * PAGE_SIZE - b.off);
		b.len = iobuf_fault_in(from, b.len, false);
		n = b.len ? write_batch(&b, from) : -EFAULT;
		if (n < 0)
			break;
		at += (u64)n;
		done += n;
		cache_balance(c->bdi, (unsigned)(((u64)n + PAGE_SIZE - 1) >> PAGE_SHIFT));
		if (thread_kill_pending()) {
			n = -EINTR;
			break;
		}
	}
	if (done)
		cache_mark_inode(c);
	return done ? done : n;
}
