/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The bits of a page-table entry [intel-sdm 3A 4.5]. Included by <arch_impl/mmu.h>, and by that of arch/host, so that the portable walk is
 * tested with the real encoding.
 *
 *   P=1             present: what the processor defines; bit 9 says "special", bit 2 is U
 *   P=0 U=1         swap: bits 63..6 are the complement of 58 bits of the kernel's, bits 5..1 are 00010
 *   P=0 U=0, not 0  a frame without any access right (mprotect(PROT_NONE)): as present, the address complemented
 *   0               nothing
 *
 * Addresses in entries that are not present are complemented so that they name memory that does not exist: a processor with L1TF looks up the
 * first-level cache with them.
 */
#include <lib/types.h>
#include <lib/compiler.h>

#define PAGE_SHIFT	  12
#define PAGE_SIZE	  4096ul
#define PT_SHIFT	  9
#define PT_ENTRIES	  512
#define PT_LEVEL_SHIFT(level) (PAGE_SHIFT + PT_SHIFT * (level))

#define PTE_P	    (1ull << 0)
#define PTE_W	    (1ull << 1)
#define PTE_U	    (1ull << 2)
#define PTE_PWT	    (1ull << 3)
#define PTE_PCD	    (1ull << 4)
#define PTE_A	    (1ull << 5)
#define PTE_D	    (1ull << 6)
#define PTE_PS	    (1ull << 7)
#define PTE_G	    (1ull << 8)
#define PTE_SPECIAL (1ull << 9)
#define PTE_GUARD   (1ull << 10) /* write-protected for userfaultfd; never with W */
#define PTE_SOFT    (1ull << 11) /* soft-dirty: set with D by software, cleared by /proc/PID/clear_refs */
#define PTE_NX	    (1ull << 63)
#define PTE_KEY_SHIFT 59 /* 4 bits; PROT_KEY has them at 24 */
#define PTE_ADDR    0x000ffffffffff000ull

static inline struct pte pte_none(void)
{
	return (struct pte){0};
}

static inline bool pte_is_none(struct pte pte)
{
	return pte.raw == 0;
}

/* Holds a frame: the processor can use it, or it is one without access rights. */
static inline bool pte_is_present(struct pte pte)
{
	return (pte.raw & PTE_P) || ((pte.raw & PTE_U) == 0 && pte.raw != 0);
}

static inline u64 pte_bits(unsigned prot)
{
	u64 raw = 0;

	if (prot & PROT_R)
		raw |= PTE_P | (prot & PROT_USER ? PTE_U : 0);
	if (prot & PROT_W)
		raw |= PTE_W;
	if (!(prot & PROT_X))
		raw |= PTE_NX;
	if (prot & PROT_GLOBAL)
		raw |= PTE_G;
	if (prot & PROT_UNCACHED)
		raw |= PTE_PCD | PTE_PWT;
	else if (prot & PROT_WRITECOMB)
		raw |= PTE_PWT; /* the page attribute table says write-combining for it */
	if (prot & PROT_DIRTY)
		raw |= PTE_D | PTE_SOFT;
	if (prot & PROT_SPECIAL)
		raw |= PTE_SPECIAL;
	return raw | (u64)(prot & PROT_KEY) << (PTE_KEY_SHIFT - 24);
}

static inline struct pte pte_leaf(paddr_t pa, unsigned prot, unsigned level)
{
	u64 raw = pte_bits(prot) | PTE_A | (level ? PTE_PS : 0);

	return (struct pte){raw | ((raw & PTE_P ? pa : ~pa) & PTE_ADDR)};
}

/* The same leaf of another frame. */
static inline struct pte pte_of_frame(struct pte like, paddr_t pa)
{
	return (struct pte){(like.raw & ~PTE_ADDR) | ((like.raw & PTE_P ? pa : ~pa) & PTE_ADDR)};
}

/* Rights are decided by the leaves. */
static inline struct pte pte_table(paddr_t pa)
{
	return (struct pte){pa | PTE_P | PTE_W | PTE_U | PTE_A};
}

/* Of an entry above level 0: does it point to a table? */
static inline bool pte_is_table(struct pte pte)
{
	return (pte.raw & (PTE_P | PTE_PS)) == PTE_P;
}

static inline paddr_t pte_table_paddr(struct pte table)
{
	return table.raw & PTE_ADDR;
}

static inline bool pte_is_leaf(struct pte pte, unsigned level)
{
	return level == 0 || (pte.raw & PTE_PS);
}

static inline bool pte_is_writable(struct pte pte)
{
	return (pte.raw & (PTE_P | PTE_W)) == (PTE_P | PTE_W);
}

static inline bool pte_is_user(struct pte pte)
{
	return (pte.raw & (PTE_P | PTE_U)) == (PTE_P | PTE_U);
}

static inline bool pte_is_exec(struct pte pte)
{
	return (pte.raw & (PTE_P | PTE_NX)) == PTE_P;
}

static inline bool pte_is_dirty(struct pte pte)
{
	return pte.raw & PTE_D;
}

static inline bool pte_is_accessed(struct pte pte)
{
	return pte.raw & PTE_A;
}

static inline bool pte_is_special(struct pte pte)
{
	return pte.raw & PTE_SPECIAL;
}

