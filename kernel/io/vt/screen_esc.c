/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sequences of a terminal. [ecma-48 5.4] [man console_codes(4)]
 */
#include "screen.h"
#include <lib/printf.h>
#include <lib/string.h>
#include <port/display.h>

static u32 param(const struct screen *s, unsigned i)
{
	return i < s->nparams ? s->params[i] : 0;
}

/* A count or a position, from 1. */
static u32 count(const struct screen *s, unsigned i)
{
	u32 n = param(s, i);

	return n ? min_t(u32, n, 1000) : 1;
}

static void answer(struct screen *s, const char *text)
{
	size_t n = strlen(text);

	if (s->nanswer + n > SCREEN_ANSWER)
		return;
	memcpy(s->answer + s->nanswer, text, n);
	s->nanswer += (u32)n;
}

static u32 origin(const struct screen *s)
{
	return s->modes & SCREEN_ORIGIN ? s->top : 0;
}

/* ---- colours and the like ---- */

static void pen_default(struct screen *s)
{
	struct screen_pen *p = &s->pen;

	p->front = s->default_front;
	p->back = s->default_back;
	p->bold = p->half = p->underline = p->blink = p->reverse = false;
}

/* The nearest of the 16 colours. */
static u8 nearest(u32 r, u32 g, u32 b)
{
	u32 most = max(max(r, g), b), half = most / 2;

	if (most < 0x40)
		return 0;
	return (u8)((r > half) | (g > half) << 1 | (b > half) << 2 | (most > 0xc0) << 3);
}

static u8 of_256(u32 n)
{
	static const u8 level[6] = {0, 0x5f, 0x87, 0xaf, 0xd7, 0xff};
	u32 grey;

	if (n < 16)
		return (u8)n;
	if (n < 232)
		return nearest(level[(n - 16) / 36], level[(n - 16) / 6 % 6], level[(n - 16) % 6]);
	grey = min_t(u32, 8 + (n - 232) * 10, 0xff);
	return nearest(grey, grey, grey);
}

/* SGR 38 and 48: 5;N or 2;R;G;B behind parameter @i. Returns how many belong to it. */
static unsigned long_colour(const struct screen *s, unsigned i, u8 *out)
{
	if (param(s, i + 1) == 5 && i + 2 < s->nparams) {
		*out = of_256(param(s, i + 2) & 0xff);
		return 2;
	}
	if (param(s, i + 1) == 2 && i + 4 < s->nparams) {
		*out = nearest(param(s, i + 2), param(s, i + 3), param(s, i + 4));
		return 4;
	}
	return 0;
}

static void set_colour(struct screen *s, u32 n)
{
	struct screen_pen *p = &s->pen;

	if (n >= 30 && n <= 37)
		p->front = (u8)(n - 30);
	else if (n == 39)
		p->front = s->default_front;
	else if (n >= 40 && n <= 47)
		p->back = (u8)(n - 40);
	else if (n == 49)
		p->back = s->default_back;
	else if (n >= 90 && n <= 97)
		p->front = (u8)(n - 90 + 8);
	else if (n >= 100 && n <= 107)
		p->back = (u8)(n - 100 + 8);
}

static void select_graphics(struct screen *s)
{
	struct screen_pen *p = &s->pen;

	for (unsigned i = 0; i < max_t(u32, s->nparams, 1); i++) {
		u32 n = param(s, i);

		switch (n) {
		case 0: pen_default(s); break;
		case 1:
			p->bold = true;
			p->half = false;
			break;
		case 2:
			p->half = true;
			p->bold = false;
			break;
		case 4:
		case 21: p->underline = true; break;
		case 5: p->blink = true; break;
		case 7: p->reverse = true; break;
		case 10: s->rom = false; break;
		case 11:
		case 12: s->rom = true; break;
		case 22: p->bold = p->half = false; break;
		case 24: p->underline = false; break;
		case 25: p->blink = false; break;
		case 27: p->reverse = false; break;
		case 38: i += long_colour(s, i, &p->front); break;
		case 48: i += long_colour(s, i, &p->back); break;
		default: set_colour(s, n);
		}
	}
}

