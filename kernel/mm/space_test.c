/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address spaces: each call by itself, its errors and limits.
 */
#include "space_test.h"

TEST(space_map_touch_unmap)
{
	vaddr_t va, vb;

	start(32 * MB, 1);
	struct vm_space *s = vm_space_create();
	u64 before = free_pages();

	REQUIRE(s && !map(s, 0, 10 * PAGE_SIZE, RW, &va));
	CHECK_EQ(peek(s, va), 0);
	CHECK(poke(s, va + 5 * PAGE_SIZE + 3, 7));
	CHECK_EQ(peek(s, va + 5 * PAGE_SIZE + 3), 7);
	CHECK(poke(s, va, 1));
	CHECK(vm_space_check(s));
	CHECK_EQ(s->nareas, 1);
	REQUIRE(!map(s, 0, PAGE_SIZE, RW, &vb));
	CHECK_EQ(vb, va - PAGE_SIZE);
	CHECK_EQ(s->nareas, 1); /* merged */
	CHECK(!vm_unmap(s, va + 2 * PAGE_SIZE, PAGE_SIZE));
	CHECK_EQ(s->nareas, 2);
	CHECK_EQ(peek(s, va + 2 * PAGE_SIZE), -1);
	CHECK_EQ(last_signo, SIGSEGV);
	CHECK_EQ(last_code, SEGV_MAPERR);
	CHECK_EQ(peek(s, va + 5 * PAGE_SIZE + 3), 7);
	CHECK(vm_space_check(s));
	CHECK(!vm_unmap(s, vb, 11 * PAGE_SIZE));
	CHECK_EQ(s->nareas, 0);
	CHECK_EQ(s->total_pages, 0);
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
	CHECK(free_pages() + 3 >= before);
	CHECK_EQ(vm_committed(), 0);
}

TEST(space_rights)
{
	vaddr_t va;

	start(32 * MB, 1);
	struct vm_space *s = vm_space_create();

	REQUIRE(!map(s, BASE, 4 * PAGE_SIZE, VM_READ | VM_MAYREAD | VM_MAYWRITE, &va));
	CHECK_EQ(peek(s, va), 0);
	CHECK(!poke(s, va, 1));
	CHECK_EQ(last_code, SEGV_ACCERR);
	CHECK_EQ(vm_protect(s, va, PAGE_SIZE, VM_READ | VM_EXEC, false), -EACCES);
	CHECK(!vm_protect(s, va + PAGE_SIZE, PAGE_SIZE, VM_READ | VM_WRITE, false));
	CHECK_EQ(s->nareas, 3);
	CHECK(poke(s, va + PAGE_SIZE, 9));
	CHECK(!vm_protect(s, va + PAGE_SIZE, PAGE_SIZE, 0, false));
	CHECK_EQ(peek(s, va + PAGE_SIZE), -1);
	CHECK(!vm_protect(s, va + PAGE_SIZE, PAGE_SIZE, VM_READ | VM_WRITE, false));
	CHECK_EQ(peek(s, va + PAGE_SIZE), 9);
	CHECK(poke(s, va + PAGE_SIZE, 10));
	CHECK_EQ(vm_protect(s, va, 5 * PAGE_SIZE, VM_READ, false), -ENOMEM);
	CHECK_EQ(vm_protect(s, va + 1, PAGE_SIZE, VM_READ, false), -EINVAL);
	CHECK(!vm_protect(s, va, 4 * PAGE_SIZE, VM_READ, false));
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
	CHECK_EQ(vm_committed(), 0);
}

TEST(space_fork_copies_on_write)
{
	vaddr_t va;
	struct vm_space *child;

	start(32 * MB, 1);
	struct vm_space *s = vm_space_create();
	u64 before = free_pages();

	REQUIRE(!map(s, BASE, 600 * PAGE_SIZE, RW, &va));
	for (u64 i = 0; i < 600; i += 7)
		CHECK(poke(s, va + i * PAGE_SIZE, (u8)i));
	REQUIRE(!vm_space_fork(s, &child));
	CHECK(vm_space_check(s) && vm_space_check(child));
	for (u64 i = 0; i < 600; i += 7) {
		CHECK_EQ(peek(child, va + i * PAGE_SIZE), (u8)i);
		CHECK(poke(child, va + i * PAGE_SIZE, (u8)(i + 1)));
		CHECK_EQ(peek(s, va + i * PAGE_SIZE), (u8)i);
	}
	CHECK(vm_space_check(s) && vm_space_check(child));
	vm_space_put_user(child);
	/* The parent's frames are its own again: no copy. */
	u64 have = free_pages();

	CHECK(poke(s, va, 100));
	CHECK_EQ(free_pages(), have);
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
	CHECK(free_pages() + 3 >= before);
	CHECK_EQ(vm_committed(), 0);
}

