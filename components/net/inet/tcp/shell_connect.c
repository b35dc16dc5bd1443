/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * connect(2), and fast open's client side [rfc7413; man tcp(7)].
 *
 * A cookie that a server gave is kept by the server's address, with the segment size it took. What MSG_FASTOPEN sends goes with the SYN as far as
 * one segment takes it, when there is a cookie (or none is needed); else the SYN asks for one. TCP_FASTOPEN_CONNECT puts connect() off until there
 * is something to send: `deferred`, the peer's address is in raddr and rport and nothing else has happened.
 */
#include "tcp_sock.h"

#include "../ip_impl.h"
#include "../uapi.h"
#include "impl.h"

ENV_LOCK_CLASS(tcp_cookies, RANK_INET_MINI, "cookies of fast open");

#define PORT_TRIES 128 /* TIME-WAIT holds some */
#define SYN_MSS    536 /* of a server that said nothing yet */
#define SYN_OPTS   40

/* ---- cookies ---- */

void tcp_cookies_init(struct tcp_tables *tables)
{
	env_spin_init(&tables->cookie_lock, &env_lock_class_tcp_cookies);
}

static struct tcp_cookie *cookie_slot(struct inet *in, const union ipaddr *server)
{
	return &in->tcp->cookies[siphash(&in->key, server, sizeof(*server)) % TCP_COOKIE_SLOTS];
}

/* The connection has heard from its server: lock held. */
void tcp_cookie_learn(struct tcp_sock *t)
{
	struct tcp_tables *tables = t->sock.in->tcp;
	struct tcp_cookie *slot = cookie_slot(t->sock.in, &t->sock.raddr);
	unsigned long flags;

	if (t->c.tfo_len <= 0)
		return;
	flags = env_spin_lock(&tables->cookie_lock);
	slot->server = t->sock.raddr;
	slot->mss = min_t(u16, t->c.path_mss, t->c.peer_mss ? t->c.peer_mss : SYN_MSS);
	slot->len = (u8)t->c.tfo_len;
	memcpy(slot->bytes, t->c.tfo_cookie, slot->len);
	env_spin_unlock(&tables->cookie_lock, flags);
}

static bool may_fast_open(const struct tcp_sock *t)
{
	return READ_ONCE(t->c.conf->fastopen) & TCP_TFO_CLIENT;
}

/* May data go with a SYN to @server? Then how much, and the cookie is the connection's. Lock held. */
static u32 cookie_take(struct tcp_sock *t, const union ipaddr *server)
{
	struct tcp_tables *tables = t->sock.in->tcp;
	struct tcp_cookie *slot = cookie_slot(t->sock.in, server);
	unsigned long flags = env_spin_lock(&tables->cookie_lock);
	u32 mss = 0;

	if (slot->len && ip_equal(&slot->server, server)) {
		mss = slot->mss;
		t->c.tfo_len = (s8)slot->len;
		memcpy(t->c.tfo_cookie, slot->bytes, slot->len);
	}
	env_spin_unlock(&tables->cookie_lock, flags);
	if (!mss && (t->c.user.tfo_no_cookie || READ_ONCE(t->c.conf->fastopen) & TCP_TFO_CLIENT_NO_COOKIE)) {
		t->c.user.tfo_no_cookie = true;
		t->c.tfo_len = 0;
		mss = SYN_MSS;
	}
	return mss ? max_t(u32, mss, 2 * SYN_OPTS) - SYN_OPTS : 0;
}

/* connect() has nothing to do yet; a route there must be. */
static int defer(struct tcp_sock *t, struct ip_endpoint *e)
{
	struct sock *s = &t->sock;
	union ipaddr laddr = s->laddr, saddr = s->saddr;
	int err = ip_is_multicast(&e->addr) ? -ENETUNREACH : dgram_connect(s, e);

	if (err)
		return err;
	s->connected = false; /* getpeername has none yet */
	s->laddr = laddr;
	s->saddr = saddr;
	t->deferred = true;
	t->deferred_to = *e;
	return 0;
}

/* ---- connect ---- */

/* A port for connect() may be one that other connections were given. */
static bool connect_conflict(const struct sock *a, const struct sock *b)
{
	const struct tcp_sock *tb = container_of(b, const struct tcp_sock, sock);

	return tb->listening || !b->connected || b->flags & SOCK_F_PORT_LOCKED ||
	       (ip_equal(&a->raddr, &b->raddr) && a->rport == b->rport);
}

