/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Scan codes of set 1, in which PC keyboards speak through their controller, as key codes. Pure.
 *
 *	code		a key below 0x59 (or another 0x80 more: released)
 *	E0 code		a key that came later
 *	E1 1D 45	Pause, which is never released
 *
 * Shifts that the keyboard pretends round E0 keys (E0 2A, E0 36) are dropped.
 */
#include <lib/types.h>

struct scan {
	u8 prefix; /* 0, 0xe0, 0xe1 */
	u8 skip;   /* bytes of Pause that are left */
	u32 down[8];
};

struct scan_key {
	u32 code; /* KEY_*, < 256 */
	u8 value; /* enum input_value */
};

/* One byte; false: it ends no key. */
bool scan_feed(struct scan *s, u8 byte, struct scan_key *out);
