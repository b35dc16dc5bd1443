/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The buddy system of one zone: the free frames of a node below or above 4 GiB. No lock in here, no policy: mm/page.c has them.
 */
#include <mm/page.h>
#include <sync/spinlock.h>

#define ZONE_MAX 32 /* two per node */

struct zone {
	struct spinlock lock;	/* guards all but the constants */
	u32 nonempty;		/* bit per order: head[order] is not 0 */
	u32 head[PAGE_MAX_ORDER + 1];	/* frame number of the first free block; 0 none: frame 0 is never managed */
	u32 blocks[PAGE_MAX_ORDER + 1];	/* on each list */
	u64 free;		/* frames on the lists */
	u64 virgin;		/* usable frames in chunks that are not ready yet */
	u64 cursor, end;	/* chunks: the next that may have to be made ready, and one past the last */
	u64 total, reserve;	/* constant after boot but for page_give */
	u8 node;
	bool high;		/* at or above 4 GiB */
};

/* Arrays of descriptors are aligned to their size, so buddies' descriptors differ in one bit of their addresses. */
static inline struct page *buddy_of(const struct page *page, unsigned order)
{
	return (struct page *)((unsigned long)page ^ (sizeof(struct page) << order));
}

/* Insert the block of @order at @page, merging it with its buddies. Every frame of the aligned 4 MiB around it has a descriptor. */
void buddy_free(struct zone *zone, struct page *page, unsigned order);
/* The first frame of a block of @order, or NULL. Its kind is PAGE_RESERVED. */
struct page *buddy_alloc(struct zone *zone, unsigned order);
/* Lists, orders and counters agree? Debug builds and tests; the zone's lock is held. */
bool buddy_check(const struct zone *zone);
