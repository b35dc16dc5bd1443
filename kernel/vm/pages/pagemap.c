/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each page of a space is, for /proc/PID/{pagemap,clear_refs} and PAGEMAP_SCAN.
 *
 * Soft-dirty: software sets the bit with every right to write. clear_refs takes both away and marks the areas (VM_SOFTCLEAN), so that none gets the right
 * without a write's fault; an area without the mark is dirty as a whole.
 */
#include <lib/string.h>
#include <vm/pages.h>
#include "../../mm/pt.h"
#include "../uffd/uffd_impl.h"

#define PM_PRESENT    (1ull << 63)
#define PM_SWAP	      (1ull << 62)
#define PM_FILE	      (1ull << 61)
#define PM_UFFD_WP    (1ull << 57)
#define PM_EXCLUSIVE  (1ull << 56)
#define PM_SOFT_DIRTY (1ull << 55)

/* The entry of a page as if there were no huge leaves. map_lock, or its table's lock. */
static struct pte small_entry(struct pt_at at, vaddr_t va)
{
	struct pte pte = at.e ? pte_load(at.e) : pte_none();

	if (!at.e || !at.level)
		return pte;
	return pte_is_none(pte) || pte_is_table(pte) ? pte_none() : pte_part(pte, 1, pt_index(va, 0));
}

static const struct page *page_of(struct pte pte)
{
	return pte_is_special(pte) ? NULL : paddr_page(pte_paddr(pte));
}

static u64 describe(struct pte pte, bool frames)
{
	const struct page *p;
	u64 word = PM_PRESENT;

	if (pte_is_none(pte))
		return 0;
	if (!pte_is_present(pte))
		return PM_SWAP | (pte_is_marker(pte, MARK_GUARD) ? PM_UFFD_WP : 0);
	if (frames)
		word |= pte_paddr(pte) >> PAGE_SHIFT;
	p = page_of(pte);
	if (p && p->kind != PAGE_ANON)
		word |= PM_FILE;
	if (p && READ_ONCE(p->maps) == 1)
		word |= PM_EXCLUSIVE;
	return word | (pte_is_guarded(pte) ? PM_UFFD_WP : 0) | (pte_is_soft_dirty(pte) ? PM_SOFT_DIRTY : 0);
}

void vm_pagemap(struct vm_space *s, vaddr_t va, u64 npages, u64 *words, bool frames)
{
	vaddr_t first = va, end = va + npages * PAGE_SIZE;

	memset(words, 0, npages * sizeof(*words));
	mutex_lock(&s->map_lock);
	for (struct vm_area *a = area_find_in(s, va, end); a && a->start < end; a = area_next(a)) {
		u64 of_area = a->flags & VM_SOFTCLEAN ? 0 : PM_SOFT_DIRTY;

		for (va = max(va, a->start); va < min(a->end, end);) {
			struct pt_at at = pt_walk(&s->mmu, va, 0);
			vaddr_t stop = min(pt_end(va, at.e ? at.level : 0), min(a->end, end));

			for (; va < stop; va += PAGE_SIZE) {
				words[(va - first) >> PAGE_SHIFT] = describe(small_entry(at, va), frames) | of_area;
				if (at.e && !at.level)
					at.e++;
			}
		}
	}
	mutex_unlock(&s->map_lock);
}

/* ---- clear_refs ---- */

static void clear_referenced(struct pte *e, bool anon, bool files)
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

static void clear_soft_dirty(struct pte *e)
{
	struct pte pte = pte_load(e);

	while (pte_is_present(pte) && (pte_is_soft_dirty(pte) || pte_is_writable(pte)) &&
		!pte_cmpxchg(e, pte, pte_mksoft_clean(pte_wrprotect(pte))))
		pte = pte_load(e);
}

enum clear { CLEAR_ANON = 1, CLEAR_FILES = 2, CLEAR_SOFT = 4 };

