/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What the early code leaves for the rest of arch/x86_64.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <arch/mmu.h>

extern struct pte kernel_root[2 * PT_ENTRIES]; /* the kernel's root table, and with isolation the shadow that goes with it */
extern paddr_t smp_trampoline;		       /* two pages below 1 MiB for starting CPUs; 0: none were free */
extern u64 kernel_global;		       /* PTE_G, or 0 with page-table isolation */

/* Root entries of the kernel half that are in use; every address space has copies. */
#define KERNEL_ROOT_SLOTS_MAX 256
extern u16 kernel_root_slots[KERNEL_ROOT_SLOTS_MAX];
extern unsigned kernel_root_nslots;

/* The page-table isolation that the command line and the processor ask for. Any time, also before relocation. */
bool pti_wanted(const char *cmdline);
