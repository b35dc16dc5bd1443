/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * devtmpfs: one tmpfs that the kernel fills with device nodes. Each mount of the type shows the same super block.
 */
#include "tmpfs.h"
#include <lib/string.h>
#include <mm/slab.h>
#include <vfs/notify.h>
#include <linux/mount.h>

LOCK_CLASS(devtmpfs, RANK_NAMESPACE - 1, "the kernel's changes to devtmpfs");

static struct mutex dev_mutex = MUTEX_INIT(dev_mutex, devtmpfs);
static struct mount *dev_mount;

static int devtmpfs_create(struct fs_config *c)
{
	return dev_mount ? fs_config_share(c, dev_mount->super) : tmpfs_create_super(c);
}

static struct fs_type devtmpfs_type = {.name = "devtmpfs", .flags = FS_NODEV | FS_PINS_NAMES | FS_ACLS, TMPFS_CONFIG, .create = devtmpfs_create};

int devtmpfs_init(void)
{
	fs_register(&devtmpfs_type);
	return mount_internal(&devtmpfs_type, "mode=0755", &dev_mount);
}

/* Find or make the last component of @name; missing directories are made. *out locked directory's dentry and the name's dentry. */
static int dev_place(const char *name, bool create, struct dentry **out_dir, struct dentry **out)
{
	struct dentry *dir = dev_mount->root, *d;
	char part[NAME_MAX + 9];
	int err;

	dentry_get(dir);
	for (;;) {
		size_t len = (size_t)(str_chr_or_end(name, '/') - name);
		bool last = !name[len];

		err = -ENAMETOOLONG;
		if (len > NAME_MAX || !len)
			break;
		memset(part, 0, sizeof(part));
		memcpy(part, name, len);
		write_lock(&dir->inode->lock);
		err = lookup_locked(dir, part, (u32)len, dentry_hash_name(dir, part, (u32)len), &d);
		if (!err && last) {
			*out_dir = dir;
			*out = d;
			return 0;
		}
		if (!err) {
			if (!d->inode)
				err = create ? dir->inode->ops->mkdir(dir->inode, d, S_IFDIR | 0755) : -ENOENT;
			else if (!S_ISDIR(d->inode->mode))
				err = -ENOTDIR;
			if (err)
				dentry_put(d);
		}
		write_unlock(&dir->inode->lock);
		if (err)
			break;
		dentry_put(dir);
		dir = d;
		name += len + 1;
	}
	dentry_put(dir);
	return err;
}

int devtmpfs_add(const char *name, u32 mode, u32 rdev)
{
	struct dentry *dir, *d;
	int err;

	mutex_lock(&dev_mutex);
	err = dev_place(name, true, &dir, &d);
	if (!err) {
		err = d->inode ? -EEXIST : dir->inode->ops->mknod(dir->inode, d, mode, rdev);
		if (!err) {
			d->inode->uid = d->inode->gid = 0;
			notify_name(dir->inode, IN_CREATE, d->name, d->len, d->inode, 0);
		}
		write_unlock(&dir->inode->lock);
		dentry_put(d);
		dentry_put(dir);
	}
	mutex_unlock(&dev_mutex);
	return err;
}

void devtmpfs_remove(const char *name)
{
	struct dentry *dir, *d;

	mutex_lock(&dev_mutex);
	if (dev_place(name, false, &dir, &d) == 0) {
		struct inode *gone = d->inode;

		if (gone && !S_ISDIR(gone->mode)) {
			inode_get(gone);
			write_lock(&gone->lock);
			(void)dir->inode->ops->unlink(dir->inode, d);
			write_unlock(&gone->lock);
			dentry_delete(d);
			notify_name(dir->inode, IN_DELETE, d->name, d->len, gone, 0);
			inode_put(gone);
		}
		write_unlock(&dir->inode->lock);
		dentry_put(d);
		dentry_put(dir);
	}
	mutex_unlock(&dev_mutex);
}
