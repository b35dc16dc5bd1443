/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Traps: what a thread's registers look like while it is in the kernel, and the calls that the entry code makes into the kernel.
 *
 * `struct trapframe` is the user's (or interrupted kernel's) register state at the top of the kernel stack; <arch_impl/trap.h> defines it
 * together with these inline accessors:
 *   u64  tf_pc(tf), tf_sp(tf), void tf_set_pc(tf, v), tf_set_sp(tf, v), bool tf_from_user(tf), bool tf_irqs_on(tf), u64 tf_flags(tf)
 *   u64  tf_syscall_nr(tf), u64 tf_syscall_arg(tf, i), void tf_set_ret(tf, s64), s64 tf_ret(tf)
 *   void tf_syscall_restart(tf)          back up so that the same call is made again (nr restored)
 *   void tf_syscall_set_nr(tf, nr)
 *   u64  tf_fault_addr(tf)
 *   struct trapframe *thread_trapframe(stack top)
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct trapframe;
#include <arch_impl/trap.h>

/* Why a page fault happened. */
enum fault_flags {
	FAULT_WRITE = 1u << 0,
	FAULT_EXEC = 1u << 1,
	FAULT_USER = 1u << 2,	 /* the access came from user mode */
	FAULT_PRESENT = 1u << 3, /* the translation existed: a protection fault */
	FAULT_PKEY = 1u << 4,
};

/* A synchronous processor exception that is not a page fault, in Linux' terms. */
struct trap_info {
	int signo;	/* SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGTRAP */
	int code;	/* FPE_INTDIV, ILL_ILLOPN, ... */
	u64 addr;
	int trapno;	/* the processor's number, for sigcontext */
	u64 error_code;
};

/* ---- upcalls: the arch calls, the kernel implements ---- */

/* A system call. Interrupts on. The number and arguments are in @tf, the result goes there. (kernel/linux) */
void syscall_dispatch(struct trapframe *tf);
/*
 * A page fault on a user address, from user mode or from a user-copy routine. Interrupts on, may sleep.
 * Returns true if the access can be repeated; false: the arch takes the fixup of the copy routine. From user mode always true: what
 * could not be mapped has become a signal.  (kernel/linux -> mm)
 */
bool trap_user_fault(struct trapframe *tf, vaddr_t va, unsigned fault_flags);
/* Another exception in user mode: becomes a signal. Interrupts on. */
void trap_user_exception(struct trapframe *tf, const struct trap_info *info);
/* An exception in the kernel that no fixup covers. Panics. */
void trap_kernel_fatal(struct trapframe *tf, const char *what, u64 addr) NORETURN;
/* A device, timer or inter-processor interrupt. Interrupts off; runs on the interrupted stack or the CPU's interrupt stack. (kernel/irq) */
void irq_dispatch(unsigned vector, struct trapframe *tf);
/*
 * About to return to user mode; interrupts off. True: there is work (signals, reschedule, tracing): the arch then enables interrupts, calls
 * return_to_user_work(tf), disables them and asks again. Must be a few instructions.
 * The flags are thread_current()->user_work & UW_EXIT, so that the entry code may test them inline.
 */
void return_to_user_work(struct trapframe *tf);
/* Return from an interrupt to preemptible kernel code with a reschedule pending. Interrupts off. (kernel/sched) */
void preempt_from_irq(void);
