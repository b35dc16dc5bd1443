/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way in: what each character from the line does. [man termios(3)] [posix 11.1]
 */
#include "ldisc_impl.h"
#include <lib/ctype.h>
#include <lib/string.h>
#include <asm/ioctls.h>

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
	if (ld->t.c_cc[which] != LDISC_DISABLED)
		mark(ld, ld->t.c_cc[which]);
}

static void mark_specials(struct ldisc *ld)
{
	memset(ld->special, 0, sizeof(ld->special));
	if (ldisc_iflag(ld, IGNCR | ICRNL))
		mark(ld, '\r');
	if (ldisc_iflag(ld, INLCR))
		mark(ld, '\n');
	if (ldisc_lflag(ld, ICANON)) {
		mark(ld, '\n');
		mark_cc(ld, VERASE);
		mark_cc(ld, VKILL);
		mark_cc(ld, VEOF);
		mark_cc(ld, VEOL);
		if (ldisc_lflag(ld, IEXTEN)) {
			mark_cc(ld, VWERASE);
			mark_cc(ld, VLNEXT);
			mark_cc(ld, VEOL2);
			if (ldisc_lflag(ld, ECHO))
				mark_cc(ld, VREPRINT);
		}
	}
	if (ldisc_iflag(ld, IXON)) {
		mark_cc(ld, VSTART);
		mark_cc(ld, VSTOP);
	}
	if (ldisc_lflag(ld, ISIG)) {
		mark_cc(ld, VINTR);
		mark_cc(ld, VQUIT);
		mark_cc(ld, VSUSP);
	}
	ld->plain_input = ldisc_lflag(ld, EXTPROC) ||
		(!ldisc_lflag(ld, ICANON | ECHO | ISIG) && !ldisc_iflag(ld, ISTRIP | IUCLC | IGNCR | ICRNL | INLCR | IXON | PARMRK));
}

