/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control messages, both ways [man cmsg(3), ip(7), ipv6(7)].
 *
 *	struct cmsghdr: u64 len (header included) | int level | int type | data, padded to 8
 */
#include <lib/errno.h>
#include <linux/net_tstamp.h>
#include "ip_impl.h"
#include "route_impl.h"
#include "sock_impl.h"
#include "stamp.h"

#define CMSG_HLEN 16

void cmsg_put(struct inet_msg *msg, u32 level, u32 type, const void *data, u32 len)
{
	struct {
		u64 len;
		u32 level, type;
	} h = {CMSG_HLEN + len, level, type};
	size_t room = msg->control ? msg->control->left : 0;
	u32 pad = align_up(len, 8u) - len;

	if (room < CMSG_HLEN) {
		msg->flags |= MSG_CTRUNC;
		return;
	}
	if (h.len > room) {
		msg->flags |= MSG_CTRUNC;
		h.len = room;
		len = (u32)room - CMSG_HLEN;
		pad = 0;
	}
	if (iobuf_put(msg->control, &h, CMSG_HLEN) < CMSG_HLEN || iobuf_put(msg->control, data, len) < len)
		return;
	msg->control_len += CMSG_HLEN + len;
	pad = (u32)min_t(size_t, pad, msg->control->left);
	msg->control_len += (u32)iobuf_zero(msg->control, pad);
}

static void put_int(struct inet_msg *msg, u32 level, u32 type, int v)
{
	cmsg_put(msg, level, type, &v, sizeof(v));
}

/* The address of ours that @p came to, or for a group that of the link. */
static u32 specific_dst(struct sock *s, const struct pkt *p)
{
	struct link *l;
	union ipaddr a;

	if (!(p->flags & (PKT_MULTICAST | PKT_BROADCAST)))
		return p->dst.w[3];
	l = link_by_index(s->in, p->ifindex);
	if (!l)
		return 0;
	a = ifaddr_select(s->in, l, &p->src, &p->src);
	return ip_is4(&a) ? a.w[3] : 0;
}

static void put_ip4(struct sock *s, struct inet_msg *msg, const struct pkt *p)
{
	if (s->cmsg & SOCK_CMSG_PKTINFO) {
		struct in_pktinfo info = {.ipi_ifindex = (int)p->ifindex};

		info.ipi_spec_dst.s_addr = specific_dst(s, p);
		info.ipi_addr.s_addr = p->dst.w[3];
		cmsg_put(msg, SOL_IP, IP_PKTINFO, &info, sizeof(info));
	}
	if (s->cmsg & SOCK_CMSG_TTL)
		put_int(msg, SOL_IP, IP_TTL, p->ttl);
	if (s->cmsg & SOCK_CMSG_TOS)
		cmsg_put(msg, SOL_IP, IP_TOS, &p->tos, 1);
	if (s->cmsg & SOCK_CMSG_ORIGDST) {
		struct ip_endpoint e = {.addr = p->dst};
		struct inet_addr a;

		if (p->total >= 4)
			e.port = load_be16(p->data + 2);
		ip_endpoint_format(&e, AF_INET, &a);
		cmsg_put(msg, SOL_IP, IP_ORIGDSTADDR, a.bytes, a.len);
	}
	if ((s->cmsg & SOCK_CMSG_FRAGSIZE) && p->frag_max)
		put_int(msg, SOL_IP, IP_RECVFRAGSIZE, p->frag_max);
}

static void put_ip6(struct sock *s, struct inet_msg *msg, const struct pkt *p)
{
	bool v4 = ip_is4(&p->dst);

	if (s->cmsg & SOCK_CMSG_PKTINFO6) {
		struct {
			union ipaddr addr;
			u32 ifindex;
		} info = {p->dst, p->ifindex};

		cmsg_put(msg, SOL_IPV6, IPV6_PKTINFO, &info, 20); /* struct in6_pktinfo: no padding behind */
	}
	if (v4)
		return;
	if (s->cmsg & SOCK_CMSG_HOPLIMIT6)
		put_int(msg, SOL_IPV6, IPV6_HOPLIMIT, p->ttl);
	if (s->cmsg & SOCK_CMSG_TCLASS6)
		put_int(msg, SOL_IPV6, IPV6_TCLASS, p->tos);
	if ((s->cmsg & SOCK_CMSG_FLOWINFO6) && (p->flow & ENDIAN_BE(32, 0x0fffffffu))) {
		u32 flow = p->flow & ENDIAN_BE(32, 0x0fffffffu);

		cmsg_put(msg, SOL_IPV6, IPV6_FLOWINFO, &flow, 4);
	}
	if (s->cmsg & SOCK_CMSG_ORIGDST6) {
		struct ip_endpoint e = {.addr = p->dst, .scope = p->ifindex};
		struct inet_addr a;

		if (p->total >= 4)
			e.port = load_be16(p->data + 2);
		ip_endpoint_format(&e, AF_INET6, &a);
		cmsg_put(msg, SOL_IPV6, IPV6_ORIGDSTADDR, a.bytes, a.len);
	}
	if ((s->cmsg & SOCK_CMSG_FRAGSIZE) && p->frag_max)
		put_int(msg, SOL_IPV6, IPV6_RECVFRAGSIZE, p->frag_max);
}

