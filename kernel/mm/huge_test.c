/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Huge pages: made by faults, taken apart by what touches a part, shared by fork, freed as one block; and tables that go when nothing needs them,
 * pages that go when they may, areas that stay.
 */
#include <vm/pages.h>
#include "space_test.h"

#define HUGE (2 * MB)

static bool is_huge(struct vm_space *s, vaddr_t va)
{
	return pt_walk(&s->mmu, va, 0).level == 1;
}

static u64 frames(enum page_kind kind)
{
	struct page_stats st;

	env_rcu_flush();
	page_stats(&st);
	return st.by_kind[kind];
}

/* A space with @n huge pages at BASE, each filled with its number. */
static struct vm_space *filled(unsigned n)
{
	struct vm_space *s = vm_space_create();
	vaddr_t va;

	ASSERT(s && !map(s, BASE, n * HUGE, RW, &va));
	for (unsigned i = 0; i < n; i++) {
		ASSERT(poke(s, BASE + i * HUGE + 5 * PAGE_SIZE, (u8)(i + 1)));
		ASSERT(poke(s, BASE + (i + 1) * HUGE - 1, (u8)(i + 1)));
		CHECK(is_huge(s, BASE + i * HUGE));
	}
	CHECK(vm_space_check(s));
	return s;
}

static void check_filled(struct vm_space *s, vaddr_t at, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		CHECK_EQ(peek(s, at + i * HUGE + 5 * PAGE_SIZE), i + 1);
		CHECK_EQ(peek(s, at + (i + 1) * HUGE - 1), i + 1);
		CHECK_EQ(peek(s, at + i * HUGE + 7 * PAGE_SIZE), 0);
	}
}

TEST(huge_fault_and_free)
{
	vaddr_t va;

	start(64 * MB, 1);
	vm_space_put_user(filled(1)); /* the slabs have what they need */
	u64 before = free_pages();
	struct vm_space *s = filled(3);
	struct vm_usage u = {0};

	CHECK_EQ(frames(PAGE_ANON), 3 * HUGE_PAGES);
	vm_usage(s, BASE, BASE + 3 * HUGE, &u);
	CHECK_EQ(u.anon_huge, 3 * HUGE);
	CHECK_EQ(u.rss, 3 * HUGE);
	check_filled(s, BASE, 3);
	/* A read makes no huge page, nor does an area that is too small. */
	REQUIRE(!map(s, BASE + 16 * MB, HUGE, RW, &va) && !map(s, BASE + 32 * MB + PAGE_SIZE, HUGE, RW, &va));
	CHECK_EQ(peek(s, BASE + 16 * MB), 0);
	CHECK(!is_huge(s, BASE + 16 * MB) && poke(s, BASE + 32 * MB + PAGE_SIZE, 1) && !is_huge(s, BASE + 32 * MB + PAGE_SIZE));
	CHECK(vm_space_check(s));
	REQUIRE(!vm_unmap(s, BASE, 3 * HUGE));
	CHECK_EQ(frames(PAGE_ANON), 1);
	vm_space_put_user(s);
	CHECK_EQ(free_pages(), before);
}

TEST(huge_policy)
{
	vaddr_t va;

	start(64 * MB, 1);
	struct vm_space *s = vm_space_create();

	REQUIRE(s && !map(s, BASE, 8 * HUGE, RW, &va));
	vm_huge_enabled = VM_HUGE_MADVISE;
	CHECK(poke(s, BASE, 1) && !is_huge(s, BASE));
	REQUIRE(!vm_madvise(s, BASE + HUGE, HUGE, MADV_HUGEPAGE));
	CHECK(poke(s, BASE + HUGE, 1) && is_huge(s, BASE + HUGE));
	vm_huge_enabled = VM_HUGE_NEVER;
	REQUIRE(!vm_madvise(s, BASE + 2 * HUGE, HUGE, MADV_HUGEPAGE));
	CHECK(poke(s, BASE + 2 * HUGE, 1) && !is_huge(s, BASE + 2 * HUGE));
	vm_huge_enabled = VM_HUGE_ALWAYS;
	REQUIRE(!vm_madvise(s, BASE + 3 * HUGE, HUGE, MADV_NOHUGEPAGE));
	CHECK(poke(s, BASE + 3 * HUGE, 1) && !is_huge(s, BASE + 3 * HUGE));
	s->no_huge = true;
	CHECK(poke(s, BASE + 4 * HUGE, 1) && !is_huge(s, BASE + 4 * HUGE));
	s->no_huge = false;
	CHECK(poke(s, BASE + 5 * HUGE, 1) && is_huge(s, BASE + 5 * HUGE));
	vm_space_put_user(s);
	CHECK_EQ(frames(PAGE_ANON), 0);
}

