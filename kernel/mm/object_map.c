/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From an object to the areas that map it. obj->maps_lock holds the areas, and their spaces' page tables, in place: an area leaves the list before
 * its space frees tables.
 */
#include <sync/rcu.h>
#include "pt.h"
#include "reclaim_impl.h"
#include "space_impl.h"

void vm_object_unmap_locked(struct vm_object *obj, u64 first, u64 last, bool private_too)
{
	struct zap_filter filter = {.private_too = private_too};
	struct vm_area *a;
	struct gather g;

	list_for_each_entry(a, &obj->maps, object_link) {
		u64 end = a->pgoff + area_pages(a);
		u64 from = max(first, a->pgoff), to = last < end - 1 ? last + 1 : end;

		if (from >= to)
			continue;
		/* A guard that comes or goes beside us may be missed: it says nothing of what is not there. */
		filter.keep_guards = READ_ONCE(a->flags) & VM_UFFD_WP;
		gather_init(&g, a->space);
		zap_range(&g, a->start + ((from - a->pgoff) << PAGE_SHIFT),
			a->start + ((to - a->pgoff) << PAGE_SHIFT), &filter);
		gather_finish(&g);
	}
}

void vm_object_unmap(struct vm_object *obj, u64 first, u64 last, bool private_too)
{
	mutex_lock(&obj->maps_lock);
	vm_object_unmap_locked(obj, first, last, private_too);
	mutex_unlock(&obj->maps_lock);
}

/* Entries [e, ...) of one table for [va, stop): true if one lost the right to write or its dirty bit. */
static bool protect_run(struct pte *e, vaddr_t va, vaddr_t stop)
{
	bool any = false;

	pt_lock(e);
	for (; va < stop; va += PAGE_SIZE, e++) {
		struct pte old = pte_load(e);

		while (pte_is_present(old) && !pte_is_special(old) && (pte_is_writable(old) || pte_is_dirty(old))) {
			/* A private copy is nobody's business. */
			if (pfn_page(pte_paddr(old) >> PAGE_SHIFT)->kind != PAGE_CACHE)
				break;
			if (pte_cmpxchg(e, old, pte_mkclean(pte_wrprotect(old)))) {
				any = true;
				break;
			}
			old = pte_load(e);
		}
	}
	pt_unlock(e);
	return any;
}

static void protect_area(struct vm_area *a, vaddr_t va, vaddr_t end)
{
	vaddr_t from = va;
	bool any = false;

	rcu_read_lock();
	while (va < end) {
		struct pt_at at = pt_next(a->space, &va, end);
		vaddr_t stop;

		if (!at.e)
			break;
		stop = min(pt_end(va, at.level), end);
		if (!at.level)
			any |= protect_run(at.e, va, stop);
		va = stop;
	}
	rcu_read_unlock();
	if (any)
		tlb_flush_range(&a->space->mmu, from, end, false);
}

void vm_object_protect(struct vm_object *obj, u64 first, u64 last)
{
	struct vm_area *a;

	mutex_lock(&obj->maps_lock);
	list_for_each_entry(a, &obj->maps, object_link) {
		u64 end = a->pgoff + area_pages(a);
		u64 from = max(first, a->pgoff), to = last < end - 1 ? last + 1 : end;

		if (from < to && (READ_ONCE(a->flags) & VM_SHARED))
			protect_area(a, a->start + ((from - a->pgoff) << PAGE_SHIFT), a->start + ((to - a->pgoff) << PAGE_SHIFT));
	}
	mutex_unlock(&obj->maps_lock);
}
