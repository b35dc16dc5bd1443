/* SPDX-License-Identifier: BSD-2-Clause */
/* Who gets a segment: a connection, a request or TIME-WAIT, a listener, or a reset. */
#include "tcp_sock.h"

#include "../csum.h"
#include "../filter.h"
#include "../ip_impl.h"
#include "impl.h"

struct tcp_sock *tcp_conn_find(struct inet *in, const struct tcp_flow *flow)
{
	u32 hash = tcp_hash(in, flow);
	struct table_node *n;

	table_for_each(&in->tcp->conns, hash, n)
	{
		struct sock *s = container_of(n, struct sock, conn_node);

		if (s->lport == flow->lport && s->rport == flow->rport &&
			!memcmp(&s->laddr, flow->laddr, 16) && !memcmp(&s->raddr, flow->raddr, 16))
			return tcp_of(s);
	}
	return NULL;
}

/* -1: not for it; otherwise the more it names, the better. */
static int score(const struct sock *s, const union ipaddr *dst, u16 port, u32 ifindex)
{
	bool v4 = ip_is4(dst);
	int n = v4 == (s->family == 2) ? 1 : 0;

	if (s->lport != port)
		return -1;
	if (v4 ? s->family != 2 && (s->flags & SOCK_F_V6ONLY) : s->family == 2)
		return -1;
	if (!ip_is_any(&s->laddr)) {
		if (!ip_equal(&s->laddr, dst))
			return -1;
		n += 4;
	} else if (ip_is4(&s->laddr) && !v4) {
		return -1;
	}
	if (s->bound_if) {
		if (s->bound_if != ifindex)
			return -1;
		n += 4;
	}
	return n;
}

struct tcp_sock *tcp_listener_find(
	struct inet *in, const union ipaddr *dst, u16 port, u32 ifindex, u32 spread)
{
	struct sock *best = NULL;
	struct table_node *n;
	int most = -1;
	u32 equals = 0;

	table_for_each(&in->tcp->listeners, port_hash(port), n)
	{
		struct sock *s = container_of(n, struct sock, conn_node);
		int got = score(s, dst, port, ifindex);

		if (got < 0 || got < most)
			continue;
		equals = got > most ? 1 : equals + 1;
		/* Equal ones share by SO_REUSEPORT: each by its part of the peers. */
		if (got > most || spread % equals == 0)
			best = s;
		most = got;
	}
	return best ? tcp_of(best) : NULL;
}

void tcp_conn_input(struct tcp_sock *t, struct pkt *p, const struct tcp_in *seg, bool syn)
{
	struct tcp_rx *rx = (struct tcp_rx *)(void *)p->cb;
	unsigned long flags = env_spin_lock(&t->sock.lock);
	bool kept = false;

	if (likely(t->hashed)) { /* the table's reference keeps it */
		rx->mem = seg->len + TCP_MEM_EXTRA;
		if (unlikely(t->sock.flags & (SOCK_F_TIMESTAMP | SOCK_F_TIMESTAMPING)) && !p->stamp_ns)
			p->stamp_ns = (u64)env_time();
		if (unlikely(syn))
			kept = tcp_syn_text(&t->c, env_now(), seg, rx);
		else
			kept = tcp_input(&t->c, env_now(), seg, seg->len ? rx : NULL);
		tcp_settle(t);
	}
	env_spin_unlock(&t->sock.lock, flags);
	if (!kept)
		pkt_free(p);
}

static bool checksum_ok(const struct pkt *p)
{
	if (likely(p->csum != PKT_CSUM_NONE))
		return true;
	return csum_fold(pkt_sum(p, 0, p->total,
		       csum_pseudo(&p->src, &p->dst, p->total, IP_PROTO_TCP))) == 0xffff;
}

/* The filter of @s looks at the segment from its header on. False: drop it. */
static bool filter_passes(struct sock *s, struct pkt *p, u32 hlen, struct tcp_in *seg)
{
	bool pass;

	if (likely(!READ_ONCE(s->filter)))
		return true;
	p->data -= hlen; /* it was pulled from here */
	p->len += hlen;
	p->total += hlen;
	pass = sock_filter_pass(s, p, hlen) && pkt_pull_up(p, hlen);
	pass = pass && !tcp_parse(p->data, hlen, p->total, seg);
	pkt_pull(p, hlen);
	return pass;
}

