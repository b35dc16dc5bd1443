/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parameters of threads: policy, nice, priority inheritance, affinity.
 *
 * The wish (t->params, t->pi_prio, under params_lock) and what the queues go by (t->se) are apart: only
 * the CPU that holds the thread may change se. A setter writes the wish, sets params_dirty, and asks
 * t->cpu by cross-call to apply it; a thread that is in no queue gets it applied when it is admitted
 * the next time. If the thread has moved between the look at t->cpu and the call, the setter
 * follows it: either it finds the thread, or the admission sees params_dirty.
 * Affinity goes the same way: `allowed` is stored, the CPU expels the thread or the next admission
 * sends it on.
 */
#include "sched_impl.h"
#include <lib/errno.h>
#include <linux/sched.h>
#include <sched/smp_call.h>

#define DL_RUNTIME_MIN 1024ull
#define DL_PERIOD_MAX  (1ull << 42)

static void params_lock(struct thread *t)
{
	while (__atomic_exchange_n(&t->params_lock, 1, __ATOMIC_ACQUIRE))
		cpu_relax();
}

static void params_unlock(struct thread *t)
{
	__atomic_store_n(&t->params_lock, 0, __ATOMIC_RELEASE);
}

static void set_weight(struct sched_entity *se, u32 weight)
{
	se->weight = weight;
	se->inv_weight = (u32)min((1ull << 32) / weight, (u64)U32_MAX);
}

static void apply_locked(struct thread *t)
{
	const struct sched_params *p = &t->params;
	struct sched_entity *se = &t->se;
	u32 weight = p->policy == SCHED_IDLE ? WEIGHT_IDLE : fair_weight(p->nice);

	if (se->weight && se->weight != weight) /* keep the lag in CPU time, not in virtual time */
		se->vlag = se->vlag * (s64)se->weight / (s64)weight;
	set_weight(se, weight);
	se->slice = p->slice_ns ? clamp(p->slice_ns, SLICE_MIN_NS, SLICE_MAX_NS) : SLICE_BASE_NS;
	se->is_batch = p->policy == SCHED_BATCH || p->policy == SCHED_IDLE;
	se->is_idle_policy = p->policy == SCHED_IDLE;
	se->is_rr = p->policy == SCHED_RR;
	se->rt_prio = 0;
	switch (p->policy) {
	case SCHED_DEADLINE:
		if (se->klass != SCHED_CLASS_DEADLINE)
			se->dl_budget = 0;
		se->klass = SCHED_CLASS_DEADLINE;
		se->dl_runtime = p->dl_runtime;
		se->dl_deadline = p->dl_deadline;
		se->dl_period = p->dl_period ? p->dl_period : p->dl_deadline;
		return;
	case SCHED_FIFO:
	case SCHED_RR:
		se->klass = SCHED_CLASS_RT;
		se->rt_prio = (u8)p->rt_prio;
		break;
	default: se->klass = SCHED_CLASS_FAIR;
	}
	if (t->pi_prio > se->rt_prio) {
		se->klass = SCHED_CLASS_RT;
		se->rt_prio = (u8)t->pi_prio;
	}
}

void params_apply(struct thread *t)
{
	params_lock(t);
	WRITE_ONCE(t->params_dirty, 0);
	apply_locked(t);
	params_unlock(t);
}

/* Runs on the thread's CPU, interrupts off. */
struct visit {
	struct thread *t;
	bool found;
};

/* Bring the run queue up to date and see whether the thread is still of this CPU. */
static struct rq *visit_begin(struct visit *v)
{
	struct rq *rq = rq_this();

	rq_update(rq);
	if (READ_ONCE(rq->inbox))
		inbox_drain(rq);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	v->found = READ_ONCE(v->t->cpu) == rq->cpu;
	return rq;
}

static void visit_params(void *arg)
{
	struct visit *v = arg;
	struct thread *t = v->t;
	struct rq *rq = visit_begin(v);

	if (!v->found || !READ_ONCE(t->params_dirty) || !READ_ONCE(t->on_rq) || !t->se.queued)
		return;
	rq_dequeue(rq, t, false);
	params_apply(t);
	rq_enqueue(rq, t, ENQ_MOVE);
	if (t == rq->curr) {
		WRITE_ONCE(rq->pub_rank, thread_rank(t));
		rq_resched(rq); /* it may have become the less urgent one */
	} else {
		rq_check_preempt(rq, t);
	}
}

