/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Links as objects: made, found, put up and down; the loopback, which has no nic.
 */
#include "link_impl.h"

#include "mcast.h"
#include "ndp.h"
#include "neigh.h"
#include "route_impl.h"
#include "sock.h"

ENV_LOCK_CLASS(inet_queue, RANK_INET_QUEUE, "one transmit queue of a link");

#define LOOPBACK_MTU 65536
#define TXQLEN 1000

struct link *link_by_index(struct inet *in, u32 ifindex)
{
	struct link *l;

	list_for_each_entry_rcu(l, &in->links, node)
		if (l->ifindex == ifindex)
			return l;
	return NULL;
}

struct link *link_by_name(struct inet *in, const char *name)
{
	struct link *l;

	list_for_each_entry_rcu(l, &in->links, node)
		if (!strncmp(link_name(l), name, LINK_NAME))
			return l;
	return NULL;
}

void link_fold_stats(struct link *l, struct link_stats *out)
{
	*out = (struct link_stats){0};
	for (unsigned i = 0; i < l->nqueues; i++) {
		const u64 *from = (const u64 *)&l->queues[i].stats;
		u64 *to = (u64 *)out;

		for (unsigned j = 0; j < sizeof(*out) / sizeof(u64); j++)
			to[j] += READ_ONCE(from[j]);
	}
	out->tx_dropped += READ_ONCE(l->dropped);
}

static void queue_init(struct link *l, struct link_queue *q, u16 index)
{
	q->link = l;
	q->index = index;
	env_work_init(&q->poll, link_queue_poll);
	env_spin_init(&q->lock, &env_lock_class_inet_queue);
	pkt_queue_init(&q->waiting);
}

static void filter_changes(struct env_work *w)
{
	mcast_set_filter(container_of(w, struct link, filter_work));
}

static void link_fill(struct link *l, const struct nic_port *nic)
{
	struct nic_info info;

	l->txqlen = TXQLEN;
	l->header_len = ETH_HLEN;
	l->conf = (struct link_conf){.forwarding = l->in->conf.ip_forward,
		.rp_filter = 0,
		.accept_redirects = l->in->conf.accept_redirects,
		.send_redirects = l->in->conf.send_redirects,
		.accept_ra = l->in->conf.ip6_accept_ra,
		.autoconf = l->in->conf.ip6_autoconf,
		.dad_transmits = l->in->conf.ip6_dad_transmits,
		.disable_ipv6 = l->in->conf.ip6_disable,
		.hop_limit = l->in->conf.ip6_hop_limit};
	l->reachable_ms = 30000;
	l->retrans_ms = 1000;
	l->igmp_robust = l->mld_robust = 2;
	memset(l->broadcast, nic ? 0xff : 0, 6);
	if (!nic) {
		l->type = ARPHRD_LOOPBACK;
		l->mtu = LOOPBACK_MTU;
		l->mtu_max = U16_MAX + 1;
		l->flags = IFF_LOOPBACK;
		l->running = true;
		l->nqueues = 1;
		l->max_gso = 65536;
		l->features = NIC_F_TX_CSUM | NIC_F_TX_TCP4 | NIC_F_TX_TCP6 | NIC_F_TX_UDP;
		return;
	}
	l->nic = *nic;
	nic->ops->info(nic->self, &info);
	l->type = info.ip_only ? ARPHRD_NONE : ARPHRD_ETHER;
	l->flags = info.ip_only ? IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST : IFF_BROADCAST | IFF_MULTICAST;
	if (info.ip_only) {
		l->header_len = 0;
		memset(l->broadcast, 0, 6);
	}
	env_random(l->token, sizeof(l->token));
	memcpy(l->kind, info.kind, sizeof(l->kind) - 1);
	memcpy(l->mac, info.mac, 6);
	l->mtu_max = max(info.mtu_max, info.mtu);
	l->mtu = clamp((u32)info.mtu, 68u, l->mtu_max);
	l->features = info.features;
	l->nqueues = clamp_t(u16, info.nqueues, 1, LINK_QUEUES);
	l->rx_buffer = (u16)min(info.rx_buffer_bytes, 60000u);
	l->rx_headroom = info.rx_headroom;
	l->max_gso = min(info.max_gso_bytes ? info.max_gso_bytes : 65536u, 65536u);
	l->running = info.link;
}

