/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text grows at the end of a buffer of fixed size; what does not fit is remembered, not written.
 * Always terminated.
 */
#pragma once

#include <stdarg.h>

#include <lib/types.h>

struct strbuf {
	char *buf;
	size_t cap;  /* bytes of buf, > 0 */
	size_t len;  /* without the NUL; < cap */
	size_t lost; /* bytes that did not fit */
};

static inline void strbuf_init(struct strbuf *sb, char *buf, size_t cap)
{
	*sb = (struct strbuf){buf, cap, 0, 0};
	buf[0] = '\0';
}

static inline bool strbuf_overflowed(const struct strbuf *sb)
{
	return sb->lost != 0;
}

void strbuf_putc(struct strbuf *sb, char c);
void strbuf_puts(struct strbuf *sb, const char *s);
void strbuf_write(struct strbuf *sb, const void *data, size_t len);
PRINTF_LIKE(2, 3) void strbuf_printf(struct strbuf *sb, const char *fmt, ...);
PRINTF_LIKE(2, 0) void strbuf_vprintf(struct strbuf *sb, const char *fmt, va_list args);

/* Decimal, without the price of a format. */
void strbuf_put_u64(struct strbuf *sb, u64 v);
