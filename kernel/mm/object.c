/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page cache.
 *
 * A page enters its object LOCKED (to be filled) or UPTODATE (born zero), under obj->lock; page->object and index say where it is. It leaves when
 * truncation has its lock: page->object becomes NULL first, then its entries are removed, then the object's reference is dropped, and the frame is
 * free a grace period later. So in an RCU read section a page that was found stays what it is, with or without a reference, though it may be
 * truncated meanwhile; who maps it looks at page->object under the page-table lock.
 */
#include <lib/string.h>
#include <mm/object.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <lib/errno.h>
#include <sync/rcu.h>
#include <sync/wait.h>
#include <debug/panic.h>
#include "object_impl.h"
#include "reclaim_impl.h"

#define WAIT_QUEUES 64
#define BATCH	    16

LOCK_CLASS(object, RANK_OBJECT, "pages of one object");
LOCK_CLASS(object_maps, RANK_OBJECT_MAPS, "mappings of one object; bounds of their areas");

static struct wait_queue page_queues[WAIT_QUEUES];
static struct slab_cache *node_cache;

static struct radix_node *node_alloc(void *ctx)
{
	return slab_alloc(node_cache, ALLOC_NOWAIT | ALLOC_ZERO);
}

static void node_free_rcu(struct rcu_head *head)
{
	slab_free(node_cache, container_of((void *)head, struct radix_node, free_link));
}

static void node_free(void *ctx, struct radix_node *node)
{
	static_assert(sizeof(node->free_link) == sizeof(struct rcu_head), "room for RCU's link");
	rcu_call((struct rcu_head *)node->free_link, node_free_rcu);
}

const struct radix_alloc vm_object_nodes = {node_alloc, node_free, NULL};

void vm_object_init(struct vm_object *obj, const struct vm_object_ops *ops, void *owner)
{
	obj->ops = ops;
	obj->pages = RADIX_TREE;
	spin_init(&obj->lock, object);
	obj->npages = 0;
	obj->size = 0;
	list_init(&obj->maps);
	mutex_init(&obj->maps_lock, object_maps);
	obj->writable_maps = 0;
	obj->dead = false;
	obj->owner = owner;
	obj->cache = NULL;
}

struct wait_queue *page_queue(const struct page *page)
{
	return &page_queues[page_pfn(page) * 0x9e3779b97f4a7c15ull >> 58];
}

bool page_trylock(struct page *page)
{
	return !(__atomic_fetch_or(&page->flags, PAGE_F_LOCKED, __ATOMIC_ACQUIRE) & PAGE_F_LOCKED);
}

static bool lock_or_announce(struct page *page)
{
	if (page_trylock(page))
		return true;
	__atomic_fetch_or(&page->flags, PAGE_F_WAITERS, __ATOMIC_SEQ_CST);
	return page_trylock(page);
}

void page_lock(struct page *page)
{
	if (likely(page_trylock(page)))
		return;
	wait_event(page_queue(page), lock_or_announce(page));
}

void page_unlock(struct page *page)
{
	u16 old = __atomic_fetch_and(
		&page->flags, (u16) ~(PAGE_F_LOCKED | PAGE_F_WAITERS), __ATOMIC_SEQ_CST);

	DASSERT(old & PAGE_F_LOCKED);
	if (unlikely(old & PAGE_F_WAITERS))
		wait_wake_all(page_queue(page));
}

static int page_lock_killable(struct page *page)
{
	if (likely(page_trylock(page)))
		return 0;
	return wait_event_killable(page_queue(page), lock_or_announce(page)) ? -EINTR : 0;
}

static bool is_ready(const struct page *page)
{
	return __atomic_load_n(&page->flags, __ATOMIC_ACQUIRE) & PAGE_F_UPTODATE;
}

struct page *vm_object_peek_rcu(struct vm_object *obj, u64 index)
{
	struct page *page = radix_lookup(&obj->pages, index);

	return page && is_ready(page) ? page : NULL;
}

struct page *vm_object_find(struct vm_object *obj, u64 index)
{
	struct page *page;

