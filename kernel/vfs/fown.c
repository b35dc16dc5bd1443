/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals about files: F_SETOWN, F_SETSIG, O_ASYNC. [man fcntl(2)]
 *
 * Kinds of files that know O_ASYNC keep a list of those who set it and tell them where they wake who sleeps, but after their own locks: so the signal is
 * there before the call that caused it returns or sleeps itself, and its number is exact.
 */
#include "vfs_impl.h"
#include <lib/string.h>
#include <mm/slab.h>
#include <vfs/fown.h>
#include <linux/eventpoll.h>

/* clang-format off */
LOCK_CLASS(fasync, RANK_FASYNC, "who wants SIGIO of one file");
/* clang-format on */

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
	struct pid *pid = NULL;

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
	return file_set_owner_pid(f, pid, type);
}

int file_set_owner_pid(struct file *f, struct pid *pid, enum pid_type type)
{
	struct fown *o = owner_get(f);
	struct pid *old;

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
	*out_type = PID_TID;
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
	send(f, signo_default, code, band, -1);
}

int file_own_if_nobody(struct file *f)
{
	struct pid *me = task_current()->pids[PID_TGID];
	struct fown *o = owner_get(f);

	if (!o)
		return -ENOMEM;
	if (READ_ONCE(o->pid))
		return 0;
	pid_get(me);
	return file_set_owner_pid(f, me, PID_TGID);
}

void file_owner_free(struct file *f)
{
	if (f->owner->pid)
		pid_put(f->owner->pid);
	kfree(f->owner);
	f->owner = NULL;
}

/* ---- O_ASYNC ---- */

struct fasync {
	struct list_head link; /* list's lock */
	struct file *file;     /* no reference: the file's release takes the entry out */
	int fd;
};

static const struct {
	int code;
	long band;
} bands[] = {
	[POLL_IN - POLL_IN] = {POLL_IN, EPOLLIN | EPOLLRDNORM},
	[POLL_OUT - POLL_IN] = {POLL_OUT, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND},
	[POLL_MSG - POLL_IN] = {POLL_MSG, EPOLLIN | EPOLLRDNORM | EPOLLMSG},
	[POLL_ERR - POLL_IN] = {POLL_ERR, EPOLLERR},
	[POLL_PRI - POLL_IN] = {POLL_PRI, EPOLLPRI | EPOLLRDBAND},
	[POLL_HUP - POLL_IN] = {POLL_HUP, EPOLLHUP | EPOLLERR},
};

void file_send_sigio(struct file *f, int fd, int code)
{
	send(f, SIGIO, code, bands[code - POLL_IN].band, fd);
}

void fasync_list_init(struct fasync_list *l)
{
	spin_init(&l->lock, fasync);
	list_init(&l->entries);
}

int fasync_set(struct fasync_list *l, struct file *f, int fd, bool on)
{
	struct fasync *fresh = on ? kmalloc(sizeof(*fresh), 0) : NULL, *fa, *found = NULL;

	if (on && !fresh)
		return -ENOMEM;
	spin_lock(&l->lock);
	list_for_each_entry(fa, &l->entries, link) {
		if (fa->file == f)
			found = fa;
	}
	if (found && on) {
		found->fd = fd;
	} else if (found) {
		list_del(&found->link);
		fresh = found;
	} else if (on) {
		*fresh = (struct fasync){.file = f, .fd = fd};
		list_add_tail(&fresh->link, &l->entries);
		fresh = NULL;
	}
	spin_unlock(&l->lock);
	kfree(fresh);
	return 0;
}

void fasync_send_slow(struct fasync_list *l, int code)
{
	struct fasync *fa;

	spin_lock(&l->lock);
	list_for_each_entry(fa, &l->entries, link)
		file_send_sigio(fa->file, fa->fd, code);
	spin_unlock(&l->lock);
}

void fasync_send_to(struct fasync_list *l, const struct file *f, int code)
{
	struct fasync *fa;

	spin_lock(&l->lock);
	list_for_each_entry(fa, &l->entries, link) {
		if (fa->file == f)
			file_send_sigio(fa->file, fa->fd, code);
	}
	spin_unlock(&l->lock);
}
