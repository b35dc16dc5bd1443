/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SCHED_DEADLINE: earliest deadline first, each thread inside a constant bandwidth server
 * [Abeni, Buttazzo 1998]: budget `runtime` in each `period`, to be used before `deadline`.
 *
 *   wake up       if the old deadline has passed, or if the budget left would exceed the bandwidth until
 *                 it: new deadline = now + deadline, full budget. Else go on with what is left.
 *   budget used   throttled: out of the tree of runnable threads until the period ends
 *                 (dl_replenish); then the deadline moves by a period and the budget is filled.
 *   yield         the budget of this period is given up.
 *
 * Admission: the bandwidths runtime / period of all deadline threads sum to at most 95 % of the CPUs;
 * a sum in 2^-20, one atomic word.
 */
#include "sched_impl.h"
#include <lib/errno.h>
#include <linux/sched.h>

#define BW_UNIT (1ull << 20)

static u64 total_bw; /* atomic */

static bool deadline_less(const struct rb_node *a, const struct rb_node *b)
{
	return (s64)(rb_entry(a, struct thread, se.node)->se.dl_abs_deadline -
		       rb_entry(b, struct thread, se.node)->se.dl_abs_deadline) < 0;
}

static bool replenish_less(const struct rb_node *a, const struct rb_node *b)
{
	return (s64)(rb_entry(a, struct thread, se.node)->se.dl_replenish -
		       rb_entry(b, struct thread, se.node)->se.dl_replenish) < 0;
}

static void timer_fn(struct timer *timer);

void dl_init(struct dl_rq *dl)
{
	*dl = (struct dl_rq){.tree = RB_ROOT_CACHED, .throttled = RB_ROOT_CACHED};
	timer_init(&dl->timer, TIMER_MONOTONIC, timer_fn);
}

static u64 period_of(const struct sched_params *p)
{
	return p->dl_period ? p->dl_period : p->dl_deadline;
}

static u64 bandwidth(const struct sched_params *p)
{
	if (p->policy != SCHED_DEADLINE)
		return 0;
	/* dl_runtime is below 2^63 / BW_UNIT: checked with the parameters. */
	return p->dl_runtime * BW_UNIT / period_of(p);
}

int dl_admit(const struct sched_params *old, const struct sched_params *new_params)
{
	u64 limit = BW_UNIT * 95 / 100 * cpus_online_nr();
	u64 minus = bandwidth(old), plus = bandwidth(new_params), sum = READ_ONCE(total_bw), next;

	do {
		next = sum - minus + plus;
		if (plus > minus && next > limit)
			return -EBUSY;
	} while (!__atomic_compare_exchange_n(
		&total_bw, &sum, next, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return 0;
}

/* scheduler's clock to CLOCK_MONOTONIC, for a moment not far away */
static u64 to_monotonic(const struct rq *rq, u64 at)
{
	s64 left = (s64)(at - rq->now);

	return clock_monotonic() + (left > 0 ? (u64)left : 0);
}

static void fill(struct thread *t, u64 deadline)
{
	t->se.dl_abs_deadline = deadline;
	t->se.dl_replenish = deadline - t->se.dl_deadline + t->se.dl_period;
	t->se.dl_budget = (s64)t->se.dl_runtime;
}

/* May the budget left be used until the old deadline without exceeding the bandwidth? */
static bool keeps_bandwidth(const struct rq *rq, const struct thread *t)
{
	s64 left = (s64)(t->se.dl_abs_deadline - rq->now);

	if (left <= 0 || t->se.dl_budget <= 0)
		return false;
	return (unsigned __int128)(u64)t->se.dl_budget * t->se.dl_deadline <=
		(unsigned __int128)(u64)left * t->se.dl_runtime;
}

static void tree_add(struct rq *rq, struct thread *t)
{
	rb_add_cached(&t->se.node, &rq->dl.tree, deadline_less);
	rq->dl.nr++;
}

static void throttle(struct rq *rq, struct thread *t)
{
	t->se.dl_throttled = true;
	rb_add_cached(&t->se.node, &rq->dl.throttled, replenish_less);
	if (rq->dl.throttled.leftmost == &t->se.node)
		timer_arm(&rq->dl.timer, to_monotonic(rq, t->se.dl_replenish), 0);
}

/* Budget used up: late threads whose next period has begun already go on at once. */
static void exhaust(struct rq *rq, struct thread *t)
{
	rb_erase_cached(&t->se.node, &rq->dl.tree);
	rq->dl.nr--;
	if ((s64)(t->se.dl_replenish - rq->now) <= 0) {
		fill(t, rq->now + t->se.dl_deadline);
		tree_add(rq, t);
	} else {
		throttle(rq, t);
	}
	rq_resched(rq);
}

void dl_enqueue(struct rq *rq, struct thread *t, enum enqueue_why why)
{
	bool spent = t->se.dl_budget <= 0 && (s64)(t->se.dl_replenish - rq->now) > 0;

	t->se.dl_throttled = false;
	if (why == ENQ_WAKE && spent) {
		throttle(rq, t); /* slept at the end of its budget */
		return;
	}
	if (why == ENQ_NEW || !keeps_bandwidth(rq, t))
		fill(t, rq->now + t->se.dl_deadline);
	tree_add(rq, t);
}

void dl_dequeue(struct rq *rq, struct thread *t)
{
	if (t->se.dl_throttled) {
		rb_erase_cached(&t->se.node, &rq->dl.throttled);
		t->se.dl_throttled = false;
		return;
	}
	rb_erase_cached(&t->se.node, &rq->dl.tree);
	rq->dl.nr--;
}

void dl_charge(struct rq *rq, struct thread *t, u64 delta)
{
	t->se.dl_budget -= (s64)delta;
	if (t->se.dl_budget <= 0 && !t->se.dl_throttled)
		exhaust(rq, t);
}

struct thread *dl_pick(struct rq *rq)
{
	struct rb_node *n = rb_first_cached(&rq->dl.tree);

	return n ? rb_entry(n, struct thread, se.node) : NULL;
}

bool dl_should_preempt(struct rq *rq, struct thread *t)
{
	return !t->se.dl_throttled &&
		(rq->curr->se.dl_throttled ||
			(s64)(t->se.dl_abs_deadline - rq->curr->se.dl_abs_deadline) < 0);
}

u64 dl_slice_left(struct rq *rq, struct thread *t)
{
	return t->se.dl_budget > 0 ? (u64)t->se.dl_budget : SLICE_MIN_NS / 10;
}

void dl_yield(struct rq *rq, struct thread *t)
{
	t->se.dl_budget = 0;
	if (!t->se.dl_throttled)
		exhaust(rq, t);
}

/* A period has begun for the first of the throttled, perhaps for more. */
static void timer_fn(struct timer *timer)
{
	struct rq *rq = rq_this();
	struct rb_node *n;

	rq_update(rq);
	while ((n = rb_first_cached(&rq->dl.throttled))) {
		struct thread *t = rb_entry(n, struct thread, se.node);

		if ((s64)(t->se.dl_replenish - rq->now) > 0) {
			timer_arm(&rq->dl.timer, to_monotonic(rq, t->se.dl_replenish), 0);
			return;
		}
		rb_erase_cached(n, &rq->dl.throttled);
		t->se.dl_throttled = false;
		fill(t, max(t->se.dl_replenish, rq->now) + t->se.dl_deadline);
		tree_add(rq, t);
		rq_check_preempt(rq, t);
	}
}
