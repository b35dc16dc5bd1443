/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The adaptor over a fake provider: blocking, time limits, faults, options, capabilities, and what is left behind.
 */
#include "../test_env.h"
#include "fake_inet.h"
#include "inet_impl.h"
#include <abi/netif.h>
#include <lib/endian.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <lib/test.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include <linux/sockios.h>
#include <vfs/file.h>
#include <asm/ioctls.h>

void netlink_route_notify(u32 group, const struct iobuf *message)
{
}

static s64 objects_before;

static void begin(void)
{
	static bool once;

	net_env_reset();
	if (!once) {
		inet_names_init();
		REQUIRE(inet_provide(&fake_port) == 0);
		CHECK_EQ(inet_provide(&fake_port), -EBUSY);
		once = true;
	}
	fake_reset();
	objects_before = net_env_objects;
}

static void end(void)
{
	CHECK_EQ(fake.live, 0);
	CHECK_EQ(net_env_objects, objects_before);
}

static struct file *open_sock(u32 type)
{
	struct file *f = NULL;

	CHECK_EQ(socket_create(AF_INET, type, 0, 0, &f), 0);
	return f;
}

static struct inet_sock *sock(struct file *f)
{
	return inet_of(file_socket(f));
}

static struct socket_addr at(u16 port)
{
	struct socket_addr a = {.len = sizeof(struct sockaddr_in)};
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = cpu_to_be16(port).raw};

	memcpy(a.bytes, &sin, sizeof(sin));
	return a;
}

static struct file *listener(u16 port)
{
	struct file *f = open_sock(SOCK_STREAM);
	struct socket_addr a = at(port);

	CHECK_EQ(inet_bind(file_socket(f), &a), 0);
	CHECK_EQ(inet_listen(file_socket(f), 5), 0);
	return f;
}

static void connect_pair(struct file *l, u16 port, struct file **a, struct file **b)
{
	struct socket_addr to = at(port), peer;

	*a = open_sock(SOCK_STREAM);
	CHECK_EQ(inet_connect(file_socket(*a), &to, false), 0);
	CHECK_EQ(socket_accept(l, 0, b, &peer), 0);
	CHECK_EQ(peer.len, sizeof(struct sockaddr_in));
}

static ssize_t send(struct file *f, const void *p, size_t len, u32 flags)
{
	struct socket_msg m = {.flags = flags};
	struct iobuf b;

	if (iobuf_init_user(&b, (struct uptr){(u64)(unsigned long)p}, len))
		return -EFAULT;
	m.data = &b;
	return inet_send(file_socket(f), &m);
}

static ssize_t receive(struct file *f, void *p, size_t len, u32 flags)
{
	struct socket_msg m = {.flags = flags};
	struct iobuf b;

	if (iobuf_init_user(&b, (struct uptr){(u64)(unsigned long)p}, len))
		return -EFAULT;
	m.data = &b;
	return inet_receive(file_socket(f), &m);
}

/* ---- what happens while somebody sleeps ---- */

static struct file *actor;
static u32 naps;

static int send_when_asleep(u64 deadline)
{
	naps++;
	CHECK_EQ(send(actor, "abc", 3, MSG_DONTWAIT), 3);
	return 0;
}

static int drain_when_asleep(u64 deadline)
{
	static u8 sink[1000];

	naps++;
	CHECK(receive(actor, sink, sizeof(sink), MSG_DONTWAIT) > 0);
	return 0;
}

static int signal_when_asleep(u64 deadline)
{
	return -ERESTARTSYS;
}

static int idle_event(u64 deadline)
{
	if (++naps > 3)
		return -ERESTARTSYS;
	fake_ready(sock(actor)->handle, EPOLLIN | EPOLLOUT); /* an event that means nothing */
	return 0;
}

/* ---- tests ---- */

