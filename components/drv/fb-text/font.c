/* SPDX-License-Identifier: BSD-2-Clause */
#include "font.h"
#include <lib/errno.h>

static int find(u32 c)
{
	u32 lo = 0, hi = font_nchars;

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (font_chars[mid][0] == c)
			return font_chars[mid][1];
		if (font_chars[mid][0] < c)
			lo = mid + 1;
		else
			hi = mid;
	}
	return -ENOENT;
}

const u8 *font_glyph(u32 c)
{
	static const u16 instead[] = {0xfffd, '?'};
	int glyph = find(c);

	for (unsigned i = 0; glyph < 0 && i < ARRAY_SIZE(instead); i++)
		glyph = find(instead[i]);
	return font_glyphs[glyph < 0 ? 0 : glyph];
}
