/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the window grows: slow start with HyStart++ [rfc5681 3.1, rfc9406], CUBIC [rfc9438] or Reno
 * [rfc5681 3.1, rfc3465] after it; and the rate at which it is spent (pacing).
 */
#include "impl.h"

#define K_MAX_MS          30000u
#define RTT_SAMPLES       8
#define RTT_THRESH_MIN_US 4000u
#define RTT_THRESH_MAX_US 16000u
#define CSS_DIVISOR       4
#define CSS_ROUNDS        5

void cong_init(struct tcp_conn *c)
{
	u8 kind = c->cong.kind;

	c->cong = (struct tcp_cong){.kind = kind, .ssthresh = ~0u};
	c->cong.cwnd = c->conf->init_cwnd * c->mss;
	c->cong.round_min_us = c->cong.last_min_us = ~0u;
}

static u32 cube_root(u64 x)
{
	u64 r = 0;

	for (int s = 63; s >= 0; s -= 3) {
		u64 b;

		r *= 2;
		b = 3 * r * (r + 1) + 1;
		if (x >> s >= b) {
			x -= b << s;
			r++;
		}
	}
	return (u32)r;
}

/* [rfc9438 4.6, 4.7]: 0.7 of the window; less room is left for one that did not reach its last. */
u32 cong_ssthresh(struct tcp_conn *c)
{
	struct tcp_cong *g = &c->cong;
	u32 least = 2u * c->mss;

	g->css = false;
	if (g->kind == TCP_CC_RENO)
		return max(g->cwnd / 2, least);
	g->epoch_us = 0;
	g->w_max = g->cwnd < g->w_max ? (u32)((u64)g->cwnd * 17 / 20) : g->cwnd;
	return max((u32)((u64)g->cwnd * 7 / 10), least);
}

void cong_lost(struct tcp_conn *c)
{
	c->cong.epoch_us = 0;
	c->cong.round_end = c->snd_nxt;
}

void cong_undo(struct tcp_conn *c)
{
	struct tcp_cong *g = &c->cong;

	g->cwnd = max(g->cwnd, g->prior_cwnd);
	if (g->kind == TCP_CC_CUBIC)
		g->w_max = max(g->w_max, g->prior_cwnd);
}

static void cubic_epoch(struct tcp_conn *c)
{
	struct tcp_cong *g = &c->cong;

	g->epoch_us = c->now_us;
	g->epoch_cwnd = g->w_est = g->cwnd;
	if (g->cwnd >= g->w_max) {
		g->w_max = g->cwnd;
		g->k_ms = 0;
		return;
	}
	/* K = cbrt((w_max - cwnd) / C), C = 0.4 segments/s^3; in ms: cbrt(segments * 2.5e9). */
	g->k_ms = cube_root((u64)(g->w_max - g->cwnd) * 2500000000ull / c->mss);
}

/* Where the curve is @ahead from now [rfc9438 4.2]. */
static u32 cubic_target(const struct tcp_conn *c, u32 ahead_us)
{
	const struct tcp_cong *g = &c->cong;
	u64 t = (c->now_us - g->epoch_us + ahead_us) / 1000, d, off;

	d = t > g->k_ms ? t - g->k_ms : g->k_ms - t;
	d = min_t(u64, d, K_MAX_MS);
	off = d * d * d * (2ull * c->mss) / 5000000000ull;
	if (t > g->k_ms)
		return (u32)min_t(u64, g->w_max + off, U32_MAX / 2);
	return g->w_max > off ? (u32)(g->w_max - off) : 0;
}

static void cubic_grow(struct tcp_conn *c, u32 acked)
{
	struct tcp_cong *g = &c->cong;
	u32 target;

	if (!g->epoch_us)
		cubic_epoch(c);
	/* [rfc9438 4.3]: alpha = 3 * 0.3 / 1.7 = 9/17 until the old maximum, then 1. */
	if (g->w_est < g->w_max)
		g->w_est += (u32)((u64)acked * c->mss * 9 / (17ull * g->cwnd));
	else
		g->w_est += (u32)((u64)acked * c->mss / g->cwnd);
	target = clamp(cubic_target(c, c->rtt.srtt_us >> 3), g->cwnd, g->cwnd + g->cwnd / 2);
	g->cwnd += (u32)((u64)(target - g->cwnd) * acked / g->cwnd);
	g->cwnd = max(g->cwnd, g->w_est);
}

