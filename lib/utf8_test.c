/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/utf8.h>

#include <lib/errno.h>
#include <lib/test.h>

TEST(utf8_all_characters)
{
	for (u32 c = 0; c < 0x110000; c += c < 0x20000 ? 1 : 97) {
		bool surrogate = c >= 0xd800 && c < 0xe000;
		u32 back = ~0U;
		char s[4];
		int len = utf8_encode(c, s);

		if (surrogate ? len != -EILSEQ : utf8_decode(s, 4, &back) != len || back != c)
			FAIL("%#x: %d, %#x", c, len, back);
		for (int cut = 1; !surrogate && cut < len; cut++)
			CHECK(utf8_decode(s, (size_t)cut, &back) == -EINVAL);
	}
	CHECK_EQ(utf8_encode(0x110000, (char[4]){0}), -EILSEQ);
}

/* Each string of four bytes of a few kinds: what decodes must encode to the same bytes. */
TEST(utf8_only_shortest_forms)
{
	for (u64 round = 0; round < test_rounds(200000); round++) {
		static const u8 first[] = {0x7f, 0x80, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef,
			0xf0, 0xf4, 0xf5, 0xff};
		char s[4], again[4];
		u32 c = 0;
		int len;

		s[0] = (char)first[test_rand_below(ARRAY_SIZE(first))];
		for (int i = 1; i < 4; i++)
			s[i] = (char)(0x70 + test_rand_below(0x60));
		len = utf8_decode(s, 4, &c);
		if (len > 0) {
			CHECK_EQ(utf8_encode(c, again), len);
			CHECK_MEM_EQ(s, again, (size_t)len);
		} else {
			CHECK_EQ(len, -EILSEQ);
		}
	}
}

TEST(utf8_validity)
{
	CHECK(utf8_is_valid("", 0));
	CHECK(utf8_is_valid("gr\xc3\xbc\xc3\x9f", 6));
	CHECK(!utf8_is_valid("gr\xc3", 3));
	CHECK(!utf8_is_valid("\xed\xa0\x80", 3));
	CHECK(!utf8_is_valid("\xc0\x80", 2));
	CHECK(!utf8_is_valid("\xf4\x90\x80\x80", 4));
}
