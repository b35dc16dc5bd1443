/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What leaves a connection: segments as packets, memory that is no longer needed, wake-ups, the
 * next deadline, and at the end the pair of addresses.
 *
 * The send queue's packets are shared with those that go out: a segment is a slice with a header in
 * front, so that a byte is copied once, from the user.
 */
#include "tcp_sock.h"

#include <linux/eventpoll.h>
#include "../csum.h"
#include "../ip_impl.h"
#include "../uapi.h"
#include "impl.h"

#define ECT0 2

u32 tcp_hash(const struct inet *in, const struct tcp_flow *flow)
{
	u32 ports = (u32)flow->lport << 16 | flow->rport;
	u64 l[2], r[2];

	memcpy(l, flow->laddr, 16);
	memcpy(r, flow->raddr, 16);
	/* Of IPv4's addresses the other halves are always the same. */
	if (likely(!(l[0] | r[0])))
		return (u32)siphash_2u64(&in->key, (l[1] & ~(u64)U32_MAX) | r[1] >> 32, ports);
	return (u32)siphash(&in->key, flow, offsetof(struct tcp_flow, pad));
}

void tcp_flow_of(const struct sock *s, struct tcp_flow *flow)
{
	memcpy(flow->laddr, &s->laddr, 16);
	memcpy(flow->raddr, &s->raddr, 16);
	flow->lport = s->lport;
	flow->rport = s->rport;
	flow->pad = 0;
}

u16 tcp_path_mss_of(const struct inet_route *r, const struct ip_tx *tx)
{
	u32 mss = ip_payload_mtu(r, tx) - TCP_HDR_LEN;

	if (r->advmss)
		mss = min(mss, r->advmss);
	return (u16)min(mss, 65535u - 60);
}

/* ---- segments ---- */

/* Header in front of @p, by @r. Takes @p. */
static int put_out(struct inet *in, struct pkt *p, const struct tcp_tx *tx, u16 lport, u16 rport,
	struct inet_route *r, const struct ip_tx *itx)
{
	u32 hlen = TCP_HDR_LEN + tx->optlen;
	u8 *h = pkt_push(p, hlen);

	if (!h) {
		pkt_free(p);
		return -ENOBUFS;
	}
	tcp_write_header(tx, h);
	store_be16(h, lport);
	store_be16(h + 2, rport);
	*(u16_any *)(h + 16) = csum_fold(csum_pseudo(&r->src, &r->dst, p->total, IP_PROTO_TCP));
	p->csum = PKT_CSUM_PARTIAL;
	p->csum_start = 0;
	p->csum_off = 16;
	if (tx->len > tx->mss) {
		p->gso = ip_is4(&r->dst) ? NIC_GSO_TCP4 : NIC_GSO_TCP6;
		p->gso_size = tx->mss;
		p->gso_segs = (u16)DIV_ROUND_UP(tx->len, (u32)tx->mss);
	}
	INET_COUNT_N(in, Tcp_OutSegs, p->gso ? p->gso_segs : 1);
	return ip_output(in, p, r, itx);
}

/* The packet of the send queue with @seq; *@out_base is its first byte's number. What is new lies behind what was new before. */
static struct pkt *queue_find(struct tcp_sock *t, u32 seq, u32 *out_base)
{
	struct pkt *q = t->tx_head;
	u32 base = t->tx_base;

	if (t->tx_next && seq_leq(t->tx_next_base, seq)) {
		q = t->tx_next;
		base = t->tx_next_base;
	}
	for (; q && seq - base >= q->total; q = q->next)
		base += q->total;
	if (q && (!t->tx_next || seq_lt(t->tx_next_base, base))) {
		t->tx_next = q;
		t->tx_next_base = base;
	}
	*out_base = base;
	return q;
}

/* [seq, seq + len) of the send queue. */
static struct pkt *slice_queue(struct tcp_sock *t, u32 seq, u32 len)
{
	u32 base, off;
	struct pkt *q = queue_find(t, seq, &base), *p = NULL;

	for (off = seq - base; q && len; q = q->next) {
		u32 n = min(len, q->total - off);
		struct pkt *part = pkt_slice(q, off, n, p ? 0 : TCP_HEADROOM);

		if (!part) {
			pkt_free(p);
			return NULL;
		}
		if (p)
			pkt_join(p, part);
		else
			p = part;
		len -= n;
		off = 0;
	}
	return p;
}

