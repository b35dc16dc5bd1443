/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Life of a packet socket, its device and protocol. See packet_impl.h.
 */
#include "packet_impl.h"
#include <init/initcall.h>
#include <io/poll.h>
#include <lib/endian.h>
#include <lib/string.h>
#include <linux/capability.h>
#include <linux/sockios.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <vfs/file.h>
#include <asm/ioctls.h>

LOCK_CLASS(packet_control, RANK_MAP - 3, "one packet socket: device, rings, memberships");
LOCK_CLASS(packet_sock, RANK_WAITQ - 1, "queue and rings of one packet socket");
LOCK_CLASS(packet_list, RANK_WAITQ - 2, "packet sockets, and which frames they want");

static struct spinlock list_lock = SPINLOCK_INIT(packet_list);
static LIST_HEAD(hooks); /* list_lock; RCU */
static LIST_HEAD(socks); /* list_lock; RCU */

static u64 last_id;	 /* atomic */

static const struct socket_ops packet_ops;

/* ---- hooks ---- */

int packet_hook_add(struct packet_hook *h)
{
	const struct inet_port *port = packet_port();
	int err = port->ops->tap(port->self, h->ifindex, 1);

	if (err)
		return err;
	spin_lock(&list_lock);
	list_add_tail_rcu(&h->node, &hooks);
	spin_unlock(&list_lock);
	h->on = true;
	return 0;
}

void packet_hook_remove(struct packet_hook *h)
{
	const struct inet_port *port = packet_port();

	if (!h->on)
		return;
	h->on = false;
	spin_lock(&list_lock);
	list_del_rcu(&h->node);
	spin_unlock(&list_lock);
	(void)!port->ops->tap(port->self, h->ifindex, -1); /* the device may have gone */
	rcu_synchronize();
}

static bool wants(const struct packet_hook *h, const struct inet_frame *f)
{
	bool out = f->type == PACKET_OUTGOING;

	if (h->ifindex && h->ifindex != f->ifindex)
		return false;
	if (h->protocol != ETH_P_ALL)
		return !out && h->protocol == f->protocol;
	return !out || !READ_ONCE(h->ignore_outgoing);
}

void packet_frame(void *client, const struct inet_frame *f)
{
	struct packet_view v = {.f = f};
	struct packet_hook *h;

	rcu_read_lock();
	list_for_each_entry_rcu(h, &hooks, node)
	{
		if (!wants(h, f))
			continue;
		if (h->fanout)
			packet_fanout_deliver(h->fanout, &v);
		else if (!f->sender || f->sender != h->sock->id) /* not back to who sent it */
			packet_deliver(h->sock, &v);
	}
	rcu_read_unlock();
	kfree(v.copy);
}

/* ---- running ---- */

void packet_stop(struct packet_sock *p)
{
	if (!p->running)
		return;
	p->running = false;
	if (!p->fanout)
		packet_hook_remove(&p->hook);
}

int packet_go(struct packet_sock *p)
{
	int err = 0;

	if (p->running || !p->protocol)
		return 0;
	if (!p->fanout) {
		p->hook.protocol = p->protocol;
		p->hook.ifindex = p->ifindex;
		err = packet_hook_add(&p->hook);
	}
	p->running = !err;
	return err;
}

static void set_error(struct packet_sock *p, int err)
{
	__atomic_store_n(&p->sock.err, err, __ATOMIC_RELEASE);
	packet_wake(p, EPOLLERR);
}

int packet_bind_to(struct packet_sock *p, u32 ifindex, u16 protocol)
{
	const struct inet_port *port = packet_port();
	struct inet_link_info info = {.flags = 0};
	int err;

	if (p->fanout)
		return -EINVAL;
	if (ifindex) {
		err = port->ops->link_info(port->self, ifindex, &info);
		if (err)
			return err;
	}
	if (p->running && p->protocol == protocol && p->ifindex == ifindex)
		return 0;
	packet_stop(p);
	WRITE_ONCE(p->ifindex, ifindex);
	WRITE_ONCE(p->protocol, protocol);
	p->sock.protocol = protocol ? ENDIAN_BE(16, protocol) : 0;
	if (!ifindex || (info.flags & 1 /* IFF_UP */))
		return packet_go(p);
	set_error(p, ENETDOWN);
	return 0;
}