/* ---- modes ---- */

static u32 mode_of(bool private, u32 n)
{
	if (!private)
		return n == 3 ? SCREEN_SHOW_CONTROL : n == 4 ? SCREEN_INSERT : n == 20 ? SCREEN_NEWLINE : 0;
	switch (n) {
	case 1: return SCREEN_APP_CURSOR;
	case 5: return SCREEN_REVERSE;
	case 6: return SCREEN_ORIGIN;
	case 7: return SCREEN_WRAP;
	case 25: return SCREEN_CURSOR;
	default: return 0;
	}
}

static void set_modes(struct screen *s, bool on)
{
	for (unsigned i = 0; i < s->nparams; i++) {
		u32 mode = mode_of(s->intermediate == '?', s->params[i]);

		s->modes = on ? s->modes | mode : s->modes & ~mode;
		if (mode == SCREEN_REVERSE)
			screen_mark_all(s);
		else if (mode == SCREEN_ORIGIN)
			screen_move(s, origin(s), 0);
	}
}

/* ---- erasing, tabs, regions ---- */

static void erase_display(struct screen *s)
{
	u32 at = s->pen.row * s->columns + s->pen.column, all = s->rows * s->columns;

	s->wrap_next = false;
	switch (param(s, 0)) {
	case 0: screen_fill(s, s->pen.row, s->pen.column, all - at, screen_blank(s)); break;
	case 1: screen_fill(s, 0, 0, at + 1, screen_blank(s)); break;
	case 2:
	case 3: screen_fill(s, 0, 0, all, screen_blank(s)); break;
	default: break;
	}
}

static void erase_line(struct screen *s)
{
	s->wrap_next = false;
	switch (param(s, 0)) {
	case 0: screen_fill(s, s->pen.row, s->pen.column, s->columns - s->pen.column, screen_blank(s)); break;
	case 1: screen_fill(s, s->pen.row, 0, s->pen.column + 1, screen_blank(s)); break;
	case 2: screen_fill(s, s->pen.row, 0, s->columns, screen_blank(s)); break;
	default: break;
	}
}

static void set_region(struct screen *s)
{
	u32 top = count(s, 0), bottom = param(s, 1) ? param(s, 1) : s->rows;

	if (top >= bottom || bottom > s->rows)
		return;
	s->top = top - 1;
	s->bottom = bottom;
	screen_move(s, origin(s), 0);
}

/* Insert or delete lines at the cursor. */
static void shift_lines(struct screen *s, bool insert)
{
	s32 n = (s32)count(s, 0);

	if (s->pen.row >= s->bottom)
		return;
	screen_scroll(s, s->pen.row, s->bottom, insert ? -n : n);
	s->wrap_next = false;
}

static void clear_tabs(struct screen *s)
{
	if (param(s, 0) == 0)
		s->tabs[s->pen.column / 64] &= ~(1ull << s->pen.column % 64);
	else if (param(s, 0) == 3)
		memset(s->tabs, 0, sizeof(s->tabs));
}

/* ---- the cursor ---- */

/* Up and down stop at the region's ends if they begin inside. */
static void move_rows(struct screen *s, s32 n)
{
	s32 row = (s32)s->pen.row + n, lo = s->pen.row >= s->top ? (s32)s->top : 0;
	s32 hi = s->pen.row < s->bottom ? (s32)s->bottom - 1 : (s32)s->rows - 1;

	s->pen.row = (u32)clamp(row, lo, hi);
	s->wrap_next = false;
}

static void move_columns(struct screen *s, s32 n)
{
	s->pen.column = (u32)clamp((s32)s->pen.column + n, 0, (s32)s->columns - 1);
	s->wrap_next = false;
}

