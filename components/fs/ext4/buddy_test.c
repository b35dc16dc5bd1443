/* SPDX-License-Identifier: BSD-2-Clause */
#include "buddy.h"
#include <stdlib.h>
#include <lib/string.h>
#include <lib/test.h>

#define N 1000

TEST(buddy_random_against_a_plain_map)
{
	struct ext4_buddy *b = malloc(ext4_buddy_bytes(N));
	u8 is_free[N] = {0};

	ext4_buddy_init(b, N);
	CHECK(ext4_buddy_free(b, 0, N));
	memset(is_free, 1, N);
	for (u64 round = 0; round < test_rounds(4000); round++) {
		u32 start, len;

		if (test_rand_below(2)) {
			u32 want = 1 + (u32)test_rand_below(60);
			bool found =
				ext4_buddy_find(b, (u32)test_rand_below(2 * N), want, &start, &len);

			CHECK_EQ(found, memchr(is_free, 1, N) != NULL);
			if (!found)
				continue;
			CHECK(len >= 1 && len <= want && start + len <= N);
			for (u32 i = start; i < start + len; i++)
				CHECK(is_free[i]);
			ext4_buddy_use(b, start, len);
			memset(is_free + start, 0, len);
		} else {
			bool any = false;

			start = (u32)test_rand_below(N);
			len = 1 + (u32)test_rand_below(min_t(u32, N - start, 20));
			for (u32 i = start; i < start + len; i++)
				any |= is_free[i];
			CHECK_EQ(ext4_buddy_free(b, start, len), !any);
			if (!any)
				memset(is_free + start, 1, len);
		}
		start = (u32)test_rand_below(N);
		for (len = 0; start + len < N && is_free[start + len]; len++)
			;
		CHECK_EQ(ext4_buddy_run(b, start, N), len);
		if (round % 16 == 0)
			CHECK(ext4_buddy_check(b));
	}
	CHECK(!ext4_buddy_free(b, N - 1, 2));
	free(b);
}
