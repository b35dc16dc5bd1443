/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * System calls given back to the program: those that are made from outside a range of its code become SIGSYS, as long as a byte of its memory says so.
 * [man PR_SET_SYSCALL_USER_DISPATCH(2const)]
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct task;
struct trapframe;

/* As PR_SET_SYSCALL_USER_DISPATCH, for @t: the running thread, or one that its tracer holds still. -EINVAL -EFAULT. */
int user_dispatch_set(struct task *t, u64 mode, u64 offset, u64 len, struct uptr selector) MUST_CHECK;
/* PTRACE_{GET,SET}_SYSCALL_USER_DISPATCH_CONFIG. */
s64 user_dispatch_get_config(struct task *t, u64 size, struct uptr to);
s64 user_dispatch_set_config(struct task *t, u64 size, struct uptr from);
/* Before a system call of a thread with UW_DISPATCH: true if the call is not made, and a signal says so. */
bool user_dispatch_enter(struct trapframe *tf) MUST_CHECK;
