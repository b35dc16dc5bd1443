/* SPDX-License-Identifier: BSD-2-Clause */
/* The calls of a stream socket [rfc9293 3.9.1; man tcp(7)]: names, accept, the end. */
#include "tcp_sock.h"

#include <linux/tcp.h>
#include "../ip_impl.h"
#include "../uapi.h"
#include "impl.h"

#define ORPHANS_MAX 65536
#define BIND_TRIES  128 /* TIME-WAIT holds some */

static const u16 mib_stats[TCP_MIB_COUNT] = {
	[TCP_MIB_ACTIVE_OPENS] = STAT_Tcp_ActiveOpens,
	[TCP_MIB_PASSIVE_OPENS] = STAT_Tcp_PassiveOpens,
	[TCP_MIB_ATTEMPT_FAILS] = STAT_Tcp_AttemptFails,
	[TCP_MIB_ESTAB_RESETS] = STAT_Tcp_EstabResets,
	[TCP_MIB_IN_SEGS] = STAT_Tcp_InSegs,
	[TCP_MIB_OUT_SEGS] = STAT_Tcp_OutSegs,
	[TCP_MIB_RETRANS_SEGS] = STAT_Tcp_RetransSegs,
	[TCP_MIB_IN_ERRS] = STAT_Tcp_InErrs,
	[TCP_MIB_OUT_RSTS] = STAT_Tcp_OutRsts,
	[TCP_MIB_SYNCOOKIES_SENT] = STAT_TcpExt_SyncookiesSent,
	[TCP_MIB_SYNCOOKIES_RECV] = STAT_TcpExt_SyncookiesRecv,
	[TCP_MIB_SYNCOOKIES_FAILED] = STAT_TcpExt_SyncookiesFailed,
	[TCP_MIB_LISTEN_OVERFLOWS] = STAT_TcpExt_ListenOverflows,
	[TCP_MIB_LISTEN_DROPS] = STAT_TcpExt_ListenDrops,
	[TCP_MIB_REQ_QFULL_DO_COOKIES] = STAT_TcpExt_TCPReqQFullDoCookies,
	[TCP_MIB_REQ_QFULL_DROP] = STAT_TcpExt_TCPReqQFullDrop,
	[TCP_MIB_DEFERACCEPT_DROP] = STAT_TcpExt_TCPDeferAcceptDrop,
	[TCP_MIB_TW] = STAT_TcpExt_TW,
	[TCP_MIB_TW_RECYCLED] = STAT_TcpExt_TWRecycled,
	[TCP_MIB_TW_KILLED] = STAT_TcpExt_TWKilled,
	[TCP_MIB_DELAYED_ACKS] = STAT_TcpExt_DelayedACKs,
	[TCP_MIB_TIMEOUTS] = STAT_TcpExt_TCPTimeouts,
	[TCP_MIB_LOSS_PROBES] = STAT_TcpExt_TCPLossProbes,
	[TCP_MIB_LOSS_PROBE_RECOVERY] = STAT_TcpExt_TCPLossProbeRecovery,
	[TCP_MIB_SACK_RECOVERY] = STAT_TcpExt_TCPSackRecovery,
	[TCP_MIB_RENO_RECOVERY] = STAT_TcpExt_TCPRenoRecovery,
	[TCP_MIB_SACK_REORDER] = STAT_TcpExt_TCPSACKReorder,
	[TCP_MIB_DSACK_OLD_SENT] = STAT_TcpExt_TCPDSACKOldSent,
	[TCP_MIB_DSACK_OFO_SENT] = STAT_TcpExt_TCPDSACKOfoSent,
	[TCP_MIB_DSACK_RECV] = STAT_TcpExt_TCPDSACKRecv,
	[TCP_MIB_DSACK_UNDO] = STAT_TcpExt_TCPDSACKUndo,
	[TCP_MIB_FULL_UNDO] = STAT_TcpExt_TCPFullUndo,
	[TCP_MIB_LOSS_UNDO] = STAT_TcpExt_TCPLossUndo,
	[TCP_MIB_SPURIOUS_RTOS] = STAT_TcpExt_TCPSpuriousRTOs,
	[TCP_MIB_PAWS_ESTAB] = STAT_TcpExt_PAWSEstab,
	[TCP_MIB_CHALLENGE_ACK] = STAT_TcpExt_TCPChallengeACK,
	[TCP_MIB_SYN_CHALLENGE] = STAT_TcpExt_TCPSYNChallenge,
	[TCP_MIB_ABORT_ON_DATA] = STAT_TcpExt_TCPAbortOnData,
	[TCP_MIB_ABORT_ON_CLOSE] = STAT_TcpExt_TCPAbortOnClose,
	[TCP_MIB_ABORT_ON_MEMORY] = STAT_TcpExt_TCPAbortOnMemory,
	[TCP_MIB_ABORT_ON_TIMEOUT] = STAT_TcpExt_TCPAbortOnTimeout,
	[TCP_MIB_ABORT_ON_LINGER] = STAT_TcpExt_TCPAbortOnLinger,
	[TCP_MIB_PRUNE_CALLED] = STAT_TcpExt_PruneCalled,
	[TCP_MIB_OFO_PRUNED] = STAT_TcpExt_OfoPruned,
	[TCP_MIB_RCV_COLLAPSED] = STAT_TcpExt_TCPRcvCollapsed,
	[TCP_MIB_RCVQ_DROP] = STAT_TcpExt_TCPRcvQDrop,
	[TCP_MIB_OFO_QUEUE] = STAT_TcpExt_TCPOFOQueue,
	[TCP_MIB_OFO_MERGE] = STAT_TcpExt_TCPOFOMerge,
	[TCP_MIB_HP_HITS] = STAT_TcpExt_TCPHPHits,
	[TCP_MIB_HP_ACKS] = STAT_TcpExt_TCPHPAcks,
	[TCP_MIB_PURE_ACKS] = STAT_TcpExt_TCPPureAcks,
	[TCP_MIB_TO_ZERO_WINDOW] = STAT_TcpExt_TCPToZeroWindowAdv,
	[TCP_MIB_FROM_ZERO_WINDOW] = STAT_TcpExt_TCPFromZeroWindowAdv,
	[TCP_MIB_WANT_ZERO_WINDOW] = STAT_TcpExt_TCPWantZeroWindowAdv,
	[TCP_MIB_KEEPALIVE] = STAT_TcpExt_TCPKeepAlive,
	[TCP_MIB_WIN_PROBE] = STAT_TcpExt_TCPWinProbe,
	[TCP_MIB_FASTOPEN_ACTIVE] = STAT_TcpExt_TCPFastOpenActive,
	[TCP_MIB_FASTOPEN_ACTIVE_FAIL] = STAT_TcpExt_TCPFastOpenActiveFail,
	[TCP_MIB_FASTOPEN_PASSIVE] = STAT_TcpExt_TCPFastOpenPassive,
	[TCP_MIB_FASTOPEN_PASSIVE_FAIL] = STAT_TcpExt_TCPFastOpenPassiveFail,
	[TCP_MIB_FASTOPEN_LISTEN_OVERFLOW] = STAT_TcpExt_TCPFastOpenListenOverflow,
	[TCP_MIB_FASTOPEN_COOKIE_REQD] = STAT_TcpExt_TCPFastOpenCookieReqd,
};

