/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LISTEN and SYN-RECEIVED [rfc9293 3.10.7.2 to 3.10.7.4].
 *
 *	SYN --room?--> request --ACK--> connection (accept queue)
 *	  |no: cookie          |ACK, but the accept queue is full: forgotten, or reset
 *	  v                    |RST, or too many SYN,ACKs: gone
 *	SYN,ACK --ACK with the cookie--> connection
 */
#include "listen.h"
#include "impl.h"

#define RTO_FIRST_MS   1000
#define COOKIE_VALID_S 120
#define TS_BITS        6
#define TS_WSCALE      0xfu
#define TS_SACK        0x10u
#define TS_ECN         0x20u

static void count(struct tcp_listener *l, enum tcp_mib what)
{
	if (l->conf->count)
		l->conf->count(l->conf, what, 1);
}

static u32 now_ms(u64 now)
{
	return (u32)(now / TCP_NS_PER_MS);
}

/* ---- SYN,ACK ---- */

static void synack(struct tcp_req *req, u64 now, u32 tsval, struct tcp_tx *tx)
{
	struct tcp_opts o = {.mss = req->adv_mss,
		.wscale = req->wscale_ok ? req->rcv_wscale : 0xff,
		.sack_ok = req->sack_ok,
		.ts = req->ts_ok,
		.tsval = tsval,
		.tsecr = req->ts_recent,
		.cookie_len = req->cookie_len,
		.cookie = req->cookie};

	memset(tx, 0, sizeof(*tx));
	tx->seq = req->iss;
	tx->data = req->iss + 1;
	tx->ack = req->irs + 1;
	tx->wnd = (u16)min(req->rcv_wnd, 65535u);
	tx->flags = TCP_SYN | TCP_ACK | (req->ecn_ok ? TCP_ECE : 0);
	tx->mss = req->adv_mss;
	tcp_opts_encode(&o, tx);
	req->sent_us = now / 1000;
}

static void req_take_syn(struct tcp_listener *l, struct tcp_req *req, const struct tcp_in *in,
	const struct tcp_flow *flow, u16 path_mss)
{
	struct tcp_conf *conf = l->conf;
	u32 space;

	memset(req, 0, sizeof(*req));
	req->irs = in->seq;
	req->peer_wnd = in->wnd;
	req->peer_mss = in->mss ? in->mss : 536;
	req->path_mss = path_mss;
	req->adv_mss = l->maxseg ? min(l->maxseg, path_mss) : path_mss;
	req->ts_ok = conf->timestamps && in->has_ts;
	req->ts_recent = in->tsval;
	req->ts_off = tcp_ts_offset(conf, flow);
	req->sack_ok = conf->sack && in->sack_ok;
	req->wscale_ok = conf->window_scaling && in->wscale != 0xff;
	req->snd_wscale = req->wscale_ok ? in->wscale : 0;
	req->rcv_wscale = req->wscale_ok ? (u8)conn_wscale(conf, l->rcv_buf) : 0;
	/* [rfc3168 6.1.1]: it asks with both bits, and not over IP with ECT set. */
	req->ecn_ok =
		conf->ecn && (in->flags & (TCP_ECE | TCP_CWR)) == (TCP_ECE | TCP_CWR) && !in->ce;
	req->cookie_len = -1;
	space = min(l->rcv_buf - l->rcv_buf / 2, 65535u);
	if (l->window_clamp)
		space = min(space, l->window_clamp);
	req->rcv_wnd = space > req->adv_mss ? space - space % max_t(u32, req->adv_mss, 1) : space;
}

/* ---- LISTEN ---- */

