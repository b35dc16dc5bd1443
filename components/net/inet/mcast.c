/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups of links and of sockets. A link's group is used by so many members; the first tells the routers, the last says goodbye. Sources
 * are filtered for each socket; towards routers a group is joined for all sources, which includes what is wanted [rfc3376 3.2].
 */
#include "mcast_impl.h"

#define SECOND_NS 1000000000ull
#define UNSOLICITED_NS SECOND_NS /* [rfc3376 8.11] [rfc3810 9.11] */

static struct mc_group *group_find(struct link *l, const union ipaddr *addr)
{
	struct mc_group *g;

	list_for_each_entry_rcu(g, &l->groups, node)
		if (ip_equal(&g->addr, addr))
			return g;
	return NULL;
}

bool mcast_is_member(struct link *l, const union ipaddr *group, const union ipaddr *src)
{
	if (!ip_is4(group) && (group->b[1] & 0xf) == 1) /* interface-local */
		return true;
	return group_find(l, group) != NULL;
}

bool mcast_is_quiet(const union ipaddr *group)
{
	if (ip_is4(group))
		return group->w[3] == ENDIAN_BE(32, 0xe0000001u);
	/* ff02::1 and the scopes that do not leave the host [rfc3810 6]. */
	return (group->b[1] & 0xf) < 2 ||
	       (group->w[0] == ENDIAN_BE(32, 0xff020000u) && !group->w[1] && !group->w[2] && group->w[3] == ENDIAN_BE(32, 1u));
}

static void free_group(struct env_rcu *r)
{
	struct mc_group *g = container_of(r, struct mc_group, rcu);

	env_free(g, sizeof(*g));
}

static void say(struct link *l, const union ipaddr *group, enum mc_say what)
{
	if (mcast_is_quiet(group) || !link_is_up(l) || (link_flags(l) & IFF_LOOPBACK))
		return;
	if (ip_is4(group))
		igmp_send(l, group, what);
	else
		mld_send(l, group, what);
}

/* ---- reports in time ---- */

/* With config: when the timer must fire next. */
static void rearm(struct link *l)
{
	u64 next = U64_MAX;
	struct mc_group *g;

	list_for_each_entry(g, &l->groups, node)
		if (g->report_at)
			next = min(next, g->report_at);
	if (next != U64_MAX && !READ_ONCE(l->gone))
		(void)inet_timer_arm(l->in, &l->mc_timer, next);
}

/* One report that is due, or NULL; what follows it is planned. With config. */
static struct mc_group *take_due(struct link *l, u64 now, enum mc_say *what)
{
	struct mc_group *g;

	list_for_each_entry(g, &l->groups, node) {
		if (!g->report_at || g->report_at > now)
			continue;
		*what = g->changes ? MC_SAY_JOIN : MC_SAY_MEMBER;
		if (g->changes)
			g->changes--;
		g->reporter = true;
		g->report_at = g->changes ? now + 1 + inet_random_below((u32)UNSOLICITED_NS) : 0;
		return g;
	}
	return NULL;
}

static void report_timer(struct inet *in, struct inet_timer *t)
{
	struct link *l = container_of(t, struct link, mc_timer);
	u64 now = env_now();

	for (;;) {
		enum mc_say what = MC_SAY_MEMBER;
		unsigned long flags = env_spin_lock(&in->config);
		struct mc_group *g = take_due(l, now, &what);

		if (!g)
			rearm(l);
		env_spin_unlock(&in->config, flags);
		if (!g)
			return;
		say(l, &g->addr, what);
	}
}

void mcast_query(struct link *l, const union ipaddr *group, bool v4, u64 max_ns)
{
	struct inet *in = l->in;
	u64 now = env_now();
	struct mc_group *g;
	unsigned long flags = env_spin_lock(&in->config);

	list_for_each_entry(g, &l->groups, node) {
		u64 at = now + 1 + (max_ns ? (u64)inet_random_below((u32)min_t(u64, max_ns, U32_MAX)) : 0);

		if (ip_is4(&g->addr) != v4 || mcast_is_quiet(&g->addr) || (!ip_is_any(group) && !ip_equal(group, &g->addr)))
			continue;
		if (!g->report_at || g->report_at > at)
			g->report_at = at;
	}
	rearm(l);
	env_spin_unlock(&in->config, flags);
}

void mcast_heard_report(struct link *l, const union ipaddr *group)
{
	unsigned long flags = env_spin_lock(&l->in->config);
	struct mc_group *g = group_find(l, group);

	if (g && !g->changes) {
		g->report_at = 0;
		g->reporter = false;
	}
	env_spin_unlock(&l->in->config, flags);
}

/* ---- members of a link ---- */

