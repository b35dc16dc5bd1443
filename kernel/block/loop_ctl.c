/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /dev/loop-control: loop devices are made and taken away. The first FIRST of them appear when it is opened for the first time, as when Linux loads its module.
 * [man loop(4)]
 */
#include "loop.h"
#include <lib/errno.h>
#include <init/initcall.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <vfs/file.h>

LOCK_CLASS(loop, RANK_NAMESPACE - 9, "loop devices: their files and settings");

#define FIRST	   8u
#define MAX_INDEX  (1u << 20)
#define MISC_MAJOR 10
#define CTL_MINOR  237

struct mutex loop_mutex = MUTEX_INIT(loop_mutex, loop);
LIST_HEAD(loop_list);
void *loop_zeroes;
static bool loaded; /* loop_mutex */

static int loop_open(struct disk *d)
{
	struct loop *lo = d->private;
	int err = 0;

	mutex_lock(&loop_mutex);
	if (lo->state == LOOP_DELETING)
		err = -ENXIO;
	else
		lo->openers++;
	mutex_unlock(&loop_mutex);
	return err;
}

static void loop_release(struct disk *d)
{
	struct loop *lo = d->private;

	mutex_lock(&loop_mutex);
	if (!--lo->openers && lo->state == LOOP_BOUND && lo->flags & LO_FLAGS_AUTOCLEAR)
		loop_unbind(lo);
	mutex_unlock(&loop_mutex);
}

static void loop_free(struct disk *d)
{
	kfree(d->private);
}

const struct disk_ops loop_disk_ops = {
	.prefix = "loop",
	.major = LOOP_MAJOR,
	.minors = 1,
	.ioctl = loop_ioctl,
	.open = loop_open,
	.release = loop_release,
	.free = loop_free,
};

/* The device @index, or the one of a number >= that; NULL. */
static struct loop *find(u32 index, bool or_next)
{
	struct loop *lo;

	list_for_each_entry(lo, &loop_list, link)
		if (lo->index == index || (or_next && lo->index > index))
			return lo;
	return NULL;
}

static s64 add(u32 index)
{
	struct loop *lo, *next = find(index, true);
	int err;

	if (index > MAX_INDEX)
		return -ENOSPC;
	if (next && next->index == index)
		return -EEXIST;
	lo = kzalloc(sizeof(*lo), 0);
	if (!lo)
		return -ENOMEM;
	lo->index = index;
	lo->block_bytes = 512;
	loop_queue_init(lo);
	err = disk_create(&loop_disk_ops, &(struct blk_port){&loop_port_ops, lo}, index, lo, &lo->disk);
	if (err) {
		kfree(lo);
		return err;
	}
	lo->disk->no_parts = true;
	if (next)
		list_add_tail(&lo->link, &next->link);
	else
		list_add_tail(&lo->link, &loop_list);
	disk_show(lo->disk);
	return index;
}

static s64 add_any(void)
{
	u32 index = 0;

	while (find(index, false))
		index++;
	return add(index);
}

static s64 remove(s32 index)
{
	struct loop *lo;

	if (index < 0)
		return -EINVAL;
	lo = find((u32)index, false);
	if (!lo)
		return -ENODEV;
	if (lo->state != LOOP_UNBOUND || lo->openers)
		return -EBUSY;
	lo->state = LOOP_DELETING;
	list_del(&lo->link);
	disk_remove(lo->disk); /* frees it, unless somebody is just opening it */
	return 0;
}

static s64 get_free(void)
{
	struct loop *lo;

	list_for_each_entry(lo, &loop_list, link)
		if (lo->state == LOOP_UNBOUND)
			return lo->index;
	return add_any();
}

static s64 ctl_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	s64 ret;

	mutex_lock(&loop_mutex);
	switch (cmd) {
	case LOOP_CTL_ADD: ret = (s64)arg < 0 || (s32)arg < 0 ? add_any() : add((u32)arg); break;
	case LOOP_CTL_REMOVE: ret = remove((s32)arg); break;
	case LOOP_CTL_GET_FREE: ret = get_free(); break;
	default: ret = -ENOSYS;
	}
	mutex_unlock(&loop_mutex);
	return ret;
}

static int ctl_open(struct inode *inode, struct file *f)
{
	mutex_lock(&loop_mutex);
	for (u32 i = 0; i < FIRST && !loaded; i++)
		(void)add(i);
	loaded = true;
	mutex_unlock(&loop_mutex);
	return 0;
}

static const struct file_ops ctl_ops = {.open = ctl_open, .ioctl = ctl_ioctl, .lseek = file_lseek_noop};
static struct chrdev ctl_dev = {.major = MISC_MAJOR, .minor = CTL_MINOR, .nminors = 1, .ops = &ctl_ops, .name = "misc"};

static int loop_init(void)
{
	struct page *zero = page_alloc(0, ALLOC_ZERO);
	int err = zero ? chrdev_register(&ctl_dev) : -ENOMEM;

	if (!err)
		loop_zeroes = page_va(zero);
	return err ? err
		   : device_node_add(&(struct device_node){
			     .class = "misc", .name = "loop-control", .mode = 0660, .rdev = vfs_mkdev(MISC_MAJOR, CTL_MINOR)});
}

INITCALL(loop, "vfs", loop_init);
