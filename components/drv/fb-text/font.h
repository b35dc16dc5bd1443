/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The font of framebuffers. Its glyphs are made by the build from a font of the system's; see mkfont.
 */
#include <lib/types.h>

#define FONT_WIDTH  8
#define FONT_HEIGHT 16

extern const u32 font_nglyphs, font_nchars; /* 0: the build found no font */
extern const u8 font_glyphs[][FONT_HEIGHT];
extern const u16 font_chars[][2]; /* characters in order, each with its glyph */

/* The lines of a character's glyph, or of the one that stands for all that have none. */
const u8 *font_glyph(u32 c);
