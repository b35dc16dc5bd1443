/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Life of an inet socket, and the tables of operations. See inet_impl.h.
 */
#include "inet_impl.h"
#include <init/initcall.h>
#include <io/poll.h>
#include <lib/parse.h>
#include <lib/string.h>
#include <linux/capability.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/sockios.h>
#include <proc/cred.h>
#include <time/clock.h>
#include <vfs/procfs.h>
#include <asm/ioctls.h>

struct inet_port inet_stack;
u64 inet_device_handle;
static bool provided; /* published with release */

#define LINGER_STEP_FIRST 1000000ull   /* ns */
#define LINGER_STEP_MOST  100000000ull

const struct inet_port *inet_network(void)
{
	return LOAD_ACQUIRE(provided) ? &inet_stack : NULL;
}

/* ---- life ---- */

/* [man ping(7)] net.ipv4.ping_group_range: first and last group; none by default, as on Linux. */
static u32 ping_groups[2] = {1, 0};

static bool may_ping(void)
{
	const struct cred *c = cred_current();
	u32 lo = READ_ONCE(ping_groups[0]), hi = READ_ONCE(ping_groups[1]);

	if (c->egid >= lo && c->egid <= hi)
		return true;
	for (u32 k = 0; k < c->ngroups; k++)
		if (c->groups[k] >= lo && c->groups[k] <= hi)
			return true;
	return false;
}

/* What Linux finds wrong before a family is asked: 0; the protocol that 0 stands for in *protocol. */
static int check_kind(u32 family, u32 type, u32 *protocol)
{
	u32 icmp = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	if (*protocol >= IPPROTO_MAX)
		return -EINVAL;
	switch (type) {
	case SOCK_STREAM:
		if (!*protocol)
			*protocol = IPPROTO_TCP;
		return *protocol == IPPROTO_TCP ? 0 : -EPROTONOSUPPORT;
	case SOCK_DGRAM:
		if (!*protocol)
			*protocol = IPPROTO_UDP;
		if (*protocol == icmp)
			return may_ping() ? 0 : -EACCES;
		return *protocol == IPPROTO_UDP || *protocol == IPPROTO_UDPLITE ? 0 : -EPROTONOSUPPORT;
	case SOCK_RAW:
		if (!*protocol)
			return -EPROTONOSUPPORT;
		return capable(CAP_NET_RAW) ? 0 : -EPERM;
	default: return -ESOCKTNOSUPPORT;
	}
}

int inet_socket_create(u32 family, u32 type, u32 protocol, struct socket **out)
{
	struct inet_cred cred = {.uid = cred_current()->fsuid, .gid = cred_current()->fsgid};
	struct inet_sock *i;
	int err = check_kind(family, type, &protocol);

	if (err)
		return err;
	i = inet_sock_create(family, type, protocol);
	if (!i)
		return -ENOMEM;
	err = inet_call()->socket(inet_stack.self, family, type, protocol, &cred, i->cookie, &i->handle);
	if (err) {
		inet_sock_forget(i);
		inet_sock_put(i);
		return err;
	}
	i->sock.cookie = i->cookie; /* what SO_COOKIE and sock_diag say */
	*out = &i->sock;
	return 0;
}

static int create4(u32 type, u32 protocol, struct socket **out)
{
	return inet_socket_create(AF_INET, type, protocol, out);
}

static int create6(u32 type, u32 protocol, struct socket **out)
{
	return inet_socket_create(AF_INET6, type, protocol, out);
}

/* SO_LINGER with a time: until what was sent has been acknowledged, or the time is over. */
static void linger(struct inet_sock *i)
{
	u64 deadline = deadline_after((u64)i->sock.linger_s * 1000000000), step = LINGER_STEP_FIRST;
	u32 left;

	if (inet_call()->shutdown(inet_stack.self, i->handle, SHUT_RDWR))
		return;
	for (;;) {
		u32 seen = inet_seen(i);
		u64 now = clock_monotonic();

		if (inet_call()->control(inet_stack.self, i->handle, SIOCOUTQ, NULL, &left) || !left || now >= deadline)
			return;
		if (inet_wait(i, &i->sock.wr_wait, seen, min(deadline, now + step), false) == -ERESTARTSYS)
			return;
		step = min(step * 2, LINGER_STEP_MOST);
	}
}

static void inet_release(struct socket *s)
{
	struct inet_sock *i = inet_of(s);

	if (unlikely(socket_has(s, SOCKF_LINGER)) && s->linger_s && s->type == SOCK_STREAM && !socket_has(s, SOCKF_LISTENING))
		linger(i);
	inet_call()->release(inet_stack.self, i->handle);
	inet_sock_forget(i);
	inet_sock_put(i);
}

/* ---- waiting ---- */

int inet_wait(struct inet_sock *i, struct wait_queue *q, u32 seen, u64 deadline, bool exclusive)
{
	int err = wait_event_state(q, inet_seen(i) != seen, THREAD_SLEEP_INTR, deadline, exclusive);

	return err ? socket_wait_error(err, deadline) : 0;
}

