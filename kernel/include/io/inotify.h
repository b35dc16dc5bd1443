/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * inotify: instances and their watches.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <vfs/file.h>

/* @o_flags: O_NONBLOCK. -EMFILE: the user has too many; -ENFILE -ENOMEM. */
int inotify_create_file(unsigned o_flags, struct file **out) MUST_CHECK;
bool file_is_inotify(const struct file *f);
/* inotify_add_watch(2) once the flags were checked: the watch descriptor; -EEXIST -ENOSPC -ENOMEM. May sleep. */
s32 inotify_watch(struct file *f, const struct path *p, u32 mask) MUST_CHECK;
/* -EINVAL: no such watch. */
int inotify_unwatch(struct file *f, s32 wd) MUST_CHECK;
