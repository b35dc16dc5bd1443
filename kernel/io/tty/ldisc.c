/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way in: what each character from the line does. [man termios(3)] [posix 11.1]
 */
#include "ldisc.h"
#include <lib/ctype.h>
#include <lib/string.h>
#include <asm/ioctls.h>

#define DISABLED 0 /* _POSIX_VDISABLE */

static inline bool lflag(const struct ldisc *ld, u32 bits)
{
	return ld->t.c_lflag & bits;
}

static inline bool iflag(const struct ldisc *ld, u32 bits)
{
	return ld->t.c_iflag & bits;
}

/* Is @c the control character @which (which is not disabled)? */
static inline bool is_cc(const struct ldisc *ld, u8 c, unsigned which)
{
	return c == ld->t.c_cc[which] && c != DISABLED;
}

static void set_delim(struct ldisc *ld, u32 pos)
{
	ld->delim[pos % LDISC_IN / 64] |= 1ull << (pos % 64);
}

static bool is_delim(const struct ldisc *ld, u32 pos)
{
	return ld->delim[pos % LDISC_IN / 64] >> (pos % 64) & 1;
}

static void clear_delim(struct ldisc *ld, u32 pos)
{
	ld->delim[pos % LDISC_IN / 64] &= ~(1ull << (pos % 64));
}

/* ---- termios ---- */

static void mark(struct ldisc *ld, u8 c)
{
	ld->special[c / 8] |= (u8)(1u << (c % 8));
}

static void mark_cc(struct ldisc *ld, unsigned which)
{
	if (ld->t.c_cc[which] != DISABLED)
		mark(ld, ld->t.c_cc[which]);
}

static void mark_specials(struct ldisc *ld)
{
	memset(ld->special, 0, sizeof(ld->special));
	if (iflag(ld, IGNCR | ICRNL))
		mark(ld, '\r');
	if (iflag(ld, INLCR))
		mark(ld, '\n');
	if (lflag(ld, ICANON)) {
		mark(ld, '\n');
		mark_cc(ld, VERASE);
		mark_cc(ld, VKILL);
		mark_cc(ld, VEOF);
		mark_cc(ld, VEOL);
		if (lflag(ld, IEXTEN)) {
			mark_cc(ld, VWERASE);
			mark_cc(ld, VLNEXT);
			mark_cc(ld, VEOL2);
			if (lflag(ld, ECHO))
				mark_cc(ld, VREPRINT);
		}
	}
	if (iflag(ld, IXON)) {
		mark_cc(ld, VSTART);
		mark_cc(ld, VSTOP);
	}
	if (lflag(ld, ISIG)) {
		mark_cc(ld, VINTR);
		mark_cc(ld, VQUIT);
		mark_cc(ld, VSUSP);
	}
	ld->plain_input = lflag(ld, EXTPROC) ||
		(!lflag(ld, ICANON | ECHO | ISIG) && !iflag(ld, ISTRIP | IUCLC | IGNCR | ICRNL | INLCR | IXON | PARMRK));
}

/* What was typed becomes one line (to canonical mode) or simply readable. */
static void change_canon(struct ldisc *ld)
{
	memset(ld->delim, 0, sizeof(ld->delim));
	ld->push = false;
	ld->canon_head = ld->tail;
	if (lflag(ld, ICANON) && ld->head != ld->tail) {
		set_delim(ld, ld->head - 1);
		ld->canon_head = ld->head;
		ld->push = true;
	}
	ld->erasing = ld->lnext = false;
	ld->events |= LDISC_EV_READABLE;
}

static bool usual_flow_keys(const struct termios2 *t)
{
	return (t->c_iflag & IXON) && t->c_cc[VSTOP] == 'S' - 64 && t->c_cc[VSTART] == 'Q' - 64;
}

void ldisc_set_termios(struct ldisc *ld, const struct termios2 *t)
{
	struct termios2 old = ld->t;
	u32 changed = old.c_lflag ^ t->c_lflag;

	ld->t = *t;
	mark_specials(ld);
	if (changed & (ICANON | EXTPROC))
		change_canon(ld);
	if (!iflag(ld, IXON) && (old.c_iflag & IXON) && !ld->tc_stopped)
		ldisc_start(ld);
	if (ld->packet_mode) {
		u8 bits = 0;

		if ((changed & EXTPROC) || ((t->c_lflag & EXTPROC) && memcmp(&old, t, sizeof(old))))
			bits |= TIOCPKT_IOCTL;
		if (usual_flow_keys(&old) != usual_flow_keys(t))
			bits |= usual_flow_keys(t) ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP;
		if (bits & (TIOCPKT_DOSTOP | TIOCPKT_NOSTOP))
			ld->packet &= (u8)~(TIOCPKT_DOSTOP | TIOCPKT_NOSTOP);
		ld->packet |= bits;
		if (bits)
			ld->events |= LDISC_EV_PACKET;
	}
}

