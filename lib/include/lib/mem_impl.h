/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pieces of memcpy, memmove and memset, for lib/memcpy.c and for a processor that has its own
 * (arch/X/memcpy.c takes its place): general registers only, whole words at any alignment.
 *
 * Sizes below one block are covered by two accesses that overlap in the middle, so that the number
 * of branches grows with the logarithm of the size. A longer run is unrolled, and its remainder is
 * one block that ends at the end. Where source and destination may overlap, that last block (or
 * first, going backwards) is loaded before anything is stored.
 *
 * The compiler must not find these loops to be memcpy: the including file begins with the pragma
 * no-tree-loop-distribute-patterns for gcc (clang: -ffreestanding).
 */
#pragma once

#include <lib/types.h>

struct mem_block {
	u64 w[4];
};

static __always_inline u64 mem_load8(const void *p)
{
	return *(const u64_any *)p;
}

static __always_inline void mem_store8(void *p, u64 v)
{
	*(u64_any *)p = v;
}

static __always_inline struct mem_block mem_load32(const u8 *p)
{
	return (struct mem_block){
		{mem_load8(p), mem_load8(p + 8), mem_load8(p + 16), mem_load8(p + 24)}};
}

static __always_inline void mem_store32(u8 *p, struct mem_block b)
{
	mem_store8(p, b.w[0]);
	mem_store8(p + 8, b.w[1]);
	mem_store8(p + 16, b.w[2]);
	mem_store8(p + 24, b.w[3]);
}

/* @len <= 32; loads everything before it stores anything, so the two may overlap. */
static __always_inline void mem_move_small(u8 *d, const u8 *s, size_t len)
{
	if (len > 16) {
		u64 a = mem_load8(s), b = mem_load8(s + 8);
		u64 y = mem_load8(s + len - 16), z = mem_load8(s + len - 8);

		mem_store8(d, a);
		mem_store8(d + 8, b);
		mem_store8(d + len - 16, y);
		mem_store8(d + len - 8, z);
	} else if (len >= 8) {
		u64 a = mem_load8(s), z = mem_load8(s + len - 8);

		mem_store8(d, a);
		mem_store8(d + len - 8, z);
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

/* @len > 32; the two do not overlap. */
static __always_inline void mem_copy_up(u8 *d, const u8 *s, size_t len)
{
	for (; len > 128; len -= 128, d += 128, s += 128) {
		mem_store32(d, mem_load32(s));
		mem_store32(d + 32, mem_load32(s + 32));
		mem_store32(d + 64, mem_load32(s + 64));
		mem_store32(d + 96, mem_load32(s + 96));
	}
	for (; len > 32; len -= 32, d += 32, s += 32)
		mem_store32(d, mem_load32(s));
	mem_store32(d + len - 32, mem_load32(s + len - 32));
}

/* @len > 32; @d is below @s. */
static __always_inline void mem_move_up(u8 *d, const u8 *s, size_t len)
{
	struct mem_block last = mem_load32(s + len - 32);
	u8 *last_d = d + len - 32;

	for (; len > 32; len -= 32, d += 32, s += 32)
		mem_store32(d, mem_load32(s));
	mem_store32(last_d, last);
}

/* @len > 32; @d above @s. */
static __always_inline void mem_move_down(u8 *d, const u8 *s, size_t len)
{
	struct mem_block first = mem_load32(s);

	for (; len > 32; len -= 32)
		mem_store32(d + len - 32, mem_load32(s + len - 32));
	mem_store32(d, first);
}

/* The byte @c in all bytes of a word. */
static __always_inline u64 mem_pattern(int c)
{
	return (u8)c * 0x0101010101010101ULL;
}

/* @len <= 32 */
static __always_inline void mem_set_small(u8 *d, u64 v, size_t len)
{
	if (len >= 8) {
		mem_store8(d, v);
		mem_store8(d + len - 8, v);
		if (len > 16) {
			mem_store8(d + 8, v);
			mem_store8(d + len - 16, v);
		}
	} else if (len >= 4) {
		*(u32_any *)d = (u32)v;
		*(u32_any *)(d + len - 4) = (u32)v;
	} else if (len) {
		d[0] = (u8)v;
		d[len / 2] = (u8)v;
		d[len - 1] = (u8)v;
	}
}

/* @len > 32 */
static __always_inline void mem_set_up(u8 *d, u64 v, size_t len)
{
	struct mem_block b = {{v, v, v, v}};

	for (; len > 128; len -= 128, d += 128) {
		mem_store32(d, b);
		mem_store32(d + 32, b);
		mem_store32(d + 64, b);
		mem_store32(d + 96, b);
	}
	for (; len > 32; len -= 32, d += 32)
		mem_store32(d, b);
	mem_store32(d + len - 32, b);
}
