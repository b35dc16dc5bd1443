/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What all connections of one instance share: the sysctls under Linux' names, the secrets, and the
 * few things that the machine asks of whoever runs it. Written by the shell alone; a connection
 * reads it without a lock, so that each field is one word.
 */
#include <lib/hash.h>
#include <lib/types.h>

#define TCP_NS_PER_MS 1000000ull
#define TCP_NS_PER_S  1000000000ull

enum tcp_mib {
	TCP_MIB_ACTIVE_OPENS,
	TCP_MIB_PASSIVE_OPENS,
	TCP_MIB_ATTEMPT_FAILS,
	TCP_MIB_ESTAB_RESETS,
	TCP_MIB_IN_SEGS,
	TCP_MIB_OUT_SEGS,
	TCP_MIB_RETRANS_SEGS,
	TCP_MIB_IN_ERRS,
	TCP_MIB_OUT_RSTS,
	/* TcpExt */
	TCP_MIB_SYNCOOKIES_SENT,
	TCP_MIB_SYNCOOKIES_RECV,
	TCP_MIB_SYNCOOKIES_FAILED,
	TCP_MIB_LISTEN_OVERFLOWS,
	TCP_MIB_LISTEN_DROPS,
	TCP_MIB_REQ_QFULL_DO_COOKIES,
	TCP_MIB_REQ_QFULL_DROP,
	TCP_MIB_DEFERACCEPT_DROP,
	TCP_MIB_TW,
	TCP_MIB_TW_RECYCLED,
	TCP_MIB_TW_KILLED,
	TCP_MIB_DELAYED_ACKS,
	TCP_MIB_TIMEOUTS,
	TCP_MIB_LOSS_PROBES,
	TCP_MIB_LOSS_PROBE_RECOVERY,
	TCP_MIB_SACK_RECOVERY,
	TCP_MIB_RENO_RECOVERY,
	TCP_MIB_SACK_REORDER,
	TCP_MIB_DSACK_OLD_SENT,
	TCP_MIB_DSACK_OFO_SENT,
	TCP_MIB_DSACK_RECV,
	TCP_MIB_DSACK_UNDO,
	TCP_MIB_FULL_UNDO,
	TCP_MIB_LOSS_UNDO,
	TCP_MIB_SPURIOUS_RTOS,
	TCP_MIB_PAWS_ESTAB,
	TCP_MIB_CHALLENGE_ACK,
	TCP_MIB_SYN_CHALLENGE,
	TCP_MIB_ABORT_ON_DATA,
	TCP_MIB_ABORT_ON_CLOSE,
	TCP_MIB_ABORT_ON_MEMORY,
	TCP_MIB_ABORT_ON_TIMEOUT,
	TCP_MIB_ABORT_ON_LINGER,
	TCP_MIB_PRUNE_CALLED,
	TCP_MIB_OFO_PRUNED,
	TCP_MIB_RCV_COLLAPSED,
	TCP_MIB_RCVQ_DROP,
	TCP_MIB_OFO_QUEUE,
	TCP_MIB_OFO_MERGE,
	TCP_MIB_HP_HITS,
	TCP_MIB_HP_ACKS,
	TCP_MIB_PURE_ACKS,
	TCP_MIB_TO_ZERO_WINDOW,
	TCP_MIB_FROM_ZERO_WINDOW,
	TCP_MIB_WANT_ZERO_WINDOW,
	TCP_MIB_KEEPALIVE,
	TCP_MIB_WIN_PROBE,
	TCP_MIB_FASTOPEN_ACTIVE,
	TCP_MIB_FASTOPEN_ACTIVE_FAIL,
	TCP_MIB_FASTOPEN_PASSIVE,
	TCP_MIB_FASTOPEN_PASSIVE_FAIL,
	TCP_MIB_FASTOPEN_LISTEN_OVERFLOW,
	TCP_MIB_FASTOPEN_COOKIE_REQD,
	TCP_MIB_COUNT,
};

/* net.ipv4.tcp_fastopen */
enum {
	TCP_TFO_CLIENT = 1,
	TCP_TFO_SERVER = 2,
	TCP_TFO_CLIENT_NO_COOKIE = 4,
	TCP_TFO_SERVER_NO_COOKIE = 0x200,
	TCP_TFO_SERVER_ALL = 0x400
};

enum tcp_cc { TCP_CC_CUBIC, TCP_CC_RENO };

struct tcp_rx;

struct tcp_conf {
	/* net.ipv4.tcp_*; times in the unit that Linux gives them */
	u32 syn_retries, synack_retries, retries1, retries2, orphan_retries;
	u32 fin_timeout_s, keepalive_time_s, keepalive_intvl_s, keepalive_probes;
	u32 sack, dsack, timestamps, window_scaling, ecn, fastopen, syncookies;
	u32 abort_on_overflow, rfc1337, tw_reuse, moderate_rcvbuf, slow_start_after_idle;
	u32 frto, reordering, max_reordering, min_tso_segs, early_retrans;
	u32 pacing_ss_ratio, pacing_ca_ratio, notsent_lowat, invalid_ratelimit_ms;
	u32 min_snd_mss, base_mss, challenge_ack_limit, linear_timeouts;
	u32 rmem[3], wmem[3];
	u32 rto_min_ms, rto_max_ms, delack_min_ms, delack_max_ms;
	u32 init_cwnd; /* segments [rfc6928] */
	u32 cc;        /* enum tcp_cc of new sockets */

	struct siphash_key isn_key, ts_key, cookie_key[2], tfo_key[2];
	u32 ntfo_keys;

	/* Global limit of challenge ACKs [rfc5961 7]; the machine's own, atomic. */
	u32 challenge_second, challenge_left;

	/*
	 * Memory for a connection's scoreboard. NULL from alloc is survived: records are merged.
	 * Called with whatever the caller of the machine holds.
	 */
	void *(*alloc)(struct tcp_conf *conf, size_t size);
	void (*free)(struct tcp_conf *conf, void *p, size_t size);
	/* Count a rare event (nothing on the fast path). May be NULL. */
	void (*count)(struct tcp_conf *conf, enum tcp_mib what, u32 n);
	/* The byte at @off of a packet's payload, for urgent data. May be NULL. */
	u8 (*byte)(const struct tcp_rx *rx, u32 off);
	/* Is memory short (tcp_mem's pressure)? May be NULL. */
	bool (*pressure)(struct tcp_conf *conf);
};

/* Linux' defaults; secrets and functions stay zero. */
void tcp_conf_init(struct tcp_conf *conf);

/* The two ends as both know them; IPv4 in the form ::ffff:a.b.c.d. */
struct tcp_flow {
	u8 laddr[16], raddr[16];
	u16 lport, rport;
	u32 pad;
};

/* [rfc6528 3]: a clock of 64 ns plus a keyed hash of the two ends. */
u32 tcp_isn(const struct tcp_conf *conf, const struct tcp_flow *flow, u64 now);
/* The offset of a connection's timestamps, per pair of addresses. */
u32 tcp_ts_offset(const struct tcp_conf *conf, const struct tcp_flow *flow);
