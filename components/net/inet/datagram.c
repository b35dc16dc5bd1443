/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What UDP, raw and ping sockets have in common.
 */
#include "filter.h"
#include "link.h"
#include "mcast.h"
#include "sock_impl.h"


/* A sockaddr of the right kind for the socket [man ip(7), ipv6(7)]. */
static int check_family(const struct sock *s, struct ip_endpoint *e)
{
	if (s->family == AF_INET) {
		if (e->family == AF_INET6)
			return -EAFNOSUPPORT;
		return 0;
	}
	if (e->family == AF_INET)
		return -EAFNOSUPPORT;
	if (ip_is4(&e->addr) && (s->flags & SOCK_F_V6ONLY))
		return -EINVAL;
	return 0;
}

int dgram_bind_name(struct sock *s, const struct ip_endpoint *at)
{
	struct ip_endpoint e = *at;
	int err;

	if (e.family == AF_UNSPEC) { /* as old programs do it, with INADDR_ANY */
		if (s->family != AF_INET)
			return -EAFNOSUPPORT;
		e.addr = ip_any(AF_INET);
	}
	err = check_family(s, &e);
	if (err)
		return err;
	if (!ip_is4(&e.addr) && ip6_is_linklocal(&e.addr)) {
		if (e.scope && s->bound_if && e.scope != s->bound_if)
			return -EINVAL;
		if (!e.scope && !s->bound_if)
			return -EINVAL;
		if (!link_by_index(s->in, e.scope ? e.scope : s->bound_if))
			return -ENODEV;
	}
	if (!ip_is_any(&e.addr) && !(s->flags & (SOCK_F_FREEBIND | SOCK_F_TRANSPARENT)) && !s->in->conf.ip_nonlocal_bind &&
		!inet_addr_is_local(s->in, &e.addr, e.scope ? e.scope : s->bound_if))
		return -EADDRNOTAVAIL;
	if (e.scope && ip6_is_linklocal(&e.addr))
		s->bound_if = e.scope;
	s->laddr = e.addr;
	/* A group or broadcast is received from, not sent from. */
	s->saddr = ip_is_multicast(&e.addr) || inet_addr_type(s->in, &e.addr) == RTN_BROADCAST ? ip_any(s->family) : e.addr;
	if (!ip_is_any(&e.addr))
		s->flags |= SOCK_F_ADDR_LOCKED;
	return 0;
}

int dgram_check_peer(struct sock *s, struct ip_endpoint *e)
{
	bool mapped;

	if (s->family == AF_INET && e->family != AF_INET)
		return -EAFNOSUPPORT;
	if (s->family == AF_INET6 && e->family == AF_INET && (s->flags & SOCK_F_V6ONLY))
		return -ENETUNREACH;
	mapped = s->family == AF_INET6 && ip_is4(&e->addr);
	if (mapped && (s->flags & SOCK_F_V6ONLY))
		return -ENETUNREACH;
	if (ip_is_any(&e->addr)) { /* this host [rfc1122 3.2.1.3] */
		if (s->family == AF_INET6 && !ip_is4(&e->addr))
			e->addr = ip_is4(&s->laddr) && !ip_is_any(&s->laddr) ? ip_from4(ENDIAN_BE(32, 0x7f000001u))
									    : (union ipaddr){.b = {[15] = 1}};
		else
			e->addr = ip_from4(ENDIAN_BE(32, 0x7f000001u));
	}
	/* Bound to one family's address: the other is out of reach. */
	if (!ip_is_any(&s->laddr) && ip_is4(&s->laddr) != ip_is4(&e->addr))
		return ip_is4(&e->addr) ? -ENETUNREACH : -EAFNOSUPPORT;
	return 0;
}

