/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors: close, dup, fcntl, flock. [man dup(2), fcntl(2), flock(2), close_range(2)]
 */
#include <linux/syscall.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/task.h>
#include <vfs/fdtable.h>
#include <vfs/file.h>
#include <vfs/fown.h>
#include <vfs/inode.h>
#include <vfs/namei.h>
#include <vfs/locks.h>
#include <linux/close_range.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>

#ifndef F_CREATED_QUERY
#define F_CREATED_QUERY (F_LINUX_SPECIFIC_BASE + 4)
#endif
#ifndef F_DUPFD_QUERY
#define F_DUPFD_QUERY (F_LINUX_SPECIFIC_BASE + 3)
#endif

SYSCALL1(close, int, fd)
{
	int err = fd_close(fd);

	/* The descriptor is gone: it must not be closed a second time. */
	if (unlikely(err == -ERESTARTSYS || err == -ERESTARTNOINTR || err == -ERESTARTNOHAND || err == -ERESTART_RESTARTBLOCK))
		err = -EINTR;
	return err;
}

SYSCALL3(close_range, unsigned, first, unsigned, last, unsigned, flags)
{
	struct task *t = task_current();

	if (flags & ~(unsigned)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC))
		return -EINVAL;
	if (first > last)
		return -EINVAL;
	if ((flags & CLOSE_RANGE_UNSHARE) && files_is_shared(t->files)) {
		struct files *mine, *old = t->files;
		int err = files_fork(old, &mine);

		if (err)
			return err;
		spin_lock(&t->alloc_lock);
		t->files = mine;
		spin_unlock(&t->alloc_lock);
		files_put(old);
	}
	fd_close_range(first, last, flags & CLOSE_RANGE_CLOEXEC);
	return 0;
}

/* A new descriptor >= min for @f. */
static int dup_from(struct file *f, int min_fd, bool cloexec)
{
	int fd = fd_reserve(min_fd, cloexec);

	if (fd >= 0) {
		file_get(f);
		fd_install(fd, f);
	}
	return fd;
}

SYSCALL1(dup, int, fd)
{
	struct fd_ref r = fd_get_path(fd);
	int ret;

	if (!r.file)
		return -EBADF;
	ret = dup_from(r.file, 0, false);
	fd_put(r);
	return ret;
}

static s64 dup_to(int oldfd, int newfd, int flags)
{
	struct fd_ref r;
	int ret;

	if ((u64)(u32)newfd >= rlimit_cur(RLIMIT_NOFILE))
		return -EBADF;
	r = fd_get_path(oldfd);
	if (!r.file)
		return -EBADF;
	ret = fd_replace(newfd, r.file, flags & O_CLOEXEC);
	fd_put(r);
	return ret;
}

SYSCALL2(dup2, int, oldfd, int, newfd)
{
	if (oldfd == newfd) {
		struct fd_ref r = fd_get_path(oldfd);

		if (!r.file)
			return -EBADF;
		fd_put(r);
		return oldfd;
	}
	return dup_to(oldfd, newfd, 0);
}

SYSCALL3(dup3, int, oldfd, int, newfd, int, flags)
{
	if ((flags & ~O_CLOEXEC) || oldfd == newfd)
		return -EINVAL;
	return dup_to(oldfd, newfd, flags);
}

/* ---- fcntl ---- */

#define SETFL_MASK (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | FASYNC)

static int set_flags(struct file *f, int fd, unsigned flags)
{
	u32 old = READ_ONCE(f->flags), changed = old ^ flags;
	int err;

	if (!(flags & O_APPEND) && (old & O_APPEND) && (f->inode->flags & INODE_APPEND))
		return -EPERM;
	if ((flags & O_NOATIME) && (changed & O_NOATIME) && !inode_owner_or_capable(f->inode))
		return -EPERM;
	if ((flags & O_DIRECT) && !inode_is(f->inode, S_IFREG) && !f->ops->setfl)
		return -EINVAL;
	if (f->ops->setfl) {
		err = f->ops->setfl(f, flags);
		if (err)
			return err;
	}
	if ((changed & FASYNC) && f->ops->fasync) {
		err = f->ops->fasync(f, fd, flags & FASYNC);
		if (err)
			return err;
	}
	spin_lock(&f->lock);
	WRITE_ONCE(f->flags, (f->flags & ~(u32)SETFL_MASK) | (flags & SETFL_MASK));
	spin_unlock(&f->lock);
	return 0;
}

