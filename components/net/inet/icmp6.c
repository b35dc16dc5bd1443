/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMPv6 [rfc4443].
 */
#include "csum.h"
#include "icmp.h"
#include "ip_impl.h"
#include "mcast.h"
#include "ndp.h"
#include "raw.h"
#include "route_impl.h"
#include "sock.h"

#define ICMP_HLEN 8
#define ERROR_MAX 1280 /* [rfc4443 2.4 (c)] */
#define NDP_FIRST 133
#define NDP_LAST 137
#define MLD_FIRST 130
#define MLD_LAST 132
#define MLD2_REPORT 143

/* Sum, count, out. @p begins at its ICMPv6 header. */
void icmp6_transmit(struct inet *in, struct pkt *p, const struct inet_flow *flow, const struct ip_tx *tx)
{
	struct inet_route r;

	if (inet_route_lookup(in, flow, &r)) {
		INET_COUNT(in, Icmp6_OutErrors);
		pkt_free(p);
		return;
	}
	*(u16_any *)(p->data + 2) = 0;
	*(u16_any *)(p->data + 2) = csum_finish(pkt_sum(p, 0, p->total, csum_pseudo(&r.src, &r.dst, p->total, IP_PROTO_ICMP6)));
	INET_COUNT(in, Icmp6_OutMsgs);
	(void)ip_output(in, p, &r, tx);
}

/* Behind the extension headers of the packet at net_off: is it an ICMPv6 error? Such are not answered by errors. */
static bool is_error_message(const struct pkt *p, u32 end)
{
	u32 at = p->net_off + IP6_HLEN;
	const u8 *m = p->buf->mem;
	u8 next = m[p->net_off + 6];

	for (unsigned i = 0; i < 16; i++) {
		if (next == IP_PROTO_ICMP6)
			return at >= end || m[at] < 128 || m[at] == NDP_LAST;
		if (next != IP_PROTO_HOPOPTS && next != IP_PROTO_ROUTING && next != IP_PROTO_DSTOPTS && next != IP_PROTO_FRAGMENT)
			return false;
		if (at + 8 > end)
			return true;
		if (next == IP_PROTO_FRAGMENT && (load_be16(m + at + 2) & 0xfff8))
			return true; /* not the first: what it is cannot be seen */
		next = m[at];
		at += next == IP_PROTO_FRAGMENT ? 8u : (m[at + 1] + 1u) * 8;
	}
	return true;
}

static bool may_complain(struct inet *in, const struct pkt *p, u8 type, u8 code)
{
	u32 end = (u32)(p->data - p->buf->mem) + p->len;

	if (p->net_off + (u32)IP6_HLEN > end || pkt_net(p)[0] >> 4 != 6)
		return false;
	if (ip_is_any(&p->src) || ip_is_multicast(&p->src))
		return false;
	/* To a group only two errors are told [rfc4443 2.4 (e.3)]. */
	if ((ip_is_multicast(&p->dst) || (p->flags & (PKT_MULTICAST | PKT_BROADCAST))) && type != ICMPV6_PKT_TOOBIG &&
		!(type == ICMPV6_PARAMPROB && code == ICMPV6_UNK_OPTION))
		return false;
	return !is_error_message(p, end);
}

void icmp6_send_error(struct inet *in, const struct pkt *p, u8 type, u8 code, u32 info)
{
	struct inet_flow flow = {.dst = p->src, .proto = IP_PROTO_ICMP6, .oif = ip6_needs_scope(&p->src) ? p->ifindex : 0};
	struct ip_tx tx = {.proto = IP_PROTO_ICMP6};
	u32 net, quote;
	struct pkt *e;
	u8 *h;

	if (!may_complain(in, p, type, code) || !icmp_allow(in, &p->src, type != ICMPV6_PKT_TOOBIG))
		return;
	if (inet_addr_type(in, &p->dst) == RTN_LOCAL)
		flow.src = p->dst;
	net = (u32)(p->data - p->buf->mem) - p->net_off;
	quote = min(net + p->total, (u32)ERROR_MAX - IP6_HLEN - ICMP_HLEN);
	e = pkt_alloc(PKT_HEADROOM, ICMP_HLEN + quote);
	if (!e)
		return;
	h = pkt_put(e, ICMP_HLEN + quote);
	h[0] = type;
	h[1] = code;
	store_be32(h + 4, info);
	memcpy(h + ICMP_HLEN, pkt_net(p), min(net, quote));
	if (quote > net)
		pkt_copy_out(p, 0, h + ICMP_HLEN + net, quote - net);
	icmp6_transmit(in, e, &flow, &tx);
}

