/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake_inet.h"
#include <net/device.h>
#include <abi/netif.h>
#include <abi/socket.h>
#include <lib/endian.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/eventpoll.h>
#include <linux/in.h>
#include <linux/sockios.h>
#include <asm/ioctls.h>

struct fake_inet fake;

void fake_reset(void)
{
	const struct inet_client_ops *ops = fake.client_ops;

	memset(&fake, 0, sizeof(fake));
	fake.client_ops = ops;
	fake.room = FAKE_QUEUE;
}

static struct fake_sock *sock_of(u64 handle)
{
	fake.calls++;
	return handle && handle <= FAKE_SOCKETS && fake.socks[handle - 1].used ? &fake.socks[handle - 1] : NULL;
}

static u64 handle_of(const struct fake_sock *s)
{
	return (u64)(s - fake.socks) + 1;
}

void fake_ready(u64 handle, u32 events)
{
	fake.client_ops->ready(fake.client, fake.socks[handle - 1].cookie, events);
}

static void tell(struct fake_sock *s, u32 events)
{
	if (s->cookie)
		fake.client_ops->ready(fake.client, s->cookie, events);
}

static u16 port_of(const struct inet_addr *a)
{
	struct sockaddr_in sin;

	memcpy(&sin, a->bytes, sizeof(sin));
	return be16_to_cpu((struct be16){sin.sin_port});
}

static void put_addr(struct inet_addr *a, u16 port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = cpu_to_be16(port).raw, .sin_addr = {cpu_to_be32(0x7f000001).raw}};

	memset(a, 0, sizeof(*a));
	a->len = sizeof(sin);
	memcpy(a->bytes, &sin, sizeof(sin));
}

static int f_open(void *self, const struct inet_client_ops *ops, void *client)
{
	fake.client_ops = ops;
	fake.client = client;
	return 0;
}

static int f_socket(void *self, u32 family, u32 type, u32 protocol, const struct inet_cred *cred, u64 cookie, u64 *out)
{
	for (u32 i = 0; i < FAKE_SOCKETS; i++) {
		struct fake_sock *s = &fake.socks[i];

		if (s->used)
			continue;
		memset(s, 0, sizeof(*s));
		*s = (struct fake_sock){.used = true, .family = family, .type = type, .protocol = protocol, .cookie = cookie,
			.peer = -1, .room = fake.room};
		fake.live++;
		*out = i + 1;
		return 0;
	}
	return -ENOMEM;
}

static void f_release(void *self, u64 handle)
{
	struct fake_sock *s = sock_of(handle);

	if (s->peer >= 0) {
		struct fake_sock *p = &fake.socks[s->peer];

		p->peer = -1;
		p->shut_in = true;
		tell(p, EPOLLIN | EPOLLRDHUP | EPOLLHUP);
	}
	s->used = false;
	fake.live--;
}

static int f_bind(void *self, u64 handle, const struct inet_addr *a)
{
	u16 port = port_of(a);

	for (u32 i = 0; port && i < FAKE_SOCKETS; i++)
		if (fake.socks[i].used && fake.socks[i].port == port)
			return -EADDRINUSE;
	sock_of(handle)->port = port ? port : (u16)(40000 + handle);
	return 0;
}

static struct fake_sock *find_port(u16 port, u32 type)
{
	for (u32 i = 0; i < FAKE_SOCKETS; i++) {
		struct fake_sock *s = &fake.socks[i];

		if (s->used && s->port == port && s->type == type && (type == SOCK_DGRAM || s->listening))
			return s;
	}
	return NULL;
}

/* The other end stands ready at the listener. */
static int join(struct fake_sock *s, struct fake_sock *l)
{
	u64 h;

	if (l->nbacklog == ARRAY_SIZE(l->backlog) || f_socket(NULL, s->family, s->type, s->protocol, NULL, 0, &h))
		return -ETIMEDOUT;
	fake.socks[h - 1].connected = s->connected = true;
	fake.socks[h - 1].peer = (s32)handle_of(s) - 1;
	s->peer = (s32)h - 1;
	l->backlog[l->nbacklog++] = (s32)h;
	tell(l, EPOLLIN | EPOLLRDNORM);
	return 0;
}

