/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writing back one file: tagged pages in order, runs of neighbours as one request.
 *
 * While a request is being put together its pages are WRITEBACK and not submitted. So before waiting for anything else (the lock of a page, a write that is
 * under way) the request is submitted: whoever has that lock may be waiting for one of ours.
 */
#include "cache_impl.h"
#include <lib/string.h>
#include <vfs/file.h>

#define BATCH 16

struct run {
	struct file_cache *c;
	struct vm_io *io;	/* NULL: none is begun */
	bool mapped;		/* some page of it is */
	unsigned flags;
};

static void run_submit(struct run *r)
{
	struct vm_io *io = r->io;

	if (!io)
		return;
	r->io = NULL;
	if (r->mapped)
		vm_object_protect(cache_object(r->c), io->index, io->index + io->npages - 1);
	r->mapped = false;
	cache_io_submit(io);
}

/* What is behind the end of the file is zero on its way to the disk. The page is locked. False: all of it is behind, it is about to be dropped. */
static bool trim_tail(struct vm_object *obj, struct page *page)
{
	u64 size = READ_ONCE(obj->size), start = page_index(page) << PAGE_SHIFT;

	if (start >= size)
		return false;
	if (size - start < PAGE_SIZE)
		memset((char *)page_va(page) + (size - start), 0, PAGE_SIZE - (size - start));
	return true;
}

/* Lock a page to be written. False: it is not to be, or (nobody waits) it is busy. */
static bool lock_for_write(struct run *r, struct page *page, bool sync)
{
	struct vm_object *obj = cache_object(r->c);

	for (;;) {
		if (!page_trylock(page)) {
			if (!sync)
				return false;
			run_submit(r);
			page_lock(page);
		}
		if (READ_ONCE(page->object) != obj || !(READ_ONCE(page->flags) & PAGE_F_DIRTY))
			break;
		if (!(READ_ONCE(page->flags) & PAGE_F_WRITEBACK))
			return true;
		page_unlock(page);
		if (!sync)
			return false;
		run_submit(r);
		page_wait_writeback(page);
	}
	page_unlock(page);
	return false;
}

/* True: it was added to the run. */
static bool write_page(struct run *r, struct page *page, bool sync)
{
	struct bdi *b = r->c->bdi;
	u64 index = page_index(page);
	bool fresh;

	if (r->io && r->io->npages && !cache_io_fits(r->io, index))
		run_submit(r);
	/* Counted as begun before the page stops being dirty: a sync either finds it dirty or waits for it. */
	if (!r->io)
		r->io = cache_io_new(r->c, index, b->io_pages, r->flags, 0);
	if (!lock_for_write(r, page, sync))
		return false;
	if (!r->io)
		r->io = cache_io_new(r->c, index, b->io_pages, r->flags, 0);
	if (!r->io->npages)
		r->io->index = index;
	fresh = trim_tail(cache_object(r->c), page) && vm_object_clean(page);
	page_unlock(page);
	if (!fresh)
		return false;
	__atomic_fetch_add(&b->nwriting, 1, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&b->ndirty, 1, __ATOMIC_RELAXED);
	r->mapped |= READ_ONCE(page->maps) != 0;
	cache_io_add(r->io, page);
	return true;
}

u64 cache_write_range(struct file_cache *c, u64 first, u64 last, struct write_ctl *ctl)
{
	struct run r = {.c = c, .flags = VM_IO_WRITE | (ctl->sync ? VM_IO_SYNC : 0)};
	struct page *pages[BATCH];
	unsigned n;

	do {
		n = vm_object_gather(cache_object(c), first, last, ctl->tag, pages, BATCH);
		for (unsigned i = 0; i < n; i++) {
			first = page_index(pages[i]) + 1;
			if (ctl->budget && write_page(&r, pages[i], ctl->sync))
				ctl->budget--;
			page_put(pages[i]);
		}
	} while (n == BATCH && ctl->budget && first && first <= last);
	run_submit(&r);
	return n == BATCH && first && first <= last ? first : last + 1;
}

static int wait_writes(struct file_cache *c)
{
	return flight_wait(&c->writes, &c->bdi->done, true);
}

int cache_sync_range(struct file_cache *c, u64 start, u64 end, unsigned what)
{
	struct write_ctl ctl = {.budget = ~0ull, .tag = VM_TAG_TOWRITE, .sync = what & CACHE_WAIT_AFTER};
	struct vm_object *obj = cache_object(c);
	u64 first = start >> PAGE_SHIFT, last = (end - 1) >> PAGE_SHIFT;
	int err = 0;

	if (start >= end || !c->ops->write)
		return 0;
	if ((what & CACHE_WAIT_BEFORE) && !ctl.sync)
		err = wait_writes(c);
	if (!err && (what & CACHE_WRITE) && vm_object_is_dirty(obj)) {
		vm_object_mark_towrite(obj, first, last);
		(void)cache_write_range(c, first, last, &ctl);
	}
	if (!err && (what & CACHE_WAIT_AFTER))
		err = wait_writes(c);
	return err;
}

int cache_store(struct file_cache *c, bool wait)
{
	struct bdi *b = c->bdi;
	bool marked;

	if (!(__atomic_load_n(&c->state, __ATOMIC_SEQ_CST) & CACHE_INODE))
		return 0;
	spin_lock(&b->lock);
	marked = c->state & CACHE_INODE;
	__atomic_store_n(&c->state, c->state & ~(u32)CACHE_INODE, __ATOMIC_SEQ_CST);
	spin_unlock(&b->lock);
	return marked && c->ops->store ? c->ops->store(c, wait) : 0;
}

int cache_fsync(struct file *f, struct file_cache *c, s64 start, s64 last, bool datasync)
{
	u64 end = last >= S64_MAX ? ~0ull : (u64)last + 1;
	int err = cache_sync_range(c, (u64)start, end, CACHE_SYNC), late;

	if (!err)
		err = cache_store(c, true);
	late = cache_error(f, c);
	return err ? err : late;
}
