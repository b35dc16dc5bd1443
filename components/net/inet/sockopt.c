/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Options of SOL_SOCKET that the family must know, and of SOL_IP [man socket(7), ip(7)]. SOL_IPV6 is sockopt6.c.
 */
#include "filter.h"
#include "ip_impl.h"
#include "link.h"
#include "mcast.h"
#include "raw.h"
#include "sock_impl.h"
#include "stamp.h"

#define BUF_MIN_SEND 4608
#define BUF_MIN_RECEIVE 2304

static void set_flag(struct sock *s, u32 flag, bool on)
{
	s->flags = on ? s->flags | flag : s->flags & ~flag;
}

static void set_cmsg(struct sock *s, u32 flag, bool on)
{
	s->cmsg = on ? s->cmsg | flag : s->cmsg & ~flag;
}

static const struct {
	u32 name, flag;
} socket_flags[] = {
	{SO_REUSEADDR, SOCK_F_REUSEADDR},
	{SO_REUSEPORT, SOCK_F_REUSEPORT},
	{SO_BROADCAST, SOCK_F_BROADCAST},
	{SO_KEEPALIVE, SOCK_F_KEEPALIVE},
	{SO_OOBINLINE, SOCK_F_OOBINLINE},
	{SO_DONTROUTE, SOCK_F_DONTROUTE},
	{SO_NO_CHECK, SOCK_F_NO_CHECK},
	{SO_RXQ_OVFL, SOCK_F_RXQ_OVFL},
};

static int bind_device(struct sock *s, struct iobuf *value)
{
	char name[LINK_NAME + 1] = {0};
	struct link *l;

	(void)iobuf_get(value, name, min_t(size_t, value->left, LINK_NAME - 1));
	if (!name[0]) {
		s->bound_if = 0;
		s->route.gen = 0;
		return 0;
	}
	l = link_by_name(s->in, name);
	if (!l)
		return -ENODEV;
	s->bound_if = l->ifindex;
	s->route.gen = 0;
	return 0;
}

/* Twice what is asked, for what packets cost beyond their bytes [man socket(7)]. */
static void set_buffer(struct sock *s, u32 name, u32 v)
{
	bool send = name == SO_SNDBUF || name == SO_SNDBUFFORCE, force = name == SO_SNDBUFFORCE || name == SO_RCVBUFFORCE;

	if (!force)
		v = min(v, send ? s->in->conf.wmem_max : s->in->conf.rmem_max);
	v = min(v, (u32)S32_MAX / 2) * 2;
	WRITE_ONCE(*(send ? &s->sndbuf : &s->rcvbuf), max(v, send ? (u32)BUF_MIN_SEND : (u32)BUF_MIN_RECEIVE));
	s->flags |= send ? SOCK_F_SNDBUF_LOCK : SOCK_F_RCVBUF_LOCK;
}

static int set_socket_locked(struct sock *s, u32 name, int v)
{
	for (unsigned i = 0; i < ARRAY_SIZE(socket_flags); i++) {
		if (socket_flags[i].name == name) {
			set_flag(s, socket_flags[i].flag, v != 0);
			return 0;
		}
	}
	switch (name) {
	case SO_SNDBUF:
	case SO_SNDBUFFORCE:
	case SO_RCVBUF:
	case SO_RCVBUFFORCE:
		set_buffer(s, name, v < 0 ? S32_MAX / 2 : (u32)v);
		if (sock_has_space(s))
			sock_wake(s, 4 /* EPOLLOUT */);
		return 0;
	case SO_RCVLOWAT:
		s->rcvlowat = v < 0 ? (u32)S32_MAX : v ? (u32)v : 1;
		return 0;
	case SO_PRIORITY:
		s->priority = (u32)v;
		return 0;
	case SO_MARK:
		s->mark = s->tx.mark = (u32)v;
		s->route.gen = 0;
		return 0;
	case SO_BINDTOIFINDEX:
		if (v < 0)
			return -EINVAL;
		if (v && !link_by_index(s->in, (u32)v))
			return -ENODEV;
		s->bound_if = (u32)v;
		s->route.gen = 0;
		return 0;
	case SO_TIMESTAMP:
	case SO_TIMESTAMPNS:
	case SO_TIMESTAMP_NEW:
	case SO_TIMESTAMPNS_NEW:
		set_flag(s, SOCK_F_TIMESTAMP, v != 0);
		set_flag(s, SOCK_F_TIMESTAMPNS, v && (name == SO_TIMESTAMPNS || name == SO_TIMESTAMPNS_NEW));
		set_flag(s, SOCK_F_TIMESTAMP_NEW, v && (name == SO_TIMESTAMP_NEW || name == SO_TIMESTAMPNS_NEW));
		return 0;
	}
	return -ENOPROTOOPT;
}

