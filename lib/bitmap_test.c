/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/bitmap.h>

#include <string.h>

#include <lib/test.h>

#define MAX 200

/* The model: an array of bool beside the bitmap. */
static unsigned long map[BITMAP_WORDS(MAX)], other[BITMAP_WORDS(MAX)], result[BITMAP_WORDS(MAX)];
static bool model[MAX], model2[MAX];

static void randomize(unsigned long *m, bool *b, size_t nbits)
{
	unsigned density = (unsigned)test_rand_below(5);

	for (size_t i = 0; i < MAX; i++) {
		b[i] = density == 4 ? true : test_rand_below(4) < density;
		if (i >= nbits)
			b[i] = test_rand_below(2);
		bitmap_assign(m, i, b[i]);
	}
}

static size_t model_next(size_t nbits, size_t from, bool value)
{
	for (; from < nbits; from++) {
		if (model[from] == value)
			return from;
	}
	return nbits;
}

static size_t model_area(size_t nbits, size_t from, size_t len, size_t align)
{
	for (size_t start = align_up(from, align); start + len <= nbits; start += align) {
		size_t i = 0;

		while (i < len && !model[start + i])
			i++;
		if (i == len)
			return start;
	}
	return nbits;
}

TEST(bitmap_find_against_model)
{
	for (u64 round = 0; round < test_rounds(20000); round++) {
		size_t nbits = 1 + test_rand_below(MAX - 1), from = test_rand_below(nbits + 2);
		size_t len = 1 + test_rand_below(20), align = 1ULL << test_rand_below(5),
		       last = nbits, n = 0;

		randomize(map, model, nbits);
		CHECK_EQ(bitmap_find_next_set(map, nbits, from), model_next(nbits, from, true));
		CHECK_EQ(bitmap_find_next_clear(map, nbits, from), model_next(nbits, from, false));
		CHECK_EQ(bitmap_find_area(map, nbits, from, len, align),
			model_area(nbits, from, len, align));
		for (size_t i = 0; i < nbits; i++) {
			n += model[i];
			last = model[i] ? i : last;
		}
		CHECK_EQ(bitmap_find_last_set(map, nbits), last);
		CHECK_EQ(bitmap_weight(map, nbits), n);
		CHECK_EQ(bitmap_is_empty(map, nbits), n == 0);
		CHECK_EQ(bitmap_is_full(map, nbits), n == nbits);
	}
}

TEST(bitmap_find_in_one_word)
{
	for (u64 round = 0; round < test_rounds(2000); round++) {
		size_t from = test_rand_below(45), bit, seen = 0;

		randomize(map, model, 40);
		CHECK_EQ(bitmap_find_next_set(map, 40, from), model_next(40, from, true));
		CHECK_EQ(bitmap_find_next_clear(map, 40, from), model_next(40, from, false));
		CHECK_EQ(bitmap_find_next_set(map, 64, from), model_next(64, from, true));
		bitmap_for_each_set (bit, map, 40)
			seen += model[bit];
		CHECK_EQ(seen, bitmap_weight(map, 40));
	}
}

TEST(bitmap_ranges)
{
	for (u64 round = 0; round < test_rounds(20000); round++) {
		size_t start = test_rand_below(MAX), len = test_rand_below(MAX - start + 1);
		bool value = test_rand_below(2);

		randomize(map, model, MAX);
		CHECK_EQ(bitmap_range_is_set(map, start, len),
			model_next(start + len, start, false) == start + len);
		CHECK_EQ(bitmap_range_is_clear(map, start, len),
			model_next(start + len, start, true) == start + len);
		memset(model + start, value, len);
		if (value)
			bitmap_set_range(map, start, len);
		else
			bitmap_clear_range(map, start, len);
		for (size_t i = 0; i < MAX; i++)
			CHECK_EQ(bitmap_test(map, i), model[i]);
	}
}

