/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * signalfd and signalfd4. [man signalfd(2)]
 */
#include <linux/syscall.h>
#include <io/signalfd.h>
#include <proc/signal.h>
#include <vfs/file.h>
#include <linux/fcntl.h>
#include <linux/signalfd.h>

static s64 make_signalfd(int fd, struct uptr umask, size_t size, int flags)
{
	struct fd_ref r;
	struct file *f;
	u64 mask;
	int err;

	err = sigset_from_user(&mask, umask, size);
	if (err)
		return err;
	if (flags & ~(SFD_CLOEXEC | SFD_NONBLOCK))
		return -EINVAL;
	if (fd != -1) {
		r = fd_get(fd);
		if (!r.file)
			return -EBADF;
		err = signalfd_set_mask(r.file, mask);
		fd_put(r);
		return err ? err : fd;
	}
	err = signalfd_create_file(mask, flags & SFD_NONBLOCK, &f);
	if (err)
		return err;
	fd = fd_add(f, flags & SFD_CLOEXEC);
	if (fd < 0)
		file_put_sync(f);
	return fd;
}

SYSCALL3(signalfd, int, fd, struct uptr, umask, size_t, size)
{
	return make_signalfd(fd, umask, size, 0);
}

SYSCALL4(signalfd4, int, fd, struct uptr, umask, size_t, size, int, flags)
{
	return make_signalfd(fd, umask, size, flags);
}
