/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * F_SETOWN, F_SETSIG, O_ASYNC: who hears of a file by signal.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <proc/pid.h>
#include <sync/spinlock.h>
#include <asm/siginfo.h>

struct file;

struct fown {
	struct pid *pid;	/* NULL: nobody */
	enum pid_type type;	/* TID, TGID, PGID */
	int signum;		/* 0: SIGIO */
	u32 uid, euid;		/* of who set it */
};

/* F_SETOWN, FIOSETOWN, SIOCSPGRP: > 0 process, < 0 group, 0 nobody. -ESRCH -EINVAL -ENOMEM. */
int file_set_owner(struct file *f, s32 who, enum pid_type type) MUST_CHECK;
/* The same by reference, which is given away. -ENOMEM. */
int file_set_owner_pid(struct file *f, struct pid *pid, enum pid_type type) MUST_CHECK;
/* The running process, if the file has no owner yet. -ENOMEM. */
int file_own_if_nobody(struct file *f) MUST_CHECK;
s32 file_get_owner(struct file *f, enum pid_type *out_type);
int file_set_signum(struct file *f, int signo) MUST_CHECK;
int file_get_signum(struct file *f);
/*
 * Who set O_ASYNC on files of one thing. What a file's fasync operation does: put it on the list, or take it off, which cannot fail. @fd: what si_fd will say.
 */
struct fasync_list {
	struct spinlock lock;
	struct list_head entries;
};
void fasync_list_init(struct fasync_list *l);
int fasync_set(struct fasync_list *l, struct file *f, int fd, bool on); /* -ENOMEM */
void fasync_send_slow(struct fasync_list *l, int code);
static inline bool fasync_wanted(struct fasync_list *l)
{
	return !list_empty(&l->entries);
}
/* SIGIO to their owners, with POLL_IN... as its code. Thread context, no spinlock, no lock of rank >= RANK_FASYNC. */
static inline void fasync_send(struct fasync_list *l, int code)
{
	if (unlikely(fasync_wanted(l)))
		fasync_send_slow(l, code);
}
/* The signal itself: TTYs and sockets may send it for out-of-band events too (SIGURG). Thread context. */
void file_send_signal(struct file *f, int signo_default, int code, long band);
/* SIGIO or what F_SETSIG says, with POLL_IN... as its code and @fd in it. */
void file_send_sigio(struct file *f, int fd, int code);
void file_owner_free(struct file *f);
