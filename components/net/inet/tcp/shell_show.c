/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is told of connections, requests and TIME-WAITs.
 */
#include "../show.h"
#include "impl.h"
#include "tcp_sock.h"

static void look_timer(const struct tcp_conn *c, struct sock_view *v)
{
	u64 now = env_now(), at = c->rtx_at;

	v->timer = c->rtx_kind == TCP_RTX_PROBE ? SHOW_TIMER_PROBE : SHOW_TIMER_RETRANSMIT;
	v->retransmits = c->rtx_kind == TCP_RTX_PROBE ? c->probes : c->retransmits;
	if (at == TCP_OFF) {
		at = c->life_at;
		v->timer = SHOW_TIMER_KEEPALIVE;
		v->retransmits = c->probes;
	}
	if (at == TCP_OFF) {
		v->timer = SHOW_TIMER_NONE;
		v->retransmits = 0;
		return;
	}
	v->expires_ns = at > now ? at - now : 0;
}

void tcp_look(struct sock *s, struct sock_view *v)
{
	struct tcp_sock *t = tcp_of(s);

	v->state = t->listening ? TCP_S_LISTEN : t->c.state;
	if (t->listening) {
		v->rqueue = t->l.nready;
		v->wqueue = t->l.backlog;
		return;
	}
	v->rqueue = tcp_readable(&t->c);
	v->wqueue = t->c.snd_end - t->c.snd_una;
	look_timer(&t->c, v);
}

struct mini_walk {
	u16 family;
	bool (*fn)(const struct sock_view *v, void *arg);
	void *arg;
};

static bool look_mini(struct table_node *n, void *arg)
{
	struct tcp_mini *m = container_of(n, struct tcp_mini, node);
	struct env_spin *lock = m->listener ? &m->listener->lock : &m->lock;
	struct mini_walk *w = arg;
	struct sock_view v = {.lport = m->flow.lport, .rport = m->flow.rport, .bound_if = m->bound_if, .mark = m->mark, .refs = 1};
	u64 now = env_now(), until;
	unsigned long flags;

	memcpy(v.laddr.b, m->flow.laddr, sizeof(v.laddr));
	memcpy(v.raddr.b, m->flow.raddr, sizeof(v.raddr));
	v.family = m->listener ? m->listener->family : ip_is4(&v.raddr) ? AF_INET : AF_INET6;
	if (v.family != w->family)
		return true;
	flags = env_spin_lock(lock);
	v.state = m->listener ? TCP_S_SYN_RECV : m->tw.state;
	v.timer = m->listener ? SHOW_TIMER_RETRANSMIT : SHOW_TIMER_TIME_WAIT;
	v.uid = m->listener ? m->listener->uid : 0;
	until = m->listener ? m->req.timer_at : m->tw.expires;
	env_spin_unlock(lock, flags);
	v.expires_ns = until > now ? until - now : 0;
	return w->fn(&v, w->arg);
}

void tcp_look_minis(struct inet *in, u16 family, u64 *cursor, bool (*fn)(const struct sock_view *v, void *arg), void *arg)
{
	table_walk(&in->tcp->minis, cursor, look_mini, &(struct mini_walk){family, fn, arg});
}