/* struct flock to a range with absolute, inclusive ends. */
static int range_from_user(struct file *f, struct uptr p, struct flock *l, struct lock_range *r)
{
	s64 start;

	if (copy_from_user(l, p, sizeof(*l)))
		return -EFAULT;
	switch (l->l_whence) {
	case SEEK_SET: start = 0; break;
	case SEEK_CUR: start = f->pos; break;
	case SEEK_END: start = (s64)READ_ONCE(f->inode->data.size); break;
	default: return -EINVAL;
	}
	if (__builtin_add_overflow(start, (s64)l->l_start, &start))
		return -EOVERFLOW;
	if (start < 0)
		return -EINVAL;
	if (l->l_len > 0) {
		if (__builtin_add_overflow(start, (s64)l->l_len - 1, &r->end))
			return -EOVERFLOW;
	} else if (l->l_len < 0) {
		if (start + l->l_len < 0)
			return -EINVAL;
		r->end = start - 1;
		start += l->l_len;
	} else {
		r->end = S64_MAX;
	}
	r->start = start;
	r->type = (u8)l->l_type;
	return 0;
}

static int get_lock(struct file *f, enum lock_kind kind, struct uptr p)
{
	struct lock_range r;
	struct flock l;
	int err = range_from_user(f, p, &l, &r);

	if (err)
		return err;
	if (l.l_type != F_RDLCK && l.l_type != F_WRLCK)
		return -EINVAL;
	if (kind == LOCK_KIND_OFD && l.l_pid)
		return -EINVAL;
	err = file_lock_test(f, kind, task_current()->files, &r);
	if (err)
		return err;
	l.l_type = r.type;
	if (r.type != F_UNLCK) {
		l.l_whence = SEEK_SET;
		l.l_start = r.start;
		l.l_len = r.end == S64_MAX ? 0 : r.end - r.start + 1;
		l.l_pid = r.pid;
	}
	return copy_to_user(p, &l, sizeof(l));
}

static int set_lock(struct file *f, int fd, enum lock_kind kind, struct uptr p, bool wait)
{
	struct files *files = task_current()->files;
	struct lock_range r;
	struct flock l;
	struct fd_ref again;
	int err = range_from_user(f, p, &l, &r);

	if (err)
		return err;
	switch (l.l_type) {
	case F_RDLCK:
		if (!(f->mode & FMODE_READ))
			return -EBADF;
		break;
	case F_WRLCK:
		if (!(f->mode & FMODE_WRITE))
			return -EBADF;
		break;
	case F_UNLCK: break;
	default: return -EINVAL;
	}
	if (kind == LOCK_KIND_OFD && l.l_pid)
		return -EINVAL;
	r.pid = kind == LOCK_KIND_OFD ? -1 : task_tgid(task_current());
	err = file_lock_set(f, kind, files, &r, wait);
	if (err || kind != LOCK_KIND_POSIX || r.type == F_UNLCK || !files_is_shared(files))
		return err;
	/* Another thread may have closed the descriptor meanwhile: then nobody would ever drop the lock. */
	again = fd_get(fd);
	if (again.file != f) {
		file_locks_close(f, files);
		err = -EBADF;
	}
	fd_put(again);
	return err;
}

static s64 owner_ex(struct file *f, unsigned cmd, struct uptr p)
{
	static const enum pid_type types[] = {PID_TID, PID_TGID, PID_PGID};
	struct f_owner_ex ex;
	enum pid_type type;

	if (cmd == F_SETOWN_EX) {
		if (copy_from_user(&ex, p, sizeof(ex)))
			return -EFAULT;
		if (ex.type < F_OWNER_TID || ex.type > F_OWNER_PGRP || ex.pid < 0)
			return -EINVAL;
		return file_set_owner(f, ex.pid, types[ex.type]);
	}
	ex.pid = file_get_owner(f, &type);
	ex.type = type == PID_TID ? F_OWNER_TID : type == PID_TGID ? F_OWNER_PID : F_OWNER_PGRP;
	return copy_to_user(p, &ex, sizeof(ex));
}

static s64 get_owner(struct file *f)
{
	enum pid_type type;
	s32 nr = file_get_owner(f, &type);

	return type == PID_PGID ? -nr : nr;
}

static s64 owner_uids(struct file *f, struct uptr p)
{
	u32 ids[2] = {0, 0};

	spin_lock(&f->lock);
	if (f->owner) {
		ids[0] = f->owner->uid;
		ids[1] = f->owner->euid;
	}
	spin_unlock(&f->lock);
	return copy_to_user(p, ids, sizeof(ids));
}

