/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * epoll, for the VFS and for system calls.
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct file;
struct epoll_event;

/* The last reference to a watched file (FMODE_EPOLLED) is gone: forget its watches. Thread context, may sleep. */
void epoll_file_release(struct file *f);

bool file_is_epoll(const struct file *f);
int epoll_create_file(struct file **out) MUST_CHECK;
/* epoll_ctl(2) of @epf for @f under the number @fd; *ev may be changed. The caller holds both files. */
int epoll_control(struct file *epf, struct file *f, int fd, int op, struct epoll_event *ev) MUST_CHECK;
/* Wait until CLOCK_MONOTONIC @deadline (0: do not, ~0: for ever) and copy up to @max events out: how many; -EINTR -EFAULT. */
int epoll_wait_events(struct file *epf, struct uptr events, int max, u64 deadline) MUST_CHECK;
/* The @nr-th file watched under the number @fd, to be compared only: no reference comes with it. 0; -EINVAL: @epf is no epoll; -ENOENT. May sleep. */
int epoll_target(struct file *epf, int fd, u32 nr, const struct file **out) MUST_CHECK;
