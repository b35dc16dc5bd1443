/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A free piece of order o stands in the map of o alone, so that a block is free iff one of its
 * ancestors' bits is set. Freeing merges with the buddy while that is free; using splits down.
 */
#include "buddy.h"
#include <lib/bitmap.h>
#include <lib/bits.h>

static u32 map_bits(u32 nblocks, u32 order)
{
	return (nblocks >> order) + 1;
}

size_t ext4_buddy_bytes(u32 nblocks)
{
	size_t words = 0;

	for (u32 o = 0; o < EXT4_BUDDY_ORDERS; o++)
		words += BITMAP_WORDS(map_bits(nblocks, o));
	return sizeof(struct ext4_buddy) + words * sizeof(unsigned long);
}

void ext4_buddy_init(struct ext4_buddy *b, u32 nblocks)
{
	u32 words = 0;

	b->nblocks = nblocks;
	b->free = 0;
	for (u32 o = 0; o < EXT4_BUDDY_ORDERS; o++) {
		b->count[o] = 0;
		b->hint[o] = 0;
		b->word[o] = words;
		bitmap_zero(b->bits + words, map_bits(nblocks, o));
		words += (u32)BITMAP_WORDS(map_bits(nblocks, o));
	}
}

static unsigned long *map_of(const struct ext4_buddy *b, u32 order)
{
	return (unsigned long *)b->bits + b->word[order];
}

static bool test(const struct ext4_buddy *b, u32 order, u32 i)
{
	return bitmap_test(map_of(b, order), i);
}

static void put(struct ext4_buddy *b, u32 order, u32 i)
{
	bitmap_set(map_of(b, order), i);
	b->count[order]++;
	b->hint[order] = min(b->hint[order], i);
}

static void take(struct ext4_buddy *b, u32 order, u32 i)
{
	bitmap_clear(map_of(b, order), i);
	b->count[order]--;
}

/* The order of the free piece around @block; EXT4_BUDDY_ORDERS: it is used. */
static u32 piece_at(const struct ext4_buddy *b, u32 block)
{
	u32 o = 0;

	while (o < EXT4_BUDDY_ORDERS && !test(b, o, block >> o))
		o++;
	return o;
}

/* The largest aligned piece that begins at @start and is no longer than @len. */
static u32 piece_order(u32 start, u32 len)
{
	u32 o = fls32(len) - 1;

	if (start)
		o = min(o, ctz32(start));
	return min_t(u32, o, EXT4_BUDDY_ORDERS - 1);
}

static void free_piece(struct ext4_buddy *b, u32 start, u32 order)
{
	u32 i = start >> order;

	while (order + 1 < EXT4_BUDDY_ORDERS && test(b, order, i ^ 1)) {
		take(b, order, i ^ 1);
		i >>= 1;
		order++;
	}
	put(b, order, i);
}

static bool any_free(const struct ext4_buddy *b, u32 start, u32 len)
{
	for (u32 o = 0; len && o < EXT4_BUDDY_ORDERS; o++) {
		u32 end = min(((start + len - 1) >> o) + 1, map_bits(b->nblocks, o));

		if (b->count[o] && bitmap_find_next_set(map_of(b, o), end, start >> o) < end)
			return true;
	}
	return false;
}

bool ext4_buddy_free(struct ext4_buddy *b, u32 start, u32 len)
{
	if (start > b->nblocks || len > b->nblocks - start || any_free(b, start, len))
		return false;
	b->free += len;
	while (len) {
		u32 o = piece_order(start, len);

		free_piece(b, start, o);
		start += 1u << o;
		len -= 1u << o;
	}
	return true;
}

void ext4_buddy_use(struct ext4_buddy *b, u32 start, u32 len)
{
	b->free -= len;
	while (len) {
		u32 o = piece_at(b, start), i = start >> o, end;

		/* Take the piece, give back what of it is before and behind. */
		take(b, o, i);
		end = (i + 1) << o;
		for (u32 at = i << o; at < start;) {
			u32 k = piece_order(at, start - at);

			put(b, k, at >> k);
			at += 1u << k;
		}
		for (u32 at = start + min(len, end - start); at < end;) {
			u32 k = piece_order(at, end - at);

			put(b, k, at >> k);
			at += 1u << k;
		}
		len -= min(len, end - start);
		start = end;
	}
}

u32 ext4_buddy_run(const struct ext4_buddy *b, u32 start, u32 max)
{
	u32 at = start;

	max = min(max, b->nblocks - start);
	while (at - start < max) {
		u32 o = piece_at(b, at);

		if (o == EXT4_BUDDY_ORDERS)
			break;
		at = ((at >> o) + 1) << o;
	}
	return min(at - start, max);
}

u32 ext4_buddy_largest(const struct ext4_buddy *b)
{
	for (u32 o = EXT4_BUDDY_ORDERS; o-- > 0;) {
		if (b->count[o])
			return o;
	}
	return EXT4_BUDDY_ORDERS;
}

static u32 first_piece(struct ext4_buddy *b, u32 order)
{
	u32 i = (u32)bitmap_find_next_set(
		map_of(b, order), map_bits(b->nblocks, order), b->hint[order]);

	b->hint[order] = i;
	return i << order;
}

bool ext4_buddy_find(struct ext4_buddy *b, u32 goal, u32 want, u32 *out_start, u32 *out_len)
{
	u32 o = fls32(want) - 1;

	if (!b->free)
		return false;
	if (goal < b->nblocks) {
		*out_len = ext4_buddy_run(b, goal, want);
		*out_start = goal;
		if (*out_len)
			return true;
	}
	o = min_t(u32, o + !!(want & (want - 1)), EXT4_BUDDY_ORDERS - 1);
	for (u32 k = o; k < EXT4_BUDDY_ORDERS; k++) {
		if (b->count[k]) {
			*out_start = first_piece(b, k);
			*out_len = min(want, 1u << k);
			return true;
		}
	}
	*out_start = first_piece(b, ext4_buddy_largest(b));
	*out_len = ext4_buddy_run(b, *out_start, want);
	return true;
}

bool ext4_buddy_check(const struct ext4_buddy *b)
{
	u32 free = 0;

	for (u32 o = 0; o < EXT4_BUDDY_ORDERS; o++) {
		u32 n = 0, i;

		bitmap_for_each_set(i, map_of(b, o), map_bits(b->nblocks, o)) {
			n++;
			if (i < b->hint[o] || ((i + 1) << o) > b->nblocks)
				return false;
			if (o + 1 < EXT4_BUDDY_ORDERS && test(b, o, i ^ 1))
				return false; /* not merged */
			if (o + 1 < EXT4_BUDDY_ORDERS && piece_at(b, i << o) < o)
				return false; /* twice */
		}
		if (n != b->count[o])
			return false;
		free += n << o;
	}
	return free == b->free;
}
