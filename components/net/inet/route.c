/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lookups: rules, tables, next hops, source addresses; and what ICMP told of single destinations (smaller MTUs, better first hops), which
 * is kept apart from the tables and runs out [rfc1191 6.3].
 */
#include "route_impl.h"

#include "neigh.h"

#define EXCEPTIONS_MAX 2048
#define PMTU_EXPIRES_NS (600 * 1000000000ull)
#define MIN_PMTU4 552 /* as Linux: an attacker shall not make packets tiny [man ip(7) min_pmtu] */
#define MIN_PMTU6 1280

struct fib_exception {
	struct table_node node;
	union ipaddr dst, hop;
	u32 mtu; /* 0: none */
	struct link *link; /* of hop; NULL: none */
	u64 expires_ns;
	struct env_rcu rcu;
};

static void exception_free_rcu(struct env_rcu *r)
{
	struct fib_exception *e = container_of(r, struct fib_exception, rcu);

	env_free(e, sizeof(*e));
}

static struct fib_exception *exception_find(struct inet *in, const union ipaddr *dst, u32 hash)
{
	struct table_node *n;

	table_for_each(&in->fib->exceptions, hash, n) {
		struct fib_exception *e = container_of(n, struct fib_exception, node);

		if (ip_equal(&e->dst, dst))
			return e;
	}
	return NULL;
}

static bool drop_expired(struct table_node *n, void *arg)
{
	struct inet *in = arg;
	struct fib_exception *e = container_of(n, struct fib_exception, node);
	u32 hash = n->hash;
	unsigned long flags;

	if (!in->closing && READ_ONCE(e->expires_ns) > env_now())
		return true;
	flags = table_lock(&in->fib->exceptions, hash);
	if (table_remove(&in->fib->exceptions, n))
		env_rcu_call(&e->rcu, exception_free_rcu);
	table_unlock(&in->fib->exceptions, hash, flags);
	return true;
}

void fib_exceptions_fini(struct inet *in)
{
	u64 cursor = 0;

	env_rcu_enter();
	if (in->fib->exceptions.array)
		table_walk(&in->fib->exceptions, &cursor, drop_expired, in);
	env_rcu_exit();
	table_fini(&in->fib->exceptions);
}

static void exception_set(struct inet *in, const union ipaddr *dst, u32 mtu, struct link *l, const union ipaddr *hop)
{
	u32 hash = inet_hash(in, dst, sizeof(*dst));
	struct fib_exception *e, *fresh = env_alloc(sizeof(*e), ENV_ALLOC_NOWAIT | ENV_ALLOC_ZERO);
	struct table *t = &in->fib->exceptions;
	u64 cursor = 0;
	unsigned long flags;

	if (!fresh)
		return;
	if (__atomic_load_n(&t->count, __ATOMIC_RELAXED) >= EXCEPTIONS_MAX)
		table_walk(t, &cursor, drop_expired, in);
	if (__atomic_load_n(&t->count, __ATOMIC_RELAXED) >= EXCEPTIONS_MAX) {
		env_free(fresh, sizeof(*fresh));
		return;
	}
	flags = table_lock(t, hash);
	e = exception_find(in, dst, hash);
	*fresh = e ? *e : (struct fib_exception){.dst = *dst};
	fresh->node = (struct table_node){.hash = hash};
	fresh->expires_ns = env_deadline(PMTU_EXPIRES_NS);
	if (mtu)
		fresh->mtu = mtu;
	if (l) {
		fresh->link = l;
		fresh->hop = *hop;
	}
	if (e) {
		(void)table_remove(t, &e->node);
		env_rcu_call(&e->rcu, exception_free_rcu);
	}
	table_insert(t, &fresh->node);
	table_unlock(t, hash, flags);
	inet_route_changed(in);
}

void inet_pmtu_update(struct inet *in, const union ipaddr *dst, u32 mtu)
{
	struct inet_flow flow = {.dst = *dst, .flags = FLOW_ANYSRC};
	struct inet_route r;

	mtu = max(mtu, ip_is4(dst) ? (u32)MIN_PMTU4 : (u32)MIN_PMTU6);
	if (inet_route_lookup(in, &flow, &r) || r.mtu_locked || mtu >= r.mtu)
		return; /* never larger, never what we know already */
	exception_set(in, dst, mtu, NULL, NULL);
}

void inet_redirect(struct inet *in, struct link *l, const union ipaddr *from, const union ipaddr *dst, const union ipaddr *hop)
{
	struct inet_flow flow = {.dst = *dst, .flags = FLOW_ANYSRC};
	struct inet_route r;

	/* Only the hop in use may say so, and only to a neighbour on the same link [rfc1122 3.2.2.2] [rfc4861 8.1]. */
	if (inet_route_lookup(in, &flow, &r) || r.link != l || r.type != RTN_UNICAST || !ip_equal(&r.hop, from))
		return;
	if (inet_addr_type(in, hop) != RTN_UNICAST)
		return;
	exception_set(in, dst, 0, l, hop);
}

