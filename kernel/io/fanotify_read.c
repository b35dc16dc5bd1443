/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading a fanotify group's events, and answering them. [man fanotify(7)]
 *
 *	metadata | directory and name | where it was moved to | object | pidfd | error       records: what the event has and the group wants
 *	record of an object: header, fsid, file_handle, name with its end, zeroes up to four bytes
 */
#include "fanotify_impl.h"
#include <env/iobuf.h>
#include <proc/pidfd.h>
#include <proc/task.h>
#include <linux/fs.h>

/* One record of a handle and perhaps a name. */
struct fid_record {
	u8 type;
	const struct inode_handle *handle;
	const char *name;
	u32 len;
};

#define FID_HEAD (sizeof(struct fanotify_event_info_fid) + 2 * sizeof(u32)) /* with handle_bytes and handle_type */

static u32 record_len(const struct fid_record *r)
{
	return (u32)align_up(FID_HEAD + r->handle->bytes + (r->len ? r->len + 1 : 0), 4);
}

/* The records of handles of @e, in their order. */
static unsigned fid_records(const struct fan_group *g, const struct fan_event *e, struct fid_record r[3])
{
	u32 fid_mode = g->flags & FAN_FID_MODES;
	unsigned n = 0;
	u8 type;

	if (e->has_dir) {
		type = e->mask & FAN_RENAME ? FAN_EVENT_INFO_TYPE_OLD_DFID_NAME
			: e->len   ? FAN_EVENT_INFO_TYPE_DFID_NAME
					   : FAN_EVENT_INFO_TYPE_DFID;
		r[n++] = (struct fid_record){type, &e->dir, e->names, e->len};
	}
	if (e->has_dir2)
		r[n++] = (struct fid_record){FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, &e->dir2, e->names + e->len, e->len2};
	if (!e->has_object)
		return n;
	r[n] = (struct fid_record){FAN_EVENT_INFO_TYPE_FID, &e->object, NULL, 0};
	if (fid_mode != FAN_REPORT_FID && !n && e->kind != FAN_KIND_ERROR) {
		/* An event on a directory itself is named as ".", where names are wanted. */
		if ((fid_mode & FAN_REPORT_NAME) && (e->mask & FAN_ONDIR))
			r[n] = (struct fid_record){FAN_EVENT_INFO_TYPE_DFID_NAME, &e->object, ".", 1};
		else if (e->mask & (FAN_NAME_EVENTS | FAN_ONDIR))
			r[n].type = FAN_EVENT_INFO_TYPE_DFID;
	}
	return n + 1;
}

static u32 event_len(const struct fan_group *g, const struct fan_event *e)
{
	u32 len = FAN_EVENT_METADATA_LEN;
	struct fid_record r[3];
	unsigned n = fid_records(g, e, r);

	for (unsigned i = 0; i < n; i++)
		len += record_len(&r[i]);
	if (g->flags & FAN_REPORT_PIDFD)
		len += (u32)sizeof(struct fanotify_event_info_pidfd);
	if (e->kind == FAN_KIND_ERROR)
		len += (u32)sizeof(struct fanotify_event_info_error);
	return len;
}

static bool put(struct iobuf *to, const void *mem, size_t len)
{
	return iobuf_put(to, mem, len) == len;
}

static bool put_record(struct iobuf *to, const struct fan_event *e, const struct fid_record *r)
{
	u32 len = record_len(r), used = (u32)FID_HEAD + r->handle->bytes + r->len;
	struct fanotify_event_info_fid head = {.hdr = {.info_type = r->type, .len = (u16)len}};
	u32 handle[2] = {r->handle->bytes, (u32)r->handle->type};

	memcpy(&head.fsid, &e->fsid, sizeof(e->fsid));
	return put(to, &head, sizeof(head)) && put(to, handle, sizeof(handle)) && put(to, r->handle->data, r->handle->bytes)
		&& put(to, r->name, r->len) && iobuf_zero(to, len - used) == len - used;
}

/* A descriptor that is promised, and not yet there. */
struct new_fd {
	int fd;
	struct file *file; /* NULL: fd is an error or none */
};

