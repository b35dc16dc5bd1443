/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fanotify's events: which a group gets, what is recorded of them, and the wait for an answer.
 *
 * Events that say the same of the same object, by the same process, become one while they wait; MERGE_DEPTH of the latest are looked at.
 */
#include "fanotify_impl.h"
#include <proc/task.h>
#include <linux/eventpoll.h>
#include <linux/stat.h>

#define MERGE_DEPTH 128

void fan_event_free(struct fan_event *e)
{
	if (e->pid)
		pid_put(e->pid);
	if (e->path.dentry)
		path_put(&e->path);
	kfree(e);
}

void fan_answer_locked(struct fan_group *g, struct fan_event *e, u32 response)
{
	if (e->state == FAN_ABANDONED) {
		fan_event_free(e);
		return;
	}
	e->response = response;
	e->state = FAN_ANSWERED;
	wait_wake_all(&g->answers);
}

/* ---- does the group want it? ---- */

/* Do the event flags of a mark's mask let it hear of this? */
static bool applies(u32 mask, bool is_dir, enum notify_place at)
{
	return !(is_dir && !(mask & FAN_ONDIR)) && !(at == NOTIFY_AT_PARENT && !(mask & FAN_EVENT_ON_CHILD));
}

static u32 ignored_by(const struct notify_view *v, bool is_dir, enum notify_place at)
{
	u32 ignore = v->ignore;

	if (!ignore || (!is_dir && at != NOTIFY_AT_PARENT))
		return ignore;
	/* The old kind always concerns directories, and children if the mark does. */
	if (!(v->flags & NOTIFY_IGNORE_FLAGS))
		ignore |= FAN_ONDIR | (v->mask & FAN_EVENT_ON_CHILD);
	return applies(ignore, is_dir, at) ? ignore : 0;
}

/* The bits to report; *out_matched: bit per place that wanted it. */
static u32 wanted(const struct fan_group *g, const struct notify_event *ev, const struct notify_view *view, u32 *out_matched)
{
	u32 fid_mode = g->flags & FAN_FID_MODES, marks = 0, ignored = 0, mask;
	bool is_dir = ev->mask & IN_ISDIR;

	if (!fid_mode) {
		if (!ev->path || (!inode_is(ev->victim, S_IFREG) && !inode_is(ev->victim, S_IFDIR)))
			return 0;
	} else if (!(fid_mode & FAN_REPORT_FID) && !ev->dir && !is_dir) {
		return 0;
	}
	*out_matched = 0;
	for (int at = 0; at < NOTIFY_PLACES; at++) {
		ignored |= ignored_by(&view[at], is_dir, (enum notify_place)at);
		if (!applies(view[at].mask, is_dir, (enum notify_place)at))
			continue;
		marks |= view[at].mask;
		if (view[at].mask)
			*out_matched |= 1u << at;
	}
	mask = ev->mask & marks & ~ignored & FAN_KNOWN_EVENTS;
	return mask && fid_mode ? mask | (ev->mask & FAN_ONDIR) : mask;
}

/* ---- what is recorded ---- */

/* Names and handles of a group that reports them. */
struct report {
	const struct inode *object, *dir, *dir2;
	const char *name, *name2;
	u32 len, len2;
};

static bool reports_child(u32 fid_mode, u32 mask)
{
	if (mask & FAN_NAME_EVENTS)
		return fid_mode & FAN_REPORT_TARGET_FID;
	return (fid_mode & FAN_REPORT_FID) && !(mask & FAN_ONDIR);
}

