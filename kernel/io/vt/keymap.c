/* SPDX-License-Identifier: BSD-2-Clause */
#include "keymap.h"
#include <lib/compiler.h>
#include <lib/ctype.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <linux/input-event-codes.h>

enum keymap_shift {
	LEFT_SHIFT = 1u << 0,
	RIGHT_SHIFT = 1u << 1,
	LEFT_CTRL = 1u << 2,
	RIGHT_CTRL = 1u << 3,
	LEFT_ALT = 1u << 4,
	RIGHT_ALT = 1u << 5,
	SHIFT = LEFT_SHIFT | RIGHT_SHIFT,
	CTRL = LEFT_CTRL | RIGHT_CTRL,
	ALT = LEFT_ALT | RIGHT_ALT,
};

/* By key code, from KEY_ESC on. */
static const char plain[] = "\0331234567890-=\177\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] = "\033!@#$%^&*()_+\177\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";

static u32 shift_of(u32 code)
{
	switch (code) {
	case KEY_LEFTSHIFT: return LEFT_SHIFT;
	case KEY_RIGHTSHIFT: return RIGHT_SHIFT;
	case KEY_LEFTCTRL: return LEFT_CTRL;
	case KEY_RIGHTCTRL: return RIGHT_CTRL;
	case KEY_LEFTALT: return LEFT_ALT;
	case KEY_RIGHTALT: return RIGHT_ALT;
	default: return 0;
	}
}

/* ---- results ---- */

static void put(struct keymap_result *r, u8 c)
{
	if (r->n < KEYMAP_MAX)
		r->bytes[r->n++] = c;
}

static void put_text(struct keymap_result *r, const char *s)
{
	while (*s)
		put(r, (u8)*s++);
}

/* CSI @n ~ */
static void put_tilde(struct keymap_result *r, u32 n)
{
	char text[KEYMAP_MAX + 1];

	scnprintf(text, sizeof(text), "\033[%u~", n);
	put_text(r, text);
}

static void put_meta(struct keymap_result *r, const struct keymap *k, const struct keymap_modes *m, u8 c)
{
	if ((k->held & ALT) && !m->meta_bit)
		put(r, 27);
	put(r, k->held & ALT && m->meta_bit ? c | 0x80 : c);
}

/* ---- kinds of keys ---- */

static u8 control_of(u8 c)
{
	static const char from[] = "2345678/ `-", to[] = "\0\033\034\035\036\037\177\177\0\0\037";
	const char *at = strchr(from, c);

	if (is_alpha(c) || (c >= '[' && c <= '_') || c == '@')
		return c & 0x1f;
	return c && at ? (u8)to[at - from] : c == 0x7f ? '\b' : c;
}

static void letter(const struct keymap *k, const struct keymap_modes *m, u32 code, struct keymap_result *r)
{
	bool shift = k->held & SHIFT;
	u8 c = (u8)plain[code - KEY_ESC];

	if (is_alpha(c) && (m->leds & INPUT_LED_CAPS))
		shift = !shift;
	if (k->held & CTRL)
		c = control_of(shift && c == '-' ? '_' : c);
	else if (shift)
		c = (u8)shifted[code - KEY_ESC];
	put_meta(r, k, m, c);
	if (c == '\r' && m->newline)
		put(r, '\n');
}

/* 1 .. 12, or 0. */
static u32 function_key(u32 code)
{
	return code >= KEY_F1 && code <= KEY_F10 ? code - KEY_F1 + 1 : code == KEY_F11 ? 11 : code == KEY_F12 ? 12 : 0;
}

static void function(const struct keymap *k, u32 n, struct keymap_result *r)
{
	static const u8 numbers[] = {17, 18, 19, 20, 21, 23, 24, 25, 26, 28, 29, 31, 32, 33, 34}; /* F6 .. F20 */

	if (k->held & ALT) {
		r->what = KEYMAP_SWITCH;
		r->n = n + (k->held & SHIFT ? 12 : 0);
		return;
	}
	n += k->held & SHIFT ? 12 : 0;
	if (n <= 5) {
		put_text(r, "\033[[");
		put(r, (u8)('A' + n - 1));
	} else if (n - 6 < ARRAY_SIZE(numbers)) {
		put_tilde(r, numbers[n - 6]);
	}
}

/* The cursor's letter A .. G of CSI, or 0. */
static u8 arrow_of(u32 code)
{
	switch (code) {
	case KEY_UP:
	case KEY_KP8: return 'A';
	case KEY_DOWN:
	case KEY_KP2: return 'B';
	case KEY_RIGHT:
	case KEY_KP6: return 'C';
	case KEY_LEFT:
	case KEY_KP4: return 'D';
	case KEY_KP5: return 'G';
	default: return 0;
	}
}

