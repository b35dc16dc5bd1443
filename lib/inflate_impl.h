/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private to the inflate files. Codes are looked up in two steps: LIT_BITS (DIST_BITS) bits index
 * the first table; a longer code continues in a subtable for its rest.
 *
 *	entry:  31       16 15  14   13   12    8 7    0
 *	       | base      |SUB|EOB |LIT | extra | bits |
 *
 * bits: how many to drop. LIT: base is the byte. EOB: end of block. SUB: base is the subtable's
 * place, extra its index bits, bits the first table's. Otherwise base + `extra` bits is a length or
 * a distance. An entry of 0 stands for no code: drops nothing, is never valid.
 */
#pragma once

#include <lib/inflate.h>

#define LIT_BITS   10
#define DIST_BITS  8
#define ORDER_BITS 7
#define CODE_MAX   15

#define ENTRY_LIT (1U << 13)
#define ENTRY_EOB (1U << 14)
#define ENTRY_SUB (1U << 15)

#define ENTRY(base, flags, extra) ((u32)(base) << 16 | (flags) | (u32)(extra) << 8)

/*
 * Make w->lit and w->dist from the lengths in w->lens: @nlit of the first code, @ndist of the
 * second. inflate_build_fixed sets those of the fixed codes itself; inflate_build_order makes
 * w->dist the table of the code of code lengths. Returns: 0; -EBADMSG oversubscribed, or incomplete
 * where that is not allowed.
 */
MUST_CHECK
int inflate_build_codes(struct inflate_work *w, unsigned nlit, unsigned ndist);
MUST_CHECK
int inflate_build_fixed(struct inflate_work *w);
MUST_CHECK
int inflate_build_order(struct inflate_work *w, const u8 lens[19]);
