/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fanotify: groups, and their marks on inodes, mounts and file systems. [man fanotify(7), fanotify_init(2), fanotify_mark(2)]
 *
 *	event ──fan_handle_event──► queue ──read──► freed
 *	                              └─ of permission ──read──► asked ──write──► answered ──► freed by who asked
 *
 * A group's events are matched and put into its queue in fanotify_event.c, read and answered in fanotify_read.c. Who asks for permission sleeps without a lock
 * until there is an answer, the group is closed (which allows all) or he is killed.
 *
 * The group's mutex guards its list of marks; it is taken under the notify lock of a marked object, where marks come and are detached. A mark leaves the list
 * before it lets go of its inode. Marks of mounts and file systems hold nothing: these take their marks with them when they go.
 */
#include "fanotify_impl.h"
#include <init/initcall.h>
#include <io/poll.h>
#include <lib/strbuf.h>
#include <mm/page.h>
#include <mm/uaccess.h>
#include <vfs/procfs.h>
#include <linux/eventpoll.h>
#include <linux/stat.h>
#include <asm/ioctls.h>

/* clang-format off */
LOCK_CLASS(fanotify, RANK_NOTIFY + 1, "marks of one fanotify group");
LOCK_CLASS(fanotify_queue, RANK_WAITQ - 1, "events of one fanotify group");
/* clang-format on */

#define MARK_BYTES 1280 /* about what a mark pins, its inode included */

static s32 max_queued = 16384, max_groups = 128, max_marks = 8192;

unsigned fanotify_flags(const struct fan_group *g)
{
	return g->flags;
}

bool fanotify_is_privileged(const struct fan_group *g)
{
	return g->privileged;
}

/* ---- marks ---- */

static void mark_put(struct fan_mark *m)
{
	if (refcount_dec_and_test(&m->refs))
		kfree(m);
}

static void on_detached(struct notify_mark *nm)
{
	struct fan_mark *m = container_of(nm, struct fan_mark, mark);
	struct fan_group *g = nm->group;

	mutex_lock(&g->lock);
	list_del_init(&m->link);
	mutex_unlock(&g->lock);
	if (!(g->flags & FAN_UNLIMITED_MARKS))
		atomic64_sub_relaxed(&g->user->nfan_marks, 1);
	mark_put(m);
	notify_group_put(&g->notify);
}

static const struct notify_ops mark_ops = {.detached = on_detached};

/* Where the mark on @p is kept; *out_inode: NULL for mounts and file systems. */
static struct fsnotify_marks **slot_of(const struct path *p, unsigned flags, struct inode **out_inode)
{
	*out_inode = NULL;
	switch (flags & FAN_MARK_TYPES) {
	case FAN_MARK_MOUNT: return &p->mnt->marks;
	case FAN_MARK_FILESYSTEM: return &p->dentry->super->marks;
	default: *out_inode = p->dentry->inode; return &p->dentry->inode->marks;
	}
}

/* Notify lock held. */
static int new_mark(struct fan_group *g, struct fsnotify_marks *on, const struct path *p, unsigned flags, struct fan_mark **out)
{
	struct fan_mark *m = kzalloc(sizeof(*m), 0);

	if (!m)
		return -ENOMEM;
	if (!(g->flags & FAN_UNLIMITED_MARKS) && 1 + atomic64_fetch_add_relaxed(&g->user->nfan_marks, 1) > READ_ONCE(max_marks)) {
		atomic64_sub_relaxed(&g->user->nfan_marks, 1);
		kfree(m);
		return -ENOSPC;
	}
	refcount_set(&m->refs, 1);
	refcount_inc(&g->notify.refs);
	m->mark = (struct notify_mark){.ops = &mark_ops, .group = g};
	m->mount = flags & FAN_MARK_MOUNT ? p->mnt : NULL;
	m->super = flags & FAN_MARK_FILESYSTEM ? p->dentry->super : NULL;
	m->evictable = flags & FAN_MARK_EVICTABLE;
	mutex_lock(&g->lock);
	notify_attach_locked(on, &m->mark);
	list_add(&m->link, &g->marks);
	mutex_unlock(&g->lock);
	*out = m;
	return 0;
}

