/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names made, removed and moved: mkdir, rmdir, unlink, rename, link, symlink, mknod. [man mkdir(2), unlink(2), rename(2), link(2)]
 */
#include <linux/syscall.h>
#include <vfs/inode.h>
#include <vfs/namei.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>

static s64 mkdir_at(int dirfd, struct uptr path, u32 mode)
{
	struct path_name *name;
	int err = path_name_get(path, false, &name);

	if (err)
		return err;
	err = vfs_mkdirat(dirfd, name, mode);
	path_name_put(name);
	return err;
}

SYSCALL2(mkdir, struct uptr, path, u32, mode)
{
	return mkdir_at(AT_FDCWD, path, mode);
}

SYSCALL3(mkdirat, int, dirfd, struct uptr, path, u32, mode)
{
	return mkdir_at(dirfd, path, mode);
}

static s64 mknod_at(int dirfd, struct uptr path, u32 mode, u32 dev)
{
	struct path_name *name;
	int err;

	/* What cannot be made is told before the name is looked at. */
	switch (mode & S_IFMT) {
	case 0:
	case S_IFREG:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK: break;
	case S_IFDIR: return -EPERM;
	default: return -EINVAL;
	}
	err = path_name_get(path, false, &name);
	if (err)
		return err;
	err = vfs_mknodat(dirfd, name, mode, dev);
	path_name_put(name);
	return err;
}

SYSCALL3(mknod, struct uptr, path, u32, mode, u32, dev)
{
	return mknod_at(AT_FDCWD, path, mode, dev);
}

SYSCALL4(mknodat, int, dirfd, struct uptr, path, u32, mode, u32, dev)
{
	return mknod_at(dirfd, path, mode, dev);
}

static s64 unlink_at(int dirfd, struct uptr path, bool dir)
{
	struct path_name *name;
	int err = path_name_get(path, false, &name);

	if (err)
		return err;
	err = dir ? vfs_rmdirat(dirfd, name) : vfs_unlinkat(dirfd, name);
	path_name_put(name);
	return err;
}

SYSCALL1(unlink, struct uptr, path)
{
	return unlink_at(AT_FDCWD, path, false);
}

SYSCALL1(rmdir, struct uptr, path)
{
	return unlink_at(AT_FDCWD, path, true);
}

SYSCALL3(unlinkat, int, dirfd, struct uptr, path, int, flags)
{
	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	return unlink_at(dirfd, path, flags & AT_REMOVEDIR);
}

static s64 rename_at(int odirfd, struct uptr opath, int ndirfd, struct uptr npath, unsigned flags)
{
	struct path_name *old, *name;
	int err;

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if ((flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)) && (flags & RENAME_EXCHANGE))
		return -EINVAL;
	err = path_name_get(opath, false, &old);
	if (err)
		return err;
	err = path_name_get(npath, false, &name);
	if (!err) {
		err = vfs_renameat(odirfd, old, ndirfd, name, flags);
		path_name_put(name);
	}
	path_name_put(old);
	return err;
}

SYSCALL2(rename, struct uptr, old, struct uptr, name)
{
	return rename_at(AT_FDCWD, old, AT_FDCWD, name, 0);
}

SYSCALL4(renameat, int, odirfd, struct uptr, old, int, ndirfd, struct uptr, name)
{
	return rename_at(odirfd, old, ndirfd, name, 0);
}

SYSCALL5(renameat2, int, odirfd, struct uptr, old, int, ndirfd, struct uptr, name, unsigned, flags)
{
	return rename_at(odirfd, old, ndirfd, name, flags);
}

static s64 link_at(int odirfd, struct uptr opath, int ndirfd, struct uptr npath, int flags)
{
	struct path_name *old, *name;
	int err;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = path_name_get(opath, flags & AT_EMPTY_PATH, &old);
	if (err)
		return err;
	err = path_name_get(npath, false, &name);
	if (!err) {
		err = vfs_linkat(odirfd, old, ndirfd, name, flags);
		path_name_put(name);
	}
	path_name_put(old);
	return err;
}

SYSCALL2(link, struct uptr, old, struct uptr, name)
{
	return link_at(AT_FDCWD, old, AT_FDCWD, name, 0);
}

SYSCALL5(linkat, int, odirfd, struct uptr, old, int, ndirfd, struct uptr, name, int, flags)
{
	return link_at(odirfd, old, ndirfd, name, flags);
}

static s64 symlink_at(struct uptr utarget, int dirfd, struct uptr path)
{
	struct path_name *target, *name;
	int err = path_name_get(utarget, false, &target);

	if (err)
		return err;
	err = path_name_get(path, false, &name);
	if (!err) {
		err = vfs_symlinkat(target, dirfd, name);
		path_name_put(name);
	}
	path_name_put(target);
	return err;
}

SYSCALL2(symlink, struct uptr, target, struct uptr, path)
{
	return symlink_at(target, AT_FDCWD, path);
}

SYSCALL3(symlinkat, struct uptr, target, int, dirfd, struct uptr, path)
{
	return symlink_at(target, dirfd, path);
}
