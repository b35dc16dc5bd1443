/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names that are made and removed. The VFS holds the overlay's directory (and what is removed) locked and has checked rights; the upper layer's directory is
 * copied up first. Where a whiteout stands, the new object is made in the work directory and takes its place; a name that lower layers have leaves a whiteout.
 */
#include "overlay.h"
#include <linux/fs.h>
#include <linux/magic.h>

void ovl_dir_changed(struct inode *dir)
{
	__atomic_fetch_add(&ovl_inode(dir)->version, 1, __ATOMIC_RELAXED);
	(void)!ovl_copy_attr(dir);
}

int ovl_upper_lookup(struct inode *dir, const struct dentry *d, const struct inode *expect, struct dentry **out)
{
	struct dentry *u;
	int err = below_lookup(ovl_upper(dir), d->name, d->len, &u);

	if (err)
		return err;
	if (expect ? u->inode != expect : u->inode && !ovl_is_whiteout(ovl_super(dir->super), u)) {
		dentry_put(u);
		return -ESTALE;
	}
	*out = u;
	return 0;
}

/* ---- making ---- */

/* The mounter's rights, but what is made belongs to the caller, as the overlay's directory says. */
static int creator_cred(struct inode *dir, struct cred **out)
{
	const struct cred *me = cred_current();
	struct cred *c = cred_copy(ovl_super(dir->super)->creator);

	if (!c)
		return -ENOMEM;
	c->fsuid = me->fsuid;
	c->fsgid = READ_ONCE(dir->mode) & S_ISGID ? READ_ONCE(dir->gid) : me->fsgid;
	*out = c;
	return 0;
}

/* @what is made in the work directory and takes the place of the whiteout @w. */
static int make_over(struct inode *dir, struct dentry *w, const struct below_new *what, struct dentry **out)
{
	struct ovl_super *os = ovl_super(dir->super);
	struct dentry *upper = ovl_upper(dir), *temp;
	bool is_dir = !what->link && S_ISDIR(what->mode);
	int err = ovl_work_make(os, what, &temp);

	if (err)
		return err;
	if (!what->link)
		err = below_inherit_acl(temp->inode, upper->inode);
	if (!err && is_dir)
		err = ovl_mark_set(os, temp->inode, OVL_OPAQUE, "y", 1);
	if (!err)
		err = below_rename(os->work, temp, upper, w, is_dir ? RENAME_EXCHANGE : 0);
	if (err) {
		ovl_cleanup(os->work, temp);
		dentry_put(temp);
		return err;
	}
	if (is_dir)
		ovl_cleanup(os->work, w);
	*out = temp;
	return 0;
}

static int make_upper(struct inode *dir, struct dentry *d, const struct below_new *what, bool *opaque, struct dentry **out)
{
	struct ovl_super *os = ovl_super(dir->super);
	struct dentry *w;
	int err = ovl_upper_lookup(dir, d, NULL, &w);

	if (err)
		return err;
	if (w->inode) {
		err = make_over(dir, w, what, out);
		*opaque = true;
	} else {
		err = below_make(ovl_upper(dir), d->name, d->len, what, out);
		/* With these a lower layer that is changed while it is not mounted is no use anyway: saves asking it. */
		if (!err && !what->link && S_ISDIR(what->mode) && ovl_inode(dir)->nlower
			&& (os->o.redirect == OVL_REDIRECT_ON || os->o.xino == OVL_XINO_ON))
			*opaque = ovl_mark_set(os, (*out)->inode, OVL_OPAQUE, "y", 1) == 0;
	}
	dentry_put(w);
	return err;
}