static int packet_bind(struct socket *s, const struct socket_addr *a)
{
	const struct sockaddr_ll *ll = (const void *)a->bytes;
	struct packet_sock *p = packet_of(s);
	u16 protocol;
	int err;

	if (a->len < sizeof(*ll) || ll->sll_family != AF_PACKET)
		return -EINVAL;
	mutex_lock(&p->control);
	protocol = ll->sll_protocol ? be16_to_cpu((struct be16){ll->sll_protocol}) : p->protocol;
	err = packet_bind_to(p, (u32)ll->sll_ifindex, protocol);
	mutex_unlock(&p->control);
	return err;
}

static bool tell_link(struct packet_sock *p, void *arg)
{
	const u32 *what = arg; /* ifindex, event */

	if (READ_ONCE(p->ifindex) != what[0])
		return true;
	if (what[1] != INET_LINK_UP)
		set_error(p, ENETDOWN);
	if (what[1] == INET_LINK_GONE)
		WRITE_ONCE(p->ifindex, ~0u);
	return true;
}

/* A hook stays on while its device is down: nothing comes then. */
static void packet_link(void *client, u32 ifindex, enum inet_link_event event)
{
	u32 what[2] = {ifindex, event};

	rcu_read_lock();
	(void)packet_for_each(tell_link, what);
	rcu_read_unlock();
}

bool packet_for_each(bool (*fn)(struct packet_sock *p, void *arg), void *arg)
{
	struct packet_sock *p;

	list_for_each_entry_rcu(p, &socks, all)
	{
		if (!fn(p, arg))
			return false;
	}
	return true;
}

/* ---- names ---- */

static int packet_name(struct socket *s, bool peer, struct socket_addr *out)
{
	const struct inet_port *port = packet_port();
	struct sockaddr_ll *ll = (void *)out->bytes;
	struct packet_sock *p = packet_of(s);
	struct inet_link_info info = {.type = 0};
	u32 ifindex = READ_ONCE(p->ifindex);
	u16 protocol = READ_ONCE(p->protocol);

	if (peer)
		return -EOPNOTSUPP;
	*ll = (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_ifindex = (int)ifindex, .sll_protocol = ENDIAN_BE(16, protocol)};
	if (ifindex && !port->ops->link_info(port->self, ifindex, &info)) {
		ll->sll_hatype = info.type;
		ll->sll_halen = info.mac_len;
		memcpy(ll->sll_addr, info.mac, sizeof(ll->sll_addr));
	}
	out->len = offsetof(struct sockaddr_ll, sll_addr) + ll->sll_halen;
	return 0;
}

/* ---- waking ---- */

static void send_signals(struct work *w)
{
	struct packet_sock *p = container_of(w, struct packet_sock, signals);

	fasync_send(&p->sock.async, POLL_IN);
	packet_put(p);
}

void packet_wake(struct packet_sock *p, u32 events)
{
	if (events & (EPOLLIN | EPOLLERR))
		wait_wake_sync(&p->sock.rd_wait, events & EPOLLERR ? 0 : 1, events);
	if (events & (EPOLLOUT | EPOLLERR))
		wait_wake(&p->sock.wr_wait, 0, events);
	if (unlikely(fasync_wanted(&p->sock.async)) && refcount_inc_not_zero(&p->refs) && !work_queue(&p->signals))
		packet_put(p);
}

