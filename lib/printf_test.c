/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's vsnprintf, under another name, against libc's. */
#include <stdio.h>
#include <string.h>

static int (*const libc_snprintf)(char *, size_t, const char *, ...) = snprintf;

#define vsnprintf nos_vsnprintf
#define snprintf  nos_snprintf
#include "printf.c"

#include <lib/strbuf.h>
#include <lib/test.h>

/* The compiler must not see the formats that are wrong on purpose. */
static const char *hidden(const char *format)
{
	OPAQUE(format);
	return format;
}

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"

#define SAME(...)                                                          \
	do {                                                               \
		char ours_[256], libc_[256];                               \
		int n_ = snprintf(ours_, sizeof(ours_), __VA_ARGS__);      \
		int m_ = libc_snprintf(libc_, sizeof(libc_), __VA_ARGS__); \
                                                                           \
		CHECK_EQ(n_, m_);                                          \
		CHECK_STR_EQ(ours_, libc_);                                \
	} while (0)

static const s64 numbers[] = {0, 1, -1, 7, 8, 9, 10, 42, -42, 127, -128, 255, 256, 32767, -32768,
	65535, S32_MAX, S32_MIN, 0xffffffffLL, 1234567890123LL, S64_MAX, S64_MIN};

/* Every combination of flags, widths, precisions and lengths. */
TEST(printf_numbers_all_forms)
{
	static const char *const widths[] = {"", "1", "5", "25"};
	static const char *const precisions[] = {"", ".", ".0", ".1", ".7", ".24"};
	static const char *const lengths[] = {"hh", "h", "", "l", "ll", "z", "t", "j"};

	for (unsigned flags = 0; flags < 32; flags++) {
		for (unsigned w = 0; w < ARRAY_SIZE(widths); w++) {
			for (unsigned p = 0; p < ARRAY_SIZE(precisions); p++) {
				for (const char *conv = "diuoxX"; *conv; conv++) {
					char format[40];
					s64 v = numbers[test_rand_below(ARRAY_SIZE(numbers))];

					libc_snprintf(format, sizeof(format),
						"[%%%s%s%s%s%s%s%s%s%c]", flags & 1 ? "-" : "",
						flags & 2 ? "+" : "", flags & 4 ? " " : "",
						flags & 8 ? "#" : "", flags & 16 ? "0" : "",
						widths[w], precisions[p],
						lengths[test_rand_below(ARRAY_SIZE(lengths))],
						*conv);
					SAME(format, v);
				}
			}
		}
	}
}

TEST(printf_every_number)
{
	for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
		s64 v = numbers[i];

		SAME("%d %u %x %X %o", (int)v, (unsigned)v, (unsigned)v, (unsigned)v, (unsigned)v);
		SAME("%lld %llu %#llx %#llo", v, v, v, v);
		SAME(hidden("%hhd %hhu %hd %hu"), (int)v, (int)v, (int)v, (int)v);
	}
}

TEST(printf_text)
{
	SAME("plain");
	SAME("%s|%10s|%-10s|%.2s|%.*s|%.0s", "abc", "abc", "abc", "abc", 1, "abc", "abc");
	SAME("%c|%5c|%-5c|%%", 'x', 'y', 'z');
	SAME("%*d|%-*d|%*d", 8, 1, 8, 2, -8, 3);
	SAME(hidden("%.*d|%.*s"), -1, 5, -7, "all");
	SAME("%p", (void *)0x1234abcd);
	SAME(hidden("%s"), (char *)NULL);
}

/* A precision bounds what is read, not only what is printed. */
TEST(printf_unterminated)
{
	char raw[3] = {'a', 'b', 'c'}, out[8];

	CHECK_EQ(snprintf(out, sizeof(out), "%.3s", raw), 3);
	CHECK_STR_EQ(out, "abc");
}

TEST(printf_cut)
{
	for (size_t size = 0; size < 24; size++) {
		char ours[32], libc[32];

		memset(ours, '~', sizeof(ours));
		memset(libc, '~', sizeof(libc));
		CHECK_EQ(snprintf(ours, size, "%5d-%s-%-6x|", 42, "text", 0xabc), 18);
		libc_snprintf(libc, size, "%5d-%s-%-6x|", 42, "text", 0xabc);
		CHECK_MEM_EQ(ours, libc, sizeof(ours));
	}
	CHECK_EQ(snprintf(NULL, 0, "%d", 12345), 5);
}

TEST(printf_odd)
{
	char out[64];

	snprintf(out, sizeof(out), hidden("%f %n %y|"), 1);
	CHECK_STR_EQ(out, "%f %n %y|");
	CHECK_EQ(snprintf(out, sizeof(out), hidden("100%")), 4);
	CHECK_STR_EQ(out, "100%");
	CHECK_EQ(snprintf(out, sizeof(out), hidden("%2147483647d%2147483647d"), 1, 1), -EOVERFLOW);
	CHECK_EQ(snprintf(out, sizeof(out), hidden("%99999999999d"), 1), INT_MAX);
	CHECK_EQ(snprintf(out, sizeof(out), hidden("%-5")), 3);
}

TEST(scnprintf_returns_written)
{
	char out[8];

	CHECK_EQ(scnprintf(out, sizeof(out), "%s", "abc"), 3);
	CHECK_EQ(scnprintf(out, sizeof(out), "%s", "abcdefghij"), 7);
	CHECK_EQ(scnprintf(out, 0, "%s", "abc"), 0);
	CHECK_EQ(scnprintf(out, 1, "%s", "abc"), 0);
}

TEST(strbuf_grows_to_the_brim)
{
	char buf[12];
	struct strbuf sb;

	strbuf_init(&sb, buf, sizeof(buf));
	strbuf_puts(&sb, "ab");
	strbuf_putc(&sb, 'c');
	strbuf_printf(&sb, "%03d", 7);
	strbuf_put_u64(&sb, 0);
	CHECK_STR_EQ(buf, "abc0070");
	CHECK(!strbuf_overflowed(&sb));
	strbuf_put_u64(&sb, 1234);
	CHECK(!strbuf_overflowed(&sb));
	CHECK_EQ(sb.len, 11);
	strbuf_printf(&sb, "%s", "xy");
	CHECK_EQ(sb.lost, 2);
	strbuf_putc(&sb, 'z');
	CHECK_EQ(sb.lost, 3);
	CHECK_STR_EQ(buf, "abc00701234");
	strbuf_init(&sb, buf, sizeof(buf));
	strbuf_put_u64(&sb, 18446744073709551615ULL);
	CHECK_STR_EQ(buf, "18446744073");
	CHECK_EQ(sb.lost, 9);
}
