/* SPDX-License-Identifier: BSD-2-Clause */
/* The shell over the loopback, by the port's operations, as the kernel's socket layer calls them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <lib/test.h>
#include <abi/socket.h>
#include <linux/eventpoll.h>
#include <linux/tcp.h>
#include "../net_model.h"

static struct model m;
#define port (m.port)
#define told (m.events)

static void setup(void)
{
	memset(&m, 0, sizeof(m));
	model_start(&m, NULL, 0);
}

static void teardown(void)
{
	model_stop(&m);
}

static struct inet_addr addr4(u32 ip, u16 number)
{
	struct inet_addr a;

	model_addr4(&a, ip, number);
	return a;
}

static u64 stream(u64 cookie)
{
	struct inet_cred cred = {0};
	u64 h = 0;

	CHECK_EQ(port.ops->socket(port.self, 2, 1, 0, &cred, cookie, &h), 0);
	return h;
}

static ssize_t put(u64 h, const void *p, size_t n, u32 flags)
{
	struct iobuf b;
	struct inet_msg msg = {.flags = flags, .data = &b};

	iobuf_init_kernel(&b, (void *)(uintptr_t)p, n);
	return port.ops->send(port.self, h, &msg);
}

static ssize_t get(u64 h, void *p, size_t n, u32 flags)
{
	struct iobuf b;
	struct inet_msg msg = {.flags = flags, .data = &b};

	iobuf_init_kernel(&b, p, n);
	return port.ops->receive(port.self, h, &msg);
}

static void pair(u64 *ls, u64 *a, u64 *b, u16 number)
{
	struct inet_addr at = addr4(0x7f000001, number), peer;

	*ls = stream(1);
	CHECK_EQ(port.ops->bind(port.self, *ls, &at), 0);
	CHECK_EQ(port.ops->listen(port.self, *ls, 8), 0);
	*a = stream(2);
	CHECK_EQ(port.ops->connect(port.self, *a, &at), (u64)-EINPROGRESS);
	CHECK(told[2] & EPOLLOUT);
	CHECK(told[1] & EPOLLIN);
	CHECK_EQ(port.ops->connect(port.self, *a, &at), 0);
	CHECK_EQ(port.ops->connect(port.self, *a, &at), (u64)-EISCONN);
	CHECK_EQ(port.ops->accept(port.self, *ls, 3, b, &peer), 0);
	CHECK_EQ(port.ops->accept(port.self, *ls, 4, b, &peer), (u64)-EAGAIN);
}

TEST(shell_talk)
{
	char buf[100];
	u64 ls, a, b;

	setup();
	pair(&ls, &a, &b, 8080);
	CHECK_EQ(get(b, buf, 100, 0), (u64)-EAGAIN);
	CHECK_EQ(put(a, "hello", 5, 0), 5);
	CHECK(told[3] & EPOLLIN);
	CHECK_EQ(get(b, buf, 100, 2), 5);
	CHECK_EQ(get(b, buf, 100, 0), 5);
	CHECK_MEM_EQ(buf, "hello", 5);
	CHECK_EQ(put(b, "world!", 6, 0), 6);
	CHECK_EQ(get(a, buf, 100, 0), 6);
	CHECK_EQ(port.ops->shutdown(port.self, a, 1), 0);
	CHECK_EQ(get(b, buf, 100, 0), 0);
	CHECK(port.ops->poll(port.self, b) & EPOLLRDHUP);
	CHECK_EQ(put(a, "x", 1, 0), (u64)-EPIPE);
	CHECK_EQ(put(b, "late", 4, 0), 4);
	CHECK_EQ(get(a, buf, 100, 0), 4);
	port.ops->release(port.self, b);
	CHECK_EQ(get(a, buf, 100, 0), 0);
	port.ops->release(port.self, a);
	port.ops->release(port.self, ls);
	teardown();
}

TEST(shell_bulk)
{
	static u8 out[65536], in[65536];
	u64 ls, a, b, sent = 0, got = 0, want = 20 << 20;

	setup();
	pair(&ls, &a, &b, 8081);
	while (got < want) {
		ssize_t n = sent < want ? 0 : -EAGAIN;

		while (sent < want) {
			for (u32 i = 0; i < sizeof(out); i++)
				out[i] = (u8)((sent + i) * 7 >> 3);
			n = put(a, out, sizeof(out), 0);
			if (n < 0)
				break;
			sent += n;
		}
		CHECK(n == -EAGAIN || sent >= want);
		while ((n = get(b, in, sizeof(in), 0)) > 0) {
			for (u32 i = 0; i < n; i++)
				if (in[i] != (u8)((got + i) * 7 >> 3)) {
					FAIL("byte %llu", got + i);
					got = want;
					break;
				}
			got += n;
		}
		if (n != -EAGAIN) {
			FAIL("receive: %ld", n);
			break;
		}
	}
	CHECK_EQ(got, want);
	port.ops->release(port.self, a);
	port.ops->release(port.self, b);
	port.ops->release(port.self, ls);
	teardown();
}

TEST(shell_many)
{
	struct inet_addr at, peer;
	u64 ls, a, b;
	char c;

	setup();
	at = addr4(0x7f000001, 8082);
	ls = stream(1);
	CHECK_EQ(port.ops->bind(port.self, ls, &at), 0);
	CHECK_EQ(port.ops->listen(port.self, ls, 128), 0);
	for (int i = 0; i < 2000; i++) {
		a = stream(2);
		CHECK_EQ(port.ops->connect(port.self, a, &at), (u64)-EINPROGRESS);
		CHECK_EQ(port.ops->accept(port.self, ls, 3, &b, &peer), 0);
		CHECK_EQ(put(a, "x", 1, 0), 1);
		CHECK_EQ(get(b, &c, 1, 0), 1);
		port.ops->release(port.self, i & 1 ? a : b);
		port.ops->release(port.self, i & 1 ? b : a);
	}
	port.ops->release(port.self, ls);
	teardown();
}

TEST(shell_refused)
{
	struct inet_addr at;
	u64 a;

	setup();
	at = addr4(0x7f000001, 9999);
	a = stream(2);
	CHECK_EQ(port.ops->connect(port.self, a, &at), (u64)-EINPROGRESS);
	CHECK(told[2] & EPOLLERR);
	CHECK_EQ(port.ops->connect(port.self, a, &at), (u64)-ECONNREFUSED);
	port.ops->release(port.self, a);
	teardown();
}

TEST(shell_listener_goes)
{
	struct inet_addr at;
	u64 ls, a, b, more;
	char c;

	setup();
	pair(&ls, &a, &b, 8083);
	at = addr4(0x7f000001, 8083);
	more = stream(5);
	CHECK_EQ(port.ops->connect(port.self, more, &at), (u64)-EINPROGRESS);
	port.ops->release(port.self, ls); /* with one that nobody accepted */
	CHECK_EQ(get(more, &c, 1, 0), (u64)-ECONNRESET);
	CHECK_EQ(put(a, "x", 1, 0), 1);
	CHECK_EQ(get(b, &c, 1, 0), 1);
	port.ops->release(port.self, a);
	port.ops->release(port.self, b);
	port.ops->release(port.self, more);
	teardown();
}

