/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options of SOL_IPV6 [man ipv6(7)] [rfc3493] [rfc3542].
 */
#include "link.h"
#include "mcast.h"
#include "raw.h"
#include "sock_impl.h"

static const struct {
	u32 name, cmsg;
} ip6_cmsgs[] = {
	{IPV6_RECVPKTINFO, SOCK_CMSG_PKTINFO6},
	{IPV6_2292PKTINFO, SOCK_CMSG_PKTINFO6},
	{IPV6_RECVHOPLIMIT, SOCK_CMSG_HOPLIMIT6},
	{IPV6_2292HOPLIMIT, SOCK_CMSG_HOPLIMIT6},
	{IPV6_RECVTCLASS, SOCK_CMSG_TCLASS6},
	{IPV6_RECVHOPOPTS, SOCK_CMSG_HOPOPTS6},
	{IPV6_RECVDSTOPTS, SOCK_CMSG_DSTOPTS6},
	{IPV6_RECVRTHDR, SOCK_CMSG_RTHDR6},
	{IPV6_RECVORIGDSTADDR, SOCK_CMSG_ORIGDST6},
	{IPV6_FLOWINFO, SOCK_CMSG_FLOWINFO6},
	{IPV6_RECVFRAGSIZE, SOCK_CMSG_FRAGSIZE},
	{IPV6_RECVPATHMTU, SOCK_CMSG_PATHMTU6},
};

static const struct {
	u32 name, flag;
} ip6_flags[] = {
	{IPV6_RECVERR, SOCK_F_RECVERR6},
	{IPV6_TRANSPARENT, SOCK_F_TRANSPARENT},
	{IPV6_FREEBIND, SOCK_F_FREEBIND},
};

static int membership(struct sock *s, u32 name, struct iobuf *value)
{
	struct {
		union ipaddr group;
		u32 ifindex, pad;
	} m;
	struct inet_flow flow;
	struct inet_route r;

	if (value->left < sizeof(struct ipv6_mreq))
		return -EINVAL;
	if (iobuf_get(value, &m, sizeof(struct ipv6_mreq)) < sizeof(struct ipv6_mreq))
		return -EFAULT;
	if (m.group.b[0] != 0xff)
		return -EINVAL;
	if (name == IPV6_DROP_MEMBERSHIP)
		return mcast_sock_leave(s, &m.group, m.ifindex, NULL);
	if (!m.ifindex) {
		flow = (struct inet_flow){.dst = m.group, .oif = s->mc_if, .flags = FLOW_ANYSRC};
		if (!inet_route_lookup(s->in, &flow, &r))
			m.ifindex = r.link->ifindex;
	}
	return mcast_sock_join(s, &m.group, m.ifindex, NULL);
}

static int set_number(struct sock *s, u32 name, int v)
{
	switch (name) {
	case IPV6_V6ONLY:
		if (s->lport)
			return -EINVAL;
		s->flags = v ? s->flags | SOCK_F_V6ONLY : s->flags & ~(u32)SOCK_F_V6ONLY;
		return 0;
	case IPV6_UNICAST_HOPS:
		if (v < -1 || v > 255)
			return -EINVAL;
		s->hop_limit6 = (s16)v;
		s->tx.ttl = v < 0 ? 0 : (u8)v;
		return 0;
	case IPV6_MULTICAST_HOPS:
		if (s->type == SOCK_STREAM)
			return -ENOPROTOOPT;
		if (v < -1 || v > 255)
			return -EINVAL;
		s->mc_hops = v < 0 ? 1 : (u8)v;
		return 0;
	case IPV6_MULTICAST_LOOP:
		if (v != 0 && v != 1)
			return -EINVAL;
		s->mc_loop6 = v;
		return 0;
	case IPV6_MULTICAST_ALL:
		s->mc_all6 = v != 0;
		return 0;
	case IPV6_MULTICAST_IF:
		if (s->type == SOCK_STREAM)
			return -ENOPROTOOPT;
		if (v && !link_by_index(s->in, (u32)v))
			return -ENODEV;
		if (v && s->bound_if && s->bound_if != (u32)v)
			return -EINVAL;
		s->mc_if = (u32)v;
		return 0;
	case IPV6_UNICAST_IF:
		s->mc_if = ENDIAN_BE(32, (u32)v);
		return 0;
	case IPV6_MTU_DISCOVER:
		if (v < IPV6_PMTUDISC_DONT || v > IPV6_PMTUDISC_OMIT)
			return -EINVAL;
		s->tx.pmtudisc = (u8)v;
		return 0;
	case IPV6_DONTFRAG:
		s->tx.flags = v ? s->tx.flags | IP_TX_NO_FRAG : s->tx.flags & (u8)~IP_TX_NO_FRAG;
		return 0;
	case IPV6_MTU:
		if (v && v < 1280)
			return -EINVAL;
		s->tx.frag_size = (u32)v;
		return 0;
	case IPV6_TCLASS:
		if (v < -1 || v > 255)
			return -EINVAL;
		s->tclass6 = (s16)v;
		s->tx.tos = v < 0 ? 0 : (u8)v;
		return 0;
	case IPV6_AUTOFLOWLABEL:
	case IPV6_FLOWINFO_SEND:
		return 0;
	}
	return -ENOPROTOOPT;
}

