/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * eventfd and eventfd2. [man eventfd(2)]
 */
#include <linux/syscall.h>
#include <io/eventfd.h>
#include <vfs/file.h>
#include <linux/eventfd.h>

static s64 make_eventfd(u32 count, int flags)
{
	struct file *f;
	int fd, err;

	if (flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE))
		return -EINVAL;
	err = eventfd_create_file(count, flags, &f);
	if (err)
		return err;
	fd = fd_add(f, flags & EFD_CLOEXEC);
	if (fd < 0)
		file_put_sync(f);
	return fd;
}

SYSCALL1(eventfd, u32, count)
{
	return make_eventfd(count, 0);
}

SYSCALL2(eventfd2, u32, count, int, flags)
{
	return make_eventfd(count, flags);
}