static void drop_fd(struct new_fd *n)
{
	if (!n->file)
		return;
	fd_cancel(n->fd);
	file_put_sync(n->file);
	n->file = NULL;
}

static void make_fd(int err, struct file *file, bool cloexec, struct new_fd *out)
{
	*out = (struct new_fd){.fd = err};
	if (err)
		return;
	out->fd = fd_reserve(0, cloexec);
	if (out->fd < 0)
		file_put_sync(file);
	else
		out->file = file;
}

static void open_object(struct fan_group *g, struct fan_event *e, struct new_fd *out)
{
	struct file *f;
	int err;

	*out = (struct new_fd){.fd = FAN_NOFD};
	if (!e->path.dentry || !g->privileged)
		return;
	err = file_open_path(&e->path, (g->event_f_flags & ~(unsigned)O_CLOEXEC) | OPEN_UNTOLD, &f);
	if (!err)
		f->flags |= g->event_f_flags & O_CLOEXEC; /* F_GETFL shows it, as on Linux */
	make_fd(err, f, g->event_f_flags & O_CLOEXEC, out);
}

static void open_pidfd(struct fan_group *g, struct fan_event *e, struct new_fd *out)
{
	bool errors = g->flags & FAN_REPORT_FD_ERROR, there = false;
	struct file *f;
	int err;

	*out = (struct new_fd){.fd = errors ? -ESRCH : FAN_NOPIDFD};
	if (!(g->flags & FAN_REPORT_PIDFD) || !e->pid)
		return;
	rcu_read_lock();
	there = pid_task_rcu(e->pid, PID_TGID);
	rcu_read_unlock();
	if (!there)
		return;
	err = pidfd_create(e->pid, 0, &f);
	make_fd(err, f, true, out);
	if (out->fd < 0 && !errors)
		out->fd = FAN_EPIDFD;
}

static s32 reported_pid(const struct fan_group *g, const struct fan_event *e)
{
	if (!e->pid || (!g->privileged && e->pid != task_current()->pids[PID_TGID]))
		return 0;
	return pid_nr(e->pid);
}

static bool put_event(struct fan_group *g, struct fan_event *e, struct iobuf *to, int fd, int pidfd)
{
	struct fanotify_event_metadata meta = {.event_len = event_len(g, e), .vers = FANOTIFY_METADATA_VERSION,
		.metadata_len = FAN_EVENT_METADATA_LEN, .mask = e->mask, .fd = fd, .pid = reported_pid(g, e)};
	struct fanotify_event_info_pidfd p = {.hdr = {.info_type = FAN_EVENT_INFO_TYPE_PIDFD, .len = sizeof(p)}, .pidfd = pidfd};
	struct fanotify_event_info_error err = {
		.hdr = {.info_type = FAN_EVENT_INFO_TYPE_ERROR, .len = sizeof(err)}, .error = e->error, .error_count = e->error_count};
	struct fid_record r[3];
	unsigned n = fid_records(g, e, r);

	if (!put(to, &meta, sizeof(meta)))
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (!put_record(to, e, &r[i]))
			return false;
	}
	if ((g->flags & FAN_REPORT_PIDFD) && !put(to, &p, sizeof(p)))
		return false;
	return e->kind != FAN_KIND_ERROR || put(to, &err, sizeof(err));
}

/* Descriptors and bytes of one event. 0; -EFAULT; why there is no descriptor. */
static int give(struct fan_group *g, struct fan_event *e, struct iobuf *to)
{
	struct new_fd object, pidfd;
	int err = 0;

	open_object(g, e, &object);
	if (object.fd < FAN_NOFD && !(g->flags & FAN_REPORT_FD_ERROR))
		return object.fd;
	open_pidfd(g, e, &pidfd);
	if (!put_event(g, e, to, object.fd, pidfd.fd))
		err = -EFAULT;
	if (err) {
		drop_fd(&object);
		drop_fd(&pidfd);
		return err;
	}
	spin_lock(&g->queue_lock);
	e->fd = object.fd;
	spin_unlock(&g->queue_lock);
	if (object.file)
		fd_install(object.fd, object.file);
	if (pidfd.file)
		fd_install(pidfd.fd, pidfd.file);
	return 0;
}