static int f_connect(void *self, u64 handle, const struct inet_addr *a)
{
	struct fake_sock *s = sock_of(handle), *to = find_port(port_of(a), s->type);

	if (s->connecting)
		return -EALREADY;
	if (s->connected)
		return -EISCONN;
	if (s->type == SOCK_DGRAM) {
		s->connected = true;
		s->peer = to ? (s32)handle_of(to) - 1 : -1;
		return 0;
	}
	if (fake.slow_connect) {
		s->connecting = true;
		s->port = port_of(a);
		return -EINPROGRESS;
	}
	return to ? join(s, to) : -ECONNREFUSED;
}

void fake_finish(u64 handle, int err)
{
	struct fake_sock *s = &fake.socks[handle - 1];

	s->connecting = false;
	if (!err)
		err = -join(s, find_port(s->port, s->type));
	s->err = err;
	tell(s, err ? EPOLLERR | EPOLLHUP : EPOLLOUT);
}

static int f_listen(void *self, u64 handle, u32 backlog)
{
	sock_of(handle)->listening = true;
	return 0;
}

static int f_accept(void *self, u64 handle, u64 cookie, u64 *out, struct inet_addr *peer)
{
	struct fake_sock *s = sock_of(handle), *c;

	if (!s->nbacklog)
		return -EAGAIN;
	*out = (u64)s->backlog[0];
	memmove(s->backlog, s->backlog + 1, --s->nbacklog * sizeof(s->backlog[0]));
	c = &fake.socks[*out - 1];
	c->cookie = cookie;
	put_addr(peer, 1234);
	return 0;
}

static ssize_t stream_send(struct fake_sock *s, struct inet_msg *m)
{
	struct fake_sock *to = s->peer >= 0 ? &fake.socks[s->peer] : NULL;
	size_t n, done = 0;

	if (m->flags & MSG_FASTOPEN) { /* two bytes go with the SYN */
		n = min_t(size_t, m->data->left, 2);
		iobuf_advance(m->data, n);
		s->connecting = true;
		s->port = port_of(&m->addr);
		return n ? (ssize_t)n : -EINPROGRESS;
	}
	if (!s->connected)
		return -ENOTCONN;
	if (s->shut_out || !to)
		return -EPIPE;
	n = min_t(size_t, m->data->left, to->room - to->len);
	if (!n)
		return m->data->left ? -EAGAIN : 0;
	while (done < n) {
		u32 at = (to->head + to->len) % FAKE_QUEUE;
		size_t piece = min_t(size_t, n - done, FAKE_QUEUE - at), got = iobuf_get(m->data, to->queue + at, piece);

		to->len += (u32)got;
		done += got;
		if (got < piece)
			break;
	}
	if (!done)
		return -EFAULT;
	tell(to, EPOLLIN | EPOLLRDNORM);
	return (ssize_t)done;
}

static ssize_t dgram_send(struct fake_sock *s, struct inet_msg *m)
{
	struct fake_sock *to = m->addr.len ? find_port(port_of(&m->addr), SOCK_DGRAM) : s->peer >= 0 ? &fake.socks[s->peer] : NULL;
	struct fake_dgram *d;
	u32 len = (u32)m->data->left;

	if (!m->addr.len && !s->connected)
		return -EDESTADDRREQ;
	if (m->data->left > sizeof(d->bytes))
		return -EMSGSIZE;
	if (!to)
		return (ssize_t)len;
	if (to->ndgrams == FAKE_DGRAMS)
		return -EAGAIN;
	d = &to->dgrams[to->ndgrams];
	if (iobuf_get(m->data, d->bytes, len) < len)
		return -EFAULT;
	d->len = len;
	d->from = s->port;
	to->ndgrams++;
	tell(to, EPOLLIN | EPOLLRDNORM);
	return (ssize_t)len;
}

