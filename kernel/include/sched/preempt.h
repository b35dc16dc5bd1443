/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Preemption of kernel code. A per-CPU depth; a context switch happens only at depth 1 (inside
 * schedule), so that the depth need not be saved per thread. Bit 31 is set while NO reschedule is
 * needed: "depth 0 and reschedule needed" is then the one value 0. Only its own CPU writes the word,
 * the flag with interrupts off.
 */
#include <lib/compiler.h>
#include <lib/types.h>
#include <arch/cpu.h>

#define PREEMPT_NO_RESCHED 0x80000000u
#define PREEMPT_IRQ	   0x00010000u /* added while an interrupt is served */

DECLARE_PER_CPU(u32, preempt_count);

void preempt_schedule(void); /* kernel/sched: reschedule from preempt_enable */

static inline void preempt_disable(void)
{
	this_cpu_inc(preempt_count);
	barrier();
}

static inline void preempt_enable(void)
{
	barrier();
	if (unlikely(this_cpu_dec_and_test(preempt_count)))
		preempt_schedule();
}

/* Leave without looking (the caller reschedules, or runs with interrupts off). */
static inline void preempt_enable_no_resched(void)
{
	barrier();
	this_cpu_dec(preempt_count);
}

static inline unsigned preempt_depth(void)
{
	return this_cpu_read(preempt_count) & ~PREEMPT_NO_RESCHED;
}

static inline bool need_resched(void)
{
	return !(this_cpu_read(preempt_count) & PREEMPT_NO_RESCHED);
}

static inline bool in_irq(void)
{
	return preempt_depth() >= PREEMPT_IRQ;
}

/* Debug kernels panic when the caller may not sleep here. */
void assert_may_sleep(void);
