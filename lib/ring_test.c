/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/ring.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include <lib/test.h>

/* The model: two counters of a known sequence of bytes. */
static u8 byte_at(u64 i)
{
	return (u8)(i * 7 + (i >> 8));
}

TEST(ring_against_model)
{
	static u8 buf[64], chunk[100];
	u64 in = 0, out = 0;
	struct ring r;

	ring_init(&r, buf, sizeof(buf));
	r.head = r.tail = U32_MAX - 1000; /* let the indices wrap */
	for (u64 round = 0; round < test_rounds(20000); round++) {
		u32 len = (u32)test_rand_below(sizeof(chunk)), got;

		for (u32 i = 0; i < len; i++)
			chunk[i] = byte_at(in + i);
		got = ring_write(&r, chunk, len);
		CHECK_EQ(got, min((u64)len, 64 - (in - out)));
		in += got;
		CHECK_EQ(ring_used(&r), in - out);
		CHECK_EQ(ring_space(&r), 64 - (in - out));
		len = (u32)test_rand_below(sizeof(chunk));
		got = test_rand_below(2) ? ring_read(&r, chunk, len) : ring_peek(&r, chunk, len);
		CHECK_EQ(got, min((u64)len, in - out));
		for (u32 i = 0; i < got; i++)
			CHECK_EQ(chunk[i], byte_at(out + i));
		out = in - ring_used(&r);
	}
}

TEST(ring_bytes_and_spans)
{
	u8 buf[4], c = 9, *w;
	const u8 *p;
	struct ring r;

	ring_init(&r, buf, sizeof(buf));
	CHECK(ring_is_empty(&r) && !ring_getc(&r, &c));
	for (u8 i = 0; i < 4; i++)
		CHECK(ring_putc(&r, i));
	CHECK(!ring_putc(&r, 9));
	CHECK_EQ(ring_write_span(&r, &w), 0);
	CHECK(ring_getc(&r, &c) && c == 0);
	CHECK_EQ(ring_write_span(&r, &w), 1);
	w[0] = 4;
	ring_write_commit(&r, 1);
	CHECK_EQ(ring_read_span(&r, &p), 3);
	CHECK(p[0] == 1 && p[2] == 3);
	ring_read_commit(&r, 3);
	CHECK_EQ(ring_read_span(&r, &p), 1);
	CHECK_EQ(p[0], 4);
	ring_discard(&r);
	CHECK(ring_is_empty(&r));
}

#define STRESS_BYTES 300000

static void *producer(void *arg)
{
	struct ring *r = arg;
	u8 chunk[16];

	for (u64 i = 0; i < STRESS_BYTES;) {
		u32 n = (u32)min_t(u64, 1 + i % sizeof(chunk), STRESS_BYTES - i), put;

		for (u32 j = 0; j < n; j++)
			chunk[j] = byte_at(i + j);
		put = ring_write(r, chunk, n);
		i += put;
		if (!put)
			sched_yield();
	}
	return NULL;
}

TEST(ring_two_threads)
{
	u8 buf[32], chunk[16];
	pthread_t thread;
	u64 wrong = 0;
	struct ring r;

	ring_init(&r, buf, sizeof(buf));
	REQUIRE(pthread_create(&thread, NULL, producer, &r) == 0);
	for (u64 i = 0; i < STRESS_BYTES;) {
		u32 n = ring_read(&r, chunk, (u32)(1 + i % sizeof(chunk)));

		for (u32 j = 0; j < n; j++)
			wrong += chunk[j] != byte_at(i + j);
		i += n;
		if (!n)
			sched_yield();
	}
	pthread_join(thread, NULL);
	CHECK_EQ(wrong, 0);
}
