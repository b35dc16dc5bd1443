/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Questions of seccomp filters: <security/seccomp_notify.h>.
 *
 * A question stands on the stack of the thread that asks, in the list of its filter's listener, and so does a descriptor that somebody sends along on the
 * stack of the sender. The listener's lock guards both; who leaves takes his own out of the list under it, so that nobody else can still look at it then.
 *
 *	question: NEW --RECV--> SENT --SEND, or the listener's file is closed--> ANSWERED      (RECV that cannot write its buffer: back to NEW)
 *	parcel:   QUEUED --the asking thread--> TAKEN --has it installed--> DONE; the thread leaves first: DONE with -ESRCH
 */
#include <security/seccomp_notify.h>
#include <io/poll.h>
#include <lib/errno.h>
#include <lib/list.h>
#include <lib/refcount.h>
#include <asm/ioctl.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/seccomp.h>
#include <mm/slab.h>
#include <mm/page.h>
#include <mm/uaccess.h>
#include <proc/task.h>
#include <sync/wait.h>
#include <vfs/fdtable.h>
#include <vfs/file.h>

LOCK_CLASS(seccomp_listener, RANK_WAITQ - 1, "questions of one seccomp filter");

#define IOC_SIZE(cmd)	   ((cmd) >> _IOC_SIZESHIFT & _IOC_SIZEMASK)
#define IOC_NO_SIZE(cmd)   ((cmd) & ~(unsigned)(_IOC_SIZEMASK << _IOC_SIZESHIFT | (_IOC_READ | _IOC_WRITE) << _IOC_DIRSHIFT))
#define ID_VALID_WRONG_DIR SECCOMP_IOR(2, __u64) /* as old programs have it */

enum question_state { NEW, SENT, ANSWERED };

struct question {
	struct list_head link;
	u64 id;
	enum question_state state;
	const struct seccomp_data *data;
	struct task *asker;
	s64 ret;
	bool make;			/* the answer: make the call */
	struct list_head parcels;
	struct wait_queue wait;		/* the asker */
};

/* A descriptor for the asker. */
struct parcel {
	struct list_head link;
	struct file *file;
	bool cloexec, answers;		/* answers: its number is the result of the call */
	bool set;			/* to be number @fd */
	enum { QUEUED, TAKEN, DONE } state;
	int fd;
	int ret;
	struct wait_queue wait;		/* the sender */
};

struct seccomp_listener {
	struct refcount refs;		/* the filter, the file */
	struct spinlock lock;
	struct list_head questions;
	u64 last_id;
	bool closed;			/* no file any more */
	bool orphaned;			/* no filter any more; stays so */
	bool wait_killable;		/* for an answer that somebody works on only a fatal signal counts */
	bool sync_wake;
	struct wait_queue wait;		/* who reads the file */
};

static void listener_put(struct seccomp_listener *l)
{
	if (refcount_dec_and_test(&l->refs))
		kfree(l);
}

void seccomp_listener_leave(struct seccomp_listener *l)
{
	WRITE_ONCE(l->orphaned, true);
	wait_wake(&l->wait, 0, EPOLLHUP);
	listener_put(l);
}

/* ---- the asker ---- */

static int install(const struct parcel *p)
{
	int fd;

	if (p->set)
		return (u64)(u32)p->fd < rlimit_cur(RLIMIT_NOFILE) ? fd_replace(p->fd, p->file, p->cloexec) : -EBADF;
	file_get(p->file);
	fd = fd_add(p->file, p->cloexec);
	if (fd < 0)
		file_put(p->file);
	return fd;
}

/* Take a descriptor that was sent along. Lock held; dropped and taken again. */
static void parcel_take(struct seccomp_listener *l, struct question *q, struct parcel *p)
{
	int fd;

	list_del_init(&p->link);
	p->state = TAKEN;
	spin_unlock(&l->lock);
	fd = install(p);
	spin_lock(&l->lock);
	if (p->answers && fd < 0)
		q->state = SENT;
	else if (p->answers)
		q->ret = fd;
	p->ret = fd;
	p->state = DONE;
	wait_wake_all(&p->wait);
}

