/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What to send next, one segment (or run of equal segments) at a time [rfc9293 3.8]:
 *
 *	a reset, the SYN, a probe, what was lost, what is new, an ACK alone
 *
 * each within the congestion window, the peer's window, the pace, and the rules of Nagle
 * [rfc1122 4.2.3.4] and of the silly window [rfc9293 3.8.6.2.1].
 */
#include "impl.h"

#define RUN_MAX 65535u /* of payload in one descriptor, headers counted off */

static u32 run_limit(const struct tcp_conn *c)
{
	/* A millisecond of the pace, so that a slow connection does not burst [Linux:
	 * tso_autosize]. */
	u64 burst = c->pacing_rate >> 10;
	u32 segs = (u32)min_t(u64, burst / c->mss, RUN_MAX);
	u32 most = (RUN_MAX - 60 - 60) / c->mss;

	if (c->rtt.srtt_us && rtt_min_us(c) < 1u << 20) /* near peers take more at once */
		segs += (RUN_MAX >> min(rtt_min_us(c) >> 9, 31u)) / c->mss;
	segs = max(segs, c->conf->min_tso_segs);
	return clamp(segs, 1u, max(most, 1u)) * c->mss;
}

/* Offers are small when the window ever was [rfc9293 3.8.6.2.1]. */
static u32 send_mss(const struct tcp_conn *c)
{
	u32 half = c->max_wnd / 2;

	if (c->max_wnd > 536)
		return half ? min_t(u32, c->mss, max(half, 68u)) : c->mss;
	return max_t(u32, 1, min_t(u32, c->mss, c->max_wnd ? c->max_wnd : c->mss));
}

static void blocks_in(struct tcp_conn *c, struct tcp_opts *o)
{
	if (c->ndsack)
		o->blocks[o->nblocks++] = c->dsack;
	for (unsigned i = 0; i < c->nsacks && o->nblocks < ARRAY_SIZE(o->blocks); i++)
		o->blocks[o->nblocks++] = c->sacks[i];
	c->ndsack = 0;
}

/* Header fields that are the same for whatever follows the handshake. */
static void finish(struct tcp_conn *c, struct tcp_tx *tx)
{
	tx->ack = c->rcv_nxt;
	tx->flags |= TCP_ACK;
	tx->urg = 0;
	if (unlikely(c->urg_mode) && seq_lt(tx->seq, c->snd_up) && c->snd_up - tx->seq <= 0xffff) {
		tx->urg = (u16)(c->snd_up - tx->seq);
		tx->flags |= TCP_URG;
	}
	if (c->ecn_ok) {
		if (c->ece_send)
			tx->flags |= TCP_ECE;
		tx->ect = tx->len && !tx->retx;
		if (tx->ect && c->cwr_send) {
			tx->flags |= TCP_CWR;
			c->cwr_send = false;
		}
	}
	tx->wnd = (u16)rcv_select_window(c);
	if (unlikely(c->nsacks | c->ndsack)) {
		struct tcp_opts o = {.ts = c->ts_ok,
			.wscale = 0xff,
			.cookie_len = -1,
			.tsval = conn_tsval(c),
			.tsecr = c->ts_recent};

		blocks_in(c, &o);
		tcp_opts_encode(&o, tx);
	} else if (c->ts_ok) {
		tcp_opts_encode_ts(tx, conn_tsval(c), c->ts_recent);
	}
	/* Everything that was to be acknowledged is. */
	if (c->quick && c->ack_at != TCP_OFF)
		c->quick--;
	c->ack_now = false;
	c->ack_at = TCP_OFF;
}

static void tx_init(struct tcp_tx *tx, u32 seq, u32 len, u32 mss)
{
	tx->seq = tx->data = seq;
	tx->len = len;
	tx->mss = (u16)mss;
	tx->flags = 0;
	tx->optlen = 0;
	tx->ect = tx->retx = false;
}

static void pull_reset(struct tcp_conn *c, struct tcp_tx *tx)
{
	tx_init(tx, c->rst_seq, 0, c->mss);
	tx->flags = TCP_RST;
	tx->wnd = tx->urg = 0;
	tx->ack = 0;
	if (c->irs_valid) {
		tx->flags |= TCP_ACK;
		tx->ack = c->rcv_nxt;
	}
	c->rst_now = false;
	conn_count(c, TCP_MIB_OUT_RSTS);
}

