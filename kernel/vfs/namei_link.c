/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Symbolic links on the walk along a name: see namei_walk.c.
 */
#include "vfs_impl.h"
#include <lib/string.h>
#include <mm/slab.h>
#include <linux/mount.h>

/* The text of a link, to be walked next; bytes in w->bufs in ref mode. */
static int link_text(struct walk *w, struct inode *inode, struct dentry *d, const char **out)
{
	struct link_buf *b;
	ssize_t len;

	if (w->rcu) {
		*out = READ_ONCE(inode->link);
		return *out ? 0 : -ECHILD;
	}
	len = inode->link ? inode->link_len : PATH_MAX;
	b = kmalloc(sizeof(*b) + (size_t)len + 16, 0);
	if (!b)
		return -ENOMEM;
	b->next = w->bufs;
	w->bufs = b;
	if (inode->link)
		memcpy(b->text, inode->link, (size_t)len);
	else
		len = inode->ops->readlink ? inode->ops->readlink(inode, d, b->text, PATH_MAX) : -EINVAL;
	if (len < 0)
		return (int)len;
	memset(b->text + len, 0, 16);
	*out = b->text;
	return 0;
}

/* fs.protected_symlinks: in a sticky world-writable directory only the link's owner and the directory's owner may be followed. */
static int may_follow_link(const struct walk *w, const struct inode *link)
{
	if (likely(!vfs_protected_symlinks))
		return 0;
	if (w->cred->fsuid == link->uid || (w->dir_mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH) || w->dir_uid == link->uid)
		return 0;
	return -EACCES;
}

/* w->path jumps to what a magic link leads to. Ref mode. */
static int follow_magic(struct walk *w, struct inode *inode, struct dentry *d)
{
	struct path to;
	int err;

	if (w->flags & LOOKUP_NO_MAGIC)
		return -ELOOP;
	err = inode->ops->follow(inode, d, &to);
	if (err)
		return err;
	if (w->scoped || ((w->flags & LOOKUP_NO_XDEV) && to.mnt != w->path.mnt)) {
		path_put(&to);
		return -EXDEV;
	}
	path_put(&w->path);
	w->path = to;
	w->inode = to.dentry->inode;
	return 0;
}

/* A link whose text starts with '/': to the root. */
static int jump_to_root(struct walk *w)
{
	if (w->flags & LOOKUP_BENEATH)
		return -EXDEV;
	walk_set_root(w);
	if ((w->flags & LOOKUP_NO_XDEV) && w->root.mnt != w->path.mnt)
		return -EXDEV;
	if (!w->rcu) {
		path_get(&w->root);
		path_put(&w->path);
	}
	w->path = w->root;
	w->seq = seq_begin(&w->path.dentry->seq);
	w->inode = w->path.dentry->inode;
	return 0;
}

int walk_link(struct walk *w, struct path *p, struct inode *inode, u32 seq, const char **out_link)
{
	int err = 0;

	if (w->nlinks++ >= WALK_MAX_LINKS || (w->flags & LOOKUP_NO_SYMLINKS) || (p->mnt->flags & MNT_NOSYMFOLLOW))
		err = -ELOOP;
	if (!err)
		err = may_follow_link(w, inode);
	if (err)
		goto out;
	if (inode->ops->follow) {
		if (w->rcu)
			return -ECHILD;
		err = follow_magic(w, inode, p->dentry);
		goto out;
	}
	err = link_text(w, inode, p->dentry, out_link);
	if (!err && w->rcu && seq_retry(&p->dentry->seq, seq))
		err = -ECHILD;
	if (err)
		goto out;
	inode_atime(inode, p->mnt);
	if (!**out_link)
		err = -ENOENT;
	else if (**out_link == '/')
		err = jump_to_root(w);
	if (!err)
		err = 1;
out:
	if (!w->rcu)
		path_put(p);
	return err;
}
