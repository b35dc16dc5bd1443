/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/bitmap.h>

/* The first bit from @from that is set in (map[i] ^ @invert). */
static __always_inline size_t find_next(
	const unsigned long *map, size_t nbits, size_t from, unsigned long invert)
{
	size_t i = from / 64;
	unsigned long w;

	if (unlikely(from >= nbits))
		return nbits;
	w = (READ_ONCE(map[i]) ^ invert) & (~0UL << (from % 64));
	while (!w) {
		if (++i >= BITMAP_WORDS(nbits))
			return nbits;
		w = READ_ONCE(map[i]) ^ invert;
	}
	return min(i * 64 + ctz64(w), nbits);
}

size_t bitmap_find_next_set_slow(const unsigned long *map, size_t nbits, size_t from)
{
	return find_next(map, nbits, from, 0);
}

size_t bitmap_find_next_clear_slow(const unsigned long *map, size_t nbits, size_t from)
{
	return find_next(map, nbits, from, ~0UL);
}

size_t bitmap_find_next_and_slow(
	const unsigned long *a, const unsigned long *b, size_t nbits, size_t from)
{
	unsigned long mask = ~0UL << (from % 64);

	for (size_t i = from / 64; i < BITMAP_WORDS(nbits); i++, mask = ~0UL) {
		unsigned long w = READ_ONCE(a[i]) & READ_ONCE(b[i]) & mask;

		if (w)
			return min(i * 64 + ctz64(w), nbits);
	}
	return nbits;
}

size_t bitmap_find_last_set(const unsigned long *map, size_t nbits)
{
	unsigned long mask = BITMAP_LAST_MASK(nbits);

	for (size_t i = BITMAP_WORDS(nbits); i-- > 0; mask = ~0UL) {
		unsigned long w = READ_ONCE(map[i]) & mask;

		if (w)
			return i * 64 + ilog2(w);
	}
	return nbits;
}

size_t bitmap_find_area(
	const unsigned long *map, size_t nbits, size_t from, size_t len, size_t align)
{
	for (;;) {
		size_t start = bitmap_find_next_clear(map, nbits, from);
		size_t taken;

		if (start >= nbits)
			return nbits;
		start = align_up(start, align);
		if (start >= nbits || len > nbits - start)
			return nbits;
		taken = bitmap_find_next_set(map, start + len, start);
		if (taken >= start + len)
			return start;
		from = taken + 1;
	}
}

/* The bits of word @i that belong to [start, end); the range touches the word. */
static __always_inline unsigned long range_mask(size_t i, size_t start, size_t end)
{
	unsigned long mask = ~0UL;

	if (i == start / 64)
		mask &= ~0UL << (start % 64);
	if (i == (end - 1) / 64)
		mask &= BITMAP_LAST_MASK(end);
	return mask;
}

void bitmap_set_range(unsigned long *map, size_t start, size_t len)
{
	if (!len)
		return;
	for (size_t i = start / 64; i <= (start + len - 1) / 64; i++)
		WRITE_ONCE(map[i], map[i] | range_mask(i, start, start + len));
}

void bitmap_clear_range(unsigned long *map, size_t start, size_t len)
{
	if (!len)
		return;
	for (size_t i = start / 64; i <= (start + len - 1) / 64; i++)
		WRITE_ONCE(map[i], map[i] & ~range_mask(i, start, start + len));
}

bool bitmap_range_is_set(const unsigned long *map, size_t start, size_t len)
{
	return bitmap_find_next_clear(map, start + len, start) >= start + len;
}

bool bitmap_range_is_clear(const unsigned long *map, size_t start, size_t len)
{
	return bitmap_find_next_set(map, start + len, start) >= start + len;
}

/* Word @i of @n without the bits beyond the length. */
static __always_inline unsigned long masked(unsigned long w, size_t i, size_t nbits)
{
	return i == BITMAP_WORDS(nbits) - 1 ? w & BITMAP_LAST_MASK(nbits) : w;
}

size_t bitmap_weight(const unsigned long *map, size_t nbits)
{
	size_t count = 0;

	for (size_t i = 0; i < BITMAP_WORDS(nbits); i++)
		count += popcount64(masked(READ_ONCE(map[i]), i, nbits));
	return count;
}

bool bitmap_equal(const unsigned long *a, const unsigned long *b, size_t nbits)
{
	for (size_t i = 0; i < BITMAP_WORDS(nbits); i++) {
		if (masked(a[i] ^ b[i], i, nbits))
			return false;
	}
	return true;
}

bool bitmap_intersects(const unsigned long *a, const unsigned long *b, size_t nbits)
{
	return bitmap_find_next_and(a, b, nbits, 0) < nbits;
}

bool bitmap_is_subset(const unsigned long *sub, const unsigned long *super, size_t nbits)
{
	for (size_t i = 0; i < BITMAP_WORDS(nbits); i++) {
		if (masked(sub[i] & ~super[i], i, nbits))
			return false;
	}
	return true;
}

bool bitmap_and(unsigned long *dst, const unsigned long *a, const unsigned long *b, size_t nbits)
{
	unsigned long any = 0;

	for (size_t i = 0; i < BITMAP_WORDS(nbits); i++)
		any |= dst[i] = masked(a[i] & b[i], i, nbits);
	return any != 0;
}

bool bitmap_andnot(unsigned long *dst, const unsigned long *a, const unsigned long *b, size_t nbits)
{
	unsigned long any = 0;

	for (size_t i = 0; i < BITMAP_WORDS(nbits); i++)
		any |= dst[i] = masked(a[i] & ~b[i], i, nbits);
	return any != 0;
}

void bitmap_or(unsigned long *dst, const unsigned long *a, const unsigned long *b, size_t nbits)
{
	for (size_t i = 0; i < BITMAP_WORDS(nbits); i++)
		dst[i] = a[i] | b[i];
}

void bitmap_xor(unsigned long *dst, const unsigned long *a, const unsigned long *b, size_t nbits)
{
	for (size_t i = 0; i < BITMAP_WORDS(nbits); i++)
		dst[i] = a[i] ^ b[i];
}

void bitmap_complement(unsigned long *dst, const unsigned long *src, size_t nbits)
{
	for (size_t i = 0; i < BITMAP_WORDS(nbits); i++)
		dst[i] = ~src[i];
}
