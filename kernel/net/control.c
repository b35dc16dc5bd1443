/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Control messages of SOL_SOCKET: descriptors, credentials, time stamps. [man cmsg(3), unix(7)]
 *
 * Descriptors in flight are counted for the user who sent them; above RLIMIT_NOFILE only with CAP_SYS_RESOURCE or CAP_SYS_ADMIN.
 */
#include <net/socket.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/pidfd.h>
#include <proc/task.h>
#include <vfs/file.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/time_types.h>

#define SCM_MAX_FDS 253u

/* ---- descriptors ---- */

static bool too_many_in_flight(const struct user *u)
{
	return (u64)atomic64_load_relaxed(&u->nin_flight) > rlimit_cur(RLIMIT_NOFILE) && !capable(CAP_SYS_RESOURCE)
	       && !capable(CAP_SYS_ADMIN);
}

static struct scm_fds *fds_alloc(u32 room)
{
	struct scm_fds *f = kmalloc(sizeof(*f) + room * sizeof(struct file *), 0);

	if (!f)
		return NULL;
	f->count = f->nsockets = 0;
	f->user = cred_current()->user;
	user_hold(f->user);
	return f;
}

static void fds_add(struct scm_fds *f, struct file *file)
{
	struct socket *s = file_socket(file);

	f->files[f->count++] = file;
	f->nsockets += s && s->family == AF_UNIX;
	atomic64_add_relaxed(&f->user->nin_flight, 1);
}

struct scm_fds *scm_fds_dup(const struct scm_fds *f)
{
	struct scm_fds *copy = fds_alloc(f->count);

	for (u32 i = 0; copy && i < f->count; i++) {
		file_get(f->files[i]);
		fds_add(copy, f->files[i]);
	}
	return copy;
}

static void fds_forget(struct scm_fds *f)
{
	atomic64_sub_relaxed(&f->user->nin_flight, f->count);
	user_put(f->user);
	kfree(f);
}

void scm_fds_free(struct scm_fds *f)
{
	if (!f)
		return;
	for (u32 i = 0; i < f->count; i++)
		file_put(f->files[i]); /* deferred: a socket that holds sockets does not recurse */
	fds_forget(f);
}

static int take_fds(const s32 *fds, size_t n, struct scm_fds **pf)
{
	struct scm_fds *f = *pf, *more;

	if (!n)
		return 0;
	if (n + (f ? f->count : 0) > SCM_MAX_FDS)
		return -EINVAL;
	if (too_many_in_flight(cred_current()->user))
		return -ETOOMANYREFS;
	more = fds_alloc((u32)n + (f ? f->count : 0));
	if (!more)
		return -ENOMEM;
	if (f) {
		memcpy(more->files, f->files, f->count * sizeof(struct file *));
		atomic64_add_relaxed(&more->user->nin_flight, f->count);
		more->count = f->count;
		more->nsockets = f->nsockets;
		fds_forget(f);
	}
	*pf = more;
	for (size_t i = 0; i < n; i++) {
		struct fd_ref r = fd_get_path(fds[i]);

		if (!r.file)
			return -EBADF;
		if (!r.put)
			file_get(r.file);
		fds_add(more, r.file);
	}
	return 0;
}

/* ---- sending ---- */

static int take_creds(const struct ucred *u, struct scm *c)
{
	const struct cred *me = cred_current();
	struct pid *pid = task_current()->proc->pid;

	if ((u->pid != pid_nr(pid) && !capable(CAP_SYS_ADMIN))
		|| (u->uid != me->uid && u->uid != me->euid && u->uid != me->suid && !capable(CAP_SETUID))
		|| (u->gid != me->gid && u->gid != me->egid && u->gid != me->sgid && !capable(CAP_SETGID)))
		return -EPERM;
	if (u->pid == pid_nr(pid)) {
		pid_get(pid);
	} else {
		pid = pid_find_get(u->pid);
		if (!pid)
			return -ESRCH;
	}
	if (c->pid)
		pid_put(c->pid);
	c->pid = pid;
	c->uid = u->uid;
	c->gid = u->gid;
	return 0;
}

static int parse_one(const struct cmsghdr *h, size_t n, bool fds_ok, struct scm *c)
{
	const void *data = h + 1;
	struct ucred u;

	if (h->level != SOL_SOCKET)
		return 0;
	switch (h->type) {
	case SCM_RIGHTS: return fds_ok ? take_fds(data, n / sizeof(s32), &c->fds) : -EINVAL;
	case SCM_CREDENTIALS:
		if (n != sizeof(u))
			return -EINVAL;
		memcpy(&u, data, sizeof(u));
		return take_creds(&u, c);
	default: return -EINVAL;
	}
}

int scm_parse(const void *control, size_t len, bool fds_ok, struct scm *c)
{
	const char *at = control;
	int err = 0;

	*c = (struct scm){.uid = SCM_NO_ID, .gid = SCM_NO_ID};
	while (!err && len >= sizeof(struct cmsghdr)) {
		const struct cmsghdr *h = (const struct cmsghdr *)(const void *)at;
		size_t stride;

		if (h->len < sizeof(*h) || h->len > len) {
			err = -EINVAL;
			break;
		}
		err = parse_one(h, h->len - sizeof(*h), fds_ok, c);
		stride = align_up(h->len, 8ul);
		if (stride > len)
			break;
		at += stride;
		len -= stride;
	}
	if (err)
		scm_drop(c);
	return err;
}

