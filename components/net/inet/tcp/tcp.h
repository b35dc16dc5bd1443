/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * TCP as a pure state machine: segments, calls and time in, segments and events out. No lock, no
 * clock, no packet and no global; whoever runs it (the shell, or a test) serialises the calls for
 * one connection.
 *
 *	segment --tcp_input--+                     +--> tcp_pull: segments to send, one by one
 *	call    --tcp_send…--+--> struct tcp_conn -+--> tcp_events: what somebody waits for
 *	time    --tcp_timer--+                     +--> tcp_deadline: when to call tcp_timer
 *	path    --tcp_path_…-+                     +--> snd_una: what the send queue may forget
 *
 * After every call that goes in, the shell pulls until tcp_pull says false, takes the events, and
 * sees that its timer fires no later than the deadline.
 *
 * Bytes. The send queue is the shell's: a byte is named by its sequence number, the first by
 * iss + 1; it keeps [snd_una, snd_end). Received payload stays in the shell's packets, each with a
 * struct tcp_rx inside, which the machine links into the receive queue (in order) or the tree of
 * what came out of order, and unlinks on rx_dead when it is no longer wanted.
 *
 * Numbers are bytes, also cwnd and what is in flight; times are nanoseconds of one monotonic clock
 * at the door and microseconds inside.
 */
#include <lib/compiler.h>
#include <lib/rbtree.h>
#include <lib/types.h>
#include "conf.h"
#include "wire.h"

/* As Linux numbers them in tcp_info and /proc/net/tcp. */
enum tcp_state {
	TCP_S_ESTABLISHED = 1,
	TCP_S_SYN_SENT,
	TCP_S_SYN_RECV,
	TCP_S_FIN_WAIT1,
	TCP_S_FIN_WAIT2,
	TCP_S_TIME_WAIT,
	TCP_S_CLOSE,
	TCP_S_CLOSE_WAIT,
	TCP_S_LAST_ACK,
	TCP_S_LISTEN,
	TCP_S_CLOSING,
};
#define TCP_IN(state, set) (1u << (state) & (set))

enum tcp_event {
	TCP_EV_READ = 1 << 0,      /* bytes, the end, or an error to be read */
	TCP_EV_WRITE = 1 << 1,     /* room, or an error */
	TCP_EV_CONNECTED = 1 << 2, /* a handshake is complete */
	TCP_EV_URGENT = 1 << 3,    /* SIGURG, EPOLLPRI */
	TCP_EV_ERROR = 1 << 4,     /* c->err */
	TCP_EV_HUP = 1 << 5,
	TCP_EV_TIMEWAIT = 1 << 6, /* state is CLOSE; make a struct tcp_tw of it first */
	TCP_EV_CLOSED = 1 << 7, /* state is CLOSE: forget the pair of addresses, purge the queues */
};

/* One received packet's payload: [seq, end), byte base is the first of the packet. */
struct tcp_rx {
	union {
		struct rb_node rb;
		struct tcp_rx *next;
	};
	u32 base, seq, end;
	u32 mem; /* what it takes of the receive buffer */
	bool fin;
};

/* A range that was sent at one time. */
struct tcp_rec {
	u32 seq, end;
	u64 sent_us;
	/* as it was when this was sent [draft-cheng-iccrg-delivery-rate-estimation] */
	u32 delivered, delivered_us, first_tx_us;
	u8 flags; /* enum tcp_rec_flags */
	u8 pad[3];
};

#define TCP_RECS_INLINE 4

/* What was sent and not acknowledged, in the order of sequence numbers. */
struct tcp_board {
	struct tcp_rec *r; /* mine, or from conf->alloc */
	u32 cap, head, n;
	u32 sacked, lost, retx; /* bytes of records with that flag */
	struct tcp_rec mine[TCP_RECS_INLINE];
};

enum tcp_ca { CA_OPEN, CA_DISORDER, CA_CWR, CA_RECOVERY, CA_LOSS };

/* Congestion control [rfc5681, rfc9438, rfc9406, rfc6937]. */
struct tcp_cong {
	u32 cwnd, ssthresh;
	u32 high_seq; /* snd_nxt when the reduction began */
	u32 prior_cwnd, prior_ssthresh;
	u32 prr_delivered, prr_out;
	u32 undo_marker, undo_retx; /* bytes retransmitted since, not yet known to be needless */
	u32 retx_stamp_ms;          /* timestamp of the first retransmission; 0: none */
	u32 max_out;                /* most that was in flight in this round */
	u32 used_us;                /* when the window was last used fully */
	u8 state;                   /* enum tcp_ca */
	u8 kind;                    /* enum tcp_cc */
	bool undo, frto, cwnd_limited;
	/* CUBIC */
	u32 w_max, w_est, k_ms, epoch_cwnd;
	u64 epoch_us;
	/* HyStart++ */
	u32 round_end, round_min_us, last_min_us, css_base_us;
	u8 round_samples, css_rounds;
	bool css;
};