/* True: an event with a directory of its own beside or instead of the object. */
static bool report_of(u32 fid_mode, const struct notify_event *ev, u32 mask, u32 matched, struct report *r)
{
	bool named = mask & FAN_NAME_EVENTS, on_dir = mask & FAN_ONDIR, both = matched & (1u << NOTIFY_AT_SUPER), full = false;
	const struct inode *id = named && !(fid_mode & FAN_REPORT_TARGET_FID) ? ev->dir : ev->victim;
	const struct inode *dir = named || !on_dir ? ev->dir : ev->victim, *child = NULL;

	*r = (struct report){.object = id};
	if (!(fid_mode & FAN_REPORT_DIR_FID) || !dir)
		return false;
	if (reports_child(fid_mode, mask) && id != dir)
		child = id;
	if (!(fid_mode & FAN_REPORT_NAME))
		full = child;
	else
		full = named || !on_dir;
	if (full && (fid_mode & FAN_REPORT_NAME)) {
		r->name = ev->name;
		r->len = ev->len;
	}
	r->object = full ? child : dir;
	r->dir = dir;
	if (mask & FAN_RENAME) {
		if (!both && !(matched & (1u << NOTIFY_AT_INODE))) {
			r->dir = NULL;
			r->len = 0;
		}
		if (both || (matched & (1u << NOTIFY_AT_DIR2))) {
			r->dir2 = ev->dir2;
			r->name2 = ev->name2;
			r->len2 = ev->len2;
		}
	}
	return full && (r->len || r->dir2 || child);
}

static u64 fsid_of(const struct super *sb)
{
	struct kstatfs st = {.fsid = sb->dev};

	if (sb->ops->statfs)
		(void)sb->ops->statfs((struct super *)sb, &st);
	return st.fsid;
}

static void fill_handles(struct fan_event *e, const struct report *r)
{
	e->has_object = r->object;
	e->has_dir = e->kind == FAN_KIND_NAME && r->dir;
	e->has_dir2 = e->kind == FAN_KIND_NAME && r->dir2;
	if (e->has_object)
		inode_encode_handle(r->object, &e->object);
	if (e->has_dir)
		inode_encode_handle(r->dir, &e->dir);
	if (e->has_dir2)
		inode_encode_handle(r->dir2, &e->dir2);
	e->len = e->kind == FAN_KIND_NAME ? r->len : 0;
	e->len2 = e->kind == FAN_KIND_NAME ? r->len2 : 0;
	memcpy(e->names, r->name, e->len);
	memcpy(e->names + e->len, r->name2, e->len2);
}

static struct fan_event *make_event(struct fan_group *g, const struct notify_event *ev, u32 mask, u32 matched)
{
	u32 fid_mode = g->flags & FAN_FID_MODES;
	struct task *me = task_current_or_null();
	struct report r = {0};
	bool full = fid_mode && report_of(fid_mode, ev, mask, matched, &r);
	struct fan_event *e = kzalloc(sizeof(*e) + (full ? r.len + r.len2 : 0), 0);

	if (!e)
		return NULL;
	e->mask = mask;
	e->pid = me ? me->pids[g->flags & FAN_REPORT_TID ? PID_TID : PID_TGID] : NULL;
	if (e->pid)
		pid_get(e->pid);
	e->fd = FAN_NOFD;
	if (mask & FAN_FS_ERROR) {
		e->kind = FAN_KIND_ERROR;
		e->error = ev->error < 0 ? -ev->error : ev->error;
		e->error_count = 1;
		r.object = ev->victim;
	} else if (fid_mode) {
		e->kind = full ? FAN_KIND_NAME : FAN_KIND_FID;
	} else {
		e->kind = mask & FAN_PERM_EVENTS ? FAN_KIND_PERM : FAN_KIND_PATH;
		e->path = *ev->path;
		path_get(&e->path);
	}
	if (fid_mode) {
		e->fsid = fsid_of(ev->victim->super);
		fill_handles(e, &r);
	}
	return e;
}

/* ---- the queue ---- */

static bool same_handle(bool has, const struct inode_handle *a, bool has_b, const struct inode_handle *b)
{
	return has == has_b && (!has || !memcmp(a, b, sizeof(*a)));
}