static void apply_exception(struct inet *in, struct inet_route *out)
{
	struct fib_exception *e;

	if (likely(!READ_ONCE(in->fib->exceptions.count)))
		return;
	e = exception_find(in, &out->dst, inet_hash(in, &out->dst, sizeof(out->dst)));
	if (!e || e->expires_ns <= env_now())
		return;
	if (e->mtu && !out->mtu_locked)
		out->mtu = min(out->mtu, e->mtu);
	if (e->link == out->link && e->link) {
		out->hop = e->hop;
		out->gateway = true;
	}
}

/* ---- choosing ---- */

static bool hop_usable(const struct inet *in, const struct fib_hop *h, const struct inet_flow *f)
{
	if (!h->link || !link_is_up(h->link) || (h->flags & RTNH_F_DEAD))
		return false;
	if (in->conf.ignore_linkdown && !READ_ONCE(h->link->running))
		return false;
	return !f->oif || h->link->ifindex == f->oif;
}

/* Among the hops that work, one by weight and the flow's hash, so that a flow keeps its way. */
static const struct fib_hop *choose_hop(struct inet *in, const struct fib_route *r, const struct inet_flow *f)
{
	const struct fib_hop *only = NULL;
	u32 total = 0, at;

	for (u32 i = 0; i < r->nhops; i++) {
		if (!hop_usable(in, &r->hops[i], f))
			continue;
		only = &r->hops[i];
		total += only->weight;
	}
	if (!only || total == only->weight)
		return only;
	at = (u32)((siphash_2u64(&in->key, f->src.q[1] ^ f->dst.q[1], (u64)f->sport << 48 | (u64)f->dport << 32 | f->proto) & U32_MAX) %
		   total);
	for (u32 i = 0; i < r->nhops; i++) {
		const struct fib_hop *h = &r->hops[i];

		if (!hop_usable(in, h, f))
			continue;
		if (at < h->weight)
			return h;
		at -= h->weight;
	}
	return only;
}

static void take_metrics(const struct fib_route *r, struct inet_route *out)
{
	out->mtu = out->link->mtu;
	if (r->metrics[RTAX_MTU])
		out->mtu = min(r->metrics[RTAX_MTU], out->mtu);
	out->mtu_locked = r->metrics_lock & (1u << RTAX_MTU);
	if (r->family == AF_INET6 && out->link->ra_mtu)
		out->mtu = min(out->mtu, out->link->ra_mtu);
	out->advmss = r->metrics[RTAX_ADVMSS];
	out->window = r->metrics[RTAX_WINDOW];
	out->rtt_ms = r->metrics[RTAX_RTT];
	out->initcwnd = r->metrics[RTAX_INITCWND];
	out->initrwnd = r->metrics[RTAX_INITRWND];
	out->features = r->metrics[RTAX_FEATURES];
	out->hop_limit = (u8)min(r->metrics[RTAX_HOPLIMIT], 255u);
}

static int error_of(u8 type)
{
	switch (type) {
	case RTN_UNREACHABLE:
		return -EHOSTUNREACH;
	case RTN_BLACKHOLE:
		return -EINVAL;
	case RTN_PROHIBIT:
		return -EACCES;
	}
	return 0;
}

/* One route of a prefix. 1: it does not serve; 0 or an error: it decides. */
static int try_route(struct inet *in, const struct fib_route *r, const struct inet_flow *f, struct inet_route *out)
{
	const struct fib_hop *h;

	if (r->expires_ns && r->expires_ns <= env_now())
		return 1;
	if (r->tos && r->tos != (f->tos & 0x1c))
		return 1;
	if (r->type == RTN_THROW)
		return -EAGAIN;
	if (error_of(r->type))
		return error_of(r->type);
	if (r->type == RTN_LOCAL) {
		if (f->oif && f->oif != in->loopback->ifindex && r->nhops && r->hops[0].link->ifindex != f->oif && ip6_needs_scope(&f->dst))
			return 1;
		h = NULL;
		out->link = in->loopback;
		if (!link_is_up(out->link))
			return 1;
	} else {
		h = choose_hop(in, r, f);
		if (!h)
			return 1;
		out->link = h->link;
	}
	out->type = r->type;
	out->table = r->table;
	out->priority = r->priority;
	out->gateway = h && h->has_gateway && !(f->flags & FLOW_ONLINK);
	out->hop = out->gateway ? h->gateway : f->dst;
	if (ip_is_any(&out->src))
		out->src = r->type == RTN_LOCAL && (ip_is_any(&r->prefsrc) || !ip_is4(&f->dst)) ? f->dst : r->prefsrc;
	take_metrics(r, out);
	return 0;
}

/* 1: nothing here; -EAGAIN: thrown out of the table. */
static int lookup_table(struct inet *in, const struct fib_table *t, const struct inet_flow *f, const struct fib_rule *rule,
	struct inet_route *out)
{
	unsigned max_len = 128;

