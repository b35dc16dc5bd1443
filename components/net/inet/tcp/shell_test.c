/* SPDX-License-Identifier: BSD-2-Clause */
/* The shell over the loopback, by the port's operations, as the kernel's socket layer calls them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <lib/test.h>
#include <linux/eventpoll.h>
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
