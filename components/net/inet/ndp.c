/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Neighbour discovery: solicitations and advertisements, and redirects [rfc4861]. Routers and autoconfiguration are ra.c.
 *
 *	NS, NA:	0 type  1 code  2 sum  4 flags|reserved  8 target  24 options
 *	option:	0 type  1 length in 8 bytes  2 ...
 */
#include "icmp.h"
#include "ip_impl.h"
#include "ndp_impl.h"
#include "neigh_impl.h"
#include "route_impl.h"

#define NA_ROUTER 0x80
#define NA_SOLICITED 0x40
#define NA_OVERRIDE 0x20

static const union ipaddr all_nodes = {.w = {ENDIAN_BE(32, 0xff020000u), 0, 0, ENDIAN_BE(32, 1u)}};

bool ndp_options(const u8 *at, u32 len, struct ndp_options *out)
{
	*out = (struct ndp_options){0};
	while (len) {
		u32 n;

		if (len < 8)
			return false;
		n = at[1] * 8u;
		if (!n || n > len) /* [rfc4861 4.6]: length 0 and the message is nothing */
			return false;
		switch (at[0]) {
		case NDP_OPT_SOURCE:
			out->source = at + 2;
			break;
		case NDP_OPT_TARGET:
			out->target = at + 2;
			break;
		case NDP_OPT_MTU:
			if (n == 8)
				out->mtu = load_be32(at + 4);
			break;
		case NDP_OPT_NONCE:
			if (n == 8)
				memcpy(&out->nonce, at + 2, 6);
			break;
		case NDP_OPT_PREFIX:
			if (n == 32 && out->nprefixes < NDP_PREFIXES_MAX)
				out->prefixes[out->nprefixes++] = at;
			break;
		}
		at += n;
		len -= n;
	}
	return true;
}

/* @p: an NDP message; out on @l with hop limit 255. */
void ndp_transmit(struct link *l, struct pkt *p, const union ipaddr *src, const union ipaddr *dst)
{
	struct ip_tx tx = {.proto = IP_PROTO_ICMP6, .ttl = 255};
	struct inet_flow flow = {.src = *src, .dst = *dst, .oif = l->ifindex, .proto = IP_PROTO_ICMP6, .flags = FLOW_ANYSRC};

	icmp6_transmit(l->in, p, &flow, &tx);
}

static struct pkt *message(u8 type, const union ipaddr *target, u8 option, const struct link *l, u8 **out)
{
	u32 len = 24 + (option ? 8u : 0u);
	struct pkt *p = pkt_alloc(PKT_HEADROOM, len + 8);
	u8 *h;

	if (!p)
		return NULL;
	h = pkt_put(p, len);
	memset(h, 0, len);
	h[0] = type;
	memcpy(h + 8, target->b, 16);
	if (option) {
		h[24] = option;
		h[25] = 1;
		memcpy(h + 26, l->mac, 6);
	}
	*out = h;
	return p;
}

static union ipaddr solicited_node(const union ipaddr *a)
{
	return (union ipaddr){.w = {ENDIAN_BE(32, 0xff020000u), 0, ENDIAN_BE(32, 1u), a->w[3] | ENDIAN_BE(32, 0xff000000u)}};
}

void ndp_solicit(struct neigh *n, bool unicast, const union ipaddr *hint)
{
	struct link *l = n->link;
	union ipaddr src = *hint, dst = unicast ? n->addr : solicited_node(&n->addr);
	struct pkt *p;
	u8 *h;

	if (ip_is_any(&src) || !ifaddr_find(l->in, &src, l))
		src = ifaddr_select(l->in, l, &n->addr, &n->addr);
	if (ip_is_any(&src))
		return;
	p = message(NDP_NS, &n->addr, NDP_OPT_SOURCE, l, &h);
	if (p)
		ndp_transmit(l, p, &src, &dst);
}

static void send_na(struct link *l, const union ipaddr *target, const union ipaddr *to, bool solicited)
{
	union ipaddr dst = *to;
	struct pkt *p;
	u8 *h;

	if (ip_is_any(&dst)) {
		dst = all_nodes;
		solicited = false;
	}
	p = message(NDP_NA, target, NDP_OPT_TARGET, l, &h);
	if (!p)
		return;
	h[4] = (u8)((l->in->conf.ip6_forwarding ? NA_ROUTER : 0) | (solicited ? NA_SOLICITED : 0) | NA_OVERRIDE);
	ndp_transmit(l, p, target, &dst);
}

/* ---- duplicate address detection [rfc4862 5.4] [rfc7527] ---- */

void ndp_send_dad(struct ifaddr *a)
{
	union ipaddr none = {.q = {0, 0}}, dst = solicited_node(&a->addr);
	struct pkt *p;
	u8 *h;

	p = message(NDP_NS, &a->addr, 0, a->link, &h);
	if (!p)
		return;
	h = pkt_put(p, 8); /* a nonce, so that our own probe looped back is known */
	h[0] = NDP_OPT_NONCE;
	h[1] = 1;
	memcpy(h + 2, &a->dad_nonce, 6);
	ndp_transmit(a->link, p, &none, &dst);
}

