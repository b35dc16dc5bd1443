/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timerfd_create, timerfd_settime, timerfd_gettime. [man timerfd_create(2)]
 */
#include <linux/syscall.h>
#include <io/timerfd.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <vfs/file.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/time.h>
#include <linux/timerfd.h>
#include "syscalls.h"

SYSCALL2(timerfd_create, int, clockid, int, flags)
{
	struct file *f;
	int fd, err;

	if (flags & ~(TFD_CLOEXEC | TFD_NONBLOCK))
		return -EINVAL;
	switch (clockid) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME: break;
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		if (!capable(CAP_WAKE_ALARM))
			return -EPERM;
		break;
	default: return -EINVAL;
	}
	err = timerfd_create_file(clockid, flags & TFD_NONBLOCK, &f);
	if (err)
		return err;
	fd = fd_add(f, flags & TFD_CLOEXEC);
	if (fd < 0)
		file_put_sync(f);
	return fd;
}

static int put_setting(struct uptr p, u64 value, u64 interval)
{
	int err = timespec_to_user(uptr_field(p, struct __kernel_itimerspec, it_interval), interval);

	return err ? err : timespec_to_user(uptr_field(p, struct __kernel_itimerspec, it_value), value);
}

/* The timerfd behind @fd: -EBADF, -EINVAL for another kind. */
static int get_timerfd(int fd, struct fd_ref *out)
{
	*out = fd_get(fd);
	if (!out->file)
		return -EBADF;
	if (file_is_timerfd(out->file))
		return 0;
	fd_put(*out);
	return -EINVAL;
}

SYSCALL4(timerfd_settime, int, fd, int, flags, struct uptr, unew, struct uptr, uold)
{
	u64 value, interval, old_value = 0, old_interval = 0;
	struct fd_ref r;
	int err, set;

	err = timespec_from_user(&interval, uptr_field(unew, struct __kernel_itimerspec, it_interval));
	if (!err)
		err = timespec_from_user(&value, uptr_field(unew, struct __kernel_itimerspec, it_value));
	if (err)
		return err;
	if (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
		return -EINVAL;
	err = get_timerfd(fd, &r);
	if (err)
		return err;
	set = timerfd_set(r.file, (u32)flags, value, interval, uptr_is_null(uold) ? NULL : &old_value, &old_interval);
	fd_put(r);
	if (!uptr_is_null(uold) && put_setting(uold, old_value, old_interval))
		return -EFAULT;
	return set;
}

SYSCALL2(timerfd_gettime, int, fd, struct uptr, ucur)
{
	u64 value, interval;
	struct fd_ref r;
	int err = get_timerfd(fd, &r);

	if (err)
		return err;
	timerfd_get(r.file, &value, &interval);
	fd_put(r);
	return put_setting(ucur, value, interval);
}
