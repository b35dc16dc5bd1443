/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Marks on inodes, and the way of an event to them. See <vfs/notify.h>.
 *
 * An inode that is or was marked has a struct fsnotify_marks, which lives as long as the inode; its mutex guards the list of marks and their masks and is held
 * while an event is handed to them. A mark holds a reference to its inode. The super block has a list of the inodes with marks, for its end.
 *
 * The hint NOTIFY_PARENT cannot be missed: who marks a directory first changes dir->notify and then visits its names, taking the lock of each; who gives a
 * name its inode or its place looks at dir->notify under that same lock afterwards. One of the two comes second and sees the other's work.
 */
#include "vfs_impl.h"
#include <lib/string.h>
#include <mm/slab.h>
#include <vfs/notify.h>

/* clang-format off */
LOCK_CLASS(notify, RANK_NOTIFY, "marks of one watched inode");
LOCK_CLASS(notify_super, RANK_NOTIFY + 2, "the lists of marked inodes of all super blocks");
/* clang-format on */

struct fsnotify_marks {
	struct mutex lock;
	struct inode *inode;
	struct list_head marks;	     /* lock */
	struct list_head super_link; /* super_lock; linked while there are marks */
};

static struct spinlock super_lock = SPINLOCK_INIT(notify_super);

u32 notify_cookie(void)
{
	static u32 last;

	return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

void inode_notify_free(struct inode *inode)
{
	kfree(inode->marks);
	inode->marks = NULL;
}

int notify_lock(struct inode *inode)
{
	struct fsnotify_marks *ms = LOAD_ACQUIRE(inode->marks), *fresh;

	if (!ms) {
		fresh = kzalloc(sizeof(*fresh), 0);
		if (!fresh)
			return -ENOMEM;
		mutex_init(&fresh->lock, notify);
		list_init(&fresh->marks);
		list_init(&fresh->super_link);
		fresh->inode = inode;
		if (__atomic_compare_exchange_n(&inode->marks, &ms, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			ms = fresh;
		else
			kfree(fresh);
	}
	mutex_lock(&ms->lock);
	return 0;
}

void notify_unlock(struct inode *inode)
{
	mutex_unlock(&inode->marks->lock);
}

struct notify_mark *notify_find_locked(struct inode *inode, const void *group)
{
	struct notify_mark *m;

	list_for_each_entry(m, &inode->marks->marks, link) {
		if (m->group == group)
			return m;
	}
	return NULL;
}

/* inode->notify := what the marks want, beside the hint, which others set meanwhile. */
static void sum_up(struct inode *inode)
{
	struct notify_mark *m;
	u32 want = 0, old;

	list_for_each_entry(m, &inode->marks->marks, link)
		want |= m->mask;
	old = READ_ONCE(inode->notify);
	while (!__atomic_compare_exchange_n(
		&inode->notify, &old, want | (old & NOTIFY_PARENT), false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

void notify_attach_locked(struct inode *inode, struct notify_mark *m)
{
	struct fsnotify_marks *ms = inode->marks;

	inode_get(inode);
	m->inode = inode;
	m->attached = true;
	if (list_empty(&ms->marks)) {
		spin_lock(&super_lock);
		list_add(&ms->super_link, &inode->super->watched);
		spin_unlock(&super_lock);
	}
	list_add_tail(&m->link, &ms->marks);
}

void notify_update_locked(struct inode *inode, struct dentry *d)
{
	struct dentry *child;

	sum_up(inode);
	if (!S_ISDIR(inode->mode) || !(inode->notify & NOTIFY_CHILD_EVENTS))
		return;
	spin_lock(&d->lock);
	list_for_each_entry(child, &d->children, child_link) {
		spin_lock_nested(&child->lock);
		if (child->inode)
			__atomic_fetch_or(&child->inode->notify, NOTIFY_PARENT, __ATOMIC_RELAXED);
		spin_unlock(&child->lock);
	}
	spin_unlock(&d->lock);
}

/* The caller has a reference to the inode. */
static void detach_locked(struct inode *inode, struct notify_mark *m)
{
	struct fsnotify_marks *ms = inode->marks;

	list_del(&m->link);
	m->attached = false;
	if (list_empty(&ms->marks)) {
		spin_lock(&super_lock);
		list_del_init(&ms->super_link);
		spin_unlock(&super_lock);
	}
	sum_up(inode);
	m->ops->detached(m); /* may free it */
	inode_put(inode);
}

bool notify_detach(struct inode *inode, struct notify_mark *m)
{
	bool mine;

	mutex_lock(&inode->marks->lock);
	mine = m->attached;
	if (mine)
		detach_locked(inode, m);
	mutex_unlock(&inode->marks->lock);
	return mine;
}

void notify_inode_slow(struct inode *inode, const struct notify_event *ev)
{
	const struct dentry *d = ev->path ? ev->path->dentry : NULL;
	bool unlinked = d && d->parent != d && !dentry_is_hashed(d);
	struct fsnotify_marks *ms = LOAD_ACQUIRE(inode->marks);
	struct notify_mark *m, *next;

	if (!ms)
		return;
	mutex_lock(&ms->lock);
	list_for_each_entry_safe(m, next, &ms->marks, link) {
		if (!(m->mask & ev->mask & ~IN_ISDIR) || (unlinked && (m->flags & NOTIFY_EXCL_UNLINK)))
			continue;
		m->ops->event(m, ev);
		if (m->flags & NOTIFY_ONESHOT)
			detach_locked(inode, m);
	}
	mutex_unlock(&ms->lock);
}

/* Tell the directory of @d, by name. */
static void notify_parent(struct dentry *d, struct notify_event ev)
{
	struct inode *dir = NULL;
	char name[NAME_MAX + 1];

	spin_lock(&d->lock);
	if (d->parent != d && d->parent->inode && (READ_ONCE(d->parent->inode->notify) & ev.mask & ~IN_ISDIR)) {
		dir = d->parent->inode;
		inode_get(dir);
		memcpy(name, d->name, d->len);
		ev.name = name;
		ev.len = d->len;
	}
	spin_unlock(&d->lock);
	if (dir) {
		notify_inode_slow(dir, &ev);
		inode_put(dir);
	}
}

void notify_dentry_slow(struct dentry *d, struct inode *inode, u32 mask, const struct path *path)
{
	struct notify_event ev = {.mask = mask | (S_ISDIR(READ_ONCE(inode->mode)) ? IN_ISDIR : 0), .path = path};

	if (READ_ONCE(inode->notify) & NOTIFY_PARENT)
		notify_parent(d, ev);
	if (READ_ONCE(inode->notify) & mask)
		notify_inode_slow(inode, &ev);
}

/* Tell all marks of @inode of its end. The caller has a reference. */
static void end_marks(struct inode *inode, u32 mask)
{
	struct notify_event ev = {.mask = mask | (S_ISDIR(inode->mode) ? IN_ISDIR : 0)};
	struct fsnotify_marks *ms = LOAD_ACQUIRE(inode->marks);
	struct notify_mark *m, *next;

	if (!ms)
		return;
	mutex_lock(&ms->lock);
	list_for_each_entry_safe(m, next, &ms->marks, link) {
		if (m->mask & mask)
			m->ops->event(m, &ev);
		detach_locked(inode, m);
	}
	mutex_unlock(&ms->lock);
}

void notify_removed_slow(struct inode *inode)
{
	end_marks(inode, IN_DELETE_SELF);
}

void notify_unmount(struct super *sb)
{
	for (;;) {
		struct inode *inode = NULL;

		spin_lock(&super_lock);
		if (!list_empty(&sb->watched)) {
			inode = list_first_entry(&sb->watched, struct fsnotify_marks, super_link)->inode;
			inode_get(inode); /* a mark holds one too: not the first */
		}
		spin_unlock(&super_lock);
		if (!inode)
			return;
		end_marks(inode, IN_UNMOUNT);
		inode_put(inode);
	}
}
