/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Routing tables.
 *
 * A table is a path-compressed binary trie of prefixes. Each node has at most two children, by the first bit behind its prefix, and a list
 * of the routes to exactly that prefix, best first. Readers walk down inside a read section; the writer holds in->config, builds a node
 * whole, then publishes it; what is unlinked is freed a grace period later.
 */
#include "link.h"
#include "route.h"

#define FIB_NEXTHOPS_MAX 32
#define FIB_METRICS 18 /* by RTAX_*, 0: not set */

struct fib_hop {
	struct link *link; /* NULL: none (blackhole and so on) */
	union ipaddr gateway; /* any: the destination is a neighbour */
	bool has_gateway;
	u8 flags; /* RTNH_F_* */
	u16 weight; /* >= 1 */
};

struct fib_route {
	struct list_head node; /* fib_node.routes; RCU */
	struct list_head all;  /* fib_table.all: in order of insertion, for dumps; config */
	union ipaddr dst, prefsrc;
	u8 len; /* of 128 */
	u8 family, type, scope, protocol, tos;
	u32 table, priority, flags; /* RTM_F_*, RTF_* of IPv6 */
	u64 expires_ns; /* 0: never */
	u32 metrics[FIB_METRICS];
	u32 metrics_lock;
	u8 pref;
	u64 id; /* order of creation: where a dump goes on */
	struct env_rcu rcu;
	u32 nhops;
	struct fib_hop hops[];
};

struct fib_node {
	union ipaddr key;
	u8 len;
	struct fib_node *child[2]; /* published */
	struct list_head routes;
	struct env_rcu rcu;
};

struct fib_table {
	struct list_head node; /* fib.tables; RCU; never removed before the end */
	u32 id;
	u8 family;
	struct fib_node *root; /* published */
	struct list_head all;
};

struct fib_rule {
	struct list_head node; /* fib.rules[]; RCU; by priority */
	u8 family, action, tos, proto, protocol;
	u32 priority, table, target, flags; /* FIB_RULE_INVERT */
	union ipaddr src, dst;
	u8 src_len, dst_len; /* of 128 */
	bool has_src, has_dst, has_uid, l3mdev;
	u32 mark, mask, uid_low, uid_high;
	s32 suppress_prefixlen; /* -1: none */
	u16 sport_low, sport_high, dport_low, dport_high;
	char iif[LINK_NAME], oif[LINK_NAME];
	struct env_rcu rcu;
};

struct fib {
	struct list_head tables;
	struct list_head rules[2]; /* IPv4, IPv6 */
	u64 next_id;
	struct table exceptions; /* struct fib_exception */
};

int fib_init(struct inet *in) MUST_CHECK;
void fib_fini(struct inet *in);
int ifaddr_init(struct inet *in) MUST_CHECK;
void ifaddr_fini(struct inet *in);
int loopback_init(struct inet *in) MUST_CHECK;
void loopback_fini(struct inet *in);

struct fib_route *fib_route_alloc(u32 nhops);
void fib_route_free(struct fib_route *r);
/* NULL: none; or with @create no memory. config held for create. */
struct fib_table *fib_table_get(struct inet *in, u8 family, u32 id, bool create);
/*
 * Put @r into its table. config held. @flags: NLM_F_CREATE, EXCL, REPLACE, APPEND as rtnetlink(7). On success the table owns it; a route
 * that it replaced is gone. -EEXIST, -ENOENT, -ENOMEM.
 */
int fib_insert(struct inet *in, struct fib_route *r, u32 flags) MUST_CHECK;
/* The first route that match says is meant. config held. */
struct fib_route *fib_find(struct inet *in, u8 family, u32 table, const union ipaddr *dst, u8 len,
	bool (*match)(const struct fib_route *r, const void *arg), const void *arg);
void fib_remove(struct inet *in, struct fib_route *r); /* config held; freed after a grace period */
/* Longest prefix of @t for @dst that is at most @max_len long; NULL: none. */
struct fib_node *fib_lookup(const struct fib_table *t, const union ipaddr *dst, unsigned max_len);
/* Routes of the kernel's own making: RTPROT_KERNEL. config held. */
int fib_add_simple(struct inet *in, u8 type, u32 table, const union ipaddr *dst, u8 len, struct link *l, const union ipaddr *prefsrc,
	u32 metric);
void fib_del_simple(struct inet *in, u8 type, u32 table, const union ipaddr *dst, u8 len, const struct link *l, const union ipaddr *prefsrc);
void fib_link_gone(struct link *l);   /* all routes over it */
void fib_link_down(struct link *l);   /* those that go with it */
int fib_rule_add(struct inet *in, struct fib_rule *r); /* config held; owns it */
bool fib_rule_matches(struct inet *in, const struct fib_rule *r, const struct inet_flow *f);
void fib_exceptions_fini(struct inet *in); /* route.c */

/* ifaddr.c. config held for add and remove. */
int ifaddr_add(struct link *l, const struct ifaddr *like, struct ifaddr **out) MUST_CHECK; /* -EEXIST -ENOMEM */
void ifaddr_remove(struct ifaddr *a);
void ifaddr_activate(struct ifaddr *a); /* its routes, groups, DAD; no lock */
struct ifaddr *ifaddr_lookup(const struct link *l, const union ipaddr *addr, u8 prefix); /* prefix 0: any */
void ifaddr_link_up(struct link *l);
void ifaddr_link_down(struct link *l);
void ifaddr_link_gone(struct link *l);
/* The best source of @l, or of any link, for @dst; any: none. Read section. */
union ipaddr ifaddr_select(struct inet *in, const struct link *l, const union ipaddr *dst, const union ipaddr *hop);
void ifaddr_set_lifetimes(struct ifaddr *a, u32 valid_s, u32 preferred_s);
void ifaddr_free_rcu(struct env_rcu *r);
static inline void ifaddr_put(struct ifaddr *a)
{
	if (refcount_dec_and_test(&a->refs))
		env_rcu_call(&a->rcu, ifaddr_free_rcu);
}

/* Notifications (notify.c); in a read section, without locks. @new false: it is gone. */
void route_notify(struct inet *in, const struct fib_route *r, bool new);
void addr_notify(struct inet *in, const struct ifaddr *a, bool new);
