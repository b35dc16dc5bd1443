/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults and exceptions of user mode: served by memory, or turned into a signal.
 */
#include <arch/trap.h>
#include <debug/trace.h>
#include <lib/errno.h>
#include <mm/space.h>
#include "proc_impl.h"

static void force_key_error(struct vm_space *s, vaddr_t va)
{
	siginfo_t info;

	siginfo_kernel(&info, SIGSEGV);
	info.si_code = SEGV_PKUERR;
	info.si_addr = (void *)va;
	info.si_pkey = vm_key_at(s, va);
	signal_force_info(&info);
}

static void force_poison(vaddr_t va)
{
	siginfo_t info;

	siginfo_kernel(&info, SIGBUS);
	info.si_code = BUS_MCEERR_AR;
	info.si_addr = (void *)va;
	info.si_addr_lsb = PAGE_SHIFT;
	signal_force_info(&info);
}

bool trap_user_fault(struct trapframe *tf, vaddr_t va, unsigned fault_flags)
{
	struct task *me = task_current();
	struct vm_space *s = me->thread.space;
	int signo, code, err;

	trace(TRACE_FAULT, va, tf_pc(tf), fault_flags);
	if (!s)
		return false;
	err = vm_fault(s, va, fault_flags, READ_ONCE(me->proc->rlimits[RLIMIT_STACK].cur), &signo, &code);
	if (likely(!err)) {
		me->min_flt++;
		return true;
	}
	if (!(fault_flags & FAULT_USER))
		return false; /* the copy routine reports -EFAULT */
	if (err == -EFAULT && code == SEGV_PKUERR && signo == SIGSEGV)
		force_key_error(s, va);
	else if (err == -EFAULT && signo == SIGBUS && code == BUS_MCEERR_AR)
		force_poison(va);
	else if (err == -EFAULT)
		signal_force(signo, code, va);
	/* else the signal that ends this thread is pending already */
	return true;
}

void trap_user_exception(struct trapframe *tf, const struct trap_info *info)
{
	signal_force(info->signo, info->code, info->addr);
}
