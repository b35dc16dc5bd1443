/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The acknowledgment of an arriving segment [rfc9293 3.10.7.4, fifth]: what it covers, the round
 * trip it measures [rfc6298, rfc7323 4], the window it brings, and then loss.c's part.
 */
#include "impl.h"
#include <lib/errno.h>

#define MIN_RTT_WINDOW_US 150000000ull /* two of them make Linux' 300 s */

/* ---- the round trip ---- */

u32 rtt_min_us(const struct tcp_conn *c)
{
	return min(c->rtt.min_us, c->rtt.min_prev_us);
}

static void min_rtt_sample(struct tcp_conn *c, u32 us)
{
	struct tcp_rtt *r = &c->rtt;

	if (c->now_us - r->min_since_us > MIN_RTT_WINDOW_US) {
		r->min_prev_us = r->min_us;
		r->min_us = us;
		r->min_since_us = c->now_us;
	}
	r->min_us = min(r->min_us, us);
}

void rtt_set_rto(struct tcp_conn *c)
{
	u32 ms = (c->rtt.srtt_us >> 3) / 1000 + DIV_ROUND_UP(c->rtt.var_us, 1000);

	c->rtt.rto_ms = clamp(ms, c->conf->rto_min_ms, c->conf->rto_max_ms);
	c->rtt.backoff = 0;
}

/*
 * [rfc6298 2.3] with the variance as Linux keeps it: the largest mean deviation of a round trip,
 * falling slowly, and never below the least RTO, so that one delayed ACK is no timeout.
 */
void rtt_sample(struct tcp_conn *c, s64 rtt_us)
{
	struct tcp_rtt *r = &c->rtt;
	u32 us = (u32)clamp_t(s64, rtt_us, 1, 60000000);
	u32 floor = c->conf->rto_min_ms * 1000, dev;
	s32 err;

	min_rtt_sample(c, us);
	if (!r->srtt_us) {
		r->srtt_us = us << 3;
		r->mdev_us = us << 1;
		r->var_us = max(r->mdev_us, floor);
		r->mdev_max_us = r->var_us;
		r->seq = c->snd_nxt;
		return;
	}
	err = (s32)us - (s32)(r->srtt_us >> 3);
	r->srtt_us = (u32)((s32)r->srtt_us + err);
	if (err < 0) {
		dev = (u32)-err;
		/* A delay that falls is no reason to wait longer. */
		if (dev > r->mdev_us >> 2)
			dev = (r->mdev_us >> 2) + ((dev - (r->mdev_us >> 2)) >> 3);
	} else {
		dev = (u32)err;
	}
	r->mdev_us = r->mdev_us - (r->mdev_us >> 2) + dev;
	if (r->mdev_us > r->mdev_max_us) {
		r->mdev_max_us = r->mdev_us;
		r->var_us = max(r->var_us, r->mdev_max_us);
	}
	if (seq_lt(r->seq, c->snd_una)) {
		if (r->mdev_max_us < r->var_us)
			r->var_us -= (r->var_us - r->mdev_max_us) >> 2;
		r->seq = c->snd_nxt;
		r->mdev_max_us = floor;
	}
}

/*
 * The samples of one ACK: of a segment sent once, else by the timestamp. What was sent once but is
 * acknowledged together with a retransmission waited for that one.
 */
static void rtt_of_ack(struct tcp_conn *c, struct tcp_ack *a)
{
	s64 rtt = a->rtt_us >= 0 && !a->retx_acked ? a->rtt_us : a->sack_rtt_us;

	if (rtt < 0 && c->rcv_tsecr && a->data_acked) {
		u32 ms = conn_tsval(c) - c->rcv_tsecr;

		if (ms < 60000)
			rtt = max_t(s64, (s64)ms * 1000, 1000);
	}
	if (rtt < 0)
		return;
	rtt_sample(c, rtt);
	rtt_set_rto(c);
	if (a->rtt_us >= 0 && !a->retx_acked)
		cong_rtt(c, (u32)min_t(s64, rtt, U32_MAX - 1));
}

/* ---- delivery rate [draft-cheng-iccrg-delivery-rate-estimation 3.3] ---- */

