/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trie and its routes; see route_impl.h.
 */
#include "route_impl.h"


static unsigned bit_of(const union ipaddr *a, unsigned i)
{
	return a->b[i / 8] >> (7 - i % 8) & 1;
}

struct fib_node *fib_lookup(const struct fib_table *t, const union ipaddr *dst, unsigned max_len)
{
	struct fib_node *n = LOAD_ACQUIRE(t->root), *best = NULL;

	while (n && n->len <= max_len && ip_in_prefix(dst, &n->key, n->len)) {
		if (!list_empty(&n->routes))
			best = n;
		if (n->len == 128)
			break;
		n = LOAD_ACQUIRE(n->child[bit_of(dst, n->len)]);
	}
	return best;
}

static struct fib_node *node_create(const union ipaddr *key, unsigned len)
{
	struct fib_node *n = env_alloc(sizeof(*n), ENV_ALLOC_NOWAIT | ENV_ALLOC_ZERO);

	if (n) {
		n->key = ip_mask(key, len);
		n->len = (u8)len;
		list_init(&n->routes);
	}
	return n;
}

/* The node of exactly that prefix, made if need be; NULL: no memory. */
static struct fib_node *node_get(struct fib_table *t, const union ipaddr *key, unsigned len)
{
	struct fib_node **at = &t->root, *n, *leaf, *fork;
	unsigned common;

	while ((n = *at) && n->len <= len && ip_in_prefix(key, &n->key, n->len)) {
		if (n->len == len)
			return n;
		at = &n->child[bit_of(key, n->len)];
	}
	leaf = node_create(key, len);
	if (!leaf || !n) {
		if (leaf)
			STORE_RELEASE(*at, leaf);
		return leaf;
	}
	common = min(min(ip_common_bits(key, &n->key), (unsigned)n->len), len);
	if (common == len) { /* the new one lies above */
		leaf->child[bit_of(&n->key, len)] = n;
		STORE_RELEASE(*at, leaf);
		return leaf;
	}
	fork = node_create(key, common);
	if (!fork) {
		env_free(leaf, sizeof(*leaf));
		return NULL;
	}
	fork->child[bit_of(key, common)] = leaf;
	fork->child[bit_of(&n->key, common)] = n;
	STORE_RELEASE(*at, fork);
	return leaf;
}

static struct fib_node *node_find(const struct fib_table *t, const union ipaddr *key, unsigned len)
{
	struct fib_node *n = LOAD_ACQUIRE(t->root);

	while (n && n->len < len && ip_in_prefix(key, &n->key, n->len))
		n = LOAD_ACQUIRE(n->child[bit_of(key, n->len)]);
	return n && n->len == len && ip_in_prefix(key, &n->key, len) ? n : NULL;
}

static void node_free_rcu(struct env_rcu *r)
{
	struct fib_node *n = container_of(r, struct fib_node, rcu);

	env_free(n, sizeof(*n));
}

/* Take out nodes on the way to @key that no longer tell anything. */
static void prune(struct fib_table *t, const union ipaddr *key, unsigned len)
{
	for (;;) {
		struct fib_node **at = &t->root, **useless = NULL, *n;

		while ((n = *at) && n->len <= len && ip_in_prefix(key, &n->key, n->len)) {
			if (list_empty(&n->routes) && !(n->child[0] && n->child[1]))
				useless = at;
			if (n->len == 128)
				break;
			at = &n->child[bit_of(key, n->len)];
		}
		if (!useless)
			return;
		n = *useless;
		STORE_RELEASE(*useless, n->child[0] ? n->child[0] : n->child[1]);
		env_rcu_call(&n->rcu, node_free_rcu);
	}
}

/* ---- routes ---- */

static size_t route_bytes(u32 nhops)
{
	return sizeof(struct fib_route) + nhops * sizeof(struct fib_hop);
}

struct fib_route *fib_route_alloc(u32 nhops)
{
	struct fib_route *r = env_alloc(route_bytes(nhops), ENV_ALLOC_NOWAIT | ENV_ALLOC_ZERO);