/* What cannot be taken back: to keep the inode, to have flags of its own for what is ignored, to ignore beyond a change. */
static bool may_update(const struct fan_mark *m, unsigned flags)
{
	if ((flags & FAN_MARK_EVICTABLE) && !m->evictable)
		return false;
	if ((flags & FAN_MARK_IGNORED_MASK) && (m->mark.flags & NOTIFY_IGNORE_FLAGS))
		return false;
	return !((flags & FAN_MARK_IGNORE) && !(flags & FAN_MARK_IGNORED_SURV_MODIFY) && (m->mark.flags & NOTIFY_IGNORE_SURVIVES));
}

int fanotify_mark_add(struct fan_group *g, const struct path *p, unsigned flags, u32 mask)
{
	struct inode *inode;
	struct fsnotify_marks **slot = slot_of(p, flags, &inode), *on;
	struct notify_mark *found;
	struct fan_mark *m = NULL;
	int err = notify_lock(slot, inode);

	if (err)
		return err;
	on = *slot;
	found = notify_find_locked(on, g);
	if (found)
		m = container_of(found, struct fan_mark, mark);
	else
		err = new_mark(g, on, p, flags, &m);
	if (!err && !may_update(m, flags))
		err = -EEXIST;
	if (!err) {
		if (flags & FAN_IGNORES)
			m->mark.ignore |= mask;
		else
			m->mark.mask |= mask;
		if (flags & FAN_MARK_IGNORE)
			m->mark.flags |= NOTIFY_IGNORE_FLAGS;
		if ((flags & FAN_IGNORES) && (flags & FAN_MARK_IGNORED_SURV_MODIFY))
			m->mark.flags |= NOTIFY_IGNORE_SURVIVES;
		if (!(flags & FAN_MARK_EVICTABLE))
			m->evictable = false;
		notify_update_locked(on, p->dentry);
	}
	notify_unlock(on);
	if (!err && !inode)
		notify_widen(p->dentry->super);
	return err;
}

static void detach(struct fsnotify_marks *on, struct fan_mark *m, struct inode *inode)
{
	(void)notify_detach(on, &m->mark);
	inode_put(inode);
	mark_put(m);
	notify_marks_put(on);
}

int fanotify_mark_remove(struct fan_group *g, const struct path *p, unsigned flags, u32 mask)
{
	struct inode *inode;
	struct fsnotify_marks **slot = slot_of(p, flags, &inode), *on;
	u32 fixed = inode && S_ISDIR(inode->mode) ? 0 : FAN_EVENT_ON_CHILD; /* not the user's to take away */
	struct notify_mark *nm;
	struct fan_mark *m;
	bool empty;
	int err = notify_lock(slot, inode);

	if (err)
		return err;
	on = *slot;
	nm = notify_find_locked(on, g);
	if (!nm) {
		notify_unlock(on);
		return -ENOENT;
	}
	if (flags & FAN_IGNORES)
		nm->ignore &= ~(mask & ~fixed);
	else
		nm->mask &= ~(mask & ~fixed);
	empty = !((nm->mask | nm->ignore) & ~fixed);
	m = container_of(nm, struct fan_mark, mark);
	refcount_inc(&m->refs);
	notify_marks_get(on);
	notify_update_locked(on, p->dentry);
	notify_unlock(on);
	if (empty) {
		if (inode)
			inode_get(inode);
		detach(on, m, inode);
	} else {
		mark_put(m);
		notify_marks_put(on);
	}
	return 0;
}

