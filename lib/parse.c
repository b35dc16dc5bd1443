/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/parse.h>

#include <lib/bitmap.h>
#include <lib/ctype.h>
#include <lib/errno.h>
#include <lib/overflow.h>
#include <lib/string.h>

/* Resolve base 0 and step over a 0x that belongs to the base. */
static const char *skip_base_prefix(const char *s, unsigned *base)
{
	bool hex = s[0] == '0' && (s[1] | 0x20) == 'x' && is_xdigit((u8)s[2]);

	if (*base == 0)
		*base = hex ? 16 : s[0] == '0' ? 8 : 10;
	return hex && *base == 16 ? s + 2 : s;
}

int strtou64_prefix(const char *s, unsigned base, const char **out_end, u64 *out)
{
	const char *p = skip_base_prefix(s, &base);
	const char *first = p;
	bool too_large = false;
	u64 v = 0;
	int d;

	for (; (d = digit_value((u8)*p)) >= 0 && (unsigned)d < base; p++) {
		too_large |= mul_overflow(v, base, &v);
		too_large |= add_overflow(v, (unsigned)d, &v);
	}
	if (p == first)
		return -EINVAL;
	if (too_large)
		return -ERANGE;
	*out_end = p;
	*out = v;
	return 0;
}

int strtou64(const char *s, unsigned base, u64 *out)
{
	const char *end;
	u64 v;
	int err = strtou64_prefix(*s == '+' ? s + 1 : s, base, &end, &v);

	if (err)
		return err;
	if (*end)
		return -EINVAL;
	*out = v;
	return 0;
}

int strtos64(const char *s, unsigned base, s64 *out)
{
	bool negative = *s == '-';
	u64 v;
	int err;

	if (negative && s[1] == '+')
		return -EINVAL;
	err = strtou64(negative ? s + 1 : s, base, &v);
	if (err)
		return err;
	if (v > (u64)S64_MAX + negative)
		return -ERANGE;
	*out = (s64)(negative ? -v : v);
	return 0;
}

int strtou32(const char *s, unsigned base, u32 *out)
{
	u64 v;
	int err = strtou64(s, base, &v);

	if (err)
		return err;
	if (v > U32_MAX)
		return -ERANGE;
	*out = (u32)v;
	return 0;
}

int strtos32(const char *s, unsigned base, s32 *out)
{
	s64 v;
	int err = strtos64(s, base, &v);

	if (err)
		return err;
	if (v < S32_MIN || v > S32_MAX)
		return -ERANGE;
	*out = (s32)v;
	return 0;
}

int parse_size_prefix(const char *s, const char **out_end, u64 *out)
{
	static const char units[] = "kmgtpe";
	const char *end;
	u64 v;
	int err = strtou64_prefix(s, 0, &end, &v);

	if (err)
		return err;
	for (unsigned i = 0; units[i]; i++) {
		if ((*end | 0x20) == units[i]) {
			if (mul_overflow(v, 1ULL << (10 * (i + 1)), &v))
				return -ERANGE;
			end++;
			break;
		}
	}
	*out_end = end;
	*out = v;
	return 0;
}

int parse_size(const char *s, u64 *out)
{
	const char *end;
	u64 v;
	int err = parse_size_prefix(s, &end, &v);

	if (err)
		return err;
	if (*end)
		return -EINVAL;
	*out = v;
	return 0;
}

int parse_bool(const char *s, bool *out)
{
	static const char yes[][5] = {"1", "y", "yes", "on", "true"};
	static const char no[][6] = {"0", "n", "no", "off", "false"};

	for (unsigned i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcasecmp(s, yes[i]) == 0) {
			*out = true;
			return 0;
		}
		if (strcasecmp(s, no[i]) == 0) {
			*out = false;
			return 0;
		}
	}
	return -EINVAL;
}

int parse_bitmap_list(const char *s, unsigned long *map, size_t nbits)
{
	bitmap_zero(map, nbits);
	while (*s) {
		u64 first, last;
		int err = strtou64_prefix(s, 10, &s, &first);

		last = first;
		if (!err && *s == '-')
			err = strtou64_prefix(s + 1, 10, &s, &last);
		if (err)
			return err;
		if (last < first || (*s && *s != ',') || (*s == ',' && !s[1]))
			return -EINVAL;
		if (last >= nbits)
			return -ERANGE;
		bitmap_set_range(map, first, last - first + 1);
		s += *s == ',';
	}
	return 0;
}