static void clear_one(struct pte *e, unsigned what)
{
	if (what & CLEAR_SOFT)
		clear_soft_dirty(e);
	else
		clear_referenced(e, what & CLEAR_ANON, what & CLEAR_FILES);
}

static void clear_entries(struct vm_space *s, vaddr_t va, vaddr_t end, unsigned what)
{
	struct pt_at at;

	while ((at = pt_next(s, &va, end)).e) {
		vaddr_t stop = min(pt_end(va, at.level), end);
		struct pte *first = at.e;

		pt_lock(first);
		if (!at.level) {
			for (; va < stop; va += PAGE_SIZE)
				clear_one(at.e++, what);
		} else if (!pte_is_none(pte_load(first)) && !pte_is_table(pte_load(first))) {
			clear_one(first, what);
			va = stop;
		} /* else it has just been taken apart: look again */
		pt_unlock(first);
	}
}

void vm_clear_referenced(struct vm_space *s, bool anon, bool files)
{
	mutex_lock(&s->map_lock);
	clear_entries(s, 0, USER_VA_END, (anon ? CLEAR_ANON : 0) | (files ? CLEAR_FILES : 0));
	tlb_flush_range(&s->mmu, 0, 0, false);
	mutex_unlock(&s->map_lock);
}

void vm_clear_soft_dirty(struct vm_space *s)
{
	mutex_lock(&s->map_lock);
	for (struct vm_area *a = area_find(s, 0); a; a = area_next(a)) {
		if (area_is_device(a))
			continue;
		area_set_flags(a, a->flags | VM_SOFTCLEAN);
		clear_entries(s, a->start, a->end, CLEAR_SOFT);
	}
	tlb_flush_range(&s->mmu, 0, 0, false);
	mutex_unlock(&s->map_lock);
}

/* ---- PAGEMAP_SCAN ---- */

/* One stretch of pages of an area that a table, or nothing, maps. */
struct stretch {
	struct vm_scan *scan;
	struct vm_area *area;
	u64 of_area;		/* categories */
	vaddr_t va, end;
};

static u64 categories_of(struct pte pte, bool huge)
{
	const struct page *p;
	u64 c = huge ? PAGE_IS_HUGE : 0;

	/* Of nothing in a table Linux says so, too; not of what has no table. */
	if (pte_is_none(pte))
		return PAGE_IS_WRITTEN;
	if (!pte_is_present(pte))
		return PAGE_IS_SWAPPED | (pte_is_marker(pte, MARK_GUARD) ? 0 : PAGE_IS_WRITTEN);
	p = page_of(pte);
	c |= PAGE_IS_PRESENT | (pte_is_guarded(pte) ? 0 : PAGE_IS_WRITTEN) | (pte_is_soft_dirty(pte) ? PAGE_IS_SOFT_DIRTY : 0);
	if (p && p->kind != PAGE_ANON)
		c |= PAGE_IS_FILE;
	return c | (pte_paddr(pte) == page_paddr(vm_zero_page) ? PAGE_IS_PFNZERO : 0);
}

static bool is_wanted(const struct vm_scan *scan, u64 categories)
{
	categories ^= scan->inverted;
	return (categories & scan->mask) == scan->mask && (!scan->anyof || (categories & scan->anyof));
}

/* Put a page that is wanted out. False: there is no room, or there are enough. */
static bool put_page_out(struct vm_scan *scan, vaddr_t va, u64 categories)
{
	struct page_region *last = scan->n ? &scan->regions[scan->n - 1] : NULL;

	if (!scan->regions)
		return true;
	if (scan->found == scan->max_pages)
		return false;
	categories &= scan->returned;
	if (last && last->end == va && last->categories == categories) {
		last->end += PAGE_SIZE;
	} else {
		if (scan->n == scan->room)
			return false;
		scan->regions[scan->n++] = (struct page_region){va, va + PAGE_SIZE, categories};
	}
	scan->found++;
	return true;
}

