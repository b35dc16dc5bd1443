/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The family as its client sees it: over the loopback, and two instances over a wire.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <lib/test.h>
#include <env_sim/sim.h>
#include "net_model.h"
#include "uapi.h"

static void run(void (*fn)(void *arg), void *arg, u64 seeds)
{
#if ENV_SIM
	for (u64 seed = 1; seed <= test_rounds(seeds); seed++)
		sim_run(&(struct sim_options){.seed = seed}, fn, arg);
#else
	fn(arg);
#endif
}

static u64 bound(struct model *m, u32 family, u32 addr, u16 port, u64 cookie)
{
	struct inet_addr a;
	u64 s;

	CHECK_EQ(model_socket(m, family, SOCK_DGRAM, 0, cookie, &s), 0);
	model_addr4(&a, addr, port);
	CHECK_EQ(m->port.ops->bind(m->port.self, s, &a), 0);
	return s;
}

static void loopback(void *arg)
{
	struct model m;
	struct inet_addr to, from;
	char buf[100];
	u64 a, b;

	model_start(&m, NULL, 0);
	a = bound(&m, AF_INET, 0x7f000001, 5000, 1);
	CHECK_EQ(model_socket(&m, AF_INET, SOCK_DGRAM, 0, 2, &b), 0);
	model_addr4(&to, 0x7f000001, 5000);
	CHECK_EQ(model_send(&m, b, "hello", 5, &to, 0), 5);
	CHECK_EQ(model_receive(&m, a, buf, sizeof(buf), &from, 1000), 5);
	CHECK_MEM_EQ(buf, "hello", 5);
	CHECK_EQ(model_send(&m, a, "world!", 6, &from, 0), 6);
	CHECK_EQ(model_receive(&m, b, buf, sizeof(buf), &from, 1000), 6);
	CHECK(m.events[1] & EPOLLIN);
	m.port.ops->release(m.port.self, a);
	/* Nobody there: the connected socket is told. */
	CHECK_EQ(m.port.ops->connect(m.port.self, b, &to), 0);
	CHECK_EQ(model_send(&m, b, "x", 1, NULL, 0), 1);
	CHECK_EQ(model_receive(&m, b, buf, sizeof(buf), &from, 1000), -ECONNREFUSED);
	m.port.ops->release(m.port.self, b);
	model_stop(&m);
}

TEST(udp_over_loopback)
{
	run(loopback, NULL, 200);
}

struct bad_wire {
	u32 loss, dup, corrupt, reorder;
};

static void transfer(void *arg)
{
	const struct bad_wire *bad = arg;
	struct wire w;
	struct model m[2];
	struct inet_addr to, from;
	static u8 sent[4000], got[4000];
	u64 a, b;
	u32 received = 0, wrong = 0;

	wire_init(&w);
	w.loss = bad->loss;
	w.dup = bad->dup;
	w.corrupt = bad->corrupt;
	w.reorder = bad->reorder;
	w.jitter_ns = 50000;
	model_start(&m[0], &w, 0);
	model_start(&m[1], &w, 1);
	a = bound(&m[0], AF_INET, 0, 6000, 1);
	b = bound(&m[1], AF_INET, 0, 6000, 1);
	model_addr4(&to, 0x0a000002, 6000);
	for (u32 i = 0; i < 40; i++) {
		u32 len = i % 4 == 3 ? 3900 : 100 + i;

		for (u32 j = 0; j < len; j++)
			sent[j] = (u8)(i + j * 7);
		sent[0] = (u8)i;
		CHECK_EQ(model_send(&m[0], a, sent, len, &to, 0), len);
		for (;;) {
			ssize_t n = model_receive(&m[1], b, got, sizeof(got), &from, i < 2 ? 200 : 2);

			if (n <= 0)
				break;
			received++;
			for (u32 j = 1; j < (u32)n; j++)
				wrong += got[j] != (u8)(got[0] + j * 7);
		}
	}
	CHECK_EQ(wrong, 0);
	if (!bad->loss && !bad->corrupt && !bad->dup)
		CHECK_EQ(received, 40);
	else
		CHECK(received > 5);
	m[0].port.ops->release(m[0].port.self, a);
	m[1].port.ops->release(m[1].port.self, b);
	model_stop(&m[0]);
	model_stop(&m[1]);
	wire_fini(&w);
}

TEST(udp_over_a_good_wire)
{
	run(transfer, &(struct bad_wire){0}, 20);
}

TEST(udp_over_a_reordering_wire)
{
	run(transfer, &(struct bad_wire){.reorder = 200}, 20);
}

TEST(udp_over_a_bad_wire)
{
	run(transfer, &(struct bad_wire){.loss = 50, .dup = 50, .corrupt = 50, .reorder = 100}, 40);
}
