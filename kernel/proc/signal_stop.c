/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Job control: stopping all threads of a process, and letting them go on.
 *
 * The thread that takes a stop signal marks all others (JOBCTL_STOP_PENDING, counted in stop_count) and wakes them; each stops on its way to user mode. The last one
 * to stop sets PROC_STOPPED and tells the parent. SIGCONT, when it is sent, undoes all of it at once; the parent is told of the
 * continuation by the first thread that runs again, because the sender may be an interrupt.
 */
#include <lib/errno.h>
#include <proc/cgroup.h>
#include "proc_impl.h"

/* One thread less to stop. True: it was the last, the stop is complete. sighand lock. */
static bool stop_one_done(struct proc *p)
{
	if (!p->stop_count || --p->stop_count)
		return false;
	if (p->flags & PROC_STOPPED)
		return false;
	p->flags |= PROC_STOPPED;
	p->flags &= ~(PROC_CONTINUED | PROC_TELL_CONTINUED);
	return true;
}

static void tell_parent(struct proc *p, int cld)
{
	spin_lock(&proc_tree_lock);
	if (p->state == PROC_ALIVE)
		proc_notify_parent_stop(p, cld);
	spin_unlock(&proc_tree_lock);
}

void signal_stop_here(struct sighand *s, irqflags_t flags)
{
	struct task *me = task_current();
	struct proc *p = me->proc;
	bool complete;

	me->jobctl &= ~JOBCTL_STOP_PENDING;
	me->jobctl |= JOBCTL_STOPPED;
	complete = stop_one_done(p);
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

void signal_group_stop(struct sighand *s, irqflags_t flags, int signo)
{
	struct task *me = task_current(), *t;
	struct proc *p = me->proc;

	if (!p->stop_count) {
		p->stop_code = signo;
		list_for_each_entry_rcu(t, &p->threads, thread_link)
		{
			if (t->exiting || (t->jobctl & (JOBCTL_STOPPED | JOBCTL_STOP_PENDING)))
				continue;
			t->jobctl |= JOBCTL_STOP_PENDING;
			p->stop_count++;
			if (t != me)
				signal_wake(t, false);
		}
	}
	signal_stop_here(s, flags);
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
		if (!(t->jobctl & (JOBCTL_STOPPED | JOBCTL_STOP_PENDING)))
			continue;
		t->jobctl &= ~(JOBCTL_STOPPED | JOBCTL_STOP_PENDING);
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

	if (me->jobctl & JOBCTL_STOP_PENDING) {
		me->jobctl &= ~JOBCTL_STOP_PENDING;
		complete = stop_one_done(p);
	}
	signal_retarget(me, ~me->blocked);
	sighand_unlock(s, flags);
	if (complete)
		tell_parent(p, CLD_STOPPED);
}