static void rate_of_ack(struct tcp_conn *c, const struct tcp_ack *a)
{
	u32 snd, ack, interval, n;

	if (!a->rate_valid)
		return;
	c->delivered_us = c->now_us;
	n = c->delivered - a->rate_delivered;
	snd = (u32)a->rate_sent_us - a->rate_first_us;
	ack = (u32)c->now_us - a->rate_delivered_us;
	c->first_tx_us = (u32)a->rate_sent_us;
	interval = max(snd, ack);
	if (!interval || !a->rate_delivered_us || interval < rtt_min_us(c))
		return;
	if (a->rate_app_limited && (u64)n * c->rate_us < (u64)c->rate_bytes * interval)
		return;
	c->rate_bytes = n;
	c->rate_us = interval;
	c->rate_app_limited = a->rate_app_limited;
}

void chrono_set(struct tcp_conn *c, enum tcp_chrono what)
{
	u64 gone = c->now_us - c->chrono_us;

	if (c->chrono == what)
		return;
	if (c->chrono != CHRONO_NONE)
		c->busy_us += gone;
	if (c->chrono == CHRONO_RWND)
		c->rwnd_us += gone;
	else if (c->chrono == CHRONO_SNDBUF)
		c->sndbuf_us += gone;
	c->chrono = (u8)what;
	c->chrono_us = c->now_us;
}

/* ---- SACK ---- */

/* [rfc2883 4]: the first block lies below the acknowledgment, or inside the second. */
static bool dsack_of(struct tcp_conn *c, const struct tcp_in *in, struct tcp_ack *a)
{
	const struct tcp_block *b = in->sack;
	bool is = seq_lt(b[0].start, in->ack);
	u32 n = b[0].end - b[0].start;

	if (!is && in->nsack > 1)
		is = seq_leq(b[1].start, b[0].start) && seq_leq(b[0].end, b[1].end);
	if (!is)
		return false;
	/* Nothing that was not sent, and nothing absurdly old. */
	if (!seq_lt(b[0].start, b[0].end) || seq_lt(c->snd_nxt, b[0].end) ||
		seq_lt(b[0].start, c->snd_una - (1u << 30)) || n > 1u << 30)
		return true;
	conn_count(c, TCP_MIB_DSACK_RECV);
	c->dsack_dups += DIV_ROUND_UP(n, c->mss);
	a->dsack = true;
	c->rack.dsack_seen = true;
	if (c->cong.undo && !seq_lt(b[0].start, c->cong.undo_marker - max(c->max_wnd, 65535u)) &&
		c->cong.undo_retx != ~0u)
		c->cong.undo_retx -= min(c->cong.undo_retx, n);
	return true;
}

static void sack_in(struct tcp_conn *c, const struct tcp_in *in, struct tcp_ack *a)
{
	unsigned i = dsack_of(c, in, a) ? 1 : 0;

	if (!c->board.sacked)
		c->high_sacked = c->snd_una;
	for (; i < in->nsack; i++) {
		struct tcp_block b = in->sack[i];

		if (!seq_lt(b.start, b.end) || seq_lt(c->snd_nxt, b.end) ||
			!seq_lt(b.start, c->snd_nxt) || seq_leq(b.end, c->snd_una))
			continue;
		b.start = seq_max(b.start, c->snd_una);
		if (c->board.n)
			board_sack(c, b, a);
	}
}

/* ---- windows ---- */

/* [rfc9293 3.10.7.4]: the newest segment's window, where newest is by SEG.SEQ, then SEG.ACK. */
static bool window_in(struct tcp_conn *c, const struct tcp_in *in)
{
	u32 wnd = in->flags & TCP_SYN ? in->wnd : (u32)in->wnd << c->snd_wscale;

	if (!(seq_lt(c->snd_una, in->ack) || seq_lt(c->snd_wl1, in->seq) ||
		    (c->snd_wl1 == in->seq && (wnd > c->snd_wnd || !wnd))))
		return false;
	c->snd_wl1 = in->seq;
	if (wnd == c->snd_wnd)
		return false;
	c->snd_wnd = wnd;
	if (wnd > c->max_wnd) {
		c->max_wnd = wnd;
		conn_mss_set(c);
	}
	return true;
}