static bool fault(const struct iobuf *b)
{
	return b->left && fake.faults && fake.faults--;
}

static ssize_t f_send(void *self, u64 handle, struct inet_msg *m)
{
	struct fake_sock *s = sock_of(handle);

	if (s->err) {
		int err = s->err;

		s->err = 0;
		return -err;
	}
	if (fault(m->data))
		return -EFAULT;
	return s->type == SOCK_STREAM ? stream_send(s, m) : dgram_send(s, m);
}

static ssize_t stream_receive(struct fake_sock *s, struct inet_msg *m)
{
	struct fake_sock *from = s->peer >= 0 ? &fake.socks[s->peer] : NULL;
	u32 head = s->head, left = s->len;
	size_t done = 0;

	if (s->listening || (!s->connected && !s->len))
		return -ENOTCONN;
	if (!s->len)
		return s->shut_in || !from || from->shut_out ? 0 : -EAGAIN;
	while (left && m->data->left) {
		size_t piece = min_t(size_t, min(left, FAKE_QUEUE - head), m->data->left), got = iobuf_put(m->data, s->queue + head, piece);

		head = (head + (u32)got) % FAKE_QUEUE;
		left -= (u32)got;
		done += got;
		if (got < piece)
			break;
	}
	if (!done)
		return -EFAULT;
	if (!(m->flags & MSG_PEEK)) {
		s->head = head;
		s->len = left;
		if (from)
			tell(from, EPOLLOUT | EPOLLWRNORM);
	}
	return (ssize_t)done;
}

static ssize_t dgram_receive(struct fake_sock *s, struct inet_msg *m)
{
	struct fake_dgram *d = &s->dgrams[0];
	struct cmsghdr h = {.len = CMSG_SIZE(4), .level = IPPROTO_IP, .type = IP_TTL};
	size_t n = min_t(size_t, d->len, m->data->left);

	if (m->flags & MSG_ERRQUEUE)
		return -EAGAIN;
	if (!s->ndgrams)
		return -EAGAIN;
	if (iobuf_put(m->data, d->bytes, n) < n)
		return -EFAULT;
	put_addr(&m->addr, d->from);
	m->datagram_len = d->len;
	m->flags = n < d->len ? MSG_TRUNC : 0;
	if (m->control && s->value_len) {
		u32 ttl[2] = {64, 0};

		m->control_len = (u32)iobuf_put(m->control, &h, sizeof(h));
		m->control_len += (u32)iobuf_put(m->control, ttl, 8);
		if (m->control_len < 24)
			m->flags |= MSG_CTRUNC;
	}
	memmove(s->dgrams, s->dgrams + 1, --s->ndgrams * sizeof(s->dgrams[0]));
	return (ssize_t)n;
}

static ssize_t f_receive(void *self, u64 handle, struct inet_msg *m)
{
	struct fake_sock *s = sock_of(handle);

	if (s->err) {
		int err = s->err;

		s->err = 0;
		return -err;
	}
	if (fault(m->data))
		return -EFAULT;
	return s->type == SOCK_STREAM ? stream_receive(s, m) : dgram_receive(s, m);
}

static int f_shutdown(void *self, u64 handle, u32 how)
{
	struct fake_sock *s = sock_of(handle);

	if (!s->connected)
		return -ENOTCONN;
	if (how != SHUT_WR)
		s->shut_in = true;
	if (how != SHUT_RD) {
		s->shut_out = true;
		if (s->peer >= 0)
			tell(&fake.socks[s->peer], EPOLLIN | EPOLLRDHUP);
	}
	return 0;
}