/* @wait_ns: when to speak about it first; with config held or not as said by the caller. */
static int link_join_locked(struct link *l, const union ipaddr *addr)
{
	struct mc_group *g = group_find(l, addr);

	if (g) {
		g->users++;
		return 0;
	}
	g = env_alloc(sizeof(*g), ENV_ALLOC_NOWAIT | ENV_ALLOC_ZERO);
	if (!g)
		return -ENOBUFS;
	g->addr = *addr;
	g->users = 1;
	if (!mcast_is_quiet(addr) && link_is_up(l)) {
		g->changes = ip_is4(addr) ? l->igmp_robust : l->mld_robust;
		g->report_at = env_now() + 1;
	}
	list_add_tail_rcu(&g->node, &l->groups);
	rearm(l);
	env_work_queue(&l->filter_work);
	return 0;
}

/* True: the last has left. */
static bool link_leave_locked(struct link *l, const union ipaddr *addr)
{
	struct mc_group *g = group_find(l, addr);

	if (!g || --g->users)
		return false;
	list_del_rcu(&g->node);
	env_rcu_call(&g->rcu, free_group);
	env_work_queue(&l->filter_work);
	return true;
}

static int link_join(struct link *l, const union ipaddr *addr)
{
	unsigned long flags = env_spin_lock(&l->in->config);
	int err = READ_ONCE(l->gone) ? -ENODEV : link_join_locked(l, addr);

	env_spin_unlock(&l->in->config, flags);
	return err;
}

static void link_leave(struct link *l, const union ipaddr *addr)
{
	unsigned long flags = env_spin_lock(&l->in->config);
	bool last = link_leave_locked(l, addr);

	env_spin_unlock(&l->in->config, flags);
	if (last)
		say(l, addr, MC_SAY_LEAVE);
}

static const union ipaddr all_hosts = {.w = {0, 0, IP4_MAPPED_WORD, ENDIAN_BE(32, 0xe0000001u)}};
static const union ipaddr all_nodes = {.w = {ENDIAN_BE(32, 0xff020000u), 0, 0, ENDIAN_BE(32, 1u)}};
static const union ipaddr all_routers = {.w = {ENDIAN_BE(32, 0xff020000u), 0, 0, ENDIAN_BE(32, 2u)}};

void mcast_link_init(struct link *l)
{
	inet_timer_init(&l->mc_timer, report_timer);
}

void mcast_link_up(struct link *l)
{
	struct mc_group *g;
	unsigned long flags;

	(void)link_join(l, &all_hosts);
	(void)link_join(l, &all_nodes);
	if (l->in->conf.ip6_forwarding)
		(void)link_join(l, &all_routers);
	flags = env_spin_lock(&l->in->config);
	list_for_each_entry(g, &l->groups, node) {
		if (mcast_is_quiet(&g->addr))
			continue;
		g->changes = l->igmp_robust;
		g->report_at = env_now() + 1;
	}
	rearm(l);
	env_spin_unlock(&l->in->config, flags);
}

void mcast_link_down(struct link *l)
{
	link_leave(l, &all_hosts);
	link_leave(l, &all_nodes);
	link_leave(l, &all_routers);
	(void)inet_timer_cancel(l->in, &l->mc_timer);
}

/* Sockets that joined here find the group gone when they leave. */
void mcast_link_gone(struct link *l)
{
	struct mc_group *g, *tmp;
	unsigned long flags = env_spin_lock(&l->in->config);

	list_for_each_entry_safe(g, tmp, &l->groups, node) {
		list_del_rcu(&g->node);
		env_rcu_call(&g->rcu, free_group);
	}
	env_spin_unlock(&l->in->config, flags);
	(void)inet_timer_cancel(l->in, &l->mc_timer);
}

static union ipaddr solicited_node(const union ipaddr *a)
{
	return (union ipaddr){.w = {ENDIAN_BE(32, 0xff020000u), 0, ENDIAN_BE(32, 1u), a->w[3] | ENDIAN_BE(32, 0xff000000u)}};
}

void mcast_address_added(struct ifaddr *a)
{
	union ipaddr g = solicited_node(&a->addr);

	if (link_flags(a->link) & IFF_LOOPBACK || a->snm_joined)
		return;
	a->snm_joined = true;
	(void)link_join(a->link, &g);
}

void mcast_address_gone(struct ifaddr *a)
{
	union ipaddr g = solicited_node(&a->addr);

	env_spin_assert_held(&a->link->in->config);
	if (!ip_is4(&a->addr) && a->snm_joined)
		(void)link_leave_locked(a->link, &g); /* without a word: routers find out by asking */
}

void mcast_mac(const union ipaddr *dst, u8 *mac)
{
	if (ip_is4(dst)) {
		mac[0] = 1;
		mac[1] = 0;
		mac[2] = 0x5e;
		mac[3] = dst->b[13] & 0x7f;
		mac[4] = dst->b[14];
		mac[5] = dst->b[15];
	} else {
		mac[0] = mac[1] = 0x33;
		memcpy(mac + 2, dst->b + 12, 4);
	}
}