	rcu_read_lock();
	page = radix_lookup(&obj->pages, index);
	/* Its frame does not change owner in a read section: no need to look again, but it may be free already. */
	if (page && !page_tryget(page))
		page = NULL;
	rcu_read_unlock();
	return page;
}

struct page *vm_object_peek(struct vm_object *obj, u64 index)
{
	struct page *page;

	rcu_read_lock();
	page = vm_object_peek_rcu(obj, index);
	if (page && !page_tryget(page))
		page = NULL;
	rcu_read_unlock();
	return page;
}

/*
 * Put a fresh page in; the object and the caller hold it then. -EEXIST -ENOMEM -ENOSPC -EAGAIN (the object is dead). Reclaim, which goes through all
 * frames, may see it as soon as its kind is set: so that comes last, and a page that is not wanted waits for a grace period like others.
 */
static int add_page(struct vm_object *obj, u64 index, struct page *page, unsigned flags)
{
	int err = obj->ops->charge ? obj->ops->charge(obj, 1) : 0;

	if (err) {
		page_free(page, 0);
		return err;
	}
	page->index_lo = (u32)index;
	page->index_hi = (u16)(index >> 32);
	WRITE_ONCE(page->object, obj);
	WRITE_ONCE(page->flags, (u16)flags);
	WRITE_ONCE(page->refs, 2);
	if (flags & PAGE_F_FILE)
		hand_note_new(page, obj, index);
	page_set_kind(page, PAGE_CACHE);
	spin_lock(&obj->lock);
	err = obj->dead ? -EAGAIN : radix_insert(&obj->pages, index, page, &vm_object_nodes);
	if (!err)
		obj->npages++;
	spin_unlock(&obj->lock);
	if (unlikely(err)) {
		if (obj->ops->uncharge)
			obj->ops->uncharge(obj, 1);
		WRITE_ONCE(page->object, NULL);
		page_put(page);
		page_put(page);
	}
	return err;
}

int vm_object_add(struct vm_object *obj, u64 index, struct page *page)
{
	int err = add_page(obj, index, page, PAGE_F_LOCKED | PAGE_F_FILE);

	return err == -EAGAIN ? -EIO : err;
}

int vm_object_get_nowait(struct vm_object *obj, u64 index, struct page **out_page)
{
	struct page *page;
	int err;

	if (obj->ops->fill)
		return -EAGAIN;
	page = page_alloc(0, ALLOC_NOWAIT | ALLOC_USER | ALLOC_ZERO);
	if (!page)
		return -EAGAIN;
	err = add_page(obj, index, page, PAGE_F_UPTODATE);
	if (err)
		return err == -ENOSPC ? err : -EAGAIN;
	*out_page = page;
	return 0;
}

int vm_object_insert(struct vm_object *obj, u64 index, struct page *page)
{
	int err = add_page(obj, index, page, PAGE_F_UPTODATE | PAGE_F_DIRTY);

	return err == -EAGAIN ? -EFAULT : err;
}

/* There is a page that was not uptodate: wait for whoever fills it. -EAGAIN: it is gone, or being filled anew: look again. */
static int wait_filled(struct vm_object *obj, struct page *page)
{
	int err = page_lock_killable(page);

	if (err)
		return err;
	if (READ_ONCE(page->object) != obj) {
		err = -EAGAIN;
	} else if (!is_ready(page)) {
		err = __atomic_fetch_and(&page->flags, (u16)~PAGE_F_ERROR, __ATOMIC_RELAXED) & PAGE_F_ERROR ? -EIO : -EAGAIN;
		if (err == -EAGAIN) {
			obj->ops->fill(obj, page);
			return err;
		}
	}
	page_unlock(page);
	return err;
}

