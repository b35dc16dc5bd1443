/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The line discipline N_TTY as a pure state machine: bytes of the line in, bytes for the line and for readers out. No locks, no waiting: the caller
 * (struct tty) serialises everything with one lock.
 *
 *	line ──ldisc_receive──► in[] ──ldisc_read──► reader
 *	             │ echo
 *	             ▼
 *	line ◄──ldisc_take── out[] ◄──ldisc_write── writer
 *
 * in[]: tail <= canon_head <= head, counted freely. In canonical mode [tail, canon_head) are whole lines, whose last bytes have their bit in
 * delim; an end-of-file character is a NUL with that bit. [canon_head, head) is the line being edited. In raw mode everything up to head is readable.
 *
 * out[]: writers may fill LDISC_OUT_WRITERS bytes; the rest is kept for echo, which is dropped if even that is full.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <asm/termbits.h>

#define LDISC_IN	  4096
#define LDISC_OUT	  8192
#define LDISC_OUT_WRITERS 4096
#define LDISC_LINE_MAX	  (LDISC_IN - 1)

enum ldisc_flag { LDISC_NORMAL, LDISC_BREAK, LDISC_PARITY, LDISC_FRAME, LDISC_OVERRUN };

/* What the caller must do next (ldisc_take_events). */
enum ldisc_event {
	LDISC_EV_SIGINT = 1u << 0,	/* to the foreground group */
	LDISC_EV_SIGQUIT = 1u << 1,
	LDISC_EV_SIGTSTP = 1u << 2,
	LDISC_EV_READABLE = 1u << 3,	/* wake readers */
	LDISC_EV_OUTPUT = 1u << 4,	/* bytes were put into out[], or output was started again */
	LDISC_EV_FLUSHED_OUT = 1u << 5, /* out[] was emptied: writers have room, the hardware should drop what it has */
	LDISC_EV_PACKET = 1u << 6,	/* packet status changed */
	LDISC_EV_ROOM = 1u << 7,	/* in[] has room again */
	LDISC_EV_WRITABLE = 1u << 8,	/* wake writers: output was started again */
};

struct ldisc {
	struct termios2 t;
	u8 special[256 / 8];		/* characters that mean something now */
	bool lnext, erasing, push, flow_stopped, tc_stopped, packet_mode;
	bool plain_input;		/* raw, no echo, nothing to look at */
	bool direct;			/* the line takes what it gets at once (pty): stopping holds writers, not what they have written */
	u32 hold_at;			/* while stopped: the line gets out[] up to here */
	u8 packet;			/* TIOCPKT_* status bits not yet read */
	u32 events;
	u32 column, canon_column;
	u32 head, canon_head, tail;
	u32 out_head, out_tail;
	u64 delim[LDISC_IN / 64];
	u8 in[LDISC_IN];
	u8 out[LDISC_OUT];
};

void ldisc_init(struct ldisc *ld, const struct termios2 *t);
void ldisc_set_termios(struct ldisc *ld, const struct termios2 *t);

/* Bytes from the line. Returns how many of @n were taken: fewer when in[] is full. */
size_t ldisc_receive(struct ldisc *ld, const u8 *s, size_t n);
/* One byte with an error. */
void ldisc_receive_error(struct ldisc *ld, u8 c, enum ldisc_flag flag);
/* How many bytes ldisc_receive takes for sure; in canonical mode at least 1 while no line is complete. */
size_t ldisc_receive_room(const struct ldisc *ld);

/* Bytes a reader could have now; @min: raw mode wants that many before it says so (poll), else 0. */
bool ldisc_readable(const struct ldisc *ld, size_t min);
size_t ldisc_inq(const struct ldisc *ld); /* FIONREAD */
/*
 * Take up to @n bytes. *out_done: in canonical mode the line ended (with 0 bytes: end of file). *out_done is set in raw mode too when nothing is left.
 * @eof_follows: @n is all that the reader asked for, so that an end-of-file character right behind is eaten.
 */
size_t ldisc_read(struct ldisc *ld, u8 *buf, size_t n, bool whole_request, bool *out_done);

/* From a writer, with output processing; returns how many of @n were taken. */
size_t ldisc_write(struct ldisc *ld, const u8 *s, size_t n);
u32 ldisc_write_room(const struct ldisc *ld);
static inline u32 ldisc_outq(const struct ldisc *ld)
{
	return ld->out_head - ld->out_tail;
}
/* What the line may have now: not all while output is stopped. */
static inline u32 ldisc_ready(const struct ldisc *ld)
{
	return (ld->flow_stopped ? ld->hold_at : ld->out_head) - ld->out_tail;
}
size_t ldisc_take(struct ldisc *ld, u8 *buf, size_t n);
/* A flow control character in front of what writers have not been able to say. */
void ldisc_put_now(struct ldisc *ld, u8 c);

void ldisc_flush_in(struct ldisc *ld);
void ldisc_flush_out(struct ldisc *ld);
void ldisc_stop(struct ldisc *ld);  /* as ^S */
void ldisc_start(struct ldisc *ld); /* as ^Q */
void ldisc_tc_stop(struct ldisc *ld, bool stop); /* TCOOFF, TCOON */

static inline u32 ldisc_take_events(struct ldisc *ld)
{
	u32 ev = ld->events;

	ld->events = 0;
	return ev;
}

/* ldisc_out.c: echo. */
void ldisc_echo(struct ldisc *ld, u8 c);	/* control characters as ^X if ECHOCTL */
void ldisc_echo_raw(struct ldisc *ld, u8 c);
static inline bool ldisc_continues(const struct ldisc *ld, u8 c)
{
	return (ld->t.c_iflag & IUTF8) && (c & 0xc0) == 0x80;
}