void cmsg_put_packet(struct sock *s, struct inet_msg *msg, const struct pkt *p)
{
	if (s->flags & (SOCK_F_TIMESTAMP | SOCK_F_TIMESTAMPING))
		cmsg_put_stamps(s, msg, p->stamp_ns, false);
	if ((s->flags & SOCK_F_RXQ_OVFL) && READ_ONCE(s->drops))
		put_int(msg, SOL_SOCKET, SO_RXQ_OVFL, (int)READ_ONCE(s->drops));
	if (s->family == AF_INET6)
		put_ip6(s, msg, p);
	if (ip_is4(&p->dst))
		put_ip4(s, msg, p);
}

/* ---- the error queue ---- */

ssize_t sock_receive_error(struct sock *s, struct inet_msg *msg)
{
	struct pkt *p = s->errors.head;
	static const struct sock_err none;
	const struct sock_err *err;
	struct ip_endpoint e;
	struct {
		struct sock_extended_err ee;
		u8 offender[INET_ADDR_MAX];
	} out = {0};
	struct inet_addr offender;
	bool v6, own;
	u32 n;

	if (!p)
		return -EAGAIN;
	err = (const struct sock_err *)p->cb;
	v6 = s->family == AF_INET6;
	own = err->origin == SO_EE_ORIGIN_TIMESTAMPING || err->origin == SO_EE_ORIGIN_ZEROCOPY;
	if (!own) {
		e = (struct ip_endpoint){.addr = p->dst, .port = p->frag_max, .scope = p->ifindex};
		ip_endpoint_format(&e, s->family, &msg->addr);
	}
	out.ee = (struct sock_extended_err){.ee_errno = err->ee_errno,
		.ee_origin = err->origin,
		.ee_type = err->type,
		.ee_code = err->code,
		.ee_info = err->info,
		.ee_data = err->data};
	if (err->origin == SO_EE_ORIGIN_ICMP || err->origin == SO_EE_ORIGIN_ICMP6) {
		e = (struct ip_endpoint){.addr = p->src};
		ip_endpoint_format(&e, v6 ? AF_INET6 : AF_INET, &offender);
		memcpy(out.offender, offender.bytes, offender.len);
	}
	n = (u32)min_t(size_t, p->total > 1 || err->origin != SO_EE_ORIGIN_LOCAL ? p->total : 0, msg->data->left);
	msg->flags = MSG_ERRQUEUE | (n < p->total ? MSG_TRUNC : 0);
	if (pkt_copy_to_iobuf(p, 0, msg->data, n) < n)
		return -EFAULT;
	msg->datagram_len = p->total;
	if (s->tsflags || s->flags & SOCK_F_TIMESTAMP)
		cmsg_put_stamps(s, msg, err->origin == SO_EE_ORIGIN_ZEROCOPY ? 0 : p->stamp_ns, true);
	cmsg_put(msg, v6 ? SOL_IPV6 : SOL_IP, v6 ? IPV6_RECVERR : IP_RECVERR, &out,
		(u32)sizeof(out.ee) + (v6 ? 28u : 16u));
	(void)pkt_queue_take(&s->errors);
	sock_uncharge_receive(s, p->charge);
	pkt_free(p);
	/* SO_ERROR speaks of what is first in the queue now, if that is an error. */
	err = s->errors.head ? (const struct sock_err *)s->errors.head->cb : &none;
	if (!own)
		__atomic_store_n(&s->err, err->origin == SO_EE_ORIGIN_TIMESTAMPING ? 0 : (int)err->ee_errno, __ATOMIC_RELEASE);
	return n;
}

/* ---- out ---- */

static int take_pktinfo(struct sock *s, const void *data, u32 len, struct send_opts *o)
{
	struct in_pktinfo info;

	if (len < sizeof(info))
		return -EINVAL;
	memcpy(&info, data, sizeof(info));
	if (info.ipi_ifindex) {
		if (info.ipi_ifindex < 0 || !link_by_index(s->in, (u32)info.ipi_ifindex))
			return -ENODEV;
		o->oif = (u32)info.ipi_ifindex;
	}
	if (info.ipi_spec_dst.s_addr)
		o->src = ip_from4(info.ipi_spec_dst.s_addr);
	return 0;
}

static int take_pktinfo6(struct sock *s, const void *data, u32 len, struct send_opts *o)
{
	union ipaddr src;
	u32 ifindex;

	if (len < 20)
		return -EINVAL;
	src = ip_load6(data);
	memcpy(&ifindex, (const u8 *)data + 16, 4);
	if (ifindex) {
		if (!link_by_index(s->in, ifindex))
			return -ENODEV;
		if (s->bound_if && s->bound_if != ifindex)
			return -EINVAL;
		o->oif = ifindex;
	}
	if (!ip_is_any(&src)) {
		if (!(s->flags & (SOCK_F_FREEBIND | SOCK_F_TRANSPARENT)) && !ifaddr_find(s->in, &src, NULL) && !ip_is4(&src))
			return -EINVAL;
		o->src = src;
	}
	return 0;
}

