/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for children: wait4(2), waitid(2), and what the parent is told.
 */
#include <lib/errno.h>
#include <linux/wait.h>
#include <proc/pidfd.h>
#include "proc_impl.h"

static s32 exit_status(const struct proc *p)
{
	return p->group_exit ? p->group_exit_code : p->leader->exit_code;
}

/* siginfo of a SIGCHLD about @p; @code CLD_*. */
static void child_info(const struct proc *p, siginfo_t *info, int code, s32 status)
{
	struct proc_usage u = p->dead;

	siginfo_kernel(info, SIGCHLD);
	info->si_code = code;
	info->si_pid = pid_nr(p->pid);
	info->si_uid = p->leader->cred->uid;
	info->si_status = status;
	info->si_utime = (long)(u.utime_ns / 10000000);
	info->si_stime = (long)(u.stime_ns / 10000000);
}

static int exit_cld(s32 status, s32 *out_status)
{
	if ((status & 0x7f) == 0) {
		*out_status = status >> 8 & 0xff;
		return CLD_EXITED;
	}
	*out_status = status & 0x7f;
	return status & 0x80 ? CLD_DUMPED : CLD_KILLED;
}

bool proc_notify_parent_exit(struct proc *p)
{
	struct proc *parent = p->parent;
	bool ignored = false;
	siginfo_t info;
	s32 status;

	pidfd_notify(p->pid);
	if (p->exit_signal) {
		irqflags_t flags;
		struct sighand *s = sighand_lock(parent, &flags);
		struct ksigaction *sa = &s->action[SIGCHLD - 1];
		bool send = true;

		if (p->exit_signal == SIGCHLD && (sa->handler == (u64)SIG_IGN || sa->flags & SA_NOCLDWAIT)) {
			ignored = true;
			send = sa->handler != (u64)SIG_IGN;
		}
		sighand_unlock(s, flags);
		if (send) {
			int cld = exit_cld(exit_status(p), &status);

			child_info(p, &info, cld, status);
			info.si_signo = p->exit_signal;
			signal_send_proc(parent, &info);
		}
	}
	wait_wake_all(&parent->wait_child);
	return ignored;
}

void proc_notify_parent_stop(struct proc *p, int cld)
{
	struct proc *parent = p->parent;
	struct sighand *s;
	irqflags_t flags;
	siginfo_t info;
	bool send;

	if (!parent)
		return;
	s = sighand_lock(parent, &flags);
	send = s->action[SIGCHLD - 1].handler != (u64)SIG_IGN && !(s->action[SIGCHLD - 1].flags & SA_NOCLDSTOP);
	sighand_unlock(s, flags);
	if (send) {
		child_info(p, &info, cld, cld == CLD_CONTINUED ? SIGCONT : p->stop_code);
		signal_send_proc(parent, &info);
	}
	wait_wake_all(&parent->wait_child);
}

static bool child_matches(const struct wait_params *w, const struct proc *child)
{
	switch (w->which) {
	case P_PID:
	case P_PIDFD:
		if (child->pid != w->pid)
			return false;
		break;
	case P_PGID:
		if (child->leader->pids[PID_PGID] != w->pid)
			return false;
		break;
	}
	if ((w->options & __WNOTHREAD) && child->forker != task_current())
		return false;
	/* a "clone child" is one that tells its parent by another signal than SIGCHLD */
	if (!(w->options & __WALL) && (child->exit_signal != SIGCHLD) != !!(w->options & __WCLONE))
		return false;
	return true;
}

static void result_fill(const struct proc *child, struct wait_result *out, int code, s32 status)
{
	out->pid = pid_nr(child->pid);
	out->uid = (s32)child->leader->cred->uid;
	out->code = code;
	out->status = status;
	out->usage = child->dead;
	proc_usage_add(&out->usage, &child->children_usage);
}

/* A zombie: take it. Tree lock held; dropped when true. */
static bool wait_zombie(const struct wait_params *w, struct proc *child, struct wait_result *out)
{
	struct proc *me = task_current()->proc;
	s32 status;
	int code;

	if (child->state != PROC_ZOMBIE || !(w->options & WEXITED))
		return false;
	code = exit_cld(exit_status(child), &status);
	result_fill(child, out, code, status);
	out->raw_status = exit_status(child);
	if (w->options & WNOWAIT) {
		spin_unlock(&proc_tree_lock);
		return true;
	}
	proc_usage_add(&me->children_usage, &out->usage);
	child->state = PROC_REAPED;
	proc_reap(child);
	return true;
}

/* A stop or continuation not yet reported. */
static bool wait_stopped(const struct wait_params *w, struct proc *child, struct wait_result *out)
{
	irqflags_t flags;
	struct sighand *s;
	bool found = false;

	if (!(w->options & (WSTOPPED | WCONTINUED)))
		return false;
	s = sighand_lock(child, &flags);
	if ((w->options & WSTOPPED) && (child->flags & PROC_STOPPED) && child->stop_code) {
		result_fill(child, out, CLD_STOPPED, child->stop_code);
		out->raw_status = child->stop_code << 8 | 0x7f;
		if (!(w->options & WNOWAIT))
			child->stop_code = 0;
		found = true;
	} else if ((w->options & WCONTINUED) && (child->flags & PROC_CONTINUED)) {
		result_fill(child, out, CLD_CONTINUED, SIGCONT);
		out->raw_status = 0xffff;
		if (!(w->options & WNOWAIT))
			child->flags &= ~PROC_CONTINUED;
		found = true;
	}
	sighand_unlock(s, flags);
	if (found)
		spin_unlock(&proc_tree_lock);
	return found;
}

/* One look at all children: a pid, 0: none ready, -ECHILD: none that could ever match. */
static s64 wait_scan(const struct wait_params *w, struct wait_result *out)
{
	struct proc *me = task_current()->proc, *child;
	s64 ret = -ECHILD;

	spin_lock(&proc_tree_lock);
	list_for_each_entry(child, &me->children, sibling)
	{
		if (!child_matches(w, child))
			continue;
		ret = 0;
		if (wait_zombie(w, child, out) || wait_stopped(w, child, out))
			return out->pid;
	}
	spin_unlock(&proc_tree_lock);
	return ret;
}

s64 proc_wait(const struct wait_params *w, struct wait_result *out)
{
	struct proc *me = task_current()->proc;
	struct wait_entry we = {.fn = wait_fn_thread, .thread = thread_current()};
	s64 ret;

	for (;;) {
		wait_prepare(&me->wait_child, &we, THREAD_SLEEP_INTR);
		ret = wait_scan(w, out);
		if (ret || (w->options & WNOHANG))
			break;
		ret = wait_sleep(THREAD_SLEEP_INTR, ~0ull);
		if (ret)
			break;
	}
	wait_finish(&me->wait_child, &we);
	return ret;
}
