/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * open, openat, openat2, creat; memfd_create. [man open(2), openat2(2)]
 */
#include <linux/syscall.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/task.h>
#include <vfs/fdtable.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/namei.h>
#include <vfs/shmem.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/memfd.h>
#include <linux/openat2.h>

#define O_KNOWN                                                                                                            \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC | FASYNC | O_DIRECT  \
		| O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | O_TMPFILE)
#define O_PATH_KNOWN (O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC)
#define OPEN_HOW_SIZE_VER0 24
#define RESOLVE_KNOWN                                                                                                      \
	(RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_CACHED)

static int resolve_flags(u64 resolve, u64 flags, unsigned *out)
{
	if (resolve & ~(u64)RESOLVE_KNOWN)
		return -EINVAL;
	if ((resolve & RESOLVE_BENEATH) && (resolve & RESOLVE_IN_ROOT))
		return -EINVAL;
	if ((resolve & RESOLVE_CACHED) && (flags & (O_TRUNC | O_CREAT | (O_TMPFILE & ~O_DIRECTORY))))
		return -EAGAIN;
	*out = (resolve & RESOLVE_NO_XDEV ? LOOKUP_NO_XDEV : 0) | (resolve & RESOLVE_NO_MAGICLINKS ? LOOKUP_NO_MAGIC : 0)
		| (resolve & RESOLVE_NO_SYMLINKS ? LOOKUP_NO_SYMLINKS | LOOKUP_NO_MAGIC : 0)
		| (resolve & RESOLVE_BENEATH ? LOOKUP_BENEATH : 0) | (resolve & RESOLVE_IN_ROOT ? LOOKUP_IN_ROOT : 0)
		| (resolve & RESOLVE_CACHED ? LOOKUP_CACHED : 0);
	return 0;
}

/* The combinations that openat2(2) refuses and open(2), which has cleaned its flags before, may not meet. */
static int check_how(const struct open_how *how, unsigned *out_look)
{
	u64 flags = how->flags;

	if (flags & ~(u64)O_KNOWN)
		return -EINVAL;
	if ((flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) ? how->mode & ~07777ull : how->mode)
		return -EINVAL;
	if ((flags & (O_DIRECTORY | O_CREAT)) == (O_DIRECTORY | O_CREAT))
		return -EINVAL;
	if (flags & (O_TMPFILE & ~O_DIRECTORY)) {
		if ((flags & O_TMPFILE) != O_TMPFILE || !(flags & (O_WRONLY | O_RDWR)))
			return -EINVAL;
	}
	if ((flags & O_PATH) && (flags & ~(u64)O_PATH_KNOWN))
		return -EINVAL;
	return resolve_flags(how->resolve, flags, out_look);
}

static s64 do_open_how(int dirfd, struct uptr path, struct open_how *how)
{
	struct path_name *name;
	struct file *f;
	unsigned look;
	int fd, err = check_how(how, &look);

	if (unlikely(err))
		return err;
	err = path_name_get(path, false, &name);
	if (unlikely(err))
		return err;
	fd = fd_reserve(0, how->flags & O_CLOEXEC);
	if (likely(fd >= 0)) {
		err = file_open(dirfd, name, (unsigned)how->flags, (u32)how->mode, look, &f);
		if (likely(!err)) {
			fd_install(fd, f);
		} else {
			fd_cancel(fd);
			fd = err;
		}
	}
	path_name_put(name);
	return fd;
}

static s64 do_open_flags(int dirfd, struct uptr path, unsigned flags, u32 mode)
{
	struct open_how how = {.flags = (flags & O_KNOWN) | O_LARGEFILE, .mode = mode & 07777};

	if (flags & O_PATH)
		how.flags &= O_PATH_KNOWN;
	if (!(how.flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))))
		how.mode = 0;
	return do_open_how(dirfd, path, &how);
}

SYSCALL3(open, struct uptr, path, unsigned, flags, u32, mode)
{
	return do_open_flags(AT_FDCWD, path, flags, mode);
}

SYSCALL4(openat, int, dirfd, struct uptr, path, unsigned, flags, u32, mode)
{
	return do_open_flags(dirfd, path, flags, mode);
}

SYSCALL2(creat, struct uptr, path, u32, mode)
{
	return do_open_flags(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

SYSCALL4(openat2, int, dirfd, struct uptr, path, struct uptr, uhow, size_t, size)
{
	struct open_how how;
	int err;

	if (size < OPEN_HOW_SIZE_VER0)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(&how, sizeof(how), uhow, size);
	if (err)
		return err;
	/* O_PATH drops what it does not know here too, but for flags that were asked for by name: those are errors. */
	if (!(how.flags & O_PATH) && !(how.flags & ~(u64)O_KNOWN))
		how.flags |= O_LARGEFILE;
	return do_open_how(dirfd, path, &how);
}

SYSCALL2(memfd_create, struct uptr, uname, unsigned, flags)
{
	char name[NAME_MAX + 1];
	struct file *f;
	ssize_t len;
	int err, fd;

	err = memfd_check_flags(&flags);
	if (err)
		return err;
	len = arch_strncpy_from_user(name, uname, NAME_MAX - 6 + 1);
	if (len == -ENAMETOOLONG)
		return -EINVAL;
	if (len < 0)
		return len;
	err = memfd_create_file(name, flags, &f);
	if (err)
		return err;
	fd = fd_add(f, flags & MFD_CLOEXEC);
	if (fd < 0)
		file_put(f);
	return fd;
}
