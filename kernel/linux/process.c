/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes: making, replacing, ending, waiting for, naming them.
 */
#include <linux/syscall.h>
#include <linux/fcntl.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <arch/context.h>
#include <lib/string.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/pid.h>
#include <proc/pidfd.h>
#include <proc/signal.h>
#include <proc/task.h>
#include <vfs/namei.h>
#include "syscalls.h"

SYSCALL0(fork)
{
	return proc_clone(&(struct clone_params){.exit_signal = SIGCHLD});
}

SYSCALL0(vfork)
{
	return proc_clone(&(struct clone_params){.flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD});
}

/* The order of the last two arguments is the processor's; this is x86-64's. */
SYSCALL5(clone, u64, flags, struct uptr, stack, struct uptr, parent_tid, struct uptr, child_tid, struct uptr, tls)
{
	struct clone_params p = {
		.flags = (flags & 0xffffffff) & ~(u64)CSIGNAL,
		.exit_signal = (s32)(flags & CSIGNAL),
		.stack = stack,
		.parent_tid = parent_tid,
		.pidfd = parent_tid,
		.child_tid = child_tid,
		.tls = tls,
	};

	/* one pointer cannot serve two */
	if ((flags & CLONE_PIDFD) && (flags & CLONE_PARENT_SETTID))
		return -EINVAL;
	if (p.exit_signal > SIG_MAX)
		p.exit_signal = 0;
	return proc_clone(&p);
}

static int clone3_check(const struct clone_args *a, size_t size)
{
	if (a->flags & ~(CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP | 0xffffffffull))
		return -EINVAL;
	if (a->flags & (CLONE_DETACHED | (CSIGNAL & ~CLONE_NEWTIME)))
		return -EINVAL;
	if (a->exit_signal > SIG_MAX)
		return -EINVAL;
	if ((a->flags & (CLONE_THREAD | CLONE_PARENT)) && a->exit_signal)
		return -EINVAL;
	if (!a->stack != !a->stack_size)
		return -EINVAL;
	if (a->stack && (a->stack + a->stack_size < a->stack || a->stack + a->stack_size > USER_VA_END))
		return -EINVAL;
	if ((a->flags & CLONE_INTO_CGROUP) && (a->cgroup > S32_MAX || size < CLONE_ARGS_SIZE_VER2))
		return -EINVAL;
	if (a->set_tid_size > 32 || !a->set_tid != !a->set_tid_size)
		return -EINVAL;
	return 0;
}

SYSCALL2(clone3, struct uptr, uargs, size_t, size)
{
	struct clone_args a;
	s32 set_tid[32];
	int err;

	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	err = copy_struct_from_user(&a, sizeof(a), uargs, size);
	if (!err)
		err = clone3_check(&a, size);
	if (!err && a.set_tid_size) {
		if (!capable(CAP_SYS_ADMIN) && !capable(CAP_CHECKPOINT_RESTORE))
			return -EPERM;
		err = copy_from_user(set_tid, uptr_make(a.set_tid), a.set_tid_size * sizeof(s32));
	}
	if (err)
		return err;
	return proc_clone(&(struct clone_params){
		.flags = a.flags,
		.exit_signal = (s32)a.exit_signal,
		.stack = uptr_make(a.stack),
		.stack_size = a.stack_size,
		.parent_tid = uptr_make(a.parent_tid),
		.child_tid = uptr_make(a.child_tid),
		.pidfd = uptr_make(a.pidfd),
		.tls = uptr_make(a.tls),
		.set_tid = set_tid,
		.set_tid_size = a.set_tid_size,
		.cgroup = (int)a.cgroup,
	});
}

static s64 do_exec(int dirfd, struct uptr file, struct uptr argv, struct uptr envp, int flags)
{
	struct path_name *name;
	s64 ret = path_name_get(file, flags & AT_EMPTY_PATH, &name);

	if (ret)
		return ret;
	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		ret = -EINVAL;
	else
		ret = proc_exec(dirfd, name, argv, envp, flags);
	path_name_put(name);
	return ret;
}

SYSCALL3(execve, struct uptr, file, struct uptr, argv, struct uptr, envp)
{
	return do_exec(AT_FDCWD, file, argv, envp, 0);
}

SYSCALL5(execveat, int, dirfd, struct uptr, file, struct uptr, argv, struct uptr, envp, int, flags)
{
	return do_exec(dirfd, file, argv, envp, flags);
}

SYSCALL1(exit, int, code)
{
	task_exit((code & 0xff) << 8);
}

SYSCALL1(exit_group, int, code)
{
	proc_exit_group((code & 0xff) << 8);
}

