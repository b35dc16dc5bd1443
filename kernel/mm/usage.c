/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a range of a space really uses, for /proc/PID/{smaps,pagemap,clear_refs}.
 */
#include <sync/rcu.h>
#include "pt.h"
#include "space_impl.h"

static void count_entry(struct vm_usage *u, struct pte pte, bool locked)
{
	struct page *p = pte_is_present(pte) ? paddr_page(pte_paddr(pte)) : NULL;
	bool dirty;
	u32 maps;

	if (!p || pte_is_special(pte) || (p->kind != PAGE_ANON && p->kind != PAGE_CACHE))
		return;
	maps = max(READ_ONCE(p->maps), 1u);
	dirty = pte_is_dirty(pte) || (READ_ONCE(p->flags) & PAGE_F_DIRTY);
	u->rss += PAGE_SIZE;
	u->pss += (PAGE_SIZE << VM_PSS_SHIFT) / maps;
	if (dirty)
		u->pss_dirty += (PAGE_SIZE << VM_PSS_SHIFT) / maps;
	*(maps > 1 ? (dirty ? &u->shared_dirty : &u->shared_clean) : (dirty ? &u->private_dirty : &u->private_clean)) += PAGE_SIZE;
	if (pte_is_accessed(pte) || (READ_ONCE(p->flags) & PAGE_F_REFERENCED))
		u->referenced += PAGE_SIZE;
	if (p->kind == PAGE_ANON) {
		u->anonymous += PAGE_SIZE;
		u->lazy_free += pte_is_dirty(pte) ? 0 : PAGE_SIZE;
	}
	if (locked)
		u->locked += PAGE_SIZE;
}

void vm_usage(struct vm_space *s, vaddr_t va, vaddr_t end, struct vm_usage *u)
{
	struct vm_area *a;
	struct pt_at at;
	bool locked;

	mutex_lock(&s->map_lock);
	a = area_find(s, va);
	locked = a && (a->flags & VM_LOCKED);
	/* map_lock keeps the tables; their entries may change. */
	while ((at = pt_next(s, &va, end)).e) {
		struct pte *e = at.e;
		vaddr_t stop = min(end, pt_end(va, at.level));
		struct pte large = at.level ? pte_load(e) : pte_none();

		if (at.level && !pte_is_table(large) && !pte_is_none(large))
			u->anon_huge += HUGE_SIZE;
		for (; va < stop; va += PAGE_SIZE) {
			if (!at.level)
				count_entry(u, pte_load(e++), locked);
			else if (!pte_is_table(large) && !pte_is_none(large))
				count_entry(u, pte_part(large, 1, pt_index(va, 0)), locked);
		}
	}
	mutex_unlock(&s->map_lock);
}

/* ---- pagemap, clear_refs ---- */

#define PM_PRESENT   (1ull << 63)
#define PM_FILE	     (1ull << 61)
#define PM_EXCLUSIVE (1ull << 56)

static u64 describe(struct pte pte, bool frames)
{
	const struct page *p;
	u64 word = PM_PRESENT;

	if (!pte_is_present(pte))
		return 0;
	if (frames)
		word |= pte_paddr(pte) >> PAGE_SHIFT;
	p = pte_is_special(pte) ? NULL : paddr_page(pte_paddr(pte));
	if (p && p->kind != PAGE_ANON)
		word |= PM_FILE;
	if (p && READ_ONCE(p->maps) == 1)
		word |= PM_EXCLUSIVE;
	return word;
}

void vm_pagemap(struct vm_space *s, vaddr_t va, u64 npages, u64 *words, bool frames)
{
	vaddr_t first = va, end = va + npages * PAGE_SIZE;
	struct pt_at at;

	for (u64 i = 0; i < npages; i++)
		words[i] = 0;
	mutex_lock(&s->map_lock);
	while ((at = pt_next(s, &va, end)).e) {
		vaddr_t stop = min(end, pt_end(va, at.level));

		for (; va < stop; va += PAGE_SIZE) {
			struct pte pte = pte_load(at.e);

			if (at.level && !pte_is_none(pte) && !pte_is_table(pte))
				pte = pte_part(pte, 1, pt_index(va, 0));
			else if (at.level)
				pte = pte_none();
			else
				at.e++;
			words[(va - first) >> PAGE_SHIFT] = describe(pte, frames);
		}
	}
	mutex_unlock(&s->map_lock);
}

static void clear_entry(struct pte *e, bool anon, bool files)
{
	struct pte pte = pte_load(e);
	struct page *p;

	if (!pte_is_present(pte) || pte_is_special(pte))
		return;
	p = pfn_page(pte_paddr(pte) >> PAGE_SHIFT);
	if (!(p->kind == PAGE_ANON ? anon : files))
		return;
	__atomic_fetch_and(&p->flags, (u16)~PAGE_F_REFERENCED, __ATOMIC_RELAXED);
	while (pte_is_accessed(pte) && !pte_cmpxchg(e, pte, pte_mkold(pte)))
		pte = pte_load(e);
}

void vm_clear_referenced(struct vm_space *s, bool anon, bool files)
{
	vaddr_t va = 0;
	struct pt_at at;

	mutex_lock(&s->map_lock);
	while ((at = pt_next(s, &va, USER_VA_END)).e) {
		vaddr_t stop = pt_end(va, at.level);
		struct pte *first = at.e;

		pt_lock(first);
		if (at.level) {
			if (!pte_is_none(pte_load(first)) && !pte_is_table(pte_load(first)))
				clear_entry(first, anon, files);
		} else {
			for (; va < stop; va += PAGE_SIZE)
				clear_entry(at.e++, anon, files);
		}
		pt_unlock(first);
		va = stop;
	}
	tlb_flush_range(&s->mmu, 0, 0, false);
	mutex_unlock(&s->map_lock);
}

void vm_reset_peak(struct vm_space *s)
{
	WRITE_ONCE(s->peak_rss, 0);
	space_note_peak(s);
}
