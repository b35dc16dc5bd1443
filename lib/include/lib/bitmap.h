/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bitmaps: arrays of unsigned long, bit n in word n/64 at position n%64. Bits of the last word
 * beyond the length are ignored by every function that takes a length, and may be written by
 * bitmap_fill and bitmap_copy.
 *
 * The plain forms need a lock or an owner. The _atomic forms may race with each other on the same
 * word; searches may run beside them and then give an answer that was true of each word at some
 * moment.
 */
#pragma once

#include <lib/bits.h>

#define BITMAP_WORDS(nbits)         DIV_ROUND_UP(nbits, 64)
#define BITMAP_DECLARE(name, nbits) unsigned long name[BITMAP_WORDS(nbits)]
/* The bits of the last word that belong to a bitmap of @nbits > 0. */
#define BITMAP_LAST_MASK(nbits) (~0UL >> (-(nbits)&63))

static inline void bitmap_set(unsigned long *map, size_t bit)
{
	WRITE_ONCE(map[bit / 64], map[bit / 64] | BIT(bit % 64));
}

static inline void bitmap_clear(unsigned long *map, size_t bit)
{
	WRITE_ONCE(map[bit / 64], map[bit / 64] & ~BIT(bit % 64));
}

static inline void bitmap_flip(unsigned long *map, size_t bit)
{
	WRITE_ONCE(map[bit / 64], map[bit / 64] ^ BIT(bit % 64));
}

static inline void bitmap_assign(unsigned long *map, size_t bit, bool value)
{
	if (value)
		bitmap_set(map, bit);
	else
		bitmap_clear(map, bit);
}

static inline bool bitmap_test(const unsigned long *map, size_t bit)
{
	return READ_ONCE(map[bit / 64]) >> (bit % 64) & 1;
}

/* The old value is returned. */
static inline bool bitmap_test_and_set(unsigned long *map, size_t bit)
{
	bool old = bitmap_test(map, bit);

	bitmap_set(map, bit);
	return old;
}

static inline bool bitmap_test_and_clear(unsigned long *map, size_t bit)
{
	bool old = bitmap_test(map, bit);

	bitmap_clear(map, bit);
	return old;
}

/*
 * Set and clear are relaxed unless the name says otherwise; test_and_* order fully (acquire and
 * release).
 */
static inline void bitmap_set_atomic(unsigned long *map, size_t bit)
{
	__atomic_fetch_or(&map[bit / 64], BIT(bit % 64), __ATOMIC_RELAXED);
}

static inline void bitmap_set_atomic_release(unsigned long *map, size_t bit)
{
	__atomic_fetch_or(&map[bit / 64], BIT(bit % 64), __ATOMIC_RELEASE);
}

static inline void bitmap_clear_atomic(unsigned long *map, size_t bit)
{
	__atomic_fetch_and(&map[bit / 64], ~BIT(bit % 64), __ATOMIC_RELAXED);
}

static inline void bitmap_clear_atomic_release(unsigned long *map, size_t bit)
{
	__atomic_fetch_and(&map[bit / 64], ~BIT(bit % 64), __ATOMIC_RELEASE);
}

static inline bool bitmap_test_acquire(const unsigned long *map, size_t bit)
{
	return LOAD_ACQUIRE(map[bit / 64]) >> (bit % 64) & 1;
}

static inline bool bitmap_test_and_set_atomic(unsigned long *map, size_t bit)
{
	return __atomic_fetch_or(&map[bit / 64], BIT(bit % 64), __ATOMIC_ACQ_REL) & BIT(bit % 64);
}

static inline bool bitmap_test_and_clear_atomic(unsigned long *map, size_t bit)
{
	return __atomic_fetch_and(&map[bit / 64], ~BIT(bit % 64), __ATOMIC_ACQ_REL) & BIT(bit % 64);
}

/* [@start, @start + @len) */
void bitmap_set_range(unsigned long *map, size_t start, size_t len);
void bitmap_clear_range(unsigned long *map, size_t start, size_t len);
bool bitmap_range_is_set(const unsigned long *map, size_t start, size_t len);
bool bitmap_range_is_clear(const unsigned long *map, size_t start, size_t len);

size_t bitmap_find_next_set_slow(const unsigned long *map, size_t nbits, size_t from);
size_t bitmap_find_next_clear_slow(const unsigned long *map, size_t nbits, size_t from);
size_t bitmap_find_next_and_slow(
	const unsigned long *a, const unsigned long *b, size_t nbits, size_t from);

