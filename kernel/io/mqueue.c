/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POSIX message queues [man mq_overview(7)]: files of a file system of their own, which may be mounted (/dev/mqueue) and need not.
 *
 * Messages lie in a heap by priority and, within one, by age. A queue has room for as many as it was made for: their number and size count against
 * RLIMIT_MSGQUEUE of who made it, from then until the file is gone.
 */
#include <init/initcall.h>
#include <io/mqueue.h>
#include <io/poll.h>
#include <lib/errno.h>
#include <lib/heap.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/signal.h>
#include <net/netlink.h>
#include <proc/task.h>
#include <time/sleep.h>
#include <vfs/dentry.h>
#include <vfs/fs_config.h>
#include <vfs/memfs.h>
#include <vfs/mount.h>
#include <vfs/namei.h>
#include <vfs/notify.h>
#include <vfs/procfs.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include "mqueue_impl.h"

/* clang-format off */
LOCK_CLASS(mqueue, RANK_PIPE + 2, "a message queue");
/* clang-format on */

#define HARD_MESSAGES 65536
#define HARD_SIZE     (16 * 1024 * 1024)
#define FILE_SIZE     80 /* st_size, as on Linux */
#define MESSAGE_COST  96 /* what Linux counts a message for, beside its size: its header and its priority's */

struct mq_message {
	struct heap_node node;
	u32 prio;
	size_t len;
	u8 text[];
};

static u32 mq_queues_max = 256, mq_msg_max = 10, mq_msgsize_max = 8192, mq_msg_default = 10, mq_msgsize_default = 8192;
static u32 mq_queues; /* atomic */
static struct mount *mq_mount;

static const struct file_ops mq_fops;

struct mqueue *mqueue_of(const struct file *f)
{
	return f->ops == &mq_fops ? f->inode->private : NULL;
}

/* ---- making and ending ---- */

static int MUST_CHECK check_attr(const struct mq_attr *a)
{
	bool may = capable(CAP_SYS_RESOURCE);

	if (a->mq_maxmsg <= 0 || a->mq_msgsize <= 0)
		return -EINVAL;
	if (a->mq_maxmsg > (may ? HARD_MESSAGES : READ_ONCE(mq_msg_max)) || a->mq_msgsize > (may ? HARD_SIZE : READ_ONCE(mq_msgsize_max)))
		return -EINVAL;
	return 0;
}

static int MUST_CHECK charge(struct mqueue *q)
{
	struct user *u = cred_current()->user;

	q->cost = (u64)q->max * (MESSAGE_COST + q->size);
	if ((u64)atomic64_fetch_add_relaxed(&u->nmq_bytes, (s64)q->cost) + q->cost > rlimit_cur(RLIMIT_MSGQUEUE)) {
		atomic64_sub_relaxed(&u->nmq_bytes, (s64)q->cost);
		return -EMFILE;
	}
	user_hold(u);
	q->owner = u;
	return 0;
}

static void mqueue_free(struct mqueue *q)
{
	struct heap_node *n;

	while ((n = heap_first(&q->heap))) {
		heap_remove(&q->heap, n);
		kfree(container_of(n, struct mq_message, node));
	}
	atomic64_sub_relaxed(&q->owner->nmq_bytes, (s64)q->cost);
	user_put(q->owner);
	kfree(q);
	__atomic_fetch_sub(&mq_queues, 1, __ATOMIC_RELAXED);
}

static int MUST_CHECK mqueue_create(const struct mq_attr *a, struct mqueue **out)
{
	struct mqueue *q;
	int err;

	if (__atomic_add_fetch(&mq_queues, 1, __ATOMIC_RELAXED) > READ_ONCE(mq_queues_max) && !capable(CAP_SYS_RESOURCE)) {
		err = -ENOSPC;
		goto fail;
	}
	err = -ENOMEM;
	q = kzalloc(sizeof(*q) + (size_t)a->mq_maxmsg * sizeof(q->slots[0]), ALLOC_SLEEP);
	if (!q)
		goto fail;
	q->max = (u32)a->mq_maxmsg;
	q->size = (u32)a->mq_msgsize;
	err = charge(q);
	if (err) {
		kfree(q);
		goto fail;
	}
	spin_init(&q->lock, mqueue);
	heap_init(&q->heap, q->slots, q->max);
	wait_queue_init(&q->rd_wait);
	wait_queue_init(&q->wr_wait);
	*out = q;
	return 0;
fail:
	__atomic_fetch_sub(&mq_queues, 1, __ATOMIC_RELAXED);
	return err;
}

