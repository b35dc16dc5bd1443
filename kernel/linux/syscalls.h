/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Shared by the topic files of kernel/linux.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <linux/time_types.h>

struct proc_usage;

/* Name of an implemented call, NULL. */
const char *syscall_name(u64 nr);

/* May the caller have this I/O priority? 0 -EPERM -EINVAL. */
int ioprio_check(int ioprio) MUST_CHECK;
/* A struct __kernel_timespec; -EFAULT, or -EINVAL if it is no time (negative, nanoseconds out of range). *out_ns saturates. */
int timespec_from_user(u64 *out_ns, struct uptr p) MUST_CHECK;
int timespec_to_user(struct uptr p, u64 ns) MUST_CHECK;
/* prctl(PR_SET_MM). */
s64 prctl_set_mm(u64 opt, u64 addr, u64 arg4, u64 arg5);
/* wait4 and getrusage. */
int rusage_to_user(struct uptr p, const struct proc_usage *u) MUST_CHECK;
