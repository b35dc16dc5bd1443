/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * splice and tee, for system calls. Modes of the files and kinds were checked by the caller; bytes moved, 0 at the end, or -errno. May sleep.
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct file;

#define SPLICE_NONBLOCK 2u /* SPLICE_F_NONBLOCK of splice(2) */

bool file_is_pipe(struct file *f);
ssize_t splice_from_pipe(struct file *in, struct file *out, s64 *pos, size_t len, unsigned flags);
ssize_t splice_to_pipe(struct file *in, s64 *pos, struct file *out, size_t len, unsigned flags);
/* @move false: tee. -EINVAL: the same pipe. */
ssize_t splice_between_pipes(struct file *in, struct file *out, size_t len, unsigned flags, bool move);
