/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loss: found by time [rfc8985 RACK], or by duplicate ACKs where the peer has no SACK [rfc6582];
 * answered by a reduction of the window in proportion to what is delivered [rfc6937 PRR]; and taken
 * back when it turns out that nothing was lost [rfc3522 Eifel, rfc5682 F-RTO, rfc3708 D-SACK].
 *
 *	OPEN <--> DISORDER (something is out of order)
 *	  |ECE       |a record is lost
 *	  v          v                          the timer
 *	 CWR     RECOVERY <-----------------------> LOSS
 *	  '----------'--- all sent before is acknowledged, or undone ---> OPEN
 */
#include "impl.h"

/* Was (@at, @end) sent before (@at2, @end2)? [rfc8985 6.2: RACK_sent_after] */
static bool sent_before(u64 at, u32 end, u64 at2, u32 end2)
{
	return at < at2 || (at == at2 && seq_lt(end, end2));
}

/* A record was acknowledged in either way [rfc8985 6.2 step 2]. */
void loss_delivered(struct tcp_conn *c, const struct tcp_rec *r)
{
	struct tcp_rack *k = &c->rack;
	u64 rtt = c->now_us - r->sent_us;

	/* The ACK is more likely the original's. */
	if (r->flags & REC_EVER_RETX && rtt < rtt_min_us(c))
		return;
	k->advanced = true;
	k->rtt_us = (u32)min_t(u64, rtt, U32_MAX);
	if (sent_before(k->sent_us, k->end, r->sent_us, r->end)) {
		k->sent_us = r->sent_us;
		k->end = r->end;
	}
}

/* [rfc8985 6.2 step 4] */
static u32 rack_window(struct tcp_conn *c)
{
	struct tcp_rack *k = &c->rack;
	u32 quarter = rtt_min_us(c) / 4;

	if (!k->reord_seen) {
		if (c->cong.state >= CA_RECOVERY)
			return 0;
		if (c->dupacks >= c->reordering || c->board.sacked >= c->reordering * c->mss)
			return 0;
	}
	return (u32)min_t(u64, (u64)quarter * k->steps, c->rtt.srtt_us >> 3);
}

/* Once in a round trip: a D-SACK widens the window, sixteen recoveries without one narrow it. */
static void rack_adapt(struct tcp_conn *c, const struct tcp_ack *a)
{
	struct tcp_rack *k = &c->rack;

	if (seq_lt(a->prior_una, k->last_delivered))
		k->dsack_seen = false;
	if (k->dsack_seen) {
		k->steps = (u8)min(k->steps + 1, 0xff);
		k->dsack_seen = false;
		k->last_delivered = c->snd_nxt;
		k->persist = 16;
	} else if (!k->persist) {
		k->steps = 1;
	}
}

/*
 * Mark what was sent long enough before something that arrived. Records that were never sent twice
 * lie in the order of time, so the first of them that is too young ends the walk.
 * Returns: microseconds until the next may be marked; 0: none waits.
 */
static u32 rack_mark(struct tcp_conn *c, u32 window)
{
	struct tcp_board *b = &c->board;
	struct tcp_rack *k = &c->rack;
	u32 wait = 0;

	for (u32 i = 0; i < b->n; i++) {
		struct tcp_rec *r = board_at(b, i);
		s64 left;

		if (r->flags & REC_SACKED || (r->flags & (REC_LOST | REC_RETX)) == REC_LOST)
			continue;
		if (!sent_before(r->sent_us, r->end, k->sent_us, k->end)) {
			if (!(r->flags & REC_EVER_RETX))
				break;
			continue;
		}
		left = (s64)k->rtt_us + window - (s64)(c->now_us - r->sent_us);
		if (left <= 0)
			board_lose(c, r);
		else
			wait = max(wait, (u32)min_t(s64, left, U32_MAX));
	}
	return wait;
}

/* [rfc8985 6.2 step 5]. Returns: whether the reordering timer was set. */
bool loss_detect(struct tcp_conn *c)
{
	u32 wait;

	if (!c->rack.advanced)
		return false;
	c->rack.advanced = false;
	wait = rack_mark(c, rack_window(c));
	if (!wait)
		return false;
	timer_rtx(c, TCP_RTX_REORDER, conn_ns(c) + (wait + 2000ull) * 1000);
	return true;
}