TEST(inet_kinds)
{
	static const struct {
		int family;
		u32 type;
		int protocol, err;
	} kinds[] = {
		{AF_INET, SOCK_STREAM, 0, 0},
		{AF_INET, SOCK_STREAM, IPPROTO_TCP, 0},
		{AF_INET, SOCK_STREAM, IPPROTO_UDP, -EPROTONOSUPPORT},
		{AF_INET, SOCK_DGRAM, IPPROTO_TCP, -EPROTONOSUPPORT},
		{AF_INET, SOCK_DGRAM, IPPROTO_ICMP, -EACCES},
		{AF_INET, SOCK_RAW, 0, -EPROTONOSUPPORT},
		{AF_INET, SOCK_RAW, IPPROTO_ICMP, 0},
		{AF_INET, SOCK_SEQPACKET, 0, -ESOCKTNOSUPPORT},
		{AF_INET, SOCK_STREAM, -1, -EINVAL},
		{AF_INET, SOCK_STREAM, 300, -EINVAL},
		{AF_INET6, SOCK_DGRAM, 0, 0},
		{AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, 0},
	};

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct file *f = NULL;

		CHECK_EQ(socket_create(kinds[i].family, kinds[i].type, kinds[i].protocol, 0, &f), kinds[i].err);
		if (f)
			file_put(f);
	}
	net_env_cred.cap_effective = 0;
	CHECK_EQ(socket_create(AF_INET, SOCK_RAW, IPPROTO_ICMP, 0, &(struct file *){NULL}), -EPERM);
	end();
}

TEST(inet_bind_rights)
{
	struct file *f;
	struct socket_addr a = at(80);

	begin();
	f = open_sock(SOCK_DGRAM);
	net_env_cred.cap_effective = 0;
	CHECK_EQ(inet_bind(file_socket(f), &a), -EACCES);
	a.len = 15;
	CHECK_EQ(inet_bind(file_socket(f), &a), -EINVAL);
	a = at(80);
	a.family = AF_INET6;
	CHECK_EQ(inet_bind(file_socket(f), &a), -EAFNOSUPPORT);
	a.family = AF_UNSPEC;
	CHECK_EQ(inet_bind(file_socket(f), &a), -EACCES);
	net_env_cred.cap_effective = 1ull << CAP_NET_BIND_SERVICE;
	CHECK_EQ(inet_bind(file_socket(f), &a), 0);
	file_put(f);
	end();
}

TEST(inet_stream)
{
	struct file *l, *a, *b;
	char buf[16];

	begin();
	l = listener(5000);
	connect_pair(l, 5000, &a, &b);
	CHECK_EQ(receive(b, buf, 10, MSG_DONTWAIT), -EAGAIN);
	CHECK_EQ(send(a, "hello", 5, 0), 5);
	CHECK_EQ(receive(b, buf, 10, MSG_PEEK), 5);
	CHECK_EQ(receive(b, buf, 10, 0), 5);
	CHECK_MEM_EQ(buf, "hello", 5);
	CHECK_EQ(inet_stream_ops.shutdown(file_socket(a), SOCKET_SEND_SHUT), 0);
	CHECK_EQ(receive(b, buf, 10, 0), 0);
	CHECK_EQ(send(a, "x", 1, MSG_NOSIGNAL), -EPIPE);
	CHECK_EQ(net_env_signals, 0);
	CHECK_EQ(send(a, "x", 1, 0), -EPIPE);
	CHECK_EQ(net_env_last_signal, 13 /* SIGPIPE */);
	file_put(a);
	file_put(b);
	file_put(l);
	end();
}

TEST(inet_receive_waits)
{
	struct file *l, *a, *b;
	char buf[16];

	begin();
	l = listener(5000);
	connect_pair(l, 5000, &a, &b);
	actor = a;
	naps = 0;
	net_env_sleep = send_when_asleep;
	CHECK_EQ(receive(b, buf, 10, 0), 3);
	CHECK_EQ(naps, 1);
	CHECK_EQ(receive(b, buf, 9, MSG_WAITALL), 9); /* three times three */
	CHECK_EQ(naps, 4);
	CHECK_EQ(receive(b, buf, 6, MSG_WAITALL | MSG_PEEK), 6);
	CHECK_EQ(receive(b, buf, 16, MSG_DONTWAIT), 6);
	file_socket(b)->rcvlowat = 5;
	CHECK_EQ(receive(b, buf, 16, 0), 6);
	file_socket(b)->rcvlowat = 1;
	net_env_sleep = signal_when_asleep;
	CHECK_EQ(receive(b, buf, 10, 0), -ERESTARTSYS);
	file_socket(b)->rcvtimeo = 1000;
	CHECK_EQ(receive(b, buf, 10, 0), -EINTR);
	net_env_sleep = NULL;
	CHECK_EQ(receive(b, buf, 10, 0), -EAGAIN);
	file_socket(b)->rcvtimeo = ~0ull;
	net_env_sleep = idle_event; /* wakes, looks, sleeps again */
	actor = b;
	naps = 0;
	CHECK_EQ(receive(b, buf, 10, 0), -ERESTARTSYS);
	CHECK_EQ(naps, 4);
	file_put(a);
	file_put(b);
	file_put(l);
	end();
}

