/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults on huge pages. The block is allocated and cleared outside the read section (fault_huge_alloc): that takes long, and may reclaim where the policy
 * says so. A write to a leaf that is shared with another space takes it apart; the frame that is written to is then copied by itself.
 */
#include "fault_impl.h"

bool fault_wants_huge(const struct fault *f)
{
	vaddr_t base = align_down(f->va, HUGE_SIZE);

	return is_write(f) && !f->no_huge && !f->v.object && !f->v.ops && !(f->v.flags & VM_UFFD) && base >= f->v.start &&
	       base + HUGE_SIZE <= f->v.end && huge_is_allowed(f->space, f->v.flags);
}

void fault_huge_alloc(struct fault *f)
{
	int policy = READ_ONCE(vm_huge_defrag);
	bool asked = f->v.flags & VM_HUGE;
	bool effort = policy == VM_DEFRAG_ALWAYS ||
		      (asked && (policy == VM_DEFRAG_MADVISE || policy == VM_DEFRAG_DEFER_MADVISE));

	f->huge = page_alloc(HUGE_ORDER, ALLOC_USER | ALLOC_ZERO | (effort ? ALLOC_SLEEP : ALLOC_NOWAIT));
	f->no_huge = !f->huge;
}

enum fault_result fault_huge(struct fault *f)
{
	struct vm_space *s = f->space;
	struct page *first = f->huge;
	bool busy;

	if (!first)
		return FR_HUGE;
	f->e = pt_make(&s->mmu, &s->root, f->va, 1, ALLOC_NOWAIT, &busy);
	if (!f->e)
		return busy ? FR_RETRY : FR_NOMEM;
	/* Before the area is looked at again: see pt_next. */
	if (!READ_ONCE(s->root.large)) {
		WRITE_ONCE(s->root.large, true);
		atomic_fence_seq();
	}
	if (!lock_entry(f))
		return FR_RETRY;
	if (!pte_is_none(pte_load(f->e))) {
		pt_unlock(f->e);
		return FR_RETRY;
	}
	page_shatter(first, HUGE_ORDER, PAGE_ANON, PAGE_COUNT_MAP);
	pte_store(f->e, pte_leaf(page_paddr(first), area_prot(f->v.flags, true), 1));
	pt_note_used(f->e);
	pt_unlock(f->e);
	f->huge = NULL;
	huge_count(1);
	rss_add(&space_rss_cell(s)->anon, HUGE_PAGES);
	return FR_DONE;
}

/* A write to a leaf without the right; its table is locked; unlocks. */
static enum fault_result write_locked(struct fault *f, struct pte pte, struct page **table)
{
	enum fault_result r = FR_RETRY;

	if ((f->v.flags & VM_WRITE) && huge_is_ours(pfn_page(pte_paddr(pte) >> PAGE_SHIFT))) {
		pte_store(f->e, pte_mkyoung(pte_mkdirty(pte_mkwrite(pte))));
		tlb_flush_local(&f->space->mmu, f->va);
		r = FR_DONE;
	} else if (*table) {
		huge_split_locked(f->space, f->e, f->va, *table);
		*table = NULL;
	}
	pt_unlock(f->e);
	return r;
}

enum fault_result fault_large(struct fault *f)
{
	struct pte pte = pte_load(f->e);
	enum fault_result r = FR_RETRY;
	struct page *table = NULL;

	if (unlikely(f->v.flags & VM_HUGETLB) && !entry_suffices(f, pte) && is_write(f))
		return FR_SLEEP;
	if (!entry_suffices(f, pte) && is_write(f)) {
		table = pt_table_new(ALLOC_NOWAIT);
		if (!table)
			return FR_NOMEM;
	}
	if (lock_entry(f)) {
		pte = pte_load(f->e);
		if (pte_is_none(pte) || pte_is_table(pte)) {
			pt_unlock(f->e);
		} else if (entry_suffices(f, pte)) {
			pt_unlock(f->e);
			tlb_flush_local(&f->space->mmu, f->va);
			r = FR_DONE;
		} else if (is_write(f)) {
			r = write_locked(f, pte, &table);
		} else {
			/* As fault_present. */
			pt_unlock(f->e);
			r = f->flags & FAULT_FORCE ? FR_DONE : FR_RETRY;
		}
	}
	if (table)
		pt_table_free(table);
	return r;
}
