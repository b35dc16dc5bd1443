/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sleeping and waking: the protocol at the head of <sched/thread.h>.
 *
 * The inbox is one word: a pusher links its chain before the head and swaps the head by CAS; the owner
 * takes everything by exchange and turns it round, so that first come is first served. Whoever finds
 * the inbox empty sends the interrupt, except to a CPU that polls.
 *
 * No wake-up is lost:
 *   sleeper: state = SLEEP; full fence; look at the condition      waker: condition; full fence; look at state
 *   poller:  polling = 0; full fence; look at the inbox            pusher: push (full fence); look at polling
 * The waker has interrupts off from its CAS to the push, so whoever sees WOKEN waits a bounded time.
 * Model: verify/wake.pml.
 */
#include "sched_impl.h"
#include <arch/irq.h>

struct cpumask sched_idle_cpus;

void inbox_push(unsigned cpu, struct thread *first, struct thread *last)
{
	struct rq *rq = rq_of(cpu);
	struct thread *head = READ_ONCE(rq->inbox);

	do {
		WRITE_ONCE(last->inbox_next, head);
	} while (!__atomic_compare_exchange_n(
		&rq->inbox, &head, first, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	if (!head && !__atomic_load_n(&rq->polling, __ATOMIC_SEQ_CST)) {
		rq_this()->stats.ipis++;
		arch_ipi_send(cpu, IPI_RESCHED);
	}
}

void sched_send(struct thread *t, unsigned cpu)
{
	WRITE_ONCE(t->cpu, cpu);
	inbox_push(cpu, t, t);
}

/* Make a thread that nobody holds runnable here. */
static void admit(struct rq *rq, struct thread *t, enum enqueue_why why)
{
	if (unlikely(READ_ONCE(t->params_dirty)))
		params_apply(t);
	WRITE_ONCE(t->on_rq, 1);
	STORE_RELEASE(t->state, THREAD_RUNNING);
	rq_enqueue(rq, t, why);
}

void inbox_drain(struct rq *rq)
{
	struct thread *t = __atomic_exchange_n(&rq->inbox, NULL, __ATOMIC_ACQUIRE);
	struct thread *list = NULL, *next;

	for (; t; t = next) {
		next = t->inbox_next;
		t->inbox_next = list;
		list = t;
	}
	for (t = list; t; t = next) {
		bool moved = READ_ONCE(t->state) == THREAD_RUNNING; /* stolen or expelled, not woken */

		next = t->inbox_next;
		if (t->se.queued) { /* woken before it had switched away */
			STORE_RELEASE(t->state, THREAD_RUNNING);
			continue;
		}
		if (unlikely(!cpumask_test(&t->allowed, rq->cpu)) && !t->migrate_off) {
			sched_send(t, sched_select_cpu(t, false));
			continue;
		}
		admit(rq, t, moved ? ENQ_MOVE : READ_ONCE(t->state) == THREAD_NEW ? ENQ_NEW : ENQ_WAKE);
		rq_check_preempt(rq, t);
	}
}

/* ---- where to ---- */

static unsigned first_allowed(const struct thread *t)
{
	unsigned cpu = cpumask_first_and(&t->allowed, &cpus_online, 0);

	return cpu < MAX_CPUS ? cpu : 0;
}

/* An idle allowed CPU, searched from @from on; it is no longer offered to others. */
static unsigned take_idle_cpu(const struct thread *t, unsigned from)
{
	unsigned cpu = cpumask_first_and(&t->allowed, &sched_idle_cpus, from);

	if (cpu >= MAX_CPUS && from)
		cpu = cpumask_first_and(&t->allowed, &sched_idle_cpus, 0);
	if (cpu < MAX_CPUS && bitmap_test_and_clear_atomic(sched_idle_cpus.bits, cpu))
		return cpu;
	return MAX_CPUS;
}

/* The CPU where the least urgent thread runs. */
static unsigned least_urgent(const struct thread *t, unsigned best)
{
	unsigned cpu, lowest = READ_ONCE(rq_of(best)->pub_rank);

	for (cpu = cpumask_first_and(&t->allowed, &cpus_online, 0); cpu < MAX_CPUS;
		cpu = cpumask_first_and(&t->allowed, &cpus_online, cpu + 1)) {
		unsigned rank = READ_ONCE(rq_of(cpu)->pub_rank);

		if (rank < lowest) {
			lowest = rank;
			best = cpu;
		}
	}
	return best;
}

unsigned sched_select_cpu(struct thread *t, bool sync)
{
	unsigned prev = t->cpu, self = cpu_id(), cpu;

	if (cpus_online_nr() == 1 || t->migrate_off)
		return prev;
	if (unlikely(!cpumask_test(&t->allowed, prev)))
		prev = first_allowed(t);
	/* The waker is about to sleep: its CPU is as good as idle, and its cache is warm. */
	if (sync && READ_ONCE(rq_of(self)->nr) <= 1 && cpumask_test(&t->allowed, self))
		return self;
	if (cpumask_test(&sched_idle_cpus, prev)) {
		bitmap_clear_atomic(sched_idle_cpus.bits, prev);
		return prev;
	}
	if (prev == self && READ_ONCE(rq_of(self)->nr) == 0)
		return self;
	cpu = take_idle_cpu(t, prev);
	if (cpu < MAX_CPUS)
		return cpu;
	if (t->se.klass < SCHED_CLASS_FAIR)
		return least_urgent(t, prev);
	/* Nobody is idle: stay where the cache is, unless this CPU has clearly less to do. */
	if (prev != self && cpumask_test(&t->allowed, self) &&
		READ_ONCE(rq_of(self)->pub_nr) + 1 < READ_ONCE(rq_of(prev)->pub_nr))
		return self;
	return prev;
}

/* ---- wake ---- */

/* @t is WOKEN (or NEW) by this CPU; interrupts off. */
static void dispatch(struct thread *t, enum enqueue_why why, bool sync)
{
	struct rq *rq = rq_this();
	unsigned cpu;

	rq->stats.wakeups++;
	if (LOAD_ACQUIRE(t->on_rq)) {
		if (t->cpu != rq->cpu) {
			inbox_push(t->cpu, t, t);
			return;
		}
		DASSERT(t->se.queued);
		STORE_RELEASE(t->state, THREAD_RUNNING);
		return;
	}
	cpu = sched_select_cpu(t, sync);
	if (cpu != rq->cpu) {
		rq->stats.migrations += cpu != t->cpu;
		sched_send(t, cpu);
		return;
	}
	WRITE_ONCE(t->cpu, cpu);
	rq_update(rq);
	admit(rq, t, why);
	if (sync && rq->curr->se.queued && thread_rank(t) <= thread_rank(rq->curr))
		rq_tick_start(rq);
	else
		rq_check_preempt(rq, t);
}

static bool wake(struct thread *t, unsigned mask, bool sync)
{
	irqflags_t flags;
	u32 state;

	/* Before the look at the state: the caller's store that makes the condition true. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	state = READ_ONCE(t->state);
	if (!(mask & THREAD_MASK(state)))
		return false;
	preempt_disable();
	flags = irq_save();
	while (!__atomic_compare_exchange_n(
		&t->state, &state, THREAD_WOKEN, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
		if (!(mask & THREAD_MASK(state))) {
			irq_restore(flags);
			preempt_enable();
			return false;
		}
	}
	if (trace_is_on(TRACE_WAKE))
		trace_record_thread(TRACE_WAKE, thread_current(), t, READ_ONCE(t->cpu));
	dispatch(t, ENQ_WAKE, sync);
	irq_restore(flags);
	preempt_enable();
	return true;
}

bool thread_wake(struct thread *t)
{
	return wake(t, THREAD_MASK_SLEEPING, false);
}

bool thread_wake_state(struct thread *t, unsigned mask)
{
	return wake(t, mask, false);
}

bool thread_wake_sync(struct thread *t)
{
	return wake(t, THREAD_MASK_SLEEPING, true);
}

void thread_start(struct thread *t)
{
	irqflags_t flags;

	DASSERT(READ_ONCE(t->state) == THREAD_NEW);
	preempt_disable();
	flags = irq_save();
	rq_this()->stats.forks++;
	dispatch(t, ENQ_NEW, false);
	irq_restore(flags);
	preempt_enable();
}

/* ---- wait ---- */

void thread_finish_wait(void)
{
	struct thread *t = thread_current();
	u32 state = READ_ONCE(t->state);

	while (state != THREAD_RUNNING) {
		if (state != THREAD_WOKEN) {
			if (__atomic_compare_exchange_n(&t->state, &state, THREAD_RUNNING, false,
				    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
				return;
			continue;
		}
		/* A waker's push is under way to this CPU's inbox: inbox_next must be free again. */
		irq_disable();
		if (READ_ONCE(rq_this()->inbox)) {
			rq_update(rq_this());
			inbox_drain(rq_this());
		}
		irq_enable();
		cpu_relax();
		state = LOAD_ACQUIRE(t->state);
	}
}

void thread_prepare_wait(enum thread_state state)
{
	struct thread *t = thread_current();

	if (unlikely(READ_ONCE(t->state) != THREAD_RUNNING))
		thread_finish_wait();
	__atomic_store_n(&t->state, state, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

struct sleep_timer {
	struct timer timer;
	struct thread *thread;
	bool fired;
};

static void sleep_timer_fn(struct timer *timer)
{
	struct sleep_timer *s = container_of(timer, struct sleep_timer, timer);

	WRITE_ONCE(s->fired, true);
	thread_wake_state(s->thread, THREAD_MASK_SLEEPING | THREAD_MASK(THREAD_STOPPED));
}

bool schedule_deadline(u64 deadline_ns, u64 slack_ns)
{
	struct sleep_timer s = {.thread = thread_current()};

	if (deadline_ns == ~0ull) {
		schedule();
		return true;
	}
	timer_init(&s.timer, TIMER_MONOTONIC, sleep_timer_fn);
	timer_arm(&s.timer, deadline_ns, slack_ns);
	schedule();
	timer_cancel_sync(&s.timer);
	return !READ_ONCE(s.fired);
}
