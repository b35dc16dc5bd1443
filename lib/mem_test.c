/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's mem*, under other names, against libc's. MEMCPY_C is the file that is tested:
 * lib/memcpy.c, or the host processor's own.
 */
#include <stdlib.h>
#include <string.h>

static void *(*const libc_memcpy)(void *, const void *, size_t) = memcpy;
static void *(*const libc_memmove)(void *, const void *, size_t) = memmove;
static void *(*const libc_memset)(void *, int, size_t) = memset;
static int (*const libc_memcmp)(const void *, const void *, size_t) = memcmp;
static void *(*const libc_memchr)(const void *, int, size_t) = memchr;

#define memcpy  nos_memcpy
#define memmove nos_memmove
#define memset  nos_memset
#define memcmp  nos_memcmp
#define memchr  nos_memchr
#include MEMCPY_C
#include "memcmp.c"

#include <lib/test.h>

#define AREA 1024

static u8 a[AREA], b[AREA], src[AREA];

static void randomize(u8 *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (u8)test_rand();
}

static int sign(int x)
{
	return (x > 0) - (x < 0);
}

TEST(memcpy_all_sizes)
{
	randomize(src, AREA);
	for (size_t len = 0; len < 700; len++) {
		size_t to = test_rand_below(16), from = test_rand_below(16);

		randomize(a, AREA);
		libc_memcpy(b, a, AREA);
		CHECK(memcpy(a + to, src + from, len) == a + to);
		libc_memcpy(b + to, src + from, len);
		CHECK_MEM_EQ(a, b, AREA);
	}
}

TEST(memmove_all_overlaps)
{
	for (size_t len = 0; len < 300; len++) {
		for (int delta = -140; delta <= 140; delta += 1 + (int)test_rand_below(9)) {
			size_t from = 200 + test_rand_below(8);
			size_t to = (size_t)((long)from + delta);

			randomize(a, AREA);
			libc_memcpy(b, a, AREA);
			CHECK(memmove(a + to, a + from, len) == a + to);
			libc_memmove(b + to, b + from, len);
			CHECK_MEM_EQ(a, b, AREA);
		}
	}
}

TEST(memset_all_sizes)
{
	for (size_t len = 0; len < 700; len++) {
		size_t to = test_rand_below(16);
		int c = (int)test_rand();

		randomize(a, AREA);
		libc_memcpy(b, a, AREA);
		CHECK(memset(a + to, c, len) == a + to);
		libc_memset(b + to, c, len);
		CHECK_MEM_EQ(a, b, AREA);
	}
}

TEST(memcmp_memchr_random)
{
	for (u64 i = 0; i < test_rounds(20000); i++) {
		size_t len = test_rand_below(100);
		size_t at = test_rand_below(8), other = test_rand_below(8);
		int c = (int)test_rand_below(256);

		randomize(a, 128);
		libc_memcpy(b + other, a + at, len);
		if (len && test_rand_below(2))
			b[other + test_rand_below(len)] = (u8)test_rand();
		CHECK_EQ(sign(memcmp(a + at, b + other, len)),
			sign(libc_memcmp(a + at, b + other, len)));
		CHECK(memchr(a + at, c, len) == libc_memchr(a + at, c, len));
	}
}

/* Exact allocations: the address sanitizer sees one byte too far. */
TEST(mem_stays_inside)
{
	for (size_t len = 1; len < 200; len++) {
		u8 *p = malloc(len), *q = malloc(len);

		memset(p, 1, len);
		memcpy(q, p, len);
		CHECK_EQ(memcmp(p, q, len), 0);
		memmove(q, p, len);
		CHECK(memchr(q, 2, len) == NULL);
		free(p);
		free(q);
	}
}
