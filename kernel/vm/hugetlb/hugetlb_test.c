/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pool of huge pages, its reservations, and memory made of it.
 */
#include <vm/hugetlb.h>
#include "../../mm/space_test.h"

#define HUGE HUGE_SIZE

static struct vm_object object;
static struct hugetlb_file *file;
static unsigned backings;

static void backing_get(void *backing)
{
	__atomic_fetch_add(&backings, 1, __ATOMIC_RELAXED);
}

static void backing_put(void *backing)
{
	__atomic_fetch_sub(&backings, 1, __ATOMIC_RELAXED);
}

static const struct vm_backing_ops backing_ops = {.get = backing_get, .put = backing_put};

/* A file of @blocks; the pool has @total. */
static void begin(u64 total, u64 blocks, struct hugetlb_limits *l)
{
	start(128 * MB, 2);
	hugetlb_set_overcommit(0);
	hugetlb_set_total(total);
	file = hugetlb_file_create(&object, l);
	REQUIRE(file);
	hugetlb_truncate(file, blocks * HUGE);
}

static struct hugetlb_stats stats(void)
{
	struct hugetlb_stats s;

	hugetlb_stats(&s);
	return s;
}

#define CHECK_POOL(total_, free_, reserved_)                                                      \
	do {                                                                                       \
		struct hugetlb_stats s_ = stats();                                                 \
		CHECK_EQ(s_.total, total_);                                                        \
		CHECK_EQ(s_.free, free_);                                                          \
		CHECK_EQ(s_.reserved, reserved_);                                                  \
	} while (0)

static void end(u64 total)
{
	hugetlb_file_destroy(file);
	CHECK_POOL(total, total, 0);
	CHECK_EQ(stats().anon, 0);
	CHECK_EQ(stats().cached, 0);
	CHECK_EQ(backings, 0);
	hugetlb_set_total(0);
	CHECK_POOL(0, 0, 0);
}

static int map_blocks(struct vm_space *s, vaddr_t at, u64 n, u32 flags, u64 index)
{
	struct vm_map_args args = args_of(at, n * HUGE, RW | VM_HUGETLB | flags);
	vaddr_t va;

	args.object = &object;
	args.pgoff = index * HUGE_PAGES;
	args.backing_ops = &backing_ops;
	args.backing = &object;
	return vm_map(s, &args, &va);
}

TEST(hugetlb_pool)
{
	start(64 * MB, 1);
	hugetlb_set_total(1);
	hugetlb_set_total(0); /* the slabs have what they need */
	u64 before = free_pages();

	hugetlb_set_total(4);
	CHECK_POOL(4, 4, 0);
	CHECK_EQ(free_pages(), before - 4 * HUGE_PAGES);
	hugetlb_set_total(1000); /* as many as there are */
	CHECK(stats().total > 4 && stats().total < 32);
	hugetlb_set_total(0);
	CHECK_POOL(0, 0, 0);
	CHECK_EQ(free_pages(), before);
}

TEST(hugetlb_private)
{
	begin(4, 8, NULL);
	struct vm_space *s = vm_space_create();
	struct vm_rss rss;
	s64 peak;

	CHECK_EQ(map_blocks(s, BASE, 5, 0, 0), -ENOMEM);
	CHECK_POOL(4, 4, 0);
	REQUIRE(!map_blocks(s, BASE, 3, 0, 0));
	CHECK_POOL(4, 4, 3);
	CHECK(poke(s, BASE + 5, 7));
	CHECK_EQ(peek(s, BASE + 5), 7);
	CHECK_EQ(peek(s, BASE + 2 * HUGE), 0);
	CHECK_POOL(4, 2, 1);
	vm_space_rss(s, &rss, &peak);
	CHECK_EQ(rss.hugetlb, 2 * HUGE_PAGES);
	CHECK_EQ(rss.anon, 0);
	CHECK(vm_space_check(s));
	CHECK_EQ(vm_unmap(s, BASE + PAGE_SIZE, HUGE), -EINVAL);
	CHECK_EQ(vm_unmap(s, BASE, PAGE_SIZE), -EINVAL);
	CHECK_EQ(vm_protect(s, BASE + PAGE_SIZE, HUGE, VM_READ, false), -EINVAL);
	CHECK_EQ(vm_protect(s, BASE, HUGE, VM_READ, false), 0);
	CHECK(!poke(s, BASE, 1));
	CHECK_EQ(peek(s, BASE + 5), 7);
	CHECK(vm_space_check(s));
	CHECK_EQ(vm_unmap(s, BASE + HUGE, HUGE), 0); /* never used */
	CHECK_POOL(4, 2, 0);
	CHECK_EQ(vm_unmap(s, BASE, HUGE), 0);
	CHECK_POOL(4, 3, 0);
	vm_space_put_user(s);
	end(4);
}

