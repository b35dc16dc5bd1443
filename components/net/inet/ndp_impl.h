/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include "ndp.h"

#define NDP_RS 133
#define NDP_RA 134
#define NDP_NS 135
#define NDP_NA 136
#define NDP_REDIRECT 137

#define NDP_OPT_SOURCE 1
#define NDP_OPT_TARGET 2
#define NDP_OPT_PREFIX 3
#define NDP_OPT_MTU 5
#define NDP_OPT_NONCE 14

#define NDP_PREFIXES_MAX 8

struct ndp_options {
	const u8 *source, *target; /* link addresses, NULL: none */
	u32 mtu;
	u64 nonce;
	unsigned nprefixes;
	const u8 *prefixes[NDP_PREFIXES_MAX];
};

/* Options in [at, at + len). False: malformed, the message is dropped. */
bool ndp_options(const u8 *at, u32 len, struct ndp_options *out) MUST_CHECK;
void ndp_transmit(struct link *l, struct pkt *p, const union ipaddr *src, const union ipaddr *dst);
void ndp_router_advertisement(struct inet *in, struct pkt *p); /* does not take it */
