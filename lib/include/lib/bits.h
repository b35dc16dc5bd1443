/* SPDX-License-Identifier: BSD-2-Clause */
/* Bits of one word. Positions count from 0; ffs/fls count from 1 and say 0 for "none". */
#pragma once

#include <lib/types.h>

#define BIT(n)          (1UL << (n))
#define BIT32(n)        (1U << (n))
#define BIT64(n)        (1ULL << (n))
#define BITS_PER_LONG   64
#define GENMASK(hi, lo) ((~0UL << (lo)) & (~0UL >> (63 - (hi)))) /* bits lo..hi, both included */

/* @x is not 0 */
static __always_inline unsigned ctz32(u32 x)
{
	return (unsigned)__builtin_ctz(x);
}

static __always_inline unsigned ctz64(u64 x)
{
	return (unsigned)__builtin_ctzll(x);
}

static __always_inline unsigned clz32(u32 x)
{
	return (unsigned)__builtin_clz(x);
}

static __always_inline unsigned clz64(u64 x)
{
	return (unsigned)__builtin_clzll(x);
}

static __always_inline unsigned ffs32(u32 x)
{
	return x ? ctz32(x) + 1 : 0;
}

static __always_inline unsigned ffs64(u64 x)
{
	return x ? ctz64(x) + 1 : 0;
}

static __always_inline unsigned fls32(u32 x)
{
	return x ? 32 - clz32(x) : 0;
}

static __always_inline unsigned fls64(u64 x)
{
	return x ? 64 - clz64(x) : 0;
}

/* Number of set bits; needs neither the instruction nor a library call. */
static inline unsigned popcount64(u64 x)
{
	x -= (x >> 1) & 0x5555555555555555ULL;
	x = (x & 0x3333333333333333ULL) + ((x >> 2) & 0x3333333333333333ULL);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return (unsigned)((x * 0x0101010101010101ULL) >> 56);
}

static inline unsigned popcount32(u32 x)
{
	return popcount64(x);
}

/* floor and ceiling of the logarithm; @x > 0 */
static __always_inline unsigned ilog2(u64 x)
{
	return 63 - clz64(x);
}

static __always_inline unsigned ilog2_ceil(u64 x)
{
	return fls64(x - 1);
}

static __always_inline bool is_pow2(u64 x)
{
	return x && !(x & (x - 1));
}

/* The nearest power of two not below @x, 1 <= @x <= 2^63; not above @x >= 1. */
static __always_inline u64 roundup_pow2(u64 x)
{
	return 1ULL << ilog2_ceil(x);
}

static __always_inline u64 rounddown_pow2(u64 x)
{
	return 1ULL << ilog2(x);
}

static __always_inline u32 rol32(u32 x, unsigned n)
{
	return x << (n & 31) | x >> (-n & 31);
}

static __always_inline u32 ror32(u32 x, unsigned n)
{
	return x >> (n & 31) | x << (-n & 31);
}

static __always_inline u64 rol64(u64 x, unsigned n)
{
	return x << (n & 63) | x >> (-n & 63);
}

static __always_inline u64 ror64(u64 x, unsigned n)
{
	return x >> (n & 63) | x << (-n & 63);
}
