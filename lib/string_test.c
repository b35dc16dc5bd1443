/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's str*, under other names, against libc's; and lib/strutil.c. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
	size_t (*len)(const char *);
	size_t (*nlen)(const char *, size_t);
	int (*cmp)(const char *, const char *);
	int (*ncmp)(const char *, const char *, size_t);
	int (*casecmp)(const char *, const char *);
	int (*ncasecmp)(const char *, const char *, size_t);
	char *(*chr)(const char *, int);
	char *(*rchr)(const char *, int);
	char *(*str)(const char *, const char *);
	size_t (*spn)(const char *, const char *);
	size_t (*cspn)(const char *, const char *);
	char *(*pbrk)(const char *, const char *);
	char *(*sep)(char **, const char *);
} libc = {strlen, strnlen, strcmp, strncmp, strcasecmp, strncasecmp, strchr, strrchr, strstr,
	strspn, strcspn, strpbrk, strsep};

#define strlen      nos_strlen
#define strnlen     nos_strnlen
#define strcmp      nos_strcmp
#define strncmp     nos_strncmp
#define strcasecmp  nos_strcasecmp
#define strncasecmp nos_strncasecmp
#define strchr      nos_strchr
#define strrchr     nos_strrchr
#define strstr      nos_strstr
#define strspn      nos_strspn
#define strcspn     nos_strcspn
#define strpbrk     nos_strpbrk
#define strsep      nos_strsep
#include "string.c"

#include <lib/errno.h>
#include <lib/test.h>

static int sign(int x)
{
	return (x > 0) - (x < 0);
}

/* A random string of few different letters at a random alignment in @buf, which is filled with
 * them. */
static char *random_string(char *buf, size_t cap)
{
	size_t start = test_rand_below(16), len = test_rand_below(cap - start - 16);

	for (size_t i = 0; i < cap; i++)
		buf[i] = "\0aAbB\1\x80\xff"[1 + test_rand_below(7)];
	buf[start + len] = '\0';
	return buf + start;
}

TEST(str_random_against_libc)
{
	static char x[96], y[64], z[96];

	for (u64 i = 0; i < test_rounds(30000); i++) {
		char *s = random_string(x, sizeof(x)), *t = random_string(y, sizeof(y));
		size_t n = test_rand_below(40);
		int c = "\0aAbB\1\x80\xff"[test_rand_below(8)];

		if (test_rand_below(2)) {
			t = z + test_rand_below(8);
			memcpy(t, s, libc.len(s) + 1);
			if (*t && test_rand_below(2))
				t[test_rand_below(libc.len(t))] ^= 0x20;
		}
		CHECK_EQ(strlen(s), libc.len(s));
		CHECK_EQ(strnlen(s, n), libc.nlen(s, n));
		CHECK_EQ(strnlen(s, SIZE_MAX), libc.len(s));
		CHECK_EQ(sign(strcmp(s, t)), sign(libc.cmp(s, t)));
		CHECK_EQ(sign(strncmp(s, t, n)), sign(libc.ncmp(s, t, n)));
		CHECK_EQ(sign(strcasecmp(s, t)), sign(libc.casecmp(s, t)));
		CHECK_EQ(sign(strncasecmp(s, t, n)), sign(libc.ncasecmp(s, t, n)));
		CHECK(strchr(s, c) == libc.chr(s, c));
		CHECK(strrchr(s, c) == libc.rchr(s, c));
		t[test_rand_below(3) < libc.len(t) ? test_rand_below(3) : 0] = '\0';
		CHECK(strstr(s, t) == libc.str(s, t));
		CHECK_EQ(strspn(s, t), libc.spn(s, t));
		CHECK_EQ(strcspn(s, t), libc.cspn(s, t));
		CHECK(strpbrk(s, t) == libc.pbrk(s, t));
	}
}

TEST(strsep_splits)
{
	char text[] = "a,b;;c", *rest = text;

	CHECK_STR_EQ(strsep(&rest, ",;"), "a");
	CHECK_STR_EQ(strsep(&rest, ",;"), "b");
	CHECK_STR_EQ(strsep(&rest, ",;"), "");
	CHECK_STR_EQ(strsep(&rest, ",;"), "c");
	CHECK(strsep(&rest, ",;") == NULL);
}

TEST(strscpy_cuts)
{
	char buf[8];

	CHECK_EQ(strscpy(buf, "1234567", sizeof(buf)), 7);
	CHECK_STR_EQ(buf, "1234567");
	CHECK_EQ(strscpy(buf, "12345678", sizeof(buf)), -E2BIG);
	CHECK_STR_EQ(buf, "1234567");
	CHECK_EQ(strscpy(buf, "", sizeof(buf)), 0);
	CHECK_STR_EQ(buf, "");
	CHECK_EQ(strscpy(buf, "x", 0), -E2BIG);
	CHECK_EQ(strscpy(buf, "x", 1), -E2BIG);
	CHECK_STR_EQ(buf, "");
	CHECK_EQ(strscpy(buf, "ab", sizeof(buf)), 2);
	CHECK_EQ(strscat(buf, "cde", sizeof(buf)), 5);
	CHECK_EQ(strscat(buf, "fgh", sizeof(buf)), -E2BIG);
	CHECK_STR_EQ(buf, "abcdefg");
}

TEST(strutil_small)
{
	u8 buf[40];

	CHECK(str_has_prefix("console=ttyS0", "console="));
	CHECK(!str_has_prefix("con", "console="));
	CHECK(str_has_prefix("x", ""));
	CHECK_STR_EQ(str_chr_or_end("a=b", '='), "=b");
	CHECK_STR_EQ(str_chr_or_end("ab", '='), "");
	for (size_t len = 0; len < sizeof(buf); len++) {
		memset(buf, 7, sizeof(buf));
		CHECK(memchr_inv(buf, 7, len) == NULL);
		for (size_t at = 0; at < len; at++) {
			buf[at] = 8;
			CHECK(memchr_inv(buf, 7, len) == buf + at);
			CHECK(memchr_inv(buf, 7, at) == NULL);
			buf[at] = 7;
		}
	}
	memzero_explicit(buf, sizeof(buf));
	CHECK(mem_is_zero(buf, sizeof(buf)));
	CHECK(mem_equal_consttime("abc", "abc", 3));
	CHECK(!mem_equal_consttime("abc", "abd", 3));
	CHECK(mem_equal_consttime("abc", "xyz", 0));
}

/* The end of the string is the end of its allocation. */
TEST(strlen_at_the_edge)
{
	for (size_t len = 1; len < 40; len++) {
		char *p = malloc(len);

		memset(p, 'x', len);
		CHECK_EQ(strnlen(p, len), len);
		p[len - 1] = '\0';
		CHECK_EQ(strlen(p), len - 1);
		free(p);
	}
}
