/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buddy against a model: an array that says who owns each frame.
 */
#include <stdlib.h>
#include <arch/boot.h>
#include <lib/test.h>
#include <lib/string.h>
#include <mm/page.h>
#include "page_impl.h"
#include "test_env.h"

#define MAX_BLOCKS 4096

static struct {
	u64 pfn;
	unsigned order;
} blocks[MAX_BLOCKS];

static void all_in(struct zone *zone)
{
	while (zone_grow(zone))
		;
}

TEST(buddy_splits_and_merges_to_the_start)
{
	env_init(32ul << 20, 1);
	struct zone *z = &page_zones[0];

	all_in(z);
	CHECK(buddy_check(z));
	u64 all = z->free;

	CHECK_EQ(all, z->total);
	struct page *a = buddy_alloc(z, 0), *b = buddy_alloc(z, 0);

	REQUIRE(a && b);
	CHECK_EQ(z->free, all - 2);
	buddy_free(z, a, 0);
	buddy_free(z, b, 0);
	CHECK_EQ(z->free, all);
	CHECK(buddy_check(z));
}

/* verify/buddy_cbmc.c takes this for granted. */
TEST(buddy_addresses_of_all_frames)
{
	u64 frames = (300ull << 20) / PAGE_SIZE;

	env_init(300ul << 20, 1);
	all_in(&page_zones[0]);
	for (u64 pfn = 0; pfn < frames; pfn++) {
		struct page *page = pfn_page(pfn);

		REQUIRE(page_pfn(page) == pfn && va_page(page_va(page)) == page);
		for (unsigned order = 0; order < PAGE_MAX_ORDER; order++) {
			u64 buddy = pfn ^ (1ull << order);

			if (!(pfn & ((1ull << order) - 1)) && buddy < frames)
				REQUIRE(buddy_of(page, order) == pfn_page(buddy));
		}
	}
}

TEST(buddy_gives_out_every_frame_once)
{
	env_init(16ul << 20, 1);
	struct zone *z = &page_zones[0];
	u8 *seen = calloc(4096, 1);
	u64 n = 0;
	struct page *p;

	all_in(z);
	while ((p = buddy_alloc(z, 0))) {
		u64 pfn = page_pfn(p);

		REQUIRE(pfn > 0 && pfn < 4096 && !seen[pfn]);
		seen[pfn] = 1;
		n++;
	}
	CHECK_EQ(n, z->total);
	for (u64 pfn = 0; pfn < 4096; pfn++) {
		if (seen[pfn])
			buddy_free(z, pfn_page(pfn), 0);
	}
	CHECK(buddy_check(z));
	CHECK_EQ(z->free, z->total);
	free(seen);
}

TEST(buddy_random_against_model)
{
	env_init(64ul << 20, 1);
	struct zone *z = &page_zones[0];
	u8 *owner = calloc(16384, 1);
	unsigned n = 0;

	all_in(z);
	for (u64 i = 0; i < test_rounds(200000); i++) {
		if (n < MAX_BLOCKS && (n == 0 || test_rand_below(2))) {
			unsigned order = (unsigned)test_rand_below(PAGE_MAX_ORDER + 1) *
					 (unsigned)test_rand_below(2);
			struct page *p = buddy_alloc(z, order);

			if (!p)
				continue;
			u64 pfn = page_pfn(p);

			REQUIRE(!(pfn & ((1u << order) - 1)));
			for (u64 k = 0; k < 1u << order; k++) {
				REQUIRE(!owner[pfn + k]);
				owner[pfn + k] = 1;
			}
			blocks[n].pfn = pfn;
			blocks[n++].order = order;
		} else {
			unsigned k = (unsigned)test_rand_below(n);

			memset(owner + blocks[k].pfn, 0, 1ul << blocks[k].order);
			buddy_free(z, pfn_page(blocks[k].pfn), blocks[k].order);
			blocks[k] = blocks[--n];
		}
		if (i % 4096 == 0)
			REQUIRE(buddy_check(z));
	}
	while (n--)
		buddy_free(z, pfn_page(blocks[n].pfn), blocks[n].order);
	CHECK(buddy_check(z));
	CHECK_EQ(z->free, z->total);
	free(owner);
}

TEST(boot_ranges_with_holes)
{
	env_init(512ul << 20, 1);
	/*
	 * As QEMU's: low memory, a hole, the kernel, an initrd, a ragged end, a piece too small for its own array, and a
	 * section full of another initrd.
	 */
	boot_info.nranges = 7;
	boot_info.ranges[0] = (struct mem_range){0, 0x9fc00, MEM_USABLE, 0};
	boot_info.ranges[1] = (struct mem_range){0x100000, 0x200000, MEM_KERNEL, 0};
	boot_info.ranges[2] = (struct mem_range){0x300000, 0x8000000 - 0x300000 + 0x123456, MEM_USABLE, 0};
	boot_info.ranges[3] = (struct mem_range){0x9000000, 0x345678, MEM_INITRD, 0};
	boot_info.ranges[4] = (struct mem_range){0x9345678, 0x3000000, MEM_USABLE, 0};
	boot_info.ranges[5] = (struct mem_range){0x18010000, 0x20000, MEM_USABLE, 0};
	boot_info.ranges[6] = (struct mem_range){0x18030000, 0x8000000, MEM_INITRD, 0};
	page_init();
	struct zone *z = &page_zones[0];
	struct page_stats st;

	page_stats(&st);
	CHECK_EQ(st.free, st.total);
	all_in(z);
	CHECK(buddy_check(z));
	CHECK_EQ(z->free, st.total);
	CHECK(paddr_page(0x18010000));
	CHECK(!paddr_page(~0ull));
	CHECK(!paddr_page(0x10000000));
	CHECK_EQ(paddr_page(0x200000)->kind, PAGE_RESERVED);
	/* Arrays and table are not given out; everything given out is inside usable ranges. */
	struct page *p;

	while ((p = buddy_alloc(z, 0))) {
		paddr_t pa = page_paddr(p);
		bool ok = false;

		for (unsigned i = 0; i < boot_info.nranges; i++) {
			const struct mem_range *r = &boot_info.ranges[i];

			ok |= r->kind == MEM_USABLE && pa >= r->base && pa + 4096 <= r->base + r->len;
		}
		for (unsigned s = 0; s < page_sections_nr; s++) {
			const struct page_section *sec = &page_sections[s];

			ok &= !(pa + 4096 > sec->array && pa < sec->array + sec->array_len);
		}
		REQUIRE(ok && pa);
		REQUIRE(paddr_page(pa) == p && va_page(page_va(p)) == p);
	}
	u64 total = z->total;

	page_give(0x9000000, 0x345678);
	CHECK_EQ(z->total, total + 0x345);
	CHECK_EQ(z->free, 0x345);
	page_give(0x18030000, 0x8000000);
	CHECK_EQ(z->total, total + 0x345 + 0x8000);
	CHECK(paddr_page(0x1c000000));
	CHECK(buddy_check(z));
}