TEST(inet_send_waits)
{
	static u8 big[10000];
	struct file *l, *a, *b;

	begin();
	l = listener(5000);
	connect_pair(l, 5000, &a, &b);
	CHECK_EQ(send(a, big, sizeof(big), MSG_DONTWAIT), FAKE_QUEUE);
	CHECK_EQ(send(a, big, sizeof(big), MSG_DONTWAIT), -EAGAIN);
	actor = b;
	naps = 0;
	net_env_sleep = drain_when_asleep;
	CHECK_EQ(send(a, big, 3000, 0), 3000);
	CHECK_EQ(naps, 3);
	net_env_sleep = signal_when_asleep;
	CHECK_EQ(send(a, big, 3000, 0), -ERESTARTSYS);
	net_env_sleep = NULL;
	file_socket(a)->sndtimeo = 5000;
	CHECK_EQ(send(a, big, 3000, 0), -EAGAIN);
	file_put(b);
	file_put(a);
	file_put(l);
	end();
}

TEST(inet_faults_are_served)
{
	struct file *l, *a, *b;
	char buf[16];

	begin();
	l = listener(5000);
	connect_pair(l, 5000, &a, &b);
	fake.faults = 3;
	CHECK_EQ(send(a, "hello", 5, 0), 5);
	fake.faults = 2;
	CHECK_EQ(receive(b, buf, 10, 0), 5);
	fake.faults = 1000; /* somebody keeps taking it away */
	CHECK_EQ(send(a, "hello", 5, 0), -EFAULT);
	fake.faults = 0;
	CHECK_EQ(send(a, (void *)16, 5, 0), -EFAULT);
	CHECK_EQ(send(a, "x", 1, 0), 1);
	CHECK_EQ(receive(b, (void *)16, 5, 0), -EFAULT);
	CHECK_EQ(receive(b, buf, 5, 0), 1); /* and nothing is lost */
	file_put(a);
	file_put(b);
	file_put(l);
	end();
}

static int finish_well(u64 deadline)
{
	fake.slow_connect = false;
	fake_finish(sock(actor)->handle, 0);
	return 0;
}

static int finish_badly(u64 deadline)
{
	fake_finish(sock(actor)->handle, ECONNREFUSED);
	return 0;
}

TEST(inet_connect_waits)
{
	struct socket_addr to = at(5000);
	struct file *l, *a;

	begin();
	l = listener(5000);
	fake.slow_connect = true;
	a = actor = open_sock(SOCK_STREAM);
	CHECK_EQ(inet_connect(file_socket(a), &to, true), -EINPROGRESS);
	CHECK_EQ(inet_connect(file_socket(a), &to, true), -EALREADY);
	net_env_sleep = signal_when_asleep;
	CHECK_EQ(inet_connect(file_socket(a), &to, false), -ERESTARTSYS);
	file_socket(a)->sndtimeo = 1000;
	CHECK_EQ(inet_connect(file_socket(a), &to, false), -EINTR);
	net_env_sleep = NULL;
	CHECK_EQ(inet_connect(file_socket(a), &to, false), -EINPROGRESS);
	net_env_sleep = finish_well;
	CHECK_EQ(inet_connect(file_socket(a), &to, false), 0);
	CHECK_EQ(inet_connect(file_socket(a), &to, false), -EISCONN);
	file_put(a);
	fake.slow_connect = true;
	a = actor = open_sock(SOCK_STREAM);
	net_env_sleep = finish_badly;
	CHECK_EQ(inet_connect(file_socket(a), &to, false), -ECONNREFUSED);
	CHECK_EQ(inet_take_error(file_socket(a)), 0); /* taken */
	file_put(a);
	net_env_sleep = NULL;
	fake.slow_connect = false;
	{
		struct file *b;

		CHECK_EQ(socket_accept(l, 0, &b, NULL), 0);
		file_put(b);
	}
	file_put(l);
	end();
}