/* ---- undo ---- */

/* The ACK answers a segment older than our first retransmission [rfc3522 3.2 step 4]. */
bool loss_packet_delayed(const struct tcp_conn *c)
{
	return c->cong.retx_stamp_ms && c->rcv_tsecr && seq_lt(c->rcv_tsecr, c->cong.retx_stamp_ms);
}

static bool may_undo(const struct tcp_conn *c)
{
	return c->cong.undo && (!c->cong.undo_retx || loss_packet_delayed(c));
}

static void undo_window(struct tcp_conn *c, bool unmark)
{
	struct tcp_cong *g = &c->cong;

	if (unmark)
		board_clear_marks(c, false);
	if (g->prior_ssthresh) {
		cong_undo(c);
		if (g->prior_ssthresh > g->ssthresh) {
			g->ssthresh = g->prior_ssthresh;
			c->cwr_send = false;
		}
	}
	g->undo = false;
	c->rack.advanced = true;
}

static void undo_init(struct tcp_conn *c)
{
	c->cong.undo = true;
	c->cong.undo_marker = c->snd_una;
	c->cong.undo_retx = c->board.retx ? c->board.retx : ~0u;
	c->cong.prior_cwnd = c->cong.cwnd;
}

/* ---- reduction ---- */

static void reduction_start(struct tcp_conn *c)
{
	struct tcp_cong *g = &c->cong;

	g->high_seq = c->snd_nxt;
	c->tlp_end = 0;
	g->prior_cwnd = g->cwnd;
	g->prr_delivered = g->prr_out = 0;
	g->ssthresh = cong_ssthresh(c);
	if (c->ecn_ok)
		c->cwr_send = true;
}

/* [rfc6937 3.1], with the conservative bound where loss goes on. */
static void reduction_step(struct tcp_conn *c, const struct tcp_ack *a)
{
	struct tcp_cong *g = &c->cong;
	u32 delivered = c->delivered - a->prior_delivered, flight = conn_flight(c), send;
	bool lost_more = c->board.lost > a->prior_lost;

	if (!delivered || !g->prior_cwnd)
		return;
	g->prr_delivered += delivered;
	if (flight > g->ssthresh) {
		u64 due = ((u64)g->ssthresh * g->prr_delivered + g->prior_cwnd - 1) / g->prior_cwnd;

		send = due > g->prr_out ? (u32)(due - g->prr_out) : 0;
	} else {
		u32 room = g->ssthresh - flight;

		send = max(g->prr_delivered > g->prr_out ? g->prr_delivered - g->prr_out : 0u,
			delivered);
		if (a->advanced && !lost_more)
			send += c->mss;
		send = min(send, room);
	}
	if (!g->prr_out)
		send = max_t(u32, send, c->mss);
	g->cwnd = flight + send;
}

static void reduction_end(struct tcp_conn *c)
{
	struct tcp_cong *g = &c->cong;

	if (g->ssthresh != ~0u && (g->state == CA_CWR || g->undo))
		g->cwnd = max_t(u32, g->ssthresh, 2u * c->mss);
}

void loss_enter_cwr(struct tcp_conn *c)
{
	struct tcp_cong *g = &c->cong;

	if (g->state >= CA_CWR)
		return;
	g->prior_ssthresh = 0;
	g->undo = false;
	reduction_start(c);
	g->state = CA_CWR;
}

static void enter_recovery(struct tcp_conn *c)
{
	struct tcp_cong *g = &c->cong;

	conn_count(c, c->sack_ok ? TCP_MIB_SACK_RECOVERY : TCP_MIB_RENO_RECOVERY);
	g->prior_ssthresh = 0;
	if (g->state < CA_CWR) {
		g->prior_ssthresh = max(g->ssthresh, g->cwnd / 4 * 3);
		undo_init(c);
		reduction_start(c);
	} else {
		undo_init(c);
		g->high_seq = c->snd_nxt;
	}
	g->state = CA_RECOVERY;
	c->rack.persist -= c->rack.persist > 0;
	c->force_retx = true;
}

