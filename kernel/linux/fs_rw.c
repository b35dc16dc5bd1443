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

enum way { READING, WRITING };

static __always_inline void account(ssize_t n, enum way way)
{
	struct task *t = task_current();

	if (n > 0)
		t->ioac[way] += (u64)n;
	t->ioac[2 + way]++;
}

/* -EBADF: not opened for it. -EINVAL: no such operation. */
static __always_inline int check_way(const struct file *f, enum way way)
{
	if (unlikely(!(f->mode & (way == WRITING ? FMODE_WRITE : FMODE_READ))))
		return -EBADF;
	return unlikely(!(way == WRITING ? (const void *)f->ops->write : (const void *)f->ops->read)) ? -EINVAL : 0;
}

static __always_inline ssize_t move(struct file *f, struct iobuf *b, s64 *pos, unsigned rwf, enum way way)
{
	return way == WRITING ? file_write(f, b, pos, rwf) : file_read(f, b, pos, rwf);
}

/* At the file's position. */
static __always_inline ssize_t rw_stream(int fd, struct uptr buf, size_t len, enum way way)
{
	struct fd_pos p = {.ref = fd_get(fd)};
	struct file *f = p.ref.file;
	struct iobuf b;
	ssize_t n;

	if (unlikely(!f))
		return -EBADF;
	file_pos_lock(&p);
	n = check_way(f, way);
	if (likely(!n))
		n = iobuf_init_user(&b, buf, len);
	if (likely(!n))
		n = move(f, &b, f->mode & FMODE_SEEK ? &f->pos : NULL, 0, way);
	account(n, way);
	file_pos_unlock(&p);
	return n;
}

static __always_inline ssize_t rw_at(int fd, struct uptr buf, size_t len, s64 pos, enum way way)
{
	struct fd_ref r;
	struct iobuf b;
	ssize_t n;

	if (pos < 0)
		return -EINVAL;
	r = fd_get(fd);
	if (!r.file)
		return -EBADF;
	n = r.file->mode & FMODE_SEEK ? check_way(r.file, way) : -ESPIPE;
	if (!n)
		n = iobuf_init_user(&b, buf, len);
	if (!n)
		n = move(r.file, &b, &pos, 0, way);
	account(n, way);
	fd_put(r);
	return n;
}

SYSCALL3(read, int, fd, struct uptr, buf, size_t, len)
{
	return rw_stream(fd, buf, len, READING);
}

SYSCALL3(write, int, fd, struct uptr, buf, size_t, len)
{
	return rw_stream(fd, buf, len, WRITING);
}

SYSCALL4(pread64, int, fd, struct uptr, buf, size_t, len, s64, pos)
{
	return rw_at(fd, buf, len, pos, READING);
}

SYSCALL4(pwrite64, int, fd, struct uptr, buf, size_t, len, s64, pos)
{
	return rw_at(fd, buf, len, pos, WRITING);
}

/* ---- vectors ---- */

static ssize_t vec_move(struct file *f, struct uptr iov, u64 count, s64 *pos, unsigned rwf, enum way way)
{
	struct vec v;
	ssize_t n;

	n = check_way(f, way);
	if (!n)
		n = vec_import(&v, iov, count);
	if (n)
		return n;
	n = v.buf.left ? file_check_rwf(f, rwf) : 0;
	if (!n && v.buf.left)
		n = move(f, &v.buf, pos, rwf, way);
	vec_free(&v);
	return n;
}

/* At the file's position. */
static ssize_t vec_stream(int fd, struct uptr iov, u64 count, unsigned rwf, enum way way)
{
	struct fd_pos p = {.ref = fd_get(fd)};
	struct file *f = p.ref.file;
	ssize_t n;

	if (!f)
		return -EBADF;
	file_pos_lock(&p);
	n = vec_move(f, iov, count, f->mode & FMODE_SEEK ? &f->pos : NULL, rwf, way);
	account(n, way);
	file_pos_unlock(&p);
	return n;
}

static ssize_t vec_at(int fd, struct uptr iov, u64 count, s64 pos, unsigned rwf, enum way way)
{
	struct fd_ref r;
	ssize_t n;

	if (pos < 0)
		return -EINVAL;
	r = fd_get(fd);
	if (!r.file)
		return -EBADF;
	n = r.file->mode & FMODE_SEEK ? vec_move(r.file, iov, count, &pos, rwf, way) : -ESPIPE;
	account(n, way);
	fd_put(r);
	return n;
}

SYSCALL3(readv, int, fd, struct uptr, iov, u64, count)
{
	return vec_stream(fd, iov, count, 0, READING);
}

SYSCALL3(writev, int, fd, struct uptr, iov, u64, count)
{
	return vec_stream(fd, iov, count, 0, WRITING);
}

SYSCALL4(preadv, int, fd, struct uptr, iov, u64, count, s64, pos)
{
	return vec_at(fd, iov, count, pos, 0, READING);
}

SYSCALL4(pwritev, int, fd, struct uptr, iov, u64, count, s64, pos)
{
	return vec_at(fd, iov, count, pos, 0, WRITING);
}

SYSCALL6(preadv2, int, fd, struct uptr, iov, u64, count, s64, pos, u64, pos_high, unsigned, rwf)
{
	return pos == -1 ? vec_stream(fd, iov, count, rwf, READING) : vec_at(fd, iov, count, pos, rwf, READING);
}

SYSCALL6(pwritev2, int, fd, struct uptr, iov, u64, count, s64, pos, u64, pos_high, unsigned, rwf)
{
	return pos == -1 ? vec_stream(fd, iov, count, rwf, WRITING) : vec_at(fd, iov, count, pos, rwf, WRITING);
}

SYSCALL3(lseek, int, fd, s64, off, unsigned, whence)
{
	struct fd_pos p = {.ref = fd_get(fd)};
	s64 pos = -EINVAL;

	if (!p.ref.file)
		return -EBADF;
	file_pos_lock(&p);
	if (whence <= SEEK_HOLE)
		pos = p.ref.file->ops->lseek ? p.ref.file->ops->lseek(p.ref.file, off, (int)whence) : -ESPIPE;
	file_pos_unlock(&p);
	return pos;
}
