/* SPDX-License-Identifier: BSD-2-Clause */
#include "keymap.h"
#include <lib/test.h>
#include <string.h>
#include <linux/input-event-codes.h>

static struct keymap k;
static struct keymap_modes m;

static struct keymap_result press(u32 code)
{
	struct keymap_result r;

	keymap_key(&k, &m, code, INPUT_DOWN, &r);
	return r;
}

static void release(u32 code)
{
	struct keymap_result r;

	keymap_key(&k, &m, code, INPUT_UP, &r);
	CHECK_EQ(r.n, 0);
}

static const char *typed(u32 code)
{
	static char out[KEYMAP_MAX + 1];
	struct keymap_result r = press(code);

	CHECK_EQ(r.what, KEYMAP_BYTES);
	memcpy(out, r.bytes, r.n);
	out[r.n] = 0;
	release(code);
	return out;
}

static const char *typed_with(u32 shift, u32 code)
{
	const char *s;

	press(shift);
	s = typed(code);
	release(shift);
	return s;
}

static void begin(void)
{
	k = (struct keymap){0};
	m = (struct keymap_modes){0};
}

TEST(keymap_letters)
{
	begin();
	CHECK_STR_EQ(typed(KEY_A), "a");
	CHECK_STR_EQ(typed_with(KEY_RIGHTSHIFT, KEY_A), "A");
	CHECK_STR_EQ(typed_with(KEY_LEFTSHIFT, KEY_2), "@");
	CHECK_STR_EQ(typed_with(KEY_LEFTCTRL, KEY_C), "\003");
	CHECK_STR_EQ(typed_with(KEY_LEFTCTRL, KEY_BACKSLASH), "\034");
	CHECK_STR_EQ(typed_with(KEY_RIGHTCTRL, KEY_SLASH), "\177");
	CHECK_STR_EQ(typed_with(KEY_LEFTALT, KEY_X), "\033x");
	CHECK_STR_EQ(typed(KEY_ENTER), "\r");
	CHECK_STR_EQ(typed(KEY_BACKSPACE), "\177");
	CHECK_STR_EQ(typed(KEY_SPACE), " ");
	press(KEY_CAPSLOCK);
	CHECK_EQ(m.leds, INPUT_LED_CAPS);
	CHECK_STR_EQ(typed(KEY_Q), "Q");
	CHECK_STR_EQ(typed(KEY_1), "1");
	CHECK_STR_EQ(typed_with(KEY_LEFTSHIFT, KEY_Q), "q");
	press(KEY_CAPSLOCK);
	CHECK_EQ(m.leds, 0);
	m.newline = true;
	CHECK_STR_EQ(typed(KEY_ENTER), "\r\n");
	press(KEY_LEFTCTRL);
	CHECK_EQ(press(KEY_SPACE).n, 1);
	CHECK_EQ(press(KEY_SPACE).bytes[0], 0);
	CHECK_EQ(keymap_shift_state(&k), 4);
}

TEST(keymap_functions_and_cursor)
{
	begin();
	CHECK_STR_EQ(typed(KEY_F1), "\033[[A");
	CHECK_STR_EQ(typed(KEY_F5), "\033[[E");
	CHECK_STR_EQ(typed(KEY_F6), "\033[17~");
	CHECK_STR_EQ(typed(KEY_F12), "\033[24~");
	CHECK_STR_EQ(typed_with(KEY_LEFTSHIFT, KEY_F1), "\033[25~");
	CHECK_STR_EQ(typed(KEY_UP), "\033[A");
	CHECK_STR_EQ(typed(KEY_DELETE), "\033[3~");
	CHECK_STR_EQ(typed(KEY_HOME), "\033[1~");
	CHECK_STR_EQ(typed(KEY_KP7), "\033[1~");
	m.app_cursor = true;
	CHECK_STR_EQ(typed(KEY_LEFT), "\033OD");
	press(KEY_NUMLOCK);
	CHECK_STR_EQ(typed(KEY_KP7), "7");
	CHECK_STR_EQ(typed(KEY_KPPLUS), "+");
	m.app_keypad = true;
	CHECK_STR_EQ(typed(KEY_KP0), "\033Op");
	CHECK_STR_EQ(typed(KEY_KP9), "\033Oy");
	CHECK_STR_EQ(typed(KEY_KPENTER), "\033OM");
}

TEST(keymap_wishes)
{
	struct keymap_result r;

	begin();
	press(KEY_LEFTALT);
	r = press(KEY_F3);
	CHECK_EQ(r.what, KEYMAP_SWITCH);
	CHECK_EQ(r.n, 3);
	CHECK_EQ(press(KEY_RIGHT).what, KEYMAP_NEXT);
	press(KEY_RIGHTCTRL);
	CHECK_EQ(press(KEY_DELETE).what, KEYMAP_REBOOT);
	release(KEY_RIGHTCTRL);
	release(KEY_LEFTALT);
	CHECK_EQ(press(KEY_SCROLLLOCK).what, KEYMAP_HOLD);
	CHECK_EQ(press(KEY_DELETE).what, KEYMAP_BYTES);
}

TEST(keymap_every_code)
{
	begin();
	for (u32 code = 0; code < 1024; code++) {
		for (u32 shift = 0; shift < 8; shift++) {
			struct keymap_result r;

			k.held = shift * 9; /* any mixture */
			m.app_keypad = shift & 1;
			keymap_key(&k, &m, code, (enum input_value)(code % 3), &r);
			CHECK(r.what == KEYMAP_SWITCH || r.n <= KEYMAP_MAX);
		}
	}
}
