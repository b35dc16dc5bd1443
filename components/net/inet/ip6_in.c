/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv6 in [rfc8200]: the header, the chain of extension headers, whose it is.
 */
#include "frag.h"
#include "icmp.h"
#include "ip_impl.h"
#include "mcast.h"
#include "raw.h"
#include "sock.h"

#define HEADERS_MAX 16 /* extension headers in a chain */
#define OPTIONS_MAX 8 /* unknown or padding options in a row [rfc8504 5.3] */

static bool check_header(struct inet *in, struct pkt *p)
{
	const u8 *h;
	u32 payload;

	INET_COUNT(in, Ip6_InReceives);
	INET_COUNT_N(in, Ip6_InOctets, p->total);
	if (!pkt_pull_up(p, IP6_HLEN))
		goto bad;
	h = p->data;
	if (h[0] >> 4 != 6)
		goto bad;
	payload = load_be16(h + 4);
	if (!payload && h[6] != IP_PROTO_NONE) { /* no jumbograms, but joined packets of a device may be that long */
		if (!p->gso)
			goto bad;
		payload = p->total - IP6_HLEN;
	}
	if (payload + IP6_HLEN > p->total) {
		INET_COUNT(in, Ip6_InTruncatedPkts);
		return false;
	}
	pkt_trim(p, payload + IP6_HLEN);
	pkt_mark_net(p);
	p->src = ip_load6(h + 8);
	p->dst = ip_load6(h + 24);
	p->flow = *(const u32_any *)h;
	p->tos = (u8)(load_be16(h) >> 4);
	p->ttl = h[7];
	p->ip_proto = h[6];
	return true;
bad:
	INET_COUNT(in, Ip6_InHdrErrors);
	return false;
}

/* Addresses that no packet may carry [rfc4291 2.5, 2.7] [rfc4942 2.2]. */
static bool addresses_ok(const struct pkt *p)
{
	bool loop = p->flags & PKT_LOOPBACK;

	if (p->src.b[0] == 0xff || ip_is4(&p->src) || ip_is4(&p->dst))
		return false;
	if (!loop && (ip_is_loopback(&p->src) || ip_is_loopback(&p->dst)))
		return false;
	return !(p->dst.b[0] == 0xff && ((p->dst.b[1] & 0xf) == 0 || ((p->dst.b[1] & 0xf) == 1 && !loop)));
}

/* Hop-by-hop or destination options at @at, @len bytes. False: the packet ends here (the sender may have been told). */
static bool options_ok(struct inet *in, struct pkt *p, u32 at, u32 len)
{
	const u8 *o = p->data + at;
	unsigned oddities = 0;

	for (u32 i = 2; i < len;) {
		u8 type = o[i];
		u32 n;

		if (!type) { /* Pad1 */
			if (++oddities > OPTIONS_MAX)
				return false;
			i++;
			continue;
		}
		if (i + 2 > len)
			return false;
		n = o[i + 1] + 2u;
		if (i + n > len)
			return false;
		if (type == 5 && n == 4 && !o[i + 2] && !o[i + 3]) {
			p->flags |= PKT_ROUTER_ALERT;
		} else if (type != 1 && type != 5) {
			if (type >> 6 == 0 && ++oddities > OPTIONS_MAX)
				return false;
			if (type >> 6 == 2 || (type >> 6 == 3 && p->dst.b[0] != 0xff))
				icmp6_send_error(in, p, ICMPV6_PARAMPROB, ICMPV6_UNK_OPTION, at + i);
			if (type >> 6)
				return false;
		}
		i += n;
	}
	return true;
}

/* A fragment header at @at. The whole, or NULL. Takes @p. */
static struct pkt *fragment(struct inet *in, struct pkt *p, u32 at)
{
	const u8 *h = p->data + at;
	u16 word = load_be16(h + 2);
	struct frag_info f = {.id = load_be32(h + 4), .offset = word & 0xfff8, .more = word & 1, .proto = h[0]};
	u8 next = h[0];

	/* The first must hold the whole chain of headers [rfc7112]. */
	if (!f.offset && f.more && next != IP_PROTO_NONE && p->total < at + 8 + 8u) {
		icmp6_send_error(in, p, ICMPV6_PARAMPROB, 3, 0);
		pkt_free(p);
		return NULL;
	}
	if ((p->total - at - 8) % 8 && f.more) {
		icmp6_send_error(in, p, ICMPV6_PARAMPROB, ICMPV6_HDR_FIELD, 4);
		INET_COUNT(in, Ip6_InHdrErrors);
		pkt_free(p);
		return NULL;
	}
	if (f.offset + (p->total - at - 8) > U16_MAX) {
		icmp6_send_error(in, p, ICMPV6_PARAMPROB, ICMPV6_HDR_FIELD, at + 2);
		INET_COUNT(in, Ip6_InHdrErrors);
		pkt_free(p);
		return NULL;
	}
	pkt_pull(p, at + 8);
	if (!f.offset && !f.more) { /* an atomic fragment stands alone [rfc6946] */
		p->ip_proto = next;
		return p;
	}
	p = frag_add(in, p, &f);
	if (p)
		p->ip_proto = next; /* the first fragment's, by which all were found */
	return p;
}

