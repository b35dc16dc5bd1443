/* SPDX-License-Identifier: BSD-2-Clause */
/* TCP_INFO, every field that Linux fills [man tcp(7)]. */
#include "impl.h"
#include <linux/tcp.h>

static u32 segments(const struct tcp_conn *c, u32 bytes)
{
	return DIV_ROUND_UP(bytes, c->mss);
}

/* Packets that are out, with each mark. */
static void board_info(const struct tcp_conn *c, struct tcp_info *out)
{
	for (u32 i = 0; i < c->board.n; i++) {
		const struct tcp_rec *r = board_at(&c->board, i);
		u32 n = segments(c, r->end - r->seq);

		out->tcpi_unacked += n;
		out->tcpi_sacked += r->flags & REC_SACKED ? n : 0;
		out->tcpi_lost += r->flags & REC_LOST ? n : 0;
		out->tcpi_retrans += r->flags & REC_RETX ? n : 0;
	}
	out->tcpi_sacked += segments(c, c->reno_sacked);
}

static void time_info(const struct tcp_conn *c, u64 now_us, struct tcp_info *out)
{
	u64 gone = c->chrono != CHRONO_NONE ? now_us - c->chrono_us : 0;

	out->tcpi_busy_time = c->busy_us + gone;
	out->tcpi_rwnd_limited = c->rwnd_us + (c->chrono == CHRONO_RWND ? gone : 0);
	out->tcpi_sndbuf_limited = c->sndbuf_us + (c->chrono == CHRONO_SNDBUF ? gone : 0);
	out->tcpi_last_data_sent = (u32)(now_us / 1000) - c->last_tx_ms;
	out->tcpi_last_data_recv = (u32)(now_us / 1000) - c->last_rx_ms;
	out->tcpi_last_ack_recv = (u32)(now_us / 1000) - c->last_ack_rx_ms;
	out->tcpi_total_rto_time = c->rto_time_ms;
	if (c->rto_stamp_ms)
		out->tcpi_total_rto_time += (u32)(now_us / 1000) - c->rto_stamp_ms;
}

static void options_info(const struct tcp_conn *c, struct tcp_info *out)
{
	out->tcpi_options =
		(__u8)((c->ts_ok ? TCPI_OPT_TIMESTAMPS : 0) | (c->sack_ok ? TCPI_OPT_SACK : 0) |
			(c->wscale_ok ? TCPI_OPT_WSCALE : 0) | (c->ecn_ok ? TCPI_OPT_ECN : 0) |
			(c->ecn_seen ? TCPI_OPT_ECN_SEEN : 0) |
			(c->syn_data_acked ? TCPI_OPT_SYN_DATA : 0));
	if (c->wscale_ok) {
		out->tcpi_snd_wscale = c->snd_wscale & 15;
		out->tcpi_rcv_wscale = c->rcv_wscale & 15;
	}
	out->tcpi_fastopen_client_fail = c->tfo_fail & 3;
}

void tcp_info(const struct tcp_conn *c, u64 now, struct tcp_info *out)
{
	memset(out, 0, sizeof(*out));
	out->tcpi_state = c->state;
	options_info(c, out);
	out->tcpi_pacing_rate = c->pacing_rate ? c->pacing_rate : ~0ull;
	out->tcpi_max_pacing_rate = c->user.max_pacing;
	out->tcpi_reordering = c->reordering;
	out->tcpi_snd_cwnd = max(c->cong.cwnd / c->mss, 1u);
	out->tcpi_ca_state = c->cong.state;
	out->tcpi_retransmits = c->retransmits;
	out->tcpi_probes = c->probes;
	out->tcpi_backoff = c->rtt.backoff;
	out->tcpi_rto = (u32)min_t(u64, (u64)c->rtt.rto_ms << min_t(u8, c->rtt.backoff, 16),
				c->conf->rto_max_ms) *
			1000;
	out->tcpi_ato = c->ato_ms * 1000;
	out->tcpi_snd_mss = c->mss;
	out->tcpi_rcv_mss = c->rcv_mss;
	board_info(c, out);
	time_info(c, now / 1000, out);
	out->tcpi_pmtu = c->path_mss + 40u;
	out->tcpi_rcv_ssthresh = c->rcv_ssthresh;
	out->tcpi_rtt = c->rtt.srtt_us >> 3;
	out->tcpi_rttvar = c->rtt.mdev_us >> 2;
	out->tcpi_snd_ssthresh = c->cong.ssthresh == ~0u ? 0x7fffffff : c->cong.ssthresh / c->mss;
	out->tcpi_advmss = c->adv_mss;
	out->tcpi_rcv_rtt = c->rcv_rtt_us >> 3;
	out->tcpi_rcv_space = c->rcvq_space;
	out->tcpi_total_retrans = c->total_retx;
	out->tcpi_bytes_acked = c->bytes_acked;
	out->tcpi_bytes_received = c->bytes_received;
	out->tcpi_notsent_bytes = conn_unsent(c);
	out->tcpi_segs_out = c->segs_out;
	out->tcpi_segs_in = c->segs_in;
	out->tcpi_min_rtt = rtt_min_us(c);
	out->tcpi_data_segs_in = c->data_segs_in;
	out->tcpi_data_segs_out = c->data_segs_out;
	out->tcpi_delivery_rate_app_limited = c->rate_app_limited;
	if (c->rate_us)
		out->tcpi_delivery_rate = (u64)c->rate_bytes * 1000000 / c->rate_us;
	out->tcpi_delivered = segments(c, c->delivered);
	out->tcpi_delivered_ce = c->delivered_ce;
	out->tcpi_bytes_sent = c->bytes_sent;
	out->tcpi_bytes_retrans = c->bytes_retx;
	out->tcpi_dsack_dups = c->dsack_dups;
	out->tcpi_reord_seen = c->reord_seen;
	out->tcpi_rcv_ooopack = c->ooo_packets;
	out->tcpi_snd_wnd = c->snd_wnd;
	out->tcpi_rcv_wnd = c->rcv_wnd;
	out->tcpi_total_rto = c->total_rto;
	out->tcpi_total_rto_recoveries = c->rto_recoveries;
}
