/* SPDX-License-Identifier: BSD-2-Clause */
/* UTF-8 [rfc3629]: shortest forms only, no surrogates, nothing above U+10FFFF. */
#pragma once

#include <lib/types.h>

#define UTF8_MAX_LEN 4

/*
 * Decode the character at @s of @len > 0 bytes.
 * Returns: its length; -EILSEQ not valid; -EINVAL cut off, valid so far.
 */
MUST_CHECK
int utf8_decode(const char *s, size_t len, u32 *out_char);

/* Write @c to @s; returns the length, or -EILSEQ when @c is no character. */
MUST_CHECK
int utf8_encode(u32 c, char s[UTF8_MAX_LEN]);

/* Is all of it valid? */
bool utf8_is_valid(const char *s, size_t len);