TEST(huge_parts)
{
	vaddr_t va;

	start(64 * MB, 1);
	struct vm_space *s = filled(6);

	REQUIRE(!vm_unmap(s, BASE + 8 * PAGE_SIZE, PAGE_SIZE));
	CHECK(!is_huge(s, BASE) && is_huge(s, BASE + HUGE));
	REQUIRE(!vm_protect(s, BASE + HUGE + 100 * PAGE_SIZE, PAGE_SIZE, VM_READ, false));
	CHECK(!poke(s, BASE + HUGE + 100 * PAGE_SIZE, 1) && poke(s, BASE + HUGE + 101 * PAGE_SIZE, 0));
	/* All of it stays huge, with other rights. */
	REQUIRE(!vm_protect(s, BASE + 2 * HUGE, HUGE, VM_READ, false));
	CHECK(is_huge(s, BASE + 2 * HUGE) && !poke(s, BASE + 2 * HUGE, 9));
	REQUIRE(!vm_protect(s, BASE + 2 * HUGE, HUGE, 0, false));
	CHECK(is_huge(s, BASE + 2 * HUGE) && peek(s, BASE + 2 * HUGE) == -1);
	REQUIRE(!vm_protect(s, BASE + 2 * HUGE, HUGE, VM_READ | VM_WRITE, false));
	CHECK(is_huge(s, BASE + 2 * HUGE) && poke(s, BASE + 2 * HUGE, 0));
	REQUIRE(!vm_madvise(s, BASE + 3 * HUGE + 20 * PAGE_SIZE, 2 * PAGE_SIZE, MADV_DONTNEED));
	CHECK(!is_huge(s, BASE + 3 * HUGE));
	CHECK(vm_space_check(s));
	/* Moved to an aligned place whole, to another in parts. */
	REQUIRE(!vm_remap(s, BASE + 4 * HUGE, HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, BASE + 64 * MB, ~0ull, ~0ull, &va));
	CHECK(is_huge(s, BASE + 64 * MB) && peek(s, BASE + 64 * MB + HUGE - 1) == 5);
	REQUIRE(!vm_remap(s, BASE + 5 * HUGE, HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, BASE + 96 * MB + PAGE_SIZE, ~0ull, ~0ull, &va));
	CHECK(!is_huge(s, BASE + 96 * MB + PAGE_SIZE) && peek(s, va + HUGE - 1) == 6);
	CHECK(vm_space_check(s));
	REQUIRE(!vm_remap(s, va, HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, BASE + 5 * HUGE, ~0ull, ~0ull, &va));
	REQUIRE(!vm_remap(s, BASE + 64 * MB, HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, BASE + 4 * HUGE, ~0ull, ~0ull, &va));
	check_filled(s, BASE, 6);
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
	CHECK_EQ(frames(PAGE_ANON) + frames(PAGE_TABLE), kernel_tables);
}

TEST(huge_fork)
{
	struct vm_space *child;
	struct page *pinned;

	start(64 * MB, 1);
	struct vm_space *s = filled(4);

	REQUIRE(!vm_space_fork(s, &child));
	CHECK(is_huge(child, BASE) && frames(PAGE_ANON) == 4 * HUGE_PAGES);
	check_filled(child, BASE, 4);
	/* Who writes first pays one frame. */
	CHECK(poke(s, BASE, 77) && !is_huge(s, BASE) && is_huge(child, BASE));
	CHECK_EQ(peek(child, BASE), 0);
	CHECK_EQ(frames(PAGE_ANON), 4 * HUGE_PAGES + 1);
	CHECK(vm_space_check(s) && vm_space_check(child));
	/* Alone again, a leaf is written to as it is; a pinned frame is copied. */
	REQUIRE(!vm_pin(child, BASE + HUGE + 3 * PAGE_SIZE, false, false, &pinned));
	vm_space_put_user(s);
	CHECK(poke(child, BASE + 2 * HUGE, 1) && is_huge(child, BASE + 2 * HUGE));
	CHECK(poke(child, BASE + HUGE, 1) && !is_huge(child, BASE + HUGE));
	CHECK(vm_space_check(child));
	vm_space_put_user(child);
	CHECK_EQ(frames(PAGE_ANON), 1);
	page_put(pinned);
	CHECK_EQ(frames(PAGE_ANON) + frames(PAGE_TABLE), kernel_tables);
}

TEST(huge_no_block)
{
	struct page *held[64];
	unsigned n = 0;
	vaddr_t va;

	start(32 * MB, 1);
	while ((held[n] = page_alloc(HUGE_ORDER, ALLOC_NOWAIT | ALLOC_USER)))
		n++;
	struct vm_space *s = vm_space_create();

	REQUIRE(s && !map(s, BASE, 2 * HUGE, RW, &va));
	CHECK(poke(s, BASE, 1) && !is_huge(s, BASE));
	while (n)
		page_free(held[--n], HUGE_ORDER);
	CHECK(poke(s, BASE + HUGE, 1) && is_huge(s, BASE + HUGE));
	vm_space_put_user(s);
}

