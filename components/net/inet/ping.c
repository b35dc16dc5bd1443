/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ping sockets: SOCK_DGRAM of IPPROTO_ICMP and ICMPV6. Echo requests out; replies with the socket's identifier in [man icmp(7)].
 */
#include "csum.h"
#include "ip_impl.h"
#include "raw.h"

#define ICMP_HLEN 8

static struct sock *find(struct inet *in, u16 ident, const union ipaddr *us, u32 ifindex)
{
	struct table_node *n;

	table_for_each(&in->raw->pings.table, port_hash(ident), n) {
		struct sock *s = container_of(n, struct sock, bind_node);

		if (s->lport != ident || ip_is4(us) != (s->family == AF_INET))
			continue;
		if (!ip_is_any(&s->laddr) && !ip_equal(&s->laddr, us))
			continue;
		if (!s->bound_if || s->bound_if == ifindex)
			return s;
	}
	return NULL;
}

void ping_deliver(struct inet *in, struct pkt *p)
{
	struct sock *s = find(in, load_be16(p->data + 4), &p->dst, p->ifindex);
	struct pkt *copy = s ? pkt_clone(p) : NULL;
	unsigned long flags;
	bool queued = false;

	if (!copy)
		return;
	flags = env_spin_lock(&s->lock);
	if (!s->released)
		queued = dgram_queue(s, copy);
	env_spin_unlock(&s->lock, flags);
	if (!queued)
		pkt_free(copy);
}

void ping_error(struct inet *in, struct pkt *p, const struct ip_error *e)
{
	u8 echo = ip_is4(&p->dst) ? ICMP_ECHO : ICMPV6_ECHO_REQUEST;
	unsigned long flags;
	struct sock *s;

	if (p->total < ICMP_HLEN || !pkt_pull_up(p, ICMP_HLEN) || p->data[0] != echo)
		return;
	s = find(in, load_be16(p->data + 4), &p->src, p->ifindex);
	if (!s)
		return;
	flags = env_spin_lock(&s->lock);
	if (sock_queue_error(s, e, p, 0) || (s->connected && e->hard))
		sock_set_error(s, e->err);
	env_spin_unlock(&s->lock, flags);
}

static bool conflict(const struct sock *a, const struct sock *b)
{
	return a->family == b->family && !((a->flags & SOCK_F_REUSEADDR) && (b->flags & SOCK_F_REUSEADDR));
}

/* Any identifier will do, not only ephemeral ports. Lock held. */
static int auto_bind(struct sock *s)
{
	for (unsigned i = 0; i < 64; i++) {
		u16 ident = (u16)(1 + inet_random_below(U16_MAX));

		if (!port_bind(&s->in->raw->pings, s, ident, conflict))
			return 0;
	}
	return -EAGAIN;
}

static int ping_init(struct sock *s)
{
	const struct inet_conf *c = &s->in->conf;

	/* Groups are all that the family knows; who may otherwise has CAP_NET_RAW and is let through above. */
	return s->gid >= c->ping_group_low && s->gid <= c->ping_group_high ? 0 : -EACCES;
}

static int ping_bind(struct sock *s, const struct ip_endpoint *e)
{
	unsigned long flags = env_spin_lock(&s->lock);
	int err = s->lport ? -EINVAL : dgram_bind_name(s, e);

	if (!err)
		err = e->port ? port_bind(&s->in->raw->pings, s, e->port, conflict) : auto_bind(s);
	env_spin_unlock(&s->lock, flags);
	return err;
}

static int ping_connect(struct sock *s, const struct ip_endpoint *at)
{
	struct ip_endpoint e = *at;
	unsigned long flags = env_spin_lock(&s->lock);
	int err = 0;

	if (e.family == AF_UNSPEC) {
		dgram_disconnect(s);
	} else {
		err = s->lport ? 0 : auto_bind(s);
		err = err ? err : dgram_connect(s, &e);
	}
	env_spin_unlock(&s->lock, flags);
	return err;
}

static void ping_release(struct sock *s)
{
	unsigned long flags = env_spin_lock(&s->lock);

	if (s->lport)
		port_unbind(&s->in->raw->pings, s);
	dgram_destroy(s);
	env_spin_unlock(&s->lock, flags);
}

