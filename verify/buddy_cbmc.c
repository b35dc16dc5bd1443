/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CBMC: the buddy system, by induction. Every well-formed state of a zone of 8 frames, whatever led to it, is led by every buddy_alloc and
 * buddy_free to a well-formed state; and the empty zone is well-formed. So no sequence of operations, however long, breaks it.
 *
 * Well-formed: every free block is on the list of its order, the lists have no cycle and no other members; free blocks are aligned and do not
 * overlap; no two free buddies are left unmerged; the counter and the bits of lists that are not empty are exact.
 *
 * An operation changes the set of free frames by its block and by nothing else: no frame is given out twice, none is lost.
 *
 * The frames are 8..15; all others are reserved, as the surroundings of a zone are: merging must stop there. Frame numbers and descriptors are
 * converted by functions of this file, which are simple to the solver; buddy_test.c tries that the tree's do the same for every frame and order.
 * Not in it: locks (mm/page.c holds the zone's), more frames, blocks above order 3.
 *
 * cbmc: --function check_buddy --unwind 12 --unwindset buddy_alloc.0:4 --unwindset buddy_free.0:5 --unwinding-assertions
 * cbmc: --bounds-check --pointer-check --signed-overflow-check --no-standard-checks
 * seconds: 600
 * break-cbmc: -DFRAMES=4u -DORDERS=3u
 * break: kernel/mm/buddy.c: || buddy->order != order => || false
 * break: kernel/mm/buddy.c: if (buddy < page) => if (buddy > page)
 * break: kernel/mm/buddy.c: pfn_page(page->link)->prev = page->prev; => ;
 * break: kernel/mm/buddy.c: if (!zone->head[order]) => if (false)
 * break: kernel/mm/buddy.c: have = order + ctz32(fit); => have = ctz32(fit);
 * break: kernel/mm/buddy.c: while (have > order) { => while (have > order + 1) {
 * break: kernel/mm/buddy.c: zone->free - (1ull << order)); => zone->free - (1ull << have));
 */
#include "../kernel/mm/buddy.h"

static struct page *frame_of(u64 pfn);
static u64 number_of(const struct page *page);
static struct page *other_half(const struct page *page, unsigned order);
#define pfn_page  frame_of
#define page_pfn  number_of
#define buddy_of  other_half
#include "../kernel/mm/buddy.c"
/* Of the checks of every access only those in the tree's code. */
#pragma CPROVER check push
#pragma CPROVER check disable "bounds"
#pragma CPROVER check disable "pointer"
#pragma CPROVER check disable "signed-overflow"

#ifndef FRAMES
#define FRAMES	8u
#define ORDERS	4u /* 0..3 */
#endif
#define FIRST	FRAMES /* number of the first frame; in this file frames count from 0 */

unsigned nondet_unsigned(void);
u8 nondet_u8(void);
u32 nondet_u32(void);
bool nondet_bool(void);
struct zone nondet_zone(void);
void check_buddy(void);

static struct page frames[FRAMES], outside;
static u8 rank[FRAMES];	/* place in its list */
static u8 was[FRAMES];	/* order + 1 of the free block before the operation, or 0 */

static struct page *frame_of(u64 pfn)
{
	__CPROVER_assert(pfn >= FIRST && pfn < FIRST + FRAMES, "a frame number of the zone");
	return &frames[pfn - FIRST];
}

static u64 number_of(const struct page *page)
{
	return (u64)(page - frames) + FIRST;
}

static struct page *other_half(const struct page *page, unsigned order)
{
	u64 pfn = number_of(page) ^ (1u << order);

	return pfn < FIRST ? &outside : frame_of(pfn);
}

static u32 block_bits(unsigned i, unsigned order)
{
	return ((1u << (1u << order)) - 1) << i;
}

/* The frames of all free blocks, a bit each; ~0: two overlap, or one is not aligned. */
static u32 free_bits(void)
{
	u32 bits = 0;

	for (unsigned i = 0; i < FRAMES; i++) {
		unsigned order = frames[i].order;

		if (frames[i].kind != PAGE_FREE)
			continue;
		if (order >= ORDERS || i & ((1u << order) - 1) || (bits & block_bits(i, order)))
			return ~0u;
		bits |= block_bits(i, order);
	}
	return bits;
}

static bool is_free_block(unsigned i, unsigned order)
{
	return frames[i].kind == PAGE_FREE && frames[i].order == order;
}

/*
 * A list is whole if neighbours agree, the one without a predecessor is the head, and ranks grow along it: so it has no cycle, and going back from any
 * block ends at the head.
 */
static bool is_on_list(const struct zone *zone, unsigned i)
{
	unsigned order = frames[i].order, next = frames[i].link - FIRST, prev = frames[i].prev - FIRST;

	if (frames[i].link && (next >= FRAMES || !is_free_block(next, order) || rank[next] <= rank[i] ||
				frames[next].prev != i + FIRST))
		return false;
	if (!frames[i].prev)
		return zone->head[order] == i + FIRST;
	return prev < FRAMES && is_free_block(prev, order) && frames[prev].link == i + FIRST;
}

static bool heads_are_right(const struct zone *zone)
{
	for (unsigned order = 0; order <= PAGE_MAX_ORDER; order++) {
		unsigned first = zone->head[order] - FIRST;

		if ((zone->nonempty >> order & 1) != (zone->head[order] != 0))
			return false;
		if (zone->head[order] && (order >= ORDERS || first >= FRAMES ||
						 !is_free_block(first, order) || frames[first].prev))
			return false;
	}
	return zone->nonempty < 1u << ORDERS;
}

static bool is_merged(void)
{
	for (unsigned order = 0; order < ORDERS - 1; order++) {
		for (unsigned i = 0; i < FRAMES; i += 2u << order) {
			if (is_free_block(i, order) && is_free_block(i + (1u << order), order))
				return false;
		}
	}
	return true;
}

static bool well_formed(const struct zone *zone)
{
	u32 bits = free_bits();
	u64 n = 0;

	for (unsigned i = 0; i < FRAMES; i++) {
		n += bits >> i & 1;
		if (frames[i].kind == PAGE_FREE && !is_on_list(zone, i))
			return false;
	}
	return bits != ~0u && n == zone->free && is_merged() && heads_are_right(zone);
}

/* Any zone, any descriptors: then only well-formed ones. */
static void any_state(struct zone *zone)
{
	*zone = nondet_zone();
	for (unsigned i = 0; i < FRAMES; i++) {
		frames[i].kind = nondet_u8();
		frames[i].order = nondet_u8();
		frames[i].link = nondet_u32();
		frames[i].prev = nondet_u32();
		rank[i] = nondet_u8();
		__CPROVER_assume(rank[i] > 0 && rank[i] <= FRAMES && frames[i].order < 16);
		was[i] = frames[i].kind == PAGE_FREE ? frames[i].order + 1 : 0;
	}
	__CPROVER_assume(well_formed(zone));
}

/* What an operation inserts, it inserts in front. */
static void check_state(const struct zone *zone)
{
	for (unsigned i = 0; i < FRAMES; i++) {
		if (was[i] != frames[i].order + 1)
			rank[i] = 0;
	}
	__CPROVER_assert(well_formed(zone), "blocks are whole, apart, merged, on their lists, and counted");
}

static void check_alloc(struct zone *zone)
{
	unsigned order = nondet_unsigned(), i;
	bool fits = false;
	u32 before = free_bits(), block;
	u64 had = zone->free;
	struct page *page;

	__CPROVER_assume(order < ORDERS);
	for (i = 0; i < FRAMES; i++)
		fits |= frames[i].kind == PAGE_FREE && frames[i].order >= order;
	page = buddy_alloc(zone, order);
	__CPROVER_assert(fits == (page != NULL), "a block is found if and only if there is one");
	if (!page) {
		__CPROVER_assert(zone->free == had && free_bits() == before, "failure changes nothing");
		return;
	}
	i = (unsigned)(number_of(page) - FIRST);
	__CPROVER_assert(i < FRAMES && !(i & ((1u << order) - 1)), "the block is in the zone, and aligned");
	block = block_bits(i, order);
	__CPROVER_assert((before & block) == block, "the block was free");
	__CPROVER_assert(free_bits() == (before & ~block), "nothing else is gone, nothing is there twice");
	__CPROVER_assert(zone->free == had - (1u << order), "the counter is exact");
	__CPROVER_assert(page->kind == PAGE_RESERVED, "its kind is reserved");
	check_state(zone);
}

static void check_free(struct zone *zone)
{
	unsigned order = nondet_unsigned(), i = nondet_unsigned();
	u32 before = free_bits(), block;
	u64 had = zone->free;

	__CPROVER_assume(order < ORDERS && i < FRAMES && !(i & ((1u << order) - 1)));
	block = block_bits(i, order);
	__CPROVER_assume(!(before & block));
	buddy_free(zone, &frames[i], order);
	__CPROVER_assert(free_bits() == (before | block), "the block is free, all else is as before");
	__CPROVER_assert(zone->free == had + (1u << order), "the counter is exact");
	check_state(zone);
	if (zone->free == FRAMES)
		__CPROVER_assert(is_free_block(0, ORDERS - 1), "all free: one block");
}

void check_buddy(void)
{
	struct zone zone = {0};

	check_state(&zone);
	any_state(&zone);
	if (nondet_bool())
		check_alloc(&zone);
	else
		check_free(&zone);
}
