/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets: made, found by handle, woken, accounted, ended.
 */
#include "sock.h"

#include "filter.h"
#include "ip_impl.h"
#include "mcast.h"
#include "sock_impl.h"
#include "udp.h"

ENV_LOCK_CLASS(inet_sock, RANK_INET_SOCK, "one socket of the protocol family");
ENV_LOCK_CLASS(inet_socks, RANK_INET_QUEUE, "list of all sockets of an instance");

static u32 handle_hash(u64 handle)
{
	return (u32)hash_mix64(handle);
}

struct sock *sock_find(struct inet *in, u64 handle)
{
	u32 hash = handle_hash(handle);
	struct table_node *n;

	table_for_each(&in->socks->handles, hash, n) {
		struct sock *s = container_of(n, struct sock, handle_node);

		if (s->handle == handle)
			return s;
	}
	return NULL;
}

static void init_defaults(struct sock *s)
{
	struct inet *in = s->in;

	s->sndbuf = in->conf.wmem_default;
	s->rcvbuf = in->conf.rmem_default;
	s->rcvlowat = 1;
	s->laddr = s->raddr = s->saddr = ip_any(s->family);
	s->mc_ttl = s->mc_hops = 1;
	s->mc_loop = s->mc_loop6 = s->mc_all = s->mc_all6 = true;
	s->mc_addr = ip_any(AF_INET);
	s->hop_limit6 = s->tclass6 = -1;
	s->tx.pmtudisc = in->conf.ip_no_pmtu_disc ? IP_PMTUDISC_DONT : IP_PMTUDISC_WANT;
	s->max_pacing_rate = ~0ull;
	if (s->family == AF_INET6 && in->conf.ip6_bindv6only)
		s->flags |= SOCK_F_V6ONLY;
}

int sock_create(struct inet *in, const struct proto *proto, u32 family, u8 protocol, const struct inet_cred *cred, u64 cookie,
	struct sock **out)
{
	struct sock *s = env_alloc(proto->sock_size, ENV_ALLOC_NOWAIT | ENV_ALLOC_ZERO);
	unsigned long flags;
	int err;

	if (!s)
		return -ENOMEM;
	s->proto = proto;
	s->in = in;
	s->cookie = cookie;
	s->family = (u16)family;
	s->type = proto->type;
	s->protocol = s->tx.proto = protocol;
	s->uid = cred->uid;
	s->gid = cred->gid;
	refcount_set(&s->refs, 1);
	env_spin_init(&s->lock, &env_lock_class_inet_sock);
	pkt_queue_init(&s->rx);
	pkt_queue_init(&s->errors);
	list_init(&s->members);
	list_init(&s->wake_node);
	init_defaults(s);
	err = proto->init ? proto->init(s) : 0;
	if (err) {
		env_free(s, proto->sock_size);
		return err;
	}
	flags = env_spin_lock(&in->socks->lock);
	s->number = ++in->socks->next_number;
	list_add_tail_rcu(&s->all_node, &in->socks->all);
	in->socks->count++;
	env_spin_unlock(&in->socks->lock, flags);
	*out = s;
	return 0;
}

int sock_handle_add(struct sock *s)
{
	struct table *t = &s->in->socks->handles;
	u64 handle = __atomic_add_fetch(&s->in->socks->next_handle, 1, __ATOMIC_RELAXED);
	unsigned long flags;

	s->handle = handle;
	s->handle_node.hash = handle_hash(handle);
	flags = table_lock(t, s->handle_node.hash);
	table_insert(t, &s->handle_node);
	table_unlock(t, s->handle_node.hash, flags);
	return 0;
}

void sock_handle_drop(struct sock *s)
{
	struct table *t = &s->in->socks->handles;
	unsigned long flags = table_lock(t, s->handle_node.hash);

	(void)table_remove(t, &s->handle_node);
	table_unlock(t, s->handle_node.hash, flags);
}

static void sock_free_rcu(struct env_rcu *r)
{
	struct sock *s = container_of(r, struct sock, rcu);

	env_free(s, s->proto->sock_size);
}

void sock_put(struct sock *s)
{
	struct inet *in = s->in;
	unsigned long flags;

	if (!refcount_dec_and_test(&s->refs))
		return;
	flags = env_spin_lock(&in->socks->lock);
	list_del_rcu(&s->all_node);
	in->socks->count--;
	env_spin_unlock(&in->socks->lock, flags);
	if (s->proto->destroy)
		s->proto->destroy(s);
	ENV_ASSERT(!s->rx.n && !s->errors.n);
	if (s->options)
		env_free(s->options, s->options_size);
	sock_filter_put(s->filter);
	env_rcu_call(&s->rcu, sock_free_rcu);
}

/* ---- wake-ups, errors ---- */

void sock_wake(struct sock *s, u32 events)
{
	struct inet_shard *shard = inet_shard(s->in);
	unsigned long flags;

	if (__atomic_fetch_or(&s->wake_events, events, __ATOMIC_ACQ_REL) || READ_ONCE(s->released))
		return;
	sock_get(s);
	flags = env_spin_lock(&shard->lock);
	list_add_tail(&s->wake_node, &shard->wake);
	env_spin_unlock(&shard->lock, flags);
}

void sock_set_error(struct sock *s, int err)
{
	__atomic_store_n(&s->err, err, __ATOMIC_RELEASE);
	sock_wake(s, EPOLLERR | EPOLLIN | EPOLLOUT);
}

int sock_take_error(struct sock *s)
{
	if (likely(!READ_ONCE(s->err)))
		return 0;
	return -__atomic_exchange_n(&s->err, 0, __ATOMIC_ACQ_REL);
}

