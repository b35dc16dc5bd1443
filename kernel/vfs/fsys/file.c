/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open regular files: bytes by the page cache (pagefile.c, <vfs/cache.h>); here is what concerns blocks.
 *
 * What takes blocks away, or moves them, finds no page over them: dirty ones are written first, all are dropped, and those that a fault has brought back
 * meanwhile are dropped again. The component zeroes parts of blocks on the disk by itself.
 */
#include "fsys_impl.h"
#include <mm/page.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/mount.h>

int fsys_fsync(struct file *f, s64 start, s64 end, bool datasync)
{
	struct inode *inode = f->inode;
	int err = cache_fsync(f, &fsys_inode(inode)->cache, start, end, datasync), port_err;

	if (err == -EINTR)
		return err;
	port_err = FSYS_CALL(inode, fsync, (u64)start, end == S64_MAX ? ~0ull : (u64)(end - start) + 1, datasync ? FSYS_DATASYNC : 0);
	return err ? err : port_err;
}

static s64 fsys_lseek(struct file *f, s64 off, int whence)
{
	struct inode *inode = f->inode;
	s64 size = (s64)READ_ONCE(inode->data.size);
	u64 found;
	int err;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return pagefile_lseek(f, off, whence);
	if (off < 0 || off >= size)
		return -ENXIO;
	/* Dirty pages may lie over holes. */
	err = cache_sync_range(&fsys_inode(inode)->cache, (u64)off, ~0ull, CACHE_SYNC);
	if (!err)
		err = FSYS_CALL(inode, seek, (u64)off, (u32)whence, &found);
	if (err)
		return err;
	f->pos = (s64)found;
	return f->pos;
}

/* Nothing of [start, end) is dirty any more, nor in the cache, if that can be had. */
static int drop_range(struct file_cache *c, u64 start, u64 end)
{
	int err = -EBUSY;

	for (unsigned tries = 0; err == -EBUSY && tries < 8; tries++)
		err = cache_flush_range(c, start, end);
	return err;
}

/* [off, end) becomes zero. */
static int drop_hole(struct file_cache *c, u64 off, u64 end)
{
	u64 first = align_down(off, (u64)PAGE_SIZE), last = align_up(end, (u64)PAGE_SIZE);
	int err = cache_sync_range(c, first, last, CACHE_SYNC);

	if (err)
		return err;
	cache_punch(c, off, end);
	err = first < off ? drop_range(c, first, first + PAGE_SIZE) : 0;
	return !err && last > end ? drop_range(c, last - PAGE_SIZE, last) : err;
}

static int prepare(struct inode *inode, int mode, u64 off, u64 end)
{
	struct file_cache *c = &fsys_inode(inode)->cache;

	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return drop_hole(c, off, end);
	if (mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE))
		return drop_range(c, align_down(off, (u64)PAGE_SIZE), ~0ull);
	/* What is dirty has blocks promised, which this would give it. */
	return cache_sync_range(c, off, end, CACHE_SYNC);
}

static void finish(struct inode *inode, int mode, u64 off, u64 len)
{
	struct file_cache *c = &fsys_inode(inode)->cache;
	u64 size = inode->data.size, end = off + len, first = align_down(off, (u64)PAGE_SIZE);

	if (mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE)) {
		(void)!cache_invalidate_range(c, first, ~0ull);
		cache_truncate(c, mode & FALLOC_FL_INSERT_RANGE ? size + len : size - len);
	} else if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) {
		(void)!cache_invalidate_range(c, first, align_up(end, (u64)PAGE_SIZE));
	}
	if (!(mode & (FALLOC_FL_KEEP_SIZE | FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE)) && end > size)
		cache_truncate(c, end);
	inode_touch(inode, IATTR_MTIME | IATTR_CTIME);
	fsys_inode(inode)->blocks_moved = true;
}

static bool grows(const struct inode *inode, int mode, u64 end)
{
	return !(mode & (FALLOC_FL_KEEP_SIZE | FALLOC_FL_COLLAPSE_RANGE)) && (end > inode->data.size || (mode & FALLOC_FL_INSERT_RANGE));
}

static int fsys_fallocate(struct file *f, int mode, s64 off, s64 len)
{
	struct inode *inode = f->inode;
	struct fsys_cred who = fsys_cred(inode->super);
	u64 end = (u64)off + (u64)len, size;
	int err = 0;

	write_lock(&inode->lock);
	size = mode & FALLOC_FL_INSERT_RANGE ? inode->data.size + (u64)len : end;
	if (grows(inode, mode, end) && size > rlimit_cur(RLIMIT_FSIZE))
		err = -EFBIG;
	if (!err && size > inode->super->maxbytes)
		err = -EFBIG;
	if (!err) {
		inode_strip_privs(inode);
		err = prepare(inode, mode, (u64)off, end);
	}
	if (!err)
		err = FSYS_CALL(inode, fallocate, (u32)mode, (u64)off, (u64)len, &who);
	if (!err)
		finish(inode, mode, (u64)off, (u64)len);
	write_unlock(&inode->lock);
	if (!err && (f->flags & O_DSYNC))
		err = fsys_fsync(f, off, off + len - 1, !(f->flags & (O_SYNC & ~O_DSYNC)));
	return err;
}

/* O_DIRECT goes through the page cache and leaves nothing there; what it asks of its caller is checked. */
static bool is_direct(const struct file *f)
{
	return unlikely(READ_ONCE(f->flags) & O_DIRECT);
}

static int check_direct(const struct file *f, const struct iobuf *b, u64 at)
{
	const struct fsys_super *fs = fsys_of(f->inode);

	return (at | b->left) & ((fs->claim ? bdev_logical_bytes(bdev_of_claim(fs->claim)) : 512) - 1) ? -EINVAL : 0;
}

static ssize_t fsys_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	u64 start = (u64)*pos;
	ssize_t n;
	int err = is_direct(f) ? check_direct(f, to, start) : 0;

	if (err)
		return err;
	n = pagefile_read(f, to, pos, rwf);
	if (is_direct(f) && n > 0)
		(void)!cache_flush_range(&fsys_inode(f->inode)->cache, start, start + (u64)n);
	return n;
}

static ssize_t fsys_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf)
{
	bool sync = unlikely(f->inode->super->flags & MS_SYNCHRONOUS);
	ssize_t n;
	int err = is_direct(f) ? check_direct(f, from, rwf & RWF_APPEND ? 0 : (u64)*pos) : 0;

	if (err)
		return err;
	n = pagefile_write(f, from, pos, rwf);
	if (n <= 0)
		return n;
	if (is_direct(f)) {
		err = cache_flush_range(&fsys_inode(f->inode)->cache, (u64)(*pos - n), (u64)*pos);
		err = err == -EBUSY || !err ? cache_error(f, &fsys_inode(f->inode)->cache) : err;
	}
	if (!err && sync)
		err = fsys_fsync(f, *pos - n, *pos - 1, false);
	return err ? err : n;
}

const struct file_ops fsys_file_fops = {
	.has_pages = true,
	.read = fsys_read,
	.write = fsys_write,
	.lseek = fsys_lseek,
	.mmap = pagefile_mmap,
	.fsync = fsys_fsync,
	.fallocate = fsys_fallocate,
	.ioctl = fsys_ioctl,
};
