/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The switch, and what happens around it.
 *
 * schedule() runs on its CPU's run queue with interrupts off: take the inbox, charge the running
 * thread, take it out of the queue if it sleeps, pick, switch. The tail runs on the new thread's
 * stack, still with interrupts off: only then are the old thread's registers saved, and it is given
 * up (on_rq = 0, release), sent to another CPU, or reaped. A preempted thread stays queued whatever
 * its state says: between thread_prepare_wait and schedule() it is on its way to sleep but awake.
 *
 * The tick exists while a user thread runs or more than one thread is queued: every 4 ms, or when the
 * slice ends if that is sooner. It is a deadline of the timer code, not a timer: setting it is a store,
 * and the hardware is programmed only when it comes earlier than what is armed.
 */
#include "sched_impl.h"
#include <arch/context.h>
#include <arch/irq.h>
#include <arch/mmu.h>
#include <arch/trap.h>
#include <mm/space.h>
#include <sync/lockdep.h>

DEFINE_PER_CPU(struct rq, sched_rq);
DEFINE_PER_CPU(struct thread *, current_thread);
DEFINE_PER_CPU(u32, preempt_count) = PREEMPT_NO_RESCHED;
struct cpumask cpus_online;
unsigned cpus_online_count;

/* ---- need_resched ---- */

void rq_resched(struct rq *rq)
{
	if (need_resched())
		return;
	this_cpu_add(preempt_count, PREEMPT_NO_RESCHED); /* flips bit 31 */
	__atomic_fetch_or(&rq->curr->user_work, UW_RESCHED, __ATOMIC_RELAXED);
}

static inline void clear_resched(struct thread *prev)
{
	if (!need_resched())
		return;
	this_cpu_add(preempt_count, PREEMPT_NO_RESCHED);
	__atomic_fetch_and(&prev->user_work, ~(u32)UW_RESCHED, __ATOMIC_RELAXED);
}

void assert_may_sleep(void)
{
	if (!NOS_DEBUG || !sched_started) /* before, there is nobody to wait for */
		return;
	if (preempt_depth() || !irqs_enabled()) {
		lockdep_print_held();
		panic("sleeping in an atomic context: depth %x, interrupts %s", preempt_depth(),
			irqs_enabled() ? "on" : "off");
	}
}

/* ---- the queue ---- */

unsigned thread_rank(const struct thread *t)
{
	switch (t->se.klass) {
	case SCHED_CLASS_DEADLINE: return RANK_RUN_DEADLINE;
	case SCHED_CLASS_RT: return RANK_RUN_RT + t->se.rt_prio;
	case SCHED_CLASS_FAIR: return t->se.is_idle_policy ? RANK_RUN_IDLE_POLICY : RANK_RUN_FAIR;
	default: return RANK_RUN_IDLE;
	}
}

void rq_publish(struct rq *rq)
{
	WRITE_ONCE(rq->pub_nr, rq->nr);
	WRITE_ONCE(rq->pub_weight, rq->fair.weight + (rq->fair.curr ? rq->fair.curr->se.weight : 0));
}

void rq_enqueue(struct rq *rq, struct thread *t, enum enqueue_why why)
{
	t->se.queued = true;
	rq->nr++;
	switch (t->se.klass) {
	case SCHED_CLASS_DEADLINE: dl_enqueue(rq, t, why); break;
	case SCHED_CLASS_RT: rt_enqueue(rq, t, false); break;
	default: fair_enqueue(rq, t, why); break;
	}
	rq_publish(rq);
}

void rq_dequeue(struct rq *rq, struct thread *t, bool sleeps)
{
	t->se.queued = false;
	rq->nr--;
	switch (t->se.klass) {
	case SCHED_CLASS_DEADLINE: dl_dequeue(rq, t); break;
	case SCHED_CLASS_RT: rt_dequeue(rq, t); break;
	default: fair_dequeue(rq, t, sleeps); break;
	}
	rq_publish(rq);
}

