/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VFS at boot: caches, the root file system (a tmpfs), the internal mounts, and the three names that init may count on.
 */
#include "tmpfs.h"
#include <debug/log.h>
#include <debug/panic.h>
#include <init/initcall.h>

void namei_init(void);
void fdtable_init(void);
void tmpfs_init(void);
int shmem_init(void);
int hugetlbfs_init(void);

static struct fs_type rootfs_type = {.name = "rootfs", .flags = FS_NODEV | FS_INTERNAL | FS_PINS_NAMES | FS_ACLS, TMPFS_CONFIG, .create = tmpfs_create_super};

static int make_names(void)
{
	struct path_name *n;
	int err;

	err = path_name_kernel("/dev", &n);
	if (err)
		return err;
	err = vfs_mkdirat(AT_FDCWD, n, 0755);
	path_name_put(n);
	if (err || (err = path_name_kernel("/dev/console", &n)))
		return err;
	err = vfs_mknodat(AT_FDCWD, n, S_IFCHR | 0600, vfs_mkdev(5, 1));
	path_name_put(n);
	if (err || (err = path_name_kernel("/root", &n)))
		return err;
	err = vfs_mkdirat(AT_FDCWD, n, 0700);
	path_name_put(n);
	return err;
}

/* Process 1 runs this: from here on it has a root and a working directory of its own. */
static int adopt_current(void)
{
	struct task *t = task_current_or_null();
	struct fs_context *fs;

	if (!t || t->fs)
		return 0;
	fs = fs_context_fork(NULL);
	if (!fs)
		return -ENOMEM;
	spin_lock(&t->alloc_lock);
	t->fs = fs;
	spin_unlock(&t->alloc_lock);
	return 0;
}

int vfs_init(void)
{
	int err;

	dcache_init();
	inode_cache_init();
	namei_init();
	file_init();
	fdtable_init();
	mount_init();
	tmpfs_init();
	fs_register(&rootfs_type);
	err = mount_tree_init(&rootfs_type, "mode=0755");
	if (!err)
		err = pipefs_init();
	if (!err)
		err = nsfs_init();
	if (!err)
		err = shmem_init();
	if (!err)
		err = hugetlbfs_init();
	if (!err)
		err = devtmpfs_init();
	if (!err)
		err = make_names();
	if (!err)
		err = adopt_current();
	/* Nothing runs without a root: this is memory that is missing at boot. */
	if (err)
		panic("vfs: no root file system: error %d", err);
	return 0;
}

INITCALL(vfs, "", vfs_init);
