/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The user-visible frame of a signal handler, its layout as Linux has it on this processor.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <linux/signal.h>

struct trapframe;

struct signal_frame_args {
	int signo;
	const siginfo_t *info;
	u64 handler, restorer;
	unsigned long flags;	/* SA_* */
	u64 oldmask;		/* saved in the frame */
	stack_t altstack;	/* as saved in the frame; ss_size 0: none */
	bool on_altstack;	/* switch to altstack now */
	u64 altstack_limit;	/* not 0: already on it; a frame that would lie below is -EFAULT */
};

/* Push the frame and redirect @tf to the handler. -EFAULT: the stack cannot be written (the caller makes it SIGSEGV). May sleep. */
int arch_signal_push(struct trapframe *tf, const struct signal_frame_args *args) MUST_CHECK;
/* rt_sigreturn: restore @tf and FPU from the frame at its stack pointer; the mask and altstack to set. -EFAULT: bad frame. Hostile bytes. */
int arch_signal_pop(struct trapframe *tf, u64 *out_mask, stack_t *out_altstack) MUST_CHECK;
