/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * read, write and their vectors; lseek. [man read(2), readv(2), lseek(2)]
 */
#include <env/iobuf.h>
#include <linux/syscall.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/task.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/rw.h>
#include <linux/fs.h>
#include "vec.h"

#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x20
#endif
#define RWF_KNOWN (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND | RWF_NOAPPEND)

static inline void account_read(ssize_t n)
{
	struct task *t = task_current();

	if (n > 0)
		t->ioac[0] += (u64)n;
	t->ioac[2]++;
}

static inline void account_write(ssize_t n)
{
	struct task *t = task_current();

	if (n > 0)
		t->ioac[1] += (u64)n;
	t->ioac[3]++;
}

SYSCALL3(read, int, fd, struct uptr, buf, size_t, len)
{
	struct fd_pos p = {.ref = fd_get(fd)};
	struct file *f = p.ref.file;
	struct iobuf b;
	ssize_t n;

	if (unlikely(!f))
		return -EBADF;
	file_pos_lock(&p);
	if (unlikely(!(f->mode & FMODE_READ)))
		n = -EBADF;
	else if (unlikely(!f->ops->read))
		n = -EINVAL;
	else
		n = iobuf_init_user(&b, buf, len);
	if (likely(!n))
		n = file_read(f, &b, f->mode & FMODE_SEEK ? &f->pos : NULL, 0);
	account_read(n);
	file_pos_unlock(&p);
	return n;
}

SYSCALL3(write, int, fd, struct uptr, buf, size_t, len)
{
	struct fd_pos p = {.ref = fd_get(fd)};
	struct file *f = p.ref.file;
	struct iobuf b;
	ssize_t n;

	if (unlikely(!f))
		return -EBADF;
	file_pos_lock(&p);
	if (unlikely(!(f->mode & FMODE_WRITE)))
		n = -EBADF;
	else if (unlikely(!f->ops->write))
		n = -EINVAL;
	else
		n = iobuf_init_user(&b, buf, len);
	if (likely(!n))
		n = file_write(f, &b, f->mode & FMODE_SEEK ? &f->pos : NULL, 0);
	account_write(n);
	file_pos_unlock(&p);
	return n;
}

SYSCALL4(pread64, int, fd, struct uptr, buf, size_t, len, s64, pos)
{
	struct fd_ref r;
	struct iobuf b;
	ssize_t n;

	if (pos < 0)
		return -EINVAL;
	r = fd_get(fd);
	if (!r.file)
		return -EBADF;
	if (!(r.file->mode & FMODE_SEEK))
		n = -ESPIPE;
	else if (!(r.file->mode & FMODE_READ))
		n = -EBADF;
	else
		n = iobuf_init_user(&b, buf, len);
	if (!n)
		n = file_read(r.file, &b, &pos, 0);
	account_read(n);
	fd_put(r);
	return n;
}

SYSCALL4(pwrite64, int, fd, struct uptr, buf, size_t, len, s64, pos)
{
	struct fd_ref r;
	struct iobuf b;
	ssize_t n;

	if (pos < 0)
		return -EINVAL;
	r = fd_get(fd);
	if (!r.file)
		return -EBADF;
	if (!(r.file->mode & FMODE_SEEK))
		n = -ESPIPE;
	else if (!(r.file->mode & FMODE_WRITE))
		n = -EBADF;
	else
		n = iobuf_init_user(&b, buf, len);
	if (!n)
		n = file_write(r.file, &b, &pos, 0);
	account_write(n);
	fd_put(r);
	return n;
}

/* ---- vectors ---- */

static int check_rwf(const struct file *f, unsigned rwf)
{
	if (likely(!rwf))
		return 0;
	if (rwf & ~(unsigned)RWF_KNOWN)
		return -EOPNOTSUPP;
	if ((rwf & (RWF_APPEND | RWF_NOAPPEND)) == (RWF_APPEND | RWF_NOAPPEND))
		return -EINVAL;
	return (rwf & RWF_NOWAIT) && !(f->mode & FMODE_NOWAIT) ? -EOPNOTSUPP : 0;
}

static ssize_t vec_move(struct file *f, struct uptr iov, u64 count, s64 *pos, unsigned rwf, bool write)
{
	struct vec v;
	ssize_t n;

	if (!(f->mode & (write ? FMODE_WRITE : FMODE_READ)))
		return -EBADF;
	if (!(write ? f->ops->write : f->ops->read))
		return -EINVAL;
	n = vec_import(&v, iov, count);
	if (n)
		return n;
	n = v.buf.left ? check_rwf(f, rwf) : 0;
	if (!n && v.buf.left)
		n = write ? file_write(f, &v.buf, pos, rwf) : file_read(f, &v.buf, pos, rwf);
	vec_free(&v);
	return n;
}

/* At the file's position. */
static ssize_t vec_stream(int fd, struct uptr iov, u64 count, unsigned rwf, bool write)
{
	struct fd_pos p = {.ref = fd_get(fd)};
	struct file *f = p.ref.file;
	ssize_t n;

	if (!f)
		return -EBADF;
	file_pos_lock(&p);
	n = vec_move(f, iov, count, f->mode & FMODE_SEEK ? &f->pos : NULL, rwf, write);
	if (write)
		account_write(n);
	else
		account_read(n);
	file_pos_unlock(&p);
	return n;
}

static ssize_t vec_at(int fd, struct uptr iov, u64 count, s64 pos, unsigned rwf, bool write)
{
	struct fd_ref r;
	ssize_t n;

	if (pos < 0)
		return -EINVAL;
	r = fd_get(fd);
	if (!r.file)
		return -EBADF;
	n = r.file->mode & FMODE_SEEK ? vec_move(r.file, iov, count, &pos, rwf, write) : -ESPIPE;
	if (write)
		account_write(n);
	else
		account_read(n);
	fd_put(r);
	return n;
}

SYSCALL3(readv, int, fd, struct uptr, iov, u64, count)
{
	return vec_stream(fd, iov, count, 0, false);
}

SYSCALL3(writev, int, fd, struct uptr, iov, u64, count)
{
	return vec_stream(fd, iov, count, 0, true);
}

SYSCALL4(preadv, int, fd, struct uptr, iov, u64, count, s64, pos)
{
	return vec_at(fd, iov, count, pos, 0, false);
}

SYSCALL4(pwritev, int, fd, struct uptr, iov, u64, count, s64, pos)
{
	return vec_at(fd, iov, count, pos, 0, true);
}

SYSCALL6(preadv2, int, fd, struct uptr, iov, u64, count, s64, pos, u64, pos_high, unsigned, rwf)
{
	return pos == -1 ? vec_stream(fd, iov, count, rwf, false) : vec_at(fd, iov, count, pos, rwf, false);
}

SYSCALL6(pwritev2, int, fd, struct uptr, iov, u64, count, s64, pos, u64, pos_high, unsigned, rwf)
{
	return pos == -1 ? vec_stream(fd, iov, count, rwf, true) : vec_at(fd, iov, count, pos, rwf, true);
}

SYSCALL3(lseek, int, fd, s64, off, unsigned, whence)
{
	struct fd_pos p = {.ref = fd_get(fd)};
	s64 pos = -EINVAL;

	if (!p.ref.file)
		return -EBADF;
	file_pos_lock(&p);
	if (!p.ref.file->ops->lseek)
		pos = -ESPIPE;
	else if (whence <= SEEK_HOLE)
		pos = p.ref.file->ops->lseek(p.ref.file, off, (int)whence);
	file_pos_unlock(&p);
	return pos;
}
