/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <lib/test.h>
#include <lib/string.h>
#include <mm/page.h>
#include <mm/reclaim.h>
#include <mm/percpu.h>
#include <mm/kmap.h>
#include <mm/slab.h>
#include <sched/preempt.h>
#include <sync/rcu.h>
#include "page_impl.h"
#include "pt.h"
#include "test_env.h"

static u64 free_pages(void)
{
	struct page_stats st;

	page_stats(&st);
	return st.free;
}

TEST(page_alloc_and_free_leave_no_trace)
{
	env_init(64ul << 20, 1);
	u64 before = free_pages();

	for (unsigned order = 0; order <= PAGE_MAX_ORDER; order++) {
		struct page *p = page_alloc(order, ALLOC_ZERO);

		REQUIRE(p);
		CHECK_EQ(p->refs, 1);
		CHECK_EQ(p->order, order);
		CHECK_EQ(p->kind, PAGE_KERNEL);
		CHECK(mem_is_zero(page_va(p), PAGE_SIZE << order));
		CHECK_EQ(page_paddr(p) & ((PAGE_SIZE << order) - 1), 0);
		CHECK_EQ(free_pages(), before - (1u << order));
		page_free(p, order);
		CHECK_EQ(free_pages(), before);
	}
	CHECK(!page_alloc(PAGE_MAX_ORDER + 1, 0));
}

TEST(page_kinds_are_counted)
{
	struct page_stats st;

	env_init(16ul << 20, 1);
	struct page *p = page_alloc(2, 0);

	page_set_kind(p, PAGE_TABLE);
	page_stats(&st);
	CHECK_EQ(st.by_kind[PAGE_TABLE], 4);
	CHECK_EQ(st.by_kind[PAGE_KERNEL], 0);
	page_free(p, 2);
	page_stats(&st);
	CHECK_EQ(st.by_kind[PAGE_TABLE], 0);
	CHECK(st.peak_used >= 4);
}

TEST(page_exhaustion_keeps_the_reserve)
{
	env_init(16ul << 20, 1);
	struct zone *z = &page_zones[0];
	struct page **held = calloc(8192, sizeof(*held));
	unsigned n = 0, nowait, reserve;

	CHECK(z->reserve > 0);
	while ((held[n] = page_alloc(0, ALLOC_SLEEP)))
		n++;
	CHECK_EQ(free_pages(), z->reserve);
	for (nowait = 0; (held[n] = page_alloc(0, ALLOC_NOWAIT)); nowait++)
		n++;
	CHECK_EQ(free_pages(), z->reserve / 2);
	for (reserve = 0; (held[n] = page_alloc(0, ALLOC_NOWAIT | ALLOC_RESERVE)); reserve++)
		n++;
	CHECK_EQ(free_pages(), 0);
	CHECK_EQ(nowait + reserve, z->reserve);
	while (n--)
		page_free(held[n], 0);
	CHECK_EQ(free_pages(), z->total);
	page_drain();
	CHECK_EQ(z->free + z->virgin, z->total);
	CHECK(buddy_check(z));
	free(held);
}

TEST(page_huge_blocks_are_cached_in_bounds)
{
	env_init(512ul << 20, 1);
	struct pcp *c = this_cpu_ptr(&page_cache);
	u64 before = free_pages(), locked_free;
	struct page *held[32];

	for (unsigned i = 0; i < ARRAY_SIZE(held); i++)
		REQUIRE((held[i] = page_alloc(PCP_HUGE_ORDER, 0)));
	for (unsigned i = 0; i < ARRAY_SIZE(held); i++)
		page_free(held[i], PCP_HUGE_ORDER);
	CHECK(c->nhuge > 0 && c->nhuge <= PCP_HUGE_SLOTS);
	CHECK(c->nhuge <= page_zones[0].total / 64 >> PCP_HUGE_ORDER);
	CHECK_EQ(free_pages(), before);
	/* The zone is not asked for what is at hand, nor told of what comes back. */
	locked_free = page_zones[0].free + page_zones[1].free;
	held[0] = page_alloc(PCP_HUGE_ORDER, 0);
	CHECK_EQ(page_zones[0].free + page_zones[1].free, locked_free);
	page_shatter(held[0], PCP_HUGE_ORDER, PAGE_ANON, 1);
	page_free_joined(held[0], PCP_HUGE_ORDER);
	CHECK_EQ(page_zones[0].free + page_zones[1].free, locked_free);
	CHECK_EQ(free_pages(), before);
	page_drain();
	CHECK_EQ(c->nhuge, 0);
	CHECK_EQ(page_zones[0].free + page_zones[0].virgin + page_zones[1].free + page_zones[1].virgin, before);
	/* Under pressure they serve whoever needs frames. */
	held[0] = page_alloc(PCP_HUGE_ORDER, 0);
	page_free(held[0], PCP_HUGE_ORDER);
	CHECK_EQ(c->nhuge, 1);
	unsigned n = 0;
	struct page **all = calloc(before, sizeof(*all));
	while ((all[n] = page_alloc(0, ALLOC_SLEEP)))
		n++;
	CHECK_EQ(n, before - page_zones[0].reserve - page_zones[1].reserve);
	while (n--)
		page_free(all[n], 0);
	free(all);
}

static void free_twice(void *arg)
{
	page_free(arg, 0);
	page_free(arg, 0);
}

static void use_after_free(void *arg)
{
	struct page *p = arg;

	page_free(p, 0);
	*(u64 *)page_va(p) = 1;
	for (int i = 0; i < 200; i++)
		(void)page_alloc(0, 0);
}