/* [rfc7413 4.2]: may the SYN's data be taken? Else what cookie is the client told? */
static bool tfo_check(struct tcp_listener *l, struct tcp_req *req, const struct tcp_in *in,
	const struct tcp_flow *flow)
{
	struct tcp_conf *conf = l->conf;
	u8 good[TCP_COOKIE_MAX];
	unsigned n;

	if (!(conf->fastopen & TCP_TFO_SERVER) || !l->tfo_max)
		return false;
	if (in->len && (l->tfo_no_cookie || conf->fastopen & TCP_TFO_SERVER_NO_COOKIE))
		return READ_ONCE(l->ntfo) < l->tfo_max;
	if (in->cookie_len < 0)
		return false;
	if (READ_ONCE(l->ntfo) >= l->tfo_max) {
		count(l, TCP_MIB_FASTOPEN_LISTEN_OVERFLOW);
		return false;
	}
	for (unsigned key = 0; key < conf->ntfo_keys && in->cookie_len; key++) {
		n = tcp_tfo_cookie(conf, flow, key, good);
		if (n == (unsigned)in->cookie_len && !memcmp(good, in->cookie, n)) {
			count(l, TCP_MIB_FASTOPEN_PASSIVE);
			return true;
		}
	}
	count(l, in->cookie_len ? TCP_MIB_FASTOPEN_PASSIVE_FAIL : TCP_MIB_FASTOPEN_COOKIE_REQD);
	if (conf->ntfo_keys)
		req->cookie_len = (s8)tcp_tfo_cookie(conf, flow, 0, req->cookie);
	return false;
}

/* No room for a request: the options go into the timestamp, the rest into the sequence number. */
static enum tcp_verdict send_cookie(struct tcp_listener *l, u64 now, const struct tcp_flow *flow,
	struct tcp_req *req, struct tcp_tx *tx)
{
	u32 ts = now_ms(now), bits;

	req->iss = tcp_cookie_make(l->conf, flow, now, req->irs, &req->peer_mss);
	l->overflow_s = (u32)(now / TCP_NS_PER_S) | 1;
	if (req->ts_ok) {
		bits = (req->wscale_ok ? req->snd_wscale : TS_WSCALE) |
		       (req->sack_ok ? TS_SACK : 0) | (req->ecn_ok ? TS_ECN : 0);
		bits |= ts & ~((1u << TS_BITS) - 1);
		ts = seq_lt(ts, bits) ? bits - (1u << TS_BITS) : bits;
	} else {
		req->wscale_ok = req->sack_ok = req->ecn_ok = false;
	}
	req->cookie_len = -1;
	synack(req, now, ts + req->ts_off, tx);
	count(l, TCP_MIB_SYNCOOKIES_SENT);
	return TCP_V_REPLY;
}

static enum tcp_verdict listen_syn(struct tcp_listener *l, u64 now, const struct tcp_in *in,
	const struct tcp_flow *flow, u16 path_mss, const u32 *isn, struct tcp_req *req,
	struct tcp_tx *tx)
{
	struct tcp_conf *conf = l->conf;
	bool full = l->nreq >= max(l->backlog, 1u);

	if (l->nready > l->backlog) {
		count(l, TCP_MIB_LISTEN_OVERFLOWS);
		count(l, TCP_MIB_LISTEN_DROPS);
		return TCP_V_DROP;
	}
	req_take_syn(l, req, in, flow, path_mss);
	if (full || conf->syncookies == 2) {
		if (conf->syncookies) {
			count(l, TCP_MIB_REQ_QFULL_DO_COOKIES);
			return send_cookie(l, now, flow, req, tx);
		}
		count(l, TCP_MIB_REQ_QFULL_DROP);
		return TCP_V_DROP;
	}
	req->iss = isn ? *isn : tcp_isn(conf, flow, now);
	req->tfo = tfo_check(l, req, in, flow);
	req->timer_at = now + RTO_FIRST_MS * TCP_NS_PER_MS;
	req->sent = 1;
	synack(req, now, now_ms(now) + req->ts_off, tx);
	if (req->tfo) {
		tx->ack += in->len;
		return TCP_V_TFO;
	}
	return TCP_V_REQ;
}

