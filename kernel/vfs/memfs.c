/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directories of kernel objects: a tmpfs whose files have other operations.
 */
#include "tmpfs.h"
#include <debug/panic.h>
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

static int new_file(struct inode *dir, u32 mode, const struct file_ops *fops, void *priv, struct inode **out)
{
	if (tmpfs_inode_create(dir->super, dir, S_IFREG | mode, 0, out))
		return -ENOMEM;
	(*out)->ops = &tmpfs_special_ops;
	(*out)->fops = fops;
	(*out)->private = priv;
	return 0;
}

int memfs_add(struct inode *dir, struct dentry *d, u32 mode, const struct file_ops *fops, void *priv, u64 size)
{
	struct inode *inode;

	if (new_file(dir, mode, fops, priv, &inode))
		return -ENOMEM;
	inode->data.size = size;
	tmpfs_link_in(dir, d, inode);
	return 0;
}

int memfs_add_named(struct dentry *at, struct inode *dir, const char *name, u32 mode, const struct file_ops *fops, void *priv, struct dentry **out)
{
	char part[NAME_MAX + 9] = {0};
	u32 len = (u32)strlen(name), hash;
	struct inode *inode;
	struct dentry *d;

	memcpy(part, name, len);
	hash = dentry_hash_name(at, part, len);
	if (new_file(dir, mode, fops, priv, &inode))
		return -ENOMEM;
	/* somebody may have looked for the name and left a negative dentry; where nobody was yet, there is none */
	d = dentry_find(at, part, len, hash);
	if (!d)
		d = dentry_alloc(at, part, len, hash);
	if (!d) {
		inode->private = NULL;
		inode_put(inode);
		return -ENOMEM;
	}
	if (at->inode)
		tmpfs_link_in(dir, d, inode);
	else
		tmpfs_link_hidden(dir, d, inode);
	dentry_put(d);
	if (out)
		*out = d;
	return 0;
}

void memfs_remove_named(struct inode *dir, struct dentry *d)
{
	dentry_get(d);
	(void)tmpfs_dir_ops.unlink(dir, d);
	dentry_delete(d);
	dentry_put(d);
}

int memfs_new_dir(struct inode *parent, u32 mode, const struct inode_ops *ops, void *priv, struct inode **out)
{
	if (tmpfs_inode_create(parent->super, parent, S_IFDIR | mode, 0, out))
		return -ENOMEM;
	(*out)->ops = ops;
	(*out)->private = priv;
	return 0;
}

void memfs_link_dir(struct inode *parent, struct dentry *d, struct inode *dir)
{
	tmpfs_link_in(parent, d, dir);
	inode_set_nlink(parent, parent->nlink + 1);
}

void memfs_unlink_dir(struct inode *parent, struct dentry *d)
{
	int err = tmpfs_dir_ops.rmdir(parent, d);

	ASSERT(!err);
}

void memfs_set_show_options(struct super *sb, size_t (*show)(struct super *sb, char *buf, size_t size))
{
	struct memfs *m = sb->private;

	m->ops.show_options = show;
}

void memfs_keep_ids(struct super *sb)
{
	struct memfs *m = sb->private;

	m->ops.handle_note = tmpfs_handle_note;
	m->ops.handle_open = tmpfs_handle_open;
	m->ops.handle_is_id = true;
}

int memfs_lookup(struct inode *dir, struct dentry *d)
{
	return tmpfs_dir_ops.lookup(dir, d);
}

int memfs_unlink(struct inode *dir, struct dentry *d)
{
	return tmpfs_dir_ops.unlink(dir, d);
}
