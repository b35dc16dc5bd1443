/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A segment arrives [rfc9293 3.10.7]: first the two cases that nearly all are, predicted by header;
 * then the checks in the order of the standard: PAWS, sequence, RST, SYN, ACK, URG, text, FIN.
 *
 *	CLOSE --connect--> SYN_SENT --SYN,ACK--> ESTABLISHED --close--> FIN_WAIT1 --ACK--> FIN_WAIT2
 *	                      |SYN                 ^   |FIN                |FIN              |FIN
 *	(listener) -------> SYN_RECV ------ACK-----'   v                   v                 v
 *	                                           CLOSE_WAIT           CLOSING --ACK--> (TIME_WAIT)
 *	                                               |close
 *	                                               v
 *	                                            LAST_ACK --ACK--> CLOSE
 */
#include "impl.h"
#include <lib/atomic.h>
#include <lib/errno.h>

#define PAWS_24DAYS_S    (24u * 24 * 3600)
#define SET_FIN_RECEIVED (1u << TCP_S_CLOSE_WAIT | 1u << TCP_S_CLOSING | 1u << TCP_S_LAST_ACK)

static u32 conn_s(const struct tcp_conn *c)
{
	return (u32)(c->now_us / 1000000);
}

/* ---- defences [rfc5961] ---- */

/* Answers to segments from outside of the window are few. */
bool conn_oow_limited(struct tcp_conn *c)
{
	u32 ms = conn_ms(c) | 1;

	if (c->oow_ms && ms - c->oow_ms < c->conf->invalid_ratelimit_ms)
		return true;
	c->oow_ms = ms;
	return false;
}

/* And a limit for all connections together [rfc5961 7]. */
void conn_challenge(struct tcp_conn *c)
{
	struct tcp_conf *conf = c->conf;
	u32 now = conn_s(c), left;

	if (conn_oow_limited(c))
		return;
	if (conf->challenge_ack_limit != S32_MAX) {
		if (READ_ONCE(conf->challenge_second) != now) {
			WRITE_ONCE(conf->challenge_second, now);
			WRITE_ONCE(conf->challenge_left, conf->challenge_ack_limit);
		}
		left = READ_ONCE(conf->challenge_left);
		if (!left)
			return;
		WRITE_ONCE(conf->challenge_left, left - 1);
	}
	conn_count(c, TCP_MIB_CHALLENGE_ACK);
	c->ack_now = true;
}

static void answer_reset(struct tcp_conn *c, const struct tcp_in *in)
{
	c->rst_now = true;
	c->rst_seq = in->ack;
}

/* ---- timestamps [rfc7323 4.3, 5] ---- */

static void ts_update(struct tcp_conn *c, const struct tcp_in *in)
{
	if (!seq_lt(c->rcv_wup, in->seq)) {
		c->ts_recent = in->tsval;
		c->ts_recent_s = conn_s(c);
	}
}

/* A pure ACK that was overtaken is no sign of an old connection. */
static bool is_overtaken_ack(const struct tcp_conn *c, const struct tcp_in *in)
{
	return !in->len && (in->flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK)) == TCP_ACK &&
	       in->seq == c->rcv_nxt && in->ack == c->snd_una &&
	       c->ts_recent - in->tsval <= c->rtt.rto_ms;
}

static bool paws_fails(const struct tcp_conn *c, const struct tcp_in *in)
{
	if (!c->ts_ok || !in->has_ts || !seq_lt(in->tsval, c->ts_recent))
		return false;
	if (conn_s(c) - c->ts_recent_s >= PAWS_24DAYS_S)
		return false;
	return !is_overtaken_ack(c, in);
}

/* ---- the order of checks ---- */

static void connection_reset(struct tcp_conn *c)
{
	int err = ECONNRESET;

	if (c->state == TCP_S_SYN_SENT)
		err = ECONNREFUSED;
	else if (c->state == TCP_S_CLOSE_WAIT)
		err = EPIPE;
	conn_count(c, c->state == TCP_S_SYN_RECV || c->state == TCP_S_SYN_SENT
			      ? TCP_MIB_ATTEMPT_FAILS
			      : TCP_MIB_ESTAB_RESETS);
	conn_done(c, err);
}

