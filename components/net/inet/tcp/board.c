/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scoreboard: what was sent and not yet acknowledged cumulatively, as ranges that were sent at
 * one time, in the order of their sequence numbers [rfc2018, rfc6675 3].
 *
 *	snd_una                                           snd_nxt
 *	  |  rec 0   |  rec 1  | rec 2 |      rec 3       |
 *	             | SACKED  | LOST  |
 *
 * An array with a moving head: search is a bisection, pushing and acknowledging are O(1), a split
 * in the middle moves at most half of it. Splits fall on segment boundaries counted from the start
 * of a record, and neighbours that were both SACKed become one, so that a peer that acknowledges
 * odd ranges makes neither more records nor smaller segments.
 *
 *	(none) --sent--> 0 --board_lose--> LOST --retransmitted--> LOST|RETX --lose--> LOST
 *	any --SACKed--> SACKED (marks leave);   any --acknowledged--> gone
 *
 * Flight = snd_nxt - snd_una - sacked - lost + retx.
 *
 * Where memory is short a new record joins the one before it, and a split is not made: the sender
 * then knows less and retransmits more.
 */
#include "impl.h"

#define RECS_MAX 16384

void board_init(struct tcp_board *b)
{
	b->r = b->mine;
	b->cap = TCP_RECS_INLINE;
	b->head = b->n = b->sacked = b->lost = b->retx = 0;
}

void board_fini(struct tcp_conn *c)
{
	struct tcp_board *b = &c->board;

	if (b->r != b->mine)
		c->conf->free(c->conf, b->r, b->cap * sizeof(*b->r));
	board_init(b);
}

struct tcp_rec *board_at(const struct tcp_board *b, u32 i)
{
	return &b->r[b->head + i];
}

