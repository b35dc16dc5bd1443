/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages of files on their way in and out.
 *
 * The dirty mark is a bit of the page and a tag in the tree, changed together under obj->lock. It is set under the page's lock before contents change,
 * so at any time either the page is dirty, or what was stored is about to be written, or clean:
 *
 *	store		mkwrite: page lock, DIRTY; then, under the page table's lock, DIRTY still there? entry becomes writable
 *	write-back	page lock, DIRTY off, WRITEBACK on; entries lose the right to write (each under its table's lock); submit
 *
 * A fault that finds DIRTY under the table's lock has either been there before write-back takes that lock, which then finds the entry; or DIRTY goes later,
 * and so does the search for entries. An entry that is removed while it is dirty is another matter: a processor may still write through its
 * cached translation until it is flushed. So whoever removes it looks again after the flush (vm_object_redirty).
 */
#include <mm/page.h>
#include <sync/rcu.h>
#include <sync/wait.h>
#include <debug/panic.h>
#include "object_impl.h"

#define BATCH 16

void page_end_fill(struct page *page, int err)
{
	if (!err)
		__atomic_fetch_or(&page->flags, PAGE_F_UPTODATE, __ATOMIC_RELEASE);
	else if (err != -EAGAIN)
		__atomic_fetch_or(&page->flags, PAGE_F_ERROR, __ATOMIC_RELAXED);
	page_unlock(page);
}

/* True: it was clean. */
static bool mark_dirty(struct vm_object *obj, struct page *page)
{
	bool fresh = false;

	spin_lock(&obj->lock);
	if (READ_ONCE(page->object) == obj && !(__atomic_fetch_or(&page->flags, PAGE_F_DIRTY, __ATOMIC_SEQ_CST) & PAGE_F_DIRTY)) {
		radix_tag_set(&obj->pages, page_index(page), VM_TAG_DIRTY);
		fresh = true;
	}
	spin_unlock(&obj->lock);
	if (fresh)
		obj->ops->dirtied(obj);
	return fresh;
}

bool vm_object_set_dirty(struct page *page)
{
	DASSERT((READ_ONCE(page->flags) & (PAGE_F_LOCKED | PAGE_F_UPTODATE)) == (PAGE_F_LOCKED | PAGE_F_UPTODATE));
	return !(READ_ONCE(page->flags) & PAGE_F_DIRTY) && mark_dirty(page->object, page);
}

void vm_object_redirty(struct page *page)
{
	struct vm_object *obj;

	/* The object may be going away meanwhile, with all its pages. */
	rcu_read_lock();
	obj = READ_ONCE(page->object);
	if (obj && !(__atomic_load_n(&page->flags, __ATOMIC_ACQUIRE) & PAGE_F_DIRTY))
		(void)mark_dirty(obj, page);
	rcu_read_unlock();
}

bool vm_object_clean(struct page *page)
{
	struct vm_object *obj = page->object;
	u64 index = page_index(page);

	DASSERT(READ_ONCE(page->flags) & PAGE_F_LOCKED);
	if (!(READ_ONCE(page->flags) & PAGE_F_DIRTY))
		return false;
	DASSERT(!(READ_ONCE(page->flags) & PAGE_F_WRITEBACK));
	spin_lock(&obj->lock);
	__atomic_fetch_or(&page->flags, PAGE_F_WRITEBACK, __ATOMIC_RELAXED);
	__atomic_fetch_and(&page->flags, (u16)~PAGE_F_DIRTY, __ATOMIC_SEQ_CST);
	radix_tag_clear(&obj->pages, index, VM_TAG_DIRTY);
	radix_tag_clear(&obj->pages, index, VM_TAG_TOWRITE);
	spin_unlock(&obj->lock);
	return true;
}

void page_end_writeback(struct page *page)
{
	struct wait_queue *q = page_queue(page);
	u16 old = __atomic_fetch_and(&page->flags, (u16) ~(PAGE_F_WRITEBACK | PAGE_F_WAITERS), __ATOMIC_SEQ_CST);

	DASSERT(old & PAGE_F_WRITEBACK);
	if (unlikely(old & PAGE_F_WAITERS))
		wait_wake_all(q);
}

static bool is_written(struct page *page)
{
	if (!(__atomic_load_n(&page->flags, __ATOMIC_ACQUIRE) & PAGE_F_WRITEBACK))
		return true;
	return !(__atomic_fetch_or(&page->flags, PAGE_F_WAITERS, __ATOMIC_SEQ_CST) & PAGE_F_WRITEBACK);
}

void page_wait_writeback(struct page *page)
{
	if (unlikely(READ_ONCE(page->flags) & PAGE_F_WRITEBACK))
		wait_event(page_queue(page), is_written(page));
}

unsigned vm_object_gather(struct vm_object *obj, u64 first, u64 last, enum vm_object_tag tag, struct page **pages, unsigned max)
{
	struct radix_found found[BATCH];
	unsigned n, got = 0;

	/* A tagged page is held by the object as long as its lock is. */
	spin_lock(&obj->lock);
	n = (unsigned)radix_gather(&obj->pages, first, last, tag, found, min_t(unsigned, max, BATCH));
	for (unsigned i = 0; i < n; i++) {
		pages[got] = found[i].entry;
		page_get(pages[got++]);
	}
	spin_unlock(&obj->lock);
	return got;
}

void vm_object_mark_towrite(struct vm_object *obj, u64 first, u64 last)
{
	struct radix_found found[BATCH];
	size_t n;

	do {
		spin_lock(&obj->lock);
		n = radix_gather(&obj->pages, first, last, VM_TAG_DIRTY, found, BATCH);
		for (size_t i = 0; i < n; i++)
			radix_tag_set(&obj->pages, found[i].index, VM_TAG_TOWRITE);
		spin_unlock(&obj->lock);
		first = n ? found[n - 1].index + 1 : first;
	} while (n == BATCH && first && first <= last);
}

bool vm_object_is_dirty(struct vm_object *obj)
{
	bool dirty;

	rcu_read_lock();
	dirty = radix_tagged(&obj->pages, VM_TAG_DIRTY);
	rcu_read_unlock();
	return dirty;
}
