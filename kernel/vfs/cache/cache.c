/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files with a page cache: their life, what the core asks of them, errors that are told once.
 *
 * An error of write-back is a word: errno, a bit that says that somebody was told, and a count that moves when an error comes after that. An open file keeps
 * the word it was told last; when it is another one there is news.
 */
#include "cache_impl.h"
#include <mm/reclaim.h>
#include <sync/rcu.h>
#include <linux/mman.h>
#include <vfs/file.h>

#define ERR_MAX	 0xfffu
#define ERR_TOLD 0x1000u
#define ERR_ONE	 0x2000u

static void err_set(u32 *word, int err)
{
	u32 old = __atomic_load_n(word, __ATOMIC_RELAXED), fresh;

	do {
		fresh = (old & ~(ERR_MAX | ERR_TOLD)) | (u32)-err;
		if (old & ERR_TOLD)
			fresh += ERR_ONE;
	} while (fresh != old && !__atomic_compare_exchange_n(word, &old, fresh, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

/* What an open file begins with: an error that nobody was told yet is news to it. */
static u32 err_sample(const u32 *word)
{
	u32 now = __atomic_load_n(word, __ATOMIC_ACQUIRE);

	return now & ERR_TOLD ? now : 0;
}

static int err_check(u32 *word, u32 *seen)
{
	u32 now = __atomic_load_n(word, __ATOMIC_ACQUIRE), old = READ_ONCE(*seen);

	if (likely(now == old))
		return 0;
	while (!(now & ERR_TOLD) && !__atomic_compare_exchange_n(word, &now, now | ERR_TOLD, true, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
	now |= ERR_TOLD;
	/* Two calls on one file: one of them tells. */
	if (now == old || !__atomic_compare_exchange_n(seen, &old, now, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return 0;
	return -(int)(now & ERR_MAX);
}

void cache_set_error(struct file_cache *c, int err)
{
	err_set(&c->error, err);
	err_set(&c->bdi->error, err);
}

void cache_open(struct file *f, struct file_cache *c)
{
	f->cache_error = err_sample(&c->error);
	f->bdi_error = err_sample(&c->bdi->error);
}

int cache_error(struct file *f, struct file_cache *c)
{
	return err_check(&c->error, &f->cache_error);
}

int bdi_error(struct file *f, struct bdi *b)
{
	return err_check(&b->error, &f->bdi_error);
}

/* ---- what the core asks ---- */

static void object_fill(struct vm_object *obj, struct page *page)
{
	struct vm_io *io = cache_io_new(object_cache(obj), page_index(page), 1, 0, 0);

	if (!io) {
		page_end_fill(page, -ENOMEM);
		return;
	}
	cache_io_add(io, page);
	cache_io_submit(io);
}

static void object_dirtied(struct vm_object *obj)
{
	struct file_cache *c = object_cache(obj);

	/* Orders the tag before the look at the list: bdi_done looks at the tags after it has taken the file off. */
	__atomic_fetch_add(&c->bdi->ndirty, 1, __ATOMIC_SEQ_CST);
	if (!(__atomic_load_n(&c->state, __ATOMIC_SEQ_CST) & CACHE_LISTED))
		bdi_list(c, 0);
}

static void object_undirty(struct vm_object *obj, u64 index, u64 n)
{
	struct file_cache *c = object_cache(obj);

	__atomic_fetch_sub(&c->bdi->ndirty, n, __ATOMIC_RELAXED);
	if (c->ops->undirty)
		c->ops->undirty(c, index, n);
}

static int object_mkwrite(struct vm_object *obj, struct page *page)
{
	struct file_cache *c = object_cache(obj);
	int err = 0;

	if (!c->ops->write)
		return -EROFS;
	if (c->bdi->flags & BDI_STABLE)
		page_wait_writeback(page);
	if (!(READ_ONCE(page->flags) & (PAGE_F_DIRTY | PAGE_F_WRITEBACK)) && c->ops->dirty)
		err = c->ops->dirty(c, page_index(page), 1);
	if (err)
		return err;
	(void)vm_object_set_dirty(page);
	inode_touch(c->inode, IATTR_MTIME | IATTR_CTIME);
	cache_mark_inode(c);
	return 0;
}

const struct vm_object_ops cache_object_ops = {
	.fill = object_fill,
	.mkwrite = object_mkwrite,
	.dirtied = object_dirtied,
	.undirty = object_undirty,
};

/* ---- life ---- */

void cache_init(struct file_cache *c, struct inode *inode, const struct cache_ops *ops, struct bdi *bdi)
{
	vm_object_init(&inode->data, &cache_object_ops, inode);
	inode->data.cache = c;
	c->inode = inode;
	c->ops = ops;
	c->bdi = bdi;
	c->error = 0;
	c->state = 0;
	c->cursor = 0;
	flight_init(&c->writes);
	list_init(&c->link);
}

static bool is_quiet(const struct file_cache *c)
{
	return !__atomic_load_n(&c->writes.n[0], __ATOMIC_ACQUIRE) && !__atomic_load_n(&c->writes.n[1], __ATOMIC_ACQUIRE);
}

void cache_fini(struct file_cache *c)
{
	struct bdi *b = c->bdi;

	spin_lock(&b->lock);
	if (c->state & CACHE_LISTED)
		list_del(&c->link);
	__atomic_store_n(&c->state, CACHE_DEAD, __ATOMIC_SEQ_CST);
	spin_unlock(&b->lock);
	vm_object_fini(cache_object(c));
	wait_event(&b->done, is_quiet(c));
}

bool cache_keep(struct file_cache *c)
{
	struct bdi *b = c->bdi;
	bool keep, list = false;

	spin_lock(&b->lock);
	keep = (c->state & CACHE_LISTED) && READ_ONCE(c->inode->nlink);
	if (!keep && reclaim_is_running()) {
		/* What eviction takes and waits for is not for the inside of an allocation: the thread does it. */
		keep = true;
		list = !(c->state & CACHE_LISTED);
	}
	if (keep) {
		if (list) {
			c->dirty_since = 0;
			list_add(&c->link, &b->dirty);
		}
		__atomic_store_n(&c->state, c->state | CACHE_HELD | CACHE_LISTED, __ATOMIC_SEQ_CST);
		__atomic_store_n(&c->inode->refs, 1, __ATOMIC_RELEASE);
	}
	spin_unlock(&b->lock);
	if (list)
		bdi_wake(b);
	return keep;
}

void cache_mark_inode(struct file_cache *c)
{
	u32 want = CACHE_LISTED | CACHE_INODE;

	if ((__atomic_load_n(&c->state, __ATOMIC_SEQ_CST) & want) != want)
		bdi_list(c, CACHE_INODE);
}

void cache_truncate(struct file_cache *c, u64 size)
{
	vm_object_truncate(cache_object(c), size);
}

void cache_punch(struct file_cache *c, u64 start, u64 end)
{
	vm_object_punch(cache_object(c), start, end);
}

int cache_flush_range(struct file_cache *c, u64 start, u64 end)
{
	int err = cache_sync_range(c, start, end, CACHE_SYNC);

	return err ? err : cache_invalidate_range(c, start, end);
}

int cache_invalidate_range(struct file_cache *c, u64 start, u64 end)
{
	if (start >= end)
		return 0;
	return vm_object_invalidate(cache_object(c), start >> PAGE_SHIFT, (end - 1) >> PAGE_SHIFT, true) ? -EBUSY : 0;
}

void cache_forget(struct file_cache *c, u64 start, u64 end)
{
	u64 first = DIV_ROUND_UP(start, PAGE_SIZE), stop = end >> PAGE_SHIFT;

	(void)!cache_sync_range(c, start, end, CACHE_WRITE);
	/* The last page of the file is whole as far as there is something of it. */
	if (end >= READ_ONCE(cache_object(c)->size))
		stop = DIV_ROUND_UP(READ_ONCE(cache_object(c)->size), PAGE_SIZE);
	if (first < stop)
		(void)vm_object_invalidate(cache_object(c), first, stop - 1, false);
}

void cache_stat(struct vm_object *obj, u64 first, u64 last, struct cachestat *out)
{
	struct radix_found found[16];
	size_t n;

	do {
		rcu_read_lock();
		n = radix_gather(&obj->pages, first, last, RADIX_ANY, found, ARRAY_SIZE(found));
		for (size_t i = 0; i < n; i++) {
			u16 flags = READ_ONCE(((struct page *)found[i].entry)->flags);

			out->nr_cache++;
			/* Pages of memory files are never written back: none is dirty in this sense. */
			out->nr_dirty += (flags & (PAGE_F_DIRTY | PAGE_F_FILE)) == (PAGE_F_DIRTY | PAGE_F_FILE);
			out->nr_writeback += (flags & PAGE_F_WRITEBACK) != 0;
		}
		rcu_read_unlock();
		first = n ? found[n - 1].index + 1 : first;
	} while (n == ARRAY_SIZE(found) && first && first <= last);
}