static void answer_echo(struct inet *in, struct pkt *p)
{
	struct inet_flow flow = {.dst = p->src, .proto = IP_PROTO_ICMP6, .mark = p->mark, .oif = ip6_needs_scope(&p->src) ? p->ifindex : 0};
	struct ip_tx tx = {.proto = IP_PROTO_ICMP6, .tos = p->tos, .pmtudisc = 1};
	struct pkt *out;

	if (!ip_is_multicast(&p->dst))
		flow.src = p->dst;
	out = pkt_alloc(PKT_HEADROOM, min(p->total, (u32)PKT_PIECE_MAX));
	if (!out)
		return;
	for (const struct pkt *at = p; at; at = at->more) {
		if (pkt_append(out, at->data, at->len)) {
			pkt_free(out);
			return;
		}
	}
	out->data[0] = ICMPV6_ECHO_REPLY;
	out->flags |= PKT_LOCAL_DF;
	icmp6_transmit(in, out, &flow, &tx);
}

static bool what_error(const u8 *h, struct ip_error *e)
{
	static const int unreachable[] = {ENETUNREACH, EACCES, EHOSTUNREACH, EHOSTUNREACH, ECONNREFUSED, EACCES, EACCES};

	*e = (struct ip_error){.origin = SO_EE_ORIGIN_ICMP6, .type = h[0], .code = h[1], .err = EPROTO, .info = load_be32(h + 4)};
	switch (h[0]) {
	case ICMPV6_DEST_UNREACH:
		if (h[1] < ARRAY_SIZE(unreachable))
			e->err = unreachable[h[1]];
		e->hard = h[1] == ICMPV6_PORT_UNREACH || e->err == EACCES;
		return true;
	case ICMPV6_PKT_TOOBIG:
		e->err = EMSGSIZE;
		return true;
	case ICMPV6_TIME_EXCEED:
		e->err = EHOSTUNREACH;
		return true;
	case ICMPV6_PARAMPROB:
		e->hard = true;
		return true;
	}
	return false;
}

static void error_in(struct inet *in, struct pkt *p)
{
	u32 at = ICMP_HLEN + IP6_HLEN;
	struct ip_error e;
	const u8 *h;
	u8 next;

	if (!pkt_pull_up(p, at) || !what_error(p->data, &e))
		goto bad;
	e.from = p->src;
	h = p->data + ICMP_HLEN;
	if (h[0] >> 4 != 6)
		goto bad;
	next = h[6];
	p->src = ip_load6(h + 8);
	p->dst = ip_load6(h + 24);
	if (inet_addr_type(in, &p->src) != RTN_LOCAL)
		return;
	for (unsigned i = 0; i < 8 && (next == IP_PROTO_HOPOPTS || next == IP_PROTO_ROUTING || next == IP_PROTO_DSTOPTS ||
					      next == IP_PROTO_FRAGMENT);
		i++) {
		u8 this = next;

		if (!pkt_pull_up(p, at + 8))
			goto bad;
		if (this == IP_PROTO_FRAGMENT && (load_be16(p->data + at + 2) & 0xfff8))
			return;
		next = p->data[at];
		at += this == IP_PROTO_FRAGMENT ? 8u : (p->data[at + 1] + 1u) * 8;
		if (at > p->total)
			goto bad;
	}
	if (p->total < at + 8 || !pkt_pull_up(p, at + 8))
		goto bad;
	p->ip_proto = next;
	pkt_pull(p, ICMP_HLEN);
	pkt_mark_net(p);
	pkt_pull(p, at - ICMP_HLEN);
	pkt_mark_transport(p);
	icmp_deliver_error(in, p, &e);
	return;
bad:
	INET_COUNT(in, Icmp6_InErrors);
}

static void icmp6_input(struct inet *in, struct pkt *p)
{
	u8 type;

	INET_COUNT(in, Icmp6_InMsgs);
	if (ip_is4(&p->dst) || p->total < 4 || !pkt_pull_up(p, min(p->total, (u32)ICMP_HLEN)))
		goto bad;
	if (p->csum == PKT_CSUM_NONE &&
		csum_fold(pkt_sum(p, 0, p->total, csum_pseudo(&p->src, &p->dst, p->total, IP_PROTO_ICMP6))) != 0xffff) {
		INET_COUNT(in, Icmp6_InCsumErrors);
		goto bad;
	}
	if (p->total < ICMP_HLEN)
		goto bad;
	type = p->data[0];
	if (type >= NDP_FIRST && type <= NDP_LAST) {
		ndp_input(in, p);
		return;
	}
	if ((type >= MLD_FIRST && type <= MLD_LAST) || type == MLD2_REPORT) {
		mld_input(in, p);
		return;
	}
	switch (type) {
	case ICMPV6_ECHO_REQUEST:
		if (!in->conf.icmp_echo_ignore_all)
			answer_echo(in, p);
		break;
	case ICMPV6_ECHO_REPLY:
		ping_deliver(in, p);
		break;
	default:
		if (type < 128)
			error_in(in, p);
	}
	pkt_free(p);
	return;
bad:
	INET_COUNT(in, Icmp6_InErrors);
	pkt_free(p);
}

const struct transport icmp6_transport = {.proto = IP_PROTO_ICMP6, .input = icmp6_input};
