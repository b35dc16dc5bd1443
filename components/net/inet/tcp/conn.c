/* SPDX-License-Identifier: BSD-2-Clause */
/* A connection's life as its user sees it [rfc9293 3.10.1 to 3.10.5], and what the path tells. */
#include "impl.h"
#include <lib/bits.h>
#include <lib/errno.h>

#define MSS_MIN      48
#define RTO_FIRST_MS 1000 /* [rfc6298 2.1] */

void tcp_conn_init(struct tcp_conn *c, struct tcp_conf *conf, u64 now, u32 rcv_buf, u32 snd_buf)
{
	memset(c, 0, sizeof(*c));
	c->conf = conf;
	conn_clock(c, now);
	c->state = TCP_S_CLOSE;
	c->rcv_buf = rcv_buf;
	c->snd_buf = snd_buf;
	c->rtx_at = c->ack_at = c->life_at = c->pace_at = TCP_OFF;
	c->rtt.rto_ms = RTO_FIRST_MS;
	c->rtt.min_us = c->rtt.min_prev_us = ~0u;
	c->rack.steps = 1;
	c->reordering = conf->reordering;
	c->user.max_pacing = ~0ull;
	c->cong.kind = (u8)conf->cc;
	c->tfo_len = -1;
	c->mss = c->path_mss = c->adv_mss = 536;
	board_init(&c->board);
}

void tcp_conn_fini(struct tcp_conn *c)
{
	rcv_purge(c);
	board_fini(c);
}

u16 conn_wscale(const struct tcp_conf *conf, u32 rcv_buf)
{
	u32 space = max(rcv_buf, conf->rmem[2]);

	return (u16)clamp_t(int, (int)ilog2(max(space, 1u)) - 15, 0, 14);
}

/* Payload of a full segment: the path, the peer, the user, less the options of each segment. */
void conn_mss_set(struct tcp_conn *c)
{
	u32 mss = c->path_mss;

	if (c->peer_mss)
		mss = min_t(u32, mss, c->peer_mss);
	if (c->user.maxseg)
		mss = min_t(u32, mss, c->user.maxseg);
	mss = max_t(u32, mss, c->conf->min_snd_mss);
	c->mss = (u16)(mss - (c->ts_ok ? min_t(u32, 12, mss / 2) : 0));
}

void tcp_connect(struct tcp_conn *c, u64 now, u32 isn, u32 ts_off, u16 mss)
{
	struct tcp_conf *conf = c->conf;
	u32 queued = c->snd_end - c->iss; /* data of a fast open, appended before */

	conn_clock(c, now);
	c->path_mss = max_t(u16, mss, MSS_MIN);
	c->adv_mss = c->user.maxseg ? min(c->path_mss, c->user.maxseg) : c->path_mss;
	c->ts_ok = conf->timestamps;
	c->sack_ok = conf->sack;
	c->wscale_ok = conf->window_scaling;
	c->ecn_ok = conf->ecn == 1;
	c->ts_off = ts_off;
	c->rcv_wscale = c->wscale_ok ? (u8)conn_wscale(conf, c->rcv_buf) : 0;
	c->iss = c->snd_una = c->snd_nxt = isn;
	c->snd_end = isn + max(queued, 1u);
	c->snd_sml = c->snd_up = c->high_sacked = c->retx_hint = isn;
	conn_mss_set(c);
	cong_init(c);
	rcv_window_init(c);
	c->state = TCP_S_SYN_SENT;
	c->syn_sent = false;
	c->last_tx_ms = c->last_ack_rx_ms = c->last_rx_ms = conn_ms(c);
	c->stall_us = c->now_us;
	conn_count(c, TCP_MIB_ACTIVE_OPENS);
}

/* ---- the end ---- */