/* ---- the instance ---- */

static struct tcp_tables *tables_of(struct tcp_conf *conf)
{
	return container_of(conf, struct tcp_tables, conf);
}

static void *conf_alloc(struct tcp_conf *conf, size_t size)
{
	return env_alloc(size, ENV_ALLOC_NOWAIT);
}

static void conf_free(struct tcp_conf *conf, void *p, size_t size)
{
	env_free(p, size);
}

static void conf_count(struct tcp_conf *conf, enum tcp_mib what, u32 n)
{
	inet_count_add(tables_of(conf)->in, mib_stats[what], n);
}

static u8 conf_byte(const struct tcp_rx *rx, u32 off)
{
	u8 byte;

	pkt_copy_out(tcp_rx_pkt(rx), off, &byte, 1);
	return byte;
}

int tcp_open(struct inet *in)
{
	struct tcp_tables *t = env_alloc(sizeof(*t), ENV_ALLOC_ZERO);
	struct tcp_conf *conf;
	int err;

	if (!t)
		return -ENOMEM;
	in->tcp = t;
	t->in = in;
	conf = &t->conf;
	tcp_conf_init(conf);
	env_random(&conf->isn_key, sizeof(conf->isn_key));
	env_random(&conf->ts_key, sizeof(conf->ts_key));
	env_random(conf->cookie_key, sizeof(conf->cookie_key));
	env_random(conf->tfo_key, sizeof(conf->tfo_key));
	conf->ntfo_keys = 1;
	tcp_cookies_init(t);
	conf->alloc = conf_alloc;
	conf->free = conf_free;
	conf->count = conf_count;
	conf->byte = conf_byte;
	err = port_table_init(&t->ports);
	err = err ? err : table_init(&t->conns, 24);
	err = err ? err : table_init(&t->listeners, 16);
	err = err ? err : table_init(&t->waiting, 12);
	return err ? err : table_init(&t->minis, 22);
}

