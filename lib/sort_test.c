/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/sort.h>

#include <stdlib.h>
#include <string.h>

#include <lib/test.h>

struct item {
	u32 key;
	u8 pad[9]; /* no multiple of a word */
} __packed;

static int item_cmp(const void *a, const void *b, void *arg)
{
	u32 x = ((const struct item *)a)->key, y = ((const struct item *)b)->key;

	++*(u64 *)arg;
	return (x > y) - (x < y);
}

static int item_cmp_libc(const void *a, const void *b)
{
	u64 count = 0;

	return item_cmp(a, b, &count);
}

TEST(sort_random)
{
	static struct item a[300], b[300];

	for (u64 round = 0; round < test_rounds(500); round++) {
		size_t n = test_rand_below(ARRAY_SIZE(a) + 1), range = 1 + test_rand_below(400);
		u64 compared = 0;

		for (size_t i = 0; i < n; i++) {
			a[i].key = (u32)test_rand_below(range);
			memset(a[i].pad, (int)a[i].key, sizeof(a[i].pad));
		}
		memcpy(b, a, sizeof(a));
		sort(a, n, sizeof(a[0]), item_cmp, &compared);
		CHECK(compared <= 2 * n * 9 + n);
		qsort(b, n, sizeof(b[0]), item_cmp_libc);
		CHECK_MEM_EQ(a, b, n * sizeof(a[0]));
	}
}

TEST(search_random)
{
	static struct item a[100];

	for (u64 round = 0; round < test_rounds(2000); round++) {
		size_t n = test_rand_below(ARRAY_SIZE(a)), i;
		struct item key = {.key = (u32)test_rand_below(60)}, *found;
		u64 compared = 0;

		for (i = 0; i < n; i++)
			a[i].key = (u32)test_rand_below(50);
		sort(a, n, sizeof(a[0]), item_cmp, &compared);
		for (i = 0; i < n && a[i].key < key.key; i++)
			;
		CHECK_EQ(lower_bound(&key, a, n, sizeof(a[0]), item_cmp, &compared), i);
		found = binary_search(&key, a, n, sizeof(a[0]), item_cmp, &compared);
		CHECK(found == (i < n && a[i].key == key.key ? &a[i] : NULL));
	}
}