/* Lock held, dropped meanwhile. 0: answered; -ERESTARTSYS. */
static int await_answer(struct seccomp_listener *l, struct question *q)
{
	int err = 0;

	while (q->state != ANSWERED || !list_empty(&q->parcels)) {
		struct parcel *p = list_first_entry_or_null(&q->parcels, struct parcel, link);
		bool killable = l->wait_killable && q->state == SENT;

		if (p) {
			parcel_take(l, q, p);
			continue;
		}
		/* somebody has begun to work on it since we went to sleep: what woke us counts no more */
		if (err && !(killable && !thread_kill_pending()))
			return err;
		spin_unlock(&l->lock);
		err = wait_event_state(&q->wait, READ_ONCE(q->state) == ANSWERED || !list_empty(&q->parcels) ||
			(l->wait_killable && !killable && READ_ONCE(q->state) == SENT), killable ? THREAD_SLEEP_KILL : THREAD_SLEEP_INTR, ~0ull, false);
		spin_lock(&l->lock);
	}
	return 0;
}

bool seccomp_listener_ask(struct seccomp_listener *l, const struct seccomp_data *d, s64 *out_ret)
{
	struct question q = {.data = d, .asker = task_current()};
	struct parcel *p;
	int err;

	list_init(&q.parcels);
	wait_queue_init(&q.wait);
	spin_lock(&l->lock);
	if (l->closed) {
		spin_unlock(&l->lock);
		*out_ret = -ENOSYS;
		return false;
	}
	q.id = ++l->last_id;
	list_add_tail(&q.link, &l->questions);
	if (l->sync_wake)
		wait_wake_sync(&l->wait, 0, EPOLLIN | EPOLLRDNORM);
	else
		wait_wake(&l->wait, 0, EPOLLIN | EPOLLRDNORM);
	err = await_answer(l, &q);
	list_del(&q.link);
	while ((p = list_first_entry_or_null(&q.parcels, struct parcel, link))) {
		list_del_init(&p->link);
		p->ret = -ESRCH;
		p->state = DONE;
		wait_wake_all(&p->wait);
	}
	spin_unlock(&l->lock);
	*out_ret = err ? err : q.ret;
	return !err && q.make;
}

/* ---- the file ---- */

/* Lock held. */
static struct question *find(struct seccomp_listener *l, u64 id)
{
	struct question *q;

	list_for_each_entry(q, &l->questions, link)
	{
		if (q->id == id)
			return q;
	}
	return NULL;
}

static struct question *find_new(struct seccomp_listener *l)
{
	struct question *q;

	list_for_each_entry(q, &l->questions, link)
	{
		if (q->state == NEW)
			return q;
	}
	return NULL;
}

static bool has_new(struct seccomp_listener *l)
{
	bool is;

	spin_lock(&l->lock);
	is = READ_ONCE(l->orphaned) || find_new(l);
	spin_unlock(&l->lock);
	return is;
}

static void wake_asker(struct seccomp_listener *l, struct question *q)
{
	if (l->sync_wake)
		wait_wake_sync(&q->wait, 0, ~0u);
	else
		wait_wake_all(&q->wait);
}