static int set_int(struct file *f, int level, int name, s32 v)
{
	return socket_set_option(file_socket(f), level, name, (struct uptr){(u64)(unsigned long)&v}, sizeof(v));
}

static int get_int(struct file *f, int level, int name, s32 *v)
{
	u32 len = sizeof(*v);

	return socket_get_option(file_socket(f), level, name, (struct uptr){(u64)(unsigned long)v}, (struct uptr){(u64)(unsigned long)&len});
}

/* MSG_FASTOPEN connects: it waits as connect() does, and then sends the rest. */
TEST(inet_fast_open)
{
	struct socket_addr to = at(5000);
	struct socket_msg m = {.addr = &to, .flags = MSG_FASTOPEN | MSG_DONTWAIT};
	struct file *l, *a, *b;
	struct iobuf d;
	char buf[10];

	begin();
	l = listener(5000);
	a = actor = open_sock(SOCK_STREAM);
	iobuf_init_kernel(&d, "hello", 5);
	m.data = &d;
	CHECK_EQ(inet_send(file_socket(a), &m), 2);
	CHECK_EQ(d.left, 3);
	file_put(a);
	a = actor = open_sock(SOCK_STREAM);
	iobuf_init_kernel(&d, NULL, 0);
	CHECK_EQ(inet_send(file_socket(a), &m), -EINPROGRESS);
	file_put(a);
	a = actor = open_sock(SOCK_STREAM);
	iobuf_init_kernel(&d, "hello", 5);
	m.flags = MSG_FASTOPEN;
	net_env_sleep = finish_badly;
	CHECK_EQ(inet_send(file_socket(a), &m), -ECONNREFUSED);
	file_put(a);
	a = actor = open_sock(SOCK_STREAM);
	iobuf_init_kernel(&d, "hello", 5);
	net_env_sleep = finish_well;
	CHECK_EQ(inet_send(file_socket(a), &m), 5);
	net_env_sleep = NULL;
	CHECK_EQ(socket_accept(l, 0, &b, NULL), 0);
	CHECK_EQ(receive(b, buf, 10, MSG_DONTWAIT), 3); /* the fake forgets what came with the SYN */
	file_put(a);
	file_put(b);
	file_put(l);
	end();
}

/* Whose level it is comes before the value [man setsockopt(2)]. */
TEST(inet_levels)
{
	const struct uptr bad = {0};
	struct file *f;
	s32 v = 0;

	begin();
	f = open_sock(SOCK_STREAM);
	CHECK_EQ(socket_set_option(file_socket(f), 500, 1, bad, 4), -ENOPROTOOPT);
	CHECK_EQ(socket_set_option(file_socket(f), IPPROTO_UDP, 1, bad, 4), -ENOPROTOOPT);
	CHECK_EQ(socket_set_option(file_socket(f), IPPROTO_IPV6, 1, bad, 4), -ENOPROTOOPT);
	CHECK_EQ(get_int(f, 500, 1, &v), -EOPNOTSUPP);
	file_put(f);
	end();
}

static int connect_when_asleep(u64 deadline)
{
	struct socket_addr to = at(5000);

	actor = open_sock(SOCK_STREAM);
	CHECK_EQ(inet_connect(file_socket(actor), &to, true), 0);
	return 0;
}

TEST(inet_accept_waits)
{
	struct file *l, *b;

	begin();
	l = listener(5000);
	l->flags |= 04000; /* O_NONBLOCK */
	CHECK_EQ(socket_accept(l, 0, &b, NULL), -EAGAIN);
	l->flags = 0;
	net_env_sleep = connect_when_asleep;
	file_socket(l)->flags |= SOCKF_KEEPALIVE;
	CHECK_EQ(socket_accept(l, 0, &b, NULL), 0);
	CHECK(socket_has(file_socket(b), SOCKF_KEEPALIVE) && !socket_has(file_socket(b), SOCKF_LISTENING));
	net_env_sleep = signal_when_asleep;
	CHECK_EQ(socket_accept(l, 0, &(struct file *){NULL}, NULL), -ERESTARTSYS);
	file_put(actor);
	file_put(b);
	actor = open_sock(SOCK_STREAM);
	CHECK_EQ(socket_accept(actor, 0, &b, NULL), -EINVAL);
	file_put(actor);
	file_put(l);
	end();
}

