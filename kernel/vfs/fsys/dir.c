/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names. The VFS holds the directories' locks and has checked rights and kinds; counts of links are kept beside the component's.
 */
#include "fsys_impl.h"
#include <lib/string.h>
#include <mm/slab.h>
#include <linux/fs.h>

static void name_of(const struct dentry *d, struct fsys_name *out)
{
	out->hash = d->hash;
	iobuf_init_kernel(&out->bytes, (void *)d->name, d->len);
}

static void touch_dir(struct inode *dir, const struct fsys_cred *who)
{
	dir->mtime = dir->ctime = fsys_time_in(who->now);
}

static void add_links(struct inode *inode, int n)
{
	inode_set_nlink(inode, inode->nlink + (u32)n);
}

/* 1: there are more directories in it than the disk can count. */
static void add_subdirs(struct inode *dir, int n)
{
	if (n > 0 ? dir->nlink != 1 : dir->nlink > 2)
		add_links(dir, n);
}

static int fsys_lookup(struct inode *dir, struct dentry *d)
{
	struct fsys_name name;
	struct fsys_attr a;
	struct inode *inode;
	int err;

	name_of(d, &name);
	err = FSYS_CALL(dir, lookup, &name, &a);
	if (err == -ENOENT)
		return 0;
	if (!err)
		err = fsys_inode_get(dir->super, &a, &inode);
	if (!err)
		dentry_set_inode(d, inode);
	return err;
}

/* What a new inode is to be: owner, mode, lists as the VFS makes them. */
static int begin_new(struct inode *dir, u32 mode, struct fsys_cred *who, struct inode **out)
{
	*out = inode_alloc(dir->super, dir, mode);
	if (!*out)
		return -ENOMEM;
	*who = fsys_cred(dir->super);
	who->uid = (*out)->uid;
	who->gid = (*out)->gid;
	return 0;
}

static int make_node(struct inode *dir, struct dentry *d, u32 mode, u32 rdev, const char *target)
{
	struct fsys_super *fs = fsys_of(dir);
	struct fsys_cred who;
	struct fsys_name name;
	struct fsys_attr a;
	struct inode *inode;
	int err = begin_new(dir, mode, &who, &inode);

	if (err)
		return err;
	name_of(d, &name);
	if (target) {
		struct iobuf text;

		iobuf_init_kernel(&text, (void *)target, strlen(target));
		err = FSYS_CALL(dir, symlink, &name, &text, &who, &a);
	} else {
		err = FSYS_CALL(dir, create, &name, inode->mode & 0177777, rdev, &who, &a);
	}
	if (err) {
		inode_put(inode);
		return err;
	}
	fsys_inode_adopt(inode, &a);
	err = fsys_write_acls(inode);
	if (err) {
		(void)fs->port.ops->remove(fs->port.self, fsys_inode(dir)->node, &name, fsys_inode(inode)->node, &who);
		inode_set_nlink(inode, 0);
		inode_put(inode);
		return err;
	}
	touch_dir(dir, &who);
	if (S_ISDIR(mode))
		add_subdirs(dir, 1);
	if (target) { /* the next walk reads it; else it is read then */
		size_t len = strlen(target);
		char *text = kzalloc(len + 16, 0);

		if (text)
			memcpy(text, target, len);
		inode->link_len = (u16)len;
		inode->link = text;
	}
	dentry_set_inode(d, inode);
	return 0;
}

static int fsys_create(struct inode *dir, struct dentry *d, u32 mode)
{
	return make_node(dir, d, mode, 0, NULL);
}

static int fsys_mknod(struct inode *dir, struct dentry *d, u32 mode, u32 rdev)
{
	return make_node(dir, d, mode, rdev, NULL);
}

static int fsys_symlink(struct inode *dir, struct dentry *d, const char *target)
{
	return make_node(dir, d, S_IFLNK | 0777, 0, target);
}

static int fsys_tmpfile(struct inode *dir, u32 mode, struct inode **out)
{
	struct fsys_cred who;
	struct fsys_attr a;
	struct inode *inode;
	int err = begin_new(dir, mode, &who, &inode);

	if (err)
		return err;
	err = FSYS_CALL(dir, tmpfile, inode->mode & 0177777, &who, &a);
	if (!err) {
		fsys_inode_adopt(inode, &a);
		err = fsys_write_acls(inode);
	}
	if (err)
		inode_put(inode);
	else
		*out = inode;
	return err;
}

