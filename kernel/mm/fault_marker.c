/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults on markers: entries that hold no frame but a fact. A guard keeps its place until there is a page: then the page is put in guarded, so that a write asks first.
 */
#include "fault_impl.h"

/* Put @fresh in the marker's place; false: it is another by now. */
static bool replace(struct fault *f, struct pte marker, struct pte fresh)
{
	bool ok;

	if (!lock_entry(f))
		return false;
	ok = pte_load(f->e).raw == marker.raw;
	if (ok)
		pte_store(f->e, fresh);
	pt_unlock(f->e);
	return ok;
}

/* The page of the object, guarded. */
static enum fault_result guarded_page(struct fault *f, struct pte marker)
{
	struct vm_object *obj = f->v.object;
	u64 index = f->v.pgoff + ((f->va - f->v.start) >> PAGE_SHIFT);
	struct pte fresh;
	struct page *page;

	if (index >= DIV_ROUND_UP(READ_ONCE(obj->size), PAGE_SIZE))
		return FR_BUS;
	page = vm_object_peek(obj, index);
	if (f->v.flags & (page ? VM_UFFD_MINOR : VM_UFFD_MISSING)) {
		if (page)
			page_put(page);
		return FR_UFFD;
	}
	if (!page) {
		int err = vm_object_get_nowait(obj, index, &page);

		if (err)
			return err == -ENOSPC ? FR_BUS : FR_SLEEP;
	}
	fresh = pte_mkguarded(pte_leaf(page_paddr(page), area_prot(f->v.flags, false), 0));
	page_map(page);
	if (lock_entry(f)) {
		bool ok = pte_load(f->e).raw == marker.raw && READ_ONCE(page->object) == obj;

		if (ok) {
			pte_store(f->e, fresh);
			rss_add(rss_counter(f->space, page), 1);
		}
		pt_unlock(f->e);
		if (ok)
			return is_write(f) ? FR_RETRY : FR_DONE;
	}
	page_unmap(page);
	page_put(page);
	return FR_RETRY;
}

enum fault_result fault_marker(struct fault *f, struct pte pte)
{
	if (pte_is_marker(pte, MARK_POISON))
		return FR_POISON;
	if ((f->v.flags & (VM_UFFD_WP | VM_UFFD_ASYNC)) != VM_UFFD_WP || (f->v.ops && f->v.ops->fault)) {
		/* Nobody asks any more; or a write lifts it by itself. */
		if (!(f->v.flags & VM_UFFD_WP) || is_write(f) || f->v.object || (f->v.ops && f->v.ops->fault)) {
			(void)replace(f, pte, pte_none());
			return FR_RETRY;
		}
	}
	if (f->v.object)
		return guarded_page(f, pte);
	if (f->v.flags & VM_UFFD_MISSING)
		return FR_UFFD;
	/* A write comes back to find the guard. */
	return replace(f, pte, pte_mkguarded(pte_leaf(page_paddr(vm_zero_page), area_prot(f->v.flags, false) | PROT_SPECIAL, 0))) &&
			!is_write(f) ? FR_DONE : FR_RETRY;
}
