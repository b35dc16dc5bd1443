/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a range of a space really uses, for /proc/PID/smaps.
 */
#include <sync/rcu.h>
#include <vm/pages.h>
#include "../../mm/page_impl.h"
#include "../../mm/pt.h"
#include "../../mm/space_impl.h"

static void count_entry(struct vm_usage *u, struct pte pte, bool locked)
{
	struct page *p = pte_is_present(pte) ? paddr_page(pte_paddr(pte)) : NULL;
	bool dirty;
	u32 maps;

	if (!p || pte_is_special(pte) || (p->kind != PAGE_ANON && p->kind != PAGE_CACHE))
		return;
	maps = max(READ_ONCE(p->maps), 1u);
	u->most_maps = max(u->most_maps, maps);
	u->on_node[page_zone(p)->node % VM_USAGE_NODES] += PAGE_SIZE;
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
		u->pss_anon += (PAGE_SIZE << VM_PSS_SHIFT) / maps;
	} else if (READ_ONCE(p->flags) & PAGE_F_FILE) {
		u->pss_file += (PAGE_SIZE << VM_PSS_SHIFT) / maps;
	}
	if (locked)
		u->locked += PAGE_SIZE;
}

/* A leaf of the pool's is counted by itself; false: it is not one. */
static bool count_pool(struct vm_usage *u, const struct page *first)
{
	if (!page_is_hugetlb(first))
		return false;
	*(READ_ONCE(first->maps) > 1 ? &u->hugetlb_shared : &u->hugetlb_private) += HUGE_SIZE;
	if (first->kind == PAGE_ANON)
		u->hugetlb_anon += HUGE_SIZE;
	return true;
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

		if (at.level && !pte_is_table(large) && !pte_is_none(large)) {
			if (count_pool(u, pfn_page(pte_paddr(large) >> PAGE_SHIFT))) {
				va = stop;
				continue;
			}
			u->anon_huge += HUGE_SIZE;
		}
		for (; va < stop; va += PAGE_SIZE) {
			if (!at.level)
				count_entry(u, pte_load(e++), locked);
			else if (!pte_is_table(large) && !pte_is_none(large))
				count_entry(u, pte_part(large, 1, pt_index(va, 0)), locked);
		}
	}
	mutex_unlock(&s->map_lock);
}

void vm_reset_peak(struct vm_space *s)
{
	WRITE_ONCE(s->peak_rss, 0);
	space_note_peak(s);
}
