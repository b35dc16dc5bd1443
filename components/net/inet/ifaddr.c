/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses of links: with their routes, their lifetimes, and (IPv6) duplicate address detection [rfc4862 5.4].
 */
#include "route_impl.h"

#include "mcast.h"
#include "ndp.h"

#define ADDR_BITS 8

struct addr_table {
	struct hlist_head heads[1 << ADDR_BITS]; /* config; RCU */
};

static struct hlist_head *bucket(struct inet *in, const union ipaddr *addr)
{
	return &in->addrs->heads[inet_hash(in, addr, sizeof(*addr)) & ((1u << ADDR_BITS) - 1)];
}

struct ifaddr *ifaddr_find(struct inet *in, const union ipaddr *addr, const struct link *l)
{
	struct hlist_node *n = LOAD_ACQUIRE(bucket(in, addr)->first);

	for (; n; n = LOAD_ACQUIRE(n->next)) {
		struct ifaddr *a = container_of(n, struct ifaddr, hash);

		if (ip_equal(&a->addr, addr) && (!l || a->link == l))
			return a;
	}
	return NULL;
}

struct ifaddr *ifaddr_lookup(const struct link *l, const union ipaddr *addr, u8 prefix)
{
	struct ifaddr *a;

	list_for_each_entry_rcu(a, &l->addrs, link_node)
		if (ip_equal(&a->addr, addr) && (!prefix || a->prefix == prefix))
			return a;
	return NULL;
}

void ifaddr_free_rcu(struct env_rcu *r)
{
	struct ifaddr *a = container_of(r, struct ifaddr, rcu);

	env_free(a, sizeof(*a));
}

/* ---- lifetimes ---- */

static u64 lifetime_end(u32 seconds)
{
	return seconds == U32_MAX ? U64_MAX : env_deadline(seconds * 1000000000ull);
}

void ifaddr_set_lifetimes(struct ifaddr *a, u32 valid_s, u32 preferred_s)
{
	struct inet *in = a->link->in;
	u64 next;

	a->valid_until = lifetime_end(valid_s);
	a->preferred_until = lifetime_end(preferred_s);
	a->changed_ns = env_now();
	if (valid_s == U32_MAX)
		WRITE_ONCE(a->flags, a->flags | IFA_F_PERMANENT);
	else
		WRITE_ONCE(a->flags, a->flags & ~(u32)IFA_F_PERMANENT);
	if (preferred_s)
		WRITE_ONCE(a->flags, a->flags & ~(u32)IFA_F_DEPRECATED);
	else
		WRITE_ONCE(a->flags, a->flags | IFA_F_DEPRECATED);
	next = min(a->valid_until, preferred_s ? a->preferred_until : U64_MAX);
	if (next != U64_MAX && !(a->flags & IFA_F_TENTATIVE)) {
		refcount_inc(&a->refs);
		if (!inet_timer_arm(in, &a->timer, next))
			ifaddr_put(a);
	}
}

static bool is_listed(const struct ifaddr *a)
{
	struct ifaddr *o;

	list_for_each_entry(o, &a->link->addrs, link_node)
		if (o == a)
			return true;
	return false;
}

/* With config: what is due of an address' life. True: DAD is to send another probe. */
static bool address_due(struct inet *in, struct ifaddr *a)
{
	u64 now = env_now(), next;

	if (a->flags & IFA_F_TENTATIVE) {
		if (a->flags & IFA_F_DADFAILED)
			return false;
		if (a->dad_left)
			return true;
		WRITE_ONCE(a->flags, a->flags & ~(u32)(IFA_F_TENTATIVE | IFA_F_OPTIMISTIC));
		inet_route_changed(in);
		addr_notify(in, a, true);
	}
	if (a->valid_until <= now) {
		ifaddr_remove(a);
		return false;
	}
	if (a->preferred_until <= now && !(a->flags & IFA_F_DEPRECATED)) {
		WRITE_ONCE(a->flags, a->flags | IFA_F_DEPRECATED);
		inet_route_changed(in);
		addr_notify(in, a, true);
	}
	next = a->flags & IFA_F_DEPRECATED ? a->valid_until : min(a->valid_until, a->preferred_until);
	if (next != U64_MAX) {
		refcount_inc(&a->refs);
		if (!inet_timer_arm(in, &a->timer, next))
			ifaddr_put(a);
	}
	return false;
}

static void address_timer(struct inet *in, struct inet_timer *t)
{
	struct ifaddr *a = container_of(t, struct ifaddr, timer);
	unsigned long flags = env_spin_lock(&in->config);
	bool listed = is_listed(a), probe = listed && address_due(in, a);

	if (probe) {
		a->dad_left--;
		refcount_inc(&a->refs);
		if (!inet_timer_arm(in, &a->timer, env_deadline(a->link->retrans_ms * 1000000ull)))
			ifaddr_put(a);
	}
	env_spin_unlock(&in->config, flags);
	if (probe)
		ndp_send_dad(a);
	else if (listed && !ip_is4(&a->addr) && !(READ_ONCE(a->flags) & IFA_F_TENTATIVE))
		ndp_address_ready(a);
	ifaddr_put(a);
}

