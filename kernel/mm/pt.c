/* SPDX-License-Identifier: BSD-2-Clause */
#include <mm/page.h>
#include <mm/space.h>
#include <sync/rcu.h>
#include <lib/string.h>
#include "pt.h"

LOCK_CLASS(pt, RANK_PT, "leaf entries of one page table");

/* An entry above the leaves: what it points to was made before it. */
static inline struct pte load_upper(const struct pte *e)
{
	return (struct pte){LOAD_ACQUIRE(e->raw)};
}

struct page *pt_table_new(unsigned alloc_flags)
{
	struct page *table = page_alloc(0, alloc_flags | ALLOC_ZERO);

	if (!table)
		return NULL;
	page_set_kind(table, PAGE_TABLE);
	spin_init((struct spinlock *)&table->counts, pt);
	return table;
}

void pt_table_free(struct page *table)
{
	page_free(table, 0);
}

static void free_after_grace(struct rcu_head *head)
{
	pt_table_free(va_page(head));
}

void pt_table_free_rcu(struct page *table)
{
	/* No processor walks it any more (flushed), but readers of ours may have come here. It is a leaf table: they look at entries only as a
	 * hint before they take the lock and see PT_F_DEAD. */
	rcu_call((struct rcu_head *)page_va(table), free_after_grace);
}

struct pte *pt_walk(struct mmu_space *mmu, vaddr_t va, unsigned level, unsigned *out_level)
{
	unsigned at = pt_levels() - 1;
	struct pte *e = mmu_space_root(mmu) + pt_index(va, at);

	while (at > level) {
		struct pte pte = load_upper(e);

		if (pte_is_none(pte))
			return NULL;
		if (pte_is_leaf(pte, at))
			break;
		at--;
		e = pt_table_va(pte) + pt_index(va, at);
	}
	*out_level = at;
	return e;
}

/* Hook a new table at @e unless somebody else has just done so. False: no memory. */
static bool hook(struct mmu_space *mmu, struct pt_root *root, struct pte *e, bool is_root,
	unsigned alloc_flags)
{
	struct page *table = pt_table_new(alloc_flags);
	bool mine;

	if (!table)
		return false;
	if (is_root) {
		spin_lock(&root->lock);
		mine = pte_is_none(pte_load(e));
		root->used |= pt_group_bit(e);
		if (mine)
			pt_root_store(mmu, e, pte_table(page_paddr(table)));
		spin_unlock(&root->lock);
	} else {
		__atomic_fetch_or(&pt_page_of(e)->index_lo, pt_group_bit(e), __ATOMIC_RELAXED);
		mine = pte_cmpxchg(e, pte_none(), pte_table(page_paddr(table)));
	}
	if (!mine)
		pt_table_free(table);
	/* Before the caller looks whether its area still stands: see space.h. */
	atomic_fence_seq();
	return true;
}

struct pte *pt_make(struct mmu_space *mmu, struct pt_root *root, vaddr_t va, unsigned level,
	unsigned alloc_flags, bool *out_leaf)
{
	unsigned top = pt_levels() - 1, at = top;
	struct pte *e = mmu_space_root(mmu) + pt_index(va, at);

	*out_leaf = false;
	while (at > level) {
		struct pte pte = load_upper(e);

		if (unlikely(pte_is_none(pte))) {
			if (!hook(mmu, root, e, at == top, alloc_flags))
				return NULL;
			continue;
		}
		if (unlikely(pte_is_leaf(pte, at))) {
			*out_leaf = true;
			return NULL;
		}
		at--;
		e = pt_table_va(pte) + pt_index(va, at);
	}
	return e;
}

struct pte *pt_next_table(struct mmu_space *mmu, vaddr_t *va, vaddr_t end)
{
	unsigned top = pt_levels() - 1;

	while (*va < end) {
		unsigned at = top;
		struct pte *e = mmu_space_root(mmu) + pt_index(*va, at);

		while (at) {
			struct pte pte = load_upper(e);

			if (pte_is_none(pte))
				break;
			at--;
			e = pt_table_va(pte) + pt_index(*va, at);
		}
		if (!at)
			return e;
		*va = align_down(*va, pt_span(at)) + pt_span(at);
	}
	return NULL;
}
