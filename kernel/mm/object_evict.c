/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clean pages of files leave their objects: for reclaim, and because somebody wants the range gone.
 *
 * A page can go if the object and we are the only ones to hold it. Under obj->lock its references are exchanged for 0, after which nobody finds it
 * (page_tryget); only then its dirty mark is looked at, since whoever sets it holds a reference while he does.
 */
#include <sync/rcu.h>
#include "object_impl.h"
#include "pt.h"
#include "reclaim_impl.h"
#include "space_impl.h"

bool vm_object_evict(struct vm_object *obj, struct page *page, u32 *list)
{
	u64 ours = 2;

	spin_lock(&obj->lock);
	if (!__atomic_compare_exchange_n(&page->counts, &ours, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
		spin_unlock(&obj->lock);
		return false;
	}
	if (READ_ONCE(page->flags) & (PAGE_F_DIRTY | PAGE_F_WRITEBACK)) {
		__atomic_store_n(&page->counts, 2, __ATOMIC_RELEASE);
		spin_unlock(&obj->lock);
		return false;
	}
	radix_erase(&obj->pages, page_index(page), &vm_object_nodes);
	obj->npages--;
	WRITE_ONCE(page->object, NULL);
	spin_unlock(&obj->lock);
	__atomic_store_n(&page->refs, 1, __ATOMIC_RELEASE); /* for page_put_list, after the page is unlocked */
	page->link = *list;
	*list = (u32)page_pfn(page);
	return true;
}

/* A page that is ours to lock. True: it has left. */
static bool invalidate(struct vm_object *obj, struct page *page, bool unmap, u32 *list)
{
	bool gone = true;

	page_lock(page);
	page_wait_writeback(page);
	if (READ_ONCE(page->object) == obj) {
		if (unmap && READ_ONCE(page->maps))
			vm_object_unmap(obj, page_index(page), page_index(page), false);
		gone = vm_object_evict(obj, page, list);
	} else {
		page_unlock(page);
		page_put(page);
		return true;
	}
	page_unlock(page);
	if (!gone)
		page_put(page);
	return gone;
}

#define BATCH 16

u64 vm_object_invalidate(struct vm_object *obj, u64 first, u64 last, bool unmap)
{
	struct radix_found found[BATCH];
	u64 stayed = 0;
	size_t n;

	do {
		u32 list = 0;

		spin_lock(&obj->lock);
		n = radix_gather(&obj->pages, first, last, RADIX_ANY, found, BATCH);
		for (size_t i = 0; i < n; i++)
			page_get(found[i].entry);
		spin_unlock(&obj->lock);
		for (size_t i = 0; i < n; i++) {
			struct page *page = found[i].entry;

			stayed += !invalidate(obj, page, unmap, &list);
		}
		page_put_list(list);
		first = n ? found[n - 1].index + 1 : first;
	} while (n == BATCH && first && first <= last);
	return stayed;
}

/* What the entries for one page say. */
static void age_entry(struct vm_area *a, vaddr_t va, const struct page *page, struct page_use *use)
{
	struct pt_at at;
	struct pte pte;

	rcu_read_lock();
	at = pt_walk(&a->space->mmu, va, 0);
	if (at.e && !at.level) {
		pt_lock(at.e);
		pte = pte_load(at.e);
		while (pte_is_present(pte) && !pte_is_special(pte) && pte_paddr(pte) == page_paddr(page)) {
			use->locked |= (a->flags & VM_LOCKED) != 0;
			if (!pte_is_accessed(pte))
				break;
			if (pte_cmpxchg(at.e, pte, pte_mkold(pte))) {
				use->young++;
				use->exec |= (a->flags & VM_EXEC) != 0;
				break;
			}
			pte = pte_load(at.e);
		}
		pt_unlock(at.e);
	}
	rcu_read_unlock();
}

bool vm_object_age(struct vm_object *obj, struct page *page, struct page_use *use)
{
	u64 index = page_index(page);
	struct vm_area *a;

	*use = (struct page_use){0};
	/* Whoever has it may be waiting for memory, us perhaps. */
	if (!mutex_trylock(&obj->maps_lock))
		return false;
	list_for_each_entry(a, &obj->maps, object_link) {
		if (index >= a->pgoff && index < a->pgoff + area_pages(a))
			age_entry(a, a->start + ((index - a->pgoff) << PAGE_SHIFT), page, use);
	}
	if (!use->young && !use->locked)
		vm_object_unmap_locked(obj, index, index, false);
	mutex_unlock(&obj->maps_lock);
	return true;
}