/* An ACK that no request knows: is it the answer to a cookie? */
static enum tcp_verdict listen_ack(struct tcp_listener *l, u64 now, const struct tcp_in *in,
	const struct tcp_flow *flow, u16 path_mss, struct tcp_req *req)
{
	u32 s = (u32)(now / TCP_NS_PER_S), bits;
	u16 mss;

	if (!l->conf->syncookies || !l->overflow_s || s - l->overflow_s > COOKIE_VALID_S)
		return TCP_V_RESET;
	mss = tcp_cookie_check(l->conf, flow, now, in->seq - 1, in->ack - 1);
	if (!mss) {
		count(l, TCP_MIB_SYNCOOKIES_FAILED);
		return TCP_V_RESET;
	}
	if (l->nready > l->backlog) {
		count(l, TCP_MIB_LISTEN_OVERFLOWS);
		return TCP_V_DROP;
	}
	req_take_syn(l, req, in, flow, path_mss);
	req->irs = in->seq - 1;
	req->iss = in->ack - 1;
	req->peer_mss = mss;
	req->sent_us = now / 1000;
	req->sent = 2; /* no measure of the round trip */
	bits = in->tsecr - req->ts_off;
	req->wscale_ok = req->ts_ok && (bits & TS_WSCALE) != TS_WSCALE && l->conf->window_scaling;
	req->snd_wscale = req->wscale_ok ? bits & TS_WSCALE : 0;
	req->rcv_wscale = req->wscale_ok ? (u8)conn_wscale(l->conf, l->rcv_buf) : 0;
	req->sack_ok = req->ts_ok && bits & TS_SACK && l->conf->sack;
	req->ecn_ok = req->ts_ok && bits & TS_ECN && l->conf->ecn;
	count(l, TCP_MIB_SYNCOOKIES_RECV);
	return TCP_V_CONN;
}

enum tcp_verdict tcp_listen_segment(struct tcp_listener *l, u64 now, const struct tcp_in *in,
	const struct tcp_flow *flow, u16 path_mss, const u32 *isn, struct tcp_req *req,
	struct tcp_tx *tx)
{
	enum tcp_verdict v;

	if (in->flags & TCP_RST)
		return TCP_V_DROP;
	if (in->flags & TCP_ACK) {
		v = in->flags & TCP_SYN ? TCP_V_RESET : listen_ack(l, now, in, flow, path_mss, req);
		if (v == TCP_V_RESET)
			v = tcp_refuse(in, tx) ? TCP_V_REPLY : TCP_V_DROP;
		return v;
	}
	if (!(in->flags & TCP_SYN) || in->flags & TCP_FIN)
		return TCP_V_DROP;
	return listen_syn(l, now, in, flow, path_mss, isn, req, tx);
}

/* ---- SYN-RECEIVED ---- */

static bool req_limited(struct tcp_listener *l, struct tcp_req *req, u64 now)
{
	u32 ms = now_ms(now) | 1;

	if (req->oow_ms && ms - req->oow_ms < l->conf->invalid_ratelimit_ms)
		return true;
	req->oow_ms = ms;
	return false;
}

/* An ACK that tells where we are [rfc5961]. */
static void req_ack(struct tcp_req *req, u64 now, struct tcp_tx *tx)
{
	memset(tx, 0, sizeof(*tx));
	tx->seq = tx->data = req->iss + 1;
	tx->ack = req->irs + 1;
	tx->flags = TCP_ACK;
	tx->wnd = (u16)(req->rcv_wnd >> req->rcv_wscale);
	if (req->ts_ok)
		tcp_opts_encode_ts(tx, now_ms(now) + req->ts_off, req->ts_recent);
}

enum tcp_verdict tcp_req_segment(struct tcp_listener *l, struct tcp_req *req, u64 now,
	const struct tcp_in *in, struct tcp_tx *tx)
{
	bool paws = req->ts_ok && in->has_ts && seq_lt(in->tsval, req->ts_recent);
	bool inside = !seq_lt(tcp_in_end(in), req->irs + 1) &&
		      !seq_lt(req->irs + 1 + req->rcv_wnd, in->seq);

	/* The peer's SYN again: so is the answer. */
	if (in->seq == req->irs && (in->flags & (TCP_SYN | TCP_RST | TCP_ACK)) == TCP_SYN &&
		!paws) {
		if (req_limited(l, req, now))
			return TCP_V_DROP;
		synack(req, now, now_ms(now) + req->ts_off, tx);
		req->sent = 2;
		return TCP_V_REPLY;
	}
	/* [rfc9293 3.10.7.4, first; 3.5.2] */
	if (in->flags & TCP_ACK && !(in->flags & TCP_RST) && in->ack != req->iss + 1)
		return tcp_refuse(in, tx) ? TCP_V_REPLY : TCP_V_DROP;
	if (paws || !inside) {
		if (in->flags & TCP_RST || req_limited(l, req, now))
			return TCP_V_DROP;
		req_ack(req, now, tx);
		return TCP_V_REPLY;
	}
	if (in->flags & TCP_RST)
		return in->seq == req->irs + 1 ? TCP_V_KILL : TCP_V_DROP;
	if (in->flags & TCP_SYN) {
		req_ack(req, now, tx);
		return req_limited(l, req, now) ? TCP_V_DROP : TCP_V_REPLY;
	}
	if (!(in->flags & TCP_ACK))
		return TCP_V_DROP;
	if (req->ts_ok && in->has_ts && !seq_lt(req->irs + 1, in->seq))
		req->ts_recent = in->tsval;
	/* The listener wants the data, not the ACK [man tcp(7) TCP_DEFER_ACCEPT]. */
	if (l->defer_s && !in->len && !(in->flags & TCP_FIN) &&
		now / 1000 - req->sent_us < l->defer_s * 1000000ull && req->timeouts < 7) {
		req->acked = true;
		count(l, TCP_MIB_DEFERACCEPT_DROP);
		return TCP_V_DROP;
	}
	if (l->nready > l->backlog) {
		count(l, TCP_MIB_LISTEN_OVERFLOWS);
		req->acked = true;
		if (!l->conf->abort_on_overflow)
			return TCP_V_DROP;
		return tcp_refuse(in, tx) ? TCP_V_RESET : TCP_V_KILL;
	}
	return TCP_V_CONN;
}

