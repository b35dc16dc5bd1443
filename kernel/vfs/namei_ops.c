/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making, removing and moving names.
 *
 * Locks, in this order: the super block's rename_lock (only for a rename between two directories), the directories (an ancestor before what is below it),
 * then the inodes that the operation changes (a directory before a file, equals by address). The directory's lock also makes the name cache stand still for
 * that directory: names in it appear, vanish and move only under it.
 */
#include "vfs_impl.h"
#include <vfs/notify.h>
#include <linux/fs.h>

u32 mode_apply_umask(const struct inode *dir, u32 mode)
{
	/* A default list takes the place of the umask. */
	return READ_ONCE(dir->default_acl) ? mode : mode & ~(READ_ONCE(fs_current()->umask) & 0777u);
}

int may_create(struct inode *dir)
{
	if (unlikely(dir->flags & INODE_DEAD))
		return -ENOENT;
	return inode_permission(dir, MAY_WRITE | MAY_EXEC);
}

int may_delete(struct inode *dir, struct dentry *victim, bool is_dir)
{
	struct inode *inode = victim->inode;
	int err;

	if (!inode)
		return -ENOENT;
	err = inode_permission(dir, MAY_WRITE | MAY_EXEC);
	if (err)
		return err;
	if (dir->flags & INODE_APPEND)
		return -EPERM;
	if (inode_sticky_forbids(dir, inode) || (inode->flags & (INODE_APPEND | INODE_IMMUTABLE)))
		return -EPERM;
	if (is_dir) {
		if (!S_ISDIR(inode->mode))
			return -ENOTDIR;
		if (victim->flags & DENTRY_ROOT)
			return -EBUSY;
	} else if (S_ISDIR(inode->mode)) {
		return -EISDIR;
	}
	return dir->flags & INODE_DEAD ? -ENOENT : 0;
}

int dir_create(struct inode *dir, struct dentry *d, u32 mode)
{
	int err = may_create(dir);

	if (err)
		return err;
	if (!dir->ops->create)
		return -EACCES;
	return dir->ops->create(dir, d, mode);
}

/* A place for a new name: its directory locked and writable, its dentry negative. */
struct place {
	struct walk walk;
	struct parent_walk at;
	struct inode *dir;
	struct dentry *d;
};

static void place_end(struct place *pl, int err)
{
	if (!err)
		notify_name(pl->dir, IN_CREATE, pl->d->name, pl->d->len, pl->d->inode, 0);
	write_unlock(&pl->dir->lock);
	mount_drop_write(pl->at.dir.mnt);
	dentry_put(pl->d);
	parent_done(&pl->at);
}

static int place_begin(int dirfd, const struct path_name *name, bool is_dir, struct place *pl)
{
	int err = parent_lookup(dirfd, name, 0, &pl->walk, &pl->at);
	int ro;

	if (err)
		return err;
	err = -EEXIST;
	if (pl->at.last_type != LAST_NORM)
		goto out;
	ro = mount_want_write(pl->at.dir.mnt);
	pl->dir = path_inode(&pl->at.dir);
	write_lock(&pl->dir->lock);
	err = lookup_locked(pl->at.dir.dentry, pl->at.last, pl->at.last_len, pl->walk.last_hash, &pl->d);
	if (!err) {
		if (pl->d->inode)
			err = -EEXIST;
		else if (pl->at.trailing_slash && !is_dir)
			err = -ENOENT;
		else if (ro)
			err = ro;
		else
			return 0;
		dentry_put(pl->d);
	}
	write_unlock(&pl->dir->lock);
	if (!ro)
		mount_drop_write(pl->at.dir.mnt);
out:
	parent_done(&pl->at);
	return err;
}

int vfs_mkdirat(int dirfd, const struct path_name *name, u32 mode)
{
	struct place pl;
	int err = place_begin(dirfd, name, true, &pl);

	if (err)
		return err;
	err = may_create(pl.dir);
	if (!err)
		err = pl.dir->ops->mkdir
			      ? pl.dir->ops->mkdir(pl.dir, pl.d, S_IFDIR | mode_apply_umask(pl.dir, mode & (0777 | S_ISVTX)))
			      : -EPERM;
	place_end(&pl, err);
	return err;
}

