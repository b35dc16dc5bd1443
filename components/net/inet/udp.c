/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP [rfc768] [rfc1122 4.1] and UDP-Lite [rfc3828]: who gets a datagram, names, receiving. Sending is udp_send.c.
 *
 *	0        2        4        6        8
 *	| source | dest   | length | sum    |	UDP-Lite: how much the sum covers, in place of the length
 */
#include "udp.h"

#include "csum.h"
#include "icmp.h"
#include "ip_impl.h"
#include "mcast.h"

#define UDP_HLEN 8

/* ---- tables ---- */

int udp_open(struct inet *in)
{
	int err = 0;

	in->udp = env_alloc(2 * sizeof(*in->udp), ENV_ALLOC_ZERO);
	if (!in->udp)
		return -ENOMEM;
	for (unsigned lite = 0; lite < 2 && !err; lite++) {
		err = port_table_init(&in->udp[lite].ports);
		err = err ? err : table_init(&in->udp[lite].conns, 20);
	}
	return err;
}

void udp_close(struct inet *in)
{
	if (!in->udp)
		return;
	for (unsigned lite = 0; lite < 2; lite++) {
		port_table_fini(&in->udp[lite].ports);
		table_fini(&in->udp[lite].conns);
	}
	env_free(in->udp, 2 * sizeof(*in->udp));
	in->udp = NULL;
}

static u32 conn_hash(struct inet *in, const union ipaddr *laddr, u16 lport, const union ipaddr *raddr, u16 rport)
{
	u64 a = laddr->q[0] ^ hash_mix64(laddr->q[1]) ^ lport;
	u64 b = raddr->q[0] ^ raddr->q[1] ^ (u64)rport << 32;

	return (u32)siphash_2u64(&in->key, a, b);
}

static void conn_add(struct sock *s)
{
	struct table *t = &udp_tables_of(s)->conns;
	unsigned long flags;

	s->conn_node.hash = conn_hash(s->in, &s->laddr, s->lport, &s->raddr, s->rport);
	flags = table_lock(t, s->conn_node.hash);
	table_insert(t, &s->conn_node);
	table_unlock(t, s->conn_node.hash, flags);
}

static void conn_remove(struct sock *s)
{
	struct table *t = &udp_tables_of(s)->conns;
	unsigned long flags;

	if (!s->conn_node.on)
		return;
	flags = table_lock(t, s->conn_node.hash);
	(void)table_remove(t, &s->conn_node);
	table_unlock(t, s->conn_node.hash, flags);
}

/* ---- who gets it ---- */

struct key {
	struct udp_tables *tables;
	const union ipaddr *src, *dst;
	u16 sport, dport;
	u32 ifindex;
};

static bool accepts_family(const struct sock *s, bool v4)
{
	if (!v4)
		return s->family == AF_INET6 && !ip_is4(&s->laddr);
	return s->family == AF_INET || ip_is4(&s->laddr) || (ip_is_any(&s->laddr) && !(s->flags & SOCK_F_V6ONLY));
}

/* -1: not for it; otherwise the more it names, the better. */
static int score(const struct sock *s, const struct key *k)
{
	bool v4 = ip_is4(k->dst);
	int n = v4 && s->family == AF_INET ? 1 : 0;

	if (s->lport != k->dport || !accepts_family(s, v4))
		return -1;
	if (!ip_is_any(&s->laddr)) {
		if (!ip_equal(&s->laddr, k->dst))
			return -1;
		n += 4;
	}
	if (s->connected) {
		if (!ip_equal(&s->raddr, k->src) || s->rport != k->sport)
			return -1;
		n += 8;
	}
	if (s->bound_if) {
		if (s->bound_if != k->ifindex)
			return -1;
		n += 4;
	}
	return n;
}

static struct sock *find_conn(struct inet *in, const struct key *k)
{
	u32 hash = conn_hash(in, k->dst, k->dport, k->src, k->sport);
	struct sock *best = NULL;
	struct table_node *n;
	int most = -1;

	if (!READ_ONCE(k->tables->conns.count))
		return NULL;
	table_for_each(&k->tables->conns, hash, n) {
		struct sock *s = container_of(n, struct sock, conn_node);
		int got = score(s, k);

		if (got > most) {
			most = got;
			best = s;
		}
	}
	return best;
}

