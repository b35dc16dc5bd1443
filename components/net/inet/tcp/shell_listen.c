/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests, children and TIME-WAIT.
 *
 * A request is in the table of minis and on its listener's list, both or neither, and that under
 * the listener's lock. It becomes a child outside of it: the child is hashed before the request
 * leaves the table, and joins the accept queue last.
 */
#include "tcp_sock.h"

#include <linux/eventpoll.h>
#include "../filter.h"
#include "../ip_impl.h"
#include "impl.h"

ENV_LOCK_CLASS(tcp_timewait, RANK_INET_MINI, "one connection in TIME-WAIT");

#define TIME_WAITS_MAX 262144

/* ---- minis ---- */

struct tcp_mini *tcp_mini_find(struct inet *in, const struct tcp_flow *flow)
{
	u32 hash = tcp_hash(in, flow);
	struct table_node *n;

	table_for_each(&in->tcp->minis, hash, n)
	{
		struct tcp_mini *m = container_of(n, struct tcp_mini, node);

		if (!memcmp(&m->flow, flow, offsetof(struct tcp_flow, pad)))
			return m;
	}
	return NULL;
}

static void mini_free_rcu(struct env_rcu *r)
{
	struct tcp_mini *m = container_of(r, struct tcp_mini, rcu);

	env_free(m, sizeof(*m));
}

static void mini_put(struct tcp_mini *m)
{
	if (!refcount_dec_and_test(&m->refs))
		return;
	if (m->listener)
		sock_put(m->listener);
	env_rcu_call(&m->rcu, mini_free_rcu);
}

static void mini_timer(struct inet *in, struct inet_timer *timer);

static void mini_arm(struct tcp_mini *m, u64 at)
{
	if (inet_timer_arm(m->in, &m->timer, at))
		refcount_inc(&m->refs);
}

/* In the table, with its timer. */
static struct tcp_mini *mini_make(struct inet *in, const struct tcp_flow *flow)
{
	struct tcp_mini *m = env_alloc(sizeof(*m), ENV_ALLOC_NOWAIT | ENV_ALLOC_ZERO);

	if (!m)
		return NULL;
	refcount_set(&m->refs, 1);
	m->in = in;
	m->flow = *flow;
	m->node.hash = tcp_hash(in, flow);
	env_spin_init(&m->lock, &env_lock_class_tcp_timewait);
	inet_timer_init(&m->timer, mini_timer);
	return m;
}

static void mini_publish(struct tcp_mini *m, u64 at)
{
	struct table *t = &m->in->tcp->minis;
	unsigned long flags = table_lock(t, m->node.hash);

	table_insert(t, &m->node);
	table_unlock(t, m->node.hash, flags);
	mini_arm(m, at);
}

/* A connection's port is not free for bind() while it is in TIME-WAIT, unless both said SO_REUSEADDR or SO_REUSEPORT. */
static void port_hold(struct tcp_mini *m, const struct sock *s)
{
	struct table *t = &m->in->tcp->waiting;
	unsigned long flags;

	m->reuse = s->flags & (SOCK_F_REUSEADDR | SOCK_F_REUSEPORT);
	m->port_node.hash = port_hash(m->flow.lport);
	flags = table_lock(t, m->port_node.hash);
	table_insert(t, &m->port_node);
	table_unlock(t, m->port_node.hash, flags);
}

static void port_let_go(struct tcp_mini *m)
{
	struct table *t = &m->in->tcp->waiting;
	unsigned long flags = table_lock(t, m->port_node.hash);

	(void)table_remove(t, &m->port_node);
	table_unlock(t, m->port_node.hash, flags);
}

bool tcp_port_waits(const struct sock *s, u16 port)
{
	struct table_node *n;

	table_for_each(&s->in->tcp->waiting, port_hash(port), n)
	{
		struct tcp_mini *m = container_of(n, struct tcp_mini, port_node);
		union ipaddr ours;

		memcpy(&ours, m->flow.laddr, 16);
		if (m->flow.lport == port && !(m->reuse & s->flags) &&
			(!s->bound_if || !m->bound_if || s->bound_if == m->bound_if) && sock_bind_covers(s, &ours))
			return true;
	}
	return false;
}

/* Its lock (the listener's, or its own) is held. */
void tcp_mini_drop(struct tcp_mini *m)
{
	struct table *t = &m->in->tcp->minis;
	unsigned long flags;

	if (m->dead)
		return;
	m->dead = true;
	flags = table_lock(t, m->node.hash);
	(void)table_remove(t, &m->node);
	table_unlock(t, m->node.hash, flags);
	if (m->listener) {
		struct tcp_listener *l = &tcp_of(m->listener)->l;

		list_del(&m->req_node);
		l->nreq--;
		l->nyoung -= m->req.timeouts == 0;
	} else {
		port_let_go(m);
		__atomic_fetch_sub(&m->in->tcp->time_waits, 1, __ATOMIC_RELAXED);
	}
	if (inet_timer_cancel(m->in, &m->timer))
		mini_put(m);
	mini_put(m);
}

