/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/parse.h>

#include <lib/bitmap.h>
#include <lib/ctype.h>
#include <lib/errno.h>
#include <lib/test.h>

static void expect_u64(const char *s, unsigned base, int err, u64 value)
{
	u64 v = 99;
	int got = strtou64(s, base, &v);

	if (got != err || v != (err ? 99 : value))
		FAIL("strtou64(\"%s\", %u): %d, %llu", s, base, got, v);
	CHECK(got == err);
}

static void expect_s64(const char *s, int err, s64 value)
{
	s64 v = 99;
	int got = strtos64(s, 0, &v);

	if (got != err || v != (err ? 99 : value))
		FAIL("strtos64(\"%s\"): %d, %lld", s, got, v);
	CHECK(got == err);
}

TEST(strtou64_cases)
{
	expect_u64("0", 0, 0, 0);
	expect_u64("18446744073709551615", 0, 0, U64_MAX);
	expect_u64("18446744073709551616", 0, -ERANGE, 0);
	expect_u64("99999999999999999999999", 0, -ERANGE, 0);
	expect_u64("0xffffffffffffffff", 0, 0, U64_MAX);
	expect_u64("0x10000000000000000", 0, -ERANGE, 0);
	expect_u64("0Xf", 16, 0, 15);
	expect_u64("f", 16, 0, 15);
	expect_u64("0755", 0, 0, 0755);
	expect_u64("0755", 10, 0, 755);
	expect_u64("08", 0, -EINVAL, 0);
	expect_u64("0x", 0, -EINVAL, 0);
	expect_u64("0xg", 0, -EINVAL, 0);
	expect_u64("", 0, -EINVAL, 0);
	expect_u64("+", 0, -EINVAL, 0);
	expect_u64("+5", 0, 0, 5);
	expect_u64("-5", 0, -EINVAL, 0);
	expect_u64("++5", 0, -EINVAL, 0);
	expect_u64(" 5", 0, -EINVAL, 0);
	expect_u64("5 ", 0, -EINVAL, 0);
	expect_u64("5\n", 0, -EINVAL, 0);
	expect_u64("zz", 36, 0, 35 * 36 + 35);
	expect_u64("102", 2, -EINVAL, 0);
}

TEST(strtos64_cases)
{
	expect_s64("9223372036854775807", 0, S64_MAX);
	expect_s64("9223372036854775808", -ERANGE, 0);
	expect_s64("-9223372036854775808", 0, S64_MIN);
	expect_s64("-9223372036854775809", -ERANGE, 0);
	expect_s64("-0", 0, 0);
	expect_s64("-0x10", 0, -16);
	expect_s64("-+1", -EINVAL, 0);
	expect_s64("--1", -EINVAL, 0);
	expect_s64("-", -EINVAL, 0);
}

TEST(strto32_limits)
{
	u32 u = 1;
	s32 s = 1;

	CHECK_EQ(strtou32("4294967295", 0, &u), 0);
	CHECK_EQ(u, U32_MAX);
	CHECK_EQ(strtou32("4294967296", 0, &u), -ERANGE);
	CHECK_EQ(strtos32("-2147483648", 0, &s), 0);
	CHECK(s == S32_MIN);
	CHECK_EQ(strtos32("2147483648", 0, &s), -ERANGE);
	CHECK_EQ(strtos32("-2147483649", 0, &s), -ERANGE);
	CHECK(s == S32_MIN);
}

TEST(parse_size_units)
{
	const char *end;
	u64 v = 0;

	CHECK_EQ(parse_size("512M", &v), 0);
	CHECK_EQ(v, 512ULL << 20);
	CHECK_EQ(parse_size("0x10k", &v), 0);
	CHECK_EQ(v, 16384);
	CHECK_EQ(parse_size("15E", &v), 0);
	CHECK_EQ(parse_size("16E", &v), -ERANGE);
	CHECK_EQ(parse_size("5MB", &v), -EINVAL);
	CHECK_EQ(parse_size("M", &v), -EINVAL);
	CHECK_EQ(parse_size_prefix("1G@4096", &end, &v), 0);
	CHECK_EQ(v, 1ULL << 30);
	CHECK_STR_EQ(end, "@4096");
}

TEST(parse_bool_words)
{
	bool v = false;

	CHECK(parse_bool("ON", &v) == 0 && v);
	CHECK(parse_bool("n", &v) == 0 && !v);
	CHECK(parse_bool("1", &v) == 0 && v);
	CHECK(parse_bool("False", &v) == 0 && !v);
	CHECK_EQ(parse_bool("maybe", &v), -EINVAL);
	CHECK_EQ(parse_bool("", &v), -EINVAL);
}

TEST(parse_bitmap_list_cases)
{
	BITMAP_DECLARE(map, 100);

	CHECK_EQ(parse_bitmap_list("0-3,8,64-65", map, 100), 0);
	CHECK_EQ(map[0], 0x10f);
	CHECK_EQ(map[1], 3);
	CHECK_EQ(parse_bitmap_list("", map, 100), 0);
	CHECK(bitmap_is_empty(map, 100));
	CHECK_EQ(parse_bitmap_list("99", map, 100), 0);
	CHECK_EQ(parse_bitmap_list("100", map, 100), -ERANGE);
	CHECK_EQ(parse_bitmap_list("5-100", map, 100), -ERANGE);
	CHECK_EQ(parse_bitmap_list("5-4", map, 100), -EINVAL);
	CHECK_EQ(parse_bitmap_list("1,", map, 100), -EINVAL);
	CHECK_EQ(parse_bitmap_list(",1", map, 100), -EINVAL);
	CHECK_EQ(parse_bitmap_list("1-", map, 100), -EINVAL);
	CHECK_EQ(parse_bitmap_list("1x", map, 100), -EINVAL);
}

TEST(ctype_classes)
{
	for (int c = -1; c < 300; c++) {
		bool ascii = c >= 0 && c < 128;

		CHECK_EQ(is_digit(c), c >= '0' && c <= '9');
		CHECK_EQ(is_alpha(c), (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
		CHECK_EQ(is_xdigit(c),
			is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'));
		CHECK_EQ(is_space(c), c == ' ' || (c >= 9 && c <= 13));
		CHECK_EQ(is_print(c), c >= 32 && c < 127);
		CHECK_EQ(is_cntrl(c), ascii && !is_print(c));
		CHECK_EQ(is_punct(c), is_print(c) && c != ' ' && !is_alnum(c));
		CHECK_EQ(to_lower(c), is_upper(c) ? c + 32 : c);
		CHECK_EQ(to_upper(c), is_lower(c) ? c - 32 : c);
	}
	CHECK_EQ(digit_value('z'), 35);
	CHECK_EQ(digit_value('_'), -1);
}
