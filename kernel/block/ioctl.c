/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ioctl(2) of block devices; what is asked, refused and in which order is Linux'. [man blkdiscard(8), blockdev(8); linux/fs.h]
 */
#include "block_impl.h"
#include <arch/usercopy.h>
#include <lib/errno.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <vfs/file.h>
#include <linux/blkpg.h>
#include <linux/blkzoned.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/hdreg.h>

static struct blk_info info_of(const struct bdev *b)
{
	struct blk_info info;

	blkq_info(b->disk->q, &info);
	return info;
}

/* Bytes [start, start + len) as two numbers of 64 bits at @arg. */
static int get_range(const struct bdev *b, u64 arg, u32 unit, u64 range[2])
{
	u64 end;

	if (copy_from_user(range, uptr_make(arg), 16))
		return -EFAULT;
	if ((range[0] | range[1]) & (unit - 1) || !range[1] || __builtin_add_overflow(range[0], range[1], &end) || end > bdev_size(b))
		return -EINVAL;
	return 0;
}

static s64 ioctl_discard(struct file *f, struct bdev *b, u64 arg)
{
	struct blk_info info = info_of(b);
	u64 range[2];
	int err;

	if (!(f->mode & FMODE_WRITE))
		return -EBADF;
	if (!(info.flags & BLK_INFO_DISCARD))
		return -EOPNOTSUPP;
	if (bdev_is_read_only(b))
		return -EPERM;
	err = get_range(b, arg, info.logical_bytes, range);
	return err ? err : bdev_zero_range(b, range[0], range[1], BLK_DISCARD, 0);
}

static s64 ioctl_zeroout(struct file *f, struct bdev *b, u64 arg)
{
	u64 range[2];
	int err;

	if (!(f->mode & FMODE_WRITE))
		return -EBADF;
	if (bdev_is_read_only(b))
		return -EPERM;
	err = get_range(b, arg, 512, range);
	return err ? err : bdev_zero_range(b, range[0], range[1], BLK_WRITE_ZEROES, 0);
}

static s64 ioctl_set_ro(struct bdev *b, u64 arg)
{
	u32 on;

	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (user_load32(&on, uptr_make(arg)))
		return -EFAULT;
	WRITE_ONCE(b->range.read_only, on || info_of(b).flags & BLK_INFO_READ_ONLY);
	return 0;
}

static s64 ioctl_flush(struct bdev *b)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	(void)bdev_cache_sync(b, 0, ~0ull);
	(void)bdev_cache_drop(b, 0, ~0ull);
	return 0;
}

static s64 ioctl_rescan(struct bdev *b)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (bdev_is_part(b) || b->disk->no_parts)
		return -EINVAL;
	return disk_rescan(b->disk);
}

static s64 ioctl_set_ahead(struct bdev *b, u64 arg)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	bdev_set_ahead(b, (u32)min(arg, 1ull << 30));
	return 0;
}

static s64 ioctl_set_block(struct file *f, struct bdev *b, u64 arg)
{
	u32 bytes;
	int err = 0;

	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (!arg)
		return -EINVAL;
	if (user_load32(&bytes, uptr_make(arg)))
		return -EFAULT;
	mutex_lock(&block_lock);
	if (b->nclaims && b->holder != f)
		err = -EBUSY;
	else if (bytes > PAGE_SIZE || bytes < 512 || bytes & (bytes - 1) || bytes < info_of(b).logical_bytes)
		err = -EINVAL;
	else
		b->block_bytes = bytes;
	mutex_unlock(&block_lock);
	return err;
}

/* What a disk without cylinders says. */
static s64 ioctl_geometry(struct bdev *b, u64 arg)
{
	u64 all = bdev_size(b->disk->whole) / 512;
	struct hd_geometry g = {.heads = 64, .sectors = 32, .cylinders = (u16)(all / (64 * 32)), .start = b->range.start512};

	if (!arg)
		return -EINVAL;
	return b->disk->ops->major == VIRTBLK_MAJOR ? copy_to_user(uptr_make(arg), &g, sizeof(g)) : -ENOTTY;
}

static s64 put16(u64 arg, u32 v)
{
	return user_store16(uptr_make(arg), (u16)v);
}

static s64 put32(u64 arg, u64 v)
{
	return user_store32(uptr_make(arg), (u32)v);
}

static s64 put64(u64 arg, u64 v)
{
	return user_store64(uptr_make(arg), v);
}

/* Those that tell a number. -ENOTTY: another. */
static s64 ioctl_ask(struct bdev *b, unsigned cmd, u64 arg)
{
	struct blk_info info = info_of(b);

	switch (cmd) {
	case BLKROGET: return put32(arg, bdev_is_read_only(b));
	case BLKGETSIZE: return put64(arg, bdev_size(b) / 512);
	case BLKGETSIZE64: return put64(arg, bdev_size(b));
	case BLKSSZGET: return put32(arg, info.logical_bytes);
	case BLKPBSZGET:
	case BLKIOMIN: return put32(arg, info.physical_bytes);
	case BLKIOOPT: return put32(arg, info.optimal_bytes);
	case BLKALIGNOFF:
	case BLKDISCARDZEROES:
	case BLKGETZONESZ:
	case BLKGETNRZONES: return put32(arg, 0);
	case BLKSECTGET: return put16(arg, min(info.max_bytes / 512, BDEV_MAX_SECTORS));
	case BLKROTATIONAL: return put16(arg, !!(info.flags & BLK_INFO_ROTATIONAL));
	case BLKGETDISKSEQ: return put64(arg, b->disk->seq);
	case BLKBSZGET: return put32(arg, b->block_bytes);
	case BLKRAGET:
	case BLKFRAGET: return arg ? put64(arg, b->disk->whole->read_ahead512) : -EINVAL;
	default: return -ENOTTY;
	}
}

s64 bdev_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct bdev *b = f->private;

	switch (cmd) {
	case BLKFLSBUF: return ioctl_flush(b);
	case BLKROSET: return ioctl_set_ro(b, arg);
	case BLKDISCARD: return ioctl_discard(f, b, arg);
	case BLKSECDISCARD: return f->mode & FMODE_WRITE ? -EOPNOTSUPP : -EBADF;
	case BLKZEROOUT: return ioctl_zeroout(f, b, arg);
	case BLKRRPART: return ioctl_rescan(b);
	case BLKRASET:
	case BLKFRASET: return ioctl_set_ahead(b, arg);
	case BLKBSZSET: return ioctl_set_block(f, b, arg);
	case BLKPG: return bdev_ioctl_blkpg(b, arg);
	case HDIO_GETGEO: return ioctl_geometry(b, arg);
	default: {
		s64 ret = ioctl_ask(b, cmd, arg);

		return ret == -ENOTTY && b->disk->ops->ioctl ? b->disk->ops->ioctl(b, f, cmd, arg) : ret;
	}
	}
}