void inet_wake_all(struct inet_sock *i)
{
	__atomic_add_fetch(&i->told, 1, __ATOMIC_RELEASE);
	wait_wake_all(&i->sock.rd_wait);
	wait_wake_all(&i->sock.wr_wait);
}

static u32 inet_poll(struct socket *s, struct poll_table *pt)
{
	u32 mask = inet_call()->poll(inet_stack.self, inet_of(s)->handle);

	return unlikely(READ_ONCE(s->err)) ? mask | EPOLLERR : mask;
}

/* ---- names ---- */

void inet_addr_to_port(const struct socket_addr *a, struct inet_addr *out)
{
	out->len = min(a->len, (u32)INET_ADDR_MAX);
	memcpy(out->bytes, a->bytes, out->len);
	memset(out->bytes + out->len, 0, INET_ADDR_MAX - out->len);
}

void inet_addr_from_port(const struct inet_addr *a, struct socket_addr *out)
{
	out->len = min(a->len, (u32)INET_ADDR_MAX);
	memcpy(out->bytes, a->bytes, out->len);
}

static int inet_name(struct socket *s, bool peer, struct socket_addr *out)
{
	struct inet_sock *i = inet_of(s);
	struct inet_addr a;
	int err = peer ? inet_call()->peer_name(inet_stack.self, i->handle, &a)
		       : inet_call()->local_name(inet_stack.self, i->handle, &a);

	if (!err)
		inet_addr_from_port(&a, out);
	return err;
}

static int inet_shutdown(struct socket *s, unsigned how)
{
	struct inet_sock *i = inet_of(s);
	int err = inet_call()->shutdown(inet_stack.self, i->handle, how - 1);

	inet_wake_all(i);
	return err;
}

/* ---- tables ---- */

#define INET_COMMON_OPS                                                                                                \
	.bind = inet_bind, .connect = inet_connect, .name = inet_name, .send = inet_send, .receive = inet_receive,      \
	.shutdown = inet_shutdown, .poll = inet_poll, .ioctl = inet_sock_ioctl, .set_option = inet_set_option,               \
	.get_option = inet_get_option, .option_changed = inet_option_changed, .buffers_changed = inet_buffers_changed, \
	.take_error = inet_take_error, .release = inet_release

const struct socket_ops inet_stream_ops = {INET_COMMON_OPS, .listen = inet_listen, .accept = inet_accept};
const struct socket_ops inet_dgram_ops = {INET_COMMON_OPS};

static const struct socket_family family4 = {.create = create4}, family6 = {.create = create6};

static void told_news(void *client, u32 group, const struct iobuf *message)
{
	netlink_route_notify(group, message);
}

static struct inet_client_ops client_ops = {.ready = inet_ready, .notify = told_news, .inode = inet_inode};

void inet_set_tap(const struct inet_tap_ops *ops)
{
	client_ops.frame = ops->frame;
	client_ops.link = ops->link;
}

int inet_provide(const struct inet_port *port)
{
	const struct inet_cred root = {0, 0};
	int err;

	if (LOAD_ACQUIRE(provided))
		return -EBUSY;
	err = port->ops->open(port->self, &client_ops, NULL);
	if (err)
		return err;
	err = port->ops->socket(port->self, AF_INET, SOCK_DGRAM, IPPROTO_UDP, &root, ~0ull, &inet_device_handle);
	if (err) {
		port->ops->close(port->self);
		return err;
	}
	inet_stack = *port;
	STORE_RELEASE(provided, true);
	socket_family_register(AF_INET, &family4);
	socket_family_register(AF_INET6, &family6);
	return 0;
}

/* ---- settings ---- */

static int get_ping_groups(const struct sysctl *s, struct strbuf *sb)
{
	strbuf_printf(sb, "%u\t%u\n", READ_ONCE(ping_groups[0]), READ_ONCE(ping_groups[1]));
	return 0;
}

static int set_ping_groups(const struct sysctl *s, char *text)
{
	const char *at = text;
	u64 v[2];

	for (int k = 0; k < 2; k++) {
		while (*at == ' ' || *at == '\t')
			at++;
		if (strtou64_prefix(at, 10, &at, &v[k]) || v[k] > U32_MAX)
			return -EINVAL;
	}
	if (v[1] < v[0]) {
		v[0] = 1;
		v[1] = 0;
	}
	WRITE_ONCE(ping_groups[0], (u32)v[0]);
	WRITE_ONCE(ping_groups[1], (u32)v[1]);
	return 0;
}

static const struct sysctl table[] = {
	{"net/ipv4/ip_unprivileged_port_start", 0644, SYSCTL_INT, .var = &inet_unprivileged_port_start, .min = 0, .max = 65535},
	{"net/ipv4/ping_group_range", 0644, SYSCTL_CALL, .get = get_ping_groups, .set = set_ping_groups},
};

static int inet_init(void)
{
	inet_names_init();
	sysctl_register(table, ARRAY_SIZE(table));
	return 0;
}

INITCALL(inet, "net", inet_init);
