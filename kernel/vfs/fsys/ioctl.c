/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ioctl(2) of files and directories: where the blocks lie, generations. What all file systems have is in linux/fs_ioctl.c. [fiemap: Documentation of
 * <linux/fiemap.h>]
 */
#include "fsys_impl.h"
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <linux/fiemap.h>
#include <linux/fs.h>

#define BATCH 64

/* One extent of the port as the caller wants it. */
static struct fiemap_extent extent_of(const struct fsys_extent *e)
{
	return (struct fiemap_extent){.fe_logical = e->off, .fe_physical = e->phys, .fe_length = e->len, .fe_flags = e->flags};
}

/* Extents from head->fm_start on, to @uextents or only counted. head->fm_mapped_extents says how many. */
static int map_extents(struct inode *inode, struct fiemap *head, struct uptr uextents, struct fsys_extent *batch)
{
	u64 at = head->fm_start, end = head->fm_start + head->fm_length;
	bool last = false;

	while (!last && at < end) {
		struct iobuf to;
		u32 n;
		int err;

		iobuf_init_kernel(&to, batch, BATCH * sizeof(*batch));
		err = FSYS_CALL(inode, map, at, &to, &n);
		if (err || !n)
			return err;
		for (u32 i = 0; i < n; i++) {
			struct fiemap_extent x = extent_of(&batch[i]);
			u32 k = head->fm_mapped_extents;

			if (batch[i].off >= end)
				return 0;
			if (head->fm_extent_count) {
				if (k == head->fm_extent_count)
					return 0;
				if (copy_to_user((struct uptr){uextents.va + k * sizeof(x)}, &x, sizeof(x)))
					return -EFAULT;
			}
			head->fm_mapped_extents++;
			at = batch[i].off + batch[i].len;
			last = batch[i].flags & FIEMAP_EXTENT_LAST;
		}
		if (thread_kill_pending())
			return -EINTR;
	}
	return 0;
}

static s64 ioc_fiemap(struct inode *inode, struct uptr arg)
{
	const u32 known = FIEMAP_FLAG_SYNC;
	struct fsys_extent *batch;
	struct fiemap head;
	int err;

	if (copy_from_user(&head, arg, sizeof(head)))
		return -EFAULT;
	if (head.fm_extent_count > (U32_MAX - sizeof(head)) / sizeof(struct fiemap_extent))
		return -EINVAL;
	head.fm_mapped_extents = 0;
	if (!head.fm_length)
		return -EINVAL;
	if (head.fm_start > inode->super->maxbytes)
		return -EFBIG;
	head.fm_length = min_t(u64, head.fm_length, inode->super->maxbytes - head.fm_start);
	if (head.fm_flags & ~known) {
		head.fm_flags &= ~known;
		return copy_to_user(arg, &head, sizeof(head)) ? -EFAULT : -EBADR;
	}
	/* Always, not only with FIEMAP_FLAG_SYNC: what is dirty has no place yet. */
	err = S_ISREG(inode->mode) ? cache_sync_range(&fsys_inode(inode)->cache, head.fm_start, ~0ull, CACHE_SYNC) : 0;
	if (err)
		return err;
	batch = kmalloc(BATCH * sizeof(*batch), 0);
	if (!batch)
		return -ENOMEM;
	err = map_extents(inode, &head, (struct uptr){arg.va + sizeof(head)}, batch);
	kfree(batch);
	if (!err && copy_to_user(arg, &head, sizeof(head)))
		err = -EFAULT;
	return err;
}

s64 fsys_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct uptr p = {arg};

	switch (cmd) {
	case FS_IOC_FIEMAP: return ioc_fiemap(f->inode, p);
	case FS_IOC_GETVERSION: return user_store32(p, f->inode->generation);
	default: return -ENOTTY;
	}
}