/* ---- adding and removing ---- */

static bool is_host_route(const struct ifaddr *a)
{
	return a->prefix == 128;
}

/* The directed broadcasts and the prefix of an IPv4 address; see ip(7). */
static void v4_routes(struct ifaddr *a, bool add)
{
	struct inet *in = a->link->in;
	union ipaddr net = ip_mask(&a->peer, a->prefix), bcast = a->broadcast;
	u8 type = link_flags(a->link) & IFF_LOOPBACK ? RTN_LOCAL : RTN_UNICAST;
	u32 table = type == RTN_LOCAL ? RT_TABLE_LOCAL : RT_TABLE_MAIN;

	if (add)
		(void)fib_add_simple(in, RTN_LOCAL, RT_TABLE_LOCAL, &a->addr, 128, a->link, &a->addr, 0);
	else if (!ifaddr_find(in, &a->addr, NULL))
		fib_del_simple(in, RTN_LOCAL, RT_TABLE_LOCAL, &a->addr, 128, a->link, &a->addr);
	if (!(link_flags(a->link) & IFF_UP) && add)
		return;
	if (!ip_is_any(&bcast) && !ip_is_broadcast(&bcast)) {
		if (add)
			(void)fib_add_simple(in, RTN_BROADCAST, RT_TABLE_LOCAL, &bcast, 128, a->link, &a->addr, 0);
		else
			fib_del_simple(in, RTN_BROADCAST, RT_TABLE_LOCAL, &bcast, 128, a->link, &a->addr);
	}
	if (is_host_route(a) && ip_equal(&a->addr, &a->peer))
		return;
	if (a->flags & IFA_F_NOPREFIXROUTE)
		return;
	if (add)
		(void)fib_add_simple(in, type, table, &net, a->prefix, a->link, &a->addr, a->metric);
	else
		fib_del_simple(in, type, table, &net, a->prefix, a->link, &a->addr);
	if (type == RTN_LOCAL || a->prefix >= 127)
		return;
	bcast = net;
	bcast.w[3] |= ENDIAN_BE(32, (u32)(U64_MAX >> 32 >> (a->prefix - 96)));
	if (add)
		(void)fib_add_simple(in, RTN_BROADCAST, RT_TABLE_LOCAL, &bcast, 128, a->link, &a->addr, 0);
	else
		fib_del_simple(in, RTN_BROADCAST, RT_TABLE_LOCAL, &bcast, 128, a->link, &a->addr);
}

static void v6_routes(struct ifaddr *a, bool add)
{
	struct inet *in = a->link->in;
	union ipaddr none = {.q = {0, 0}};
	u32 metric = a->metric ? a->metric : 256;

	if (add)
		(void)fib_add_simple(in, RTN_LOCAL, RT_TABLE_LOCAL, &a->addr, 128, a->link, &none, 0);
	else
		fib_del_simple(in, RTN_LOCAL, RT_TABLE_LOCAL, &a->addr, 128, a->link, NULL);
	if (link_flags(a->link) & IFF_LOOPBACK)
		return;
	if ((a->flags & IFA_F_NOPREFIXROUTE) || !(link_flags(a->link) & IFF_UP))
		return;
	if (add) {
		(void)fib_add_simple(in, RTN_UNICAST, RT_TABLE_MAIN, &a->peer, a->prefix, a->link, &none, metric);
		return;
	}
	for (struct ifaddr *o = list_first_entry(&a->link->addrs, struct ifaddr, link_node); &o->link_node != &a->link->addrs;
		o = list_next_entry(o, link_node))
		if (o != a && o->prefix == a->prefix && ip_in_prefix(&o->addr, &a->addr, a->prefix))
			return; /* another needs it */
	fib_del_simple(in, RTN_UNICAST, RT_TABLE_MAIN, &a->peer, a->prefix, a->link, NULL);
}

static void address_routes(struct ifaddr *a, bool add)
{
	if (ip_is4(&a->addr))
		v4_routes(a, add);
	else
		v6_routes(a, add);
}

/* IPv4: the first address of a subnet is primary, those that follow are secondary. */
static bool has_primary(const struct link *l, const struct ifaddr *like)
{
	struct ifaddr *a;

	list_for_each_entry(a, &l->addrs, link_node)
		if (ip_is4(&a->addr) && a->prefix == like->prefix && !(a->flags & IFA_F_SECONDARY) &&
			ip_in_prefix(&like->peer, &a->peer, a->prefix))
			return true;
	return false;
}