	if (r) {
		r->nhops = nhops;
		list_init(&r->all);
	}
	return r;
}

void fib_route_free(struct fib_route *r)
{
	if (r)
		env_free(r, route_bytes(r->nhops));
}

static void route_free_rcu(struct env_rcu *rcu)
{
	fib_route_free(container_of(rcu, struct fib_route, rcu));
}

struct fib_table *fib_table_get(struct inet *in, u8 family, u32 id, bool create)
{
	struct fib_table *t;

	list_for_each_entry_rcu(t, &in->fib->tables, node)
		if (t->id == id && t->family == family)
			return t;
	if (!create)
		return NULL;
	env_spin_assert_held(&in->config);
	t = env_alloc(sizeof(*t), ENV_ALLOC_NOWAIT | ENV_ALLOC_ZERO);
	if (!t)
		return NULL;
	t->id = id;
	t->family = family;
	list_init(&t->all);
	list_add_tail_rcu(&t->node, &in->fib->tables);
	return t;
}

static bool same_hops(const struct fib_route *a, const struct fib_route *b)
{
	if (a->nhops != b->nhops)
		return false;
	for (u32 i = 0; i < a->nhops; i++)
		if (a->hops[i].link != b->hops[i].link || !ip_equal(&a->hops[i].gateway, &b->hops[i].gateway) ||
			a->hops[i].weight != b->hops[i].weight)
			return false;
	return true;
}

/* Two routes that a table cannot tell apart. IPv6 has several of one metric: they differ in their hops. */
static bool same_key(const struct fib_route *a, const struct fib_route *b)
{
	return a->tos == b->tos && a->priority == b->priority;
}

static bool identical(const struct fib_route *a, const struct fib_route *b)
{
	return same_key(a, b) && a->type == b->type && (a->family != AF_INET || a->scope == b->scope) && same_hops(a, b);
}

static void link_in(struct inet *in, struct fib_table *t, struct fib_node *n, struct fib_route *r, struct list_head *before)
{
	r->id = in->fib->next_id++;
	list_add_tail_rcu(&r->node, before);
	list_add_tail(&r->all, &t->all);
	inet_route_changed(in);
}

int fib_insert(struct inet *in, struct fib_route *r, u32 flags)
{
	struct fib_table *t = fib_table_get(in, r->family, r->table, true);
	struct fib_node *n = t ? node_get(t, &r->dst, r->len) : NULL;
	struct list_head *before;
	struct fib_route *o, *same = NULL;

	env_spin_assert_held(&in->config);
	if (!n)
		return -ENOMEM;
	before = &n->routes;
	list_for_each_entry(o, &n->routes, node) {
		if (before == &n->routes && (o->tos < r->tos || (o->tos == r->tos && o->priority > r->priority)))
			before = &o->node;
		if (!same_key(o, r))
			continue;
		if (!same || identical(o, r))
			same = o;
	}
	if (same && (flags & NLM_F_EXCL)) {
		if (r->family == AF_INET || identical(same, r))
			return -EEXIST;
	}
	if (same && (flags & NLM_F_REPLACE)) {
		link_in(in, t, n, r, &same->node);
		fib_remove(in, same);
		return 0;
	}
	if (same && identical(same, r))
		return -EEXIST;
	if (same && r->family == AF_INET && !(flags & NLM_F_APPEND) && !(flags & NLM_F_CREATE))
		return -EEXIST;
	if (!same && !(flags & NLM_F_CREATE)) {
		prune(t, &r->dst, r->len);
		return -ENOENT;
	}
	/* Without NLM_F_APPEND an IPv4 route goes before its like ("ip route prepend"). */
	if (same && r->family == AF_INET && !(flags & NLM_F_APPEND)) {
		list_for_each_entry(o, &n->routes, node) {
			if (same_key(o, r)) {
				before = &o->node;
				break;
			}
		}
	}
	link_in(in, t, n, r, before);
	return 0;
}