static u32 slow_start(struct tcp_conn *c, u32 acked)
{
	struct tcp_cong *g = &c->cong;
	u32 room = g->ssthresh - g->cwnd, grow = g->css ? acked / CSS_DIVISOR : acked;

	if (grow <= room) {
		g->cwnd += grow;
		return 0;
	}
	g->cwnd = g->ssthresh;
	return grow - room;
}

void cong_grow(struct tcp_conn *c, struct tcp_ack *a)
{
	struct tcp_cong *g = &c->cong;
	u32 acked = c->delivered - a->prior_delivered;

	/* A window that was not filled proves nothing [rfc7661]. */
	if (!g->cwnd_limited && (g->cwnd >= g->ssthresh || g->cwnd >= 2 * g->max_out))
		return;
	if (g->cwnd < g->ssthresh)
		acked = slow_start(c, acked);
	if (!acked)
		return;
	if (g->kind == TCP_CC_CUBIC)
		cubic_grow(c, acked);
	else
		g->cwnd += max_t(u32, 1, (u32)((u64)acked * c->mss / g->cwnd));
	g->cwnd = min(g->cwnd, 1u << 30);
}

/* [rfc9406 4.2]: the delay that rises within a round ends slow start before something is lost. */
void cong_rtt(struct tcp_conn *c, u32 rtt_us)
{
	struct tcp_cong *g = &c->cong;
	u32 limit;

	if (g->cwnd >= g->ssthresh || g->kind != TCP_CC_CUBIC)
		return;
	if (!seq_lt(c->snd_una, g->round_end)) {
		g->last_min_us = g->round_min_us;
		g->round_min_us = ~0u;
		g->round_samples = 0;
		g->round_end = c->snd_nxt;
		if (g->css && ++g->css_rounds >= CSS_ROUNDS) {
			g->ssthresh = g->cwnd;
			g->css = false;
			return;
		}
	}
	g->round_min_us = min(g->round_min_us, rtt_us);
	if (g->round_samples < RTT_SAMPLES)
		g->round_samples++;
	if (g->round_samples < RTT_SAMPLES || g->round_min_us == ~0u || g->last_min_us == ~0u)
		return;
	limit = clamp(g->last_min_us / 8, RTT_THRESH_MIN_US, RTT_THRESH_MAX_US);
	if (!g->css && g->cwnd >= 16u * c->mss && g->round_min_us >= g->last_min_us + limit) {
		g->css = true;
		g->css_base_us = g->round_min_us;
		g->css_rounds = 0;
	} else if (g->css && g->round_min_us < g->css_base_us) {
		g->css = false;
	}
}

/* [rfc5681 4.1, rfc2861]: after an idle time the window halves for each RTO, to the first window.
 */
void cong_restart_idle(struct tcp_conn *c)
{
	struct tcp_cong *g = &c->cong;
	u32 idle = conn_ms(c) - c->last_tx_ms, floor = c->conf->init_cwnd * c->mss;

	if (!c->conf->slow_start_after_idle || c->rtt.rto_ms >= idle)
		return;
	floor = min(floor, g->cwnd);
	g->ssthresh = max(g->ssthresh, g->cwnd / 4 * 3);
	for (; idle > c->rtt.rto_ms && g->cwnd > floor; idle -= c->rtt.rto_ms)
		g->cwnd /= 2;
	g->cwnd = max(g->cwnd, floor);
	g->epoch_us = 0;
	g->cwnd_limited = false;
	g->max_out = 0;
}

/* Bytes a second: twice the window a round trip in slow start, 1.2 times after it. */
void cong_pacing(struct tcp_conn *c)
{
	struct tcp_cong *g = &c->cong;
	u32 ratio = g->cwnd < g->ssthresh / 2 ? c->conf->pacing_ss_ratio : c->conf->pacing_ca_ratio;
	u64 rate = (u64)max(g->cwnd, conn_out(c)) * ratio / 100 * (8ull * 1000000);

	rate /= max(c->rtt.srtt_us, 1u);
	c->pacing_rate = min(rate, c->user.max_pacing);
}
