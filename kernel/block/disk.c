/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disks come and go; block devices by number. See block_impl.h.
 */
#include "block_impl.h"
#include <arch/smp.h>
#include <lib/bits.h>
#include <lib/errno.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <debug/log.h>
#include <init/initcall.h>
#include <mm/slab.h>
#include <linux/stat.h>

LOCK_CLASS(block, RANK_NAMESPACE - 3, "disks and block devices: lists, openers, claims, partitions");
LOCK_CLASS(block_ext, RANK_LEAF, "numbers of partitions beyond a disk's own");

struct mutex block_lock = MUTEX_INIT(block_lock, block);
LIST_HEAD(block_disks);
u64 bdev_next_seq;
static bool ready;	   /* block_lock: /dev and /sys are there */
static struct spinlock ext_lock = SPINLOCK_INIT(block_ext);
static u64 ext_minors[16]; /* ext_lock: numbers of BLKEXT_MAJOR in use */

/* ---- references ---- */

static void disk_free(struct disk *d)
{
	(void)bdi_stop(&d->bdi);
	if (d->ops->free)
		d->ops->free(d);
	blkq_destroy(d->q);
	kfree(d);
}

static void free_ext(u32 rdev)
{
	u32 minor = vfs_minor(rdev);

	if (vfs_major(rdev) != BLKEXT_MAJOR)
		return;
	spin_lock(&ext_lock);
	ext_minors[minor / 64] &= ~(1ull << minor % 64);
	spin_unlock(&ext_lock);
}

void bdev_get(struct bdev *b)
{
	refcount_inc(&b->refs);
}

void bdev_put(struct bdev *b)
{
	struct disk *d;
	bool part;

	if (!b || !refcount_dec_and_test(&b->refs))
		return;
	d = b->disk;
	part = bdev_is_part(b);
	bdev_cache_destroy(b);
	free_ext(b->rdev);
	kfree(b->range.stats);
	kfree(b);
	if (part)
		bdev_put(d->whole);
	else
		disk_free(d);
}

static int new_ext(u32 *out_rdev)
{
	u32 i = 0, end = 64 * ARRAY_SIZE(ext_minors);

	spin_lock(&ext_lock);
	while (i < end && ext_minors[i / 64] >> i % 64 & 1)
		i++;
	if (i < end)
		ext_minors[i / 64] |= 1ull << i % 64;
	spin_unlock(&ext_lock);
	*out_rdev = vfs_mkdev(BLKEXT_MAJOR, i);
	return i < end ? 0 : -ENOSPC;
}

int bdev_create(struct disk *d, u32 partno, u64 start512, u64 n512, struct bdev **out)
{
	struct bdev *b = kzalloc(sizeof(*b), 0);
	size_t len = b ? strlen(d->whole ? d->whole->name : "") : 0;
	int err = -ENOMEM;

	if (!b)
		return -ENOMEM;
	refcount_set(&b->refs, 1);
	b->disk = d;
	b->partno = partno;
	b->range = (struct blkq_range){.start512 = start512, .n512 = n512, .whole = partno ? &d->whole->range : NULL};
	b->range.stats = kcalloc(cpu_count(), sizeof(struct blkq_stats), 0);
	b->block_bytes = PAGE_SIZE;
	b->read_ahead512 = 256;
	if (partno)
		scnprintf(b->name, sizeof(b->name), "%s%s%u", d->whole->name, d->whole->name[len - 1] <= '9' ? "p" : "", partno);
	if (b->range.stats)
		err = bdev_cache_create(b);
	if (!err) {
		b->rdev = vfs_mkdev(d->ops->major, d->index * d->ops->minors + partno);
		if (partno >= d->ops->minors)
			err = new_ext(&b->rdev);
		if (err)
			bdev_cache_destroy(b);
	}
	if (err) {
		kfree(b->range.stats);
		kfree(b);
		return err;
	}
	if (partno)
		bdev_get(d->whole);
	*out = b;
	return 0;
}

/* ---- names and lists ---- */

int bdev_list(struct bdev *b)
{
	int err = devtmpfs_add(b->name, S_IFBLK | 0600, b->rdev);

	if (err)
		return err;
	err = bdev_sysfs_add(b);
	if (err) {
		devtmpfs_remove(b->name);
		return err;
	}
	if (bdev_is_part(b)) {
		list_add_tail(&b->link, &b->disk->bdevs);
		bdev_get(b);
	}
	b->listed = true;
	return 0;
}