int dir_mknod(struct inode *dir, struct dentry *d, u32 mode, u32 dev)
{
	int err = may_create(dir);

	if (err)
		return err;
	if ((S_ISCHR(mode) || S_ISBLK(mode)) && !(S_ISCHR(mode) && dev == 0) && !capable(CAP_MKNOD))
		return -EPERM;
	if (S_ISREG(mode))
		return dir->ops->create ? dir->ops->create(dir, d, mode) : -EACCES;
	return dir->ops->mknod ? dir->ops->mknod(dir, d, mode, dev) : -EPERM;
}

/* *out (may be NULL) gets references to the new node. */
static int make_node(int dirfd, const struct path_name *name, u32 mode, u32 dev, struct path *out)
{
	struct place pl;
	int err = place_begin(dirfd, name, false, &pl);

	if (err)
		return err;
	err = dir_mknod(pl.dir, pl.d, (mode & S_IFMT) | mode_apply_umask(pl.dir, mode & 07777), dev);
	if (!err && out) {
		*out = (struct path){.mnt = pl.at.dir.mnt, .dentry = pl.d};
		path_get(out);
	}
	place_end(&pl, err);
	return err;
}

int vfs_mknodat(int dirfd, const struct path_name *name, u32 mode, u32 dev)
{
	return make_node(dirfd, name, mode & S_IFMT ? mode : mode | S_IFREG, dev, NULL);
}

int vfs_mknod_path(const struct path_name *name, u32 mode, struct path *out)
{
	return make_node(AT_FDCWD, name, mode, 0, out);
}

int vfs_symlinkat(const struct path_name *target, int dirfd, const struct path_name *name)
{
	struct place pl;
	int err = place_begin(dirfd, name, false, &pl);

	if (err)
		return err;
	err = may_create(pl.dir);
	if (!err)
		err = pl.dir->ops->symlink ? pl.dir->ops->symlink(pl.dir, pl.d, path_name_str(target)) : -EPERM;
	place_end(&pl, err);
	return err;
}

/* fs.protected_hardlinks: only to one's own files or to plain ones that one may read and write. */
static int may_link(struct inode *inode)
{
	u32 mode = inode->mode;

	if (!vfs_protected_hardlinks || inode_owner_or_capable(inode))
		return 0;
	if (!S_ISREG(mode) || (mode & S_ISUID) || (mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP)
		|| inode_permission(inode, MAY_READ | MAY_WRITE))
		return -EPERM;
	return 0;
}

int dir_link(struct inode *dir, struct dentry *d, struct inode *inode)
{
	int err = may_create(dir);

	if (err)
		return err;
	if (inode->super != dir->super)
		return -EXDEV;
	if ((inode->flags & (INODE_APPEND | INODE_IMMUTABLE)) || !dir->ops->link || S_ISDIR(inode->mode))
		return -EPERM;
	write_lock(&inode->lock);
	if (inode->nlink == 0 && !(inode->flags & INODE_LINKABLE))
		err = -ENOENT;
	else if (inode->nlink >= S32_MAX)
		err = -EMLINK;
	else
		err = dir->ops->link(dir, d, inode);
	if (!err)
		inode->flags &= ~(u32)INODE_LINKABLE;
	write_unlock(&inode->lock);
	if (!err)
		notify_inode(inode, IN_ATTRIB); /* the link count */
	return err;
}

