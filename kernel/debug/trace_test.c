/* SPDX-License-Identifier: BSD-2-Clause */
#include <debug/trace_ring.h>
#include <lib/test.h>
#include <pthread.h>

static struct trace_ring ring;

static void make(u64 n, u64 words[TRACE_WORDS])
{
	for (unsigned i = 0; i < TRACE_WORDS; i++)
		words[i] = n * 0x9e3779b97f4a7c15ull + i;
}

static bool is_whole(u64 n, const u64 words[TRACE_WORDS])
{
	u64 want[TRACE_WORDS];

	make(n, want);
	for (unsigned i = 0; i < TRACE_WORDS; i++)
		if (words[i] != want[i])
			return false;
	return true;
}

static void put(u64 n)
{
	u64 words[TRACE_WORDS];

	make(n, words);
	trace_ring_put(&ring, words);
}

TEST(keeps_the_newest)
{
	u64 words[TRACE_WORDS];

	ring = (struct trace_ring){0};
	CHECK(!trace_ring_get(&ring, 0, words));
	for (u64 n = 0; n < TRACE_SLOTS + 10; n++) {
		put(n);
		CHECK(trace_ring_get(&ring, n, words) && is_whole(n, words));
		CHECK(!trace_ring_get(&ring, n + 1, words));
	}
	CHECK(trace_ring_first(&ring) == 10 && trace_ring_last(&ring) == TRACE_SLOTS + 10);
	CHECK(!trace_ring_get(&ring, 9, words));
	CHECK(trace_ring_get(&ring, 10, words) && is_whole(10, words));
}

#define RECORDS 200000u

static bool written; /* atomic */

static void *writer(void *arg)
{
	for (u64 n = 0; n < RECORDS; n++)
		put(n);
	__atomic_store_n(&written, true, __ATOMIC_RELEASE);
	return arg;
}

/* What a reader gets is whole, and in the order of writing. */
static void read_all(u64 *got)
{
	u64 words[TRACE_WORDS], at = 0;

	while (!__atomic_load_n(&written, __ATOMIC_ACQUIRE) || at < trace_ring_last(&ring)) {
		if (at < trace_ring_first(&ring))
			at = trace_ring_first(&ring);
		if (at == trace_ring_last(&ring))
			continue;
		if (trace_ring_get(&ring, at, words)) {
			REQUIRE(is_whole(at, words));
			++*got;
		}
		at++;
	}
}

static void *reader(void *arg)
{
	read_all(arg);
	return NULL;
}

TEST(readers_beside_the_writer)
{
	pthread_t w, r[3];
	u64 got[3] = {0};

	ring = (struct trace_ring){0};
	written = false;
	for (unsigned i = 0; i < 3; i++)
		REQUIRE(!pthread_create(&r[i], NULL, reader, &got[i]));
	REQUIRE(!pthread_create(&w, NULL, writer, NULL));
	pthread_join(w, NULL);
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(r[i], NULL);
		CHECK(got[i] >= TRACE_SLOTS);
	}
}