static s64 receive(struct seccomp_listener *l, struct uptr to)
{
	struct seccomp_notif n;
	struct question *q;
	int err;

	if (copy_from_user(&n, to, sizeof(n)))
		return -EFAULT;
	for (size_t i = 0; i < sizeof(n); i++) {
		if (((const u8 *)&n)[i])
			return -EINVAL;
	}
	err = wait_event_interruptible(&l->wait, has_new(l));
	if (err)
		return err;
	spin_lock(&l->lock);
	q = find_new(l);
	if (q) {
		n.id = q->id;
		n.pid = (u32)task_tid(q->asker);
		n.data = *q->data;
		WRITE_ONCE(q->state, SENT);
		if (l->wait_killable)
			wait_wake_all(&q->wait); /* it sleeps more deeply from now on */
		wait_wake(&l->wait, 0, EPOLLOUT | EPOLLWRNORM);
	}
	spin_unlock(&l->lock);
	if (!q)
		return -ENOENT;
	if (!copy_to_user(to, &n, sizeof(n)))
		return 0;
	spin_lock(&l->lock);
	q = find(l, n.id);
	if (q && q->state == SENT) {
		WRITE_ONCE(q->state, NEW);
		wait_wake(&l->wait, 0, EPOLLIN | EPOLLRDNORM);
	}
	spin_unlock(&l->lock);
	return -EFAULT;
}

static s64 answer(struct seccomp_listener *l, struct uptr from)
{
	struct seccomp_notif_resp r;
	struct question *q;
	s64 err = 0;

	if (copy_from_user(&r, from, sizeof(r)))
		return -EFAULT;
	if ((r.flags & ~(u32)SECCOMP_USER_NOTIF_FLAG_CONTINUE) || ((r.flags & SECCOMP_USER_NOTIF_FLAG_CONTINUE) && (r.error || r.val)))
		return -EINVAL;
	spin_lock(&l->lock);
	q = find(l, r.id);
	if (!q) {
		err = -ENOENT;
	} else if (q->state != SENT) {
		err = -EINPROGRESS;
	} else {
		q->ret = r.error ? r.error : r.val;
		q->make = r.flags & SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		WRITE_ONCE(q->state, ANSWERED);
		wake_asker(l, q);
	}
	spin_unlock(&l->lock);
	return err;
}

static s64 is_valid(struct seccomp_listener *l, struct uptr from)
{
	struct question *q;
	bool valid;
	u64 id;

	if (user_load64(&id, from))
		return -EFAULT;
	spin_lock(&l->lock);
	q = find(l, id);
	valid = q && q->state == SENT;
	spin_unlock(&l->lock);
	return valid ? 0 : -ENOENT;
}

/* Send @p along with question @id, and wait until it is there. */
static s64 send_parcel(struct seccomp_listener *l, u64 id, struct parcel *p)
{
	struct question *q;
	int err = 0;

	spin_lock(&l->lock);
	q = find(l, id);
	if (!q)
		err = -ENOENT;
	else if (q->state != SENT)
		err = -EINPROGRESS;
	else if (p->answers && !list_empty(&q->parcels))
		err = -EBUSY;
	if (err) {
		spin_unlock(&l->lock);
		return err;
	}
	if (p->answers)
		WRITE_ONCE(q->state, ANSWERED);
	list_add_tail(&p->link, &q->parcels);
	wait_wake_all(&q->wait);
	spin_unlock(&l->lock);
	err = wait_event_interruptible(&p->wait, READ_ONCE(p->state) == DONE);
	spin_lock(&l->lock);
	if (p->state == QUEUED) { /* interrupted: so it still stands in its question's list */
		list_del_init(&p->link);
		q = p->answers ? find(l, id) : NULL;
		if (q)
			WRITE_ONCE(q->state, SENT);
		spin_unlock(&l->lock);
		return err;
	}
	spin_unlock(&l->lock);
	wait_event(&p->wait, READ_ONCE(p->state) == DONE);
	/* Whoever said so has still held the lock. */
	spin_lock(&l->lock);
	spin_unlock(&l->lock);
	return p->ret;
}