/* SYN, or SYN,ACK of a simultaneous open; first or again. */
static void pull_syn(struct tcp_conn *c, struct tcp_tx *tx)
{
	struct tcp_opts o = {.mss = c->adv_mss,
		.wscale = c->wscale_ok ? c->rcv_wscale : 0xff,
		.sack_ok = c->sack_ok,
		.ts = c->ts_ok,
		.tsval = conn_tsval(c),
		.tsecr = c->ts_recent,
		.cookie_len = -1};
	bool first = c->snd_nxt == c->iss;
	u32 len = 0;

	tx_init(tx, c->iss, 0, c->mss);
	tx->data = c->iss + 1;
	tx->flags = TCP_SYN;
	tx->ack = 0;
	tx->urg = 0;
	tx->wnd = (u16)min(c->rcv_wnd, 65535u);
	if (c->state == TCP_S_SYN_RECV) {
		tx->flags |= TCP_ACK;
		tx->ack = c->rcv_nxt;
		if (c->ecn_ok)
			tx->flags |= TCP_ECE;
		c->rcv_wup = c->rcv_nxt;
	} else {
		if (c->ecn_ok && first)
			tx->flags |= TCP_ECE | TCP_CWR;
		else
			c->ecn_ok = false; /* [rfc3168 6.1.1.1]: middleboxes that drop it */
		if (c->tfo_len >= 0 && first) {
			o.cookie_len = c->tfo_len;
			o.cookie = c->tfo_cookie;
			c->tfo_state = TFO_SYN;
			if (c->tfo_len > 0 || c->user.tfo_no_cookie)
				len = min_t(u32, c->snd_end - c->iss - 1, c->mss - 40u);
			if (!c->tfo_len && c->user.tfo_no_cookie)
				o.cookie_len = -1;
		}
	}
	tcp_opts_encode(&o, tx);
	tx->retx = !first;
	if (first) {
		c->snd_nxt = c->iss + 1;
		board_push(c, c->iss, c->snd_nxt);
		if (len) {
			c->tfo_state = TFO_SYN_DATA;
			board_push(c, c->snd_nxt, c->snd_nxt + len);
			c->snd_nxt += len;
			tx->len = len;
			c->bytes_sent += len;
		}
		c->first_tx_us = (u32)c->now_us;
		c->delivered_us = c->now_us;
	} else if (c->board.n) {
		struct tcp_rec *r = board_at(&c->board, 0);

		if (r->seq == c->iss)
			board_retransmitted(c, r);
		c->total_retx++;
		if (!c->cong.retx_stamp_ms)
			c->cong.retx_stamp_ms = conn_tsval(c);
	}
	c->syn_sent = true;
	c->ack_now = false;
	if (c->rtx_kind == TCP_RTX_NONE || first)
		timer_rtx(c, TCP_RTX_RTO, conn_after_ms(c, (u64)c->rtt.rto_ms << c->rtt.backoff));
}

static void sent_stats(struct tcp_conn *c, const struct tcp_tx *tx)
{
	u32 n = tx->len > tx->mss ? DIV_ROUND_UP(tx->len, tx->mss) : 1;

	c->segs_out += n;
	if (!tx->len)
		return;
	c->data_segs_out += n;
	c->bytes_sent += tx->len;
	if (tx->retx) {
		c->bytes_retx += tx->len;
		c->total_retx += n;
	}
}

/* The next segment may go when this one has had its time. */
static void pace(struct tcp_conn *c, u32 len)
{
	u64 now = conn_ns(c);

	if (c->user.max_pacing == ~0ull || !c->pacing_rate)
		return;
	c->pace_at = now + (u64)len * TCP_NS_PER_S / c->pacing_rate;
}

static bool paced_out(const struct tcp_conn *c)
{
	return c->pace_at != TCP_OFF && c->pace_at > conn_ns(c);
}

/* A record again, at most a run of it. */
static bool pull_lost(struct tcp_conn *c, struct tcp_tx *tx)
{
	struct tcp_rec *r = board_next_lost(c);
	u32 flight = conn_flight(c), room, len, limit;
	u32 at;

	if (!r)
		return false;
	room = c->cong.cwnd > flight ? c->cong.cwnd - flight : 0;
	limit = min(c->force_retx ? max_t(u32, room, c->mss) : room, run_limit(c));
	len = r->end - r->seq;
	if (limit < len && limit < c->mss)
		return false;
	/* What the peer's window does not cover waits, but for its first byte [rfc9293 3.8.6]. */
	if (seq_lt(c->snd_una + c->snd_wnd, r->end)) {
		if (r->seq != c->snd_una)
			return false;
		limit = min_t(u32, limit, max_t(u32, c->snd_wnd, 1));
	}
	if (len > limit) {
		limit = limit > c->mss ? limit - limit % c->mss : limit;
		if (board_split(c, (u32)(r - board_at(&c->board, 0)), r->seq + limit))
			r = board_next_lost(c);
		else if (!c->force_retx)
			return false;
		/* Without memory for the split the rest counts as sent, until the timer. */
		len = min(r->end - r->seq, limit);
	}
	at = r->seq;
	c->force_retx = false;
	tx_init(tx, at, len, c->mss);
	tx->retx = true;
	if (c->fin_queued && at + len == c->fin_seq + 1) {
		tx->flags = TCP_FIN;
		tx->len--;
	}
	if (tx->len && at + tx->len == c->snd_end)
		tx->flags |= TCP_PSH;
	board_retransmitted(c, r);
	c->retx_hint = r->end;
	if (!c->cong.retx_stamp_ms)
		c->cong.retx_stamp_ms = conn_tsval(c);
	if (c->cong.undo && c->cong.undo_retx != ~0u)
		c->cong.undo_retx += len;
	else if (c->cong.undo)
		c->cong.undo_retx = len;
	c->cong.prr_out += len;
	conn_count(c, TCP_MIB_RETRANS_SEGS);
	return true;
}