TEST(space_objects)
{
	struct vm_object obj;
	struct vm_space *child;

	start(32 * MB, 1);
	struct vm_space *s = vm_space_create();

	vm_object_init(&obj, &memory_ops, NULL);
	vm_object_truncate(&obj, 20 * PAGE_SIZE + 100);
	REQUIRE(!map_object(s, BASE, 32 * PAGE_SIZE, RW | VM_SHARED, &obj, 0));
	REQUIRE(!map_object(s, BASE + MB, 32 * PAGE_SIZE, RW, &obj, 0));
	CHECK(poke(s, BASE, 1));
	CHECK_EQ(peek(s, BASE + MB), 1);
	CHECK(poke(s, BASE + MB, 2));
	CHECK_EQ(peek(s, BASE), 1);
	CHECK(poke(s, BASE + 20 * PAGE_SIZE + 200, 3));
	CHECK(!poke(s, BASE + 21 * PAGE_SIZE, 3));
	CHECK_EQ(last_signo, SIGBUS);
	REQUIRE(!vm_space_fork(s, &child));
	CHECK(poke(child, BASE, 5));
	CHECK_EQ(peek(s, BASE), 5);
	CHECK_EQ(peek(child, BASE + MB), 2);
	CHECK(vm_space_check(s) && vm_space_check(child));
	CHECK_EQ(vm_object_seal_write(&obj), -EBUSY);
	/* Truncation takes pages out of every space, private copies, too. */
	CHECK(poke(s, BASE + MB + 10 * PAGE_SIZE, 9));
	vm_object_truncate(&obj, 5 * PAGE_SIZE + 1);
	CHECK_EQ(peek(s, BASE + MB + 10 * PAGE_SIZE), -1);
	CHECK_EQ(peek(s, BASE + 6 * PAGE_SIZE), -1);
	CHECK_EQ(peek(child, BASE), 5);
	CHECK(vm_space_check(s) && vm_space_check(child));
	vm_space_put_user(child);
	vm_space_put_user(s);
	CHECK(!vm_object_seal_write(&obj));
	vm_object_fini(&obj);
	env_rcu_flush();
	struct page_stats st;

	page_stats(&st);
	CHECK_EQ(st.by_kind[PAGE_CACHE], 0);
	CHECK_EQ(st.by_kind[PAGE_ANON], 0);
	CHECK_EQ(st.by_kind[PAGE_TABLE], kernel_tables);
}

TEST(space_stack_grows)
{
	vaddr_t va, vb;

	start(32 * MB, 1);
	struct vm_space *s = vm_space_create();

	REQUIRE(!map(s, BASE + 64 * MB, 4 * PAGE_SIZE, RW | VM_GROWSDOWN, &va));
	CHECK(poke(s, va - 100 * PAGE_SIZE, 1));
	CHECK_EQ(s->stack_pages, 104);
	CHECK(!poke(s, va - STACK, 1));
	REQUIRE(!map(s, BASE + 60 * MB, PAGE_SIZE, RW, &vb));
	CHECK(!poke(s, vb + 255 * PAGE_SIZE, 1));
	CHECK(poke(s, vb + 257 * PAGE_SIZE, 1));
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
}

TEST(space_brk)
{
	start(32 * MB, 1);
	struct vm_space *s = vm_space_create();

	s->brk_start = s->brk = BASE;
	CHECK_EQ(vm_brk(s, 0, ~0ull, ~0ull), BASE);
	CHECK_EQ(vm_brk(s, BASE + 10000, ~0ull, ~0ull), BASE + 10000);
	CHECK(poke(s, BASE + 10000, 1));
	CHECK(!poke(s, BASE + 3 * PAGE_SIZE, 1));
	CHECK_EQ(vm_brk(s, BASE + MB, ~0ull, ~0ull), BASE + MB);
	CHECK_EQ(s->nareas, 1);
	CHECK_EQ(vm_brk(s, BASE + 2 * MB, MB, ~0ull), BASE + MB);
	CHECK_EQ(vm_brk(s, BASE + 1, ~0ull, ~0ull), BASE + 1);
	CHECK_EQ(s->total_pages, 1);
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
}