/* A duplicate or a stray: the peer is told where we are. */
static void answer_unacceptable(struct tcp_conn *c, const struct tcp_in *in)
{
	if (seq_lt(in->seq, c->rcv_nxt) && in->len) {
		rcv_quick(c, 2);
		rcv_dsack(c, in->seq, seq_min(tcp_in_end(in), c->rcv_nxt));
	}
	c->ack_now = true;
}

static bool sequence_ok(const struct tcp_conn *c, const struct tcp_in *in)
{
	return !seq_lt(tcp_in_end(in), c->rcv_wup) &&
	       !seq_lt(c->rcv_nxt + conn_rcv_window(c), in->seq);
}

/* [rfc5961 3.2]; the end of the last SACK block too, for a peer that lost what is between. */
static bool reset_is_exact(const struct tcp_conn *c, const struct tcp_in *in)
{
	u32 most = c->rcv_nxt;

	if (in->seq == c->rcv_nxt)
		return true;
	for (unsigned i = 0; i < c->nsacks; i++)
		most = seq_max(most, c->sacks[i].end);
	return in->seq == most;
}

/* A FIN's peer that resets with the sequence number before its FIN. */
static bool reset_before_fin(const struct tcp_conn *c, const struct tcp_in *in)
{
	return in->seq == c->rcv_nxt - 1 && TCP_IN(c->state, SET_FIN_RECEIVED);
}

/* First to fourth. false: the segment ends here. */
static bool validate(struct tcp_conn *c, const struct tcp_in *in)
{
	bool rst = in->flags & TCP_RST, syn = in->flags & TCP_SYN;

	if (paws_fails(c, in) && !rst) {
		conn_count(c, TCP_MIB_PAWS_ESTAB);
		if (syn)
			conn_challenge(c);
		else if (!conn_oow_limited(c))
			answer_unacceptable(c, in);
		return false;
	}
	if (!sequence_ok(c, in)) {
		if (rst) {
			if (reset_before_fin(c, in))
				connection_reset(c);
		} else if (syn) {
			conn_count(c, TCP_MIB_SYN_CHALLENGE);
			conn_challenge(c);
		} else if (!conn_oow_limited(c)) {
			answer_unacceptable(c, in);
		}
		return false;
	}
	if (rst) {
		if (reset_is_exact(c, in) || reset_before_fin(c, in))
			connection_reset(c);
		else
			conn_challenge(c);
		return false;
	}
	if (syn) {
		/* Simultaneous open: the peer's SYN,ACK after its SYN [rfc9293 3.5]. */
		if (c->state == TCP_S_SYN_RECV && in->flags & TCP_ACK && in->seq == c->irs &&
			in->ack == c->snd_nxt)
			return true;
		conn_count(c, TCP_MIB_SYN_CHALLENGE);
		conn_challenge(c);
		return false;
	}
	return in->flags & TCP_ACK;
}

/* ---- states ---- */

/* Our FIN is acknowledged. */
static void fin_acked(struct tcp_conn *c, const struct tcp_in *in)
{
	switch (c->state) {
	case TCP_S_FIN_WAIT1:
		c->state = TCP_S_FIN_WAIT2;
		c->events |= TCP_EV_WRITE;
		if (!c->orphan)
			break;
		if (c->user.linger2_s < 0 || (in->len && seq_lt(c->rcv_nxt, in->seq + in->len))) {
			conn_count(c, c->user.linger2_s < 0 ? TCP_MIB_ABORT_ON_LINGER
							    : TCP_MIB_ABORT_ON_DATA);
			conn_reset_peer(c, 0);
		} else if (!(in->flags & TCP_FIN)) {
			conn_time_wait(c);
		}
		break;
	case TCP_S_CLOSING: conn_time_wait(c); break;
	case TCP_S_LAST_ACK: conn_done(c, 0); break;
	}
}

