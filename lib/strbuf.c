/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/strbuf.h>

#include <lib/printf.h>
#include <lib/string.h>

int vscnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	int len = vsnprintf(buf, size, fmt, args);

	if (len < 0 || size == 0)
		return 0;
	return (size_t)len < size ? len : (int)(size - 1);
}

int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vscnprintf(buf, size, fmt, args);
	va_end(args);
	return len;
}

void strbuf_write(struct strbuf *sb, const void *data, size_t len)
{
	size_t room = sb->cap - 1 - sb->len;
	size_t n = len < room ? len : room;

	memcpy(sb->buf + sb->len, data, n);
	sb->len += n;
	sb->lost += len - n;
	sb->buf[sb->len] = '\0';
}

void strbuf_putc(struct strbuf *sb, char c)
{
	strbuf_write(sb, &c, 1);
}

void strbuf_puts(struct strbuf *sb, const char *s)
{
	strbuf_write(sb, s, strlen(s));
}

void strbuf_vprintf(struct strbuf *sb, const char *fmt, va_list args)
{
	size_t room = sb->cap - sb->len;
	int len = vsnprintf(sb->buf + sb->len, room, fmt, args);

	if (len < 0) {
		sb->lost++;
	} else if ((size_t)len < room) {
		sb->len += (size_t)len;
	} else {
		sb->lost += (size_t)len - (room - 1);
		sb->len = sb->cap - 1;
	}
}

void strbuf_printf(struct strbuf *sb, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	strbuf_vprintf(sb, fmt, args);
	va_end(args);
}

void strbuf_put_u64(struct strbuf *sb, u64 v)
{
	char digits[20];
	char *p = digits + sizeof(digits);

	do {
		*--p = (char)('0' + v % 10);
	} while (v /= 10);
	strbuf_write(sb, p, (size_t)(digits + sizeof(digits) - p));
}
