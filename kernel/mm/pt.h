/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The page-table walk, the same on every processor.
 *
 * Tables are frames of kind PAGE_TABLE. The lock of a table guards its entries; it lies in the frame's descriptor. The root has root_lock instead,
 * since it may have to be mirrored. Going down takes no lock: what an entry above the leaves says is a hint unless its table's lock is held. A leaf
 * may stand at level 1 (a huge page), so a walk can end there.
 *
 * A table is unhooked by the owner of the space's map_lock, when it is empty, and freed after an RCU grace period: whoever goes down without map_lock
 * does so in a read section, and finds out under the table's lock that it is dead (pt_is_dead). A dead table waits with an rcu_head in its first
 * entries. Neither of its words looks like a pointer to a table, so a late reader takes it for a leaf, locks, and sees that the table is dead.
 *
 * Level 1 needs care: who changes an area and then looks for its entries may find none where a fault that has looked at the area before is about to
 * put a huge leaf. So pt_next looks at such an entry under the lock, once the space has had a huge page (root.large).
 */
#include <mm/page.h>
#include <mm/space.h>
#include <sync/spinlock.h>
#include <sync/lockdep.h>

static inline unsigned pt_index(vaddr_t va, unsigned level)
{
	return (va >> PT_LEVEL_SHIFT(level)) & (PT_ENTRIES - 1);
}

/* What one entry of @level covers. */
static inline u64 pt_span(unsigned level)
{
	return 1ull << PT_LEVEL_SHIFT(level);
}

static inline struct pte *pt_table_va(struct pte table)
{
	return paddr_va(pte_table_paddr(table));
}

/* The descriptor of the table that @entry stands in (not the root's). */
static inline struct page *pt_page_of(const struct pte *entry)
{
	return va_page(entry);
}

static inline struct spinlock *pt_table_lock(struct page *table)
{
	static_assert(sizeof(struct spinlock) <= 16, "counts and private of the descriptor hold it");
	return (struct spinlock *)&table->counts;
}

static inline struct spinlock *pt_lock_of(const struct pte *entry)
{
	return pt_table_lock(pt_page_of(entry));
}

static inline void pt_lock(const struct pte *entry)
{
	spin_lock(pt_lock_of(entry));
}

static inline void pt_unlock(const struct pte *entry)
{
	spin_unlock(pt_lock_of(entry));
}

/* The tables of two entries, which may be one. */
static inline void pt_lock_two(const struct pte *a, const struct pte *b)
{
	struct spinlock *la = pt_lock_of(a), *lb = pt_lock_of(b);

	spin_lock(la < lb ? la : lb);
	if (la != lb)
		spin_lock_nested(la < lb ? lb : la);
}

static inline void pt_unlock_two(const struct pte *a, const struct pte *b)
{
	pt_unlock(a);
	if (pt_lock_of(a) != pt_lock_of(b))
		pt_unlock(b);
}

#define PT_F_DEAD 1u /* in flags of the descriptor; the table's lock */

static inline bool pt_is_dead(const struct pte *entry)
{
	return pt_page_of(entry)->flags & PT_F_DEAD;
}

/*
 * Which entries of a table to look at: bit g of index_lo in its descriptor says that entries 16g..16g+15 may not be empty. The table's lock.
 */
#define PT_GROUP 16

static inline u32 pt_group_bit(const struct pte *e)
{
	return 1u << (((unsigned long)e & (PAGE_SIZE - 1)) / sizeof(struct pte) / PT_GROUP);
}

static inline void pt_note_used(const struct pte *e)
{
	struct page *table = pt_page_of(e);

	WRITE_ONCE(table->index_lo, table->index_lo | pt_group_bit(e)); /* fork looks without the lock */
}

/* An empty table; NULL: no memory. */
struct page *pt_table_new(unsigned alloc_flags);
/* Make a table that the early code made, whose lock nobody has initialised, one of ours. */
void pt_table_adopt(struct page *table);
void pt_table_free(struct page *table);
void pt_table_free_rcu(struct page *table);

/* Where a walk ended: an entry, and its level. Returned in registers. */
struct pt_at {
	struct pte *e;
	u64 level;
};

/* The entry for @va at @level (0: page); NULL where a table is missing; where a larger leaf stands in the way, that one's entry and level. */
struct pt_at pt_walk(struct mmu_space *mmu, vaddr_t va, unsigned level);

static inline struct pte *pt_find(struct mmu_space *mmu, vaddr_t va)
{
	struct pt_at at = pt_walk(mmu, va, 0);

	return at.level ? NULL : at.e;
}

/*
 * The same, but missing tables are made. NULL: no memory, or (*out_busy) a larger leaf stands in the way or a table on the way was just unhooked.
 * @alloc_flags decides whether it may sleep; in a read section only ALLOC_NOWAIT.
 */
struct pte *pt_make(struct mmu_space *mmu, struct pt_root *root, vaddr_t va, unsigned level,
	unsigned alloc_flags, bool *out_busy);

/* The entry for the first address in [*va, end) that has a leaf table or (level > 0) a larger leaf; *va moves there. NULL: none. */
struct pt_at pt_next(struct vm_space *s, vaddr_t *va, vaddr_t end);
/* The end of what the leaf table, or the larger leaf, at @va covers. */
static inline vaddr_t pt_end(vaddr_t va, u64 level)
{
	unsigned l = level ? (unsigned)level : 1;

	return align_down(va, pt_span(l)) + pt_span(l);
}

/* Mark @table dead if it has no entries. True: it is dead now, the caller unhooks it before it enables preemption again. */
bool pt_kill(struct page *table) MUST_CHECK;
