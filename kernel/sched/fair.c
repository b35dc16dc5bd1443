/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fair class: earliest eligible virtual deadline first [Stoica, Abdel-Wahab 1995].
 *
 * Each thread has a virtual runtime v that grows by CPU time * 1024 / weight, and a request: a slice
 * of CPU that is due at virtual deadline d = v + slice * 1024 / weight. The queue's virtual time V is
 * the weighted mean of all v: a thread with v <= V has got no more than its share and is eligible. Of
 * the eligible the one with the earliest deadline runs. Short slices have early deadlines: latency
 * is asked for apart from share.
 *
 *   lag = V - v      what a thread is owed. Kept across sleep (se->vlag), bounded by a slice or so.
 *
 * The tree is ordered by deadline and each node knows the smallest v below it, so that the search goes
 * left whenever somebody eligible is there: O(log n). The running thread is not in the tree but counts
 * for V. Sums are kept relative to `base`, which follows the smallest v, and stay small.
 *
 * A running thread that has not used up its request keeps the CPU against equals for PREEMPT_MIN_NS;
 * then a waking thread with an earlier deadline takes it. SCHED_IDLE threads give way at once and
 * SCHED_BATCH threads never preempt.
 */
#include "sched_impl.h"
#include <lib/rbtree_augmented.h>

/* 1024 * 1.25^-nice, rounded. */
static const u32 weights[40] = {
	88818, 71054, 56843, 45475, 36380, 29104, 23283, 18626, 14901, 11921,
	9537, 7629, 6104, 4883, 3906, 3125, 2500, 2000, 1600, 1280,
	1024, 819, 655, 524, 419, 336, 268, 215, 172, 137,
	110, 88, 70, 56, 45, 36, 29, 23, 18, 15,
};

static struct sched_entity *se_of(struct rb_node *n)
{
	return rb_entry(n, struct sched_entity, node);
}

static bool recompute(struct rb_node *n)
{
	struct sched_entity *se = se_of(n);
	u64 least = se->vruntime, old = se->min_vruntime;

	if (n->left && (s64)(se_of(n->left)->min_vruntime - least) < 0)
		least = se_of(n->left)->min_vruntime;
	if (n->right && (s64)(se_of(n->right)->min_vruntime - least) < 0)
		least = se_of(n->right)->min_vruntime;
	se->min_vruntime = least;
	return least != old;
}
RB_AUGMENTED(fair_tree, recompute)

static bool deadline_less(const struct rb_node *a, const struct rb_node *b)
{
	return (s64)(rb_entry(a, struct sched_entity, node)->deadline -
		       rb_entry(b, struct sched_entity, node)->deadline) < 0;
}

u32 fair_weight(int nice)
{
	return weights[nice + 20];
}

void fair_init(struct fair_rq *f)
{
	*f = (struct fair_rq){.tree = RB_ROOT_CACHED};
}

/* CPU time to virtual time. */
static u64 virtual_of(const struct sched_entity *se, u64 ns)
{
	if (likely(se->weight == WEIGHT_NICE_0))
		return ns;
	return (u64)((unsigned __int128)ns * WEIGHT_NICE_0 * se->inv_weight >> 32);
}

static u64 real_of(const struct sched_entity *se, u64 virt)
{
	return virt * se->weight / WEIGHT_NICE_0;
}

static void sum_add(struct fair_rq *f, const struct sched_entity *se)
{
	f->weight += se->weight;
	f->sum += (s64)(se->vruntime - f->base) * se->weight;
}

static void sum_sub(struct fair_rq *f, const struct sched_entity *se)
{
	f->weight -= se->weight;
	f->sum -= (s64)(se->vruntime - f->base) * se->weight;
}

/* Sum and weight with the running thread. */
static s64 total(const struct fair_rq *f, s64 *out_weight)
{
	s64 sum = f->sum;

	*out_weight = (s64)f->weight;
	if (f->curr) {
		*out_weight += f->curr->se.weight;
		sum += (s64)(f->curr->se.vruntime - f->base) * f->curr->se.weight;
	}
	return sum;
}

/* V, rounded down. */
static u64 virtual_now(const struct fair_rq *f)
{
	s64 weight, sum = total(f, &weight);

	if (!weight)
		return f->base;
	if (sum < 0)
		sum -= weight - 1;
	return f->base + (u64)(sum / weight);
}

static bool eligible(const struct fair_rq *f, u64 vruntime)
{
	s64 weight, sum = total(f, &weight);

	return sum >= (s64)(vruntime - f->base) * weight;
}

/* Move base up to the smallest v, when it has fallen behind by more than a little. */
static void advance_base(struct fair_rq *f)
{
	u64 least = f->curr ? f->curr->se.vruntime : f->base;
	s64 by;

	if (f->tree.root.node) {
		u64 tree_least = se_of(f->tree.root.node)->min_vruntime;

		if (!f->curr || (s64)(tree_least - least) < 0)
			least = tree_least;
	}
	by = (s64)(least - f->base);
	if (by > (s64)NSEC_PER_MSEC || by < 0) {
		f->sum -= by * (s64)f->weight;
		f->base = least;
	}
}

static void tree_add(struct fair_rq *f, struct thread *t)
{
	bool leftmost = rb_link_ordered(&t->se.node, &f->tree.root, deadline_less);

	sum_add(f, &t->se);
	fair_tree_insert_cached(&t->se.node, &f->tree, leftmost);
}

