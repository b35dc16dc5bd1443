/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers from text. Strict: the whole string must be the number; no white space around it; an
 * optional '+' (and '-' for the signed forms). @base 2..36, or 0: 0x hexadecimal, leading 0 octal,
 * else decimal. With base 16 a 0x is allowed.
 *
 * Returns: 0; -EINVAL not a number; -ERANGE too large for the type. *@out is untouched on failure.
 */
#pragma once

#include <lib/types.h>

MUST_CHECK
int strtou64(const char *s, unsigned base, u64 *out);
MUST_CHECK
int strtos64(const char *s, unsigned base, s64 *out);
MUST_CHECK
int strtou32(const char *s, unsigned base, u32 *out);
MUST_CHECK
int strtos32(const char *s, unsigned base, s32 *out);

/* As strtou64, but stop at the first byte that is no digit and say where (no sign is taken). */
MUST_CHECK
int strtou64_prefix(const char *s, unsigned base, const char **out_end, u64 *out);

/*
 * A size as on the command line: a number (base 0) and K, M, G, T, P or E (powers of 1024, either
 * case).
 */
MUST_CHECK
int parse_size_prefix(const char *s, const char **out_end, u64 *out);
MUST_CHECK
int parse_size(const char *s, u64 *out);

/* 1 0 y n yes no on off true false, either case. */
MUST_CHECK
int parse_bool(const char *s, bool *out);

/*
 * A list like 0-3,8,10-15:2/4 is not taken; this takes "0-3,8,10" into @map, which it overwrites.
 * -ERANGE beyond @nbits.
 */
MUST_CHECK
int parse_bitmap_list(const char *s, unsigned long *map, size_t nbits);
