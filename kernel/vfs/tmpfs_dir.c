/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directories of tmpfs. Every entry has a number that it keeps for life, given in ascending order; readdir goes from the newest to the oldest, as Linux'
 * does, and an entry that stays is seen exactly once whatever else comes and goes [man readdir(3)].
 *
 *   position   0 "."   1 ".."   2 the newest entry   n >= TMPFS_FIRST_OFF - 1: the newest of those numbered at most n   DIR_END nothing any more
 */
#include "tmpfs.h"
#include <debug/panic.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <linux/fs.h>
#include <linux/mount.h>

static void entry_add(struct inode *dir, struct dentry *d)
{
	struct tmpfs_inode *ti = tmpfs_inode(dir);
	struct rb_node **link = &ti->entries.node, *parent = NULL;

	while (*link) { /* the newest is the last */
		parent = *link;
		link = &parent->right;
	}
	d->off = ti->next_off++;
	rb_link(&d->off_node, parent, link);
	rb_insert(&d->off_node, &ti->entries);
	WRITE_ONCE(dir->data.size, dir->data.size + TMPFS_ENTRY_SIZE);
}

static void entry_remove(struct inode *dir, struct dentry *d)
{
	rb_erase(&d->off_node, &tmpfs_inode(dir)->entries);
	rb_clear(&d->off_node);
	WRITE_ONCE(dir->data.size, dir->data.size - TMPFS_ENTRY_SIZE);
}

/* A name that is not in the cache is not there; the dentry stays as negative. */
static int tmpfs_lookup(struct inode *dir, struct dentry *dentry)
{
	return 0;
}

static void touch_dir(struct inode *dir)
{
	dir->mtime = dir->ctime = ktime_now();
}

void tmpfs_link_in(struct inode *dir, struct dentry *d, struct inode *inode)
{
	entry_add(dir, d);
	dentry_pin(d);
	WRITE_ONCE(tmpfs_inode(inode)->alias, d);
	dentry_set_inode(d, inode);
	touch_dir(dir);
}

void tmpfs_link_hidden(struct inode *dir, struct dentry *d, struct inode *inode)
{
	entry_add(dir, d);
	dentry_pin(d);
	d->inode = inode; /* becomes visible with its hashing */
	dentry_hash(d);
}

static int tmpfs_mknod(struct inode *dir, struct dentry *d, u32 mode, u32 rdev)
{
	struct inode *inode;
	int err = tmpfs_inode_create(dir->super, dir, mode, rdev, &inode);

	if (!err)
		tmpfs_link_in(dir, d, inode);
	return err;
}

static int tmpfs_create(struct inode *dir, struct dentry *d, u32 mode)
{
	return tmpfs_mknod(dir, d, mode, 0);
}

static int tmpfs_mkdir(struct inode *dir, struct dentry *d, u32 mode)
{
	int err = tmpfs_mknod(dir, d, mode, 0);

	if (!err)
		inode_set_nlink(dir, dir->nlink + 1);
	return err;
}

static int tmpfs_symlink(struct inode *dir, struct dentry *d, const char *target)
{
	size_t len = strlen(target);
	struct inode *inode;
	char *text = kmalloc(len + 16, 0); /* the walk reads whole words */
	int err;

	if (!text)
		return -ENOMEM;
	memcpy(text, target, len);
	memset(text + len, 0, 16);
	err = tmpfs_inode_create(dir->super, dir, S_IFLNK | 0777, 0, &inode);
	if (err) {
		kfree(text);
		return err;
	}
	inode->link = text;
	inode->link_len = (u16)len;
	inode->data.size = len;
	tmpfs_link_in(dir, d, inode);
	return 0;
}

/* A hard link counts as an inode, so that nr_inodes also bounds the memory of names. */
static int tmpfs_link(struct inode *dir, struct dentry *d, struct inode *inode)
{
	struct tmpfs_super *ts = tmpfs_super(dir->super);

	if (inode->nlink) {
		if ((u64)__atomic_add_fetch(&ts->used_inodes, 1, __ATOMIC_RELAXED) > ts->max_inodes && ts->max_inodes) {
			__atomic_fetch_sub(&ts->used_inodes, 1, __ATOMIC_RELAXED);
			return -ENOSPC;
		}
	}
	inode_get(inode);
	inode_set_nlink(inode, inode->nlink + 1);
	inode->ctime = ktime_now();
	tmpfs_link_in(dir, d, inode);
	return 0;
}

static void link_out(struct inode *dir, struct dentry *d)
{
	struct inode *inode = d->inode;

	if (!S_ISDIR(inode->mode) && inode->nlink > 1)
		__atomic_fetch_sub(&tmpfs_super(dir->super)->used_inodes, 1, __ATOMIC_RELAXED);
	entry_remove(dir, d);
	if (tmpfs_inode(inode)->alias == d)
		WRITE_ONCE(tmpfs_inode(inode)->alias, NULL);
	inode_set_nlink(inode, inode->nlink - 1);
	touch_dir(dir);
	inode->ctime = dir->ctime;
	dentry_unpin(d);
}

static int tmpfs_unlink(struct inode *dir, struct dentry *d)
{
	link_out(dir, d);
	return 0;
}

static bool is_empty(const struct inode *dir)
{
	return rb_is_empty(&tmpfs_inode(dir)->entries);
}

static int tmpfs_rmdir(struct inode *dir, struct dentry *d)
{
	if (!is_empty(d->inode))
		return -ENOTEMPTY;
	link_out(dir, d);
	inode_set_nlink(d->inode, 0);
	inode_set_nlink(dir, dir->nlink - 1);
	return 0;
}

