/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * userfaultfd's entries: guards and markers through everything that moves, copies and removes entries. Nobody waits here: guards lift themselves (WP_ASYNC),
 * and missing pages are SIGBUS.
 */
#include <vm/pages.h>
#include "../../mm/space_test.h"
#include "uffd_impl.h"

static struct vm_uffd *watched(struct vm_space *s, u32 features, vaddr_t va, u64 len, u32 modes)
{
	struct vm_uffd *u = vm_uffd_create(s, 0);
	u64 ioctls;

	u->watch.features = features | UFFD_READY;
	CHECK_EQ(vm_uffd_register(u, va, len, modes, &ioctls), 0);
	return u;
}

static void let_go(struct vm_uffd *u)
{
	vm_uffd_release(u);
	vm_uffd_put(u);
}

/* No frame and no table is left. */
static bool is_clean(void)
{
	struct page_stats st;

	env_rcu_flush();
	page_stats(&st);
	return st.by_kind[PAGE_ANON] == 0 && st.by_kind[PAGE_CACHE] == 0 && st.by_kind[PAGE_TABLE] == kernel_tables;
}

static struct pte entry(struct vm_space *s, vaddr_t va)
{
	struct pte *e = pt_find(&s->mmu, va);

	return e ? pte_load(e) : pte_none();
}

TEST(uffd_guards_lift_themselves)
{
	start(64 * MB, 1);
	struct vm_space *s = vm_space_create();
	vaddr_t va;

	REQUIRE(!map(s, BASE, 16 * PAGE_SIZE, RW, &va));
	CHECK(poke(s, BASE, 1) && poke(s, BASE + PAGE_SIZE, 2));
	struct vm_uffd *u = watched(s, UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED, BASE, 16 * PAGE_SIZE, VM_UFFD_WP);

	CHECK_EQ(vm_uffd_guard(u, BASE, 16 * PAGE_SIZE, true), 0);
	CHECK(vm_space_check(s));
	CHECK(pte_is_guarded(entry(s, BASE)) && !pte_is_writable(entry(s, BASE)));
	CHECK(pte_is_marker(entry(s, BASE + 5 * PAGE_SIZE), MARK_GUARD));
	CHECK_EQ(peek(s, BASE), 1);
	CHECK(poke(s, BASE, 3));
	CHECK(!pte_is_guarded(entry(s, BASE)) && pte_is_guarded(entry(s, BASE + PAGE_SIZE)));
	/* A read keeps the guard, a write takes it. */
	CHECK_EQ(peek(s, BASE + 5 * PAGE_SIZE), 0);
	CHECK(pte_is_guarded(entry(s, BASE + 5 * PAGE_SIZE)));
	CHECK(poke(s, BASE + 5 * PAGE_SIZE, 1) && poke(s, BASE + 6 * PAGE_SIZE, 1));
	CHECK(!pte_is_guarded(entry(s, BASE + 5 * PAGE_SIZE)));
	/* mprotect does not give what a guard keeps. */
	CHECK_EQ(vm_protect(s, BASE, 16 * PAGE_SIZE, VM_READ, false), 0);
	CHECK_EQ(vm_protect(s, BASE, 16 * PAGE_SIZE, VM_READ | VM_WRITE, false), 0);
	CHECK(!pte_is_writable(entry(s, BASE + PAGE_SIZE)) && pte_is_writable(entry(s, BASE)));
	CHECK(vm_space_check(s));
	let_go(u);
	CHECK(!pte_is_guarded(entry(s, BASE + PAGE_SIZE)) && pte_is_none(entry(s, BASE + 7 * PAGE_SIZE)));
	CHECK(poke(s, BASE + PAGE_SIZE, 4) && poke(s, BASE + 7 * PAGE_SIZE, 4));
	vm_space_put_user(s);
	CHECK(is_clean());
}

TEST(uffd_markers_are_copied_moved_and_removed)
{
	start(64 * MB, 1);
	struct vm_space *s = vm_space_create(), *child;
	vaddr_t va;

	REQUIRE(!map(s, BASE, 8 * PAGE_SIZE, RW, &va));
	CHECK(poke(s, BASE, 1));
	struct vm_uffd *u = watched(s, UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED, BASE, 8 * PAGE_SIZE, VM_UFFD_WP | VM_UFFD_MISSING);

	CHECK_EQ(vm_uffd_guard(u, BASE, 2 * PAGE_SIZE, true), 0);
	CHECK_EQ(vm_uffd_poison(u, BASE + 3 * PAGE_SIZE, PAGE_SIZE), PAGE_SIZE);
	CHECK_EQ(vm_uffd_poison(u, BASE + 3 * PAGE_SIZE, PAGE_SIZE), -EEXIST);
	CHECK_EQ(vm_uffd_zero(u, BASE + 4 * PAGE_SIZE, PAGE_SIZE), PAGE_SIZE);
	CHECK(vm_space_check(s));
	CHECK_EQ(peek(s, BASE + 3 * PAGE_SIZE), -1);
	CHECK_EQ(last_code, BUS_MCEERR_AR);
	/* The child is not registered: no guards, but the poison. */
	REQUIRE(!vm_space_fork(s, &child));
	CHECK(vm_space_check(child));
	CHECK(!pte_is_guarded(entry(child, BASE)) && pte_is_none(entry(child, BASE + PAGE_SIZE)));
	CHECK_EQ(peek(child, BASE + 3 * PAGE_SIZE), -1);
	CHECK(poke(child, BASE, 9));
	CHECK_EQ(peek(s, BASE), 1);
	vm_space_put_user(child);
	/* Nor is what has moved. */
	CHECK_EQ(vm_remap(s, BASE, 8 * PAGE_SIZE, 8 * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, BASE + MB, ~0ull, ~0ull, &va), 0);
	CHECK(vm_space_check(s));
	CHECK(!pte_is_guarded(entry(s, BASE + MB)) && pte_is_none(entry(s, BASE + MB + PAGE_SIZE)));
	CHECK_EQ(peek(s, BASE + MB + 3 * PAGE_SIZE), -1);
	CHECK_EQ(vm_madvise(s, BASE + MB, 8 * PAGE_SIZE, MADV_DONTNEED), 0);
	CHECK_EQ(peek(s, BASE + MB + 3 * PAGE_SIZE), 0);
	CHECK_EQ(vm_unmap(s, BASE + MB, 8 * PAGE_SIZE), 0);
	let_go(u);
	vm_space_put_user(s);
	CHECK(is_clean());
}