static int set_linger(struct sock *s, struct iobuf *value)
{
	struct {
		s32 on, seconds;
	} l;

	if (value->left < sizeof(l))
		return -EINVAL;
	if (iobuf_get(value, &l, sizeof(l)) != sizeof(l))
		return -EFAULT;
	set_flag(s, SOCK_F_LINGER, l.on != 0);
	s->linger_s = l.seconds < 0 ? 0 : (u32)l.seconds;
	return 0;
}

static int set_filter(struct sock *s, struct iobuf *value)
{
	struct inet_filter *f;
	int err = sock_filter_create(value, &f);

	if (!err)
		sock_filter_replace(s, f);
	return err;
}

static int set_socket(struct sock *s, u32 name, struct iobuf *value)
{
	unsigned long flags;
	int v, err;

	if (name == SO_ATTACH_FILTER)
		return set_filter(s, value);
	if (name == SO_DETACH_FILTER) {
		sock_filter_replace(s, NULL);
		return 0;
	}
	if (name == SO_TIMESTAMPING_OLD || name == SO_TIMESTAMPING_NEW)
		return sock_set_timestamping(s, name == SO_TIMESTAMPING_NEW, value);
	if (name == SO_ZEROCOPY)
		return sock_set_zerocopy(s, value);
	if (name == SO_BINDTODEVICE || name == SO_LINGER) {
		flags = env_spin_lock(&s->lock);
		err = name == SO_LINGER ? set_linger(s, value) : bind_device(s, value);
		env_spin_unlock(&s->lock, flags);
		return err;
	}
	if (name == SO_MAX_PACING_RATE && value->left >= 8)
		return iobuf_get(value, &s->max_pacing_rate, 8) == 8 ? 0 : -EFAULT;
	err = option_get_int(value, &v);
	if (err)
		return err;
	flags = env_spin_lock(&s->lock);
	err = set_socket_locked(s, name, v);
	if (!err && s->proto->option_changed)
		s->proto->option_changed(s, SOL_SOCKET, name);
	env_spin_unlock(&s->lock, flags);
	return err;
}

