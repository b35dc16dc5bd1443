/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work deferred by interrupts: a list per CPU, run when the outermost interrupt ends, with interrupts on and preemption off. At most BATCH at a time: the
 * rest waits for the next interrupt, which is asked for at once, so that user programs are not shut out by a device that never rests.
 */
#include <arch/cpu.h>
#include <arch/irq.h>
#include <irq/irq.h>
#include <irq/soft.h>
#include <sched/preempt.h>

#define BATCH 64

static DEFINE_PER_CPU(struct soft_work *, first);
static DEFINE_PER_CPU(struct soft_work *, last);
static DEFINE_PER_CPU(u32, running);
static DEFINE_PER_CPU(u32, soft_runs);

u32 soft_work_runs(unsigned cpu)
{
	return READ_ONCE(*per_cpu_ptr(&soft_runs, cpu));
}

void soft_work_queue(struct soft_work *w)
{
	irqflags_t flags;
	struct soft_work *tail;

	if (__atomic_exchange_n(&w->pending, 1, __ATOMIC_ACQ_REL))
		return;
	flags = irq_save();
	w->next = NULL;
	tail = this_cpu_read(last);
	if (tail)
		tail->next = w;
	else
		this_cpu_write(first, w);
	this_cpu_write(last, w);
	/* Outside interrupts nobody would look: make one. */
	if (!in_irq() && !this_cpu_read(running))
		arch_ipi_send(cpu_id(), IPI_RESCHED);
	irq_restore(flags);
}

static struct soft_work *take(void)
{
	struct soft_work *w = this_cpu_read(first);

	if (w) {
		this_cpu_write(first, w->next);
		if (!w->next)
			this_cpu_write(last, NULL);
	}
	return w;
}

void soft_run(void)
{
	unsigned n = 0;

	if (!this_cpu_read(first) || in_irq() || this_cpu_read(running))
		return;
	this_cpu_write(running, 1);
	preempt_disable();
	for (struct soft_work *w; n < BATCH && (w = take()); n++) {
		void (*fn)(struct soft_work *) = w->fn;

		__atomic_store_n(&w->pending, 0, __ATOMIC_RELEASE);
		this_cpu_inc(soft_runs);
		irq_enable();
		fn(w);
		irq_disable();
	}
	this_cpu_write(running, 0);
	preempt_enable_no_resched();
	if (this_cpu_read(first))
		arch_ipi_send(cpu_id(), IPI_RESCHED);
}