TEST(space_limits_and_errors)
{
	vaddr_t va;

	start(32 * MB, 1);
	struct vm_space *s = vm_space_create();
	struct vm_map_args args = args_of(0, 10 * PAGE_SIZE, RW);

	args.limit_as = 9 * PAGE_SIZE;
	CHECK_EQ(vm_map(s, &args, &va), -ENOMEM);
	args = args_of(0, 10 * PAGE_SIZE, RW);
	args.limit_data = 9 * PAGE_SIZE;
	CHECK_EQ(vm_map(s, &args, &va), -ENOMEM);
	args = args_of(0, 10 * PAGE_SIZE, RW | VM_LOCKED);
	args.limit_memlock = 9 * PAGE_SIZE;
	CHECK_EQ(vm_map(s, &args, &va), -EAGAIN);
	CHECK_EQ(map(s, 0, 0, RW, &va), -EINVAL);
	CHECK_EQ(map(s, 0, 1ull << 47, RW, &va), -ENOMEM);
	CHECK_EQ(map(s, 0, ~0ull, RW, &va), -ENOMEM);
	CHECK_EQ(map(s, BASE + 1, PAGE_SIZE, RW, &va), -EINVAL);
	CHECK_EQ(map(s, 4096, PAGE_SIZE, RW, &va), -EPERM);
	CHECK_EQ(map(s, 0, 64 * MB, RW, &va), -ENOMEM); /* more than there is */
	CHECK_EQ(map(s, 0, 64 * MB, RW | VM_NORESERVE, &va), 0);
	CHECK_EQ(vm_unmap(s, va, 0), -EINVAL);
	CHECK_EQ(vm_unmap(s, va + 1, PAGE_SIZE), -EINVAL);
	vm_overcommit_policy = 2;
	CHECK_EQ(map(s, 0, 20 * MB, RW, &va), -ENOMEM);
	vm_overcommit_policy = 0;
	CHECK_EQ(s->total_pages, 64 * MB / PAGE_SIZE);
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
	CHECK_EQ(vm_committed(), 0);
}

TEST(space_lock_and_mincore)
{
	vaddr_t va;
	u8 vec[8];

	start(32 * MB, 1);
	struct vm_space *s = vm_space_create();

	REQUIRE(!map(s, BASE, 8 * PAGE_SIZE, RW, &va));
	CHECK(!vm_mincore(s, va, 8, vec));
	CHECK(!vec[0] && !vec[7]);
	CHECK(!vm_lock(s, va + 2 * PAGE_SIZE + 5, PAGE_SIZE, VM_LOCKED, ~0ull));
	CHECK(!vm_mincore(s, va, 8, vec));
	CHECK(!vec[1] && vec[2] && vec[3] && !vec[4]);
	CHECK_EQ(s->locked_pages, 2);
	CHECK_EQ(vm_lock(s, va, 8 * PAGE_SIZE, VM_LOCKED, 7 * PAGE_SIZE), -ENOMEM);
	CHECK_EQ(vm_madvise(s, va + 2 * PAGE_SIZE, PAGE_SIZE, MADV_DONTNEED), -EINVAL);
	CHECK(!vm_lock(s, va, 8 * PAGE_SIZE, 0, 0));
	CHECK_EQ(s->locked_pages, 0);
	CHECK_EQ(s->nareas, 1);
	CHECK_EQ(vm_mincore(s, va, 9, vec), -ENOMEM);
	CHECK(!vm_lock_all(s, MCL_CURRENT | MCL_FUTURE, ~0ull));
	CHECK(!vm_mincore(s, va, 8, vec));
	CHECK(vec[0] && vec[7]);
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
}

TEST(space_pin_and_access)
{
	vaddr_t va;
	char buf[20000];
	struct vm_space *child;

	start(32 * MB, 1);
	struct vm_space *s = vm_space_create();

	REQUIRE(!map(s, BASE, 8 * PAGE_SIZE, RW, &va));
	memset(buf, 'x', sizeof(buf));
	CHECK_EQ(vm_access(s, va + 100, buf, sizeof(buf), true, false), sizeof(buf));
	CHECK_EQ(peek(s, va + 100), 'x');
	CHECK_EQ(vm_access(s, va + 7 * PAGE_SIZE, buf, 2 * PAGE_SIZE, false, false), PAGE_SIZE);
	CHECK_EQ(vm_access(s, va - 5, buf, 5, false, false), -EFAULT);
	/* A debugger writes into what is read-only, and shared since fork. */
	CHECK(!vm_protect(s, va, 8 * PAGE_SIZE, VM_READ, false));
	REQUIRE(!vm_space_fork(s, &child));
	CHECK_EQ(vm_access(s, va + 100, "y", 1, true, false), -EFAULT);
	CHECK_EQ(vm_access(s, va + 100, "y", 1, true, true), 1);
	CHECK_EQ(peek(s, va + 100), 'y');
	CHECK_EQ(peek(child, va + 100), 'x');
	CHECK(!poke(s, va + 100, 1));
	CHECK(vm_space_check(s) && vm_space_check(child));
	vm_space_get(child);
	vm_space_put_user(child);
	CHECK_EQ(vm_access(child, va, buf, 1, false, false), -EFAULT);
	vm_space_put(child);
	vm_space_put_user(s);
}

TEST(space_out_of_memory)
{
	vaddr_t va;
	bool failed = false;

	start(8 * MB, 1);
	struct vm_space *s = vm_space_create();

	REQUIRE(!map(s, 0, 64 * MB, RW | VM_NORESERVE, &va));
	for (u64 i = 0; i < 64 * MB && !failed; i += PAGE_SIZE)
		failed = !poke(s, va + i, 1);
	CHECK(failed);
	CHECK_EQ(env_oom_kills, 1);
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
	env_kill_pending = false;
	s = vm_space_create();
	REQUIRE(s && !map(s, 0, MB, RW, &va));
	CHECK(poke(s, va, 1));
	vm_space_put_user(s);
}
