/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The port's operations: a handle becomes a sock inside a read section, which keeps it for the call.
 */
#include "ip_impl.h"
#include "link_impl.h"
#include "mcast.h"
#include "raw.h"
#include "sock_impl.h"

static int op_open(void *self, const struct inet_client_ops *ops, void *client)
{
	struct inet *in = self;

	in->client_ops = ops;
	in->client = client;
	return 0;
}

static void op_close(void *self)
{
	struct inet *in = self;
	struct link *l;
	u32 ifindex;

	for (;;) {
		ifindex = 0;
		env_rcu_enter();
		list_for_each_entry_rcu(l, &in->links, node)
			if (l != in->loopback)
				ifindex = l->ifindex;
		env_rcu_exit();
		if (!ifindex)
			return;
		inet_ops.link_remove(in, ifindex);
	}
}

/* Which kind of socket; see socket(2) for the order of errors. */
static int choose_proto(u32 family, u32 type, u32 protocol, const struct proto **out, u8 *out_protocol)
{
	int err = -ESOCKTNOSUPPORT;

	if (family != AF_INET && family != AF_INET6)
		return -EAFNOSUPPORT;
	if (protocol > 255)
		return -EINVAL;
	for (unsigned i = 0; inet_protos[i]; i++) {
		const struct proto *p = inet_protos[i];
		u8 own = family == AF_INET6 && p->protocol_v6 ? p->protocol_v6 : p->protocol;

		if (p->type != type)
			continue;
		err = -EPROTONOSUPPORT;
		if (p->any_protocol ? protocol == 0 : protocol && protocol != own)
			continue;
		*out = p;
		*out_protocol = p->any_protocol ? (u8)protocol : own;
		return 0;
	}
	return err;
}

static int op_socket(void *self, u32 family, u32 type, u32 protocol, const struct inet_cred *cred, u64 cookie, u64 *out_handle)
{
	struct inet *in = self;
	const struct proto *proto;
	struct sock *s;
	u8 number;
	int err = choose_proto(family, type, protocol, &proto, &number);

	if (err)
		return err;
	inet_enter(in);
	err = sock_create(in, proto, family, number, cred, cookie, &s);
	err = err ? err : sock_handle_add(s);
	if (!err)
		*out_handle = s->handle;
	inet_leave(in);
	return err;
}

static void op_release(void *self, u64 handle)
{
	struct inet *in = self;
	unsigned long flags;
	struct sock *s;

	inet_enter(in);
	s = sock_find(in, handle);
	if (s) {
		sock_handle_drop(s);
		flags = env_spin_lock(&s->lock);
		WRITE_ONCE(s->released, true);
		env_spin_unlock(&s->lock, flags);
		mcast_sock_leave_all(s);
		s->proto->release(s);
		sock_put(s);
	}
	inet_leave(in);
}

static int op_adopt(void *self, u64 handle, u64 cookie, const struct iobuf *kept)
{
	return -ESTALE; /* nothing is kept: no connection survives its provider */
}

/* Every call on a handle has this frame. */
#define WITH_SOCK(in_, handle_, s_, result_, call_)                \
	do {                                                       \
		struct sock *s_;                                   \
                                                                   \
		inet_enter(in_);                                   \
		s_ = sock_find((in_), (handle_));                  \
		result_ = s_ ? (call_) : -EBADF;                   \
		inet_leave(in_);                                   \
	} while (0)

static int check_len(struct sock *s, const struct inet_addr *addr)
{
	return addr->len < (s->family == AF_INET ? 16u : 24u) ? -EINVAL : 0;
}

static int do_bind(struct sock *s, const struct inet_addr *addr)
{
	struct ip_endpoint e;
	int err = check_len(s, addr);

	err = err ? err : ip_endpoint_parse(addr, &e);
	if (!err && e.family == AF_UNSPEC) {
		/* INADDR_ANY without a family is let through [man ip(7)]. */
		if (s->family != AF_INET || load_be32(addr->bytes + 4))
			return -EAFNOSUPPORT;
		e.port = load_be16(addr->bytes + 2);
	}
	return err ? err : s->proto->bind(s, &e);
}