static int get_socket(struct sock *s, u32 name, struct iobuf *value, u32 *out_len)
{
	struct link *l;

	for (unsigned i = 0; i < ARRAY_SIZE(socket_flags); i++)
		if (socket_flags[i].name == name)
			return option_put_int(value, (s->flags & socket_flags[i].flag) != 0, out_len);
	switch (name) {
	case SO_ERROR:
		return option_put_int(value, -sock_take_error(s), out_len);
	case SO_SNDBUF:
		return option_put_int(value, (int)s->sndbuf, out_len);
	case SO_RCVBUF:
		return option_put_int(value, (int)s->rcvbuf, out_len);
	case SO_RCVLOWAT:
		return option_put_int(value, (int)s->rcvlowat, out_len);
	case SO_SNDLOWAT:
		return option_put_int(value, 1, out_len);
	case SO_PRIORITY:
		return option_put_int(value, (int)s->priority, out_len);
	case SO_MARK:
		return option_put_int(value, (int)s->mark, out_len);
	case SO_BINDTOIFINDEX:
		return option_put_int(value, (int)s->bound_if, out_len);
	case SO_TYPE:
		return option_put_int(value, s->type, out_len);
	case SO_PROTOCOL:
		return option_put_int(value, s->protocol, out_len);
	case SO_DOMAIN:
		return option_put_int(value, s->family, out_len);
	case SO_ACCEPTCONN:
		return option_put_int(value, 0, out_len);
	case SO_INCOMING_CPU:
		return option_put_int(value, -1, out_len);
	case SO_COOKIE:
		return option_put(value, &s->number, 8, out_len);
	case SO_TIMESTAMP:
		return option_put_int(value, (s->flags & SOCK_F_TIMESTAMP) && !(s->flags & SOCK_F_TIMESTAMPNS), out_len);
	case SO_TIMESTAMPNS:
		return option_put_int(value, (s->flags & SOCK_F_TIMESTAMP) && (s->flags & SOCK_F_TIMESTAMPNS), out_len);
	case SO_TIMESTAMPING_OLD:
	case SO_TIMESTAMPING_NEW: {
		u32 both[2] = {name == SO_TIMESTAMPING_OLD || s->flags & SOCK_F_TIMESTAMPING_NEW ? s->tsflags : 0};

		return option_put(value, both, sizeof(both), out_len);
	}
	case SO_ZEROCOPY:
		return option_put_int(value, (s->flags & SOCK_F_ZEROCOPY) != 0, out_len);
	case SO_MAX_PACING_RATE:
		return value->left >= 8 ? option_put(value, &s->max_pacing_rate, 8, out_len)
					: option_put_int(value, (int)min_t(u64, s->max_pacing_rate, U32_MAX), out_len);
	case SO_MEMINFO: {
		u32 mem[9] = {[0] = (u32)READ_ONCE(s->rmem), [1] = s->rcvbuf, [2] = (u32)READ_ONCE(s->wmem), [3] = s->sndbuf, [8] = s->drops};

		return option_put(value, mem, sizeof(mem), out_len);
	}
	case SO_BINDTODEVICE:
		l = s->bound_if ? link_by_index(s->in, s->bound_if) : NULL;
		if (!l)
			return option_put(value, "", 0, out_len);
		if (value->left < LINK_NAME)
			return -EINVAL;
		return option_put(value, link_name(l), (u32)strnlen(link_name(l), LINK_NAME - 1) + 1, out_len);
	}
	return -ENOPROTOOPT;
}

int sock_set_option(struct sock *s, u32 level, u32 name, struct iobuf *value)
{
	if (level == SOL_SOCKET)
		return set_socket(s, name, value);
	if (level == SOL_IP)
		return ip_set_option(s, name, value);
	if (level == SOL_IPV6 && s->family == AF_INET6)
		return ip6_set_option(s, name, value);
	return s->proto->set_option ? s->proto->set_option(s, level, name, value) : -ENOPROTOOPT;
}

int sock_get_option(struct sock *s, u32 level, u32 name, struct iobuf *value, u32 *out_len)
{
	if (level == SOL_SOCKET)
		return get_socket(s, name, value, out_len);
	if (level == SOL_IP)
		return ip_get_option(s, name, value, out_len);
	if (level == SOL_IPV6 && s->family == AF_INET6)
		return ip6_get_option(s, name, value, out_len);
	return s->proto->get_option ? s->proto->get_option(s, level, name, value, out_len) : -ENOPROTOOPT;
}

/* ---- SOL_IP ---- */

static const struct {
	u32 name, cmsg;
} ip_cmsgs[] = {
	{IP_PKTINFO, SOCK_CMSG_PKTINFO},
	{IP_RECVTTL, SOCK_CMSG_TTL},
	{IP_RECVTOS, SOCK_CMSG_TOS},
	{IP_RECVOPTS, SOCK_CMSG_OPTS},
	{IP_RETOPTS, SOCK_CMSG_RETOPTS},
	{IP_RECVORIGDSTADDR, SOCK_CMSG_ORIGDST},
	{IP_RECVFRAGSIZE, SOCK_CMSG_FRAGSIZE},
};

