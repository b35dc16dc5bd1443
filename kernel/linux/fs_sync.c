/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes to the disk and hints about them. [man sync(2), fsync(2), posix_fadvise(2), readahead(2)]
 */
#include <linux/syscall.h>
#include <vfs/cache.h>
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
	if (r.file->inode->data.cache && inode_is(r.file->inode, S_IFREG)) {
		int late = bdi_error(r.file, r.file->inode->data.cache->bdi);

		err = err ? err : late;
	}
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

static_assert(SYNC_FILE_RANGE_WAIT_BEFORE == CACHE_WAIT_BEFORE && SYNC_FILE_RANGE_WRITE == CACHE_WRITE &&
	SYNC_FILE_RANGE_WAIT_AFTER == CACHE_WAIT_AFTER, "passed on as they are");

/* The range's pages and nothing else: no times, no flush of the device. */
static int sync_pages(struct file *f, u64 start, u64 end, unsigned flags)
{
	struct file_cache *c = f->inode->data.cache;
	int err = cache_sync_range(c, start, end, flags), late = 0;

	if (flags & (SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WAIT_AFTER))
		late = cache_error(f, c);
	return err ? err : late;
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
	else if (flags && r.file->inode->data.cache)
		err = sync_pages(r.file, (u64)off, len ? (u64)end : ~0ull, flags);
	fd_put(r);
	return err;
}

static void advise(struct file *f, u64 start, u64 end, int advice)
{
	struct file_cache *c = f->inode->data.cache;

	switch (advice) {
	case POSIX_FADV_NORMAL: WRITE_ONCE(f->ahead.mode, AHEAD_NORMAL); break;
	case POSIX_FADV_RANDOM: WRITE_ONCE(f->ahead.mode, AHEAD_RANDOM); break;
	case POSIX_FADV_SEQUENTIAL: WRITE_ONCE(f->ahead.mode, AHEAD_SEQUENTIAL); break;
	case POSIX_FADV_WILLNEED: cache_ahead(c, start / PAGE_SIZE, (end - 1) / PAGE_SIZE + 1 - start / PAGE_SIZE); break;
	case POSIX_FADV_DONTNEED: cache_forget(c, start, end); break;
	}
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
	else if (r.file->inode->data.cache) /* files in memory have nothing to read ahead or to drop */
		advise(r.file, (u64)off, off < 0 || !len || len > S64_MAX - off ? ~0ull : (u64)off + (u64)len, advice);
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
	else if (r.file->inode->data.cache && off >= 0 && len)
		cache_ahead(r.file->inode->data.cache, (u64)off / PAGE_SIZE, DIV_ROUND_UP((u64)off % PAGE_SIZE + len, PAGE_SIZE));
	fd_put(r);
	return err;
}
