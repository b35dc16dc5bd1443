/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leases. [man fcntl(2)]
 *
 *	held ──open or truncate against it──► breaking: owner has his signal ──F_SETLEASE, close, lease-break-time──► weaker or gone
 *
 * They stand in the inode's struct file_locks, under its lock. inode->notify has NOTIFY_LEASED while there is one, so that opening a file without one costs
 * nothing. A time that is over is noticed by the next who looks; who waits for it wakes by himself.
 *
 * Who else has the file open is read off the references of its name: each open file holds one, a file system in memory one for the name. Writers of the inode
 * are counted. A lease is put up first and then looked for others, as these first open and then look for leases.
 */
#include "locks_impl.h"
#include <mm/slab.h>
#include <time/clock.h>
#include <vfs/fown.h>
#include <vfs/fs_config.h>
#include <vfs/notify.h>
#include <linux/fcntl.h>

u32 vfs_leases_enable = 1, vfs_lease_break_time = 45;

struct lease {
	struct list_head link;
	struct refcount refs;
	struct file *file;	/* no reference: its release drops the lease */
	int type;		/* F_RDLCK, F_WRLCK; F_UNLCK: gone */
	int target;		/* what it is being broken to; type: it is not */
	u64 unlock_ns, downgrade_ns; /* when that is done for the owner; 0: never */
	bool signal_due;
	s32 pid;
	struct fasync_list async; /* the owner: one entry */
};

static void lease_put(struct lease *l)
{
	if (l && refcount_dec_and_test(&l->refs))
		kfree(l);
}

static void mark_inode(struct file_locks *fl)
{
	if (list_empty(&fl->leases))
		__atomic_fetch_and(&fl->inode->notify, ~NOTIFY_LEASED, __ATOMIC_RELAXED);
	else
		__atomic_fetch_or(&fl->inode->notify, NOTIFY_LEASED, __ATOMIC_SEQ_CST);
}

/* Lock held. What has gone is put on @dead. */
static void change(struct file_locks *fl, struct lease *l, int type, struct list_head *dead)
{
	/* A lease that breaks goes on breaking unless this is what it is broken to. */
	if (l->target == l->type || type == F_UNLCK || type == l->target)
		l->target = type;
	l->type = type;
	if (type != F_WRLCK)
		l->downgrade_ns = 0;
	if (type == F_UNLCK) {
		list_move_tail(&l->link, dead);
		mark_inode(fl);
	}
}

static bool is_over(u64 ns)
{
	return ns && clock_monotonic() >= ns;
}

static void time_out(struct file_locks *fl, struct list_head *dead)
{
	struct lease *l, *next;

	list_for_each_entry_safe(l, next, &fl->leases, link) {
		if (is_over(l->downgrade_ns))
			change(fl, l, F_RDLCK, dead);
		if (is_over(l->unlock_ns))
			change(fl, l, F_UNLCK, dead);
	}
}

/* Without the lock: leases that went, and those who wait for that. */
static void bury(struct file_locks *fl, struct list_head *dead)
{
	struct lease *l, *next;

	list_for_each_entry_safe(l, next, dead, link) {
		(void)fasync_set(&l->async, l->file, -1, false);
		lease_put(l);
	}
	wait_wake_all(&fl->wait);
}

static struct lease *find(struct file_locks *fl, const struct file *f)
{
	struct lease *l;

	list_for_each_entry(l, &fl->leases, link) {
		if (l->file == f)
			return l;
	}
	return NULL;
}

static bool open_elsewhere(const struct file *f, int type)
{
	const struct dentry *d = f->path.dentry;
	const struct inode *inode = f->inode;
	s32 writers = READ_ONCE(inode->writers), names = dentry_is_hashed(d) && (d->super->type->flags & FS_PINS_NAMES);

	if (type == F_RDLCK)
		return writers > 0;
	return writers != (f->mode & FMODE_WRITER ? 1 : 0) || READ_ONCE(d->refs) > 1 + names
		|| (READ_ONCE(inode->nlink) > 1 && READ_ONCE(inode->refs) > 1);
}

/* Lock held. *inout: a spare one, taken if it is new. */
static int put_up(struct file_locks *fl, struct file *f, int type, struct lease **inout, struct list_head *dead)
{
	struct lease *l, *mine = NULL;

	if (open_elsewhere(f, type))
		return -EAGAIN;
	list_for_each_entry(l, &fl->leases, link) {
		if (l->file == f)
			mine = l;
		else if (type == F_WRLCK || l->target == F_UNLCK)
			return -EAGAIN;
	}
	if (mine) {
		change(fl, mine, type, dead);
		return 0;
	}
	if (!vfs_leases_enable)
		return -EINVAL;
	l = *inout;
	l->type = l->target = type;
	list_add_tail(&l->link, &fl->leases);
	mark_inode(fl);
	if (open_elsewhere(f, type)) {
		list_del(&l->link);
		mark_inode(fl);
		return -EAGAIN;
	}
	*inout = NULL;
	return 0;
}

static int lease_add(struct file *f, int fd, int type)
{
	struct file_locks *fl = inode_locks_get(f->inode);
	struct lease *spare = kzalloc(sizeof(*spare), 0), *l = spare;
	LIST_HEAD(dead);
	int err;

	if (!fl || !spare) {
		kfree(spare);
		return -ENOMEM;
	}
	refcount_set(&spare->refs, 1);
	spare->file = f;
	spare->pid = task_tgid(task_current());
	fasync_list_init(&spare->async);
	err = fasync_set(&spare->async, f, fd, true);
	if (!err)
		err = file_own_if_nobody(f);
	if (!err) {
		__atomic_fetch_or(&f->mode, FMODE_LOCKED, __ATOMIC_RELAXED);
		spin_lock(&fl->lock);
		time_out(fl, &dead);
		err = put_up(fl, f, type, &spare, &dead);
		spin_unlock(&fl->lock);
		bury(fl, &dead);
	}
	if (spare) {
		(void)fasync_set(&l->async, f, -1, false);
		lease_put(spare);
	}
	return err;
}