static u32 f_poll(void *self, u64 handle)
{
	struct fake_sock *s = sock_of(handle), *peer = s->peer >= 0 ? &fake.socks[s->peer] : NULL;
	u32 mask = 0;

	if (s->err)
		mask |= EPOLLERR;
	if (s->len || s->ndgrams || s->nbacklog || s->shut_in)
		mask |= EPOLLIN | EPOLLRDNORM;
	if (s->connected && (s->shut_in || !peer || peer->shut_out))
		mask |= EPOLLRDHUP | EPOLLIN;
	if (s->type == SOCK_DGRAM || (s->connected && peer && peer->len < peer->room))
		mask |= EPOLLOUT | EPOLLWRNORM;
	if (s->type == SOCK_STREAM && !s->connected && !s->listening && !s->connecting)
		mask |= EPOLLHUP | EPOLLOUT;
	return mask;
}

static int f_set_option(void *self, u64 handle, u32 level, u32 name, struct iobuf *v)
{
	struct fake_sock *s = sock_of(handle);

	if (level == SOL_SOCKET && name == SO_ATTACH_FILTER) {
		s->filter_len = (u32)v->left;
		return 0;
	}
	if (level == SOL_SOCKET && name < ARRAY_SIZE(s->told)) {
		(void)iobuf_get(v, &s->told[name], sizeof(s32));
		return 0;
	}
	if (level != IPPROTO_IP)
		return -ENOPROTOOPT;
	s->value_len = (u32)iobuf_get(v, s->value, sizeof(s->value));
	return 0;
}

static int f_get_option(void *self, u64 handle, u32 level, u32 name, struct iobuf *v, u32 *len)
{
	struct fake_sock *s = sock_of(handle);

	if (level == SOL_SOCKET && name == SO_ERROR) {
		*len = (u32)iobuf_put(v, &s->err, sizeof(s->err));
		s->err = 0;
		return 0;
	}
	if (level != IPPROTO_IP)
		return -ENOPROTOOPT;
	*len = (u32)iobuf_put(v, s->value, s->value_len);
	return 0;
}

static int f_local_name(void *self, u64 handle, struct inet_addr *out)
{
	put_addr(out, sock_of(handle)->port);
	return 0;
}

static int f_peer_name(void *self, u64 handle, struct inet_addr *out)
{
	struct fake_sock *s = sock_of(handle);

	if (!s->connected)
		return -ENOTCONN;
	put_addr(out, s->peer >= 0 ? fake.socks[s->peer].port : 0);
	return 0;
}

static int f_control(void *self, u64 handle, u32 request, struct iobuf *arg, u32 *out)
{
	struct fake_sock *s = handle ? sock_of(handle) : NULL;
	struct ifreq r;

	switch (request) {
	case SIOCINQ: *out = s->len; return 0;
	case SIOCOUTQ: *out = s->peer >= 0 ? fake.socks[s->peer].len : 0; return 0;
	case SIOCGIFINDEX:
		r = *(const struct ifreq *)(unsigned long)arg->one.base;
		if (strcmp(r.name, "lo"))
			return -ENODEV;
		r.number = 1;
		(void)iobuf_put(arg, &r, sizeof(r));
		return 0;
	case SIOCSIFFLAGS: return 0;
	case SIOCGIFCONF:
		memset(&r, 0, sizeof(r));
		strscpy(r.name, "lo", sizeof(r.name));
		*out = arg->left ? (u32)iobuf_put(arg, &r, sizeof(r)) : (u32)sizeof(r);
		return 0;
	default: return -ENOIOCTLCMD;
	}
}

static const struct inet_ops ops = {
	.open = f_open,
	.socket = f_socket,
	.release = f_release,
	.bind = f_bind,
	.connect = f_connect,
	.listen = f_listen,
	.accept = f_accept,
	.send = f_send,
	.receive = f_receive,
	.shutdown = f_shutdown,
	.poll = f_poll,
	.set_option = f_set_option,
	.get_option = f_get_option,
	.local_name = f_local_name,
	.peer_name = f_peer_name,
	.control = f_control,
};
const struct inet_port fake_port = {&ops, NULL};

/* There is no list of devices here. */
u32 net_device_find(const char *wanted, char name[NET_NAME_MAX])
{
	return 0;
}

int net_device_rename(u32 ifindex, const char *name)
{
	return -ENODEV;
}
