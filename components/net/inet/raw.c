/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Raw sockets [man raw(7)]: a copy of each packet of a protocol, and packets with or without a header of one's own.
 */
#include "raw.h"

#include "csum.h"
#include "ip_impl.h"
#include "mcast.h"

ENV_LOCK_CLASS(inet_raw, RANK_INET_TABLE, "raw sockets by protocol");

int raw_open(struct inet *in)
{
	in->raw = env_alloc(sizeof(*in->raw), ENV_ALLOC_ZERO);
	if (!in->raw)
		return -ENOMEM;
	env_spin_init(&in->raw->lock, &env_lock_class_inet_raw);
	for (unsigned i = 0; i < 256; i++)
		list_init(&in->raw->socks[i]);
	return port_table_init(&in->raw->pings);
}

void raw_close(struct inet *in)
{
	if (!in->raw)
		return;
	port_table_fini(&in->raw->pings);
	env_free(in->raw, sizeof(*in->raw));
	in->raw = NULL;
}

static bool filtered(const struct sock *s, const struct pkt *p)
{
	const struct raw_sock *r = raw_of((struct sock *)(unsigned long)s);
	u8 type = p->total ? p->data[0] : 0;

	if (s->protocol == IP_PROTO_ICMP && s->family == AF_INET)
		return type < 32 && (r->icmp_filter >> type & 1);
	if (s->protocol == IP_PROTO_ICMP6 && s->family == AF_INET6)
		return r->icmp6_filter[type / 32] >> type % 32 & 1;
	return false;
}

static bool wants(const struct sock *s, const struct pkt *p)
{
	bool v4 = ip_is4(&p->dst);

	if (v4 != (s->family == AF_INET))
		return false;
	if (!ip_is_any(&s->laddr) && !ip_equal(&s->laddr, &p->dst) && !(p->flags & (PKT_MULTICAST | PKT_BROADCAST)))
		return false;
	if (s->connected && !ip_equal(&s->raddr, &p->src))
		return false;
	if (s->bound_if && s->bound_if != p->ifindex)
		return false;
	if ((p->flags & PKT_MULTICAST) && !mcast_sock_wants(s, &p->dst, &p->src, p->ifindex))
		return false;
	return !filtered(s, p);
}

/* IPv4 raw sockets see the IP header too. */
static void deliver_copy(struct sock *s, const struct pkt *p)
{
	struct pkt *copy = pkt_clone(p);
	unsigned long flags;
	bool queued = false;

	if (!copy)
		return;
	copy->cb[0] = 0;
	if (s->family == AF_INET) {
		u32 up = pkt_headroom(copy) - copy->net_off;

		copy->data -= up; /* the header is still in front, in the same piece */
		copy->len += up;
		copy->total += up;
	}
	flags = env_spin_lock(&s->lock);
	if (!s->released)
		queued = dgram_queue(s, copy);
	env_spin_unlock(&s->lock, flags);
	if (!queued)
		pkt_free(copy);
}

bool raw_deliver(struct inet *in, struct pkt *p)
{
	struct list_head *socks = &in->raw->socks[p->ip_proto];
	bool any = false;
	struct sock *s;

	if (likely(list_empty(socks)))
		return false;
	list_for_each_entry_rcu(s, socks, proto_node) {
		if (!wants(s, p))
			continue;
		any = true;
		deliver_copy(s, p);
	}
	return any;
}

bool raw_wanted(struct inet *in, const struct pkt *p)
{
	struct sock *s;

	list_for_each_entry_rcu(s, &in->raw->socks[p->ip_proto], proto_node)
		if (wants(s, p))
			return true;
	return false;
}

void raw_error(struct inet *in, struct pkt *p, const struct ip_error *e)
{
	struct sock *s;

	list_for_each_entry_rcu(s, &in->raw->socks[p->ip_proto], proto_node) {
		unsigned long flags;
		bool queued;

		if (ip_is4(&p->dst) != (s->family == AF_INET) || (s->connected && !ip_equal(&s->raddr, &p->dst)) ||
			(!ip_is_any(&s->laddr) && !ip_equal(&s->laddr, &p->src)))
			continue;
		if (e->err == EMSGSIZE && e->info)
			inet_pmtu_update(in, &p->dst, e->info);
		flags = env_spin_lock(&s->lock);
		queued = sock_queue_error(s, e, p, 0);
		if (queued || (s->connected && e->hard))
			sock_set_error(s, e->err);
		env_spin_unlock(&s->lock, flags);
	}
	if (p->ip_proto == IP_PROTO_ICMP || p->ip_proto == IP_PROTO_ICMP6)
		ping_error(in, p, e);
}

/* ---- life ---- */

static int raw_init(struct sock *s)
{
	struct inet *in = s->in;
	unsigned long flags;

	raw_of(s)->checksum_at = s->protocol == IP_PROTO_ICMP6 && s->family == AF_INET6 ? 2 : -1;
	if (s->protocol == IP_PROTO_RAW)
		s->flags |= SOCK_F_HDRINCL;
	flags = env_spin_lock(&in->raw->lock);
	list_add_tail_rcu(&s->proto_node, &in->raw->socks[s->protocol]);
	env_spin_unlock(&in->raw->lock, flags);
	return 0;
}

