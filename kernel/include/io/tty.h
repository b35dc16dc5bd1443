/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Terminals: what a driver of lines (serial port, pty) sees of them.
 *
 * tty->lock (interrupts off, nothing is taken inside) guards the line discipline. Session and foreground group are guarded by proc_tree_lock. Readers exclude
 * each other by read_mutex, writers by write_mutex; both are held while sleeping for the line.
 *
 * Nothing is woken or sent under tty->lock: whoever changed the line discipline takes its events while he still has the lock and calls tty_handle_events after it.
 * Signals to the group need a thread; from interrupts they go through a work item.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <lib/refcount.h>
#include <io/tty_session.h>
#include <sched/work.h>
#include <sync/mutex.h>
#include <sync/spinlock.h>
#include <sync/wait.h>
#include <vfs/fown.h>
#include <asm/termios.h>
#include <asm/termbits.h>

struct tty;
struct file;
struct inode;
struct pid;
struct file_ops;

struct tty_ops {
	/* There may be output: take it with tty_output_take and send it. Any context, no locks. */
	void (*start)(struct tty *tty);
	/* Little room is left for input: ask the line to wait. Any context. NULL: it cannot be asked. */
	void (*throttle)(struct tty *tty);
	/* The reader has made room: input may go on. Any context. */
	void (*unthrottle)(struct tty *tty);
	/* First open, last close: thread context, under tty->open_mutex. NULL: nothing to do. */
	int (*open)(struct tty *tty);
	void (*close)(struct tty *tty);
	/* Thread context. *t may be corrected to what the line can do. */
	void (*set_termios)(struct tty *tty, struct termios2 *t);
	void (*flush_output)(struct tty *tty); /* drop what the hardware holds */
	void (*wait_sent)(struct tty *tty);    /* until the hardware is empty; may sleep; bounded */
	int (*break_ctl)(struct tty *tty, bool on);
	/* Send a flow control character before all that waits. NULL: out[] is all there is. */
	void (*send_xchar)(struct tty *tty, u8 c);
	int (*tiocmget)(struct tty *tty);      /* TIOCM_* or -errno */
	int (*tiocmset)(struct tty *tty, unsigned set, unsigned clear);
	/* Others; -ENOIOCTLCMD. */
	s64 (*ioctl)(struct tty *tty, struct file *f, unsigned cmd, u64 arg);
	/* The packet status changed (pty). */
	void (*packet)(struct tty *tty);
	/* The last reference is gone. NULL: there is always one. */
	void (*free)(struct tty *tty);
};

enum tty_flag {
	TTY_EXCLUSIVE = 1u << 0,
	TTY_OTHER_CLOSED = 1u << 1,	/* pty: the master is gone */
	TTY_IS_PTY = 1u << 2,
	TTY_THROTTLED = 1u << 3,	/* the driver waits for unthrottle; atomic */
	TTY_LOCKED = 1u << 4,		/* TIOCSPTLCK */
};

struct tty {
	struct refcount refs;
	const struct tty_ops *ops;
	void *private;		/* the driver's */
	u32 rdev;
	char name[12];		/* "ttyS0", "pts/3" */
	u32 flags;		/* enum tty_flag; atomic bits */
	u32 open_count, console_count; /* open_mutex; the first: files of a pty, dead or not, of others those alive; the second: those through /dev/console */
	u64 hangups;		/* open files of an older count are dead; open_mutex to change */
	struct winsize winsize; /* lock */
	struct spinlock lock;
	struct ldisc *ld;	/* lock */
	struct mutex open_mutex, read_mutex, write_mutex, termios_mutex;
	struct wait_queue read_wait, write_wait;
	struct pid *session, *pgrp; /* proc_tree_lock; each a reference */
	u32 deferred;		/* atomic: events for the work item */
	struct fasync_list async, master_async; /* who wants SIGIO: of the terminal, of a pty's master */
	struct work work;
	u8 *write_buf;		/* write_mutex */
	struct termios2 init_termios;
	struct termios2 locked;	/* termios_mutex: bits and characters that are not to be changed (TIOCSLCKTRMIOS) */
};

/* Line settings that a new terminal starts with. */
extern const struct termios2 tty_std_termios;

/* Initialise an embedded tty with one reference. -ENOMEM. */
int tty_init(struct tty *tty, const struct tty_ops *ops, const struct termios2 *t, const char *name, u32 rdev) MUST_CHECK;
void tty_fini(struct tty *tty); /* of the driver's free, or after a failure */

/*
 * Bytes from the line. Returns how many were taken; when not all, TTY_THROTTLED is set and ops->unthrottle will come. Any context, no locks of rank > RANK_TTY_PORT.
 */
size_t tty_receive(struct tty *tty, const u8 *s, size_t n);
void tty_receive_error(struct tty *tty, u8 c, unsigned ldisc_flag);
/* Up to @n bytes for the line; wakes writers when there is room. Any context. */
size_t tty_output_take(struct tty *tty, u8 *buf, size_t n);
bool tty_output_pending(struct tty *tty);
/* The character that stops (or starts) the other side; any context. */
u8 tty_flow_char(struct tty *tty, bool stop);
/* The line broke: readers get end of file, the leader of the session SIGHUP. Thread context. */
void tty_hangup_session(struct tty *tty, bool leader_ends);
static inline void tty_hangup(struct tty *tty)
{
	tty_hangup_session(tty, false);
}
/* events: enum ldisc_event; no lock held. */
void tty_handle_events(struct tty *tty, u32 events);
/* Something to read or room to write, for those who want SIGIO. Any context. */
void tty_async(struct tty *tty, bool master, bool readable);

/* A driver offers its terminal as /dev/NAME and as a console= word. */
int tty_register(struct tty *tty) MUST_CHECK;
/* The terminal for a device number below the registered ones, referenced; NULL. */
struct tty *tty_find_get(u32 rdev);
struct tty *tty_find_name_get(const char *name, size_t len);
