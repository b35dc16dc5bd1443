/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Partitions as block devices: from the table on the disk, or as BLKPG says.
 */
#include "block_impl.h"
#include <lib/errno.h>
#include <lib/string.h>
#include <debug/log.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <linux/blkpg.h>
#include <linux/capability.h>

static struct bdev *find_part(const struct disk *d, u32 nr)
{
	struct bdev *b;

	list_for_each_entry(b, &d->bdevs, link)
		if (b->partno == nr)
			return b;
	return NULL;
}

static int add_part(struct disk *d, const struct part_entry *e)
{
	struct bdev *b;
	int err = bdev_create(d, e->nr, e->start512, e->n512, &b);

	if (err)
		return err;
	memcpy(b->uuid, e->uuid, sizeof(b->uuid));
	memcpy(b->label, e->name, sizeof(b->label));
	err = bdev_list(b);
	bdev_put(b); /* the list has one */
	return err;
}

void disk_drop_parts(struct disk *d)
{
	struct bdev *b, *next;

	list_for_each_entry_safe(b, next, &d->bdevs, link)
		if (bdev_is_part(b))
			bdev_unlist(b);
}

static bool is_part_open(const struct disk *d)
{
	struct bdev *b;

	list_for_each_entry(b, &d->bdevs, link)
		if (bdev_is_part(b) && b->openers)
			return true;
	return false;
}

static int read_whole(void *ctx, u64 pos, void *buf, u32 len)
{
	return bdev_read(ctx, pos, buf, len);
}

static int read_table(struct disk *d, struct part_table **out)
{
	const struct part_source src = {d->whole, read_whole, READ_ONCE(d->whole->range.n512), bdev_logical_bytes(d->whole)};
	struct part_table *t = kmalloc(sizeof(*t), 0);
	void *scratch = kmalloc(PART_SCRATCH, 0);
	int err = -ENOMEM;

	if (t && scratch)
		err = part_scan(&src, scratch, t);
	kfree(scratch);
	if (err)
		kfree(t);
	else
		*out = t;
	return err;
}

int disk_rescan(struct disk *d)
{
	struct part_table *t;
	int err = read_table(d, &t);

	if (err)
		return err;
	mutex_lock(&block_lock);
	if (is_part_open(d)) {
		err = -EBUSY;
	} else if (d->whole->listed) {
		disk_drop_parts(d);
		for (u32 i = 0; i < t->n; i++) {
			int failed = add_part(d, &t->entries[i]);

			if (failed)
				klog(LOG_WARN, "%s: partition %u: error %d", d->whole->name, t->entries[i].nr, failed);
		}
	}
	mutex_unlock(&block_lock);
	if (!err && t->from_backup)
		klog(LOG_WARN, "%s: the first GPT header is damaged, the backup is used", d->whole->name);
	kfree(t);
	return err;
}

/* ---- BLKPG ---- */

static bool overlaps(const struct disk *d, u64 start512, u64 n512, const struct bdev *but)
{
	struct bdev *b;

	list_for_each_entry(b, &d->bdevs, link)
		if (bdev_is_part(b) && b != but && start512 < b->range.start512 + b->range.n512 && b->range.start512 < start512 + n512)
			return true;
	return false;
}

static int resize_part(struct disk *d, struct bdev *b, u64 start512, u64 n512)
{
	if (start512 != b->range.start512)
		return -EINVAL;
	if (overlaps(d, start512, n512, b))
		return -EBUSY;
	WRITE_ONCE(b->range.n512, n512);
	bdev_cache_resize(b);
	bdev_uevent_resize(b);
	return 0;
}

static int change_parts(struct disk *d, int op, const struct blkpg_partition *p)
{
	u64 unit = bdev_logical_bytes(d->whole), start512 = (u64)p->start / 512, n512 = (u64)p->length / 512, all = d->whole->range.n512;
	struct bdev *b = find_part(d, (u32)p->pno);

	if (op == BLKPG_DEL_PARTITION) {
		if (!b)
			return -ENXIO;
		if (b->openers)
			return -EBUSY;
		bdev_unlist(b);
		return 0;
	}
	if (p->start < 0 || p->length <= 0 || ((u64)p->start | (u64)p->length) % unit || start512 >= all || n512 > all - start512)
		return -EINVAL;
	if (op == BLKPG_RESIZE_PARTITION)
		return b ? resize_part(d, b, start512, n512) : -ENXIO;
	if (b || overlaps(d, start512, n512, NULL))
		return -EBUSY;
	return add_part(d, &(struct part_entry){.start512 = start512, .n512 = n512, .nr = (u32)p->pno});
}

s64 bdev_ioctl_blkpg(struct bdev *b, u64 arg)
{
	struct blkpg_ioctl_arg a;
	struct blkpg_partition p;
	int err;

	if (copy_from_user(&a, uptr_make(arg), sizeof(a)))
		return -EFAULT;
	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (copy_from_user(&p, uptr_make((u64)(unsigned long)a.data), sizeof(p)))
		return -EFAULT;
	if (bdev_is_part(b))
		return -EINVAL;
	if (p.pno <= 0 || (u32)p.pno > 65535)
		return -EINVAL;
	if (a.op != BLKPG_ADD_PARTITION && a.op != BLKPG_DEL_PARTITION && a.op != BLKPG_RESIZE_PARTITION)
		return -EINVAL;
	mutex_lock(&block_lock);
	err = b->listed ? change_parts(b->disk, a.op, &p) : -ENXIO;
	mutex_unlock(&block_lock);
	return err;
}
