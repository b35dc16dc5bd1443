/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Job control: controlling terminals, foreground groups, and the signals they get. [posix 11.1.3 .. 11.1.5] [man credentials(7)]
 *
 * proc->tty, tty->session and tty->pgrp change under proc_tree_lock. proc->tty owns a reference to the tty; the tty owns references to its pids.
 */
#include "tty_impl.h"

/* The foreground group or session, referenced; NULL. */
static struct pid *tty_pid_get(struct tty *tty, bool session)
{
	struct pid *pid;

	spin_lock(&proc_tree_lock);
	pid = session ? tty->session : tty->pgrp;
	if (pid)
		pid_get(pid);
	spin_unlock(&proc_tree_lock);
	return pid;
}

static void signal_pgrp(struct pid *pgrp, int signo)
{
	siginfo_t info;

	siginfo_kernel(&info, signo);
	(void)signal_send_pgrp(pgrp, &info);
}

void tty_signal_pgrp(struct tty *tty, int signo)
{
	struct pid *pgrp = tty_pid_get(tty, false);

	if (!pgrp)
		return;
	signal_pgrp(pgrp, signo);
	pid_put(pgrp);
}

int tty_check_change(struct tty *tty, int signo)
{
	struct task *me = task_current();
	struct pid *pgrp = NULL;
	int err = 0;

	if (READ_ONCE(me->proc->tty) != tty)
		return 0;
	spin_lock(&proc_tree_lock);
	if (me->proc->tty == tty && tty->pgrp && tty->pgrp != me->pids[PID_PGID]) {
		pgrp = me->pids[PID_PGID];
		pid_get(pgrp);
	}
	spin_unlock(&proc_tree_lock);
	if (!pgrp)
		return 0;
	if (signal_is_ignored(me, signo) || (me->blocked & SIGMASK(signo)))
		err = signo == SIGTTIN ? -EIO : 0;
	else if (pgrp_is_orphaned(pgrp))
		err = -EIO;
	else {
		signal_pgrp(pgrp, signo);
		err = -ERESTARTSYS;
	}
	pid_put(pgrp);
	return err;
}

/* Make @tty the controlling terminal of the running process, a session leader without one. Tree lock held; drops what it replaces into *old. */
static void set_controlling(struct tty *tty, struct pid *old[3])
{
	struct proc *p = task_current()->proc;

	old[0] = tty->session;
	old[1] = tty->pgrp;
	old[2] = p->tty_old_pgrp;
	p->tty_old_pgrp = NULL;
	tty->session = p->leader->pids[PID_SID];
	tty->pgrp = p->leader->pids[PID_PGID];
	pid_get(tty->session);
	pid_get(tty->pgrp);
	tty_get(tty);
	p->tty = tty;
}

static void put_pids(struct pid *old[3])
{
	for (int i = 0; i < 3; i++) {
		if (old[i])
			pid_put(old[i]);
	}
}

static bool is_session_leader(const struct proc *p)
{
	return p->leader->pids[PID_SID] == p->pid;
}

void tty_acquire_on_open(struct tty *tty, struct file *f)
{
	struct proc *p = task_current()->proc;
	struct pid *old[3] = {NULL};

	spin_lock(&proc_tree_lock);
	if (is_session_leader(p) && !p->tty && !tty->session)
		set_controlling(tty, old);
	spin_unlock(&proc_tree_lock);
	put_pids(old);
}

/* No process of @session has a controlling terminal any more. Tree lock held; returns how many references to it are to be dropped. */
static unsigned forget_in_session(struct tty *tty, struct pid *session)
{
	struct task *t;
	unsigned n = 0;

	list_for_each_entry(t, &session->members[PID_SID], pid_links[PID_SID]) {
		if (t->proc->tty != tty)
			continue;
		t->proc->tty = NULL;
		n++;
	}
	return n;
}

/* Take the terminal away from its session. *out_session, *out_pgrp: the terminal's references, NULL if it had none. */
static void tty_detach(struct tty *tty, struct pid **out_session, struct pid **out_pgrp)
{
	unsigned n = 0;

	spin_lock(&proc_tree_lock);
	*out_session = tty->session;
	*out_pgrp = tty->pgrp;
	if (tty->session)
		n = forget_in_session(tty, tty->session);
	tty->session = tty->pgrp = NULL;
	spin_unlock(&proc_tree_lock);
	while (n--)
		tty_put(tty);
}

/* Tell the leader, who gets the foreground group's reference too, so that his end hangs that up. Takes @pgrp, which may be NULL. */
static void signal_leader(struct pid *session, struct pid *pgrp)
{
	struct task *leader = pid_task_get(session, PID_SID);
	siginfo_t info;

	if (leader && is_session_leader(leader->proc)) {
		siginfo_kernel(&info, SIGHUP);
		(void)signal_send_proc(leader->proc, &info);
		siginfo_kernel(&info, SIGCONT);
		(void)signal_send_proc(leader->proc, &info);
		spin_lock(&proc_tree_lock);
		swap(leader->proc->tty_old_pgrp, pgrp);
		spin_unlock(&proc_tree_lock);
	}
	if (leader)
		task_put(leader);
	if (pgrp)
		pid_put(pgrp);
}

void tty_signal_session(struct tty *tty, bool leader_ends)
{
	struct pid *session, *pgrp;

	tty_detach(tty, &session, &pgrp);
	if (leader_ends && pgrp)
		signal_pgrp(pgrp, SIGHUP);
	if (session && !leader_ends) {
		signal_leader(session, pgrp);
		pgrp = NULL;
	}
	if (session)
		pid_put(session);
	if (pgrp)
		pid_put(pgrp);
}