enum tcp_verdict tcp_req_timer(
	struct tcp_listener *l, struct tcp_req *req, u64 now, struct tcp_tx *tx)
{
	u32 most = l->syn_count ? l->syn_count : l->conf->synack_retries;
	bool resend = !req->acked || !l->defer_s; /* what the accept queue had no room for is asked again */
	u64 ms;

	/* Old requests live shorter when the young fill less than half of the queue. */
	while (most > 2 && l->nreq * 2 > l->backlog && l->nyoung * 2 < l->nreq &&
		req->timeouts >= most - 1)
		most--;
	if (l->defer_s && req->acked) { /* until its time is over, and then once more */
		resend = now / 1000 - req->sent_us >= l->defer_s * 1000000ull;
		most = max(most, 7u);
	}
	if (req->timeouts >= most)
		return TCP_V_KILL;
	req->timeouts++;
	ms = min_t(u64, (u64)RTO_FIRST_MS << min_t(u8, req->timeouts, 16), l->conf->rto_max_ms);
	req->timer_at = now + ms * TCP_NS_PER_MS;
	if (!resend)
		return TCP_V_DROP;
	synack(req, now, now_ms(now) + req->ts_off, tx);
	req->sent = 2;
	return TCP_V_REPLY;
}

void tcp_conn_accept(struct tcp_conn *c, struct tcp_conf *conf, u64 now, const struct tcp_req *req,
	u32 rcv_buf, u32 snd_buf)
{
	struct tcp_in syn = {.seq = req->irs,
		.wnd = req->peer_wnd,
		.flags = TCP_SYN,
		.mss = req->peer_mss,
		.wscale = req->wscale_ok ? req->snd_wscale : 0xff,
		.sack_ok = req->sack_ok,
		.has_ts = req->ts_ok,
		.tsval = req->ts_recent};

	tcp_conn_init(c, conf, now, rcv_buf, snd_buf);
	c->path_mss = req->path_mss;
	c->adv_mss = req->adv_mss;
	c->ts_ok = req->ts_ok;
	c->sack_ok = req->sack_ok;
	c->wscale_ok = req->wscale_ok;
	c->ecn_ok = req->ecn_ok;
	c->rcv_wscale = req->rcv_wscale;
	c->ts_off = req->ts_off;
	conn_take_syn(c, &syn);
	cong_init(c);
	rcv_window_init(c);
	c->rcv_wnd = req->rcv_wnd;
	c->iss = c->snd_una = req->iss;
	c->snd_sml = c->snd_up = c->high_sacked = c->retx_hint = req->iss;
	c->snd_nxt = c->snd_end = req->iss + 1;
	c->state = TCP_S_SYN_RECV;
	c->syn_sent = true;
	c->total_retx = req->timeouts;
	c->now_us = req->sent_us;
	board_push(c, req->iss, req->iss + 1);
	if (req->sent > 1)
		board_at(&c->board, 0)->flags |= REC_EVER_RETX;
	conn_clock(c, now);
	if (req->tfo) {
		timer_rtx(c, TCP_RTX_RTO, conn_after_ms(c, RTO_FIRST_MS));
		c->syn_data_acked = true;
	}
	conn_count(c, TCP_MIB_PASSIVE_OPENS);
}