void rcv_fin(struct tcp_conn *c)
{
	if (c->rcv_fin)
		return;
	c->rcv_fin = true;
	c->shut_rd = true;
	c->rcv_nxt++;
	rcv_purge_ahead(c); /* nothing is behind the end */
	c->events |= TCP_EV_READ;
	rcv_schedule_ack(c);
	switch (c->state) {
	case TCP_S_SYN_RECV:
	case TCP_S_ESTABLISHED:
		c->state = TCP_S_CLOSE_WAIT;
		c->pingpong = 1;
		break;
	case TCP_S_FIN_WAIT1:
		c->state = TCP_S_CLOSING;
		c->ack_now = true;
		break;
	case TCP_S_FIN_WAIT2:
		c->ack_now = true;
		conn_time_wait(c);
		break;
	}
	if (c->shut_wr)
		c->events |= TCP_EV_HUP;
}

/* Payload and FIN, in the states that take them. */
static bool text(struct tcp_conn *c, const struct tcp_in *in, struct tcp_rx *rx)
{
	u32 end = in->seq + in->len;

	if (TCP_IN(c->state, SET_FIN_RECEIVED) && !seq_lt(in->seq, c->rcv_nxt))
		return false;
	/* Nobody will read it: the sender is told [rfc1122 4.2.2.13]. */
	if (c->shut_rd && !TCP_IN(c->state, 1u << TCP_S_ESTABLISHED | SET_FIN_RECEIVED) &&
		in->len && seq_lt(c->rcv_nxt, end)) {
		conn_count(c, TCP_MIB_ABORT_ON_DATA);
		conn_reset_peer(c, ECONNRESET);
		return false;
	}
	return rcv_data(c, in, rx);
}

/* The handshake's last ACK [rfc9293 3.10.7.4, fifth, SYN-RECEIVED]. */
static bool syn_received(struct tcp_conn *c, const struct tcp_in *in)
{
	if (seq_leq(in->ack, c->iss) || seq_lt(c->snd_nxt, in->ack)) {
		answer_reset(c, in);
		return false;
	}
	c->state = c->fin_queued ? TCP_S_FIN_WAIT1 : TCP_S_ESTABLISHED;
	c->snd_wnd = (u32)in->wnd << c->snd_wscale;
	c->snd_wl1 = in->seq;
	conn_established(c, in);
	return true;
}

/* ECN [rfc3168 6.1.3] */
static void ecn_in(struct tcp_conn *c, const struct tcp_in *in)
{
	if (in->flags & TCP_CWR)
		c->ece_send = false;
	if (in->ce) {
		if (!c->ece_send)
			c->ack_now = true;
		c->ece_send = true;
		c->ecn_seen = true;
	}
}

static bool slow_input(struct tcp_conn *c, const struct tcp_in *in, struct tcp_rx *rx)
{
	enum ack_verdict ack;
	bool kept = false;

	if (!validate(c, in))
		return false;
	if (c->state == TCP_S_SYN_RECV && !syn_received(c, in))
		return false;
	if (c->ts_ok && in->has_ts)
		ts_update(c, in);
	c->rcv_tsecr = c->ts_ok && in->has_ts ? in->tsecr : 0;
	ack = ack_in(c, in);
	if (ack == ACK_BAD) {
		conn_challenge(c);
		return false;
	}
	if (c->ecn_ok)
		ecn_in(c, in);
	if (c->fin_queued && c->snd_una == c->fin_seq + 1)
		fin_acked(c, in);
	if (c->state == TCP_S_CLOSE)
		return false;
	if (unlikely(in->flags & TCP_URG || c->urg_state == URG_NOTYET))
		rcv_urgent(c, in, rx);
	if (in->len || in->flags & TCP_FIN)
		kept = text(c, in, rx);
	return kept;
}

/*
 * Header prediction: the next segment in order, nothing but ACK and perhaps PSH set, the window as
 * before. true: it was one, and is done.
 */