static s64 set_rw_hint(struct file *f, struct uptr p)
{
	u64 hint;

	if (cred_current()->fsuid != f->inode->uid && !capable(CAP_FOWNER))
		return -EPERM;
	if (copy_from_user(&hint, p, sizeof(hint)))
		return -EFAULT;
	if (hint > RWH_WRITE_LIFE_EXTREME)
		return -EINVAL;
	WRITE_ONCE(f->inode->write_hint, (u8)hint);
	return 0;
}

static s64 fcntl_file(struct file *f, int fd, unsigned cmd, u64 arg)
{
	struct uptr p = {arg};

	switch (cmd) {
	case F_SETFL: return set_flags(f, fd, (unsigned)arg);
	case F_GETLK: return get_lock(f, LOCK_KIND_POSIX, p);
	case F_SETLK:
	case F_SETLKW: return set_lock(f, fd, LOCK_KIND_POSIX, p, cmd == F_SETLKW);
	case F_OFD_GETLK: return get_lock(f, LOCK_KIND_OFD, p);
	case F_OFD_SETLK:
	case F_OFD_SETLKW: return set_lock(f, fd, LOCK_KIND_OFD, p, cmd == F_OFD_SETLKW);
	case F_SETOWN: return file_set_owner(f, (s32)arg, PID_TGID);
	case F_GETOWN: return get_owner(f);
	case F_SETOWN_EX:
	case F_GETOWN_EX: return owner_ex(f, cmd, p);
	case F_GETOWNER_UIDS: return owner_uids(f, p);
	case F_SETSIG: return arg > SIG_MAX ? -EINVAL : file_set_signum(f, (int)arg);
	case F_GETLEASE: return file_lease_get(f);
	case F_SETLEASE: return file_lease_set(f, fd, (int)arg);
	case F_NOTIFY: return file_dnotify(f, fd, (u32)arg);
	case F_GET_RW_HINT: return user_store64(p, READ_ONCE(f->inode->write_hint));
	case F_SET_RW_HINT: return set_rw_hint(f, p);
	case F_GETSIG: return file_get_signum(f);
	case F_GETPIPE_SZ:
	case F_SETPIPE_SZ:
		if (!inode_is(f->inode, S_IFIFO))
			return -EBADF;
		return f->ops->fcntl(f, cmd, arg);
	default: return f->ops->fcntl ? f->ops->fcntl(f, cmd, arg) : -EINVAL;
	}
}

SYSCALL3(fcntl, int, fd, unsigned, cmd, u64, arg)
{
	struct fd_ref r = fd_get_path(fd);
	s64 ret;

	if (unlikely(!r.file))
		return -EBADF;
	switch (cmd) { /* those that O_PATH descriptors know too */
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		ret = arg >= rlimit_cur(RLIMIT_NOFILE) ? -EINVAL : dup_from(r.file, (int)arg, cmd == F_DUPFD_CLOEXEC);
		break;
	case F_CREATED_QUERY: ret = !!(r.file->mode & FMODE_CREATED); break;
	case F_GETFD: ret = files_cloexec(task_current()->files, fd) ? FD_CLOEXEC : 0; break;
	case F_SETFD: ret = fd_set_cloexec(fd, arg & FD_CLOEXEC); break;
	case F_GETFL: ret = READ_ONCE(r.file->flags); break;
	case F_DUPFD_QUERY: {
		struct fd_ref other = fd_get_path((int)arg);

		ret = other.file ? other.file == r.file : -EBADF;
		fd_put(other);
		break;
	}
	default: ret = r.file->mode & FMODE_PATH ? -EBADF : fcntl_file(r.file, fd, cmd, arg);
	}
	fd_put(r);
	return ret;
}

SYSCALL2(flock, int, fd, unsigned, cmd)
{
	struct lock_range r = {.start = 0, .end = S64_MAX};
	bool wait = !(cmd & LOCK_NB);
	struct fd_ref ref;
	int err;

	/* LOCK_MAND and its kin are accepted and do nothing, as on Linux. */
	if (cmd & LOCK_MAND)
		return 0;
	switch (cmd & ~(unsigned)LOCK_NB) {
	case LOCK_SH: r.type = F_RDLCK; break;
	case LOCK_EX: r.type = F_WRLCK; break;
	case LOCK_UN: r.type = F_UNLCK; break;
	default: return -EINVAL;
	}
	ref = fd_get(fd);
	if (!ref.file)
		return -EBADF;
	if (r.type != F_UNLCK && !(ref.file->mode & (FMODE_READ | FMODE_WRITE))) {
		fd_put(ref);
		return -EBADF;
	}
	r.pid = task_tgid(task_current());
	err = file_lock_set(ref.file, LOCK_KIND_FLOCK, NULL, &r, wait);
	fd_put(ref);
	return err;
}