TEST(tables_go_with_their_areas)
{
	vaddr_t va;

	start(64 * MB, 1);
	struct vm_space *s = vm_space_create();
	u64 before = frames(PAGE_TABLE);

	/* All over the address space, at each level's own distance. */
	for (unsigned i = 1; i < 400; i++) {
		vaddr_t base = (u64)i * (i % 3 == 0 ? HUGE : i % 3 == 1 ? 1ull << 30 : 200ull << 30);

		REQUIRE(!map(s, base, 3 * PAGE_SIZE, RW, &va) && poke(s, base + PAGE_SIZE, 1));
		if (i % 5 == 0)
			REQUIRE(!vm_unmap(s, base + PAGE_SIZE, PAGE_SIZE));
		REQUIRE(!vm_unmap(s, base, 3 * PAGE_SIZE));
		CHECK_EQ(frames(PAGE_TABLE), before);
	}
	/* A table that a neighbour needs stays. */
	REQUIRE(!map(s, BASE, PAGE_SIZE, RW, &va) && !map(s, BASE + 8 * PAGE_SIZE, PAGE_SIZE, VM_READ | VM_MAYREAD, &va));
	CHECK(poke(s, BASE, 1) && peek(s, BASE + 8 * PAGE_SIZE) == 0);
	REQUIRE(!vm_unmap(s, BASE, PAGE_SIZE));
	CHECK_EQ(frames(PAGE_TABLE), before + 3);
	REQUIRE(!vm_unmap(s, 0, 1ull << 46));
	CHECK_EQ(frames(PAGE_TABLE), before);
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
}

TEST(huge_collapse_small_pages)
{
	struct vm_space *child;
	struct page *pinned;
	vaddr_t va;

	start(64 * MB, 1);
	struct vm_space *s = vm_space_create();

	REQUIRE(s && !map(s, BASE, 3 * HUGE, RW, &va));
	vm_huge_enabled = VM_HUGE_NEVER;
	CHECK_EQ(vm_madvise(s, BASE, HUGE, MADV_COLLAPSE), -EINVAL);
	for (unsigned i = 0; i < 3 * HUGE_PAGES; i += 3)
		CHECK(poke(s, BASE + i * PAGE_SIZE, (u8)i));
	CHECK_EQ(peek(s, BASE + PAGE_SIZE), 0);
	REQUIRE(!vm_pin(s, BASE + HUGE + 10 * PAGE_SIZE, false, false, &pinned));
	CHECK_EQ(vm_madvise(s, BASE, 3 * HUGE, MADV_COLLAPSE), -EAGAIN);
	CHECK(is_huge(s, BASE) && !is_huge(s, BASE + HUGE) && is_huge(s, BASE + 2 * HUGE));
	CHECK(vm_space_check(s));
	page_put(pinned);
	REQUIRE(!vm_space_fork(s, &child));
	CHECK_EQ(vm_madvise(s, BASE, 3 * HUGE, MADV_COLLAPSE), 0);
	CHECK(is_huge(s, BASE + HUGE) && !is_huge(child, BASE + HUGE));
	for (unsigned i = 0; i < 3 * HUGE_PAGES; i++) {
		CHECK_EQ(peek(s, BASE + i * PAGE_SIZE), i % 3 ? 0 : (u8)i);
		CHECK_EQ(peek(child, BASE + i * PAGE_SIZE), i % 3 ? 0 : (u8)i);
	}
	CHECK(vm_space_check(s) && vm_space_check(child));
	vm_huge_enabled = VM_HUGE_ALWAYS;
	vm_space_put_user(child);
	vm_space_put_user(s);
	CHECK_EQ(frames(PAGE_ANON) + frames(PAGE_TABLE), kernel_tables);
}

/* What the processor does to the entry when the program writes. */
static void write_through(struct vm_space *s, vaddr_t va, u8 value)
{
	struct pt_at at = pt_walk(&s->mmu, va, 0);

	CHECK(poke(s, va, value));
	pte_store(at.e, pte_mkdirty(pte_load(at.e)));
}

