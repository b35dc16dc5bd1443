/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The other CPUs. The boot CPU is number 0; the rest are numbered in the firmware's order.
 */
#include <lib/types.h>
#include <lib/compiler.h>

/* CPUs that the firmware lists and `maxcpus=` allows, known before the first per-CPU area is made. */
unsigned cpu_count(void);
/* NUMA node of a CPU (0 without tables). */
unsigned cpu_node(unsigned cpu);
/*
 * Start @cpu with @idle as its current thread (stack prepared by the caller); it runs secondary_main(cpu) (kernel/init) with interrupts off.
 * Returns 0 when it has arrived, -ETIMEDOUT.  Context: may sleep.
 */
struct thread;
int arch_cpu_start(unsigned cpu, struct thread *idle) MUST_CHECK;