void rq_update(struct rq *rq)
{
	struct thread *t = rq->curr;
	u64 now = sched_clock(), delta;

	rq->now = now;
	delta = now - t->se.exec_start;
	if ((s64)delta <= 0)
		return;
	t->se.exec_start = now;
	if (thread_is_idle(rq, t))
		return;
	WRITE_ONCE(t->se.sum_exec, t->se.sum_exec + delta);
	if (!t->se.queued)
		return;
	switch (t->se.klass) {
	case SCHED_CLASS_DEADLINE: dl_charge(rq, t, delta); break;
	case SCHED_CLASS_RT: rt_charge(rq, t, delta); break;
	default: fair_charge(rq, t, delta); break;
	}
}

/* @t has just been queued: does it go before the running thread? */
void rq_check_preempt(struct rq *rq, struct thread *t)
{
	struct thread *curr = rq->curr;
	unsigned mine, its;

	if (t == curr)
		return;
	if (thread_is_idle(rq, curr) || !curr->se.queued) {
		rq_resched(rq);
		return;
	}
	mine = thread_rank(curr);
	its = thread_rank(t);
	if (its > mine ? !(its == RANK_RUN_DEADLINE && t->se.dl_throttled) :
		its == mine && (its == RANK_RUN_FAIR	 ? fair_should_preempt(rq, t) :
				its == RANK_RUN_DEADLINE ? dl_should_preempt(rq, t) :
							   false))
		rq_resched(rq);
	else
		rq_tick_start(rq);
}

static u64 slice_left(struct rq *rq, struct thread *t)
{
	switch (t->se.klass) {
	case SCHED_CLASS_DEADLINE: return dl_slice_left(rq, t);
	case SCHED_CLASS_RT: return rt_slice_left(rq, t);
	default: return rq->nr > 1 ? fair_slice_left(rq, t) : ~0ull;
	}
}

/* Make sure that the tick comes in time for the running thread. */
void rq_tick_start(struct rq *rq)
{
	struct thread *t = rq->curr;
	u64 left, mono, at;

	if (thread_is_idle(rq, t)) {
		rq->tick_at = ~0ull;
		timer_set_tick(TICK_SCHED, ~0ull);
		return;
	}
	left = t->se.klass == SCHED_CLASS_FAIR && rq->nr == 1 ? ~0ull : slice_left(rq, t);
	if (left == ~0ull && !t->space && rq->nr == 1) /* a kernel thread alone: nothing to decide */
		return;
	if (left >= SCHED_TICK_NS) {
		/* What is armed was never armed for later than this. */
		if (rq->tick_at != ~0ull)
			return;
		left = SCHED_TICK_NS;
	}
	mono = clock_monotonic();
	at = mono + max(left, 10000ull);
	/* A tick that comes earlier is harmless; it looks again. One that has passed is due. */
	if (rq->tick_at <= at)
		return;
	rq->tick_at = at;
	timer_set_tick(TICK_SCHED, at);
}

static struct thread *pick(struct rq *rq)
{
	struct thread *t;

	if (unlikely(rq->dl.nr || rq->rt.nr)) {
		if (rq->dl.nr && (t = dl_pick(rq)))
			return t;
		if (rq->rt.nr && (t = rt_pick(rq)))
			return t;
	}
	if (rq->fair.nr)
		return fair_pick(rq);
	if (rq->rt.nr) /* throttled, but nobody else wants the CPU */
		return rq->rt.throttled = false, rt_pick(rq);
	return rq->idle;
}

/* ---- the switch ---- */

static void switch_space(struct rq *rq, struct thread *prev, struct thread *next)
{
	struct vm_space *space = next->space;

	if (!space) {
		/* A kernel thread runs on whatever is loaded, with a reference that keeps it alive. */
		if (rq->loaded && !rq->lazy) {
			vm_space_get(rq->loaded);
			rq->lazy = rq->loaded;
		}
		return;
	}
	if (rq->loaded != space) {
		mmu_space_activate(rq->loaded ? &rq->loaded->mmu : NULL, &space->mmu);
		rq->loaded = space;
	}
	if (rq->lazy) {
		rq->drop = rq->lazy;
		rq->lazy = NULL;
	}
}

