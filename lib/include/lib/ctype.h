/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Classes of ASCII characters, without a table or a locale. @c: any int; bytes above 127 are in
 * no class.
 */
#pragma once

#include <lib/types.h>

static inline bool is_digit(int c)
{
	return (unsigned)c - '0' < 10;
}

static inline bool is_upper(int c)
{
	return (unsigned)c - 'A' < 26;
}

static inline bool is_lower(int c)
{
	return (unsigned)c - 'a' < 26;
}

static inline bool is_alpha(int c)
{
	return ((unsigned)c | 0x20) - 'a' < 26;
}

static inline bool is_alnum(int c)
{
	return is_alpha(c) || is_digit(c);
}

static inline bool is_xdigit(int c)
{
	return is_digit(c) || ((unsigned)c | 0x20) - 'a' < 6;
}

static inline bool is_space(int c)
{
	return c == ' ' || (unsigned)c - '\t' < 5;
}

static inline bool is_print(int c)
{
	return (unsigned)c - 0x20 < 0x5f;
}

static inline bool is_cntrl(int c)
{
	return (unsigned)c < 0x20 || c == 0x7f;
}

static inline bool is_punct(int c)
{
	return (unsigned)c - 0x21 < 0x5e && !is_alnum(c);
}

static inline int to_lower(int c)
{
	return is_upper(c) ? c | 0x20 : c;
}

static inline int to_upper(int c)
{
	return is_lower(c) ? c & ~0x20 : c;
}

/* The value of a digit in bases up to 36, or -1. */
static inline int digit_value(int c)
{
	if (is_digit(c))
		return c - '0';
	return is_alpha(c) ? (c | 0x20) - 'a' + 10 : -1;
}
