/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses and connections. [man bind(2), connect(2), listen(2), accept(2)]
 */
#include "inet_impl.h"
#include <lib/endian.h>
#include <linux/capability.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <proc/cred.h>

s32 inet_unprivileged_port_start = 1024;

#define SIN6_LEN_OLD 24u /* without sin6_scope_id [rfc2133] */

static int check_address(const struct socket *s, const struct socket_addr *a)
{
	const struct sockaddr_in *sin = (const void *)a->bytes;

	if (a->len < (s->family == AF_INET ? sizeof(*sin) : SIN6_LEN_OLD))
		return -EINVAL;
	if (a->family == s->family)
		return 0;
	/* Old programs leave the family out when they mean any address. */
	return s->family == AF_INET && a->family == AF_UNSPEC && !sin->sin_addr.s_addr ? 0 : -EAFNOSUPPORT;
}

static bool may_have_port(const struct socket *s, const struct socket_addr *a)
{
	const struct sockaddr_in *sin = (const void *)a->bytes; /* the port is at the same place in both */
	u16 port = be16_to_cpu((struct be16){sin->sin_port});

	if (s->protocol != IPPROTO_TCP && s->protocol != IPPROTO_UDP && s->protocol != IPPROTO_UDPLITE)
		return true;
	return !port || port >= READ_ONCE(inet_unprivileged_port_start) || capable(CAP_NET_BIND_SERVICE);
}

int inet_bind(struct socket *s, const struct socket_addr *a)
{
	struct inet_addr to;
	int err = check_address(s, a);

	if (err)
		return err;
	if (!may_have_port(s, a))
		return -EACCES;
	inet_addr_to_port(a, &to);
	return inet_call()->bind(inet_stack.self, inet_of(s)->handle, &to);
}

int inet_finish_connect(struct inet_sock *i, const struct inet_addr *to, u32 seen, u64 deadline)
{
	int err;

	for (;;) {
		err = inet_wait(i, &i->sock.wr_wait, seen, deadline, false);
		if (err)
			return err == -EAGAIN ? -EINPROGRESS : err;
		seen = inet_seen(i);
		if (!(inet_call()->poll(inet_stack.self, i->handle) & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
			continue;
		err = inet_take_error(&i->sock);
		if (!err && to->len)
			err = inet_call()->connect(inet_stack.self, i->handle, to);
		if (err != -EALREADY && err != -EINPROGRESS)
			return err == -EISCONN ? 0 : err;
	}
}

int inet_connect(struct socket *s, const struct socket_addr *a, bool nonblock)
{
	u64 deadline = socket_deadline(READ_ONCE(s->sndtimeo), nonblock);
	struct inet_sock *i = inet_of(s);
	u32 seen = inet_seen(i);
	struct inet_addr to;
	int err;

	if (a->len < sizeof(a->family))
		return -EINVAL;
	inet_addr_to_port(a, &to);
	err = inet_call()->connect(inet_stack.self, i->handle, &to);
	if (s->type == SOCK_STREAM && a->family == AF_UNSPEC)
		inet_wake_all(i); /* what was under way is over */
	if ((err != -EINPROGRESS && err != -EALREADY) || !deadline)
		return err;
	return inet_finish_connect(i, &to, seen, deadline);
}

int inet_listen(struct socket *s, u32 backlog)
{
	int err = inet_call()->listen(inet_stack.self, inet_of(s)->handle, backlog);

	if (!err)
		__atomic_fetch_or(&s->flags, SOCKF_LISTENING, __ATOMIC_RELAXED);
	return err;
}

/* Options of SOL_SOCKET that a connection takes over from its listener. */
static void inherit(struct socket *to, const struct socket *from)
{
	const u32 not_these = SOCKF_LISTENING | SOCKF_LOCK_FILTER;

	to->flags = READ_ONCE(from->flags) & ~not_these;
	to->sndbuf = READ_ONCE(from->sndbuf);
	to->rcvbuf = READ_ONCE(from->rcvbuf);
	to->rcvlowat = READ_ONCE(from->rcvlowat);
	to->rcvtimeo = READ_ONCE(from->rcvtimeo);
	to->sndtimeo = READ_ONCE(from->sndtimeo);
	to->linger_s = READ_ONCE(from->linger_s);
	to->mark = READ_ONCE(from->mark);
	to->priority = READ_ONCE(from->priority);
}

/* More connections wait, and perhaps others who were not woken for them. */
static void wake_next(struct inet_sock *i)
{
	if (wait_queue_active(&i->sock.rd_wait) && inet_call()->poll(inet_stack.self, i->handle) & EPOLLIN)
		wait_wake(&i->sock.rd_wait, 1, INET_READ_EVENTS);
}

int inet_accept(struct socket *s, bool nonblock, struct socket **out)
{
	u64 deadline = socket_deadline(READ_ONCE(s->rcvtimeo), nonblock);
	struct inet_sock *i = inet_of(s), *fresh;
	struct inet_addr peer;
	u32 seen;
	int err;

	if (!socket_has(s, SOCKF_LISTENING))
		return -EINVAL;
	fresh = inet_sock_create(s->family, s->type, s->protocol);
	if (!fresh)
		return -ENOMEM;
	for (;;) {
		seen = inet_seen(i);
		err = inet_call()->accept(inet_stack.self, i->handle, fresh->cookie, &fresh->handle, &peer);
		if (err != -EAGAIN || !deadline)
			break;
		err = inet_wait(i, &s->rd_wait, seen, deadline, true);
		if (err)
			break;
	}
	wake_next(i);
	if (err) {
		inet_sock_forget(fresh);
		inet_sock_put(fresh);
		return err;
	}
	inherit(&fresh->sock, s);
	fresh->sock.cookie = fresh->cookie;
	*out = &fresh->sock;
	return 0;
}
