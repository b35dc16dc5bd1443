/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Changes to the kernel's own page tables as the early code made them, and the shadow tables of page-table isolation.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <arch/mmu.h>

/* The entry that maps kernel address @va, and its level; NULL if nothing does. */
struct pte *kpt_find(vaddr_t va, unsigned *out_level);
/* Is all of physical [pa, pa+len) in the direct map? */
bool kpt_direct_covers(paddr_t pa, u64 len);
/* Take write permission from image [start, end) and from its alias in the direct map. Page granular. */
void kpt_seal(const char *start, const char *end);
/* Unmap image [start, end) and make the alias writable: its frames are to be free memory. */
void kpt_unmap_image(const char *start, const char *end);

/* With F_PTI: the user's root that goes with a root. */
static inline struct pte *pti_shadow(struct pte *root)
{
	return root + PT_ENTRIES;
}
/* Build the shadow's kernel half, for all CPUs' entry data. After desc_alloc_stacks of all of them. -ENOMEM. */
int pti_init(void) MUST_CHECK;
/* This CPU runs on the kernel's own space: tell the entry code. */
void mmu_init_cpu(void);