static void raw_release(struct sock *s)
{
	unsigned long flags = env_spin_lock(&s->in->raw->lock);

	list_del_rcu(&s->proto_node);
	env_spin_unlock(&s->in->raw->lock, flags);
	flags = env_spin_lock(&s->lock);
	dgram_destroy(s);
	env_spin_unlock(&s->lock, flags);
}

static int raw_bind(struct sock *s, const struct ip_endpoint *e)
{
	unsigned long flags = env_spin_lock(&s->lock);
	int err = s->connected ? -EINVAL : dgram_bind_name(s, e);

	s->route.gen = 0;
	env_spin_unlock(&s->lock, flags);
	return err;
}

static int raw_connect(struct sock *s, const struct ip_endpoint *at)
{
	struct ip_endpoint e = *at;
	unsigned long flags = env_spin_lock(&s->lock);
	int err = 0;

	if (e.family == AF_UNSPEC)
		dgram_disconnect(s);
	else
		err = dgram_connect(s, &e);
	env_spin_unlock(&s->lock, flags);
	return err;
}

/* ---- out ---- */

/* With a header of one's own: what the user left 0 is filled in [man raw(7)]. */
static int fix_header4(struct sock *s, struct pkt *p, const struct inet_route *r)
{
	unsigned hlen;
	u8 *h;

	if (p->total < IP4_HLEN || !pkt_make_private(p, IP4_HLEN))
		return -EINVAL;
	hlen = ip4_hlen(p->data);
	if (hlen < IP4_HLEN || hlen > p->total || !pkt_make_private(p, hlen))
		return -EINVAL;
	h = p->data;
	store_be16(h + 2, (u16)p->total);
	if (!*(u32_any *)(h + 12))
		memcpy(h + 12, &r->src.w[3], 4);
	if (!load_be16(h + 4))
		store_be16(h + 4, ip4_next_id(s->in, &r->src, &r->dst, h[9]));
	h[10] = h[11] = 0;
	*(u16_any *)(h + 10) = csum_finish(csum_add(0, h, hlen));
	p->transport_off = (u16)(pkt_headroom(p) + hlen);
	return 0;
}

static int raw_checksum(struct sock *s, struct pkt *p, const struct inet_route *r)
{
	s32 at = raw_of(s)->checksum_at;
	u16 sum;

	if (s->family != AF_INET6 || at < 0 || (s->flags & SOCK_F_HDRINCL))
		return 0;
	if ((u32)at + 2 > p->total || !pkt_make_private(p, (u32)at + 2))
		return -EINVAL;
	*(u16_any *)(p->data + at) = 0;
	sum = csum_finish(pkt_sum(p, 0, p->total, csum_pseudo(&r->src, &r->dst, p->total, s->protocol)));
	*(u16_any *)(p->data + at) = sum ? sum : U16_MAX;
	return 0;
}

static int raw_transmit(struct sock *s, struct inet_msg *msg, struct pkt *p, struct ip_endpoint *to, bool named, const struct send_opts *o)
{
	struct inet_flow flow;
	struct inet_route r;
	struct ip_tx tx = o->tx;
	int err;

	sock_flow(s, &flow);
	flow.src = ip_is_any(&o->src) ? s->saddr : o->src;
	flow.dst = named ? to->addr : s->raddr;
	flow.oif = o->oif ? o->oif : named && to->scope ? to->scope : s->bound_if;
	flow.mark = tx.mark;
	if (msg->flags & MSG_DONTROUTE)
		flow.flags |= FLOW_ONLINK;
	if (ip_is_multicast(&flow.dst) && !flow.oif)
		flow.oif = s->mc_if;
	if (ip_is_any(&flow.src))
		flow.src = ip_any(ip_is4(&flow.dst) ? AF_INET : AF_INET6);
	err = inet_route_lookup(s->in, &flow, &r);
	if (!err && r.type == RTN_BROADCAST && !(s->flags & SOCK_F_BROADCAST))
		err = -EACCES;
	if (!err && r.type == RTN_MULTICAST) {
		bool v4 = ip_is4(&r.dst);

		if (o->ttl < 0)
			tx.ttl = v4 ? s->mc_ttl : s->mc_hops;
		if (v4 ? s->mc_loop : s->mc_loop6)
			tx.flags |= IP_TX_MC_LOOP;
	}
	if (!err && (s->flags & SOCK_F_HDRINCL)) {
		tx.flags |= IP_TX_HDRINCL;
		err = ip_is4(&r.dst) ? fix_header4(s, p, &r) : p->total >= IP6_HLEN ? 0 : -EINVAL;
	} else if (!err) {
		p->flags |= PKT_LOCAL_DF;
		err = raw_checksum(s, p, &r);
	}
	if (err) {
		pkt_free(p);
		return err;
	}
	err = ip_output(s->in, p, &r, &tx);
	if (err == -EMSGSIZE)
		(void)sock_queue_local_error(s, EMSGSIZE, &r.dst, 0, r.mtu);
	return err == -ENOBUFS && !(s->flags & (SOCK_F_RECVERR | SOCK_F_RECVERR6)) ? 0 : err;
}