/* ---- names ---- */

static const char *name_create(const char *text)
{
	struct link_name *n = env_alloc(sizeof(*n), ENV_ALLOC_ZERO);

	if (!n)
		return NULL;
	memcpy(n->text, text, strnlen(text, LINK_NAME - 1));
	return n->text;
}

static struct link_name *name_of(const struct link *l)
{
	return (struct link_name *)(unsigned long)((const char *)l->name - offsetof(struct link_name, text));
}

static void name_free_rcu(struct env_rcu *r)
{
	env_free(container_of(r, struct link_name, rcu), sizeof(struct link_name));
}

int link_rename(struct inet *in, u32 ifindex, const char *name)
{
	const char *fresh = name_create(name);
	struct link_name *old = NULL;
	struct link *l, *same;
	unsigned long flags;
	int err = 0;

	if (!fresh)
		return -ENOMEM;
	inet_enter(in);
	flags = env_spin_lock(&in->config);
	l = link_by_index(in, ifindex);
	same = link_by_name(in, fresh);
	if (!l || READ_ONCE(l->gone))
		err = -ENODEV;
	else if (same && same != l)
		err = -EEXIST;
	else
		old = name_of(l);
	if (!err)
		STORE_RELEASE(l->name, fresh);
	env_spin_unlock(&in->config, flags);
	if (!err)
		link_notify(l, true);
	inet_leave(in);
	if (err)
		old = container_of(fresh, struct link_name, text[0]);
	env_rcu_call(&old->rcu, name_free_rcu);
	return err;
}

/* ---- life ---- */

static void link_free_rcu(struct env_rcu *r)
{
	struct link *l = container_of(r, struct link, rcu);

	if (l->queues)
		env_free(l->queues, l->nqueues * sizeof(*l->queues));
	env_free(name_of(l), sizeof(struct link_name));
	env_free(l, sizeof(*l));
}

int link_create(struct inet *in, u32 ifindex, const char *name, const struct nic_port *nic, struct link **out)
{
	struct link *l = env_alloc(sizeof(*l), ENV_ALLOC_ZERO);
	unsigned long flags;
	int err = 0;

	if (!l)
		return -ENOMEM;
	l->name = name_create(name);
	if (!l->name) {
		env_free(l, sizeof(*l));
		return -ENOMEM;
	}
	l->in = in;
	l->ifindex = ifindex;
	link_fill(l, nic);
	list_init(&l->macs);
	list_init(&l->addrs);
	list_init(&l->groups);
	env_work_init(&l->filter_work, filter_changes);
	mcast_link_init(l);
	ndp_link_init(l);
	l->queues = env_alloc(l->nqueues * sizeof(*l->queues), ENV_ALLOC_ZERO);
	if (!l->queues) {
		err = -ENOMEM;
		goto out_free;
	}
	for (u16 i = 0; i < l->nqueues; i++)
		queue_init(l, &l->queues[i], i);
	if (nic)
		err = nic->ops->open(nic->self, l->features, &link_nic_client, l);
	if (err)
		goto out_free;
	env_rcu_enter();
	flags = env_spin_lock(&in->config);
	if (link_by_index(in, ifindex) || link_by_name(in, link_name(l)))
		err = -EEXIST;
	else
		list_add_tail_rcu(&l->node, &in->links);
	l->tapped = in->tap_all;
	env_spin_unlock(&in->config, flags);
	env_rcu_exit();
	if (err) {
		if (nic)
			nic->ops->close(nic->self);
		goto out_free;
	}
	inet_enter(in);
	link_notify(l, true);
	inet_leave(in);
	*out = l;
	return 0;
out_free:
	link_free_rcu(&l->rcu);
	return err;
}

