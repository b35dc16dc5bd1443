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

#define HIGH                 \
	"gr\xc3\xbc\xc3\x9f" \
	"e-\xff\x80" /* debugfs knows the signed kind only */

TEST(dirhash_of_signed_characters)
{
	static const u32 none[4] = {0};
	static const struct ext4_hash want[] = {
		{0x3f593010, 0}, {0x499f0048, 0x2dc4241}, {0xae1b1982, 0x3a8260c5}};
	struct ext4_hash h;

	for (u32 v = 0; v < ARRAY_SIZE(want); v++) {
		CHECK_EQ(ext4_dirhash(none, v, HIGH, sizeof(HIGH) - 1, &h), 0);
		CHECK_EQ(h.major, want[v].major);
		CHECK_EQ(h.minor, want[v].minor);
		CHECK_EQ(ext4_dirhash(none, v + 3, HIGH, sizeof(HIGH) - 1, &h), 0);
		CHECK_EQ(h.major != want[v].major, true);
	}
}

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
