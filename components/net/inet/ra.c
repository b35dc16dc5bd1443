/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Routers of a link and what they say: default routes, prefixes, addresses of our own making [rfc4861 6.3] [rfc4862 5.5].
 *
 *	RA: 0 type  1 code  2 sum  4 hop limit  5 flags  6 lifetime  8 reachable  12 retrans  16 options
 *	prefix option: 2 len  3 L|A  4 valid  8 preferred  16 prefix
 */
#include "icmp.h"
#include "ip_impl.h"
#include "ndp_impl.h"
#include "neigh_impl.h"
#include "route_impl.h"

#define RS_INTERVAL_NS 4000000000ull
#define RS_MAX 3
#define RA_METRIC 1024
#define ADDRESSES_MAX 16
#define TWO_HOURS 7200

/* The modified EUI-64 interface identifier [rfc4291 appendix A]. */
static void interface_id(const struct link *l, u8 *out)
{
	if (!l->header_len) {
		memcpy(out, l->token, 8);
		return;
	}
	memcpy(out, l->mac, 3);
	out[0] ^= 2;
	out[3] = 0xff;
	out[4] = 0xfe;
	memcpy(out + 5, l->mac + 3, 3);
}

void ndp_address_ready(struct ifaddr *a)
{
	struct link *l = a->link;

	if (!ip6_is_linklocal(&a->addr) || !l->conf.accept_ra || l->in->conf.ip6_forwarding || l->rs_left)
		return;
	l->rs_left = RS_MAX;
	if (!READ_ONCE(l->gone))
		(void)inet_timer_arm(l->in, &l->rs_timer, env_now() + inet_random_below(1000000000u));
}

static void solicit_routers(struct inet *in, struct inet_timer *t)
{
	struct link *l = container_of(t, struct link, rs_timer);
	union ipaddr dst = {.w = {ENDIAN_BE(32, 0xff020000u), 0, 0, ENDIAN_BE(32, 2u)}};
	union ipaddr src = ifaddr_select(in, l, &dst, &dst);
	bool named = !ip_is_any(&src);
	struct pkt *p;
	u8 *h;

	if (!l->rs_left || !link_is_up(l) || READ_ONCE(l->gone))
		return;
	l->rs_left--;
	(void)inet_timer_arm(in, t, env_deadline(RS_INTERVAL_NS));
	p = pkt_alloc(PKT_HEADROOM, 16);
	if (!p)
		return;
	h = pkt_put(p, named ? 16 : 8);
	memset(h, 0, p->len);
	h[0] = NDP_RS;
	if (named) {
		h[8] = NDP_OPT_SOURCE;
		h[9] = 1;
		memcpy(h + 10, l->mac, 6);
	}
	ndp_transmit(l, p, &src, &dst);
}

void ndp_link_init(struct link *l)
{
	inet_timer_init(&l->rs_timer, solicit_routers);
}

static void add_address(struct link *l, const union ipaddr *prefix, u8 len, u32 flags, u32 valid, u32 preferred, u8 proto)
{
	struct inet *in = l->in;
	struct ifaddr like = {.addr = *prefix, .prefix = len, .flags = flags, .proto = proto, .valid_until = U64_MAX, .preferred_until = U64_MAX};
	struct ifaddr *a = NULL;
	unsigned long f;
	int err;

	interface_id(l, like.addr.b + 8);
	like.peer = like.addr;
	like.scope = ip6_is_linklocal(&like.addr) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	f = env_spin_lock(&in->config);
	err = READ_ONCE(l->gone) || !link_is_up(l) ? -ENODEV : ifaddr_add(l, &like, &a);
	if (!err)
		ifaddr_set_lifetimes(a, valid, preferred);
	env_spin_unlock(&in->config, f);
	if (!err)
		ifaddr_activate(a);
}

void ndp_link_up(struct link *l)
{
	union ipaddr prefix = {.w = {ENDIAN_BE(32, 0xfe800000u)}};

	if (l->conf.disable_ipv6 || (link_flags(l) & IFF_LOOPBACK) || l->mtu < 1280)
		return;
	l->rs_left = 0;
	add_address(l, &prefix, 64, IFA_F_PERMANENT, U32_MAX, U32_MAX, 3 /* IFAPROT_KERNEL_LL */);
}

void ndp_link_down(struct link *l)
{
	l->rs_left = 0;
	(void)inet_timer_cancel(l->in, &l->rs_timer);
}

/* ---- router advertisements ---- */

static bool is_default_by(const struct fib_route *r, const void *arg)
{
	const struct fib_route *like = arg;

	return r->protocol == RTPROT_RA && r->nhops == 1 && r->hops[0].link == like->hops[0].link &&
	       ip_equal(&r->hops[0].gateway, &like->hops[0].gateway);
}