static void no_connection(
	struct inet *in, struct pkt *p, u32 hlen, struct tcp_in *seg, const struct tcp_flow *flow)
{
	struct tcp_sock *lt;
	struct tcp_mini *m = tcp_mini_find(in, flow);
	const u32 *from = NULL;
	bool again = true;
	struct tcp_tx tx;
	u32 isn;

	if (m && m->listener && !filter_passes(m->listener, p, hlen, seg)) {
		pkt_free(p);
		return;
	}
	if (m) {
		again = false;
		tcp_mini_input(in, m, p, seg, &again, &isn);
		from = &isn;
		if (!again)
			return;
	}
	lt = tcp_listener_find(in, &p->dst, flow->lport, p->ifindex, tcp_hash(in, flow));
	if (lt) {
		if (filter_passes(&lt->sock, p, hlen, seg))
			tcp_listen_input(in, lt, p, seg, flow, from);
		else
			pkt_free(p);
		return;
	}
	if (tcp_refuse(seg, &tx))
		tcp_send_alone(in, flow, &tx, 0, 0);
	pkt_free(p);
}

static void shell_input(struct inet *in, struct pkt *p)
{
	struct tcp_flow flow;
	struct tcp_sock *t;
	struct tcp_in seg;
	u32 hlen;

	INET_COUNT(in, Tcp_InSegs);
	if (p->flags & (PKT_MULTICAST | PKT_BROADCAST) || ip_is_bad_source(&p->src)) {
		pkt_free(p);
		return;
	}
	if (p->total < TCP_HDR_LEN || !pkt_pull_up(p, TCP_HDR_LEN))
		goto bad;
	hlen = (p->data[12] >> 4) * 4u;
	if (hlen < TCP_HDR_LEN || hlen > p->total || !pkt_pull_up(p, hlen))
		goto bad;
	if (!checksum_ok(p)) {
		INET_COUNT(in, Tcp_InCsumErrors);
		goto bad;
	}
	if (tcp_parse(p->data, hlen, p->total, &seg))
		goto bad;
	seg.ce = (p->tos & 3) == 3;
	seg.gso = p->gso ? p->gso_size : 0;
	memcpy(flow.laddr, &p->dst, 16);
	memcpy(flow.raddr, &p->src, 16);
	flow.lport = load_be16(p->data + 2);
	flow.rport = load_be16(p->data);
	flow.pad = 0;
	pkt_pull(p, hlen);
	t = tcp_conn_find(in, &flow);
	if (unlikely(!t))
		no_connection(in, p, hlen, &seg, &flow);
	else if (filter_passes(&t->sock, p, hlen, &seg))
		tcp_conn_input(t, p, &seg, false);
	else
		pkt_free(p);
	return;
bad:
	INET_COUNT(in, Tcp_InErrs);
	pkt_free(p);
}

/* An ICMP error about a segment of ours. */
static void shell_error(struct inet *in, struct pkt *p, const struct ip_error *e)
{
	struct tcp_flow flow = {.lport = load_be16(p->data), .rport = load_be16(p->data + 2)};
	u32 seq = load_be32(p->data + 4);
	struct tcp_sock *t;
	unsigned long flags;

	memcpy(flow.laddr, &p->src, 16);
	memcpy(flow.raddr, &p->dst, 16);
	t = tcp_conn_find(in, &flow);
	if (!t)
		return;
	flags = env_spin_lock(&t->sock.lock);
	if (!t->hashed || seq_lt(seq, t->c.snd_una) || seq_lt(t->c.snd_nxt, seq)) {
		INET_COUNT(in, TcpExt_OutOfWindowIcmps);
	} else if (e->err == EMSGSIZE && e->info) {
		struct inet_route *r;

		inet_pmtu_update(in, &p->dst, e->info);
		if (!sock_route(&t->sock, &r))
			tcp_path_mss(&t->c, env_now(), tcp_path_mss_of(r, &t->sock.tx));
		tcp_settle(t);
	} else {
		tcp_icmp(&t->c, env_now(), seq, e->err, e->hard);
		tcp_settle(t);
	}
	env_spin_unlock(&t->sock.lock, flags);
}

const struct transport tcp_transport = {
	.proto = IP_PROTO_TCP, .input = shell_input, .error = shell_error};
