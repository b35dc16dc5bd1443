/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MADV_COLLAPSE: the pages of one leaf table become a huge page. The table is unhooked and flushed first, so that no processor writes to what is
 * being copied; faults wait for the lock of the table above meanwhile.
 */
#include "pt.h"
#include "space_impl.h"

/* Can the frames behind the table be replaced? Not those that somebody has pinned, or that are no anonymous ones. */
static int check_frames(const struct pte *parts)
{
	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		struct pte pte = pte_load(&parts[i]);
		const struct page *page;

		if (pte_is_none(pte) || pte_paddr(pte) == page_paddr(vm_zero_page))
			continue;
		if (!pte_is_present(pte) || pte_is_special(pte) || pte_is_guarded(pte))
			return -EINVAL;
		page = pfn_page(pte_paddr(pte) >> PAGE_SHIFT);
		if (READ_ONCE(page->refs) != READ_ONCE(page->maps))
			return -EAGAIN;
	}
	return 0;
}

/* How many frames there were. */
static unsigned copy_frames(const struct pte *parts, struct page *first)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		struct pte pte = pte_load(&parts[i]);

		if (pte_is_none(pte) || pte_is_special(pte)) {
			page_clear(page_va(first + i));
		} else {
			page_copy(page_va(first + i), paddr_va(pte_paddr(pte)));
			n++;
		}
	}
	return n;
}

static void release_frames(const struct pte *parts)
{
	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		struct pte pte = pte_load(&parts[i]);

		if (!pte_is_none(pte) && !pte_is_special(pte))
			page_unmap_release(pfn_page(pte_paddr(pte) >> PAGE_SHIFT));
	}
}

/* @first, a block nobody has seen, takes the place of the table at @hook. -EAGAIN -EINVAL: nothing has changed. */
static int replace_table(struct vm_area *a, struct pte *hook, vaddr_t base, struct page *first)
{
	struct vm_space *s = a->space;
	struct pte old = pte_load(hook);
	struct page *table = pfn_page(pte_table_paddr(old) >> PAGE_SHIFT);
	struct pte *parts = page_va(table);
	unsigned n;
	int err;

	pt_lock(hook);
	spin_lock_nested(pt_table_lock(table));
	pte_store(hook, pte_none());
	tlb_flush_range(&s->mmu, base, base + HUGE_SIZE, true);
	err = check_frames(parts);
	if (err) {
		pte_store(hook, old);
		goto out;
	}
	n = copy_frames(parts, first);
	page_shatter(first, HUGE_ORDER, PAGE_ANON, PAGE_COUNT_MAP);
	WRITE_ONCE(s->root.large, true);
	pte_store(hook, pte_leaf(page_paddr(first), area_prot(a->flags, true), 1));
	table->flags |= PT_F_DEAD;
	rss_add(&space_rss_cell(s)->anon, (s64)HUGE_PAGES - n);
	huge_count(1);
out:
	spin_unlock(pt_table_lock(table));
	pt_unlock(hook);
	if (!err) {
		release_frames(parts);
		pt_table_free_rcu(table);
	}
	return err;
}

static int collapse(struct vm_area *a, vaddr_t base)
{
	struct pt_at at = pt_walk(&a->space->mmu, base, 1);
	struct page *first;
	int err;

	if (!at.e || at.level != 1 || pte_is_none(pte_load(at.e)))
		return -EINVAL;
	if (!pte_is_table(pte_load(at.e)))
		return 0;
	first = page_alloc(HUGE_ORDER, ALLOC_USER);
	if (!first)
		return -ENOMEM;
	err = replace_table(a, at.e, base, first);
	if (err)
		page_free(first, HUGE_ORDER);
	return err;
}

int huge_collapse(struct vm_area *a, vaddr_t va, vaddr_t end)
{
	int err = 0;

	if (READ_ONCE(a->space->no_huge) || (a->flags & VM_UFFD))
		return -EINVAL;
	for (va = align_up(va, HUGE_SIZE); va < end && end - va >= HUGE_SIZE; va += HUGE_SIZE) {
		int failed = collapse(a, va);

		if (failed == -ENOMEM)
			return failed;
		err = failed ? failed : err;
	}
	return err;
}
