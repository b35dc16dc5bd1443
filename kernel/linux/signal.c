/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals: actions, masks, sending, waiting. (signalfd: kernel/io.)
 */
#include <linux/syscall.h>
#include <linux/pidfd.h>
#include <linux/signal.h>
#include <arch/context.h>
#include <arch/signal.h>
#include <arch/trap.h>
#include <lib/string.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/pid.h>
#include <proc/pidfd.h>
#include <proc/signal.h>
#include <proc/task.h>
#include <time/clock.h>
#include <vfs/fdtable.h>
#include <vfs/procfs.h>
#include "syscalls.h"

static_assert(sizeof(struct ksigaction) == 32, "as user space passes it: handler, flags, restorer, mask");

int sigset_from_user(u64 *out, struct uptr p, size_t size)
{
	return size != sizeof(u64) ? -EINVAL : user_load64(out, p);
}

int siginfo_to_user(struct uptr p, const siginfo_t *info)
{
	return copy_to_user(p, info, sizeof(*info));
}

int siginfo_from_user(siginfo_t *info, struct uptr p)
{
	return copy_from_user(info, p, sizeof(*info));
}

void siginfo_kernel(siginfo_t *info, int signo)
{
	memset(info, 0, sizeof(*info));
	info->si_signo = signo;
	info->si_code = SI_KERNEL;
}

void siginfo_user(siginfo_t *info, int signo)
{
	memset(info, 0, sizeof(*info));
	info->si_signo = signo;
	info->si_code = SI_USER;
	info->si_pid = task_tgid(task_current());
	info->si_uid = cred_current()->uid;
}

/* Bytes of siginfo_t that have a meaning in some signal. */
#define SIGINFO_FIELDS 48

#define SA_RESTORER_FLAG 0x04000000ul
#define SA_KNOWN                                                                                   \
	(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER | SA_RESETHAND | \
		SA_EXPOSE_TAGBITS | SA_RESTORER_FLAG)

SYSCALL4(rt_sigaction, int, signo, struct uptr, act, struct uptr, oact, size_t, size)
{
	struct task *me = task_current();
	struct ksigaction sa, old;
	irqflags_t flags;
	struct sighand *s;

	if (size != sizeof(u64))
		return -EINVAL;
	if (!uptr_is_null(act) && copy_from_user(&sa, act, sizeof(sa)))
		return -EFAULT;
	if (signo < 1 || signo > SIG_MAX || (!uptr_is_null(act) && (SIG_UNBLOCKABLE & SIGMASK(signo))))
		return -EINVAL;
	signo = 1 + index_nospec(signo - 1, SIG_MAX);
	s = sighand_lock(me->proc, &flags);
	old = s->action[signo - 1];
	if (!uptr_is_null(act)) {
		sa.mask &= ~SIG_UNBLOCKABLE;
		sa.flags &= SA_KNOWN; /* a cleared unknown bit tells the caller that it is unknown */
		s->action[signo - 1] = sa;
		/* a pending signal that is now ignored is discarded [posix 2.4.3] */
		signal_discard_ignored(me->proc, s, signo);
	}
	sighand_unlock(s, flags);
	if (!uptr_is_null(oact) && copy_to_user(oact, &old, sizeof(old)))
		return -EFAULT;
	return 0;
}

SYSCALL4(rt_sigprocmask, int, how, struct uptr, uset, struct uptr, uold, size_t, size)
{
	u64 old = task_current()->blocked, set;

	if (size != sizeof(u64))
		return -EINVAL;
	if (!uptr_is_null(uset)) {
		if (user_load64(&set, uset))
			return -EFAULT;
		switch (how) {
		case SIG_BLOCK: set |= old; break;
		case SIG_UNBLOCK: set = old & ~set; break;
		case SIG_SETMASK: break;
		default: return -EINVAL;
		}
		signal_set_mask(set);
	}
	if (!uptr_is_null(uold) && user_store64(uold, old))
		return -EFAULT;
	return 0;
}