void thread_set_space(struct vm_space *space)
{
	irqflags_t flags = irq_save();
	struct rq *rq = rq_this();

	DASSERT(!rq->lazy || !rq->curr->space);
	if (rq->loaded != space)
		mmu_space_activate(
			rq->loaded ? &rq->loaded->mmu : NULL, space ? &space->mmu : NULL);
	rq->loaded = space;
	rq->drop = rq->lazy;
	rq->lazy = NULL;
	rq->curr->space = space;
	if (rq->drop) {
		struct vm_space *drop = rq->drop;

		rq->drop = NULL;
		irq_restore(flags);
		vm_space_put(drop);
		return;
	}
	irq_restore(flags);
}

/* On the new thread's stack, interrupts off, depth 1. */
static NOINLINE void finish_switch(struct thread *prev)
{
	struct rq *rq = rq_this();

	if (rq->release) {
		rq->release = NULL;
		if (unlikely(READ_ONCE(prev->state) == THREAD_DEAD))
			thread_reap(rq, prev);
		else
			STORE_RELEASE(prev->on_rq, 0);
	} else if (unlikely(rq->expel)) {
		rq->expel = NULL;
		rq->stats.migrations++;
		sched_send(prev, sched_select_cpu(prev, false));
	}
	if (unlikely(rq->drop)) {
		struct vm_space *drop = rq->drop;

		rq->drop = NULL;
		vm_space_put(drop);
	}
}

/* Not inlined: on the host the CPU differs after the switch, and compilers remember its TLS address. */
static NOINLINE void do_switch(struct thread *prev, struct thread *next)
{
	if (unlikely(next->switch_work))
		__atomic_or_fetch(&next->user_work, next->switch_work, __ATOMIC_RELAXED);
	if (trace_is_on(TRACE_SWITCH))
		trace_record_thread(TRACE_SWITCH, prev, next, READ_ONCE(prev->state));
	finish_switch(arch_switch(prev, next));
}

static inline bool may_run_here(const struct rq *rq, const struct thread *t)
{
	return likely(cpumask_test(&t->allowed, rq->cpu)) || t->migrate_off ||
		READ_ONCE(t->state) != THREAD_RUNNING;
}

/* The running thread leaves its queue, or goes to its end, as its state says. */
static void put_prev(struct rq *rq, struct thread *prev, bool preempted)
{
	if (thread_is_idle(rq, prev))
		return;
	if (!preempted && READ_ONCE(prev->state) != THREAD_RUNNING) {
		if (unlikely(prev->worker))
			work_sleeping(prev->worker);
		rq_dequeue(rq, prev, true);
		WRITE_ONCE(prev->sleep_start, rq->now);
		WRITE_ONCE(prev->nr_voluntary, prev->nr_voluntary + 1);
		rq->release = prev;
	} else if (unlikely(!may_run_here(rq, prev))) {
		rq_dequeue(rq, prev, false);
		rq->expel = prev;
	} else if (prev->se.klass == SCHED_CLASS_FAIR) {
		fair_put_curr(rq, prev);
	}
}

/* Interrupts off, depth 1. */
static void schedule_once(bool preempted)
{
	struct rq *rq = rq_this();
	struct thread *prev = rq->curr, *next;

	if (unlikely(READ_ONCE(rq->inbox)))
		inbox_drain(rq);
	clear_resched(prev);
	rq_update(rq);
	rcu_quiescent();
	put_prev(rq, prev, preempted);
	next = pick(rq);
	if (next->se.klass == SCHED_CLASS_FAIR)
		fair_set_curr(rq, next);
	next->se.exec_start = rq->now;
	next->se.picked_exec = next->se.sum_exec;
	if (next == prev) {
		DASSERT(!rq->release && !rq->expel);
		rq_tick_start(rq);
		return;
	}
	if (preempted)
		WRITE_ONCE(prev->nr_involuntary, prev->nr_involuntary + 1);
	if (unlikely(thread_is_idle(rq, prev)))
		rq->stats.idle_ns += rq->now - rq->idle_since;
	else if (unlikely(thread_is_idle(rq, next)))
		rq->idle_since = rq->now;
	rq->stats.switches++;
	WRITE_ONCE(rq->heartbeat, rq->now);
	WRITE_ONCE(rq->curr, next);
	this_cpu_write(current_thread, next);
	WRITE_ONCE(rq->pub_rank, thread_rank(next));
	rq_tick_start(rq);
	switch_space(rq, prev, next);
	do_switch(prev, next);
}