TEST(hugetlb_exhaustion)
{
	begin(2, 8, NULL);
	struct vm_space *s = vm_space_create();

	REQUIRE(!map_blocks(s, BASE, 4, VM_NORESERVE, 0));
	CHECK_POOL(2, 2, 0);
	CHECK(poke(s, BASE, 1) && poke(s, BASE + HUGE, 2));
	CHECK(!poke(s, BASE + 2 * HUGE, 3));
	CHECK_EQ(last_signo, SIGBUS);
	hugetlb_set_total(3);
	CHECK(poke(s, BASE + 2 * HUGE, 3));
	hugetlb_set_total(0); /* what is used becomes surplus, and goes later */
	CHECK_EQ(stats().surplus, 3);
	CHECK_EQ(vm_unmap(s, BASE, HUGE), 0);
	CHECK_POOL(2, 0, 0);
	vm_space_put_user(s);
	end(0);
}

TEST(hugetlb_overcommit)
{
	begin(1, 8, NULL);
	struct vm_space *s = vm_space_create();

	hugetlb_set_overcommit(2);
	CHECK_EQ(map_blocks(s, BASE, 4, 0, 0), -ENOMEM);
	CHECK_POOL(1, 1, 0);
	REQUIRE(!map_blocks(s, BASE, 3, 0, 0));
	CHECK_POOL(3, 3, 3);
	CHECK_EQ(stats().surplus, 2);
	CHECK(poke(s, BASE, 1));
	vm_space_put_user(s);
	CHECK_POOL(1, 1, 0);
	end(1);
}

TEST(hugetlb_fork)
{
	begin(3, 8, NULL);
	struct vm_space *s = vm_space_create(), *child;

	REQUIRE(!map_blocks(s, BASE, 1, 0, 0));
	CHECK(poke(s, BASE, 1) && poke(s, BASE + HUGE - 1, 9));
	REQUIRE(!vm_space_fork(s, &child));
	CHECK_POOL(3, 2, 0);
	CHECK(poke(child, BASE, 2));
	CHECK_POOL(3, 1, 0);
	CHECK_EQ(peek(s, BASE), 1);
	CHECK_EQ(peek(child, BASE + HUGE - 1), 9);
	CHECK(poke(s, BASE, 3)); /* its own again: no copy */
	CHECK_POOL(3, 1, 0);
	CHECK(vm_space_check(s) && vm_space_check(child));
	vm_space_put_user(child);
	CHECK_POOL(3, 2, 0);
	/* No block is left for the copy: the child loses its page, not the parent. */
	hugetlb_set_total(1);
	REQUIRE(!vm_space_fork(s, &child));
	CHECK(!poke(child, BASE, 4));
	CHECK_EQ(last_signo, SIGBUS);
	CHECK_EQ(peek(child, BASE), 3);
	CHECK(poke(s, BASE, 5));
	CHECK_EQ(peek(child, BASE), -1);
	CHECK(vm_space_check(s) && vm_space_check(child));
	vm_space_put_user(s);
	vm_space_put_user(child);
	end(1);
}

TEST(hugetlb_shared)
{
	begin(4, 3, NULL);
	struct vm_space *a = vm_space_create(), *b = vm_space_create();
	struct page *page;

	REQUIRE(!map_blocks(a, BASE, 2, VM_SHARED, 0));
	REQUIRE(!map_blocks(b, BASE + HUGE, 3, VM_SHARED, 0));
	CHECK_POOL(4, 4, 3); /* two of them for both */
	CHECK(poke(a, BASE + HUGE + 3, 42));
	CHECK_EQ(peek(b, BASE + 2 * HUGE + 3), 42);
	CHECK_POOL(4, 3, 2);
	CHECK_EQ(stats().cached, 1);
	vm_space_put_user(a);
	CHECK_POOL(4, 3, 2);
	CHECK_EQ(peek(b, BASE + 3 * HUGE), 0);
	CHECK(vm_space_check(b));
	/* A pin outlives the block's place in the object. */
	REQUIRE(!vm_pin(b, BASE + 2 * HUGE + 5 * PAGE_SIZE, false, false, &page));
	hugetlb_truncate(file, HUGE);
	CHECK_EQ(peek(b, BASE + 2 * HUGE), -1);
	CHECK_EQ(last_signo, SIGBUS);
	CHECK_POOL(4, 3, 1);
	page_put(page);
	CHECK(poke(b, BASE + HUGE, 1));
	hugetlb_punch(file, 0, HUGE);
	CHECK_EQ(peek(b, BASE + HUGE), 0);
	vm_space_put_user(b);
	CHECK_EQ(hugetlb_fill(file, 0, 3 * HUGE), 0);
	CHECK_POOL(4, 1, 0);
	CHECK_EQ(hugetlb_fill(file, 0, 5 * HUGE), -ENOSPC);
	end(4);
}

