/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ptrace(2), the tracer's side: who traces whom, and what holds a tracee still. The tracee's side is ptrace_stop.c, waiting for its stops wait.c.
 *
 * States of a tracee (jobctl, under its sighand lock; the tree lock comes before it):
 *
 *   running --ptrace-stop--> TRACED --ptrace_freeze--> TRACED|FROZEN --ptrace_resume, ptrace_detach--> running
 *      ^                       |  ^                         |
 *      `-- a kill, unlink -----'  `------ptrace_thaw--------'
 *
 * TRACED is set by the tracee itself together with its thread state STOPPED, and cleared by whoever ends the stop, who then wakes it; the tracee
 * sleeps as long as it is set. A kill clears it, but not while FROZEN is set: then ptrace_thaw does. So between ptrace_freeze, which waits until the
 * tracee has left its CPU, and the end of the request its registers, trap_* and address space are the tracer's, without a lock.
 *
 * task->ptrace and task->tracer change under the tree lock and the tracee's sighand lock, so either is enough to read them. The tracer is always a
 * thread in the tree: when it exits it lets go of its tracees under the tree lock (ptrace_exit_tracer). Only it makes requests, so nobody
 * else freezes, resumes or detaches.
 *
 * A traced thread that exits stays in the tree as a zombie until its tracer has waited for it, even if it is no leader; the zombie of a
 * process goes to its real parent afterwards (wait.c, exit.c).
 *
 * execve(2) decides what rights a program gains by who traces the thread: proc->exec_lock keeps new tracers out from that look to the end.
 */
#include <lib/errno.h>
#include <arch/elf.h>
#include "proc_impl.h"

/* The tree's and @t's sighand lock. */
static void link_tracer(struct task *t, struct task *tracer, u32 flags)
{
	WRITE_ONCE(t->ptrace, flags);
	t->tracer = tracer;
	list_add_tail(&t->tracee_link, &tracer->proc->tracees);
}

void ptrace_unlink(struct task *t)
{
	struct proc *p = t->proc;
	irqflags_t flags;
	struct sighand *s;

	list_del_init(&t->tracee_link);
	s = sighand_lock(p, &flags);
	WRITE_ONCE(t->ptrace, 0);
	t->tracer = NULL;
	t->trace_calls = 0;
	__atomic_and_fetch(&t->thread.user_work, ~(u32)UW_SYSCALL, __ATOMIC_RELAXED);
	t->jobctl &= ~(u32)(JOBCTL_TRAP_MASK | JOBCTL_TRAPPING);
	/* what it did not see of a stop of its group */
	if (!t->exiting && ((p->flags & PROC_STOPPED) || p->stop_count))
		t->jobctl |= JOBCTL_STOP_PENDING;
	if (t->jobctl & (JOBCTL_STOP_PENDING | JOBCTL_TRACED))
		ptrace_wake(t, true);
	sighand_unlock(s, flags);
}

void ptrace_wake(struct task *t, bool resume)
{
	unsigned mask = 1u << THREAD_SLEEP_INTR;

	if (resume && (t->jobctl & JOBCTL_TRACED)) {
		t->jobctl &= ~(u32)JOBCTL_TRACED;
		mask |= 1u << THREAD_STOPPED;
	}
	__atomic_or_fetch(&t->thread.user_work, UW_SIGNAL, __ATOMIC_SEQ_CST);
	if (!thread_wake_state(&t->thread, mask))
		task_kick(t);
}

static bool is_dying(const struct task *t)
{
	return t->exiting || (t->pending.mask & SIGMASK(SIGKILL));
}

void ptrace_trap_notify(struct task *t)
{
	if (is_dying(t))
		return;
	t->jobctl |= JOBCTL_TRAP_NOTIFY;
	ptrace_wake(t, t->jobctl & JOBCTL_LISTENING);
}

