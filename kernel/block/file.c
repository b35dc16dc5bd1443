/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open block devices: what the file operations of /dev/vda do. The order of checks is Linux'. [man open(2), read(2), write(2), fallocate(2)]
 */
#include "block_impl.h"
#include <lib/errno.h>
#include <lib/strbuf.h>
#include <init/initcall.h>
#include <mm/space.h>
#include <vfs/file.h>
#include <vfs/dentry.h>
#include <vfs/mount.h>
#include <vfs/namei.h>
#include <vfs/rw.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>

/* ---- opening ---- */

int bdev_open(struct bdev *b, bool write)
{
	struct disk *d = b->disk;
	int err = 0;

	if (d->ops->open)
		err = d->ops->open(d);
	if (err)
		return err;
	mutex_lock(&block_lock);
	if (b->listed) {
		b->openers++;
		b->writers += write;
		bdev_get(b);
	} else {
		err = -ENXIO;
	}
	mutex_unlock(&block_lock);
	if (err && d->ops->release)
		d->ops->release(d);
	return err;
}

void bdev_close(struct bdev *b, bool write)
{
	struct disk *d = b->disk;
	bool last;

	mutex_lock(&block_lock);
	b->openers--;
	b->writers -= write;
	last = !b->openers;
	mutex_unlock(&block_lock);
	if (last) /* who opens it next sees the medium */
		bdev_cache_last_close(b);
	if (d->ops->release)
		d->ops->release(d);
	bdev_put(b);
}

/* The holder of an open with O_EXCL is the file. */
static int file_open_bdev(struct inode *inode, struct file *f)
{
	bool write = f->mode & FMODE_WRITE;
	struct bdev *b;
	int err = bdev_lookup(inode->rdev, &b);

	if (err)
		return err;
	err = bdev_open(b, write);
	if (!err && f->flags & O_EXCL) {
		mutex_lock(&block_lock);
		err = bdev_hold(b, f);
		mutex_unlock(&block_lock);
		if (err)
			bdev_close(b, write);
	}
	if (!err) {
		f->private = b;
		cache_open(f, &b->cache);
	}
	bdev_put(b);
	return err;
}

static void file_release_bdev(struct file *f)
{
	struct bdev *b = f->private;

	mutex_lock(&block_lock);
	if (b->holder == f)
		bdev_unhold(b);
	mutex_unlock(&block_lock);
	bdev_close(b, f->mode & FMODE_WRITE);
}

/* ---- moving bytes ---- */

static ssize_t file_read_bdev(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	struct bdev *b = f->private;
	u64 size = bdev_size(b);

	if (!to->left || (u64)*pos >= size)
		return 0;
	iobuf_limit(to, size - (u64)*pos);
	return f->flags & O_DIRECT ? bdev_direct(f, b, to, pos, rwf, false) : bdev_cache_read(f, b, to, pos, rwf);
}

static ssize_t file_write_bdev(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf)
{
	struct bdev *b = f->private;
	u64 size = bdev_size(b);

	if (bdev_is_read_only(b))
		return -EPERM;
	if (!from->left)
		return 0;
	if (rwf & RWF_APPEND)
		*pos = (s64)size;
	if ((u64)*pos >= size)
		return -ENOSPC;
	if (rwf & RWF_NOWAIT && !(f->flags & O_DIRECT))
		return -EOPNOTSUPP;
	iobuf_limit(from, size - (u64)*pos);
	return f->flags & O_DIRECT ? bdev_direct(f, b, from, pos, rwf, true) : bdev_cache_write(f, b, from, pos, rwf);
}

static s64 file_lseek_bdev(struct file *f, s64 off, int whence)
{
	s64 size = (s64)bdev_size(f->private);

	return lseek_size(f, off, whence, size, size);
}

static int file_mmap_bdev(struct file *f, struct vm_map_args *args)
{
	struct bdev *b = f->private;

	args->object = &b->inode->data;
	args->backing_ops = &file_backing_ops;
	args->backing = f;
	return 0;
}

static int file_fsync_bdev(struct file *f, s64 start, s64 end, bool datasync)
{
	struct bdev *b = f->private;
	int err = cache_fsync(f, &b->cache, start, end, datasync), flushed = bdev_flush(b);

	return err ? err : flushed == -EOPNOTSUPP ? 0 : flushed;
}

int bdev_sync(struct bdev *b)
{
	int err = bdev_cache_sync(b, 0, ~0ull), flushed = bdev_flush(b);

	return err ? err : flushed;
}

void bdev_invalidate(struct bdev *b)
{
	(void)bdev_cache_drop(b, 0, ~0ull);
}

int bdev_zero_range(struct bdev *b, u64 start, u64 len, unsigned op, unsigned flags)
{
	int err;

	bdev_cache_punch(b, start, start + len);
	err = bdev_request(b, (u8)op, (u8)flags, start / 512, len / 512, NULL);
	bdev_cache_punch(b, start, start + len); /* what was read meanwhile */
	return err;
}

static int file_fallocate_bdev(struct file *f, int mode, s64 off, s64 len)
{
	struct bdev *b = f->private;
	u64 start = (u64)off, size = bdev_size(b), end = start + (u64)len;
	struct blk_info info;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	if (start >= size)
		return -EINVAL;
	if (end > size) {
		if (!(mode & FALLOC_FL_KEEP_SIZE))
			return -EINVAL;
		end = size;
	}
	blkq_info(b->disk->q, &info);
	if ((start | end) & (info.logical_bytes - 1))
		return -EINVAL;
	if (bdev_is_read_only(b))
		return -EPERM;
	switch (mode) {
	case FALLOC_FL_ZERO_RANGE:
	case FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE: return bdev_zero_range(b, start, end - start, BLK_WRITE_ZEROES, 0);
	case FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE:
		return info.flags & BLK_INFO_ZEROES ? bdev_zero_range(b, start, end - start, BLK_WRITE_ZEROES, BLK_MAY_UNMAP) : -EOPNOTSUPP;
	default: return -EOPNOTSUPP;
	}
}

static const struct file_ops bdev_file_ops = {
	.open = file_open_bdev,
	.release = file_release_bdev,
	.read = file_read_bdev,
	.write = file_write_bdev,
	.lseek = file_lseek_bdev,
	.mmap = file_mmap_bdev,
	.fsync = file_fsync_bdev,
	.fallocate = file_fallocate_bdev,
	.ioctl = bdev_ioctl,
};

struct bdev *bdev_of_file(const struct file *f)
{
	return f->ops == &bdev_file_ops ? f->private : NULL;
}

int bdev_lookup_path(const char *path, struct bdev **out)
{
	struct path p;
	struct inode *inode;
	int err = path_lookup_kernel(path, LOOKUP_FOLLOW, &p);

	if (err)
		return err;
	inode = p.dentry->inode;
	if (!inode_is(inode, S_IFBLK))
		err = -ENOTBLK;
	else if (p.mnt->flags & MNT_NODEV)
		err = -EACCES;
	else
		err = bdev_lookup(inode->rdev, out);
	path_put(&p);
	return err;
}

static void show_majors(struct strbuf *sb)
{
	strbuf_puts(sb, "  7 loop\n254 virtblk\n259 blkext\n");
}

static int block_files_init(void)
{
	vfs_set_block(&bdev_file_ops, show_majors);
	return 0;
}

INITCALL(block_files, "vfs bdev_fs", block_files_init);
