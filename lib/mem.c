/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memcpy, memmove, memset, memcmp, memchr: general registers only, whole words at any alignment.
 *
 * Sizes below one block are covered by two accesses that overlap in the middle, so that the number
 * of branches grows with the logarithm of the size. A longer run is unrolled, and its remainder is
 * one block that ends at the end. memmove loads that last block (or first, when it goes backwards)
 * before it stores anything.
 *
 * The compiler must not find these loops to be memcpy: hence the pragma (clang: -ffreestanding).
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif
#define LIB_STRING_IMPL
#include <lib/string.h>

struct block32 {
	u64 w[4];
};

static __always_inline u64 load8(const void *p)
{
	return *(const u64_any *)p;
}

static __always_inline void store8(void *p, u64 v)
{
	*(u64_any *)p = v;
}

static __always_inline struct block32 load32(const u8 *p)
{
	return (struct block32){{load8(p), load8(p + 8), load8(p + 16), load8(p + 24)}};
}

static __always_inline void store32(u8 *p, struct block32 b)
{
	store8(p, b.w[0]);
	store8(p + 8, b.w[1]);
	store8(p + 16, b.w[2]);
	store8(p + 24, b.w[3]);
}

/* @len <= 32; loads everything before it stores anything, so the two may overlap. */
static __always_inline void move_small(u8 *d, const u8 *s, size_t len)
{
	if (len > 16) {
		u64 a = load8(s), b = load8(s + 8);
		u64 y = load8(s + len - 16), z = load8(s + len - 8);

		store8(d, a);
		store8(d + 8, b);
		store8(d + len - 16, y);
		store8(d + len - 8, z);
	} else if (len >= 8) {
		u64 a = load8(s), z = load8(s + len - 8);

		store8(d, a);
		store8(d + len - 8, z);
	} else if (len >= 4) {
		u32 a = *(const u32_any *)s, z = *(const u32_any *)(s + len - 4);

		*(u32_any *)d = a;
		*(u32_any *)(d + len - 4) = z;
	} else if (len) {
		u8 a = s[0], m = s[len / 2], z = s[len - 1];

		d[0] = a;
		d[len / 2] = m;
		d[len - 1] = z;
	}
}

/* @len > 32; @d below @s, or apart from it. */
static __always_inline void move_up(u8 *d, const u8 *s, size_t len)
{
	struct block32 last = load32(s + len - 32);
	u8 *last_d = d + len - 32;

	for (; len > 128; len -= 128, d += 128, s += 128) {
		store32(d, load32(s));
		store32(d + 32, load32(s + 32));
		store32(d + 64, load32(s + 64));
		store32(d + 96, load32(s + 96));
	}
	for (; len > 32; len -= 32, d += 32, s += 32)
		store32(d, load32(s));
	store32(last_d, last);
}

/* @len > 32; @d above @s. */
static __always_inline void move_down(u8 *d, const u8 *s, size_t len)
{
	struct block32 first = load32(s);

	for (; len > 32; len -= 32)
		store32(d + len - 32, load32(s + len - 32));
	store32(d, first);
}

void *memcpy(void *restrict dst, const void *restrict src, size_t len)
{
	if (len <= 32)
		move_small(dst, src, len);
	else
		move_up(dst, src, len);
	return dst;
}

void *memmove(void *dst, const void *src, size_t len)
{
	if (len <= 32)
		move_small(dst, src, len);
	else if ((unsigned long)dst - (unsigned long)src >= len)
		move_up(dst, src, len);
	else
		move_down(dst, src, len);
	return dst;
}

void *memset(void *dst, int c, size_t len)
{
	u64 v = (u8)c * 0x0101010101010101ULL;
	struct block32 b = {{v, v, v, v}};
	u8 *d = dst;

	if (len > 32) {
		u8 *last = d + len - 32;

		for (; len > 128; len -= 128, d += 128) {
			store32(d, b);
			store32(d + 32, b);
			store32(d + 64, b);
			store32(d + 96, b);
		}
		for (; len > 32; len -= 32, d += 32)
			store32(d, b);
		store32(last, b);
	} else if (len >= 8) {
		store8(d, v);
		store8(d + len - 8, v);
		if (len > 16) {
			store8(d + 8, v);
			store8(d + len - 16, v);
		}
	} else if (len >= 4) {
		*(u32_any *)d = (u32)v;
		*(u32_any *)(d + len - 4) = (u32)v;
	} else if (len) {
		d[0] = (u8)v;
		d[len / 2] = (u8)v;
		d[len - 1] = (u8)v;
	}
	return dst;
}

/* The sign of a - b as strings of bytes; the words differ. */
static __always_inline int word_order(u64 a, u64 b)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	a = __builtin_bswap64(a);
	b = __builtin_bswap64(b);
#endif
	return a < b ? -1 : 1;
}

int memcmp(const void *a, const void *b, size_t len)
{
	const u8 *p = a, *q = b;
	u64 x, y;

	if (len < 8) {
		for (; len; len--, p++, q++) {
			if (*p != *q)
				return *p - *q;
		}
		return 0;
	}
	for (; len > 8; len -= 8, p += 8, q += 8) {
		x = load8(p);
		y = load8(q);
		if (x != y)
			return word_order(x, y);
	}
	x = load8(p + len - 8);
	y = load8(q + len - 8);
	return x == y ? 0 : word_order(x, y);
}

/* Non-zero when a byte of @w is zero [Warren, Hacker's Delight 6-1]. */
static __always_inline u64 word_has_zero(u64 w)
{
	return (w - 0x0101010101010101ULL) & ~w & 0x8080808080808080ULL;
}

void *memchr(const void *p, int c, size_t len)
{
	u64 pattern = (u8)c * 0x0101010101010101ULL;
	const u8 *s = p;

	for (; len >= 8 && !word_has_zero(load8(s) ^ pattern); len -= 8)
		s += 8;
	for (; len; len--, s++) {
		if (*s == (u8)c)
			return (void *)s;
	}
	return NULL;
}