TEST(lazy_pages_go_unless_written_to)
{
	struct vm_usage u = {0};
	vaddr_t va;

	start(64 * MB, 1);
	struct vm_space *s = filled(2);

	REQUIRE(!map(s, BASE + 16 * MB, 8 * PAGE_SIZE, RW, &va));
	for (unsigned i = 0; i < 8; i++)
		CHECK(poke(s, va + i * PAGE_SIZE, (u8)(i + 1)));
	CHECK_EQ(vm_madvise(s, va, 6 * PAGE_SIZE, MADV_FREE), 0);
	CHECK_EQ(vm_madvise(s, BASE + HUGE, HUGE, MADV_FREE), 0);
	vm_usage(s, va, va + 8 * PAGE_SIZE, &u);
	CHECK_EQ(u.lazy_free, 6 * PAGE_SIZE);
	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(peek(s, va + i * PAGE_SIZE), i + 1);
	write_through(s, va + 2 * PAGE_SIZE, 33);
	CHECK_EQ(reclaim_memory(100000) >= 5 + HUGE_PAGES, 1);
	CHECK(vm_space_check(s));
	for (unsigned i = 0; i < 8; i++)
		CHECK_EQ(peek(s, va + i * PAGE_SIZE), i == 2 ? 33 : i < 6 ? 0 : i + 1);
	CHECK_EQ(peek(s, BASE + HUGE - 1), 1);
	CHECK_EQ(peek(s, BASE + 2 * HUGE - 1), 0);
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
	CHECK_EQ(frames(PAGE_ANON) + frames(PAGE_TABLE), kernel_tables);
}

TEST(sealed_areas_stay)
{
	vaddr_t va;

	start(32 * MB, 1);
	struct vm_space *s = vm_space_create();

	REQUIRE(s && !map(s, BASE, 8 * PAGE_SIZE, RW, &va));
	CHECK_EQ(vm_seal(s, BASE + 6 * PAGE_SIZE, 4 * PAGE_SIZE), -ENOMEM);
	CHECK_EQ(vm_seal(s, BASE + 2 * PAGE_SIZE, 2 * PAGE_SIZE), 0);
	CHECK_EQ(vm_unmap(s, BASE, 8 * PAGE_SIZE), -EPERM);
	CHECK_EQ(vm_protect(s, BASE, 8 * PAGE_SIZE, VM_READ, false), -EPERM);
	CHECK_EQ(map(s, BASE + 3 * PAGE_SIZE, PAGE_SIZE, RW, &va), -EPERM);
	CHECK_EQ(vm_remap(s, BASE + 2 * PAGE_SIZE, PAGE_SIZE, PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, BASE + MB, ~0ull, ~0ull, &va), -EPERM);
	CHECK_EQ(vm_madvise(s, BASE + 2 * PAGE_SIZE, PAGE_SIZE, MADV_DONTNEED), 0);
	CHECK_EQ(vm_unmap(s, BASE, PAGE_SIZE), 0);
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
}

/* ---- CPUs in one space: huge faults beside all that takes them apart ---- */

#define CPUS 4
static struct vm_space *shared;

static void huge_cpu(void *arg)
{
	u64 seed = host_cpu * 7919 + 1;
	int signo, code;

	for (u64 i = 0; i < *(u64 *)arg; i++) {
		vaddr_t at, va;
		u64 len;

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		at = BASE + (seed >> 40) % 24 * (HUGE / 4);
		len = (1 + (seed >> 34) % 6) * (HUGE / 4);
		switch (seed >> 60) {
		case 0: ASSERT(!map(shared, at, len, RW, &va)); break;
		case 1: ASSERT(!vm_unmap(shared, at, len)); break;
		case 2: (void)!vm_protect(shared, at, len, VM_READ | (seed >> 30 & 1 ? VM_WRITE : 0), false); break;
		case 3: (void)!vm_madvise(shared, at, len, (int[]){MADV_DONTNEED, MADV_FREE, MADV_COLLAPSE}[(seed >> 30) % 3]); break;
		case 5:
			if ((seed >> 20 & 15) == 0)
				(void)reclaim_memory(512);
			break;
		case 4: {
			struct vm_space *child;

			if ((seed >> 20 & 7) == 0 && !vm_space_fork(shared, &child)) {
				(void)!vm_fault(child, at, FAULT_USER | FAULT_WRITE, STACK, &signo, &code);
				vm_space_put_user(child);
			}
			break;
		}
		default:
			(void)!vm_fault(shared, at + (seed >> 20) % len, FAULT_USER | (seed >> 30 & 3 ? FAULT_WRITE : 0), STACK,
				&signo, &code);
		}
	}
}

TEST(huge_stress_on_cpus)
{
	u64 rounds = test_rounds(1500);

	start(128 * MB, CPUS);
	shared = vm_space_create();
	env_run_cpus(CPUS, huge_cpu, &rounds);
	CHECK(vm_space_check(shared));
	vm_space_put_user(shared);
	CHECK_EQ(vm_committed(), 0);
	CHECK_EQ(frames(PAGE_ANON) + frames(PAGE_TABLE), kernel_tables);
}