/* The first event: 1; 0: none; -EINVAL: it does not fit. */
static int take(struct fan_group *g, size_t room, struct fan_event **out)
{
	struct fan_event *e = NULL;
	int ret = 0;

	spin_lock(&g->queue_lock);
	if (!list_empty(&g->queue)) {
		e = list_first_entry(&g->queue, struct fan_event, link);
		ret = event_len(g, e) <= room ? 1 : -EINVAL;
	}
	if (ret > 0) {
		list_del_init(&e->link);
		g->queued--;
		if (e->kind == FAN_KIND_PERM)
			e->state = FAN_READ;
		*out = e;
	}
	spin_unlock(&g->queue_lock);
	return ret;
}

/* One event to the reader; one that wants an answer waits for it from now on, and is refused if it could not be given. */
static int read_event(struct fan_group *g, struct fan_event *e, struct iobuf *to)
{
	int err = give(g, e, to);

	if (e->kind == FAN_KIND_PERM) {
		spin_lock(&g->queue_lock);
		if (err || g->closed)
			fan_answer_locked(g, e, err ? FAN_DENY : FAN_ALLOW);
		else
			list_add_tail(&e->link, &g->asked);
		spin_unlock(&g->queue_lock);
	} else if (e != &g->overflow) {
		fan_event_free(e);
	}
	return err;
}

ssize_t fan_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	struct fan_group *g = f->private;
	size_t start = to->left;
	struct fan_event *e;
	int ret;

	for (;;) {
		ret = take(g, to->left, &e);
		if (ret > 0) {
			ret = read_event(g, e, to);
			if (ret)
				break;
			continue;
		}
		if (ret < 0 || to->left != start)
			break;
		if ((READ_ONCE(f->flags) & O_NONBLOCK) || (rwf & RWF_NOWAIT))
			return -EAGAIN;
		ret = wait_event_interruptible(&g->wait, READ_ONCE(g->queued));
		if (ret)
			return ret;
	}
	return to->left != start && ret != -EFAULT ? (ssize_t)(start - to->left) : ret;
}

/* ---- answers ---- */

static int check_rule(struct iobuf *from)
{
	struct fanotify_response_info_audit_rule rule;

	if (from->left != sizeof(rule))
		return -EINVAL;
	if (iobuf_get(from, &rule, sizeof(rule)) != sizeof(rule))
		return -EFAULT;
	return rule.hdr.type == FAN_RESPONSE_INFO_AUDIT_RULE && !rule.hdr.pad && rule.hdr.len == sizeof(rule) ? 0 : -EINVAL;
}

static int answer(struct fan_group *g, s32 fd, u32 response)
{
	struct fan_event *e;

	spin_lock(&g->queue_lock);
	list_for_each_entry(e, &g->asked, link) {
		if (e->fd != fd)
			continue;
		list_del_init(&e->link);
		fan_answer_locked(g, e, response);
		spin_unlock(&g->queue_lock);
		return 0;
	}
	spin_unlock(&g->queue_lock);
	return -ENOENT;
}

ssize_t fan_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf)
{
	struct fan_group *g = f->private;
	struct fanotify_response r;
	size_t len = from->left;
	int err;

	if (len < sizeof(r))
		return -EINVAL;
	if (iobuf_get(from, &r, sizeof(r)) != sizeof(r))
		return -EFAULT;
	if (r.response & ~(u32)(FAN_ALLOW | FAN_DENY | FAN_AUDIT | FAN_INFO))
		return -EINVAL;
	if ((r.response & (FAN_ALLOW | FAN_DENY)) != FAN_ALLOW && (r.response & (FAN_ALLOW | FAN_DENY)) != FAN_DENY)
		return -EINVAL;
	if ((r.response & FAN_AUDIT) && !(g->flags & FAN_ENABLE_AUDIT))
		return -EINVAL;
	if (r.response & FAN_INFO) {
		err = check_rule(from);
		if (err)
			return err;
		if (r.fd == FAN_NOFD)
			return (ssize_t)len;
	}
	if (r.fd < 0)
		return -EINVAL;
	err = answer(g, r.fd, r.response);
	return err ? err : (ssize_t)len;
}
