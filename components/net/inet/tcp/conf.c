/* SPDX-License-Identifier: BSD-2-Clause */
/* Defaults of Linux 6.12 [Documentation/networking/ip-sysctl], and the keyed hashes. */
#include "conf.h"
#include <lib/string.h>

void tcp_conf_init(struct tcp_conf *conf)
{
	*conf = (struct tcp_conf){
		.syn_retries = 6,
		.synack_retries = 5,
		.retries1 = 3,
		.retries2 = 15,
		.orphan_retries = 0,
		.fin_timeout_s = 60,
		.keepalive_time_s = 7200,
		.keepalive_intvl_s = 75,
		.keepalive_probes = 9,
		.sack = 1,
		.dsack = 1,
		.timestamps = 1,
		.window_scaling = 1,
		.ecn = 2,
		.fastopen = TCP_TFO_CLIENT,
		.syncookies = 1,
		.abort_on_overflow = 0,
		.rfc1337 = 0,
		.tw_reuse = 2,
		.moderate_rcvbuf = 1,
		.slow_start_after_idle = 1,
		.frto = 2,
		.reordering = 3,
		.max_reordering = 300,
		.min_tso_segs = 2,
		.early_retrans = 3,
		.pacing_ss_ratio = 200,
		.pacing_ca_ratio = 120,
		.notsent_lowat = ~0u,
		.invalid_ratelimit_ms = 500,
		.min_snd_mss = 48,
		.base_mss = 1024,
		.challenge_ack_limit = S32_MAX,
		.linear_timeouts = 4,
		.rmem = {4096, 131072, 6291456},
		.wmem = {4096, 16384, 4194304},
		.rto_min_ms = 200,
		.rto_max_ms = 120000,
		.delack_min_ms = 40,
		.delack_max_ms = 200,
		.init_cwnd = 10,
		.cc = TCP_CC_CUBIC,
	};
}

u32 tcp_isn(const struct tcp_conf *conf, const struct tcp_flow *flow, u64 now)
{
	return (u32)siphash(&conf->isn_key, flow, sizeof(*flow)) + (u32)(now >> 6);
}

u32 tcp_ts_offset(const struct tcp_conf *conf, const struct tcp_flow *flow)
{
	return (u32)siphash(&conf->ts_key, flow, sizeof(flow->laddr) + sizeof(flow->raddr));
}
