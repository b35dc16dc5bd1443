/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Editing the line that is being typed, and how that looks.
 */
#include "ldisc_impl.h"
#include <lib/ctype.h>

void ldisc_finish_erasing(struct ldisc *ld)
{
	if (!ld->erasing)
		return;
	ldisc_echo_raw(ld, '/');
	ld->erasing = false;
}

static void echo_back(struct ldisc *ld)
{
	ldisc_echo_raw(ld, '\b');
	ldisc_echo_raw(ld, ' ');
	ldisc_echo_raw(ld, '\b');
}

/* Column at which the line being edited ends, given where it began. */
static u32 line_column(const struct ldisc *ld)
{
	u32 col = ld->canon_column;

	for (u32 i = ld->canon_head; i != ld->head; i++) {
		u8 c = ld->in[i % LDISC_IN];

		if (c == '\t')
			col += 8 - (col & 7);
		else if (is_cntrl(c))
			col += ldisc_lflag(ld, ECHOCTL) ? 2 : 0;
		else if (!ldisc_continues(ld, c))
			col++;
	}
	return col;
}

/* Show that the character @c (@len bytes, which lie behind head now) is gone. */
static void echo_erased(struct ldisc *ld, u8 c, u32 len, bool erase_key)
{
	if (ldisc_lflag(ld, ECHOPRT)) {
		if (!ld->erasing)
			ldisc_echo_raw(ld, '\\');
		ld->erasing = true;
		ldisc_echo(ld, c);
		for (u32 i = 1; i < len; i++)
			ldisc_echo_raw(ld, ld->in[(ld->head + i) % LDISC_IN]);
	} else if (erase_key && !ldisc_lflag(ld, ECHOE)) {
		ldisc_echo(ld, ld->t.c_cc[VERASE]);
	} else if (c == '\t') {
		u32 target = line_column(ld), n = ld->column > target ? ld->column - target : 0;

		for (n = min_t(u32, n, 8); n; n--)
			ldisc_echo_raw(ld, '\b');
	} else {
		if (is_cntrl(c) && ldisc_lflag(ld, ECHOCTL))
			echo_back(ld);
		if (!is_cntrl(c) || ldisc_lflag(ld, ECHOCTL))
			echo_back(ld);
	}
}

/* Take the last character (which may have several bytes) off the line; 0: its first byte is missing. */
static u32 last_char(const struct ldisc *ld, u8 *out_first)
{
	u32 at = ld->head;

	do {
		at--;
		*out_first = ld->in[at % LDISC_IN];
	} while (ldisc_continues(ld, *out_first) && at != ld->canon_head);
	return ldisc_continues(ld, *out_first) ? 0 : ld->head - at;
}

void ldisc_erase(struct ldisc *ld, u8 key)
{
	bool word = false, whole = false, alnum_seen = false;

	if (ld->head == ld->canon_head)
		return;
	if (ldisc_is_cc(ld, key, VWERASE) && !ldisc_is_cc(ld, key, VERASE)) {
		word = true;
	} else if (!ldisc_is_cc(ld, key, VERASE)) {
		if (!ldisc_lflag(ld, ECHO) || !ldisc_lflag(ld, ECHOK) || !ldisc_lflag(ld, ECHOKE) || !ldisc_lflag(ld, ECHOE)) {
			ld->head = ld->canon_head;
			if (!ldisc_lflag(ld, ECHO))
				return;
			ldisc_finish_erasing(ld);
			ldisc_echo(ld, ld->t.c_cc[VKILL]);
			if (ldisc_lflag(ld, ECHOK))
				ldisc_echo_raw(ld, '\n');
			return;
		}
		whole = true;
	}
	while (ld->head != ld->canon_head) {
		u8 c;
		u32 len = last_char(ld, &c);

		if (!len)
			break;
		if (word) {
			if (is_alnum(c) || c == '_')
				alnum_seen = true;
			else if (alnum_seen)
				break;
		}
		ld->head -= len;
		if (ldisc_lflag(ld, ECHO))
			echo_erased(ld, c, len, !word && !whole);
		if (!word && !whole)
			break;
	}
	if (ld->head == ld->canon_head && ldisc_lflag(ld, ECHO))
		ldisc_finish_erasing(ld);
}

void ldisc_reprint(struct ldisc *ld, u8 key)
{
	ldisc_finish_erasing(ld);
	ldisc_echo(ld, key);
	ldisc_echo_raw(ld, '\n');
	for (u32 i = ld->canon_head; i != ld->head; i++)
		ldisc_echo(ld, ld->in[i % LDISC_IN]);
}
