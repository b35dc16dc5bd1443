/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Descriptors that name a process: readable when it has ended.
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct pid;
struct file;

#define PIDFD_THREAD_FLAG 0x80 /* O_EXCL: PIDFD_THREAD */

/* A file for @pid (takes a reference); flags: O_NONBLOCK, PIDFD_THREAD_FLAG. -ENOMEM -ENFILE. */
int pidfd_create(struct pid *pid, unsigned flags, struct file **out) MUST_CHECK;
/* The pid behind a descriptor, referenced. -EBADF. */
int pidfd_get(int fd, struct pid **out, unsigned *out_flags) MUST_CHECK;
/* Its process has become a zombie, or one of its threads has exited: wake pollers. */
void pidfd_notify(struct pid *pid);
/* Has the process, or the thread, ended? When it does, pid->wait is woken. Any context. */
bool pidfd_is_over(struct pid *pid, bool thread);