/* Without SACK: the first segment is the one that is missing [rfc6582 3.2]. */
static void reno_lose_head(struct tcp_conn *c)
{
	struct tcp_rec *r = c->board.n ? board_at(&c->board, 0) : NULL;

	if (!r || r->flags & REC_LOST)
		return;
	if (r->end - r->seq > c->mss && board_split(c, 0, r->seq + c->mss))
		r = board_at(&c->board, 0);
	board_lose(c, r);
}

static void reno_dupacks(struct tcp_conn *c, const struct tcp_ack *a, bool dup)
{
	if (c->sack_ok)
		return;
	if (a->advanced) {
		u32 n = a->acked > c->mss ? a->acked - c->mss : 0;

		/* These were counted as delivered when the duplicates came. */
		n = min(c->reno_sacked, n);
		c->reno_sacked -= n;
		c->delivered -= n;
		c->dupacks = 0;
	} else if (dup && c->reno_sacked + c->mss < conn_out(c)) {
		c->reno_sacked += c->mss;
		c->delivered += c->mss;
	}
}

/* ---- after each ACK ---- */

static bool exit_recovery(struct tcp_conn *c)
{
	struct tcp_cong *g = &c->cong;

	if (may_undo(c)) {
		conn_count(c, g->state == CA_LOSS ? TCP_MIB_LOSS_UNDO : TCP_MIB_FULL_UNDO);
		undo_window(c, g->state == CA_LOSS);
	}
	if (!c->sack_ok && c->snd_una == g->high_seq && c->snd_una != c->snd_nxt)
		return false; /* hold until more: a second window of old duplicates */
	reduction_end(c);
	if (g->state == CA_LOSS && c->rto_stamp_ms) {
		c->rto_time_ms += conn_ms(c) - c->rto_stamp_ms;
		c->rto_stamp_ms = 0;
	}
	g->state = CA_OPEN;
	g->undo = false;
	g->frto = false;
	g->retx_stamp_ms = 0;
	c->reno_sacked = 0;
	c->retransmits = 0;
	c->dupacks = 0;
	return true;
}

/* LOSS: was the timeout needless? [rfc5682 3.1, with SACK and timestamps] */
static bool process_loss(struct tcp_conn *c, const struct tcp_ack *a, bool dup)
{
	struct tcp_cong *g = &c->cong;

	if (may_undo(c) && a->advanced && loss_packet_delayed(c))
		goto spurious;
	if (!g->frto)
		return false;
	if (a->orig_sacked && (c->sack_ok || a->advanced))
		goto spurious;
	if (seq_lt(g->high_seq, c->snd_nxt)) {
		if (a->sacked || dup)
			g->frto = false; /* step 3.a: it was no delay */
	} else if (a->advanced && seq_lt(c->snd_una, g->high_seq)) {
		/* Step 2.b: two new segments show which it was. */
		g->high_seq = c->snd_nxt;
		if (conn_unsent(c) && conn_snd_window(c) >= c->mss) {
			g->cwnd = conn_flight(c) + 2u * c->mss;
			return true;
		}
		g->frto = false;
	}
	return false;
spurious:
	conn_count(c, TCP_MIB_SPURIOUS_RTOS);
	undo_window(c, true);
	g->frto = false;
	g->state = CA_OPEN;
	g->retx_stamp_ms = 0;
	c->retransmits = 0;
	return true;
}

static void reordering_seen(struct tcp_conn *c)
{
	u32 metric = (c->high_sacked - c->snd_una) / c->mss + 1;

	c->rack.reord_seen = true;
	c->reord_seen++;
	if (metric > c->reordering)
		c->reordering = min(metric, c->conf->max_reordering);
	conn_count(c, TCP_MIB_SACK_REORDER);
}

/* Marks of this ACK, and RECOVERY if there are any. */
static void find_losses(struct tcp_conn *c, const struct tcp_ack *a)
{
	struct tcp_cong *g = &c->cong;

	if (c->sack_ok) {
		if (c->board.sacked || c->board.lost || g->state >= CA_RECOVERY ||
			c->rack.reord_seen)
			loss_detect(c);
	} else if (g->state == CA_RECOVERY) {
		if (a->advanced)
			reno_lose_head(c);
	} else if (c->dupacks >= c->reordering && g->state < CA_RECOVERY) {
		reno_lose_head(c);
	}
	if (c->board.lost && g->state < CA_RECOVERY)
		enter_recovery(c);
}

