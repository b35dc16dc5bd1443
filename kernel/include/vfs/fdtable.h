/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Descriptor operations of the running thread that only system calls need. See <vfs/file.h> for the others.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <vfs/file.h>

/* close(2): -EBADF, or what flush said; the descriptor is gone in any other case. */
int fd_close(int fd);
/* Close, or mark close-on-exec, all open descriptors in [first, last]. */
void fd_close_range(u32 first, u32 last, bool mark_only);
int fd_set_cloexec(int fd, bool on) MUST_CHECK;
/* dup2: @fd refers to @file (a reference of its own) from now on. @fd; -EBUSY -ENOMEM -EBADF. */
int fd_replace(int fd, struct file *file, bool cloexec) MUST_CHECK;
/* Descriptors that the table has room for now: select(2) looks no further. */
u32 fd_table_max(void);
/* fs.nr_open: no descriptor is as great, and RLIMIT_NOFILE at most that. */
extern u32 vfs_nr_open;
