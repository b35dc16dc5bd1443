/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP out: one datagram, several of one size in one packet (UDP_SEGMENT), or one gathered of several calls (MSG_MORE, UDP_CORK).
 * UDP-Lite differs in the header: where UDP has the length, it says how much of the datagram the checksum covers [rfc3828].
 */
#include "csum.h"
#include "ip_impl.h"
#include "stamp.h"
#include "udp.h"

#include <linux/net_tstamp.h>

#define UDP_HLEN 8
#define UDP_MAX_GSO_SEGMENTS 128

/* Where one send goes: from its address, its control messages and the socket. Lock held. */
struct target {
	struct inet_route *route; /* the socket's, or own */
	struct inet_route own;
	struct ip_tx tx;
	u16 port;
};

static int find_target(struct sock *s, struct inet_msg *msg, const struct send_opts *o, struct ip_endpoint *to, bool named, struct target *t)
{
	struct inet_flow flow;
	int err;

	t->tx = o->tx;
	if (!named && s->connected && ip_is_any(&o->src) && !o->oif && !(msg->flags & MSG_DONTROUTE) && o->tx.mark == s->tx.mark) {
		t->port = s->rport;
		err = sock_route(s, &t->route);
		if (err)
			return err;
	} else {
		sock_flow(s, &flow);
		flow.src = ip_is_any(&o->src) ? s->saddr : o->src;
		flow.dst = named ? to->addr : s->raddr;
		t->port = named ? to->port : s->rport;
		flow.dport = t->port;
		flow.mark = o->tx.mark;
		if (o->oif)
			flow.oif = o->oif;
		else if (named && to->scope)
			flow.oif = to->scope;
		if (msg->flags & MSG_DONTROUTE)
			flow.flags |= FLOW_ONLINK;
		if (ip_is_multicast(&flow.dst)) {
			if (!flow.oif)
				flow.oif = s->mc_if;
			if (ip_is_any(&flow.src) && ip_is4(&flow.dst))
				flow.src = s->mc_addr;
		}
		if (ip_is_any(&flow.src))
			flow.src = ip_any(ip_is4(&flow.dst) ? AF_INET : AF_INET6);
		err = inet_route_lookup(s->in, &flow, &t->own);
		if (err)
			return err;
		t->route = &t->own;
	}
	if (t->route->type == RTN_BROADCAST && !(s->flags & SOCK_F_BROADCAST))
		return -EACCES;
	if (t->route->type == RTN_MULTICAST) {
		bool v4 = ip_is4(&t->route->dst);

		if (o->ttl < 0)
			t->tx.ttl = v4 ? s->mc_ttl : s->mc_hops;
		if (v4 ? s->mc_loop : s->mc_loop6)
			t->tx.flags |= IP_TX_MC_LOOP;
	}
	return 0;
}

/* The checksum of UDP-Lite: of all, which the device may do, or of a part. The field says of how much. */
static void put_lite_checksum(struct sock *s, struct pkt *p, const struct inet_route *r)
{
	u32 len = p->total, cover = udp_of(s)->send_cover;
	u64 pseudo = csum_pseudo(&r->src, &r->dst, len, IP_PROTO_UDPLITE);
	u8 *h = p->data;
	u16 sum;

	if (!cover || cover >= len) {
		*(u16_any *)(h + 6) = csum_fold(pseudo);
		p->csum = PKT_CSUM_PARTIAL;
		p->csum_start = 0;
		p->csum_off = 6;
		return;
	}
	store_be16(h + 4, (u16)cover);
	sum = (u16)~csum_fold(pkt_sum(p, 0, cover, pseudo));
	*(u16_any *)(h + 6) = sum ? sum : 0xffff;
}

