/* SPDX-License-Identifier: BSD-2-Clause */
#define LIB_STRING_IMPL
#include <lib/printf.h>

#include <lib/ctype.h>
#include <lib/errno.h>
#include <lib/string.h>

struct sink {
	char *buf;
	size_t size;
	size_t len; /* of the whole text */
};

enum length { LEN_INT, LEN_CHAR, LEN_SHORT, LEN_LONG };

/* One conversion: %[flags][width][.precision][length]conv */
struct spec {
	bool left, plus, space, alt, zero;
	int width;
	int precision; /* -1: none */
	enum length length;
	char conv;
};

static void put_bytes(struct sink *out, const char *s, size_t len)
{
	if (out->len < out->size)
		memcpy(out->buf + out->len, s,
			len < out->size - out->len ? len : out->size - out->len);
	out->len += len;
}

static void put_fill(struct sink *out, char c, int count)
{
	if (count <= 0)
		return;
	if (out->len < out->size) {
		size_t room = out->size - out->len;

		memset(out->buf + out->len, c, (size_t)count < room ? (size_t)count : room);
	}
	out->len += (size_t)count;
}

/* Digits of @v before @end; returns the first. */
static char *put_digits(char *end, u64 v, char conv)
{
	const char *digits = conv == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	unsigned shift = conv == 'o' ? 3 : 4;

	if (conv == 'u') {
		for (; v; v /= 10)
			*--end = (char)('0' + v % 10);
	} else {
		for (; v; v >>= shift)
			*--end = digits[v & ((1U << shift) - 1)];
	}
	return end;
}

/* @conv is u, o, x, X or p; @sign is '\0', '-', '+' or ' '. */
static void put_number(struct sink *out, const struct spec *sp, u64 v, char conv, char sign)
{
	char buf[24], prefix[3];
	char *end = buf + sizeof(buf);
	char *p = put_digits(end, v, conv);
	int ndigits = (int)(end - p), nprefix = 0, zeros, pad;

	if (sign)
		prefix[nprefix++] = sign;
	if (conv == 'p' || (sp->alt && v && (conv == 'x' || conv == 'X'))) {
		prefix[nprefix++] = '0';
		prefix[nprefix++] = conv == 'X' ? 'X' : 'x';
	}
	zeros = (sp->precision < 0 ? 1 : sp->precision) - ndigits;
	if (zeros < 0)
		zeros = 0;
	if (conv == 'o' && sp->alt && zeros == 0 && (ndigits == 0 || *p != '0'))
		zeros = 1;
	pad = sp->width - nprefix - ndigits;
	if (sp->zero && !sp->left && sp->precision < 0 && pad > zeros)
		zeros = pad;
	pad -= zeros;
	if (!sp->left)
		put_fill(out, ' ', pad);
	put_bytes(out, prefix, (size_t)nprefix);
	put_fill(out, '0', zeros);
	put_bytes(out, p, (size_t)ndigits);
	if (sp->left)
		put_fill(out, ' ', pad);
}

static void put_text(struct sink *out, const struct spec *sp, const char *s, size_t len)
{
	int pad = (size_t)sp->width > len ? sp->width - (int)len : 0;

	if (!sp->left)
		put_fill(out, ' ', pad);
	put_bytes(out, s, len);
	if (sp->left)
		put_fill(out, ' ', pad);
}

/* A decimal number of the format; sticks at INT_MAX. */
static int parse_int(const char **f)
{
	u64 v = 0;

	for (; is_digit(**f); ++*f)
		v = v > INT_MAX ? v : v * 10 + (u64)(**f - '0');
	return v > INT_MAX ? INT_MAX : (int)v;
}

static void parse_flags(const char **f, struct spec *sp)
{
	for (;; ++*f) {
		switch (**f) {
		case '-': sp->left = true; break;
		case '+': sp->plus = true; break;
		case ' ': sp->space = true; break;
		case '#': sp->alt = true; break;
		case '0': sp->zero = true; break;
		default: return;
		}
	}
}