static int make_inode(struct inode *dir, struct dentry *d, const struct below_new *what)
{
	struct below_new own = *what;
	struct ovl_found f = {0};
	struct inode *inode;
	struct cred *c;
	const struct cred *saved, *outer;
	int err = ovl_copy_up(dir);

	if (!err)
		err = creator_cred(dir, &c);
	if (err)
		return err;
	/* In the work directory nothing says so. */
	if (S_ISDIR(own.mode) && (READ_ONCE(dir->mode) & S_ISGID))
		own.mode |= S_ISGID;
	else if (!S_ISDIR(own.mode) && (own.mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && (READ_ONCE(dir->mode) & S_ISGID)
		 && !cred_in_group(cred_current(), c->fsgid) && !capable(CAP_FSETID))
		own.mode &= ~(u32)S_ISGID;
	err = ovl_enter_write(dir->super, &outer);
	if (!err) {
		saved = cred_override(c);
		err = make_upper(dir, d, &own, &f.opaque, &f.upper);
		cred_revert(saved);
		if (!err)
			err = ovl_inode_get(dir->super, d->parent, &f, &inode);
		ovl_leave_write(dir->super, outer);
	}
	cred_put(c);
	if (err)
		return err;
	dentry_set_inode(d, inode);
	ovl_dir_changed(dir);
	return 0;
}

static int ovl_create(struct inode *dir, struct dentry *d, u32 mode)
{
	return make_inode(dir, d, &(struct below_new){.mode = mode});
}

static int ovl_mknod(struct inode *dir, struct dentry *d, u32 mode, u32 rdev)
{
	/* It would be taken for a whiteout. */
	if (S_ISCHR(mode) && !rdev)
		return -EPERM;
	return make_inode(dir, d, &(struct below_new){.mode = mode, .rdev = rdev});
}

static int ovl_symlink(struct inode *dir, struct dentry *d, const char *target)
{
	return make_inode(dir, d, &(struct below_new){.mode = S_IFLNK | 0777, .target = target});
}

static int ovl_link(struct inode *dir, struct dentry *d, struct inode *inode)
{
	struct below_new what = {.mode = inode->mode & S_IFMT};
	struct dentry *upper = NULL;
	const struct cred *saved;
	bool opaque;
	int err = ovl_copy_up(inode);

	if (!err)
		err = ovl_copy_up(dir);
	if (!err)
		err = ovl_enter_write(dir->super, &saved);
	if (err)
		return err;
	what.link = ovl_upper(inode)->inode;
	err = make_upper(dir, d, &what, &opaque, &upper);
	if (!err && ovl_inode(inode)->nlower)
		err = ovl_set_impure(dir);
	ovl_leave_write(dir->super, saved);
	if (upper)
		dentry_put(upper);
	if (err)
		return err;
	inode_get(inode);
	inode_set_nlink(inode, inode->nlink + 1);
	dentry_set_inode(d, inode);
	ovl_dir_changed(dir);
	return ovl_copy_attr(inode);
}

static int ovl_tmpfile(struct inode *dir, u32 mode, struct inode **out)
{
	struct ovl_super *os = ovl_super(dir->super);
	struct ovl_found f = {0};
	const struct cred *saved, *outer;
	struct inode *real;
	struct cred *c;
	int err = ovl_copy_up(dir);

	if (!err && !ovl_upper(dir)->inode->ops->tmpfile)
		err = -EOPNOTSUPP;
	if (!err)
		err = creator_cred(dir, &c);
	if (err)
		return err;
	err = ovl_enter_write(dir->super, &outer);
	if (!err) {
		saved = cred_override(c);
		err = ovl_upper(dir)->inode->ops->tmpfile(ovl_upper(dir)->inode, mode, &real);
		cred_revert(saved);
		if (!err) {
			real->flags |= INODE_LINKABLE;
			f.upper = dentry_create_anon(os->layers[0].mnt->super, "#tmpfile", real, 0);
			err = f.upper ? ovl_inode_get(dir->super, dir->super->root, &f, out) : -ENOMEM;
		}
		ovl_leave_write(dir->super, outer);
	}
	cred_put(c);
	return err;
}

/* ---- removing ---- */

/* What stands in the upper layer for @d, or NULL; -ESTALE. Referenced. */
static int upper_of(struct inode *dir, struct dentry *d, struct dentry **out)
{
	struct dentry *upper = ovl_upper(d->inode);

	return ovl_upper_lookup(dir, d, upper ? upper->inode : NULL, out);
}

/* Remove @u of the upper directory: the file or directory, which may have whiteouts in it. @cover: and leave a whiteout. */
static int remove_upper(struct inode *dir, struct dentry *u, bool cover)
{
	struct ovl_super *os = ovl_super(dir->super);
	int err;

	if (!cover)
		return u->inode ? below_remove(ovl_upper(dir), u) : 0;
	if (ovl_is_whiteout_inode(u->inode))
		return 0;
	err = ovl_whiteout(os, ovl_upper(dir), u);
	if (!err && u->inode)
		ovl_cleanup(os->work, u);
	return err;
}

static int remove_name(struct inode *dir, struct dentry *d)
{
	bool is_dir = S_ISDIR(d->inode->mode);
	const struct cred *saved;
	struct dentry *u;
	int err = is_dir ? ovl_dir_check_empty(d->inode) : 0, cover;

	if (!err)
		err = ovl_copy_up(dir);
	if (!err)
		err = ovl_enter_write(dir->super, &saved);
	if (err)
		return err;
	cover = ovl_lower_positive(dir, d->name, d->len);
	err = cover < 0 ? cover : upper_of(dir, d, &u);
	if (!err) {
		err = remove_upper(dir, u, cover);
		dentry_put(u);
	}
	ovl_leave_write(dir->super, saved);
	if (err)
		return err;
	if (is_dir)
		inode_set_nlink(d->inode, 0);
	else if (d->inode->nlink)
		inode_set_nlink(d->inode, d->inode->nlink - 1);
	ovl_dir_changed(dir);
	if (!is_dir)
		(void)!ovl_copy_attr(d->inode);
	return 0;
}

/* Directory and its parent are locked. */
int ovl_dir_check_empty(struct inode *dir)
{
	struct ovl_super *os = ovl_super(dir->super);
	struct dentry *upper = ovl_upper(dir);
	const struct cred *saved;
	int err = ovl_dir_is_empty(dir);

	if (err || !upper || !ovl_inode(dir)->whiteouts)
		return err;
	err = ovl_enter_write(dir->super, &saved);
	if (err)
		return err;
	/* Opaque first, so that nothing of lower layers is seen when its whiteouts are gone. */
	err = ovl_set_opaque(dir, upper);
	if (!err)
		err = ovl_work_clear(os, upper);
	ovl_leave_write(dir->super, saved);
	return err;
}

const struct inode_ops ovl_dir_ops = {
	.lookup = ovl_lookup,
	.create = ovl_create,
	.mknod = ovl_mknod,
	.mkdir = ovl_create,
	.symlink = ovl_symlink,
	.link = ovl_link,
	.unlink = remove_name,
	.rmdir = remove_name,
	.rename = ovl_rename,
	.tmpfile = ovl_tmpfile,
	OVL_ATTRIBUTE_OPS,
};