static inline bool fast_input(
	struct tcp_conn *c, const struct tcp_in *in, struct tcp_rx *rx, bool *out_kept)
{
	if ((in->flags & (u8)~TCP_PSH) != TCP_ACK || in->seq != c->rcv_nxt ||
		c->state != TCP_S_ESTABLISHED || (u32)in->wnd << c->snd_wscale != c->snd_wnd ||
		c->ooo.node || c->urg_state != URG_NONE || in->ce)
		return false;
	if (c->ts_ok) {
		if (!in->has_ts || seq_lt(in->tsval, c->ts_recent))
			return false;
		c->ts_recent = in->tsval;
		c->ts_recent_s = conn_s(c);
		c->rcv_tsecr = in->tsecr;
	} else {
		c->rcv_tsecr = 0;
	}
	if (in->len) {
		if (in->ack != c->snd_una || in->nsack || in->len > conn_rcv_window(c) ||
			c->rcv_used >= c->rcv_buf)
			return false;
		rx->base = rx->seq = in->seq;
		rx->end = in->seq + in->len;
		rx->fin = false;
		c->bytes_received += in->len;
		c->rcv_nxt = rx->end;
		c->rcv_used += rx->mem;
		rcv_append(c, rx);
		rcv_arrived(c, in->len, in->gso ? in->gso : in->len);
		c->events |= TCP_EV_READ;
		*out_kept = true;
		return true;
	}
	*out_kept = false;
	return ack_in(c, in) != ACK_BAD;
}

static bool syn_sent_input(struct tcp_conn *c, const struct tcp_in *in, struct tcp_rx *rx);

bool tcp_input(struct tcp_conn *c, u64 now, const struct tcp_in *in, struct tcp_rx *rx)
{
	bool kept;

	conn_clock(c, now);
	c->segs_in += in->gso ? DIV_ROUND_UP(in->len, in->gso) : 1;
	if (in->len)
		c->data_segs_in += in->gso ? DIV_ROUND_UP(in->len, in->gso) : 1;
	c->probes = c->rtx_kind == TCP_RTX_PROBE ? c->probes : 0;
	if (likely(fast_input(c, in, rx, &kept)))
		return kept;
	switch (c->state) {
	case TCP_S_CLOSE: return false;
	case TCP_S_SYN_SENT: return syn_sent_input(c, in, rx);
	}
	return slow_input(c, in, rx);
}

/* ---- the handshake ---- */

bool tcp_syn_text(struct tcp_conn *c, u64 now, const struct tcp_in *in, struct tcp_rx *rx)
{
	struct tcp_in text = *in;
	bool kept;

	conn_clock(c, now);
	c->segs_in++;
	c->data_segs_in++;
	text.seq++;
	text.flags &= (u8)~(TCP_SYN | TCP_FIN | TCP_URG); /* a FIN comes again */
	kept = rcv_data(c, &text, rx);
	c->ack_now = false; /* the SYN,ACK has said it */
	c->ack_at = TCP_OFF;
	c->rcv_wup = c->rcv_nxt;
	return kept;
}

/* What a SYN says, in either direction; options that we did not offer are ignored. */
void conn_take_syn(struct tcp_conn *c, const struct tcp_in *in)
{
	c->irs = in->seq;
	c->irs_valid = true;
	c->rcv_nxt = c->rcv_wup = c->copied = in->seq + 1;
	c->urg_seq = in->seq;
	c->snd_wl1 = in->seq;
	c->snd_wnd = c->max_wnd = in->wnd;
	c->sack_ok &= in->sack_ok;
	c->ts_ok &= in->has_ts;
	c->wscale_ok &= in->wscale != 0xff;
	c->snd_wscale = c->wscale_ok ? in->wscale : 0;
	if (!c->wscale_ok) {
		c->rcv_wscale = 0;
		c->rcv_wnd = min(c->rcv_wnd, 65535u);
	}
	if (c->ts_ok) {
		c->ts_recent = in->tsval;
		c->ts_recent_s = conn_s(c);
		c->rcv_tsecr = in->flags & TCP_ACK ? in->tsecr : 0;
	}
	c->peer_mss = in->mss ? in->mss : 536;
	conn_mss_set(c);
}

