/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ptrace(2), the tracee's side: its stops. What holds them together is at the head of ptrace.c.
 *
 * Kinds of stops [man ptrace(2)]: before a signal is delivered (ptrace_signal), group stops and PTRACE_INTERRUPT (ptrace_trap), events and system calls
 * (ptrace_notify). All end in stop_locked.
 */
#include <proc/cgroup.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <arch/elf.h>
#include <arch/trap.h>
#include "proc_impl.h"

static void tell_stop(struct task *me, int cld, s32 status, bool group_done)
{
	spin_lock(&proc_tree_lock);
	if (me->tracer)
		proc_notify_stop(me, me->tracer->proc, cld, status & 0x7f);
	/* the parent of a tracee hears of the group's stop as ever, unless it has just been told as tracer */
	if (group_done && (!me->tracer || ptrace_by_stranger(me)))
		proc_notify_parent_stop(me->proc, CLD_STOPPED);
	spin_unlock(&proc_tree_lock);
}

/*
 * Stop, unless nobody traces us or we are being killed. Returns what the tracer says, or @code if there was no stop. sighand lock held, dropped and
 * retaken. UW_SIGNAL is right afterwards.
 */
static int stop_locked(struct sighand **ps, irqflags_t *flags, int code, int cld, u64 message, siginfo_t *info)
{
	struct task *me = task_current();
	bool group_done = false;

	if (!me->ptrace || (me->pending.mask & SIGMASK(SIGKILL)))
		return code;
	thread_prepare_wait(THREAD_STOPPED);
	me->jobctl |= JOBCTL_TRACED;
	me->trap_code = code;
	me->trap_message = message;
	me->trap_info = info;
	if (cld == CLD_STOPPED && (me->jobctl & JOBCTL_STOP_PENDING))
		group_done = signal_stop_done(me);
	me->jobctl &= ~(u32)(JOBCTL_TRAP_STOP | JOBCTL_TRAPPING);
	if (info && info->si_code >> 8 == PTRACE_EVENT_STOP)
		me->jobctl &= ~(u32)JOBCTL_TRAP_NOTIFY;
	sighand_unlock(*ps, *flags);

	tell_stop(me, cld, code, group_done);
	cgroup_quiet_begin();
	while (READ_ONCE(me->jobctl) & JOBCTL_TRACED) {
		schedule();
		if (READ_ONCE(me->jobctl) & JOBCTL_TRACED)
			thread_prepare_wait(THREAD_STOPPED);
	}
	thread_finish_wait();
	cgroup_quiet_end();

	*ps = sighand_lock(me->proc, flags);
	code = me->trap_code;
	me->trap_code = 0;
	me->trap_message = 0;
	me->trap_info = NULL;
	me->jobctl &= ~(u32)(JOBCTL_LISTENING | JOBCTL_FROZEN);
	if (!me->ptrace)
		arch_single_step(&me->thread, ARCH_STEP_NONE);
	signal_recalc(me);
	return code;
}

static void info_of_stop(siginfo_t *info, int code)
{
	siginfo_user(info, code & 0x7f);
	info->si_code = code;
	info->si_pid = task_tid(task_current());
}

int ptrace_notify(int code, u64 message)
{
	irqflags_t flags;
	struct sighand *s;
	siginfo_t info;
	int ret;

	info_of_stop(&info, code);
	s = sighand_lock(task_current()->proc, &flags);
	ret = stop_locked(&s, &flags, code, CLD_TRAPPED, message, &info);
	sighand_unlock(s, flags);
	/* no tracer has seen it: it was no signal */
	return ret == code && !task_current()->ptrace ? 0 : ret;
}