/* A new tracee shall stop: by SIGSTOP, or if it is stopped already by going over to the other kind of stop. sighand lock. */
static void stop_new(struct sighand *s, struct task *t, bool seize)
{
	siginfo_t info;

	if (!seize) {
		siginfo_kernel(&info, SIGSTOP);
		(void)signal_send_locked(s, t, &info, false);
	}
	if (!(t->jobctl & JOBCTL_STOPPED) || is_dying(t))
		return;
	t->jobctl &= ~(u32)JOBCTL_STOPPED;
	t->jobctl |= JOBCTL_TRAP_STOP | JOBCTL_TRAPPING;
	__atomic_or_fetch(&t->thread.user_work, UW_SIGNAL, __ATOMIC_SEQ_CST);
	thread_wake_state(&t->thread, 1u << THREAD_STOPPED);
}

static int attach(struct task *t, u32 flags)
{
	irqflags_t irq;
	struct sighand *s;
	int err = ptrace_may_access(t, PTRACE_ATTACH_MODE | PTRACE_REALCREDS);

	if (err)
		return err;
	spin_lock(&proc_tree_lock);
	if (t->tree_exited || t->ptrace) {
		spin_unlock(&proc_tree_lock);
		return -EPERM;
	}
	s = sighand_lock(t->proc, &irq);
	link_tracer(t, task_current(), flags | PT_TRACED | (capable(CAP_SYS_PTRACE) ? PT_CAPABLE : 0));
	stop_new(s, t, flags & PT_SEIZED);
	sighand_unlock(s, irq);
	spin_unlock(&proc_tree_lock);
	return 0;
}

int ptrace_attach(struct task *t, u32 flags)
{
	struct proc *me = task_current()->proc;
	int err;

	if (t->is_kthread || t->proc == me)
		return -EPERM;
	if (mutex_lock_interruptible(&t->proc->exec_lock))
		return -ERESTARTNOINTR;
	err = attach(t, flags);
	mutex_unlock(&t->proc->exec_lock);
	/* who was stopped before is stopped for us when we return; every stop and exit of a tracee wakes this queue */
	if (!err && wait_event_killable(&me->wait_child, !(READ_ONCE(t->jobctl) & JOBCTL_TRAPPING)))
		err = 0;
	return err;
}

int ptrace_traceme(void)
{
	struct task *me = task_current(), *tracer;
	struct proc *p = me->proc;
	irqflags_t flags;
	struct sighand *s;
	int err = -EPERM;

	spin_lock(&proc_tree_lock);
	tracer = p->forker;
	if (me->ptrace || !p->parent)
		goto out;
	err = 0;
	/* a parent that is exiting would let us go at once */
	if (!tracer || tracer->tree_exited)
		goto out;
	if ((me->cred->cap_permitted & ~tracer->cred->cap_permitted) && !cred_capable(tracer->cred, CAP_SYS_PTRACE)) {
		err = -EPERM;
		goto out;
	}
	s = sighand_lock(p, &flags);
	link_tracer(me, tracer, PT_TRACED | (capable(CAP_SYS_PTRACE) ? PT_CAPABLE : 0));
	sighand_unlock(s, flags);
out:
	spin_unlock(&proc_tree_lock);
	return err;
}

void ptrace_clone(struct task *t, const struct task *me, bool traced)
{
	if (!traced || !me->ptrace)
		return;
	link_tracer(t, me->tracer, me->ptrace);
	if (t->ptrace & PT_SEIZED)
		t->jobctl |= JOBCTL_TRAP_STOP;
	else
		t->pending.mask |= SIGMASK(SIGSTOP);
	__atomic_or_fetch(&t->thread.user_work, UW_SIGNAL, __ATOMIC_RELAXED);
}

/* A tracee that changed its number by execve, and whose tracer means the thread that had it before, does not know yet. */
static bool is_stranger(const struct task *t)
{
	return t->trap_code == (SIGTRAP | PTRACE_EVENT_EXEC << 8) && t->trap_message != (u64)task_tid(t);
}

int ptrace_freeze(struct task *t, bool ignore_state)
{
	int err = -ESRCH;
	irqflags_t flags;
	struct sighand *s;

	spin_lock(&proc_tree_lock);
	s = sighand_lock(t->proc, &flags);
	if (t->tracer != task_current()) {
		/* not ours */
	} else if (ignore_state) {
		err = 0;
	} else if ((t->jobctl & (JOBCTL_TRACED | JOBCTL_LISTENING)) == JOBCTL_TRACED && !is_dying(t) && !is_stranger(t)) {
		t->jobctl |= JOBCTL_FROZEN;
		err = 0;
	}
	sighand_unlock(s, flags);
	spin_unlock(&proc_tree_lock);
	if (!err && !ignore_state)
		(void)thread_wait_inactive(&t->thread);
	return err;
}

