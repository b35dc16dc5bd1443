/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way out of the line discipline: output processing, echo and the ring that the line takes from.
 */
#include "ldisc.h"
#include <lib/ctype.h>
#include <lib/string.h>
#include <asm/ioctls.h>

static inline void put(struct ldisc *ld, u8 c)
{
	ld->out[ld->out_head++ % LDISC_OUT] = c;
}

static void put_spaces(struct ldisc *ld, u32 n)
{
	while (n--)
		put(ld, ' ');
}

/* One character with output processing if OPOST; it takes at most 8 bytes of room, which are there. */
static void put_processed(struct ldisc *ld, u8 c)
{
	u32 o = ld->t.c_oflag;

	if (!(o & OPOST)) {
		put(ld, c);
		return;
	}
	switch (c) {
	case '\n':
		if (o & ONLRET)
			ld->column = 0;
		if (o & ONLCR) {
			ld->column = 0;
			put(ld, '\r');
		}
		ld->canon_column = ld->column;
		break;
	case '\r':
		if ((o & ONOCR) && !ld->column)
			return;
		if (o & OCRNL) {
			c = '\n';
			if (!(o & ONLRET))
				break;
		}
		ld->column = ld->canon_column = 0;
		break;
	case '\t': {
		u32 width = 8 - (ld->column & 7);

		ld->column += width;
		if ((o & TABDLY) == XTABS) {
			put_spaces(ld, width);
			return;
		}
		break;
	}
	case '\b':
		if (ld->column)
			ld->column--;
		break;
	default:
		if (!is_cntrl(c)) {
			if (o & OLCUC)
				c = (u8)to_upper(c);
			if (!ldisc_continues(ld, c))
				ld->column++;
		}
	}
	put(ld, c);
}

void ldisc_echo_raw(struct ldisc *ld, u8 c)
{
	if (LDISC_OUT - ldisc_outq(ld) < 8)
		return;
	put_processed(ld, c);
	ld->events |= LDISC_EV_OUTPUT;
}

void ldisc_echo(struct ldisc *ld, u8 c)
{
	if ((ld->t.c_lflag & ECHOCTL) && is_cntrl(c) && c != '\t') {
		ldisc_echo_raw(ld, '^');
		c ^= 0100;
	}
	ldisc_echo_raw(ld, c);
}

u32 ldisc_write_room(const struct ldisc *ld)
{
	u32 used = ldisc_outq(ld);

	if (ld->direct && ld->flow_stopped)
		return 0;
	return used < LDISC_OUT_WRITERS ? LDISC_OUT_WRITERS - used : 0;
}

/* Printable ASCII in front of @s: no processing but counting. */
static size_t plain_prefix(const struct ldisc *ld, const u8 *s, size_t n)
{
	size_t i = 0;

	if (ld->t.c_oflag & OLCUC)
		return 0;
	while (i < n && s[i] >= 0x20 && s[i] < 0x7f)
		i++;
	return i;
}

static void put_run(struct ldisc *ld, const u8 *s, size_t n)
{
	u32 at = ld->out_head % LDISC_OUT;
	size_t first = min_t(size_t, n, LDISC_OUT - at);

	memcpy(ld->out + at, s, first);
	memcpy(ld->out, s + first, n - first);
	ld->out_head += (u32)n;
}

size_t ldisc_write(struct ldisc *ld, const u8 *s, size_t n)
{
	size_t done = 0;

	while (done < n) {
		u32 room = ldisc_write_room(ld);
		size_t want = min_t(size_t, n - done, room), run;

		if (!room)
			break;
		if (!(ld->t.c_oflag & OPOST)) {
			put_run(ld, s + done, want);
			done += want;
			continue;
		}
		run = plain_prefix(ld, s + done, want);
		if (run) {
			put_run(ld, s + done, run);
			ld->column += (u32)run;
			done += run;
		} else {
			put_processed(ld, s[done++]); /* may reach up to 7 bytes into the room for echo */
		}
	}
	if (done)
		ld->events |= LDISC_EV_OUTPUT;
	return done;
}

size_t ldisc_take(struct ldisc *ld, u8 *buf, size_t n)
{
	u32 at = ld->out_tail % LDISC_OUT;
	size_t first;

	n = min_t(size_t, n, ldisc_ready(ld));
	first = min_t(size_t, n, LDISC_OUT - at);
	memcpy(buf, ld->out + at, first);
	memcpy(buf + first, ld->out, n - first);
	ld->out_tail += (u32)n;
	return n;
}

static void packet_note(struct ldisc *ld, u8 set, u8 clear)
{
	if (!ld->packet_mode)
		return;
	ld->packet = (u8)((ld->packet & ~clear) | set);
	ld->events |= LDISC_EV_PACKET;
}

void ldisc_put_now(struct ldisc *ld, u8 c)
{
	if (ld->tc_stopped)
		return; /* nothing goes out, not even this */
	put(ld, c);
	ld->hold_at = ld->out_head;
	ld->events |= LDISC_EV_OUTPUT;
}

void ldisc_flush_in(struct ldisc *ld)
{
	ld->tail = ld->canon_head = ld->head;
	ld->push = ld->erasing = false;
	memset(ld->delim, 0, sizeof(ld->delim));
	ld->events |= LDISC_EV_ROOM;
	packet_note(ld, TIOCPKT_FLUSHREAD, 0);
}

void ldisc_flush_out(struct ldisc *ld)
{
	ld->out_tail = ld->hold_at = ld->out_head;
	ld->events |= LDISC_EV_FLUSHED_OUT;
	packet_note(ld, TIOCPKT_FLUSHWRITE, 0);
}

void ldisc_stop(struct ldisc *ld)
{
	if (ld->flow_stopped)
		return;
	ld->flow_stopped = true;
	ld->hold_at = ld->direct ? ld->out_head : ld->out_tail;
	packet_note(ld, TIOCPKT_STOP, TIOCPKT_START);
}

void ldisc_start(struct ldisc *ld)
{
	if (!ld->flow_stopped || ld->tc_stopped)
		return;
	ld->flow_stopped = false;
	ld->events |= LDISC_EV_OUTPUT | (ld->direct ? LDISC_EV_WRITABLE : 0);
	packet_note(ld, TIOCPKT_START, TIOCPKT_STOP);
}

void ldisc_tc_stop(struct ldisc *ld, bool stop)
{
	if (stop == ld->tc_stopped)
		return;
	ld->tc_stopped = stop;
	if (stop)
		ldisc_stop(ld);
	else
		ldisc_start(ld);
}
