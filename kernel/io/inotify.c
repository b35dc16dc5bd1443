/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inotify: marks on inodes that put records into the queue of their instance. [man inotify(7)]
 *
 *	watch ──add──► attached, wd in the table ──rm_watch, ONESHOT, inode or file system gone, last close──► IN_IGNORED queued, freed
 *
 * The instance's mutex guards the table of watch descriptors; it is taken under the notify lock of an inode, where events come from and marks are detached. Who
 * holds the mutex and finds a watch in the table may take a reference to its inode, because a watch leaves the table before it lets go of the inode. The queue
 * has a spinlock, the wait queue's neighbour. Memory that is missing for a record makes an overflow, as a full queue does.
 */
#include <env/iobuf.h>
#include <init/initcall.h>
#include <io/inotify.h>
#include <io/poll.h>
#include <lib/errno.h>
#include <lib/idr.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <vfs/fown.h>
#include <vfs/handle.h>
#include <vfs/namei.h>
#include <vfs/notify.h>
#include <vfs/procfs.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <asm/ioctls.h>

/* clang-format off */
LOCK_CLASS(inotify, RANK_NOTIFY + 1, "watches of one inotify instance");
LOCK_CLASS(inotify_queue, RANK_WAITQ - 1, "events of one inotify instance");
/* clang-format on */

#define WATCH_BYTES 1280 /* about what a watch pins, its inode included */

struct record {
	struct list_head link;
	u32 mask, cookie;
	s32 wd;
	u32 len; /* of name, without the end */
	char name[];
};

struct watch {
	struct notify_mark mark; /* first */
	s32 wd;
	bool listed; /* in->lock: in the table */
	struct refcount refs; /* the mark's, and who looks */
};

struct inotify {
	struct mutex lock;
	struct idr watches;   /* lock */
	u32 last_wd;	      /* lock */
	struct user *user;
	struct spinlock queue_lock;
	struct list_head queue; /* queue_lock; so are the next two */
	u32 queued, max_queued;
	struct wait_queue wait;
	struct fasync_list async;
	struct record overflow; /* last: its name is empty */
};

static s32 max_queued = 16384, max_instances = 128, max_watches = 8192;

static struct radix_node *node_alloc(void *ctx)
{
	return kzalloc(sizeof(struct radix_node), 0);
}

static void node_free(void *ctx, struct radix_node *node)
{
	kfree(node);
}

static const struct radix_alloc nodes = {node_alloc, node_free, NULL};

static void watch_put(struct watch *w)
{
	if (refcount_dec_and_test(&w->refs))
		kfree(w);
}

/* ---- the queue ---- */

static bool same(const struct record *a, const struct record *b)
{
	return a->mask == b->mask && a->wd == b->wd && a->len == b->len && !memcmp(a->name, b->name, a->len);
}

/* False: it says what the last one in the queue says, or there is no room. queue_lock held. */
static bool enqueue(struct inotify *in, struct record *r)
{
	struct record *last = list_empty(&in->queue) ? NULL : list_last_entry(&in->queue, struct record, link);

	if (r == &in->overflow ? !list_empty(&r->link) : last && same(last, r) && !(r->mask & IN_IGNORED))
		return false;
	if (r != &in->overflow && in->queued >= in->max_queued)
		return enqueue(in, &in->overflow) && false;
	list_add_tail(&r->link, &in->queue);
	in->queued++;
	return true;
}

static void tell(struct inotify *in, u32 mask, s32 wd, u32 cookie, const char *name, u32 len)
{
	struct record *r = kmalloc(sizeof(*r) + len, 0);
	u32 before, after;
	bool taken;

	if (r) {
		*r = (struct record){.mask = mask, .wd = wd, .cookie = cookie, .len = len};
		if (len)
			memcpy(r->name, name, len);
	}
	spin_lock(&in->queue_lock);
	before = in->queued;
	taken = enqueue(in, r ? r : &in->overflow);
	after = in->queued;
	spin_unlock(&in->queue_lock);
	if (!taken)
		kfree(r);
	if (after != before) {
		wait_wake(&in->wait, 0, EPOLLIN | EPOLLRDNORM);
		fasync_send(&in->async, POLL_IN);
	}
}

static void on_event(struct notify_mark *m, const struct notify_event *ev)
{
	u32 mask = ev->mask & (IN_ALL_EVENTS | IN_UNMOUNT | IN_ISDIR);

	if (mask & (IN_MOVE_SELF | IN_DELETE_SELF))
		mask &= ~IN_ISDIR;
	tell(m->group, mask, container_of(m, struct watch, mark)->wd, ev->cookie, ev->name, ev->len);
}

static void on_detached(struct notify_mark *m)
{
	struct watch *w = container_of(m, struct watch, mark);
	struct inotify *in = m->group;

	tell(in, IN_IGNORED, w->wd, 0, NULL, 0);
	mutex_lock(&in->lock);
	(void)idr_remove(&in->watches, (u32)w->wd, &nodes);
	mutex_unlock(&in->lock);
	atomic64_sub_relaxed(&in->user->nwatches, 1);
	watch_put(w);
}

