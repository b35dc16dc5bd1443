/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Where a packet goes: rules choose a table, the table the longest prefix, that a next hop, that a link and (neigh.h) a link address.
 */
#include "core.h"

struct neigh;
struct ifaddr;

/* What a lookup asks. Unset fields are 0. */
struct inet_flow {
	union ipaddr src, dst; /* src any: to be chosen */
	u32 oif, iif;	       /* interfaces, 0: any */
	u32 mark, uid;
	u16 sport, dport; /* host order */
	u8 proto, tos, scope;
	u8 flags; /* enum flow_flags */
};

enum flow_flags {
	FLOW_ANYSRC = 1,	/* the source need not be ours (IP_TRANSPARENT, IP_FREEBIND, raw headers) */
	FLOW_FORWARD = 2,	/* a packet passing through: iif is where it came in */
	FLOW_ONLINK = 4,	/* SO_DONTROUTE: the destination is a neighbour */
};

/*
 * The answer, by value; good inside a read section while inet_route_valid says so. A socket keeps one and asks before each use.
 */
struct inet_route {
	u64 gen, neigh_gen; /* 0: empty */
	struct link *link;
	struct neigh *neigh; /* NULL: not looked up yet */
	union ipaddr src;    /* the one asked for, or the one chosen */
	union ipaddr dst;
	union ipaddr hop;    /* next hop: gateway or dst */
	u32 mtu;	     /* of the path, IP header included */
	u32 advmss, window, rtt_ms, initcwnd, initrwnd; /* metrics; 0: none */
	u8 type;	     /* RTN_UNICAST, RTN_LOCAL, RTN_BROADCAST, RTN_MULTICAST */
	u8 hop_limit;	     /* 0: default */
	bool mtu_locked, gateway;
	u32 features; /* RTAX_FEATURE_* */
	u32 table, priority;
};

static inline bool inet_route_valid(const struct inet *in, const struct inet_route *r)
{
	return r->gen && r->gen == __atomic_load_n(&in->route_gen, __ATOMIC_ACQUIRE);
}

/*
 * Find a route and, if flow->src is any, a source address [rfc6724 5] [rfc1122 3.3.4.3].
 * Context: read section.  Returns: 0; -ENETUNREACH no route; -EHOSTUNREACH, -EACCES, -EINVAL by the route's type;
 * -EADDRNOTAVAIL no source.
 */
int inet_route_lookup(struct inet *in, const struct inet_flow *flow, struct inet_route *out) MUST_CHECK;

/* An ICMP error told the path's MTU to @dst [rfc1191 6] [rfc8201 5.2]; the caller has checked that the error is about something it sent. */
void inet_pmtu_update(struct inet *in, const union ipaddr *dst, u32 mtu);
/* A better first hop for @dst [rfc4861 8.3] [rfc1122 3.2.2.2]. */
void inet_redirect(struct inet *in, struct link *l, const union ipaddr *from, const union ipaddr *dst, const union ipaddr *hop);

/* ---- addresses of ours (ifaddr.c) ---- */

struct ifaddr {
	struct list_head link_node; /* link->addrs */
	struct hlist_node hash;	    /* addr_table */
	struct link *link;
	union ipaddr addr, peer, broadcast; /* peer: the other end, or addr */
	u8 prefix;			    /* of 128 */
	u8 scope, proto;
	u32 flags; /* IFA_F_* */
	u32 metric;
	char label[16];
	u64 created_ns, changed_ns;
	u64 valid_until, preferred_until; /* ns of env_now; U64_MAX: for ever */
	u8 dad_left;
	bool snm_joined; /* its solicited-node group */
	u32 dad_failed;
	u64 dad_nonce;
	struct inet_timer timer; /* DAD, then lifetimes */
	struct refcount refs;
	struct env_rcu rcu;
};

/* Is it an address of an interface of ours (@l NULL: any)? Read section. NULL: no. */
struct ifaddr *ifaddr_find(struct inet *in, const union ipaddr *addr, const struct link *l);
/* May a socket bind to it: ours, or any/multicast/broadcast. */
bool inet_addr_is_local(struct inet *in, const union ipaddr *addr, u32 ifindex);
/* One of RTN_LOCAL, RTN_BROADCAST, RTN_MULTICAST, RTN_UNICAST. */
u8 inet_addr_type(struct inet *in, const union ipaddr *addr);
