/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An instance: made, opened, closed, destroyed; what is delivered when a thread leaves.
 */
#include "core.h"

#include "frag.h"
#include "icmp.h"
#include "link.h"
#include "neigh.h"
#include "route_impl.h"
#include "sock_impl.h"

ENV_LOCK_CLASS(inet_control, RANK_INET_CONTROL, "links of an instance come, go, up and down");
ENV_LOCK_CLASS(inet_config, RANK_INET_CONFIG, "links, addresses, routes and rules of an instance");
ENV_LOCK_CLASS(inet_shard, RANK_INET_QUEUE, "loopback backlog and wake-ups of one shard");

#define BACKLOG_MAX 4096 /* packets a shard */
#define DELIVER_BUDGET 300 /* packets, then a work goes on */

u32 inet_random32(void)
{
	u32 r;

	env_random(&r, sizeof(r));
	return r;
}

u32 inet_random_below(u32 n)
{
	return (u32)((u64)inet_random32() * n >> 32);
}

u64 inet_stat_read(struct inet *in, enum inet_stat stat)
{
	u64 sum = 0;

	for (unsigned i = 0; i < INET_SHARDS; i++)
		sum += READ_ONCE(in->shards[i].stats[stat]);
	return sum;
}

void inet_backlog_add(struct inet *in, struct pkt *p)
{
	struct inet_shard *shard = inet_shard(in);
	unsigned long flags = env_spin_lock(&shard->lock);
	bool full = shard->backlog.n >= BACKLOG_MAX;

	if (!full)
		pkt_queue_add(&shard->backlog, p);
	env_spin_unlock(&shard->lock, flags);
	if (full) {
		__atomic_fetch_add(&p->link->dropped, 1, __ATOMIC_RELAXED);
		pkt_free(p);
	}
}

static struct sock *take_wake(struct inet_shard *shard)
{
	struct sock *s = NULL;
	unsigned long flags;

	if (READ_ONCE(shard->wake.next) == &shard->wake)
		return NULL;
	flags = env_spin_lock(&shard->lock);
	if (!list_empty(&shard->wake)) {
		s = list_first_entry(&shard->wake, struct sock, wake_node);
		list_del_init(&s->wake_node);
	}
	env_spin_unlock(&shard->lock, flags);
	return s;
}

static void tell(struct inet *in, struct inet_shard *shard)
{
	struct sock *s;

	while ((s = take_wake(shard))) {
		u32 events = __atomic_exchange_n(&s->wake_events, 0, __ATOMIC_ACQ_REL);

		if (events && !READ_ONCE(s->released))
			in->client_ops->ready(in->client, READ_ONCE(s->cookie), events);
		sock_put(s);
	}
}

static void tell_notes(struct inet *in, struct inet_shard *shard)
{
	struct pkt_queue notes;
	struct pkt *p;
	unsigned long flags;

	if (likely(!READ_ONCE(shard->notes.head)))
		return;
	pkt_queue_init(&notes);
	flags = env_spin_lock(&shard->lock);
	pkt_queue_move(&notes, &shard->notes);
	env_spin_unlock(&shard->lock, flags);
	while ((p = pkt_queue_take(&notes))) {
		struct iobuf message;

		iobuf_init_kernel(&message, p->data, p->len);
		in->client_ops->notify(in->client, (u32)p->cb[0], &message);
		pkt_free(p);
	}
}

void inet_deliver(struct inet *in, struct inet_shard *shard)
{
	unsigned budget = DELIVER_BUDGET;

	/* One thread at a time, so that packets of a connection keep their order; it sees what others add. */
	while (READ_ONCE(shard->backlog.head) && !__atomic_exchange_n(&shard->draining, 1, __ATOMIC_SEQ_CST)) {
		struct pkt_queue batch;
		struct pkt *p;
		unsigned long flags;

		pkt_queue_init(&batch);
		flags = env_spin_lock(&shard->lock);
		pkt_queue_move(&batch, &shard->backlog);
		env_spin_unlock(&shard->lock, flags);
		budget -= min(budget, batch.n);
		while ((p = pkt_queue_take(&batch)))
			link_receive(p->link, p);
		(void)__atomic_exchange_n(&shard->draining, 0, __ATOMIC_SEQ_CST); /* before the look at the backlog */
		tell(in, shard);
		if (!budget) {
			env_work_queue(&shard->work);
			break;
		}
	}
	tell(in, shard);
	tell_notes(in, shard);
}

