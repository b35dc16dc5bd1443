/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cross-calls: a request per target CPU on the caller's stack, linked into the target's queue by CAS;
 * the target takes all by exchange. `done` is the target's last access to a request. A caller that
 * waits has interrupts on and so answers the calls of others: two CPUs may call each other.
 */
#include <sched/smp_call.h>
#include <arch/irq.h>
#include <debug/panic.h>
#include "sched_impl.h"

#define BATCH 16 /* requests on the stack at a time */

struct request {
	struct request *next;
	void (*fn)(void *);
	void *arg;
	u32 done;
};
static DEFINE_PER_CPU(struct request *, call_queue);

static void post(unsigned cpu, struct request *r)
{
	struct request **queue = per_cpu_ptr(&call_queue, cpu);
	struct request *head = READ_ONCE(*queue);

	do {
		r->next = head;
	} while (!__atomic_compare_exchange_n(
		queue, &head, r, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	if (!head)
		arch_ipi_send(cpu, IPI_CALL);
}

static void wait_done(struct request *r)
{
	while (!LOAD_ACQUIRE(r->done))
		cpu_relax();
}

void smp_call_interrupt(void)
{
	struct request *r =
		__atomic_exchange_n(this_cpu_ptr(&call_queue), NULL, __ATOMIC_ACQUIRE);

	while (r) {
		struct request *next = r->next;

		r->fn(r->arg);
		STORE_RELEASE(r->done, 1);
		r = next;
	}
}

void smp_call(const struct cpumask *mask, void (*fn)(void *), void *arg)
{
	struct request batch[BATCH];
	unsigned cpu, n = 0, i;

	DASSERT(irqs_enabled());
	preempt_disable();
	for (cpu = cpumask_first_and(mask, &cpus_online, 0); cpu < MAX_CPUS;
		cpu = cpumask_first_and(mask, &cpus_online, cpu + 1)) {
		if (cpu == cpu_id())
			continue;
		if (n == BATCH) { /* many CPUs: the oldest request's place is free again */
			for (i = 0; i < n; i++)
				wait_done(&batch[i]);
			n = 0;
		}
		batch[n] = (struct request){.fn = fn, .arg = arg};
		post(cpu, &batch[n++]);
	}
	for (i = 0; i < n; i++)
		wait_done(&batch[i]);
	preempt_enable();
}

void smp_call_one(unsigned cpu, void (*fn)(void *), void *arg)
{
	struct request r = {.fn = fn, .arg = arg};

	preempt_disable();
	if (cpu == cpu_id()) {
		irqflags_t flags = irq_save();

		fn(arg);
		irq_restore(flags);
	} else {
		DASSERT(irqs_enabled());
		post(cpu, &r);
		wait_done(&r);
	}
	preempt_enable();
}