/* CLOSE. What was received in order stays readable unless nobody can read it. */
void conn_done(struct tcp_conn *c, int err)
{
	c->state = TCP_S_CLOSE;
	c->rtx_at = c->ack_at = c->life_at = c->pace_at = TCP_OFF;
	c->rtx_kind = TCP_RTX_NONE;
	c->ack_now = c->probe_now = c->tlp_now = false;
	c->shut_rd = c->shut_wr = true;
	if (c->orphan)
		rcv_purge(c);
	else
		rcv_purge_ahead(c);
	board_fini(c);
	c->snd_una = c->snd_nxt = c->snd_end; /* the send queue may go */
	c->reno_sacked = 0;
	c->fin_queued = false;
	chrono_set(c, CHRONO_NONE);
	if (err && !c->err) {
		c->err = err;
		c->events |= TCP_EV_ERROR;
	}
	c->events |= TCP_EV_CLOSED | TCP_EV_HUP | TCP_EV_READ | TCP_EV_WRITE;
}

void conn_reset_peer(struct tcp_conn *c, int err)
{
	c->rst_now = true;
	c->rst_seq = c->snd_nxt;
	conn_done(c, err);
}

/* The rest of the connection is a struct tcp_tw's; the ACK that is due goes first. */
void conn_time_wait(struct tcp_conn *c)
{
	bool ack = c->ack_now;
	u32 snd = c->snd_nxt;

	c->tw_state =
		c->state == TCP_S_FIN_WAIT2 && !c->rcv_fin ? TCP_S_FIN_WAIT2 : TCP_S_TIME_WAIT;
	conn_done(c, 0);
	c->snd_una = c->snd_nxt = c->snd_end = snd;
	c->ack_now = ack;
	c->events |= TCP_EV_TIMEWAIT;
}

static void queue_fin(struct tcp_conn *c)
{
	c->shut_wr = true;
	c->fin_queued = true;
	c->fin_seq = c->snd_end;
	if (c->state == TCP_S_ESTABLISHED)
		c->state = TCP_S_FIN_WAIT1;
	else if (c->state == TCP_S_CLOSE_WAIT)
		c->state = TCP_S_LAST_ACK;
	/* From SYN_RECV it waits for the handshake [rfc9293 3.10.4]. */
}

void tcp_shutdown_write(struct tcp_conn *c, u64 now)
{
	conn_clock(c, now);
	if (!c->shut_wr && TCP_IN(c->state, TCP_SET_SEND | 1u << TCP_S_SYN_RECV)) {
		queue_fin(c);
		c->more = false;
	}
	c->shut_wr = true;
	if (c->rcv_fin)
		c->events |= TCP_EV_HUP;
}

void tcp_close(struct tcp_conn *c, u64 now, bool linger0)
{
	bool unread = c->rx_head != NULL;

	conn_clock(c, now);
	c->orphan = true;
	c->shut_rd = true;
	rcv_purge(c);
	switch (c->state) {
	case TCP_S_CLOSE:
		if (c->rst_now)
			c->events |= TCP_EV_CLOSED;
		else
			conn_done(c, 0);
		return;
	case TCP_S_SYN_SENT: conn_done(c, 0); return;
	}
	if (unread || linger0) {
		conn_count(c, TCP_MIB_ABORT_ON_CLOSE);
		conn_reset_peer(c, 0);
		return;
	}
	if (c->state == TCP_S_FIN_WAIT2) {
		if (c->user.linger2_s < 0) {
			conn_count(c, TCP_MIB_ABORT_ON_LINGER);
			conn_reset_peer(c, 0);
		} else {
			conn_time_wait(c);
		}
		return;
	}
	if (!c->fin_queued)
		queue_fin(c);
	c->more = false;
	c->user.cork = false;
}

void tcp_abort(struct tcp_conn *c, u64 now, int err)
{
	conn_clock(c, now);
	if (TCP_IN(c->state, 1u << TCP_S_CLOSE | 1u << TCP_S_SYN_SENT))
		conn_done(c, err);
	else
		conn_reset_peer(c, err);
}

int tcp_take_error(struct tcp_conn *c)
{
	int err = c->err;

	c->err = 0;
	return err;
}

/* ---- sending ---- */

int tcp_send_check(struct tcp_conn *c)
{
	if (c->err)
		return -tcp_take_error(c);
	if (c->shut_wr || TCP_IN(c->state, 1u << TCP_S_CLOSE | 1u << TCP_S_LISTEN))
		return -EPIPE;
	if (TCP_IN(c->state, 1u << TCP_S_SYN_SENT | 1u << TCP_S_SYN_RECV))
		return -EAGAIN;
	return 0;
}