static struct env_spin *mini_lock_of(struct tcp_mini *m)
{
	return m->listener ? &m->listener->lock : &m->lock;
}

/* The timer's reference is this function's. */
static void mini_timer(struct inet *in, struct inet_timer *timer)
{
	struct tcp_mini *m = container_of(timer, struct tcp_mini, timer);
	struct env_spin *lock = mini_lock_of(m);
	enum tcp_verdict v = TCP_V_DROP;
	unsigned long flags = env_spin_lock(lock);
	u64 now = env_now();
	struct tcp_tx tx;

	if (m->dead || m->taken) {
		;
	} else if (m->listener) {
		struct tcp_listener *l = &tcp_of(m->listener)->l;
		bool young = m->req.timeouts == 0;

		v = tcp_req_timer(l, &m->req, now, &tx);
		if (v == TCP_V_KILL) {
			l->nyoung += !young && m->req.timeouts == 0;
			tcp_mini_drop(m);
		} else {
			l->nyoung -= young;
			mini_arm(m, m->req.timer_at);
		}
	} else if (m->tw.expires > now) {
		mini_arm(m, m->tw.expires);
	} else {
		tcp_mini_drop(m);
	}
	env_spin_unlock(lock, flags);
	if (v == TCP_V_REPLY)
		tcp_send_alone(in, &m->flow, &tx, m->bound_if, m->mark);
	mini_put(m);
}

/* ---- children ---- */

static void inherit(struct tcp_sock *t, struct tcp_sock *lt, const struct tcp_flow *flow)
{
	struct sock *s = &t->sock, *ls = &lt->sock;

	memcpy(&s->laddr, flow->laddr, 16);
	memcpy(&s->raddr, flow->raddr, 16);
	s->saddr = s->laddr;
	s->rport = flow->rport;
	s->connected = true;
	s->flags = ls->flags & ~(u32)SOCK_F_PORT_LOCKED;
	s->cmsg = ls->cmsg;
	s->bound_if = ls->bound_if;
	s->mark = ls->mark;
	s->priority = ls->priority;
	s->tx.ttl = ls->tx.ttl;
	s->tx.tos = ls->tx.tos;
	s->tx.mark = ls->tx.mark;
	s->tx.pmtudisc = ls->tx.pmtudisc;
	s->rcvlowat = ls->rcvlowat;
	s->sndbuf = ls->sndbuf;
	s->rcvbuf = ls->rcvbuf;
	s->linger_s = ls->linger_s;
	sock_filter_inherit(s, ls);
}

/* A connection of @req, hashed; the segment is not its yet. NULL: no memory. */
static struct tcp_sock *child_make(
	struct tcp_sock *lt, const struct tcp_req *req, const struct tcp_flow *flow)
{
	struct sock *ls = &lt->sock, *s;
	struct inet_cred cred = {ls->uid, ls->gid};
	struct tcp_user user = lt->c.user;
	struct tcp_sock *t;
	unsigned long flags;

	if (sock_create(ls->in, &tcp_proto, ls->family, ls->protocol, &cred, 0, &s))
		return NULL;
	t = tcp_of(s);
	inherit(t, lt, flow);
	flags = env_spin_lock(&s->lock);
	port_bind_share(&ls->in->tcp->ports, s, flow->lport);
	tcp_conn_accept(&t->c, &ls->in->tcp->conf, env_now(), req, s->rcvbuf, s->sndbuf);
	t->c.user = user;
	t->c.user.rcvbuf_locked = s->flags & SOCK_F_RCVBUF_LOCK;
	t->tx_base = t->c.iss + 1;
	if (user.keepalive)
		tcp_set_keepalive(&t->c, env_now(), true);
	tcp_hash_conn(t);
	env_spin_unlock(&s->lock, flags);
	return t;
}

/* The child's last step; its creation's reference becomes the accept queue's. */
static void child_ready(struct tcp_sock *lt, struct tcp_sock *t)
{
	unsigned long flags = env_spin_lock(&lt->sock.lock);
	bool takes = lt->listening;

	if (takes) {
		t->ready_next = NULL;
		*lt->ready_tail = t;
		lt->ready_tail = &t->ready_next;
		sock_wake(&lt->sock, EPOLLIN | EPOLLRDNORM);
	}
	env_spin_unlock(&lt->sock.lock, flags);
	if (takes)
		return;
	flags = env_spin_lock(&t->sock.lock);
	tcp_abort(&t->c, env_now(), 0);
	tcp_settle(t);
	env_spin_unlock(&t->sock.lock, flags);
	sock_put(&t->sock);
}

