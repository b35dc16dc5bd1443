/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sorting and searching of arrays in place. cmp(a, b, arg): negative, zero or positive as *a is
 * below, equal or above *b.
 */
#pragma once

#include <lib/types.h>

typedef int (*sort_cmp_fn)(const void *a, const void *b, void *arg);

/* Heapsort: O(n log n) always, no recursion, no memory; not stable. */
void sort(void *base, size_t n, size_t size, sort_cmp_fn cmp, void *arg);

/* The index of the first element that is not below *@key in a sorted array; @n if all are. */
static inline size_t lower_bound(
	const void *key, const void *base, size_t n, size_t size, sort_cmp_fn cmp, void *arg)
{
	size_t lo = 0;

	while (n) {
		size_t half = n / 2;

		if (cmp((const char *)base + (lo + half) * size, key, arg) < 0) {
			lo += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return lo;
}

/* An element equal to *@key in a sorted array, or NULL. */
static inline void *binary_search(
	const void *key, const void *base, size_t n, size_t size, sort_cmp_fn cmp, void *arg)
{
	size_t i = lower_bound(key, base, n, size, cmp, arg);
	const char *p = (const char *)base + i * size;

	return i < n && cmp(p, key, arg) == 0 ? (void *)p : NULL;
}
