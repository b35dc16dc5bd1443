/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * For the tests of address spaces. A "processor" (peek, poke) walks the tables as hardware would and calls vm_fault.
 */
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <linux/mman.h>
#include <arch/trap.h>
#include <lib/test.h>
#include <mm/object.h>
#include <mm/page.h>
#include <mm/reclaim.h>
#include <mm/slab.h>
#include <mm/space.h>
#include "pt.h"
#include "space_impl.h"
#include "test_env.h"

#define BASE  0x10000000ull
#define MB    (1ull << 20)
#define RW    (VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)
#define STACK (8 * MB)

extern int last_signo, last_code;
extern u64 kernel_tables; /* of the vmap region: how many depends on where the host has put it */
extern const struct vm_object_ops memory_ops;

/* Check everything that can be checked. Takes map_lock. False: the reason is in the log. */
bool vm_space_check(struct vm_space *s);

static inline void start(u64 mem, unsigned cpus)
{
	struct page_stats st;

	env_init(mem, cpus);
	env_kill_pending = false;
	slab_init();
	vm_init();
	page_stats(&st);
	kernel_tables = st.by_kind[PAGE_TABLE];
}

static inline u64 page_zones_reserve(void)
{
	struct page_stats st;

	page_stats(&st);
	return st.reserve;
}

static inline u64 free_pages(void)
{
	struct page_stats st;

	env_rcu_flush();
	reclaim_memory(~0ull);
	page_drain();
	page_stats(&st);
	return st.free;
}

/* The byte that the processor would access at @va; NULL: a signal. */
static inline u8 *access_byte(struct vm_space *s, vaddr_t va, bool write)
{
	for (int i = 0; i < 100; i++) {
		struct pt_at at = pt_walk(&s->mmu, va, 0);
		struct pte pte = at.e ? pte_load(at.e) : pte_none();

		if (at.level)
			pte = pte_part(pte, 1, pt_index(va, 0));

		if (pte_is_user(pte) && (!write || pte_is_writable(pte)))
			return (u8 *)paddr_va(pte_paddr(pte)) + (va & (PAGE_SIZE - 1));
		if (vm_fault(s, va, FAULT_USER | (write ? FAULT_WRITE : 0), STACK, &last_signo, &last_code))
			return NULL;
	}
	test_fail(__FILE__, __LINE__, "the fault at %#llx never ends", va);
	return NULL;
}

/* Stores and loads of a program, which may race with those of others. */
static inline bool poke(struct vm_space *s, vaddr_t va, u8 value)
{
	u8 *p = access_byte(s, va, true);

	if (p)
		WRITE_ONCE(*p, value);
	return p != NULL;
}

/* -1: a signal */
static inline int peek(struct vm_space *s, vaddr_t va)
{
	u8 *p = access_byte(s, va, false);

	return p ? READ_ONCE(*p) : -1;
}

static inline struct vm_map_args args_of(vaddr_t hint, u64 len, u32 flags)
{
	return (struct vm_map_args){.hint = hint, .len = len, .flags = flags, .fixed = hint != 0,
		.limit_as = ~0ull, .limit_data = ~0ull, .limit_memlock = ~0ull};
}

static inline int map(struct vm_space *s, vaddr_t hint, u64 len, u32 flags, vaddr_t *va)
{
	struct vm_map_args args = args_of(hint, len, flags);

	return vm_map(s, &args, va);
}

static inline int map_object(struct vm_space *s, vaddr_t hint, u64 len, u32 flags, struct vm_object *obj, u64 pgoff)
{
	struct vm_map_args args = args_of(hint, len, flags);
	vaddr_t va;

	args.object = obj;
	args.pgoff = pgoff;
	return vm_map(s, &args, &va);
}