int dgram_connect(struct sock *s, struct ip_endpoint *e)
{
	struct inet_flow flow;
	struct inet_route r;
	int err = dgram_check_peer(s, e);

	if (err)
		return err;
	sock_flow(s, &flow);
	flow.src = s->saddr;
	flow.dst = e->addr;
	flow.dport = e->port;
	if (e->scope)
		flow.oif = e->scope;
	if (ip_is_multicast(&e->addr)) {
		if (!flow.oif)
			flow.oif = s->mc_if;
		if (ip_is_any(&flow.src) && ip_is4(&e->addr) && !ip_is_any(&s->mc_addr))
			flow.src = s->mc_addr;
	}
	if (!ip_is4(&e->addr) && ip6_needs_scope(&e->addr) && !flow.oif)
		return -EINVAL;
	err = inet_route_lookup(s->in, &flow, &r);
	if (err)
		return err;
	if (r.type == RTN_BROADCAST && !(s->flags & SOCK_F_BROADCAST))
		return -EACCES;
	if (ip_is_any(&s->laddr))
		s->laddr = r.src;
	if (ip_is_any(&s->saddr))
		s->saddr = r.src;
	if (e->scope && !s->bound_if)
		s->bound_if = e->scope;
	s->raddr = e->addr;
	s->rport = e->port;
	s->tx.flow_label = e->flow & ENDIAN_BE(32, 0xfffffu);
	s->route = r;
	s->connected = true;
	return 0;
}

void dgram_disconnect(struct sock *s)
{
	s->connected = false;
	s->raddr = ip_any(s->family);
	s->rport = 0;
	s->route.gen = 0;
	if (!(s->flags & SOCK_F_ADDR_LOCKED))
		s->laddr = s->saddr = ip_any(s->family);
}

int dgram_abort(struct sock *s, int err)
{
	struct ip_endpoint none = {.family = AF_UNSPEC};

	sock_set_error(s, err);
	return s->proto->connect(s, &none);
}

/* ---- the queue ---- */

static u32 charge_of(const struct pkt *p)
{
	return p->total + (u32)sizeof(struct pkt) + 256;
}

bool dgram_queue(struct sock *s, struct pkt *p)
{
	u32 charge = charge_of(p);

	if (!sock_filter_pass(s, p, s->protocol == IPPROTO_UDP && s->type == SOCK_DGRAM ? 8 : 1) || !sock_charge_receive(s, charge)) {
		__atomic_fetch_add(&s->drops, 1, __ATOMIC_RELAXED);
		return false;
	}
	if (p->owner)
		pkt_drop_owner(p);
	p->charge = charge; /* no reference: the queue's packets do not outlive the socket */
	if (!p->stamp_ns && (s->flags & (SOCK_F_TIMESTAMP | SOCK_F_TIMESTAMPING)))
		p->stamp_ns = (u64)env_time();
	pkt_queue_add(&s->rx, p);
	sock_wake(s, EPOLLIN | EPOLLRDNORM);
	return true;
}

/*
 * The next datagram: taken off, or with MSG_PEEK another pkt over its bytes. NULL: *out_err is why (0: the end, after shutdown). Lock held.
 */
struct pkt *dgram_take(struct sock *s, u32 msg_flags, int *out_err)
{
	struct pkt *p;

	env_spin_assert_held(&s->lock);
	*out_err = sock_take_error(s);
	if (*out_err)
		return NULL;
	if (!s->rx.head) {
		*out_err = s->shutdown & 1 ? 0 : -EAGAIN;
		return NULL;
	}
	if (msg_flags & MSG_PEEK) {
		p = pkt_clone(s->rx.head);
		if (!p)
			*out_err = -ENOMEM;
		return p;
	}
	p = pkt_queue_take(&s->rx);
	sock_uncharge_receive(s, p->charge);
	p->charge = 0;
	return p;
}

