/* SPDX-License-Identifier: BSD-2-Clause */
#include "csum.h"

/* Sum 32-bit words in 64 bits: 2^32 of them fit before it could wrap. */
u64 csum_add(u64 sum, const void *p, size_t n)
{
	const u8 *at = p;
	u64 a = 0, b = 0;

	for (; n >= 16; n -= 16, at += 16) {
		u64 x = *(const u64_any *)at, y = *(const u64_any *)(at + 8);

		a += (x & U32_MAX) + (x >> 32);
		b += (y & U32_MAX) + (y >> 32);
	}
	for (; n >= 4; n -= 4, at += 4)
		a += *(const u32_any *)at;
	if (n >= 2) {
		b += *(const u16_any *)at;
		at += 2;
		n -= 2;
	}
	if (n)
		b += ENDIAN_LE(16, (u16)*at);
	return csum_merge(sum, a + b);
}