void ldisc_init(struct ldisc *ld, const struct termios2 *t)
{
	memset(ld, 0, offsetof(struct ldisc, in));
	ld->t = *t;
	mark_specials(ld);
}

/* ---- storing ---- */

/* One place stays free for the character that ends the line. */
static bool line_full(const struct ldisc *ld)
{
	return ld->head - ld->tail >= LDISC_LINE_MAX;
}

static void store(struct ldisc *ld, u8 c)
{
	ld->in[ld->head++ % LDISC_IN] = c;
}

/* An ordinary character: kept if there is room; of a line that is too long the end gets lost. */
static void keep(struct ldisc *ld, u8 c)
{
	bool twice = c == 0xff && iflag(ld, PARMRK);

	if (LDISC_IN - 1 - (ld->head - ld->tail) < (twice ? 2u : 1u))
		return;
	if (twice)
		store(ld, c);
	store(ld, c);
	if (!lflag(ld, ICANON) || lflag(ld, EXTPROC))
		ld->events |= LDISC_EV_READABLE;
}

static void end_line(struct ldisc *ld, u8 c)
{
	if (ld->head - ld->tail >= LDISC_IN)
		return;
	set_delim(ld, ld->head);
	store(ld, c);
	ld->canon_head = ld->head;
	ld->events |= LDISC_EV_READABLE;
}

/* ---- editing the line ---- */

static void finish_erasing(struct ldisc *ld)
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
			col += lflag(ld, ECHOCTL) ? 2 : 0;
		else if (!ldisc_continues(ld, c))
			col++;
	}
	return col;
}