static void leave_if_done(struct tcp_conn *c)
{
	struct tcp_cong *g = &c->cong;

	if (g->state <= CA_DISORDER || seq_lt(c->snd_una, g->high_seq))
		return;
	if (g->state == CA_CWR) {
		if (c->snd_una != g->high_seq || c->snd_una == c->snd_nxt) {
			reduction_end(c);
			g->state = CA_OPEN;
		}
		return;
	}
	exit_recovery(c);
}

void loss_after_ack(struct tcp_conn *c, struct tcp_ack *a)
{
	struct tcp_cong *g = &c->cong;
	bool dup = !a->advanced && (a->sacked || (!a->payload && !a->win_update && conn_out(c)));
	bool held = false;

	if (a->reordered)
		reordering_seen(c);
	rack_adapt(c, a);
	if (a->advanced && g->state < CA_RECOVERY)
		c->dupacks = 0;
	else if (dup && c->dupacks < 0xff)
		c->dupacks++;
	reno_dupacks(c, a, dup);
	if (a->ece && g->state < CA_CWR)
		loss_enter_cwr(c);
	leave_if_done(c);
	if (g->state == CA_LOSS)
		held = process_loss(c, a, dup);
	else if (g->state == CA_RECOVERY && a->advanced && may_undo(c) && loss_packet_delayed(c)) {
		undo_window(c, true);
		g->state = CA_OPEN;
		g->retx_stamp_ms = 0;
	} else if (a->dsack && g->undo && !g->undo_retx && g->state < CA_LOSS) {
		conn_count(c, TCP_MIB_DSACK_UNDO);
		undo_window(c, false);
	}
	if (!held)
		find_losses(c, a);
	if (g->state < CA_CWR)
		g->state = c->board.sacked || c->reno_sacked ? CA_DISORDER : CA_OPEN;
	if (g->state == CA_CWR || g->state == CA_RECOVERY)
		reduction_step(c, a);
	else if (!held && (a->advanced || (a->sacked && c->rack.reord_seen)))
		cong_grow(c, a);
}

/* The reordering timer marked something [rfc8985 6.3]. */
void loss_after_timer(struct tcp_conn *c)
{
	if (c->board.lost == c->board.retx)
		return;
	if (c->cong.state < CA_RECOVERY)
		enter_recovery(c);
	if (c->cong.state == CA_RECOVERY)
		c->cong.cwnd = max(c->cong.cwnd, conn_flight(c) + c->mss);
}

/* The retransmission timer [rfc5681 3.1, rfc8985 6.3]. */
void loss_timeout(struct tcp_conn *c)
{
	struct tcp_cong *g = &c->cong;
	struct tcp_board *b = &c->board;
	bool fresh = g->state < CA_RECOVERY;

	if (g->state <= CA_DISORDER || !seq_lt(c->snd_una, g->high_seq) ||
		(g->state == CA_LOSS && !c->retransmits)) {
		g->prior_ssthresh = max(g->ssthresh, g->cwnd / 4 * 3);
		undo_init(c);
		g->ssthresh = cong_ssthresh(c);
		cong_lost(c);
	}
	/* [rfc2018 8]: a peer that has the first hole yet does not acknowledge it has reneged. */
	if (b->n && board_at(b, 0)->flags & REC_SACKED)
		board_clear_marks(c, true);
	for (u32 i = 0; i < b->n; i++) {
		struct tcp_rec *r = board_at(b, i);

		if (i && c->sack_ok && c->rack.rtt_us && c->now_us - r->sent_us < c->rack.rtt_us)
			continue;
		board_lose(c, r);
	}
	c->reno_sacked = 0;
	c->dupacks = 0;
	c->retx_hint = c->snd_una;
	g->cwnd = conn_flight(c) + c->mss;
	g->state = CA_LOSS;
	g->high_seq = c->snd_nxt;
	if (c->ecn_ok)
		c->cwr_send = true;
	g->frto = c->conf->frto && (fresh || c->retransmits) && c->state != TCP_S_SYN_RECV;
	c->force_retx = true;
}
