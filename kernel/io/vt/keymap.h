/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The US keyboard as a pure state machine: keys in, bytes for the terminal or a wish of the user out. The sequences are terminfo's `linux`.
 */
#include <lib/types.h>
#include <port/input.h>

enum keymap_do {
	KEYMAP_BYTES,	  /* bytes[0 .. n), maybe none */
	KEYMAP_SWITCH,	  /* to virtual terminal n */
	KEYMAP_PREVIOUS,  /* one down, one up */
	KEYMAP_NEXT,
	KEYMAP_HOLD,	  /* Scroll Lock */
	KEYMAP_REBOOT,	  /* Ctrl-Alt-Del */
};

#define KEYMAP_MAX 8

struct keymap_result {
	enum keymap_do what;
	u32 n;
	u8 bytes[KEYMAP_MAX];
};

/* What the terminal that is seen wants of keys. */
struct keymap_modes {
	u8 leds;	 /* enum input_led: which locks are on; changed by their keys */
	bool app_cursor, app_keypad, newline;
	bool meta_bit;	 /* Alt sets bit 7 instead of sending ESC first */
};

struct keymap {
	u32 held;	 /* enum keymap_shift; one bit a key, so that two of a kind count */
};

void keymap_key(struct keymap *k, struct keymap_modes *m, u32 code, enum input_value value, struct keymap_result *out);
/* Shift 1, AltGr 2, Ctrl 4, Alt 8: TIOCL_GETSHIFTSTATE. */
u8 keymap_shift_state(const struct keymap *k);
