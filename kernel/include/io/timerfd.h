/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * timerfd, for system calls. Times in nanoseconds.
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct file;

int timerfd_create_file(int clockid, unsigned o_flags, struct file **out) MUST_CHECK;
bool file_is_timerfd(const struct file *f);
/* @value 0 disarms; relative unless TFD_TIMER_ABSTIME. The old setting comes out, relative, unless @out_value is NULL. -ECANCELED: set, but the clock had jumped. */
int timerfd_set(struct file *f, u32 tfd_flags, u64 value, u64 interval, u64 *out_value, u64 *out_interval) MUST_CHECK;
void timerfd_get(struct file *f, u64 *out_value, u64 *out_interval);