/* The leader gives his terminal up. */
static void leave_session(struct tty *tty)
{
	struct pid *session, *pgrp;

	tty_detach(tty, &session, &pgrp);
	if (pgrp) {
		signal_pgrp(pgrp, SIGHUP);
		signal_pgrp(pgrp, SIGCONT);
		pid_put(pgrp);
	}
	if (session)
		pid_put(session);
}

/* A line that people dial in to is not left open for the next one; a pty belongs to its master. */
void tty_session_end(struct tty *tty)
{
	if (tty_flag(tty, TTY_IS_PTY))
		tty_signal_session(tty, true);
	else
		tty_hangup_session(tty, true);
}

void tty_hangup_current(void)
{
	struct tty *tty = tty_current_get();

	if (!tty)
		return;
	tty_hangup(tty);
	tty_put(tty);
}

struct tty *tty_current_get(void)
{
	struct tty *tty;

	spin_lock(&proc_tree_lock);
	tty = task_current()->proc->tty;
	if (tty)
		tty_get(tty);
	spin_unlock(&proc_tree_lock);
	return tty;
}

/* ---- ioctls ---- */

static bool is_controlling(struct tty *tty)
{
	return READ_ONCE(task_current()->proc->tty) == tty;
}

static s64 tiocsctty(struct tty *tty, struct file *f, bool steal)
{
	struct proc *p = task_current()->proc;
	struct pid *old[3] = {NULL};
	unsigned n = 0;
	s64 err = 0;

	steal = steal && capable(CAP_SYS_ADMIN);
	spin_lock(&proc_tree_lock);
	if (is_session_leader(p) && p->tty == tty && tty->session == p->leader->pids[PID_SID])
		goto out;
	err = -EPERM;
	if (!is_session_leader(p) || p->tty)
		goto out;
	if (tty->session && !steal)
		goto out;
	if (!(f->mode & FMODE_READ) && !capable(CAP_SYS_ADMIN))
		goto out;
	if (tty->session)
		n = forget_in_session(tty, tty->session);
	set_controlling(tty, old);
	err = 0;
out:
	spin_unlock(&proc_tree_lock);
	while (n--)
		tty_put(tty);
	put_pids(old);
	return err;
}

static s64 tiocnotty(struct tty *tty)
{
	struct proc *p = task_current()->proc;
	bool leader, mine;

	spin_lock(&proc_tree_lock);
	mine = p->tty == tty;
	leader = is_session_leader(p);
	if (mine && !leader)
		p->tty = NULL;
	spin_unlock(&proc_tree_lock);
	if (!mine)
		return -ENOTTY;
	if (leader)
		leave_session(tty);
	else
		tty_put(tty);
	return 0;
}

static s64 tiocgpgrp(struct tty *tty, struct uptr arg, bool session, bool master)
{
	struct pid *pid;
	s32 nr;

	if (!master && !is_controlling(tty))
		return -ENOTTY;
	pid = tty_pid_get(tty, session);
	if (session && !pid)
		return -ENOTTY;
	nr = pid ? pid_nr(pid) : 0;
	if (pid)
		pid_put(pid);
	return copy_to_user(arg, &nr, sizeof(nr));
}

/* The group @nr, referenced, if it lies in the running task's session. */
static int find_pgrp(s32 nr, struct pid **out)
{
	struct pid *pgrp;
	struct task *member;
	int err = -ESRCH;

	spin_lock(&proc_tree_lock);
	rcu_read_lock();
	pgrp = pid_find_rcu(nr);
	rcu_read_unlock();
	member = pgrp ? pid_task_rcu(pgrp, PID_PGID) : NULL;
	if (pgrp && !member && list_empty(&pgrp->members[PID_PGID]))
		err = -ESRCH;
	if (member) {
		err = -EPERM;
		if (member->pids[PID_SID] == task_current()->pids[PID_SID]) {
			pid_get(pgrp);
			*out = pgrp;
			err = 0;
		}
	}
	spin_unlock(&proc_tree_lock);
	return err;
}

static s64 tiocspgrp(struct tty *tty, struct uptr arg, bool master)
{
	struct task *me = task_current();
	struct pid *pgrp, *old;
	s32 nr;
	int err;

	err = tty_check_change(tty, SIGTTOU);
	if (err == -EIO)
		return -ENOTTY;
	if (err)
		return err;
	if (copy_from_user(&nr, arg, sizeof(nr)))
		return -EFAULT;
	spin_lock(&proc_tree_lock);
	err = (me->proc->tty == tty || master) && tty->session == me->pids[PID_SID] && me->proc->tty ? 0 : -ENOTTY;
	spin_unlock(&proc_tree_lock);
	if (err)
		return err;
	if (nr < 0)
		return -EINVAL;
	err = find_pgrp(nr, &pgrp);
	if (err)
		return err;
	spin_lock(&proc_tree_lock);
	old = tty->pgrp;
	tty->pgrp = pgrp;
	spin_unlock(&proc_tree_lock);
	if (old)
		pid_put(old);
	return 0;
}

s64 tty_job_ioctl(struct tty *tty, struct file *f, unsigned cmd, u64 arg)
{
	bool master = f->ops != &tty_file_ops;
	struct uptr p = uptr_make(arg);

	switch (cmd) {
	case TIOCSCTTY: return tiocsctty(tty, f, arg == 1);
	case TIOCNOTTY: return master ? -ENOTTY : tiocnotty(tty);
	case TIOCGPGRP: return tiocgpgrp(tty, p, false, master);
	case TIOCSPGRP: return tiocspgrp(tty, p, master);
	case TIOCGSID: return tiocgpgrp(tty, p, true, master);
	default: return -ENOIOCTLCMD;
	}
}