/* The best by score; among SO_REUSEPORT's equals the flow's hash decides, so that a flow stays with one. */
static struct sock *find(struct inet *in, const struct key *k)
{
	struct sock *best = find_conn(in, k);
	struct table_node *n;
	int most = -1;
	u32 equals = 0, pick;

	if (best)
		return best;
	table_for_each(&k->tables->ports.table, port_hash(k->dport), n) {
		struct sock *s = container_of(n, struct sock, bind_node);
		int got = score(s, k);

		if (got > most) {
			most = got;
			best = s;
			equals = 1;
		} else if (got >= 0 && got == most && (s->flags & SOCK_F_REUSEPORT)) {
			equals++;
		}
	}
	if (equals < 2)
		return best;
	pick = conn_hash(in, k->dst, k->dport, k->src, k->sport) % equals;
	table_for_each(&k->tables->ports.table, port_hash(k->dport), n) {
		struct sock *s = container_of(n, struct sock, bind_node);

		if (score(s, k) != most)
			continue;
		best = s;
		if (!pick--)
			break;
	}
	return best;
}

/* ---- in ---- */

/* Datagrams of UDP; those of UDP-Lite are not counted. */
static void count4or6(struct inet *in, const struct udp_tables *t, bool v4, enum inet_stat four, enum inet_stat six)
{
	if (likely(t == in->udp))
		inet_count_add(in, v4 ? four : six, 1);
}

/* Takes @p. */
static void deliver(struct inet *in, struct sock *s, struct pkt *p)
{
	bool v4 = ip_is4(&p->dst), queued = false;
	unsigned long flags = env_spin_lock(&s->lock);

	if (!s->released)
		queued = dgram_queue(s, p);
	env_spin_unlock(&s->lock, flags);
	if (queued) {
		count4or6(in, udp_tables_of(s), v4, STAT_Udp_InDatagrams, STAT_Udp6_InDatagrams);
		return;
	}
	count4or6(in, udp_tables_of(s), v4, STAT_Udp_RcvbufErrors, STAT_Udp6_RcvbufErrors);
	count4or6(in, udp_tables_of(s), v4, STAT_Udp_InErrors, STAT_Udp6_InErrors);
	pkt_free(p);
}

/* A joined packet for a socket that wants datagrams: each with a copy of the header. Takes @p. */
static void deliver_segments(struct inet *in, struct sock *s, struct pkt *p)
{
	for (u32 at = UDP_HLEN; at < p->total; at += p->gso_size) {
		u32 n = min((u32)p->gso_size, p->total - at);
		struct pkt *part = pkt_slice(p, at, n, PKT_HEADROOM);
		u8 *h = part ? pkt_push(part, UDP_HLEN) : NULL;

		if (!h) {
			pkt_free(part);
			break;
		}
		memcpy(h, p->data, UDP_HLEN);
		store_be16(h + 4, (u16)(UDP_HLEN + n));
		part->src = p->src;
		part->dst = p->dst;
		part->ttl = p->ttl;
		part->tos = p->tos;
		part->ifindex = p->ifindex;
		part->flags = p->flags;
		part->flow = p->flow;
		part->stamp_ns = p->stamp_ns;
		deliver(in, s, part);
	}
	pkt_free(p);
}

static void deliver_any(struct inet *in, struct sock *s, struct pkt *p)
{
	if (unlikely(p->gso && p->gso_size) && !udp_of(s)->gro)
		deliver_segments(in, s, p);
	else
		deliver(in, s, p);
}

/* To each socket of the port that wants the group. */
static void deliver_many(struct inet *in, struct pkt *p, const struct key *k)
{
	struct table_node *n;
	bool any = false;

	table_for_each(&k->tables->ports.table, port_hash(k->dport), n) {
		struct sock *s = container_of(n, struct sock, bind_node);
		struct pkt *copy;

		if (score(s, k) < 0)
			continue;
		if ((p->flags & PKT_MULTICAST) && !mcast_sock_wants(s, k->dst, k->src, k->ifindex))
			continue;
		any = true;
		copy = pkt_clone(p);
		if (copy)
			deliver_any(in, s, copy);
	}
	if (!any)
		count4or6(in, k->tables, ip_is4(k->dst), STAT_Udp_IgnoredMulti, STAT_Udp6_IgnoredMulti);
	pkt_free(p);
}

