/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * One instance of the protocol family: one network namespace.
 *
 * Entry. Everything runs in threads: calls of the port, polling of links, timers (whose interrupt only queues work). Each entry is
 *
 *	inet_enter(in);		a read section begins: pointers found in tables stay, the CPU stays
 *	...			locks are taken and left; packets for ourselves and wake-ups are only queued
 *	inet_leave(in);		what was queued is delivered, with no lock held; the section ends
 *
 * so that a packet sent over the loopback is received by the sender's own thread, after its locks are gone, and a client's ready() never
 * runs under a lock of ours.
 *
 * Locks, in this order (ranks in brackets):
 *
 *	control [NET]		a mutex: links come, go, up and down one at a time; the only one under which anything sleeps
 *	config [NET+1]		one: links, addresses, routes, rules, groups are changed under it; readers have read sections
 *	sock [NET_CONN]	one per socket; never two at once
 *	table stripes [NET_CONN+1]	ports, hashes of sockets, fragments; a neighbour [the same class group]
 *	queues [NET_QUEUE]	wheel, backlog, wake list, link transmit; leaves
 *
 * Generations. in->route_gen moves with every change of configuration, in->neigh_gen when a neighbour is unlinked. What was looked up and
 * carries both is good while they are the same; objects are freed a grace period after their generation ended.
 */
#include <env/lock.h>
#include <env/log.h>
#include <env/mem.h>
#include <env/rcu.h>
#include <env/task.h>
#include <env/time.h>
#include <lib/errno.h>
#include <lib/hash.h>
#include "addr.h"
#include "pkt.h"
#include "stats.h"
#include "table.h"
#include "timer.h"

#define INET_SHARDS 8 /* by CPU */

#define RANK_INET_CONTROL ENV_RANK_NET
#define RANK_INET_CONFIG (ENV_RANK_NET + 1)
#define RANK_INET_SOCK ENV_RANK_NET_CONN
#define RANK_INET_MINI (ENV_RANK_NET_CONN + 1)
#define RANK_INET_TABLE (ENV_RANK_NET_CONN + 2)
#define RANK_INET_QUEUE ENV_RANK_NET_QUEUE
#define RANK_INET_LEAF (ENV_RANK_NET_QUEUE + 1)

struct inet_shard {
	u64 stats[INET_NSTATS]; /* atomic */
	struct env_spin lock;	/* QUEUE: the two lists */
	struct pkt_queue backlog; /* of the loopback */
	struct list_head wake;	  /* sock.wake_node; each with a reference */
	struct pkt_queue notes;	  /* netlink notifications; cb[0] is the group */
	u32 draining;		  /* atomic: somebody delivers */
	struct env_work work;	  /* delivers what was left over the budget */
	struct env_spin wheel_lock; /* LEAF */
	struct wheel wheel;
	struct list_head due;
	u64 armed_for; /* wheel_lock: when tick fires */
	struct env_timer tick;
	struct env_work tick_work;
	struct inet *in;
};

/* sysctls; plain words, read once each. Names as below /proc/sys/net. */
struct inet_conf {
	u32 ip_forward, ip_default_ttl, ip_no_pmtu_disc, ip_nonlocal_bind, ip_unprivileged_port_start;
	u32 ip_port_low, ip_port_high;
	u32 icmp_echo_ignore_all, icmp_echo_ignore_broadcasts, icmp_ratelimit_ms, icmp_ratemask, icmp_msgs_per_sec, icmp_msgs_burst;
	u32 accept_redirects, send_redirects, rp_filter, accept_source_route, ignore_linkdown;
	u32 ping_group_low, ping_group_high;
	u32 ipfrag_high_thresh, ipfrag_time_s, ipfrag_max_dist;
	u32 igmp_max_memberships, igmp_max_msf;
	u32 ip6_forwarding, ip6_hop_limit, ip6_bindv6only, ip6_accept_ra, ip6_autoconf, ip6_dad_transmits, ip6_disable;
	u32 neigh_gc_thresh1, neigh_gc_thresh2, neigh_gc_thresh3, neigh_unres_qlen_bytes;
	u32 rmem_default, rmem_max, wmem_default, wmem_max, optmem_max;
	u32 udp_early_demux;
};

struct fib;
struct neigh_table;
struct addr_table;
struct frag_table;
struct udp_tables;
struct raw_tables;
struct sock_table;
struct tcp_tables;
struct icmp_limits;

extern const struct inet_ops inet_ops; /* ops.c */
extern const struct inet_provider inet_provider;

struct inet {
	const struct inet_client_ops *client_ops;
	void *client;
	u64 route_gen, neigh_gen; /* atomic */
	struct env_mutex control;
	struct env_spin config;
	struct list_head links; /* config; RCU: struct link by ifindex */
	struct link *loopback;
	struct inet_conf conf;
	struct siphash_key key; /* of hashes that an attacker may choose the input of */
	u64 secret[4];		/* initial sequence numbers, cookies, fragment ids */
	u64 ip_id;		/* atomic */
	struct fib *fib;
	struct neigh_table *neigh;
	struct addr_table *addrs;
	struct frag_table *frags;
	struct sock_table *socks;
	struct udp_tables *udp;
	struct raw_tables *raw;
	struct tcp_tables *tcp; /* tcp/ */
	struct icmp_limits *icmp;
	bool closing;
	u32 tap_all; /* config; of link.tapped, those who want all links */
	s64 mem_bytes; /* atomic: charged to sockets */
	struct inet_shard shards[INET_SHARDS];
};

static inline struct inet_shard *inet_shard(struct inet *in)
{
	return &in->shards[env_cpu() % INET_SHARDS];
}

static inline void inet_enter(struct inet *in)
{
	env_rcu_enter();
}

void inet_deliver(struct inet *in, struct inet_shard *shard);

static inline void inet_leave(struct inet *in)
{
	struct inet_shard *shard = inet_shard(in);

	if (READ_ONCE(shard->backlog.head) || READ_ONCE(shard->wake.next) != &shard->wake || READ_ONCE(shard->notes.head))
		inet_deliver(in, shard);
	env_rcu_exit();
}

static inline void inet_count_add(struct inet *in, enum inet_stat stat, u64 n)
{
	__atomic_fetch_add(&inet_shard(in)->stats[stat], n, __ATOMIC_RELAXED);
}

/* INET_COUNT(in, Tcp_InSegs) */
#define INET_COUNT(in, name) inet_count_add((in), STAT_##name, 1)
#define INET_COUNT_N(in, name, n) inet_count_add((in), STAT_##name, (n))
u64 inet_stat_read(struct inet *in, enum inet_stat stat);

/* A packet to ourselves: received at the latest when this thread leaves. Takes it. Drops it when the backlog is full. */
void inet_backlog_add(struct inet *in, struct pkt *p);

/* Configuration has changed (config held): lookups from now on see it. */
static inline void inet_route_changed(struct inet *in)
{
	__atomic_fetch_add(&in->route_gen, 1, __ATOMIC_RELEASE);
}

/* Hash with the instance's key. */
static inline u32 inet_hash(const struct inet *in, const void *p, size_t n)
{
	return (u32)siphash(&in->key, p, n);
}

u32 inet_random32(void);
u32 inet_random_below(u32 n);
