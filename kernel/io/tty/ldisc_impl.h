/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Shared by the files of the line discipline.
 */
#include "ldisc.h"

#define LDISC_DISABLED 0 /* _POSIX_VDISABLE */

static inline bool ldisc_lflag(const struct ldisc *ld, u32 bits)
{
	return ld->t.c_lflag & bits;
}

static inline bool ldisc_iflag(const struct ldisc *ld, u32 bits)
{
	return ld->t.c_iflag & bits;
}

/* Is @c the control character @which (which is not disabled)? */
static inline bool ldisc_is_cc(const struct ldisc *ld, u8 c, unsigned which)
{
	return c == ld->t.c_cc[which] && c != LDISC_DISABLED;
}

/* ldisc_edit.c */
void ldisc_finish_erasing(struct ldisc *ld); /* the end of what ECHOPRT shows */
void ldisc_erase(struct ldisc *ld, u8 key);  /* a character, a word, the line */
void ldisc_reprint(struct ldisc *ld, u8 key);
