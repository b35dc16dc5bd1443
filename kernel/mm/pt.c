/* SPDX-License-Identifier: BSD-2-Clause */
#include <mm/page.h>
#include <mm/space.h>
#include <sync/rcu.h>
#include <lib/bits.h>
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

void pt_table_adopt(struct page *table)
{
	spin_init((struct spinlock *)&table->counts, pt);
	table->index_lo = ~0u;
}

void pt_table_free(struct page *table)
{
	page_free(table, 0);
}

/* Aligned, since its address lies where a late reader looks for an entry: see pt.h. */
static __aligned(16) void free_after_grace(struct rcu_head *head)
{
	pt_table_free(va_page(head));
}

void pt_table_free_rcu(struct page *table)
{
	rcu_call((struct rcu_head *)page_va(table), free_after_grace);
}

bool pt_kill(struct page *table)
{
	struct pte *base = page_va(table);

	pt_lock(base);
	for (u32 groups = table->index_lo; groups; groups &= groups - 1) {
		const struct pte *e = base + ctz32(groups) * PT_GROUP;

		for (unsigned i = 0; i < PT_GROUP; i++) {
			if (!pte_is_none(pte_load(&e[i]))) {
				pt_unlock(base);
				return false;
			}
		}
	}
	table->flags |= PT_F_DEAD;
	pt_unlock(base);
	return true;
}

struct pt_at pt_walk(struct mmu_space *mmu, vaddr_t va, unsigned level)
{
	unsigned at = pt_levels() - 1;
	struct pte *e = mmu_space_root(mmu) + pt_index(va, at);

	while (at > level) {
		struct pte pte = load_upper(e);

		if (unlikely(!pte_is_table(pte))) {
			if (pte_is_none(pte))
				return (struct pt_at){NULL, 0};
			break;
		}
		at--;
		e = pt_table_va(pte) + pt_index(va, at);
	}
	return (struct pt_at){e, at};
}

enum hooked { HOOKED, HOOK_NOMEM, HOOK_DEAD };

/* Hook a new table at @e unless somebody else has just done so. */
static enum hooked hook(struct mmu_space *mmu, struct pt_root *root, struct pte *e, bool is_root,
	unsigned alloc_flags)
{
	struct page *table = pt_table_new(alloc_flags);
	bool mine, dead = false;

	if (!table)
		return HOOK_NOMEM;
	if (is_root) {
		spin_lock(&root->lock);
		mine = pte_is_none(pte_load(e));
		root->used |= pt_group_bit(e);
		if (mine)
			pt_root_store(mmu, e, pte_table(page_paddr(table)));
		spin_unlock(&root->lock);
	} else if (mmu == mmu_kernel_space()) {
		/* Nothing is unhooked there, and the tables that boot made have no lock. */
		mine = pte_cmpxchg(e, pte_none(), pte_table(page_paddr(table)));
	} else {
		pt_lock(e);
		dead = pt_is_dead(e);
		mine = !dead && pte_is_none(pte_load(e));
		if (mine) {
			pt_note_used(e);
			pte_store(e, pte_table(page_paddr(table)));
		}
		pt_unlock(e);
	}
	if (!mine)
		pt_table_free(table);
	/* Before the caller looks whether its area still stands: see space.h. */
	atomic_fence_seq();
	return dead ? HOOK_DEAD : HOOKED;
}

struct pte *pt_make(struct mmu_space *mmu, struct pt_root *root, vaddr_t va, unsigned level,
	unsigned alloc_flags, bool *out_busy)
{
	unsigned top = pt_levels() - 1, at = top;
	struct pte *e = mmu_space_root(mmu) + pt_index(va, at);

	*out_busy = false;
	while (at > level) {
		struct pte pte = load_upper(e);

		if (unlikely(pte_is_none(pte))) {
			enum hooked h = hook(mmu, root, e, at == top, alloc_flags);

			if (h == HOOKED)
				continue;
			*out_busy = h == HOOK_DEAD;
			return NULL;
		}
		if (unlikely(!pte_is_table(pte))) {
			*out_busy = true;
			return NULL;
		}
		at--;
		e = pt_table_va(pte) + pt_index(va, at);
	}
	return e;
}

/* What the entry of level 1 is when no fault is just about to change it. */
static NOINLINE struct pte load_settled(struct pte *e)
{
	struct pte pte;

	pt_lock(e);
	pte = pte_load(e);
	pt_unlock(e);
	return pte;
}

struct pt_at pt_next(struct vm_space *s, vaddr_t *va, vaddr_t end)
{
	unsigned top = pt_levels() - 1;

	while (*va < end) {
		unsigned at = top;
		struct pte *e = mmu_space_root(&s->mmu) + pt_index(*va, at), pte = pte_none();

		while (at) {
			pte = load_upper(e);
			if (unlikely(!pte_is_table(pte))) {
				if (at == 1 && pte_is_none(pte) && READ_ONCE(s->root.large))
					pte = load_settled(e);
				if (!pte_is_table(pte))
					break;
			}
			at--;
			e = pt_table_va(pte) + pt_index(*va, at);
		}
		if (likely(!at) || !pte_is_none(pte))
			return (struct pt_at){e, at};
		*va = align_down(*va, pt_span(at)) + pt_span(at);
	}
	return (struct pt_at){NULL, 0};
}
