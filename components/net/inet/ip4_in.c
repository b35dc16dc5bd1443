/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IPv4 in: checks [rfc1122 3.2.1] [rfc1812 5.2], whose it is, reassembly, the transport; or onwards.
 */
#include "csum.h"
#include "frag.h"
#include "icmp.h"
#include "ip_impl.h"
#include "mcast.h"
#include "raw.h"
#include "sock.h"

#define OPT_END 0
#define OPT_NOP 1
#define OPT_RR 7
#define OPT_TS 68
#define OPT_LSRR 131
#define OPT_SSRR 137
#define OPT_RA 148

bool ip4_options_ok(const u8 *h, unsigned hlen, unsigned *out_at, bool *out_source_route, bool *out_alert)
{
	for (unsigned at = IP4_HLEN; at < hlen;) {
		u8 type = h[at], len;

		*out_at = at;
		if (type == OPT_END)
			return true;
		if (type == OPT_NOP) {
			at++;
			continue;
		}
		if (at + 1 >= hlen)
			return false;
		*out_at = at + 1;
		len = h[at + 1];
		if (len < 2 || at + len > hlen)
			return false;
		*out_at = at + 2;
		switch (type) {
		case OPT_LSRR:
		case OPT_SSRR:
			if (len < 3 || h[at + 2] < 4)
				return false;
			*out_source_route = true;
			break;
		case OPT_RR:
			if (len < 3 || h[at + 2] < 4)
				return false;
			break;
		case OPT_TS:
			if (len < 4 || h[at + 2] < 5)
				return false;
			break;
		case OPT_RA:
			if (len < 4)
				return false;
			*out_alert = !h[at + 2] && !h[at + 3];
			break;
		}
		at += len;
	}
	return true;
}

/* The header as the RFCs want it, the packet cut to its length. */
static bool check_header(struct inet *in, struct pkt *p)
{
	bool source_route = false, alert = false;
	unsigned hlen, at = 0;
	const u8 *h;

	INET_COUNT(in, Ip_InReceives);
	INET_COUNT_N(in, IpExt_InOctets, p->total);
	if (!pkt_pull_up(p, IP4_HLEN))
		goto bad;
	hlen = ip4_hlen(p->data);
	if (p->data[0] >> 4 != 4 || hlen < IP4_HLEN || !pkt_pull_up(p, hlen))
		goto bad;
	h = p->data;
	if (csum_fold(csum_add(0, h, hlen)) != 0xffff) {
		INET_COUNT(in, IpExt_InCsumErrors);
		goto bad;
	}
	if (ip4_total(h) < hlen)
		goto bad;
	if (ip4_total(h) > p->total) {
		INET_COUNT(in, IpExt_InTruncatedPkts);
		return false;
	}
	pkt_trim(p, ip4_total(h));
	pkt_mark_net(p);
	p->src = ip_load4(h + 12);
	p->dst = ip_load4(h + 16);
	p->ttl = h[8];
	p->tos = h[1];
	p->ip_proto = h[9];
	if (ip4_frag_word(h) & IP4_DF)
		p->flags |= PKT_DF;
	if (hlen > IP4_HLEN) {
		if (!ip4_options_ok(h, hlen, &at, &source_route, &alert)) {
			icmp_send_error(in, p, ICMP_PARAMETERPROB, 0, at);
			goto bad;
		}
		if (source_route && !in->conf.accept_source_route)
			return false; /* [rfc1122 3.2.1.8 (c)], and harmful */
		if (alert)
			p->flags |= PKT_ROUTER_ALERT;
	}
	return true;
bad:
	INET_COUNT(in, Ip_InHdrErrors);
	return false;
}

static void count_ecn(struct inet *in, u8 tos)
{
	static const u16 stats[] = {STAT_IpExt_InNoECTPkts, STAT_IpExt_InECT1Pkts, STAT_IpExt_InECT0Pkts, STAT_IpExt_InCEPkts};

	inet_count_add(in, stats[tos & ECN_MASK], 1);
}

void ip_deliver(struct inet *in, struct pkt *p)
{
	const struct transport *t = inet_transport(p->ip_proto);
	bool v4 = ip_is4(&p->dst), raw;

	raw = raw_deliver(in, p);
	if (t) {
		if (v4)
			INET_COUNT(in, Ip_InDelivers);
		else
			INET_COUNT(in, Ip6_InDelivers);
		t->input(in, p);
		return;
	}
	if (!raw && v4) {
		INET_COUNT(in, Ip_InUnknownProtos);
		icmp_send_error(in, p, ICMP_DEST_UNREACH, ICMP_PROT_UNREACH, 0);
	} else if (v4) {
		INET_COUNT(in, Ip_InDelivers);
	}
	pkt_free(p);
}