/* One mark for which @fits says yes goes; false: there is none. */
static bool drop_one(struct fan_group *g, bool (*fits)(const struct fan_mark *m))
{
	struct fsnotify_marks *on = NULL;
	struct inode *inode = NULL;
	struct fan_mark *m;

	mutex_lock(&g->lock);
	list_for_each_entry(m, &g->marks, link) {
		if (!fits(m))
			continue;
		on = m->mark.on;
		inode = m->mark.inode;
		notify_marks_get(on);
		refcount_inc(&m->refs);
		if (inode)
			inode_get(inode);
		break;
	}
	mutex_unlock(&g->lock);
	if (on)
		detach(on, m, inode);
	return on;
}

static bool is_any(const struct fan_mark *m)
{
	return true;
}

static bool is_inode(const struct fan_mark *m)
{
	return m->mark.inode;
}

static bool is_mount(const struct fan_mark *m)
{
	return m->mount;
}

static bool is_super(const struct fan_mark *m)
{
	return m->super;
}

void fanotify_mark_flush(struct fan_group *g, unsigned type)
{
	while (drop_one(g, type == FAN_MARK_MOUNT ? is_mount : type == FAN_MARK_FILESYSTEM ? is_super : is_inode))
		;
}

/* ---- the file ---- */

static u32 fan_poll(struct file *f, struct poll_table *pt)
{
	struct fan_group *g = f->private;

	poll_wait(pt, f, &g->wait);
	return READ_ONCE(g->queued) ? EPOLLIN | EPOLLRDNORM : 0;
}

static s64 fan_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct fan_group *g = f->private;

	if (cmd != FIONREAD)
		return -ENOTTY;
	return user_store32(uptr_make(arg), READ_ONCE(g->queued) * (u32)FAN_EVENT_METADATA_LEN);
}

static void fan_release(struct file *f)
{
	struct fan_group *g = f->private;
	struct fan_event *e, *next;
	LIST_HEAD(dead);

	spin_lock(&g->queue_lock);
	g->closed = true;
	list_for_each_entry_safe(e, next, &g->asked, link) {
		list_del_init(&e->link);
		fan_answer_locked(g, e, FAN_ALLOW);
	}
	list_for_each_entry_safe(e, next, &g->queue, link) {
		list_del_init(&e->link);
		if (e->kind == FAN_KIND_PERM)
			fan_answer_locked(g, e, FAN_ALLOW);
		else if (e != &g->overflow)
			list_add_tail(&e->link, &dead);
	}
	g->queued = 0;
	spin_unlock(&g->queue_lock);
	list_for_each_entry_safe(e, next, &dead, link)
		fan_event_free(e);
	while (drop_one(g, is_any))
		;
	notify_group_put(&g->notify);
}

static void group_free(struct notify_group *ng)
{
	struct fan_group *g = container_of(ng, struct fan_group, notify);

	atomic64_sub_relaxed(&g->user->nfan_groups, 1);
	user_put(g->user);
	kfree(g);
}

static const struct notify_group_ops group_ops = {.event = fan_handle_event, .free = group_free};

static void show_mark(struct strbuf *sb, const struct fan_mark *m)
{
	const struct notify_mark *nm = &m->mark;
	u32 flags = (nm->flags & NOTIFY_IGNORE_SURVIVES ? FAN_MARK_IGNORED_SURV_MODIFY : 0)
		| (nm->flags & NOTIFY_IGNORE_FLAGS ? FAN_MARK_IGNORE : 0) | (m->evictable ? FAN_MARK_EVICTABLE : 0);

	if (m->mount)
		strbuf_printf(sb, "fanotify mnt_id:%x ", (u32)m->mount->id);
	else if (m->super)
		strbuf_printf(sb, "fanotify sdev:%x ", m->super->dev);
	else
		strbuf_printf(sb, "fanotify ino:%llx sdev:%x ", nm->inode->ino, nm->inode->super->dev);
	strbuf_printf(sb, "mflags:%x mask:%x ignored_mask:%x", flags, READ_ONCE(nm->mask), READ_ONCE(nm->ignore));
	if (nm->inode) {
		char handle[96];

		(void)inode_show_handle(nm->inode, handle, sizeof(handle));
		strbuf_printf(sb, " %s", handle);
	} else {
		strbuf_puts(sb, "\n");
	}
}

