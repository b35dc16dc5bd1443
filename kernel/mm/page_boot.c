/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where memory is: from boot_info.ranges to sections with arrays of descriptors, and to zones.
 *
 * At boot only the arrays' places are chosen. A chunk of 4 MiB gets its descriptors initialised, and its free frames put into the buddy, when
 * the zone runs out (zone_grow): boot time does not depend on how much memory there is. What the buddy has not seen yet is counted in
 * zone->virgin.
 *
 *   section (128 MiB)     | chunk 0 | chunk 1 | ... | chunk 31 |
 *   its array, somewhere in its usable memory, at an address = first * 32 KiB modulo 1 MiB:
 *                         [first chunk with memory ... end)   32 KiB each
 *
 * A section that has no room for its array (an initramfs fills it, say) gets it from another one, which lends at most one place.
 */
#include <mm/page.h>
#include <arch/boot.h>
#include <arch/smp.h>
#include <lib/string.h>
#include <lib/bits.h>
#include <debug/kasan.h>
#include <debug/log.h>
#include <debug/panic.h>
#include "page_impl.h"

#define SECTION_BYTES	   (PAGE_SIZE << PAGE_SECTION_SHIFT)
#define CHUNK_BYTES	   (PAGE_SIZE << PAGE_CHUNK_SHIFT)
#define CHUNKS_PER_SECTION (1u << (PAGE_SECTION_SHIFT - PAGE_CHUNK_SHIFT))
#define CHUNK_ARRAY	   (sizeof(struct page) << PAGE_CHUNK_SHIFT)
#define SECTION_ARRAY	   (sizeof(struct page) << PAGE_SECTION_SHIFT)
#define SECTIONS_MAX	   (1u << 16)
#define DMA32_END	   (1ull << 32)

LOCK_CLASS(zone, RANK_PAGE, "free frames of a zone");

struct page_section *page_sections;
u64 page_sections_nr;
struct zone page_zones[ZONE_MAX];
unsigned page_zones_nr;
static paddr_t table_base, table_end; /* page_sections itself */

static_assert(CHUNKS_PER_SECTION == 32, "struct page_section.ready has a bit per chunk");

static bool has_descriptors(enum mem_kind kind)
{
	return kind == MEM_USABLE || kind == MEM_KERNEL || kind == MEM_INITRD;
}

/* If @pa lies in something that this file took at boot, move it behind; else cut *end before it. True: moved. */
static bool skip_taken(paddr_t *pa, paddr_t *end, paddr_t taken, paddr_t taken_end)
{
	if (*pa >= taken && *pa < taken_end) {
		*pa = taken_end;
		return true;
	}
	if (taken > *pa && taken < *end)
		*end = taken;
	return false;
}

static paddr_t lent_base(const struct page_section *s)
{
	return (paddr_t)(s - page_sections) * SECTION_BYTES + ((paddr_t)s->lent_pfn << PAGE_SHIFT);
}

/* The first stretch of free boot memory in [pos, limit), which lies in one section. */
static bool next_free(paddr_t pos, paddr_t limit, paddr_t *out_start, paddr_t *out_end)
{
	for (unsigned i = 0; i < boot_info.nranges; i++) {
		const struct mem_range *r = &boot_info.ranges[i];
		paddr_t start = max(align_up(r->base, PAGE_SIZE), pos);
		paddr_t end = min(align_down(r->base + r->len, PAGE_SIZE), limit);

		if (r->kind != MEM_USABLE)
			continue;
		while (start < end) {
			const struct page_section *s = &page_sections[start / SECTION_BYTES];

			*out_end = end;
			if (skip_taken(&start, out_end, 0, PAGE_SIZE) ||
				skip_taken(&start, out_end, table_base, table_end) ||
				skip_taken(&start, out_end, s->array, s->array + s->array_len) ||
				skip_taken(&start, out_end, lent_base(s), lent_base(s) + s->lent_chunks * CHUNK_ARRAY))
				continue;
			*out_start = start;
			return true;
		}
	}
	return false;
}