int ifaddr_add(struct link *l, const struct ifaddr *like, struct ifaddr **out)
{
	struct inet *in = l->in;
	struct ifaddr *a;

	env_spin_assert_held(&in->config);
	if (ifaddr_lookup(l, &like->addr, ip_is4(&like->addr) ? like->prefix : 0))
		return -EEXIST;
	a = env_alloc(sizeof(*a), ENV_ALLOC_NOWAIT);
	if (!a)
		return -ENOMEM;
	*a = *like;
	a->link = l;
	refcount_set(&a->refs, 1);
	inet_timer_init(&a->timer, address_timer);
	a->created_ns = a->changed_ns = env_now();
	if (ip_is4(&a->addr) && has_primary(l, like))
		WRITE_ONCE(a->flags, a->flags | IFA_F_SECONDARY);
	if (!ip_is4(&a->addr) && !(link_flags(l) & (IFF_LOOPBACK | IFF_NOARP)) && !(a->flags & IFA_F_NODAD) && l->conf.dad_transmits)
		WRITE_ONCE(a->flags, a->flags | IFA_F_TENTATIVE);
	hlist_add_head(&a->hash, bucket(in, &a->addr));
	list_add_tail_rcu(&a->link_node, &l->addrs);
	address_routes(a, true);
	inet_route_changed(in);
	addr_notify(in, a, true);
	*out = a;
	return 0;
}

void ifaddr_remove(struct ifaddr *a)
{
	struct inet *in = a->link->in;
	struct ifaddr *o, *heir = NULL;

	env_spin_assert_held(&in->config);
	hlist_del_rcu(&a->hash);
	list_del_rcu(&a->link_node);
	address_routes(a, false);
	if (ip_is4(&a->addr) && !(a->flags & IFA_F_SECONDARY)) {
		list_for_each_entry(o, &a->link->addrs, link_node) {
			if (!heir && ip_is4(&o->addr) && o->prefix == a->prefix && ip_in_prefix(&o->peer, &a->peer, a->prefix))
				heir = o;
		}
	}
	if (heir) { /* Linux deletes the secondaries unless promote_secondaries, which Debian's systemd sets */
		WRITE_ONCE(heir->flags, heir->flags & ~(u32)IFA_F_SECONDARY);
		address_routes(heir, true);
	}
	inet_route_changed(in);
	addr_notify(in, a, false);
	mcast_address_gone(a);
	if (inet_timer_cancel(in, &a->timer))
		ifaddr_put(a);
	ifaddr_put(a);
}

void ifaddr_activate(struct ifaddr *a)
{
	if (ip_is4(&a->addr)) {
		if (link_is_up(a->link))
			arp_announce(a);
		return;
	}
	mcast_address_added(a);
	if (link_is_up(a->link))
		ndp_start_dad(a);
}

void ifaddr_link_up(struct link *l)
{
	struct inet *in = l->in;
	struct ifaddr *a;
	unsigned long flags = env_spin_lock(&in->config);

	list_for_each_entry(a, &l->addrs, link_node)
		address_routes(a, true);
	env_spin_unlock(&in->config, flags);
	if (link_flags(l) & IFF_LOOPBACK) {
		struct ifaddr like = {.addr = {.b = {[15] = 1}}, .prefix = 128, .scope = RT_SCOPE_HOST, .flags = IFA_F_PERMANENT};

		like.peer = like.addr;
		like.valid_until = like.preferred_until = U64_MAX;
		flags = env_spin_lock(&in->config);
		if (!ifaddr_find(in, &like.addr, l) && !l->conf.disable_ipv6 && ifaddr_add(l, &like, &a))
			env_log(ENV_LOG_WARN, "%s: no memory for its address", link_name(l));
		like.addr = like.peer = (union ipaddr){.w = {0, 0, IP4_MAPPED_WORD, ENDIAN_BE(32, 0x7f000001u)}};
		like.prefix = 104;
		memcpy(like.label, link_name(l), LINK_NAME);
		if (!ifaddr_find(in, &like.addr, l) && ifaddr_add(l, &like, &a))
			env_log(ENV_LOG_WARN, "%s: no memory for its address", link_name(l));
		env_spin_unlock(&in->config, flags);
		return;
	}
	list_for_each_entry_rcu(a, &l->addrs, link_node)
		ifaddr_activate(a);
	ndp_link_up(l);
}

/* IPv6 addresses go with the link, as on Linux; those of IPv4 stay without their routes. */
void ifaddr_link_down(struct link *l)
{
	struct inet *in = l->in;
	struct ifaddr *a, *tmp;
	unsigned long flags;

	ndp_link_down(l);
	fib_link_down(l);
	flags = env_spin_lock(&in->config);
	list_for_each_entry_safe(a, tmp, &l->addrs, link_node)
		if (!ip_is4(&a->addr))
			ifaddr_remove(a);
	env_spin_unlock(&in->config, flags);
}

void ifaddr_link_gone(struct link *l)
{
	struct inet *in = l->in;
	struct ifaddr *a, *tmp;
	unsigned long flags = env_spin_lock(&in->config);

	list_for_each_entry_safe(a, tmp, &l->addrs, link_node)
		ifaddr_remove(a);
	env_spin_unlock(&in->config, flags);
}

int ifaddr_init(struct inet *in)
{
	in->addrs = env_alloc(sizeof(*in->addrs), ENV_ALLOC_ZERO);
	return in->addrs ? 0 : -ENOMEM;
}

void ifaddr_fini(struct inet *in)
{
	if (in->addrs)
		env_free(in->addrs, sizeof(*in->addrs));
	in->addrs = NULL;
}