#define FILTER_MAX 64

/* What the nic shall let through. */
void mcast_set_filter(struct link *l)
{
	u8 macs[FILTER_MAX][6];
	struct iobuf buf;
	u32 flags = 0;
	unsigned n = 0;
	struct mc_group *g;
	struct link_mac *m;
	unsigned long irq;

	if (!l->nic.ops || !link_is_up(l))
		return;
	if (READ_ONCE(l->promisc) || (link_flags(l) & IFF_PROMISC))
		flags |= NIC_FILTER_PROMISC;
	if (READ_ONCE(l->allmulti) || (link_flags(l) & IFF_ALLMULTI))
		flags |= NIC_FILTER_ALL_MULTICAST;
	env_rcu_enter();
	list_for_each_entry_rcu(g, &l->groups, node) {
		if (n == FILTER_MAX) {
			flags |= NIC_FILTER_ALL_MULTICAST;
			break;
		}
		mcast_mac(&g->addr, macs[n++]);
	}
	env_rcu_exit();
	irq = env_spin_lock(&l->in->config);
	list_for_each_entry(m, &l->macs, node) {
		if (n == FILTER_MAX) {
			flags |= NIC_FILTER_PROMISC; /* it may be an address that is no group's */
			break;
		}
		memcpy(macs[n++], m->mac, 6);
	}
	env_spin_unlock(&l->in->config, irq);
	iobuf_init_kernel(&buf, macs, n * 6);
	l->nic.ops->set_filter(l->nic.self, flags, &buf, n);
}

/* ---- sockets ---- */

static struct sock_member *member_find(const struct sock *s, const union ipaddr *group, u32 ifindex)
{
	struct sock_member *m;

	list_for_each_entry_rcu(m, &s->members, node)
		if (ip_equal(&m->group, group) && (!ifindex || m->ifindex == ifindex))
			return m;
	return NULL;
}

static bool lists(const struct sock_member *m, const union ipaddr *source)
{
	for (u32 i = 0; i < LOAD_ACQUIRE(m->nsources); i++)
		if (ip_equal(&m->sources[i], source))
			return true;
	return false;
}

bool mcast_sock_wants(const struct sock *s, const union ipaddr *group, const union ipaddr *src, u32 ifindex)
{
	const struct sock_member *m = member_find(s, group, ifindex);

	if (!m)
		return ip_is4(group) ? s->mc_all : s->mc_all6;
	return lists(m, src) == !m->exclude;
}

static int member_create(struct sock *s, const union ipaddr *group, struct link *l, const union ipaddr *source)
{
	u32 limit = ip_is4(group) ? s->in->conf.igmp_max_memberships : s->in->conf.optmem_max / (u32)sizeof(struct sock_member), n = 0;
	struct sock_member *m, *o;
	int err;

	list_for_each_entry(o, &s->members, node)
		n++;
	if (n >= limit)
		return -ENOBUFS;
	m = env_alloc(sizeof(*m), ENV_ALLOC_NOWAIT | ENV_ALLOC_ZERO);
	if (!m)
		return -ENOMEM;
	err = link_join_locked(l, group);
	if (err) {
		env_free(m, sizeof(*m));
		return err;
	}
	m->group = *group;
	m->ifindex = l->ifindex;
	m->exclude = !source;
	if (source)
		m->sources[m->nsources++] = *source;
	list_add_tail_rcu(&m->node, &s->members);
	return 0;
}

u32 mcast_sources_max(const struct sock *s, u32 family)
{
	return family == AF_INET ? min(s->in->conf.igmp_max_msf, (u32)SOURCES_MAX) : SOURCES_MAX;
}

static int add_source(struct sock *s, struct sock_member *m, const union ipaddr *source)
{
	if (m->nsources >= mcast_sources_max(s, ip_is4(source) ? AF_INET : AF_INET6))
		return -ENOBUFS;
	m->sources[m->nsources] = *source;
	STORE_RELEASE(m->nsources, m->nsources + 1);
	return 0;
}

static int join_locked(struct sock *s, const union ipaddr *group, struct link *l, const union ipaddr *source)
{
	struct sock_member *m = member_find(s, group, l->ifindex);

	if (READ_ONCE(l->gone))
		return -ENODEV;
	if (!m)
		return member_create(s, group, l, source);
	if (!source || (m->exclude && m->nsources))
		return source ? -EINVAL : -EADDRINUSE;
	m->exclude = false; /* one that named no sources may begin to */
	return lists(m, source) ? -EADDRNOTAVAIL : add_source(s, m, source);
}