static u64 count_free(paddr_t base, paddr_t limit)
{
	paddr_t start, end;
	u64 n = 0;

	while (next_free(base, limit, &start, &end)) {
		n += (end - start) >> PAGE_SHIFT;
		base = end;
	}
	return n;
}

/* Descriptors of one chunk: reserved, nothing else. */
static void init_descriptors(struct page_section *s, unsigned section, unsigned chunk)
{
	u64 *w = (u64 *)(s->pages + ((u64)chunk << PAGE_CHUNK_SHIFT));
	u64 last = (u64)section << 16;

	static_assert(offsetof(struct page, section) == 26 && PAGE_RESERVED == 0,
		"three words of zeroes and one with the section");
	for (unsigned i = 0; i < 1u << PAGE_CHUNK_SHIFT; i++, w += 4) {
		w[0] = 0;
		w[1] = 0;
		w[2] = 0;
		w[3] = last;
	}
}

static void free_run(struct zone *zone, u64 pfn, u64 end)
{
	kasan_poison(paddr_va(pfn << PAGE_SHIFT), (end - pfn) << PAGE_SHIFT, KASAN_PAGE_FREE);
	while (pfn < end) {
		unsigned order = min_t(unsigned, ctz64(pfn | 1ull << PAGE_MAX_ORDER), ilog2(end - pfn));

		buddy_free(zone, pfn_page(pfn), order);
		pfn += 1ull << order;
	}
}

static void make_ready(struct zone *zone, unsigned section, unsigned chunk)
{
	struct page_section *s = &page_sections[section];
	paddr_t base = section * SECTION_BYTES + chunk * CHUNK_BYTES, limit = base + CHUNK_BYTES;
	paddr_t start, end;

	init_descriptors(s, section, chunk);
	while (next_free(base, limit, &start, &end)) {
		free_run(zone, start >> PAGE_SHIFT, end >> PAGE_SHIFT);
		WRITE_ONCE(zone->virgin, zone->virgin - ((end - start) >> PAGE_SHIFT));
		base = end;
	}
	__atomic_store_n(&s->ready, s->ready | 1u << chunk, __ATOMIC_RELEASE);
}

bool zone_grow(struct zone *zone)
{
	u64 before = zone->virgin;

	while (zone->virgin && zone->cursor < zone->end) {
		unsigned section = (unsigned)(zone->cursor / CHUNKS_PER_SECTION);
		unsigned chunk = zone->cursor % CHUNKS_PER_SECTION;
		const struct page_section *s = &page_sections[section];

		zone->cursor++;
		if (&page_zones[s->zone] != zone || chunk < s->first || chunk >= s->end)
			continue;
		if (!(s->ready >> chunk & 1))
			make_ready(zone, section, chunk);
		if (zone->virgin != before)
			return true;
	}
	return false;
}

/* Which chunks of the section have frames that need a descriptor, and whose node they are. */
static void section_extent(struct page_section *s, paddr_t base, unsigned *out_node)
{
	bool found = false;

	for (unsigned i = 0; i < boot_info.nranges; i++) {
		const struct mem_range *r = &boot_info.ranges[i];
		paddr_t start = max(r->base, base), end = min(r->base + r->len, base + SECTION_BYTES);

		if (!has_descriptors(r->kind) || start >= end)
			continue;
		if (!found) {
			s->first = (u8)((start - base) / CHUNK_BYTES);
			*out_node = r->node;
		}
		found = true;
		s->end = (u8)DIV_ROUND_UP(end - base, CHUNK_BYTES);
	}
}