TEST(uffd_sigbus_copy_and_move)
{
	start(64 * MB, 1);
	struct vm_space *s = vm_space_create();
	static u8 bytes[PAGE_SIZE];
	vaddr_t va;

	memset(bytes, 7, sizeof(bytes));
	REQUIRE(!map(s, BASE, 8 * PAGE_SIZE, RW, &va) && !map(s, BASE + MB, 8 * PAGE_SIZE, RW, &va));
	struct vm_uffd *u = watched(s, UFFD_FEATURE_SIGBUS, BASE, 8 * PAGE_SIZE, VM_UFFD_MISSING);

	CHECK_EQ(peek(s, BASE), -1);
	CHECK_EQ(last_signo, SIGBUS);
	CHECK_EQ(vm_uffd_copy(u, BASE, (struct uptr){(u64)(unsigned long)bytes}, PAGE_SIZE, false), PAGE_SIZE);
	CHECK_EQ(vm_uffd_copy(u, BASE, (struct uptr){(u64)(unsigned long)bytes}, PAGE_SIZE, false), -EEXIST);
	CHECK_EQ(vm_uffd_copy(u, BASE + 7 * PAGE_SIZE, (struct uptr){(u64)(unsigned long)bytes}, 2 * PAGE_SIZE, false), -ENOENT);
	CHECK_EQ(peek(s, BASE), 7);
	CHECK(poke(s, BASE + MB, 5));
	CHECK_EQ(vm_uffd_move(u, BASE + PAGE_SIZE, BASE + MB, 2 * PAGE_SIZE, false), PAGE_SIZE);
	CHECK_EQ(vm_uffd_move(u, BASE + 2 * PAGE_SIZE, BASE + MB, PAGE_SIZE, false), -ENOENT);
	CHECK_EQ(vm_uffd_move(u, BASE + 2 * PAGE_SIZE, BASE + MB, PAGE_SIZE, true), PAGE_SIZE);
	CHECK_EQ(vm_uffd_move(u, BASE, BASE + MB, PAGE_SIZE, true), -EEXIST);
	CHECK_EQ(peek(s, BASE + PAGE_SIZE), 5);
	CHECK_EQ(peek(s, BASE + MB), 0);
	CHECK(vm_space_check(s));
	CHECK_EQ(vm_uffd_unregister(u, BASE, 8 * PAGE_SIZE), 0);
	CHECK_EQ(peek(s, BASE + 5 * PAGE_SIZE), 0);
	CHECK_EQ(vm_uffd_zero(u, BASE + 6 * PAGE_SIZE, PAGE_SIZE), -ENOENT);
	let_go(u);
	vm_space_put_user(s);
	CHECK(is_clean());
}

TEST(soft_dirty_follows_writes)
{
	start(64 * MB, 1);
	struct vm_space *s = vm_space_create(), *child;
	u64 words[4];
	vaddr_t va;

	REQUIRE(!map(s, BASE, 4 * PAGE_SIZE, RW, &va));
	CHECK(poke(s, BASE, 1) && poke(s, BASE + PAGE_SIZE, 1));
	vm_clear_soft_dirty(s);
	vm_pagemap(s, BASE, 4, words, false);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(words[i] >> 55 & 1, 0);
	CHECK(poke(s, BASE, 2) && poke(s, BASE + 2 * PAGE_SIZE, 1));
	CHECK_EQ(peek(s, BASE + 3 * PAGE_SIZE), 0);
	REQUIRE(!vm_space_fork(s, &child));
	vm_pagemap(child, BASE, 4, words, false);
	CHECK(words[0] >> 55 & 1 && !(words[1] >> 55 & 1) && words[2] >> 55 & 1 && !(words[3] >> 55 & 1));
	vm_space_put_user(child);
	/* What grows on is new. */
	REQUIRE(!map(s, BASE + 4 * PAGE_SIZE, 4 * PAGE_SIZE, RW, &va));
	CHECK_EQ(s->nareas, 1);
	CHECK(vm_space_check(s));
	vm_space_put_user(s);
}
