/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters of frames. Nothing is counted twice: what a CPU caches is free, what no owner named is KERNEL.
 */
#include <mm/page.h>
#include <arch/smp.h>
#include <lib/string.h>
#include "page_impl.h"

void page_stats(struct page_stats *out)
{
	u64 named = 0;

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < page_zones_nr; i++) {
		const struct zone *z = &page_zones[i];

		out->total += READ_ONCE(z->total);
		out->free += READ_ONCE(z->free) + READ_ONCE(z->virgin);
		out->reserve += z->reserve;
	}
	for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
		const struct pcp *c = per_cpu_ptr(&page_cache, cpu);

		for (unsigned order = 0; order < PCP_ORDERS; order++)
			out->free += (u64)READ_ONCE(c->n[order]) << order;
		out->free += (u64)READ_ONCE(c->nhuge) << PCP_HUGE_ORDER;
		for (unsigned kind = PAGE_SLAB; kind < PAGE_KINDS; kind++)
			out->by_kind[kind] +=
				(u64)READ_ONCE((*per_cpu_ptr(&page_kind_count, cpu))[kind]);
	}
	for (unsigned kind = PAGE_SLAB; kind < PAGE_KINDS; kind++)
		named += out->by_kind[kind];
	out->by_kind[PAGE_FREE] = out->free;
	out->by_kind[PAGE_KERNEL] = out->total - out->free - named;
	page_note_peak();
	out->peak_used = READ_ONCE(page_peak_used);
}

static u64 cached_of(const struct pcp *c, const struct zone *z)
{
	u64 n = 0;

	/* The owner changes it meanwhile: an old entry is a page all the same. */
	for (unsigned order = 0; order < PCP_ORDERS; order++) {
		struct page *const *slots = order ? c->slot[order - 1] : c->slot0;

		for (u32 i = 0, have = READ_ONCE(c->n[order]); i < have; i++)
			n += page_zone(READ_ONCE(slots[i])) == z ? 1u << order : 0;
	}
	for (u32 i = 0, have = READ_ONCE(c->nhuge); i < have; i++)
		n += page_zone(READ_ONCE(c->huge[i])) == z ? 1u << PCP_HUGE_ORDER : 0;
	return n;
}

bool page_zone_info(unsigned i, struct page_zone_info *out)
{
	const struct zone *z = &page_zones[i];

	if (i >= page_zones_nr)
		return false;
	*out = (struct page_zone_info){.node = z->node, .high = z->high, .total = READ_ONCE(z->total), .reserve = z->reserve,
		.free = READ_ONCE(z->free) + READ_ONCE(z->virgin)};
	for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
		out->cached += cached_of(per_cpu_ptr(&page_cache, cpu), z);
	out->free += out->cached;
	for (unsigned order = 0; order <= PAGE_MAX_ORDER; order++)
		out->blocks[order] = READ_ONCE(z->blocks[order]);
	/* Chunks that nobody needed yet are whole. */
	out->blocks[PAGE_MAX_ORDER] += READ_ONCE(z->virgin) >> PAGE_MAX_ORDER;
	return true;
}