static int take_small(u32 level, u32 type, const void *data, u32 len, struct send_opts *o)
{
	int v = 0;

	if (level == SOL_UDP && type == UDP_SEGMENT) {
		if (len != 2)
			return -EINVAL;
		o->gso_size = *(const u16_any *)data;
		return 0;
	}
	if (len >= 4)
		memcpy(&v, data, 4);
	else if (len == 1 && level == SOL_IP)
		v = *(const u8 *)data;
	else
		return -EINVAL;
	switch (level << 16 | type) {
	case SOL_SOCKET << 16 | SO_MARK:
		o->tx.mark = (u32)v;
		return 0;
	case SOL_SOCKET << 16 | SO_TIMESTAMPING_OLD:
	case SOL_SOCKET << 16 | SO_TIMESTAMPING_NEW:
		if (v & ~(int)SOF_TIMESTAMPING_TX_RECORD_MASK)
			return -EINVAL;
		o->tsflags = (o->tsflags & ~(u32)SOF_TIMESTAMPING_TX_RECORD_MASK) | (u32)v;
		return 0;
	case SOL_IP << 16 | IP_TTL:
		if (v < 1 || v > 255)
			return -EINVAL;
		o->ttl = v;
		o->tx.ttl = (u8)v;
		return 0;
	case SOL_IP << 16 | IP_TOS:
		if (v < 0 || v > 255)
			return -EINVAL;
		o->tx.tos = (u8)v;
		return 0;
	case SOL_IPV6 << 16 | IPV6_HOPLIMIT:
		if (v < -1 || v > 255)
			return -EINVAL;
		o->ttl = v;
		if (v >= 0)
			o->tx.ttl = (u8)v;
		return 0;
	case SOL_IPV6 << 16 | IPV6_TCLASS:
		if (v < -1 || v > 255)
			return -EINVAL;
		if (v >= 0)
			o->tx.tos = (u8)v;
		return 0;
	case SOL_IPV6 << 16 | IPV6_DONTFRAG:
		if (v)
			o->tx.pmtudisc = IPV6_PMTUDISC_DO;
		return 0;
	}
	return -EINVAL;
}

static int take_one(struct sock *s, u32 level, u32 type, const void *data, u32 len, struct send_opts *o)
{
	if (level == SOL_IP && type == IP_PKTINFO)
		return s->family == AF_INET || ip_is4(&s->raddr) ? take_pktinfo(s, data, len, o) : -EINVAL;
	if (level == SOL_IPV6 && (type == IPV6_PKTINFO || type == 2 /* IPV6_2292PKTINFO */))
		return s->family == AF_INET6 ? take_pktinfo6(s, data, len, o) : -EINVAL;
	if (s->type == SOCK_STREAM && level != SOL_SOCKET)
		return 0;
	if (level != SOL_SOCKET && level != SOL_IP && level != SOL_IPV6 && level != SOL_UDP)
		return 0; /* another protocol's */
	if (level == SOL_IPV6 && s->family != AF_INET6)
		return 0;
	return take_small(level, type, data, len, o);
}

int send_opts_parse(struct sock *s, struct inet_msg *msg, struct send_opts *out)
{
	struct iobuf control;
	int err;

	*out = (struct send_opts){.src = ip_any(s->family), .tx = s->tx, .tsflags = s->tsflags, .ttl = -1};
	if (likely(!msg->control || !msg->control->left))
		return 0;
	for (control = *msg->control; control.left >= CMSG_HLEN;) {
		struct {
			u64 len;
			u32 level, type;
			u8 data[64];
		} c = {0};
		u32 len, room = (u32)min_t(size_t, control.left, U16_MAX);

		if (iobuf_get(&control, &c, CMSG_HLEN) < CMSG_HLEN)
			return -EFAULT;
		if (c.len < CMSG_HLEN || c.len > room)
			return -EINVAL;
		len = (u32)c.len - CMSG_HLEN;
		if (iobuf_get(&control, c.data, min(len, (u32)sizeof(c.data))) < min(len, (u32)sizeof(c.data)))
			return -EFAULT;
		if (len > sizeof(c.data))
			iobuf_advance(&control, len - sizeof(c.data));
		iobuf_advance(&control, min_t(size_t, align_up(len, 8u) - len, control.left));
		err = take_one(s, c.level, c.type, c.data, min(len, (u32)sizeof(c.data)), out);
		if (err)
			return err;
	}
	return 0;
}

/* ---- options by int ---- */

int option_get_int(struct iobuf *value, int *out)
{
	if (value->left < sizeof(int))
		return -EINVAL;
	return iobuf_get(value, out, sizeof(int)) == sizeof(int) ? 0 : -EFAULT;
}

int option_put(struct iobuf *value, const void *data, u32 len, u32 *out_len)
{
	*out_len = (u32)min_t(size_t, len, value->left);
	return iobuf_put(value, data, *out_len) == *out_len ? 0 : -EFAULT;
}

int option_put_int(struct iobuf *value, int v, u32 *out_len)
{
	return option_put(value, &v, sizeof(v), out_len);
}
