/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directories of kernel objects: a tmpfs whose files have other operations.
 */
#include "tmpfs.h"
#include <lib/string.h>
#include <mm/slab.h>
#include <vfs/memfs.h>

struct memfs {
	struct tmpfs_super tmpfs; /* first: what tmpfs finds in super->private */
	struct super_ops ops;
	void (*evict)(struct inode *inode);
};

static void memfs_evict(struct inode *inode)
{
	struct memfs *m = inode->super->private;

	m->evict(inode);
	tmpfs_super_ops.evict(inode);
}

int memfs_create(const struct fs_type *t, const struct inode_ops *root_ops, void (*evict)(struct inode *inode), struct super **out)
{
	struct memfs *m = kzalloc(sizeof(*m), ALLOC_SLEEP);
	struct inode *root;
	struct super *sb;
	int err;

	if (!m)
		return -ENOMEM;
	m->tmpfs.mode = 01777;
	tmpfs_handles_init(&m->tmpfs);
	m->evict = evict;
	m->ops = tmpfs_super_ops;
	m->ops.evict = memfs_evict;
	m->ops.show_options = NULL;
	m->ops.handle_note = NULL;
	m->ops.handle_open = NULL;
	err = super_create(t, &m->ops, 0, &sb);
	if (err) {
		kfree(m);
		return err;
	}
	sb->private = m;
	err = tmpfs_inode_create(sb, NULL, S_IFDIR | m->tmpfs.mode, 0, &root);
	if (!err) {
		root->ops = root_ops;
		sb->root = dentry_create_root(sb, root);
		if (sb->root) {
			*out = sb;
			return 0;
		}
	}
	super_put(sb);
	return -ENOMEM;
}

int memfs_add(struct inode *dir, struct dentry *d, u32 mode, const struct file_ops *fops, void *priv, u64 size)
{
	struct inode *inode;

	if (tmpfs_inode_create(dir->super, dir, S_IFREG | mode, 0, &inode))
		return -ENOMEM;
	inode->ops = &tmpfs_special_ops;
	inode->fops = fops;
	inode->private = priv;
	inode->data.size = size;
	tmpfs_link_in(dir, d, inode);
	return 0;
}

int memfs_lookup(struct inode *dir, struct dentry *d)
{
	return tmpfs_dir_ops.lookup(dir, d);
}

int memfs_unlink(struct inode *dir, struct dentry *d)
{
	return tmpfs_dir_ops.unlink(dir, d);
}