static const struct notify_ops ops = {.event = on_event, .detached = on_detached};

/* ---- watches ---- */

static u32 mark_mask(u32 arg)
{
	return (arg & IN_ALL_EVENTS) | IN_UNMOUNT;
}

static u32 mark_flags(u32 arg)
{
	return (arg & IN_ONESHOT ? NOTIFY_ONESHOT : 0) | (arg & IN_EXCL_UNLINK ? NOTIFY_EXCL_UNLINK : 0);
}

/* Notify lock held. */
static s32 new_watch(struct inotify *in, struct inode *inode, u32 arg)
{
	struct watch *w = kzalloc(sizeof(*w), 0);
	u32 wd;
	int err;

	if (!w)
		return -ENOMEM;
	if (1 + atomic64_fetch_add_relaxed(&in->user->nwatches, 1) > READ_ONCE(max_watches)) {
		err = -ENOSPC;
		goto fail;
	}
	refcount_set(&w->refs, 1);
	w->mark = (struct notify_mark){.ops = &ops, .group = in, .mask = mark_mask(arg), .flags = mark_flags(arg)};
	mutex_lock(&in->lock);
	err = idr_alloc_cyclic(&in->watches, in->last_wd == IDR_MAX ? 1 : in->last_wd + 1, 1, IDR_MAX, w, &nodes, &wd);
	if (!err) {
		in->last_wd = wd;
		w->wd = (s32)wd;
		/* Both are seen at once: the table's readers rely on mark.inode. */
		notify_attach_locked(inode->marks, &w->mark);
	}
	mutex_unlock(&in->lock);
	if (!err)
		return w->wd;
fail:
	atomic64_sub_relaxed(&in->user->nwatches, 1);
	kfree(w);
	return err;
}

s32 inotify_watch(struct file *f, const struct path *p, u32 arg)
{
	struct inode *inode = p->dentry->inode;
	struct inotify *in = f->private;
	struct notify_mark *m;
	s32 wd;
	int err = notify_lock(&inode->marks, inode);

	if (err)
		return err;
	m = notify_find_locked(inode->marks, in);
	if (!m) {
		wd = new_watch(in, inode, arg);
	} else if (arg & IN_MASK_CREATE) {
		wd = -EEXIST;
	} else {
		m->mask = mark_mask(arg) | (arg & IN_MASK_ADD ? m->mask : 0);
		m->flags = mark_flags(arg) | (arg & IN_MASK_ADD ? m->flags : 0);
		wd = container_of(m, struct watch, mark)->wd;
	}
	if (wd > 0)
		notify_update_locked(inode->marks, p->dentry);
	notify_unlock(inode->marks);
	return wd;
}

/* The first watch from @wd on, with references to it and to its inode; NULL. */
static struct watch *watch_get(struct inotify *in, u32 wd, bool exactly, struct inode **out)
{
	struct watch *w;

	mutex_lock(&in->lock);
	w = exactly ? idr_lookup(&in->watches, wd) : idr_next(&in->watches, &wd);
	if (w) {
		refcount_inc(&w->refs);
		*out = w->mark.inode;
		inode_get(*out);
	}
	mutex_unlock(&in->lock);
	return w;
}

static bool unwatch(struct inotify *in, u32 wd, bool exactly, bool *out_mine)
{
	struct inode *inode;
	struct watch *w = watch_get(in, wd, exactly, &inode);

	if (!w)
		return false;
	*out_mine = notify_detach(inode->marks, &w->mark);
	inode_put(inode);
	watch_put(w);
	return true;
}

int inotify_unwatch(struct file *f, s32 wd)
{
	bool mine;

	return wd > 0 && unwatch(f->private, (u32)wd, true, &mine) && mine ? 0 : -EINVAL;
}

/* ---- the file ---- */

static u32 padded(const struct record *r)
{
	return r->len ? (u32)align_up(r->len + 1, sizeof(struct inotify_event)) : 0;
}

/* The first record: 1; 0: none; -EINVAL: it does not fit. */
static int take(struct inotify *in, size_t room, struct record **out)
{
	struct record *r = NULL;
	int ret = 0;

	spin_lock(&in->queue_lock);
	if (!list_empty(&in->queue)) {
		r = list_first_entry(&in->queue, struct record, link);
		ret = sizeof(struct inotify_event) + padded(r) <= room ? 1 : -EINVAL;
	}
	if (ret > 0) {
		list_del_init(&r->link);
		in->queued--;
		*out = r;
	}
	spin_unlock(&in->queue_lock);
	return ret;
}

static bool put(struct iobuf *to, const struct record *r)
{
	struct inotify_event e = {.wd = r->wd, .mask = r->mask, .cookie = r->cookie, .len = padded(r)};

	return iobuf_put(to, &e, sizeof(e)) == sizeof(e) && iobuf_put(to, r->name, r->len) == r->len
		&& iobuf_zero(to, e.len - r->len) == e.len - r->len;
}