void scm_set_own(struct scm *c)
{
	if (c->pid)
		return;
	c->pid = task_current()->proc->pid;
	pid_get(c->pid);
	c->uid = cred_current()->uid;
	c->gid = cred_current()->gid;
}

void scm_drop(struct scm *c)
{
	if (c->pid)
		pid_put(c->pid);
	scm_fds_free(c->fds);
	c->pid = NULL;
	c->fds = NULL;
}

/* ---- receiving ---- */

int scm_put(struct socket_msg *m, int level, int type, const void *data, size_t len)
{
	struct cmsg_out *o = m->out;
	struct cmsghdr h = {.len = CMSG_SIZE(len), .level = level, .type = type};
	size_t stride = CMSG_STRIDE(len);

	if (!o || uptr_is_null(o->at) || o->left < sizeof(h)) {
		m->out_flags |= MSG_CTRUNC;
		return 1;
	}
	if (o->left < h.len) {
		m->out_flags |= MSG_CTRUNC;
		h.len = o->left;
	}
	if (copy_to_user(o->at, &h, sizeof(h)) || copy_to_user(uptr_add(o->at, sizeof(h)), data, h.len - sizeof(h)))
		return -EFAULT;
	stride = min(stride, o->left);
	o->at = uptr_add(o->at, stride);
	o->left -= stride;
	return 0;
}

/* The files that fit become descriptors, the others are closed. */
static void deliver_fds(struct socket_msg *m, struct scm_fds *f)
{
	struct cmsg_out *o = m->out;
	size_t room = o->left > sizeof(struct cmsghdr) ? (o->left - sizeof(struct cmsghdr)) / sizeof(s32) : 0;
	struct uptr data = uptr_add(o->at, sizeof(struct cmsghdr));
	u32 n = 0;

	while (n < f->count && n < room) {
		int fd = fd_reserve(0, m->flags & MSG_CMSG_CLOEXEC);

		if (fd < 0)
			break;
		if (user_store32(uptr_add(data, n * sizeof(s32)), (u32)fd)) {
			fd_cancel(fd);
			break;
		}
		file_get(f->files[n]);
		fd_install(fd, f->files[n]);
		n++;
	}
	if (n) {
		struct cmsghdr h = {.len = CMSG_SIZE(n * sizeof(s32)), .level = SOL_SOCKET, .type = SCM_RIGHTS};

		if (!copy_to_user(o->at, &h, sizeof(h))) {
			size_t stride = min(CMSG_STRIDE(n * sizeof(s32)), o->left);

			o->at = uptr_add(o->at, stride);
			o->left -= stride;
		}
	}
	if (n < f->count)
		m->out_flags |= MSG_CTRUNC;
}

/* A descriptor for the sender; if there can be none, the error stands in its place. */
static void deliver_pidfd(struct socket_msg *m, struct pid *pid)
{
	struct file *f = NULL;
	int fd;

	if (m->out->left < CMSG_SIZE(sizeof(s32))) {
		m->out_flags |= MSG_CTRUNC;
		return;
	}
	fd = pidfd_create(pid, 0, &f); /* also of one who is gone */
	if (!fd) {
		fd = fd_reserve(0, true);
		if (fd < 0) {
			file_put(f);
			f = NULL;
		}
	}
	if (scm_put(m, SOL_SOCKET, SCM_PIDFD, &fd, sizeof(fd))) {
		if (f) {
			fd_cancel(fd);
			file_put(f);
		}
	} else if (f) {
		fd_install(fd, f);
	}
}

void scm_deliver(struct socket *s, struct socket_msg *m, struct scm *c)
{
	bool cred = socket_has(s, SOCKF_PASSCRED), pidfd = socket_has(s, SOCKF_PASSPIDFD);

	if (!m->out || uptr_is_null(m->out->at)) {
		if (m->out && (cred || pidfd || c->fds))
			m->out_flags |= MSG_CTRUNC;
		goto out;
	}
	if (cred) {
		struct ucred u = {.pid = c->pid ? pid_nr(c->pid) : 0, .uid = c->uid, .gid = c->gid};

		(void)scm_put(m, SOL_SOCKET, SCM_CREDENTIALS, &u, sizeof(u));
	}
	if (c->fds)
		deliver_fds(m, c->fds);
	if (pidfd && c->pid)
		deliver_pidfd(m, c->pid);
out:
	scm_drop(c);
}

void scm_deliver_stamp(struct socket *s, struct socket_msg *m, s64 ns)
{
	bool fresh = socket_has(s, SOCKF_TIMESTAMP_NEW);
	s64 v[2] = {ns / 1000000000, ns % 1000000000};

	if (!socket_has(s, SOCKF_TIMESTAMP) || !m->out)
		return;
	if (socket_has(s, SOCKF_TIMESTAMPNS)) {
		(void)scm_put(m, SOL_SOCKET, fresh ? SO_TIMESTAMPNS_NEW : SO_TIMESTAMPNS_OLD, v, sizeof(v));
		return;
	}
	v[1] /= 1000;
	(void)scm_put(m, SOL_SOCKET, fresh ? SO_TIMESTAMP_NEW : SO_TIMESTAMP_OLD, v, sizeof(v));
}