struct tcp_rtt {
	u32 srtt_us, var_us;           /* srtt times 8, rttvar times 4 */
	u32 mdev_max_us, mdev_us, seq; /* seq: when the maximum starts anew */
	u32 min_us, min_prev_us;       /* of this window, of the one before */
	u64 min_since_us;
	u32 rto_ms;
	u8 backoff;
};

struct tcp_rack {
	u64 sent_us;
	u32 end, rtt_us, last_delivered;
	u8 steps, persist;
	bool advanced, reord_seen, dsack_seen;
};

enum tcp_rtx_kind { TCP_RTX_NONE, TCP_RTX_RTO, TCP_RTX_TLP, TCP_RTX_REORDER, TCP_RTX_PROBE };
enum tcp_life_kind { TCP_LIFE_NONE, TCP_LIFE_KEEPALIVE };

/* setsockopt's side; 0 where the instance's value holds */
struct tcp_user {
	u32 user_timeout_ms, window_clamp, notsent_lowat;
	u32 keep_idle_s, keep_intvl_s, keep_cnt;
	s32 linger2_s;
	u16 maxseg;
	u8 syn_count, defer_accept;
	u64 max_pacing; /* bytes a second; ~0: no limit */
	bool nodelay, cork, keepalive, oobinline, rcvbuf_locked, sndbuf_locked;
	bool tfo_connect, tfo_no_cookie;
};

struct tcp_conn {
	/* the fast path's */
	struct tcp_conf *conf;
	u64 now_us;
	u8 state; /* enum tcp_state */
	u8 snd_wscale, rcv_wscale;
	bool ts_ok, sack_ok, wscale_ok, ecn_ok;
	bool ack_now, more;
	u16 events, mss; /* mss: of payload, options counted off */
	u16 gso_mss;
	u32 snd_una, snd_nxt, snd_end, snd_wnd, snd_wl1, max_wnd;
	u32 rcv_nxt, rcv_wup, rcv_wnd, copied;
	u32 ts_recent, ts_off;
	u32 rcv_used, rcv_buf, rcv_ssthresh, window_clamp;
	u64 rtx_at, ack_at, life_at, pace_at; /* nanoseconds; ~0: off */
	struct tcp_rx *rx_head, *rx_tail, *rx_dead;
	struct rb_root ooo;
	u8 rtx_kind, life_kind;
	/* ACKs to come */
	u8 quick, pingpong;
	u8 tw_state; /* with TCP_EV_TIMEWAIT: FIN_WAIT2 or TIME_WAIT */
	u32 ato_ms, rcv_mss, last_rx_ms, last_tx_ms, last_ack_rx_ms;

	struct tcp_board board;
	struct tcp_cong cong;
	struct tcp_rtt rtt;
	struct tcp_rack rack;

	/* sending */
	u32 iss, fin_seq, snd_sml, snd_up;
	u32 high_sacked, retx_hint, tlp_end;
	bool irs_valid; /* the peer has spoken */
	bool fin_queued, urg_mode, tlp_retx, syn_sent, force_retx, probe_now, tlp_now;
	bool ece_send, cwr_send, cwr_now, app_limited;
	u8 retransmits, probes, dupacks;
	u32 reno_sacked;
	u16 path_mss, peer_mss, adv_mss; /* peer_mss: of its SYN; 0: none */
	u32 snd_buf;
	u64 pacing_rate;

	/* receiving */
	u32 irs, urg_seq, rst_seq;
	u32 ts_recent_s, oow_ms;
	u32 rcv_tsecr; /* echoed by the segment at hand; 0: none */
	u8 urg_state;  /* enum tcp_urg_state */
	u8 urg_byte;
	bool shut_rd, shut_wr, rcv_fin, orphan, rst_now, err_seen;
	u8 nsacks, ndsack, compressed;
	struct tcp_block sacks[4], dsack;
	u32 rcvq_seq, rcvq_space, rcv_rtt_seq;
	u32 rcv_rtt_us, rcv_rtt_tsecr;
	u64 rcvq_us, rcv_rtt_at_us;

	int err, soft_err;
	struct tcp_user user;

	/* fast open, client */
	s8 tfo_len;   /* -1: not asked for; 0: ask; else the cookie */
	u8 tfo_state; /* enum tcp_tfo */
	u8 tfo_fail;
	u8 tfo_cookie[TCP_COOKIE_MAX];

	/* what TCP_INFO tells */
	u64 bytes_acked, bytes_received, bytes_sent, bytes_retx;
	u64 busy_us, rwnd_us, sndbuf_us, chrono_us;
	u32 segs_in, segs_out, data_segs_in, data_segs_out;
	u32 delivered, delivered_ce, total_retx, dsack_dups, reord_seen, ooo_packets;
	u32 reordering;
	u32 rate_bytes, rate_us, first_tx_us;
	u64 delivered_us;
	u64 stall_us; /* when the oldest segment was first sent, from its first timeout on */
	u16 total_rto, rto_recoveries;
	u32 rto_time_ms, rto_stamp_ms;
	u8 chrono;
	bool rate_app_limited, ecn_seen, syn_data_acked;
};
static_assert(sizeof(struct tcp_conn) <= 2048, "a million of them");

/* ---- life ---- */

