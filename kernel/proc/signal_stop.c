/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Job control: stopping all threads of a process, and letting them go on.
 *
 * The thread that takes a stop signal marks all (JOBCTL_STOP_PENDING, counted in stop_count) and wakes the others; each stops on its way to user mode. The last one
 * to stop sets PROC_STOPPED and tells the parent. SIGCONT, when it is sent, undoes all of it at once; the parent is told of the
 * continuation by the first thread that runs again, because the sender may be an interrupt.
 *
 * A traced thread takes part by a ptrace-stop (ptrace_stop.c), out of which its tracer may let it run while the group is stopped; so a stop may begin in a
 * group that has stopped, and only those who run are counted.
 */
#include <lib/errno.h>
#include <proc/cgroup.h>
#include "proc_impl.h"

static void tell_parent(struct proc *p, int cld)
{
	spin_lock(&proc_tree_lock);
	if (p->state == PROC_ALIVE)
		proc_notify_parent_stop(p, cld);
	spin_unlock(&proc_tree_lock);
}

bool signal_stop_done(struct task *t)
{
	struct proc *p = t->proc;
	bool counted = t->jobctl & JOBCTL_STOP_COUNTED;

	t->jobctl &= ~(u32)(JOBCTL_STOP_PENDING | JOBCTL_STOP_COUNTED | JOBCTL_STOP_DEQUEUED);
	if (!counted || !p->stop_count || --p->stop_count || (p->flags & PROC_STOPPED))
		return false;
	p->flags |= PROC_STOPPED;
	p->flags &= ~(PROC_CONTINUED | PROC_TELL_CONTINUED);
	return true;
}

void signal_stop_here(struct sighand *s, irqflags_t flags)
{
	struct task *me = task_current();
	struct proc *p = me->proc;
	bool complete = signal_stop_done(me);

	me->jobctl |= JOBCTL_STOPPED;
	sighand_unlock(s, flags);
	if (complete)
		tell_parent(p, CLD_STOPPED);
	cgroup_quiet_begin();
	for (;;) {
		thread_prepare_wait(THREAD_STOPPED);
		if (!(READ_ONCE(me->jobctl) & JOBCTL_STOPPED))
			break;
		schedule();
	}
	thread_finish_wait();
	cgroup_quiet_end();
}

static void stop_mark(struct task *t, int signo)
{
	t->jobctl = (t->jobctl & ~(u32)JOBCTL_SIGNAL) | (u32)signo | JOBCTL_STOP_PENDING | JOBCTL_STOP_COUNTED;
	t->proc->stop_count++;
}

void signal_group_stop(int signo)
{
	struct task *me = task_current(), *t;
	struct proc *p = me->proc;

	/* SIGCONT came since the signal was taken, or the process ends */
	if (!(me->jobctl & JOBCTL_STOP_DEQUEUED) || p->group_exit || p->exec_task || (me->jobctl & JOBCTL_STOP_PENDING))
		return;
	if (!(p->flags & PROC_STOPPED))
		p->stop_code = signo;
	p->stop_count = 0;
	stop_mark(me, signo);
	list_for_each_entry_rcu(t, &p->threads, thread_link)
	{
		if (t == me || t->exiting || (t->jobctl & JOBCTL_STOPPED))
			continue;
		stop_mark(t, signo);
		if (t->ptrace & PT_SEIZED)
			ptrace_trap_notify(t);
		else
			signal_wake(t, false);
	}
}

void signal_stop_join(struct task *t, const struct task *maker)
{
	struct proc *p = t->proc;

	if (!p->stop_count && !(p->flags & PROC_STOPPED))
		return;
	t->jobctl |= (maker->jobctl & JOBCTL_SIGNAL) | JOBCTL_STOP_PENDING;
	if (p->stop_count) {
		t->jobctl |= JOBCTL_STOP_COUNTED;
		p->stop_count++;
	}
	signal_recalc(t);
}

void signal_continue(struct proc *p)
{
	struct task *t;

	if (p->flags & PROC_STOPPED)
		p->flags |= PROC_CONTINUED | PROC_TELL_CONTINUED;
	p->flags &= ~PROC_STOPPED;
	p->stop_count = 0;
	p->stop_code = 0;
	list_for_each_entry_rcu(t, &p->threads, thread_link)
	{
		t->jobctl &= ~(u32)(JOBCTL_STOP_PENDING | JOBCTL_STOP_COUNTED | JOBCTL_STOP_DEQUEUED);
		if (t->ptrace & PT_SEIZED)
			ptrace_trap_notify(t);
		if (!(t->jobctl & JOBCTL_STOPPED))
			continue;
		t->jobctl &= ~(u32)JOBCTL_STOPPED;
		/* it passes signal_deliver, where the first one tells the parent */
		__atomic_or_fetch(&t->thread.user_work, UW_SIGNAL, __ATOMIC_SEQ_CST);
		thread_wake_state(&t->thread, 1u << THREAD_STOPPED);
	}
}

void signal_report_continue(struct proc *p)
{
	irqflags_t flags;
	struct sighand *s;
	bool tell;

	if (!(READ_ONCE(p->flags) & PROC_TELL_CONTINUED))
		return;
	s = sighand_lock(p, &flags);
	tell = p->flags & PROC_TELL_CONTINUED;
	p->flags &= ~PROC_TELL_CONTINUED;
	sighand_unlock(s, flags);
	if (tell)
		tell_parent(p, CLD_CONTINUED);
}

void signal_retarget(struct task *me, u64 mask)
{
	struct proc *p = me->proc;
	u64 orphans = p->pending.mask & mask;
	struct task *t;

	if (!orphans)
		return;
	list_for_each_entry_rcu(t, &p->threads, thread_link)
	{
		if (t == me || t->exiting || !(orphans & ~READ_ONCE(t->blocked)))
			continue;
		orphans &= READ_ONCE(t->blocked);
		signal_wake(t, false);
		if (!orphans)
			break;
	}
}

void signal_exit_thread(struct task *me)
{
	struct proc *p = me->proc;
	bool complete = false;
	irqflags_t flags;
	struct sighand *s = sighand_lock(p, &flags);

	if (me->jobctl & JOBCTL_STOP_PENDING)
		complete = signal_stop_done(me);
	me->jobctl &= ~(u32)JOBCTL_PENDING;
	signal_retarget(me, ~me->blocked);
	sighand_unlock(s, flags);
	if (complete)
		tell_parent(p, CLD_STOPPED);
}