/* The pair of addresses is free, or of a TIME-WAIT that may be taken over [rfc6191]. */
static int claim(struct tcp_sock *t, u32 *out_isn)
{
	struct sock *s = &t->sock;
	struct tcp_flow flow;
	struct tcp_mini *m;
	unsigned long flags;
	int err = 0;

	tcp_flow_of(s, &flow);
	if (tcp_conn_find(s->in, &flow))
		return -EADDRNOTAVAIL;
	*out_isn = tcp_isn(t->c.conf, &flow, env_now());
	m = tcp_mini_find(s->in, &flow);
	if (!m)
		return 0;
	if (m->listener)
		return -EADDRNOTAVAIL;
	flags = env_spin_lock(&m->lock);
	if (!m->dead) {
		if (tcp_tw_reusable(&m->tw, env_now(), ip_is_loopback(&s->raddr), out_isn))
			tcp_mini_drop(m);
		else
			err = -EADDRNOTAVAIL;
	}
	env_spin_unlock(&m->lock, flags);
	return err;
}

/* With a port that nobody uses to that peer. */
static int claim_any(struct tcp_sock *t, u32 *out_isn)
{
	struct sock *s = &t->sock;
	int err = -EADDRNOTAVAIL;

	for (unsigned i = 0; i < PORT_TRIES && err == -EADDRNOTAVAIL; i++) {
		if (s->bind_node.on)
			port_unbind(&s->in->tcp->ports, s);
		err = port_bind(&s->in->tcp->ports, s, 0, connect_conflict);
		err = err ? err : claim(t, out_isn);
	}
	return err;
}

/* As it was before its first connection, but for what the user set. */
static void conn_renew(struct tcp_sock *t)
{
	struct tcp_user user = t->c.user;

	tcp_conn_fini(&t->c);
	tcp_settle(t); /* what it held */
	tcp_conn_init(&t->c, t->c.conf, env_now(), t->sock.rcvbuf, t->sock.sndbuf);
	t->c.user = user;
}

/* @data: what a fast open has queued already. */
static int connect_locked(struct tcp_sock *t, struct ip_endpoint *e, u32 data)
{
	struct sock *s = &t->sock;
	union ipaddr laddr = s->laddr, saddr = s->saddr;
	struct tcp_flow flow;
	u32 isn = 0;
	int err;

	if (ip_is_multicast(&e->addr))
		return -ENETUNREACH;
	err = dgram_connect(s, e);
	if (!err && (s->route.type == RTN_BROADCAST || s->route.type == RTN_MULTICAST))
		err = -ENETUNREACH;
	if (!err)
		err = s->bind_node.on ? claim(t, &isn) : claim_any(t, &isn);
	if (err) {
		if (s->bind_node.on && !(s->flags & SOCK_F_PORT_LOCKED)) {
			port_unbind(&s->in->tcp->ports, s);
			s->lport = 0;
		}
		dgram_disconnect(s);
		s->laddr = laddr;
		s->saddr = saddr;
		return err == -EAGAIN ? -EADDRNOTAVAIL : err;
	}
	tcp_flow_of(s, &flow);
	if (data)
		t->c.snd_end = t->c.iss + 1 + data;
	tcp_connect(&t->c, env_now(), isn, tcp_ts_offset(t->c.conf, &flow),
		tcp_path_mss_of(&s->route, &s->tx));
	t->tx_base = isn + 1;
	tcp_hash_conn(t);
	tcp_settle(t);
	return -EINPROGRESS;
}

static int connect_begin(struct tcp_sock *t, struct ip_endpoint *e)
{
	if (!e->port)
		return -ECONNREFUSED;
	if (t->c.shut_wr)
		conn_renew(t); /* one that failed */
	if (unlikely(t->c.user.tfo_connect) && may_fast_open(t)) {
		if (cookie_take(t, &e->addr))
			return defer(t, e);
		t->c.tfo_len = 0; /* ask for one */
	}
	return connect_locked(t, e, 0);
}

