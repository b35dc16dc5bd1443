/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * seccomp: system calls that a thread may make. A thread without it has UW_SECCOMP clear, and pays nothing. [man seccomp(2)]
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct seccomp;
struct task;
struct trapframe;

/* SECCOMP_SET_MODE_* of the running thread: 0; -errno; with TSYNC also the number of a thread that cannot follow. May sleep. */
s64 seccomp_set(unsigned op, u32 flags, struct uptr args) MUST_CHECK;
/* Before a system call of a thread with UW_SECCOMP. False: do not make it, the result stands. */
bool seccomp_enter(struct trapframe *tf) MUST_CHECK;
/* The child of @me gets what that has. Tree lock. */
void seccomp_fork_locked(struct task *t, struct task *me);
void seccomp_put(struct seccomp *s); /* NULL: nothing. Any context */
/* PTRACE_SECCOMP_GET_FILTER, PTRACE_SECCOMP_GET_METADATA of @t, which is frozen. */
s64 seccomp_show_filter(struct task *t, u64 nth, struct uptr to);
s64 seccomp_show_metadata(struct task *t, u64 size, struct uptr to);
u32 seccomp_count(struct task *t);   /* filters of it */
