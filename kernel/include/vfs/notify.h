/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Who hears of what happens to files. The VFS calls the hooks below where something has happened; a group (an inotify or fanotify instance, a directory's
 * F_NOTIFY) has marks, and its event operation gets what a mark asked for.
 *
 * inode->notify says in one word what is wanted of an inode: the union of its marks' masks and two hints: NOTIFY_PARENT, a directory with a name for it has
 * a mark that wants to know of its children, and NOTIFY_WIDE, its file system or a mount of that has a mark. So a file that nobody watches costs a load and
 * a branch. A hint is set when such a mark is made, and when a name appears in such a directory; it is never taken back, only looked behind.
 *
 * There are two kinds of marks. Simple ones stand on inodes and hear of each event where it happens, under the lock of the marked object. Those of a wide group
 * (fanotify) stand on inodes, mounts and super blocks; the group is asked once for an event, with all its marks that concern it, and no lock held, so that it
 * may make the caller wait for an answer.
 *
 * Events are the IN_* bits of <linux/inotify.h> and the FAN_* ones of <linux/fanotify.h>, which agree; IN_ISDIR included.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <lib/refcount.h>
#include <sync/mutex.h>
#include <vfs/dentry.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <linux/fanotify.h>
#include <linux/inotify.h>

#define NOTIFY_PARENT 0x08000000u
#define NOTIFY_WIDE   0x20000000u
#define NOTIFY_HINTS  (NOTIFY_PARENT | NOTIFY_WIDE)
#define NOTIFY_LEASED 0x80000000u /* no event: there is a lease on it, see <vfs/locks.h> */
#define NOTIFY_PERM   (FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM)
/* All that can happen: what is not among it in a mask is a flag. */
#define NOTIFY_EVENTS (IN_ALL_EVENTS | IN_UNMOUNT | FAN_OPEN_EXEC | FAN_FS_ERROR | NOTIFY_PERM | FAN_RENAME)
/* What happens to a file and interests its directory too. */
#define NOTIFY_CHILD_EVENTS (IN_ACCESS | IN_MODIFY | IN_ATTRIB | IN_CLOSE | IN_OPEN | FAN_OPEN_EXEC | NOTIFY_PERM)

struct notify_event {
	u32 mask;
	u32 cookie;		  /* joins the halves of a rename */
	const char *name;	  /* in the marked directory, or in @dir; NULL: it is the marked inode itself */
	u32 len;
	const struct path *path;  /* of the open file; NULL: no open file */
	/* For wide groups. */
	const struct inode *victim; /* what it happened to */
	const struct inode *dir;    /* where its name is or was; NULL: not known */
	const struct inode *dir2;   /* FAN_RENAME: where it is now, and how it is called there */
	const char *name2;
	u32 len2;
	int error;		  /* FAN_FS_ERROR */
};

struct notify_mark;
struct fsnotify_marks;

struct notify_ops {
	/* Simple marks. May sleep; called under the marked object's notify lock, which orders its events. Must not come back to the hooks. */
	void (*event)(struct notify_mark *m, const struct notify_event *ev);
	/* The mark is off its object: once for each. Under the notify lock. */
	void (*detached)(struct notify_mark *m);
};

enum notify_mark_flags {
	NOTIFY_ONESHOT = 1, NOTIFY_EXCL_UNLINK = 2,
	/* Of wide groups: what is ignored stays so when the file changes; ignore has its own FAN_ONDIR and FAN_EVENT_ON_CHILD. */
	NOTIFY_IGNORE_SURVIVES = 4, NOTIFY_IGNORE_FLAGS = 8,
};

/* Part of what the group keeps of one watched object, which it frees itself when the mark is detached and nobody looks at it. */
struct notify_mark {
	const struct notify_ops *ops;
	void *group;
	struct fsnotify_marks *on; /* among these */
	struct inode *inode;	/* holds a reference while attached; NULL: on a mount or super block */
	struct list_head link;	/* notify lock */
	u32 mask, flags;	/* notify lock */
	u32 ignore;		/* notify lock */
	bool attached;		/* notify lock */
};

/* Where the marks of a wide group stand that an event concerns: on what it happened to (a directory, if a name in it came or went), on the directory of that,
 * on the directory that a name was moved to, on the mount by which a file is open, on the file system. */
enum notify_place { NOTIFY_AT_INODE, NOTIFY_AT_PARENT, NOTIFY_AT_DIR2, NOTIFY_AT_MOUNT, NOTIFY_AT_SUPER, NOTIFY_PLACES };

struct notify_view {
	u32 mask, ignore, flags; /* of the mark there; all 0: none */
};

struct notify_group {
	struct list_head link;	/* in the order in which they are asked */
	struct refcount refs;
	u32 priority;		/* higher ones are asked first */
	const struct notify_group_ops *ops;
};

struct notify_group_ops {
	/* May sleep. An event of NOTIFY_PERM: 0, or -errno for the caller who wants to do it. */
	int (*event)(struct notify_group *g, const struct notify_event *ev, const struct notify_view view[NOTIFY_PLACES]);
	void (*free)(struct notify_group *g); /* the last reference is gone */
};