static bool may_merge(const struct fan_event *a, const struct fan_event *b)
{
	if (a->kind != b->kind || a->pid != b->pid || a->kind == FAN_KIND_PERM || a->kind == FAN_KIND_OVERFLOW)
		return false;
	if ((a->mask ^ b->mask) & (FAN_ONDIR | FAN_RENAME))
		return false;
	if (a->kind == FAN_KIND_PATH)
		return a->path.mnt == b->path.mnt && a->path.dentry == b->path.dentry;
	if (a->fsid != b->fsid)
		return false;
	if (a->kind == FAN_KIND_ERROR)
		return true; /* the first one is kept and counts the others */
	return same_handle(a->has_object, &a->object, b->has_object, &b->object) && same_handle(a->has_dir, &a->dir, b->has_dir, &b->dir)
		&& same_handle(a->has_dir2, &a->dir2, b->has_dir2, &b->dir2) && a->len == b->len && a->len2 == b->len2
		&& !memcmp(a->names, b->names, a->len + a->len2) && (a->kind != FAN_KIND_NAME || a->has_dir);
}

static struct fan_event *find_merge(struct fan_group *g, const struct fan_event *e)
{
	int depth = 0;

	for (struct list_head *at = g->queue.prev; at != &g->queue && depth < MERGE_DEPTH; at = at->prev, depth++) {
		struct fan_event *old = container_of(at, struct fan_event, link);

		if (may_merge(old, e))
			return old;
	}
	return NULL;
}

/* queue_lock held. False: @e was not put into the queue. */
static bool enqueue(struct fan_group *g, struct fan_event *e)
{
	struct fan_event *old = find_merge(g, e);

	if (old) {
		old->mask |= e->mask;
		old->error_count += e->error_count;
		return false;
	}
	if (g->queued >= g->max_queued && e != &g->overflow) {
		if (list_empty(&g->overflow.link))
			(void)enqueue(g, &g->overflow);
		return false;
	}
	list_add_tail(&e->link, &g->queue);
	g->queued++;
	return true;
}

/* What the answer means for who asked. */
static int wait_answer(struct fan_group *g, struct fan_event *e)
{
	int err = wait_event_killable(&g->answers, READ_ONCE(e->state) == FAN_ANSWERED);
	u32 response;

	spin_lock(&g->queue_lock);
	if (err && e->state == FAN_READ) {
		e->state = FAN_ABANDONED; /* freed with the answer */
		spin_unlock(&g->queue_lock);
		return err;
	}
	if (err && e->state == FAN_ASKED) {
		list_del(&e->link);
		g->queued--;
	}
	response = e->response;
	spin_unlock(&g->queue_lock);
	fan_event_free(e);
	return err ? err : (response & (FAN_ALLOW | FAN_DENY)) == FAN_ALLOW ? 0 : -EPERM;
}

int fan_handle_event(struct notify_group *ng, const struct notify_event *ev, const struct notify_view view[NOTIFY_PLACES])
{
	struct fan_group *g = container_of(ng, struct fan_group, notify);
	u32 matched, mask = wanted(g, ev, view, &matched);
	bool asks = mask & FAN_PERM_EVENTS, closed, taken;
	struct fan_event *e;

	if (!mask)
		return 0;
	e = make_event(g, ev, mask, matched);
	if (!e && asks)
		return -ENOMEM;
	spin_lock(&g->queue_lock);
	closed = g->closed;
	if (closed)
		taken = false;
	else if (e)
		taken = enqueue(g, e);
	else
		taken = list_empty(&g->overflow.link) && enqueue(g, &g->overflow);
	if (taken || (e && !closed && !list_empty(&g->queue)))
		wait_wake(&g->wait, 0, EPOLLIN | EPOLLRDNORM);
	spin_unlock(&g->queue_lock);
	if (e && !taken)
		fan_event_free(e);
	else if (e && asks)
		return wait_answer(g, e);
	return 0;
}