TEST(bitmap_algebra)
{
	for (u64 round = 0; round < test_rounds(5000); round++) {
		size_t nbits = 1 + test_rand_below(MAX - 1), from = test_rand_below(nbits),
		       next = nbits;
		bool any_and = false, any_andnot = false, equal = true;

		randomize(map, model, nbits);
		randomize(other, model2, nbits);
		if (test_rand_below(3) == 0) {
			memcpy(other, map, sizeof(map));
			memcpy(model2, model, sizeof(model));
		}
		for (size_t i = nbits; i-- > 0;) {
			any_and |= model[i] && model2[i];
			any_andnot |= model[i] && !model2[i];
			equal &= model[i] == model2[i];
			if (i >= from && model[i] && model2[i])
				next = i;
		}
		CHECK_EQ(bitmap_intersects(map, other, nbits), any_and);
		CHECK_EQ(bitmap_is_subset(map, other, nbits), !any_andnot);
		CHECK_EQ(bitmap_equal(map, other, nbits), equal);
		CHECK_EQ(bitmap_find_next_and(map, other, nbits, from), next);
		CHECK_EQ(bitmap_and(result, map, other, nbits), any_and);
		for (size_t i = 0; i < nbits; i++)
			CHECK_EQ(bitmap_test(result, i), model[i] && model2[i]);
		CHECK_EQ(bitmap_andnot(result, map, other, nbits), any_andnot);
		for (size_t i = 0; i < nbits; i++)
			CHECK_EQ(bitmap_test(result, i), model[i] && !model2[i]);
		bitmap_or(result, map, other, nbits);
		for (size_t i = 0; i < nbits; i++)
			CHECK_EQ(bitmap_test(result, i), model[i] || model2[i]);
		bitmap_xor(result, map, other, nbits);
		for (size_t i = 0; i < nbits; i++)
			CHECK_EQ(bitmap_test(result, i), model[i] != model2[i]);
		bitmap_complement(result, map, nbits);
		for (size_t i = 0; i < nbits; i++)
			CHECK_EQ(bitmap_test(result, i), !model[i]);
	}
}

TEST(bitmap_single_bits)
{
	bitmap_zero(map, MAX);
	CHECK(!bitmap_test_and_set(map, 70));
	CHECK(bitmap_test_and_set(map, 70));
	CHECK(bitmap_test_and_clear(map, 70));
	CHECK(!bitmap_test_and_clear(map, 70));
	CHECK(!bitmap_test_and_set_atomic(map, 63));
	CHECK(bitmap_test_and_set_atomic(map, 63));
	bitmap_set_atomic(map, 64);
	bitmap_set_atomic_release(map, 0);
	CHECK(bitmap_test_acquire(map, 0));
	bitmap_clear_atomic(map, 0);
	CHECK_EQ(bitmap_weight(map, MAX), 2);
	bitmap_clear_atomic_release(map, 64);
	CHECK(bitmap_test_and_clear_atomic(map, 63));
	bitmap_flip(map, 5);
	bitmap_flip(map, 6);
	bitmap_flip(map, 5);
	CHECK_EQ(bitmap_find_first_set(map, MAX), 6);
}

TEST(bits_of_one_word)
{
	for (u64 round = 0; round < test_rounds(5000); round++) {
		u64 x = test_rand() >> test_rand_below(64);
		unsigned n = 0, top = 0, n32 = 0;

		for (unsigned i = 0; i < 64; i++) {
			n += x >> i & 1;
			n32 += i < 32 && (x >> i & 1);
			top = x >> i & 1 ? i + 1 : top;
		}
		CHECK_EQ(popcount64(x), n);
		CHECK_EQ(popcount32((u32)x), n32);
		CHECK_EQ(fls64(x), top);
		if (x) {
			CHECK_EQ(ilog2(x), top - 1);
			CHECK_EQ(is_pow2(x), n == 1);
			CHECK_EQ(rounddown_pow2(x), 1ULL << (top - 1));
			if (x <= 1ULL << 63)
				CHECK_EQ(roundup_pow2(x), n == 1 ? x : 1ULL << top);
		}
		CHECK_EQ(rol64(x, 13), x << 13 | x >> 51);
		CHECK_EQ(ror64(rol64(x, n), n), x);
		CHECK_EQ(rol32(ror32((u32)x, n), n), (u32)x);
	}
	CHECK_EQ(ffs64(0), 0);
	CHECK_EQ(ffs64(8), 4);
	CHECK_EQ(ffs32(1U << 31), 32);
	CHECK_EQ(fls32(0), 0);
	CHECK_EQ(GENMASK(63, 0), ~0UL);
	CHECK_EQ(GENMASK(7, 4), 0xf0);
	CHECK_EQ(ilog2_ceil(1), 0);
	CHECK_EQ(ilog2_ceil(5), 3);
}