static const struct {
	u32 name, flag;
} ip_flags[] = {
	{IP_FREEBIND, SOCK_F_FREEBIND},
	{IP_TRANSPARENT, SOCK_F_TRANSPARENT},
	{IP_BIND_ADDRESS_NO_PORT, SOCK_F_BIND_PORT_LATER},
	{IP_RECVERR, SOCK_F_RECVERR},
};

/* A group by the older of two structs, or the older still: its two addresses alone. */
static int read_mreqn(struct iobuf *value, struct ip_mreqn *out)
{
	*out = (struct ip_mreqn){0};
	if (value->left < sizeof(struct ip_mreq))
		return -EINVAL;
	return iobuf_get(value, out, min_t(size_t, value->left, sizeof(*out))) >= sizeof(struct ip_mreq) ? 0 : -EFAULT;
}

/* The interface that a request for a group means. 0 none. */
static u32 mreq_link(struct sock *s, u32 ifindex, u32 addr, const union ipaddr *group)
{
	struct inet_flow flow = {.dst = *group, .flags = FLOW_ANYSRC, .src = ip_any(AF_INET)};
	union ipaddr a = ip_from4(addr);
	struct inet_route r;
	struct ifaddr *mine;

	if (ifindex)
		return link_by_index(s->in, ifindex) ? ifindex : 0;
	if (addr) {
		mine = ifaddr_find(s->in, &a, NULL);
		return mine ? mine->link->ifindex : 0;
	}
	return inet_route_lookup(s->in, &flow, &r) ? 0 : r.link->ifindex;
}

static int set_membership(struct sock *s, u32 name, struct iobuf *value)
{
	struct ip_mreqn m;
	union ipaddr group;
	u32 ifindex;
	int err = read_mreqn(value, &m);

	if (err)
		return err;
	group = ip_from4(m.imr_multiaddr.s_addr);
	if (!ip_is_multicast(&group))
		return -EINVAL;
	ifindex = mreq_link(s, m.imr_ifindex > 0 ? (u32)m.imr_ifindex : 0, m.imr_address.s_addr, &group);
	if (name == IP_DROP_MEMBERSHIP)
		return mcast_sock_leave(s, &group, ifindex, NULL);
	if (!ifindex)
		return -ENODEV;
	return mcast_sock_join(s, &group, ifindex, NULL);
}

static int set_source_membership(struct sock *s, u32 name, struct iobuf *value)
{
	struct ip_mreq_source m;
	union ipaddr group, source;
	u32 ifindex;

	if (value->left < sizeof(m))
		return -EINVAL;
	if (iobuf_get(value, &m, sizeof(m)) < sizeof(m))
		return -EFAULT;
	group = ip_from4(m.imr_multiaddr);
	source = ip_from4(m.imr_sourceaddr);
	if (!ip_is_multicast(&group))
		return -EINVAL;
	ifindex = mreq_link(s, 0, m.imr_interface, &group);
	if (!ifindex)
		return -ENODEV;
	switch (name) {
	case IP_ADD_SOURCE_MEMBERSHIP:
		return mcast_sock_join(s, &group, ifindex, &source);
	case IP_DROP_SOURCE_MEMBERSHIP:
		return mcast_sock_leave(s, &group, ifindex, &source);
	}
	return mcast_sock_block(s, &group, ifindex, &source, name == IP_BLOCK_SOURCE);
}

static int set_multicast_if(struct sock *s, struct iobuf *value)
{
	struct ip_mreqn m = {0};
	union ipaddr a;
	struct ifaddr *mine;

	if (value->left >= sizeof(struct ip_mreq)) {
		if (read_mreqn(value, &m))
			return -EFAULT;
	} else if (value->left >= 4) {
		if (iobuf_get(value, &m.imr_address, 4) < 4)
			return -EFAULT;
	} else {
		return -EINVAL;
	}
	if (m.imr_ifindex) {
		if (!link_by_index(s->in, (u32)m.imr_ifindex))
			return -EADDRNOTAVAIL;
		s->mc_if = (u32)m.imr_ifindex;
		s->mc_addr = ip_from4(m.imr_address.s_addr);
		return 0;
	}
	if (!m.imr_address.s_addr) {
		s->mc_if = 0;
		s->mc_addr = ip_any(AF_INET);
		return 0;
	}
	a = ip_from4(m.imr_address.s_addr);
	mine = ifaddr_find(s->in, &a, NULL);
	if (!mine)
		return -EADDRNOTAVAIL;
	s->mc_if = mine->link->ifindex;
	s->mc_addr = a;
	return 0;
}

