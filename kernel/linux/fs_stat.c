/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stat, statx, statfs, access, readlink, getdents. [man stat(2), statx(2), access(2), getdents(2)]
 */
#include <linux/syscall.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/task.h>
#include <vfs/dentry.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/mount.h>
#include <vfs/namei.h>
#include <vfs/rw.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/stat.h>
#include <linux/types.h>
#include <asm/stat.h>
#include <asm/statfs.h>

/* The name, or, with AT_EMPTY_PATH and an empty one, the descriptor itself. Fast: no copy of the name is made in that case. */
static int stat_path(int dirfd, struct uptr path, int at_flags, struct kstat *st)
{
	unsigned look = (at_flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (at_flags & AT_NO_AUTOMOUNT ? LOOKUP_NO_AUTOMOUNT : 0);
	struct path_name *name;
	struct path p;
	int err;

	if (at_flags & AT_EMPTY_PATH)
		look |= LOOKUP_EMPTY;
	err = path_name_get(path, at_flags & AT_EMPTY_PATH, &name);
	if (unlikely(err))
		return err;
	err = path_lookup(dirfd, name, look, &p);
	if (likely(!err)) {
		err = inode_getattr(&p, st);
		path_put(&p);
	}
	path_name_put(name);
	return err;
}

static int stat_fd(int fd, struct kstat *st)
{
	struct fd_ref r = fd_get_path(fd);
	int err;

	if (unlikely(!r.file))
		return -EBADF;
	err = inode_getattr(&r.file->path, st);
	fd_put(r);
	return err;
}

/* st_dev and st_rdev: major and minor as glibc's makedev has them in their low 32 bits; the kernel's packing is the same. */
static int put_stat(struct uptr buf, const struct kstat *k)
{
	struct stat s = {
		.st_dev = k->dev,
		.st_ino = k->ino,
		.st_nlink = k->nlink,
		.st_mode = k->mode,
		.st_uid = k->uid,
		.st_gid = k->gid,
		.st_rdev = k->rdev,
		.st_size = (long)k->size,
		.st_blksize = k->blksize,
		.st_blocks = (long)k->blocks,
		.st_atime = (unsigned long)k->atime.sec,
		.st_atime_nsec = k->atime.nsec,
		.st_mtime = (unsigned long)k->mtime.sec,
		.st_mtime_nsec = k->mtime.nsec,
		.st_ctime = (unsigned long)k->ctime.sec,
		.st_ctime_nsec = k->ctime.nsec,
	};

	return copy_to_user(buf, &s, sizeof(s));
}

SYSCALL2(stat, struct uptr, path, struct uptr, buf)
{
	struct kstat st;
	int err = stat_path(AT_FDCWD, path, 0, &st);

	return err ? err : put_stat(buf, &st);
}

SYSCALL2(lstat, struct uptr, path, struct uptr, buf)
{
	struct kstat st;
	int err = stat_path(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, &st);

	return err ? err : put_stat(buf, &st);
}

SYSCALL2(fstat, int, fd, struct uptr, buf)
{
	struct kstat st;
	int err = stat_fd(fd, &st);

	return err ? err : put_stat(buf, &st);
}

/* glibc's fstat is newfstatat(fd, "", AT_EMPTY_PATH): look at the first byte only. */
static bool is_empty_name(struct uptr path, int at_flags)
{
	u8 c;

	if (!(at_flags & AT_EMPTY_PATH))
		return false;
	return uptr_is_null(path) || (user_load8(&c, path) == 0 && !c);
}

SYSCALL4(newfstatat, int, dirfd, struct uptr, path, struct uptr, buf, int, flags)
{
	struct kstat st;
	int err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	if (dirfd >= 0 && is_empty_name(path, flags))
		err = stat_fd(dirfd, &st);
	else
		err = stat_path(dirfd, path, flags, &st);
	return err ? err : put_stat(buf, &st);
}

static struct statx_timestamp statx_time(struct ktime t)
{
	return (struct statx_timestamp){.tv_sec = t.sec, .tv_nsec = t.nsec};
}

SYSCALL5(statx, int, dirfd, struct uptr, path, int, flags, unsigned, mask, struct uptr, buf)
{
	struct kstat k;
	struct statx s;
	int err;

	if (mask & STATX__RESERVED)
		return -EINVAL;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	if ((flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	if (dirfd >= 0 && is_empty_name(path, flags))
		err = stat_fd(dirfd, &k);
	else
		err = stat_path(dirfd, path, flags, &k);
	if (err)
		return err;
	memset(&s, 0, sizeof(s));
	s.stx_mask = STATX_BASIC_STATS | (mask & STATX_MNT_ID_UNIQUE ? STATX_MNT_ID_UNIQUE : STATX_MNT_ID) | (k.has_btime ? STATX_BTIME : 0);
	s.stx_blksize = k.blksize;
	s.stx_attributes = k.attributes;
	s.stx_attributes_mask = k.attributes_mask;
	s.stx_nlink = (u32)k.nlink;
	s.stx_uid = k.uid;
	s.stx_gid = k.gid;
	s.stx_mode = (u16)k.mode;
	s.stx_ino = k.ino;
	s.stx_size = k.size;
	s.stx_blocks = k.blocks;
	s.stx_atime = statx_time(k.atime);
	s.stx_mtime = statx_time(k.mtime);
	s.stx_ctime = statx_time(k.ctime);
	if (k.has_btime)
		s.stx_btime = statx_time(k.btime);
	s.stx_rdev_major = vfs_major(k.rdev);
	s.stx_rdev_minor = vfs_minor(k.rdev);
	s.stx_dev_major = vfs_major(k.dev);
	s.stx_dev_minor = vfs_minor(k.dev);
	s.stx_mnt_id = mask & STATX_MNT_ID_UNIQUE ? k.mnt_unique : k.mnt_id;
	return copy_to_user(buf, &s, sizeof(s));
}

/* ---- statfs ---- */

static int put_statfs(struct uptr buf, const struct kstatfs *k)
{
	struct statfs s;

	memset(&s, 0, sizeof(s));
	s.f_type = (long)k->type;
	s.f_bsize = (long)k->bsize;
	s.f_blocks = (long)k->blocks;
	s.f_bfree = (long)k->bfree;
	s.f_bavail = (long)k->bavail;
	s.f_files = (long)k->files;
	s.f_ffree = (long)k->ffree;
	s.f_fsid.val[0] = (int)k->fsid;
	s.f_fsid.val[1] = (int)(k->fsid >> 32);
	s.f_namelen = (long)k->namelen;
	s.f_frsize = (long)k->frsize;
	s.f_flags = (long)k->flags | 0x20; /* ST_VALID */
	return copy_to_user(buf, &s, sizeof(s));
}

SYSCALL2(statfs, struct uptr, path, struct uptr, buf)
{
	struct path_name *name;
	struct kstatfs k;
	struct path p;
	int err = path_name_get(path, false, &name);

	if (err)
		return err;
	err = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW, &p);
	path_name_put(name);
	if (err)
		return err;
	err = vfs_statfs(&p, &k);
	path_put(&p);
	return err ? err : put_statfs(buf, &k);
}

SYSCALL2(fstatfs, int, fd, struct uptr, buf)
{
	struct fd_ref r = fd_get_path(fd);
	struct kstatfs k;
	int err;

	if (!r.file)
		return -EBADF;
	err = vfs_statfs(&r.file->path, &k);
	fd_put(r);
	return err ? err : put_statfs(buf, &k);
}

/* ---- access ---- */

/* The real ids instead of the effective ones, with the capabilities that root's or a user's real id would have. NULL: nothing to change. */
static int real_cred(struct cred **out)
{
	const struct cred *c = cred_current();
	struct cred *n;

	*out = NULL;
	if (c->fsuid == c->uid && c->fsgid == c->gid && (c->uid == 0 ? c->cap_effective == c->cap_permitted : !c->cap_effective))
		return 0;
	n = cred_copy(c);
	if (!n)
		return -ENOMEM;
	n->fsuid = c->uid;
	n->fsgid = c->gid;
	if (!(c->securebits & 1u << 2)) /* SECBIT_NO_SETUID_FIXUP */
		n->cap_effective = c->uid == 0 ? c->cap_permitted : 0;
	*out = n;
	return 0;
}

static s64 access_at(int dirfd, struct uptr path, int mode, int flags)
{
	unsigned look = (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	const struct cred *saved = NULL;
	struct cred *real = NULL;
	struct path_name *name;
	struct path p;
	int err;

	if (mode & ~7)
		return -EINVAL;
	if (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (!(flags & AT_EACCESS)) {
		err = real_cred(&real);
		if (err)
			return err;
	}
	err = path_name_get(path, flags & AT_EMPTY_PATH, &name);
	if (err)
		goto out_cred;
	if (real)
		saved = cred_override(real);
	err = path_lookup(dirfd, name, look, &p);
	if (!err) {
		err = path_permission(&p, mode);
		path_put(&p);
	}
	if (real)
		cred_revert(saved);
	path_name_put(name);
out_cred:
	if (real)
		cred_put(real);
	return err;
}

SYSCALL2(access, struct uptr, path, int, mode)
{
	return access_at(AT_FDCWD, path, mode, 0);
}

SYSCALL3(faccessat, int, dirfd, struct uptr, path, int, mode)
{
	return access_at(dirfd, path, mode, 0);
}

SYSCALL4(faccessat2, int, dirfd, struct uptr, path, int, mode, int, flags)
{
	return access_at(dirfd, path, mode, flags);
}

/* ---- readlink ---- */

static ssize_t read_target(const struct path *p, struct uptr buf, size_t size)
{
	struct inode *inode = p->dentry->inode;
	ssize_t len;
	char *text;

	if (inode->link) {
		len = min_t(ssize_t, inode->link_len, (ssize_t)size);
		return copy_to_user(buf, inode->link, (size_t)len) ? -EFAULT : len;
	}
	if (!inode->ops->readlink)
		return -EINVAL;
	text = kmalloc(PATH_MAX, 0);
	if (!text)
		return -ENOMEM;
	len = inode->ops->readlink(inode, p->dentry, text, PATH_MAX);
	if (len > (ssize_t)size)
		len = (ssize_t)size;
	if (len > 0 && copy_to_user(buf, text, (size_t)len))
		len = -EFAULT;
	kfree(text);
	return len;
}

static s64 do_readlink_at(int dirfd, struct uptr path, struct uptr buf, int size)
{
	struct path_name *name;
	struct path p;
	ssize_t len;
	bool empty;
	int err;

	if (size <= 0)
		return -EINVAL;
	err = path_name_get(path, true, &name);
	if (err)
		return err;
	empty = !path_name_str(name)[0];
	if (empty && dirfd == AT_FDCWD)
		err = -ENOENT;
	else
		err = path_lookup(dirfd, name, LOOKUP_EMPTY, &p);
	path_name_put(name);
	if (err)
		return err;
	if (!inode_is(p.dentry->inode, S_IFLNK))
		len = empty ? -ENOENT : -EINVAL;
	else
		len = read_target(&p, buf, (size_t)size);
	path_put(&p);
	return len;
}

SYSCALL3(readlink, struct uptr, path, struct uptr, buf, int, size)
{
	return do_readlink_at(AT_FDCWD, path, buf, size);
}

SYSCALL4(readlinkat, int, dirfd, struct uptr, path, struct uptr, buf, int, size)
{
	return do_readlink_at(dirfd, path, buf, size);
}

SYSCALL2(ustat, unsigned, dev, struct uptr, buf)
{
	return -ENOSYS;
}
