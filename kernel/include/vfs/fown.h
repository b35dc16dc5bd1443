/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * F_SETOWN, F_SETSIG, O_ASYNC: who hears of a file by signal.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <proc/pid.h>

struct file;

struct fown {
	struct pid *pid;	/* NULL: nobody */
	enum pid_type type;	/* TID, TGID, PGID */
	int signum;		/* 0: SIGIO */
	u32 uid, euid;		/* of who set it */
};

/* F_SETOWN, FIOSETOWN, SIOCSPGRP: > 0 process, < 0 group, 0 nobody. -ESRCH -EINVAL -ENOMEM. */
int file_set_owner(struct file *f, s32 who, enum pid_type type) MUST_CHECK;
s32 file_get_owner(struct file *f, enum pid_type *out_type);
int file_set_signum(struct file *f, int signo) MUST_CHECK;
int file_get_signum(struct file *f);
/* Switch O_ASYNC on or off (f->flags is the caller's business). */
int file_set_async(struct file *f, int fd, bool on) MUST_CHECK; /* @fd: what si_fd will say */
void file_async_stop(struct file *f); /* the same as off; cannot fail */
/* The signal itself: TTYs and sockets may send it for out-of-band events too (SIGURG). Thread context. */
void file_send_signal(struct file *f, int signo_default, int code, long band);
void file_owner_free(struct file *f);