static u32 packet_poll(struct socket *s, struct poll_table *pt)
{
	struct packet_sock *p = packet_of(s);
	u32 mask = READ_ONCE(s->err) ? EPOLLERR : 0;
	irqflags_t flags = spin_lock_irqsave(&p->lock);

	if (!list_empty(&p->queue) || (p->rx.pages && packet_ring_readable(p)))
		mask |= EPOLLIN | EPOLLRDNORM;
	mask |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	if (p->tx.pages && !packet_ring_writable(p))
		mask &= ~(u32)(EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	spin_unlock_irqrestore(&p->lock, flags);
	return mask;
}

static s64 packet_ioctl(struct socket *s, unsigned cmd, u64 arg)
{
	struct packet_sock *p = packet_of(s);
	const struct packet_msg *m;
	irqflags_t flags;
	u32 n = 0;

	if (cmd != SIOCINQ && cmd != SIOCOUTQ)
		return -ENOIOCTLCMD;
	if (cmd == SIOCINQ) {
		flags = spin_lock_irqsave(&p->lock);
		m = list_first_entry_or_null(&p->queue, struct packet_msg, node);
		n = m ? m->len : 0;
		spin_unlock_irqrestore(&p->lock, flags);
	}
	return user_store32((struct uptr){arg}, n);
}

/* ---- life ---- */

void packet_get(struct packet_sock *p)
{
	refcount_inc(&p->refs);
}

void packet_put(struct packet_sock *p)
{
	if (refcount_dec_and_test(&p->refs))
		rcu_kfree(&p->rcu, p);
}

static void packet_release(struct socket *s)
{
	struct packet_sock *p = packet_of(s);

	spin_lock(&list_lock);
	list_del_rcu(&p->all);
	spin_unlock(&list_lock);
	mutex_lock(&p->control);
	packet_stop(p);
	packet_fanout_leave(p);
	packet_members_drop(p);
	mutex_unlock(&p->control);
	(void)timer_cancel_sync(&p->retire);
	packet_ring_free(p);
	packet_queue_flush(p);
	packet_put(p);
}

static int packet_create(u32 type, u32 protocol, struct socket **out)
{
	struct packet_sock *p;
	int err;

	if (!capable(CAP_NET_RAW))
		return -EPERM;
	if (type != SOCK_RAW && type != SOCK_DGRAM)
		return -ESOCKTNOSUPPORT;
	if (!packet_port())
		return -EAFNOSUPPORT;
	p = kzalloc(sizeof(*p), 0);
	if (!p)
		return -ENOMEM;
	socket_init(&p->sock, &packet_ops, AF_PACKET, type, (u16)protocol);
	refcount_set(&p->refs, 1);
	work_init(&p->signals, send_signals);
	mutex_init(&p->control, packet_control);
	spin_init(&p->lock, packet_sock);
	list_init(&p->members);
	list_init(&p->queue);
	timer_init(&p->retire, TIMER_MONOTONIC, packet_retire_timer);
	p->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
	p->hook.sock = p;
	p->protocol = be16_to_cpu((struct be16){(u16)protocol});
	spin_lock(&list_lock);
	list_add_tail_rcu(&p->all, &socks);
	spin_unlock(&list_lock);
	mutex_lock(&p->control);
	err = packet_go(p);
	mutex_unlock(&p->control);
	if (err) {
		packet_release(&p->sock);
		return err;
	}
	*out = &p->sock;
	return 0;
}

static const struct socket_ops packet_ops = {
	.bind = packet_bind,
	.name = packet_name,
	.send = packet_send,
	.receive = packet_receive,
	.poll = packet_poll,
	.ioctl = packet_ioctl,
	.mmap = packet_mmap,
	.set_option = packet_set_option,
	.get_option = packet_get_option,
	.release = packet_release,
};

static const struct socket_family family = {.create = packet_create};

static const struct inet_tap_ops tap_ops = {.frame = packet_frame, .link = packet_link};

static int packet_init(void)
{
	inet_set_tap(&tap_ops);
	socket_family_register(AF_PACKET, &family);
	return packet_show_init();
}

INITCALL(packet, "net procfs", packet_init);
