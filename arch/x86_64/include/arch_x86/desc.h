/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Descriptor tables and the per-CPU data of the entry code. All of DEFINE_PER_CPU_ENTRY lies in the first page of a CPU's area.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <arch/cpu.h>
#include <arch_x86/asm.h>

#define DEFINE_PER_CPU_ENTRY(type, name)                                                           \
	__attribute__((section("percpu.entry"))) __typeof__(type) name
#define DECLARE_PER_CPU_ENTRY(type, name)                                                          \
	extern __attribute__((section("percpu.entry"))) __typeof__(type) name

struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7]; /* numbers 1..7 */
	u64 reserved2;
	u16 reserved3, iomap;
} __packed __aligned(8);
static_assert(offsetof(struct tss, ist) == 36, "as the processor has it");

enum ist { IST_NMI, IST_DF, IST_MC, IST_DB, IST_COUNT };

DECLARE_PER_CPU_ENTRY(u64, kstack_top);	   /* of the running thread */
DECLARE_PER_CPU_ENTRY(u64, entry_kernel_cr3);
DECLARE_PER_CPU_ENTRY(u64, entry_user_cr3); /* with page-table isolation */
DECLARE_PER_CPU_ENTRY(struct tss, cpu_tss);
DECLARE_PER_CPU(u64, irq_stack_top);

/* The interrupt table. Boot CPU, once. */
void idt_init(void);
/* Load descriptor tables, GS base and MSRs of system calls on this CPU, which is @cpu and whose area is at per_cpu_offset[cpu]. */
void desc_load(unsigned cpu);
/* Give @cpu its IST and interrupt stacks: -ENOMEM. Before desc_load on it. */
int desc_alloc_stacks(unsigned cpu) MUST_CHECK;
/* Kernel stack of the thread that runs from now on. */
void desc_set_kstack(u64 top);
