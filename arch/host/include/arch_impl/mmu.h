/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include <lib/types.h>
#include <lib/compiler.h>
#include <arch/cpu.h>
#include <arch_impl/layout.h>
#include "../../../x86_64/include/arch_impl/pte.h"

struct mmu_space {
	struct pte *root;
	unsigned long cpus[MAX_CPUS / 64];
};

extern unsigned host_pt_levels;

static inline unsigned pt_levels(void)
{
	return host_pt_levels;
}

/* What was asked of tlb_flush_*: tests look at it. */
struct host_tlb_log {
	unsigned long ranges, kernel, locals;
	struct mmu_space *space;
	vaddr_t va, end;
	bool tables;
};
extern struct host_tlb_log host_tlb;
/* Called by each flush of a range, if set: other host threads that play processors may be using a translation. */
extern void (*host_tlb_wait)(void);
