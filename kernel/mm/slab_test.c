/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <lib/test.h>
#include <lib/string.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <mm/reclaim.h>
#include "slab_impl.h"
#include "test_env.h"

TEST(kmalloc_classes)
{
	env_init(64ul << 20, 1);
	slab_init();
	for (size_t size = 0; size <= 20000; size += size < 1100 ? 1 : 97) {
		u8 *p = kmalloc(size, 0);

		REQUIRE(p);
		CHECK_EQ((unsigned long)p % 16, 0);
		REQUIRE(kmalloc_usable(p) >= size);
		/* Low waste: a third of the object at worst, above the smallest. */
		if (size > 16)
			REQUIRE(kmalloc_usable(p) - size <= max(size / 2, 16ul) + (size > 8192 ? 4096 : 0));
		memset(p, 0x55, size);
		kfree(p);
	}
	CHECK(!kmalloc((2ul << 20) + 1, 0));
	CHECK(!kcalloc(1ull << 40, 1ull << 40, 0));
	void *big = kzalloc(2ul << 20, 0);

	CHECK(big && mem_is_zero(big, 2ul << 20));
	kfree(big);
	kfree(NULL);
	char *s = kstrdup("hello", 0);

	CHECK_STR_EQ(s, "hello");
	s = krealloc(s, 500, 0);
	CHECK_STR_EQ(s, "hello");
	kfree(s);
}

TEST(slab_objects_do_not_overlap)
{
	env_init(64ul << 20, 1);
	slab_init();
	struct page_stats before, after;
	struct slab_cache *c = slab_cache_create("test", 200, 64, 0);
	u8 *objs[2000];
	u32 size[2000] = {0};
	struct slab_cache *rcu = slab_cache_create("test_rcu", 40, 0, SLAB_RCU);

	REQUIRE(c && rcu);
	page_stats(&before);
	for (u64 round = 0; round < test_rounds(50000); round++) {
		unsigned k = (unsigned)test_rand_below(2000);

		if (size[k]) {
			for (unsigned i = 0; i < size[k]; i++)
				REQUIRE(objs[k][i] == (u8)k);
			slab_free(size[k] == 200 ? c : rcu, objs[k]);
			size[k] = 0;
		} else {
			size[k] = k % 2 ? 200 : 40;
			objs[k] = slab_alloc(k % 2 ? c : rcu, 0);
			REQUIRE(objs[k]);
			if (k % 2)
				REQUIRE((unsigned long)objs[k] % 64 == 0);
			memset(objs[k], (int)k, size[k]);
		}
	}
	for (unsigned k = 0; k < 2000; k++) {
		if (size[k])
			slab_free(size[k] == 200 ? c : rcu, objs[k]);
	}
	slab_cache_destroy(c);
	slab_cache_destroy(rcu);
	env_rcu_flush();
	reclaim_memory(1000);
	page_stats(&after);
	CHECK(after.free + 8 >= before.free);
}

static struct slab_cache *victim;

static void free_twice(void *arg)
{
	slab_free(victim, arg);
	slab_free(victim, arg);
}

static void write_past_end(void *arg)
{
	((u8 *)arg)[100] = 1;
	((u8 *)arg)[104] = 1;
	slab_free(victim, arg);
}

static void write_after_free(void *arg)
{
	slab_free(victim, arg);
	((u8 *)arg)[50] = 1;
	(void)slab_alloc(victim, 0);
}

TEST(slab_misuse_panics)
{
	const char *why;

	env_init(16ul << 20, 1);
	slab_init();
	victim = slab_cache_create("victim", 100, 0, 0);
	CHECK(env_panics(free_twice, slab_alloc(victim, 0), &why));
	CHECK(strstr(why, "double free") != NULL);
	CHECK(env_panics(write_past_end, slab_alloc(victim, 0), &why));
	CHECK(strstr(why, "past the end") != NULL);
	CHECK(env_panics(write_after_free, slab_alloc(victim, 0), &why));
	CHECK(strstr(why, "after free") != NULL);
}

static u64 live_total;

static void sum_live(const struct slab_info *info, void *arg)
{
	live_total += info->live;
}

#define STRESS_CPUS 4
static void *exchange[64];

static void stress_cpu(void *arg)
{
	u64 seed = host_cpu * 7919 + 1;

	for (u64 i = 0; i < *(u64 *)arg; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		void *p = (seed >> 33 & 3) ? kmalloc(16 + (seed >> 40) % 300, ALLOC_NOWAIT) : NULL;

		if (p)
			memset(p, (int)host_cpu, 16);
		/* Another CPU frees it. */
		kfree(__atomic_exchange_n(&exchange[(seed >> 50) % 64], p, __ATOMIC_ACQ_REL));
	}
}

TEST(slab_stress_across_cpus)
{
	u64 rounds = test_rounds(20000), before;

	env_init(64ul << 20, STRESS_CPUS);
	slab_init();
	live_total = 0;
	slab_for_each(sum_live, NULL);
	before = live_total;
	env_run_cpus(STRESS_CPUS, stress_cpu, &rounds);
	for (unsigned i = 0; i < 64; i++) {
		kfree(exchange[i]);
		exchange[i] = NULL;
	}
	live_total = 0;
	slab_for_each(sum_live, NULL);
	/* Only magazines came. */
	CHECK(live_total - before < 400);
}