static void visit_affinity(void *arg)
{
	struct visit *v = arg;
	struct thread *t = v->t;
	struct rq *rq = visit_begin(v);

	if (!v->found || cpumask_test(&t->allowed, rq->cpu) || !READ_ONCE(t->on_rq) ||
		!t->se.queued || t->migrate_off)
		return;
	if (t == rq->curr) {
		rq_resched(rq); /* schedule() expels it */
	} else if (READ_ONCE(t->state) == THREAD_RUNNING) {
		rq_dequeue(rq, t, false);
		sched_send(t, sched_select_cpu(t, false));
		rq->stats.migrations++;
	}
}

/* Call fn on the CPU that holds, or held last, @t, until it was the right one. */
static void visit_thread(struct thread *t, void (*fn)(void *))
{
	struct visit v = {.t = t};

	do {
		v.found = false;
		smp_call_one(READ_ONCE(t->cpu), fn, &v);
	} while (!v.found);
}

static int check(const struct sched_params *p)
{
	if (p->nice < -20 || p->nice > 19)
		return -EINVAL;
	switch (p->policy) {
	case SCHED_NORMAL:
	case SCHED_BATCH:
	case SCHED_IDLE:
		return p->rt_prio ? -EINVAL : 0;
	case SCHED_FIFO:
	case SCHED_RR:
		return p->rt_prio < 1 || p->rt_prio > 99 ? -EINVAL : 0;
	case SCHED_DEADLINE:
		if (p->rt_prio || p->dl_runtime < DL_RUNTIME_MIN || p->dl_runtime > p->dl_deadline ||
			p->dl_deadline > DL_PERIOD_MAX || p->dl_period > DL_PERIOD_MAX ||
			(p->dl_period && p->dl_deadline > p->dl_period))
			return -EINVAL;
		return 0;
	default: return -EINVAL;
	}
}

int sched_set_params(struct thread *t, const struct sched_params *p)
{
	irqflags_t flags;
	int ret = check(p);

	if (ret)
		return ret;
	flags = irq_save();
	params_lock(t);
	ret = dl_admit(&t->params, p);
	if (!ret) {
		t->params = *p;
		WRITE_ONCE(t->params_dirty, 1);
	}
	params_unlock(t);
	irq_restore(flags);
	if (!ret && READ_ONCE(t->state) != THREAD_NEW)
		visit_thread(t, visit_params);
	return ret;
}

void sched_get_params(struct thread *t, struct sched_params *out)
{
	irqflags_t flags = irq_save();

	params_lock(t);
	*out = t->params;
	params_unlock(t);
	irq_restore(flags);
}

void sched_set_pi(struct thread *t, unsigned prio)
{
	irqflags_t flags = irq_save();
	bool change;

	params_lock(t);
	change = t->pi_prio != prio;
	t->pi_prio = prio;
	if (change)
		WRITE_ONCE(t->params_dirty, 1);
	params_unlock(t);
	irq_restore(flags);
	if (change)
		visit_thread(t, visit_params);
}

u64 sched_rr_interval_ns(struct thread *t)
{
	struct sched_params p;

	sched_get_params(t, &p);
	switch (p.policy) {
	case SCHED_RR: return RR_SLICE_NS;
	case SCHED_FIFO:
	case SCHED_DEADLINE: return 0;
	default: return p.slice_ns ? p.slice_ns : SLICE_BASE_NS;
	}
}

int sched_set_affinity(struct thread *t, const struct cpumask *mask)
{
	struct cpumask some;
	irqflags_t flags;

	if (!bitmap_and(some.bits, mask->bits, cpus_online.bits, MAX_CPUS))
		return -EINVAL;
	flags = irq_save();
	params_lock(t);
	cpumask_copy(&t->allowed, mask);
	params_unlock(t);
	irq_restore(flags);
	if (READ_ONCE(t->state) == THREAD_NEW)
		return 0;
	visit_thread(t, visit_affinity);
	/* Running and on its way out, or preempted on its way to sleep: a moment. */
	while (t != thread_current() && READ_ONCE(t->on_rq) &&
		!cpumask_test(&t->allowed, READ_ONCE(t->cpu)) && !READ_ONCE(t->migrate_off)) {
		if (preempt_depth())
			break; /* the caller may not wait: it moves at its next switch */
		if (READ_ONCE(t->state) != THREAD_RUNNING)
			break;
		sched_yield_now();
		cpu_relax();
	}
	return 0;
}

void sched_get_affinity(struct thread *t, struct cpumask *out)
{
	cpumask_copy(out, &t->allowed);
}

void sched_migrate_disable(void)
{
	struct thread *t = thread_current();

	WRITE_ONCE(t->migrate_off, t->migrate_off + 1);
	barrier();
}

void sched_migrate_enable(void)
{
	struct thread *t = thread_current();

	barrier();
	WRITE_ONCE(t->migrate_off, t->migrate_off - 1);
	if (!t->migrate_off && !cpumask_test(&t->allowed, cpu_id()))
		schedule();
}