/* A connection is dissolved [man connect(2), AF_UNSPEC]. */
void tcp_disconnect(struct tcp_sock *t)
{
	struct sock *s = &t->sock;

	tcp_abort(&t->c, env_now(), 0);
	tcp_settle(t);
	(void)sock_take_error(s);
	conn_renew(t);
	dgram_disconnect(s);
	s->shutdown = 0;
	t->told_connect = t->deferred = false;
	tcp_marks_free(t);
}

int tcp_call_connect(struct sock *s, const struct ip_endpoint *to)
{
	struct tcp_sock *t = tcp_of(s);
	struct ip_endpoint e = *to;
	unsigned long flags;
	int err;

	if (e.family == AF_UNSPEC) {
		tcp_listen_stop(t);
		flags = env_spin_lock(&s->lock);
		tcp_disconnect(t);
		env_spin_unlock(&s->lock, flags);
		return 0;
	}
	flags = env_spin_lock(&s->lock);
	err = sock_take_error(s);
	if (err) {
		s->connected = false;
	} else if (t->listening || t->deferred) {
		err = -EISCONN;
	} else if (t->hashed || t->c.irs_valid) {
		if (t->c.state == TCP_S_SYN_SENT || t->c.state == TCP_S_SYN_RECV)
			err = -EALREADY;
		else
			err = t->told_connect ? -EISCONN : 0;
		t->told_connect |= !err;
	} else {
		err = connect_begin(t, &e);
	}
	env_spin_unlock(&s->lock, flags);
	return err;
}

/* ---- data with the SYN ---- */

/* What the socket's state says to a fast open. Lock held. */
static int fast_open_check(struct tcp_sock *t, const struct ip_endpoint *to)
{
	int err = sock_take_error(&t->sock);

	if (err)
		return err;
	if (!may_fast_open(t) || to->family == AF_UNSPEC)
		return -EOPNOTSUPP;
	if (t->deferred)
		return 0;
	if (t->c.state == TCP_S_SYN_SENT || t->c.state == TCP_S_SYN_RECV)
		return -EALREADY;
	if (t->hashed || t->listening || t->c.irs_valid)
		return -EISCONN;
	return to->port ? 0 : -ECONNREFUSED;
}

ssize_t tcp_send_fast_open(struct sock *s, struct inet_msg *msg)
{
	struct ip_endpoint to = {.family = s->family};
	struct tcp_sock *t = tcp_of(s);
	struct iobuf before = *msg->data;
	bool deferred;
	struct pkt *p = NULL;
	unsigned long flags;
	u32 room = 0;
	int err;

	flags = env_spin_lock(&s->lock);
	deferred = t->deferred;
	if (deferred)
		to = t->deferred_to;
	else if (!msg->addr.len)
		to.port = 1; /* judged below */
	err = deferred || !msg->addr.len ? 0 : ip_endpoint_parse(&msg->addr, &to);
	err = err ? err : fast_open_check(t, &to);
	if (!err && !deferred && (!msg->addr.len || msg->addr.len < (s->family == AF_INET ? 16u : 24u)))
		err = -EINVAL;
	if (!err && s->family == AF_INET6 && to.family == AF_INET)
		err = -EAFNOSUPPORT;
	if (!err) {
		if (t->c.shut_wr)
			conn_renew(t);
		room = cookie_take(t, &to.addr);
		t->c.tfo_len = max_t(s8, t->c.tfo_len, 0);
	}
	env_spin_unlock(&s->lock, flags);
	if (err)
		return err;
	room = (u32)min_t(size_t, room, msg->data->left);
	if (room) {
		p = tcp_gather(s, msg, room, &err);
		if (err)
			return err;
	}
	flags = env_spin_lock(&s->lock);
	err = fast_open_check(t, &to); /* somebody may have been faster */
	if (!err) {
		t->told_connect |= t->deferred; /* its connect() has said 0 */
		t->deferred = false;
		if (p) {
			tcp_queue_add(t, p);
			t->tx_charged += p->charge;
		}
		err = connect_locked(t, &to, room);
		if (err != -EINPROGRESS)
			tcp_queue_free(t);
		p = NULL;
	}
	env_spin_unlock(&s->lock, flags);
	if (p) {
		sock_uncharge_send(s, p->charge);
		p->charge = 0;
		pkt_free(p);
	}
	if (err != -EINPROGRESS) {
		*msg->data = before;
		return err;
	}
	msg->flags |= MSG_FASTOPEN; /* a handshake is under way */
	return room ? (ssize_t)room : -EINPROGRESS;
}
