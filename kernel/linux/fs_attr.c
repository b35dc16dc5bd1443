/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Attributes: chmod, chown, times, sizes. [man chmod(2), chown(2), utimensat(2), truncate(2), fallocate(2)]
 */
#include <linux/syscall.h>
#include <mm/uaccess.h>
#include <vfs/attr.h>
#include <vfs/dentry.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/mount.h>
#include <vfs/namei.h>
#include <vfs/notify.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <linux/time.h>
#include <linux/time_types.h>

#define UTIME_NOW  ((1l << 30) - 1l)
#define UTIME_OMIT ((1l << 30) - 2l)

/* @fn on the name's path; AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH in @at_flags. */
static s64 setattr_at(int dirfd, struct uptr path, int at_flags, const struct iattr *attr)
{
	unsigned look = (at_flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (at_flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	struct path_name *name;
	struct path p;
	int err = path_name_get(path, at_flags & AT_EMPTY_PATH, &name);

	if (err)
		return err;
	err = path_lookup(dirfd, name, look, &p);
	path_name_put(name);
	if (err)
		return err;
	if ((attr->valid & IATTR_MODE) && inode_is(p.dentry->inode, S_IFLNK))
		err = -EOPNOTSUPP;
	else
		err = inode_setattr(&p, attr);
	path_put(&p);
	return err;
}

static s64 setattr_fd(int fd, const struct iattr *attr)
{
	struct fd_ref r = fd_get(fd);
	int err;

	if (!r.file)
		return -EBADF;
	err = inode_setattr(&r.file->path, attr);
	fd_put(r);
	return err;
}

static s64 chmod_at(int dirfd, struct uptr path, u32 mode, int flags)
{
	struct iattr a = {.valid = IATTR_MODE | IATTR_CTIME, .mode = mode & 07777};

	return setattr_at(dirfd, path, flags, &a);
}

SYSCALL2(chmod, struct uptr, path, u32, mode)
{
	return chmod_at(AT_FDCWD, path, mode, 0);
}

SYSCALL3(fchmodat, int, dirfd, struct uptr, path, u32, mode)
{
	return chmod_at(dirfd, path, mode, 0);
}

SYSCALL4(fchmodat2, int, dirfd, struct uptr, path, u32, mode, unsigned, flags)
{
	if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return chmod_at(dirfd, path, mode, (int)flags);
}

SYSCALL2(fchmod, int, fd, u32, mode)
{
	struct iattr a = {.valid = IATTR_MODE | IATTR_CTIME, .mode = mode & 07777};

	return setattr_fd(fd, &a);
}

static struct iattr chown_attr(u32 uid, u32 gid)
{
	return (struct iattr){.valid = IATTR_CTIME | IATTR_KILL_SUID | (uid != ~0u ? IATTR_UID : 0) | (gid != ~0u ? IATTR_GID : 0),
		.uid = uid, .gid = gid};
}

static s64 chown_at(int dirfd, struct uptr path, u32 uid, u32 gid, int flags)
{
	struct iattr a = chown_attr(uid, gid);

	return setattr_at(dirfd, path, flags, &a);
}

SYSCALL3(chown, struct uptr, path, u32, uid, u32, gid)
{
	return chown_at(AT_FDCWD, path, uid, gid, 0);
}

SYSCALL3(lchown, struct uptr, path, u32, uid, u32, gid)
{
	return chown_at(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

SYSCALL5(fchownat, int, dirfd, struct uptr, path, u32, uid, u32, gid, int, flags)
{
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return chown_at(dirfd, path, uid, gid, flags);
}

SYSCALL3(fchown, int, fd, u32, uid, u32, gid)
{
	struct iattr a = chown_attr(uid, gid);

	return setattr_fd(fd, &a);
}

/* ---- times ---- */

/* @t NULL: both now. True: there is nothing to do. */
static int times_attr(const struct __kernel_timespec *t, struct iattr *a, bool *out_nothing)
{
	*out_nothing = false;
	a->valid = IATTR_CTIME;
	if (!t || (t[0].tv_nsec == UTIME_NOW && t[1].tv_nsec == UTIME_NOW)) {
		a->valid |= IATTR_ATIME_NOW | IATTR_MTIME_NOW;
		return 0;
	}
	for (int i = 0; i < 2; i++) {
		if (t[i].tv_nsec != UTIME_NOW && t[i].tv_nsec != UTIME_OMIT && (t[i].tv_nsec < 0 || t[i].tv_nsec > 999999999))
			return -EINVAL;
	}
	*out_nothing = t[0].tv_nsec == UTIME_OMIT && t[1].tv_nsec == UTIME_OMIT;
	if (t[0].tv_nsec != UTIME_OMIT)
		a->valid |= t[0].tv_nsec == UTIME_NOW ? IATTR_ATIME_NOW : IATTR_ATIME;
	if (t[1].tv_nsec != UTIME_OMIT)
		a->valid |= t[1].tv_nsec == UTIME_NOW ? IATTR_MTIME_NOW : IATTR_MTIME;
	a->atime = (struct ktime){.sec = t[0].tv_sec, .nsec = (u32)t[0].tv_nsec};
	a->mtime = (struct ktime){.sec = t[1].tv_sec, .nsec = (u32)t[1].tv_nsec};
	return 0;
}

static s64 utimes_at(int dirfd, struct uptr path, const struct __kernel_timespec *t, int flags)
{
	struct iattr a = {0};
	bool nothing;
	int err = times_attr(t, &a, &nothing);

	if (err)
		return err;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (nothing)
		return 0;
	if (uptr_is_null(path) && dirfd != AT_FDCWD)
		return flags ? -EINVAL : setattr_fd(dirfd, &a);
	return setattr_at(dirfd, path, flags, &a);
}

SYSCALL4(utimensat, int, dirfd, struct uptr, path, struct uptr, utimes, int, flags)
{
	struct __kernel_timespec t[2];

	if (uptr_is_null(utimes))
		return utimes_at(dirfd, path, NULL, flags);
	if (copy_from_user(t, utimes, sizeof(t)))
		return -EFAULT;
	if (t[0].tv_nsec == UTIME_OMIT && t[1].tv_nsec == UTIME_OMIT)
		return 0; /* not even the path is looked at */
	return utimes_at(dirfd, path, t, flags);
}

static s64 futimes(int dirfd, struct uptr path, struct uptr utimes)
{
	struct __kernel_old_timeval tv[2];
	struct __kernel_timespec t[2];

	if (uptr_is_null(utimes))
		return utimes_at(dirfd, path, NULL, 0);
	if (copy_from_user(tv, utimes, sizeof(tv)))
		return -EFAULT;
	for (int i = 0; i < 2; i++) {
		if (tv[i].tv_usec < 0 || tv[i].tv_usec > 999999)
			return -EINVAL;
		t[i] = (struct __kernel_timespec){.tv_sec = tv[i].tv_sec, .tv_nsec = tv[i].tv_usec * 1000};
	}
	return utimes_at(dirfd, path, t, 0);
}

SYSCALL3(futimesat, int, dirfd, struct uptr, path, struct uptr, utimes)
{
	return futimes(dirfd, path, utimes);
}

SYSCALL2(utimes, struct uptr, path, struct uptr, utimes)
{
	return futimes(AT_FDCWD, path, utimes);
}

SYSCALL2(utime, struct uptr, path, struct uptr, utimbuf)
{
	s64 times[2]; /* struct utimbuf */
	struct __kernel_timespec t[2] = {{0}};

	if (uptr_is_null(utimbuf))
		return utimes_at(AT_FDCWD, path, NULL, 0);
	if (copy_from_user(times, utimbuf, sizeof(times)))
		return -EFAULT;
	t[0].tv_sec = times[0];
	t[1].tv_sec = times[1];
	return utimes_at(AT_FDCWD, path, t, 0);
}

/* ---- size ---- */

SYSCALL2(truncate, struct uptr, path, s64, len)
{
	struct path_name *name;
	struct path p;
	int err;

	if (len < 0)
		return -EINVAL;
	err = path_name_get(path, false, &name);
	if (err)
		return err;
	err = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW, &p);
	path_name_put(name);
	if (err)
		return err;
	err = path_truncate(&p, (u64)len, false);
	path_put(&p);
	return err;
}

SYSCALL2(ftruncate, int, fd, s64, len)
{
	struct fd_ref r;
	int err;

	if (len < 0)
		return -EINVAL;
	r = fd_get(fd);
	if (!r.file)
		return -EBADF;
	if (!inode_is(r.file->inode, S_IFREG) || !(r.file->mode & FMODE_WRITE))
		err = -EINVAL;
	else if (r.file->inode->flags & INODE_APPEND)
		err = -EPERM;
	else
		err = inode_truncate(r.file->inode, (u64)len, 0);
	if (!err)
		notify_dentry(r.file->path.dentry, IN_MODIFY);
	fd_put(r);
	return err;
}

static int fallocate_check(struct file *f, int mode, s64 off, s64 len)
{
	unsigned changes = (unsigned)mode & ~FALLOC_FL_KEEP_SIZE;
	struct inode *inode = f->inode;
	s64 end;

	if (off < 0 || len <= 0)
		return -EINVAL;
	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_ZERO_RANGE
		    | FALLOC_FL_INSERT_RANGE | FALLOC_FL_UNSHARE_RANGE))
		return -EOPNOTSUPP;
	if (changes & (changes - 1))
		return -EOPNOTSUPP;
	if ((mode & FALLOC_FL_PUNCH_HOLE) && !(mode & FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if ((mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE)) && (mode & FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (!(f->mode & FMODE_WRITE))
		return -EBADF;
	if ((mode & ~FALLOC_FL_KEEP_SIZE) && (inode->flags & INODE_APPEND))
		return -EPERM;
	if (inode->flags & INODE_IMMUTABLE)
		return -EPERM;
	if (inode_is(inode, S_IFIFO))
		return -ESPIPE;
	if (inode_is(inode, S_IFDIR))
		return -EISDIR;
	if (!inode_is(inode, S_IFREG) && !inode_is(inode, S_IFBLK))
		return -ENODEV;
	if (__builtin_add_overflow(off, len, &end) || (u64)end > inode->super->maxbytes)
		return -EFBIG;
	return f->ops->fallocate ? 0 : -EOPNOTSUPP;
}

SYSCALL4(fallocate, int, fd, int, mode, s64, off, s64, len)
{
	struct fd_ref r = fd_get(fd);
	int err;

	if (!r.file)
		return -EBADF;
	err = fallocate_check(r.file, mode, off, len);
	if (!err)
		err = r.file->ops->fallocate(r.file, mode, off, len);
	if (!err)
		notify_file(r.file, IN_MODIFY);
	fd_put(r);
	return err;
}