void ptrace_thaw(struct task *t)
{
	irqflags_t flags;
	struct sighand *s = sighand_lock(t->proc, &flags);

	t->jobctl &= ~(u32)JOBCTL_FROZEN;
	if (t->pending.mask & SIGMASK(SIGKILL))
		ptrace_wake(t, true);
	sighand_unlock(s, flags);
}

void ptrace_resume(struct task *t, int signo, u32 trace_calls, enum arch_step step)
{
	irqflags_t flags;
	struct sighand *s;

	t->trace_calls = trace_calls | (step ? TRACE_CALLS_STEPPED : 0);
	if (t->trace_calls)
		__atomic_or_fetch(&t->thread.user_work, UW_SYSCALL, __ATOMIC_RELAXED);
	else
		__atomic_and_fetch(&t->thread.user_work, ~(u32)UW_SYSCALL, __ATOMIC_RELAXED);
	arch_single_step(&t->thread, step);
	s = sighand_lock(t->proc, &flags);
	t->trap_code = signo;
	t->jobctl &= ~(u32)(JOBCTL_TRACED | JOBCTL_FROZEN);
	thread_wake_state(&t->thread, 1u << THREAD_STOPPED);
	sighand_unlock(s, flags);
}

/* After unlink: does nobody but its tracer wait for the zombie @t? Tree lock. */
static bool is_abandoned(struct task *t, struct proc *tracer)
{
	struct proc *p = t->proc;

	if (!t->tree_exited)
		return false;
	if (t != p->leader)
		return true;
	if (p->state != PROC_ZOMBIE)
		return false;
	if (p->parent != tracer ? proc_notify_parent_exit(p) : proc_ignores_children(tracer)) {
		p->state = PROC_REAPED;
		return true;
	}
	return false;
}

void ptrace_detach(struct task *t, int signo)
{
	arch_single_step(&t->thread, ARCH_STEP_NONE);
	spin_lock(&proc_tree_lock);
	t->trap_code = signo; /* the stop lasts, and only the thread that waits for it looks at this: we */
	ptrace_unlink(t);
	spin_unlock(&proc_tree_lock);
}

void ptrace_exit_tracer(struct task *me, struct list_head *out_dead)
{
	struct task *t, *tmp;
	siginfo_t info;

	list_for_each_entry_safe(t, tmp, &me->proc->tracees, tracee_link)
	{
		if (t->tracer != me)
			continue;
		if (t->ptrace >> PT_OPTIONS_SHIFT & PTRACE_O_EXITKILL) {
			siginfo_kernel(&info, SIGKILL);
			(void)signal_send_task(t, &info);
		}
		ptrace_unlink(t);
		if (is_abandoned(t, me->proc))
			list_add_tail(&t->tracee_link, out_dead);
	}
}

int ptrace_interrupt(struct task *t)
{
	irqflags_t flags;
	struct sighand *s;
	int err = -EIO;

	s = sighand_lock(t->proc, &flags);
	if (t->ptrace & PT_SEIZED) {
		err = 0;
		if (!is_dying(t)) {
			t->jobctl |= JOBCTL_TRAP_STOP;
			ptrace_wake(t, t->jobctl & JOBCTL_LISTENING);
		}
	}
	sighand_unlock(s, flags);
	return err;
}

int ptrace_listen(struct task *t)
{
	irqflags_t flags;
	struct sighand *s;
	int err = -EIO;

	s = sighand_lock(t->proc, &flags);
	if ((t->ptrace & PT_SEIZED) && t->trap_info && t->trap_info->si_code >> 8 == PTRACE_EVENT_STOP) {
		err = 0;
		t->jobctl |= JOBCTL_LISTENING;
		/* something happened since the stop began: stop again */
		if (t->jobctl & JOBCTL_TRAP_NOTIFY)
			ptrace_wake(t, true);
	}
	sighand_unlock(s, flags);
	return err;
}
