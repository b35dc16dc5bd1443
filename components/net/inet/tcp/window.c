/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the receiver promises, and when it says so: the window without silly sizes [rfc9293
 * 3.8.6.2.2, rfc7323 2], its growth with what the reader takes (dynamic right-sizing), and ACKs
 * that wait for company [rfc1122 4.2.3.2, rfc5681 4.2].
 *
 * Half of the receive buffer is promised, as the packets that hold the bytes cost more than they.
 */
#include "impl.h"

#define ATO_MIN_MS 40u
#define QUICK_MAX  16
#define WINDOW_MAX 65535u

static u32 window_of(u32 buf)
{
	return buf - buf / 2;
}

void rcv_window_init(struct tcp_conn *c)
{
	u32 mss = max_t(u32, c->adv_mss, 1), space = window_of(c->rcv_buf);

	c->window_clamp = space;
	if (c->user.window_clamp)
		c->window_clamp = min(c->window_clamp, c->user.window_clamp);
	space = min(min(space, c->window_clamp), WINDOW_MAX);
	if (space > mss)
		space -= space % mss;
	c->rcv_wnd = space;
	c->rcv_ssthresh = space;
	c->rcvq_space = min(space, 10 * mss);
	c->rcv_mss = min_t(u32, min_t(u32, mss, 536), max_t(u32, space / 2, 88));
	c->ato_ms = 0;
}

u32 rcv_select_window(struct tcp_conn *c)
{
	u32 mss = c->rcv_mss, full = window_of(c->rcv_buf), space, wnd;
	u32 held = conn_rcv_window(c), unit = 1u << c->rcv_wscale,
	    max_wnd = WINDOW_MAX << c->rcv_wscale;

	space = c->rcv_buf > c->rcv_used ? window_of(c->rcv_buf - c->rcv_used) : 0;
	full = min(full, c->window_clamp);
	mss = min(mss, full);
	if (space < full / 2) {
		c->quick = 0;
		if (c->conf->pressure && c->conf->pressure(c->conf))
			c->rcv_ssthresh = min_t(u32, c->rcv_ssthresh, 4u * c->adv_mss);
		space = align_down(space, unit);
		if (space < full >> 4 || space < mss)
			space = 0;
	}
	space = min(space, c->rcv_ssthresh);
	if (!space) {
		wnd = 0;
	} else if (c->rcv_wscale) {
		wnd = align_up(space, unit);
	} else {
		wnd = held;
		if (wnd + mss <= space || wnd > space)
			wnd = mss ? space / mss * mss : space;
		else if (mss == full && space > wnd + full / 2)
			wnd = space;
	}
	if (wnd < held) /* never taken back [rfc9293 3.8.6] */
		wnd = align_up(held, unit);
	wnd = min(wnd, max_wnd);
	if (!wnd && c->rcv_wnd)
		conn_count(c, TCP_MIB_TO_ZERO_WINDOW);
	else if (wnd && !c->rcv_wnd)
		conn_count(c, TCP_MIB_FROM_ZERO_WINDOW);
	c->rcv_wnd = wnd;
	c->rcv_wup = c->rcv_nxt;
	return wnd >> c->rcv_wscale;
}

/* ---- right-sizing ---- */

static void rcv_rtt(struct tcp_conn *c, u32 us)
{
	u32 old = c->rcv_rtt_us; /* times 8 */

	us = max(us, 1u);
	c->rcv_rtt_us = old ? old - (old >> 3) + us : us << 3;
}

/* By an echoed timestamp, or by how long a window takes to be used. */
static void rcv_rtt_measure(struct tcp_conn *c, u32 len)
{
	if (c->rcv_tsecr && c->rcv_tsecr != c->rcv_rtt_tsecr && len >= c->rcv_mss) {
		u32 ms = conn_tsval(c) - c->rcv_tsecr;

		c->rcv_rtt_tsecr = c->rcv_tsecr;
		if (ms < 60000)
			rcv_rtt(c, max(ms, 1u) * 1000);
		return;
	}
	if (c->ts_ok)
		return;
	if (c->rcv_rtt_at_us && seq_lt(c->rcv_nxt, c->rcv_rtt_seq))
		return;
	if (c->rcv_rtt_at_us)
		rcv_rtt(c, (u32)min_t(u64, c->now_us - c->rcv_rtt_at_us, 60000000));
	c->rcv_rtt_seq = c->rcv_nxt + c->rcv_wnd;
	c->rcv_rtt_at_us = c->now_us;
}