static void put_header(struct sock *s, struct pkt *p, const struct inet_route *r, u16 dport)
{
	u32 len = p->total;
	u8 *h = p->data;

	store_be16(h, s->lport);
	store_be16(h + 2, dport);
	store_be16(h + 4, (u16)len);
	*(u16_any *)(h + 6) = 0;
	if (unlikely(udp_is_lite(s))) {
		put_lite_checksum(s, p, r);
		return;
	}
	if ((s->flags & SOCK_F_NO_CHECK) && ip_is4(&r->dst) && !p->gso)
		return;
	if (!ip_is4(&r->dst) && udp_of(s)->no_check6_tx)
		return;
	*(u16_any *)(h + 6) = csum_fold(csum_pseudo(&r->src, &r->dst, len, IP_PROTO_UDP));
	p->csum = PKT_CSUM_PARTIAL;
	p->csum_start = 0;
	p->csum_off = 6;
}

/* Header, checksum, out. Takes @p, whose first 8 bytes are the header's room. Lock held. */
static int transmit(struct sock *s, struct pkt *p, struct inet_route *r, const struct ip_tx *tx, u16 dport, u16 gso_size, u32 tsflags)
{
	struct inet *in = s->in;
	u32 len = p->total - UDP_HLEN;
	bool v4 = ip_is4(&r->dst), stamps = stamp_wanted(tsflags);
	struct pkt *clone = NULL;
	int err;

	if (gso_size && len > gso_size && !udp_is_lite(s)) {
		if (DIV_ROUND_UP(len, (u32)gso_size) > UDP_MAX_GSO_SEGMENTS || (u32)gso_size + UDP_HLEN > ip_payload_mtu(r, tx)) {
			pkt_free(p);
			return -EINVAL;
		}
		p->gso = NIC_GSO_UDP;
		p->gso_size = gso_size;
		p->gso_segs = (u16)DIV_ROUND_UP(len, (u32)gso_size);
	}
	put_header(s, p, r, dport);
	/* What is cut into fragments must be summed before. */
	if (!p->gso && p->total > ip_payload_mtu(r, tx)) {
		pkt_mark_transport(p);
		if (!pkt_csum_finish(p)) {
			pkt_free(p);
			return -ENOBUFS;
		}
	}
	if (unlikely(stamps) && !(tsflags & SOF_TIMESTAMPING_OPT_TSONLY))
		clone = pkt_clone(p);
	err = ip_output(in, p, r, tx);
	if (unlikely(stamps)) {
		if (!err)
			stamp_datagram(s, tsflags, clone, r, tx);
		else
			pkt_free(clone);
	}
	if (err == -EMSGSIZE)
		(void)sock_queue_local_error(s, EMSGSIZE, &r->dst, dport, r->mtu);
	if (err == -ENOBUFS) {
		if (!udp_is_lite(s))
			inet_count_add(in, v4 ? STAT_Udp_SndbufErrors : STAT_Udp6_SndbufErrors, 1);
		if (!(s->flags & (SOCK_F_RECVERR | SOCK_F_RECVERR6)))
			err = 0; /* lost, as on any wire [man udp(7)] */
	}
	if (!err && !udp_is_lite(s))
		inet_count_add(in, v4 ? STAT_Udp_OutDatagrams : STAT_Udp6_OutDatagrams, 1);
	return err;
}

void udp_drop_pending(struct sock *s)
{
	struct udp_sock *u = udp_of(s);

	pkt_free(u->pending);
	u->pending = NULL;
}

int udp_push_pending(struct sock *s)
{
	struct udp_sock *u = udp_of(s);
	struct pkt *p = u->pending;

	u->pending = NULL;
	if (!inet_route_valid(s->in, &u->pending_route)) {
		struct inet_flow flow;
		int err;

		sock_flow(s, &flow);
		flow.src = u->pending_route.src;
		flow.dst = u->pending_route.dst;
		err = inet_route_lookup(s->in, &flow, &u->pending_route);
		if (err) {
			pkt_free(p);
			return err;
		}
	}
	return transmit(s, p, &u->pending_route, &u->pending_tx, u->pending_port, u->pending_gso, u->pending_tsflags);
}

/* Behind what is pending already: the address and options are the first call's. */
static int append_pending(struct sock *s, struct inet_msg *msg, u32 len, bool more)
{
	struct udp_sock *u = udp_of(s);
	struct pkt *rest;
	int err;

	if (u->pending->total + len > U16_MAX)
		return -EMSGSIZE;
	err = dgram_gather(s, msg, UDP_HLEN, len, &rest);
	if (err)
		return err;
	pkt_pull(rest, UDP_HLEN);
	u->pending->charge += rest->charge;
	rest->charge = 0;
	pkt_drop_owner(rest);
	pkt_join(u->pending, rest);
	return more ? 0 : udp_push_pending(s);
}