/* A new page for @index, with a reference; perhaps it is being filled. -EEXIST: there is one. */
static int make_page(struct vm_object *obj, u64 index, struct page **out)
{
	bool fills = obj->ops->fill != NULL;
	struct page *page = page_alloc(0, ALLOC_USER | (fills ? 0 : ALLOC_ZERO));
	int err;

	if (!page)
		return -ENOMEM;
	err = add_page(obj, index, page, fills ? PAGE_F_LOCKED | PAGE_F_FILE : PAGE_F_UPTODATE);
	if (err)
		return err == -EAGAIN ? -EIO : err;
	if (fills)
		obj->ops->fill(obj, page);
	*out = page;
	return 0;
}

int vm_object_get(struct vm_object *obj, u64 index, bool create, struct page **out_page)
{
	for (;;) {
		struct page *page = vm_object_find(obj, index);
		int err;

		if (!page) {
			if (!create && !obj->ops->fill) {
				*out_page = NULL;
				return 0;
			}
			err = make_page(obj, index, &page);
			if (err == -EEXIST)
				continue;
			if (err)
				return err;
		}
		err = is_ready(page) ? 0 : wait_filled(obj, page);
		if (!err) {
			*out_page = page;
			return 0;
		}
		page_put(page);
		if (err != -EAGAIN)
			return err;
	}
}

/* Page @page is locked: out of the object, onto the list of what will be put. */
static void detach(struct vm_object *obj, struct page *page, u32 *list)
{
	radix_erase(&obj->pages, page_index(page), &vm_object_nodes);
	obj->npages--;
	WRITE_ONCE(page->object, NULL);
	page->link = *list;
	*list = (u32)page_pfn(page);
}

/* A page that somebody else has locked, or that is being written: wait without the object's lock. */
static u64 detach_slow(struct vm_object *obj, struct page *page, u32 *list)
{
	u64 n = 0;

	page_lock(page);
	page_wait_writeback(page);
	if (READ_ONCE(page->object) == obj) {
		spin_lock(&obj->lock);
		detach(obj, page, list);
		spin_unlock(&obj->lock);
		n = 1;
	}
	page_unlock(page);
	page_put(page);
	return n;
}

/* Take pages [first, last] out; they are on a list then, still mapped perhaps. How many. */
static u64 detach_range(struct vm_object *obj, u64 first, u64 last, u32 *list)
{
	struct radix_found found[BATCH];
	u64 total = 0;

	while (first <= last) {
		struct page *busy = NULL;
		size_t n, i;

		spin_lock(&obj->lock);
		n = radix_gather(&obj->pages, first, last, RADIX_ANY, found, BATCH);
		for (i = 0; i < n; i++) {
			struct page *page = found[i].entry;

			bool locked = page_trylock(page);

			if (!locked || unlikely(READ_ONCE(page->flags) & PAGE_F_WRITEBACK)) {
				page_get(page);
				if (locked)
					page_unlock(page);
				busy = page;
				break;
			}
			detach(obj, page, list);
			total++;
		}
		spin_unlock(&obj->lock);
		for (size_t k = 0; k < i; k++)
			page_unlock(found[k].entry);
		if (busy)
			total += detach_slow(obj, busy, list);
		else if (n < BATCH)
			break;
	}
	return total;
}

/* Pages that were dropped dirty, on a list from the highest index down. */
static void undirty(struct vm_object *obj, u32 list)
{
	u64 from = 0, n = 0;

	for (u32 pfn = list; pfn; pfn = pfn_page(pfn)->link) {
		const struct page *page = pfn_page(pfn);

		if (!(READ_ONCE(page->flags) & PAGE_F_DIRTY))
			continue;
		if (n && page_index(page) + 1 != from) {
			obj->ops->undirty(obj, from, n);
			n = 0;
		}
		from = page_index(page);
		n++;
	}
	if (n)
		obj->ops->undirty(obj, from, n);
}

static void drop_range(struct vm_object *obj, u64 first, u64 last, bool unmap)
{
	u32 list = 0;
	u64 n = radix_is_empty(&obj->pages) ? 0 : detach_range(obj, first, last, &list);

	/* The pages have no object any more; a fault that has not seen that has made its entry, which we find. */
	atomic_fence_seq();
	if (unmap)
		vm_object_unmap(obj, first, last, true);
	if (n && obj->ops->uncharge)
		obj->ops->uncharge(obj, n);
	if (obj->ops->undirty)
		undirty(obj, list);
	page_put_list(list);
}

