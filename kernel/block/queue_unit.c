/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Units: pieces and joined requests on their way through the provider, flushes. See queue.h.
 *
 * A request's `pieces` counts its units in flight and one more as long as somebody is still sending; the last piece takes that one over, so that a request
 * never ends inside submit.
 */
#include "queue_impl.h"
#include <lib/errno.h>
#include <lib/string.h>
#include <env/log.h>
#include <env/mem.h>

/* ---- memory ---- */

static struct blkq_unit *alloc_unit(struct blkq *q, u32 nsegs)
{
	size_t size = sizeof(struct blkq_unit) + nsegs * sizeof(struct iobuf_seg);
	struct blkq_unit *u = env_fault("blkq: no unit") ? NULL : env_alloc(size, ENV_ALLOC_NOWAIT);

	if (u) {
		u->q = q;
		u->size = size;
	}
	return u;
}

/* One with room for a segment; or NULL, and @rq waits in its turn for one. */
static struct blkq_unit *unit_or_starve(struct blkq *q, struct blk_request *rq, u32 nsegs)
{
	struct blkq_unit *u = alloc_unit(q, nsegs);
	unsigned long flags;

	if (u)
		return u;
	flags = env_spin_lock(&q->lock);
	u = q->reserve;
	if (u)
		q->reserve = u->next;
	else
		blkq_push(&q->starved, rq);
	env_spin_unlock(&q->lock, flags);
	return u;
}

static void free_unit(struct blkq *q, struct blkq_unit *u)
{
	unsigned long flags;

	if (u->size) {
		env_free(u, u->size);
		return;
	}
	flags = env_spin_lock(&q->lock);
	u->next = q->reserve;
	q->reserve = u;
	env_spin_unlock(&q->lock, flags);
}

/* ---- sending; lane lock held ---- */

static void submit_unit(struct blkq *q, struct blkq_lane *lane, struct blkq_unit *u)
{
	u->lower.queue = lane->index;
	u->lower.done = blkq_unit_done;
	q->lower.ops->submit(q->lower.self, &u->lower);
}

static u32 pieces_of(const struct blkq *q, size_t len)
{
	return len <= q->info.max_seg_bytes ? 1 : (u32)min_t(size_t, DIV_ROUND_UP(len, (size_t)q->info.max_seg_bytes), U32_MAX / 2);
}

u32 blkq_count_segs(const struct blkq *q, const struct iobuf *data, size_t bytes)
{
	size_t off = data->seg_off;
	u32 n = 0;

	for (const struct iobuf_seg *s = data->segs; bytes; s++, off = 0) {
		size_t len = min(bytes, s->len - off);

		n += len ? pieces_of(q, len) : 0;
		bytes -= len;
		if (n > q->info.max_segs)
			break;
	}
	return n;
}

/* As much of @data from its position on as the provider takes at once, in whole blocks: bytes; 0: not even one. */
static size_t cut(const struct blkq *q, const struct iobuf *data)
{
	size_t left = min_t(size_t, data->left, q->info.max_bytes), bytes = 0, off = data->seg_off;
	u32 room = q->info.max_segs;

	for (const struct iobuf_seg *s = data->segs; left && room; s++, off = 0) {
		size_t len = min(left, s->len - off);

		if (!len)
			continue;
		if (pieces_of(q, len) > room)
			len = (size_t)room * q->info.max_seg_bytes;
		room -= pieces_of(q, len);
		bytes += len;
		left -= len;
	}
	return bytes & ~(size_t)(q->info.logical_bytes - 1);
}

/* Describe the next piece of @rq in @l: its sectors; 0: it cannot be done. *out_zeroes: segments of zeroes that it needs. */
static u64 next_piece(const struct blkq *q, struct blk_request *rq, struct blk_request *l, u32 *out_zeroes)
{
	struct blkq_state *s = state_of(rq);
	u64 left = rq->n512 - s->sent512;

	*out_zeroes = 0;
	*l = (struct blk_request){.op = rq->op, .flags = rq->flags, .lba512 = READ_ONCE(s->range->start512) + rq->lba512 + s->sent512};
	switch (rq->op) {
	case BLK_DISCARD: l->n512 = min(left, q->info.max_discard512); break;
	case BLK_WRITE_ZEROES:
		if (q->info.flags & BLK_INFO_ZEROES) {
			l->n512 = min(left, q->info.max_zeroes512);
			break;
		}
		l->op = BLK_WRITE;
		l->flags &= (u8)~BLK_MAY_UNMAP;
		l->n512 = min(left, (u64)min(q->info.max_segs, 64u) * (BLKQ_ZEROES / 512));
		l->n512 = min(l->n512, (u64)q->info.max_bytes / 512);
		*out_zeroes = (u32)DIV_ROUND_UP(l->n512, BLKQ_ZEROES / 512);
		break;
	default:
		l->data = rq->data;
		iobuf_advance(&l->data, s->sent512 * 512);
		l->n512 = cut(q, &l->data) / 512;
		iobuf_limit(&l->data, l->n512 * 512);
	}
	if (rq->flags & BLK_FUA && rq->op != BLK_READ && l->n512 < rq->n512 && !(q->info.flags & BLK_INFO_FUA)) {
		l->flags &= (u8)~BLK_FUA;
		s->flush_after = q->info.flags & BLK_INFO_VOLATILE_CACHE;
	}
	return l->n512;
}

