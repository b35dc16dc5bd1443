/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Kernel virtual memory that is not the direct map: stacks with guard pages, large tables, device registers.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <arch/mmu.h>

/* Zeroed pages mapped in a row with an unmapped guard page before and after. NULL on -ENOMEM. May sleep. */
void *vmap_alloc(size_t size);
void vmap_free(void *va); /* any context; NULL is nothing */
/* Device registers; prot adds PROT_UNCACHED or PROT_WRITECOMB. NULL on -ENOMEM. */
void *vmap_device(paddr_t pa, size_t size, unsigned prot);
void vmap_device_free(void *va);
/* Kernel stacks: KSTACK_SIZE, guard page below, cached per CPU. NULL on -ENOMEM. */
void *kstack_alloc(void);
void kstack_free(void *stack); /* any context; NULL is nothing */
/* Size of the region and what of it is in use, in pages. */
void kmap_usage(u64 *out_total, u64 *out_used);
/* How much of the direct map stands in leaves of each level, in pages. */
#define DIRECT_LEVELS 3
void kmap_direct_usage(u64 out[DIRECT_LEVELS]);
/* Boot: called by vm_init. */
void kmap_init(void);
void kstack_init(void);