static inline paddr_t pte_paddr(struct pte pte)
{
	return (pte.raw & PTE_P ? pte.raw : ~pte.raw) & PTE_ADDR;
}

/* What pte_leaf was told. PROT_USER is not known of an entry without PROT_R. */
static inline unsigned pte_prot(struct pte pte)
{
	unsigned prot = 0;

	if (pte.raw & PTE_P)
		prot |= PROT_R | (pte.raw & PTE_U ? PROT_USER : 0);
	if (pte.raw & PTE_W)
		prot |= PROT_W;
	if (!(pte.raw & PTE_NX))
		prot |= PROT_X;
	if (pte.raw & PTE_G)
		prot |= PROT_GLOBAL;
	if (pte.raw & PTE_PCD)
		prot |= PROT_UNCACHED;
	else if (pte.raw & PTE_PWT)
		prot |= PROT_WRITECOMB;
	if (pte.raw & PTE_D)
		prot |= PROT_DIRTY;
	if (pte.raw & PTE_SPECIAL)
		prot |= PROT_SPECIAL;
	return prot | (pte.raw >> (PTE_KEY_SHIFT - 24) & PROT_KEY);
}

static inline struct pte pte_wrprotect(struct pte pte)
{
	return (struct pte){pte.raw & ~PTE_W};
}

static inline struct pte pte_mkwrite(struct pte pte)
{
	return (struct pte){(pte.raw | PTE_W) & ~PTE_GUARD};
}

/* Guarded entries cannot be written through: whoever gives the right takes the guard away. */
static inline struct pte pte_mkguarded(struct pte pte)
{
	return (struct pte){(pte.raw | PTE_GUARD) & ~PTE_W};
}

static inline struct pte pte_unguard(struct pte pte)
{
	return (struct pte){pte.raw & ~PTE_GUARD};
}

static inline bool pte_is_guarded(struct pte pte)
{
	return pte.raw & PTE_GUARD;
}

static inline bool pte_is_soft_dirty(struct pte pte)
{
	return pte.raw & PTE_SOFT;
}

/* Only who also takes the right to write away learns of the next write. */
static inline struct pte pte_mksoft_clean(struct pte pte)
{
	return (struct pte){pte.raw & ~PTE_SOFT};
}

static inline struct pte pte_mkclean(struct pte pte)
{
	return (struct pte){pte.raw & ~PTE_D};
}

static inline struct pte pte_mkdirty(struct pte pte)
{
	return (struct pte){pte.raw | PTE_D | PTE_SOFT};
}

static inline struct pte pte_mkold(struct pte pte)
{
	return (struct pte){pte.raw & ~PTE_A};
}

static inline struct pte pte_mkyoung(struct pte pte)
{
	return (struct pte){pte.raw | PTE_A};
}

/* R, W, X, USER, KEY of @like; all else stays. */
static inline struct pte pte_set_prot(struct pte pte, struct pte like)
{
	const u64 taken = PTE_P | PTE_W | PTE_U | PTE_NX | 15ull << PTE_KEY_SHIFT;
	u64 raw = (pte.raw & (PTE_PWT | PTE_PCD | PTE_A | PTE_D | PTE_PS | PTE_G | PTE_SPECIAL | PTE_GUARD | PTE_SOFT)) | (like.raw & taken);
	paddr_t pa = pte_paddr(pte);

	return (struct pte){raw | ((raw & PTE_P ? pa : ~pa) & PTE_ADDR)};
}

/* Entry @i of the table that can take the place of a leaf of @level: the same rights. */
static inline struct pte pte_part(struct pte pte, unsigned level, unsigned i)
{
	paddr_t pa = pte_paddr(pte) + ((u64)i << PT_LEVEL_SHIFT(level - 1));
	u64 raw = pte.raw & ~(PTE_ADDR | (level == 1 ? PTE_PS : 0));

	return (struct pte){raw | ((raw & PTE_P ? pa : ~pa) & PTE_ADDR)};
}

/* An entry that is not present and carries 58 bits. */
static inline struct pte pte_swap(u64 payload)
{
	return (struct pte){~payload << 6 | PTE_U};
}

static inline bool pte_is_swap(struct pte pte)
{
	return (pte.raw & (PTE_P | PTE_U)) == PTE_U;
}

static inline u64 pte_swap_payload(struct pte pte)
{
	return ~pte.raw >> 6;
}

static inline struct pte pte_load(const struct pte *p)
{
	return (struct pte){__atomic_load_n(&p->raw, __ATOMIC_RELAXED)};
}

static inline void pte_store(struct pte *p, struct pte pte)
{
	__atomic_store_n(&p->raw, pte.raw, __ATOMIC_RELEASE);
}

static inline struct pte pte_exchange(struct pte *p, struct pte pte)
{
	return (struct pte){__atomic_exchange_n(&p->raw, pte.raw, __ATOMIC_ACQ_REL)};
}

static inline bool pte_cmpxchg(struct pte *p, struct pte old, struct pte pte)
{
	return __atomic_compare_exchange_n(&p->raw, &old.raw, pte.raw, false, __ATOMIC_ACQ_REL,
		__ATOMIC_RELAXED);
}
