/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The saved registers, in the order of Linux' struct pt_regs (and of ELF_NGREG in core files): the entry code pushes them so.
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct trapframe {
	u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
	u64 rax, rcx, rdx, rsi, rdi;
	u64 orig_rax; /* number of the system call; error code of an exception; -1 for interrupts */
	u64 rip, cs, rflags, rsp, ss;
};
static_assert(sizeof(struct trapframe) == 21 * 8, "as the entry code and ptrace have it");

static inline u64 tf_pc(const struct trapframe *tf)
{
	return tf->rip;
}

static inline u64 tf_sp(const struct trapframe *tf)
{
	return tf->rsp;
}

static inline void tf_set_pc(struct trapframe *tf, u64 pc)
{
	tf->rip = pc;
}

static inline void tf_set_sp(struct trapframe *tf, u64 sp)
{
	tf->rsp = sp;
}

static inline bool tf_from_user(const struct trapframe *tf)
{
	return tf->cs & 3;
}

static inline bool tf_irqs_on(const struct trapframe *tf)
{
	return tf->rflags & 0x200;
}

static inline u64 tf_flags(const struct trapframe *tf)
{
	return tf->rflags;
}

static inline u64 tf_syscall_nr(const struct trapframe *tf)
{
	return tf->orig_rax;
}

static inline u64 tf_syscall_arg(const struct trapframe *tf, unsigned i)
{
	switch (i) {
	case 0: return tf->rdi;
	case 1: return tf->rsi;
	case 2: return tf->rdx;
	case 3: return tf->r10;
	case 4: return tf->r8;
	default: return tf->r9;
	}
}

static inline void tf_set_ret(struct trapframe *tf, s64 ret)
{
	tf->rax = (u64)ret;
}

static inline s64 tf_ret(const struct trapframe *tf)
{
	return (s64)tf->rax;
}

/* `syscall` and `int $0x80` are two bytes. */
static inline void tf_syscall_restart(struct trapframe *tf)
{
	tf->rax = tf->orig_rax;
	tf->rip -= 2;
}

/* The call that a tracer or a restart makes of it. */
static inline void tf_syscall_set_nr(struct trapframe *tf, u64 nr)
{
	tf->orig_rax = nr;
}

static inline u64 tf_fault_addr(const struct trapframe *tf)
{
	u64 va;

	__asm__ volatile("mov %%cr2, %0" : "=r"(va));
	return va;
}

static inline struct trapframe *thread_trapframe(void *stack_top)
{
	return (struct trapframe *)stack_top - 1;
}
