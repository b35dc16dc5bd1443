/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inotify_init, inotify_add_watch, inotify_rm_watch. [man inotify(7)]
 */
#include <linux/syscall.h>
#include <io/inotify.h>
#include <vfs/namei.h>
#include <linux/fcntl.h>
#include <linux/inotify.h>

#define KNOWN_BITS \
	(IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK | IN_MASK_ADD \
		| IN_MASK_CREATE | IN_ISDIR | IN_ONESHOT)

static s64 make_inotify(int flags)
{
	struct file *f;
	int fd, err;

	if (flags & ~(IN_CLOEXEC | IN_NONBLOCK))
		return -EINVAL;
	err = inotify_create_file(flags & IN_NONBLOCK, &f);
	if (err)
		return err;
	fd = fd_add(f, flags & IN_CLOEXEC);
	if (fd < 0)
		file_put_sync(f);
	return fd;
}

SYSCALL0(inotify_init)
{
	return make_inotify(0);
}

SYSCALL1(inotify_init1, int, flags)
{
	return make_inotify(flags);
}

static s64 add_watch(struct file *f, struct uptr upath, u32 mask)
{
	unsigned look = (mask & IN_DONT_FOLLOW ? 0 : LOOKUP_FOLLOW) | (mask & IN_ONLYDIR ? LOOKUP_DIRECTORY : 0);
	struct path_name *name;
	struct path p;
	s64 ret;

	if ((mask & IN_MASK_ADD) && (mask & IN_MASK_CREATE))
		return -EINVAL;
	if (!file_is_inotify(f))
		return -EINVAL;
	ret = path_name_get(upath, false, &name);
	if (ret)
		return ret;
	ret = path_lookup(AT_FDCWD, name, look, &p);
	path_name_put(name);
	if (ret)
		return ret;
	ret = path_permission(&p, MAY_READ);
	if (!ret)
		ret = inotify_watch(f, &p, mask);
	path_put(&p);
	return ret;
}

SYSCALL3(inotify_add_watch, int, fd, struct uptr, path, u32, mask)
{
	struct fd_ref r;
	s64 ret;

	if ((mask & ~KNOWN_BITS) || !mask)
		return -EINVAL;
	r = fd_get(fd);
	if (!r.file)
		return -EBADF;
	ret = add_watch(r.file, path, mask);
	fd_put(r);
	return ret;
}

SYSCALL2(inotify_rm_watch, int, fd, s32, wd)
{
	struct fd_ref r = fd_get(fd);
	int ret;

	if (!r.file)
		return -EBADF;
	ret = file_is_inotify(r.file) ? inotify_unwatch(r.file, wd) : -EINVAL;
	fd_put(r);
	return ret;
}