/* What was typed becomes one line (to canonical mode) or simply readable. */
static void change_canon(struct ldisc *ld)
{
	memset(ld->delim, 0, sizeof(ld->delim));
	ld->push = false;
	ld->canon_head = ld->tail;
	if (ldisc_lflag(ld, ICANON) && ld->head != ld->tail) {
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
	if (!ldisc_iflag(ld, IXON) && (old.c_iflag & IXON) && !ld->tc_stopped)
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
	bool twice = c == 0xff && ldisc_iflag(ld, PARMRK);

	if (LDISC_IN - 1 - (ld->head - ld->tail) < (twice ? 2u : 1u))
		return;
	if (twice)
		store(ld, c);
	store(ld, c);
	if (!ldisc_lflag(ld, ICANON) || ldisc_lflag(ld, EXTPROC))
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

/* ---- characters ---- */

static void echo_input(struct ldisc *ld, u8 c)
{
	if (!ldisc_lflag(ld, ECHO))
		return;
	ldisc_finish_erasing(ld);
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
	if (!ldisc_lflag(ld, NOFLSH)) {
		ldisc_flush_out(ld);
		ldisc_flush_in(ld);
	}
	ld->events |= event;
}

static bool receive_signal(struct ldisc *ld, u8 c)
{
	u32 event = ldisc_is_cc(ld, c, VINTR) ? LDISC_EV_SIGINT : ldisc_is_cc(ld, c, VQUIT) ? LDISC_EV_SIGQUIT
		: ldisc_is_cc(ld, c, VSUSP)					    ? LDISC_EV_SIGTSTP
									    : 0;

	if (!event)
		return false;
	signal(ld, event);
	if (ldisc_iflag(ld, IXON))
		ldisc_start(ld);
	if (ldisc_lflag(ld, ECHO))
		ldisc_echo(ld, c);
	return true;
}

/* True: the character had its effect. */
static bool receive_edit(struct ldisc *ld, u8 c)
{
	bool ext = ldisc_lflag(ld, IEXTEN);

	if (ldisc_is_cc(ld, c, VERASE) || ldisc_is_cc(ld, c, VKILL) || (ext && ldisc_is_cc(ld, c, VWERASE))) {
		ldisc_erase(ld, c);
		return true;
	}
	if (ext && ldisc_is_cc(ld, c, VLNEXT)) {
		ld->lnext = true;
		if (ldisc_lflag(ld, ECHO)) {
			ldisc_finish_erasing(ld);
			if (ldisc_lflag(ld, ECHOCTL)) {
				ldisc_echo_raw(ld, '^');
				ldisc_echo_raw(ld, '\b');
			}
		}
		return true;
	}
	if (ext && ldisc_lflag(ld, ECHO) && ldisc_is_cc(ld, c, VREPRINT)) {
		ldisc_reprint(ld, c);
		return true;
	}
	if (c == '\n') {
		if (ldisc_lflag(ld, ECHO | ECHONL))
			ldisc_echo_raw(ld, '\n');
		end_line(ld, c);
		return true;
	}
	if (ldisc_is_cc(ld, c, VEOF)) {
		end_line(ld, LDISC_DISABLED);
		return true;
	}
	if (ldisc_is_cc(ld, c, VEOL) || (ext && ldisc_is_cc(ld, c, VEOL2))) {
		echo_input(ld, c);
		if (c == 0xff && ldisc_iflag(ld, PARMRK) && !line_full(ld))
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
	if (ldisc_iflag(ld, IXON)) {
		if (ldisc_is_cc(ld, c, VSTART)) {
			ldisc_start(ld);
			return;
		}
		if (ldisc_is_cc(ld, c, VSTOP)) {
			ldisc_stop(ld);
			return;
		}
	}
	if (ldisc_lflag(ld, ISIG) && receive_signal(ld, c))
		return;
	if (ldisc_iflag(ld, IXON) && ldisc_iflag(ld, IXANY))
		ldisc_start(ld);
	if (c == '\r') {
		if (ldisc_iflag(ld, IGNCR))
			return;
		if (ldisc_iflag(ld, ICRNL))
			c = '\n';
	} else if (c == '\n' && ldisc_iflag(ld, INLCR)) {
		c = '\r';
	}
	if (ldisc_lflag(ld, ICANON) && receive_edit(ld, c))
		return;
	receive_ordinary(ld, c);
}

static void receive_char(struct ldisc *ld, u8 c)
{
	if (ldisc_iflag(ld, ISTRIP))
		c &= 0x7f;
	if (ldisc_iflag(ld, IUCLC) && ldisc_lflag(ld, IEXTEN))
		c = (u8)to_lower(c);
	if (ldisc_lflag(ld, EXTPROC)) {
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
	if (ldisc_iflag(ld, IXON) && ldisc_iflag(ld, IXANY))
		ldisc_start(ld);
	receive_ordinary(ld, c);
}

size_t ldisc_receive_room(const struct ldisc *ld)
{
	u32 used = ld->head - ld->tail, room = used < LDISC_LINE_MAX ? LDISC_LINE_MAX - used : 0;

	if (ldisc_iflag(ld, PARMRK))
		room = (room + 2) / 3;
	/* A line that is too long must still be ended, or erased. */
	if (!room && ldisc_lflag(ld, ICANON) && !ldisc_lflag(ld, EXTPROC) && ld->canon_head == ld->tail)
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

	if (ld->plain_input && !ld->lnext && !ldisc_iflag(ld, ISTRIP | IUCLC))
		return receive_plain(ld, s, n);
	for (; done < n && ldisc_receive_room(ld); done++)
		receive_char(ld, s[done]);
	return done;
}

void ldisc_receive_error(struct ldisc *ld, u8 c, enum ldisc_flag flag)
{
	bool mark_it = ldisc_iflag(ld, PARMRK);

	switch (flag) {
	case LDISC_BREAK:
		if (ldisc_iflag(ld, IGNBRK))
			return;
		if (ldisc_iflag(ld, BRKINT)) {
			signal(ld, LDISC_EV_SIGINT);
			return;
		}
		c = 0;
		break;
	case LDISC_PARITY:
	case LDISC_FRAME:
		if (!ldisc_iflag(ld, INPCK)) {
			receive_char(ld, c);
			return;
		}
		if (ldisc_iflag(ld, IGNPAR))
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
	if (!ldisc_lflag(ld, ICANON))
		ld->events |= LDISC_EV_READABLE;
}

/* ---- reading ---- */

static bool canonical(const struct ldisc *ld)
{
	return ldisc_lflag(ld, ICANON) && !ldisc_lflag(ld, EXTPROC);
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
		if (is_delim(ld, i) && ld->in[i % LDISC_IN] == LDISC_DISABLED)
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
		bool end = is_delim(ld, pos), eof = end && c == LDISC_DISABLED;

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
		if (!ldisc_lflag(ld, ICANON))
			ld->canon_head = ld->tail;
		*out_done = ld->tail == ld->head;
	}
	if (was_full || ldisc_receive_room(ld) >= LDISC_IN / 2)
		ld->events |= LDISC_EV_ROOM;
	return n;
}