static bool checksum_ok(const struct pkt *p, u32 cover, u8 proto)
{
	u16 field = *(const u16_any *)(p->data + 6);

	if (p->csum != PKT_CSUM_NONE)
		return true;
	if (!field)
		return proto == IP_PROTO_UDP && ip_is4(&p->dst); /* IPv6 [rfc8200 8.1] and UDP-Lite want one */
	return csum_fold(pkt_sum(p, 0, cover, csum_pseudo(&p->src, &p->dst, p->total, proto))) == 0xffff;
}

/* How much of @p its checksum covers; what is behind its end is cut off. 0: the header is wrong. */
static u32 covered(struct pkt *p, bool lite)
{
	u32 len;

	if (p->total < UDP_HLEN || !pkt_pull_up(p, UDP_HLEN))
		return 0;
	len = load_be16(p->data + 4);
	if (!len && (lite || !ip_is4(&p->dst)))
		len = p->total; /* jumbograms are not, but joined packets are */
	if (p->gso)
		len = p->total;
	if (len < UDP_HLEN || len > p->total)
		return 0;
	if (!lite)
		pkt_trim(p, len);
	return len;
}

/* A datagram that is covered in part is only for who does not want more. */
static bool covers_enough(struct sock *s, const struct pkt *p, u32 cover)
{
	struct udp_sock *u = udp_of(s);

	return likely(cover == p->total) || !u->receive_cover_set || (u->receive_cover && cover >= u->receive_cover);
}

static void input(struct inet *in, struct pkt *p, u8 proto)
{
	struct udp_tables *t = &in->udp[proto == IP_PROTO_UDPLITE];
	bool v4 = ip_is4(&p->dst);
	u32 cover = covered(p, proto == IP_PROTO_UDPLITE);
	struct key k;
	struct sock *s;

	if (!cover)
		goto bad;
	if (!checksum_ok(p, cover, proto)) {
		count4or6(in, t, v4, STAT_Udp_InCsumErrors, STAT_Udp6_InCsumErrors);
		goto bad;
	}
	k = (struct key){t, &p->src, &p->dst, load_be16(p->data), load_be16(p->data + 2), p->ifindex};
	if (p->flags & (PKT_MULTICAST | PKT_BROADCAST)) {
		deliver_many(in, p, &k);
		return;
	}
	s = find(in, &k);
	if (s && covers_enough(s, p, cover)) {
		deliver_any(in, s, p);
		return;
	}
	if (s)
		goto bad;
	count4or6(in, t, v4, STAT_Udp_NoPorts, STAT_Udp6_NoPorts);
	icmp_send_port_unreachable(in, p);
	pkt_free(p);
	return;
bad:
	count4or6(in, t, v4, STAT_Udp_InErrors, STAT_Udp6_InErrors);
	pkt_free(p);
}

static void udp_input(struct inet *in, struct pkt *p)
{
	input(in, p, IP_PROTO_UDP);
}

static void udplite_input(struct inet *in, struct pkt *p)
{
	input(in, p, IP_PROTO_UDPLITE);
}

/* An ICMP error about a datagram of ours: src and dst are ours and the peer's. */
static void error(struct inet *in, struct pkt *p, const struct ip_error *e, struct udp_tables *t)
{
	struct key k = {t, &p->dst, &p->src, load_be16(p->data + 2), load_be16(p->data), p->ifindex};
	struct sock *s = find(in, &k);
	unsigned long flags;
	u16 dport = k.sport;
	bool queued, v4 = ip_is4(&p->dst);

	if (!s)
		return;
	if (e->err == EMSGSIZE && e->info)
		inet_pmtu_update(in, &p->dst, e->info);
	pkt_pull(p, UDP_HLEN);
	flags = env_spin_lock(&s->lock);
	queued = sock_queue_error(s, e, p, dport);
	/* Without the error queue only what is final, and only for the one peer there is [rfc1122 4.1.3.3]. */
	if (queued || (s->connected && e->hard) || (s->connected && !v4 && e->err == EMSGSIZE && s->tx.pmtudisc == 2))
		sock_set_error(s, e->err);
	env_spin_unlock(&s->lock, flags);
}