/* Options to send with: padded to words, owned by the socket. */
static int set_ip_options(struct sock *s, struct iobuf *value)
{
	u32 len = (u32)value->left, padded = align_up(len, 4u);
	u8 h[IP4_OPTIONS_MAX + 20] = {0};
	bool source_route = false, alert = false;
	u8 *fresh = NULL;
	unsigned at;

	if (len > IP4_OPTIONS_MAX)
		return -EINVAL;
	if (iobuf_get(value, h + 20, len) < len)
		return -EFAULT;
	if (!ip4_options_ok(h, 20 + padded, &at, &source_route, &alert) || source_route)
		return -EINVAL; /* source routes [rfc7126 4.3, 4.4]: not supported */
	if (padded) {
		fresh = env_alloc(padded, ENV_ALLOC_NOWAIT);
		if (!fresh)
			return -ENOBUFS;
		memcpy(fresh, h + 20, padded);
	}
	if (s->options)
		env_free(s->options, s->options_size);
	s->options = fresh;
	s->options_size = padded;
	s->tx.options = fresh;
	s->tx.options_len = (u16)padded;
	return 0;
}

static int set_ip_number(struct sock *s, u32 name, int v)
{
	for (unsigned i = 0; i < ARRAY_SIZE(ip_cmsgs); i++) {
		if (ip_cmsgs[i].name == name) {
			set_cmsg(s, ip_cmsgs[i].cmsg, v != 0);
			return 0;
		}
	}
	for (unsigned i = 0; i < ARRAY_SIZE(ip_flags); i++) {
		if (ip_flags[i].name == name) {
			set_flag(s, ip_flags[i].flag, v != 0);
			if (name == IP_RECVERR && !v) {
				struct pkt *p;

				while ((p = pkt_queue_take(&s->errors))) {
					sock_uncharge_receive(s, p->charge);
					pkt_free(p);
				}
			}
			return 0;
		}
	}
	switch (name) {
	case IP_TOS:
		s->tx.tos = (u8)v;
		s->route.gen = 0;
		return 0;
	case IP_TTL:
		if (v != -1 && (v < 1 || v > 255))
			return -EINVAL;
		s->tx.ttl = v == -1 ? 0 : (u8)v;
		return 0;
	case IP_MTU_DISCOVER:
		if (v < IP_PMTUDISC_DONT || v > IP_PMTUDISC_OMIT)
			return -EINVAL;
		s->tx.pmtudisc = (u8)v;
		return 0;
	case IP_MULTICAST_TTL:
		if (s->type == SOCK_STREAM)
			return -EINVAL;
		if (v == -1)
			v = 1;
		if (v < 0 || v > 255)
			return -EINVAL;
		s->mc_ttl = (u8)v;
		return 0;
	case IP_MULTICAST_LOOP:
		s->mc_loop = v != 0;
		return 0;
	case IP_MULTICAST_ALL:
		if (v != 0 && v != 1)
			return -EINVAL;
		s->mc_all = v;
		return 0;
	case IP_HDRINCL:
		if (s->type != SOCK_RAW)
			return -ENOPROTOOPT;
		set_flag(s, SOCK_F_HDRINCL, v != 0);
		return 0;
	case IP_NODEFRAG:
		return s->type == SOCK_RAW ? 0 : -ENOPROTOOPT;
	case IP_UNICAST_IF:
		s->mc_if = ENDIAN_BE(32, (u32)v);
		return 0;
	}
	return -ENOPROTOOPT;
}