static enum length parse_length(const char **f)
{
	switch (**f) {
	case 'h':
		if (*++*f != 'h')
			return LEN_SHORT;
		++*f;
		return LEN_CHAR;
	case 'l':
		if (*++*f == 'l')
			++*f;
		return LEN_LONG;
	case 'z':
	case 't':
	case 'j': ++*f; return LEN_LONG;
	default: return LEN_INT;
	}
}

static_assert(
	sizeof(long) == sizeof(long long) && sizeof(long) == sizeof(intmax_t), "one LEN_LONG");

/* Both take their argument from *@args, as a va_list passed by value could not. */
struct args {
	va_list list;
};

static u64 next_unsigned(struct args *args, enum length length)
{
	switch (length) {
	case LEN_CHAR: return (u8)va_arg(args->list, unsigned);
	case LEN_SHORT: return (u16)va_arg(args->list, unsigned);
	case LEN_LONG: return va_arg(args->list, unsigned long);
	default: return va_arg(args->list, unsigned);
	}
}

static s64 next_signed(struct args *args, enum length length)
{
	switch (length) {
	case LEN_CHAR: return (s8)va_arg(args->list, int);
	case LEN_SHORT: return (s16)va_arg(args->list, int);
	case LEN_LONG: return va_arg(args->list, long);
	default: return va_arg(args->list, int);
	}
}

/* @f is behind the '%'. Returns what is behind the conversion. */
static const char *parse_spec(const char *f, struct spec *sp, struct args *args)
{
	*sp = (struct spec){.precision = -1};
	parse_flags(&f, sp);
	if (*f == '*') {
		f++;
		sp->width = va_arg(args->list, int);
		if (sp->width < 0) {
			sp->left = true;
			sp->width = sp->width == INT_MIN ? INT_MAX : -sp->width;
		}
	} else {
		sp->width = parse_int(&f);
	}
	if (*f == '.') {
		f++;
		if (*f == '*') {
			f++;
			sp->precision = va_arg(args->list, int);
		} else {
			sp->precision = parse_int(&f);
		}
	}
	sp->length = parse_length(&f);
	sp->conv = *f;
	return *f ? f + 1 : f;
}

static void put_signed(struct sink *out, const struct spec *sp, s64 v)
{
	char sign = v < 0 ? '-' : sp->plus ? '+' : sp->space ? ' ' : '\0';

	put_number(out, sp, v < 0 ? -(u64)v : (u64)v, 'u', sign);
}

static void put_string(struct sink *out, const struct spec *sp, const char *s)
{
	if (!s)
		s = "(null)";
	put_text(out, sp, s, sp->precision < 0 ? strlen(s) : strnlen(s, (size_t)sp->precision));
}

/* @text: the conversion as it stands, for what is not known. */
static void put_spec(
	struct sink *out, const struct spec *sp, const char *text, size_t len, struct args *args)
{
	char c;

	switch (sp->conv) {
	case 'd':
	case 'i': put_signed(out, sp, next_signed(args, sp->length)); break;
	case 'u':
	case 'o':
	case 'x':
	case 'X': put_number(out, sp, next_unsigned(args, sp->length), sp->conv, '\0'); break;
	case 'p': put_number(out, sp, (u64)va_arg(args->list, unsigned long), 'p', '\0'); break;
	case 'c':
		c = (char)va_arg(args->list, int);
		put_text(out, sp, &c, 1);
		break;
	case 's': put_string(out, sp, va_arg(args->list, const char *)); break;
	case '%': put_bytes(out, "%", 1); break;
	default: put_bytes(out, text, len); break;
	}
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list list)
{
	struct sink out = {buf, size ? size - 1 : 0, 0};
	struct args args;
	struct spec spec;

	va_copy(args.list, list);
	for (;;) {
		const char *percent = str_chr_or_end(fmt, '%');

		put_bytes(&out, fmt, (size_t)(percent - fmt));
		if (!*percent)
			break;
		fmt = parse_spec(percent + 1, &spec, &args);
		put_spec(&out, &spec, percent, (size_t)(fmt - percent), &args);
	}
	va_end(args.list);
	if (size)
		buf[out.len < size - 1 ? out.len : size - 1] = '\0';
	return out.len > INT_MAX ? -EOVERFLOW : (int)out.len;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return len;
}