TEST(inet_datagrams)
{
	char buf[64], control[64];
	struct socket_addr addr, to = at(7000);
	struct cmsg_out out = {.at = {(u64)(unsigned long)control}, .left = sizeof(control)};
	struct socket_msg m = {.out = &out, .addr = &addr};
	struct file *a, *b;
	struct iobuf ib;
	s32 on = 1;

	begin();
	a = open_sock(SOCK_DGRAM);
	b = open_sock(SOCK_DGRAM);
	CHECK_EQ(inet_bind(file_socket(b), &to), 0);
	CHECK_EQ(send(a, "abc", 3, 0), -EDESTADDRREQ);
	CHECK_EQ(inet_connect(file_socket(a), &to, false), 0);
	CHECK_EQ(send(a, "0123456789", 10, 0), 10);
	CHECK_EQ(send(a, "", 0, 0), 0);
	CHECK_EQ(receive(b, buf, 4, MSG_TRUNC), 10);
	CHECK_EQ(receive(b, buf, 4, 0), 0);
	CHECK_EQ(receive(b, buf, 4, MSG_ERRQUEUE), -EAGAIN); /* never waits */
	CHECK_EQ(socket_set_option(file_socket(b), IPPROTO_IP, IP_RECVTTL, (struct uptr){(u64)(unsigned long)&on}, 4), 0);
	CHECK_EQ(send(a, "0123456789", 10, 0), 10);
	CHECK_EQ(iobuf_init_user(&ib, (struct uptr){(u64)(unsigned long)buf}, 4), 0);
	m.data = &ib;
	CHECK_EQ(inet_receive(file_socket(b), &m), 4);
	CHECK_EQ(m.out_flags, MSG_TRUNC);
	CHECK_EQ(addr.len, sizeof(struct sockaddr_in));
	CHECK_EQ(sizeof(control) - out.left, 24);
	file_put(a);
	file_put(b);
	end();
}

TEST(inet_control_is_checked)
{
	struct {
		struct cmsghdr h;
		u32 v, pad;
	} c = {.h = {.len = CMSG_SIZE(4), .level = SOL_SOCKET, .type = SO_MARK}};
	struct socket_addr to = at(9);
	struct socket_msg m = {.control = &c, .control_len = sizeof(c), .addr = &to};
	struct file *a;
	struct iobuf b;

	begin();
	a = open_sock(SOCK_DGRAM);
	CHECK_EQ(iobuf_init_user(&b, (struct uptr){(u64)(unsigned long)&c}, 4), 0);
	m.data = &b;
	CHECK_EQ(inet_send(file_socket(a), &m), 4);
	net_env_cred.cap_effective = 0;
	CHECK_EQ(inet_send(file_socket(a), &m), -EPERM);
	c.h.type = 99;
	CHECK_EQ(inet_send(file_socket(a), &m), -EINVAL);
	c.h.level = IPPROTO_IP;
	CHECK_EQ(inet_send(file_socket(a), &m), 4); /* the family's to judge */
	c.h.len = 1000;
	CHECK_EQ(inet_send(file_socket(a), &m), -EINVAL);
	file_put(a);
	end();
}

