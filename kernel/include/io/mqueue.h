/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * POSIX message queues [man mq_overview(7)], as kernel/linux/mqueue.c calls them.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <arch/usercopy.h>
#include <linux/mqueue.h>
#include <linux/signal.h>

#define MQ_PRIO_MAX 32768

struct file;

/* @attr NULL: the default size. -EACCES -EEXIST -EINVAL -EMFILE -ENAMETOOLONG -ENOENT -ENOMEM -ENOSPC. May sleep. */
int mqueue_open(const char *name, int o_flags, u32 mode, const struct mq_attr *attr, struct file **out) MUST_CHECK;
int mqueue_unlink(const char *name) MUST_CHECK;
/* @deadline: of CLOCK_REALTIME, ~0 never. -EBADF: no queue, or not open for it. */
int mqueue_send(struct file *f, struct uptr text, size_t len, u32 prio, u64 deadline) MUST_CHECK;
/* Bytes. */
ssize_t mqueue_receive(struct file *f, struct uptr buf, size_t len, u32 *out_prio, u64 deadline) MUST_CHECK;
/* NULL: the caller's wish to be notified is withdrawn. */
int mqueue_notify(struct file *f, const struct sigevent *ev) MUST_CHECK;
/* @set NULL: only look. */
int mqueue_attr(struct file *f, const struct mq_attr *set, struct mq_attr *out_old) MUST_CHECK;