/* Take the array of @s from the highest place that fits in the usable memory of section @nr. */
static bool section_place_array(struct page_section *s, unsigned nr)
{
	u64 len = (s->end - s->first) * CHUNK_ARRAY, phase = s->first * CHUNK_ARRAY;
	paddr_t pos = nr * SECTION_BYTES, limit = pos + SECTION_BYTES, start, end, best = 0;

	while (next_free(pos, limit, &start, &end)) {
		pos = end;
		if (end - start < len)
			continue;
		/* The highest address <= end - len that is phase modulo SECTION_ARRAY. */
		paddr_t place = align_down(end - len - phase + SECTION_ARRAY, SECTION_ARRAY) + phase -
				SECTION_ARRAY;

		if (place >= start && place + len <= end)
			best = place;
	}
	if (!best)
		return false;
	s->array = best;
	s->array_len = (u32)len;
	s->pages = paddr_va(best - phase);
	return true;
}

/* Find a place for the array of @s, which has none at home, in the highest section that can lend one. */
static bool section_borrow(struct page_section *s)
{
	for (unsigned nr = (unsigned)page_sections_nr; nr--;) {
		struct page_section *lender = &page_sections[nr];

		if (!lender->array_len || lender->lent_chunks || !section_place_array(s, nr))
			continue;
		lender->lent_pfn = (u16)((s->array - nr * SECTION_BYTES) >> PAGE_SHIFT);
		lender->lent_chunks = s->end - s->first;
		return true;
	}
	return false;
}

static void section_init(unsigned nr)
{
	struct page_section *s = &page_sections[nr];
	unsigned node = 0;

	section_extent(s, nr * SECTION_BYTES, &node);
	node = node < ZONE_MAX / 2 ? node : 0;
	s->zone = (u8)(node * 2 + (nr * SECTION_BYTES >= DMA32_END));
	if (s->first != s->end)
		(void)section_place_array(s, nr);
}

static void section_settle(unsigned nr)
{
	struct page_section *s = &page_sections[nr];

	if (s->first == s->end || s->array_len || section_borrow(s))
		return;
	klog(LOG_WARN, "mm: no room to describe memory at %#lx, not used", nr * SECTION_BYTES);
	s->first = s->end = 0;
}

/* When every array has its place: what is left is the zone's. */
static void section_count(unsigned nr)
{
	const struct page_section *s = &page_sections[nr];
	struct zone *zone = &page_zones[s->zone];

	if (s->first == s->end)
		return;
	page_zones_nr = max(page_zones_nr, (unsigned)(s->zone / 2 + 1) * 2);
	if (!zone->end)
		zone->cursor = (u64)nr * CHUNKS_PER_SECTION;
	zone->end = (u64)(nr + 1) * CHUNKS_PER_SECTION;
	zone->virgin += count_free(nr * SECTION_BYTES, (nr + 1) * SECTION_BYTES);
}

/* The table of sections: from the first usable range that has room above 1 MiB, within one section. */
static void place_table(void)
{
	u64 need = align_up(page_sections_nr * sizeof(struct page_section), PAGE_SIZE);

	for (unsigned i = 0; i < boot_info.nranges; i++) {
		const struct mem_range *r = &boot_info.ranges[i];
		paddr_t start = align_up(max(r->base, 1ull << 20), PAGE_SIZE);

		if (r->kind != MEM_USABLE || start + need > r->base + r->len)
			continue;
		table_base = start;
		table_end = start + need;
		page_sections = paddr_va(start);
		memset(page_sections, 0, need);
		return;
	}
	panic("no memory for the table of sections");
}

void page_init(void)
{
	paddr_t top = 0;

	for (unsigned i = 0; i < boot_info.nranges; i++) {
		const struct mem_range *r = &boot_info.ranges[i];

		if (has_descriptors(r->kind))
			top = max(top, r->base + r->len);
	}
	page_sections_nr = DIV_ROUND_UP(top, SECTION_BYTES);
	if (page_sections_nr > SECTIONS_MAX) {
		klog(LOG_WARN, "mm: memory above %#lx is not used", SECTIONS_MAX * SECTION_BYTES);
		page_sections_nr = SECTIONS_MAX;
	}
	memset(page_zones, 0, sizeof(page_zones));
	page_zones_nr = 2;
	page_peak_used = 0;
	place_table();
	for (unsigned nr = 0; nr < page_sections_nr; nr++)
		section_init(nr);
	for (unsigned nr = 0; nr < page_sections_nr; nr++)
		section_settle(nr);
	for (unsigned nr = 0; nr < page_sections_nr; nr++)
		section_count(nr);
	for (unsigned i = 0; i < page_zones_nr; i++) {
		struct zone *zone = &page_zones[i];

		spin_init(&zone->lock, zone);
		zone->node = (u8)(i / 2);
		zone->high = i % 2;
		zone->total = zone->virgin;
		zone->reserve = min_t(u64, zone->total / 512, 4096);
	}
}