/* Show that the character @c (@len bytes, which lie behind head now) is gone. */
static void echo_erased(struct ldisc *ld, u8 c, u32 len, bool erase_key)
{
	if (lflag(ld, ECHOPRT)) {
		if (!ld->erasing)
			ldisc_echo_raw(ld, '\\');
		ld->erasing = true;
		ldisc_echo(ld, c);
		for (u32 i = 1; i < len; i++)
			ldisc_echo_raw(ld, ld->in[(ld->head + i) % LDISC_IN]);
	} else if (erase_key && !lflag(ld, ECHOE)) {
		ldisc_echo(ld, ld->t.c_cc[VERASE]);
	} else if (c == '\t') {
		u32 target = line_column(ld), n = ld->column > target ? ld->column - target : 0;

		for (n = min_t(u32, n, 8); n; n--)
			ldisc_echo_raw(ld, '\b');
	} else {
		if (is_cntrl(c) && lflag(ld, ECHOCTL))
			echo_back(ld);
		if (!is_cntrl(c) || lflag(ld, ECHOCTL))
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

static void erase(struct ldisc *ld, u8 key)
{
	bool word = false, whole = false, alnum_seen = false;

	if (ld->head == ld->canon_head)
		return;
	if (is_cc(ld, key, VWERASE) && !is_cc(ld, key, VERASE)) {
		word = true;
	} else if (!is_cc(ld, key, VERASE)) {
		if (!lflag(ld, ECHO) || !lflag(ld, ECHOK) || !lflag(ld, ECHOKE) || !lflag(ld, ECHOE)) {
			ld->head = ld->canon_head;
			if (!lflag(ld, ECHO))
				return;
			finish_erasing(ld);
			ldisc_echo(ld, ld->t.c_cc[VKILL]);
			if (lflag(ld, ECHOK))
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
		if (lflag(ld, ECHO))
			echo_erased(ld, c, len, !word && !whole);
		if (!word && !whole)
			break;
	}
	if (ld->head == ld->canon_head && lflag(ld, ECHO))
		finish_erasing(ld);
}

static void reprint(struct ldisc *ld, u8 key)
{
	finish_erasing(ld);
	ldisc_echo(ld, key);
	ldisc_echo_raw(ld, '\n');
	for (u32 i = ld->canon_head; i != ld->head; i++)
		ldisc_echo(ld, ld->in[i % LDISC_IN]);
}

/* ---- characters ---- */

static void echo_input(struct ldisc *ld, u8 c)
{
	if (!lflag(ld, ECHO))
		return;
	finish_erasing(ld);
	if (c == '\n') {
		ldisc_echo_raw(ld, c);
		return;
	}
	if (ld->canon_head == ld->head)
		ld->canon_column = ld->column;
	ldisc_echo(ld, c);
}

static void signal(struct ldisc *ld, u32 event)
{
	if (!lflag(ld, NOFLSH)) {
		ldisc_flush_out(ld);
		ldisc_flush_in(ld);
	}
	ld->events |= event;
}

static bool receive_signal(struct ldisc *ld, u8 c)
{
	u32 event = is_cc(ld, c, VINTR) ? LDISC_EV_SIGINT : is_cc(ld, c, VQUIT) ? LDISC_EV_SIGQUIT
		: is_cc(ld, c, VSUSP)					    ? LDISC_EV_SIGTSTP
									    : 0;

	if (!event)
		return false;
	signal(ld, event);
	if (iflag(ld, IXON))
		ldisc_start(ld);
	if (lflag(ld, ECHO))
		ldisc_echo(ld, c);
	return true;
}

/* True: the character had its effect. */
static bool receive_edit(struct ldisc *ld, u8 c)
{
	bool ext = lflag(ld, IEXTEN);

	if (is_cc(ld, c, VERASE) || is_cc(ld, c, VKILL) || (ext && is_cc(ld, c, VWERASE))) {
		erase(ld, c);
		return true;
	}
	if (ext && is_cc(ld, c, VLNEXT)) {
		ld->lnext = true;
		if (lflag(ld, ECHO)) {
			finish_erasing(ld);
			if (lflag(ld, ECHOCTL)) {
				ldisc_echo_raw(ld, '^');
				ldisc_echo_raw(ld, '\b');
			}
		}
		return true;
	}
	if (ext && lflag(ld, ECHO) && is_cc(ld, c, VREPRINT)) {
		reprint(ld, c);
		return true;
	}
	if (c == '\n') {
		if (lflag(ld, ECHO | ECHONL))
			ldisc_echo_raw(ld, '\n');
		end_line(ld, c);
		return true;
	}
	if (is_cc(ld, c, VEOF)) {
		end_line(ld, DISABLED);
		return true;
	}
	if (is_cc(ld, c, VEOL) || (ext && is_cc(ld, c, VEOL2))) {
		echo_input(ld, c);
		if (c == 0xff && iflag(ld, PARMRK) && !line_full(ld))
			store(ld, c);
		end_line(ld, c);
		return true;
	}
	return false;
}

static void receive_ordinary(struct ldisc *ld, u8 c)
{
	echo_input(ld, c);
	keep(ld, c);
}

static void receive_special(struct ldisc *ld, u8 c)
{
	if (iflag(ld, IXON)) {
		if (is_cc(ld, c, VSTART)) {
			ldisc_start(ld);
			return;
		}
		if (is_cc(ld, c, VSTOP)) {
			ldisc_stop(ld);
			return;
		}
	}
	if (lflag(ld, ISIG) && receive_signal(ld, c))
		return;
	if (iflag(ld, IXON) && iflag(ld, IXANY))
		ldisc_start(ld);
	if (c == '\r') {
		if (iflag(ld, IGNCR))
			return;
		if (iflag(ld, ICRNL))
			c = '\n';
	} else if (c == '\n' && iflag(ld, INLCR)) {
		c = '\r';
	}
	if (lflag(ld, ICANON) && receive_edit(ld, c))
		return;
	receive_ordinary(ld, c);
}

static void receive_char(struct ldisc *ld, u8 c)
{
	if (iflag(ld, ISTRIP))
		c &= 0x7f;
	if (iflag(ld, IUCLC) && lflag(ld, IEXTEN))
		c = (u8)to_lower(c);
	if (lflag(ld, EXTPROC)) {
		keep(ld, c);
		return;
	}
	if (ld->lnext) {
		ld->lnext = false;
		receive_ordinary(ld, c);
		return;
	}
	if (ld->special[c / 8] >> (c % 8) & 1) {
		receive_special(ld, c);
		return;
	}
	if (iflag(ld, IXON) && iflag(ld, IXANY))
		ldisc_start(ld);
	receive_ordinary(ld, c);
}

size_t ldisc_receive_room(const struct ldisc *ld)
{
	u32 used = ld->head - ld->tail, room = used < LDISC_LINE_MAX ? LDISC_LINE_MAX - used : 0;

	if (iflag(ld, PARMRK))
		room = (room + 2) / 3;
	/* A line that is too long must still be ended, or erased. */
	if (!room && lflag(ld, ICANON) && !lflag(ld, EXTPROC) && ld->canon_head == ld->tail)
		room = 1;
	return room;
}

static size_t receive_plain(struct ldisc *ld, const u8 *s, size_t n)
{
	u32 at = ld->head % LDISC_IN;
	size_t first;

	n = min(n, ldisc_receive_room(ld));
	first = min_t(size_t, n, LDISC_IN - at);
	memcpy(ld->in + at, s, first);
	memcpy(ld->in, s + first, n - first);
	ld->head += (u32)n;
	if (n)
		ld->events |= LDISC_EV_READABLE;
	return n;
}

size_t ldisc_receive(struct ldisc *ld, const u8 *s, size_t n)
{
	size_t done = 0;

	if (ld->plain_input && !ld->lnext && !iflag(ld, ISTRIP | IUCLC))
		return receive_plain(ld, s, n);
	for (; done < n && ldisc_receive_room(ld); done++)
		receive_char(ld, s[done]);
	return done;
}

void ldisc_receive_error(struct ldisc *ld, u8 c, enum ldisc_flag flag)
{
	bool mark_it = iflag(ld, PARMRK);

	switch (flag) {
	case LDISC_BREAK:
		if (iflag(ld, IGNBRK))
			return;
		if (iflag(ld, BRKINT)) {
			signal(ld, LDISC_EV_SIGINT);
			return;
		}
		c = 0;
		break;
	case LDISC_PARITY:
	case LDISC_FRAME:
		if (!iflag(ld, INPCK)) {
			receive_char(ld, c);
			return;
		}
		if (iflag(ld, IGNPAR))
			return;
		break;
	case LDISC_OVERRUN: return;
	default: receive_char(ld, c); return;
	}
	if (ldisc_receive_room(ld) < 1 || LDISC_LINE_MAX - (ld->head - ld->tail) < 3)
		return;
	if (mark_it) {
		store(ld, 0xff);
		store(ld, 0);
		store(ld, flag == LDISC_BREAK ? 0 : c);
	} else {
		store(ld, 0);
	}
	if (!lflag(ld, ICANON))
		ld->events |= LDISC_EV_READABLE;
}

/* ---- reading ---- */

static bool canonical(const struct ldisc *ld)
{
	return lflag(ld, ICANON) && !lflag(ld, EXTPROC);
}

bool ldisc_readable(const struct ldisc *ld, size_t min)
{
	if (canonical(ld))
		return ld->canon_head != ld->tail;
	return ld->head - ld->tail >= max_t(size_t, min, 1);
}

size_t ldisc_inq(const struct ldisc *ld)
{
	size_t n;

	if (!canonical(ld))
		return ld->head - ld->tail;
	n = ld->canon_head - ld->tail;
	/* An end-of-file character is not data. */
	for (u32 i = ld->tail; i != ld->canon_head; i++) {
		if (is_delim(ld, i) && ld->in[i % LDISC_IN] == DISABLED)
			n--;
	}
	return n;
}

static size_t read_line(struct ldisc *ld, u8 *buf, size_t n, bool whole_request, bool *out_done)
{
	size_t got = 0;

	*out_done = false;
	while (ld->tail != ld->canon_head) {
		u32 pos = ld->tail;
		u8 c = ld->in[pos % LDISC_IN];
		bool end = is_delim(ld, pos), eof = end && c == DISABLED;

		if (got == n && !(eof && whole_request && !ld->push))
			break;
		ld->tail++;
		if (!(eof && !ld->push))
			buf[got++] = c;
		if (end) {
			clear_delim(ld, pos);
			ld->push = false;
			*out_done = true;
			break;
		}
	}
	if (ld->tail == ld->canon_head)
		*out_done = true;
	return got;
}

size_t ldisc_read(struct ldisc *ld, u8 *buf, size_t n, bool whole_request, bool *out_done)
{
	bool was_full = !ldisc_receive_room(ld);
	u32 at = ld->tail % LDISC_IN;
	size_t first;

	if (canonical(ld)) {
		n = read_line(ld, buf, n, whole_request, out_done);
	} else {
		n = min_t(size_t, n, ld->head - ld->tail);
		first = min_t(size_t, n, LDISC_IN - at);
		memcpy(buf, ld->in + at, first);
		memcpy(buf + first, ld->in, n - first);
		ld->tail += (u32)n;
		if (!lflag(ld, ICANON))
			ld->canon_head = ld->tail;
		*out_done = ld->tail == ld->head;
	}
	if (was_full || ldisc_receive_room(ld) >= LDISC_IN / 2)
		ld->events |= LDISC_EV_ROOM;
	return n;
}
