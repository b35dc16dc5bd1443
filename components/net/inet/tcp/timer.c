/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers. A connection has four deadlines (retransmission in one of its kinds, delayed ACK,
 * keep-alive, pace); the shell keeps one timer for the least of them and need not move it when the
 * deadline moves away: tcp_timer finds nothing due and the shell arms it anew.
 *
 *	NONE --sent--> TLP --fires--> RTO --fires--> RTO (doubled) ...      [rfc8985 7, rfc6298 5]
 *	RACK waits for reordering: REORDER --fires--> RTO                   [rfc8985 6.3]
 *	nothing in flight, but the window or the cork holds data: PROBE     [rfc9293 3.8.6.1]
 */
#include "impl.h"
#include <lib/bits.h>
#include <lib/errno.h>

#define ORPHAN_RETRIES 8

void timer_rtx(struct tcp_conn *c, enum tcp_rtx_kind kind, u64 at)
{
	c->rtx_kind = kind;
	c->rtx_at = at;
}

static u64 rto_ms(const struct tcp_conn *c)
{
	return min_t(u64, (u64)c->rtt.rto_ms << min_t(u8, c->rtt.backoff, 16), c->conf->rto_max_ms);
}

/* No wait goes beyond TCP_USER_TIMEOUT. */
static u64 within_user_timeout(const struct tcp_conn *c, u64 ms)
{
	u64 gone;

	if (!c->user.user_timeout_ms || !c->stall_us)
		return ms;
	gone = (c->now_us - c->stall_us) / 1000;
	return gone >= c->user.user_timeout_ms ? 1 : min_t(u64, ms, c->user.user_timeout_ms - gone);
}

/* [rfc8985 7.2] */
static bool tlp_may(const struct tcp_conn *c)
{
	return c->conf->early_retrans >= 3 && c->sack_ok && !c->tlp_end && !c->board.sacked &&
	       (c->cong.state == CA_OPEN || c->cong.state == CA_CWR) &&
	       !TCP_IN(c->state, 1u << TCP_S_SYN_SENT | 1u << TCP_S_SYN_RECV);
}

/* After something was sent or acknowledged: a probe of the tail first, then the timeout. */
void timer_rearm(struct tcp_conn *c)
{
	u64 rto = rto_ms(c) * 1000, pto;

	if (!c->board.n) {
		timer_rtx(c, TCP_RTX_NONE, TCP_OFF);
		return;
	}
	if (!tlp_may(c)) {
		timer_rtx(c, TCP_RTX_RTO, conn_after_ms(c, within_user_timeout(c, rto / 1000)));
		return;
	}
	pto = 1000000;
	if (c->rtt.srtt_us)
		pto = (c->rtt.srtt_us >> 2) +
		      (conn_out(c) <= c->mss ? c->conf->rto_min_ms * 1000ull : 2000);
	timer_rtx(c, TCP_RTX_TLP, conn_ns(c) + min(pto, rto) * 1000);
}

/* Nothing could be sent. If nothing will be acknowledged either, time must help. */
void timer_after_send(struct tcp_conn *c)
{
	if (c->rtx_kind == TCP_RTX_NONE && !c->board.n && c->pace_at == TCP_OFF &&
		(conn_unsent(c) || (c->fin_queued && c->snd_nxt == c->fin_seq)))
		timer_rtx(c, TCP_RTX_PROBE,
			conn_after_ms(c, max_t(u64, rto_ms(c), c->conf->rto_min_ms)));
}

/* How long @retries doublings take, as Linux counts tcp_retries2 [rfc1122 4.2.3.5]. */
static u64 retries_ms(const struct tcp_conn *c, u32 retries)
{
	u64 base = c->conf->rto_min_ms, most = c->conf->rto_max_ms;
	u32 doubles = ilog2(max_t(u64, most / base, 1));

	if (retries <= doubles)
		return ((2ull << retries) - 1) * base;
	return ((2ull << doubles) - 1) * base + (retries - doubles) * most;
}

/* Has the peer been silent for too long? */
static bool write_timed_out(struct tcp_conn *c)
{
	u64 gone = (c->now_us - c->stall_us) / 1000;
	u32 retries = c->conf->retries2;

	if (c->user.user_timeout_ms)
		return gone >= c->user.user_timeout_ms;
	if (c->orphan) {
		u32 own = c->conf->orphan_retries;

		retries = own ? own : ORPHAN_RETRIES;
	}
	return c->retransmits && gone >= retries_ms(c, retries);
}

static void give_up(struct tcp_conn *c)
{
	conn_count(c, TCP_MIB_ABORT_ON_TIMEOUT);
	conn_done(c, c->soft_err ? c->soft_err : ETIMEDOUT);
}

static void rto_count(struct tcp_conn *c)
{
	conn_count(c, TCP_MIB_TIMEOUTS);
	c->total_rto++;
	if (!c->rto_stamp_ms) {
		c->rto_stamp_ms = conn_ms(c);
		c->rto_recoveries++;
	}
	if (c->retransmits < 0xff)
		c->retransmits++;
}

static void syn_timeout(struct tcp_conn *c)
{
	u32 most = c->user.syn_count            ? c->user.syn_count
		   : c->state == TCP_S_SYN_RECV ? c->conf->synack_retries
						: c->conf->syn_retries;
	bool late = c->user.user_timeout_ms &&
		    (c->now_us - c->stall_us) / 1000 >= c->user.user_timeout_ms;

	if (c->retransmits >= most || late) {
		conn_count(c, TCP_MIB_ATTEMPT_FAILS);
		give_up(c);
		return;
	}
	rto_count(c);
	/* The first few at a steady pace, then doubled. */
	if (c->retransmits > c->conf->linear_timeouts || c->state == TCP_S_SYN_RECV)
		c->rtt.backoff++;
	c->syn_sent = false;
	/* A SYN with data that is lost goes on without [rfc7413 4.2.1]. */
	c->cong.frto = false;
	timer_rtx(c, TCP_RTX_NONE, TCP_OFF);
}