int ip_set_option(struct sock *s, u32 name, struct iobuf *value)
{
	unsigned long flags;
	int v = 0, err = 0;
	u8 byte;
	bool structured = true;

	if (name >= IP_MSFILTER && name <= MCAST_MSFILTER)
		return mcast_set_option(s, AF_INET, name, value);
	switch (name) {
	case IP_OPTIONS:
	case IP_ADD_MEMBERSHIP:
	case IP_DROP_MEMBERSHIP:
	case IP_ADD_SOURCE_MEMBERSHIP:
	case IP_DROP_SOURCE_MEMBERSHIP:
	case IP_BLOCK_SOURCE:
	case IP_UNBLOCK_SOURCE:
	case IP_MULTICAST_IF:
		break;
	default:
		structured = false;
		/* ip(7): one byte will do for an int. */
		if (value->left >= sizeof(int))
			err = option_get_int(value, &v);
		else if (value->left >= 1)
			err = iobuf_get(value, &byte, 1) == 1 ? (v = byte, 0) : -EFAULT;
	}
	if (err)
		return err;
	if (s->type == SOCK_STREAM && structured && name != IP_OPTIONS && name != IP_MULTICAST_IF)
		return -EPROTO;
	if (name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP)
		return set_membership(s, name, value);
	if (structured && name != IP_OPTIONS && name != IP_MULTICAST_IF)
		return set_source_membership(s, name, value);
	flags = env_spin_lock(&s->lock);
	if (!structured)
		err = set_ip_number(s, name, v);
	else if (name == IP_OPTIONS)
		err = set_ip_options(s, value);
	else
		err = set_multicast_if(s, value);
	if (!err && s->proto->option_changed)
		s->proto->option_changed(s, SOL_IP, name);
	env_spin_unlock(&s->lock, flags);
	return err;
}

int ip_get_option(struct sock *s, u32 name, struct iobuf *value, u32 *out_len)
{
	struct inet_route *r;
	u32 mtu;

	for (unsigned i = 0; i < ARRAY_SIZE(ip_cmsgs); i++)
		if (ip_cmsgs[i].name == name)
			return option_put_int(value, (s->cmsg & ip_cmsgs[i].cmsg) != 0, out_len);
	for (unsigned i = 0; i < ARRAY_SIZE(ip_flags); i++)
		if (ip_flags[i].name == name)
			return option_put_int(value, (s->flags & ip_flags[i].flag) != 0, out_len);
	if (name >= IP_MSFILTER && name <= MCAST_MSFILTER)
		return mcast_get_option(s, AF_INET, name, value, out_len);
	switch (name) {
	case IP_TOS:
		return option_put_int(value, s->tx.tos, out_len);
	case IP_TTL:
		return option_put_int(value, s->tx.ttl ? s->tx.ttl : (int)s->in->conf.ip_default_ttl, out_len);
	case IP_MTU_DISCOVER:
		return option_put_int(value, s->tx.pmtudisc, out_len);
	case IP_MULTICAST_TTL:
		return option_put_int(value, s->mc_ttl, out_len);
	case IP_MULTICAST_LOOP:
		return option_put_int(value, s->mc_loop, out_len);
	case IP_MULTICAST_ALL:
		return option_put_int(value, s->mc_all, out_len);
	case IP_MULTICAST_IF:
		return option_put(value, &s->mc_addr.w[3], 4, out_len);
	case IP_UNICAST_IF:
		return option_put_int(value, (int)ENDIAN_BE(32, s->mc_if), out_len);
	case IP_HDRINCL:
		return option_put_int(value, (s->flags & SOCK_F_HDRINCL) != 0, out_len);
	case IP_OPTIONS:
		return option_put(value, s->options ? s->options : (const u8 *)"", s->tx.options_len, out_len);
	case IP_MTU: {
		unsigned long flags = env_spin_lock(&s->lock);
		int err = s->connected ? sock_route(s, &r) : -ENOTCONN;

		mtu = err ? 0 : r->mtu;
		env_spin_unlock(&s->lock, flags);
		return err ? -ENOTCONN : option_put_int(value, (int)mtu, out_len);
	}
	}
	return -ENOPROTOOPT;
}
