/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The characters in the ROM of every VGA.
 */
#include <lib/types.h>

#define CP437_UNKNOWN 0xfe /* a small square */

/* The code of a Unicode character, CP437_UNKNOWN if it has none. */
u8 cp437_of(u32 c);
