/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * File handles of tmpfs: number and generation. Inodes are found by number only after a handle has been made of them, so that files nobody names that way pay
 * nothing.
 */
#include "tmpfs.h"
#include <lib/string.h>

LOCK_CLASS(tmpfs_handles, RANK_LEAF, "inodes of a tmpfs that have handles");

void tmpfs_handles_init(struct tmpfs_super *ts)
{
	spin_init(&ts->handle_lock, tmpfs_handles);
}

static struct rb_node **place_of(struct tmpfs_super *ts, u64 ino, struct rb_node **parent)
{
	struct rb_node **link = &ts->handles.node;

	*parent = NULL;
	while (*link) {
		u64 here = rb_entry(*link, struct tmpfs_inode, handle_node)->inode.ino;

		if (here == ino)
			break;
		*parent = *link;
		link = ino < here ? &(*link)->left : &(*link)->right;
	}
	return link;
}

void tmpfs_handle_note(const struct inode *inode)
{
	struct tmpfs_super *ts = tmpfs_super(inode->super);
	struct tmpfs_inode *ti = tmpfs_inode(inode);
	struct rb_node **link, *parent;

	if (READ_ONCE(ti->has_handle))
		return;
	spin_lock(&ts->handle_lock);
	if (!ti->has_handle) {
		link = place_of(ts, inode->ino, &parent);
		rb_link(&ti->handle_node, parent, link);
		rb_insert(&ti->handle_node, &ts->handles);
		WRITE_ONCE(ti->has_handle, true);
	}
	spin_unlock(&ts->handle_lock);
}

void tmpfs_handle_forget(struct tmpfs_inode *ti)
{
	struct tmpfs_super *ts = tmpfs_super(ti->inode.super);

	if (likely(!ti->has_handle))
		return;
	spin_lock(&ts->handle_lock);
	rb_erase(&ti->handle_node, &ts->handles);
	spin_unlock(&ts->handle_lock);
}

/* The inode with a reference; one whose last has gone is as good as away. */
static struct inode *find_get(const struct super *sb, u64 ino, u32 generation)
{
	struct tmpfs_super *ts = tmpfs_super(sb);
	struct rb_node *parent, *n;
	struct inode *inode = NULL;

	spin_lock(&ts->handle_lock);
	n = *place_of(ts, ino, &parent);
	if (n && (sb->ops->handle_is_id || rb_entry(n, struct tmpfs_inode, handle_node)->inode.generation == generation))
		inode = &rb_entry(n, struct tmpfs_inode, handle_node)->inode;
	if (inode && !inode_tryget(inode))
		inode = NULL;
	spin_unlock(&ts->handle_lock);
	return inode;
}

/* A name that the inode has, if one is known. */
static struct dentry *alias_get(struct super *sb, struct inode *inode)
{
	struct dentry *d;

	if (inode == sb->root->inode) {
		dentry_get(sb->root);
		return sb->root;
	}
	rcu_read_lock();
	d = READ_ONCE(tmpfs_inode(inode)->alias);
	if (d && !dentry_tryget(d))
		d = NULL;
	rcu_read_unlock();
	if (d && READ_ONCE(d->inode) != inode) {
		dentry_put(d);
		d = NULL;
	}
	return d;
}

int tmpfs_handle_open(struct super *sb, u64 ino, u32 generation, struct dentry **out)
{
	struct inode *inode = find_get(sb, ino, generation);
	struct dentry *d;

	if (!inode)
		return -ESTALE;
	d = alias_get(sb, inode);
	if (d)
		inode_put(inode);
	else
		d = dentry_create_anon(sb, "", inode, 0);
	if (!d)
		return -ENOMEM;
	*out = d;
	return 0;
}
