/* SPDX-License-Identifier: BSD-2-Clause */
/* memcmp and memchr, a word at a time at any alignment. */
#define LIB_STRING_IMPL
#include <lib/string.h>

static __always_inline u64 load8(const void *p)
{
	return *(const u64_any *)p;
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