/* [rfc896, rfc1122 4.2.3.4], in Minshall's form: only one small segment is out. */
static bool nagle_holds(const struct tcp_conn *c)
{
	if (c->user.cork || c->more)
		return !c->fin_queued;
	if (c->user.nodelay || c->fin_queued || c->urg_mode)
		return false;
	return c->snd_nxt != c->snd_una && seq_lt(c->snd_una, c->snd_sml) &&
	       seq_leq(c->snd_sml, c->snd_nxt);
}

/* How much of what is new may go now; *out_why: what stops it if nothing does. */
static u32 new_limit(struct tcp_conn *c, u32 avail)
{
	u32 flight = conn_flight(c), mss = send_mss(c), len;
	u32 wnd = conn_snd_window(c);
	u32 cwnd = c->cong.cwnd > flight ? c->cong.cwnd - flight : 0;

	if (!cwnd || (cwnd < mss && cwnd < avail && flight)) {
		c->cong.cwnd_limited = true;
		return 0;
	}
	len = min(avail, run_limit(c));
	if (len > wnd) {
		/* Not the crumbs of a window [rfc9293 3.8.6.2.1]. */
		chrono_set(c, CHRONO_RWND);
		len = wnd >= mss ? wnd - wnd % mss : 0;
	}
	if (len > cwnd) {
		len = cwnd >= mss ? cwnd - cwnd % mss : mss;
		len = min(len, avail);
		c->cong.cwnd_limited = true;
	}
	if (len > mss && len % mss && len == avail && nagle_holds(c))
		len -= len % mss;
	else if (len < mss && len == avail && nagle_holds(c))
		len = 0;
	return len;
}

static void sent_new(struct tcp_conn *c, struct tcp_tx *tx, u32 len, bool fin)
{
	u32 end = tx->seq + len + fin;

	/* The first flight after an idle time begins a new measure of the rate. */
	if (c->snd_nxt == c->snd_una) {
		c->first_tx_us = (u32)c->now_us;
		c->delivered_us = c->now_us;
		c->cong.max_out = 0;
		c->cong.cwnd_limited = false;
	}
	c->app_limited = conn_unsent(c) <= len && !c->cong.cwnd_limited;
	board_push(c, tx->seq, end);
	c->snd_nxt = end;
	c->cong.max_out = max(c->cong.max_out, conn_out(c));
	c->cong.prr_out += len;
	if (conn_flight(c) + c->mss > c->cong.cwnd)
		c->cong.cwnd_limited = true;
	if (len && len % c->mss)
		c->snd_sml = end;
	chrono_set(c, CHRONO_BUSY);
	/* A reply that follows a request: ACKs ride on data from now on. */
	if (conn_ms(c) - c->last_rx_ms < max(c->ato_ms, 1u) && c->irs_valid)
		c->pingpong = 1;
	c->last_tx_ms = conn_ms(c);
}

static bool pull_new(struct tcp_conn *c, struct tcp_tx *tx)
{
	u32 avail = conn_unsent(c), len = 0;
	bool fin;

	if (!avail && !(c->fin_queued && c->snd_nxt == c->fin_seq))
		return false;
	if (paced_out(c))
		return false;
	if (c->snd_nxt == c->snd_una)
		cong_restart_idle(c);
	if (avail) {
		len = new_limit(c, avail);
		if (!len)
			return false;
	}
	fin = c->fin_queued && c->snd_nxt + len == c->fin_seq &&
	      seq_lt(c->snd_nxt + len, c->snd_una + c->snd_wnd);
	if (!len && !fin)
		return false;
	tx_init(tx, c->snd_nxt, len, send_mss(c));
	tx->flags = fin ? TCP_FIN : 0;
	if (len == avail && len)
		tx->flags |= TCP_PSH;
	sent_new(c, tx, len, fin);
	pace(c, len);
	return true;
}

