/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address spaces: many CPUs in one of them, and want of memory.
 */
#include "space_test.h"

/* ---- many CPUs in one space ---- */

#define STRESS_CPUS 4
static struct vm_space *shared_space;

static void stress_cpu(void *arg)
{
	u64 seed = host_cpu * 7919 + 1;
	vaddr_t mine = BASE + host_cpu * 16 * PAGE_SIZE, va;
	int signo, code;

	for (u64 i = 0; i < *(u64 *)arg; i++) {
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		switch (seed >> 60) {
		case 0: ASSERT(!map(shared_space, mine, 16 * PAGE_SIZE, RW, &va)); break;
		case 1: ASSERT(!vm_unmap(shared_space, mine + (seed >> 50) % 16 * PAGE_SIZE, PAGE_SIZE)); break;
		case 2: (void)!vm_protect(shared_space, mine, 8 * PAGE_SIZE, VM_READ, false); break;
		case 3: (void)!vm_madvise(shared_space, mine, 16 * PAGE_SIZE, MADV_DONTNEED); break;
		default:
			/* Anybody's pages. */
			(void)!vm_fault(shared_space, BASE + (seed >> 40) % (STRESS_CPUS * 16) * PAGE_SIZE,
				FAULT_USER | (seed >> 30 & 1 ? FAULT_WRITE : 0), STACK, &signo, &code);
		}
	}
}

TEST(space_stress_on_cpus)
{
	u64 rounds = test_rounds(5000);

	start(32 * MB, STRESS_CPUS);
	shared_space = vm_space_create();
	env_run_cpus(STRESS_CPUS, stress_cpu, &rounds);
	CHECK(vm_space_check(shared_space));
	vm_space_put_user(shared_space);
	CHECK_EQ(vm_committed(), 0);
}

/* ---- truncation and fork beside faults ---- */

static struct vm_object shared_obj;

static void object_cpu(void *arg)
{
	u64 seed = host_cpu * 104729 + 1;
	int signo, code;

	for (u64 i = 0; i < *(u64 *)arg; i++) {
		vaddr_t va;

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		va = BASE + (seed >> 40) % 96 * PAGE_SIZE;
		if (host_cpu == 0 && (seed >> 58) < 4) {
			vm_object_truncate(&shared_obj, (seed >> 30) % 40 * PAGE_SIZE);
			vm_object_truncate(&shared_obj, 40 * PAGE_SIZE);
		} else if (host_cpu == 1 && (seed >> 58) < 4) {
			struct vm_space *child;

			ASSERT(!vm_space_fork(shared_space, &child));
			(void)!vm_fault(child, va, FAULT_USER | FAULT_WRITE, STACK, &signo, &code);
			vm_space_put_user(child);
		} else {
			(void)!vm_fault(shared_space, va, FAULT_USER | (seed >> 20 & 1 ? FAULT_WRITE : 0), STACK,
				&signo, &code);
		}
	}
}

TEST(space_truncate_and_fork_beside_faults)
{
	u64 rounds = test_rounds(3000);
	struct page_stats st;
	vaddr_t va;

	start(32 * MB, STRESS_CPUS);
	vm_object_init(&shared_obj, &memory_ops, NULL);
	vm_object_truncate(&shared_obj, 40 * PAGE_SIZE);
	shared_space = vm_space_create();
	REQUIRE(!map_object(shared_space, BASE, 32 * PAGE_SIZE, RW | VM_SHARED, &shared_obj, 0));
	REQUIRE(!map_object(shared_space, BASE + 32 * PAGE_SIZE, 32 * PAGE_SIZE, RW, &shared_obj, 0));
	REQUIRE(!map(shared_space, BASE + 64 * PAGE_SIZE, 32 * PAGE_SIZE, RW, &va));
	env_run_cpus(STRESS_CPUS, object_cpu, &rounds);
	CHECK(vm_space_check(shared_space));
	vm_object_truncate(&shared_obj, 0);
	CHECK(vm_space_check(shared_space));
	vm_space_put_user(shared_space);
	vm_object_fini(&shared_obj);
	env_rcu_flush();
	page_stats(&st);
	CHECK_EQ(st.by_kind[PAGE_CACHE], 0);
	CHECK_EQ(st.by_kind[PAGE_ANON], 0);
	CHECK_EQ(st.by_kind[PAGE_TABLE], kernel_tables);
}

