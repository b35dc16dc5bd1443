/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The idle loop, and how a CPU joins the scheduler.
 *
 * An idle CPU first asks a busy one for work, then watches its inbox for a moment without needing an
 * interrupt (polling), then halts: no tick, outside RCU's sight, in sched_idle_cpus so that wakers
 * choose it. Each interrupt brings it back through sched_irq_enter.
 */
#include "sched_impl.h"
#include <lib/errno.h>
#include <lib/string.h>
#include <arch/smp.h>
#include <mm/kmap.h>
#include <mm/slab.h>
#include <sync/lockdep.h>

#define POLL_ROUNDS 64

static struct thread boot_idle;

static void rq_init(struct rq *rq, unsigned cpu, struct thread *idle)
{
	*rq = (struct rq){.cpu = cpu, .idle = idle, .curr = idle, .tick_at = ~0ull};
	rq->rng = 0x9e3779b97f4a7c15ull * (cpu + 1);
	fair_init(&rq->fair);
	rt_init(&rq->rt);
	dl_init(&rq->dl);
}

void sched_init(void)
{
	unsigned cpu = cpu_id();

	sched_idle_thread_init(&boot_idle, cpu);
	rq_init(rq_this(), cpu, &boot_idle);
	this_cpu_write(current_thread, &boot_idle);
	cpumask_set(&cpus_online, cpu);
	cpus_online_count = 1;
	rcu_cpu_online(cpu);
	for (unsigned i = 0; i < cpu_count(); i++)
		work_init_cpu(i);
}

int sched_make_idle(unsigned cpu, struct thread **out)
{
	struct thread *t = kzalloc(sizeof(*t), ALLOC_SLEEP);

	if (!t)
		return -ENOMEM;
	t->stack = kstack_alloc();
	if (NOS_DEBUG)
		t->held = kcalloc(LOCKDEP_MAX_HELD, sizeof(*t->held), ALLOC_SLEEP);
	if (!t->stack || (NOS_DEBUG && !t->held)) {
		if (t->stack)
			kstack_free(t->stack);
		kfree(t->held);
		kfree(t);
		return -ENOMEM;
	}
	sched_idle_thread_init(t, cpu);
	rq_init(rq_of(cpu), cpu, t);
	*per_cpu_ptr(&current_thread, cpu) = t;
	*out = t;
	return 0;
}

void sched_init_secondary(unsigned cpu)
{
	struct rq *rq = rq_of(cpu);

	rcu_cpu_online(cpu);
	rq->now = rq->idle_since = sched_clock();
	WRITE_ONCE(rq->heartbeat, rq->now);
	bitmap_set_atomic(cpus_online.bits, cpu);
	__atomic_fetch_add(&cpus_online_count, 1, __ATOMIC_RELEASE);
}

static bool has_work(const struct rq *rq)
{
	return need_resched() || READ_ONCE(rq->inbox);
}

/* Watch the inbox for a moment; pushers see `polling` and send no interrupt. */
static void poll(struct rq *rq)
{
	WRITE_ONCE(rq->polling, 1);
	for (unsigned i = 0; i < POLL_ROUNDS && !has_work(rq); i++)
		cpu_relax();
	__atomic_exchange_n(&rq->polling, 0, __ATOMIC_SEQ_CST);
}

static void halt(struct rq *rq)
{
	irq_disable();
	bitmap_set_atomic(sched_idle_cpus.bits, rq->cpu);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (has_work(rq)) {
		bitmap_clear_atomic(sched_idle_cpus.bits, rq->cpu);
		irq_enable();
		return;
	}
	rq_tick_start(rq); /* stops it */
	rcu_idle_enter();
	cpu_idle_wait();
	irq_disable();
	sched_irq_enter(); /* an interrupt that switched away has done this already */
	if (cpumask_test(&sched_idle_cpus, rq->cpu))
		bitmap_clear_atomic(sched_idle_cpus.bits, rq->cpu);
	irq_enable();
}

bool sched_started;

void sched_idle_loop(void)
{
	struct rq *rq = rq_this(); /* an idle thread never leaves its CPU */

	irq_disable();
	rq->idle_since = sched_clock();
	WRITE_ONCE(sched_started, true);
	irq_enable();
	for (;;) {
		if (!has_work(rq) && cpus_online_nr() > 1) {
			irq_disable();
			sched_try_steal(rq);
			irq_enable();
			poll(rq);
		}
		if (has_work(rq))
			schedule();
		else
			halt(rq);
	}
}
