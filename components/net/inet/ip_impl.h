/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Between the files of the IP layer. */
#include "ip.h"
#include "ip_wire.h"

#include "link.h"

/* One packet with its IP header that fits: to its link. Takes it. */
int ip_finish_output(struct inet *in, struct pkt *p, struct inet_route *r);
/* The next id of datagrams between the two: from a keyed hash and a counter [rfc7739 5]. */
u16 ip4_next_id(struct inet *in, const union ipaddr *src, const union ipaddr *dst, u8 proto);
u32 ip6_next_id(struct inet *in, const union ipaddr *src, const union ipaddr *dst);
/* Pass on a packet that is not for us: IP header first. Takes it. */
void ip4_forward(struct inet *in, struct pkt *p);
void ip6_forward(struct inet *in, struct pkt *p);
/* Look at IPv4 options in a received header. False: bad at @out_at. */
bool ip4_options_ok(const u8 *h, unsigned hlen, unsigned *out_at, bool *out_source_route, bool *out_alert);
/* The offset and type of the transport behind extension headers of @p (net header first); see ip6_in.c. */