static void transmit(struct tcp_sock *t, const struct tcp_tx *tx)
{
	struct sock *s = &t->sock;
	struct inet_route *r;
	struct ip_tx itx;
	struct pkt *p;

	if (sock_route(s, &r))
		return; /* as if it were lost: the timer comes back to it */
	p = tx->len ? slice_queue(t, tx->data, tx->len) : pkt_alloc(TCP_HEADROOM, 0);
	if (!p)
		return;
	itx = s->tx;
	if (tx->ect)
		itx.tos = (u8)((itx.tos & ~3) | ECT0);
	p->mark = s->mark;
	if (put_out(s->in, p, tx, s->lport, s->rport, r, &itx) == -EMSGSIZE)
		tcp_path_mss(&t->c, env_now(), tcp_path_mss_of(r, &s->tx));
	if (unlikely(t->marks))
		tcp_marks_sent(t, tx->data, tx->len);
}

/* A segment of no connection: a reset, an answer of a request or TIME-WAIT. */
void tcp_send_alone(
	struct inet *in, const struct tcp_flow *flow, const struct tcp_tx *tx, u32 oif, u32 mark)
{
	struct ip_tx itx = {.proto = IP_PROTO_TCP, .mark = mark};
	struct inet_flow f = {.oif = oif,
		.mark = mark,
		.sport = flow->lport,
		.dport = flow->rport,
		.proto = IP_PROTO_TCP,
		.flags = FLOW_ANYSRC};
	struct inet_route r;
	struct pkt *p;

	memcpy(&f.src, flow->laddr, 16);
	memcpy(&f.dst, flow->raddr, 16);
	if (inet_route_lookup(in, &f, &r))
		return;
	p = pkt_alloc(TCP_HEADROOM, 0);
	if (!p)
		return;
	if (tx->flags & TCP_RST)
		INET_COUNT(in, Tcp_OutRsts);
	(void)put_out(in, p, tx, flow->lport, flow->rport, &r, &itx);
}

/* ---- the send queue ---- */

void tcp_queue_add(struct tcp_sock *t, struct pkt *p)
{
	p->next = NULL;
	if (t->tx_tail)
		t->tx_tail->next = p;
	else
		t->tx_head = p;
	t->tx_tail = p;
}

static void queue_trim(struct tcp_sock *t)
{
	u32 una = t->c.snd_una;
	struct pkt *p;
	u32 freed = 0;

	while ((p = t->tx_head) && seq_leq(t->tx_base + p->total, una)) {
		t->tx_base += p->total;
		t->tx_head = p->next;
		if (!t->tx_head)
			t->tx_tail = NULL;
		if (t->tx_next == p)
			t->tx_next = NULL;
		freed += p->charge;
		p->charge = 0;
		pkt_free(p);
	}
	if (freed) {
		t->tx_charged -= freed;
		sock_uncharge_send(&t->sock, freed);
	}
}

void tcp_queue_free(struct tcp_sock *t)
{
	struct pkt *p;

	while ((p = t->tx_head)) {
		t->tx_head = p->next;
		p->charge = 0;
		pkt_free(p);
	}
	t->tx_tail = t->tx_next = NULL;
	if (t->tx_charged)
		sock_uncharge_send(&t->sock, t->tx_charged);
	t->tx_charged = 0;
}

/* [Linux: tcp_sndbuf_expand]: room for two windows. */
static void sndbuf_grow(struct tcp_sock *t)
{
	struct sock *s = &t->sock;
	u64 want = 2ull * max(t->c.cong.cwnd, 10u * t->c.mss) * 5 / 4;

	if (!(s->flags & SOCK_F_SNDBUF_LOCK) && want > s->sndbuf)
		WRITE_ONCE(s->sndbuf, (u32)min_t(u64, want, t->c.conf->wmem[2]));
}

/* ---- the end ---- */

void tcp_hash_conn(struct tcp_sock *t)
{
	struct sock *s = &t->sock;
	struct table *conns = &s->in->tcp->conns;
	struct tcp_flow flow;
	unsigned long flags;

	tcp_flow_of(s, &flow);
	s->conn_node.hash = tcp_hash(s->in, &flow);
	sock_get(s);
	t->hashed = true;
	flags = table_lock(conns, s->conn_node.hash);
	table_insert(conns, &s->conn_node);
	table_unlock(conns, s->conn_node.hash, flags);
}