TEST(inet_options)
{
	struct sock_filter code[2] = {{BPF_LD | BPF_IMM, 0, 0, 5}, {BPF_RET | BPF_A, 0, 0, 0}};
	struct sock_fprog prog = {2, code};
	struct file *f;
	struct fake_sock *s;
	s32 v = 0;

	begin();
	f = open_sock(SOCK_STREAM);
	s = &fake.socks[sock(f)->handle - 1];
	CHECK_EQ(set_int(f, SOL_SOCKET, SO_REUSEADDR, 1), 0);
	CHECK_EQ(s->told[SO_REUSEADDR], 1);
	CHECK_EQ(set_int(f, SOL_SOCKET, SO_RCVBUF, 10000), 0);
	CHECK_EQ(s->told[SO_RCVBUFFORCE], 10000);
	CHECK_EQ(s->told[SO_SNDBUFFORCE], 0);
	CHECK_EQ(set_int(f, SOL_SOCKET, SO_TIMESTAMPNS_OLD, 1), 0);
	CHECK_EQ(s->told[SO_TIMESTAMPNS_OLD], 1);
	CHECK_EQ(get_int(f, SOL_SOCKET, SO_PROTOCOL, &v), 0);
	CHECK_EQ(v, IPPROTO_TCP);
	s->err = ECONNRESET;
	CHECK_EQ(get_int(f, SOL_SOCKET, SO_ERROR, &v), 0);
	CHECK_EQ(v, ECONNRESET);
	CHECK_EQ(get_int(f, SOL_SOCKET, SO_ERROR, &v), 0);
	CHECK_EQ(v, 0);
	CHECK_EQ(set_int(f, IPPROTO_IP, IP_TTL, 7), 0);
	CHECK_EQ(get_int(f, IPPROTO_IP, IP_TTL, &v), 0);
	CHECK_EQ(v, 7);
	CHECK_EQ(set_int(f, 12345, 1, 7), -ENOPROTOOPT);
	CHECK_EQ(socket_set_option(file_socket(f), SOL_SOCKET, SO_ATTACH_FILTER, (struct uptr){(u64)(unsigned long)&prog}, sizeof(prog)), 0);
	CHECK_EQ(s->filter_len, 16);
	net_env_cred.cap_effective = 0;
	CHECK_EQ(set_int(f, IPPROTO_IP, IP_TRANSPARENT, 1), -EPERM);
	CHECK_EQ(set_int(f, SOL_SOCKET, SO_MARK, 1), -EPERM);
	file_put(f);
	end();
}

TEST(inet_ioctls)
{
	struct ifreq r = {.name = "lo"}, list[2];
	struct {
		s32 len;
		u32 pad;
		void *list;
	} conf = {.len = sizeof(list), .list = list};
	struct file *f;
	s32 n = -1;

	begin();
	f = open_sock(SOCK_DGRAM);
	CHECK_EQ(f->ops->ioctl(f, SIOCINQ, (u64)(unsigned long)&n), 0);
	CHECK_EQ(n, 0);
	CHECK_EQ(f->ops->ioctl(f, SIOCGIFINDEX, (u64)(unsigned long)&r), 0);
	CHECK_EQ(r.number, 1);
	CHECK_EQ(f->ops->ioctl(f, SIOCGIFCONF, (u64)(unsigned long)&conf), 0);
	CHECK_EQ(conf.len, sizeof(struct ifreq));
	conf.list = NULL;
	CHECK_EQ(f->ops->ioctl(f, SIOCGIFCONF, (u64)(unsigned long)&conf), 0);
	CHECK_EQ(conf.len, sizeof(struct ifreq));
	CHECK_EQ(f->ops->ioctl(f, SIOCSIFFLAGS, (u64)(unsigned long)&r), 0);
	net_env_cred.cap_effective = 0;
	CHECK_EQ(f->ops->ioctl(f, SIOCSIFFLAGS, (u64)(unsigned long)&r), -EPERM);
	CHECK_EQ(f->ops->ioctl(f, SIOCGIFINDEX, 16), -EFAULT);
	CHECK_EQ(f->ops->ioctl(f, 0x1234, 0), -ENOIOCTLCMD);
	file_put(f);
	end();
}

TEST(inet_late_events_find_nobody)
{
	struct file *f;
	u64 cookie;

	begin();
	f = open_sock(SOCK_DGRAM);
	cookie = sock(f)->cookie;
	file_put(f);
	inet_ready(NULL, cookie, EPOLLIN);
	inet_ready(NULL, ~0ull, EPOLLIN);
	f = open_sock(SOCK_DGRAM); /* the same slot, another name */
	CHECK(sock(f)->cookie != cookie);
	inet_ready(NULL, cookie, EPOLLIN);
	CHECK_EQ(sock(f)->told, 0);
	inet_ready(NULL, sock(f)->cookie, EPOLLIN);
	CHECK_EQ(sock(f)->told, 1);
	file_put(f);
	end();
}

TEST(inet_every_allocation_fails)
{
	begin();
	for (u64 n = 1;; n++) {
		struct file *f = NULL;
		int err;

		net_env_fail_alloc = n;
		err = socket_create(AF_INET, SOCK_STREAM, 0, 0, &f);
		net_env_fail_alloc = 0;
		if (!err) {
			file_put(f);
			CHECK(n > 2);
			break;
		}
		CHECK(err == -ENOMEM || err == -ENFILE);
		CHECK_EQ(fake.live, 0);
	}
	end();
}
