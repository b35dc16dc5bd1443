/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MADV_FREE: anonymous pages that may go when memory is short, unless they are written to before.
 *
 * The mark is the entry itself. Entries of anonymous frames are born dirty and stay so; MADV_FREE makes them clean. The processor makes an entry dirty
 * again when it writes, and takes no cached translation for that: so a clean entry that is exchanged for none has not been written through, and its frame
 * may go. Spaces that have such entries are on a list; a shrinker goes through it.
 *
 * A huge leaf is lazy as a whole.
 */
#include <mm/reclaim.h>
#include <sync/rcu.h>
#include "pt.h"
#include "space_impl.h"

LOCK_CLASS(lazy, RANK_LAZY, "list of spaces with pages of MADV_FREE");

static struct mutex lazy_lock = MUTEX_INIT(lazy_lock, lazy);
static LIST_HEAD(lazy_spaces); /* lazy_lock */

/* Is it a frame that only this entry names? */
static bool is_ours(struct pte pte)
{
	return pte_is_present(pte) && !pte_is_special(pte) &&
	       READ_ONCE(pfn_page(pte_paddr(pte) >> PAGE_SHIFT)->counts) == PAGE_COUNT_MAP &&
	       pfn_page(pte_paddr(pte) >> PAGE_SHIFT)->kind == PAGE_ANON;
}

/* True: an entry became clean. */
static bool clean_entry(struct pte *e, struct pte pte)
{
	while (pte_is_dirty(pte)) {
		if (pte_cmpxchg(e, pte, pte_mkold(pte_mkclean(pte))))
			return true;
		pte = pte_load(e);
	}
	return false;
}

static bool clean_range(struct vm_space *s, vaddr_t va, vaddr_t end)
{
	bool any = false;
	struct pt_at at;

	while ((at = pt_next(s, &va, end)).e) {
		vaddr_t stop = min(pt_end(va, at.level), end);
		struct pte *e = at.e, pte;

		pt_lock(at.e);
		pte = pte_load(e);
		if (at.level) {
			if (!pte_is_none(pte) && !pte_is_table(pte) && stop - va == HUGE_SIZE &&
				huge_is_ours(pfn_page(pte_paddr(pte) >> PAGE_SHIFT)))
				any |= clean_entry(e, pte);
		} else {
			for (; va < stop; va += PAGE_SIZE, e++) {
				if (is_ours(pte_load(e)))
					any |= clean_entry(e, pte_load(e));
			}
		}
		pt_unlock(at.e);
		va = stop;
	}
	return any;
}

void lazy_mark(struct vm_space *s, vaddr_t va, vaddr_t end)
{
	if (!clean_range(s, va, end))
		return;
	tlb_flush_range(&s->mmu, va, end, false);
	s->lazy = true;
	mutex_lock(&lazy_lock);
	if (list_empty(&s->lazy_link))
		list_add_tail(&s->lazy_link, &lazy_spaces);
	mutex_unlock(&lazy_lock);
}

void lazy_forget(struct vm_space *s)
{
	if (!s->lazy)
		return;
	/* Also waits for the shrinker, if it is at work here. */
	mutex_lock(&lazy_lock);
	list_del_init(&s->lazy_link);
	mutex_unlock(&lazy_lock);
}

/* Pages freed of a space whose map_lock is held. */
static u64 drop_clean(struct vm_space *s)
{
	u64 freed = 0;

	for (struct vm_area *a = area_find(s, 0); a; a = area_next(a)) {
		struct zap_filter filter = {.clean = true};
		struct gather g;

		if (!area_is_anonymous(a) || (a->flags & (VM_LOCKED | VM_SHARED)))
			continue;
		gather_init(&g, s);
		zap_range(&g, a->start, a->end, &filter);
		gather_finish(&g);
		freed += filter.zapped;
	}
	return freed;
}

static u64 lazy_shrink(struct shrinker *shrinker, u64 npages)
{
	struct list_head *at, *next;
	u64 freed = 0;

	mutex_lock(&lazy_lock);
	for (at = lazy_spaces.next; at != &lazy_spaces && freed < npages; at = next) {
		struct vm_space *s = container_of(at, struct vm_space, lazy_link);

		next = at->next;
		/* Whoever holds it may be waiting for memory, us perhaps. */
		if (!mutex_trylock(&s->map_lock))
			continue;
		freed += drop_clean(s);
		list_del_init(&s->lazy_link);
		mutex_unlock(&s->map_lock);
	}
	mutex_unlock(&lazy_lock);
	return freed;
}

static struct shrinker lazy_shrinker = {.name = "MADV_FREE", .shrink = lazy_shrink};

void lazy_init(void)
{
	list_init(&lazy_spaces);
	shrinker_register(&lazy_shrinker);
}