/* For us: complete it, then up. */
static void deliver_local(struct inet *in, struct pkt *p)
{
	const u8 *h = p->data;
	u16 frag = ip4_frag_word(h);
	u8 proto = h[9];
	unsigned hlen = ip4_hlen(h);

	if (frag & (IP4_MF | IP4_OFFMASK)) {
		struct frag_info f = {
			.id = load_be16(h + 4),
			.offset = (frag & IP4_OFFMASK) * 8u,
			.more = frag & IP4_MF,
			.proto = proto,
		};

		pkt_pull(p, hlen);
		p = frag_add(in, p, &f);
		if (!p)
			return;
	} else {
		pkt_pull(p, hlen);
	}
	if (!p->total || !pkt_pull_up(p, 1)) {
		/* Raw sockets see it; no transport has an empty header. */
		p->ip_proto = proto;
		pkt_mark_transport(p);
		(void)raw_deliver(in, p);
		pkt_free(p);
		return;
	}
	pkt_mark_transport(p);
	ip_deliver(in, p);
}

/* Reverse path filtering [rfc3704 2]: strict 1, loose 2. */
static bool reverse_path_ok(struct inet *in, const struct pkt *p)
{
	u32 mode = max(p->link->conf.rp_filter, in->conf.rp_filter);
	struct inet_flow flow = {.src = p->dst, .dst = p->src, .flags = FLOW_ANYSRC, .mark = p->mark};
	struct inet_route r;

	if (!mode)
		return true;
	if (inet_route_lookup(in, &flow, &r) || (mode == 1 && r.link != p->link) || r.type == RTN_LOCAL) {
		INET_COUNT(in, TcpExt_IPReversePathFilter);
		return false;
	}
	return true;
}

/* A source that cannot be: a group, a broadcast, loopback from outside, our own address from outside [rfc1122 3.2.1.3]. */
static bool source_ok(struct inet *in, const struct pkt *p)
{
	u8 type;

	if (p->flags & PKT_LOOPBACK)
		return true;
	if (ip_is_bad_source(&p->src) || ip_is_loopback(&p->src) || ip_is_loopback(&p->dst))
		return false;
	if (p->src.b[12] == 0)
		return ip_is_any(&p->src) && (ip_is_broadcast(&p->dst) || ip_is_multicast(&p->dst));
	type = inet_addr_type(in, &p->src);
	return type == RTN_UNICAST && reverse_path_ok(in, p);
}

void ip4_input(struct inet *in, struct pkt *p)
{
	u8 type;

	if (!check_header(in, p)) {
		pkt_free(p);
		return;
	}
	if (!source_ok(in, p)) {
		INET_COUNT(in, Ip_InAddrErrors);
		pkt_free(p);
		return;
	}
	count_ecn(in, p->tos);
	type = inet_addr_type(in, &p->dst);
	if (type == RTN_MULTICAST) {
		p->flags |= PKT_MULTICAST;
		INET_COUNT(in, IpExt_InMcastPkts);
		INET_COUNT_N(in, IpExt_InMcastOctets, p->total);
		if (!mcast_is_member(p->link, &p->dst, p->ip_proto == IP_PROTO_IGMP ? NULL : &p->src) && !(p->flags & PKT_LOOPBACK)) {
			pkt_free(p);
			return;
		}
		deliver_local(in, p);
		return;
	}
	if (type == RTN_BROADCAST) {
		p->flags |= PKT_BROADCAST;
		INET_COUNT(in, IpExt_InBcastPkts);
		INET_COUNT_N(in, IpExt_InBcastOctets, p->total);
		deliver_local(in, p);
		return;
	}
	/* Unicast in a link-layer broadcast is dropped [rfc1122 3.3.6]. */
	if (type == RTN_LOCAL && !(p->flags & (PKT_BROADCAST | PKT_MULTICAST))) {
		deliver_local(in, p);
		return;
	}
	if (type == RTN_UNICAST && (in->conf.ip_forward || p->link->conf.forwarding) && !(p->flags & (PKT_BROADCAST | PKT_MULTICAST))) {
		ip4_forward(in, p);
		return;
	}
	INET_COUNT(in, Ip_InAddrErrors);
	pkt_free(p);
}