static void save_cursor(struct screen *s)
{
	s->saved = s->pen;
}

static void restore_cursor(struct screen *s)
{
	s->pen = s->saved;
	s->wrap_next = false;
}

static void report(struct screen *s)
{
	char text[24];

	if (param(s, 0) == 5) {
		answer(s, "\033[0n");
	} else if (param(s, 0) == 6) {
		scnprintf(text, sizeof(text), "\033[%u;%uR", s->pen.row - origin(s) + 1, s->pen.column + 1);
		answer(s, text);
	}
}

/* ---- CSI ---- */

/* Cursor movements; false: it is something else. */
static bool csi_move(struct screen *s, u8 c)
{
	s32 n = (s32)count(s, 0);

	switch (c) {
	case 'E': s->pen.column = 0; FALLTHROUGH;
	case 'B':
	case 'e': move_rows(s, n); break;
	case 'F': s->pen.column = 0; FALLTHROUGH;
	case 'A': move_rows(s, -n); break;
	case 'C':
	case 'a': move_columns(s, n); break;
	case 'D': move_columns(s, -n); break;
	case 'G':
	case '`': move_columns(s, n - 1 - (s32)s->pen.column); break;
	case 'd': screen_move(s, origin(s) + (u32)n - 1, s->pen.column); break;
	case 'H':
	case 'f': screen_move(s, origin(s) + (u32)n - 1, count(s, 1) - 1); break;
	default: return false;
	}
	return true;
}

static void csi_plain(struct screen *s, u8 c)
{
	if (csi_move(s, c))
		return;
	switch (c) {
	case '@': screen_shift(s, (s32)count(s, 0)); break;
	case 'P': screen_shift(s, -(s32)count(s, 0)); break;
	case 'J': erase_display(s); break;
	case 'K': erase_line(s); break;
	case 'L': shift_lines(s, true); break;
	case 'M': shift_lines(s, false); break;
	case 'X':
		screen_fill(s, s->pen.row, s->pen.column, min_t(u32, count(s, 0), s->columns - s->pen.column), screen_blank(s));
		s->wrap_next = false;
		break;
	case 'c':
		if (!param(s, 0))
			answer(s, "\033[?6c");
		break;
	case 'g': clear_tabs(s); break;
	case 'm': select_graphics(s); break;
	case 'n': report(s); break;
	case 'r': set_region(s); break;
	case 's': save_cursor(s); break;
	case 'u': restore_cursor(s); break;
	case ']': /* Linux' own: 8 makes the colours in use the default ones */
		if (param(s, 0) == 8) {
			s->default_front = s->pen.front;
			s->default_back = s->pen.back;
		}
		break;
	default: break;
	}
}

static void csi_end(struct screen *s, u8 c)
{
	s->state = SCREEN_NORMAL;
	if ((c == 'h' || c == 'l') && (!s->intermediate || s->intermediate == '?'))
		set_modes(s, c == 'h');
	else if (c == 'c' && s->intermediate == '?')
		s->cursor_kind = (u8)param(s, 0);
	else if (!s->intermediate)
		csi_plain(s, c);
}

static void csi_byte(struct screen *s, u8 c)
{
	if (c == '[' && !s->nparams && !s->intermediate) {
		s->state = SCREEN_FUNCTION_KEY; /* what F1 sends, echoed: its last byte is eaten */
	} else if (c >= '0' && c <= '9') {
		u32 *p = &s->params[s->nparams ? s->nparams - 1 : 0];

		s->nparams = max_t(u32, s->nparams, 1);
		if (*p < 100000)
			*p = *p * 10 + (c - '0');
	} else if (c == ';') {
		s->nparams = max_t(u32, s->nparams, 1);
		if (s->nparams < SCREEN_MAX_PARAMS)
			s->params[s->nparams++] = 0;
	} else if (c >= 0x20 && c < 0x40) {
		s->intermediate = c == ':' ? '!' : c; /* what we do not know makes the sequence mean nothing */
	} else {
		csi_end(s, c);
	}
}