static ssize_t inotify_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	struct inotify *in = f->private;
	size_t start = to->left;
	struct record *r;
	int ret;

	for (;;) {
		ret = take(in, to->left, &r);
		if (ret > 0) {
			bool ok = put(to, r);

			if (r != &in->overflow)
				kfree(r);
			if (!ok)
				return -EFAULT;
			continue;
		}
		if (ret < 0 || to->left != start)
			break;
		if ((READ_ONCE(f->flags) & O_NONBLOCK) || (rwf & RWF_NOWAIT))
			return -EAGAIN;
		ret = wait_event_interruptible(&in->wait, READ_ONCE(in->queued));
		if (ret)
			return ret;
	}
	return to->left != start ? (ssize_t)(start - to->left) : ret;
}

static u32 inotify_poll(struct file *f, struct poll_table *pt)
{
	struct inotify *in = f->private;

	poll_wait(pt, f, &in->wait);
	return READ_ONCE(in->queued) ? EPOLLIN | EPOLLRDNORM : 0;
}

static s64 inotify_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct inotify *in = f->private;
	struct record *r;
	u32 bytes = 0;

	if (cmd != FIONREAD)
		return -ENOTTY;
	spin_lock(&in->queue_lock);
	list_for_each_entry(r, &in->queue, link)
		bytes += (u32)sizeof(struct inotify_event) + padded(r);
	spin_unlock(&in->queue_lock);
	return user_store32(uptr_make(arg), bytes);
}

static int inotify_fasync(struct file *f, int fd, bool on)
{
	struct inotify *in = f->private;

	return fasync_set(&in->async, f, fd, on);
}

static void inotify_release(struct file *f)
{
	struct inotify *in = f->private;
	struct record *r, *next;
	bool mine;

	while (unwatch(in, 0, false, &mine))
		;
	list_for_each_entry_safe(r, next, &in->queue, link) {
		if (r != &in->overflow)
			kfree(r);
	}
	atomic64_sub_relaxed(&in->user->ninotify, 1);
	user_put(in->user);
	kfree(in);
}

static size_t inotify_show_fdinfo(struct file *f, char *buf, size_t size)
{
	struct inotify *in = f->private;
	size_t n = 0;
	u32 wd = 0;
	struct watch *w;

	mutex_lock(&in->lock);
	for (; (w = idr_next(&in->watches, &wd)); wd++) {
		const struct inode *inode = w->mark.inode;

		n += (size_t)scnprintf(buf + n, size - n, "inotify wd:%x ino:%llx sdev:%x mask:%x ignored_mask:0 ", w->wd, inode->ino,
			inode->super->dev, READ_ONCE(w->mark.mask) & IN_ALL_EVENTS);
		n += inode_show_handle(inode, buf + n, size - n);
	}
	mutex_unlock(&in->lock);
	return n;
}

static const struct file_ops inotify_ops = {
	.no_splice = true,
	.read = inotify_read,
	.lseek = file_lseek_noop,
	.poll = inotify_poll,
	.ioctl = inotify_ioctl,
	.fasync = inotify_fasync,
	.release = inotify_release,
	.show_fdinfo = inotify_show_fdinfo,
};

bool file_is_inotify(const struct file *f)
{
	return f->ops == &inotify_ops;
}

int inotify_create_file(unsigned o_flags, struct file **out)
{
	struct inotify *in = kzalloc(sizeof(*in), 0);
	int err;

	if (!in)
		return -ENOMEM;
	err = user_get(cred_current()->euid, &in->user);
	if (err)
		goto fail;
	if (1 + atomic64_fetch_add_relaxed(&in->user->ninotify, 1) > READ_ONCE(max_instances)) {
		err = -EMFILE;
		goto fail_user;
	}
	mutex_init(&in->lock, inotify);
	spin_init(&in->queue_lock, inotify_queue);
	list_init(&in->queue);
	list_init(&in->overflow.link);
	in->overflow.mask = IN_Q_OVERFLOW;
	in->overflow.wd = -1;
	in->max_queued = (u32)READ_ONCE(max_queued);
	in->watches = IDR_INIT;
	wait_queue_init(&in->wait);
	fasync_list_init(&in->async);
	err = file_create_anon("inotify", &inotify_ops, in, O_RDONLY | o_flags, out);
	if (!err)
		return 0;
fail_user:
	atomic64_sub_relaxed(&in->user->ninotify, 1);
	user_put(in->user);
fail:
	kfree(in);
	return err;
}

static const struct sysctl table[] = {
	{"fs/inotify/max_queued_events", 0644, SYSCTL_INT, 0, &max_queued, 0, S32_MAX},
	{"fs/inotify/max_user_instances", 0644, SYSCTL_INT, 0, &max_instances, 0, S32_MAX},
	{"fs/inotify/max_user_watches", 0644, SYSCTL_INT, 0, &max_watches, 0, S32_MAX},
};

static int inotify_init(void)
{
	struct page_stats st;

	page_stats(&st);
	/* A hundredth of memory. */
	max_watches = (s32)clamp_t(u64, st.total * PAGE_SIZE / 100 / WATCH_BYTES, 8192, 1048576);
	sysctl_register(table, ARRAY_SIZE(table));
	return 0;
}

INITCALL(inotify, "procfs", inotify_init);