static ssize_t put_open(u64 h, const struct inet_addr *to, const void *p, size_t n, u32 *out_flags)
{
	struct iobuf b;
	struct inet_msg msg = {.flags = MSG_FASTOPEN, .addr = *to, .data = &b};
	ssize_t done;

	iobuf_init_kernel(&b, (void *)(uintptr_t)p, n);
	done = port.ops->send(port.self, h, &msg);
	*out_flags = msg.flags;
	CHECK_EQ(b.left, n - (size_t)max_t(ssize_t, done, 0));
	return done;
}

static int set_int(u64 h, u32 name, int v)
{
	return model_option(&m, h, 6, name, v);
}

/* [rfc7413 4]: the first handshake brings the cookie, the next carries data; what the server's side may do is behind the sysctl. */
TEST(shell_fast_open)
{
	struct inet_addr at = addr4(0x7f000001, 8090), other = addr4(0x7f000001, 8099), none = {0}, peer;
	const s64 both = 3, off = 0;
	u64 ls, a, b, c, d;
	char buf[100];
	u32 flags;

	setup();
	CHECK_EQ(port.ops->sysctl_set(port.self, "ipv4/tcp_fastopen", &both, 1), 0);
	ls = stream(1);
	CHECK_EQ(port.ops->bind(port.self, ls, &at), 0);
	CHECK_EQ(set_int(ls, TCP_FASTOPEN, 5), 0);
	CHECK_EQ(port.ops->listen(port.self, ls, 8), 0);

	a = stream(2);
	CHECK_EQ(put_open(a, &none, "x", 1, &flags), (u64)-EINVAL);
	CHECK_EQ(put_open(a, &at, "first", 5, &flags), (u64)-EINPROGRESS); /* it asked for a cookie */
	CHECK(flags & MSG_FASTOPEN);
	CHECK_EQ(put_open(a, &at, "first", 5, &flags), (u64)-EISCONN);
	CHECK(!(flags & MSG_FASTOPEN));
	CHECK_EQ(put(a, "first", 5, 0), 5);
	CHECK_EQ(port.ops->accept(port.self, ls, 3, &b, &peer), 0);
	CHECK_EQ(get(b, buf, 100, 0), 5);

	c = stream(4);
	CHECK_EQ(put_open(c, &at, "second", 6, &flags), 6);
	CHECK(flags & MSG_FASTOPEN);
	CHECK_EQ(port.ops->accept(port.self, ls, 5, &d, &peer), 0);
	CHECK_EQ(get(d, buf, 100, 0), 6);
	CHECK_MEM_EQ(buf, "second", 6);
	CHECK_EQ(put(d, "answer", 6, 0), 6);
	CHECK_EQ(get(c, buf, 100, 0), 6);
	port.ops->release(port.self, c);
	port.ops->release(port.self, d);

	/* connect() with the option: it waits for what to say. */
	c = stream(6);
	CHECK_EQ(set_int(c, TCP_FASTOPEN_CONNECT, 2), -EINVAL);
	CHECK_EQ(set_int(c, TCP_FASTOPEN_CONNECT, 1), 0);
	CHECK_EQ(port.ops->connect(port.self, c, &at), 0);
	CHECK_EQ(port.ops->connect(port.self, c, &at), -EISCONN);
	CHECK_EQ(port.ops->poll(port.self, c), EPOLLOUT | EPOLLWRNORM);
	CHECK_EQ(port.ops->peer_name(port.self, c, &peer), -ENOTCONN);
	CHECK_EQ(get(c, buf, 100, 0), (u64)-EAGAIN);
	CHECK_EQ(port.ops->accept(port.self, ls, 7, &d, &peer), -EAGAIN);
	CHECK_EQ(put(c, "third", 5, 0), 5);
	CHECK_EQ(port.ops->accept(port.self, ls, 7, &d, &peer), 0);
	CHECK_EQ(get(d, buf, 100, 0), 5);
	CHECK_EQ(port.ops->connect(port.self, c, &at), -EISCONN);
	CHECK_EQ(set_int(c, TCP_FASTOPEN_CONNECT, 1), -EINVAL);
	port.ops->release(port.self, c);
	port.ops->release(port.self, d);

	/* A server that is not there; a deferred one that is never used. */
	c = stream(8);
	CHECK_EQ(put_open(c, &other, "x", 1, &flags), 1); /* the cookie is the host's */
	CHECK(port.ops->poll(port.self, c) & EPOLLERR);
	CHECK_EQ(put(c, "x", 1, 0), (u64)-ECONNREFUSED);
	port.ops->release(port.self, c);
	c = stream(9);
	CHECK_EQ(set_int(c, TCP_FASTOPEN_CONNECT, 1), 0);
	CHECK_EQ(port.ops->connect(port.self, c, &at), 0);
	port.ops->release(port.self, c);

	CHECK_EQ(port.ops->sysctl_set(port.self, "ipv4/tcp_fastopen", &off, 1), 0);
	c = stream(10);
	CHECK_EQ(put_open(c, &at, "x", 1, &flags), (u64)-EOPNOTSUPP);
	CHECK_EQ(set_int(c, TCP_FASTOPEN_CONNECT, 1), -EOPNOTSUPP);
	port.ops->release(port.self, c);
	port.ops->release(port.self, a);
	port.ops->release(port.self, b);
	port.ops->release(port.self, ls);
	teardown();
}

