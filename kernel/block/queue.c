/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lanes: checking, collecting and joining, and the end of a request. See queue.h.
 */
#include "queue_impl.h"
#include <lib/errno.h>
#include <lib/string.h>
#include <env/log.h>
#include <env/mem.h>

ENV_LOCK_CLASS(blkq_lane, ENV_RANK_DRIVER + 1, "requests of one CPU to a disk, collected");
ENV_LOCK_CLASS(blkq, ENV_RANK_DRIVER + 2, "a disk: requests that wait for memory, flushes");

/* ---- lists ---- */

void blkq_list_init(struct blkq_list *l)
{
	l->head = NULL;
	l->tail = &l->head;
}

void blkq_push(struct blkq_list *l, struct blk_request *rq)
{
	state_of(rq)->next = NULL;
	*l->tail = rq;
	l->tail = &state_of(rq)->next;
}

struct blk_request *blkq_pop(struct blkq_list *l)
{
	struct blk_request *rq = l->head;

	if (rq) {
		l->head = state_of(rq)->next;
		if (!l->head)
			l->tail = &l->head;
	}
	return rq;
}

/* ---- accounts ---- */

static enum blkq_group group_of(u8 op)
{
	switch (op) {
	case BLK_READ: return BLKQ_READ;
	case BLK_FLUSH: return BLKQ_FLUSH;
	case BLK_DISCARD: return BLKQ_DISCARD;
	default: return BLKQ_WRITE;
	}
}

static void add(u64 *n, u64 by)
{
	__atomic_fetch_add(n, by, __ATOMIC_RELAXED);
}

/* Time since the last event counts as busy when something was in flight, which is what the end of a request shows. In steps of about a millisecond. */
static void count_busy(struct blkq_range *r, u64 now, bool busy)
{
	u64 stamp = READ_ONCE(r->busy_stamp);

	if (now >> 20 != stamp >> 20 && now > stamp && __atomic_compare_exchange_n(&r->busy_stamp, &stamp, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED) && busy)
		add(&r->busy_ns, now - stamp);
}

static bool is_idle(const struct blkq_stats *s)
{
	return READ_ONCE(s->begun[BLKQ_READ]) == READ_ONCE(s->ended[BLKQ_READ]) &&
	       READ_ONCE(s->begun[BLKQ_WRITE]) == READ_ONCE(s->ended[BLKQ_WRITE]);
}

static void count_begin(const struct blkq *q, struct blk_request *rq, u64 now)
{
	unsigned lane = rq->queue % q->nlanes;

	for (struct blkq_range *r = state_of(rq)->range; r; r = r->whole) {
		count_busy(r, now, !is_idle(&r->stats[lane]));
		add(&r->stats[lane].begun[group_of(rq->op)], 1);
	}
}

static void count_end(const struct blkq *q, struct blk_request *rq)
{
	enum blkq_group g = group_of(rq->op);
	u64 now = env_now();

	for (struct blkq_range *r = state_of(rq)->range; r; r = r->whole) {
		struct blkq_stats *s = &r->stats[rq->queue % q->nlanes];

		count_busy(r, now, true);
		add(&s->ended[g], 1);
		add(&s->sectors[g], rq->op == BLK_FLUSH ? 0 : rq->n512);
		add(&s->ns[g], now - state_of(rq)->started_ns);
	}
}

void blkq_range_sum(const struct blkq *q, const struct blkq_range *r, struct blkq_stats *out)
{
	*out = (struct blkq_stats){0};
	for (unsigned i = 0; i < q->nlanes; i++) {
		for (int g = 0; g < BLKQ_GROUPS; g++) {
			/* ended first: never more of them than have begun */
			out->ended[g] += __atomic_load_n(&r->stats[i].ended[g], __ATOMIC_ACQUIRE);
			out->begun[g] += READ_ONCE(r->stats[i].begun[g]);
			out->sectors[g] += READ_ONCE(r->stats[i].sectors[g]);
			out->joined[g] += READ_ONCE(r->stats[i].joined[g]);
			out->ns[g] += READ_ONCE(r->stats[i].ns[g]);
		}
	}
}

/* ---- ends ---- */

void blkq_end(struct blkq *q, struct blk_request *rq, s32 status)
{
	count_end(q, rq);
	rq->status = status;
	rq->done(rq);
}

void blkq_end_later(struct blkq *q, struct blk_request *rq, s32 status)
{
	unsigned long flags = env_spin_lock(&q->lock);

	state_of(rq)->status = status;
	blkq_push(&q->ended, rq);
	env_spin_unlock(&q->lock, flags);
	env_work_queue(&q->work);
}

static void end_work(struct env_work *w)
{
	struct blkq *q = container_of(w, struct blkq, work);
	unsigned long flags;

	for (;;) {
		struct blk_request *rq;

		flags = env_spin_lock(&q->lock);
		rq = blkq_pop(&q->ended);
		env_spin_unlock(&q->lock, flags);
		if (!rq)
			break;
		blkq_end(q, rq, state_of(rq)->status);
	}
}

