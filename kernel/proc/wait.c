/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for children: wait4(2), waitid(2), and what the parent is told.
 */
#include <lib/errno.h>
#include <linux/wait.h>
#include <proc/pidfd.h>
#include "proc_impl.h"

static s32 exit_status(const struct task *t)
{
	return t->proc->group_exit ? t->proc->group_exit_code : t->exit_code;
}

/* siginfo of a SIGCHLD about @t; @code CLD_*. */
static void child_info(const struct task *t, siginfo_t *info, int code, s32 status)
{
	struct proc_usage u = t->proc->dead;

	siginfo_kernel(info, SIGCHLD);
	info->si_code = code;
	info->si_pid = pid_nr(t->pids[PID_TID]);
	info->si_uid = t->cred->uid;
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

static bool action_is(struct proc *p, u64 handler, u64 flag)
{
	irqflags_t flags;
	struct sighand *s = sighand_lock(p, &flags);
	bool is = s->action[SIGCHLD - 1].handler == handler || (s->action[SIGCHLD - 1].flags & flag);

	sighand_unlock(s, flags);
	return is;
}

bool proc_ignores_children(struct proc *p)
{
	return action_is(p, (u64)SIG_IGN, SA_NOCLDWAIT);
}

/* Tell @to of the end of @t by @signo (0: not by a signal). */
static void notify_exit(struct task *t, struct proc *to, int signo)
{
	siginfo_t info;
	s32 status;
	int cld;

	if (signo) {
		cld = exit_cld(exit_status(t), &status);
		child_info(t, &info, cld, status);
		info.si_signo = signo;
		signal_send_proc(to, &info);
	}
	wait_wake_all(&to->wait_child);
}

void proc_notify_tracer_exit(struct task *t)
{
	notify_exit(t, t->tracer->proc, SIGCHLD);
}

bool proc_notify_parent_exit(struct proc *p)
{
	struct proc *parent = p->parent;
	int signo = p->exit_signal;
	bool ignored = false;

	pidfd_notify(p->pid);
	if (p->leader->ptrace) {
		notify_exit(p->leader, p->leader->tracer->proc, ptrace_by_stranger(p->leader) ? SIGCHLD : signo);
		return false;
	}
	if (signo == SIGCHLD) {
		ignored = proc_ignores_children(parent);
		if (ignored && action_is(parent, (u64)SIG_IGN, 0))
			signo = 0;
	}
	notify_exit(p->leader, parent, signo);
	return ignored;
}

void proc_notify_stop(struct task *t, struct proc *to, int cld, s32 status)
{
	siginfo_t info;

	if (!action_is(to, (u64)SIG_IGN, SA_NOCLDSTOP)) {
		child_info(t, &info, cld, status);
		signal_send_proc(to, &info);
	}
	wait_wake_all(&to->wait_child);
}

void proc_notify_parent_stop(struct proc *p, int cld)
{
	if (p->parent)
		proc_notify_stop(p->leader, p->parent, cld, cld == CLD_CONTINUED ? SIGCONT : p->stop_code);
}

static bool pid_matches(const struct wait_params *w, const struct task *t)
{
	switch (w->which) {
	case P_PID:
	case P_PIDFD: return t->pids[PID_TID] == w->pid;
	case P_PGID: return t->pids[PID_PGID] == w->pid;
	default: return true;
	}
}

static bool child_matches(const struct wait_params *w, const struct proc *child)
{
	if (!pid_matches(w, child->leader))
		return false;
	if ((w->options & __WNOTHREAD) && child->forker != task_current())
		return false;
	if ((w->options & __WALL) || (child->leader->ptrace && !ptrace_by_stranger(child->leader)))
		return true;
	/* a "clone child" is one that tells its parent by another signal than SIGCHLD */
	return (child->exit_signal == SIGCHLD) != !!(w->options & __WCLONE);
}

static void result_fill(const struct task *t, struct wait_result *out, int code, s32 status)
{
	out->pid = pid_nr(t->pids[PID_TID]);
	out->uid = (s32)t->cred->uid;
	out->code = code;
	out->status = status;
	out->usage = t->proc->dead;
	proc_usage_add(&out->usage, &t->proc->children_usage);
}

/* A zombie that a stranger traced goes on to its parent, who may not want it. Tree lock held, dropped. */
static void wait_hand_on(struct proc *p)
{
	ptrace_unlink(p->leader);
	if (proc_notify_parent_exit(p)) {
		p->state = PROC_REAPED;
		proc_reap(p);
	} else {
		spin_unlock(&proc_tree_lock);
	}
}

/* The zombie @t, a child or (@traced) a tracee: take it. Tree lock held; dropped when true. */
static bool wait_zombie(const struct wait_params *w, struct task *t, bool traced, struct wait_result *out)
{
	struct proc *me = task_current()->proc, *p = t->proc;
	bool is_leader = t == p->leader;
	s32 status;
	int code;

	if (!(w->options & WEXITED))
		return false;
	code = exit_cld(exit_status(t), &status);
	result_fill(t, out, code, status);
	out->raw_status = exit_status(t);
	if (w->options & WNOWAIT) {
		spin_unlock(&proc_tree_lock);
	} else if (!is_leader) {
		thread_leave(t);
	} else if (traced && ptrace_by_stranger(t)) {
		wait_hand_on(p);
	} else {
		proc_usage_add(&me->children_usage, &out->usage);
		p->state = PROC_REAPED;
		proc_reap(p);
	}
	return true;
}

static bool report_stop(const struct wait_params *w, const struct task *t, int cld, s32 *code, struct wait_result *out)
{
	if (!*code)
		return false;
	result_fill(t, out, cld, *code);
	out->raw_status = *code << 8 | 0x7f;
	if (!(w->options & WNOWAIT))
		*code = 0;
	return true;
}

/* A stop or continuation not yet reported. Tree lock held; dropped when true. */
static bool wait_stopped(const struct wait_params *w, struct task *t, bool traced, struct wait_result *out)
{
	struct proc *p = t->proc;
	irqflags_t flags;
	struct sighand *s;
	bool found = false;

	if (!traced && !(w->options & (WSTOPPED | WCONTINUED)))
		return false;
	s = sighand_lock(p, &flags);
	if (traced) {
		if ((t->jobctl & (JOBCTL_TRACED | JOBCTL_LISTENING)) == JOBCTL_TRACED)
			found = report_stop(w, t, CLD_TRAPPED, &t->trap_code, out);
	} else if ((w->options & WSTOPPED) && (p->flags & PROC_STOPPED)) {
		found = report_stop(w, t, CLD_STOPPED, &p->stop_code, out);
	}
	if (!found && (w->options & WCONTINUED) && (p->flags & PROC_CONTINUED)) {
		result_fill(t, out, CLD_CONTINUED, SIGCONT);
		out->raw_status = 0xffff;
		if (!(w->options & WNOWAIT))
			p->flags &= ~(u32)PROC_CONTINUED;
		found = true;
	}
	sighand_unlock(s, flags);
	if (found)
		spin_unlock(&proc_tree_lock);
	return found;
}

/*
 * Look at one that could be waited for: true: *out is filled, the tree lock dropped. *ret is 0 when there may be something to wait for later. What is
 * traced by others shows its parent no exit; whoever traces his own child sees ptrace-stops instead of the group's.
 */
static bool wait_consider(const struct wait_params *w, struct task *t, bool traced, struct wait_result *out, s64 *ret)
{
	bool is_leader = t == t->proc->leader;

	if (is_leader ? t->proc->state == PROC_ZOMBIE : t->tree_exited) {
		if (traced || !t->ptrace)
			return wait_zombie(w, t, traced, out);
		*ret = 0;
	} else if (!traced || !t->tree_exited || (w->options & (WCONTINUED | WEXITED))) {
		*ret = 0;
	}
	return wait_stopped(w, t, traced, out);
}

/* One look at all children and tracees: a pid, 0: none ready, -ECHILD: none that could ever match. */
static s64 wait_scan(const struct wait_params *w, struct wait_result *out)
{
	struct proc *me = task_current()->proc, *child;
	struct task *t;
	s64 ret = -ECHILD;

	spin_lock(&proc_tree_lock);
	list_for_each_entry(child, &me->children, sibling)
	{
		t = child->leader;
		if (child_matches(w, child) && wait_consider(w, t, t->ptrace && !ptrace_by_stranger(t), out, &ret))
			return out->pid;
	}
	list_for_each_entry(t, &me->tracees, tracee_link)
	{
		if ((w->options & __WNOTHREAD) && t->tracer != task_current())
			continue;
		if (pid_matches(w, t) && wait_consider(w, t, true, out, &ret))
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
