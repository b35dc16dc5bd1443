/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CBMC: any sequence of STEPS allocations and frees on a zone of 8 frames (orders 0..3, all starting states that freeing single frames can reach)
 * hands out blocks that are aligned, inside the zone and overlap nothing that is out; and after everything is back the zone is one whole block
 * again. Models buddy_alloc, buddy_free, buddy_check of kernel/mm/buddy.c, as they ship. Leaves out: locking, zones of several sections.
 *
 * sources: kernel/mm/buddy.c
 * cbmc: --function check_buddy --unwind 12 --unwinding-assertions --bounds-check --pointer-check
 * cbmc: --no-standard-checks
 * seconds: 300
 */
#include <mm/page.h>
#include <debug/panic.h>
#include "../kernel/mm/buddy.h"

#define FRAMES 16 /* 8..15 are managed: frame 0 never is, and a block of order 3 fits */
#define FIRST  8
#define STEPS  5

unsigned nondet_unsigned(void);
_Bool nondet_bool(void);
void check_buddy(void);

static struct page frames[FRAMES] __attribute__((aligned(1 << 20)));
static struct page_section section;
struct page_section *page_sections = &section;
struct kernel_layout kernel_layout;
static struct zone zone;
static unsigned char owner[FRAMES];	/* order + 1 of the block that is out, on each of its frames */

static void take(unsigned order)
{
	struct page *page = buddy_alloc(&zone, order);
	u64 pfn;

	if (!page)
		return;
	pfn = page_pfn(page);
	__CPROVER_assert(pfn >= FIRST && pfn + (1u << order) <= FRAMES, "inside the zone");
	__CPROVER_assert((pfn & ((1u << order) - 1)) == 0, "aligned");
	__CPROVER_assert(page->kind != PAGE_FREE, "not on a list");
	for (unsigned i = 0; i < 1u << order; i++) {
		__CPROVER_assert(owner[pfn + i] == 0, "nobody else has it");
		owner[pfn + i] = (unsigned char)(order + 1);
	}
}

static void give(unsigned pfn)
{
	unsigned order = owner[pfn] - 1u;

	for (unsigned i = 0; i < 1u << order; i++)
		owner[pfn + i] = 0;
	buddy_free(&zone, &frames[pfn], order);
}

/* Is a block out that starts at @pfn? */
static _Bool starts(unsigned pfn)
{
	return owner[pfn] && (pfn & ((1u << (owner[pfn] - 1)) - 1)) == 0;
}

void check_buddy(void)
{
	section.pages = frames;
	for (unsigned pfn = FIRST; pfn < FRAMES; pfn++)
		buddy_free(&zone, &frames[pfn], 0);
	__CPROVER_assert(zone.free == FRAMES - FIRST, "all frames are free");
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned x = nondet_unsigned();

		if (nondet_bool()) {
			__CPROVER_assume(x <= 3);
			take(x);
		} else {
			__CPROVER_assume(x >= FIRST && x < FRAMES);
			if (starts(x))
				give(x);
		}
	}
	for (unsigned pfn = FIRST; pfn < FRAMES; pfn++) {
		if (starts(pfn))
			give(pfn);
	}
	__CPROVER_assert(zone.free == FRAMES - FIRST, "nothing is lost");
	__CPROVER_assert(zone.nonempty == 1u << 3 && frames[FIRST].order == 3, "and one block again");
}