/* The tail probe's answer [rfc8985 7.4]. */
static void tlp_in(struct tcp_conn *c, const struct tcp_in *in, const struct tcp_ack *a)
{
	if (!c->tlp_end || seq_lt(in->ack, c->tlp_end))
		return;
	if (!c->tlp_retx || a->dsack) {
		c->tlp_end = 0;
	} else if (seq_lt(c->tlp_end, in->ack)) {
		/* The probe repaired a loss, which counts as one. */
		if (c->cong.state < CA_CWR) {
			loss_enter_cwr(c);
			c->cong.state = CA_OPEN;
			c->cong.cwnd = max(c->cong.ssthresh, 2u * c->mss);
		}
		conn_count(c, TCP_MIB_LOSS_PROBE_RECOVERY);
		c->tlp_end = 0;
	} else if (!a->sacked && !a->win_update && !a->data_acked) {
		c->tlp_end = 0; /* a duplicate: both arrived */
	}
}

/* Zero-window probes were answered, or the window opened. */
static void probes_answered(struct tcp_conn *c)
{
	c->probes = 0;
	if (c->rtx_kind != TCP_RTX_PROBE)
		return;
	if (!conn_unsent(c) || conn_snd_window(c) >= c->mss) {
		c->rtt.backoff = 0;
		timer_rtx(c, TCP_RTX_NONE, TCP_OFF);
	}
}

static void advance(struct tcp_conn *c, u32 ack, struct tcp_ack *a)
{
	u32 syn = c->snd_una == c->iss;

	a->acked = ack - c->snd_una;
	a->advanced = true;
	a->syn_acked = syn;
	a->data_acked = a->acked > syn;
	c->bytes_acked += a->acked - syn;
	c->snd_una = ack;
	if (c->urg_mode && !seq_lt(ack, c->snd_up))
		c->urg_mode = false;
	c->retransmits = 0;
	board_acked(c, a);
	if (!c->board.sacked)
		c->high_sacked = ack;
	if (seq_lt(c->retx_hint, ack))
		c->retx_hint = ack;
	c->events |= TCP_EV_WRITE;
	if (!conn_out(c))
		chrono_set(c, conn_unsent(c) ? CHRONO_RWND : CHRONO_NONE);
}

static enum ack_verdict ack_old(struct tcp_conn *c, const struct tcp_in *in)
{
	struct tcp_ack a = {.prior_una = c->snd_una,
		.prior_lost = c->board.lost,
		.prior_delivered = c->delivered,
		.rtt_us = -1,
		.sack_rtt_us = -1};

	/* [rfc5961 5.2] */
	if (seq_lt(in->ack, c->snd_una - max(c->max_wnd, 65535u)))
		return ACK_BAD;
	if (in->nsack && c->sack_ok) {
		sack_in(c, in, &a);
		loss_after_ack(c, &a);
	}
	return ACK_OLD;
}

/* An ACK of a synchronized state. ACK_BAD: the segment is to be dropped, with a challenge. */
enum ack_verdict ack_in(struct tcp_conn *c, const struct tcp_in *in)
{
	struct tcp_ack a = {.prior_una = c->snd_una,
		.prior_flight = conn_flight(c),
		.prior_lost = c->board.lost,
		.prior_delivered = c->delivered,
		.rtt_us = -1,
		.sack_rtt_us = -1};

	if (seq_lt(in->ack, c->snd_una))
		return ack_old(c, in);
	if (seq_lt(c->snd_nxt, in->ack))
		return ACK_BAD;
	a.ece = c->ecn_ok && in->flags & TCP_ECE && !(in->flags & TCP_SYN);
	a.win_update = window_in(c, in);
	c->last_ack_rx_ms = conn_ms(c);
	c->soft_err = 0;
	if (in->ack != c->snd_una)
		advance(c, in->ack, &a);
	if (in->nsack && c->sack_ok)
		sack_in(c, in, &a);
	a.payload = in->len != 0;
	if (a.ece && a.acked)
		c->delivered_ce += DIV_ROUND_UP(a.acked, c->mss);
	probes_answered(c);
	if (c->board.n || a.advanced) {
		rtt_of_ack(c, &a);
		tlp_in(c, in, &a);
		loss_after_ack(c, &a);
		rate_of_ack(c, &a);
		if (a.advanced || a.sacked)
			cong_pacing(c);
	}
	if ((a.advanced || a.sacked) && c->rtx_kind != TCP_RTX_REORDER)
		timer_rearm(c);
	return ACK_OK;
}
