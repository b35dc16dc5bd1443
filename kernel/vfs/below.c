/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a stacked file system does to the names below it: <vfs/below.h>. The same operations as namei_ops.c, without a walk and without telling watchers.
 */
#include "vfs_impl.h"
#include <lib/string.h>
#include <vfs/acl.h>
#include <vfs/below.h>
#include <linux/fs.h>
#include <linux/xattr.h>

/* The name cache compares whole words: a name with zeroes behind it, and its hash. */
struct padded {
	u32 hash;
	char text[NAME_MAX + 9];
};

static int pad_name(const struct dentry *dir, const char *name, u32 len, struct padded *out)
{
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(out->text, name, len);
	memset(out->text + len, 0, 8);
	out->hash = dentry_hash_name(dir, out->text, len);
	return 0;
}

int below_lookup(struct dentry *dir, const char *name, u32 len, struct dentry **out)
{
	struct padded p;
	struct dentry *d;
	int err = inode_permission(dir->inode, MAY_EXEC);

	if (!err)
		err = pad_name(dir, name, len, &p);
	if (err)
		return err;
	d = dentry_find(dir, p.text, len, p.hash);
	if (d && !(d->flags & DENTRY_REVALIDATE)) {
		*out = d;
		return 0;
	}
	if (d)
		dentry_put(d);
	write_lock(&dir->inode->lock);
	err = lookup_locked(dir, p.text, len, p.hash, out);
	write_unlock(&dir->inode->lock);
	return err;
}

/* Directory locked. */
static int make_in(struct inode *dir, struct dentry *d, const struct below_new *what)
{
	int err;

	if (what->link)
		return dir_link(dir, d, what->link);
	if (!S_ISDIR(what->mode) && !S_ISLNK(what->mode))
		return dir_mknod(dir, d, what->mode, what->rdev);
	err = may_create(dir);
	if (err)
		return err;
	if (S_ISDIR(what->mode))
		return dir->ops->mkdir ? dir->ops->mkdir(dir, d, what->mode) : -EPERM;
	return dir->ops->symlink ? dir->ops->symlink(dir, d, what->target) : -EPERM;
}

int below_make(struct dentry *dir, const char *name, u32 len, const struct below_new *what, struct dentry **out)
{
	struct inode *inode = dir->inode;
	struct padded p;
	struct dentry *d;
	int err = pad_name(dir, name, len, &p);

	if (err)
		return err;
	write_lock(&inode->lock);
	err = lookup_locked(dir, p.text, len, p.hash, &d);
	if (!err) {
		err = d->inode ? -EEXIST : make_in(inode, d, what);
		if (!err && !d->inode)
			err = -ESTALE;
		if (err || !out)
			dentry_put(d);
		else
			*out = d;
	}
	write_unlock(&inode->lock);
	return err;
}

static bool stands_in(const struct dentry *d, const struct dentry *dir)
{
	return d->parent == dir && dentry_is_hashed(d);
}

int below_remove(struct dentry *dir, struct dentry *d)
{
	struct inode *inode = dir->inode, *gone;
	int err = -ESTALE;

	write_lock(&inode->lock);
	gone = d->inode;
	if (gone)
		inode_get(gone);
	if (gone && stands_in(d, dir))
		err = dir_unlink(inode, d, S_ISDIR(gone->mode));
	write_unlock(&inode->lock);
	inode_put(gone);
	return err;
}

int below_rename(struct dentry *odir, struct dentry *od, struct dentry *ndir, struct dentry *nd, unsigned flags)
{
	struct dentry *trap = lock_rename(odir, ndir);
	struct inode *gone = nd->inode;
	int err;

	if (gone)
		inode_get(gone);
	if (!od->inode || !stands_in(od, odir) || !stands_in(nd, ndir))
		err = -ESTALE;
	else if (od == trap)
		err = -EINVAL;
	else if (nd == trap)
		err = flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	else if ((flags & RENAME_NOREPLACE) && gone)
		err = -EEXIST;
	else
		err = dir_rename(od, nd, flags & ~(unsigned)RENAME_NOREPLACE);
	unlock_rename(odir, ndir);
	inode_put(gone);
	return err;
}

int below_setattr(struct inode *inode, const struct iattr *attr)
{
	bool size = attr->valid & IATTR_SIZE;
	int err = size ? inode_get_write(inode) : 0;

	if (err)
		return err;
	write_lock(&inode->lock);
	err = inode_setattr_locked(inode, attr);
	write_unlock(&inode->lock);
	if (size)
		inode_put_write(inode);
	return err;
}

int below_getattr(struct inode *inode, struct kstat *st)
{
	inode_getattr_default(inode, st);
	return inode->ops->getattr ? inode->ops->getattr(inode, st) : 0;
}

ssize_t below_getxattr(struct inode *inode, const char *name, void *buf, size_t size)
{
	enum acl_type type;

	if (acl_is_xattr(name, &type))
		return acl_get_xattr(inode, type, buf, size);
	return inode->ops->getxattr ? inode->ops->getxattr(inode, name, buf, size) : -EOPNOTSUPP;
}

int below_setxattr(struct inode *inode, const char *name, const void *val, size_t size, int flags)
{
	enum acl_type type;
	int err = -EOPNOTSUPP;

	write_lock(&inode->lock);
	if (acl_is_xattr(name, &type))
		err = acl_set_xattr(inode, type, val, size);
	else if (!val && inode->ops->removexattr)
		err = inode->ops->removexattr(inode, name);
	else if (val && inode->ops->setxattr)
		err = inode->ops->setxattr(inode, name, val, size, flags);
	if (!err && val && strcmp(name, XATTR_NAME_CAPS) == 0)
		inode->flags |= INODE_FILECAPS;
	write_unlock(&inode->lock);
	return err;
}

int below_inherit_acl(struct inode *inode, const struct inode *dir)
{
	int err;

	if (!READ_ONCE(dir->default_acl) || S_ISLNK(inode->mode))
		return 0;
	write_lock(&inode->lock);
	err = acl_inherit(inode, dir);
	if (!err && inode->ops->set_acl) {
		err = inode->ops->set_acl(inode, ACL_ACCESS, inode->acl, inode->mode & 0177777u);
		if (!err && inode->default_acl)
			err = inode->ops->set_acl(inode, ACL_DEFAULT, inode->default_acl, inode->mode & 0177777u);
	}
	write_unlock(&inode->lock);
	return err;
}