static int fsys_link(struct inode *dir, struct dentry *d, struct inode *inode)
{
	struct fsys_cred who = fsys_cred(dir->super);
	struct fsys_name name;
	struct fsys_attr a;
	int err;

	name_of(d, &name);
	err = FSYS_CALL(inode, link, fsys_inode(dir)->node, &name, &who, &a);
	if (err)
		return err;
	fsys_inode_count(inode);
	inode_get(inode);
	add_links(inode, 1);
	inode->ctime = fsys_time_in(who.now);
	touch_dir(dir, &who);
	dentry_set_inode(d, inode);
	return 0;
}

static int remove_name(struct inode *dir, struct dentry *d, struct fsys_cred *who)
{
	struct fsys_name name;
	int err;

	*who = fsys_cred(dir->super);
	name_of(d, &name);
	err = FSYS_CALL(dir, remove, &name, fsys_inode(d->inode)->node, who);
	if (err)
		return err;
	touch_dir(dir, who);
	d->inode->ctime = dir->ctime;
	return 0;
}

static int fsys_unlink(struct inode *dir, struct dentry *d)
{
	struct fsys_cred who;
	int err = remove_name(dir, d, &who);

	if (!err && d->inode->nlink)
		add_links(d->inode, -1);
	return err;
}

static int fsys_rmdir(struct inode *dir, struct dentry *d)
{
	struct fsys_cred who;
	int err = remove_name(dir, d, &who);

	if (err)
		return err;
	inode_set_nlink(d->inode, 0);
	add_subdirs(dir, -1);
	return 0;
}

/* Link counts of the directories, after the entries have moved. */
static void count_moved(struct inode *odir, struct inode *ndir, const struct inode *moved, struct inode *target, bool exchange)
{
	bool dir = S_ISDIR(moved->mode), target_dir = target && S_ISDIR(target->mode);

	if (odir != ndir && dir) {
		add_subdirs(odir, -1);
		add_subdirs(ndir, 1);
	}
	if (exchange && odir != ndir && target_dir) {
		add_subdirs(ndir, -1);
		add_subdirs(odir, 1);
	}
	if (!target || exchange)
		return;
	if (target_dir) {
		inode_set_nlink(target, 0);
		add_subdirs(ndir, -1);
	} else if (target->nlink) {
		add_links(target, -1);
	}
}

static int fsys_rename(struct inode *odir, struct dentry *od, struct inode *ndir, struct dentry *nd, unsigned flags)
{
	struct fsys_cred who = fsys_cred(odir->super);
	struct inode *moved = od->inode, *target = nd->inode;
	struct fsys_name from, to;
	u32 port_flags = (flags & RENAME_EXCHANGE ? FSYS_RENAME_EXCHANGE : 0) | (flags & RENAME_WHITEOUT ? FSYS_RENAME_WHITEOUT : 0)
			 | (flags & RENAME_NOREPLACE ? FSYS_RENAME_NOREPLACE : 0);
	int err;

	name_of(od, &from);
	name_of(nd, &to);
	err = FSYS_CALL(odir, rename, &from, fsys_inode(moved)->node, fsys_inode(ndir)->node, &to, target ? fsys_inode(target)->node : 0,
		port_flags, &who);
	if (err)
		return err;
	count_moved(odir, ndir, moved, target, flags & RENAME_EXCHANGE);
	touch_dir(odir, &who);
	touch_dir(ndir, &who);
	moved->ctime = ndir->ctime;
	if (target)
		target->ctime = ndir->ctime;
	if (flags & RENAME_WHITEOUT) /* who asks for the old name finds it on the disk */
		dentry_move(od, nd, false);
	return 0;
}

/* A link whose text did not find memory when it was made. */
static int fsys_readlink(struct inode *inode, struct dentry *d, char *buf, size_t size)
{
	struct iobuf to;

	iobuf_init_kernel(&to, buf, size);
	return FSYS_CALL(inode, readlink, &to);
}

const struct inode_ops fsys_dir_ops = {
	.lookup = fsys_lookup,
	.create = fsys_create,
	.mknod = fsys_mknod,
	.mkdir = fsys_create,
	.symlink = fsys_symlink,
	.link = fsys_link,
	.unlink = fsys_unlink,
	.rmdir = fsys_rmdir,
	.rename = fsys_rename,
	.tmpfile = fsys_tmpfile,
	FSYS_ATTRIBUTE_OPS,
};

const struct inode_ops fsys_file_ops = {FSYS_ATTRIBUTE_OPS};
const struct inode_ops fsys_link_ops = {.readlink = fsys_readlink, FSYS_ATTRIBUTE_OPS};