static void mq_evict(struct inode *inode)
{
	if (inode->private)
		mqueue_free(inode->private);
}

/* ---- names ---- */

static int add_queue(struct inode *dir, struct dentry *d, u32 mode, const struct mq_attr *attr)
{
	struct mq_attr usual = {.mq_maxmsg = min(READ_ONCE(mq_msg_max), READ_ONCE(mq_msg_default)),
		.mq_msgsize = min(READ_ONCE(mq_msgsize_max), READ_ONCE(mq_msgsize_default))};
	struct mqueue *q;
	int err = attr ? check_attr(attr) : 0;

	if (!err)
		err = mqueue_create(attr ? attr : &usual, &q);
	if (err)
		return err;
	err = memfs_add(dir, d, mode & 07777, &mq_fops, q, FILE_SIZE);
	if (err)
		mqueue_free(q);
	return err;
}

static int mq_create(struct inode *dir, struct dentry *d, u32 mode)
{
	return add_queue(dir, d, mode, NULL);
}

static const struct inode_ops root_ops = {.lookup = memfs_lookup, .create = mq_create, .unlink = memfs_unlink};

/* One name, no path. */
static int MUST_CHECK check_name(const char *name, size_t len)
{
	if (!len)
		return -ENOENT;
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	if (strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EACCES;
	return 0;
}

static int MUST_CHECK access_of(int o_flags)
{
	static const int mask[] = {[O_RDONLY] = MAY_READ, [O_WRONLY] = MAY_WRITE, [O_RDWR] = MAY_READ | MAY_WRITE};

	return (o_flags & O_ACCMODE) == O_ACCMODE ? -EINVAL : mask[o_flags & O_ACCMODE];
}

/* What mq_open does with the name, the directory being locked. */
static int MUST_CHECK open_name(struct inode *dir, struct dentry *d, int o_flags, u32 mode, const struct mq_attr *attr)
{
	int mask = access_of(o_flags), err;

	if (d->inode) {
		if ((o_flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
			return -EEXIST;
		return mask < 0 ? mask : inode_permission(d->inode, mask);
	}
	if (!(o_flags & O_CREAT))
		return -ENOENT;
	err = inode_permission(dir, MAY_WRITE | MAY_EXEC);
	if (!err)
		err = add_queue(dir, d, mode & ~READ_ONCE(fs_current()->umask), attr);
	if (!err)
		notify_name(dir, IN_CREATE, d->name, d->len, d->inode, 0);
	return err ? err : min(mask, 0);
}

int mqueue_open(const char *name, int o_flags, u32 mode, const struct mq_attr *attr, struct file **out)
{
	struct dentry *root = mq_mount->root, *d;
	size_t len = strlen(name);
	char padded[NAME_MAX + 9] = {0};
	struct path p;
	u32 hash;
	int err = check_name(name, len);

	if (err)
		return err;
	memcpy(padded, name, len);
	hash = dentry_hash_name(root, padded, (u32)len);
	write_lock(&root->inode->lock);
	d = dentry_find(root, padded, (u32)len, hash);
	if (!d)
		d = dentry_alloc(root, padded, (u32)len, hash);
	err = d ? open_name(root->inode, d, o_flags, mode, attr) : -ENOMEM;
	write_unlock(&root->inode->lock);
	if (!err) {
		p = (struct path){.mnt = mq_mount, .dentry = d};
		err = file_open_path(&p, (unsigned)o_flags & (O_ACCMODE | O_NONBLOCK), out);
	}
	if (d)
		dentry_put(d);
	return err;
}

int mqueue_unlink(const char *name)
{
	struct inode *dir = mq_mount->root->inode;
	const struct cred *c = cred_current();
	char padded[NAME_MAX + 9] = {0};
	size_t len = strlen(name);
	struct dentry *d;
	int err = check_name(name, len);

	if (err)
		return err;
	memcpy(padded, name, len);
	write_lock(&dir->lock);
	d = dentry_find(mq_mount->root, padded, (u32)len, dentry_hash_name(mq_mount->root, padded, (u32)len));
	err = d && d->inode ? inode_permission(dir, MAY_WRITE | MAY_EXEC) : -ENOENT;
	if (!err && c->fsuid != d->inode->uid && c->fsuid != dir->uid && !capable(CAP_FOWNER))
		err = -EPERM;
	if (!err) {
		notify_name(dir, IN_DELETE, d->name, d->len, d->inode, 0);
		err = memfs_unlink(dir, d);
	}
	if (!err)
		dentry_delete(d);
	write_unlock(&dir->lock);
	if (d)
		dentry_put(d);
	return err;
}

/* ---- sending and receiving ---- */

static u64 order(struct mqueue *q, u32 prio)
{
	return (u64)(MQ_PRIO_MAX - prio) << 48 | (q->sequence++ & ((1ull << 48) - 1));
}

static int MUST_CHECK put_message(struct mqueue *q, struct mq_message *m)
{
	struct mq_notifier who = {0};

	spin_lock(&q->lock);
	if (q->heap.len == q->max) {
		spin_unlock(&q->lock);
		return -EAGAIN;
	}
	if (!q->heap.len && !q->receivers && q->notifier.pid)
		who = mqueue_notify_take(q);
	heap_node_init(&m->node);
	(void)!heap_insert(&q->heap, &m->node, order(q, m->prio));
	q->bytes += m->len;
	spin_unlock(&q->lock);
	wait_wake(&q->rd_wait, 1, EPOLLIN | EPOLLRDNORM);
	if (who.pid)
		mqueue_notify_send(who);
	return 0;
}

static struct mq_message *take_message(struct mqueue *q)
{
	struct mq_message *m = NULL;
	struct heap_node *n;

	spin_lock(&q->lock);
	n = heap_first(&q->heap);
	if (n) {
		m = container_of(n, struct mq_message, node);
		heap_remove(&q->heap, n);
		q->bytes -= m->len;
	}
	spin_unlock(&q->lock);
	if (m)
		wait_wake(&q->wr_wait, 1, EPOLLOUT | EPOLLWRNORM);
	return m;
}

/* Until there may be something (room, a message), @deadline of the wall clock or a signal. */
static int MUST_CHECK wait_change(struct mqueue *q, bool for_message, u64 deadline)
{
	struct wait_queue *wq = for_message ? &q->rd_wait : &q->wr_wait;
	struct wait_entry we = {.fn = wait_fn_thread, .thread = thread_current(), .exclusive = true};
	int err = 0;

	wait_prepare(wq, &we, THREAD_SLEEP_INTR);
	if (READ_ONCE(q->heap.len) == (for_message ? 0 : q->max)) {
		if (thread_signal_pending())
			err = -ERESTARTSYS;
		else if (!schedule_clock(TIMER_REALTIME, deadline, 50000))
			err = -ETIMEDOUT;
	}
	wait_finish(wq, &we);
	if (err) /* a wake-up that came at the same moment is for the next one */
		wait_wake(wq, 1, for_message ? EPOLLIN : EPOLLOUT);
	return err;
}

static bool nonblocking(const struct file *f)
{
	return READ_ONCE(f->flags) & O_NONBLOCK;
}

int mqueue_send(struct file *f, struct uptr text, size_t len, u32 prio, u64 deadline)
{
	struct mqueue *q = mqueue_of(f);
	struct mq_message *m;
	int err;

	if (!q || !(f->mode & FMODE_WRITE))
		return -EBADF;
	if (len > q->size)
		return -EMSGSIZE;
	m = kmalloc(sizeof(*m) + len, ALLOC_SLEEP);
	if (!m)
		return -ENOMEM;
	m->prio = prio;
	m->len = len;
	err = copy_from_user(m->text, text, len);
	while (!err) {
		err = put_message(q, m);
		if (err != -EAGAIN || nonblocking(f))
			break;
		err = wait_change(q, false, deadline);
	}
	if (err)
		kfree(m);
	else
		inode_touch(f->inode, IATTR_ATIME | IATTR_MTIME | IATTR_CTIME);
	return err;
}

static void count_receiver(struct mqueue *q, int by)
{
	spin_lock(&q->lock);
	q->receivers += (u32)by;
	spin_unlock(&q->lock);
}

ssize_t mqueue_receive(struct file *f, struct uptr buf, size_t len, u32 *out_prio, u64 deadline)
{
	struct mqueue *q = mqueue_of(f);
	struct mq_message *m;
	ssize_t ret;

	if (!q || !(f->mode & FMODE_READ))
		return -EBADF;
	if (len < q->size)
		return -EMSGSIZE;
	while (!(m = take_message(q))) {
		if (nonblocking(f))
			return -EAGAIN;
		count_receiver(q, 1);
		ret = wait_change(q, true, deadline);
		count_receiver(q, -1);
		if (ret)
			return ret;
	}
	*out_prio = m->prio;
	ret = copy_to_user(buf, m->text, m->len) ? -EFAULT : (ssize_t)m->len;
	kfree(m);
	inode_touch(f->inode, IATTR_ATIME | IATTR_CTIME);
	return ret;
}

int mqueue_attr(struct file *f, const struct mq_attr *set, struct mq_attr *out)
{
	struct mqueue *q = mqueue_of(f);

	if (!q)
		return -EBADF;
	if (set && (set->mq_flags & ~(long)O_NONBLOCK))
		return -EINVAL;
	spin_lock(&f->lock);
	*out = (struct mq_attr){.mq_flags = f->flags & O_NONBLOCK, .mq_maxmsg = q->max, .mq_msgsize = q->size, .mq_curmsgs = READ_ONCE(q->heap.len)};
	if (set)
		WRITE_ONCE(f->flags, (f->flags & ~(unsigned)O_NONBLOCK) | (unsigned)(set->mq_flags & O_NONBLOCK));
	spin_unlock(&f->lock);
	return 0;
}

/* ---- as a file ---- */

static ssize_t mq_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	struct mqueue *q = mqueue_of(f);
	bool by_signal;
	char text[FILE_SIZE + 40];
	size_t len, n;

	spin_lock(&q->lock);
	by_signal = q->notifier.pid && q->notifier.ev.sigev_notify == SIGEV_SIGNAL;
	len = (size_t)scnprintf(text, sizeof(text), "QSIZE:%-10llu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", q->bytes,
		q->notifier.pid ? q->notifier.ev.sigev_notify : 0, by_signal ? q->notifier.ev.sigev_signo : 0, pid_nr(q->notifier.pid));
	spin_unlock(&q->lock);
	if (*pos >= (s64)len)
		return 0;
	n = iobuf_put(to, text + *pos, min(len - (size_t)*pos, to->left));
	if (!n && to->left)
		return -EFAULT;
	*pos += (s64)n;
	return (ssize_t)n;
}

static s64 mq_lseek(struct file *f, s64 off, int whence)
{
	if (whence == SEEK_CUR)
		off += f->pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (off < 0)
		return -EINVAL;
	f->pos = off;
	return off;
}

static u32 mq_poll(struct file *f, struct poll_table *pt)
{
	struct mqueue *q = mqueue_of(f);
	u32 n;

	poll_wait(pt, f, &q->rd_wait);
	poll_wait(pt, f, &q->wr_wait);
	n = READ_ONCE(q->heap.len);
	return (n ? EPOLLIN | EPOLLRDNORM : 0) | (n < q->max ? EPOLLOUT | EPOLLWRNORM : 0);
}

/* The end of a process' use is the end of its wish. */
static int mq_flush(struct file *f)
{
	return mqueue_notify(f, NULL);
}

static const struct file_ops mq_fops = {.read = mq_read, .lseek = mq_lseek, .poll = mq_poll, .flush = mq_flush, .no_splice = true};

/* ---- the type ---- */

static int mq_create_fs(struct fs_config *c)
{
	return mq_mount ? fs_config_share(c, mq_mount->super) : memfs_create(c->type, &root_ops, mq_evict, &c->super);
}

static struct fs_type mq_type = {.name = "mqueue", .flags = FS_NODEV | FS_USERNS, .create = mq_create_fs};

static const struct sysctl sysctls[] = {
	{.path = "fs/mqueue/queues_max", .mode = 0644, .type = SYSCTL_INT, .var = &mq_queues_max},
	{.path = "fs/mqueue/msg_max", .mode = 0644, .type = SYSCTL_INT, .var = &mq_msg_max, .min = 1, .max = HARD_MESSAGES},
	{.path = "fs/mqueue/msgsize_max", .mode = 0644, .type = SYSCTL_INT, .var = &mq_msgsize_max, .min = 128, .max = HARD_SIZE},
	{.path = "fs/mqueue/msg_default", .mode = 0644, .type = SYSCTL_INT, .var = &mq_msg_default, .min = 1, .max = HARD_MESSAGES},
	{.path = "fs/mqueue/msgsize_default", .mode = 0644, .type = SYSCTL_INT, .var = &mq_msgsize_default, .min = 128, .max = HARD_SIZE},
};

static int mqueue_init(void)
{
	struct mount *m;
	int err = mount_internal(&mq_type, NULL, &m);

	if (err)
		return err;
	m->super->magic = 0x19800202; /* MQUEUE_MAGIC of statfs(2) */
	mq_mount = m;
	fs_register(&mq_type);
	sysctl_register(sysctls, ARRAY_SIZE(sysctls));
	return 0;
}

INITCALL(mqueue, "vfs procfs", mqueue_init);