/* Orphans, and whatever else the clients left. */
static bool end_conn(struct table_node *n, void *arg)
{
	struct tcp_sock *t = tcp_of(container_of(n, struct sock, conn_node));
	unsigned long flags = env_spin_lock(&t->sock.lock);

	if (t->hashed) {
		tcp_abort(&t->c, env_now(), 0);
		t->c.rst_now = false; /* the links are going */
		tcp_settle(t);
	}
	env_spin_unlock(&t->sock.lock, flags);
	return true;
}

static bool end_mini(struct table_node *n, void *arg)
{
	struct tcp_mini *m = container_of(n, struct tcp_mini, node);
	struct env_spin *lock = m->listener ? &m->listener->lock : &m->lock;
	unsigned long flags = env_spin_lock(lock);

	tcp_mini_drop(m);
	env_spin_unlock(lock, flags);
	return true;
}

void tcp_close_instance(struct inet *in)
{
	struct tcp_tables *t = in->tcp;
	u64 cursor;

	if (!t)
		return;
	inet_enter(in);
	cursor = 0;
	table_walk(&t->conns, &cursor, end_conn, NULL);
	cursor = 0;
	table_walk(&t->minis, &cursor, end_mini, NULL);
	inet_leave(in);
	env_rcu_barrier();
	table_fini(&t->minis);
	table_fini(&t->waiting);
	table_fini(&t->listeners);
	table_fini(&t->conns);
	port_table_fini(&t->ports);
	env_free(t, sizeof(*t));
	in->tcp = NULL;
}

/* ---- life ---- */

static int call_init(struct sock *s)
{
	struct tcp_sock *t = tcp_of(s);
	struct tcp_conf *conf = &s->in->tcp->conf;

	s->sndbuf = conf->wmem[1];
	s->rcvbuf = conf->rmem[1];
	tcp_conn_init(&t->c, conf, env_now(), s->rcvbuf, s->sndbuf);
	inet_timer_init(&t->timer, tcp_sock_timer);
	t->armed_for = TCP_OFF;
	t->ready_tail = &t->ready_head;
	list_init(&t->reqs);
	return 0;
}

static void call_release(struct sock *s)
{
	struct tcp_sock *t = tcp_of(s);
	bool too_many, linger0;
	unsigned long flags;

	tcp_listen_stop(t);
	flags = env_spin_lock(&s->lock);
	linger0 = s->flags & SOCK_F_LINGER && !s->linger_s;
	too_many = t->hashed &&
		   __atomic_add_fetch(&s->in->tcp->orphans, 1, __ATOMIC_RELAXED) > ORPHANS_MAX;
	tcp_close(&t->c, env_now(), linger0 || too_many);
	tcp_settle(t);
	if (!t->hashed) { /* never connected, or ended before */
		tcp_stop_timer(t);
		tcp_unhash(t);
	}
	env_spin_unlock(&s->lock, flags);
}

static void call_destroy(struct sock *s)
{
	struct tcp_sock *t = tcp_of(s);
	struct tcp_rx *rx;

	tcp_queue_free(t);
	tcp_marks_free(t);
	tcp_conn_fini(&t->c);
	while ((rx = t->c.rx_dead)) {
		t->c.rx_dead = rx->next;
		pkt_free(tcp_rx_pkt(rx));
	}
	dgram_destroy(s);
}

/* ---- names ---- */

/* Two that overlap exclude each other unless both allow it and neither listens [man socket(7)]. */
static bool bind_conflict(const struct sock *a, const struct sock *b)
{
	const struct tcp_sock *tb = container_of(b, const struct tcp_sock, sock);

	if (a->flags & b->flags & SOCK_F_REUSEPORT && a->uid == b->uid)
		return false;
	return !(a->flags & b->flags & SOCK_F_REUSEADDR) || tb->listening;
}

