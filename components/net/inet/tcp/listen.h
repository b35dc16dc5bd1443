/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What comes before a connection and after it, in small objects: a request (SYN received, SYN,ACK
 * sent), the listener that it belongs to, and TIME-WAIT. Pure as the machine is; the shell keeps
 * them in its tables and counts them.
 */
#include "tcp.h"

/* Guarded by the listener's lock. */
struct tcp_listener {
	struct tcp_conf *conf;
	u32 backlog;
	u32 nreq, nyoung; /* requests; of them such that were sent one SYN,ACK only */
	u32 nready;       /* connections to be accepted */
	u32 rcv_buf;
	u32 ntfo;       /* fast-open children that are not established; atomic */
	u32 tfo_max;    /* TCP_FASTOPEN; 0: off */
	u32 defer_s;    /* TCP_DEFER_ACCEPT */
	u32 overflow_s; /* when a cookie was sent last; 0: never */
	u32 window_clamp;
	u16 maxseg;
	u8 syn_count; /* TCP_SYNCNT */
	bool tfo_no_cookie;
};

struct tcp_req {
	u64 sent_us;  /* the SYN,ACK */
	u64 timer_at; /* nanoseconds */
	u32 irs, iss, ts_recent, ts_off, rcv_wnd, oow_ms;
	u16 peer_mss, adv_mss, path_mss, peer_wnd;
	u8 snd_wscale, rcv_wscale;
	bool ts_ok, sack_ok, wscale_ok, ecn_ok;
	bool acked; /* deferred: the ACK came, the data did not */
	u8 timeouts, sent;
	s8 cookie_len; /* fast open's, to be sent; -1: none */
	bool tfo;      /* the SYN's data is taken */
	u8 cookie[TCP_COOKIE_MAX];
};

enum tcp_verdict {
	TCP_V_DROP,
	TCP_V_REPLY, /* send @tx */
	TCP_V_REQ,   /* keep @req; send @tx */
	TCP_V_CONN,  /* make a connection of @req, then give it the segment */
	TCP_V_TFO,   /* the same; @tx is the SYN,ACK that goes first */
	TCP_V_KILL,  /* forget the object */
	TCP_V_RESET, /* send @tx, forget the object */
	TCP_V_SYN,   /* TIME-WAIT: forget it, and let the listener have the segment */
};

/*
 * A segment to the listener that no request or connection knows. @req: room for one. @isn: where
 * to begin after a TIME-WAIT (TCP_V_SYN), else NULL.
 */
enum tcp_verdict tcp_listen_segment(struct tcp_listener *l, u64 now, const struct tcp_in *in,
	const struct tcp_flow *flow, u16 path_mss, const u32 *isn, struct tcp_req *req,
	struct tcp_tx *tx) MUST_CHECK;
/* A segment to a request: DROP REPLY CONN KILL RESET. */
enum tcp_verdict tcp_req_segment(struct tcp_listener *l, struct tcp_req *req, u64 now,
	const struct tcp_in *in, struct tcp_tx *tx) MUST_CHECK;
/* Its time has come: DROP REPLY KILL. */
enum tcp_verdict tcp_req_timer(
	struct tcp_listener *l, struct tcp_req *req, u64 now, struct tcp_tx *tx) MUST_CHECK;
/* The connection of a request whose handshake ends with the segment that tcp_input gets next. */
void tcp_conn_accept(struct tcp_conn *c, struct tcp_conf *conf, u64 now, const struct tcp_req *req,
	u32 rcv_buf, u32 snd_buf);

struct tcp_tw {
	struct tcp_conf *conf;
	u64 expires; /* nanoseconds */
	u32 rcv_nxt, snd_nxt, rcv_wnd, ts_recent, ts_recent_s, ts_off, oow_ms;
	u8 state; /* FIN_WAIT2 or TIME_WAIT */
	u8 rcv_wscale;
	bool ts_ok;
};

/* From a connection with TCP_EV_TIMEWAIT. */
void tcp_tw_init(struct tcp_tw *tw, const struct tcp_conn *c, u64 now);
/* DROP REPLY KILL RESET SYN; out_isn: with SYN, what the new connection begins with. */
enum tcp_verdict tcp_tw_segment(struct tcp_tw *tw, u64 now, const struct tcp_in *in,
	struct tcp_tx *tx, u32 *out_isn) MUST_CHECK;
/* May connect() take over the pair of addresses [rfc6191; tcp_tw_reuse]? */
bool tcp_tw_reusable(const struct tcp_tw *tw, u64 now, bool loopback, u32 *out_isn) MUST_CHECK;

/* cookie.c */
u32 tcp_cookie_make(
	const struct tcp_conf *conf, const struct tcp_flow *flow, u64 now, u32 irs, u16 *mss);
/* The MSS that the cookie @ack - 1 carries, 0: it is none of ours. */
u16 tcp_cookie_check(
	const struct tcp_conf *conf, const struct tcp_flow *flow, u64 now, u32 irs, u32 cookie);
/* [rfc7413 4.1.2]: of the client's address. Returns its length. */
unsigned tcp_tfo_cookie(
	const struct tcp_conf *conf, const struct tcp_flow *flow, unsigned key, u8 *out);