static void child_failed(struct tcp_sock *lt)
{
	unsigned long flags = env_spin_lock(&lt->sock.lock);

	if (lt->listening)
		lt->l.nready--;
	env_spin_unlock(&lt->sock.lock, flags);
	INET_COUNT(lt->sock.in, TcpExt_ListenDrops);
}

/* The place in the accept queue is reserved already (nready). Takes @p. */
static void child_begin(struct tcp_sock *lt, const struct tcp_req *req, struct pkt *p,
	const struct tcp_in *seg, const struct tcp_flow *flow, const struct tcp_tx *synack)
{
	struct tcp_sock *t = child_make(lt, req, flow);

	if (!t) {
		if (synack)
			__atomic_fetch_sub(&lt->l.ntfo, 1, __ATOMIC_RELAXED);
		child_failed(lt);
		pkt_free(p);
		return;
	}
	if (synack) {
		t->fast_by = lt->sock.handle;
		tcp_send_alone(lt->sock.in, flow, synack, lt->sock.bound_if, lt->sock.mark);
	}
	tcp_conn_input(t, p, seg, synack != NULL);
	child_ready(lt, t);
}

/* ---- LISTEN ---- */

static u16 reply_mss(struct tcp_sock *lt, const struct tcp_flow *flow)
{
	struct inet_flow f = {.oif = lt->sock.bound_if,
		.mark = lt->sock.mark,
		.sport = flow->lport,
		.dport = flow->rport,
		.proto = IP_PROTO_TCP,
		.flags = FLOW_ANYSRC};
	struct inet_route r;

	memcpy(&f.src, flow->laddr, 16);
	memcpy(&f.dst, flow->raddr, 16);
	return inet_route_lookup(lt->sock.in, &f, &r) ? 536 : tcp_path_mss_of(&r, &lt->sock.tx);
}

/* TCP_V_REQ, the listener's lock held. */
static void request_add(struct tcp_sock *lt, const struct tcp_req *req, const struct tcp_flow *flow)
{
	struct tcp_mini *m = mini_make(lt->sock.in, flow);

	if (!m)
		return; /* the SYN,ACK goes out; its answer is refused */
	sock_get(&lt->sock);
	m->listener = &lt->sock;
	m->req = *req;
	m->bound_if = lt->sock.bound_if;
	m->mark = lt->sock.mark;
	lt->l.nreq++;
	lt->l.nyoung++;
	list_add_tail(&m->req_node, &lt->reqs);
	mini_publish(m, req->timer_at);
}

void tcp_listen_input(struct inet *in, struct tcp_sock *lt, struct pkt *p, const struct tcp_in *seg,
	const struct tcp_flow *flow, const u32 *isn)
{
	u16 mss = reply_mss(lt, flow);
	unsigned long flags = env_spin_lock(&lt->sock.lock);
	enum tcp_verdict v = TCP_V_DROP;
	struct tcp_req req;
	struct tcp_tx tx;

	if (lt->listening && !tcp_mini_find(in, flow)) {
		v = tcp_listen_segment(&lt->l, env_now(), seg, flow, mss, isn, &req, &tx);
		if (v == TCP_V_REQ)
			request_add(lt, &req, flow);
		else if (v == TCP_V_CONN || v == TCP_V_TFO)
			lt->l.nready++;
		if (v == TCP_V_TFO)
			__atomic_fetch_add(&lt->l.ntfo, 1, __ATOMIC_RELAXED);
	}
	env_spin_unlock(&lt->sock.lock, flags);
	switch (v) {
	case TCP_V_CONN: child_begin(lt, &req, p, seg, flow, NULL); return;
	case TCP_V_TFO: child_begin(lt, &req, p, seg, flow, &tx); return;
	case TCP_V_REQ:
	case TCP_V_REPLY: tcp_send_alone(in, flow, &tx, lt->sock.bound_if, lt->sock.mark); break;
	default: break;
	}
	pkt_free(p);
}

static void request_input(
	struct inet *in, struct tcp_mini *m, struct pkt *p, const struct tcp_in *seg)
{
	struct tcp_sock *lt = tcp_of(m->listener);
	unsigned long flags = env_spin_lock(&lt->sock.lock);
	enum tcp_verdict v = TCP_V_DROP;
	struct tcp_flow flow = m->flow;
	struct tcp_req req;
	struct tcp_tx tx;