static int do_connect(struct sock *s, const struct inet_addr *addr)
{
	struct ip_endpoint e;
	int err = ip_endpoint_parse(addr, &e);

	if (!err && e.family != AF_UNSPEC && s->family == AF_INET6 && e.family == AF_INET)
		return -EAFNOSUPPORT;
	if (!err && e.family != AF_UNSPEC)
		err = check_len(s, addr);
	return err ? err : s->proto->connect(s, &e);
}

static int op_bind(void *self, u64 handle, const struct inet_addr *addr)
{
	int err;

	WITH_SOCK(self, handle, s, err, do_bind(s, addr));
	return err;
}

static int op_connect(void *self, u64 handle, const struct inet_addr *addr)
{
	int err;

	WITH_SOCK(self, handle, s, err, do_connect(s, addr));
	return err;
}

static int op_listen(void *self, u64 handle, u32 backlog)
{
	int err;

	WITH_SOCK(self, handle, s, err, s->proto->listen ? s->proto->listen(s, backlog) : -EOPNOTSUPP);
	return err;
}

static int do_accept(struct sock *s, u64 cookie, u64 *out_handle, struct inet_addr *out_peer)
{
	struct ip_endpoint peer;
	struct sock *child;
	int err;

	if (!s->proto->accept)
		return -EOPNOTSUPP;
	err = s->proto->accept(s, cookie, &child, &peer);
	if (err)
		return err;
	err = sock_handle_add(child);
	*out_handle = child->handle;
	ip_endpoint_format(&peer, child->family, out_peer);
	return err;
}

static int op_accept(void *self, u64 handle, u64 cookie, u64 *out_handle, struct inet_addr *out_peer)
{
	int err;

	WITH_SOCK(self, handle, s, err, do_accept(s, cookie, out_handle, out_peer));
	return err;
}

static ssize_t op_send(void *self, u64 handle, struct inet_msg *msg)
{
	ssize_t n;

	WITH_SOCK(self, handle, s, n, s->proto->send(s, msg));
	return n;
}

static ssize_t op_receive(void *self, u64 handle, struct inet_msg *msg)
{
	ssize_t n;

	msg->control_len = 0;
	msg->addr.len = 0;
	msg->datagram_len = 0;
	WITH_SOCK(self, handle, s, n, s->proto->receive(s, msg));
	return n;
}

static int op_shutdown(void *self, u64 handle, u32 how)
{
	int err;

	if (how > SHUT_RDWR)
		return -EINVAL;
	WITH_SOCK(self, handle, s, err, s->proto->shutdown(s, how));
	return err;
}

static u32 op_poll(void *self, u64 handle)
{
	ssize_t events;

	WITH_SOCK(self, handle, s, events, (ssize_t)s->proto->poll(s));
	return events < 0 ? 0 : (u32)events;
}

static int op_set_option(void *self, u64 handle, u32 level, u32 name, struct iobuf *value)
{
	int err;

	WITH_SOCK(self, handle, s, err, sock_set_option(s, level, name, value));
	return err;
}

static int op_get_option(void *self, u64 handle, u32 level, u32 name, struct iobuf *value, u32 *out_len)
{
	int err;

	WITH_SOCK(self, handle, s, err, sock_get_option(s, level, name, value, out_len));
	return err;
}

static int do_local_name(struct sock *s, struct inet_addr *out)
{
	unsigned long flags = env_spin_lock(&s->lock);
	struct ip_endpoint e = {.addr = s->laddr, .port = s->lport, .scope = s->bound_if};

	if (s->protocol != s->proto->protocol && s->type == SOCK_RAW)
		e.port = s->protocol;
	env_spin_unlock(&s->lock, flags);
	ip_endpoint_format(&e, s->family, out);
	return 0;
}

static int do_peer_name(struct sock *s, struct inet_addr *out)
{
	unsigned long flags = env_spin_lock(&s->lock);
	struct ip_endpoint e = {.addr = s->raddr, .port = s->rport, .scope = s->bound_if};
	bool connected = s->connected;

	env_spin_unlock(&s->lock, flags);
	if (!connected)
		return -ENOTCONN;
	ip_endpoint_format(&e, s->family, out);
	return 0;
}