/* The first set (clear) bit in [@from, @nbits); @nbits or more when there is none. */
static __always_inline size_t bitmap_find_next_set(
	const unsigned long *map, size_t nbits, size_t from)
{
	if (__builtin_constant_p(nbits <= 64) && nbits <= 64) {
		unsigned long w;

		if (unlikely(from >= nbits))
			return nbits;
		w = READ_ONCE(map[0]) & BITMAP_LAST_MASK(nbits) & (~0UL << from);
		return w ? ctz64(w) : nbits;
	}
	return bitmap_find_next_set_slow(map, nbits, from);
}

static __always_inline size_t bitmap_find_next_clear(
	const unsigned long *map, size_t nbits, size_t from)
{
	if (__builtin_constant_p(nbits <= 64) && nbits <= 64) {
		unsigned long w;

		if (unlikely(from >= nbits))
			return nbits;
		w = ~READ_ONCE(map[0]) & BITMAP_LAST_MASK(nbits) & (~0UL << from);
		return w ? ctz64(w) : nbits;
	}
	return bitmap_find_next_clear_slow(map, nbits, from);
}

static __always_inline size_t bitmap_find_first_set(const unsigned long *map, size_t nbits)
{
	return bitmap_find_next_set(map, nbits, 0);
}

static __always_inline size_t bitmap_find_first_clear(const unsigned long *map, size_t nbits)
{
	return bitmap_find_next_clear(map, nbits, 0);
}

/* The first bit that is set in both. */
static inline size_t bitmap_find_next_and(
	const unsigned long *a, const unsigned long *b, size_t nbits, size_t from)
{
	return bitmap_find_next_and_slow(a, b, nbits, from);
}

/* The last set bit, @nbits when there is none. */
size_t bitmap_find_last_set(const unsigned long *map, size_t nbits);

/*
 * The lowest start in [@from, @nbits - @len] of @len > 0 clear bits with start % @align == 0 (a
 * power of two); @nbits when there is none. Nothing is set.
 */
size_t bitmap_find_area(
	const unsigned long *map, size_t nbits, size_t from, size_t len, size_t align);

size_t bitmap_weight(const unsigned long *map, size_t nbits);
bool bitmap_equal(const unsigned long *a, const unsigned long *b, size_t nbits);
bool bitmap_intersects(const unsigned long *a, const unsigned long *b, size_t nbits);
bool bitmap_is_subset(const unsigned long *sub, const unsigned long *super, size_t nbits);

/* dst may be a or b. and/andnot say whether the result has a set bit. */
bool bitmap_and(unsigned long *dst, const unsigned long *a, const unsigned long *b, size_t nbits);
bool bitmap_andnot(
	unsigned long *dst, const unsigned long *a, const unsigned long *b, size_t nbits);
void bitmap_or(unsigned long *dst, const unsigned long *a, const unsigned long *b, size_t nbits);
void bitmap_xor(unsigned long *dst, const unsigned long *a, const unsigned long *b, size_t nbits);
void bitmap_complement(unsigned long *dst, const unsigned long *src, size_t nbits);

static inline void bitmap_zero(unsigned long *map, size_t nbits)
{
	for (size_t i = 0; i < BITMAP_WORDS(nbits); i++)
		map[i] = 0;
}

/* Sets bits beyond @nbits in the last word too. */
static inline void bitmap_fill(unsigned long *map, size_t nbits)
{
	for (size_t i = 0; i < BITMAP_WORDS(nbits); i++)
		map[i] = ~0UL;
}

static inline void bitmap_copy(unsigned long *dst, const unsigned long *src, size_t nbits)
{
	for (size_t i = 0; i < BITMAP_WORDS(nbits); i++)
		dst[i] = src[i];
}

static inline bool bitmap_is_empty(const unsigned long *map, size_t nbits)
{
	return bitmap_find_first_set(map, nbits) >= nbits;
}

static inline bool bitmap_is_full(const unsigned long *map, size_t nbits)
{
	return bitmap_find_first_clear(map, nbits) >= nbits;
}

/* @bit: a size_t or unsigned variable */
#define bitmap_for_each_set(bit, map, nbits)                           \
	for (bit = bitmap_find_next_set(map, nbits, 0); bit < (nbits); \
		bit = bitmap_find_next_set(map, nbits, bit + 1))
#define bitmap_for_each_clear(bit, map, nbits)                           \
	for (bit = bitmap_find_next_clear(map, nbits, 0); bit < (nbits); \
		bit = bitmap_find_next_clear(map, nbits, bit + 1))
#define bitmap_for_each_and(bit, a, b, nbits)                           \
	for (bit = bitmap_find_next_and(a, b, nbits, 0); bit < (nbits); \
		bit = bitmap_find_next_and(a, b, nbits, bit + 1))
