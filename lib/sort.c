/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/sort.h>

static void swap_elements(u8 *a, u8 *b, size_t size)
{
	for (; size >= 8; size -= 8, a += 8, b += 8)
		swap(*(u64_any *)a, *(u64_any *)b);
	for (; size; size--, a++, b++)
		swap(*a, *b);
}

/* Let element @i sink below larger children; [0, @n) is the heap. */
static void sift_down(u8 *base, size_t i, size_t n, size_t size, sort_cmp_fn cmp, void *arg)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= n)
			return;
		if (child + 1 < n && cmp(base + child * size, base + (child + 1) * size, arg) < 0)
			child++;
		if (cmp(base + i * size, base + child * size, arg) >= 0)
			return;
		swap_elements(base + i * size, base + child * size, size);
		i = child;
	}
}

void sort(void *base, size_t n, size_t size, sort_cmp_fn cmp, void *arg)
{
	for (size_t i = n / 2; i-- > 0;)
		sift_down(base, i, n, size, cmp, arg);
	for (size_t i = n; i-- > 1;) {
		swap_elements(base, (u8 *)base + i * size, size);
		sift_down(base, 0, i, size, cmp, arg);
	}
}
