/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * epoll_create, epoll_ctl, epoll_wait and its variants. [man epoll_create(2), epoll_ctl(2), epoll_wait(2)]
 */
#include <linux/syscall.h>
#include <env/iobuf.h>
#include <io/epoll.h>
#include <mm/uaccess.h>
#include <proc/signal.h>
#include <time/clock.h>
#include <vfs/file.h>
#include <linux/eventpoll.h>
#include "syscalls.h"

static s64 create(bool cloexec)
{
	struct file *f;
	int fd, err = epoll_create_file(&f);

	if (err)
		return err;
	fd = fd_add(f, cloexec);
	if (fd < 0)
		file_put_sync(f);
	return fd;
}

SYSCALL1(epoll_create, int, size)
{
	return size <= 0 ? -EINVAL : create(false);
}

SYSCALL1(epoll_create1, int, flags)
{
	return flags & ~EPOLL_CLOEXEC ? -EINVAL : create(flags & EPOLL_CLOEXEC);
}

SYSCALL4(epoll_ctl, int, epfd, int, op, int, fd, struct uptr, uevent)
{
	struct epoll_event ev = {0};
	struct fd_ref ep, target;
	s64 err = -EBADF;

	if (op != EPOLL_CTL_DEL && copy_from_user(&ev, uevent, sizeof(ev)))
		return -EFAULT;
	ep = fd_get(epfd);
	if (!ep.file)
		return err;
	target = fd_get(fd);
	if (target.file) {
		err = epoll_control(ep.file, target.file, fd, op, &ev);
		fd_put(target);
	}
	fd_put(ep);
	return err;
}

static s64 do_wait(int epfd, struct uptr events, int max, u64 deadline)
{
	struct fd_ref r;
	struct iobuf range;
	s64 n;

	if (max <= 0 || max > S32_MAX / (int)sizeof(struct epoll_event))
		return -EINVAL;
	if (iobuf_init_user(&range, events, (size_t)max * sizeof(struct epoll_event)))
		return -EFAULT;
	r = fd_get(epfd);
	if (!r.file)
		return -EBADF;
	n = file_is_epoll(r.file) ? epoll_wait_events(r.file, events, max, deadline) : -EINVAL;
	fd_put(r);
	return n;
}

static u64 deadline_ms(int ms)
{
	return ms < 0 ? ~0ull : ms ? deadline_after((u64)ms * 1000000) : 0;
}

static s64 wait_masked(int epfd, struct uptr events, int max, u64 deadline, struct uptr umask, size_t size)
{
	u64 mask;
	s64 ret;
	int err;

	if (uptr_is_null(umask))
		return do_wait(epfd, events, max, deadline);
	err = sigset_from_user(&mask, umask, size);
	if (err)
		return err;
	signal_set_temp_mask(mask);
	ret = do_wait(epfd, events, max, deadline);
	signal_end_temp_mask(ret == -EINTR);
	return ret;
}

SYSCALL4(epoll_wait, int, epfd, struct uptr, events, int, max, int, timeout)
{
	return do_wait(epfd, events, max, deadline_ms(timeout));
}

SYSCALL6(epoll_pwait, int, epfd, struct uptr, events, int, max, int, timeout, struct uptr, umask, size_t, size)
{
	return wait_masked(epfd, events, max, deadline_ms(timeout), umask, size);
}

SYSCALL6(epoll_pwait2, int, epfd, struct uptr, events, int, max, struct uptr, utimeout, struct uptr, umask, size_t, size)
{
	u64 ns, deadline = ~0ull;

	if (!uptr_is_null(utimeout)) {
		int err = timespec_from_user(&ns, utimeout);

		if (err)
			return err;
		deadline = ns ? deadline_after(ns) : 0;
	}
	return wait_masked(epfd, events, max, deadline, umask, size);
}
