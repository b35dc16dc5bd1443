/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a name to an open file.
 *
 * The order of checks is Linux': the name is walked, then (no longer under any lock) may_open asks for the kind of file, rights and flags; then the file
 * counts as a writer of its mount and inode; then the file system or driver opens it; truncation comes last.
 */
#include "vfs_impl.h"
#include <debug/panic.h>
#include <lib/printf.h>
#include <vfs/locks.h>
#include <vfs/cache.h>
#include <vfs/notify.h>
#include <linux/fs.h>
#include <linux/mount.h>

#define OPEN_EXEC 0x20u /* to be executed; beside the O_* of callers */

/* How an open file may be used, from the access mode. */
static u32 acc_mask(unsigned o_flags)
{
	static const u8 masks[4] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE};
	u32 mask = masks[o_flags & O_ACCMODE];

	if (o_flags & O_TRUNC)
		mask |= MAY_WRITE;
	if (o_flags & O_APPEND)
		mask |= MAY_APPEND;
	return mask;
}

static int may_open(const struct path *p, u32 mask, unsigned *o_flags)
{
	struct inode *inode = path_inode(p);
	u32 mode = READ_ONCE(inode->mode);
	int err;

	switch (mode & S_IFMT) {
	case S_IFLNK: return -ELOOP;
	case S_IFDIR:
		if (mask & (MAY_WRITE | MAY_EXEC))
			return mask & MAY_WRITE ? -EISDIR : -EACCES;
		break;
	case S_IFBLK:
	case S_IFCHR:
		if (p->mnt->flags & MNT_NODEV)
			return -EACCES;
		FALLTHROUGH;
	case S_IFIFO:
	case S_IFSOCK:
		if (mask & MAY_EXEC)
			return -EACCES;
		*o_flags &= ~(unsigned)O_TRUNC;
		break;
	default:
		if ((mask & MAY_EXEC) && (p->mnt->flags & MNT_NOEXEC))
			return -EACCES;
	}
	err = inode_permission(inode, (int)(mask & ~(u32)MAY_APPEND));
	if (err)
		return err;
	if (inode->flags & INODE_APPEND) {
		if ((*o_flags & O_ACCMODE) != O_RDONLY && !(*o_flags & O_APPEND))
			return -EPERM;
		if (*o_flags & O_TRUNC)
			return -EPERM;
	}
	if ((*o_flags & O_NOATIME) && !inode_owner_or_capable(inode))
		return -EPERM;
	return 0;
}

static int become_writer(struct file *f, struct inode *inode)
{
	int err;

	if (S_ISCHR(inode->mode) || S_ISBLK(inode->mode) || S_ISFIFO(inode->mode) || S_ISSOCK(inode->mode))
		return 0;
	err = inode_get_write(inode);
	if (err)
		return err;
	err = mount_want_write(f->path.mnt);
	if (err) {
		inode_put_write(inode);
		return err;
	}
	f->mode |= FMODE_WRITER;
	return 0;
}

/* Those who want to allow it, and those with a lease. */
static NOINLINE int ask_others(struct file *f, unsigned o_flags)
{
	int err = o_flags & OPEN_EXEC ? notify_perm(f, FAN_OPEN_EXEC_PERM) : 0;

	if (!err)
		err = notify_perm(f, FAN_OPEN_PERM);
	if (!err && (READ_ONCE(f->inode->notify) & NOTIFY_LEASED))
		err = inode_lease_break(f->inode, o_flags);
	return err;
}

/* Everything after the name. The references of @p move into @f, on success and on failure. */
static int open_inode(struct file *f, const struct path *p, unsigned o_flags)
{
	struct inode *inode = path_inode(p);
	u32 acc = (o_flags + 1) & O_ACCMODE; /* 1 read, 2 write */
	int err = 0;

	f->path = *p;
	f->inode = inode;
	f->ops = inode->fops;
	f->mode |= (acc & 1 ? FMODE_READ : 0) | (acc & 2 ? FMODE_WRITE : 0);
	if (acc & 2) {
		err = become_writer(f, inode);
		if (err)
			goto fail;
	}
	if (S_ISREG(inode->mode) || S_ISDIR(inode->mode))
		f->mode |= FMODE_POS_LOCK | FMODE_SEEK | (S_ISDIR(inode->mode) ? FMODE_DIR : 0);
	else if (f->ops->lseek)
		f->mode |= FMODE_SEEK;
	f->flags = o_flags & ~(unsigned)(O_CREAT | O_CLOEXEC | OPEN_EXEC | OPEN_UNTOLD);
	f->mode |= o_flags & OPEN_UNTOLD ? FMODE_NONOTIFY : 0;
	if (unlikely(READ_ONCE(inode->notify) & (FAN_OPEN_PERM | FAN_OPEN_EXEC_PERM | NOTIFY_HINTS | NOTIFY_LEASED)))
		err = ask_others(f, o_flags);
	if (unlikely(inode->data.cache))
		cache_open(f, inode->data.cache);
	if (!err && f->ops->open)
		err = f->ops->open(inode, f);
	if (!err && unlikely(o_flags & O_DIRECT) && !S_ISREG(inode->mode) && !S_ISBLK(inode->mode))
		err = -EINVAL;
	f->flags &= ~(unsigned)(O_NOCTTY | O_EXCL | O_TRUNC); /* terminals, block devices and overlays have seen them */
	if (err)
		goto fail;
	f->mode |= FMODE_OPENED;
	notify_file(f, o_flags & OPEN_EXEC ? IN_OPEN | FAN_OPEN_EXEC : IN_OPEN);
	if (unlikely(o_flags & O_TRUNC) && S_ISREG(inode->mode)) {
		err = mount_want_write(f->path.mnt);
		if (!err) {
			err = path_truncate(&f->path, 0, true);
			mount_drop_write(f->path.mnt);
		}
	}
	return err; /* the last put undoes all that mode says */
fail:
	if (f->mode & FMODE_WRITER) {
		inode_put_write(inode);
		mount_drop_write(p->mnt);
	}
	f->mode = 0;
	return err;
}