	if (!m->dead && !m->taken)
		v = tcp_req_segment(&lt->l, &m->req, env_now(), seg, &tx);
	req = m->req;
	if (v == TCP_V_CONN) {
		/* It stays in view until the child is: a second segment is lost, not reset. */
		m->taken = true;
		refcount_inc(&m->refs);
		lt->l.nready++;
	} else if (v == TCP_V_KILL || v == TCP_V_RESET) {
		tcp_mini_drop(m);
	}
	env_spin_unlock(&lt->sock.lock, flags);
	if (v == TCP_V_CONN) {
		child_begin(lt, &req, p, seg, &flow, NULL);
		flags = env_spin_lock(&lt->sock.lock);
		tcp_mini_drop(m);
		env_spin_unlock(&lt->sock.lock, flags);
		mini_put(m);
		return;
	}
	if (v == TCP_V_KILL)
		INET_COUNT(in, TcpExt_EmbryonicRsts);
	if (v == TCP_V_REPLY || v == TCP_V_RESET)
		tcp_send_alone(in, &flow, &tx, lt->sock.bound_if, lt->sock.mark);
	pkt_free(p);
}

/* *out_again: the listener is to look at it, beginning at *out_isn; else @p is taken. */
void tcp_mini_input(struct inet *in, struct tcp_mini *m, struct pkt *p, const struct tcp_in *seg,
	bool *out_again, u32 *out_isn)
{
	enum tcp_verdict v = TCP_V_DROP;
	unsigned long flags;
	struct tcp_tx tx;

	if (m->listener) {
		request_input(in, m, p, seg);
		return;
	}
	flags = env_spin_lock(&m->lock);
	if (!m->dead)
		v = tcp_tw_segment(&m->tw, env_now(), seg, &tx, out_isn);
	if (v == TCP_V_KILL || v == TCP_V_RESET || v == TCP_V_SYN)
		tcp_mini_drop(m);
	env_spin_unlock(&m->lock, flags);
	if (v == TCP_V_SYN) {
		*out_again = true;
		return;
	}
	if (v == TCP_V_REPLY || v == TCP_V_RESET)
		tcp_send_alone(in, &m->flow, &tx, m->bound_if, m->mark);
	pkt_free(p);
}

/* The connection's lock is held; it is hashed until its successor is. */
void tcp_make_time_wait(struct tcp_sock *t)
{
	struct inet *in = t->sock.in;
	struct tcp_flow flow;
	struct tcp_mini *m;

	if (__atomic_add_fetch(&in->tcp->time_waits, 1, __ATOMIC_RELAXED) > TIME_WAITS_MAX)
		goto none;
	tcp_flow_of(&t->sock, &flow);
	m = mini_make(in, &flow);
	if (!m)
		goto none;
	tcp_tw_init(&m->tw, &t->c, env_now());
	m->bound_if = t->sock.bound_if;
	m->mark = t->sock.mark;
	port_hold(m, &t->sock);
	mini_publish(m, m->tw.expires);
	return;
none:
	__atomic_fetch_sub(&in->tcp->time_waits, 1, __ATOMIC_RELAXED);
	INET_COUNT(in, TcpExt_TCPTimeWaitOverflow);
}

/* The listener's handle is going, or shutdown: nobody will accept. Its lock is not held. */
void tcp_listen_stop(struct tcp_sock *lt)
{
	struct sock *s = &lt->sock;
	unsigned long flags = env_spin_lock(&s->lock), tflags;
	struct tcp_sock *ready = lt->ready_head, *next;
	struct table *t = &s->in->tcp->listeners;
	bool was = lt->listening;

	lt->listening = false;
	lt->ready_head = NULL;
	lt->ready_tail = &lt->ready_head;
	while (!list_empty(&lt->reqs))
		tcp_mini_drop(list_first_entry(&lt->reqs, struct tcp_mini, req_node));
	if (was) {
		tflags = table_lock(t, s->conn_node.hash);
		(void)table_remove(t, &s->conn_node);
		table_unlock(t, s->conn_node.hash, tflags);
		lt->c.state = TCP_S_CLOSE;
		lt->l.nready = 0;
	}
	env_spin_unlock(&s->lock, flags);
	for (; ready; ready = next) {
		next = ready->ready_next;
		flags = env_spin_lock(&ready->sock.lock);
		tcp_abort(&ready->c, env_now(), 0);
		tcp_settle(ready);
		env_spin_unlock(&ready->sock.lock, flags);
		sock_put(&ready->sock);
	}
	if (was)
		sock_put(s);
}