static int tmpfs_tmpfile(struct inode *dir, u32 mode, struct inode **out)
{
	int err = tmpfs_inode_create(dir->super, dir, mode, 0, out);

	if (!err)
		inode_set_nlink(*out, 0);
	return err;
}

/* What RENAME_WHITEOUT leaves behind: a character device 0:0. An unhashed dentry of the old name, entered and pinned. */
static int make_whiteout(struct inode *odir, struct dentry *od, struct dentry **out)
{
	struct inode *inode;
	struct dentry *w;
	int err = tmpfs_inode_create(odir->super, odir, S_IFCHR, 0, &inode);

	if (err)
		return err;
	w = dentry_alloc(od->parent, od->name, od->len, od->hash);
	if (!w) {
		inode_put(inode);
		return -ENOMEM;
	}
	w->inode = inode; /* becomes visible with its hashing */
	entry_add(odir, w);
	*out = w; /* the reference of dentry_alloc is the pin */
	return 0;
}

static void exchange(struct inode *odir, struct dentry *od, struct inode *ndir, struct dentry *nd)
{
	bool odir_is = S_ISDIR(od->inode->mode), ndir_is = S_ISDIR(nd->inode->mode);

	entry_remove(odir, od);
	entry_remove(ndir, nd);
	entry_add(ndir, od);
	entry_add(odir, nd);
	if (odir != ndir && odir_is != ndir_is) {
		inode_set_nlink(odir, odir->nlink + (ndir_is ? 1u : ~0u));
		inode_set_nlink(ndir, ndir->nlink + (odir_is ? 1u : ~0u));
	}
}

static int tmpfs_rename(struct inode *odir, struct dentry *od, struct inode *ndir, struct dentry *nd, unsigned flags)
{
	struct inode *inode = od->inode, *target = nd->inode;
	bool is_dir = S_ISDIR(inode->mode);
	struct dentry *whiteout = NULL;
	int err;

	if (flags & RENAME_EXCHANGE) {
		exchange(odir, od, ndir, nd);
		target->ctime = ktime_now();
		goto done;
	}
	if (target && S_ISDIR(target->mode) && !is_empty(target))
		return -ENOTEMPTY;
	if (flags & RENAME_WHITEOUT) {
		err = make_whiteout(odir, od, &whiteout);
		if (err)
			return err;
	}
	if (target) {
		link_out(ndir, nd);
		if (is_dir) {
			inode_set_nlink(target, 0);
			inode_set_nlink(ndir, ndir->nlink - 1);
		}
	}
	entry_remove(odir, od);
	entry_add(ndir, od);
	if (is_dir && odir != ndir) {
		inode_set_nlink(odir, odir->nlink - 1);
		inode_set_nlink(ndir, ndir->nlink + 1);
	}
	if (whiteout) {
		dentry_move(od, nd, false);
		dentry_hash(whiteout);
	}
done:
	touch_dir(odir);
	touch_dir(ndir);
	inode->ctime = ndir->ctime;
	return 0;
}

const struct inode_ops tmpfs_dir_ops = {
	.lookup = tmpfs_lookup,
	.create = tmpfs_create,
	.mknod = tmpfs_mknod,
	.mkdir = tmpfs_mkdir,
	.symlink = tmpfs_symlink,
	.link = tmpfs_link,
	.unlink = tmpfs_unlink,
	.rmdir = tmpfs_rmdir,
	.rename = tmpfs_rename,
	.tmpfile = tmpfs_tmpfile,
	MEMFS_ATTRIBUTE_OPS,
};

bool dir_emit_dots(struct file *f, struct dir_emit *e)
{
	struct dentry *parent = f->path.dentry == f->path.mnt->root ? f->path.dentry : f->path.dentry->parent;

	if (e->pos == 0) {
		if (!e->emit(e, ".", 1, f->inode->ino, 4, 0))
			return false;
		e->pos = 1;
	}
	if (e->pos == 1) {
		if (!e->emit(e, "..", 2, parent->inode->ino, 4, 1))
			return false;
		e->pos = 2;
	}
	return true;
}

#define DIR_END S64_MAX

/* The entry with the largest number <= @off. */
static struct dentry *entry_from(const struct tmpfs_inode *ti, u64 off)
{
	struct rb_node *n = ti->entries.node;
	struct dentry *best = NULL;

	while (n) {
		struct dentry *d = rb_entry(n, struct dentry, off_node);

		if (d->off <= off) {
			best = d;
			n = n->right;
		} else {
			n = n->left;
		}
	}
	return best;
}

static int tmpfs_iterate(struct file *f, struct dir_emit *e)
{
	struct tmpfs_inode *ti = tmpfs_inode(f->inode);
	struct dentry *d;

	if (e->pos == DIR_END || !dir_emit_dots(f, e))
		return 0;
	d = entry_from(ti, e->pos == 2 ? U64_MAX : (u64)e->pos);
	for (; d; d = rb_entry_safe(rb_prev(&d->off_node), struct dentry, off_node)) {
		struct inode *inode = d->inode;

		if (!e->emit(e, d->name, d->len, inode->ino, (inode->mode >> 12) & 15, (s64)d->off))
			return 0;
		e->pos = (s64)d->off - 1;
	}
	e->pos = DIR_END;
	return 0;
}

static s64 tmpfs_dir_lseek(struct file *f, s64 off, int whence)
{
	if (whence == SEEK_END)
		return -EINVAL;
	return lseek_size(f, off, whence, S64_MAX, 0);
}

static ssize_t dir_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	return -EISDIR;
}

static int dir_fsync(struct file *f, s64 start, s64 end, bool datasync)
{
	return 0;
}

const struct file_ops tmpfs_dir_fops = {
	.read = dir_read,
	.lseek = tmpfs_dir_lseek,
	.iterate = tmpfs_iterate,
	.fsync = dir_fsync,
};
