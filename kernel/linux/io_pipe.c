/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pipe and pipe2. [man pipe(2)]
 */
#include <linux/syscall.h>
#include <io/pipe.h>
#include <mm/uaccess.h>
#include <vfs/file.h>
#include <linux/fcntl.h>

static s64 make_pipe(struct uptr fds, unsigned flags)
{
	struct file *ends[2];
	s32 fd[2] = {-1, -1};
	int err;

	if ((flags & O_EXCL) && !(flags & ~(unsigned)(O_CLOEXEC | O_NONBLOCK | O_DIRECT | O_EXCL)))
		return -ENOPKG; /* O_NOTIFICATION_PIPE */
	if (flags & ~(unsigned)(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	err = pipe_create_files(flags, &ends[0], &ends[1]);
	if (err)
		return err;
	for (int i = 0; i < 2 && !err; i++) {
		fd[i] = fd_reserve(0, flags & O_CLOEXEC);
		err = fd[i] < 0 ? fd[i] : 0;
	}
	if (!err)
		err = copy_to_user(fds, fd, sizeof(fd));
	for (int i = 0; i < 2; i++) {
		if (!err) {
			fd_install(fd[i], ends[i]);
			continue;
		}
		if (fd[i] >= 0)
			fd_cancel(fd[i]);
		file_put_sync(ends[i]);
	}
	return err;
}

SYSCALL1(pipe, struct uptr, fds)
{
	return make_pipe(fds, 0);
}

SYSCALL2(pipe2, struct uptr, fds, unsigned, flags)
{
	return make_pipe(fds, flags);
}