/* ---- collecting ---- */

/* Lane lock held. */
static void send_runs(struct blkq *q, struct blkq_lane *lane)
{
	for (u32 i = 0; i < lane->nruns; i++)
		blkq_send_run(q, lane, &lane->runs[i]);
	lane->nruns = 0;
}

static void kick_lower(struct blkq *q, struct blkq_lane *lane)
{
	if (!READ_ONCE(q->dead))
		q->lower.ops->kick(q->lower.self, lane->index);
}

static void lane_timer(struct env_timer *t)
{
	struct blkq_lane *lane = container_of(t, struct blkq_lane, timer);
	unsigned long flags = env_spin_lock(&lane->lock);

	lane->armed = false;
	if (lane->nruns) {
		send_runs(lane->q, lane);
		kick_lower(lane->q, lane);
	}
	env_spin_unlock(&lane->lock, flags);
}

/* Does @rq fit to one end of @run? 1 behind, -1 before, 0 no. */
static int joins(const struct blkq *q, const struct blkq_run *run, const struct blk_request *rq, u64 lba, u32 nsegs)
{
	if (run->op != rq->op || run->flags != rq->flags || run->kind != rq->data.kind || rq->flags & BLK_FUA ||
		(run->n512 + rq->n512) * 512 > q->info.max_bytes || run->nsegs + nsegs > q->info.max_segs)
		return 0;
	return lba == run->lba512 + run->n512 ? 1 : lba + rq->n512 == run->lba512 ? -1 : 0;
}

static void join(struct blkq *q, struct blkq_lane *lane, struct blkq_run *run, struct blk_request *rq, u64 lba, u32 nsegs, int where)
{
	if (where > 0) {
		blkq_push(&run->rqs, rq);
	} else {
		state_of(rq)->next = run->rqs.head;
		run->rqs.head = rq;
		run->lba512 = lba;
	}
	run->n512 += rq->n512;
	run->nsegs += nsegs;
	run->nrqs++;
	for (struct blkq_range *r = state_of(rq)->range; r; r = r->whole)
		add(&r->stats[lane->index].joined[group_of(rq->op)], 1);
}

/* Lane lock held. */
static void collect(struct blkq *q, struct blkq_lane *lane, struct blk_request *rq)
{
	u64 lba = state_of(rq)->range->start512 + rq->lba512;
	bool has_data = rq->op == BLK_READ || rq->op == BLK_WRITE;
	u32 nsegs = has_data ? blkq_count_segs(q, &rq->data, rq->n512 * 512) : ~0u;
	struct blkq_run *run;

	for (u32 i = lane->nruns; has_data && i-- > 0;) {
		int where = joins(q, &lane->runs[i], rq, lba, nsegs);

		if (where) {
			join(q, lane, &lane->runs[i], rq, lba, nsegs, where);
			return;
		}
	}
	if (lane->nruns == BLKQ_RUNS)
		send_runs(q, lane);
	run = &lane->runs[lane->nruns++];
	*run = (struct blkq_run){.lba512 = lba, .n512 = rq->n512, .nsegs = nsegs, .nrqs = 1, .op = rq->op, .flags = rq->flags, .kind = rq->data.kind};
	blkq_list_init(&run->rqs);
	blkq_push(&run->rqs, rq);
	if (!lane->armed) {
		lane->armed = true;
		env_timer_arm(&lane->timer, env_deadline(BLKQ_PLUG_NS), BLKQ_PLUG_NS / 2);
	}
}

static s32 check(const struct blkq *q, const struct blkq_range *r, const struct blk_request *rq)
{
	u64 size = READ_ONCE(r->n512), mask = q->info.logical_bytes / 512 - 1;

	if (rq->op == BLK_FLUSH)
		return 0;
	if (rq->op > BLK_WRITE_ZEROES)
		return -EINVAL;
	if (rq->op != BLK_READ && (READ_ONCE(r->read_only) || q->info.flags & BLK_INFO_READ_ONLY))
		return -EROFS;
	if (!rq->n512 || (rq->lba512 | rq->n512) & mask || rq->n512 > size || rq->lba512 > size - rq->n512)
		return -EINVAL;
	if ((rq->op == BLK_READ || rq->op == BLK_WRITE) && (rq->n512 > ~0ull / 512 || rq->data.left != rq->n512 * 512))
		return -EINVAL;
	return 0;
}