static s64 add_fd(struct seccomp_listener *l, struct uptr from, size_t size)
{
	struct seccomp_notif_addfd a;
	struct parcel p = {.state = QUEUED};
	struct fd_ref r;
	s64 err;

	if (size < sizeof(a) || size >= PAGE_SIZE)
		return -EINVAL;
	err = copy_struct_from_user(&a, sizeof(a), from, size);
	if (err)
		return err;
	if ((a.newfd_flags & ~(u32)O_CLOEXEC) || (a.flags & ~(u32)(SECCOMP_ADDFD_FLAG_SETFD | SECCOMP_ADDFD_FLAG_SEND)) ||
		(a.newfd && !(a.flags & SECCOMP_ADDFD_FLAG_SETFD)))
		return -EINVAL;
	r = fd_get((int)a.srcfd);
	if (!r.file)
		return -EBADF;
	p.file = r.file;
	p.cloexec = a.newfd_flags & O_CLOEXEC;
	p.answers = a.flags & SECCOMP_ADDFD_FLAG_SEND;
	p.set = a.flags & SECCOMP_ADDFD_FLAG_SETFD;
	p.fd = (int)a.newfd;
	wait_queue_init(&p.wait);
	err = send_parcel(l, a.id, &p);
	fd_put(r);
	return err;
}

static s64 set_flags(struct seccomp_listener *l, u64 flags)
{
	if (flags & ~(u64)SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP)
		return -EINVAL;
	spin_lock(&l->lock);
	l->sync_wake = flags & SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP;
	spin_unlock(&l->lock);
	return 0;
}

static s64 listener_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct seccomp_listener *l = f->private;
	struct uptr user = uptr_make(arg);

	switch (cmd) {
	case SECCOMP_IOCTL_NOTIF_RECV: return receive(l, user);
	case SECCOMP_IOCTL_NOTIF_SEND: return answer(l, user);
	case SECCOMP_IOCTL_NOTIF_ID_VALID:
	case ID_VALID_WRONG_DIR: return is_valid(l, user);
	case SECCOMP_IOCTL_NOTIF_SET_FLAGS: return set_flags(l, arg);
	default: break;
	}
	/* its struct may grow */
	if (IOC_NO_SIZE(cmd) == IOC_NO_SIZE(SECCOMP_IOCTL_NOTIF_ADDFD))
		return add_fd(l, user, IOC_SIZE(cmd));
	return -EINVAL;
}

static u32 listener_poll(struct file *f, struct poll_table *pt)
{
	struct seccomp_listener *l = f->private;
	struct question *q;
	u32 events = 0;

	poll_wait(pt, f, &l->wait);
	spin_lock(&l->lock);
	list_for_each_entry(q, &l->questions, link)
		events |= q->state == NEW ? EPOLLIN | EPOLLRDNORM : q->state == SENT ? EPOLLOUT | EPOLLWRNORM : 0;
	if (READ_ONCE(l->orphaned))
		events |= EPOLLHUP;
	spin_unlock(&l->lock);
	return events;
}

/* Nobody will answer. */
static void listener_release(struct file *f)
{
	struct seccomp_listener *l = f->private;
	struct question *q;

	spin_lock(&l->lock);
	l->closed = true;
	list_for_each_entry(q, &l->questions, link)
	{
		if (q->state == ANSWERED)
			continue;
		q->ret = -ENOSYS;
		WRITE_ONCE(q->state, ANSWERED);
		wait_wake_all(&q->wait);
	}
	spin_unlock(&l->lock);
	listener_put(l);
}

static const struct file_ops listener_ops = {.ioctl = listener_ioctl, .poll = listener_poll, .release = listener_release};

int seccomp_listener_create(bool wait_killable, struct seccomp_listener **out, struct file **out_file)
{
	struct seccomp_listener *l = kzalloc(sizeof(*l), 0);
	int err;

	if (!l)
		return -ENOMEM;
	refcount_set(&l->refs, 2);
	spin_init(&l->lock, seccomp_listener);
	list_init(&l->questions);
	wait_queue_init(&l->wait);
	l->wait_killable = wait_killable;
	err = file_create_anon("seccomp notify", &listener_ops, l, O_RDWR, out_file);
	if (err) {
		kfree(l);
		return err;
	}
	*out = l;
	return 0;
}