static int op_local_name(void *self, u64 handle, struct inet_addr *out)
{
	int err;

	WITH_SOCK(self, handle, s, err, do_local_name(s, out));
	return err;
}

static int op_peer_name(void *self, u64 handle, struct inet_addr *out)
{
	int err;

	WITH_SOCK(self, handle, s, err, do_peer_name(s, out));
	return err;
}

static int op_control(void *self, u64 handle, u32 request, struct iobuf *arg, u32 *out_value)
{
	struct link_change change = {0};
	int err;

	WITH_SOCK(self, handle, s, err, s->proto->control(s, request, out_value));
	if (err != -ENOIOCTLCMD)
		return err;
	inet_enter(self);
	err = inet_ioctl(self, request, arg, out_value, &change);
	inet_leave(self);
	return err ? err : link_apply(self, &change);
}

/* ---- links and configuration ---- */

static int op_link_add(void *self, u32 ifindex, const char name[16], const struct nic_port *nic)
{
	struct link *l;

	return link_create(self, ifindex, name, nic, &l);
}

static void op_link_remove(void *self, u32 ifindex)
{
	struct inet *in = self;
	struct link *l;

	env_rcu_enter();
	l = link_by_index(in, ifindex);
	env_rcu_exit();
	if (l && l != in->loopback)
		link_destroy(l); /* removals come one at a time: the client's own */
}

static int op_link_rename(void *self, u32 ifindex, const char name[16])
{
	return link_rename(self, ifindex, name);
}

/* One call inside a read section. */
#define WITHIN(in, result, call) \
	do {                     \
		inet_enter(in);  \
		result = (call); \
		inet_leave(in);  \
	} while (0)

static int op_link_info(void *self, u32 ifindex, struct inet_link_info *out)
{
	int err;

	WITHIN(self, err, link_info(self, ifindex, out));
	return err;
}

static int op_tap(void *self, u32 ifindex, int by)
{
	return link_tap_change(self, ifindex, by);
}

static int op_link_want(void *self, u32 ifindex, enum inet_link_want what, const u8 mac[6], int by)
{
	int err;

	WITHIN(self, err, link_want(self, ifindex, what, mac, by));
	return err;
}

static ssize_t op_link_send(void *self, u32 ifindex, struct inet_raw *raw)
{
	ssize_t n;

	WITHIN(self, n, link_send_raw(self, ifindex, raw));
	return n;
}

static int op_netlink(void *self, u32 protocol, struct iobuf *request, struct iobuf *reply, u64 *resume)
{
	struct inet *in = self;
	struct link_change change = {0};
	int err;

	inet_enter(in);
	err = inet_netlink(in, protocol, request, reply, resume, &change);
	inet_leave(in);
	return err ? err : link_apply(in, &change);
}

static ssize_t op_text(void *self, u32 which, struct iobuf *out, u64 *resume)
{
	struct inet *in = self;
	ssize_t n;

	inet_enter(in);
	n = inet_text(in, which, out, resume);
	inet_leave(in);
	return n;
}

static int op_sysctl_get(void *self, const char *path, s64 *out, u32 *out_n)
{
	return inet_sysctl_get(self, path, out, out_n);
}

static int op_sysctl_set(void *self, const char *path, const s64 *values, u32 n)
{
	return inet_sysctl_set(self, path, values, n);
}

const struct inet_ops inet_ops = {
	.open = op_open,
	.close = op_close,
	.socket = op_socket,
	.release = op_release,
	.adopt = op_adopt,
	.bind = op_bind,
	.connect = op_connect,
	.listen = op_listen,
	.accept = op_accept,
	.send = op_send,
	.receive = op_receive,
	.shutdown = op_shutdown,
	.poll = op_poll,
	.set_option = op_set_option,
	.get_option = op_get_option,
	.local_name = op_local_name,
	.peer_name = op_peer_name,
	.control = op_control,
	.link_add = op_link_add,
	.link_remove = op_link_remove,
	.link_rename = op_link_rename,
	.link_info = op_link_info,
	.tap = op_tap,
	.link_want = op_link_want,
	.link_send = op_link_send,
	.netlink = op_netlink,
	.text = op_text,
	.sysctl_get = op_sysctl_get,
	.sysctl_set = op_sysctl_set,
};
