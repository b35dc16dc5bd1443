/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include <lib/types.h>
#include <lib/compiler.h>
#include <arch/cpu.h>
#include <arch_impl/layout.h>
#include <arch_impl/pte.h>

/*
 * With page-table isolation, `root` is the first of two pages: the second is the root that user mode runs on, with the same user half and
 * of the kernel only the entry code (pti.c).
 */
struct mmu_space {
	struct pte *root;
	u64 id;				   /* never used twice: names the space in the CPUs' PCID slots; 0: the kernel's */
	u64 tlb_gen;			   /* atomic; grows with every flush; a CPU's slot remembers the one it has seen */
	unsigned long cpus[MAX_CPUS / 64]; /* atomic: CPUs whose CR3 is this space, or lazily was */
};

static inline unsigned pt_levels(void)
{
	return 4;
}