void tcp_unhash(struct tcp_sock *t)
{
	struct sock *s = &t->sock;
	struct table *conns = &s->in->tcp->conns;
	unsigned long flags;

	/* The number stays for getsockname; the port is free unless the user chose it. */
	if (s->bind_node.on && (s->released || !(s->flags & SOCK_F_PORT_LOCKED)))
		port_unbind(&s->in->tcp->ports, s);
	if (!t->hashed)
		return;
	t->hashed = false;
	flags = table_lock(conns, s->conn_node.hash);
	(void)table_remove(conns, &s->conn_node);
	table_unlock(conns, s->conn_node.hash, flags);
	if (t->c.orphan)
		__atomic_fetch_sub(&s->in->tcp->orphans, 1, __ATOMIC_RELAXED);
	sock_put(s);
}

static void free_dead(struct tcp_sock *t)
{
	struct tcp_rx *rx;

	while ((rx = t->c.rx_dead)) {
		t->c.rx_dead = rx->next;
		pkt_free(tcp_rx_pkt(rx));
	}
}

/* One less of those whose SYN was believed. */
static void fast_open_over(struct tcp_sock *t)
{
	struct sock *listener = sock_find(t->sock.in, t->fast_by);

	t->fast_by = 0;
	if (listener)
		__atomic_fetch_sub(&tcp_of(listener)->l.ntfo, 1, __ATOMIC_RELAXED);
}

static void tell(struct tcp_sock *t, u32 events)
{
	struct sock *s = &t->sock;
	u32 wake = 0;

	if (events & TCP_EV_READ)
		wake |= EPOLLIN | EPOLLRDNORM | (t->c.rcv_fin ? EPOLLRDHUP : 0);
	if (events & TCP_EV_CONNECTED) {
		wake |= EPOLLOUT | EPOLLWRNORM;
		if (unlikely(t->c.tfo_state != TFO_NONE))
			tcp_cookie_learn(t);
	}
	if (unlikely(t->fast_by) && events & (TCP_EV_CONNECTED | TCP_EV_CLOSED))
		fast_open_over(t);
	if (events & TCP_EV_URGENT)
		wake |= EPOLLPRI;
	if (events & (TCP_EV_HUP | TCP_EV_CLOSED))
		wake |= EPOLLHUP | EPOLLOUT | EPOLLIN | EPOLLRDHUP;
	if (events & TCP_EV_ERROR)
		sock_set_error(s, tcp_take_error(&t->c));
	if (wake)
		sock_wake(s, wake);
}

static void arm(struct tcp_sock *t)
{
	u64 at = tcp_deadline(&t->c);

	/* One that is armed for earlier finds nothing due and comes back. */
	if (at >= t->armed_for)
		return;
	t->armed_for = at;
	if (inet_timer_arm(t->sock.in, &t->timer, at))
		sock_get(&t->sock);
}

/* Its reference is not the last: whoever calls has one, or the table. */
void tcp_stop_timer(struct tcp_sock *t)
{
	t->armed_for = TCP_OFF;
	if (inet_timer_cancel(t->sock.in, &t->timer))
		sock_put(&t->sock);
}

void tcp_settle(struct tcp_sock *t)
{
	struct tcp_tx tx;
	u32 events;
	u64 now = env_now();

	while (tcp_pull(&t->c, now, &tx))
		transmit(t, &tx);
	if (t->tx_head)
		queue_trim(t);
	if (unlikely(t->marks))
		tcp_marks_acked(t);
	if (t->c.rx_dead)
		free_dead(t);
	arm(t);
	events = tcp_events(&t->c);
	if (!events)
		return;
	if (events & (TCP_EV_CONNECTED | TCP_EV_WRITE))
		sndbuf_grow(t);
	tell(t, events);
	if (events & TCP_EV_TIMEWAIT)
		tcp_make_time_wait(t);
	if (events & TCP_EV_CLOSED) {
		tcp_queue_free(t);
		tcp_stop_timer(t);
		tcp_unhash(t);
	}
}

/* The reader only gives room back, of which the peer is told or not yet. */
void tcp_settle_read(struct tcp_sock *t)
{
	if (t->c.ack_now)
		tcp_settle(t);
	else if (t->c.rx_dead)
		free_dead(t);
}

/* The timer's reference is this function's. */
void tcp_sock_timer(struct inet *in, struct inet_timer *timer)
{
	struct tcp_sock *t = container_of(timer, struct tcp_sock, timer);
	unsigned long flags = env_spin_lock(&t->sock.lock);
	u64 now = env_now();

	t->armed_for = TCP_OFF;
	if (tcp_deadline(&t->c) <= now)
		tcp_timer(&t->c, now);
	tcp_settle(t);
	env_spin_unlock(&t->sock.lock, flags);
	sock_put(&t->sock);
}
