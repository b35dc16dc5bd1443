/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A segment on its way in, parsed, and on its way out, described. Neither has any bytes of payload.
 *
 *	 0                   1                   2                   3
 *	|          source port          |       destination port        |
 *	|                        sequence number                        |
 *	|                     acknowledgment number                     |
 *	| hlen  | rsrvd |C E U A P R S F|            window             |
 *	|           checksum            |        urgent pointer         |
 *	|                    options, 0..40 bytes                       |
 *
 * Ports and checksum are the shell's; numbers here are in the order of the host.
 */
#include <lib/compiler.h>
#include <lib/types.h>

#define TCP_HDR_LEN    20
#define TCP_OPT_MAX    40
#define TCP_COOKIE_MIN 4
#define TCP_COOKIE_MAX 16

enum tcp_flag {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
	TCP_ECE = 0x40,
	TCP_CWR = 0x80,
};

struct tcp_block {
	u32 start, end;
};

struct tcp_in {
	u32 seq, ack;
	u32 len; /* payload */
	u16 wnd, urg;
	u8 flags, hlen;
	bool ce;   /* IP said: congestion experienced */
	u8 wscale; /* 0xff: none */
	bool has_ts, sack_ok;
	u8 nsack;
	s8 cookie_len; /* -1: no option; 0: a request */
	u16 mss;       /* option; 0: none */
	u16 gso;       /* payload of each segment that was merged into this one; 0: one segment */
	u32 tsval, tsecr;
	struct tcp_block sack[4];
	u8 cookie[TCP_COOKIE_MAX];
};

/* One past the last sequence number that the segment takes. */
static inline u32 tcp_in_end(const struct tcp_in *in)
{
	return in->seq + in->len + !!(in->flags & TCP_SYN) + !!(in->flags & TCP_FIN);
}

struct tcp_tx {
	u32 seq, ack;
	u32 data, len; /* payload: [data, data + len) of the send queue's sequence space */
	u16 mss;       /* payload of a segment when len is larger */
	u16 wnd, urg;
	u8 flags;
	bool ect; /* mark the packet ECN-capable */
	bool retx;
	u8 optlen; /* a multiple of 4 */
	u8 opts[TCP_OPT_MAX];
};

/*
 * Parse a header of @have bytes at @p, of a segment of @total bytes. ce and gso are left to the
 * caller. Returns: 0; -EINVAL: no TCP header (drop it). Options that do not parse are as if they
 * and those behind them were absent, as Linux does.
 */
int tcp_parse(const u8 *p, size_t have, size_t total, struct tcp_in *out) MUST_CHECK;

/* Write header (ports and checksum zero) and options at @p, of 20 + tx->optlen bytes. */
void tcp_write_header(const struct tcp_tx *tx, u8 *p);

/* The answer to a segment that nobody wants [rfc9293 3.10.7.1]; false: none is due. */
bool tcp_refuse(const struct tcp_in *in, struct tcp_tx *tx) MUST_CHECK;

/* Options of an outgoing segment. */
struct tcp_opts {
	u16 mss;
	u8 wscale; /* 0xff: none */
	bool sack_ok, ts;
	u32 tsval, tsecr;
	u8 nblocks;
	struct tcp_block blocks[4];
	s8 cookie_len; /* -1: none */
	const u8 *cookie;
};

/* Encode what fits in 40 bytes: fewer SACK blocks, no cookie if there is no room. */
void tcp_opts_encode(const struct tcp_opts *o, struct tcp_tx *tx);
/* The option area of a segment with timestamps alone. */
void tcp_opts_encode_ts(struct tcp_tx *tx, u32 tsval, u32 tsecr);