/* The tail probe [rfc8985 7.3]: what is new, else the last segment again. */
static bool pull_tlp(struct tcp_conn *c, struct tcp_tx *tx)
{
	struct tcp_board *b = &c->board;
	u32 avail = conn_unsent(c), wnd = conn_snd_window(c), len;
	struct tcp_rec *r;

	c->tlp_now = false;
	if (!b->n)
		return false;
	conn_count(c, TCP_MIB_LOSS_PROBES);
	c->tlp_retx = !(avail && wnd);
	if (!c->tlp_retx) {
		len = min_t(u32, min(avail, wnd), c->mss);
		tx_init(tx, c->snd_nxt, len, c->mss);
		tx->flags = len == avail ? TCP_PSH : 0;
		sent_new(c, tx, len, false);
	} else {
		r = board_at(b, b->n - 1);
		if (r->flags & REC_SACKED)
			return false;
		if (r->end - r->seq > c->mss &&
			board_split(c, b->n - 1, r->seq + (r->end - r->seq - 1) / c->mss * c->mss))
			r = board_at(b, b->n - 1);
		len = min_t(u32, r->end - r->seq, c->mss);
		tx_init(tx, r->end - len, len, c->mss);
		tx->retx = true;
		if (c->fin_queued && r->end == c->fin_seq + 1) {
			tx->flags = TCP_FIN;
			tx->len--;
		}
		if (tx->len && tx->seq + tx->len == c->snd_end)
			tx->flags |= TCP_PSH;
		board_retransmitted(c, r);
		if (!c->cong.retx_stamp_ms)
			c->cong.retx_stamp_ms = conn_tsval(c);
		conn_count(c, TCP_MIB_RETRANS_SEGS);
	}
	c->tlp_end = c->snd_nxt;
	return true;
}

/* A probe of the peer's window or life: an old sequence number makes it answer [rfc9293 3.8.6.1].
 */
static void pull_probe(struct tcp_conn *c, struct tcp_tx *tx)
{
	u32 wnd = conn_snd_window(c);
	u32 avail = conn_unsent(c);

	c->probe_now = false;
	if (wnd && avail && c->rtx_kind == TCP_RTX_PROBE) {
		/* A window too small to fill: now it is used. */
		tx_init(tx, c->snd_nxt, min_t(u32, min(wnd, avail), c->mss), c->mss);
		tx->flags = TCP_PSH;
		sent_new(c, tx, tx->len, false);
		return;
	}
	tx_init(tx, c->snd_una - (c->urg_mode ? 0 : 1), 0, c->mss);
	conn_count(c, TCP_MIB_WIN_PROBE);
}

/* A window that shrank may not cover what was sent; an ACK beyond it would be thrown away. */
static u32 ack_seq(const struct tcp_conn *c)
{
	u32 edge = c->snd_una + c->snd_wnd;

	return seq_lt(edge, c->snd_nxt) && c->snd_nxt - edge >= 1u << c->snd_wscale ? edge
										    : c->snd_nxt;
}

bool tcp_pull(struct tcp_conn *c, u64 now, struct tcp_tx *tx)
{
	bool data = false;

	conn_clock(c, now);
	if (unlikely(c->rst_now)) {
		pull_reset(c, tx);
		sent_stats(c, tx);
		return true;
	}
	if (unlikely(TCP_IN(c->state, 1u << TCP_S_SYN_SENT | 1u << TCP_S_SYN_RECV)) &&
		!c->syn_sent) {
		pull_syn(c, tx);
		sent_stats(c, tx);
		return true;
	}
	if (TCP_IN(c->state, TCP_SET_OUT) && c->state != TCP_S_SYN_RECV) {
		if (unlikely(c->probe_now)) {
			pull_probe(c, tx);
			data = true;
		} else if (unlikely(c->tlp_now) && pull_tlp(c, tx)) {
			data = true;
		} else {
			data = (unlikely(c->board.lost) && pull_lost(c, tx)) || pull_new(c, tx);
		}
		if (!data)
			timer_after_send(c);
	}
	if (!data) {
		if (!c->ack_now)
			return false;
		tx_init(tx, ack_seq(c), 0, c->mss);
	}
	finish(c, tx);
	sent_stats(c, tx);
	if (data && c->board.n && c->rtx_kind != TCP_RTX_RTO && c->rtx_kind != TCP_RTX_REORDER)
		timer_rearm(c);
	return true;
}