/* A new file for @p (references move in): checks, open. @f is one that was allocated before, or NULL. */
static int open_checked(const struct path *p, unsigned o_flags, u32 mask, bool created, struct file *f, struct file **out)
{
	int err = 0;

	if (created) {
		o_flags &= ~(unsigned)O_TRUNC;
		if (f) /* made by O_CREAT, not by O_TMPFILE */
			f->mode |= FMODE_CREATED;
	} else {
		err = may_open(p, mask, &o_flags);
	}
	if (!err && !f)
		err = file_alloc(o_flags, &f);
	if (err) {
		if (f)
			file_free(f);
		path_put(p);
		return err;
	}
	err = open_inode(f, p, o_flags);
	if (err) {
		file_put_sync(f);
		return err;
	}
	*out = f;
	return 0;
}

static const struct file_ops path_file_ops = {0};

/* The references of @p move in, also on error. */
static int open_o_path(const struct path *p, unsigned o_flags, struct file **out)
{
	struct file *f;
	int err = file_alloc(o_flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW), &f);

	if (err) {
		path_put(p);
		return err;
	}
	f->path = *p;
	f->inode = path_inode(p);
	f->mode = FMODE_PATH;
	f->ops = &path_file_ops;
	*out = f;
	return 0;
}

static int open_tmpfile(int dirfd, const struct path_name *name, unsigned o_flags, u32 mode, unsigned look, struct file **out)
{
	struct path p;
	struct inode *dir, *inode;
	struct dentry *d;
	char text[24];
	int err = path_lookup(dirfd, name, look | LOOKUP_DIRECTORY, &p);

	if (err)
		return err;
	err = mount_want_write(p.mnt);
	if (err)
		goto out;
	dir = path_inode(&p);
	err = inode_permission(dir, MAY_WRITE | MAY_EXEC);
	if (!err && !dir->ops->tmpfile)
		err = -EOPNOTSUPP;
	if (!err)
		err = dir->ops->tmpfile(dir, S_IFREG | mode_apply_umask(dir, mode & 07777), &inode);
	if (err)
		goto out_write;
	if (!(o_flags & O_EXCL))
		inode->flags |= INODE_LINKABLE;
	d = dentry_alloc(p.dentry, text, (u32)scnprintf(text, sizeof(text), "#%llu", inode->ino), 0);
	if (d) {
		spin_lock(&d->lock);
		d->inode = inode; /* never hashed: nobody else opens it by name */
		notify_placed(d);
		spin_unlock(&d->lock);
		dentry_put(p.dentry);
		p.dentry = d;
		mount_get(p.mnt);
		err = open_checked(&p, o_flags, 0, true, NULL, out);
		mount_drop_write(p.mnt);
		mount_put(p.mnt);
		return err;
	}
	inode_put(inode);
	err = -ENOMEM;
out_write:
	mount_drop_write(p.mnt);
out:
	path_put(&p);
	return err;
}

/* fs.protected_fifos and _regular: O_CREAT must not open what another user left in a sticky directory that others may write to. */
static int may_create_in_sticky(const struct walk *w, const struct inode *inode)
{
	u32 level = S_ISFIFO(inode->mode) ? vfs_protected_fifos : S_ISREG(inode->mode) ? vfs_protected_regular : 0;

	if (!level || !(w->dir_mode & S_ISVTX) || inode->uid == w->dir_uid || inode->uid == w->cred->fsuid)
		return 0;
	if ((w->dir_mode & S_IWOTH) || (level >= 2 && (w->dir_mode & S_IWGRP)))
		return -EACCES;
	return 0;
}

