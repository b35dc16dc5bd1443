/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Marks, and the way of an event to them. See <vfs/notify.h>; notify_wide.c has the groups that hear of whole file systems.
 *
 * An object that is or was marked has a struct fsnotify_marks, which lives as long as the object; its mutex guards the list of marks and their masks and is
 * held while an event is handed to simple ones. A mark holds a reference to its inode. The super block has a list of the inodes with marks, for its end.
 *
 * The hint NOTIFY_PARENT cannot be missed: who marks a directory first changes dir->notify and then visits its names, taking the lock of each; who gives a
 * name its inode or its place looks at dir->notify under that same lock afterwards. One of the two comes second and sees the other's work.
 */
#include "notify_impl.h"
#include <lib/string.h>
#include <mm/slab.h>

/* clang-format off */
LOCK_CLASS(notify, RANK_NOTIFY, "marks of one watched object");
LOCK_CLASS(notify_lists, RANK_NOTIFY + 2, "the lists of watched inodes of all super blocks, and of groups");
/* clang-format on */

struct spinlock notify_lists_lock = SPINLOCK_INIT(notify_lists);

u32 notify_cookie(void)
{
	static u32 last;

	return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

void notify_marks_get(struct fsnotify_marks *ms)
{
	refcount_inc(&ms->refs);
}

void notify_marks_put(struct fsnotify_marks *ms)
{
	if (refcount_dec_and_test(&ms->refs))
		kfree(ms);
}

void inode_notify_free(struct inode *inode)
{
	notify_marks_put(inode->marks);
	inode->marks = NULL;
}

int notify_lock(struct fsnotify_marks **slot, struct inode *inode)
{
	struct fsnotify_marks *ms = LOAD_ACQUIRE(*slot), *fresh;

	if (!ms) {
		fresh = kzalloc(sizeof(*fresh), 0);
		if (!fresh)
			return -ENOMEM;
		refcount_set(&fresh->refs, 1);
		mutex_init(&fresh->lock, notify);
		list_init(&fresh->marks);
		list_init(&fresh->super_link);
		fresh->inode = inode;
		if (__atomic_compare_exchange_n(slot, &ms, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			ms = fresh;
		else
			kfree(fresh);
	}
	mutex_lock(&ms->lock);
	return 0;
}

void notify_unlock(struct fsnotify_marks *ms)
{
	mutex_unlock(&ms->lock);
}

struct notify_mark *notify_next_locked(struct fsnotify_marks *ms, const void *group, struct notify_mark *m)
{
	struct list_head *at = m ? m->link.next : ms->marks.next;

	for (; at != &ms->marks; at = at->next) {
		m = container_of(at, struct notify_mark, link);
		if (m->group == group)
			return m;
	}
	return NULL;
}

struct notify_mark *notify_find_locked(struct fsnotify_marks *ms, const void *group)
{
	return notify_next_locked(ms, group, NULL);
}

/* ms->want and inode->notify := what the marks want, beside the hints, which others set meanwhile. */
static void sum_up(struct fsnotify_marks *ms)
{
	struct notify_mark *m;
	u32 want = 0, old;

	list_for_each_entry(m, &ms->marks, link) {
		want |= m->mask;
		if (m->ignore && !(m->flags & NOTIFY_IGNORE_SURVIVES))
			want |= IN_MODIFY; /* which ends the ignoring */
	}
	want &= NOTIFY_EVENTS;
	WRITE_ONCE(ms->want, want);
	if (!ms->inode)
		return;
	old = READ_ONCE(ms->inode->notify);
	while (!__atomic_compare_exchange_n(
		&ms->inode->notify, &old, want | (old & (NOTIFY_HINTS | NOTIFY_LEASED)), false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

void notify_attach_locked(struct fsnotify_marks *ms, struct notify_mark *m)
{
	m->on = ms;
	m->inode = ms->inode;
	m->attached = true;
	if (ms->inode)
		inode_get(ms->inode);
	if (ms->inode && list_empty(&ms->marks)) {
		spin_lock(&notify_lists_lock);
		list_add(&ms->super_link, &ms->inode->super->watched);
		spin_unlock(&notify_lists_lock);
	}
	list_add_tail(&m->link, &ms->marks);
}

void notify_update_locked(struct fsnotify_marks *ms, struct dentry *d)
{
	struct dentry *child;

	sum_up(ms);
	if (!ms->inode || !S_ISDIR(ms->inode->mode) || !(ms->inode->notify & NOTIFY_CHILD_EVENTS))
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
void notify_detach_locked(struct fsnotify_marks *ms, struct notify_mark *m)
{
	struct inode *inode = m->inode;

	list_del(&m->link);
	m->attached = false;
	if (list_empty(&ms->marks)) {
		spin_lock(&notify_lists_lock);
		list_del_init(&ms->super_link);
		spin_unlock(&notify_lists_lock);
	}
	sum_up(ms);
	m->ops->detached(m); /* may free it */
	inode_put(inode);
}

bool notify_detach(struct fsnotify_marks *ms, struct notify_mark *m)
{
	bool mine;

	mutex_lock(&ms->lock);
	mine = m->attached;
	if (mine)
		notify_detach_locked(ms, m);
	mutex_unlock(&ms->lock);
	return mine;
}

/* To the simple marks of @inode. */
static void tell_marks(struct inode *inode, const struct notify_event *ev)
{
	const struct dentry *d = ev->path ? ev->path->dentry : NULL;
	bool unlinked = d && d->parent != d && !dentry_is_hashed(d);
	struct fsnotify_marks *ms = LOAD_ACQUIRE(inode->marks);
	struct notify_mark *m, *next;

	if (!ms || !(READ_ONCE(ms->want) & ev->mask))
		return;
	mutex_lock(&ms->lock);
	list_for_each_entry_safe(m, next, &ms->marks, link) {
		if (!m->ops->event || !(m->mask & ev->mask & NOTIFY_EVENTS) || (unlinked && (m->flags & NOTIFY_EXCL_UNLINK)))
			continue;
		m->ops->event(m, ev);
		if (m->flags & NOTIFY_ONESHOT)
			notify_detach_locked(ms, m);
	}
	mutex_unlock(&ms->lock);
}

void notify_inode_slow(struct inode *inode, const struct notify_event *ev)
{
	struct fsnotify_marks *at[NOTIFY_PLACES] = {
		[NOTIFY_AT_INODE] = LOAD_ACQUIRE(inode->marks), [NOTIFY_AT_SUPER] = LOAD_ACQUIRE(inode->super->marks)};

	tell_marks(inode, ev);
	(void)notify_tell_groups(ev, at);
}

void notify_rename_slow(struct inode *from, const char *name, u32 len, struct inode *to, const char *name2, u32 len2, const struct inode *moved)
{
	struct notify_event ev = {
		.mask = FAN_RENAME | (S_ISDIR(moved->mode) ? IN_ISDIR : 0),
		.name = name, .len = len, .dir = from, .name2 = name2, .len2 = len2, .dir2 = to, .victim = moved,
	};
	struct fsnotify_marks *at[NOTIFY_PLACES] = {
		[NOTIFY_AT_INODE] = LOAD_ACQUIRE(from->marks),
		[NOTIFY_AT_DIR2] = LOAD_ACQUIRE(to->marks),
		[NOTIFY_AT_SUPER] = LOAD_ACQUIRE(from->super->marks),
	};

	if (from == to) /* who has F_NOTIFY hears of renames within the directory */
		tell_marks(from, &ev);
	(void)notify_tell_groups(&ev, at);
}

/* Something happened to what @d leads or led to, @inode: its directory hears of it by name, then the inode itself. */
static int tell_dentry(struct dentry *d, struct inode *inode, struct notify_event *ev)
{
	struct fsnotify_marks *at[NOTIFY_PLACES] = {
		[NOTIFY_AT_INODE] = LOAD_ACQUIRE(inode->marks),
		[NOTIFY_AT_MOUNT] = ev->path ? LOAD_ACQUIRE(ev->path->mnt->marks) : NULL,
		[NOTIFY_AT_SUPER] = LOAD_ACQUIRE(inode->super->marks),
	};
	struct notify_event named = *ev;
	struct inode *dir = NULL;
	char name[NAME_MAX + 1];
	int err;

	spin_lock(&d->lock);
	if (d->parent != d && d->parent->inode) {
		dir = d->parent->inode;
		inode_get(dir);
		memcpy(name, d->name, d->len);
		named.name = name;
		named.len = d->len;
		named.dir = dir;
	}
	spin_unlock(&d->lock);
	if (dir) {
		tell_marks(dir, &named);
		at[NOTIFY_AT_PARENT] = LOAD_ACQUIRE(dir->marks);
	}
	tell_marks(inode, ev);
	err = notify_tell_groups(&named, at);
	inode_put(dir);
	return err;
}

static struct notify_event event_of(const struct inode *inode, u32 mask, const struct path *path)
{
	return (struct notify_event){.mask = mask | (S_ISDIR(READ_ONCE(inode->mode)) ? IN_ISDIR : 0), .path = path, .victim = inode};
}

static int tell_file(struct file *f, u32 mask)
{
	struct notify_event ev = event_of(f->inode, mask, &f->path);

	return f->mode & FMODE_NONOTIFY ? 0 : tell_dentry(f->path.dentry, f->inode, &ev);
}

int notify_perm_slow(struct file *f, u32 mask)
{
	return tell_file(f, mask);
}

void notify_file_slow(struct file *f, u32 mask)
{
	(void)tell_file(f, mask);
}

void notify_dentry_slow(struct dentry *d, u32 mask)
{
	struct notify_event ev = event_of(d->inode, mask, NULL);

	(void)tell_dentry(d, d->inode, &ev);
}

void notify_end_marks(struct fsnotify_marks **slot, const struct notify_event *ev)
{
	struct fsnotify_marks *ms = LOAD_ACQUIRE(*slot);
	struct notify_mark *m, *next;

	if (!ms)
		return;
	mutex_lock(&ms->lock);
	list_for_each_entry_safe(m, next, &ms->marks, link) {
		if (m->ops->event && (m->mask & ev->mask & NOTIFY_EVENTS))
			m->ops->event(m, ev);
		notify_detach_locked(ms, m);
	}
	mutex_unlock(&ms->lock);
}

/* The caller has a reference. */
void notify_removed_slow(struct inode *inode)
{
	struct fsnotify_marks *at[NOTIFY_PLACES] = {
		[NOTIFY_AT_INODE] = LOAD_ACQUIRE(inode->marks), [NOTIFY_AT_SUPER] = LOAD_ACQUIRE(inode->super->marks)};
	struct notify_event ev = event_of(inode, IN_DELETE_SELF, NULL);

	(void)notify_tell_groups(&ev, at);
	notify_end_marks(&inode->marks, &ev);
}

void notify_unmount(struct super *sb)
{
	for (;;) {
		struct notify_event ev = {0};
		struct inode *inode = NULL;

		spin_lock(&notify_lists_lock);
		if (!list_empty(&sb->watched)) {
			inode = list_first_entry(&sb->watched, struct fsnotify_marks, super_link)->inode;
			inode_get(inode); /* a mark holds one too: not the first */
		}
		spin_unlock(&notify_lists_lock);
		if (!inode)
			break;
		ev = event_of(inode, IN_UNMOUNT, NULL);
		notify_end_marks(&inode->marks, &ev);
		inode_put(inode);
	}
	if (sb->marks) {
		notify_end_marks(&sb->marks, &(struct notify_event){0});
		notify_marks_put(sb->marks);
	}
}
