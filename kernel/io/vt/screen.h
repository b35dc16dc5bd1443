/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The terminal `linux` of terminfo as a pure state machine: bytes in; cells, a cursor and answers out. [ecma-48] [man console_codes(4)]
 * No locks: the caller (vt.c) serialises. What has changed is told row by row in `dirty`.
 *
 *	NORMAL --ESC--> ESCAPE --[--> CSI --parameters, final--> NORMAL
 *			  |  --( ) % #--> one more byte -------> NORMAL
 *			  +--] P X ^ _--> STRING --BEL, ESC \--> NORMAL
 *
 * C0 controls work inside sequences; CAN and SUB end them. screen.c has the grid and the characters, screen_esc.c the sequences.
 * Not there: programmable palettes, blanking, mouse reports.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/utf8.h>

#define SCREEN_MAX_COLUMNS 256
#define SCREEN_MAX_ROWS	   256
#define SCREEN_MAX_PARAMS  16
#define SCREEN_ANSWER	   32

enum screen_mode {
	SCREEN_WRAP = 1u << 0,	     /* DECAWM */
	SCREEN_ORIGIN = 1u << 1,     /* DECOM */
	SCREEN_INSERT = 1u << 2,     /* IRM */
	SCREEN_NEWLINE = 1u << 3,    /* LNM: Enter sends CR LF */
	SCREEN_CURSOR = 1u << 4,     /* DECTCEM */
	SCREEN_REVERSE = 1u << 5,    /* DECSCNM */
	SCREEN_APP_CURSOR = 1u << 6, /* DECCKM */
	SCREEN_APP_KEYPAD = 1u << 7, /* DECNKM */
	SCREEN_SHOW_CONTROL = 1u << 8, /* DECCRM: show control characters */
	SCREEN_UTF8 = 1u << 9,
};

enum screen_state { SCREEN_NORMAL, SCREEN_ESCAPE, SCREEN_CSI, SCREEN_INTERMEDIATE, SCREEN_STRING, SCREEN_STRING_ESCAPE, SCREEN_FUNCTION_KEY };
enum screen_charset { CHARSET_LATIN1, CHARSET_GRAPHICS, CHARSET_CP437 };

/* What saving the cursor saves. */
struct screen_pen {
	u32 row, column;
	u8 front, back;
	bool bold, half, underline, blink, reverse;
	u8 charset[2]; /* G0, G1: enum screen_charset */
	u8 shift;      /* which of them is in use */
};

struct screen {
	u32 columns, rows;
	u32 *cells;		/* rows x columns, as the display port has them; the caller's */
	struct screen_pen pen, saved;
	u8 default_front, default_back;
	bool wrap_next;		/* the last column is written: the next character begins a line */
	u32 top, bottom;	/* scroll region: [top, bottom) */
	u32 modes;
	u8 cursor_kind;		/* CSI ? n c */
	u64 tabs[SCREEN_MAX_COLUMNS / 64];
	/* parser */
	u8 state;		/* enum screen_state */
	u8 intermediate;	/* of ESC: ( ) # %; of CSI: what came before or after the parameters, 0: nothing */
	bool rom;		/* SGR 11: bytes are codes of the ROM's characters */
	u32 params[SCREEN_MAX_PARAMS];
	u32 nparams;
	char utf8[UTF8_MAX_LEN];
	u32 nutf8;
	/* out: cleared by the caller */
	u64 dirty[SCREEN_MAX_ROWS / 64];
	u8 answer[SCREEN_ANSWER]; /* as if it were typed */
	u32 nanswer;
};

/* @columns, @rows within the limits above. */
void screen_init(struct screen *s, u32 columns, u32 rows, u32 *cells);
void screen_write(struct screen *s, const u8 *text, size_t n);
/* Row and column of the cursor are s->pen's; this is how it is seen: enum display_cursor. */
unsigned screen_cursor_shape(const struct screen *s);
void screen_mark_all(struct screen *s);

/* ---- between screen.c and screen_esc.c ---- */

u32 screen_blank(const struct screen *s); /* an erased cell */
void screen_reset(struct screen *s);
void screen_move(struct screen *s, u32 row, u32 column); /* clipped */
void screen_fill(struct screen *s, u32 row, u32 column, u32 n, u32 cell); /* within the grid; may go over row ends */
void screen_scroll(struct screen *s, u32 top, u32 bottom, s32 lines); /* > 0: up */
void screen_shift(struct screen *s, s32 n);			    /* the row from the cursor on: > 0 insert, < 0 delete */
void screen_line_feed(struct screen *s);
void screen_reverse_line_feed(struct screen *s);
/* A byte of a sequence that has begun, ESC, BEL, or the byte that is CSI. */
void screen_sequence(struct screen *s, u8 c);