SYSCALL2(rt_sigpending, struct uptr, uset, size_t, size)
{
	struct task *me = task_current();
	u64 set;

	if (size > sizeof(u64))
		return -EINVAL;
	set = (READ_ONCE(me->pending.mask) | READ_ONCE(me->proc->pending.mask)) & me->blocked;
	return copy_to_user(uset, &set, size);
}

SYSCALL2(rt_sigsuspend, struct uptr, uset, size_t, size)
{
	u64 set;
	int err = sigset_from_user(&set, uset, size);

	if (err)
		return err;
	signal_set_temp_mask(set);
	for (;;) {
		thread_prepare_wait(THREAD_SLEEP_INTR);
		if (thread_signal_pending())
			break;
		schedule();
	}
	thread_finish_wait();
	return -ERESTARTNOHAND;
}

SYSCALL0(pause)
{
	for (;;) {
		thread_prepare_wait(THREAD_SLEEP_INTR);
		if (thread_signal_pending())
			break;
		schedule();
	}
	thread_finish_wait();
	return -ERESTARTNOHAND;
}

SYSCALL0(rt_sigreturn)
{
	struct task *me = task_current();
	struct trapframe *tf = arch_trapframe(&me->thread);
	stack_t alt;
	u64 mask;

	if (arch_signal_pop(tf, &mask, &alt)) {
		signal_force(SIGSEGV, SI_KERNEL, 0);
		return 0;
	}
	signal_set_mask(mask);
	if (!(alt.ss_flags & SS_DISABLE) && alt.ss_size)
		me->altstack = alt;
	tf_syscall_set_nr(tf, (u64)-1); /* the restored registers are not a call's */
	return tf_ret(tf);
}

static bool sp_on_altstack(const struct task *me)
{
	u64 base = (u64)me->altstack.ss_sp, sp = tf_sp(arch_trapframe(thread_current()));

	return sp > base && sp - base <= me->altstack.ss_size;
}

SYSCALL2(sigaltstack, struct uptr, uss, struct uptr, uold)
{
	struct task *me = task_current();
	stack_t ss, old = me->altstack;
	bool inside = old.ss_size && !(old.ss_flags & SS_AUTODISARM) && sp_on_altstack(me);
	unsigned mode;

	if (!old.ss_size)
		old.ss_flags = SS_DISABLE;
	else if (inside)
		old.ss_flags |= SS_ONSTACK;
	if (!uptr_is_null(uss)) {
		if (copy_from_user(&ss, uss, sizeof(ss)))
			return -EFAULT;
		if (inside)
			return -EPERM;
		mode = (unsigned)ss.ss_flags & ~SS_AUTODISARM;
		if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
			return -EINVAL;
		if (mode == SS_DISABLE) {
			ss.ss_size = 0;
			ss.ss_sp = NULL;
		} else if (ss.ss_size < MINSIGSTKSZ) {
			return -ENOMEM;
		}
		ss.ss_flags &= (int)SS_AUTODISARM;
		me->altstack = ss;
	}
	if (!uptr_is_null(uold) && copy_to_user(uold, &old, sizeof(old)))
		return -EFAULT;
	return 0;
}

/* One target of kill(2): permission, then the signal. */
static int kill_proc(struct task *leader, const siginfo_t *info)
{
	int err = signal_may_send(leader, info->si_signo);

	return err ? err : signal_send_proc(leader->proc, info);
}

/* All processes but init and the caller. */
static int kill_all(const siginfo_t *info)
{
	int err = -ESRCH, one;
	struct pid *pid;
	s32 nr = 2;

	while ((pid = pid_next_get(nr))) {
		struct task *t = pid_task_get(pid, PID_TGID);

		nr = pid_nr(pid) + 1;
		pid_put(pid);
		if (!t)
			continue;
		if (t->proc != task_current()->proc && !t->is_kthread) {
			one = kill_proc(t, info);
			if (one != -EPERM)
				err = one;
		}
		task_put(t);
	}
	return err;
}

static int kill_group(struct pid *pgrp, const siginfo_t *info)
{
	int err = -ESRCH, one;
	bool sent = false;
	struct task *t;

	spin_lock(&proc_tree_lock);
	list_for_each_entry(t, &pgrp->members[PID_PGID], pid_links[PID_PGID])
	{
		one = kill_proc(t, info);
		sent |= !one;
		err = one;
	}
	spin_unlock(&proc_tree_lock);
	return sent ? 0 : err;
}

