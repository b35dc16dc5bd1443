/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Huge pages of anonymous private memory.
 *
 * A huge page is nothing but 512 ordinary anonymous frames, naturally aligned, that one entry of level 1 maps. Each frame keeps its own counts: the leaf
 * is one map and one reference of every one of them. So taking the leaf apart is a table of 512 entries and touches no frame, frames can be pinned and shared
 * one by one, and there is no second kind of page. What it costs is a pass over 512 descriptors when a leaf is made, shared or removed, next to 2 MiB that are
 * cleared or copied; if nobody else has any of them, they are freed as one block.
 *
 * No leaf crosses the end of its area. Who cuts an area takes the table by which a leaf could be replaced first (the only step that can fail),
 * changes the area, so that no fault makes another leaf across the cut, and then takes the leaf apart (huge_cut).
 */
#include <arch/smp.h>
#include "pt.h"
#include "space_impl.h"

int vm_huge_enabled = VM_HUGE_ALWAYS;
int vm_huge_defrag = VM_DEFRAG_MADVISE;
static DEFINE_PER_CPU(s64, leaves);

void huge_count(int n)
{
	this_cpu_add(leaves, n);
}

u64 vm_huge_mapped(void)
{
	s64 sum = 0;

	for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
		sum += READ_ONCE(*per_cpu_ptr(&leaves, cpu));
	return (u64)max(sum, 0ll) * HUGE_PAGES;
}

bool huge_is_allowed(const struct vm_space *s, u32 flags)
{
	int policy = READ_ONCE(vm_huge_enabled);

	if ((flags & (VM_NOHUGE | VM_DEVICE)) || READ_ONCE(s->no_huge))
		return false;
	return policy == VM_HUGE_ALWAYS || (policy == VM_HUGE_MADVISE && (flags & VM_HUGE));
}

bool vm_huge_fits(const struct vm_area *a)
{
	vaddr_t first = align_up(a->start, HUGE_SIZE);

	return !a->object && !a->backing_ops && first < a->end && a->end - first >= HUGE_SIZE &&
	       huge_is_allowed(a->space, a->flags);
}

bool huge_is_ours(const struct page *first)
{
	for (unsigned i = 0; i < HUGE_PAGES; i++) {
		if (__atomic_load_n(&first[i].counts, __ATOMIC_ACQUIRE) != PAGE_COUNT_MAP)
			return false;
	}
	return true;
}

void huge_release(struct page *first)
{
	if (page_is_hugetlb(first)) {
		struct vm_block *b = block_of(first);

		for (unsigned i = 0; i < HUGE_PAGES; i++)
			page_unmap_release(&first[i]);
		if (b)
			b->ops->put(b);
		return;
	}
	if (huge_is_ours(first)) {
		page_free_joined(first, HUGE_ORDER);
		return;
	}
	for (unsigned i = 0; i < HUGE_PAGES; i++)
		page_unmap_release(&first[i]);
}

void huge_split_locked(struct vm_space *s, struct pte *e, vaddr_t va, struct page *table)
{
	vaddr_t base = align_down(va, HUGE_SIZE);
	struct pte *parts = page_va(table);
	struct pte old = pte_exchange(e, pte_none());

	/* No processor has translations of both sizes. */
	tlb_flush_range(&s->mmu, base, base + HUGE_SIZE, false);
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		pte_store(&parts[i], pte_part(old, 1, i));
	table->index_lo = ~0u;
	huge_count(-1);
	pte_store(e, pte_table(page_paddr(table)));
}

/* The leaf of level 1 at @va, or NULL. map_lock is held: tables stay. */
static struct pte *leaf_at(struct vm_space *s, vaddr_t va)
{
	struct pt_at at = {NULL, 0};

	if (READ_ONCE(s->root.large))
		at = pt_walk(&s->mmu, va, 0);
	return at.level == 1 ? at.e : NULL;
}

void huge_split(struct vm_space *s, vaddr_t va, struct page *table)
{
	struct pte *e = leaf_at(s, va);

	if (e) {
		struct pte pte;

		pt_lock(e);
		pte = pte_load(e);
		if (!pte_is_none(pte) && !pte_is_table(pte)) {
			huge_split_locked(s, e, va, table);
			table = NULL;
		}
		pt_unlock(e);
	}
	if (table)
		pt_table_free(table);
}

int huge_split_in(struct vm_space *s, vaddr_t va)
{
	struct pte *e;

	while ((e = leaf_at(s, va))) {
		struct pte pte = pte_load(e);
		struct page *table;

		if (!pte_is_none(pte) && !pte_is_table(pte) && page_is_hugetlb(pfn_page(pte_paddr(pte) >> PAGE_SHIFT)))
			return -ENOMEM; /* those stay whole */
		table = pt_table_new(ALLOC_SLEEP);

		if (!table)
			return -ENOMEM;
		huge_split(s, va, table);
	}
	return 0;
}
