/* SPDX-License-Identifier: BSD-2-Clause */
/* Against what debugfs' dx_hash says; names with bytes above 127 tell signed from unsigned. */
#include "impl.h"
#include <lib/test.h>

static const struct {
	unsigned version;
	const char *name;
	u32 major, minor;
} cases[] = {
	{0, "a", 0xe74b53e2, 0x0},
	{0, "hello", 0x32252546, 0x0},
	{0, "a-file-with-a-longer-name-than-32-bytes-in-it", 0x73ab6c, 0x0},
	{1, "a", 0xd5fa7d7a, 0xacb48187},
	{1, "hello", 0x1746da32, 0x420013b5},
	{1, "a-file-with-a-longer-name-than-32-bytes-in-it", 0xf8908b94, 0x37003137},
	{2, "a", 0x6d0ea4c0, 0xc18922df},
	{2, "hello", 0x6f5bb1a8, 0x231917c2},
	{2, "a-file-with-a-longer-name-than-32-bytes-in-it", 0x27958b90, 0x42410f7c},
};

TEST(dirhash_as_debugfs_says)
{
	static const u32 none[4] = {0}, seed[4] = {0x4a0a7d8d, 0x074e4e2f, 0xe0d2a2d2, 0xc3b2a1f0};
	struct ext4_hash h;

	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		for (u32 is_unsigned = 0; is_unsigned <= 3; is_unsigned += 3) {
			CHECK_EQ(ext4_dirhash(none, cases[i].version + is_unsigned, cases[i].name,
					 (u32)strlen(cases[i].name), &h),
				0);
			CHECK_EQ(h.major, cases[i].major);
			CHECK_EQ(h.minor, cases[i].minor);
		}
	}
	CHECK_EQ(ext4_dirhash(seed, 1, "hello", 5, &h), 0);
	CHECK_EQ(h.major != cases[4].major, true);
	CHECK_EQ(ext4_dirhash(none, 6, "hello", 5, &h), -EINVAL);
}