void ndp_start_dad(struct ifaddr *a)
{
	struct inet *in = a->link->in;

	if (!(READ_ONCE(a->flags) & IFA_F_TENTATIVE)) {
		ndp_address_ready(a);
		return;
	}
	env_random(&a->dad_nonce, 6);
	a->dad_left = (u8)min(a->link->conf.dad_transmits, 255u);
	refcount_inc(&a->refs);
	/* At a random moment of the first second: all came up together [rfc4862 5.4.2]. */
	if (!inet_timer_arm(in, &a->timer, env_now() + inet_random_below(1000000000u)))
		ifaddr_put(a);
}

static void dad_failed(struct ifaddr *a)
{
	unsigned long flags = env_spin_lock(&a->link->in->config);

	if ((a->flags & IFA_F_TENTATIVE) && !(a->flags & IFA_F_DADFAILED)) {
		WRITE_ONCE(a->flags, a->flags | IFA_F_DADFAILED);
		addr_notify(a->link->in, a, true);
		env_log(ENV_LOG_WARN, "%s: IPv6 duplicate address detected", link_name(a->link));
	}
	env_spin_unlock(&a->link->in->config, flags);
}

/* ---- in ---- */

static void solicitation(struct inet *in, struct pkt *p, const struct ndp_options *o)
{
	struct link *l = p->link;
	union ipaddr target = ip_load6(p->data + 8);
	struct ifaddr *a;
	bool dad = ip_is_any(&p->src);

	if (ip_is_multicast(&target) || (dad && (o->source || !ip_is_multicast(&p->dst))))
		return;
	a = ifaddr_find(in, &target, l);
	if (!a)
		return;
	if (READ_ONCE(a->flags) & IFA_F_TENTATIVE) {
		if (dad && !(o->nonce && o->nonce == (a->dad_nonce & 0xffffffffffffull)))
			dad_failed(a);
		return;
	}
	if (!dad && o->source)
		neigh_learn(l, &p->src, o->source, NUD_STALE, NEIGH_OVERRIDE | NEIGH_CREATE);
	send_na(l, &target, &p->src, true);
}

static void advertisement(struct inet *in, struct pkt *p, const struct ndp_options *o)
{
	struct link *l = p->link;
	union ipaddr target = ip_load6(p->data + 8);
	u8 flags = p->data[4];
	struct ifaddr *a;
	u32 update;

	if (ip_is_multicast(&target) || ((flags & NA_SOLICITED) && ip_is_multicast(&p->dst)))
		return;
	a = ifaddr_find(in, &target, l);
	if (a) {
		if (!(p->flags & PKT_LOOPBACK))
			dad_failed(a);
		return;
	}
	update = flags & NA_ROUTER ? NEIGH_SET_ROUTER : NEIGH_CLEAR_ROUTER;
	update |= flags & NA_OVERRIDE ? NEIGH_OVERRIDE : NEIGH_WEAK_OVERRIDE;
	neigh_learn(l, &target, o->target, flags & NA_SOLICITED ? NUD_REACHABLE : NUD_STALE, update);
}

static void redirect(struct inet *in, struct pkt *p)
{
	struct ndp_options o;
	union ipaddr hop, dst;

	if (p->total < 40 || !pkt_pull_up(p, min(p->total, 2000u)) || !ndp_options(p->data + 40, p->len - 40, &o))
		return;
	hop = ip_load6(p->data + 8);
	dst = ip_load6(p->data + 24);
	if (!ip6_is_linklocal(&p->src) || ip_is_multicast(&dst) || (!ip6_is_linklocal(&hop) && !ip_equal(&hop, &dst)))
		return;
	if (in->conf.ip6_forwarding || !p->link->conf.accept_redirects)
		return;
	if (o.target)
		neigh_learn(p->link, &hop, o.target, NUD_STALE, NEIGH_OVERRIDE | NEIGH_CREATE);
	inet_redirect(in, p->link, &p->src, &dst, &hop);
}

void ndp_input(struct inet *in, struct pkt *p)
{
	struct ndp_options o;
	u8 type = p->data[0];
	bool target = type == NDP_NS || type == NDP_NA;

	/* Only a neighbour can send 255 [rfc4861 11.2]; none fragments [rfc6980]. */
	if (p->ttl != 255 || p->data[1] || (p->flags & PKT_REASSEMBLED))
		goto out;
	if (target && (p->total < 24 || !pkt_pull_up(p, min(p->total, 2000u)) || !ndp_options(p->data + 24, p->len - 24, &o)))
		goto out;
	switch (type) {
	case NDP_NS:
		solicitation(in, p, &o);
		break;
	case NDP_NA:
		advertisement(in, p, &o);
		break;
	case NDP_RA:
		ndp_router_advertisement(in, p);
		break;
	case NDP_REDIRECT:
		redirect(in, p);
		break;
	}
out:
	pkt_free(p);
}
