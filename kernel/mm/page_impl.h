/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Between page.c (allocation), page_boot.c (where memory is) and page_stats.c.
 */
#include <mm/page.h>
#include <arch/cpu.h>
#include "buddy.h"

#define PAGE_POISON 0xa5a5a5a5a5a5a5a5ull

/* Per-CPU cache: one stack of blocks for each small order. */
#define PCP_ORDERS  4
#define PCP_SLOTS   128 /* of order 0 */
#define PCP_SLOTS_N 16	/* of each other order */
/* And one of huge pages, one by one: bounded by a 64th of the zone for all CPUs together. */
#define PCP_HUGE_ORDER PT_SHIFT
#define PCP_HUGE_SLOTS 8

/*
 * @busy: the owner is inside. An interrupt that comes then leaves the cache alone and goes to the zone. So the owner needs neither a lock
 * nor interrupts off, only preemption off.
 */
struct pcp {
	u32 busy;
	u32 drain;	/* somebody asked for page_drain while it was busy */
	u32 n[PCP_ORDERS];
	struct page *slot0[PCP_SLOTS];
	struct page *slot[PCP_ORDERS - 1][PCP_SLOTS_N];
	u32 nhuge;
	struct page *huge[PCP_HUGE_SLOTS];
};
DECLARE_PER_CPU(struct pcp, page_cache);
DECLARE_PER_CPU(s64, page_kind_count[PAGE_KINDS]);

extern struct zone page_zones[ZONE_MAX];
extern unsigned page_zones_nr; /* even: two per node */
extern u64 page_peak_used;

static inline struct zone *page_zone(const struct page *page)
{
	return &page_zones[page_sections[page->section].zone];
}

/* The node's reclaim thread is kicked below the one and stops at the other. */
static inline u64 zone_low(const struct zone *zone)
{
	return 2 * zone->reserve;
}

static inline u64 zone_high(const struct zone *zone)
{
	return 3 * zone->reserve;
}

/* Make the next chunk of the zone ready; its lock is held. False: there is none. */
bool zone_grow(struct zone *zone);
/* The descriptor of a frame that boot took (MEM_KERNEL), made now if it is not yet. At boot. */
struct page *page_describe(paddr_t pa);
/* Fold into page_peak_used what is in use now. */
void page_note_peak(void);
/* Make the running CPU's cache empty. Preemption off, not busy. */
void page_drain_local(void);