void bdev_unlist(struct bdev *b)
{
	if (!b->listed)
		return;
	b->listed = false;
	bdev_sysfs_remove(b);
	devtmpfs_remove(b->name);
	if (bdev_is_part(b)) {
		list_del(&b->link);
		bdev_put(b);
	}
}

int bdev_lookup(u32 rdev, struct bdev **out)
{
	struct disk *d;
	struct bdev *b;
	int err = -ENXIO;

	mutex_lock(&block_lock);
	list_for_each_entry(d, &block_disks, link) {
		list_for_each_entry(b, &d->bdevs, link) {
			if (b->rdev != rdev || !b->listed)
				continue;
			bdev_get(b);
			*out = b;
			err = 0;
			break;
		}
		if (!err)
			break;
	}
	mutex_unlock(&block_lock);
	return err;
}

struct bdev *bdev_nth(u32 n)
{
	struct bdev *b, *found = NULL;
	struct disk *d;

	mutex_lock(&block_lock);
	list_for_each_entry(d, &block_disks, link)
		list_for_each_entry(b, &d->bdevs, link)
			if (b->listed && !n--)
				found = b;
	if (found)
		bdev_get(found);
	mutex_unlock(&block_lock);
	return found;
}

int bdev_sync_all(void)
{
	struct bdev *b;
	int err = 0;

	for (u32 n = 0; (b = bdev_nth(n)); n++) {
		int failed = b->openers ? bdev_sync(b) : 0;

		err = err ? err : failed;
		bdev_put(b);
	}
	return err;
}

/* a, b, ... z, aa, ... */
static void letters(u32 index, char *out, size_t size)
{
	char buf[8];
	int at = sizeof(buf) - 1;

	buf[at] = '\0';
	for (u32 n = index + 1; n && at > 0; n = (n - 1) / 26)
		buf[--at] = (char)('a' + (n - 1) % 26);
	(void)strscpy(out, buf + at, size);
}

static bool index_used(const struct disk_ops *ops, u32 index)
{
	struct disk *d;

	list_for_each_entry(d, &block_disks, link)
		if (d->ops == ops && d->index == index)
			return true;
	return false;
}

/* ---- upcalls of the port ---- */

void disk_refresh(struct disk *d)
{
	struct blk_info info;

	blkq_refresh(d->q);
	blkq_info(d->q, &info);
	mutex_lock(&block_lock);
	if (d->whole->range.n512 != info.capacity512) {
		WRITE_ONCE(d->whole->range.n512, info.capacity512);
		bdev_cache_resize(d->whole);
		if (d->whole->listed) {
			klog(LOG_INFO, "%s: %llu sectors", d->whole->name, info.capacity512);
			bdev_uevent_resize(d->whole);
		}
	}
	mutex_unlock(&block_lock);
}

static void changed_work(struct work *w)
{
	struct disk *d = container_of(w, struct disk, changed);
	bool gone = READ_ONCE(d->gone);

	if (gone)
		klog(LOG_ERR, "%s: the device is gone", d->whole->name);
	else
		disk_refresh(d);
	claims_tell(d, gone);
}

static void port_changed(void *client)
{
	work_queue(&((struct disk *)client)->changed);
}

static void port_gone(void *client)
{
	WRITE_ONCE(((struct disk *)client)->gone, true);
	port_changed(client);
}

static const struct blk_client_ops client_ops = {.changed = port_changed, .gone = port_gone};

/* ---- life ---- */