static void csi_begin(struct screen *s)
{
	s->state = SCREEN_CSI;
	s->intermediate = 0;
	s->nparams = 0;
	s->params[0] = 0;
}

/* ---- ESC ---- */

static void escape_byte(struct screen *s, u8 c)
{
	s->state = SCREEN_NORMAL;
	switch (c) {
	case '[': csi_begin(s); break;
	case ']':
	case 'P':
	case 'X':
	case '^':
	case '_':
		s->state = SCREEN_STRING;
		s->nparams = 0;
		s->intermediate = c;
		break;
	case '(':
	case ')':
	case '%':
	case '#':
		s->state = SCREEN_INTERMEDIATE;
		s->intermediate = c;
		break;
	case '7': save_cursor(s); break;
	case '8': restore_cursor(s); break;
	case '=': s->modes |= SCREEN_APP_KEYPAD; break;
	case '>': s->modes &= ~(u32)SCREEN_APP_KEYPAD; break;
	case 'D': screen_line_feed(s); break;
	case 'E':
		s->pen.column = 0;
		screen_line_feed(s);
		break;
	case 'H': s->tabs[s->pen.column / 64] |= 1ull << s->pen.column % 64; break;
	case 'M': screen_reverse_line_feed(s); break;
	case 'Z': answer(s, "\033[?6c"); break;
	case 'c': screen_reset(s); break;
	default: break;
	}
}

static void intermediate_byte(struct screen *s, u8 c)
{
	s->state = SCREEN_NORMAL;
	switch (s->intermediate) {
	case '(':
	case ')':
		s->pen.charset[s->intermediate == ')'] = c == '0' ? CHARSET_GRAPHICS : c == 'U' ? CHARSET_CP437 : CHARSET_LATIN1;
		break;
	case '%':
		if (c == '@')
			s->modes &= ~(u32)SCREEN_UTF8;
		else if (c == 'G' || c == '8')
			s->modes |= SCREEN_UTF8;
		break;
	case '#':
		if (c == '8')
			screen_fill(s, 0, 0, s->rows * s->columns, (screen_blank(s) & ~0x1fffffu) | 'E');
		break;
	}
}

/* Linux' palette strings have no end but their length: ] P and 7 hexadecimal digits, ] R. */
static void string_byte(struct screen *s, u8 c)
{
	s->nparams++;
	if (s->intermediate != ']')
		return;
	if (s->nparams == 1 && c == 'R')
		s->state = SCREEN_NORMAL;
	else if (s->nparams == 1 && c == 'P')
		s->params[0] = 'P';
	else if (s->nparams == 1)
		s->params[0] = 0;
	else if (s->nparams == 8 && s->params[0] == 'P')
		s->state = SCREEN_NORMAL;
}

void screen_sequence(struct screen *s, u8 c)
{
	if (c == 27) {
		s->state = s->state == SCREEN_STRING ? SCREEN_STRING_ESCAPE : SCREEN_ESCAPE;
		return;
	}
	if (c == 7) {
		if (s->state == SCREEN_STRING)
			s->state = SCREEN_NORMAL;
		return;
	}
	switch (s->state) {
	case SCREEN_NORMAL: csi_begin(s); break; /* CSI as one character */
	case SCREEN_ESCAPE: escape_byte(s, c); break;
	case SCREEN_CSI: csi_byte(s, c); break;
	case SCREEN_INTERMEDIATE: intermediate_byte(s, c); break;
	case SCREEN_STRING: string_byte(s, c); break;
	case SCREEN_STRING_ESCAPE:
		if (c == '\\')
			s->state = SCREEN_NORMAL;
		else
			escape_byte(s, c);
		break;
	case SCREEN_FUNCTION_KEY: s->state = SCREEN_NORMAL; break;
	}
}
