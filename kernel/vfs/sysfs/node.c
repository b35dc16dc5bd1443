/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Character devices: a node in /dev and a device in /sys. Drivers come before /sys is there: what they add until then waits in a list.
 */
#include "sysfs_impl.h"
#include <lib/string.h>
#include <mm/slab.h>

LOCK_CLASS(device_nodes, RANK_NAMESPACE - 2, "character devices that are added");

struct node_device {
	struct sysfs_device dev;
	struct list_head link;
	char name[];
};

static struct mutex lock = MUTEX_INIT(lock, device_nodes);
static LIST_HEAD(waiting); /* lock */
static bool ready;	   /* lock */

int device_node_add(const struct device_node *n)
{
	size_t len = strlen(n->name) + 1;
	struct node_device *nd;
	int err = devtmpfs_add(n->name, S_IFCHR | n->mode, n->rdev);

	if (err)
		return err;
	nd = kzalloc(sizeof(*nd) + len, ALLOC_SLEEP);
	if (!nd) {
		devtmpfs_remove(n->name);
		return -ENOMEM;
	}
	memcpy(nd->name, n->name, len);
	nd->dev = (struct sysfs_device){.name = nd->name, .class = n->class, .rdev = n->rdev, .mode = n->mode, .files = n->files, .nfiles = n->nfiles};
	mutex_lock(&lock);
	if (ready)
		err = sysfs_add_device(&nd->dev);
	else
		list_add_tail(&nd->link, &waiting);
	mutex_unlock(&lock);
	if (err) {
		devtmpfs_remove(n->name);
		kfree(nd);
	}
	return err;
}

int sysfs_node_init(void)
{
	int err = 0;

	mutex_lock(&lock);
	ready = true;
	while (!err && !list_empty(&waiting)) {
		struct node_device *nd = list_first_entry(&waiting, struct node_device, link);

		list_del(&nd->link);
		err = sysfs_add_device(&nd->dev);
	}
	mutex_unlock(&lock);
	return err;
}
