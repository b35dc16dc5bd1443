/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals about files: F_SETOWN, F_SETSIG, O_ASYNC. [man fcntl(2)]
 *
 * O_ASYNC needs nothing from the kinds of files: like epoll, a watch stands on the wait queues that the file's poll operation names. Its callback, under the
 * queue's lock, only notes what happened and queues a work item; the signal is sent from there.
 */
#include "vfs_impl.h"
#include <io/poll.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <sched/work.h>
#include <vfs/fown.h>
#include <linux/eventpoll.h>

#define FASYNC_QUEUES 4

struct fasync {
	struct file *file;	/* no reference: the file's release ends the watch */
	int fd;
	u32 events;		/* atomic: seen since the work last ran */
	struct work work;
	struct poll_table pt;
	unsigned nqueues;
	struct fasync_entry {
		struct wait_entry entry;
		struct wait_queue *queue;
		struct fasync *fa;
	} q[FASYNC_QUEUES];
};

static struct fown *owner_get(struct file *f)
{
	struct fown *o = READ_ONCE(f->owner), *fresh;

	if (o)
		return o;
	fresh = kzalloc(sizeof(*fresh), 0);
	if (!fresh)
		return NULL;
	spin_lock(&f->lock);
	if (!f->owner) {
		STORE_RELEASE(f->owner, fresh);
		fresh = NULL;
	}
	o = f->owner;
	spin_unlock(&f->lock);
	kfree(fresh);
	return o;
}

int file_set_owner(struct file *f, s32 who, enum pid_type type)
{
	struct pid *pid = NULL, *old;
	struct fown *o;

	if (who < 0) {
		if (who == S32_MIN)
			return -EINVAL;
		who = -who;
		type = PID_PGID;
	}
	if (who) {
		pid = pid_find_get(who);
		if (!pid)
			return -ESRCH;
	}
	o = owner_get(f);
	if (!o) {
		if (pid)
			pid_put(pid);
		return -ENOMEM;
	}
	spin_lock(&f->lock);
	old = o->pid;
	o->pid = pid;
	o->type = type;
	o->uid = cred_current()->uid;
	o->euid = cred_current()->euid;
	spin_unlock(&f->lock);
	if (old)
		pid_put(old);
	return 0;
}

s32 file_get_owner(struct file *f, enum pid_type *out_type)
{
	s32 nr = 0;

	spin_lock(&f->lock);
	*out_type = PID_TGID;
	if (f->owner && f->owner->pid) {
		*out_type = f->owner->type;
		nr = pid_nr(f->owner->pid);
	}
	spin_unlock(&f->lock);
	return nr;
}

int file_set_signum(struct file *f, int signo)
{
	struct fown *o;

	if (signo < 0 || signo > SIG_MAX)
		return -EINVAL;
	o = owner_get(f);
	if (!o)
		return -ENOMEM;
	WRITE_ONCE(o->signum, signo);
	return 0;
}

int file_get_signum(struct file *f)
{
	struct fown *o = LOAD_ACQUIRE(f->owner);

	return o ? READ_ONCE(o->signum) : 0;
}

/* Who set the owner must have been allowed to send it signals. */
static bool may_signal(struct task *t, u32 uid, u32 euid)
{
	const struct cred *c = task_cred_get(t);
	bool ok;

	if (!c)
		return false;
	ok = euid == 0 || euid == c->suid || euid == c->uid || uid == c->suid || uid == c->uid;
	cred_put(c);
	return ok;
}

static void send_one(struct pid *pid, enum pid_type type, u32 uid, u32 euid, const siginfo_t *info)
{
	struct task *t = pid_task_get(pid, type);

	if (!t)
		return;
	if (may_signal(t, uid, euid)) {
		if (type == PID_TID)
			(void)signal_send_task(t, info);
		else if (type == PID_TGID)
			(void)signal_send_proc(t->proc, info);
		else
			(void)signal_send_pgrp(pid, info);
	}
	task_put(t);
}

