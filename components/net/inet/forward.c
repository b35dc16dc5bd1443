/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets that pass through [rfc1812 5.2] [rfc8200 3].
 */
#include "csum.h"
#include "frag.h"
#include "icmp.h"
#include "ip_impl.h"
#include "sock.h"

static void refuse4(struct inet *in, struct pkt *p, int err)
{
	switch (err) {
	case -EACCES:
		icmp_send_error(in, p, ICMP_DEST_UNREACH, ICMP_PKT_FILTERED, 0);
		break;
	case -EHOSTUNREACH:
		icmp_send_error(in, p, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
		break;
	case -EINVAL: /* blackhole */
		break;
	default:
		icmp_send_error(in, p, ICMP_DEST_UNREACH, ICMP_NET_UNREACH, 0);
		INET_COUNT(in, IpExt_InNoRoutes);
	}
	pkt_free(p);
}

/* The sender could have gone to the next hop itself [rfc1812 5.2.7.2]. */
static bool wants_redirect(struct inet *in, const struct pkt *p, const struct inet_route *r)
{
	struct ifaddr *o;

	if (r->link != p->link || !in->conf.send_redirects || !p->link->conf.send_redirects)
		return false;
	list_for_each_entry_rcu(o, &p->link->addrs, link_node)
		if (ip_is4(&o->addr) && ip_in_prefix(&p->src, &o->addr, o->prefix) && ip_in_prefix(&r->hop, &o->addr, o->prefix))
			return true;
	return false;
}

static int route_of(struct inet *in, const struct pkt *p, struct inet_route *r)
{
	struct inet_flow flow = {.src = p->src,
		.dst = p->dst,
		.iif = p->ifindex,
		.mark = p->mark,
		.tos = p->tos,
		.proto = p->ip_proto,
		.flags = FLOW_FORWARD};

	return inet_route_lookup(in, &flow, r);
}

void ip4_forward(struct inet *in, struct pkt *p)
{
	struct inet_route r;
	int err;
	u8 *h;

	if (p->ttl <= 1) {
		INET_COUNT(in, Ip_InHdrErrors);
		icmp_send_error(in, p, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0);
		pkt_free(p);
		return;
	}
	err = route_of(in, p, &r);
	if (!err && r.type != RTN_UNICAST)
		err = -EHOSTUNREACH;
	if (err) {
		refuse4(in, p, err);
		return;
	}
	if (wants_redirect(in, p, &r))
		icmp_send_error(in, p, ICMP_REDIRECT, ICMP_REDIR_HOST, r.hop.w[3]);
	if (!pkt_make_private(p, ip4_hlen(p->data))) {
		pkt_free(p);
		return;
	}
	h = p->data;
	h[8]--;
	*(u16_any *)(h + 10) = csum_replace(*(u16_any *)(h + 10), *(u16_any *)(h + 8) + ENDIAN_BE(16, 0x100), *(u16_any *)(h + 8));
	p->flags |= PKT_FORWARDED;
	p->protocol = ETH_P_IP;
	INET_COUNT(in, Ip_ForwDatagrams);
	if (p->total <= r.mtu || p->gso) {
		(void)ip_finish_output(in, p, &r);
	} else if (p->flags & PKT_DF) {
		INET_COUNT(in, Ip_FragFails);
		icmp_send_error(in, p, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, r.mtu);
		pkt_free(p);
	} else {
		(void)ip4_fragment(in, p, &r, r.mtu);
	}
}

void ip6_forward(struct inet *in, struct pkt *p)
{
	struct inet_route r;
	int err;

	if (p->ttl <= 1) {
		INET_COUNT(in, Ip6_InHdrErrors);
		icmp6_send_error(in, p, ICMPV6_TIME_EXCEED, ICMPV6_EXC_HOPLIMIT, 0);
		pkt_free(p);
		return;
	}
	err = route_of(in, p, &r);
	if (!err && (r.type != RTN_UNICAST || ip6_is_linklocal(&p->src) || ip6_is_linklocal(&p->dst)))
		err = -EHOSTUNREACH;
	if (err) {
		INET_COUNT(in, Ip6_InNoRoutes);
		icmp6_send_error(in, p, ICMPV6_DEST_UNREACH,
			err == -EACCES ? ICMPV6_ADM_PROHIBITED : ip6_is_linklocal(&p->src) ? ICMPV6_NOT_NEIGHBOUR : ICMPV6_NOROUTE, 0);
		pkt_free(p);
		return;
	}
	if (p->total > r.mtu && !p->gso) {
		INET_COUNT(in, Ip6_InTooBigErrors);
		icmp6_send_error(in, p, ICMPV6_PKT_TOOBIG, 0, r.mtu);
		pkt_free(p);
		return;
	}
	if (!pkt_make_private(p, IP6_HLEN)) {
		pkt_free(p);
		return;
	}
	p->data[7]--;
	p->flags |= PKT_FORWARDED;
	p->protocol = ETH_P_IPV6;
	INET_COUNT(in, Ip6_OutForwDatagrams);
	(void)ip_finish_output(in, p, &r);
}
