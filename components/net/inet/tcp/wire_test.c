/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two machines over a wire that loses, duplicates, reorders, corrupts and delays by seed: every
 * byte arrives once and in order, both ends close as the standard has it, nothing is left.
 */
#include "tcp_model.h"
#include <stdio.h>

static void transfer(u64 seed)
{
	struct model_wire w;

	model_init(&w, seed);
	w.latency_ns = (1 + model_rand(&w) % 60) * TCP_NS_PER_MS;
	w.jitter_ns = model_rand(&w) % 3 ? 0 : model_rand(&w) % (10 * TCP_NS_PER_MS);
	w.loss = model_rand(&w) % 3 ? (u32)(model_rand(&w) % 1500) : 0;
	w.dup = model_rand(&w) % 3 ? 0 : (u32)(model_rand(&w) % 1000);
	w.reorder = model_rand(&w) % 2 ? 0 : (u32)(model_rand(&w) % 2000);
	w.corrupt = model_rand(&w) % 3 ? 0 : (u32)(model_rand(&w) % 500);
	w.rate = model_rand(&w) % 2 ? 0 : 100000 + model_rand(&w) % 10000000;
	w.queue_max = 30000 + (u32)(model_rand(&w) % 200000);
	w.split = model_rand(&w) % 4;
	w.ce = model_rand(&w) % 4 ? 0 : 200;
	for (int i = 0; i < 2; i++) {
		struct model_end *e = i ? &w.b : &w.a;

		e->to_send = model_rand(&w) % 8 ? model_rand(&w) % 300000 : 0;
		e->close_when_sent = true;
		e->conf.retries2 = e->conf.orphan_retries = 60; /* nobody gives up */
		e->conf.sack = model_rand(&w) % 5 != 0;
		e->conf.timestamps = model_rand(&w) % 4 != 0;
		e->conf.window_scaling = model_rand(&w) % 4 != 0;
		e->conf.ecn = model_rand(&w) % 3;
		e->conf.cc = model_rand(&w) % 4 ? TCP_CC_CUBIC : TCP_CC_RENO;
		e->slow_reader = model_rand(&w) % 4 == 0;
		e->c.user.nodelay = model_rand(&w) % 2;
		e->c.rcv_buf = model_rand(&w) % 4 ? 131072 : 4096 + (u32)(model_rand(&w) % 20000);
		e->window = 1000 + (u32)(model_rand(&w) % 400000);
		e->c.cong.kind = (u8)e->conf.cc;
		if (model_rand(&w) % 8 == 0)
			e->conf.alloc = NULL;
	}
	w.a.to_read = w.b.to_send;
	w.b.to_read = w.a.to_send;
	model_open(&w);
	model_run(&w, 400000 * TCP_NS_PER_S);
	if (!w.a.was_reset && !w.b.was_reset) {
		CHECK(w.a.closed && w.b.closed);
		CHECK_EQ(w.a.got, w.a.to_read);
		CHECK_EQ(w.b.got, w.b.to_read);
		CHECK(w.a.has_tw || w.b.has_tw);
	} else {
		/* Only a handshake that never got through, or a wire that ate everything. */
		CHECK(w.loss > 1000 || !w.a.connected);
	}
	model_fini(&w);
}

TEST(wire_seeds)
{
	u64 n = test_rounds(300), base = test_rand();

	for (u64 i = 0; i < n; i++) {
		u64 failed = test_failures();

		transfer(base + i);
		if (test_failures() != failed) {
			FAIL("seed %llu", base + i);
			return;
		}
	}
}

static u64 goodput(u32 loss, u64 bytes, u64 seed)
{
	struct model_wire w;
	u64 start, rate;

	model_init(&w, seed);
	w.latency_ns = 20 * TCP_NS_PER_MS;
	w.rate = 12500000;
	w.queue_max = 500000;
	w.loss = loss;
	w.a.to_send = w.b.to_read = bytes;
	w.a.close_when_sent = w.b.close_when_sent = true;
	model_open(&w);
	start = w.now;
	model_run(&w, 4000 * TCP_NS_PER_S);
	CHECK_EQ(w.b.got, bytes);
	rate = w.b.got * TCP_NS_PER_S / (w.b.closed_at - start + 1);
	model_fini(&w);
	return rate;
}

TEST(wire_throughput)
{
	static const u32 loss[] = {0, 10, 100, 500};

	for (unsigned i = 0; i < ARRAY_SIZE(loss); i++) {
		u64 sum = 0;

		for (u64 seed = 0; seed < 3; seed++)
			sum += goodput(loss[i], loss[i] ? 4000000 : 20000000, seed + 1);
		printf("100 Mbit/s, 40 ms, loss %u.%02u%%: %llu kbit/s\n", loss[i] / 100,
			loss[i] % 100, sum / 3 * 8 / 1000);
		CHECK(sum);
	}
}
