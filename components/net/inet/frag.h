/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Fragments: cutting and putting together.
 */
#include "ip.h"

int frag_init(struct inet *in) MUST_CHECK;
void frag_fini(struct inet *in);
/* Send @p (IP header first) in pieces of at most @mtu. Takes it. */
int ip4_fragment(struct inet *in, struct pkt *p, struct inet_route *r, u32 mtu);
int ip6_fragment(struct inet *in, struct pkt *p, struct inet_route *r, u32 mtu);

/*
 * A fragment came: @p begins at its data; src, dst, protocol, net_off are set. Takes it. The whole datagram (beginning at its transport
 * header, with the first fragment's IP header at net_off) when it was the last that was missing; NULL otherwise.
 */
struct frag_info {
	u32 id;
	u32 offset; /* bytes */
	bool more;
	u8 proto;
	u16 header_off; /* IPv6: where in the packet the fragment header's type was named (next header byte), from net_off */
};
struct pkt *frag_add(struct inet *in, struct pkt *p, const struct frag_info *f);
/* Bytes and datagrams held, for /proc/net/sockstat. */
void frag_usage(struct inet *in, u32 *out_n, u32 *out_bytes);
