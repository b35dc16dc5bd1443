/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pidfd_open(2), pidfd_getfd(2). (pidfd_send_signal: signal.c; CLONE_PIDFD: kernel/proc/clone.c.)
 */
#include <linux/syscall.h>
#include <linux/fcntl.h>
#include <linux/pidfd.h>
#include <proc/pid.h>
#include <proc/pidfd.h>
#include <proc/task.h>
#include <vfs/file.h>

static int MUST_CHECK open_pid(struct pid *pid, unsigned flags, struct file **out)
{
	bool thread = flags & PIDFD_THREAD;
	bool there;

	rcu_read_lock();
	there = pid_task_rcu(pid, thread ? PID_TID : PID_TGID);
	rcu_read_unlock();
	if (!there)
		return thread ? -ESRCH : -ENOENT;
	return pidfd_create(pid, flags, out);
}

SYSCALL2(pidfd_open, s32, nr, unsigned, flags)
{
	struct pid *pid;
	struct file *f;
	int fd, err;

	if (flags & ~(PIDFD_NONBLOCK | PIDFD_THREAD))
		return -EINVAL;
	if (nr <= 0)
		return -EINVAL;
	pid = pid_find_get(nr);
	if (!pid)
		return -ESRCH;
	err = open_pid(pid, flags, &f);
	pid_put(pid);
	if (err)
		return err;
	fd = fd_add(f, true);
	if (fd < 0)
		file_put(f);
	return fd;
}

SYSCALL3(pidfd_getfd, int, pidfd, int, target, unsigned, flags)
{
	unsigned pidfd_flags;
	struct files *files;
	struct file *f = NULL;
	struct pid *pid;
	struct task *t;
	int err;

	if (flags)
		return -EINVAL;
	err = pidfd_get(pidfd, &pid, &pidfd_flags);
	if (err)
		return err;
	t = pid_task_get(pid, PID_TID);
	pid_put(pid);
	if (!t)
		return -ESRCH;
	err = ptrace_may_access(t, PTRACE_ATTACH_MODE | PTRACE_REALCREDS);
	if (!err) {
		files = task_files_get(t);
		err = files ? -EBADF : -ESRCH;
		if (files) {
			f = files_lookup(files, target);
			files_put(files);
		}
	}
	task_put(t);
	if (!f)
		return err;
	err = fd_add(f, true);
	if (err < 0)
		file_put(f);
	return err;
}