/* A socket that was refused may try again [man connect(2): Linux]. */
TEST(shell_refused_then_taken)
{
	struct inet_addr at = addr4(0x7f000001, 8091), peer;
	u64 ls, a, b;
	char buf[10];

	setup();
	a = stream(2);
	CHECK_EQ(port.ops->connect(port.self, a, &at), -EINPROGRESS);
	CHECK_EQ(port.ops->connect(port.self, a, &at), -ECONNREFUSED);
	ls = stream(1);
	CHECK_EQ(port.ops->bind(port.self, ls, &at), 0);
	CHECK_EQ(port.ops->listen(port.self, ls, 8), 0);
	CHECK_EQ(port.ops->connect(port.self, a, &at), -EINPROGRESS);
	CHECK_EQ(port.ops->connect(port.self, a, &at), 0);
	CHECK_EQ(put(a, "hello", 5, 0), 5);
	CHECK_EQ(port.ops->accept(port.self, ls, 3, &b, &peer), 0);
	CHECK_EQ(get(b, buf, 10, 0), 5);
	port.ops->release(port.self, a);
	port.ops->release(port.self, b);
	port.ops->release(port.self, ls);
	teardown();
}

/* The end that closed first keeps its port, but from those who, as its socket did, share [man socket(7)]. */
static void time_wait_port(u16 number, bool reuse, int again, int again_shared)
{
	struct inet_addr at = addr4(0x7f000001, number), peer;
	u64 ls = stream(1), a = stream(2), b, c;
	char buf[10];

	CHECK_EQ(model_option(&m, ls, 1, SO_REUSEADDR, reuse), 0);
	CHECK_EQ(port.ops->bind(port.self, ls, &at), 0);
	CHECK_EQ(port.ops->listen(port.self, ls, 8), 0);
	CHECK_EQ(port.ops->connect(port.self, a, &at), -EINPROGRESS);
	CHECK_EQ(port.ops->accept(port.self, ls, 3, &b, &peer), 0);
	port.ops->release(port.self, ls);
	CHECK_EQ(port.ops->shutdown(port.self, b, 1), 0);
	CHECK_EQ(get(a, buf, 10, 0), 0);
	port.ops->release(port.self, a);
	CHECK_EQ(get(b, buf, 10, 0), 0);
	port.ops->release(port.self, b);
	c = stream(4);
	CHECK_EQ(port.ops->bind(port.self, c, &at), again);
	CHECK_EQ(model_option(&m, c, 1, SO_REUSEADDR, 1), 0);
	CHECK_EQ(port.ops->bind(port.self, c, &at), again_shared);
	port.ops->release(port.self, c);
}

TEST(shell_time_wait_port)
{
	setup();
	time_wait_port(8092, false, -EADDRINUSE, -EADDRINUSE);
	time_wait_port(8093, true, -EADDRINUSE, 0);
	teardown();
}
