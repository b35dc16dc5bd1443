/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The string functions of C, for the kernel. strlen and strnlen look at aligned words: such a word
 * never crosses a page, so what lies behind the string may be read and is not looked at.
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif
#define LIB_STRING_IMPL
#include <lib/bits.h>
#include <lib/ctype.h>
#include <lib/string.h>

#define ONES  0x0101010101010101ULL
#define HIGHS 0x8080808080808080ULL

typedef u64 MAY_ALIAS u64_alias;

/* The word at @w with its first byte in memory at the low end. */
static __always_inline NO_ASAN u64 load_word(const u64_alias *w)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return *w;
#else
	return __builtin_bswap64(*w);
#endif
}

/* A mark (0x80) at each zero byte of @w; exact up to the first, which is all that is used. */
static __always_inline u64 zero_bytes(u64 w)
{
	return (w - ONES) & ~w & HIGHS;
}

/* The word that holds *@s, and marks for its zero bytes from @s on. */
static __always_inline NO_ASAN u64 first_zeros(const char *s, const u64_alias **out_word)
{
	const u64_alias *w = (const void *)align_ptr_down(s, 8);

	*out_word = w;
	return zero_bytes(load_word(w) | (BIT64((unsigned long)s % 8 * 8) - 1));
}

NO_ASAN size_t strlen(const char *s)
{
	const u64_alias *w;
	u64 zeros = first_zeros(s, &w);

	while (!zeros)
		zeros = zero_bytes(load_word(++w));
	return (size_t)((const char *)w - s) + ctz64(zeros) / 8;
}

NO_ASAN size_t strnlen(const char *s, size_t max)
{
	const u64_alias *w;
	size_t next, len;
	u64 zeros;

	if (max == 0)
		return 0;
	zeros = first_zeros(s, &w);
	for (next = 8 - (unsigned long)s % 8; !zeros; next += 8) {
		if (next >= max)
			return max;
		zeros = zero_bytes(load_word(++w));
	}
	len = (size_t)((const char *)w - s) + ctz64(zeros) / 8;
	return len < max ? len : max;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t max)
{
	for (; max; max--, a++, b++) {
		if (*a != *b || !*a)
			return (u8)*a - (u8)*b;
	}
	return 0;
}

int strcasecmp(const char *a, const char *b)
{
	return strncasecmp(a, b, SIZE_MAX);
}

int strncasecmp(const char *a, const char *b, size_t max)
{
	for (; max; max--, a++, b++) {
		int x = to_lower((u8)*a), y = to_lower((u8)*b);

		if (x != y || !x)
			return x - y;
	}
	return 0;
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++) {
		if (!*s)
			return NULL;
	}
	return (char *)s;
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;

	do {
		if (*s == (char)c)
			last = s;
	} while (*s++);
	return (char *)last;
}

char *strstr(const char *s, const char *find)
{
	size_t len = strlen(find);

	for (; (s = len ? strchr(s, *find) : s); s++) {
		if (strncmp(s, find, len) == 0)
			return (char *)s;
	}
	return NULL;
}

size_t strspn(const char *s, const char *accept)
{
	size_t n = 0;

	while (s[n] && strchr(accept, s[n]))
		n++;
	return n;
}

size_t strcspn(const char *s, const char *reject)
{
	size_t n = 0;

	while (s[n] && !strchr(reject, s[n]))
		n++;
	return n;
}

char *strpbrk(const char *s, const char *accept)
{
	s += strcspn(s, accept);
	return *s ? (char *)s : NULL;
}

char *strsep(char **s, const char *delim)
{
	char *token = *s, *end;

	if (!token)
		return NULL;
	end = token + strcspn(token, delim);
	*s = *end ? end + 1 : NULL;
	*end = '\0';
	return token;
}