static size_t fan_show_fdinfo(struct file *f, char *buf, size_t size)
{
	struct fan_group *g = f->private;
	struct fan_mark *m;
	struct strbuf sb;

	strbuf_init(&sb, buf, size);
	strbuf_printf(&sb, "fanotify flags:%x event-flags:%x\n", g->flags, g->event_f_flags);
	mutex_lock(&g->lock);
	list_for_each_entry(m, &g->marks, link)
		show_mark(&sb, m);
	mutex_unlock(&g->lock);
	return sb.len;
}

static const struct file_ops fan_ops = {
	.read = fan_read,
	.write = fan_write,
	.lseek = file_lseek_noop,
	.poll = fan_poll,
	.ioctl = fan_ioctl,
	.release = fan_release,
	.show_fdinfo = fan_show_fdinfo,
};

struct fan_group *fanotify_group(const struct file *f)
{
	return f->ops == &fan_ops ? f->private : NULL;
}

static void group_init(struct fan_group *g, unsigned flags, unsigned event_f_flags, bool privileged)
{
	unsigned class = flags & (FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT);

	g->flags = flags;
	g->event_f_flags = event_f_flags | O_LARGEFILE;
	g->privileged = privileged;
	g->max_queued = flags & FAN_UNLIMITED_QUEUE ? U32_MAX : (u32)READ_ONCE(max_queued);
	g->overflow.mask = FAN_Q_OVERFLOW;
	g->notify.priority = class == FAN_CLASS_PRE_CONTENT ? 2 : class == FAN_CLASS_CONTENT ? 1 : 0;
	g->notify.ops = &group_ops;
	mutex_init(&g->lock, fanotify);
	spin_init(&g->queue_lock, fanotify_queue);
	list_init(&g->marks);
	list_init(&g->queue);
	list_init(&g->asked);
	list_init(&g->overflow.link);
	wait_queue_init(&g->wait);
	wait_queue_init(&g->answers);
}

int fanotify_create_file(unsigned flags, unsigned event_f_flags, bool privileged, struct file **out)
{
	struct fan_group *g = kzalloc(sizeof(*g), 0);
	int err;

	if (!g)
		return -ENOMEM;
	err = user_get(cred_current()->euid, &g->user);
	if (err)
		goto fail;
	if (1 + atomic64_fetch_add_relaxed(&g->user->nfan_groups, 1) > READ_ONCE(max_groups)) {
		err = -EMFILE;
		goto fail_user;
	}
	group_init(g, flags, event_f_flags, privileged);
	err = file_create_anon("[fanotify]", &fan_ops, g, O_RDWR | (flags & FAN_NONBLOCK ? O_NONBLOCK : 0), out);
	if (err)
		goto fail_user;
	(*out)->mode |= FMODE_NONOTIFY;
	notify_group_add(&g->notify);
	return 0;
fail_user:
	atomic64_sub_relaxed(&g->user->nfan_groups, 1);
	user_put(g->user);
fail:
	kfree(g);
	return err;
}

static const struct sysctl table[] = {
	{"fs/fanotify/max_queued_events", 0644, SYSCTL_INT, 0, &max_queued, 0, S32_MAX},
	{"fs/fanotify/max_user_groups", 0644, SYSCTL_INT, 0, &max_groups, 0, S32_MAX},
	{"fs/fanotify/max_user_marks", 0644, SYSCTL_INT, 0, &max_marks, 0, S32_MAX},
};

static int fanotify_init(void)
{
	struct page_stats st;

	page_stats(&st);
	/* A hundredth of memory. */
	max_marks = (s32)clamp_t(u64, st.total * PAGE_SIZE / 100 / MARK_BYTES, 8192, 1048576);
	sysctl_register(table, ARRAY_SIZE(table));
	return 0;
}

INITCALL(fanotify, "procfs", fanotify_init);