static void udp_error(struct inet *in, struct pkt *p, const struct ip_error *e)
{
	error(in, p, e, &in->udp[0]);
}

static void udplite_error(struct inet *in, struct pkt *p, const struct ip_error *e)
{
	error(in, p, e, &in->udp[1]);
}

const struct transport udp_transport = {.proto = IP_PROTO_UDP, .input = udp_input, .error = udp_error};
const struct transport udplite_transport = {.proto = IP_PROTO_UDPLITE, .input = udplite_input, .error = udplite_error};

/* ---- names ---- */

static bool conflict(const struct sock *a, const struct sock *b)
{
	if ((a->flags & SOCK_F_REUSEADDR) && (b->flags & SOCK_F_REUSEADDR))
		return false;
	return !((a->flags & SOCK_F_REUSEPORT) && (b->flags & SOCK_F_REUSEPORT) && a->uid == b->uid);
}

int udp_auto_bind(struct sock *s)
{
	return s->lport ? 0 : port_bind(&udp_tables_of(s)->ports, s, 0, conflict);
}

static int udp_bind(struct sock *s, const struct ip_endpoint *e)
{
	unsigned long flags = env_spin_lock(&s->lock);
	int err = s->lport || s->connected ? -EINVAL : dgram_bind_name(s, e);

	if (!err && (e->port || !(s->flags & SOCK_F_BIND_PORT_LATER))) {
		err = port_bind(&udp_tables_of(s)->ports, s, e->port, conflict);
		if (err) {
			s->laddr = s->saddr = ip_any(s->family);
			s->flags &= ~(u32)SOCK_F_ADDR_LOCKED;
			err = -EADDRINUSE;
		}
	}
	if (!err && e->port)
		s->flags |= SOCK_F_PORT_LOCKED;
	s->route.gen = 0;
	env_spin_unlock(&s->lock, flags);
	return err;
}

static void udp_disconnect(struct sock *s)
{
	conn_remove(s);
	dgram_disconnect(s);
	if (s->lport && !(s->flags & SOCK_F_PORT_LOCKED)) {
		port_unbind(&udp_tables_of(s)->ports, s);
		s->lport = 0;
	}
}

static int udp_connect(struct sock *s, const struct ip_endpoint *at)
{
	struct ip_endpoint e = *at;
	unsigned long flags = env_spin_lock(&s->lock);
	int err = 0;

	if (e.family == AF_UNSPEC) {
		udp_disconnect(s);
	} else {
		conn_remove(s);
		if (s->connected && !(s->flags & SOCK_F_ADDR_LOCKED))
			s->laddr = s->saddr = ip_any(s->family);
		err = udp_auto_bind(s);
		err = err ? err : dgram_connect(s, &e);
		if (s->connected)
			conn_add(s);
	}
	env_spin_unlock(&s->lock, flags);
	return err;
}

static void udp_release(struct sock *s)
{
	unsigned long flags = env_spin_lock(&s->lock);

	udp_drop_pending(s);
	conn_remove(s);
	if (s->lport)
		port_unbind(&udp_tables_of(s)->ports, s);
	dgram_destroy(s);
	env_spin_unlock(&s->lock, flags);
}

/* ---- receiving ---- */

/* The source as the socket's family shows it. */
static void name_of(const struct sock *s, const struct pkt *p, u16 port, struct inet_addr *out)
{
	struct ip_endpoint e = {.addr = p->src, .port = port, .scope = p->ifindex};

	if (s->cmsg & SOCK_CMSG_FLOWINFO6)
		e.flow = p->flow & ENDIAN_BE(32, 0x0fffffffu);
	ip_endpoint_format(&e, s->family, out);
}

static ssize_t udp_receive(struct sock *s, struct inet_msg *msg)
{
	unsigned long flags = env_spin_lock(&s->lock);
	struct pkt *p;
	int err;

	if (msg->flags & MSG_ERRQUEUE) {
		ssize_t got = sock_receive_error(s, msg);

		env_spin_unlock(&s->lock, flags);
		return got;
	}
	p = dgram_take(s, msg->flags, &err);
	env_spin_unlock(&s->lock, flags);
	if (!p)
		return err;
	name_of(s, p, load_be16(p->data), &msg->addr);
	if (udp_of(s)->gro && p->gso) {
		int size = p->gso_size;

		cmsg_put(msg, SOL_UDP, UDP_GRO, &size, sizeof(size));
	}
	return dgram_give(s, msg, p, UDP_HLEN);
}