/* The frames of [pfn, end), all in one chunk, that nobody has given to the buddy yet. */
static void give_in_chunk(u64 pfn, u64 end)
{
	unsigned section = (unsigned)(pfn >> PAGE_SECTION_SHIFT);
	unsigned chunk = (pfn >> PAGE_CHUNK_SHIFT) % CHUNKS_PER_SECTION;
	struct page_section *s = &page_sections[section];
	struct zone *zone = &page_zones[s->zone];
	irqflags_t flags;

	if (chunk < s->first || chunk >= s->end)
		return;
	flags = spin_lock_irqsave(&zone->lock);
	if (!(s->ready >> chunk & 1))
		make_ready(zone, section, chunk);
	for (; pfn < end; pfn++) {
		struct page *page = pfn_page(pfn);

		WARN_ON(page->kind != PAGE_RESERVED);
		kasan_poison(page_va(page), PAGE_SIZE, KASAN_PAGE_FREE);
		buddy_free(zone, page, 0);
		WRITE_ONCE(zone->total, zone->total + 1);
	}
	spin_unlock_irqrestore(&zone->lock, flags);
}

void page_give(paddr_t base, u64 len)
{
	u64 pfn = max_t(u64, DIV_ROUND_UP(base, PAGE_SIZE), 1), end = (base + len) >> PAGE_SHIFT;

	end = min(end, page_sections_nr << PAGE_SECTION_SHIFT);
	while (pfn < end) {
		u64 next = min(align_down(pfn, 1ull << PAGE_CHUNK_SHIFT) + (1u << PAGE_CHUNK_SHIFT), end);

		give_in_chunk(pfn, next);
		pfn = next;
	}
}

struct page *page_describe(paddr_t pa)
{
	unsigned section = (unsigned)(pa / SECTION_BYTES), chunk = pa % SECTION_BYTES / CHUNK_BYTES;
	struct page_section *s = &page_sections[section];
	struct zone *zone = &page_zones[s->zone];
	irqflags_t flags = spin_lock_irqsave(&zone->lock);

	ASSERT(chunk >= s->first && chunk < s->end);
	if (!(s->ready >> chunk & 1))
		make_ready(zone, section, chunk);
	spin_unlock_irqrestore(&zone->lock, flags);
	return pfn_page(pa >> PAGE_SHIFT);
}

struct page *paddr_page(paddr_t pa)
{
	u64 pfn = pa >> PAGE_SHIFT;
	const struct page_section *s;

	if (pfn >> PAGE_SECTION_SHIFT >= page_sections_nr)
		return NULL;
	s = &page_sections[pfn >> PAGE_SECTION_SHIFT];
	if (!(LOAD_ACQUIRE(s->ready) >> (pfn >> PAGE_CHUNK_SHIFT) % CHUNKS_PER_SECTION & 1))
		return NULL;
	return pfn_page(pfn);
}

paddr_t va_paddr(const void *va)
{
	vaddr_t a = (vaddr_t)(unsigned long)va;

	if (a >= kernel_layout.image_base && a < kernel_layout.image_end)
		return a - kernel_layout.image_base + kernel_layout.image_phys;
	DASSERT(a >= kernel_layout.direct_base && a < kernel_layout.direct_end);
	return a - kernel_layout.direct_base;
}