/* Guard what has just been put out; its table is locked. True: a right is gone. */
static bool guard(struct pte *e)
{
	struct pte pte = pte_load(e);

	if (pte_is_none(pte)) {
		pte_store(e, pte_marker(MARK_GUARD));
		pt_note_used(e);
		return false;
	}
	return uffd_guard_entry(e, pte, true);
}

/* True: go on. st->va is where it has stopped. */
static bool scan_stretch(struct stretch *st, struct pt_at at)
{
	bool guards = st->scan->flags & PM_SCAN_WP_MATCHING, flush = false, more = true;
	struct pte *locked = at.e;
	vaddr_t first = st->va;

	if (locked)
		pt_lock(locked);
	for (; st->va < st->end; st->va += PAGE_SIZE) {
		u64 c = st->of_area | (at.e ? categories_of(small_entry(at, st->va), at.level) : 0);

		if (is_wanted(st->scan, c)) {
			more = put_page_out(st->scan, st->va, c);
			if (!more)
				break;
			if (guards && at.e && !at.level)
				flush |= guard(at.e);
		}
		if (at.e && !at.level)
			at.e++;
	}
	if (locked)
		pt_unlock(locked);
	if (flush)
		tlb_flush_range(&st->area->space->mmu, first, st->va, false);
	return more;
}

/* Pages [va, end) of an area. 1: all; 0: no room; -ENOMEM. */
static int scan_area(struct vm_scan *scan, struct vm_area *a, u64 of_area, vaddr_t *va, vaddr_t end)
{
	bool guards = scan->flags & PM_SCAN_WP_MATCHING;
	struct vm_space *s = a->space;

	while (*va < end) {
		struct pt_at at = pt_walk(&s->mmu, *va, 0);
		struct stretch st = {scan, a, of_area, *va, min(pt_end(*va, 0), end)};
		bool more;
		int err = 0;

		if (guards && at.e && at.level)
			err = huge_split_in(s, *va);
		else if (guards && !at.e && is_wanted(scan, of_area))
			err = uffd_make_tables(s, *va, st.end);
		if (err)
			return err;
		if (guards)
			at = pt_walk(&s->mmu, *va, 0);
		more = scan_stretch(&st, at);
		*va = st.va;
		if (!more)
			return 0;
	}
	return 1;
}

/* The categories of an area as a whole; 0: go on, 1: not this one, -EPERM. */
static int area_categories(const struct vm_scan *scan, const struct vm_area *a, u64 *out)
{
	u64 c = a->flags & VM_SOFTCLEAN ? 0 : PAGE_IS_SOFT_DIRTY, need = scan->mask & PAGE_IS_WPALLOWED;

	if (a->watch && (a->flags & VM_UFFD_ASYNC) && (a->flags & VM_UFFD_WP) && !area_is_device(a))
		c |= PAGE_IS_WPALLOWED;
	else if (scan->flags & PM_SCAN_CHECK_WPASYNC)
		return -EPERM;
	else if (scan->flags & PM_SCAN_WP_MATCHING)
		return 1;
	if (area_is_device(a) || ((c ^ scan->inverted) & need) != need)
		return 1;
	*out = c;
	return 0;
}

int vm_scan_pages(struct vm_space *s, struct vm_scan *scan)
{
	int ret = 1;

	mutex_lock(&s->map_lock);
	for (struct vm_area *a = area_find_in(s, scan->at, scan->end); ret == 1 && a && a->start < scan->end; a = area_next(a)) {
		u64 of_area;

		scan->at = max(scan->at, a->start);
		ret = area_categories(scan, a, &of_area);
		if (ret < 0)
			break;
		ret = ret ? 1 : scan_area(scan, a, of_area, &scan->at, min(a->end, scan->end));
	}
	if (ret == 1)
		scan->at = scan->end;
	mutex_unlock(&s->map_lock);
	return ret;
}