static int lease_drop(struct file *f)
{
	struct file_locks *fl = LOAD_ACQUIRE(f->inode->locks);
	struct lease *l = NULL;
	LIST_HEAD(dead);

	if (!fl)
		return -EAGAIN;
	spin_lock(&fl->lock);
	l = find(fl, f);
	if (l)
		change(fl, l, F_UNLCK, &dead);
	spin_unlock(&fl->lock);
	if (!l)
		return -EAGAIN;
	bury(fl, &dead);
	return 0;
}

void file_lease_drop(struct file *f)
{
	(void)lease_drop(f);
}

int file_lease_set(struct file *f, int fd, int type)
{
	if (READ_ONCE(f->inode->uid) != cred_current()->fsuid && !capable(CAP_LEASE))
		return -EACCES;
	if (!S_ISREG(f->inode->mode))
		return -EINVAL;
	switch (type) {
	case F_UNLCK: return lease_drop(f);
	case F_RDLCK:
	case F_WRLCK: return lease_add(f, fd, type);
	default: return -EINVAL;
	}
}

int file_lease_get(struct file *f)
{
	struct file_locks *fl = LOAD_ACQUIRE(f->inode->locks);
	int type = F_UNLCK;
	LIST_HEAD(dead);
	struct lease *l;

	if (!fl)
		return type;
	spin_lock(&fl->lock);
	time_out(fl, &dead);
	l = find(fl, f);
	if (l)
		type = l->target;
	spin_unlock(&fl->lock);
	bury(fl, &dead);
	return type;
}

/* ---- breaking ---- */

static bool conflicts(const struct lease *l, bool write)
{
	return write || l->type == F_WRLCK;
}

/* Those in the way begin to break. Lock held. */
static void break_all(struct file_locks *fl, bool write, u64 deadline)
{
	struct lease *l;

	list_for_each_entry(l, &fl->leases, link) {
		if (!conflicts(l, write) || l->target == F_UNLCK || (!write && l->target != l->type))
			continue;
		l->target = write ? F_UNLCK : F_RDLCK;
		if (write)
			l->unlock_ns = deadline;
		else
			l->downgrade_ns = deadline;
		l->signal_due = true;
	}
}

/* One that has not been told yet, referenced. */
static struct lease *next_to_tell(struct file_locks *fl)
{
	struct lease *l, *found = NULL;

	spin_lock(&fl->lock);
	list_for_each_entry(l, &fl->leases, link) {
		if (l->signal_due && !found) {
			l->signal_due = false;
			refcount_inc(&l->refs);
			found = l;
		}
	}
	spin_unlock(&fl->lock);
	return found;
}

/* Is one in the way still? *out_until: when the next one's time is over. */
static bool in_the_way(struct file_locks *fl, bool write, u64 *out_until)
{
	bool any = false;
	LIST_HEAD(dead);
	struct lease *l;

	*out_until = ~0ull;
	spin_lock(&fl->lock);
	time_out(fl, &dead);
	list_for_each_entry(l, &fl->leases, link) {
		if (!conflicts(l, write))
			continue;
		any = true;
		if (l->unlock_ns)
			*out_until = min(*out_until, l->unlock_ns);
		if (l->downgrade_ns)
			*out_until = min(*out_until, l->downgrade_ns);
	}
	spin_unlock(&fl->lock);
	if (!list_empty(&dead))
		bury(fl, &dead);
	return any;
}

int inode_lease_break(struct inode *inode, unsigned o_flags)
{
	struct file_locks *fl = LOAD_ACQUIRE(inode->locks);
	bool write = (o_flags & O_ACCMODE) != O_RDONLY;
	u32 seconds = READ_ONCE(vfs_lease_break_time);
	struct lease *l;
	u64 until;
	int err = 0;

	if (!fl || !in_the_way(fl, write, &until))
		return 0;
	spin_lock(&fl->lock);
	break_all(fl, write, seconds ? clock_monotonic() + seconds * 1000000000ull : 0);
	spin_unlock(&fl->lock);
	while ((l = next_to_tell(fl))) {
		fasync_send(&l->async, POLL_MSG);
		lease_put(l);
	}
	if (o_flags & O_NONBLOCK)
		return in_the_way(fl, write, &until) ? -EWOULDBLOCK : 0;
	while (!err && in_the_way(fl, write, &until)) {
		u64 later;

		err = wait_event_state(&fl->wait, !in_the_way(fl, write, &later) || later != until, THREAD_SLEEP_INTR, until, false);
		if (err == -ETIMEDOUT)
			err = 0;
	}
	return err;
}

bool leases_show_locked(const struct file_locks *fl, struct strbuf *sb, u64 *at, u64 *line)
{
	static const char *const types[] = {[F_RDLCK] = "READ ", [F_WRLCK] = "WRITE", [F_UNLCK] = "UNLCK"};
	u32 dev = fl->inode->super->dev;
	struct lease *l;

	list_for_each_entry(l, &fl->leases, link) {
		size_t before = sb->len;

		if ((*at)++ < *line)
			continue;
		strbuf_printf(sb, "%llu: LEASE  %s  %s %d %02x:%02x:%llu 0 EOF\n", *at, l->target != l->type ? "BREAKING" : "ACTIVE  ",
			types[l->target], l->pid, vfs_major(dev), vfs_minor(dev), fl->inode->ino);
		if (strbuf_overflowed(sb)) {
			sb->len = before;
			return false;
		}
		(*line)++;
	}
	return true;
}
