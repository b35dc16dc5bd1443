/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/utf8.h>

#include <lib/errno.h>

int utf8_decode(const char *s, size_t len, u32 *out_char)
{
	u8 first = (u8)s[0];
	u8 low = 0x80,
	   high = 0xbf; /* of the second byte, which excludes what the length does not */
	u32 c, size;

	if (first < 0x80) {
		*out_char = first;
		return 1;
	}
	if (first < 0xc2 || first > 0xf4)
		return -EILSEQ;
	size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	switch (first) {
	case 0xe0: low = 0xa0; break;
	case 0xed: high = 0x9f; break;
	case 0xf0: low = 0x90; break;
	case 0xf4: high = 0x8f; break;
	}
	c = first & (0x7fU >> size);
	for (u32 i = 1; i < size; i++, low = 0x80, high = 0xbf) {
		if (i == len)
			return -EINVAL;
		if ((u8)s[i] < low || (u8)s[i] > high)
			return -EILSEQ;
		c = c << 6 | ((u8)s[i] & 0x3f);
	}
	*out_char = c;
	return (int)size;
}

int utf8_encode(u32 c, char s[UTF8_MAX_LEN])
{
	int size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return -EILSEQ;
	for (int i = size - 1; i > 0; i--, c >>= 6)
		s[i] = (char)(0x80 | (c & 0x3f));
	s[0] = (char)(size == 1 ? c : (0xf00U >> size & 0xff) | c);
	return size;
}

bool utf8_is_valid(const char *s, size_t len)
{
	while (len) {
		u32 c;
		int size = utf8_decode(s, len, &c);

		if (size < 0)
			return false;
		s += size;
		len -= (size_t)size;
	}
	return true;
}