/* ---- options ---- */

/* The header at least is covered. */
static int set_cover(struct udp_sock *u, u32 name, int v)
{
	u16 cover = v ? (u16)clamp_t(int, v, UDP_HLEN, U16_MAX) : 0;

	if (name == UDPLITE_SEND_CSCOV) {
		u->send_cover = cover;
	} else if (name == UDPLITE_RECV_CSCOV) {
		u->receive_cover = cover;
		u->receive_cover_set = true;
	} else {
		return -ENOPROTOOPT;
	}
	return 0;
}

static int udp_set_option(struct sock *s, u32 level, u32 name, struct iobuf *value)
{
	struct udp_sock *u = udp_of(s);
	unsigned long flags;
	int v, err;

	if (level != SOL_UDP && level != SOL_UDPLITE)
		return -ENOPROTOOPT;
	err = option_get_int(value, &v);
	if (err)
		return err;
	flags = env_spin_lock(&s->lock);
	switch (name) {
	case UDP_CORK:
		u->corked_option = v != 0;
		if (!v && u->pending)
			err = udp_push_pending(s);
		break;
	case UDP_SEGMENT:
		if (v < 0 || v > U16_MAX)
			err = -EINVAL;
		else
			u->gso_size = (u16)v;
		break;
	case UDP_GRO:
		u->gro = v != 0;
		break;
	case UDP_NO_CHECK6_TX:
		u->no_check6_tx = v != 0;
		break;
	case UDP_NO_CHECK6_RX:
		u->no_check6_rx = v != 0;
		break;
	default:
		err = udp_is_lite(s) ? set_cover(u, name, v) : -ENOPROTOOPT;
	}
	env_spin_unlock(&s->lock, flags);
	return err;
}

static int udp_get_option(struct sock *s, u32 level, u32 name, struct iobuf *value, u32 *out_len)
{
	struct udp_sock *u = udp_of(s);

	if (level != SOL_UDP && level != SOL_UDPLITE)
		return -ENOPROTOOPT;
	switch (name) {
	case UDP_CORK:
		return option_put_int(value, u->corked_option, out_len);
	case UDP_ENCAP:
		return option_put_int(value, u->encap, out_len);
	case UDP_SEGMENT:
		return option_put_int(value, u->gso_size, out_len);
	case UDP_GRO:
		return option_put_int(value, u->gro, out_len);
	case UDP_NO_CHECK6_TX:
		return option_put_int(value, u->no_check6_tx, out_len);
	case UDP_NO_CHECK6_RX:
		return option_put_int(value, u->no_check6_rx, out_len);
	case UDPLITE_SEND_CSCOV:
		return option_put_int(value, u->send_cover, out_len);
	case UDPLITE_RECV_CSCOV:
		return option_put_int(value, u->receive_cover, out_len);
	}
	return -ENOPROTOOPT;
}

static int udp_control(struct sock *s, u32 request, u32 *out_value)
{
	int err = dgram_control(s, request, out_value);

	if (!err && request == FIONREAD && *out_value)
		*out_value -= UDP_HLEN;
	return err;
}

#define UDP_PROTO(number_, name_)                                                                  \
	{                                                                                          \
		.type = 2 /* SOCK_DGRAM */, .protocol = (number_), .sock_size = sizeof(struct udp_sock), .name = (name_), .release = udp_release, \
		.destroy = dgram_destroy, .bind = udp_bind, .connect = udp_connect, .send = udp_send, .receive = udp_receive, \
		.shutdown = dgram_shutdown, .poll = dgram_poll, .set_option = udp_set_option, .get_option = udp_get_option, \
		.control = udp_control, .abort = dgram_abort,                                                            \
	}

const struct proto udp_proto = UDP_PROTO(IP_PROTO_UDP, "UDP");
const struct proto udplite_proto = UDP_PROTO(IP_PROTO_UDPLITE, "UDP-Lite");
