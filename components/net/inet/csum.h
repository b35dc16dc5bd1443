/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The Internet checksum [rfc1071]: ones' complement sum of 16-bit words, kept unfolded in 64 bits, words as they lie in memory.
 */
#include "addr.h"

/* @sum plus the words of [p, p + n), the first at an even place. */
u64 csum_add(u64 sum, const void *p, size_t n);

static inline u64 csum_merge(u64 a, u64 b)
{
	a += b;
	return a + (a < b);
}

/* 16 bits, not complemented. */
static inline u16 csum_fold(u64 sum)
{
	sum = (sum & U32_MAX) + (sum >> 32);
	sum = (sum & U32_MAX) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16)sum;
}

/* What goes into a header, as it lies there. */
static inline u16 csum_finish(u64 sum)
{
	return (u16)~csum_fold(sum);
}

/* The sum of the pseudo header of TCP, UDP, ICMPv6 [rfc9293 3.1] [rfc8200 8.1]. */
static inline u64 csum_pseudo(const union ipaddr *src, const union ipaddr *dst, u32 len, u8 proto)
{
	u64 sum = ENDIAN_BE(32, len) + (u64)ENDIAN_BE(32, (u32)proto);

	if (ip_is4(src))
		return sum + src->w[3] + dst->w[3];
	for (unsigned i = 0; i < 4; i++)
		sum += (u64)src->w[i] + dst->w[i];
	return sum;
}

/* A header's checksum @check (as it lies there) after a word of it changed from @old to @new [rfc1624]. */
static inline u16 csum_replace(u16 check, u16 old, u16 new)
{
	return csum_finish((u64)(u16)~check + (u16)~old + new);
}
