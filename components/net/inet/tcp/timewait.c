/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TIME-WAIT, and FIN-WAIT-2 that nobody waits for, in a few words [rfc9293 3.10.7.4, rfc1337,
 * rfc6191].
 *
 *	FIN_WAIT2 --FIN--> TIME_WAIT --60 s--> gone
 */
#include "listen.h"
#include "impl.h"

#define TIME_WAIT_S 60

void tcp_tw_init(struct tcp_tw *tw, const struct tcp_conn *c, u64 now)
{
	u64 s = TIME_WAIT_S;

	*tw = (struct tcp_tw){.conf = c->conf,
		.rcv_nxt = c->rcv_nxt,
		.snd_nxt = c->snd_nxt,
		.rcv_wnd = conn_rcv_window(c),
		.ts_recent = c->ts_recent,
		.ts_recent_s = c->ts_recent_s,
		.ts_off = c->ts_off,
		.state = c->tw_state,
		.rcv_wscale = c->rcv_wscale,
		.ts_ok = c->ts_ok};
	if (tw->state == TCP_S_FIN_WAIT2)
		s = c->user.linger2_s > 0 ? (u64)c->user.linger2_s : c->conf->fin_timeout_s;
	tw->expires = now + s * TCP_NS_PER_S;
	conn_count(c, TCP_MIB_TW);
}

static void tw_ack(struct tcp_tw *tw, u64 now, struct tcp_tx *tx)
{
	memset(tx, 0, sizeof(*tx));
	tx->seq = tx->data = tw->snd_nxt;
	tx->ack = tw->rcv_nxt;
	tx->flags = TCP_ACK;
	tx->wnd = (u16)min(tw->rcv_wnd >> tw->rcv_wscale, 65535u);
	if (tw->ts_ok)
		tcp_opts_encode_ts(tx, (u32)(now / TCP_NS_PER_MS) + tw->ts_off, tw->ts_recent);
}

static enum tcp_verdict tw_answer(struct tcp_tw *tw, u64 now, struct tcp_tx *tx)
{
	u32 ms = (u32)(now / TCP_NS_PER_MS) | 1;

	if (tw->oow_ms && ms - tw->oow_ms < tw->conf->invalid_ratelimit_ms)
		return TCP_V_DROP;
	tw->oow_ms = ms;
	tw_ack(tw, now, tx);
	return TCP_V_REPLY;
}

static void tw_restart(struct tcp_tw *tw, u64 now)
{
	tw->expires = now + TIME_WAIT_S * TCP_NS_PER_S;
}

static void tw_stamp(struct tcp_tw *tw, u64 now, const struct tcp_in *in)
{
	if (tw->ts_ok && in->has_ts) {
		tw->ts_recent = in->tsval;
		tw->ts_recent_s = (u32)(now / TCP_NS_PER_S);
	}
}

/* The other direction is still open: its FIN is what is waited for. */
static enum tcp_verdict fin_wait2(
	struct tcp_tw *tw, u64 now, const struct tcp_in *in, bool paws, struct tcp_tx *tx)
{
	u32 end = tcp_in_end(in);

	if (paws || seq_lt(end, tw->rcv_nxt) || seq_lt(tw->rcv_nxt + tw->rcv_wnd, in->seq))
		return in->flags & TCP_RST ? TCP_V_DROP : tw_answer(tw, now, tx);
	if (in->flags & TCP_RST)
		return TCP_V_KILL;
	if (in->flags & TCP_SYN && !seq_lt(in->seq, tw->rcv_nxt))
		return tcp_refuse(in, tx) ? TCP_V_RESET : TCP_V_KILL;
	if (!(in->flags & TCP_ACK) || seq_leq(end, tw->rcv_nxt) || end == in->seq)
		return TCP_V_DROP;
	/* Data that nobody will read, or a FIN behind some. */
	if (!(in->flags & TCP_FIN) || end != tw->rcv_nxt + 1)
		return tcp_refuse(in, tx) ? TCP_V_RESET : TCP_V_KILL;
	tw->state = TCP_S_TIME_WAIT;
	tw->rcv_nxt = end;
	tw_stamp(tw, now, in);
	tw_restart(tw, now);
	tw_ack(tw, now, tx);
	return TCP_V_REPLY;
}

enum tcp_verdict tcp_tw_segment(
	struct tcp_tw *tw, u64 now, const struct tcp_in *in, struct tcp_tx *tx, u32 *out_isn)
{
	bool paws = tw->ts_ok && in->has_ts && seq_lt(in->tsval, tw->ts_recent) &&
		    (u32)(now / TCP_NS_PER_S) - tw->ts_recent_s < 24u * 24 * 3600;
	bool rst = in->flags & TCP_RST, syn = in->flags & TCP_SYN;

	if (tw->state == TCP_S_FIN_WAIT2)
		return fin_wait2(tw, now, in, paws, tx);
	if (!paws && in->seq == tw->rcv_nxt && (tcp_in_end(in) == in->seq || rst)) {
		if (rst && !tw->conf->rfc1337)
			return TCP_V_KILL;
		if (!rst)
			tw_restart(tw, now);
		tw_stamp(tw, now, in);
		return TCP_V_DROP;
	}
	/* [rfc9293 3.10.7.4 and rfc6191 2]: a new incarnation that is told from the old one. */
	if (syn && !rst && !(in->flags & TCP_ACK) && !paws &&
		(seq_lt(tw->rcv_nxt, in->seq) ||
			(tw->ts_ok && in->has_ts && seq_lt(tw->ts_recent, in->tsval)))) {
		*out_isn = tw->snd_nxt + 65535 + 2;
		return TCP_V_SYN;
	}
	if (rst)
		return TCP_V_DROP;
	if (paws || in->flags & TCP_ACK)
		tw_restart(tw, now);
	return tw_answer(tw, now, tx);
}

bool tcp_tw_reusable(const struct tcp_tw *tw, u64 now, bool loopback, u32 *out_isn)
{
	u32 reuse = tw->conf->tw_reuse;

	if (!tw->ts_ok || tw->state != TCP_S_TIME_WAIT || !reuse || (reuse == 2 && !loopback) ||
		(u32)(now / TCP_NS_PER_S) - tw->ts_recent_s < 1)
		return false;
	*out_isn = tw->snd_nxt + 65535 + 2;
	return true;
}
