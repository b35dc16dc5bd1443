/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Formatted output: C99's integer, character and string conversions.
 *
 *	%[-+ #0][width|*][.precision|.*][hh|h|l|ll|z|t|j]{d,i,u,x,X,o,c,s,p,%}
 *
 * No floating point, no %n: those and unknown conversions are printed as they stand. %p is 0x and
 * hexadecimal digits; a NULL %s is "(null)". On the host vsnprintf and snprintf are libc's.
 */
#pragma once

#include <stdarg.h>

#include <lib/types.h>

/*
 * Write at most @size bytes, the terminating NUL among them (none when @size is 0, and @buf may be
 * NULL then).
 * Returns: the length of the whole text, as if @size were unlimited; -EOVERFLOW (C: a negative
 * number) beyond INT_MAX.
 */
PRINTF_LIKE(3, 0) int vsnprintf(char *buf, size_t size, const char *fmt, va_list args);
PRINTF_LIKE(3, 4) int snprintf(char *buf, size_t size, const char *fmt, ...);

/* As above, but return the length that was written, without the NUL; never negative. */
PRINTF_LIKE(3, 0) int vscnprintf(char *buf, size_t size, const char *fmt, va_list args);
PRINTF_LIKE(3, 4) int scnprintf(char *buf, size_t size, const char *fmt, ...);
