/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include <lib/types.h>
#include <lib/compiler.h>

struct trapframe {
	u64 pc, sp, flags, fault_addr, nr, orig_nr, args[6], ret;
	bool user;
};

static inline u64 tf_pc(const struct trapframe *tf)
{
	return tf->pc;
}

static inline u64 tf_sp(const struct trapframe *tf)
{
	return tf->sp;
}

static inline void tf_set_pc(struct trapframe *tf, u64 pc)
{
	tf->pc = pc;
}

static inline void tf_set_sp(struct trapframe *tf, u64 sp)
{
	tf->sp = sp;
}

static inline bool tf_from_user(const struct trapframe *tf)
{
	return tf->user;
}

static inline bool tf_irqs_on(const struct trapframe *tf)
{
	return true;
}

static inline u64 tf_flags(const struct trapframe *tf)
{
	return tf->flags;
}

static inline u64 tf_syscall_nr(const struct trapframe *tf)
{
	return tf->nr;
}

static inline u64 tf_syscall_arg(const struct trapframe *tf, unsigned i)
{
	return tf->args[i];
}

static inline void tf_set_ret(struct trapframe *tf, s64 ret)
{
	tf->ret = (u64)ret;
}

static inline s64 tf_ret(const struct trapframe *tf)
{
	return (s64)tf->ret;
}

static inline void tf_syscall_restart(struct trapframe *tf)
{
	tf->ret = tf->orig_nr;
	tf->pc -= 2;
}

static inline void tf_syscall_set_nr(struct trapframe *tf, u64 nr)
{
	tf->nr = tf->orig_nr = nr;
}

static inline u64 tf_fault_addr(const struct trapframe *tf)
{
	return tf->fault_addr;
}

static inline struct trapframe *thread_trapframe(void *stack_top)
{
	return (struct trapframe *)stack_top - 1;
}