static void copy_words(const struct blk_info *info, struct disk *d)
{
	memcpy(d->serial, info->serial, sizeof(info->serial));
	memcpy(d->model, info->model, sizeof(info->model));
	for (char *p = d->serial; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '_';
}

int disk_create(const struct disk_ops *ops, const struct blk_port *lower, u32 index, void *private, struct disk **out)
{
	struct disk *d = kzalloc(sizeof(*d), 0);
	struct blk_info info;
	int err;

	if (!d)
		return -ENOMEM;
	d->ops = ops;
	d->private = private;
	d->lower = *lower;
	list_init(&d->bdevs);
	list_init(&d->claims);
	work_init(&d->changed, changed_work);
	err = blkq_create(lower, cpu_count(), &d->q);
	if (err)
		goto free;
	err = bdi_start(&d->bdi, ops->prefix);
	if (err)
		goto destroy;
	blkq_info(d->q, &info);
	copy_words(&info, d);
	d->removable = info.flags & BLK_INFO_REMOVABLE;
	d->seq = __atomic_add_fetch(&bdev_next_seq, 1, __ATOMIC_RELAXED);
	mutex_lock(&block_lock);
	d->index = index == ~0u ? 0 : index;
	while (index == ~0u && index_used(ops, d->index))
		d->index++;
	err = index != ~0u && index_used(ops, index) ? -EEXIST : bdev_create(d, 0, 0, info.capacity512, &d->whole);
	if (!err) {
		d->whole->range.read_only = info.flags & BLK_INFO_READ_ONLY;
		if (index == ~0u) {
			size_t len = (size_t)strscpy(d->whole->name, ops->prefix, BDEV_NAME);

			letters(d->index, d->whole->name + len, BDEV_NAME - len);
		} else {
			scnprintf(d->whole->name, BDEV_NAME, "%s%u", ops->prefix, d->index);
		}
		list_add_tail(&d->whole->link, &d->bdevs);
		list_add_tail(&d->link, &block_disks);
	}
	mutex_unlock(&block_lock);
	if (err)
		goto stop;
	if (lower->ops->open)
		lower->ops->open(lower->self, &client_ops, d);
	*out = d;
	return 0;
stop:
	(void)bdi_stop(&d->bdi);
destroy:
	blkq_destroy(d->q);
free:
	kfree(d);
	return err;
}

void disk_show(struct disk *d)
{
	int err = 0;
	bool now;

	mutex_lock(&block_lock);
	now = ready && !d->shown;
	if (now) {
		d->shown = true;
		err = bdev_list(d->whole);
	}
	mutex_unlock(&block_lock);
	if (!now)
		return;
	if (err)
		klog(LOG_ERR, "%s: error %d", d->whole->name, err);
	else if (!d->no_parts && disk_rescan(d))
		klog(LOG_WARN, "%s: the partition table cannot be read", d->whole->name);
}

void disk_remove(struct disk *d)
{
	mutex_lock(&block_lock);
	disk_drop_parts(d);
	bdev_unlist(d->whole);
	list_del(&d->link);
	mutex_unlock(&block_lock);
	if (d->lower.ops->close)
		d->lower.ops->close(d->lower.self);
	work_flush(&d->changed);
	blkq_kill(d->q);
	bdev_put(d->whole);
}

/* ---- disks of drivers ---- */

static const struct disk_ops virtblk_ops = {.prefix = "vd", .major = VIRTBLK_MAJOR, .minors = PARTS_PER_DISK};

int bdev_disk_add(const struct bdev_disk_args *a)
{
	const struct blk_port lower = {a->ops, a->self};
	struct blk_info info;
	struct disk *d;
	int err = disk_create(&virtblk_ops, &lower, ~0u, a->self, &d);

	if (err)
		return err;
	d->device = a->device;
	blkq_info(d->q, &info);
	klog(LOG_INFO, "%s: %s, %llu sectors of 512 bytes, %u in a block", d->whole->name, a->device, info.capacity512, info.logical_bytes);
	disk_show(d);
	return 0;
}

void bdev_disk_remove(void *self)
{
	struct disk *d, *found = NULL;

	mutex_lock(&block_lock);
	list_for_each_entry(d, &block_disks, link)
		if (d->lower.self == self)
			found = d;
	mutex_unlock(&block_lock);
	if (found)
		disk_remove(found);
}

static int block_init(void)
{
	struct disk *d;

	mutex_lock(&block_lock);
	ready = true;
	mutex_unlock(&block_lock);
	for (;;) { /* disks of boot: nobody takes one away meanwhile */
		struct disk *hidden = NULL;

		mutex_lock(&block_lock);
		list_for_each_entry(d, &block_disks, link)
			if (!d->shown && !hidden)
				hidden = d;
		mutex_unlock(&block_lock);
		if (!hidden)
			return 0;
		disk_show(hidden);
	}
}

INITCALL(block, "sysfs procfs netlink_uevent pci virtio_mmio block_files", block_init);

/* ---- asking ---- */

u32 bdev_rdev(const struct bdev *b)
{
	return b->rdev;
}

const char *bdev_name(const struct bdev *b)
{
	return b->name;
}

u64 bdev_size(const struct bdev *b)
{
	return READ_ONCE(b->range.n512) * 512;
}

bool bdev_is_read_only(const struct bdev *b)
{
	return READ_ONCE(b->range.read_only) || READ_ONCE(b->disk->whole->range.read_only);
}

u32 bdev_logical_bytes(const struct bdev *b)
{
	struct blk_info info;

	blkq_info(b->disk->q, &info);
	return info.logical_bytes;
}