void schedule(void)
{
	DASSERT(preempt_depth() == 0 && irqs_enabled());
	if (NOS_DEBUG)
		lockdep_check_sleep();
	do {
		preempt_disable();
		irq_disable();
		schedule_once(false);
		irq_enable();
		preempt_enable_no_resched();
	} while (unlikely(need_resched()));
}

void preempt_schedule(void)
{
	if (!irqs_enabled())
		return;
	while (need_resched()) {
		preempt_disable();
		irq_disable();
		schedule_once(true);
		irq_enable();
		preempt_enable_no_resched();
	}
}

void preempt_from_irq(void)
{
	while (this_cpu_read(preempt_count) == 0) {
		preempt_disable();
		schedule_once(true);
		preempt_enable_no_resched();
		/* Pending interrupts first: they may want another switch. */
		irq_enable();
		irq_disable();
	}
}

void sched_tail(struct thread *prev)
{
	finish_switch(prev);
	irq_enable();
	preempt_enable();
}

void sched_yield_now(void)
{
	irqflags_t flags = irq_save();
	struct rq *rq = rq_this();
	struct thread *t = rq->curr;

	if (rq->nr == 1 && !READ_ONCE(rq->inbox) && t->se.klass != SCHED_CLASS_DEADLINE) {
		rcu_quiescent();
		irq_restore(flags);
		return;
	}
	rq_update(rq);
	switch (t->se.klass) {
	case SCHED_CLASS_DEADLINE: dl_yield(rq, t); break;
	case SCHED_CLASS_RT: rt_yield(rq, t); break;
	default: fair_yield(rq, t); break;
	}
	irq_restore(flags);
	schedule();
}

/* ---- interrupts ---- */

void sched_interrupt(void)
{
	struct rq *rq = rq_this();

	/* A grace period waits for this CPU, which is inside a read section: as soon as it ends. */
	if (rcu_interrupt() && !thread_is_idle(rq, rq->curr))
		rq_resched(rq);
	if (READ_ONCE(rq->inbox)) {
		rq_update(rq);
		inbox_drain(rq);
	}
	if (READ_ONCE(rq->steal_req))
		sched_answer_thief(rq);
}

static void sample_mode(struct rq *rq, struct thread *t, bool from_user)
{
	u64 delta = rq->now - rq->sample_at;

	rq->sample_at = rq->now;
	delta = min(delta, SCHED_TICK_NS * 2);
	if (from_user) {
		rq->stats.user_ns += delta;
		WRITE_ONCE(t->utime_ns, t->utime_ns + delta);
	} else {
		rq->stats.system_ns += delta;
		WRITE_ONCE(t->stime_ns, t->stime_ns + delta);
	}
}

void sched_tick(u64 now_ns, bool from_user)
{
	struct rq *rq = rq_this();
	struct thread *t = rq->curr;
	bool again = false;

	rq->tick_at = ~0ull;
	rq_update(rq);
	WRITE_ONCE(rq->heartbeat, rq->now);
	if (READ_ONCE(rq->inbox))
		inbox_drain(rq);
	if (thread_is_idle(rq, t))
		return;
	sample_mode(rq, t, from_user);
	task_tick(t);
	if (rq->rt.nr)
		again = rt_tick(rq, t);
	if (t->se.queued && t->se.klass == SCHED_CLASS_FAIR && rq->nr > 1)
		again |= fair_slice_over(rq, t);
	if (again)
		rq_resched(rq);
	sched_watch_tick(rq);
	sched_balance_tick(rq);
	rq_tick_start(rq);
}
