/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Shared by the files of kernel/io/tty.
 */
#include <env/iobuf.h>
#include <io/poll.h>
#include <io/tty.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/task.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <linux/capability.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/major.h>
#include <linux/stat.h>
#include "ldisc.h"

#define TTY_WRITE_CHUNK 2048
#define TTY_LOW_ROOM	128 /* with less room for input the line is asked to wait */
#define TTY_OUT_WAKE	1024 /* writers are woken when less than this is left */

/* One open file of a terminal: file->private. */
struct tty_file {
	struct tty *tty;	/* a reference */
	u64 hangups;		/* as they were when it was opened */
	bool is_console;	/* opened as /dev/console: survives hangups */
};

extern const struct file_ops tty_file_ops;
/* Attach a terminal to @f and open it; takes the reference of @tty also on failure. */
int tty_open_file(struct tty *tty, struct file *f, bool noctty, bool is_console) MUST_CHECK;
static inline struct tty_file *tty_file(struct file *f)
{
	return f->private;
}
static inline bool tty_file_dead(const struct tty_file *tf)
{
	return READ_ONCE(tf->tty->hangups) != tf->hangups && !tf->is_console;
}
static inline bool tty_flag(const struct tty *tty, u32 flag)
{
	return READ_ONCE(tty->flags) & flag;
}
static inline void tty_set_flag(struct tty *tty, u32 flag, bool on)
{
	if (on)
		__atomic_fetch_or(&tty->flags, flag, __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(&tty->flags, ~flag, __ATOMIC_SEQ_CST);
}

/* Run a change of the line discipline under the lock and handle its events. */
#define TTY_LDISC(tty_, stmt_)                                                                     \
	do {                                                                                       \
		irqflags_t ldflags_ = spin_lock_irqsave(&(tty_)->lock);                            \
		u32 ldevents_;                                                                     \
		stmt_;                                                                             \
		ldevents_ = ldisc_take_events((tty_)->ld);                                         \
		spin_unlock_irqrestore(&(tty_)->lock, ldflags_);                                   \
		if (ldevents_)                                                                     \
			tty_handle_events(tty_, ldevents_);                                        \
	} while (0)

/* tty_rw.c: of struct file_ops. */
ssize_t tty_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf);
ssize_t tty_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf);
u32 tty_poll(struct file *f, struct poll_table *pt);

/* tty_job.c */
/* May the running task use its terminal so? @signo: SIGTTIN, SIGTTOU. 0, -EIO, or -ERESTARTSYS after the signal was sent. */
int tty_check_change(struct tty *tty, int signo) MUST_CHECK;
struct tty *tty_current_get(void); /* the running process' controlling terminal, referenced; NULL */
void tty_acquire_on_open(struct tty *tty, struct file *f);
void tty_signal_pgrp(struct tty *tty, int signo);
/*
 * The terminal loses its session. Its leader is told by SIGHUP and SIGCONT and keeps the foreground group, which gets SIGHUP and SIGCONT when he ends;
 * if he is ending already (@leader_ends), the group gets SIGHUP now.
 */
void tty_signal_session(struct tty *tty, bool leader_ends);
s64 tty_job_ioctl(struct tty *tty, struct file *f, unsigned cmd, u64 arg); /* -ENOIOCTLCMD: not one of these */

/* tty_ioctl.c */
s64 tty_ioctl(struct file *f, unsigned cmd, u64 arg);
s64 tty_common_ioctl(struct tty *tty, struct file *f, unsigned cmd, u64 arg);
int tty_drain(struct tty *tty, bool hardware) MUST_CHECK;
s64 tty_set_winsize(struct tty *tty, struct uptr arg);
/* The fasync operation of a terminal's files. */
int tty_fasync_set(struct tty *tty, struct fasync_list *l, struct file *f, int fd, bool on) MUST_CHECK;