SYSCALL2(kill, s32, nr, int, signo)
{
	siginfo_t info;
	struct pid *pid;
	int err = -ESRCH;

	siginfo_user(&info, signo);
	if (nr == -1)
		return kill_all(&info);
	if (nr == S32_MIN)
		return -ESRCH;
	if (nr > 0) {
		struct task *t = task_find_get(nr, PID_TGID);

		/* the number of any thread names its process */
		if (!t)
			t = task_find_get(nr, PID_TID);
		if (t) {
			err = kill_proc(t, &info);
			task_put(t);
		}
		return err;
	}
	if (!nr) {
		pid = task_current()->pids[PID_PGID];
		pid_get(pid);
	} else {
		pid = pid_find_get(-nr);
	}
	if (!pid)
		return -ESRCH;
	err = kill_group(pid, &info);
	pid_put(pid);
	return err;
}

static int send_thread(s32 tgid, s32 tid, const siginfo_t *info)
{
	struct task *t = task_find_get(tid, PID_TID);
	int err = -ESRCH;

	if (!t)
		return err;
	if (tgid <= 0 || task_tgid(t) == tgid) {
		err = signal_may_send(t, info->si_signo);
		if (!err)
			err = signal_send_task(t, info);
	}
	task_put(t);
	return err;
}

SYSCALL3(tgkill, s32, tgid, s32, tid, int, signo)
{
	siginfo_t info;

	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	siginfo_user(&info, signo);
	info.si_code = SI_TKILL;
	return send_thread(tgid, tid, &info);
}

SYSCALL2(tkill, s32, tid, int, signo)
{
	siginfo_t info;

	if (tid <= 0)
		return -EINVAL;
	siginfo_user(&info, signo);
	info.si_code = SI_TKILL;
	return send_thread(0, tid, &info);
}

/* Is it known which fields a signal of this kind has? */
static bool is_known_layout(int signo, int code)
{
	if (code <= SI_USER)
		return code >= SI_DETHREAD || code == SI_ASYNCNL;
	if (code == SI_KERNEL)
		return true;
	switch (signo) {
	case SIGILL: return code <= NSIGILL;
	case SIGFPE: return code <= NSIGFPE;
	case SIGSEGV: return code <= NSIGSEGV;
	case SIGBUS: return code <= NSIGBUS;
	case SIGTRAP: return code <= NSIGTRAP;
	case SIGCHLD: return code <= NSIGCHLD;
	case SIGSYS: return code <= NSIGSYS;
	default: return code <= NSIGPOLL;
	}
}

/* What user space may claim of a signal that it sends: not that the kernel or kill() sent it, except to itself. */
static int info_from_user(siginfo_t *info, struct uptr uinfo, int signo, s32 target)
{
	if (siginfo_from_user(info, uinfo))
		return -EFAULT;
	info->si_signo = signo;
	if (!is_known_layout(signo, info->si_code) && memchr_inv((u8 *)info + SIGINFO_FIELDS, 0, sizeof(*info) - SIGINFO_FIELDS))
		return -E2BIG;
	if ((info->si_code >= 0 || info->si_code == SI_TKILL) && target != task_tgid(task_current()))
		return -EPERM;
	return 0;
}

SYSCALL3(rt_sigqueueinfo, s32, nr, int, signo, struct uptr, uinfo)
{
	siginfo_t info;
	struct task *t;
	int err = info_from_user(&info, uinfo, signo, nr);

	if (err)
		return err;
	t = task_find_get(nr, PID_TGID);
	if (!t)
		return -ESRCH;
	err = kill_proc(t, &info);
	task_put(t);
	return err;
}

SYSCALL4(rt_tgsigqueueinfo, s32, tgid, s32, tid, int, signo, struct uptr, uinfo)
{
	siginfo_t info;
	int err;

	err = info_from_user(&info, uinfo, signo, tid);
	if ((!err || err == -EPERM) && (tgid <= 0 || tid <= 0))
		err = -EINVAL;
	return err ? err : send_thread(tgid, tid, &info);
}