/* ---- every amount of memory: errors, never a leak or a half-done change ---- */

static void script(unsigned *done)
{
	struct vm_space *s = vm_space_create(), *child;
	struct vm_object o;
	vaddr_t va, vb;

	if (!s)
		return;
	vm_object_init(&o, &memory_ops, NULL);
	vm_object_truncate(&o, 8 * PAGE_SIZE);
	*done += !map(s, BASE, 8 * PAGE_SIZE, RW, &va);
	*done += !map(s, BASE + 600 * MB, 4 * PAGE_SIZE, RW, &vb);
	*done += !map_object(s, BASE + 300 * MB, 8 * PAGE_SIZE, RW | VM_SHARED, &o, 0);
	for (unsigned i = 0; i < 4; i++) {
		*done += poke(s, BASE + i * PAGE_SIZE, 1);
		*done += poke(s, BASE + 600 * MB + i * PAGE_SIZE, 1);
		*done += poke(s, BASE + 300 * MB + i * PAGE_SIZE, 1);
	}
	*done += !vm_protect(s, BASE + PAGE_SIZE, PAGE_SIZE, VM_READ, false);
	*done += !vm_unmap(s, BASE + 2 * PAGE_SIZE, PAGE_SIZE);
	*done += !vm_remap(s, BASE, PAGE_SIZE, 4 * PAGE_SIZE, MREMAP_MAYMOVE, 0, ~0ull, ~0ull, &va);
	CHECK(vm_space_check(s));
	if (!vm_space_fork(s, &child)) {
		*done += 1 + poke(child, BASE + 600 * MB, 2);
		CHECK(vm_space_check(child));
		vm_space_put_user(child);
	}
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
	vm_object_fini(&o);
	env_rcu_flush();
}

TEST(space_every_amount_of_memory)
{
	struct page **held = calloc(4096, sizeof(*held));
	unsigned most = 0;

	start(8 * MB, 1);
	for (unsigned leave = 0; leave < 64; leave++) {
		struct page_stats after;
		unsigned n = 0, done = 0;

		while ((held[n] = page_alloc(0, ALLOC_RESERVE)))
			n++;
		for (unsigned i = 0; i < leave + page_zones_reserve() && n; i++)
			page_free(held[--n], 0);
		script(&done);
		env_kill_pending = false;
		page_stats(&after);
		CHECK_EQ(after.by_kind[PAGE_ANON] + after.by_kind[PAGE_CACHE], 0);
		CHECK_EQ(after.by_kind[PAGE_TABLE], kernel_tables);
		CHECK_EQ(vm_committed(), 0);
		most = max(most, done);
		while (n)
			page_free(held[--n], 0);
		reclaim_memory(~0ull);
	}
	CHECK_EQ(most, 20);
	free(held);
}

/* ---- every failing allocation, each once ---- */

/* But for magazines, which CPUs keep. */
static void count_live(const struct slab_info *info, void *arg)
{
	if (strncmp(info->name, "magazine", 8))
		*(u64 *)arg += info->live;
}

static u64 live_objects(void)
{
	u64 n = 0;

	slab_for_each(count_live, &n);
	return n;
}

TEST(space_every_failing_allocation)
{
	unsigned done = 0, all;
	u32 left = 0;
	u64 live;

	start(32 * MB, 1);
	script(&done);
	all = done;
	live = live_objects();
	for (u32 n = 1; !left; n++) {
		struct page_stats after;

		done = 0;
		env_fail_nth(n);
		script(&done);
		left = env_fail_left();
		env_fail_nth(0);
		env_kill_pending = false;
		page_stats(&after);
		CHECK_EQ(after.by_kind[PAGE_ANON] + after.by_kind[PAGE_CACHE], 0);
		CHECK_EQ(after.by_kind[PAGE_TABLE], kernel_tables);
		CHECK_EQ(vm_committed(), 0);
		CHECK_EQ(live_objects(), live);
		/* One step fails, and what needs it. */
		CHECK(done <= all);
		REQUIRE(n < 1000);
	}
	CHECK_EQ(done, all);
}