/* Up or down, in a thread that may sleep. What belongs to the link in the tables follows. */
int link_set_up(struct link *l, bool up)
{
	struct inet *in = l->in;
	unsigned long flags;
	int err = 0;

	if (up == link_is_up(l))
		return 0;
	if (up && l->nic.ops)
		err = link_nic_start(l);
	if (err)
		return err;
	inet_enter(in);
	flags = env_spin_lock(&in->config);
	WRITE_ONCE(l->flags, up ? l->flags | IFF_UP : l->flags & ~(u32)IFF_UP);
	inet_route_changed(in);
	env_spin_unlock(&in->config, flags);
	if (in->client_ops && in->client_ops->link)
		in->client_ops->link(in->client, l->ifindex, up ? INET_LINK_UP : INET_LINK_DOWN);
	if (up) {
		mcast_link_up(l);
		ifaddr_link_up(l);
	} else {
		ifaddr_link_down(l);
		mcast_link_down(l);
		neigh_flush(in, l);
	}
	link_notify(l, true);
	inet_leave(in);
	if (!up && l->nic.ops)
		link_nic_stop(l);
	if (up)
		env_work_queue(&l->filter_work);
	return 0;
}

int link_set_mtu(struct link *l, u32 mtu)
{
	struct inet *in = l->in;
	bool up = link_is_up(l);
	int err = 0;

	if (mtu < 68 || mtu > l->mtu_max)
		return -EINVAL;
	if (l->nic.ops) {
		if (up)
			link_nic_stop(l);
		err = l->nic.ops->set_mtu(l->nic.self, (u16)mtu);
		if (up && link_nic_start(l))
			env_log(ENV_LOG_WARN, "%s: does not start again", link_name(l));
	}
	if (err)
		return err;
	inet_enter(in);
	WRITE_ONCE(l->mtu, mtu);
	inet_route_changed(in);
	link_notify(l, true);
	inet_leave(in);
	return 0;
}

void link_destroy(struct link *l)
{
	struct inet *in = l->in;
	unsigned long flags;

	env_mutex_lock(&in->control);
	WRITE_ONCE(l->gone, true);
	if (link_set_up(l, false))
		env_log(ENV_LOG_WARN, "%s: does not go down", link_name(l));
	inet_enter(in);
	ifaddr_link_gone(l);
	fib_link_gone(l);
	mcast_link_gone(l);
	neigh_flush(in, l);
	flags = env_spin_lock(&in->config);
	list_del_rcu(&l->node);
	inet_route_changed(in);
	env_spin_unlock(&in->config, flags);
	link_notify(l, false);
	inet_leave(in);
	env_mutex_unlock(&in->control);
	if (in->client_ops && in->client_ops->link)
		in->client_ops->link(in->client, l->ifindex, INET_LINK_GONE);
	if (l->nic.ops)
		l->nic.ops->close(l->nic.self);
	env_work_flush(&l->filter_work);
	for (unsigned i = 0; i < l->nqueues; i++) {
		env_work_flush(&l->queues[i].poll);
		pkt_free_queue(&l->queues[i].waiting);
	}
	link_forget_macs(l);
	env_rcu_barrier();
	env_rcu_call(&l->rcu, link_free_rcu);
}

static int set_mac(struct link *l, const u8 *mac)
{
	int err;

	if (!l->nic.ops || (mac[0] & 1))
		return l->nic.ops ? -EADDRNOTAVAIL : -EOPNOTSUPP;
	err = l->nic.ops->set_mac(l->nic.self, mac);
	if (!err) {
		memcpy(l->mac, mac, 6);
		inet_enter(l->in);
		link_notify(l, true);
		inet_leave(l->in);
	}
	return err;
}

int link_apply(struct inet *in, const struct link_change *c)
{
	struct link *l;
	int err = -ENODEV;

	if (!c->ifindex)
		return 0;
	env_mutex_lock(&in->control);
	env_rcu_enter();
	l = link_by_index(in, c->ifindex);
	env_rcu_exit();
	if (l && !l->gone) { /* it is taken out under the mutex only */
		err = c->set_mac ? set_mac(l, c->mac) : 0;
		if (!err && c->mtu)
			err = link_set_mtu(l, c->mtu);
		if (!err && c->up >= 0)
			err = link_set_up(l, c->up);
	}
	env_mutex_unlock(&in->control);
	return err;
}

/* ---- the loopback ---- */

int loopback_init(struct inet *in)
{
	return link_create(in, 1, "lo", NULL, &in->loopback);
}

void loopback_fini(struct inet *in)
{
	if (in->loopback)
		link_destroy(in->loopback);
	in->loopback = NULL;
}