/* A route that a router told of; lifetime 0 takes it back. */
static void set_route(struct link *l, const union ipaddr *dst, u8 len, const union ipaddr *gateway, u32 lifetime)
{
	struct inet *in = l->in;
	struct fib_route *r = fib_route_alloc(1), *old;
	unsigned long flags;

	if (!r)
		return;
	*r = (struct fib_route){.dst = ip_mask(dst, len), .len = len, .family = AF_INET6, .type = RTN_UNICAST, .table = RT_TABLE_MAIN,
		.protocol = gateway ? RTPROT_RA : RTPROT_KERNEL, .priority = gateway ? RA_METRIC : 256, .nhops = 1};
	r->expires_ns = lifetime == U32_MAX ? 0 : env_deadline(lifetime * 1000000000ull);
	r->hops[0] = (struct fib_hop){.link = l, .weight = 1};
	if (gateway) {
		r->hops[0].gateway = *gateway;
		r->hops[0].has_gateway = true;
	}
	flags = env_spin_lock(&in->config);
	old = gateway ? fib_find(in, AF_INET6, RT_TABLE_MAIN, &r->dst, len, is_default_by, r) : NULL;
	if (old) {
		if (!lifetime)
			route_notify(in, old, false);
		fib_remove(in, old);
	}
	if (lifetime && !READ_ONCE(l->gone) && !fib_insert(in, r, NLM_F_CREATE | NLM_F_APPEND)) {
		if (!old)
			route_notify(in, r, true);
		r = NULL;
	}
	env_spin_unlock(&in->config, flags);
	fib_route_free(r);
}

/* Lifetimes of an address that we made before [rfc4862 5.5.3 e]: one unauthenticated message shall not end it at once. */
static bool refresh(struct link *l, const union ipaddr *prefix, u32 valid, u32 preferred)
{
	struct inet *in = l->in;
	u64 now = env_now(), left;
	struct ifaddr *a;
	bool found = false;
	unsigned n = 0;
	unsigned long flags = env_spin_lock(&in->config);

	list_for_each_entry(a, &l->addrs, link_node) {
		n++;
		if (ip_is4(&a->addr) || !(a->flags & IFA_F_MANAGETEMPADDR) || !ip_in_prefix(&a->addr, prefix, 64))
			continue;
		found = true;
		left = a->valid_until == U64_MAX ? U32_MAX : a->valid_until > now ? (a->valid_until - now) / 1000000000 : 0;
		if (valid <= TWO_HOURS && valid <= left)
			valid = left <= TWO_HOURS ? (u32)left : TWO_HOURS;
		ifaddr_set_lifetimes(a, valid, min(preferred, valid));
		addr_notify(in, a, true);
	}
	env_spin_unlock(&in->config, flags);
	return found || n >= ADDRESSES_MAX;
}

static void take_prefix(struct link *l, const u8 *o)
{
	u8 len = o[2], flags = o[3];
	u32 valid = load_be32(o + 4), preferred = load_be32(o + 8);
	union ipaddr prefix = ip_load6(o + 16);

	if (len > 128 || ip6_is_linklocal(&prefix) || ip_is_multicast(&prefix) || preferred > valid)
		return;
	prefix = ip_mask(&prefix, len);
	if (!(flags & 0x40) || !l->conf.autoconf || len != 64)
		return;
	if (!refresh(l, &prefix, valid, preferred) && valid)
		add_address(l, &prefix, 64, IFA_F_MANAGETEMPADDR | (flags & 0x80 ? 0u : IFA_F_NOPREFIXROUTE), valid, preferred, 2 /* IFAPROT_KERNEL_RA */);
}

void ndp_router_advertisement(struct inet *in, struct pkt *p)
{
	union ipaddr any = {.q = {0, 0}};
	struct link *l = p->link;
	struct ndp_options o;
	const u8 *h;
	u32 v;

	if (p->total < 16 || !pkt_pull_up(p, min(p->total, 2000u)) || !ndp_options(p->data + 16, p->len - 16, &o))
		return;
	if (!ip6_is_linklocal(&p->src) || (p->flags & PKT_LOOPBACK) || ifaddr_find(in, &p->src, l))
		return;
	if (!l->conf.accept_ra || (in->conf.ip6_forwarding && l->conf.accept_ra < 2))
		return;
	h = p->data;
	l->rs_left = 0;
	if (h[4])
		WRITE_ONCE(l->ra_hop_limit, h[4]);
	v = load_be32(h + 8);
	if (v && v <= 3600000)
		WRITE_ONCE(l->reachable_ms, v / 2 + inet_random_below(v)); /* [rfc4861 6.3.2] */
	v = load_be32(h + 12);
	if (v >= 10 && v <= 3600000)
		WRITE_ONCE(l->retrans_ms, v);
	if (o.mtu >= 1280 && o.mtu <= l->mtu && o.mtu != l->ra_mtu) {
		WRITE_ONCE(l->ra_mtu, o.mtu);
		inet_route_changed(in);
	}
	set_route(l, &any, 0, &p->src, load_be16(h + 6));
	if (o.source)
		neigh_learn(l, &p->src, o.source, NUD_STALE, NEIGH_OVERRIDE | NEIGH_CREATE | NEIGH_SET_ROUTER);
	for (unsigned i = 0; i < o.nprefixes; i++)
		take_prefix(l, o.prefixes[i]);
}
