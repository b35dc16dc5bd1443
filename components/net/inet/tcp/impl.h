/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What the files of the machine say to each other. Read in this order: input.c (a segment
 * arrives), rcv.c (its payload), ack.c (its acknowledgment), board.c, loss.c, cong.c, output.c,
 * timer.c, conn.c (calls).
 */
#include "tcp.h"
#include <lib/string.h>

#define TCP_OFF (~0ull) /* a deadline that is none */

#define TCP_SET_DATA /* states in which payload is taken */ \
	(1u << TCP_S_ESTABLISHED | 1u << TCP_S_FIN_WAIT1 | 1u << TCP_S_FIN_WAIT2)
#define TCP_SET_SEND (1u << TCP_S_ESTABLISHED | 1u << TCP_S_CLOSE_WAIT)
#define TCP_SET_OUT  /* something may still be in flight or to be sent */                    \
	(TCP_SET_SEND | 1u << TCP_S_FIN_WAIT1 | 1u << TCP_S_CLOSING | 1u << TCP_S_LAST_ACK | \
		1u << TCP_S_SYN_RECV)

enum tcp_rec_flags {
	REC_SACKED = 1,
	REC_LOST = 2,
	REC_RETX = 4,
	REC_EVER_RETX = 8,
	REC_APP_LIMITED = 16,
	REC_PROBED = 32
};
enum tcp_urg_state { URG_NONE, URG_NOTYET, URG_VALID, URG_READ };
enum tcp_chrono { CHRONO_NONE, CHRONO_BUSY, CHRONO_RWND, CHRONO_SNDBUF };
enum tcp_tfo { TFO_NONE, TFO_SYN, TFO_SYN_DATA };

/* What one acknowledgment told. */
struct tcp_ack {
	u32 prior_una, prior_flight, prior_lost;
	u32 acked, sacked; /* bytes newly so */
	u32 prior_delivered;
	bool advanced, data_acked, retx_acked, syn_acked, orig_sacked, dsack, ece, win_update;
	bool reordered, payload;
	s64 rtt_us, sack_rtt_us; /* < 0: none */
	/* delivery rate: of the newest record that it delivered */
	u64 rate_sent_us;
	u32 rate_delivered, rate_delivered_us, rate_first_us;
	bool rate_app_limited, rate_valid;
};

static inline bool seq_lt(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}
static inline bool seq_leq(u32 a, u32 b)
{
	return (s32)(a - b) <= 0;
}
static inline u32 seq_max(u32 a, u32 b)
{
	return seq_lt(a, b) ? b : a;
}
static inline u32 seq_min(u32 a, u32 b)
{
	return seq_lt(a, b) ? a : b;
}

static inline void conn_clock(struct tcp_conn *c, u64 now)
{
	c->now_us = now / 1000;
}
static inline u64 conn_ns(const struct tcp_conn *c)
{
	return c->now_us * 1000;
}
/* Wraps: for distances only. */
static inline u32 conn_ms(const struct tcp_conn *c)
{
	return (u32)(c->now_us / 1000);
}
static inline u64 conn_after_ms(const struct tcp_conn *c, u64 ms)
{
	return conn_ns(c) + ms * TCP_NS_PER_MS;
}
static inline u32 conn_tsval(const struct tcp_conn *c)
{
	return conn_ms(c) + c->ts_off;
}
static inline void conn_count(const struct tcp_conn *c, enum tcp_mib what)
{
	if (c->conf->count)
		c->conf->count(c->conf, what, 1);
}
/* Bytes that the network is believed to hold [rfc6675 4: pipe]. */
static inline u32 conn_flight(const struct tcp_conn *c)
{
	u32 out = c->snd_nxt - c->snd_una + c->board.retx;
	u32 gone = c->board.sacked + c->board.lost + c->reno_sacked;

	return out > gone ? out - gone : 0;
}
static inline u32 conn_out(const struct tcp_conn *c)
{
	return c->snd_nxt - c->snd_una;
}
/* Bytes of the user that were not sent once. (snd_nxt is past snd_end when the FIN was sent.) */
static inline u32 conn_unsent(const struct tcp_conn *c)
{
	return seq_lt(c->snd_nxt, c->snd_end) ? c->snd_end - c->snd_nxt : 0;
}
/* What is left of the window that the peer gave us. */
static inline u32 conn_snd_window(const struct tcp_conn *c)
{
	s32 left = (s32)(c->snd_una + c->snd_wnd - c->snd_nxt);

	return left > 0 ? (u32)left : 0;
}
/* What is left of the window that the peer was promised. */
static inline u32 conn_rcv_window(const struct tcp_conn *c)
{
	s32 left = (s32)(c->rcv_wup + c->rcv_wnd - c->rcv_nxt);

	return left > 0 ? (u32)left : 0;
}

