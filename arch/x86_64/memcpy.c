/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib/memcpy.c's place on x86-64: long runs go through the string unit by quadwords, which every
 * processor of the last fifteen years moves a cache line at a time, with or without ERMS.
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif
#define LIB_STRING_IMPL
#include <lib/mem_impl.h>
#include <lib/string.h>

#define STRING_MIN 256 /* where the start of the string unit has paid */

static __always_inline void string_copy(u8 *d, const u8 *s, size_t len)
{
	u64 tail = mem_load8(s + len - 8);
	u8 *tail_d = d + len - 8;
	size_t words = len / 8;

	__asm__ volatile("rep movsq" : "+D"(d), "+S"(s), "+c"(words) : : "memory");
	mem_store8(tail_d, tail);
}

static __always_inline void string_set(u8 *d, u64 v, size_t len)
{
	u8 *tail_d = d + len - 8;
	size_t words = len / 8;

	__asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(v) : "memory");
	mem_store8(tail_d, v);
}

void *memcpy(void *restrict dst, const void *restrict src, size_t len)
{
	if (len <= 32)
		mem_move_small(dst, src, len);
	else if (len < STRING_MIN)
		mem_copy_up(dst, src, len);
	else
		string_copy(dst, src, len);
	return dst;
}

void *memmove(void *dst, const void *src, size_t len)
{
	unsigned long ahead = (unsigned long)dst - (unsigned long)src;

	if (len <= 32)
		mem_move_small(dst, src, len);
	else if (ahead < len)
		mem_move_down(dst, src, len);
	else if (-ahead < len)
		mem_move_up(dst, src, len);
	else
		memcpy(dst, src, len);
	return dst;
}

void *memset(void *dst, int c, size_t len)
{
	if (len <= 32)
		mem_set_small(dst, mem_pattern(c), len);
	else if (len < STRING_MIN)
		mem_set_up(dst, mem_pattern(c), len);
	else
		string_set(dst, mem_pattern(c), len);
	return dst;
}