static int send_locked(struct sock *s, struct inet_msg *msg, const struct send_opts *o, struct ip_endpoint *to, bool named, struct pkt *p,
	bool more)
{
	struct udp_sock *u = udp_of(s);
	struct target t;
	int err = udp_auto_bind(s);

	if (!err)
		err = find_target(s, msg, o, to, named, &t);
	if (!err && !t.port)
		err = -EINVAL;
	if (err) {
		if (err == -ENETUNREACH)
			INET_COUNT(s->in, Ip_OutNoRoutes);
		pkt_free(p);
		return err;
	}
	if (more) {
		u->pending = p;
		u->pending_route = *t.route;
		u->pending_tx = t.tx;
		u->pending_tx.options = s->options;
		u->pending_port = t.port;
		u->pending_gso = o->gso_size;
		u->pending_tsflags = o->tsflags;
		return 0;
	}
	return transmit(s, p, t.route, &t.tx, t.port, o->gso_size, o->tsflags);
}

static int destination(struct sock *s, struct inet_msg *msg, struct ip_endpoint *to, bool *named)
{
	int err;

	*named = msg->addr.len != 0;
	if (!*named)
		return s->connected ? 0 : -EDESTADDRREQ;
	err = ip_endpoint_parse(&msg->addr, to);
	if (err)
		return err;
	if (to->family == AF_UNSPEC) {
		if (s->family == AF_INET6) { /* as if there were none [man ipv6(7)] */
			*named = false;
			return s->connected ? 0 : -EDESTADDRREQ;
		}
		if (msg->addr.len < 16)
			return -EINVAL;
		to->family = AF_INET;
		to->port = load_be16(msg->addr.bytes + 2);
		to->addr = ip_load4(msg->addr.bytes + 4);
	}
	if (!to->port)
		return -EINVAL;
	return dgram_check_peer(s, to);
}

ssize_t udp_send(struct sock *s, struct inet_msg *msg)
{
	struct udp_sock *u = udp_of(s);
	size_t len = msg->data->left;
	bool more = (msg->flags & MSG_MORE) || u->corked_option, named;
	struct ip_endpoint to;
	struct send_opts opts;
	struct pkt *p;
	unsigned long flags;
	int err;

	if (len > U16_MAX)
		return -EMSGSIZE;
	if (msg->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (READ_ONCE(s->shutdown) & 2)
		return -EPIPE;
	err = destination(s, msg, &to, &named);
	if (err)
		return err;
	err = sock_take_error(s);
	if (err)
		return err;
	if (READ_ONCE(u->pending)) {
		flags = env_spin_lock(&s->lock);
		err = u->pending ? append_pending(s, msg, (u32)len, more) : -EAGAIN;
		if (unlikely(!err && msg->flags & MSG_ZEROCOPY && s->flags & SOCK_F_ZEROCOPY && len))
			zerocopy_done(s);
		env_spin_unlock(&s->lock, flags);
		return err ? err : (ssize_t)len;
	}
	err = send_opts_parse(s, msg, &opts);
	if (err)
		return err;
	if (!opts.gso_size)
		opts.gso_size = u->gso_size;
	if (len > (size_t)U16_MAX - UDP_HLEN - 20 && !(named ? !ip_is4(&to.addr) : s->family == AF_INET6)) {
		err = -EMSGSIZE;
	} else {
		err = dgram_gather(s, msg, UDP_HLEN, (u32)len, &p);
	}
	if (!err) {
		flags = env_spin_lock(&s->lock);
		err = send_locked(s, msg, &opts, &to, named, p, more);
		if (unlikely(!err && msg->flags & MSG_ZEROCOPY && s->flags & SOCK_F_ZEROCOPY && len))
			zerocopy_done(s);
		env_spin_unlock(&s->lock, flags);
	}
	if (opts.options)
		env_free(opts.options, 40);
	return err ? err : (ssize_t)len;
}