#define ERRORS_MAX 64

bool sock_queue_err(struct sock *s, const struct sock_err *err, const union ipaddr *dst, u16 dport, const union ipaddr *from,
	const struct pkt *payload)
{
	struct pkt *p;
	u32 n = payload ? min(payload->total, 1500u) : 0;

	if (s->errors.n >= ERRORS_MAX || !sock_charge_receive(s, 512 + n))
		return false;
	p = pkt_alloc(0, n ? n : 1);
	if (!p) {
		sock_uncharge_receive(s, 512 + n);
		return false;
	}
	p->charge = 512 + n; /* as of received packets: no reference, the queue ends with the socket */
	if (n)
		pkt_copy_out(payload, 0, pkt_put(p, n), n);
	*(struct sock_err *)p->cb = *err;
	p->dst = *dst;
	p->src = *from;
	p->frag_max = dport;
	p->stamp_ns = (u64)env_time();
	pkt_queue_add(&s->errors, p);
	sock_wake(s, EPOLLERR);
	return true;
}

bool sock_queue_error(struct sock *s, const struct ip_error *e, const struct pkt *payload, u16 dport)
{
	struct sock_err err = {.ee_errno = (u32)e->err, .info = e->info, .origin = e->origin, .type = e->type, .code = e->code};

	static_assert(sizeof(struct sock_err) <= sizeof_field(struct pkt, cb), "storage");
	if (!(s->flags & (e->origin == SO_EE_ORIGIN_ICMP6 ? SOCK_F_RECVERR6 : SOCK_F_RECVERR)))
		return false;
	return sock_queue_err(s, &err, &payload->dst, dport, &e->from, payload);
}

bool sock_queue_local_error(struct sock *s, int e, const union ipaddr *dst, u16 dport, u32 info)
{
	struct sock_err err = {.ee_errno = (u32)e, .info = info, .origin = SO_EE_ORIGIN_LOCAL};
	union ipaddr none = ip_any(s->family);

	if (!(s->flags & (ip_is4(dst) ? SOCK_F_RECVERR : SOCK_F_RECVERR6)))
		return false;
	return sock_queue_err(s, &err, dst, dport, &none, NULL);
}

/* ---- memory ---- */

int sock_charge_send(struct sock *s, u32 n)
{
	if ((u32)READ_ONCE(s->wmem) >= READ_ONCE(s->sndbuf)) {
		__atomic_store_n(&s->wants_space, true, __ATOMIC_SEQ_CST);
		if ((u32)__atomic_load_n(&s->wmem, __ATOMIC_SEQ_CST) >= READ_ONCE(s->sndbuf))
			return -EAGAIN;
	}
	__atomic_add_fetch(&s->wmem, (s32)n, __ATOMIC_RELAXED);
	return 0;
}

void sock_uncharge_send(struct sock *s, u32 n)
{
	__atomic_sub_fetch(&s->wmem, (s32)n, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&s->wants_space, __ATOMIC_SEQ_CST) && sock_has_space(s)) {
		WRITE_ONCE(s->wants_space, false);
		sock_wake(s, EPOLLOUT | EPOLLWRNORM);
	}
}

bool sock_charge_receive(struct sock *s, u32 n)
{
	/* One that starts below the limit may pass it, so that a small buffer still takes a large datagram. */
	if ((u32)__atomic_load_n(&s->rmem, __ATOMIC_RELAXED) > READ_ONCE(s->rcvbuf))
		return false;
	__atomic_add_fetch(&s->rmem, (s32)n, __ATOMIC_RELAXED);
	return true;
}

void sock_uncharge_receive(struct sock *s, u32 n)
{
	__atomic_sub_fetch(&s->rmem, (s32)n, __ATOMIC_RELAXED);
}

/* ---- routes ---- */

void sock_flow(const struct sock *s, struct inet_flow *flow)
{
	*flow = (struct inet_flow){.src = s->laddr,
		.dst = s->raddr,
		.oif = s->bound_if,
		.mark = s->mark,
		.uid = s->uid,
		.sport = s->lport,
		.dport = s->rport,
		.proto = s->protocol,
		.tos = s->tx.tos,
		.flags = (u8)((s->flags & (SOCK_F_FREEBIND | SOCK_F_TRANSPARENT | SOCK_F_HDRINCL) ? FLOW_ANYSRC : 0) |
			      (s->flags & SOCK_F_DONTROUTE ? FLOW_ONLINK : 0))};
}

int sock_route(struct sock *s, struct inet_route **out)
{
	struct inet_flow flow;
	int err;

	if (unlikely(!inet_route_valid(s->in, &s->route))) {
		sock_flow(s, &flow);
		flow.src = s->saddr;
		err = inet_route_lookup(s->in, &flow, &s->route);
		if (err) {
			s->route.gen = 0;
			return err;
		}
	}
	*out = &s->route;
	return 0;
}

/* ---- the set of sockets ---- */

int socks_init(struct inet *in)
{
	int err;

	in->socks = env_alloc(sizeof(*in->socks), ENV_ALLOC_ZERO);
	if (!in->socks)
		return -ENOMEM;
	list_init(&in->socks->all);
	env_spin_init(&in->socks->lock, &env_lock_class_inet_socks);
	err = table_init(&in->socks->handles, 20);
	return err ? err : protos_open(in);
}

void socks_fini(struct inet *in)
{
	if (!in->socks)
		return;
	protos_close(in);
	env_rcu_barrier();
	table_fini(&in->socks->handles);
	ENV_ASSERT(!in->socks->count);
	env_free(in->socks, sizeof(*in->socks));
	in->socks = NULL;
}