/* Our identifier, our checksum. */
static int finish_echo(struct sock *s, struct pkt *p, const struct inet_route *r)
{
	bool v4 = ip_is4(&r->dst);
	u8 *h;
	u64 sum;

	if (!pkt_make_private(p, ICMP_HLEN))
		return -ENOBUFS;
	h = p->data;
	if (h[0] != (v4 ? ICMP_ECHO : ICMPV6_ECHO_REQUEST) || h[1])
		return -EINVAL;
	store_be16(h + 4, s->lport);
	h[2] = h[3] = 0;
	sum = v4 ? 0 : csum_pseudo(&r->src, &r->dst, p->total, IP_PROTO_ICMP6);
	*(u16_any *)(h + 2) = csum_finish(pkt_sum(p, 0, p->total, sum));
	return 0;
}

static int transmit(struct sock *s, struct pkt *p, struct ip_endpoint *to, bool named, const struct send_opts *o)
{
	struct ip_tx tx = o->tx;
	struct inet_flow flow;
	struct inet_route r;
	int err = s->lport ? 0 : auto_bind(s);

	sock_flow(s, &flow);
	flow.src = ip_is_any(&o->src) ? s->saddr : o->src;
	flow.dst = named ? to->addr : s->raddr;
	flow.oif = o->oif ? o->oif : named && to->scope ? to->scope : s->bound_if;
	if (ip_is_multicast(&flow.dst) && !flow.oif)
		flow.oif = s->mc_if;
	err = err ? err : inet_route_lookup(s->in, &flow, &r);
	if (!err && r.type == RTN_BROADCAST && !(s->flags & SOCK_F_BROADCAST))
		err = -EACCES;
	err = err ? err : finish_echo(s, p, &r);
	if (err) {
		pkt_free(p);
		return err;
	}
	if (r.type == RTN_MULTICAST && o->ttl < 0)
		tx.ttl = ip_is4(&r.dst) ? s->mc_ttl : s->mc_hops;
	tx.proto = ip_is4(&r.dst) ? IP_PROTO_ICMP : IP_PROTO_ICMP6;
	p->flags |= PKT_LOCAL_DF;
	inet_count_add(s->in, ip_is4(&r.dst) ? STAT_Icmp_OutMsgs : STAT_Icmp6_OutMsgs, 1);
	if (ip_is4(&r.dst))
		INET_COUNT(s->in, Icmp_OutEchos);
	err = ip_output(s->in, p, &r, &tx);
	return err == -ENOBUFS ? 0 : err;
}

static ssize_t ping_send(struct sock *s, struct inet_msg *msg)
{
	size_t len = msg->data->left;
	bool named = msg->addr.len != 0;
	struct ip_endpoint to;
	struct send_opts opts;
	struct pkt *p;
	unsigned long flags;
	int err = 0;

	if (len > U16_MAX)
		return -EMSGSIZE;
	if (len < ICMP_HLEN)
		return -EINVAL;
	if (msg->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (named)
		err = ip_endpoint_parse(&msg->addr, &to);
	else if (!s->connected)
		err = -EDESTADDRREQ;
	if (!err && named)
		err = to.family == AF_UNSPEC ? -EAFNOSUPPORT : dgram_check_peer(s, &to);
	err = err ? err : sock_take_error(s);
	err = err ? err : send_opts_parse(s, msg, &opts);
	err = err ? err : dgram_gather(s, msg, 0, (u32)len, &p);
	if (err)
		return err;
	flags = env_spin_lock(&s->lock);
	err = transmit(s, p, &to, named, &opts);
	env_spin_unlock(&s->lock, flags);
	return err ? err : (ssize_t)len;
}

static ssize_t ping_receive(struct sock *s, struct inet_msg *msg)
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

const struct proto ping_proto = {
	.type = SOCK_DGRAM,
	.protocol = IP_PROTO_ICMP,
	.protocol_v6 = IP_PROTO_ICMP6,
	.sock_size = sizeof(struct raw_sock),
	.name = "PING",
	.init = ping_init,
	.release = ping_release,
	.destroy = dgram_destroy,
	.bind = ping_bind,
	.connect = ping_connect,
	.send = ping_send,
	.receive = ping_receive,
	.shutdown = dgram_shutdown,
	.poll = dgram_poll,
	.control = dgram_control,
};