TEST(page_misuse_panics)
{
	env_init(16ul << 20, 1);
	CHECK(env_panics(free_twice, page_alloc(0, 0), NULL));
	env_init(16ul << 20, 1);
	CHECK(env_panics(use_after_free, page_alloc(0, 0), NULL));
}

TEST(page_interrupt_finds_the_cache_busy)
{
	env_init(16ul << 20, 1);
	struct page *warm = page_alloc(0, 0);
	struct pcp *c = this_cpu_ptr(&page_cache);
	u32 n = c->n[0];

	c->busy = 1;
	struct page *p = page_alloc(0, ALLOC_NOWAIT);

	CHECK(p && c->n[0] == n);
	page_free(p, 0);
	CHECK_EQ(c->n[0], n);
	c->busy = 0;
	page_free(warm, 0);
	CHECK_EQ(c->n[0], n + 1);
}

TEST(page_trim_keeps_what_is_needed)
{
	env_init(16ul << 20, 1);
	u64 before = free_pages();

	for (unsigned n = 1; n <= 64; n++) {
		struct page *p = page_alloc(6, 0);

		REQUIRE(p);
		page_trim(p, 6, n);
		CHECK_EQ(free_pages(), before - n);
		page_free_exact(p, n);
		CHECK_EQ(free_pages(), before);
	}
}

TEST(page_references)
{
	env_init(16ul << 20, 1);
	u64 before = free_pages();
	struct page *p = page_alloc(0, 0);

	CHECK(page_tryget(p));
	page_put(p);
	page_set_kind(p, PAGE_CACHE);
	page_put(p);
	CHECK(!page_tryget(p));
	CHECK_EQ(free_pages(), before - 1); /* until the grace period ends */
	env_rcu_flush();
	CHECK_EQ(free_pages(), before);
}

#define STRESS_CPUS 4
static u64 *stress_owner; /* per frame: CPU + 1 that holds it */

static void stress_cpu(void *arg)
{
	struct page *held[256];
	unsigned n = 0;
	u64 seed = host_cpu * 7919 + 1;

	for (u64 i = 0; i < *(u64 *)arg; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		if (n < 256 && (seed >> 33 & 1)) {
			struct page *p = page_alloc(0, ALLOC_NOWAIT);

			if (!p)
				continue;
			ASSERT(!__atomic_exchange_n(&stress_owner[page_pfn(p)], host_cpu + 1, __ATOMIC_RELAXED));
			held[n++] = p;
		} else if (n) {
			unsigned k = (unsigned)(seed >> 40) % n;

			__atomic_store_n(&stress_owner[page_pfn(held[k])], 0, __ATOMIC_RELAXED);
			page_free(held[k], 0);
			held[k] = held[--n];
		}
	}
	while (n--) {
		__atomic_store_n(&stress_owner[page_pfn(held[n])], 0, __ATOMIC_RELAXED);
		page_free(held[n], 0);
	}
	preempt_disable();
	page_drain_local();
	preempt_enable();
}

TEST(page_stress_on_cpus)
{
	u64 rounds = test_rounds(20000);

	env_init(16ul << 20, STRESS_CPUS);
	stress_owner = calloc(4096, sizeof(u64));
	env_run_cpus(STRESS_CPUS, stress_cpu, &rounds);
	CHECK_EQ(free_pages(), page_zones[0].total);
	CHECK(buddy_check(&page_zones[0]));
	free(stress_owner);
}

TEST(percpu_memory)
{
	env_init(16ul << 20, 2);
	u64 *a = percpu_alloc(8, 8), *b = percpu_alloc(100, 64);

	REQUIRE(a && b);
	CHECK_EQ((unsigned long)b % 64, 0);
	*per_cpu_ptr(a, 0) = 1;
	*per_cpu_ptr(a, 1) = 2;
	CHECK_EQ(this_cpu_read(*a), 1);
	percpu_free(a);
	u64 *again = percpu_alloc(8, 8);

	CHECK(again == a);
	CHECK_EQ(*per_cpu_ptr(a, 1), 0);
	percpu_free(again);
	percpu_free(b);
	CHECK(!percpu_alloc(1 << 20, 8));
}

TEST(vmap_stretches)
{
	void *p[64];

	env_init(32ul << 20, 1);
	slab_init();
	kmap_init();
	for (unsigned i = 0; i < 64; i++) {
		p[i] = vmap_alloc((i % 5 + 1) * PAGE_SIZE);
		REQUIRE(p[i]);
		for (unsigned k = 0; k < i; k++)
			CHECK(p[k] != p[i]);
		struct pte *e = pt_find(mmu_kernel_space(), (vaddr_t)p[i]);

		CHECK(e && pte_is_writable(pte_load(e)) && !pte_is_exec(pte_load(e)));
		e = pt_find(mmu_kernel_space(), (vaddr_t)p[i] + (i % 5 + 1) * PAGE_SIZE);
		CHECK(!e || pte_is_none(pte_load(e)));
	}
	u64 used = free_pages();

	for (unsigned i = 0; i < 64; i += 2)
		vmap_free(p[i]);
	CHECK(free_pages() > used);
	void *device = vmap_device(0xfee00080, 0x100, PROT_W | PROT_UNCACHED);

	CHECK_EQ((vaddr_t)device & 0xfff, 0x80);
	vmap_device_free(device);
	for (unsigned i = 1; i < 64; i += 2)
		vmap_free(p[i]);
	CHECK(!vmap_alloc(0));
}