static void deliver_work(struct env_work *w)
{
	struct inet_shard *shard = container_of(w, struct inet_shard, work);

	inet_enter(shard->in);
	inet_deliver(shard->in, shard);
	inet_leave(shard->in);
}

static const struct inet_conf default_conf = {
	.ip_default_ttl = 64,
	.ip_unprivileged_port_start = 1024,
	.ip_port_low = 32768,
	.ip_port_high = 60999,
	.icmp_echo_ignore_broadcasts = 1,
	.icmp_ratelimit_ms = 1000,
	.icmp_ratemask = 6168,
	.icmp_msgs_per_sec = 1000,
	.icmp_msgs_burst = 50,
	.accept_redirects = 1,
	.send_redirects = 1,
	.ping_group_low = 1,
	.ping_group_high = 0,
	.ipfrag_high_thresh = 4194304,
	.ipfrag_time_s = 30,
	.ipfrag_max_dist = 64,
	.igmp_max_memberships = 20,
	.igmp_max_msf = 10,
	.ip6_hop_limit = 64,
	.ip6_accept_ra = 1,
	.ip6_autoconf = 1,
	.ip6_dad_transmits = 1,
	.neigh_gc_thresh1 = 128,
	.neigh_gc_thresh2 = 512,
	.neigh_gc_thresh3 = 1024,
	.neigh_unres_qlen_bytes = 212992,
	.rmem_default = 212992,
	.rmem_max = 212992,
	.wmem_default = 212992,
	.wmem_max = 212992,
	.optmem_max = 131072,
	.udp_early_demux = 1,
};

static void shard_init(struct inet *in, struct inet_shard *shard)
{
	shard->in = in;
	env_spin_init(&shard->lock, &env_lock_class_inet_shard);
	pkt_queue_init(&shard->backlog);
	list_init(&shard->wake);
	pkt_queue_init(&shard->notes);
	env_work_init(&shard->work, deliver_work);
	inet_timers_init(shard);
}

/* The parts, in the order in which they are made; undone backwards, also those that were not made. */
static const struct {
	int (*init)(struct inet *in);
	void (*fini)(struct inet *in);
} parts[] = {
	{neigh_init, neigh_fini},
	{fib_init, fib_fini},
	{ifaddr_init, ifaddr_fini},
	{frag_init, frag_fini},
	{icmp_init, icmp_fini},
	{socks_init, socks_fini},
	{loopback_init, loopback_fini},
};

static void destroy(void *self)
{
	struct inet *in = self;

	WRITE_ONCE(in->closing, true);
	for (unsigned i = ARRAY_SIZE(parts); i-- > 0;)
		parts[i].fini(in);
	env_rcu_barrier();
	for (unsigned i = 0; i < INET_SHARDS; i++) {
		env_work_flush(&in->shards[i].work);
		inet_timers_fini(&in->shards[i]);
		pkt_free_queue(&in->shards[i].backlog);
		pkt_free_queue(&in->shards[i].notes);
	}
	env_rcu_barrier(); /* callbacks that callbacks called */
	env_free(in, sizeof(*in));
}

static int create(struct inet_port *out)
{
	struct inet *in = env_alloc(sizeof(*in), ENV_ALLOC_ZERO);
	int err = 0;

	if (!in)
		return -ENOMEM;
	env_mutex_init(&in->control, &env_lock_class_inet_control);
	env_spin_init(&in->config, &env_lock_class_inet_config);
	list_init(&in->links);
	in->conf = default_conf;
	in->route_gen = in->neigh_gen = 1;
	env_random(&in->key, sizeof(in->key));
	env_random(in->secret, sizeof(in->secret));
	env_random(&in->ip_id, sizeof(in->ip_id));
	for (unsigned i = 0; i < INET_SHARDS; i++)
		shard_init(in, &in->shards[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(parts) && !err; i++)
		err = parts[i].init(in);
	if (err) {
		destroy(in);
		return err;
	}
	*out = (struct inet_port){&inet_ops, in};
	return 0;
}

const struct inet_provider inet_provider = {.name = "inet", .create = create, .destroy = destroy};