/* ---- for groups ---- */
/* Take the lock of an object's marks: *slot is its field. @inode: whose it is, if it is an inode. -ENOMEM. The caller holds the object. May sleep. */
int notify_lock(struct fsnotify_marks **slot, struct inode *inode) MUST_CHECK;
void notify_unlock(struct fsnotify_marks *ms);
struct notify_mark *notify_find_locked(struct fsnotify_marks *ms, const void *group);
/* The group's marks one by one: the one after @m, NULL: the first; NULL. */
struct notify_mark *notify_next_locked(struct fsnotify_marks *ms, const void *group, struct notify_mark *m);
/* Put a new mark there. */
void notify_attach_locked(struct fsnotify_marks *ms, struct notify_mark *m);
/* A mark's masks have changed, or it is new: @d is the name by which the inode was found, if it is one. */
void notify_update_locked(struct fsnotify_marks *ms, struct dentry *d);
void notify_marks_get(struct fsnotify_marks *ms);
void notify_marks_put(struct fsnotify_marks *ms);
/* Take the mark off: false if somebody else did. The caller keeps mark, marks and inode from going. Takes the notify lock. */
bool notify_detach(struct fsnotify_marks *ms, struct notify_mark *m);
void notify_detach_locked(struct fsnotify_marks *ms, struct notify_mark *m);
/* The inodes of @sb hear of marks on it and on its mounts from now on. May sleep; takes the super block's rename_lock. */
void notify_widen(struct super *sb);

/* A wide group, with ops and priority set, gets its events from now on; it has one reference. */
void notify_group_add(struct notify_group *g);
void notify_group_put(struct notify_group *g);

/* ---- hooks: thread context, no spinlock; the directory's lock at most ---- */
void notify_file_slow(struct file *f, u32 mask);
int notify_perm_slow(struct file *f, u32 mask) MUST_CHECK;
void notify_dentry_slow(struct dentry *d, u32 mask);
void notify_inode_slow(struct inode *inode, const struct notify_event *ev);
void notify_rename_slow(struct inode *from, const char *name, u32 len, struct inode *to, const char *name2, u32 len2, const struct inode *moved);
/* nlink is 0 and no name leads here any more: IN_DELETE_SELF, and the marks are gone. */
void notify_removed_slow(struct inode *inode);
/* The super block goes: IN_UNMOUNT to all its marks, which are gone. */
void notify_unmount(struct super *sb);
/* The mount goes. */
void notify_mount_gone(struct mount *m);
void inode_notify_free(struct inode *inode);
/* A file system has met an error: in @inode, or NULL. Thread context, no spinlock. */
void notify_fs_error(struct super *sb, const struct inode *inode, int error);

/* Something was done with an open file. */
static inline void notify_file(struct file *f, u32 mask)
{
	if (unlikely(READ_ONCE(f->inode->notify) & (mask | NOTIFY_HINTS)))
		notify_file_slow(f, mask);
}

/* Something is about to be done: is it allowed? No lock held but a file's position. */
static inline int notify_perm(struct file *f, u32 mask)
{
	return unlikely(READ_ONCE(f->inode->notify) & (mask | NOTIFY_HINTS)) ? notify_perm_slow(f, mask) : 0;
}

/* Something was done with a file by name. */
static inline void notify_dentry(struct dentry *d, u32 mask)
{
	if (unlikely(READ_ONCE(d->inode->notify) & (mask | NOTIFY_HINTS)))
		notify_dentry_slow(d, mask);
}

/* Something happened to an inode, whatever its names. */
static inline void notify_inode(struct inode *inode, u32 mask)
{
	if (unlikely(READ_ONCE(inode->notify) & (mask | NOTIFY_WIDE))) {
		struct notify_event ev = {.mask = mask | (inode_is(inode, 0040000) ? IN_ISDIR : 0), .victim = inode};

		notify_inode_slow(inode, &ev);
	}
}

/* A name in @dir came or went; @child: what it leads or led to. */
static inline void notify_name(struct inode *dir, u32 mask, const char *name, u32 len, const struct inode *child, u32 cookie)
{
	if (unlikely(READ_ONCE(dir->notify) & (mask | NOTIFY_WIDE))) {
		struct notify_event ev = {.mask = mask | (inode_is(child, 0040000) ? IN_ISDIR : 0), .name = name, .len = len, .cookie = cookie,
			.victim = child, .dir = dir};

		notify_inode_slow(dir, &ev);
	}
}

/* @d was given a place in its parent, or an inode: both locked. */
static inline void notify_placed(struct dentry *d)
{
	u32 up = READ_ONCE(d->parent->inode->notify);

	if (unlikely(up & (NOTIFY_CHILD_EVENTS | NOTIFY_WIDE)))
		__atomic_fetch_or(&d->inode->notify, (up & NOTIFY_WIDE) | (up & NOTIFY_CHILD_EVENTS ? NOTIFY_PARENT : 0), __ATOMIC_RELAXED);
}

static inline void notify_unlinked(struct inode *inode)
{
	if (unlikely(READ_ONCE(inode->notify)) && !READ_ONCE(inode->nlink))
		notify_removed_slow(inode);
}

u32 notify_cookie(void);