/* O_CREAT: find or make the last component. As walk_last. */
static int last_or_create(struct walk *w, unsigned o_flags, u32 mode, bool *created, const char **link)
{
	struct dentry *dir = w->path.dentry, *d;
	u32 seq;
	int err, ro;

	if (w->last_type != LAST_NORM || w->trailing_slash)
		return -EISDIR;
	w->dir_uid = w->inode->uid;
	w->dir_mode = w->inode->mode;
	if (w->rcu) {
		d = dentry_find_rcu(dir, w->last, w->last_len, w->last_hash, &seq);
		if (d && READ_ONCE(d->inode) && !(READ_ONCE(d->flags) & DENTRY_REVALIDATE) && !(o_flags & O_EXCL)) {
			if (seq_retry(&dir->seq, w->seq))
				return -ECHILD;
			return walk_step(w, d, seq, w->flags & LOOKUP_FOLLOW, link);
		}
		if (w->flags & LOOKUP_CACHED)
			return -ECHILD;
		err = walk_complete(w);
		if (err)
			return err;
	}
	ro = mount_want_write(w->path.mnt);
	write_lock(&w->inode->lock);
	err = lookup_locked(dir, w->last, w->last_len, w->last_hash, &d);
	if (!err && !d->inode) {
		err = ro;
		if (!err)
			err = dir_create(w->inode, d, S_IFREG | mode_apply_umask(w->inode, mode & 07777));
		if (err) {
			dentry_put(d);
		} else {
			*created = true;
			notify_name(w->inode, IN_CREATE, d->name, d->len, d->inode, 0);
		}
	} else if (!err && (o_flags & O_EXCL)) {
		dentry_put(d);
		err = -EEXIST;
	}
	write_unlock(&w->inode->lock);
	if (!ro)
		mount_drop_write(w->path.mnt);
	return err ? err : walk_step(w, d, 0, w->flags & LOOKUP_FOLLOW, link);
}

static int open_once(int dirfd, const char *name, unsigned o_flags, u32 mode, unsigned look, bool rcu, struct file **out)
{
	const char *link = name;
	bool created = false;
	struct file *f = NULL;
	struct walk w;
	struct path p;
	int err;

	/* First, so that no name is made for a file that cannot be had. */
	if (o_flags & O_CREAT) {
		err = file_alloc(o_flags, &f);
		if (err)
			return err;
	}
	err = walk_begin(&w, dirfd, name, look, rcu);
	while (!err) {
		err = walk_parents(&w, link);
		if (err)
			break;
		err = o_flags & O_CREAT ? last_or_create(&w, o_flags, mode, &created, &link) : walk_last(&w, &link);
		if (err != 1)
			break;
		err = 0;
	}
	if (!err && !created) {
		if ((o_flags & O_CREAT) && S_ISDIR(w.inode->mode))
			err = -EISDIR;
		else if ((w.flags & LOOKUP_DIRECTORY) && !S_ISDIR(w.inode->mode))
			err = -ENOTDIR;
		else if (o_flags & O_CREAT)
			err = may_create_in_sticky(&w, w.inode);
	}
	if (!err)
		err = walk_complete(&w);
	if (!err) {
		p = w.path;
		w.path.dentry = NULL;
	}
	walk_end(&w);
	if (err && f)
		file_free(f);
	return err ? err : open_checked(&p, o_flags, acc_mask(o_flags), created, f, out);
}

int file_open(int dirfd, const struct path_name *name, unsigned o_flags, u32 mode, unsigned look, struct file **out)
{
	const char *s = path_name_str(name);
	struct path p;
	int err;

	if (o_flags & O_DIRECTORY)
		look |= LOOKUP_DIRECTORY;
	if (!(o_flags & O_NOFOLLOW) && (o_flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL))
		look |= LOOKUP_FOLLOW;
	if (unlikely(!*s))
		return -ENOENT;
	if (unlikely(o_flags & O_PATH)) {
		err = path_lookup(dirfd, name, look, &p);
		return err ? err : open_o_path(&p, o_flags, out);
	}
	if (unlikely((o_flags & O_TMPFILE) == O_TMPFILE))
		return open_tmpfile(dirfd, name, o_flags, mode, look, out);
	err = open_once(dirfd, s, o_flags, mode, look, true, out);
	if (unlikely(err == -ECHILD))
		err = look & LOOKUP_CACHED ? -EAGAIN : open_once(dirfd, s, o_flags, mode, look, false, out);
	return err;
}

int file_open_path(const struct path *p, unsigned o_flags, struct file **out)
{
	path_get(p);
	return o_flags & O_PATH ? open_o_path(p, o_flags, out) : open_checked(p, o_flags, acc_mask(o_flags), false, NULL, out);
}

/* The references of @p move in. */
static int open_exec(const struct path *p, struct file **out)
{
	struct file *f;
	int err = open_checked(p, O_RDONLY | OPEN_EXEC, MAY_EXEC, false, NULL, &f);

	if (err)
		return err;
	err = S_ISREG(f->inode->mode) ? inode_deny_write(f->inode) : -EACCES;
	if (err) {
		file_put_sync(f);
		return err;
	}
	f->mode |= FMODE_EXEC;
	*out = f;
	return 0;
}

int file_open_exec_path(const struct path *p, struct file **out)
{
	path_get(p);
	return open_exec(p, out);
}

int file_open_exec(int dirfd, const struct path_name *name, int at_flags, struct file **out)
{
	unsigned look = (at_flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (at_flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	struct path p;
	int err;

	if (at_flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = path_lookup(dirfd, name, look, &p);
	return err ? err : open_exec(&p, out);
}
