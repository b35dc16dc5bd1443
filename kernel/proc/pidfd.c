/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors that name a process or (PIDFD_THREAD) a thread.
 */
#include <lib/errno.h>
#include <lib/printf.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <io/poll.h>
#include <proc/pidfd.h>
#include <vfs/file.h>
#include "proc_impl.h"

bool pidfd_is_over(struct pid *pid, bool thread)
{
	struct task *t;
	bool over;

	rcu_read_lock();
	t = pid_task_rcu(pid, thread ? PID_TID : PID_TGID);
	over = !t || (thread ? READ_ONCE(t->tree_exited) : READ_ONCE(t->proc->state) != PROC_ALIVE);
	rcu_read_unlock();
	return over;
}

static u32 pidfd_poll(struct file *f, struct poll_table *pt)
{
	struct pid *pid = f->private;

	poll_wait(pt, f, &pid->wait);
	if (!pidfd_is_over(pid, f->flags & O_EXCL))
		return 0;
	/* reaped altogether: nobody will ever wait for it */
	rcu_read_lock();
	bool gone = !pid_task_rcu(pid, PID_TID);

	rcu_read_unlock();
	return EPOLLIN | EPOLLRDNORM | (gone ? EPOLLHUP : 0);
}

static void pidfd_release(struct file *f)
{
	pid_put(f->private);
}

static size_t pidfd_show(struct file *f, char *buf, size_t size)
{
	struct pid *pid = f->private;
	s32 nr = pid_task_rcu(pid, PID_TID) ? pid_nr(pid) : -1;

	return (size_t)snprintf(buf, size, "Pid:\t%d\nNSpid:\t%d\n", nr, nr);
}

static const struct file_ops pidfd_ops = {
	.poll = pidfd_poll,
	.release = pidfd_release,
	.show_fdinfo = pidfd_show,
};

int pidfd_create(struct pid *pid, unsigned flags, struct file **out)
{
	int err = file_create_anon("[pidfd]", &pidfd_ops, pid, O_RDWR | (flags & (O_NONBLOCK | O_EXCL)), out);

	if (!err) {
		pid_get(pid);
		(*out)->mode |= FMODE_SEEK; /* pread fails for want of the operation, not of positions */
	}
	return err;
}

int pidfd_get(int fd, struct pid **out, unsigned *out_flags)
{
	struct fd_ref r = fd_get(fd);
	int err = -EBADF;

	if (!r.file)
		return err;
	if (r.file->ops == &pidfd_ops) {
		*out = r.file->private;
		pid_get(*out);
		*out_flags = r.file->flags;
		err = 0;
	}
	fd_put(r);
	return err;
}

void pidfd_notify(struct pid *pid)
{
	wait_wake(&pid->wait, 0, EPOLLIN | EPOLLRDNORM);
}