int ip6_set_option(struct sock *s, u32 name, struct iobuf *value)
{
	unsigned long flags;
	int v = 0, err;

	if (name >= MCAST_JOIN_GROUP && name <= MCAST_MSFILTER)
		return mcast_set_option(s, AF_INET6, name, value);
	if (name == IPV6_ADD_MEMBERSHIP || name == IPV6_DROP_MEMBERSHIP)
		return s->type == SOCK_STREAM ? -EPROTO : membership(s, name, value);
	if (name == IPV6_CHECKSUM && s->proto->set_option)
		return s->proto->set_option(s, SOL_IPV6, name, value);
	err = option_get_int(value, &v);
	if (err)
		return err;
	flags = env_spin_lock(&s->lock);
	err = -ENOPROTOOPT;
	for (unsigned i = 0; i < ARRAY_SIZE(ip6_cmsgs); i++) {
		if (ip6_cmsgs[i].name == name) {
			s->cmsg = v ? s->cmsg | ip6_cmsgs[i].cmsg : s->cmsg & ~ip6_cmsgs[i].cmsg;
			err = 0;
		}
	}
	for (unsigned i = 0; i < ARRAY_SIZE(ip6_flags); i++) {
		if (ip6_flags[i].name == name) {
			s->flags = v ? s->flags | ip6_flags[i].flag : s->flags & ~ip6_flags[i].flag;
			err = 0;
		}
	}
	if (err)
		err = set_number(s, name, v);
	if (!err)
		s->route.gen = 0;
	if (!err && s->proto->option_changed)
		s->proto->option_changed(s, SOL_IPV6, name);
	env_spin_unlock(&s->lock, flags);
	return err;
}

static int get_mtu(struct sock *s, struct iobuf *value, u32 *out_len)
{
	unsigned long flags = env_spin_lock(&s->lock);
	struct inet_route *r;
	int err = s->connected ? sock_route(s, &r) : -ENOTCONN;
	u32 mtu = err ? 0 : r->mtu;

	env_spin_unlock(&s->lock, flags);
	return err ? -ENOTCONN : option_put_int(value, (int)mtu, out_len);
}

int ip6_get_option(struct sock *s, u32 name, struct iobuf *value, u32 *out_len)
{
	for (unsigned i = 0; i < ARRAY_SIZE(ip6_cmsgs); i++)
		if (ip6_cmsgs[i].name == name)
			return option_put_int(value, (s->cmsg & ip6_cmsgs[i].cmsg) != 0, out_len);
	for (unsigned i = 0; i < ARRAY_SIZE(ip6_flags); i++)
		if (ip6_flags[i].name == name)
			return option_put_int(value, (s->flags & ip6_flags[i].flag) != 0, out_len);
	if (name >= MCAST_JOIN_GROUP && name <= MCAST_MSFILTER)
		return mcast_get_option(s, AF_INET6, name, value, out_len);
	switch (name) {
	case IPV6_V6ONLY:
		return option_put_int(value, (s->flags & SOCK_F_V6ONLY) != 0, out_len);
	case IPV6_UNICAST_HOPS:
		return option_put_int(value, s->hop_limit6 >= 0 ? s->hop_limit6 : (int)s->in->conf.ip6_hop_limit, out_len);
	case IPV6_MULTICAST_HOPS:
		return option_put_int(value, s->mc_hops, out_len);
	case IPV6_MULTICAST_LOOP:
		return option_put_int(value, s->mc_loop6, out_len);
	case IPV6_MULTICAST_ALL:
		return option_put_int(value, s->mc_all6, out_len);
	case IPV6_MULTICAST_IF:
		return option_put_int(value, (int)s->mc_if, out_len);
	case IPV6_UNICAST_IF:
		return option_put_int(value, (int)ENDIAN_BE(32, s->mc_if), out_len);
	case IPV6_MTU_DISCOVER:
		return option_put_int(value, s->tx.pmtudisc, out_len);
	case IPV6_DONTFRAG:
		return option_put_int(value, (s->tx.flags & IP_TX_NO_FRAG) != 0, out_len);
	case IPV6_TCLASS:
		return option_put_int(value, s->tclass6 < 0 ? 0 : s->tclass6, out_len);
	case IPV6_MTU:
		return get_mtu(s, value, out_len);
	case IPV6_CHECKSUM:
		if (s->proto->get_option)
			return s->proto->get_option(s, SOL_IPV6, name, value, out_len);
	}
	return -ENOPROTOOPT;
}