/*
 * A connection in CLOSE. @rcv_buf, @snd_buf: what the socket has. Nothing to free until a call
 * below opens it.
 */
void tcp_conn_init(struct tcp_conn *c, struct tcp_conf *conf, u64 now, u32 rcv_buf, u32 snd_buf);
/* Give back the scoreboard; every tcp_rx goes to rx_dead. */
void tcp_conn_fini(struct tcp_conn *c);
/* Broken invariants: false. For tests and debug builds. */
bool tcp_conn_check(const struct tcp_conn *c);

/* ---- in ---- */

/*
 * CLOSE -> SYN-SENT [rfc9293 3.10.1]. @mss: what the path takes (MTU without the headers),
 * @isn and @ts_off from tcp_isn and tcp_ts_offset. With c->tfo_len > 0 what is queued goes with
 * the SYN.
 */
void tcp_connect(struct tcp_conn *c, u64 now, u32 isn, u32 ts_off, u16 mss);

/*
 * A segment of this connection, its checksum good. @rx, with base and mem set by the caller, is
 * inside the packet; NULL if it has no payload. Returns: whether the machine keeps @rx.
 */
bool tcp_input(struct tcp_conn *c, u64 now, const struct tcp_in *in, struct tcp_rx *rx) MUST_CHECK;

/* The text of a SYN that opened the connection fast [rfc7413 4.2.2], after tcp_conn_accept. As tcp_input. */
bool tcp_syn_text(struct tcp_conn *c, u64 now, const struct tcp_in *in, struct tcp_rx *rx) MUST_CHECK;

/* Errors of a send: 0; -EPIPE; -ENOTCONN; the connection's. */
int tcp_send_check(struct tcp_conn *c) MUST_CHECK;
/* @n bytes were appended to the send queue. @more: MSG_MORE; @oob: the last of them is urgent. */
void tcp_sent(struct tcp_conn *c, u64 now, u32 n, bool more, bool oob);

/*
 * The next bytes that a receive may take at *@pos, a sequence number in [copied, rcv_nxt], which
 * moves over an urgent byte that is not inline. @prev: the packet before, NULL at first, when
 * *@pos is c->copied or more. @any: has this receive taken bytes already (it then ends at the
 * mark)? Returns: the packet, *out_off and *out_len within it; NULL: none (end, mark or nothing
 * yet).
 */
struct tcp_rx *tcp_rx_at(
	struct tcp_conn *c, struct tcp_rx *prev, bool any, u32 *pos, u32 *out_off, u32 *out_len);
/* The reader has everything below @pos: packets that it used up go to rx_dead. */
void tcp_received(struct tcp_conn *c, u64 now, u32 pos);
/* Bytes that can be read (SIOCINQ). */
u32 tcp_readable(const struct tcp_conn *c);
bool tcp_at_mark(const struct tcp_conn *c);
/* MSG_OOB: 0 and the byte; -EINVAL; -EAGAIN. */
int tcp_oob(struct tcp_conn *c, bool peek, u8 *out) MUST_CHECK;
/* Take the pending error: 0 or a positive errno. */
int tcp_take_error(struct tcp_conn *c);

/* shutdown(SHUT_WR) [rfc9293 3.10.4]. */
void tcp_shutdown_write(struct tcp_conn *c, u64 now);
/*
 * The last descriptor is gone. Unread bytes or @linger0: a reset. Afterwards the machine goes on
 * by itself until TCP_EV_CLOSED or TCP_EV_TIMEWAIT.
 */
void tcp_close(struct tcp_conn *c, u64 now, bool linger0);
/* Reset the peer (if it knows of us) and end with @err. */
void tcp_abort(struct tcp_conn *c, u64 now, int err);

void tcp_timer(struct tcp_conn *c, u64 now);
/* The path takes segments of @mss bytes now (ICMP, a route that changed). */
void tcp_path_mss(struct tcp_conn *c, u64 now, u16 mss);
/* ICMP said @err (positive) of a segment that began at @seq; @hard as [rfc1122 4.2.3.9] sorts. */
void tcp_icmp(struct tcp_conn *c, u64 now, u32 seq, int err, bool hard);
void tcp_set_keepalive(struct tcp_conn *c, u64 now, bool on);
/* Options that may let a held segment go (NODELAY, CORK off), or an ACK (QUICKACK). */
void tcp_push(struct tcp_conn *c, u64 now);
void tcp_quickack(struct tcp_conn *c, u64 now, bool on);

/* ---- out ---- */

/* The next segment to send now. */
bool tcp_pull(struct tcp_conn *c, u64 now, struct tcp_tx *tx) MUST_CHECK;

/* What has happened since the last time. */
static inline u32 tcp_events(struct tcp_conn *c)
{
	u32 events = c->events;

	c->events = 0;
	return events;
}

static inline u64 tcp_deadline(const struct tcp_conn *c)
{
	u64 a = c->rtx_at < c->ack_at ? c->rtx_at : c->ack_at;
	u64 b = c->life_at < c->pace_at ? c->life_at : c->pace_at;

	return a < b ? a : b;
}

struct tcp_info;
void tcp_info(const struct tcp_conn *c, u64 now, struct tcp_info *out);
