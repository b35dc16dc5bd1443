/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * ptrace(2): one thread, the tracer, looks into and steers another, the tracee. The theory is at the head of proc/ptrace.c.
 *
 * task->ptrace is 0 while nobody traces; else PT_TRACED with what else there is, and PTRACE_O_* from bit PT_OPTIONS_SHIFT on.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <arch/elf.h>
#include <linux/ptrace.h>
#include <linux/signal.h>
#include <proc/task.h>

#define PT_OPTIONS_SHIFT 8
enum ptrace_flags {
	PT_TRACED = 1u << 0,
	PT_SEIZED = 1u << 1,
	PT_CAPABLE = 1u << 2, /* whoever began it had CAP_SYS_PTRACE: programs may gain rights */
	PT_OPTIONS = PTRACE_O_MASK << PT_OPTIONS_SHIFT,
};

/* task->trace_calls, with UW_SYSCALL: what is to be done about system calls. */
enum trace_calls { TRACE_CALLS = 1, TRACE_CALLS_EMULATED = 2, TRACE_CALLS_STEPPED = 4 };

struct sighand;
struct trapframe;

/* ---- the tracer; @t is somebody else, referenced. No locks. ---- */

/* @flags: PT_SEIZED and options, or 0. -EPERM -ERESTARTNOINTR. May sleep. */
int ptrace_attach(struct task *t, u32 flags) MUST_CHECK;
/* PTRACE_TRACEME. -EPERM. */
int ptrace_traceme(void);
/*
 * Is @t our tracee and, unless @ignore_state, stopped and not listening? Then it stays so until ptrace_thaw or ptrace_resume, even if it is killed, and
 * is off its CPU. 0 or -ESRCH. May sleep.
 */
int ptrace_freeze(struct task *t, bool ignore_state) MUST_CHECK;
void ptrace_thaw(struct task *t);
/* End the stop of a frozen tracee; it goes on with @signo (0: none), its system calls as @trace_calls says. */
void ptrace_resume(struct task *t, int signo, u32 trace_calls, enum arch_step step);
/* No longer our tracee; if it is frozen it goes on with @signo. */
void ptrace_detach(struct task *t, int signo);
/* PTRACE_INTERRUPT, PTRACE_LISTEN. -EIO: not seized, or not in the right stop. */
int ptrace_interrupt(struct task *t) MUST_CHECK;
int ptrace_listen(struct task *t) MUST_CHECK;

/* ---- the tracee: the running thread ---- */

/* Stop with @code (SIGTRAP | event << 8); the signal that the tracer wants, or 0. May sleep, no locks. */
int ptrace_notify(int code, u64 message);
static inline bool ptrace_event_is_on(const struct task *t, int event)
{
	return unlikely(t->ptrace) && (t->ptrace >> PT_OPTIONS_SHIFT & 1u << event);
}
static inline void ptrace_event(int event, u64 message)
{
	if (ptrace_event_is_on(task_current(), event))
		(void)ptrace_notify(SIGTRAP | event << 8, message);
}
/* execve(2) has succeeded; @old_tid: our number before it. */
void ptrace_exec(s32 old_tid);
/* Before and after a system call of a thread with UW_SYSCALL. False: do not make it. */
bool ptrace_syscall_enter(struct trapframe *tf) MUST_CHECK;
void ptrace_syscall_exit(struct trapframe *tf);