static void zero_part(struct vm_object *obj, u64 start, u64 end)
{
	bool home = obj->ops->fill;
	struct page *page;

	if (start >= end)
		return;
	page = home ? vm_object_find(obj, start >> PAGE_SHIFT) : vm_object_peek(obj, start >> PAGE_SHIFT);
	if (!page)
		return;
	if (home) { /* old bytes may be on the way in, or out */
		page_lock(page);
		page_wait_writeback(page);
	}
	if (is_ready(page))
		memset((char *)page_va(page) + (start & (PAGE_SIZE - 1)), 0, end - start);
	if (home)
		page_unlock(page);
	page_put(page);
}

void vm_object_zero_tail(struct vm_object *obj)
{
	u64 size = obj->size;

	if ((size & (PAGE_SIZE - 1)) && obj->ops->fill)
		zero_part(obj, size, align_up(size, PAGE_SIZE));
}

void vm_object_truncate(struct vm_object *obj, u64 size)
{
	u64 old = obj->size;

	if (size >= old) {
		vm_object_zero_tail(obj);
		WRITE_ONCE(obj->size, size);
		return;
	}
	WRITE_ONCE(obj->size, size);
	drop_range(obj, DIV_ROUND_UP(size, PAGE_SIZE), ~0ull, true);
	if (size & (PAGE_SIZE - 1))
		zero_part(obj, size, align_up(size, PAGE_SIZE));
}

void vm_object_punch(struct vm_object *obj, u64 start, u64 end)
{
	u64 first = DIV_ROUND_UP(start, PAGE_SIZE), stop = end >> PAGE_SHIFT;

	if (start >= end)
		return;
	if (first > stop) {
		zero_part(obj, start, end);
		return;
	}
	zero_part(obj, start, first << PAGE_SHIFT);
	if (end & (PAGE_SIZE - 1))
		zero_part(obj, stop << PAGE_SHIFT, end);
	if (first < stop)
		drop_range(obj, first, stop - 1, true);
}

void vm_object_fini(struct vm_object *obj)
{
	spin_lock(&obj->lock);
	obj->dead = true;
	spin_unlock(&obj->lock);
	drop_range(obj, 0, ~0ull, false);
	DASSERT(obj->npages == 0 && list_empty(&obj->maps));
}

u64 vm_object_seek(struct vm_object *obj, u64 index, bool data)
{
	u64 at = index;
	void *found;

	rcu_read_lock();
	if (data) {
		found = radix_next(&obj->pages, &at, ~0ull, RADIX_ANY);
		if (!found)
			at = ~0ull;
	} else {
		at = radix_next_gap(&obj->pages, index, ~0ull - 1);
	}
	rcu_read_unlock();
	return at;
}

u64 vm_object_count(struct vm_object *obj, u64 first, u64 last)
{
	struct radix_found found[BATCH];
	u64 total = 0;
	size_t n;

	do {
		rcu_read_lock();
		n = radix_gather(&obj->pages, first, last, RADIX_ANY, found, BATCH);
		rcu_read_unlock();
		total += n;
		first = n ? found[n - 1].index + 1 : first;
	} while (n == BATCH && first <= last && first);
	return total;
}

int vm_object_seal_write(struct vm_object *obj)
{
	u32 none = 0;

	if (__atomic_compare_exchange_n(&obj->writable_maps, &none, VM_OBJECT_SEALED, false,
		    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED) ||
		none == VM_OBJECT_SEALED)
		return 0;
	return -EBUSY;
}

void vm_object_cache_init(void)
{
	for (unsigned i = 0; i < WAIT_QUEUES; i++)
		wait_queue_init(&page_queues[i]);
	node_cache = slab_cache_create("radix_node", sizeof(struct radix_node), 0, SLAB_PANIC);
}