/* A reserved unit has room for one segment only. */
static void fill_zeroes(struct blkq *q, struct blkq_unit *u, u32 nsegs)
{
	u32 n = u->size ? nsegs : 1;

	u->lower.n512 = min(u->lower.n512, (u64)n * (BLKQ_ZEROES / 512));
	for (u32 i = 0; i < n; i++)
		u->segs[i] = (struct iobuf_seg){.base = (u64)(unsigned long)q->zeroes, .len = BLKQ_ZEROES};
	iobuf_init_segs(&u->lower.data, IOBUF_KERNEL, u->segs, n);
	iobuf_limit(&u->lower.data, u->lower.n512 * 512);
}

static void note_error(struct blkq_state *s, s32 status)
{
	s32 none = 0;

	(void)__atomic_compare_exchange_n(&s->status, &none, status, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

/* The sender gives up. */
static void stop_sending(struct blkq *q, struct blk_request *rq, s32 status)
{
	struct blkq_state *s = state_of(rq);

	note_error(s, status);
	if (__atomic_sub_fetch(&s->pieces, 1, __ATOMIC_ACQ_REL) == 0)
		blkq_end_later(q, rq, READ_ONCE(s->status));
}

void blkq_send(struct blkq *q, struct blkq_lane *lane, struct blk_request *rq)
{
	struct blkq_state *s = state_of(rq);
	bool last;

	do {
		struct blk_request lower;
		struct blkq_unit *u;
		u32 zeroes;

		if (READ_ONCE(q->dead)) {
			stop_sending(q, rq, -ENODEV);
			return;
		}
		if (!next_piece(q, rq, &lower, &zeroes)) {
			stop_sending(q, rq, -EINVAL);
			return;
		}
		u = unit_or_starve(q, rq, zeroes);
		if (!u)
			return;
		u->lower = lower;
		u->nrqs = 1;
		blkq_list_init(&u->rqs);
		u->rqs.head = rq; /* its link may be in use: by another unit of the same request, or a queue */
		if (zeroes)
			fill_zeroes(q, u, zeroes);
		s->sent512 += u->lower.n512;
		last = s->sent512 == rq->n512;
		if (!last)
			__atomic_fetch_add(&s->pieces, 1, __ATOMIC_RELAXED);
		submit_unit(q, lane, u); /* the last piece may end the request: it is not ours any more */
	} while (!last);
}

static void append_segs(struct blkq_unit *u, u32 *n, const struct iobuf *b)
{
	size_t left = b->left, off = b->seg_off;

	for (const struct iobuf_seg *s = b->segs; left; s++, off = 0) {
		size_t len = min(left, s->len - off);

		if (!len)
			continue;
		u->segs[*n] = *s;
		if (b->kind == IOBUF_PAGES)
			u->segs[*n].page_off += (u32)off;
		else
			u->segs[*n].base += off;
		u->segs[(*n)++].len = len;
		left -= len;
	}
}

void blkq_send_run(struct blkq *q, struct blkq_lane *lane, struct blkq_run *run)
{
	struct blkq_unit *u = run->nrqs > 1 && !READ_ONCE(q->dead) ? alloc_unit(q, run->nsegs) : NULL;
	struct blk_request *rq;
	u32 n = 0;

	if (!u) {
		while ((rq = blkq_pop(&run->rqs)))
			blkq_send(q, lane, rq);
		return;
	}
	u->lower = (struct blk_request){.op = run->op, .flags = run->flags, .lba512 = run->lba512, .n512 = run->n512};
	u->nrqs = run->nrqs;
	u->rqs = run->rqs;
	for (rq = u->rqs.head; rq; rq = state_of(rq)->next) {
		append_segs(u, &n, &rq->data);
		state_of(rq)->sent512 = rq->n512;
	}
	iobuf_init_segs(&u->lower.data, run->kind, u->segs, n);
	submit_unit(q, lane, u);
}

/* ---- completion; no lock held ---- */

static struct blkq_lane *lane_of(struct blkq *q, const struct blk_request *rq)
{
	return &q->lanes[rq->queue % q->nlanes];
}

/* From the end of another request on. */
static void send_again(struct blkq *q, struct blk_request *rq, bool flush)
{
	struct blkq_lane *lane = lane_of(q, rq);
	unsigned long flags = env_spin_lock(&lane->lock);

	if (flush)
		blkq_send_flush(q, lane, rq);
	else
		blkq_send(q, lane, rq);
	if (!READ_ONCE(q->dead))
		q->lower.ops->kick(q->lower.self, lane->index);
	env_spin_unlock(&lane->lock, flags);
}

/* A unit is free: those who wait for one go on, as long as there is one. */
static void feed_starved(struct blkq *q)
{
	for (;;) {
		unsigned long flags = env_spin_lock(&q->lock);
		struct blk_request *rq = q->reserve ? blkq_pop(&q->starved) : NULL;

		env_spin_unlock(&q->lock, flags);
		if (!rq)
			break;
		send_again(q, rq, false);
	}
}

static void piece_done(struct blkq *q, struct blk_request *rq, s32 status)
{
	struct blkq_state *s = state_of(rq);

	if (status)
		note_error(s, status);
	if (__atomic_sub_fetch(&s->pieces, 1, __ATOMIC_ACQ_REL))
		return;
	status = READ_ONCE(s->status);
	if (!status && s->flush_after) {
		s->flush_after = false;
		send_again(q, rq, true);
	} else {
		blkq_end(q, rq, status);
	}
}

void blkq_unit_done(struct blk_request *lower)
{
	struct blkq_unit *u = container_of(lower, struct blkq_unit, lower);
	struct blkq_list rqs = u->rqs;
	struct blkq *q = u->q;
	s32 status = lower->status;
	u32 nrqs = u->nrqs;

	free_unit(q, u);
	feed_starved(q); /* before the ends: behind the last of them the queue may be gone */
	if (nrqs == 1) {
		piece_done(q, rqs.head, status);
	} else {
		struct blk_request *rq, *next;

		for (rq = rqs.head; rq; rq = next) {
			next = state_of(rq)->next;
			if (status == -EIO) {
				state_of(rq)->sent512 = 0;
				send_again(q, rq, false);
			} else {
				piece_done(q, rq, status);
			}
		}
	}
}

/* ---- flushes ---- */

static void submit_flush(struct blkq *q, struct blkq_lane *lane)
{
	q->flush_unit.lower = (struct blk_request){.op = BLK_FLUSH, .queue = lane->index, .done = blkq_flush_done};
	q->lower.ops->submit(q->lower.self, &q->flush_unit.lower);
	q->lower.ops->kick(q->lower.self, lane->index);
}

void blkq_send_flush(struct blkq *q, struct blkq_lane *lane, struct blk_request *rq)
{
	unsigned long flags;
	bool begin;

	if (READ_ONCE(q->dead)) {
		blkq_end_later(q, rq, -ENODEV);
		return;
	}
	flags = env_spin_lock(&q->lock);
	begin = !q->flush_running;
	q->flush_running = true;
	blkq_push(begin ? &q->flushing : &q->want_flush, rq);
	env_spin_unlock(&q->lock, flags);
	if (begin)
		submit_flush(q, lane);
}

/* Those who came meanwhile go together. */
static void next_flush(struct blkq *q, struct blk_request *one)
{
	struct blkq_lane *lane = lane_of(q, one);
	unsigned long flags = env_spin_lock(&lane->lock);
	bool dead = READ_ONCE(q->dead);

	if (!dead)
		submit_flush(q, lane);
	env_spin_unlock(&lane->lock, flags);
	if (dead) {
		q->flush_unit.lower.status = -ENODEV;
		blkq_flush_done(&q->flush_unit.lower);
	}
}

void blkq_flush_done(struct blk_request *lower)
{
	struct blkq *q = container_of(lower, struct blkq_unit, lower)->q;
	s32 status = lower->status;
	unsigned long flags = env_spin_lock(&q->lock);
	struct blk_request *rq = q->flushing.head, *next, *again = q->want_flush.head;

	blkq_list_init(&q->flushing);
	if (again)
		q->flushing = q->want_flush;
	blkq_list_init(&q->want_flush);
	q->flush_running = again != NULL;
	env_spin_unlock(&q->lock, flags);
	if (again)
		next_flush(q, again);
	for (; rq; rq = next) {
		next = state_of(rq)->next;
		blkq_end(q, rq, status);
	}
}
