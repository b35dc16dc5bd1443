/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the parts of a program's address space begin.
 *
 *	0 .. mmap_min_addr | program | brk ... | ... mmap, growing down | gap: stack limit + guard | stack | USER_VA_END
 */
#include <mm/space.h>
#include <security/random.h>

#define MMAP_RND_BITS  28
#define STACK_RND_BITS 22
#define GAP_MIN	       (128ull << 20)
#define BRK_RND_BYTES  (32ull << 20)

static u64 random_pages(unsigned bits)
{
	return (random_u64() & ((1ull << bits) - 1)) << PAGE_SHIFT;
}

void vm_space_set_layout(struct vm_space *s, u64 stack_limit, bool randomize)
{
	vaddr_t top = USER_VA_END;
	u64 gap, pad = vm_stack_guard_gap;

	s->stack_top = top - (randomize ? random_pages(STACK_RND_BITS) : 0);
	/* The stack may grow to its limit wherever it starts; mmap begins below. */
	if (randomize)
		pad += PAGE_SIZE << STACK_RND_BITS;
	gap = min(stack_limit, top / 6 * 5 - pad) + pad;
	gap = max(align_up(gap, PAGE_SIZE), GAP_MIN);
	s->mmap_top = top - gap - (randomize ? random_pages(MMAP_RND_BITS) : 0);
}

void vm_space_set_brk(struct vm_space *s, vaddr_t end, bool randomize)
{
	end = align_up(end, PAGE_SIZE);
	if (randomize)
		end += random_pages(64 - 12) % BRK_RND_BYTES & ~(PAGE_SIZE - 1);
	s->brk_start = s->brk = end;
}
