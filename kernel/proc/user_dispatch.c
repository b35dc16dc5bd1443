/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls given back to the program: <proc/user_dispatch.h>.
 */
#include <asm/siginfo.h>
#include <lib/errno.h>
#include <linux/audit.h>
#include <linux/prctl.h>
#include <linux/ptrace.h>
#include <arch/trap.h>
#include <mm/uaccess.h>
#include <proc/user_dispatch.h>
#include "proc_impl.h"

int user_dispatch_set(struct task *t, u64 mode, u64 offset, u64 len, struct uptr selector)
{
	switch (mode) {
	case PR_SYS_DISPATCH_OFF:
		if (offset || len || !uptr_is_null(selector))
			return -EINVAL;
		break;
	case PR_SYS_DISPATCH_ON:
		/* a range that is not empty, and does not go round; nothing at all is a range, too */
		if (offset && offset + len <= offset)
			return -EINVAL;
		if (selector.va >= USER_VA_END)
			return -EFAULT;
		break;
	default: return -EINVAL;
	}
	t->user_dispatch = (struct user_dispatch){.offset = offset, .len = len, .selector = selector};
	if (mode == PR_SYS_DISPATCH_ON)
		__atomic_or_fetch(&t->thread.user_work, UW_DISPATCH, __ATOMIC_RELAXED);
	else
		__atomic_and_fetch(&t->thread.user_work, ~(u32)UW_DISPATCH, __ATOMIC_RELAXED);
	return 0;
}

s64 user_dispatch_get_config(struct task *t, u64 size, struct uptr to)
{
	struct ptrace_sud_config c = {
		.mode = READ_ONCE(t->thread.user_work) & UW_DISPATCH ? PR_SYS_DISPATCH_ON : PR_SYS_DISPATCH_OFF,
		.selector = t->user_dispatch.selector.va,
		.offset = t->user_dispatch.offset,
		.len = t->user_dispatch.len,
	};

	return size != sizeof(c) ? -EINVAL : copy_to_user(to, &c, sizeof(c));
}

s64 user_dispatch_set_config(struct task *t, u64 size, struct uptr from)
{
	struct ptrace_sud_config c;

	if (size != sizeof(c))
		return -EINVAL;
	if (copy_from_user(&c, from, sizeof(c)))
		return -EFAULT;
	return user_dispatch_set(t, c.mode, c.offset, c.len, uptr_make(c.selector));
}

/* A program that cannot say what it wants ends, whatever handlers it has. */
static bool end_by(int signo)
{
	signal_reset_action(signo);
	signal_force(signo, SI_KERNEL, 0);
	return true;
}

bool user_dispatch_enter(struct trapframe *tf)
{
	const struct user_dispatch *ud = &task_current()->user_dispatch;
	u8 state = SYSCALL_DISPATCH_FILTER_BLOCK;
	siginfo_t info;

	if (tf_pc(tf) - ud->offset < ud->len)
		return false;
	if (!uptr_is_null(ud->selector) && user_load8(&state, ud->selector))
		return end_by(SIGSEGV);
	if (state == SYSCALL_DISPATCH_FILTER_ALLOW)
		return false;
	if (state != SYSCALL_DISPATCH_FILTER_BLOCK)
		return end_by(SIGSYS);
	tf_set_ret(tf, (s64)tf_syscall_nr(tf)); /* as it was before the call */
	siginfo_kernel(&info, SIGSYS);
	info.si_code = SYS_USER_DISPATCH;
	info.si_call_addr = (void *)tf_pc(tf);
	info.si_syscall = (int)tf_syscall_nr(tf);
	info.si_arch = AUDIT_ARCH_X86_64;
	signal_force_info(&info);
	return true;
}
