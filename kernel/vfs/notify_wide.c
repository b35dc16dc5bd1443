/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups that hear of whole mounts and file systems. See <vfs/notify.h>.
 *
 * They stand in one list, by priority. For an event each is asked once, with what its marks say at all the places that the event concerns; meanwhile its
 * reference keeps its place in the list, and no lock is held. An event that no mark at these places wants does not go through the list.
 *
 * The hint NOTIFY_WIDE reaches every inode that has a name: who marks a file system first puts the mark where it is found, then sets the hint of each name's
 * inode from the root down, under the name's lock; who gives a name its inode or its place hands the hint of the directory down under that same lock.
 * Directories that move meanwhile could be passed by, so renames between directories wait (rename_lock).
 */
#include "notify_impl.h"

static LIST_HEAD(groups); /* notify_lists_lock */

void notify_group_add(struct notify_group *g)
{
	struct notify_group *at;
	struct list_head *before = &groups;

	refcount_set(&g->refs, 1);
	spin_lock(&notify_lists_lock);
	list_for_each_entry(at, &groups, link) {
		if (at->priority < g->priority) {
			before = &at->link;
			break;
		}
	}
	list_add_tail(&g->link, before);
	spin_unlock(&notify_lists_lock);
}

void notify_group_put(struct notify_group *g)
{
	if (!refcount_dec_and_test(&g->refs))
		return;
	spin_lock(&notify_lists_lock);
	list_del(&g->link);
	spin_unlock(&notify_lists_lock);
	g->ops->free(g);
}

/* The group after @g, whose reference is given back; NULL: the first one. */
static struct notify_group *next_group(struct notify_group *g)
{
	struct notify_group *next = NULL;
	struct list_head *at;

	spin_lock(&notify_lists_lock);
	for (at = g ? g->link.next : groups.next; at != &groups && !next; at = at->next) {
		next = container_of(at, struct notify_group, link);
		if (!refcount_inc_not_zero(&next->refs))
			next = NULL;
	}
	spin_unlock(&notify_lists_lock);
	if (g)
		notify_group_put(g);
	return next;
}

/* What the group's mark at one place says. Writing to a file ends the ignoring. */
static bool view_place(struct notify_group *g, struct fsnotify_marks *ms, u32 mask, struct notify_view *out)
{
	struct notify_mark *m;

	*out = (struct notify_view){0};
	if (!ms)
		return false;
	mutex_lock(&ms->lock);
	m = notify_find_locked(ms, g);
	if (m) {
		if ((mask & IN_MODIFY) && !(m->flags & NOTIFY_IGNORE_SURVIVES))
			m->ignore = 0;
		*out = (struct notify_view){.mask = m->mask, .ignore = m->ignore, .flags = m->flags};
	}
	mutex_unlock(&ms->lock);
	return m;
}

int notify_tell_groups(const struct notify_event *ev, struct fsnotify_marks *const at[NOTIFY_PLACES])
{
	struct notify_view view[NOTIFY_PLACES];
	struct notify_group *g;
	u32 want = 0;
	int err;

	for (int i = 0; i < NOTIFY_PLACES; i++)
		want |= at[i] ? READ_ONCE(at[i]->want) : 0;
	if (!(want & ev->mask & NOTIFY_EVENTS))
		return 0;
	for (g = next_group(NULL); g; g = next_group(g)) {
		bool any = false;

		for (int i = 0; i < NOTIFY_PLACES; i++)
			any |= view_place(g, at[i], ev->mask, &view[i]);
		err = any ? g->ops->event(g, ev, view) : 0;
		if (err && (ev->mask & NOTIFY_PERM)) {
			notify_group_put(g);
			return err;
		}
	}
	return 0;
}

void notify_mount_gone(struct mount *m)
{
	if (!m->marks)
		return;
	notify_end_marks(&m->marks, &(struct notify_event){0});
	notify_marks_put(m->marks);
}

void notify_fs_error(struct super *sb, const struct inode *inode, int error)
{
	struct notify_event ev = {.mask = FAN_FS_ERROR, .victim = inode ? inode : sb->root->inode, .error = error};
	struct fsnotify_marks *at[NOTIFY_PLACES] = {[NOTIFY_AT_SUPER] = LOAD_ACQUIRE(sb->marks)};

	(void)notify_tell_groups(&ev, at);
}

/* ---- the hint ---- */

static void hint(struct dentry *d)
{
	spin_lock(&d->lock);
	if (d->inode)
		__atomic_fetch_or(&d->inode->notify, NOTIFY_WIDE, __ATOMIC_RELAXED);
	spin_unlock(&d->lock);
}

/* The first child of @dir that can be had, behind @prev; referenced. */
static struct dentry *next_child(struct dentry *dir, struct dentry *prev)
{
	struct dentry *found = NULL;
	struct list_head *at;

	rcu_read_lock();
	spin_lock(&dir->lock);
	for (at = prev ? prev->child_link.next : dir->children.next; at != &dir->children && !found; at = at->next) {
		found = container_of(at, struct dentry, child_link);
		if (!dentry_tryget(found))
			found = NULL;
	}
	spin_unlock(&dir->lock);
	rcu_read_unlock();
	return found;
}

void notify_widen(struct super *sb)
{
	struct dentry *d = sb->root, *next;

	mutex_lock(&sb->rename_lock);
	hint(d);
	dentry_get(d);
	next = next_child(d, NULL);
	while (next || d != sb->root) {
		if (next) { /* down */
			dentry_put(d);
			d = next;
			hint(d);
			next = next_child(d, NULL);
		} else { /* aside, and up when there is nothing; the parent cannot change */
			struct dentry *up = d->parent;

			dentry_get(up);
			next = next_child(up, d);
			dentry_put(d);
			d = up;
		}
	}
	dentry_put(d);
	mutex_unlock(&sb->rename_lock);
}
