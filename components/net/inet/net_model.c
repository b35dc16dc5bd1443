/* SPDX-License-Identifier: BSD-2-Clause */
#include "net_model.h"

#include <env/log.h>
#include <lib/endian.h>
#include <lib/errno.h>
#include <lib/string.h>
#include "uapi.h"

static void ready(void *client, u64 cookie, u32 events)
{
	struct model *m = client;

	__atomic_fetch_or(&m->events[cookie % MODEL_SOCKS], events, __ATOMIC_RELAXED);
	env_event_signal(&m->woken);
}

static void notify(void *client, u32 group, const struct iobuf *message)
{
	__atomic_fetch_add(&((struct model *)client)->notes, 1, __ATOMIC_RELAXED);
}

static void frame(void *client, const struct inet_frame *f)
{
	struct model *m = client;
	struct iobuf data = f->data;

	__atomic_fetch_add(&m->frames[f->type], 1, __ATOMIC_RELAXED);
	if (!f->sender)
		return;
	__atomic_fetch_add(&m->senders, 1, __ATOMIC_RELAXED);
	m->last_frame_len = (u32)iobuf_get(&data, m->last_frame, sizeof(m->last_frame));
}

static u64 inode(void *client, u64 cookie)
{
	return cookie + 1000;
}

static const struct inet_client_ops client_ops = {.ready = ready, .notify = notify, .frame = frame, .inode = inode};

int model_ioctl(struct model *m, u32 request, void *arg, size_t len)
{
	struct inet_cred cred = {0};
	struct iobuf b;
	u32 value;
	u64 s;
	int err = m->port.ops->socket(m->port.self, AF_INET, SOCK_DGRAM, 0, &cred, 0, &s);

	if (err)
		return err;
	iobuf_init_kernel(&b, arg, len);
	err = m->port.ops->control(m->port.self, s, request, &b, &value);
	m->port.ops->release(m->port.self, s);
	return err;
}

static void set_up(struct model *m, const char *name)
{
	struct ifreq r = {.flags = IFF_UP};

	memcpy(r.name, name, strlen(name) + 1);
	ENV_ASSERT(!model_ioctl(m, SIOCSIFFLAGS, &r, sizeof(r)));
}

static void set_addr(struct model *m, const char *name, u32 request, u32 addr)
{
	struct ifreq r = {0};

	memcpy(r.name, name, strlen(name) + 1);
	r.sockaddr[0] = AF_INET;
	store_be32(r.sockaddr + 4, addr);
	ENV_ASSERT(!model_ioctl(m, request, &r, sizeof(r)));
}

void model_start(struct model *m, struct wire *wire, unsigned side)
{
	memset(m, 0, sizeof(*m));
	env_event_init(&m->woken);
	ENV_ASSERT(!inet_provider.create(&m->port));
	ENV_ASSERT(!m->port.ops->open(m->port.self, &client_ops, m));
	set_up(m, "lo");
	if (wire) {
		struct nic_port nic = wire_port(wire, side);

		ENV_ASSERT(!m->port.ops->link_add(m->port.self, 2, "eth0", &nic));
		set_up(m, "eth0");
		set_addr(m, "eth0", SIOCSIFADDR, 0x0a000001 + side);
		set_addr(m, "eth0", SIOCSIFNETMASK, 0xffffff00);
	}
}

void model_stop(struct model *m)
{
	m->port.ops->close(m->port.self);
	inet_provider.destroy(m->port.self);
}

void model_addr4(struct inet_addr *a, u32 addr, u16 port)
{
	memset(a, 0, sizeof(*a));
	a->len = 16;
	a->bytes[0] = AF_INET;
	store_be16(a->bytes + 2, port);
	store_be32(a->bytes + 4, addr);
}

void model_addr6(struct inet_addr *a, const u8 addr[16], u16 port, u32 scope)
{
	memset(a, 0, sizeof(*a));
	a->len = 28;
	a->bytes[0] = AF_INET6;
	store_be16(a->bytes + 2, port);
	memcpy(a->bytes + 8, addr, 16);
	memcpy(a->bytes + 24, &scope, 4);
}

int model_socket(struct model *m, u32 family, u32 type, u32 protocol, u64 cookie, u64 *out)
{
	struct inet_cred cred = {0};

	return m->port.ops->socket(m->port.self, family, type, protocol, &cred, cookie, out);
}

ssize_t model_send(struct model *m, u64 s, const void *data, size_t len, const struct inet_addr *to, u32 flags)
{
	struct iobuf b;
	struct inet_msg msg = {.flags = flags, .data = &b};

	iobuf_init_kernel(&b, (void *)(unsigned long)data, len);
	if (to)
		msg.addr = *to;
	return m->port.ops->send(m->port.self, s, &msg);
}

ssize_t model_receive(struct model *m, u64 s, void *data, size_t len, struct inet_addr *from, u32 ms)
{
	u64 deadline = env_deadline(ms * 1000000ull);

	for (;;) {
		u32 seq = env_event_read(&m->woken);
		struct iobuf b;
		struct inet_msg msg = {.data = &b};
		ssize_t n;

		iobuf_init_kernel(&b, data, len);
		n = m->port.ops->receive(m->port.self, s, &msg);
		if (n != -EAGAIN) {
			if (from)
				*from = msg.addr;
			return n;
		}
		if (env_event_wait(&m->woken, seq, deadline))
			return -ETIMEDOUT;
	}
}

int model_option(struct model *m, u64 s, u32 level, u32 name, int value)
{
	struct iobuf b;

	iobuf_init_kernel(&b, &value, sizeof(value));
	return m->port.ops->set_option(m->port.self, s, level, name, &b);
}