int mcast_sock_join(struct sock *s, const union ipaddr *group, u32 ifindex, const union ipaddr *source)
{
	struct link *l = link_by_index(s->in, ifindex);
	unsigned long flags;
	int err;

	if (!l)
		return -ENODEV;
	flags = env_spin_lock(&s->in->config);
	err = join_locked(s, group, l, source);
	env_spin_unlock(&s->in->config, flags);
	return err;
}

static void member_free(struct env_rcu *r)
{
	struct sock_member *m = container_of(r, struct sock_member, rcu);

	env_free(m, sizeof(*m));
}

/* With config. The link whose last member this was, or NULL. */
static struct link *member_drop(struct sock *s, struct sock_member *m)
{
	struct link *l = link_by_index(s->in, m->ifindex);

	list_del_rcu(&m->node);
	env_rcu_call(&m->rcu, member_free);
	return l && link_leave_locked(l, &m->group) ? l : NULL;
}

static int drop_source(struct sock_member *m, const union ipaddr *source)
{
	for (u32 i = 0; i < m->nsources; i++) {
		if (!ip_equal(&m->sources[i], source))
			continue;
		m->sources[i] = m->sources[m->nsources - 1]; /* a reader beside it may err about one packet */
		STORE_RELEASE(m->nsources, m->nsources - 1);
		return 0;
	}
	return -EADDRNOTAVAIL;
}

int mcast_sock_leave(struct sock *s, const union ipaddr *group, u32 ifindex, const union ipaddr *source)
{
	unsigned long flags = env_spin_lock(&s->in->config);
	struct sock_member *m = member_find(s, group, ifindex);
	struct link *last = NULL;
	int err = 0;

	if (!m)
		err = ifindex && !link_by_index(s->in, ifindex) ? -ENODEV : -EADDRNOTAVAIL;
	else if (source && m->exclude)
		err = m->nsources ? -EINVAL : -EADDRNOTAVAIL;
	else if (source)
		err = drop_source(m, source);
	if (!err && (!source || !m->nsources))
		last = member_drop(s, m);
	env_spin_unlock(&s->in->config, flags);
	if (last)
		say(last, group, MC_SAY_LEAVE);
	return err;
}

int mcast_sock_block(struct sock *s, const union ipaddr *group, u32 ifindex, const union ipaddr *source, bool block)
{
	unsigned long flags = env_spin_lock(&s->in->config);
	struct sock_member *m = member_find(s, group, ifindex);
	int err;

	if (!m)
		err = -EINVAL;
	else if (!m->exclude)
		err = -EINVAL;
	else if (block)
		err = lists(m, source) ? -EADDRNOTAVAIL : add_source(s, m, source);
	else
		err = drop_source(m, source);
	env_spin_unlock(&s->in->config, flags);
	return err;
}

int mcast_sock_filter(struct sock *s, const union ipaddr *group, u32 ifindex, bool exclude, const union ipaddr *sources, u32 n)
{
	struct sock_member *m = env_alloc(sizeof(*m), ENV_ALLOC_NOWAIT | ENV_ALLOC_ZERO), *old;
	unsigned long flags;

	if (!m)
		return -ENOBUFS;
	memcpy(m->sources, sources, n * sizeof(*sources));
	m->group = *group;
	m->ifindex = ifindex;
	m->exclude = exclude;
	m->nsources = n;
	flags = env_spin_lock(&s->in->config);
	old = member_find(s, group, ifindex);
	if (old) {
		list_add_tail_rcu(&m->node, &s->members); /* a reader finds one or the other */
		list_del_rcu(&old->node);
		env_rcu_call(&old->rcu, member_free);
	}
	env_spin_unlock(&s->in->config, flags);
	if (!old)
		env_free(m, sizeof(*m));
	return old ? 0 : -EINVAL;
}

int mcast_sock_filter_get(struct sock *s, const union ipaddr *group, u32 ifindex, bool *out_exclude, union ipaddr *sources, u32 *out_n)
{
	unsigned long flags = env_spin_lock(&s->in->config);
	struct sock_member *m = member_find(s, group, ifindex);

	if (m) {
		*out_exclude = m->exclude;
		*out_n = m->nsources;
		memcpy(sources, m->sources, m->nsources * sizeof(*sources));
	}
	env_spin_unlock(&s->in->config, flags);
	return m ? 0 : -EADDRNOTAVAIL;
}

void mcast_sock_leave_all(struct sock *s)
{
	for (;;) {
		unsigned long flags;
		struct sock_member *m;
		struct link *last;
		union ipaddr group;

		if (likely(list_empty(&s->members)))
			return;
		flags = env_spin_lock(&s->in->config);
		m = list_first_entry_or_null(&s->members, struct sock_member, node);
		group = m ? m->group : all_hosts;
		last = m ? member_drop(s, m) : NULL;
		env_spin_unlock(&s->in->config, flags);
		if (last)
			say(last, &group, MC_SAY_LEAVE);
	}
}
