/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Page tables. The walk is portable (mm/pt.c): a tree of tables with PT_ENTRIES entries of `struct pte`, levels counted from 0
 * (4 KiB leaves) to pt_levels()-1 (the root); this header only says how an entry is encoded and how translations are flushed.
 *
 * An entry is read with pte_load, changed with pte_store (nobody else can see it, or it was absent), pte_exchange or pte_cmpxchg.
 * The processor may set ACCESSED and DIRTY in a present entry at any time.
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct pte {
	u64 raw;
};

enum pte_prot {
	PROT_R = 1u << 0,	/* present, readable */
	PROT_W = 1u << 1,
	PROT_X = 1u << 2,
	PROT_USER = 1u << 3,
	PROT_GLOBAL = 1u << 4,	/* same in all address spaces, kernel only */
	PROT_UNCACHED = 1u << 5,
	PROT_WRITECOMB = 1u << 6,
	PROT_DIRTY = 1u << 7,	/* set at once, saves the processor's walk */
	PROT_KEY = 15u << 24,	/* protection key of user memory; only where mmu_keys() says there are some */
	PROT_SPECIAL = 1u << 8,	/* software: the frame is not counted (vDSO, device, zero page) */
};

struct mmu_space;	/* per address space: root table(s), PCID/ASID state, CPUs that may hold translations; defined in <arch_impl/mmu.h> */
struct cpumask;

/*
 * <arch_impl/mmu.h> defines, inline:
 *   PAGE_SHIFT PAGE_SIZE PT_SHIFT PT_ENTRIES  PT_LEVEL_SHIFT(level) (bits below one entry of that level)
 *   unsigned pt_levels(void)                  4 or 5
 *   struct pte pte_none(void), pte_leaf(paddr_t, unsigned prot, unsigned level), pte_table(paddr_t), pte_of_frame(pte, paddr_t),
 *        pte_part(pte, level, i) (of the table that can take a leaf's place);  bool pte_is_table(pte) above level 0;  paddr_t pte_table_paddr(pte)
 *   bool pte_is_none, pte_is_present, pte_is_leaf(pte, level), pte_is_writable, pte_is_user, pte_is_exec, pte_is_dirty,
 *        pte_is_accessed, pte_is_special, pte_is_guarded, pte_is_soft_dirty;  paddr_t pte_paddr(pte);  unsigned pte_prot(pte)
 *   struct pte pte_wrprotect, pte_mkclean, pte_mkold, pte_mkdirty, pte_mkyoung, pte_mkwrite (pte), pte_set_prot(pte, like) (the rights of another leaf),
 *        pte_mkguarded, pte_unguard (write-protected for userfaultfd), pte_mksoft_clean (pte_mkdirty and PROT_DIRTY make it soft-dirty)
 *   struct pte pte_swap(u64 payload) / bool pte_is_swap / u64 pte_swap_payload      not-present entries that carry 58 bits of the kernel's
 *   struct pte pte_load(const struct pte *), void pte_store(struct pte *, struct pte), struct pte pte_exchange(..), bool pte_cmpxchg(p, old, new)
 *   USER_VA_END, and in <arch_impl/layout.h> the one description of the kernel's address space
 */
#include <arch_impl/mmu.h>

/* Give @space a root table whose kernel half is the kernel's. Returns 0 or -ENOMEM. Context: may sleep. */
int mmu_space_init(struct mmu_space *space) MUST_CHECK;
/* Free the root. The user half is empty and no CPU runs on @space. */
void mmu_space_fini(struct mmu_space *space);
/* Top-level table of the user half, for the portable walk (with page-table isolation the arch mirrors root entries: pt_root_store). */
struct pte *mmu_space_root(struct mmu_space *space);
/* Store an entry into the root table (the only level that isolation has to mirror). */
void pt_root_store(struct mmu_space *space, struct pte *slot, struct pte pte);
/* Run on @space from now on; NULL: the kernel's own. Interrupts off. Sets/clears this CPU in the spaces' CPU masks. */
void mmu_space_activate(struct mmu_space *from, struct mmu_space *to);
/* Protection keys that user memory can have: key 0 is every page's if nothing is said. 1: there are no others. */
unsigned mmu_keys(void);
enum { KEY_NO_ACCESS = 1u << 0, KEY_NO_WRITE = 1u << 1 };
/* The running thread may not access or not write memory of @key. */
void mmu_key_restrict(unsigned key, unsigned rights);
unsigned mmu_key_restrictions(unsigned key);
/* The kernel's own space, for vmap and device mappings. */
struct mmu_space *mmu_kernel_space(void);

/*
 * Drop translations of [va, end) (page aligned; end == 0 && va == 0: all of the user half) on every CPU that may hold them, and wait until
 * they are gone. @tables: page-table pages were unhooked too. Context: any with interrupts on, no spinlock that an interrupt takes.
 */
void tlb_flush_range(struct mmu_space *space, vaddr_t va, vaddr_t end, bool tables);
/* The same for kernel addresses, all CPUs. */
void tlb_flush_kernel(vaddr_t va, vaddr_t end);
/* Only this CPU, one user page: enough after making an entry more permissive. */
void tlb_flush_local(struct mmu_space *space, vaddr_t va);
