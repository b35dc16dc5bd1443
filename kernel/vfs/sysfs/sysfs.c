/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file system: one tree, one super block for every mount. Names come and go with devices, so the name cache asks each time.
 */
#include "sysfs_impl.h"
#include <debug/panic.h>
#include <init/initcall.h>
#include <linux/magic.h>
#include <linux/mount.h>

struct pseudo_node *sysfs_root;
struct pseudo_node *sysfs_devices, *sysfs_system, *sysfs_virtual, *sysfs_class, *sysfs_bus, *sysfs_block, *sysfs_kernel, *sysfs_fs;
struct pseudo_node *sysfs_dev_char, *sysfs_dev_block;
static struct mount *sysfs_mount;

static const struct super_ops sysfs_super_ops = {
	.alloc_inode = pseudo_alloc_inode,
	.free_inode = pseudo_free_inode,
	.evict = pseudo_evict,
};

static int sysfs_create(struct fs_config *c)
{
	int err;

	if (sysfs_mount)
		return fs_config_share(c, sysfs_mount->super);
	err = pseudo_super_create(c, &sysfs_super_ops, SYSFS_MAGIC, sysfs_root, &pseudo_dir_inode_ops, &pseudo_dir_fops);
	if (!err)
		c->super->revalidate = true;
	return err;
}

static struct fs_type sysfs_type = {.name = "sysfs", .flags = FS_NODEV | FS_USERNS, .create = sysfs_create};

static int make_dirs(void)
{
	static const struct {
		const char *path;
		struct pseudo_node **node;
	} dirs[] = {{"devices", &sysfs_devices}, {"devices/system", &sysfs_system}, {"devices/virtual", &sysfs_virtual},
		{"class", &sysfs_class}, {"bus", &sysfs_bus}, {"block", &sysfs_block}, {"kernel", &sysfs_kernel}, {"fs", &sysfs_fs},
		{"dev/char", &sysfs_dev_char}, {"dev/block", &sysfs_dev_block}};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		int err = pseudo_make_path(sysfs_root, dirs[i].path, dirs[i].node);

		if (err)
			return err;
	}
	return 0;
}

static int sysfs_init(void)
{
	int err;

	pseudo_init();
	sysfs_root = pseudo_create_root(0755);
	err = make_dirs();
	if (!err)
		err = sysfs_cpu_init();
	if (!err)
		err = sysfs_trace_init();
	if (!err)
		err = sysfs_memory_init();
	if (!err)
		err = sysfs_node_init();
	if (err)
		return err;
	fs_register(&sysfs_type);
	return mount_internal(&sysfs_type, NULL, &sysfs_mount);
}

INITCALL(sysfs, "vfs", sysfs_init);
