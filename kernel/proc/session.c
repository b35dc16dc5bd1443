/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Process groups and sessions, and when a group is orphaned: none of its members has a parent in another group of the same session [posix 3.264].
 */
#include <lib/errno.h>
#include "proc_impl.h"

void task_attach_pid(struct task *t, enum pid_type type, struct pid *pid)
{
	pid_get(pid);
	t->pids[type] = pid;
	list_add_tail_rcu(&t->pid_links[type], &pid->members[type]);
}

void task_detach_pid(struct task *t, enum pid_type type)
{
	struct pid *pid = t->pids[type];

	list_del_rcu(&t->pid_links[type]);
	list_init(&t->pid_links[type]);
	for (int other = 0; other < PID_TYPES; other++) {
		if (!list_empty(&pid->members[other]))
			return;
	}
	pid_free_numbers(pid);
}

/* Move a process to another group or session. Its other threads only note the number. */
void proc_change_group(struct task *leader, enum pid_type type, struct pid *pid)
{
	struct pid *old = leader->pids[type];
	struct task *t;

	task_detach_pid(leader, type);
	task_attach_pid(leader, type, pid);
	pid_put(old);
	list_for_each_entry(t, &leader->proc->threads, thread_link)
	{
		if (t == leader)
			continue;
		old = t->pids[type];
		pid_get(pid);
		t->pids[type] = pid;
		pid_put(old);
	}
}

bool pgrp_would_be_orphaned(struct pid *pgrp, struct proc *except)
{
	struct task *t;

	list_for_each_entry(t, &pgrp->members[PID_PGID], pid_links[PID_PGID])
	{
		struct proc *p = t->proc;
		struct task *parent;

		if (p == except || p->state != PROC_ALIVE || !p->parent || (p->parent->flags & PROC_INIT))
			continue;
		parent = p->parent->leader;
		if (parent->pids[PID_PGID] != pgrp && parent->pids[PID_SID] == t->pids[PID_SID])
			return false;
	}
	return true;
}

bool pgrp_is_orphaned(struct pid *pgrp)
{
	bool orphaned;

	spin_lock(&proc_tree_lock);
	orphaned = pgrp_would_be_orphaned(pgrp, NULL);
	spin_unlock(&proc_tree_lock);
	return orphaned;
}

static bool pgrp_has_stopped(struct pid *pgrp)
{
	struct task *t;

	list_for_each_entry(t, &pgrp->members[PID_PGID], pid_links[PID_PGID])
	{
		if (READ_ONCE(t->proc->flags) & PROC_STOPPED)
			return true;
	}
	return false;
}

/* signal_send_pgrp with the tree lock held. */
static void pgrp_signal_locked(struct pid *pgrp, int signo)
{
	siginfo_t info;
	struct task *t;

	siginfo_kernel(&info, signo);
	list_for_each_entry(t, &pgrp->members[PID_PGID], pid_links[PID_PGID])
		signal_send_proc(t->proc, &info);
}

/* @p is leaving (exit or setpgid); @parent: look at the tie to this parent only when it is in the same session. */
void pgrp_check_orphans(struct proc *p, struct proc *parent)
{
	struct task *leader = p->leader;
	struct pid *pgrp = leader->pids[PID_PGID];
	struct proc *except = p;

	if (parent)
		except = NULL; /* the child stays, its parent goes */
	else
		parent = p->parent;
	if (!parent || parent->leader->pids[PID_PGID] == pgrp ||
		parent->leader->pids[PID_SID] != leader->pids[PID_SID])
		return;
	if (pgrp_would_be_orphaned(pgrp, except) && pgrp_has_stopped(pgrp)) {
		pgrp_signal_locked(pgrp, SIGHUP);
		pgrp_signal_locked(pgrp, SIGCONT);
	}
}

s64 proc_setsid(void)
{
	struct proc *p = task_current()->proc;
	struct task *leader;
	s64 ret = -EPERM;

	spin_lock(&proc_tree_lock);
	leader = p->leader;
	/* a session leader, or a group of this number exists */
	if (leader->pids[PID_SID] == p->pid || !list_empty(&p->pid->members[PID_PGID]))
		goto out;
	proc_change_group(leader, PID_SID, p->pid);
	proc_change_group(leader, PID_PGID, p->pid);
	ret = pid_nr(p->pid);
out:
	spin_unlock(&proc_tree_lock);
	if (ret > 0)
		proc_leave_tty(p);
	return ret;
}

s64 proc_setpgid(s32 nr, s32 pgid)
{
	struct proc *me = task_current()->proc;
	struct task *leader;
	struct pid *pid, *pgrp;
	struct proc *p;
	s64 ret = -EINVAL;

	if (!nr)
		nr = pid_nr(me->pid);
	if (!pgid)
		pgid = nr;
	if (pgid < 0)
		return ret;
	spin_lock(&proc_tree_lock);
	ret = -ESRCH;
	pid = pid_find_rcu(nr);
	leader = pid_task_rcu(pid, PID_TGID);
	if (!leader) {
		/* a thread that leads no process is EINVAL, nobody at all ESRCH */
		if (pid_task_rcu(pid, PID_TID))
			ret = -EINVAL;
		goto out;
	}
	p = leader->proc;
	if (p != me) {
		if (p->parent != me)
			goto out;
		ret = -EPERM;
		if (leader->pids[PID_SID] != me->leader->pids[PID_SID])
			goto out;
		ret = -EACCES;
		if (leader->did_exec)
			goto out;
	}
	ret = -EPERM;
	if (leader->pids[PID_SID] == p->pid)
		goto out;
	pgrp = p->pid;
	if (pgid != nr) {
		struct task *member;

		pgrp = pid_find_rcu(pgid);
		member = pid_task_rcu(pgrp, PID_PGID);
		if (!member || member->pids[PID_SID] != me->leader->pids[PID_SID])
			goto out;
	}
	ret = 0;
	if (leader->pids[PID_PGID] != pgrp)
		proc_change_group(leader, PID_PGID, pgrp);
out:
	spin_unlock(&proc_tree_lock);
	return ret;
}
