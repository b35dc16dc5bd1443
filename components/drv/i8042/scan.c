/* SPDX-License-Identifier: BSD-2-Clause */
#include "scan.h"
#include <lib/compiler.h>
#include <port/input.h>
#include <linux/input-event-codes.h>

#define LAST_PLAIN 0x58 /* up to it Linux' key codes are set 1's */
#define PAUSE_REST 2

static const struct {
	u8 scan, code;
} later[] = {
	{0x1c, KEY_KPENTER}, {0x1d, KEY_RIGHTCTRL}, {0x20, KEY_MUTE}, {0x2e, KEY_VOLUMEDOWN}, {0x30, KEY_VOLUMEUP}, {0x35, KEY_KPSLASH},
	{0x37, KEY_SYSRQ}, {0x38, KEY_RIGHTALT}, {0x46, KEY_PAUSE}, {0x47, KEY_HOME}, {0x48, KEY_UP}, {0x49, KEY_PAGEUP},
	{0x4b, KEY_LEFT}, {0x4d, KEY_RIGHT}, {0x4f, KEY_END}, {0x50, KEY_DOWN}, {0x51, KEY_PAGEDOWN}, {0x52, KEY_INSERT},
	{0x53, KEY_DELETE}, {0x5b, KEY_LEFTMETA}, {0x5c, KEY_RIGHTMETA}, {0x5d, KEY_COMPOSE}, {0x5e, KEY_POWER},
};

static u32 key_of(u8 prefix, u8 scan)
{
	if (!prefix)
		return scan <= LAST_PLAIN ? scan : 0;
	for (unsigned i = 0; i < ARRAY_SIZE(later); i++)
		if (later[i].scan == scan)
			return later[i].code;
	return 0;
}

/* Is it held already? Keyboards repeat by pressing again. */
static u8 press(struct scan *s, u32 code, bool up)
{
	u32 bit = 1u << code % 32, *word = &s->down[code / 32 % ARRAY_SIZE(s->down)];
	bool was = *word & bit;

	*word = up ? *word & ~bit : *word | bit;
	return up ? INPUT_UP : was ? INPUT_REPEAT : INPUT_DOWN;
}

bool scan_feed(struct scan *s, u8 byte, struct scan_key *out)
{
	u8 prefix = s->prefix;

	if (byte == 0xe0 || byte == 0xe1) {
		s->prefix = byte;
		s->skip = PAUSE_REST;
		return false;
	}
	if (prefix == 0xe1) {
		if (--s->skip)
			return false;
		s->prefix = 0;
		*out = (struct scan_key){.code = KEY_PAUSE, .value = byte & 0x80 ? INPUT_UP : INPUT_DOWN};
		return true;
	}
	s->prefix = 0;
	out->code = key_of(prefix, byte & 0x7f);
	if (!out->code)
		return false;
	out->value = press(s, out->code, byte & 0x80);
	return true;
}