/* For bind(): a port that TIME-WAIT does not hold either. */
static int bind_port(struct sock *s, u16 port)
{
	struct port_table *ports = &s->in->tcp->ports;
	int err = 0;

	for (unsigned i = 0; !err && i < BIND_TRIES; i++) {
		err = port_bind(ports, s, port, bind_conflict);
		if (err || likely(!tcp_port_waits(s, s->lport)))
			return err;
		port_unbind(ports, s);
		s->lport = 0;
		err = port ? -EADDRINUSE : 0;
	}
	return -EADDRINUSE;
}

static int call_bind(struct sock *s, const struct ip_endpoint *e)
{
	struct tcp_sock *t = tcp_of(s);
	unsigned long flags = env_spin_lock(&s->lock);
	int err = s->bind_node.on || t->hashed || t->listening ? -EINVAL : 0;

	if (!err && ip_is_multicast(&e->addr))
		err = -EADDRNOTAVAIL;
	if (!err)
		err = dgram_bind_name(s, e);
	if (!err && (e->port || !(s->flags & SOCK_F_BIND_PORT_LATER))) {
		err = bind_port(s, e->port);
		if (err) {
			s->laddr = s->saddr = ip_any(s->family);
			s->flags &= ~(u32)SOCK_F_ADDR_LOCKED;
			err = -EADDRINUSE;
		} else {
			s->flags |= SOCK_F_PORT_LOCKED;
		}
	}
	env_spin_unlock(&s->lock, flags);
	return err;
}

/* ---- listening ---- */

static int listen_begin(struct tcp_sock *t)
{
	struct sock *s = &t->sock;
	struct table *table = &s->in->tcp->listeners;
	unsigned long flags;
	int err = 0;

	if (t->hashed || t->deferred || (t->c.state != TCP_S_CLOSE && t->c.state != TCP_S_LISTEN))
		return -EINVAL;
	if (!s->bind_node.on)
		err = port_bind(&s->in->tcp->ports, s, 0, bind_conflict);
	if (err)
		return -EADDRINUSE;
	t->listening = true;
	t->c.state = TCP_S_LISTEN;
	s->shutdown = 0;
	s->conn_node.hash = port_hash(s->lport);
	sock_get(s);
	flags = table_lock(table, s->conn_node.hash);
	table_insert(table, &s->conn_node);
	table_unlock(table, s->conn_node.hash, flags);
	return 0;
}

static int call_listen(struct sock *s, u32 backlog)
{
	struct tcp_sock *t = tcp_of(s);
	unsigned long flags = env_spin_lock(&s->lock);
	int err = t->listening ? 0 : listen_begin(t);

	if (!err) {
		t->l.conf = t->c.conf;
		t->l.backlog = backlog;
		t->l.rcv_buf = s->rcvbuf;
		t->l.maxseg = t->c.user.maxseg;
		t->l.syn_count = t->c.user.syn_count;
		t->l.window_clamp = t->c.user.window_clamp;
		t->l.defer_s = t->c.user.defer_accept;
	}
	env_spin_unlock(&s->lock, flags);
	return err;
}

static int call_accept(struct sock *s, u64 cookie, struct sock **out, struct ip_endpoint *peer)
{
	struct tcp_sock *t = tcp_of(s), *child;
	unsigned long flags = env_spin_lock(&s->lock);

	child = t->ready_head;
	if (child) {
		t->ready_head = child->ready_next;
		if (!t->ready_head)
			t->ready_tail = &t->ready_head;
		t->l.nready--;
	}
	if (!t->listening) {
		env_spin_unlock(&s->lock, flags);
		return -EINVAL;
	}
	env_spin_unlock(&s->lock, flags);
	if (!child)
		return -EAGAIN;
	flags = env_spin_lock(&child->sock.lock);
	child->sock.cookie = cookie;
	child->told_connect = true;
	env_spin_unlock(&child->sock.lock, flags);
	*peer = (struct ip_endpoint){.addr = child->sock.raddr,
		.port = child->sock.rport,
		.family = child->sock.family,
		.scope = child->sock.bound_if};
	*out = &child->sock;
	return 0;
}