int vfs_linkat(int odirfd, const struct path_name *old, int ndirfd, const struct path_name *name, int at_flags)
{
	unsigned look = (at_flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) | (at_flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	struct place pl;
	struct path from;
	int err;

	if (at_flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if ((at_flags & AT_EMPTY_PATH) && !path_name_str(old)[0] && !capable(CAP_DAC_READ_SEARCH)) {
		struct fd_ref r = fd_get_path(odirfd);
		bool mine = r.file && r.file->cred == cred_current();

		fd_put(r);
		if (!mine)
			return -ENOENT;
	}
	err = path_lookup(odirfd, old, look, &from);
	if (err)
		return err;
	err = place_begin(ndirfd, name, false, &pl);
	if (!err) {
		if (from.mnt != pl.at.dir.mnt)
			err = -EXDEV;
		else
			err = may_link(path_inode(&from));
		if (!err)
			err = dir_link(pl.dir, pl.d, path_inode(&from));
		place_end(&pl, err);
	}
	path_put(&from);
	return err;
}

int dir_unlink(struct inode *dir, struct dentry *d, bool is_dir)
{
	struct inode *inode = d->inode;
	int err = may_delete(dir, d, is_dir);

	if (err)
		return err;
	if (!(is_dir ? dir->ops->rmdir : dir->ops->unlink))
		return -EPERM;
	if (is_dir)
		write_lock_nested(&inode->lock);
	else
		write_lock(&inode->lock);
	if (unlikely(mountpoint_is_local(d)))
		err = -EBUSY;
	else if (is_dir)
		err = dir->ops->rmdir(dir, d);
	else
		err = dir->ops->unlink(dir, d);
	if (!err && is_dir)
		inode->flags |= INODE_DEAD;
	write_unlock(&inode->lock);
	if (!err) {
		if (is_dir)
			dentry_shrink_children(d);
		else
			notify_inode(inode, IN_ATTRIB);
		dentry_delete(d);
		notify_name(dir, IN_DELETE, d->name, d->len, inode, 0);
	}
	return err;
}

static int slash_error(const struct dentry *d)
{
	if (!d->inode)
		return -ENOENT;
	return S_ISDIR(d->inode->mode) ? -EISDIR : -ENOTDIR;
}

static int remove_name(int dirfd, const struct path_name *name, bool is_dir)
{
	struct parent_walk at;
	struct inode *dir, *gone = NULL;
	struct dentry *d = NULL;
	struct walk walk;
	int err = parent_lookup(dirfd, name, 0, &walk, &at);

	if (err)
		return err;
	if (at.last_type != LAST_NORM) {
		if (!is_dir)
			err = -EISDIR;
		else
			err = at.last_type == LAST_DOTDOT ? -ENOTEMPTY : at.last_type == LAST_DOT ? -EINVAL : -EBUSY;
		goto out;
	}
	err = mount_want_write(at.dir.mnt);
	if (err)
		goto out;
	dir = path_inode(&at.dir);
	write_lock(&dir->lock);
	err = lookup_locked(at.dir.dentry, at.last, at.last_len, walk.last_hash, &d);
	if (!err) {
		if (!is_dir && at.trailing_slash) {
			err = slash_error(d);
		} else if (!d->inode) {
			err = -ENOENT;
		} else {
			gone = d->inode;
			inode_get(gone); /* its last put, which frees the data, comes after the locks */
			err = dir_unlink(dir, d, is_dir);
		}
	}
	write_unlock(&dir->lock);
	if (!err)
		mounts_drop_from(d);
	if (d)
		dentry_put(d);
	inode_put(gone);
	mount_drop_write(at.dir.mnt);
out:
	parent_done(&at);
	return err;
}

int vfs_unlinkat(int dirfd, const struct path_name *name)
{
	return remove_name(dirfd, name, false);
}

int vfs_rmdirat(int dirfd, const struct path_name *name)
{
	return remove_name(dirfd, name, true);
}

/* ---- rename ---- */

/* The dentry right below @top on the way up from @d; NULL if @d is not below it. Under rename_lock. */
static struct dentry *child_towards(struct dentry *top, struct dentry *d)
{
	for (; d->parent != d; d = d->parent) {
		if (d->parent == top)
			return d;
	}
	return NULL;
}

struct dentry *lock_rename(struct dentry *a, struct dentry *b)
{
	struct dentry *trap;

	if (a == b) {
		write_lock(&a->inode->lock);
		return NULL;
	}
	mutex_lock(&a->super->rename_lock);
	trap = child_towards(b, a);
	if (trap) {
		write_lock(&b->inode->lock);
		write_lock_nested(&a->inode->lock);
		return trap;
	}
	trap = child_towards(a, b);
	write_lock(&a->inode->lock);
	write_lock_nested(&b->inode->lock);
	return trap;
}

void unlock_rename(struct dentry *a, struct dentry *b)
{
	write_unlock(&a->inode->lock);
	if (a != b) {
		write_unlock(&b->inode->lock);
		mutex_unlock(&a->super->rename_lock);
	}
}

/* Source and target: directories first, then by address. */
static void lock_two(struct inode *a, struct inode *b)
{
	bool swap_them;

	if (b && (S_ISDIR(a->mode) != S_ISDIR(b->mode) ? S_ISDIR(b->mode) : b < a))
		swap(a, b);
	swap_them = b && S_ISDIR(a->mode) == S_ISDIR(b->mode);
	if (S_ISDIR(a->mode))
		write_lock_nested(&a->lock);
	else
		write_lock(&a->lock);
	if (b && (swap_them || S_ISDIR(b->mode)))
		write_lock_nested(&b->lock);
	else if (b)
		write_lock(&b->lock);
}

static void unlock_two(struct inode *a, struct inode *b)
{
	write_unlock(&a->lock);
	if (b)
		write_unlock(&b->lock);
}

static int rename_may(struct inode *odir, struct dentry *od, struct inode *ndir, struct dentry *nd, unsigned flags)
{
	bool is_dir = S_ISDIR(od->inode->mode);
	int err = may_delete(odir, od, is_dir);

	if (err)
		return err;
	if (!nd->inode)
		err = may_create(ndir);
	else
		err = may_delete(ndir, nd, flags & RENAME_EXCHANGE ? S_ISDIR(nd->inode->mode) : is_dir);
	if (err)
		return err;
	if (!odir->ops->rename)
		return -EPERM;
	if (odir == ndir)
		return 0;
	/* A directory that gets a new parent is written: its "..". */
	if (is_dir)
		err = inode_permission(od->inode, MAY_WRITE);
	if (!err && (flags & RENAME_EXCHANGE) && S_ISDIR(nd->inode->mode))
		err = inode_permission(nd->inode, MAY_WRITE);
	return err;
}

int dir_rename(struct dentry *od, struct dentry *nd, unsigned flags)
{
	struct inode *odir = od->parent->inode, *ndir = nd->parent->inode;
	struct inode *source = od->inode, *target = nd->inode;
	bool keep_negative = !target && !(nd->flags & (DENTRY_REVALIDATE | DENTRY_UNCACHED));
	int err;

	if (source == target)
		return 0;
	err = rename_may(odir, od, ndir, nd, flags);
	if (err)
		return err;
	lock_two(source, target);
	if (unlikely(mountpoint_is_local(od) || mountpoint_is_local(nd)))
		err = -EBUSY;
	else
		err = odir->ops->rename(odir, od, ndir, nd, flags);
	if (!err && target && !(flags & RENAME_EXCHANGE) && S_ISDIR(target->mode))
		target->flags |= INODE_DEAD;
	unlock_two(source, target);
	if (err)
		return err;
	if (target && !(flags & RENAME_EXCHANGE) && S_ISDIR(target->mode))
		dentry_shrink_children(nd);
	/* The name that was left stays known as negative, if there is a dentry to spare. */
	if (!(flags & RENAME_WHITEOUT))
		dentry_move(od, nd, (flags & RENAME_EXCHANGE) || keep_negative);
	return 0;
}

static int rename_checks(const struct parent_walk *o, const struct parent_walk *n, const struct dentry *od,
	const struct dentry *nd, const struct dentry *trap, unsigned flags)
{
	if (!od->inode)
		return -ENOENT;
	if ((flags & RENAME_NOREPLACE) && nd->inode)
		return -EEXIST;
	if (flags & RENAME_EXCHANGE) {
		if (!nd->inode)
			return -ENOENT;
		if (!S_ISDIR(nd->inode->mode) && n->trailing_slash)
			return -ENOTDIR;
	}
	if (!S_ISDIR(od->inode->mode) && (o->trailing_slash || (!(flags & RENAME_EXCHANGE) && n->trailing_slash)))
		return -ENOTDIR;
	if (od == trap)
		return -EINVAL;
	if (nd == trap)
		return flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	return 0;
}

/* Directories locked. */
static void tell_rename(const struct parent_walk *from, const struct parent_walk *to, struct inode *moved, struct inode *replaced)
{
	struct inode *fdir = path_inode(&from->dir), *tdir = path_inode(&to->dir);
	u32 cookie;

	if (unlikely((READ_ONCE(fdir->notify) | READ_ONCE(tdir->notify)) & (IN_MOVE | FAN_RENAME | NOTIFY_WIDE))) {
		notify_rename_slow(fdir, from->last, from->last_len, tdir, to->last, to->last_len, moved);
		cookie = notify_cookie();
		notify_name(fdir, IN_MOVED_FROM, from->last, from->last_len, moved, cookie);
		notify_name(tdir, IN_MOVED_TO, to->last, to->last_len, moved, cookie);
	}
	if (replaced)
		notify_inode(replaced, IN_ATTRIB);
	notify_inode(moved, IN_MOVE_SELF);
}

static int rename_in(struct parent_walk *o, struct parent_walk *n, unsigned flags)
{
	struct dentry *odir = o->dir.dentry, *ndir = n->dir.dentry;
	struct dentry *trap = lock_rename(odir, ndir);
	struct dentry *od = NULL, *nd = NULL;
	struct inode *moved = NULL, *gone = NULL;
	int err = lookup_locked(odir, o->last, o->last_len, o->walk->last_hash, &od);

	if (!err)
		err = lookup_locked(ndir, n->last, n->last_len, n->walk->last_hash, &nd);
	if (!err)
		err = rename_checks(o, n, od, nd, trap, flags);
	if (!err) {
		moved = od->inode;
		gone = nd->inode;
		if (gone)
			inode_get(gone);
		err = dir_rename(od, nd, flags);
		if (!err && moved != gone) {
			tell_rename(o, n, moved, flags & RENAME_EXCHANGE ? NULL : gone);
			if (flags & RENAME_EXCHANGE)
				tell_rename(n, o, gone, NULL);
		}
	}
	unlock_rename(odir, ndir);
	if (!err && gone && moved != gone && !(flags & RENAME_EXCHANGE))
		mounts_drop_from(nd);
	if (nd)
		dentry_put(nd);
	if (od)
		dentry_put(od);
	inode_put(gone);
	return err;
}

int vfs_renameat(int odirfd, const struct path_name *old, int ndirfd, const struct path_name *name, unsigned flags)
{
	struct parent_walk o, n;
	struct walk ow, nw;
	int err;

	err = parent_lookup(odirfd, old, 0, &ow, &o);
	if (err)
		return err;
	err = parent_lookup(ndirfd, name, 0, &nw, &n);
	if (err)
		goto out_old;
	err = -EXDEV;
	if (o.dir.mnt != n.dir.mnt)
		goto out;
	err = -EBUSY;
	if (o.last_type != LAST_NORM)
		goto out;
	if (flags & RENAME_NOREPLACE)
		err = -EEXIST;
	if (n.last_type != LAST_NORM)
		goto out;
	err = mount_want_write(o.dir.mnt);
	if (err)
		goto out;
	err = rename_in(&o, &n, flags);
	mount_drop_write(o.dir.mnt);
out:
	parent_done(&n);
out_old:
	parent_done(&o);
	return err;
}
