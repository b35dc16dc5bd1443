/* SPDX-License-Identifier: BSD-2-Clause */
/* For processors without a better way; see lib/mem_impl.h. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif
#define LIB_STRING_IMPL
#include <lib/mem_impl.h>
#include <lib/string.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t len)
{
	if (len <= 32)
		mem_move_small(dst, src, len);
	else
		mem_copy_up(dst, src, len);
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
		mem_copy_up(dst, src, len);
	return dst;
}

void *memset(void *dst, int c, size_t len)
{
	if (len <= 32)
		mem_set_small(dst, mem_pattern(c), len);
	else
		mem_set_up(dst, mem_pattern(c), len);
	return dst;
}
