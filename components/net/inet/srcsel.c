/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which of our addresses a packet carries: IPv4 by scope and subnet [rfc1122 3.3.4.3], IPv6 by the rules of [rfc6724 5].
 */
#include "route_impl.h"

static union ipaddr select4(struct inet *in, const struct link *l, const union ipaddr *hop)
{
	union ipaddr first = ip_any(AF_INET);
	struct ifaddr *a;
	struct link *o;

	list_for_each_entry_rcu(a, &l->addrs, link_node) {
		if (!ip_is4(&a->addr) || (READ_ONCE(a->flags) & IFA_F_SECONDARY))
			continue;
		if (a->scope > RT_SCOPE_LINK && !(link_flags(l) & 8 /* IFF_LOOPBACK */))
			continue;
		if (ip_in_prefix(hop, &a->peer, a->prefix))
			return a->addr;
		if (ip_is_any(&first))
			first = a->addr;
	}
	if (!ip_is_any(&first))
		return first;
	/* The link has none: any of global scope. */
	list_for_each_entry_rcu(o, &in->links, node)
		list_for_each_entry_rcu(a, &o->addrs, link_node)
			if (ip_is4(&a->addr) && a->scope < RT_SCOPE_LINK && !(READ_ONCE(a->flags) & IFA_F_SECONDARY))
				return a->addr;
	return first;
}

/* Scopes as multicast numbers them [rfc4291 2.7]. */
static unsigned scope6(const union ipaddr *a)
{
	if (a->b[0] == 0xff)
		return a->b[1] & 0xf;
	if (ip6_is_linklocal(a) || ip_is_loopback(a))
		return 2;
	return 14;
}

/* Labels of the default policy table [rfc6724 2.1]. */
static unsigned label6(const union ipaddr *a)
{
	if (ip_is_loopback(a))
		return 0;
	if (ip_is4(a))
		return 4;
	if (a->b[0] == 0x20 && a->b[1] == 2)
		return 2;
	if (a->w[0] == ENDIAN_BE(32, 0x20010000u))
		return 5;
	if ((a->b[0] & 0xfe) == 0xfc)
		return 13;
	return 1;
}

/* The rules in their order as digits of one number: the larger is the better. */
static u64 rank6(const struct ifaddr *a, const struct link *out, const union ipaddr *dst)
{
	unsigned mine = scope6(&a->addr), theirs = scope6(dst);
	u32 flags = READ_ONCE(a->flags);
	u64 r = 0;

	r = r << 1 | ip_equal(&a->addr, dst);				     /* 1: the same address */
	r = r << 5 | (mine >= theirs ? 31 - mine : mine);		     /* 2: scope: the smallest that reaches, else the largest */
	if (mine >= theirs)
		r |= 16;
	r = r << 1 | !(flags & IFA_F_DEPRECATED);			     /* 3 */
	r = r << 1 | (a->link == out);					     /* 5: outgoing interface */
	r = r << 1 | (label6(&a->addr) == label6(dst));			     /* 6 */
	r = r << 8 | min(ip_common_bits(&a->addr, dst), (unsigned)a->prefix); /* 8 */
	return r + 1;
}

static union ipaddr select6(struct inet *in, const struct link *out, const union ipaddr *dst)
{
	union ipaddr best = {.q = {0, 0}};
	u64 most = 0;
	struct ifaddr *a;
	struct link *l;

	list_for_each_entry_rcu(l, &in->links, node) {
		if (l != out && ip6_needs_scope(dst))
			continue;
		list_for_each_entry_rcu(a, &l->addrs, link_node) {
			u64 r;

			if (ip_is4(&a->addr) || (READ_ONCE(a->flags) & (IFA_F_TENTATIVE | IFA_F_DADFAILED)))
				continue;
			r = rank6(a, out, dst);
			if (r > most) {
				most = r;
				best = a->addr;
			}
		}
	}
	return best;
}

union ipaddr ifaddr_select(struct inet *in, const struct link *l, const union ipaddr *dst, const union ipaddr *hop)
{
	return ip_is4(dst) ? select4(in, l, hop) : select6(in, l, dst);
}
