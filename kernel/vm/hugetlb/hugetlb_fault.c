/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults in memory of huge pages. They sleep anyway (a block is cleared or copied), so they are served under map_lock: the area stands, and only truncation
 * may take an entry away, which the object's lock keeps out.
 */
#include <sync/rcu.h>
#include "../../mm/fault_impl.h"
#include "hugetlb_impl.h"

/* The entry of level 1 at @va. Tables that mappings before have left there are in the way. NULL: no memory. */
static struct pte *leaf_entry(struct vm_space *s, vaddr_t va)
{
	struct gather g;
	struct pte *e;
	bool busy;

	e = pt_make(&s->mmu, &s->root, va, 1, ALLOC_SLEEP, &busy);
	if (!e)
		return NULL;
	if (!READ_ONCE(s->root.large)) {
		WRITE_ONCE(s->root.large, true);
		atomic_fence_seq();
	}
	if (pte_is_table(pte_load(e))) {
		gather_init(&g, s);
		zap_tables(&g, va, va + HUGE_SIZE, va, va + HUGE_SIZE);
		gather_finish(&g);
	}
	return e;
}

static void install(struct fault *f, struct pte *e, struct page *first, unsigned prot)
{
	pt_lock(e);
	DASSERT(pte_is_none(pte_load(e)));
	pte_store(e, pte_leaf(page_paddr(first), prot, 1));
	pt_note_used(e);
	pt_unlock(e);
	rss_add(&space_rss_cell(f->space)->hugetlb, HUGE_PAGES);
}

/* A block of private memory, with the contents of @from, or zeroes. */
static struct hugetlb_block *private_block(struct vm_area *a, u64 index, struct page *from)
{
	struct hugetlb_block *b = hugetlb_block_take(hugetlb_of(a)->limits, hugetlb_claim(a, index), false);

	for (unsigned i = 0; b && i < HUGE_PAGES; i++) {
		if (from)
			page_copy(page_va(b->first + i), page_va(from + i));
		else
			page_clear(page_va(b->first + i));
	}
	return b;
}

static enum fault_result fault_none(struct fault *f, struct vm_area *a, struct pte *e, u64 index)
{
	struct hugetlb_file *hf = hugetlb_of(a);
	bool shared = a->flags & VM_SHARED;
	struct page *page = vm_object_peek(hf->obj, index << HUGE_ORDER);

	if (page)
		page_put(page); /* the object's lock keeps it there */
	if (index >= DIV_ROUND_UP(READ_ONCE(hf->obj->size), HUGETLB_SIZE))
		return FR_BUS;
	if (!page && shared) {
		int err = hugetlb_make(hf, index, hugetlb_claim(a, index), &page);

		if (err)
			return err == -ENOSPC ? FR_BUS : FR_NOMEM;
	}
	if (!page || (is_write(f) && !shared)) {
		struct hugetlb_block *b = private_block(a, index, page);

		if (!b)
			return FR_BUS;
		hugetlb_block_map(b);
		install(f, e, b->first, area_prot(a->flags, true));
		return FR_DONE;
	}
	for (unsigned i = 0; i < HUGE_PAGES; i++)
		__atomic_fetch_add(&page[i].counts, PAGE_COUNT_MAP, __ATOMIC_RELAXED);
	install(f, e, page, area_prot(a->flags, shared));
	return FR_DONE;
}

/* Blocks have run out, and @a had one reserved for its copy of what it shares with children: they lose theirs, and find out by SIGBUS. */
static void take_from_children(struct vm_area *a, u64 index)
{
	struct zap_filter filter = {.private_too = true};
	struct vm_object *obj = a->object;
	struct vm_area *other;
	struct gather g;

	mutex_lock(&obj->maps_lock);
	list_for_each_entry(other, &obj->maps, object_link) {
		u64 first = other->pgoff >> HUGE_ORDER, n = area_pages(other) >> HUGE_ORDER;
		vaddr_t va = other->start + ((index - first) << HUGETLB_SHIFT);

		if (other->space == a->space || (other->flags & VM_SHARED) || index < first || index >= first + n)
			continue;
		gather_init(&g, other->space);
		zap_range(&g, va, va + HUGE_SIZE, &filter);
		gather_finish(&g);
	}
	mutex_unlock(&obj->maps_lock);
}

/* A write to private memory whose block is shared, or an object's. */
static enum fault_result fault_copy(struct fault *f, struct vm_area *a, struct pte *e, u64 index, struct page *from)
{
	struct hugetlb_block *b = private_block(a, index, from);
	vaddr_t va = align_down(f->va, HUGE_SIZE);
	struct pte old;

	if (!b) {
		if (from->kind != PAGE_ANON || !hugetlb_is_owner(a))
			return FR_BUS;
		take_from_children(a, index);
		return READ_ONCE(from->maps) == 1 ? FR_RETRY : FR_BUS;
	}
	hugetlb_block_map(b);
	pt_lock(e);
	old = pte_exchange(e, pte_none());
	tlb_flush_range(&f->space->mmu, va, va + HUGE_SIZE, false);
	pte_store(e, pte_leaf(page_paddr(b->first), area_prot(a->flags, true), 1));
	pt_unlock(e);
	if (!pte_is_none(old))
		huge_release(from);
	else
		rss_add(&space_rss_cell(f->space)->hugetlb, HUGE_PAGES);
	return FR_DONE;
}

static enum fault_result fault_protected(struct fault *f, struct vm_area *a, struct pte *e, u64 index)
{
	struct page *first = NULL;
	bool reuse;
	struct pte pte;

	pt_lock(e);
	pte = pte_load(e);
	if (!pte_is_none(pte))
		first = pfn_page(pte_paddr(pte) >> PAGE_SHIFT);
	reuse = first && block_is_writable(a, first);
	if (reuse && (a->flags & VM_WRITE)) {
		pte_store(e, pte_mkyoung(pte_mkdirty(pte_mkwrite(pte))));
		tlb_flush_local(&f->space->mmu, f->va);
	}
	pt_unlock(e);
	if (!first)
		return FR_RETRY;
	return reuse ? FR_DONE : fault_copy(f, a, e, index, first);
}

int hugetlb_fault(struct vm_area *a, struct fault *f)
{
	u64 index = area_index(a, f->va) >> HUGE_ORDER;
	struct pte *e = leaf_entry(f->space, align_down(f->va, HUGE_SIZE)), pte;
	enum fault_result r;

	if (!e)
		return FR_NOMEM;
	mutex_lock(&hugetlb_of(a)->lock);
	pte = pte_load(e);
	if (pte_is_table(pte))
		r = FR_BUS;
	else if (pte_is_none(pte))
		r = fault_none(f, a, e, index);
	else if (entry_suffices(f, pte) || !is_write(f))
		r = FR_DONE;
	else
		r = fault_protected(f, a, e, index);
	mutex_unlock(&hugetlb_of(a)->lock);
	return r;
}
