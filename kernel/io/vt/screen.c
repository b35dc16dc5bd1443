/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The grid, characters and controls of a terminal.
 */
#include "screen.h"
#include <lib/errno.h>
#include <lib/string.h>
#include <port/display.h>

#define UNKNOWN 0xfffd

/* ---- character sets ---- */

/* From 0x5f: DEC's special graphics. */
static const u16 graphics[] = {
	0x00a0, 0x25c6, 0x2592, 0x2409, 0x240c, 0x240d, 0x240a, 0x00b0, 0x00b1, 0x2591, 0x240b, 0x2518, 0x2510, 0x250c, 0x2514, 0x253c,
	0x23ba, 0x23bb, 0x2500, 0x23bc, 0x23bd, 0x251c, 0x2524, 0x2534, 0x252c, 0x2502, 0x2264, 0x2265, 0x03c0, 0x2260, 0x00a3, 0x00b7,
};

/* Code page 437, but for 0x20 .. 0x7e. */
static const u16 rom_low[32] = {
	0x0020, 0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022, 0x25d8, 0x25cb, 0x25d9, 0x2642, 0x2640, 0x266a, 0x266b, 0x263c,
	0x25b6, 0x25c0, 0x2195, 0x203c, 0x00b6, 0x00a7, 0x25ac, 0x21a8, 0x2191, 0x2193, 0x2192, 0x2190, 0x221f, 0x2194, 0x25b2, 0x25bc,
};
static const u16 rom_high[128] = {
	0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5,
	0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9, 0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192,
	0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
	0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510,
	0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567,
	0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
	0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229,
	0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248, 0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

static u32 rom_char(u8 c)
{
	return c < 32 ? rom_low[c] : c < 127 ? c : c == 127 ? 0x2302 : rom_high[c - 128];
}

/* The character behind a byte that is not part of UTF-8. */
static u32 translate(const struct screen *s, u8 c)
{
	switch (s->rom ? CHARSET_CP437 : s->pen.charset[s->pen.shift]) {
	case CHARSET_GRAPHICS: return c >= 0x5f && c < 0x7f ? graphics[c - 0x5f] : c;
	case CHARSET_CP437: return rom_char(c);
	default: return c;
	}
}

static bool within(u32 c, u32 lo, u32 hi)
{
	return c >= lo && c <= hi;
}

/* Columns of a character: 0 for what combines with the one before, 2 for East Asian wide ones. */
static unsigned width_of(u32 c)
{
	if (c < 0x300)
		return 1;
	if (within(c, 0x300, 0x36f) || within(c, 0x200b, 0x200f) || within(c, 0x20d0, 0x20ff) || within(c, 0xfe00, 0xfe0f) || c == 0xfeff)
		return 0;
	return within(c, 0x1100, 0x115f) || within(c, 0x2e80, 0x303e) || within(c, 0x3041, 0xa4cf) || within(c, 0xac00, 0xd7a3) ||
			within(c, 0xf900, 0xfaff) || within(c, 0xfe30, 0xfe6f) || within(c, 0xff00, 0xff60) ||
			within(c, 0xffe0, 0xffe6) || within(c, 0x1f300, 0x1faff) || within(c, 0x20000, 0x3fffd)
		? 2
		: 1;
}

/* ---- the grid ---- */

static void mark(struct screen *s, u32 row)
{
	s->dirty[row / 64] |= 1ull << row % 64;
}

static void mark_rows(struct screen *s, u32 from, u32 to)
{
	for (; from < to; from++)
		mark(s, from);
}

void screen_mark_all(struct screen *s)
{
	mark_rows(s, 0, s->rows);
}

static u32 pen_cell(const struct screen *s, u32 c)
{
	const struct screen_pen *p = &s->pen;
	u32 front = p->bold ? p->front | 8 : p->half ? 8 : p->front, back = p->back;

	if (p->reverse) {
		u32 old = front;

		front = (front & 8) | (back & 7);
		back = (back & 8) | (old & 7);
	}
	return DISPLAY_CELL(c, front, back) | (p->underline ? DISPLAY_UNDERLINE : 0) | (p->blink ? DISPLAY_BLINK : 0);
}

u32 screen_blank(const struct screen *s)
{
	return DISPLAY_CELL(' ', s->pen.front, s->pen.back);
}

void screen_fill(struct screen *s, u32 row, u32 column, u32 n, u32 cell)
{
	u32 at = row * s->columns + column;

	if (!n)
		return;
	mark_rows(s, row, (at + n - 1) / s->columns + 1);
	while (n--)
		s->cells[at++] = cell;
}

void screen_scroll(struct screen *s, u32 top, u32 bottom, s32 lines)
{
	u32 n = min_t(u32, (u32)(lines < 0 ? -lines : lines), bottom - top), stay = (bottom - top - n) * s->columns;
	u32 *first = s->cells + top * s->columns, *other = first + n * s->columns;

	mark_rows(s, top, bottom);
	if (lines > 0)
		memmove(first, other, stay * sizeof(u32));
	else
		memmove(other, first, stay * sizeof(u32));
	screen_fill(s, lines > 0 ? bottom - n : top, 0, n * s->columns, screen_blank(s));
}

void screen_shift(struct screen *s, s32 n)
{
	u32 left = s->columns - s->pen.column, by = min_t(u32, (u32)(n < 0 ? -n : n), left);
	u32 *at = s->cells + s->pen.row * s->columns + s->pen.column;

	s->wrap_next = false;
	if (n > 0)
		memmove(at + by, at, (left - by) * sizeof(u32));
	else
		memmove(at, at + by, (left - by) * sizeof(u32));
	screen_fill(s, s->pen.row, n > 0 ? s->pen.column : s->columns - by, by, screen_blank(s));
	mark(s, s->pen.row);
}

void screen_move(struct screen *s, u32 row, u32 column)
{
	u32 lo = s->modes & SCREEN_ORIGIN ? s->top : 0, hi = s->modes & SCREEN_ORIGIN ? s->bottom : s->rows;

	s->pen.row = clamp_t(u32, row, lo, hi - 1);
	s->pen.column = min_t(u32, column, s->columns - 1);
	s->wrap_next = false;
}

void screen_line_feed(struct screen *s)
{
	if (s->pen.row + 1 == s->bottom)
		screen_scroll(s, s->top, s->bottom, 1);
	else if (s->pen.row + 1 < s->rows)
		s->pen.row++;
	s->wrap_next = false;
}

void screen_reverse_line_feed(struct screen *s)
{
	if (s->pen.row == s->top)
		screen_scroll(s, s->top, s->bottom, -1);
	else if (s->pen.row)
		s->pen.row--;
	s->wrap_next = false;
}

/* ---- characters ---- */

static void put_char(struct screen *s, u32 c)
{
	unsigned width = width_of(c);

	if (!width)
		return;
	if (s->wrap_next) {
		s->pen.column = 0;
		screen_line_feed(s);
	}
	width = min_t(unsigned, width, s->columns - s->pen.column);
	if (s->modes & SCREEN_INSERT)
		screen_shift(s, (s32)width);
	for (unsigned i = 0; i < width; i++)
		s->cells[s->pen.row * s->columns + s->pen.column + i] = pen_cell(s, i ? ' ' : c);
	mark(s, s->pen.row);
	if (s->pen.column + width < s->columns) {
		s->pen.column += width;
	} else {
		s->pen.column = s->columns - 1;
		s->wrap_next = s->modes & SCREEN_WRAP;
	}
}

static void tab(struct screen *s)
{
	do
		s->pen.column++;
	while (s->pen.column < s->columns && !(s->tabs[s->pen.column / 64] >> s->pen.column % 64 & 1));
	s->pen.column = min_t(u32, s->pen.column, s->columns - 1);
	s->wrap_next = false;
}

static void control(struct screen *s, u8 c)
{
	if (s->state == SCREEN_STRING && c != 24 && c != 26)
		return;
	switch (c) {
	case '\b':
		if (s->pen.column)
			s->pen.column--;
		s->wrap_next = false;
		break;
	case '\t': tab(s); break;
	case '\n':
	case '\v':
	case '\f':
		screen_line_feed(s);
		if (!(s->modes & SCREEN_NEWLINE))
			break;
		FALLTHROUGH;
	case '\r':
		s->pen.column = 0;
		s->wrap_next = false;
		break;
	case 14: s->pen.shift = 1; break;
	case 15: s->pen.shift = 0; break;
	case 24:
	case 26: s->state = SCREEN_NORMAL; break;
	default: break;
	}
}

/* A byte of UTF-8 above ASCII. */
static void put_utf8(struct screen *s, u8 c)
{
	u32 whole;
	int len;

	s->utf8[s->nutf8++] = (char)c;
	len = utf8_decode(s->utf8, s->nutf8, &whole);
	if (len > 0) {
		s->nutf8 = 0;
		if (whole == 0x9b)
			screen_sequence(s, 0x9b);
		else if (whole >= 0xa0)
			put_char(s, whole);
	} else if (s->nutf8 == UTF8_MAX_LEN || utf8_decode(s->utf8, s->nutf8, &whole) == -EILSEQ) {
		bool restarts = s->nutf8 > 1 && c >= 0xc0;

		s->nutf8 = 0;
		put_char(s, UNKNOWN);
		if (restarts)
			put_utf8(s, c);
	}
}

static bool shows_control(const struct screen *s, u8 c)
{
	/* The few that would make a screen unusable if they were characters. */
	bool always = c == 0 || c == '\b' || c == '\n' || c == '\f' || c == '\r' || c == 14 || c == 15 || c == 27;

	return (s->rom || (s->modes & SCREEN_SHOW_CONTROL)) && !always;
}

static void feed(struct screen *s, u8 c)
{
	bool is_control = (c < 0x20 || c == 0x7f) && !(s->state == SCREEN_NORMAL && shows_control(s, c));

	if (s->nutf8 && c < 0x80) {
		s->nutf8 = 0;
		put_char(s, UNKNOWN);
	}
	if (is_control) {
		if (c == 7 || c == 27)
			screen_sequence(s, c);
		else if (c != 0x7f)
			control(s, c);
	} else if (s->state || (c == 0x9b && !(s->modes & SCREEN_UTF8) && !s->rom)) {
		screen_sequence(s, c);
	} else if (c >= 0x80 && (s->modes & SCREEN_UTF8) && !s->rom) {
		put_utf8(s, c);
	} else {
		put_char(s, translate(s, c));
	}
}

void screen_write(struct screen *s, const u8 *text, size_t n)
{
	while (n--)
		feed(s, *text++);
}

/* ---- life ---- */

unsigned screen_cursor_shape(const struct screen *s)
{
	if (!(s->modes & SCREEN_CURSOR) || (s->cursor_kind & 15) == 1)
		return DISPLAY_CURSOR_NONE;
	return (s->cursor_kind & 15) > 2 ? DISPLAY_CURSOR_BLOCK : DISPLAY_CURSOR_LINE;
}

/* ESC c: as new, and empty. */
void screen_reset(struct screen *s)
{
	s->modes = SCREEN_WRAP | SCREEN_CURSOR | SCREEN_UTF8;
	s->default_front = 7;
	s->default_back = 0;
	s->pen = (struct screen_pen){.front = 7, .charset = {CHARSET_LATIN1, CHARSET_GRAPHICS}};
	s->saved = s->pen;
	s->top = 0;
	s->bottom = s->rows;
	s->cursor_kind = 0;
	s->state = SCREEN_NORMAL;
	s->rom = s->wrap_next = false;
	s->nutf8 = 0;
	for (unsigned i = 0; i < ARRAY_SIZE(s->tabs); i++)
		s->tabs[i] = 0x0101010101010101ull;
	screen_fill(s, 0, 0, s->rows * s->columns, screen_blank(s));
}

void screen_init(struct screen *s, u32 columns, u32 rows, u32 *cells)
{
	memset(s, 0, sizeof(*s));
	s->columns = columns;
	s->rows = rows;
	s->cells = cells;
	screen_reset(s);
}
