/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Who hears of what happens to files. The VFS calls the hooks below where something has happened; a group (an inotify instance; fanotify's will be another
 * kind) has marks on inodes, and its event operation gets what a mark asked for.
 *
 * inode->notify says in one word what is wanted of an inode: the union of its marks' masks, and NOTIFY_PARENT as a hint that a directory with a name for it
 * has a mark that wants to know of its children. So a file that nobody watches costs a load and a branch. The hint is set when such a mark is made, and when a
 * name appears in such a directory; it is never taken back, only looked behind.
 *
 * Events are the IN_* bits of <linux/inotify.h> (with the same meaning and number in fanotify), IN_ISDIR included.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <lib/refcount.h>
#include <sync/mutex.h>
#include <vfs/dentry.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <linux/inotify.h>

#define NOTIFY_PARENT 0x08000000u
/* What happens to a file and interests its directory too. */
#define NOTIFY_CHILD_EVENTS (IN_ACCESS | IN_MODIFY | IN_ATTRIB | IN_CLOSE | IN_OPEN)

struct notify_event {
	u32 mask;
	u32 cookie;		  /* joins the halves of a rename */
	const char *name;	  /* in the marked directory; NULL: it is the marked inode itself */
	u32 len;
	const struct path *path;  /* of the open file; NULL: no open file */
};

struct notify_mark;

/* May sleep; called under the marked inode's notify lock, which orders all events of one inode. Must not come back to the hooks. */
struct notify_ops {
	void (*event)(struct notify_mark *m, const struct notify_event *ev);
	void (*detached)(struct notify_mark *m); /* the mark is off its inode: once for each */
};

enum notify_mark_flags { NOTIFY_ONESHOT = 1, NOTIFY_EXCL_UNLINK = 2 };

/* Part of what the group keeps of one watched inode, which it frees itself when the mark is detached and nobody looks at it. */
struct notify_mark {
	const struct notify_ops *ops;
	void *group;
	struct inode *inode;	/* holds a reference while attached */
	struct list_head link;	/* notify lock */
	u32 mask, flags;	/* notify lock */
	bool attached;		/* notify lock */
};

/* ---- for groups ---- */
/* Take the lock of an inode's marks. -ENOMEM. The caller has a reference to @inode. May sleep. */
int notify_lock(struct inode *inode) MUST_CHECK;
void notify_unlock(struct inode *inode);
struct notify_mark *notify_find_locked(struct inode *inode, const void *group);
/* Put a new mark on @inode. */
void notify_attach_locked(struct inode *inode, struct notify_mark *m);
/* A mark's mask has changed, or it is new: @d is the name by which @inode was found. */
void notify_update_locked(struct inode *inode, struct dentry *d);
/* Take the mark off its inode: false if somebody else did. The caller keeps mark and inode from going. Takes the notify lock. */
bool notify_detach(struct inode *inode, struct notify_mark *m);

/* ---- hooks: thread context, no spinlock; the directory's lock at most ---- */
void notify_dentry_slow(struct dentry *d, struct inode *inode, u32 mask, const struct path *path);
void notify_inode_slow(struct inode *inode, const struct notify_event *ev);
/* nlink is 0 and no name leads here any more: IN_DELETE_SELF, and the marks are gone. */
void notify_removed_slow(struct inode *inode);
/* The super block goes: IN_UNMOUNT to all its marks, which are gone. */
void notify_unmount(struct super *sb);
void inode_notify_free(struct inode *inode);

/* Something was done with an open file. */
static inline void notify_file(struct file *f, u32 mask)
{
	if (unlikely(READ_ONCE(f->inode->notify) & (mask | NOTIFY_PARENT)))
		notify_dentry_slow(f->path.dentry, f->inode, mask, &f->path);
}

/* Something was done with a file by name. */
static inline void notify_dentry(struct dentry *d, u32 mask)
{
	struct inode *inode = d->inode;

	if (unlikely(READ_ONCE(inode->notify) & (mask | NOTIFY_PARENT)))
		notify_dentry_slow(d, inode, mask, NULL);
}

/* Something happened to an inode, whatever its names. */
static inline void notify_inode(struct inode *inode, u32 mask)
{
	if (unlikely(READ_ONCE(inode->notify) & mask)) {
		struct notify_event ev = {.mask = mask | (inode_is(inode, 0040000) ? IN_ISDIR : 0)};

		notify_inode_slow(inode, &ev);
	}
}

/* A name in @dir came or went; @child: what it leads or led to. */
static inline void notify_name(struct inode *dir, u32 mask, const char *name, u32 len, const struct inode *child, u32 cookie)
{
	if (unlikely(READ_ONCE(dir->notify) & mask)) {
		struct notify_event ev = {.mask = mask | (inode_is(child, 0040000) ? IN_ISDIR : 0), .name = name, .len = len, .cookie = cookie};

		notify_inode_slow(dir, &ev);
	}
}

/* @d was given a place in its parent, or an inode: both locked. */
static inline void notify_placed(struct dentry *d)
{
	if (unlikely(READ_ONCE(d->parent->inode->notify) & NOTIFY_CHILD_EVENTS))
		__atomic_fetch_or(&d->inode->notify, NOTIFY_PARENT, __ATOMIC_RELAXED);
}

static inline void notify_unlinked(struct inode *inode)
{
	if (unlikely(READ_ONCE(inode->notify)) && !READ_ONCE(inode->nlink))
		notify_removed_slow(inode);
}

u32 notify_cookie(void);