int ptrace_signal(struct sighand **ps, irqflags_t *flags, int signo, siginfo_t *info)
{
	struct task *me = task_current();
	struct task *tracer;

	/* the tracer may make another signal of it: whether that may stop the group is known when it does */
	me->jobctl |= JOBCTL_STOP_DEQUEUED;
	signo = stop_locked(ps, flags, signo, CLD_TRAPPED, 0, info);
	if (signo <= 0 || signo > SIG_MAX)
		return 0;
	if (signo != info->si_signo) {
		memset(info, 0, sizeof(*info));
		info->si_signo = signo;
		info->si_code = SI_USER;
		sighand_unlock(*ps, *flags);
		spin_lock(&proc_tree_lock);
		tracer = me->tracer ? me->tracer : me->proc->parent ? me->proc->parent->leader : me;
		info->si_pid = task_tgid(tracer);
		info->si_uid = tracer->cred->uid;
		spin_unlock(&proc_tree_lock);
		*ps = sighand_lock(me->proc, flags);
	}
	if ((me->blocked & SIGMASK(signo)) || (me->pending.mask & SIGMASK(SIGKILL))) {
		(void)signal_send_locked(*ps, me, info, false);
		return 0;
	}
	return signo;
}

void ptrace_trap(struct sighand **ps, irqflags_t *flags)
{
	struct task *me = task_current();
	struct proc *p = me->proc;
	int signo = me->jobctl & JOBCTL_SIGNAL;
	siginfo_t info;

	if (me->ptrace & PT_SEIZED) {
		if (!p->stop_count && !(p->flags & PROC_STOPPED))
			signo = SIGTRAP;
		info_of_stop(&info, signo | PTRACE_EVENT_STOP << 8);
		(void)stop_locked(ps, flags, info.si_code, CLD_STOPPED, 0, &info);
	} else {
		(void)stop_locked(ps, flags, signo, CLD_STOPPED, 0, NULL);
	}
}

void ptrace_exit_tracee(s32 code)
{
	struct task *me = task_current();
	irqflags_t flags;
	struct sighand *s;

	if (!ptrace_event_is_on(me, PTRACE_EVENT_EXIT))
		return;
	/* what kills us has done so: the tracer may look even then */
	s = sighand_lock(me->proc, &flags);
	me->pending.mask &= ~SIGMASK(SIGKILL);
	sighand_unlock(s, flags);
	(void)ptrace_notify(SIGTRAP | PTRACE_EVENT_EXIT << 8, (u64)(u32)code);
}

void ptrace_exec(s32 old_tid)
{
	struct task *me = task_current();
	siginfo_t info;

	if (likely(!me->ptrace))
		return;
	if (ptrace_event_is_on(me, PTRACE_EVENT_EXEC)) {
		ptrace_event(PTRACE_EVENT_EXEC, (u64)old_tid);
	} else if (!(me->ptrace & PT_SEIZED)) {
		siginfo_user(&info, SIGTRAP);
		(void)signal_send_task(me, &info);
	}
}

/* ---- system calls ---- */

static void report_call(u64 message)
{
	struct task *me = task_current();
	bool good = READ_ONCE(me->ptrace) >> PT_OPTIONS_SHIFT & PTRACE_O_TRACESYSGOOD;
	siginfo_t info;
	int signo;

	if (!me->ptrace)
		return;
	signo = ptrace_notify(SIGTRAP | (good ? 0x80 : 0), message);
	if (signo <= 0 || signo > SIG_MAX)
		return;
	siginfo_kernel(&info, signo);
	(void)signal_send_task(me, &info);
}

bool ptrace_syscall_enter(struct trapframe *tf)
{
	u32 calls = task_current()->trace_calls;

	if (!(calls & (TRACE_CALLS | TRACE_CALLS_EMULATED)))
		return true;
	report_call(PTRACE_EVENTMSG_SYSCALL_ENTRY);
	if ((calls & TRACE_CALLS_EMULATED) || thread_kill_pending())
		return false;
	return (s32)tf_syscall_nr(tf) != -1;
}

void ptrace_syscall_exit(struct trapframe *tf)
{
	u32 calls = task_current()->trace_calls;

	/* The processor does not step over the instruction that makes the call. */
	if ((calls & TRACE_CALLS_STEPPED) && !(calls & TRACE_CALLS_EMULATED))
		signal_force(SIGTRAP, TRAP_BRKPT, tf_pc(tf));
	else if (calls & TRACE_CALLS)
		report_call(PTRACE_EVENTMSG_SYSCALL_EXIT);
}