struct fib_route *fib_find(struct inet *in, u8 family, u32 table, const union ipaddr *dst, u8 len,
	bool (*match)(const struct fib_route *r, const void *arg), const void *arg)
{
	struct fib_table *t = fib_table_get(in, family, table, false);
	struct fib_node *n = t ? node_find(t, dst, len) : NULL;
	struct fib_route *r;

	if (!n)
		return NULL;
	list_for_each_entry_rcu(r, &n->routes, node)
		if (match(r, arg))
			return r;
	return NULL;
}

void fib_remove(struct inet *in, struct fib_route *r)
{
	struct fib_table *t = fib_table_get(in, r->family, r->table, false);

	env_spin_assert_held(&in->config);
	list_del_rcu(&r->node);
	list_del(&r->all);
	inet_route_changed(in);
	prune(t, &r->dst, r->len);
	env_rcu_call(&r->rcu, route_free_rcu);
}

int fib_add_simple(struct inet *in, u8 type, u32 table, const union ipaddr *dst, u8 len, struct link *l, const union ipaddr *prefsrc,
	u32 metric)
{
	struct fib_route *r = fib_route_alloc(1);
	int err;

	if (!r)
		return -ENOMEM;
	r->dst = ip_mask(dst, len);
	r->len = len;
	r->family = ip_is4(dst) ? AF_INET : AF_INET6;
	r->prefsrc = *prefsrc;
	r->type = type;
	r->table = table;
	r->protocol = RTPROT_KERNEL;
	r->priority = metric;
	r->scope = type == RTN_LOCAL ? RT_SCOPE_HOST : r->family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	r->hops[0] = (struct fib_hop){.link = l, .weight = 1};
	err = fib_insert(in, r, NLM_F_CREATE | NLM_F_APPEND);
	if (err)
		fib_route_free(r);
	else
		route_notify(in, r, true);
	return err == -EEXIST ? 0 : err;
}

struct simple_key {
	u8 type;
	const struct link *link;
	const union ipaddr *prefsrc;
};

static bool is_simple(const struct fib_route *r, const void *arg)
{
	const struct simple_key *k = arg;

	return r->type == k->type && r->protocol == RTPROT_KERNEL && r->nhops == 1 && r->hops[0].link == k->link &&
	       (!k->prefsrc || ip_equal(&r->prefsrc, k->prefsrc));
}

void fib_del_simple(struct inet *in, u8 type, u32 table, const union ipaddr *dst, u8 len, const struct link *l, const union ipaddr *prefsrc)
{
	struct simple_key key = {type, l, prefsrc};
	union ipaddr prefix = ip_mask(dst, len);
	struct fib_route *r = fib_find(in, ip_is4(dst) ? AF_INET : AF_INET6, table, &prefix, len, is_simple, &key);

	if (r) {
		route_notify(in, r, false);
		fib_remove(in, r);
	}
}

static bool uses(const struct fib_route *r, const struct link *l)
{
	for (u32 i = 0; i < r->nhops; i++)
		if (r->hops[i].link == l)
			return true;
	return false;
}

static void remove_over(struct link *l, bool keep_local)
{
	struct inet *in = l->in;
	struct fib_table *t;
	struct fib_route *r, *tmp;
	unsigned long flags = env_spin_lock(&in->config);

	list_for_each_entry(t, &in->fib->tables, node) {
		list_for_each_entry_safe(r, tmp, &t->all, all) {
			if (!uses(r, l) || (keep_local && r->type == RTN_LOCAL))
				continue;
			route_notify(in, r, false);
			fib_remove(in, r);
		}
	}
	env_spin_unlock(&in->config, flags);
}

void fib_link_gone(struct link *l)
{
	remove_over(l, false);
}

void fib_link_down(struct link *l)
{
	remove_over(l, true);
}

/* ---- rules ---- */