/*
 * Walk the chain; @p is left at its transport header, with ip_proto saying which. NULL: it is gone.
 */
static struct pkt *walk(struct inet *in, struct pkt *p)
{
	u32 at = IP6_HLEN;
	bool whole = false; /* data begins at a header behind a fragment header: at counts from there */
	u8 next = p->ip_proto;

	for (unsigned i = 0; i < HEADERS_MAX; i++) {
		u32 len;

		switch (next) {
		case IP_PROTO_HOPOPTS:
			if (i) { /* only right behind the IP header */
				icmp6_send_error(in, p, ICMPV6_PARAMPROB, ICMPV6_UNK_NEXTHDR, 6);
				goto drop;
			}
			FALLTHROUGH;
		case IP_PROTO_DSTOPTS:
		case IP_PROTO_ROUTING:
			if (!pkt_pull_up(p, at + 8))
				goto bad;
			len = (p->data[at + 1] + 1u) * 8;
			if (!pkt_pull_up(p, at + len))
				goto bad;
			if (next == IP_PROTO_ROUTING) {
				/* Not for us to pass on: ignored when done, refused otherwise; type 0 is dead [rfc5095]. */
				if (p->data[at + 3]) {
					icmp6_send_error(in, p, ICMPV6_PARAMPROB, ICMPV6_HDR_FIELD, at + 2);
					goto bad;
				}
			} else if (!options_ok(in, p, at, len)) {
				goto bad;
			}
			next = p->data[at];
			at += len;
			break;
		case IP_PROTO_FRAGMENT:
			if (whole || !pkt_pull_up(p, at + 8))
				goto bad;
			p = fragment(in, p, at);
			if (!p)
				return NULL;
			next = p->ip_proto;
			whole = true;
			at = 0;
			break;
		default:
			if (at > p->total)
				goto bad;
			pkt_pull(p, at);
			p->ip_proto = next;
			return p;
		}
	}
bad:
	INET_COUNT(in, Ip6_InHdrErrors);
drop:
	pkt_free(p);
	return NULL;
}

static void deliver_local(struct inet *in, struct pkt *p)
{
	p = walk(in, p);
	if (!p)
		return;
	if (p->ip_proto == IP_PROTO_NONE) {
		pkt_free(p);
		return;
	}
	pkt_mark_transport(p);
	if (!p->total || !pkt_pull_up(p, 1)) {
		pkt_free(p);
		return;
	}
	if (!inet_transport(p->ip_proto) && !raw_wanted(in, p)) {
		INET_COUNT(in, Ip6_InUnknownProtos);
		icmp6_send_error(in, p, ICMPV6_PARAMPROB, ICMPV6_UNK_NEXTHDR, p->frag_max ? IP6_HLEN : 6);
	}
	ip_deliver(in, p);
}

void ip6_input(struct inet *in, struct pkt *p)
{
	static const u16 ecn[] = {STAT_Ip6_InNoECTPkts, STAT_Ip6_InECT1Pkts, STAT_Ip6_InECT0Pkts, STAT_Ip6_InCEPkts};
	u8 type;

	if (p->link->conf.disable_ipv6 || !check_header(in, p) || !addresses_ok(p)) {
		pkt_free(p);
		return;
	}
	inet_count_add(in, ecn[p->tos & ECN_MASK], 1);
	if (p->dst.b[0] == 0xff) {
		p->flags |= PKT_MULTICAST;
		INET_COUNT(in, Ip6_InMcastPkts);
		INET_COUNT_N(in, Ip6_InMcastOctets, p->total);
		if (mcast_is_member(p->link, &p->dst, &p->src) || (p->flags & PKT_LOOPBACK))
			deliver_local(in, p);
		else
			pkt_free(p);
		return;
	}
	type = inet_addr_type(in, &p->dst);
	if (type == RTN_LOCAL && (!ip6_is_linklocal(&p->dst) || (p->flags & PKT_LOOPBACK) || ifaddr_find(in, &p->dst, p->link))) {
		deliver_local(in, p);
		return;
	}
	if (type == RTN_UNICAST && (in->conf.ip6_forwarding || p->link->conf.forwarding) && !(p->flags & (PKT_MULTICAST | PKT_BROADCAST))) {
		ip6_forward(in, p);
		return;
	}
	INET_COUNT(in, Ip6_InAddrErrors);
	pkt_free(p);
}