static int call_shutdown(struct sock *s, u32 how)
{
	struct tcp_sock *t = tcp_of(s);
	unsigned long flags;
	int err = 0;

	if (READ_ONCE(t->listening)) {
		if (how != 1) /* SHUT_WR of a listener says nothing */
			tcp_listen_stop(t);
		return 0;
	}
	flags = env_spin_lock(&s->lock);
	if (!t->hashed || t->c.state == TCP_S_SYN_SENT) {
		err = -ENOTCONN;
		if (t->c.state == TCP_S_SYN_SENT)
			tcp_disconnect(t), err = 0;
	} else {
		s->shutdown |= (u8)(how + 1);
		if (how)
			tcp_shutdown_write(&t->c, env_now());
		tcp_settle(t);
	}
	env_spin_unlock(&s->lock, flags);
	if (!err)
		sock_wake(s, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
	return err;
}

/* An administrator ends it [man sock_diag(7), ss(8) -K]. */
static int call_abort(struct sock *s, int err)
{
	struct tcp_sock *t = tcp_of(s);
	unsigned long flags;

	tcp_listen_stop(t);
	flags = env_spin_lock(&s->lock);
	if (t->hashed) {
		tcp_abort(&t->c, env_now(), err);
		tcp_settle(t);
	} else {
		sock_set_error(s, err);
	}
	env_spin_unlock(&s->lock, flags);
	return 0;
}

static u32 conn_poll(struct tcp_sock *t)
{
	struct sock *s = &t->sock;
	struct tcp_conn *c = &t->c;
	u32 mask = 0;
	bool rd = c->rcv_fin || s->shutdown & 1 || (c->state == TCP_S_CLOSE && c->irs_valid);

	if (unlikely(t->deferred))
		return EPOLLOUT | EPOLLWRNORM;
	if (c->state == TCP_S_CLOSE || (rd && c->shut_wr))
		mask |= EPOLLHUP;
	if (rd)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (c->state == TCP_S_SYN_SENT || (c->state == TCP_S_SYN_RECV && !c->syn_data_acked))
		return mask;
	if (tcp_readable(c) >= max(s->rcvlowat, 1u) || (c->rx_head && rd))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (c->urg_state == URG_VALID)
		mask |= EPOLLPRI;
	if (c->state == TCP_S_SYN_RECV)
		return mask;
	if (c->shut_wr || c->state == TCP_S_CLOSE) {
		mask |= EPOLLOUT | EPOLLWRNORM;
	} else {
		if (!sock_has_space(s)) {
			__atomic_store_n(&s->wants_space, true, __ATOMIC_SEQ_CST);
			if (!sock_has_space(s))
				return mask;
		}
		mask |= EPOLLOUT | EPOLLWRNORM;
	}
	return mask;
}

static u32 call_poll(struct sock *s)
{
	struct tcp_sock *t = tcp_of(s);
	unsigned long flags = env_spin_lock(&s->lock);
	u32 mask;

	if (t->listening)
		mask = t->ready_head ? EPOLLIN | EPOLLRDNORM : 0;
	else
		mask = conn_poll(t);
	if (READ_ONCE(s->err) || s->errors.n)
		mask |= EPOLLERR;
	env_spin_unlock(&s->lock, flags);
	return mask;
}

static int call_control(struct sock *s, u32 request, u32 *out_value)
{
	struct tcp_sock *t = tcp_of(s);
	unsigned long flags = env_spin_lock(&s->lock);
	int err = t->listening ? -EINVAL : 0;

	if (!err) {
		switch (request) {
		case SIOCINQ: *out_value = tcp_readable(&t->c); break;
		case SIOCATMARK: *out_value = tcp_at_mark(&t->c); break;
		case SIOCOUTQ: *out_value = t->c.snd_end - t->c.snd_una; break;
		case SIOCOUTQNSD: *out_value = conn_unsent(&t->c); break;
		default: err = -ENOIOCTLCMD;
		}
	}
	env_spin_unlock(&s->lock, flags);
	return err;
}

const struct proto tcp_proto = {
	.type = SOCK_STREAM,
	.protocol = IP_PROTO_TCP,
	.sock_size = sizeof(struct tcp_sock),
	.name = "TCP",
	.init = call_init,
	.release = call_release,
	.destroy = call_destroy,
	.bind = call_bind,
	.connect = tcp_call_connect,
	.listen = call_listen,
	.accept = call_accept,
	.send = tcp_send_msg,
	.receive = tcp_receive_msg,
	.shutdown = call_shutdown,
	.poll = call_poll,
	.set_option = tcp_set_option,
	.get_option = tcp_get_option,
	.control = call_control,
	.option_changed = tcp_option_changed,
	.abort = call_abort,
	.look = tcp_look,
};
