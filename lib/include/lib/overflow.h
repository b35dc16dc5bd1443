/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arithmetic that tells when the result does not fit its destination. Sides and *@out may have
 * different types.
 */
#pragma once

#include <lib/types.h>

/* True on overflow; *@out then holds the wrapped value, which the caller must not use. */
#define add_overflow(a, b, out) __builtin_add_overflow(a, b, out)
#define sub_overflow(a, b, out) __builtin_sub_overflow(a, b, out)
#define mul_overflow(a, b, out) __builtin_mul_overflow(a, b, out)

/* Sizes that stick at SIZE_MAX, which no allocator grants. */
static inline size_t size_add(size_t a, size_t b)
{
	size_t r;

	return add_overflow(a, b, &r) ? SIZE_MAX : r;
}

static inline size_t size_mul(size_t a, size_t b)
{
	size_t r;

	return mul_overflow(a, b, &r) ? SIZE_MAX : r;
}

/* Bytes of a structure with @n elements of @elem at its end. */
static inline size_t size_struct(size_t head, size_t n, size_t elem)
{
	return size_add(head, size_mul(n, elem));
}

/* Does [@start, @start + @len) leave [0, @limit)? Safe for all values. */
static inline bool range_exceeds(u64 start, u64 len, u64 limit)
{
	return start > limit || len > limit - start;
}
