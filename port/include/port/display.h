/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * display: a grid of character cells on which the kernel's virtual terminals are shown.
 *
 * Survives a provider's death: nothing; the kernel shows everything again on the successor.
 */
#include <lib/types.h>
#include <port/port.h>

/*
 * A cell: what stands there and how.
 *
 *	31   28 27   24 23    22     21         20 ... 0
 *	| back | front | 0 | blink | underlined | Unicode |
 *
 * Colours are ECMA-48's: black, red, green, yellow, blue, magenta, cyan, white; 8 more: bright.
 */
#define DISPLAY_CHAR(cell)  ((cell) & 0x1fffff)
#define DISPLAY_UNDERLINE   (1u << 21)
#define DISPLAY_BLINK       (1u << 22)
#define DISPLAY_FRONT(cell) ((cell) >> 24 & 15)
#define DISPLAY_BACK(cell)  ((cell) >> 28)
#define DISPLAY_CELL(c, front, back) ((u32)(c) | (u32)(front) << 24 | (u32)(back) << 28)

enum display_cursor { DISPLAY_CURSOR_NONE, DISPLAY_CURSOR_LINE, DISPLAY_CURSOR_BLOCK };

struct display_info {
	u32 columns, rows;
};

/* One call at a time, except info. */
struct display_ops {
	/* Constant.  Context: any. */
	void (*info)(void *self, struct display_info *out);
	/* Show @n cells of one row, all of them inside the grid. The cursor is away.  Context: may sleep. */
	void (*put)(void *self, u32 row, u32 column, const u32 *cells, u32 n);
	/* Show the cursor on @cell, which stands at that place; NONE: take it away.  Context: may sleep. */
	void (*cursor)(void *self, enum display_cursor shape, u32 row, u32 column, u32 cell);
};