/* board.c */
void board_init(struct tcp_board *b);
void board_fini(struct tcp_conn *c);
struct tcp_rec *board_at(const struct tcp_board *b, u32 i);
u32 board_find(const struct tcp_board *b, u32 seq);
void board_push(struct tcp_conn *c, u32 seq, u32 end);
bool board_split(struct tcp_conn *c, u32 i, u32 at);
void board_acked(struct tcp_conn *c, struct tcp_ack *a);
void board_sack(struct tcp_conn *c, struct tcp_block b, struct tcp_ack *a);
void board_lose(struct tcp_conn *c, struct tcp_rec *r);
void board_clear_marks(struct tcp_conn *c, bool sacked_too);
struct tcp_rec *board_next_lost(struct tcp_conn *c);
void board_retransmitted(struct tcp_conn *c, struct tcp_rec *r);
bool board_check(const struct tcp_conn *c);

/* loss.c */
bool loss_detect(struct tcp_conn *c);
void loss_after_ack(struct tcp_conn *c, struct tcp_ack *a);
void loss_after_timer(struct tcp_conn *c);
void loss_timeout(struct tcp_conn *c);
void loss_enter_cwr(struct tcp_conn *c);
void loss_delivered(struct tcp_conn *c, const struct tcp_rec *r);
bool loss_packet_delayed(const struct tcp_conn *c);

/* cong.c */
void cong_init(struct tcp_conn *c);
u32 cong_ssthresh(struct tcp_conn *c);
void cong_grow(struct tcp_conn *c, struct tcp_ack *a);
void cong_rtt(struct tcp_conn *c, u32 rtt_us);
void cong_restart_idle(struct tcp_conn *c);
void cong_undo(struct tcp_conn *c);
void cong_pacing(struct tcp_conn *c);
void cong_lost(struct tcp_conn *c);

/* ack.c */
enum ack_verdict { ACK_OK, ACK_OLD, ACK_BAD };
enum ack_verdict ack_in(struct tcp_conn *c, const struct tcp_in *in);
void rtt_sample(struct tcp_conn *c, s64 rtt_us);
void rtt_set_rto(struct tcp_conn *c);
u32 rtt_min_us(const struct tcp_conn *c);
void chrono_set(struct tcp_conn *c, enum tcp_chrono what);

/* rcv.c */
bool rcv_data(struct tcp_conn *c, const struct tcp_in *in, struct tcp_rx *rx);
void rcv_fin(struct tcp_conn *c);
void rcv_urgent(struct tcp_conn *c, const struct tcp_in *in, struct tcp_rx *rx);
void rcv_purge(struct tcp_conn *c);
void rcv_purge_ahead(struct tcp_conn *c);
void rcv_dsack(struct tcp_conn *c, u32 start, u32 end);
u32 rcv_select_window(struct tcp_conn *c);
void rcv_window_init(struct tcp_conn *c);
void rcv_arrived(struct tcp_conn *c, u32 len, u32 seg);
void rcv_schedule_ack(struct tcp_conn *c);
void rcv_quick(struct tcp_conn *c, u8 most);
void rcv_append(struct tcp_conn *c, struct tcp_rx *rx);
void rcv_space_adjust(struct tcp_conn *c);

/* input.c */
void conn_established(struct tcp_conn *c, const struct tcp_in *in);
void conn_challenge(struct tcp_conn *c);
bool conn_oow_limited(struct tcp_conn *c);
void conn_take_syn(struct tcp_conn *c, const struct tcp_in *in);

/* conn.c */
void conn_done(struct tcp_conn *c, int err);
void conn_time_wait(struct tcp_conn *c);
void conn_reset_peer(struct tcp_conn *c, int err);
void conn_mss_set(struct tcp_conn *c);
u16 conn_wscale(const struct tcp_conf *conf, u32 rcv_buf);
void conn_fin_acked(struct tcp_conn *c);

/* timer.c */
void timer_rtx(struct tcp_conn *c, enum tcp_rtx_kind kind, u64 at);
void timer_rearm(struct tcp_conn *c);
void timer_after_send(struct tcp_conn *c);
void timer_probe(struct tcp_conn *c);
void timer_keepalive(struct tcp_conn *c);