void conn_established(struct tcp_conn *c, const struct tcp_in *in)
{
	c->events |= TCP_EV_CONNECTED | TCP_EV_WRITE;
	c->rcvq_seq = c->copied;
	c->rcvq_us = c->now_us;
	c->delivered_us = c->now_us;
	c->last_ack_rx_ms = conn_ms(c);
	c->last_rx_ms = conn_ms(c);
	c->last_tx_ms = conn_ms(c);
	c->max_wnd = max(c->max_wnd, c->snd_wnd);
	c->cong.round_end = c->snd_nxt;
	conn_mss_set(c);
	/* [rfc5681 3.1]: a SYN that was lost twice leaves one segment. */
	if (c->total_retx > 1)
		c->cong.cwnd = c->mss;
	else
		c->cong.cwnd = max(c->cong.cwnd, c->conf->init_cwnd * c->mss);
	timer_keepalive(c);
}

/* Fast open: what the SYN,ACK says of the cookie and of the data [rfc7413 4.1.3, 4.2]. */
static void tfo_answer(struct tcp_conn *c, const struct tcp_in *in)
{
	if (in->cookie_len >= TCP_COOKIE_MIN) {
		c->tfo_len = in->cookie_len;
		memcpy(c->tfo_cookie, in->cookie, (size_t)in->cookie_len);
	}
	if (c->tfo_state != TFO_SYN_DATA)
		return;
	c->syn_data_acked = in->ack != c->iss + 1;
	if (c->syn_data_acked) {
		conn_count(c, TCP_MIB_FASTOPEN_ACTIVE);
	} else {
		c->tfo_fail = 2; /* data was not acknowledged */
		conn_count(c, TCP_MIB_FASTOPEN_ACTIVE_FAIL);
	}
}

/* SYN,ACK: established at once, with whatever text it has. */
static bool syn_sent_acked(struct tcp_conn *c, const struct tcp_in *in, struct tcp_rx *rx)
{
	bool kept = false;

	c->ecn_ok &= (in->flags & (TCP_ECE | TCP_CWR)) == TCP_ECE;
	conn_take_syn(c, in);
	c->state = TCP_S_ESTABLISHED;
	tfo_answer(c, in);
	conn_established(c, in);
	(void)ack_in(c, in);
	/* What did not get through with the SYN is sent anew, not as a loss. */
	for (u32 i = 0; i < c->board.n; i++)
		board_lose(c, board_at(&c->board, i));
	c->quick = 0;
	c->pingpong = 0;
	/* With something to send soon the ACK rides on it. */
	if (!conn_unsent(c) && !c->user.defer_accept)
		c->ack_now = true;
	else
		c->ack_at = conn_after_ms(c, c->conf->delack_max_ms);
	if (in->flags & TCP_URG)
		rcv_urgent(c, in, rx);
	if (in->len || in->flags & TCP_FIN)
		kept = rcv_data(c, in, rx);
	return kept;
}

static bool syn_sent_input(struct tcp_conn *c, const struct tcp_in *in, struct tcp_rx *rx)
{
	if (in->flags & TCP_ACK) {
		if (seq_leq(in->ack, c->iss) || seq_lt(c->snd_nxt, in->ack)) {
			if (!(in->flags & TCP_RST))
				answer_reset(c, in);
			return false;
		}
		/* An echo that we did not send is of an older connection. */
		if (c->ts_ok && in->has_ts && in->tsecr && seq_lt(conn_tsval(c), in->tsecr)) {
			if (!(in->flags & TCP_RST))
				answer_reset(c, in);
			return false;
		}
		if (in->flags & TCP_RST) {
			connection_reset(c);
			return false;
		}
		return in->flags & TCP_SYN ? syn_sent_acked(c, in, rx) : false;
	}
	if (in->flags & TCP_RST || !(in->flags & TCP_SYN))
		return false;
	/* Simultaneous open [rfc9293 3.5, figure 7] */
	c->ecn_ok = false;
	conn_take_syn(c, in);
	c->state = TCP_S_SYN_RECV;
	c->syn_sent = false;
	return false;
}