static void tree_remove(struct fair_rq *f, struct thread *t)
{
	sum_sub(f, &t->se);
	fair_tree_erase_cached(&t->se.node, &f->tree);
}

static void renew_deadline(struct sched_entity *se)
{
	se->deadline = se->vruntime + virtual_of(se, se->slice);
}

/* Choose v for a thread that joins: what it was owed when it left, it is owed again. */
static void place(struct fair_rq *f, struct sched_entity *se, enum enqueue_why why)
{
	s64 weight, lag = why == ENQ_NEW ? 0 : se->vlag;

	total(f, &weight);
	/*
	 * Joining moves V by -lag * w / (W + w); give so much more that lag is what it was
	 * afterwards.
	 */
	if (lag && weight)
		lag = lag * (weight + se->weight) / weight;
	se->vruntime = virtual_now(f) - (u64)lag;
	renew_deadline(se);
	if (why == ENQ_NEW) /* half a request at first, so that a fork storm spreads */
		se->deadline -= virtual_of(se, se->slice) / 2;
}

static s64 lag_now(const struct fair_rq *f, const struct sched_entity *se)
{
	s64 lag = (s64)(virtual_now(f) - se->vruntime);
	s64 limit = (s64)virtual_of(se, max(2 * se->slice, SCHED_TICK_NS));

	return clamp(lag, -limit, limit);
}

void fair_enqueue(struct rq *rq, struct thread *t, enum enqueue_why why)
{
	struct fair_rq *f = &rq->fair;

	place(f, &t->se, why);
	f->nr++;
	if (t == rq->curr) /* changes class or parameters while it runs */
		f->curr = t;
	else
		tree_add(f, t);
}

void fair_dequeue(struct rq *rq, struct thread *t, bool sleeps)
{
	struct fair_rq *f = &rq->fair;

	t->se.vlag = lag_now(f, &t->se);
	f->nr--;
	if (t == f->curr)
		f->curr = NULL;
	else
		tree_remove(f, t);
	advance_base(f);
}

void fair_charge(struct rq *rq, struct thread *t, u64 delta)
{
	struct fair_rq *f = &rq->fair;
	struct sched_entity *se = &t->se;

	se->vruntime += virtual_of(se, delta);
	if ((s64)(se->vruntime - se->deadline) >= 0)
		renew_deadline(se); /* the request is served: the next one */
	if (f->nr > 1)
		advance_base(f);
}

/* The eligible entity of the tree with the earliest deadline. */
static struct thread *earliest(struct fair_rq *f)
{
	struct rb_node *n = f->tree.leftmost;

	if (!n)
		return NULL;
	if (eligible(f, se_of(n)->vruntime))
		return container_of(se_of(n), struct thread, se);
	n = f->tree.root.node;
	while (n) {
		if (n->left && eligible(f, se_of(n->left)->min_vruntime)) {
			n = n->left;
			continue;
		}
		if (eligible(f, se_of(n)->vruntime))
			return container_of(se_of(n), struct thread, se);
		n = n->right;
	}
	return NULL;
}

struct thread *fair_pick(struct rq *rq)
{
	struct fair_rq *f = &rq->fair;
	struct thread *t = earliest(f);

	/* The running thread was put back into the tree, so somebody is eligible, but for rounding. */
	if (!t && f->tree.leftmost)
		t = container_of(se_of(f->tree.leftmost), struct thread, se);
	return t;
}

void fair_set_curr(struct rq *rq, struct thread *t)
{
	tree_remove(&rq->fair, t);
	rq->fair.curr = t;
}

void fair_put_curr(struct rq *rq, struct thread *t)
{
	rq->fair.curr = NULL;
	tree_add(&rq->fair, t);
}

bool fair_should_preempt(struct rq *rq, struct thread *t)
{
	struct fair_rq *f = &rq->fair;
	struct sched_entity *curr = &rq->curr->se, *se = &t->se;

	if (se->is_batch || !eligible(f, se->vruntime) ||
		(s64)(se->deadline - curr->deadline) >= 0)
		return false;
	return se->slice < curr->slice || curr->sum_exec - curr->picked_exec >= PREEMPT_MIN_NS ||
		!eligible(f, curr->vruntime);
}

/* What the running thread may still use of its request: until its deadline, in CPU time. */
u64 fair_slice_left(struct rq *rq, struct thread *t)
{
	s64 virt = (s64)(t->se.deadline - t->se.vruntime);

	return virt > 0 ? max(real_of(&t->se, (u64)virt), SLICE_MIN_NS) : SLICE_MIN_NS;
}

bool fair_slice_over(struct rq *rq, struct thread *t)
{
	struct fair_rq *f = &rq->fair;
	struct thread *next = earliest(f);

	if (!next)
		return false;
	if (!eligible(f, t->se.vruntime))
		return true;
	return (s64)(next->se.deadline - t->se.deadline) < 0 &&
		t->se.sum_exec - t->se.picked_exec >= min(PREEMPT_MIN_NS, t->se.slice);
}

/*
 * Give up the rest of the request, as if it were used up: everybody else becomes eligible before. A
 * thread that has had more than its share already only waits its turn.
 */
void fair_yield(struct rq *rq, struct thread *t)
{
	if (eligible(&rq->fair, t->se.vruntime))
		t->se.vruntime = t->se.deadline;
	renew_deadline(&t->se);
}