	for (;;) {
		struct fib_node *n = fib_lookup(t, &f->dst, max_len);
		struct fib_route *r;
		u8 base = t->family == AF_INET ? 96 : 0;

		if (!n)
			return 1;
		if (rule->suppress_prefixlen >= 0 && n->len - base <= rule->suppress_prefixlen)
			return 1;
		list_for_each_entry_rcu(r, &n->routes, node) {
			int err = try_route(in, r, f, out);

			if (err <= 0)
				return err;
		}
		if (!n->len)
			return 1;
		max_len = n->len - 1u;
	}
}

static int lookup_rules(struct inet *in, const struct inet_flow *f, struct inet_route *out)
{
	u8 family = ip_is4(&f->dst) ? AF_INET : AF_INET6;
	const struct fib_rule *r = list_entry_rcu(in->fib->rules[family == AF_INET6].next, struct fib_rule, node);
	u32 from = 0;

	for (; &r->node != &in->fib->rules[family == AF_INET6]; r = list_entry_rcu(r->node.next, struct fib_rule, node)) {
		const struct fib_table *t;
		int err;

		if (r->priority < from || !fib_rule_matches(in, r, f))
			continue;
		switch (r->action) {
		case FR_ACT_UNREACHABLE:
			return -ENETUNREACH;
		case FR_ACT_PROHIBIT:
			return -EACCES;
		case FR_ACT_BLACKHOLE:
			return -EINVAL;
		case FR_ACT_GOTO:
			from = r->target;
			continue;
		case FR_ACT_TO_TBL:
			break;
		default:
			continue;
		}
		t = fib_table_get(in, family, r->table, false);
		err = t ? lookup_table(in, t, f, r, out) : 1;
		if (err != 1 && err != -EAGAIN)
			return err;
	}
	return -ENETUNREACH;
}

/* A destination that no table need know: a group or 255.255.255.255 on a named link. */
static bool direct(struct inet *in, const struct inet_flow *f, struct inet_route *out)
{
	bool multicast = ip_is_multicast(&f->dst);

	if (!f->oif || (!multicast && !ip_is_broadcast(&f->dst) && !(f->flags & FLOW_ONLINK)))
		return false;
	out->link = link_by_index(in, f->oif);
	if (!out->link || !link_is_up(out->link))
		return false;
	out->type = multicast ? RTN_MULTICAST : ip_is_broadcast(&f->dst) ? RTN_BROADCAST : RTN_UNICAST;
	out->hop = f->dst;
	out->mtu = out->link->mtu;
	return true;
}

int inet_route_lookup(struct inet *in, const struct inet_flow *flow, struct inet_route *out)
{
	struct inet_route r = {
		.gen = __atomic_load_n(&in->route_gen, __ATOMIC_ACQUIRE),
		.src = flow->src,
		.dst = flow->dst,
	};
	int err = 0;

	/* A source must be ours, or a name of nobody is used. */
	if (!ip_is_any(&flow->src) && !(flow->flags & (FLOW_ANYSRC | FLOW_FORWARD))) {
		if (ip_is_multicast(&flow->src) || ip_is_broadcast(&flow->src) || !ifaddr_find(in, &flow->src, NULL))
			if (!(ip_is4(&flow->src) && inet_addr_type(in, &flow->src) == RTN_LOCAL))
				return -EINVAL;
	}
	if (!direct(in, flow, &r))
		err = lookup_rules(in, flow, &r);
	if (err)
		return err;
	if (ip_is_multicast(&flow->dst))
		r.type = RTN_MULTICAST;
	else if (ip_is_broadcast(&flow->dst))
		r.type = RTN_BROADCAST;
	else if (r.type == RTN_UNICAST)
		apply_exception(in, &r);
	if (ip_is_any(&r.src) && !(flow->flags & FLOW_FORWARD)) {
		r.src = ifaddr_select(in, r.link, &r.dst, &r.hop);
		if (ip_is_any(&r.src) && !ip_is4(&r.dst) && !(flow->flags & FLOW_ANYSRC))
			return -EADDRNOTAVAIL;
	}
	*out = r;
	return 0;
}

u8 inet_addr_type(struct inet *in, const union ipaddr *addr)
{
	struct fib_table *t;
	struct fib_node *n;

	if (ip_is_any(addr) || ip_is_broadcast(addr))
		return RTN_BROADCAST;
	if (ip_is_multicast(addr))
		return RTN_MULTICAST;
	t = fib_table_get(in, ip_is4(addr) ? AF_INET : AF_INET6, RT_TABLE_LOCAL, false);
	n = t ? fib_lookup(t, addr, 128) : NULL;
	if (n) {
		struct fib_route *r = list_first_entry_or_null(&n->routes, struct fib_route, node);

		if (r)
			return r->type;
	}
	return RTN_UNICAST;
}

bool inet_addr_is_local(struct inet *in, const union ipaddr *addr, u32 ifindex)
{
	u8 type = inet_addr_type(in, addr);
	struct link *l;

	if (ip_is_any(addr))
		return true;
	if (!ip_is4(addr) && ip6_is_linklocal(addr)) {
		l = ifindex ? link_by_index(in, ifindex) : NULL;
		return l && ifaddr_find(in, addr, l);
	}
	return type == RTN_LOCAL || type == RTN_MULTICAST || type == RTN_BROADCAST;
}
