/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include <lib/types.h>
#include <lib/compiler.h>

struct fpu_area;

/* Owned by the thread itself while it runs, by its scheduler's CPU otherwise. switch.S and entry.S know the first two offsets. */
struct arch_thread {
	u64 sp;		       /* of the kernel stack, while it does not run */
	u64 stack_top;	       /* end of the kernel stack; the user's trapframe lies just below */
	u64 fs_base, gs_base;  /* of user mode, while it does not run */
	struct fpu_area *fpu;  /* NULL: a kernel thread */
	u64 selectors;	       /* of the user, while it does not run: DS, ES << 16, FS << 32, GS << 48 */
	u32 fpu_cpu;	       /* the CPU whose registers hold fpu's contents, if its fpu_owner agrees */
	u32 debug_on;	       /* DEBUG_*: debug registers or MSRs are to be loaded */
	u32 pkru;	       /* rights by protection keys, while it does not run */
	u64 dr[4], dr6, dr7;
	void (*entry)(void *); /* arch_thread_init_*: what sched_tail is followed by */
	void *arg;
	u32 user_frame;	       /* first switch ends in user mode */
	u32 tf_by_tracer;      /* single stepping asked by ptrace, not by popf */
	u64 trap_no, trap_error, trap_addr; /* of the last exception of user mode: for sigcontext */
};