/* Sleep until one of @set is pending for us: its number, or -EAGAIN at the deadline, -EINTR for another signal. */
static s64 wait_signal(u64 set, u64 deadline, siginfo_t *info)
{
	struct task *me = task_current();
	u64 blocked = me->blocked;
	int signo = deadline ? signal_wait_begin(set, info) : signal_dequeue(set, info);
	s64 ret;

	if (signo)
		return signo;
	if (deadline == 0)
		return -EAGAIN;
	for (;;) {
		thread_prepare_wait(THREAD_SLEEP_INTR);
		if (thread_signal_pending()) {
			ret = -EINTR;
			break;
		}
		if (!schedule_deadline(deadline, me->timer_slack_ns)) {
			ret = -EAGAIN;
			break;
		}
	}
	thread_finish_wait();
	signo = signal_wait_end(set, blocked, info);
	return signo ? signo : ret;
}

SYSCALL4(rt_sigtimedwait, struct uptr, uset, struct uptr, uinfo, struct uptr, uts, size_t, size)
{
	u64 set, deadline = ~0ull, ns;
	siginfo_t info;
	s64 ret = sigset_from_user(&set, uset, size);

	if (ret)
		return ret;
	if (!uptr_is_null(uts)) {
		ret = timespec_from_user(&ns, uts);
		if (ret)
			return ret;
		deadline = ns ? deadline_after(ns) : 0;
	}
	ret = wait_signal(set & ~SIG_UNBLOCKABLE, deadline, &info);
	if (ret > 0 && !uptr_is_null(uinfo) && siginfo_to_user(uinfo, &info))
		ret = -EFAULT;
	return ret;
}

/* What pidfd_send_signal takes: a pidfd, or an open directory /proc/PID. */
static int MUST_CHECK signal_target(int fd, struct pid **out, bool *out_thread)
{
	unsigned flags = 0;
	int err = pidfd_get(fd, out, &flags);
	struct fd_ref r;

	*out_thread = flags & PIDFD_THREAD_FLAG;
	if (err != -EBADF)
		return err;
	r = fd_get(fd);
	*out = r.file ? procfs_file_pid(r.file) : NULL;
	if (*out)
		pid_get(*out);
	if (r.file)
		fd_put(r);
	return *out ? 0 : -EBADF;
}

SYSCALL4(pidfd_send_signal, int, fd, int, signo, struct uptr, uinfo, unsigned, flags)
{
	siginfo_t info;
	struct pid *pid;
	struct task *t;
	bool thread;
	int err;

	if (flags & ~(PIDFD_SIGNAL_THREAD | PIDFD_SIGNAL_THREAD_GROUP | PIDFD_SIGNAL_PROCESS_GROUP) ||
		(flags & (flags - 1)))
		return -EINVAL;
	err = signal_target(fd, &pid, &thread);
	if (err)
		return err;
	siginfo_user(&info, signo);
	if (!uptr_is_null(uinfo)) {
		err = -EFAULT;
		if (siginfo_from_user(&info, uinfo))
			goto out;
		err = -EINVAL;
		if (info.si_signo != signo)
			goto out;
		err = info_from_user(&info, uinfo, signo, pid_nr(pid));
		if (err)
			goto out;
	}
	if (flags & PIDFD_SIGNAL_PROCESS_GROUP) {
		err = kill_group(pid, &info);
		goto out;
	}
	if (flags)
		thread = flags & PIDFD_SIGNAL_THREAD;
	err = -ESRCH;
	t = pid_task_get(pid, thread ? PID_TID : PID_TGID);
	if (t) {
		err = signal_may_send(t, signo);
		if (!err)
			err = thread ? signal_send_task(t, &info) : signal_send_proc(t->proc, &info);
		task_put(t);
	}
out:
	pid_put(pid);
	return err;
}

SYSCALL0(restart_syscall)
{
	struct restart_block *rb = &task_current()->restart;

	return rb->fn ? rb->fn(rb) : -EINTR;
}