static int destination(struct sock *s, struct inet_msg *msg, struct ip_endpoint *to, bool *named)
{
	int err;

	*named = msg->addr.len != 0;
	if (!*named)
		return s->connected ? 0 : -EDESTADDRREQ;
	err = ip_endpoint_parse(&msg->addr, to);
	if (!err && to->family == AF_UNSPEC)
		err = -EAFNOSUPPORT;
	return err ? err : dgram_check_peer(s, to);
}

static ssize_t raw_send(struct sock *s, struct inet_msg *msg)
{
	size_t len = msg->data->left;
	struct ip_endpoint to;
	struct send_opts opts;
	struct pkt *p;
	unsigned long flags;
	bool named;
	int err;

	if (len > U16_MAX)
		return -EMSGSIZE;
	if (msg->flags & MSG_OOB)
		return -EOPNOTSUPP;
	err = destination(s, msg, &to, &named);
	err = err ? err : sock_take_error(s);
	err = err ? err : send_opts_parse(s, msg, &opts);
	if (err)
		return err;
	err = dgram_gather(s, msg, 0, (u32)len, &p);
	if (err)
		return err;
	flags = env_spin_lock(&s->lock);
	err = raw_transmit(s, msg, p, &to, named, &opts);
	env_spin_unlock(&s->lock, flags);
	return err ? err : (ssize_t)len;
}

/* ---- in ---- */

static ssize_t raw_receive(struct sock *s, struct inet_msg *msg)
{
	unsigned long flags = env_spin_lock(&s->lock);
	struct ip_endpoint e;
	struct pkt *p;
	ssize_t n;
	int err;

	if (msg->flags & MSG_ERRQUEUE) {
		n = sock_receive_error(s, msg);
		env_spin_unlock(&s->lock, flags);
		return n;
	}
	p = dgram_take(s, msg->flags, &err);
	env_spin_unlock(&s->lock, flags);
	if (!p)
		return err;
	e = (struct ip_endpoint){.addr = p->src, .scope = p->ifindex};
	ip_endpoint_format(&e, s->family, &msg->addr);
	return dgram_give(s, msg, p, 0);
}

/* ---- options ---- */

static int raw_set_option(struct sock *s, u32 level, u32 name, struct iobuf *value)
{
	struct raw_sock *r = raw_of(s);
	int v, err;

	if (level == SOL_RAW && name == ICMP_FILTER && s->protocol == IP_PROTO_ICMP)
		return iobuf_get(value, &r->icmp_filter, min_t(size_t, value->left, 4)) ? 0 : -EFAULT;
	if (level == SOL_ICMPV6 && name == ICMPV6_FILTER && s->protocol == IP_PROTO_ICMP6)
		return iobuf_get(value, r->icmp6_filter, min_t(size_t, value->left, 32)) ? 0 : -EFAULT;
	if ((level == SOL_RAW || level == SOL_IPV6) && name == IPV6_CHECKSUM && s->family == AF_INET6) {
		err = option_get_int(value, &v);
		if (err)
			return err;
		if (s->protocol == IP_PROTO_ICMP6 || (v > 0 && (v & 1)))
			return -EINVAL; /* [rfc3542 3.1] */
		r->checksum_at = v < 0 ? -1 : v;
		return 0;
	}
	return level == SOL_RAW && name == ICMP_FILTER ? -EOPNOTSUPP : -ENOPROTOOPT;
}

static int raw_get_option(struct sock *s, u32 level, u32 name, struct iobuf *value, u32 *out_len)
{
	struct raw_sock *r = raw_of(s);

	if (level == SOL_RAW && name == ICMP_FILTER && s->protocol == IP_PROTO_ICMP)
		return option_put(value, &r->icmp_filter, 4, out_len);
	if (level == SOL_ICMPV6 && name == ICMPV6_FILTER && s->protocol == IP_PROTO_ICMP6)
		return option_put(value, r->icmp6_filter, 32, out_len);
	if ((level == SOL_RAW || level == SOL_IPV6) && name == IPV6_CHECKSUM && s->family == AF_INET6)
		return option_put_int(value, r->checksum_at, out_len);
	return level == SOL_RAW && name == ICMP_FILTER ? -EOPNOTSUPP : -ENOPROTOOPT;
}

const struct proto raw_proto = {
	.type = SOCK_RAW,
	.any_protocol = true,
	.sock_size = sizeof(struct raw_sock),
	.name = "RAW",
	.init = raw_init,
	.release = raw_release,
	.destroy = dgram_destroy,
	.bind = raw_bind,
	.connect = raw_connect,
	.send = raw_send,
	.receive = raw_receive,
	.shutdown = dgram_shutdown,
	.abort = dgram_abort,
	.poll = dgram_poll,
	.set_option = raw_set_option,
	.get_option = raw_get_option,
	.control = dgram_control,
};