int dgram_gather(struct sock *s, struct inet_msg *msg, u32 header, u32 len, struct pkt **out)
{
	u32 charge = len + (u32)sizeof(struct pkt) + 256;
	struct pkt *p;
	int err = sock_charge_send(s, charge);

	if (err)
		return err;
	p = pkt_alloc(PKT_HEADROOM, min(header + len, (u32)PKT_PIECE_MAX));
	if (!p) {
		sock_uncharge_send(s, charge);
		return -ENOBUFS;
	}
	pkt_set_owner(p, s, PKT_OWNER_SEND, charge);
	(void)pkt_put(p, header);
	err = pkt_append_iobuf(p, msg->data, len);
	if (err) {
		pkt_free(p);
		return err;
	}
	*out = p;
	return 0;
}

/* The user's memory was not there: whoever asks next, he again as a rule, gets it. */
static void put_back(struct sock *s, struct pkt *p)
{
	unsigned long flags = env_spin_lock(&s->lock);

	p->charge = charge_of(p);
	__atomic_add_fetch(&s->rmem, (s32)p->charge, __ATOMIC_RELAXED);
	pkt_queue_put_back(&s->rx, p);
	env_spin_unlock(&s->lock, flags);
	sock_wake(s, EPOLLIN | EPOLLRDNORM);
}

ssize_t dgram_give(struct sock *s, struct inet_msg *msg, struct pkt *p, u32 skip)
{
	u32 len = p->total - skip, n = (u32)min_t(size_t, len, msg->data->left);
	bool peeked = msg->flags & MSG_PEEK;

	msg->datagram_len = len;
	msg->flags = n < len ? MSG_TRUNC : 0;
	if (unlikely(pkt_copy_to_iobuf(p, skip, msg->data, n) < n)) {
		if (peeked)
			pkt_free(p);
		else
			put_back(s, p);
		return -EFAULT;
	}
	if (s->cmsg || (s->flags & (SOCK_F_TIMESTAMP | SOCK_F_TIMESTAMPING | SOCK_F_RXQ_OVFL)))
		cmsg_put_packet(s, msg, p);
	pkt_free(p);
	return n;
}

u32 dgram_poll(struct sock *s)
{
	u32 events = 0;

	if (READ_ONCE(s->err) || READ_ONCE(s->errors.head))
		events |= EPOLLERR;
	if (READ_ONCE(s->rx.head))
		events |= EPOLLIN | EPOLLRDNORM;
	if (s->shutdown & 1)
		events |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (s->shutdown == 3)
		events |= EPOLLHUP;
	if ((u32)READ_ONCE(s->wmem) < READ_ONCE(s->sndbuf) / 2 + 1) {
		events |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	} else {
		__atomic_store_n(&s->wants_space, true, __ATOMIC_SEQ_CST);
		if ((u32)__atomic_load_n(&s->wmem, __ATOMIC_SEQ_CST) < READ_ONCE(s->sndbuf) / 2 + 1)
			events |= EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND;
	}
	return events;
}

int dgram_shutdown(struct sock *s, u32 how)
{
	unsigned long flags = env_spin_lock(&s->lock);
	int err = s->connected ? 0 : -ENOTCONN;

	s->shutdown |= (u8)(how + 1);
	env_spin_unlock(&s->lock, flags);
	sock_wake(s, EPOLLIN | EPOLLOUT | EPOLLRDHUP | (s->shutdown == 3 ? EPOLLHUP : 0));
	return err;
}

void dgram_destroy(struct sock *s)
{
	struct pkt *p;

	while ((p = pkt_queue_take(&s->rx)) || (p = pkt_queue_take(&s->errors))) {
		sock_uncharge_receive(s, p->charge);
		pkt_free(p);
	}
}

int dgram_control(struct sock *s, u32 request, u32 *out_value)
{
	unsigned long flags;

	if (request == FIONREAD) {
		flags = env_spin_lock(&s->lock);
		*out_value = s->rx.head ? s->rx.head->total : 0;
		env_spin_unlock(&s->lock, flags);
		return 0;
	}
	if (request == TIOCOUTQ) {
		*out_value = (u32)READ_ONCE(s->wmem);
		return 0;
	}
	return -ENOIOCTLCMD;
}