static void rto_fires(struct tcp_conn *c)
{
	if (!c->board.n) {
		timer_rtx(c, TCP_RTX_NONE, TCP_OFF);
		return;
	}
	if (!c->retransmits)
		c->stall_us = board_at(&c->board, 0)->sent_us;
	if (TCP_IN(c->state, 1u << TCP_S_SYN_SENT | 1u << TCP_S_SYN_RECV)) {
		syn_timeout(c);
		return;
	}
	if (write_timed_out(c)) {
		give_up(c);
		return;
	}
	loss_timeout(c);
	rto_count(c);
	if (c->rtt.backoff < 16)
		c->rtt.backoff++;
	c->tlp_end = 0;
	timer_rtx(c, TCP_RTX_RTO, conn_after_ms(c, within_user_timeout(c, rto_ms(c))));
}

static void probe_fires(struct tcp_conn *c)
{
	u32 most = c->conf->retries2;

	timer_rtx(c, TCP_RTX_NONE, TCP_OFF);
	if (c->board.n)
		return;
	if (!c->probes)
		c->stall_us = c->now_us;
	if (c->orphan)
		most = c->conf->orphan_retries ? c->conf->orphan_retries : ORPHAN_RETRIES;
	if (c->user.user_timeout_ms
			? c->probes && (c->now_us - c->stall_us) / 1000 >= c->user.user_timeout_ms
			: c->probes >= most) {
		give_up(c);
		return;
	}
	c->probes++;
	c->probe_now = true;
	if (c->rtt.backoff < 16)
		c->rtt.backoff++;
	timer_rtx(c, TCP_RTX_PROBE, conn_after_ms(c, within_user_timeout(c, rto_ms(c))));
}

static void rtx_fires(struct tcp_conn *c)
{
	switch (c->rtx_kind) {
	case TCP_RTX_RTO: rto_fires(c); break;
	case TCP_RTX_TLP:
		c->tlp_now = true;
		timer_rtx(c, TCP_RTX_RTO, conn_after_ms(c, rto_ms(c)));
		break;
	case TCP_RTX_REORDER:
		c->rack.advanced = true;
		timer_rtx(c, TCP_RTX_RTO, conn_after_ms(c, rto_ms(c)));
		(void)loss_detect(c);
		loss_after_timer(c);
		break;
	case TCP_RTX_PROBE: probe_fires(c); break;
	default: timer_rtx(c, TCP_RTX_NONE, TCP_OFF);
	}
}

/* [rfc1122 4.2.3.6] */
void timer_keepalive(struct tcp_conn *c)
{
	u64 idle = c->user.keep_idle_s ? c->user.keep_idle_s : c->conf->keepalive_time_s;

	c->life_at = TCP_OFF;
	if (c->user.keepalive && !TCP_IN(c->state, 1u << TCP_S_CLOSE | 1u << TCP_S_LISTEN))
		c->life_at = conn_after_ms(c, idle * 1000);
}

static void keepalive_fires(struct tcp_conn *c)
{
	u64 idle =
		1000ull * (c->user.keep_idle_s ? c->user.keep_idle_s : c->conf->keepalive_time_s);
	u64 step = 1000ull *
		   (c->user.keep_intvl_s ? c->user.keep_intvl_s : c->conf->keepalive_intvl_s);
	u32 most = c->user.keep_cnt ? c->user.keep_cnt : c->conf->keepalive_probes, gone;

	c->life_at = TCP_OFF;
	if (!c->user.keepalive || TCP_IN(c->state, 1u << TCP_S_CLOSE | 1u << TCP_S_SYN_SENT))
		return;
	gone = conn_ms(c) - seq_max(c->last_rx_ms, c->last_ack_rx_ms);
	/* Data in flight is probe enough. */
	if (c->board.n || conn_unsent(c)) {
		c->life_at = conn_after_ms(c, idle);
		return;
	}
	if (gone < idle) {
		c->life_at = conn_after_ms(c, idle - gone);
		return;
	}
	if (c->user.user_timeout_ms ? gone >= c->user.user_timeout_ms && c->probes
				    : c->probes >= most) {
		conn_count(c, TCP_MIB_ABORT_ON_TIMEOUT);
		conn_reset_peer(c, c->soft_err ? c->soft_err : ETIMEDOUT);
		return;
	}
	c->probes++;
	c->probe_now = true;
	conn_count(c, TCP_MIB_KEEPALIVE);
	c->life_at = conn_after_ms(c, step);
}

static void delack_fires(struct tcp_conn *c)
{
	c->ack_at = TCP_OFF;
	if (c->state == TCP_S_CLOSE)
		return;
	if (c->pingpong) {
		/* No reply came to carry it: quick again. */
		c->pingpong = 0;
		c->ato_ms = c->conf->delack_min_ms;
	} else {
		c->ato_ms = min(c->ato_ms * 2, c->rtt.rto_ms);
	}
	c->ack_now = true;
	conn_count(c, TCP_MIB_DELAYED_ACKS);
}

void tcp_timer(struct tcp_conn *c, u64 now)
{
	conn_clock(c, now);
	now = conn_ns(c) + 999; /* what is due within this microsecond is due */
	if (c->ack_at <= now)
		delack_fires(c);
	if (c->pace_at <= now)
		c->pace_at = TCP_OFF;
	if (c->rtx_at <= now)
		rtx_fires(c);
	if (c->life_at <= now)
		keepalive_fires(c);
}