bool fib_rule_matches(struct inet *in, const struct fib_rule *r, const struct inet_flow *f)
{
	struct link *l;
	bool m = true;

	m &= !r->has_src || ip_in_prefix(&f->src, &r->src, r->src_len);
	m &= !r->has_dst || ip_in_prefix(&f->dst, &r->dst, r->dst_len);
	m &= !((r->mark ^ f->mark) & r->mask);
	m &= !r->tos || r->tos == (f->tos & 0x1c);
	m &= !r->has_uid || (f->uid >= r->uid_low && f->uid <= r->uid_high);
	m &= !r->proto || r->proto == f->proto;
	m &= !r->sport_high || (f->sport >= r->sport_low && f->sport <= r->sport_high);
	m &= !r->dport_high || (f->dport >= r->dport_low && f->dport <= r->dport_high);
	if (m && r->iif[0]) {
		l = f->iif ? link_by_index(in, f->iif) : in->loopback; /* ours come "from lo" */
		m = l && !strncmp(link_name(l), r->iif, LINK_NAME);
	}
	if (m && r->oif[0]) {
		l = link_by_index(in, f->oif);
		m = l && !strncmp(link_name(l), r->oif, LINK_NAME);
	}
	return r->flags & FIB_RULE_INVERT ? !m : m;
}

int fib_rule_add(struct inet *in, struct fib_rule *r)
{
	struct list_head *rules = &in->fib->rules[r->family == AF_INET6];
	struct fib_rule *o;

	list_for_each_entry(o, rules, node)
		if (o->priority > r->priority)
			break;
	list_add_tail_rcu(&r->node, &o->node);
	inet_route_changed(in);
	return 0;
}

static int default_rule(struct inet *in, u8 family, u32 priority, u32 table)
{
	struct fib_rule *r = env_alloc(sizeof(*r), ENV_ALLOC_ZERO);

	if (!r)
		return -ENOMEM;
	r->family = family;
	r->priority = priority;
	r->table = table;
	r->action = FR_ACT_TO_TBL;
	r->protocol = RTPROT_KERNEL;
	r->suppress_prefixlen = -1;
	return fib_rule_add(in, r);
}

int fib_init(struct inet *in)
{
	int err;

	in->fib = env_alloc(sizeof(*in->fib), ENV_ALLOC_ZERO);
	if (!in->fib)
		return -ENOMEM;
	list_init(&in->fib->tables);
	list_init(&in->fib->rules[0]);
	list_init(&in->fib->rules[1]);
	in->fib->next_id = 1;
	err = table_init(&in->fib->exceptions, 10);
	for (unsigned i = 0; i < 2 && !err; i++) {
		err = default_rule(in, i ? AF_INET6 : AF_INET, 0, RT_TABLE_LOCAL);
		err = err ? err : default_rule(in, i ? AF_INET6 : AF_INET, 32766, RT_TABLE_MAIN);
		if (!i && !err)
			err = default_rule(in, AF_INET, 32767, RT_TABLE_DEFAULT);
	}
	return err;
}

void fib_fini(struct inet *in)
{
	struct fib *fib = in->fib;
	struct fib_table *t, *next_table;
	struct fib_rule *r, *next_rule;
	struct fib_route *route, *next_route;
	unsigned long flags;

	if (!fib)
		return;
	flags = env_spin_lock(&in->config);
	list_for_each_entry(t, &fib->tables, node)
		list_for_each_entry_safe(route, next_route, &t->all, all)
			fib_remove(in, route);
	env_spin_unlock(&in->config, flags);
	env_rcu_barrier();
	list_for_each_entry_safe(t, next_table, &fib->tables, node)
		env_free(t, sizeof(*t));
	for (unsigned i = 0; i < 2; i++)
		list_for_each_entry_safe(r, next_rule, &fib->rules[i], node)
			env_free(r, sizeof(*r));
	fib_exceptions_fini(in);
	env_free(fib, sizeof(*fib));
	in->fib = NULL;
}
