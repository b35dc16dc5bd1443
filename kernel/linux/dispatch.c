/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the number to the call. The table is made at boot from what SYSCALLn left in the section "syscalls", whose ends the linker names.
 */
#include <linux/syscall.h>
#include <arch/context.h>
#include <arch/cpu.h>
#include <arch/trap.h>
#include <debug/log.h>
#include <debug/panic.h>
#include <debug/trace.h>
#include <init/initcall.h>
#include <proc/ptrace.h>
#include <proc/task.h>
#include <proc/user_dispatch.h>
#include <security/seccomp.h>
#include "syscalls.h"

#define NR_MAX 512

extern const struct syscall_entry __start_syscalls[], __stop_syscalls[];

static syscall_fn table[NR_MAX];
static const char *names[NR_MAX];

static int syscall_table_init(void)
{
	for (const struct syscall_entry *e = __start_syscalls; e < __stop_syscalls; e++) {
		ASSERT(e->nr < NR_MAX && !table[e->nr]);
		table[e->nr] = e->fn;
		names[e->nr] = e->name;
	}
	return 0;
}
INITCALL(syscalls, "", syscall_table_init);

const char *syscall_name(u64 nr)
{
	return nr < NR_MAX ? names[nr] : NULL;
}

/* Calls of this processor only (arch_prctl), and those that nobody has. */
static COLD NOINLINE s64 syscall_rare(struct trapframe *tf, u64 nr)
{
	u64 args[6];
	s64 ret;

	for (unsigned i = 0; i < 6; i++)
		args[i] = tf_syscall_arg(tf, i);
	ret = arch_syscall(nr, args);
	if (ret == -ENOSYS)
		klog_ratelimited(LOG_INFO, "%s[%d]: system call %lld is not implemented", thread_current()->name,
			task_tid(task_current()), (long long)nr);
	return ret;
}

static __always_inline void dispatch(struct trapframe *tf)
{
	u64 nr = (u32)tf_syscall_nr(tf); /* as Linux: the upper half counts for nothing */
	syscall_fn fn = NULL;

	if (likely(nr < NR_MAX))
		fn = table[index_nospec(nr, NR_MAX)];
	if (likely(fn))
		tf_set_ret(tf, fn(tf_syscall_arg(tf, 0), tf_syscall_arg(tf, 1), tf_syscall_arg(tf, 2),
				       tf_syscall_arg(tf, 3), tf_syscall_arg(tf, 4), tf_syscall_arg(tf, 5)));
	else
		tf_set_ret(tf, syscall_rare(tf, nr));
}

/* Somebody looks on: the program itself, trace points, a tracer, a filter. */
static COLD NOINLINE void dispatch_seen(struct trapframe *tf)
{
	struct thread *me = thread_current();
	bool make = true;

	if ((READ_ONCE(me->user_work) & UW_DISPATCH) && user_dispatch_enter(tf))
		return;
	if (READ_ONCE(me->user_work) & UW_SYSCALL)
		make = ptrace_syscall_enter(tf);
	if (make && (READ_ONCE(me->user_work) & UW_SECCOMP))
		make = seccomp_enter(tf);
	trace(TRACE_SYS_ENTER, tf_syscall_nr(tf), tf_syscall_arg(tf, 0), tf_syscall_arg(tf, 1));
	if (make)
		dispatch(tf);
	trace(TRACE_SYS_EXIT, tf_syscall_nr(tf), (u64)tf_ret(tf), 0);
	if (READ_ONCE(me->user_work) & UW_SYSCALL)
		ptrace_syscall_exit(tf);
}

void syscall_dispatch(struct trapframe *tf)
{
	if (unlikely((READ_ONCE(trace_enabled) & (1u << TRACE_SYS_ENTER | 1u << TRACE_SYS_EXIT)) |
		     (READ_ONCE(thread_current()->user_work) & (UW_SYSCALL | UW_SECCOMP | UW_DISPATCH))))
		dispatch_seen(tf);
	else
		dispatch(tf);
}