void tcp_sent(struct tcp_conn *c, u64 now, u32 n, bool more, bool oob)
{
	conn_clock(c, now);
	c->snd_end += n;
	c->more = more && !oob;
	if (oob) {
		c->urg_mode = true;
		c->snd_up = c->snd_end;
	}
}

void tcp_push(struct tcp_conn *c, u64 now)
{
	conn_clock(c, now);
	c->more = false;
	if (c->user.nodelay)
		c->snd_sml = c->snd_una;
}

void tcp_quickack(struct tcp_conn *c, u64 now, bool on)
{
	conn_clock(c, now);
	c->pingpong = !on;
	if (on && c->ack_at != TCP_OFF)
		c->ack_now = true;
}

void tcp_set_keepalive(struct tcp_conn *c, u64 now, bool on)
{
	conn_clock(c, now);
	c->user.keepalive = on;
	timer_keepalive(c);
}

/* ---- the path ---- */

/* [rfc1191 6.4]: what is larger than the path takes is sent again, and not as a sign of congestion.
 */
void tcp_path_mss(struct tcp_conn *c, u64 now, u16 mss)
{
	struct tcp_board *b = &c->board;
	u32 old = c->mss;

	conn_clock(c, now);
	c->path_mss = max_t(u16, mss, MSS_MIN);
	conn_mss_set(c);
	if (c->mss >= old || !TCP_IN(c->state, TCP_SET_OUT) || c->state == TCP_S_SYN_RECV)
		return;
	for (u32 i = 0; i < b->n; i++) {
		struct tcp_rec *r = board_at(b, i);

		if (r->end - r->seq > c->mss)
			board_lose(c, r);
	}
	if (!b->lost)
		return;
	if (c->cong.state < CA_LOSS) {
		c->cong.high_seq = c->snd_nxt;
		c->cong.undo = false;
		c->cong.state = CA_LOSS;
	}
	c->force_retx = true;
}

void tcp_icmp(struct tcp_conn *c, u64 now, u32 seq, int err, bool hard)
{
	conn_clock(c, now);
	if (c->state == TCP_S_CLOSE)
		return;
	/* Only for what is in flight: a blind attacker does not know it [rfc5927 4]. */
	if (seq_lt(seq, c->snd_una) || seq_lt(c->snd_nxt, seq))
		return;
	if (c->state == TCP_S_SYN_SENT || (c->state == TCP_S_SYN_RECV && hard)) {
		conn_count(c, TCP_MIB_ATTEMPT_FAILS);
		conn_done(c, err);
		return;
	}
	c->soft_err = err; /* a connection that lives survives it [rfc1122 4.2.3.9] */
}

/* ---- invariants ---- */

bool tcp_conn_check(const struct tcp_conn *c)
{
	u32 seq = c->copied, mem = 0;

	if (!board_check(c) || seq_lt(c->snd_nxt, c->snd_una) ||
		seq_lt(c->snd_end + (c->fin_queued ? 1 : 0), c->snd_nxt))
		return false;
	for (const struct tcp_rx *rx = c->rx_head; rx; rx = rx->next) {
		if (seq_lt(seq, rx->seq) && rx != c->rx_head && rx->seq != seq)
			return false;
		if (!seq_lt(rx->seq, rx->end) || (!rx->next && rx != c->rx_tail))
			return false;
		seq = rx->end;
		mem += rx->mem;
	}
	if (c->rx_head && seq != c->rcv_nxt - c->rcv_fin)
		return false;
	seq = c->rcv_nxt;
	for (struct rb_node *n = rb_first(&c->ooo); n; n = rb_next(n)) {
		const struct tcp_rx *rx = rb_entry(n, struct tcp_rx, rb);

		if (!seq_lt(rx->seq, rx->end) || seq_lt(rx->seq, seq))
			return false;
		seq = rx->end;
		mem += rx->mem;
	}
	return mem == c->rcv_used && c->mss > 0 && (c->state == TCP_S_CLOSE || c->cong.cwnd > 0);
}
