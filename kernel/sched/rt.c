/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SCHED_FIFO and SCHED_RR [posix sched]: a list per priority and a bitmap of the lists that are not
 * empty, highest number first. The running thread stays at the head of its list. Preempted threads
 * keep their place; woken ones go to the tail; round robin goes to the tail when its slice ends.
 *
 * Real-time threads may use 950 ms of each second while others wait; then the rest gets 50 ms, so that
 * a spinning real-time thread does not lock the machine up. If nobody else waits they are not limited.
 */
#include "sched_impl.h"

void rt_init(struct rt_rq *rt)
{
	*rt = (struct rt_rq){.nr = 0};
	for (unsigned i = 0; i < RT_PRIOS; i++)
		list_init(&rt->queue[i]);
}

/* Lists are indexed from the most urgent. */
static unsigned slot_of(const struct thread *t)
{
	return RT_PRIOS - 1 - t->se.rt_prio;
}

void rt_enqueue(struct rq *rq, struct thread *t, bool at_head)
{
	struct list_head *q = &rq->rt.queue[slot_of(t)];

	if (at_head)
		list_add(&t->se.rt_link, q);
	else
		list_add_tail(&t->se.rt_link, q);
	bitmap_set(rq->rt.map, slot_of(t));
	if (!t->se.rr_left)
		t->se.rr_left = RR_SLICE_NS;
	rq->rt.nr++;
}

void rt_dequeue(struct rq *rq, struct thread *t)
{
	list_del(&t->se.rt_link);
	if (list_empty(&rq->rt.queue[slot_of(t)]))
		bitmap_clear(rq->rt.map, slot_of(t));
	rq->rt.nr--;
}

struct thread *rt_pick(struct rq *rq)
{
	size_t slot;

	if (rq->rt.throttled && rq->nr > rq->rt.nr)
		return NULL;
	slot = bitmap_find_first_set(rq->rt.map, RT_PRIOS);
	return list_first_entry(&rq->rt.queue[slot], struct thread, se.rt_link);
}

static void new_period(struct rq *rq)
{
	if (rq->now - rq->rt.period_start < RT_PERIOD_NS)
		return;
	rq->rt.period_start = rq->now;
	rq->rt.time = 0;
	rq->rt.throttled = false;
}

void rt_charge(struct rq *rq, struct thread *t, u64 delta)
{
	new_period(rq);
	rq->rt.time += delta;
	if (t->se.is_rr)
		t->se.rr_left -= min(t->se.rr_left, delta);
}

static void to_tail(struct rq *rq, struct thread *t)
{
	list_move_tail(&t->se.rt_link, &rq->rt.queue[slot_of(t)]);
}

void rt_yield(struct rq *rq, struct thread *t)
{
	to_tail(rq, t);
}

static bool is_alone(struct rq *rq, struct thread *t)
{
	return list_is_singular(&rq->rt.queue[slot_of(t)]);
}

u64 rt_slice_left(struct rq *rq, struct thread *t)
{
	u64 left = ~0ull;

	if (t->se.is_rr && !is_alone(rq, t))
		left = max(t->se.rr_left, SLICE_MIN_NS);
	if (rq->nr > rq->rt.nr) /* others wait: the throttle */
		left = min(left, max(RT_RUNTIME_NS - min(rq->rt.time, RT_RUNTIME_NS), SLICE_MIN_NS));
	return left;
}

bool rt_tick(struct rq *rq, struct thread *t)
{
	bool was = rq->rt.throttled, again = false;

	new_period(rq);
	if (!rq->rt.throttled && rq->rt.time >= RT_RUNTIME_NS && rq->nr > rq->rt.nr) {
		rq->rt.throttled = true;
		again = t->se.klass == SCHED_CLASS_RT;
	}
	if (was && !rq->rt.throttled)
		again = true;
	if (t->se.klass == SCHED_CLASS_RT && t->se.is_rr && !t->se.rr_left) {
		t->se.rr_left = RR_SLICE_NS;
		if (t->se.queued && !is_alone(rq, t)) {
			to_tail(rq, t);
			again = true;
		}
	}
	return again;
}
