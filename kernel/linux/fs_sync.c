/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes to the disk and hints about them. [man sync(2), fsync(2), posix_fadvise(2), readahead(2)]
 */
#include <linux/syscall.h>
#include <vfs/dentry.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/mount.h>
#include <linux/fadvise.h>
#include <linux/fs.h>
#include <linux/stat.h>

SYSCALL0(sync)
{
	(void)vfs_sync_all();
	return 0;
}

SYSCALL1(syncfs, int, fd)
{
	struct fd_ref r = fd_get(fd);
	struct super *sb;
	int err = 0;

	if (!r.file)
		return -EBADF;
	sb = r.file->path.dentry->super;
	if (sb->ops->sync)
		err = sb->ops->sync(sb, true);
	fd_put(r);
	return err;
}

static s64 sync_file(int fd, bool datasync)
{
	struct fd_ref r = fd_get(fd);
	int err = -EINVAL;

	if (!r.file)
		return -EBADF;
	if (r.file->ops->fsync)
		err = r.file->ops->fsync(r.file, 0, S64_MAX, datasync);
	fd_put(r);
	return err;
}

SYSCALL1(fsync, int, fd)
{
	return sync_file(fd, false);
}

SYSCALL1(fdatasync, int, fd)
{
	return sync_file(fd, true);
}

SYSCALL4(sync_file_range, int, fd, s64, off, s64, len, unsigned, flags)
{
	struct fd_ref r = fd_get(fd);
	s64 end;
	int err = 0;

	if (!r.file)
		return -EBADF;
	if ((flags & ~(unsigned)(SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER)) || off < 0
		|| len < 0 || __builtin_add_overflow(off, len, &end))
		err = -EINVAL;
	else if (!inode_is(r.file->inode, S_IFREG) && !inode_is(r.file->inode, S_IFBLK) && !inode_is(r.file->inode, S_IFDIR)
		 && !inode_is(r.file->inode, S_IFLNK))
		err = -ESPIPE;
	else if (flags && r.file->ops->fsync)
		err = r.file->ops->fsync(r.file, off, len ? end - 1 : S64_MAX, true);
	fd_put(r);
	return err;
}

SYSCALL4(fadvise64, int, fd, s64, off, s64, len, int, advice)
{
	struct fd_ref r = fd_get(fd);
	int err = 0;

	if (!r.file)
		return -EBADF;
	if (inode_is(r.file->inode, S_IFIFO))
		err = -ESPIPE;
	else if (len < 0 || advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE)
		err = -EINVAL;
	/* Hints: files in memory have nothing to read ahead or to drop. */
	fd_put(r);
	return err;
}

SYSCALL3(readahead, int, fd, s64, off, size_t, len)
{
	struct fd_ref r = fd_get(fd);
	int err = 0;

	if (!r.file || !(r.file->mode & FMODE_READ))
		err = -EBADF;
	else if (!inode_is(r.file->inode, S_IFREG) && !inode_is(r.file->inode, S_IFBLK))
		err = -EINVAL;
	fd_put(r);
	return err;
}