static s64 wait_which(struct wait_params *w, int which, s32 id)
{
	unsigned pidfd_flags;
	s64 err;

	w->which = which;
	switch (which) {
	case P_ALL: return 0;
	case P_PID:
		if (id <= 0)
			return -EINVAL;
		break;
	case P_PGID:
		if (id < 0)
			return -EINVAL;
		if (!id) {
			w->pid = task_current()->pids[PID_PGID];
			pid_get(w->pid);
			return 0;
		}
		break;
	case P_PIDFD:
		if (id < 0)
			return -EINVAL;
		err = pidfd_get(id, &w->pid, &pidfd_flags);
		if (!err && (pidfd_flags & O_NONBLOCK) && !(w->options & WNOHANG)) {
			w->options |= WNOHANG;
			w->nonblock = true;
		}
		return err;
	default: return -EINVAL;
	}
	w->pid = pid_find_get(id);
	return w->pid ? 0 : -ECHILD;
}

SYSCALL4(wait4, s32, id, struct uptr, status, int, options, struct uptr, rusage)
{
	struct wait_params w = {.options = options | WEXITED};
	struct wait_result res;
	s64 ret;

	if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (id == S32_MIN)
		return -ESRCH;
	if (id == -1)
		ret = wait_which(&w, P_ALL, 0);
	else if (id <= 0)
		ret = wait_which(&w, P_PGID, -id);
	else
		ret = wait_which(&w, P_PID, id);
	if (ret)
		return ret;
	ret = proc_wait(&w, &res);
	pid_put(w.pid);
	if (ret <= 0)
		return ret;
	if (!uptr_is_null(status) && user_store32(status, (u32)res.raw_status))
		return -EFAULT;
	if (!uptr_is_null(rusage) && rusage_to_user(rusage, &res.usage))
		return -EFAULT;
	return ret;
}

static s64 wait_to_info(int which, s32 id, int options, struct uptr rusage, siginfo_t *info)
{
	struct wait_params w = {.options = options};
	struct wait_result res;
	s64 ret;

	if (options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (!(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	ret = wait_which(&w, which, id);
	if (ret)
		return ret;
	ret = proc_wait(&w, &res);
	pid_put(w.pid);
	if (ret < 0)
		return ret;
	if (!ret)
		return w.nonblock ? -EAGAIN : 0;
	info->si_signo = SIGCHLD;
	info->si_code = res.code;
	info->si_pid = res.pid;
	info->si_uid = (u32)res.uid;
	info->si_status = res.status;
	return !uptr_is_null(rusage) && rusage_to_user(rusage, &res.usage) ? -EFAULT : 0;
}

SYSCALL5(waitid, int, which, s32, id, struct uptr, uinfo, int, options, struct uptr, rusage)
{
	siginfo_t info;
	s64 ret;

	memset(&info, 0, sizeof(info));
	ret = wait_to_info(which, id, options, rusage, &info);
	/* nothing found, or an error: pid and signo are zero, the rest of the structure is not touched on Linux either */
	if (!uptr_is_null(uinfo) && copy_to_user(uinfo, &info, offsetof(siginfo_t, si_utime)))
		return -EFAULT;
	return ret;
}

SYSCALL0(getpid)
{
	return task_tgid(task_current());
}

SYSCALL0(gettid)
{
	return task_tid(task_current());
}

SYSCALL0(getppid)
{
	s32 nr = 0;
	struct proc *parent;

	/* a parent that dies while we look lives on for the grace period */
	rcu_read_lock();
	parent = rcu_dereference(task_current()->proc->parent);
	if (parent)
		nr = pid_nr(READ_ONCE(parent->pid));
	rcu_read_unlock();
	return nr;
}

SYSCALL1(set_tid_address, struct uptr, p)
{
	task_current()->clear_child_tid = p;
	return task_tid(task_current());
}

SYSCALL2(setpgid, s32, pid, s32, pgid)
{
	return proc_setpgid(pid, pgid);
}

SYSCALL0(setsid)
{
	return proc_setsid();
}

/* Group or session of a process; 0 is the caller. */
static s64 get_group(s32 nr, enum pid_type type)
{
	struct task *t;
	s64 ret;

	if (!nr)
		return pid_nr(task_current()->pids[type]);
	t = task_find_get(nr, PID_TID);
	if (!t)
		return -ESRCH;
	ret = pid_nr(t->pids[type]);
	task_put(t);
	return ret;
}

SYSCALL1(getpgid, s32, pid)
{
	return get_group(pid, PID_PGID);
}

SYSCALL0(getpgrp)
{
	return get_group(0, PID_PGID);
}

SYSCALL1(getsid, s32, pid)
{
	return get_group(pid, PID_SID);
}