/* The number of CSI n ~, or 0. */
static u32 tilde_of(u32 code)
{
	switch (code) {
	case KEY_HOME:
	case KEY_KP7: return 1;
	case KEY_INSERT:
	case KEY_KP0: return 2;
	case KEY_DELETE:
	case KEY_KPDOT: return 3;
	case KEY_END:
	case KEY_KP1: return 4;
	case KEY_PAGEUP:
	case KEY_KP9: return 5;
	case KEY_PAGEDOWN:
	case KEY_KP3: return 6;
	default: return 0;
	}
}

static bool cursor(const struct keymap_modes *m, u32 code, struct keymap_result *r)
{
	u8 arrow = arrow_of(code);
	u32 tilde = tilde_of(code);

	if (arrow) {
		put_text(r, m->app_cursor ? "\033O" : "\033[");
		put(r, arrow);
	} else if (tilde) {
		put_tilde(r, tilde);
	}
	return arrow || tilde;
}

/* The digits of the keypad are from KEY_KP7 on: 789-456+1230. */
static void keypad(const struct keymap_modes *m, u32 code, struct keymap_result *r)
{
	static const char digits[] = "789-456+1230.", application[] = "wxyStuvlqrspn";
	u8 at = (u8)(code - KEY_KP7);
	bool has_number = at < sizeof(digits) - 1;

	if (code == KEY_KPENTER) {
		put_text(r, m->app_keypad ? "\033OM" : m->newline ? "\r\n" : "\r");
		return;
	}
	if (m->app_keypad) {
		put_text(r, "\033O");
		put(r, code == KEY_KPSLASH ? 'Q' : code == KEY_KPASTERISK ? 'R' : (u8)application[at]);
		return;
	}
	if (has_number && !(m->leds & INPUT_LED_NUM) && cursor(m, code, r))
		return;
	put(r, code == KEY_KPSLASH ? '/' : code == KEY_KPASTERISK ? '*' : (u8)digits[at]);
}

static bool is_keypad(u32 code)
{
	return (code >= KEY_KP7 && code <= KEY_KPDOT) || code == KEY_KPENTER || code == KEY_KPSLASH || code == KEY_KPASTERISK;
}

static bool lock_key(struct keymap_modes *m, u32 code, struct keymap_result *r)
{
	switch (code) {
	case KEY_CAPSLOCK: m->leds ^= INPUT_LED_CAPS; return true;
	case KEY_NUMLOCK:
		if (m->app_keypad)
			put_text(r, "\033OP");
		else
			m->leds ^= INPUT_LED_NUM;
		return true;
	case KEY_SCROLLLOCK:
		m->leds ^= INPUT_LED_SCROLL;
		r->what = KEYMAP_HOLD;
		return true;
	default: return false;
	}
}

void keymap_key(struct keymap *k, struct keymap_modes *m, u32 code, enum input_value value, struct keymap_result *r)
{
	u32 shift = shift_of(code), fn = function_key(code);

	*r = (struct keymap_result){.what = KEYMAP_BYTES};
	if (shift) {
		k->held = value == INPUT_UP ? k->held & ~shift : k->held | shift;
		return;
	}
	if (value == INPUT_UP || (value == INPUT_DOWN ? lock_key(m, code, r) : code == KEY_CAPSLOCK))
		return;
	if ((code == KEY_DELETE || code == KEY_KPDOT) && (k->held & ALT) && (k->held & CTRL))
		r->what = KEYMAP_REBOOT;
	else if ((code == KEY_LEFT || code == KEY_RIGHT) && (k->held & ALT))
		r->what = code == KEY_LEFT ? KEYMAP_PREVIOUS : KEYMAP_NEXT;
	else if (fn)
		function(k, fn, r);
	else if (code == KEY_PAUSE)
		put_text(r, "\033[P");
	else if (code == KEY_102ND)
		put_meta(r, k, m, k->held & SHIFT ? '>' : '<');
	else if (code == KEY_SYSRQ)
		put(r, 28);
	else if (is_keypad(code))
		keypad(m, code, r);
	else if (!cursor(m, code, r) && code >= KEY_ESC && code <= KEY_SPACE && plain[code - KEY_ESC])
		letter(k, m, code, r);
}

u8 keymap_shift_state(const struct keymap *k)
{
	return (u8)((k->held & SHIFT ? 1 : 0) | (k->held & RIGHT_ALT ? 2 : 0) | (k->held & CTRL ? 4 : 0) | (k->held & LEFT_ALT ? 8 : 0));
}