static void send(struct file *f, int signo_default, int code, long band, int fd)
{
	struct pid *pid = NULL;
	enum pid_type type = PID_TGID;
	u32 uid = 0, euid = 0;
	int signum = 0;
	siginfo_t info;

	spin_lock(&f->lock);
	if (f->owner && f->owner->pid) {
		pid = f->owner->pid;
		pid_get(pid);
		type = f->owner->type;
		uid = f->owner->uid;
		euid = f->owner->euid;
		signum = f->owner->signum;
	}
	spin_unlock(&f->lock);
	if (!pid)
		return;
	if (signum && signo_default == SIGIO) {
		memset(&info, 0, sizeof(info));
		info.si_signo = signum;
		info.si_code = code;
		info.si_band = band;
		info.si_fd = fd;
	} else {
		siginfo_kernel(&info, signo_default);
	}
	send_one(pid, type, uid, euid, &info);
	pid_put(pid);
}

void file_send_signal(struct file *f, int signo_default, int code, long band)
{
	send(f, signo_default, code, band, f->fasync ? f->fasync->fd : -1);
}

void file_owner_free(struct file *f)
{
	if (f->owner->pid)
		pid_put(f->owner->pid);
	kfree(f->owner);
	f->owner = NULL;
}

/* ---- O_ASYNC ---- */

static void fasync_work(struct work *w)
{
	struct fasync *fa = container_of(w, struct fasync, work);
	u32 ev = __atomic_exchange_n(&fa->events, 0, __ATOMIC_ACQUIRE);

	if (ev == ~0u)
		ev = file_poll(fa->file, NULL);
	if (ev & EPOLLIN)
		send(fa->file, SIGIO, POLL_IN, EPOLLIN | EPOLLRDNORM, fa->fd);
	if (ev & EPOLLPRI)
		send(fa->file, SIGIO, POLL_PRI, EPOLLPRI | EPOLLRDBAND, fa->fd);
	if (ev & EPOLLOUT)
		send(fa->file, SIGIO, POLL_OUT, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND, fa->fd);
	if (ev & EPOLLERR)
		send(fa->file, SIGIO, POLL_ERR, EPOLLERR, fa->fd);
	if (ev & EPOLLHUP)
		send(fa->file, SIGIO, POLL_HUP, EPOLLHUP | EPOLLERR, fa->fd);
}

static bool fasync_woken(struct wait_entry *e, u32 key)
{
	struct fasync *fa = container_of(e, struct fasync_entry, entry)->fa;

	__atomic_fetch_or(&fa->events, key, __ATOMIC_RELEASE);
	work_queue(&fa->work);
	return false;
}

static void fasync_queue(struct poll_table *pt, struct file *f, struct wait_queue *q)
{
	struct fasync *fa = container_of(pt, struct fasync, pt);
	struct fasync_entry *e;

	if (fa->nqueues == FASYNC_QUEUES)
		return;
	e = &fa->q[fa->nqueues++];
	e->entry = (struct wait_entry){.fn = fasync_woken};
	e->queue = q;
	e->fa = fa;
	wait_add(q, &e->entry);
}

static void fasync_free(struct fasync *fa)
{
	for (unsigned i = 0; i < fa->nqueues; i++)
		wait_remove(fa->q[i].queue, &fa->q[i].entry);
	work_flush(&fa->work);
	kfree(fa);
}

void file_async_stop(struct file *f)
{
	struct fasync *old;

	spin_lock(&f->lock);
	old = f->fasync;
	f->fasync = NULL;
	spin_unlock(&f->lock);
	if (old)
		fasync_free(old);
}

int file_set_async(struct file *f, int fd, bool on)
{
	struct fasync *fa;

	if (!on) {
		file_async_stop(f);
		return 0;
	}
	if (!f->ops->poll || READ_ONCE(f->fasync))
		return 0;
	fa = kzalloc(sizeof(*fa), 0);
	if (!fa)
		return -ENOMEM;
	fa->file = f;
	fa->fd = fd;
	work_init(&fa->work, fasync_work);
	fa->pt = (struct poll_table){.queue = fasync_queue, .events = ~0u};
	(void)f->ops->poll(f, &fa->pt);
	spin_lock(&f->lock);
	if (!f->fasync) {
		f->fasync = fa;
		fa = NULL;
	}
	spin_unlock(&f->lock);
	if (fa) /* another thread was first */
		fasync_free(fa);
	return 0;
}