/* The record that holds @seq, or the first after it. */
u32 board_find(const struct tcp_board *b, u32 seq)
{
	u32 lo = 0, hi = b->n;

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (seq_leq(board_at(b, mid)->end, seq))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Room for one more at the end. */
static bool board_room(struct tcp_conn *c)
{
	struct tcp_board *b = &c->board;
	struct tcp_rec *bigger;
	u32 cap = b->cap == TCP_RECS_INLINE ? 32 : b->cap * 2;

	if (likely(b->head + b->n < b->cap))
		return true;
	if (b->head > b->cap / 2 || (b->head && b->cap >= RECS_MAX)) {
		memmove(b->r, board_at(b, 0), b->n * sizeof(*b->r));
		b->head = 0;
		return true;
	}
	bigger = b->cap < RECS_MAX && c->conf->alloc
			 ? c->conf->alloc(c->conf, cap * sizeof(*bigger))
			 : NULL;
	if (!bigger) {
		if (!b->head)
			return false;
		memmove(b->r, board_at(b, 0), b->n * sizeof(*b->r));
		b->head = 0;
		return true;
	}
	memcpy(bigger, board_at(b, 0), b->n * sizeof(*bigger));
	if (b->r != b->mine)
		c->conf->free(c->conf, b->r, b->cap * sizeof(*b->r));
	b->r = bigger;
	b->cap = cap;
	b->head = 0;
	return true;
}

void board_push(struct tcp_conn *c, u32 seq, u32 end)
{
	struct tcp_board *b = &c->board;
	struct tcp_rec *last = b->n ? board_at(b, b->n - 1) : NULL, *r;

	/* What went out in one burst of full segments is one record. */
	if (last && last->sent_us == c->now_us && !(last->flags & ~REC_APP_LIMITED) &&
		last->end == seq && (last->end - last->seq) % c->mss == 0) {
		last->end = end;
		return;
	}
	if (unlikely(!board_room(c))) {
		r = last;
		if (r->flags & REC_SACKED)
			b->sacked += end - r->end;
		if (r->flags & REC_LOST)
			b->lost += end - r->end;
		if (r->flags & REC_RETX)
			b->retx += end - r->end;
		r->end = end;
		r->sent_us = c->now_us;
		return;
	}
	r = board_at(b, b->n++);
	*r = (struct tcp_rec){.seq = seq,
		.end = end,
		.sent_us = c->now_us,
		.delivered = c->delivered,
		.delivered_us = (u32)c->delivered_us,
		.first_tx_us = c->first_tx_us,
		.flags = c->app_limited ? REC_APP_LIMITED : 0};
}

/* Record @i becomes [seq, at) and [at, end). */
bool board_split(struct tcp_conn *c, u32 i, u32 at)
{
	struct tcp_board *b = &c->board;
	struct tcp_rec *r;

	if (!board_room(c))
		return false;
	r = board_at(b, i);
	memmove(r + 1, r, (b->n - i) * sizeof(*r));
	b->n++;
	r[0].end = at;
	r[1].seq = at;
	return true;
}

/* Take @n bytes of @r's marks out of the sums. */
static void rec_forget(struct tcp_board *b, const struct tcp_rec *r, u32 n)
{
	if (r->flags & REC_SACKED)
		b->sacked -= n;
	if (r->flags & REC_LOST)
		b->lost -= n;
	if (r->flags & REC_RETX)
		b->retx -= n;
}

/* Newly delivered, for the rate and for reordering. */
static void rec_delivered(struct tcp_conn *c, struct tcp_rec *r, struct tcp_ack *a)
{
	if (!a->rate_valid || r->sent_us >= a->rate_sent_us) {
		a->rate_valid = true;
		a->rate_sent_us = r->sent_us;
		a->rate_delivered = r->delivered;
		a->rate_delivered_us = r->delivered_us;
		a->rate_first_us = r->first_tx_us;
		a->rate_app_limited = r->flags & REC_APP_LIMITED;
	}
	/* An original that arrives below what arrived before it [rfc8985 6.2 step 3]. */
	if (!(r->flags & REC_EVER_RETX) && c->high_sacked != c->snd_una &&
		seq_lt(r->seq, c->high_sacked))
		a->reordered = true;
	loss_delivered(c, r);
}

void board_acked(struct tcp_conn *c, struct tcp_ack *a)
{
	struct tcp_board *b = &c->board;
	u32 una = c->snd_una;

	while (b->n) {
		struct tcp_rec *r = board_at(b, 0);
		u32 upto = seq_min(r->end, una), n = upto - r->seq;

		if (!seq_lt(r->seq, una))
			break;
		if (r->flags & REC_EVER_RETX) {
			a->retx_acked = true;
		} else if (!(r->flags & REC_SACKED)) {
			if (a->rtt_us < 0)
				a->rtt_us = (s64)(c->now_us - r->sent_us);
			if (!(r->flags & REC_LOST) && seq_leq(r->end, c->cong.high_seq))
				a->orig_sacked = true;
		}
		if (!(r->flags & REC_SACKED)) {
			c->delivered += n;
			rec_delivered(c, r, a);
		}
		rec_forget(b, r, n);
		if (upto != r->end) {
			r->seq = upto;
			break;
		}
		b->head++;
		b->n--;
	}
	if (!b->n) {
		if (unlikely(b->r != b->mine))
			board_fini(c);
		b->head = 0;
	}
}

/* The part of record @i inside [start, end) is a record of its own: its index, or b->n. */
static u32 board_carve(struct tcp_conn *c, u32 i, u32 start, u32 end)
{
	struct tcp_rec *r = board_at(&c->board, i);
	u32 mss = c->mss;

	if (seq_lt(r->seq, start)) {
		u32 at = r->seq + DIV_ROUND_UP(start - r->seq, mss) * mss;

		if (!seq_lt(at, r->end) || seq_lt(end, at) || !board_split(c, i, at))
			return c->board.n;
		r = board_at(&c->board, ++i);
	}
	if (seq_lt(end, r->end)) {
		u32 at = r->seq + (end - r->seq) / mss * mss;

		if (at == r->seq || !board_split(c, i, at))
			return c->board.n;
	}
	return i;
}

static void rec_sack(struct tcp_conn *c, struct tcp_rec *r, struct tcp_ack *a)
{
	struct tcp_board *b = &c->board;
	u32 n = r->end - r->seq;

	rec_delivered(c, r, a);
	if (!(r->flags & REC_EVER_RETX)) {
		if (a->sack_rtt_us < 0)
			a->sack_rtt_us = (s64)(c->now_us - r->sent_us);
		if (seq_leq(r->end, c->cong.high_seq))
			a->orig_sacked = true;
	}
	rec_forget(b, r, n);
	r->flags = (u8)((r->flags & ~(REC_LOST | REC_RETX)) | REC_SACKED);
	b->sacked += n;
	a->sacked += n;
	c->delivered += n;
	c->high_sacked = seq_max(c->high_sacked, r->end);
}

/* Join record @i with SACKed neighbours. */
static void board_join(struct tcp_board *b, u32 i)
{
	u32 from = i, to = i;

	while (from && board_at(b, from - 1)->flags & REC_SACKED)
		from--;
	while (to + 1 < b->n && board_at(b, to + 1)->flags & REC_SACKED)
		to++;
	if (from == to)
		return;
	board_at(b, from)->end = board_at(b, to)->end;
	board_at(b, from)->flags |= REC_EVER_RETX & board_at(b, to)->flags;
	memmove(board_at(b, from + 1), board_at(b, to + 1), (b->n - to - 1) * sizeof(*b->r));
	b->n -= to - from;
}

/* One block of the SACK option, checked to lie in (snd_una, snd_nxt]. */
void board_sack(struct tcp_conn *c, struct tcp_block blk, struct tcp_ack *a)
{
	struct tcp_board *b = &c->board;
	u32 i = board_find(b, blk.start);

	while (i < b->n && seq_lt(board_at(b, i)->seq, blk.end)) {
		u32 mine = b->n, end;

		if (!(board_at(b, i)->flags & REC_SACKED))
			mine = board_carve(c, i, blk.start, blk.end);
		if (mine == b->n) {
			i++;
			continue;
		}
		rec_sack(c, board_at(b, mine), a);
		end = board_at(b, mine)->end;
		board_join(b, mine);
		i = board_find(b, end);
	}
}

/* @r did not arrive, or its retransmission did not. */
void board_lose(struct tcp_conn *c, struct tcp_rec *r)
{
	struct tcp_board *b = &c->board;
	u32 n = r->end - r->seq;

	if (r->flags & REC_SACKED)
		return;
	if (r->flags & REC_RETX) {
		r->flags &= (u8)~REC_RETX;
		b->retx -= n;
	}
	if (!(r->flags & REC_LOST)) {
		r->flags |= REC_LOST;
		b->lost += n;
	}
	if (seq_lt(r->seq, c->retx_hint))
		c->retx_hint = r->seq;
}

void board_clear_marks(struct tcp_conn *c, bool sacked_too)
{
	struct tcp_board *b = &c->board;

	for (u32 i = 0; i < b->n; i++) {
		struct tcp_rec *r = board_at(b, i);
		u8 gone = REC_LOST | (sacked_too ? REC_SACKED : 0);

		/* A retransmission without a loss stays in flight twice no longer. */
		if (r->flags & REC_RETX)
			gone |= REC_RETX;
		rec_forget(b, &(struct tcp_rec){.flags = r->flags & gone}, r->end - r->seq);
		r->flags &= (u8)~gone;
	}
}

/* The first record that is lost and not on its way again. */
struct tcp_rec *board_next_lost(struct tcp_conn *c)
{
	struct tcp_board *b = &c->board;

	if (b->lost == b->retx)
		return NULL;
	for (u32 i = board_find(b, c->retx_hint); i < b->n; i++) {
		struct tcp_rec *r = board_at(b, i);

		if ((r->flags & (REC_LOST | REC_RETX)) == REC_LOST) {
			c->retx_hint = r->seq;
			return r;
		}
	}
	return NULL;
}

void board_retransmitted(struct tcp_conn *c, struct tcp_rec *r)
{
	u32 n = r->end - r->seq;

	if (!(r->flags & REC_RETX))
		c->board.retx += n;
	r->flags |= REC_RETX | REC_EVER_RETX;
	r->flags &= (u8)~REC_APP_LIMITED;
	r->sent_us = c->now_us;
	r->delivered = c->delivered;
	r->delivered_us = (u32)c->delivered_us;
	r->first_tx_us = c->first_tx_us;
}

bool board_check(const struct tcp_conn *c)
{
	const struct tcp_board *b = &c->board;
	u32 seq = c->snd_una, sacked = 0, lost = 0, retx = 0;

	for (u32 i = 0; i < b->n; i++) {
		const struct tcp_rec *r = board_at(b, i);
		u32 n = r->end - r->seq;

		if (r->seq != seq || !seq_lt(r->seq, r->end))
			return false;
		if (r->flags & REC_SACKED && r->flags & (REC_LOST | REC_RETX))
			return false;
		sacked += r->flags & REC_SACKED ? n : 0;
		lost += r->flags & REC_LOST ? n : 0;
		retx += r->flags & REC_RETX ? n : 0;
		seq = r->end;
	}
	return seq == c->snd_nxt && sacked == b->sacked && lost == b->lost && retx == b->retx;
}
