/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The part of a thread that the processor defines: `struct arch_thread` (saved kernel stack pointer, FS/GS base, I/O bitmap, FPU state
 * pointer, debug registers), embedded in struct thread as `arch`. <arch_impl/context.h> defines the struct.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/config.h>

struct thread;
struct trapframe;
#include <arch_impl/context.h>

#define KSTACK_SIZE (16384 << NOS_KASAN) /* KASAN's frames are large; mapped with a guard page below */

/*
 * Prepare @t so that the first arch_switch to it runs entry(arg) on its kernel stack, interrupts off, just as returning from schedule():
 * the trampoline first calls sched_tail(prev) (kernel/sched), then entry. Never fails.
 */
void arch_thread_init_kernel(struct thread *t, void (*entry)(void *), void *arg);
/*
 * A user thread: its trapframe is at the top of its stack (arch_trapframe(t)), already filled; the first switch to it runs sched_tail, then entry(arg)
 * if not NULL (may sleep; e.g. the end of fork), then returns to user mode through the ordinary exit path.
 */
void arch_thread_init_user(struct thread *t, void (*entry)(void *), void *arg);
/* Register state at the user/kernel edge of @t. */
struct trapframe *arch_trapframe(struct thread *t);
/*
 * Copy user-visible processor state (FPU, TLS bases, not the trapframe) from the running thread to @child (fork, clone).
 * Returns 0 or -ENOMEM. @child is unchanged on failure.
 */
int arch_thread_fork(struct thread *child) MUST_CHECK;
/* Reset user-visible state of the running thread (exec): FPU to its initial state, TLS bases to 0. */
void arch_thread_reset_user(void);
/* Free what arch_thread_fork allocated. Called once, when the thread can no longer run. */
void arch_thread_fini(struct thread *t);
/*
 * Switch from the running thread to @next: saves and restores callee-saved registers, FPU (eager), TLS bases, kernel stack top. Interrupts off.
 * Returns, when @prev runs again, the thread that ran before it.
 */
struct thread *arch_switch(struct thread *prev, struct thread *next);
/* TLS base (arch_prctl, CLONE_SETTLS). The running thread or one that is not running. -EPERM for a non-canonical address. */
int arch_set_tls(struct thread *t, u64 base) MUST_CHECK;
/* arch_prctl(2) & co: calls that exist on this processor only. -ENOSYS if @nr is none of them. */
s64 arch_syscall(u64 nr, const u64 args[6]);
/* arch_prctl(2) for @t, the running thread or one that is not running; answers go to the running thread's memory. */
s64 arch_prctl(struct thread *t, u64 code, u64 addr);
/* Set registers for the first instruction of a new program. */
void arch_exec_start(struct trapframe *tf, vaddr_t pc, vaddr_t sp);
