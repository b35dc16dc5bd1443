/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POSIX message queues: decoding. [man mq_open(3), mq_send(3), mq_receive(3), mq_notify(3), mq_getattr(3)]
 */
#include <io/mqueue.h>
#include <linux/syscall.h>
#include <mm/uaccess.h>
#include <proc/signal.h>
#include <vfs/file.h>
#include <vfs/namei.h>
#include <linux/fcntl.h>
#include "syscalls.h"

static int mq_open_fd(const char *name, int o_flags, u32 mode, const struct mq_attr *attr)
{
	struct file *f;
	int fd, err = mqueue_open(name, o_flags, mode, attr, &f);

	if (err)
		return err;
	fd = fd_add(f, true); /* as Linux: always close-on-exec */
	if (fd < 0)
		file_put_sync(f);
	return fd;
}

SYSCALL4(mq_open, struct uptr, uname, int, o_flags, u32, mode, struct uptr, uattr)
{
	struct path_name *name;
	struct mq_attr attr;
	int ret;

	if (uattr.va && copy_from_user(&attr, uattr, sizeof(attr)))
		return -EFAULT;
	ret = path_name_get(uname, false, &name);
	if (ret)
		return ret;
	ret = mq_open_fd(path_name_str(name), o_flags, mode, uattr.va ? &attr : NULL);
	path_name_put(name);
	return ret;
}

SYSCALL1(mq_unlink, struct uptr, uname)
{
	struct path_name *name;
	int err = path_name_get(uname, false, &name);

	if (err)
		return err;
	err = mqueue_unlink(path_name_str(name));
	path_name_put(name);
	return err;
}

static int MUST_CHECK deadline_from_user(struct uptr timeout, u64 *out)
{
	*out = ~0ull;
	return timeout.va ? timespec_from_user(out, timeout) : 0;
}

SYSCALL5(mq_timedsend, int, fd, struct uptr, text, size_t, len, u32, prio, struct uptr, timeout)
{
	struct fd_ref r;
	u64 deadline;
	int err = deadline_from_user(timeout, &deadline);

	if (err)
		return err;
	if (prio >= MQ_PRIO_MAX)
		return -EINVAL;
	r = fd_get(fd);
	if (!r.file)
		return -EBADF;
	err = mqueue_send(r.file, text, len, prio, deadline);
	fd_put(r);
	return err;
}

SYSCALL5(mq_timedreceive, int, fd, struct uptr, buf, size_t, len, struct uptr, uprio, struct uptr, timeout)
{
	struct fd_ref r;
	u64 deadline;
	u32 prio;
	s64 ret = deadline_from_user(timeout, &deadline);

	if (ret)
		return ret;
	r = fd_get(fd);
	if (!r.file)
		return -EBADF;
	ret = mqueue_receive(r.file, buf, len, &prio, deadline);
	fd_put(r);
	if (ret >= 0 && uprio.va && copy_to_user(uprio, &prio, sizeof(prio)))
		return -EFAULT;
	return ret;
}

static int MUST_CHECK check_event(const struct sigevent *ev)
{
	switch (ev->sigev_notify) {
	case SIGEV_NONE: return 0;
	case SIGEV_SIGNAL: return ev->sigev_signo < 0 || ev->sigev_signo > SIG_MAX ? -EINVAL : 0;
	case SIGEV_THREAD: return 0; /* sigev_signo is a netlink socket, sigev_value points to what goes there */
	}
	return -EINVAL;
}

SYSCALL2(mq_notify, int, fd, struct uptr, uev)
{
	struct sigevent ev;
	struct fd_ref r;
	int err = 0;

	if (uev.va) {
		if (copy_from_user(&ev, uev, sizeof(ev)))
			return -EFAULT;
		err = check_event(&ev);
	}
	if (err)
		return err;
	r = fd_get(fd);
	if (!r.file)
		return -EBADF;
	err = mqueue_notify(r.file, uev.va ? &ev : NULL);
	fd_put(r);
	return err;
}

SYSCALL3(mq_getsetattr, int, fd, struct uptr, uset, struct uptr, uold)
{
	struct mq_attr set, old;
	struct fd_ref r;
	int err;

	if (uset.va && copy_from_user(&set, uset, sizeof(set)))
		return -EFAULT;
	if (uset.va && (set.mq_flags & ~O_NONBLOCK))
		return -EINVAL;
	r = fd_get(fd);
	if (!r.file)
		return -EBADF;
	err = mqueue_attr(r.file, uset.va ? &set : NULL, &old);
	fd_put(r);
	if (!err && uold.va)
		err = copy_to_user(uold, &old, sizeof(old));
	return err;
}