TEST(hugetlb_private_of_file)
{
	begin(4, 2, NULL);
	struct vm_space *a = vm_space_create(), *b = vm_space_create();

	REQUIRE(!map_blocks(a, BASE, 1, VM_SHARED, 0));
	REQUIRE(!map_blocks(b, BASE, 1, 0, 0));
	CHECK(poke(a, BASE, 1));
	CHECK_EQ(peek(b, BASE), 1);
	CHECK(poke(a, BASE, 2));
	CHECK_EQ(peek(b, BASE), 2);
	CHECK(poke(b, BASE, 3)); /* its copy */
	CHECK_EQ(peek(a, BASE), 2);
	CHECK_POOL(4, 2, 0);
	hugetlb_truncate(file, 0);
	CHECK_EQ(peek(b, BASE), -1);
	CHECK_POOL(4, 4, 0);
	vm_space_put_user(a);
	vm_space_put_user(b);
	end(4);
}

TEST(hugetlb_remap)
{
	begin(4, 8, NULL);
	struct vm_space *s = vm_space_create();
	vaddr_t va, to = BASE + 64 * HUGE;

	REQUIRE(!map_blocks(s, BASE, 3, 0, 0));
	CHECK(poke(s, BASE + HUGE, 1));
	CHECK_EQ(vm_remap(s, BASE, 3 * HUGE, 4 * HUGE, MREMAP_MAYMOVE, 0, ~0ull, ~0ull, &va), -EINVAL);
	CHECK_EQ(vm_remap(s, BASE, 3 * HUGE, 3 * HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, to + PAGE_SIZE, ~0ull, ~0ull, &va), -EINVAL);
	REQUIRE(!vm_remap(s, BASE, 2 * HUGE, 2 * HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, to, ~0ull, ~0ull, &va));
	CHECK_EQ(peek(s, to + HUGE), 1);
	CHECK_POOL(4, 3, 2);
	CHECK(vm_space_check(s));
	CHECK(poke(s, to, 2));
	CHECK(poke(s, BASE + 2 * HUGE, 3));
	CHECK_POOL(4, 1, 0);
	CHECK_EQ(vm_remap(s, to, 2 * HUGE, HUGE, 0, 0, ~0ull, ~0ull, &va), 0);
	CHECK_POOL(4, 2, 0);
	vm_space_put_user(s);
	end(4);
}

TEST(hugetlb_limits)
{
	struct hugetlb_limits l;

	start(128 * MB, 1);
	hugetlb_set_total(4);
	CHECK_EQ(hugetlb_limits_init(&l, 3, 5), -ENOMEM);
	REQUIRE(!hugetlb_limits_init(&l, 3, 2));
	CHECK_POOL(4, 4, 2);
	file = hugetlb_file_create(&object, &l);
	REQUIRE(file);
	CHECK_EQ(hugetlb_fill(file, 0, HUGE), 0);
	CHECK_POOL(4, 3, 1);
	CHECK_EQ(hugetlb_fill(file, 0, 4 * HUGE), -ENOSPC);
	CHECK_POOL(4, 1, 0);
	hugetlb_truncate(file, 0);
	hugetlb_file_destroy(file);
	CHECK_POOL(4, 4, 2);
	hugetlb_limits_fini(&l);
	CHECK_POOL(4, 4, 0);
	hugetlb_set_total(0);
}

/* Every allocation fails once: what was begun is undone. */
TEST(hugetlb_no_memory)
{
	begin(4, 4, NULL);
	bool done = false;

	for (u32 n = 1; !done && n < 200; n++) {
		struct vm_space *s = vm_space_create();
		bool shared = n & 1;

		REQUIRE(s);
		env_fail_nth(n);
		if (!map_blocks(s, BASE, 2, shared ? VM_SHARED : 0, 1))
			(void)!vm_populate(s, BASE, BASE + 2 * HUGE, true, false);
		done = env_fail_left() != 0;
		env_fail_nth(0);
		CHECK(vm_space_check(s));
		vm_space_put_user(s);
		hugetlb_truncate(file, 0);
		hugetlb_truncate(file, 4 * HUGE);
		CHECK_POOL(4, 4, 0);
		env_kill_pending = false;
	}
	CHECK(done);
	end(4);
}

static void race_one(void *arg)
{
	struct vm_space *s = vm_space_create();

	ASSERT(s);
	for (unsigned i = 0; i < 40; i++) {
		bool shared = (i + host_cpu) & 1;

		if (map_blocks(s, BASE, 2, shared ? VM_SHARED : 0, 0))
			continue;
		(void)poke(s, BASE, (u8)i);
		(void)peek(s, BASE + HUGE);
		if (host_cpu == 0 && i % 3 == 0)
			hugetlb_punch(file, 0, HUGE);
		ASSERT(!vm_unmap(s, BASE, 2 * HUGE));
	}
	vm_space_put_user(s);
}

TEST(hugetlb_race)
{
	begin(6, 4, NULL);
	env_run_cpus(2, race_one, NULL);
	end(6);
}