void blkq_submit(struct blkq *q, struct blkq_range *range, struct blk_request *rq)
{
	struct blkq_lane *lane = &q->lanes[rq->queue % q->nlanes];
	struct blkq_state *s = state_of(rq);
	s32 status = READ_ONCE(q->dead) ? -ENODEV : check(q, range, rq);
	bool nothing = rq->op == BLK_FLUSH ? !(q->info.flags & BLK_INFO_VOLATILE_CACHE) : rq->op == BLK_DISCARD && !(q->info.flags & BLK_INFO_DISCARD);
	unsigned long flags;

	*s = (struct blkq_state){.range = range, .started_ns = env_now(), .pieces = 1};
	count_begin(q, rq, s->started_ns);
	if (status || nothing) {
		blkq_end_later(q, rq, status);
		return;
	}
	flags = env_spin_lock(&lane->lock);
	if (rq->op == BLK_FLUSH)
		blkq_send_flush(q, lane, rq);
	else
		collect(q, lane, rq);
	env_spin_unlock(&lane->lock, flags);
}

void blkq_kick(struct blkq *q, u16 queue)
{
	struct blkq_lane *lane = &q->lanes[queue % q->nlanes];
	unsigned long flags = env_spin_lock(&lane->lock);

	send_runs(q, lane);
	kick_lower(q, lane);
	env_spin_unlock(&lane->lock, flags);
}

/* What was joined or sent runs on. */
void blkq_cancel(struct blkq *q, struct blk_request *rq)
{
	struct blkq_lane *lane = &q->lanes[rq->queue % q->nlanes];
	unsigned long flags = env_spin_lock(&lane->lock);

	for (u32 i = 0; i < lane->nruns; i++) {
		if (lane->runs[i].nrqs != 1 || lane->runs[i].rqs.head != rq)
			continue;
		lane->nruns--;
		for (; i < lane->nruns; i++)
			lane->runs[i] = lane->runs[i + 1];
		blkq_end_later(q, rq, -ECANCELED);
		break;
	}
	env_spin_unlock(&lane->lock, flags);
}

/* ---- life ---- */

void blkq_refresh(struct blkq *q)
{
	struct blk_info info;
	unsigned long flags;

	q->lower.ops->info(q->lower.self, &info);
	flags = env_spin_lock(&q->lock);
	q->info = info;
	env_spin_unlock(&q->lock, flags);
}

void blkq_info(struct blkq *q, struct blk_info *out)
{
	unsigned long flags = env_spin_lock(&q->lock);

	*out = q->info;
	env_spin_unlock(&q->lock, flags);
}

unsigned blkq_lanes(const struct blkq *q)
{
	return q->nlanes;
}

bool blkq_is_dead(const struct blkq *q)
{
	return READ_ONCE(q->dead);
}

void blkq_kill(struct blkq *q)
{
	STORE_RELEASE(q->dead, 1);
	for (unsigned i = 0; i < q->nlanes; i++) { /* who was calling the provider is not afterwards */
		unsigned long flags = env_spin_lock(&q->lanes[i].lock);

		send_runs(q, &q->lanes[i]);
		env_spin_unlock(&q->lanes[i].lock, flags);
	}
}

static size_t bytes_of(unsigned nlanes)
{
	return sizeof(struct blkq) + nlanes * sizeof(struct blkq_lane);
}

static void init_lane(struct blkq *q, unsigned i)
{
	struct blkq_lane *lane = &q->lanes[i];

	env_spin_init(&lane->lock, &env_lock_class_blkq_lane);
	env_timer_init(&lane->timer, lane_timer);
	lane->q = q;
	lane->index = (u16)i;
}

int blkq_create(const struct blk_port *lower, unsigned nlanes, struct blkq **out)
{
	struct blkq *q = env_alloc(bytes_of(nlanes), ENV_ALLOC_ZERO);

	if (!q)
		return -ENOMEM;
	q->zeroes = env_alloc(BLKQ_ZEROES, ENV_ALLOC_ZERO);
	if (!q->zeroes) {
		env_free(q, bytes_of(nlanes));
		return -ENOMEM;
	}
	q->lower = *lower;
	q->nlanes = nlanes;
	env_spin_init(&q->lock, &env_lock_class_blkq);
	env_work_init(&q->work, end_work);
	blkq_list_init(&q->starved);
	blkq_list_init(&q->ended);
	blkq_list_init(&q->flushing);
	blkq_list_init(&q->want_flush);
	q->flush_unit.q = q;
	for (unsigned i = 0; i < BLKQ_RESERVE; i++) {
		q->reserves[i].unit.q = q;
		q->reserves[i].unit.next = q->reserve;
		q->reserve = &q->reserves[i].unit;
	}
	for (unsigned i = 0; i < nlanes; i++)
		init_lane(q, i);
	blkq_refresh(q);
	*out = q;
	return 0;
}

void blkq_destroy(struct blkq *q)
{
	for (unsigned i = 0; i < q->nlanes; i++)
		env_timer_cancel_sync(&q->lanes[i].timer);
	env_work_flush(&q->work);
	for (unsigned i = 0; i < q->nlanes; i++) /* who has sent the last request is still leaving */
		env_spin_unlock(&q->lanes[i].lock, env_spin_lock(&q->lanes[i].lock));
	env_free(q->zeroes, BLKQ_ZEROES);
	env_free(q, bytes_of(q->nlanes));
}
