/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buddy system.
 *
 * A free block of order k starts at a frame whose number is a multiple of 2^k. Its first descriptor has kind PAGE_FREE and order k and is on
 * the doubly linked list of that order; all other descriptors of a free block have a kind that is not PAGE_FREE. So "is my buddy free and
 * whole?" is one look at one descriptor, and no bitmap has to be kept beside it. One bit per order says which lists are not empty: the search
 * for a large enough block is a count of trailing zeroes.
 */
#include <mm/page.h>
#include <lib/bits.h>
#include <debug/panic.h>
#include "buddy.h"

static_assert(PAGE_MAX_ORDER <= PAGE_CHUNK_SHIFT, "a block lies within a chunk, which has all its descriptors");

static void list_insert(struct zone *zone, struct page *page, unsigned order)
{
	u32 pfn = (u32)page_pfn(page), next = zone->head[order];

	WRITE_ONCE(page->kind, PAGE_FREE); /* reclaim looks at all frames */
	page->order = (u8)order;
	page->prev = 0;
	page->link = next;
	if (next)
		pfn_page(next)->prev = pfn;
	zone->head[order] = pfn;
	zone->blocks[order]++;
	zone->nonempty |= 1u << order;
}

static void list_remove(struct zone *zone, struct page *page, unsigned order)
{
	if (page->link)
		pfn_page(page->link)->prev = page->prev;
	if (page->prev)
		pfn_page(page->prev)->link = page->link;
	else
		zone->head[order] = page->link;
	zone->blocks[order]--;
	if (!zone->head[order])
		zone->nonempty &= ~(1u << order);
	WRITE_ONCE(page->kind, PAGE_RESERVED);
}

void buddy_free(struct zone *zone, struct page *page, unsigned order)
{
	WRITE_ONCE(zone->free, zone->free + (1ull << order));
	while (order < PAGE_MAX_ORDER) {
		struct page *buddy = buddy_of(page, order);

		/* Its owner may be changing it, if it has one: but not to PAGE_FREE. */
		if (READ_ONCE(buddy->kind) != PAGE_FREE || buddy->order != order)
			break;
		list_remove(zone, buddy, order);
		if (buddy < page)
			page = buddy;
		order++;
	}
	list_insert(zone, page, order);
}

struct page *buddy_alloc(struct zone *zone, unsigned order)
{
	u32 fit = zone->nonempty >> order;
	struct page *page;
	unsigned have;

	if (!fit)
		return NULL;
	have = order + ctz32(fit);
	page = pfn_page(zone->head[have]);
	list_remove(zone, page, have);
	WRITE_ONCE(zone->free, zone->free - (1ull << order));
	/* Keep the lower half, give back the upper ones: addresses stay low and dense. */
	while (have > order) {
		have--;
		list_insert(zone, buddy_of(page, have), have);
	}
	return page;
}

bool buddy_check(const struct zone *zone)
{
	u64 free = 0;

	for (unsigned order = 0; order <= PAGE_MAX_ORDER; order++) {
		u32 prev = 0, blocks = 0;

		if (!!(zone->nonempty >> order & 1) != !!zone->head[order])
			return false;
		for (u32 pfn = zone->head[order]; pfn; pfn = pfn_page(pfn)->link) {
			const struct page *page = pfn_page(pfn);

			if (page->kind != PAGE_FREE || page->order != order || page->prev != prev)
				return false;
			if (pfn & ((1u << order) - 1))
				return false;
			prev = pfn;
			blocks++;
			free += 1ull << order;
		}
		if (blocks != zone->blocks[order])
			return false;
	}
	return free == zone->free;
}