/* Once in a round trip: room for twice what the reader took in it, and for slow start. */
void rcv_space_adjust(struct tcp_conn *c)
{
	u64 want, copied;
	u32 buf;

	if (c->now_us - c->rcvq_us < c->rcv_rtt_us >> 3 || !c->rcv_rtt_us)
		return;
	copied = c->copied - c->rcvq_seq;
	if (copied > c->rcvq_space) {
		if (c->conf->moderate_rcvbuf && !c->user.rcvbuf_locked) {
			want = 2 * copied + 16 * c->adv_mss;
			want += 2 * (want * (copied - c->rcvq_space) / max(c->rcvq_space, 1u));
			buf = (u32)min_t(u64, 2 * want, c->conf->rmem[2]);
			if (buf > c->rcv_buf) {
				c->rcv_buf = buf;
				c->window_clamp = window_of(buf);
				if (c->user.window_clamp)
					c->window_clamp =
						min(c->window_clamp, c->user.window_clamp);
			}
		}
		c->rcvq_space = (u32)copied;
	}
	c->rcvq_seq = c->copied;
	c->rcvq_us = c->now_us;
}

static void window_grow(struct tcp_conn *c)
{
	u32 room = c->window_clamp > c->rcv_ssthresh ? c->window_clamp - c->rcv_ssthresh : 0;

	if (room && c->rcv_used < c->rcv_buf / 2 &&
		!(c->conf->pressure && c->conf->pressure(c->conf)))
		c->rcv_ssthresh += min_t(u32, room, 2u * max(c->adv_mss, c->rcv_mss));
}

/* ---- delayed ACKs ---- */

/* The next @most segments are acknowledged at once. */
void rcv_quick(struct tcp_conn *c, u8 most)
{
	u32 n = c->rcv_wnd / (2 * max(c->rcv_mss, 1u));

	n = clamp_t(u32, n, 2, most);
	c->quick = max_t(u8, c->quick, (u8)n);
	c->pingpong = 0;
}

/* @len bytes came in order, in segments of @seg. */
void rcv_arrived(struct tcp_conn *c, u32 len, u32 seg)
{
	u32 ms = conn_ms(c), gap = ms - c->last_rx_ms;

	if (seg >= c->rcv_mss)
		c->rcv_mss = min_t(u32, seg, max_t(u32, c->adv_mss, 1));
	else if (seg >= 536 && len > seg)
		c->rcv_mss = seg;
	rcv_rtt_measure(c, seg);
	if (!c->ato_ms) {
		rcv_quick(c, QUICK_MAX);
		c->ato_ms = ATO_MIN_MS;
	} else if (gap <= ATO_MIN_MS / 2) {
		c->ato_ms = c->ato_ms / 2 + ATO_MIN_MS / 2;
	} else if (gap < c->ato_ms) {
		c->ato_ms = min(c->ato_ms / 2 + gap, c->rtt.rto_ms);
	} else if (gap > c->rtt.rto_ms) {
		rcv_quick(c, QUICK_MAX);
	}
	c->last_rx_ms = ms;
	if (len >= 128)
		window_grow(c);
	rcv_schedule_ack(c);
}

/* Something must be acknowledged: now, or soon. */
void rcv_schedule_ack(struct tcp_conn *c)
{
	u32 ms = c->ato_ms, space;
	u64 at;

	if (c->ack_now)
		return;
	/* Two segments are told at once, unless the reader must take them first to keep the window.
	 */
	space = c->rcv_buf > c->rcv_used ? window_of(c->rcv_buf - c->rcv_used) : 0;
	if ((c->rcv_nxt - c->rcv_wup > c->rcv_mss && min(space, c->rcv_ssthresh) >= c->rcv_wnd) ||
		(c->quick && !c->pingpong) || c->ooo.node) {
		c->ack_now = true;
		return;
	}
	if (ms > ATO_MIN_MS) {
		u32 most = c->pingpong ? c->conf->delack_max_ms : 500;

		if (c->rtt.srtt_us)
			most = min(most, max(c->rtt.srtt_us >> 3, ATO_MIN_MS * 1000) / 1000);
		ms = min(ms, most);
	}
	at = conn_after_ms(c, clamp(ms, c->conf->delack_min_ms, c->conf->delack_max_ms));
	if (at < c->ack_at)
		c->ack_at = at;
}
