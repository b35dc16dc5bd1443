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
