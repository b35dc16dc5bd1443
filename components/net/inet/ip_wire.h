/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * IP headers by offset: bytes are read at any alignment.
 *
 *	IPv4 [rfc791 3.1]	0 ver|ihl  1 tos  2 len  4 id  6 flags|frag  8 ttl  9 proto  10 sum  12 src  16 dst  20 options
 *	IPv6 [rfc8200 3]	0 ver|class|flow  4 payload len  6 next  7 hop limit  8 src  24 dst  40
 */
#include <lib/endian.h>
#include <lib/types.h>

#define IP4_HLEN 20
#define IP4_HLEN_MAX 60
#define IP4_OPTIONS_MAX 40
#define IP6_HLEN 40
#define IP4_RF 0x8000
#define IP4_DF 0x4000
#define IP4_MF 0x2000
#define IP4_OFFMASK 0x1fff

#define IP_PROTO_HOPOPTS 0
#define IP_PROTO_ICMP 1
#define IP_PROTO_IGMP 2
#define IP_PROTO_TCP 6
#define IP_PROTO_UDP 17
#define IP_PROTO_UDPLITE 136
#define IP_PROTO_ROUTING 43
#define IP_PROTO_FRAGMENT 44
#define IP_PROTO_ICMP6 58
#define IP_PROTO_NONE 59
#define IP_PROTO_DSTOPTS 60
#define IP_PROTO_RAW 255

static inline unsigned ip4_hlen(const u8 *h)
{
	return (h[0] & 0xf) * 4u;
}

static inline u16 ip4_total(const u8 *h)
{
	return load_be16(h + 2);
}

static inline u16 ip4_frag_word(const u8 *h)
{
	return load_be16(h + 6);
}

#define ECN_MASK 3
