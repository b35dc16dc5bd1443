/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * splice, tee and vmsplice: bytes between a pipe and something else without a buffer in user space. [man splice(2), tee(2), vmsplice(2)]
 *
 *	pipe ─► pipe	buffers move by reference; tee shares them
 *	pipe ─► file	written from the pipe's pages
 *	file ─► pipe	references to pages of the page cache, else read into pages that become the pipe's
 *
 * As with read and write of the pipe itself, its lock is held while the file works: nobody else sees the bytes before they have gone.
 */
#include "pipe_impl.h"
#include <env/iobuf.h>
#include <io/splice.h>
#include <lib/errno.h>
#include <mm/uaccess.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/rw.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>

static bool nonblocking(struct file *pipe, unsigned flags)
{
	return (flags & SPLICE_NONBLOCK) || (READ_ONCE(pipe->flags) & O_NONBLOCK);
}

/* ---- pipe and file ---- */

/* Write one buffer. Lock held, not empty. */
static ssize_t write_one(struct pipe *p, struct file *out, s64 *pos, size_t len)
{
	struct pipe_buf *b = pipe_at(p, p->tail);
	struct iobuf from;
	ssize_t n;

	iobuf_init_kernel(&from, (char *)page_va(b->page) + b->off, min_t(size_t, b->len, len));
	n = file_write(out, &from, pos, 0);
	if (n <= 0)
		return n;
	b->off += (u32)n;
	b->len -= (u32)n;
	if (!b->len)
		pipe_pop(p);
	return n;
}

ssize_t splice_from_pipe(struct file *in, struct file *out, s64 *pos, size_t len, unsigned flags)
{
	struct pipe *p = file_pipe(in);
	ssize_t total = 0, n = 0;

	mutex_lock(&p->lock);
	while (len) {
		/* What is there goes; only for the first byte it waits. */
		n = total && pipe_empty(p) ? 0 : pipe_wait_readable(p, nonblocking(in, flags), false);
		if (n > 0)
			n = write_one(p, out, pos, len);
		if (n <= 0)
			break;
		total += n;
		len -= (size_t)n;
	}
	mutex_unlock(&p->lock);
	if (total) {
		pipe_wake_writers(p);
		fasync_send(&p->wr_async, POLL_OUT);
	}
	return total ? total : n;
}

/* Read into one new buffer. Lock held, not full. */
static ssize_t read_one(struct pipe *p, struct file *in, s64 *pos, size_t len, unsigned rwf)
{
	struct page *page = pipe_page_get(p);
	struct iobuf to;
	ssize_t n;

	if (!page)
		return -ENOMEM;
	iobuf_init_kernel(&to, page_va(page), min_t(size_t, len, PAGE_SIZE));
	n = file_read(in, &to, pos, rwf);
	if (n > 0)
		pipe_push(p, page, 0, (u32)n, PIPE_BUF_MERGE);
	else
		pipe_page_put(p, page);
	return n;
}

/* Pages of the file's cache. Bytes; -EOPNOTSUPP: it has none here. Lock held, not full. */
static ssize_t refer(struct pipe *p, struct file *in, s64 *pos, size_t len)
{
	struct iobuf_seg segs[PIPE_DEFAULT_BUFS];
	u32 n = min_t(u32, p->nbufs - pipe_used(p), ARRAY_SIZE(segs));
	ssize_t got = file_hold_pages(in, *pos, len, segs, &n);

	for (u32 i = 0; i < n; i++)
		pipe_push(p, segs[i].page, segs[i].page_off, (u32)segs[i].len, 0);
	if (got > 0)
		*pos += got;
	return got;
}

ssize_t splice_to_pipe(struct file *in, s64 *pos, struct file *out, size_t len, unsigned flags)
{
	struct pipe *p = file_pipe(out);
	/* Of the files that wait only sockets hear of the flag, as on Linux. */
	unsigned rwf = (flags & SPLICE_NONBLOCK) && inode_is(in->inode, S_IFSOCK) ? RWF_NOWAIT : 0;
	ssize_t total = 0, n;

	mutex_lock(&p->lock);
	n = pipe_wait_writable(p, nonblocking(out, flags), false);
	while (n > 0 && len && !pipe_full(p)) {
		size_t want = 0;

		n = pos ? refer(p, in, pos, len) : -EOPNOTSUPP;
		if (n == -EOPNOTSUPP) {
			want = min_t(size_t, len, PAGE_SIZE);
			n = read_one(p, in, pos, want, rwf);
		}
		if (n <= 0)
			break;
		total += n;
		len -= (size_t)n;
		if ((size_t)n < want)
			break; /* more might mean to wait */
	}
	mutex_unlock(&p->lock);
	if (total) {
		pipe_wake_readers(p);
		fasync_send(&p->rd_async, POLL_IN);
	}
	return total ? total : n;
}

/* ---- pipe and pipe ---- */

static void lock_both(struct pipe *a, struct pipe *b)
{
	mutex_lock(a < b ? &a->lock : &b->lock);
	mutex_lock_nested(a < b ? &b->lock : &a->lock);
}

static void unlock_both(struct pipe *a, struct pipe *b)
{
	mutex_unlock(&a->lock);
	mutex_unlock(&b->lock);
}

/* Wait, one after the other, until there is something to move and room for it. Both locked on return if 1; none is otherwise. */
static int lock_ready(struct pipe *in, struct pipe *out, bool nonblock)
{
	int ret;

	for (;;) {
		mutex_lock(&in->lock);
		ret = pipe_wait_readable(in, nonblock, false);
		mutex_unlock(&in->lock);
		if (ret <= 0)
			return ret;
		mutex_lock(&out->lock);
		ret = pipe_wait_writable(out, nonblock, false);
		mutex_unlock(&out->lock);
		if (ret <= 0)
			return ret;
		lock_both(in, out);
		if (!pipe_empty(in) && !pipe_full(out) && out->readers)
			return 1;
		unlock_both(in, out);
	}
}

/* Both locked. A part of a buffer, or one that stays in both pipes, must not be appended to. */
static size_t pass_one(struct pipe *in, u32 at, struct pipe *out, size_t len, bool move)
{
	struct pipe_buf *b = pipe_at(in, at);
	u32 n = (u32)min_t(size_t, b->len, len);

	if (move && n == b->len) {
		pipe_push(out, b->page, b->off, n, b->flags);
		WRITE_ONCE(in->tail, in->tail + 1);
		return n;
	}
	page_get(b->page);
	b->flags &= ~(u32)PIPE_BUF_MERGE;
	pipe_push(out, b->page, b->off, n, b->flags & PIPE_BUF_PACKET);
	if (move) {
		b->off += n;
		b->len -= n;
	}
	return n;
}

ssize_t splice_between_pipes(struct file *in, struct file *out, size_t len, unsigned flags, bool move)
{
	struct pipe *from = file_pipe(in), *to = file_pipe(out);
	bool nonblock = nonblocking(in, flags) || nonblocking(out, flags);
	ssize_t total = 0;
	u32 at;
	int ret;

	if (from == to)
		return -EINVAL;
	ret = lock_ready(from, to, nonblock);
	if (ret <= 0)
		return ret;
	at = from->tail;
	while (len && at != from->head && !pipe_full(to)) {
		size_t n = pass_one(from, at, to, len, move);

		at = move ? from->tail : at + 1;
		total += (ssize_t)n;
		len -= n;
	}
	unlock_both(from, to);
	pipe_wake_readers(to);
	fasync_send(&to->rd_async, POLL_IN);
	if (move) {
		pipe_wake_writers(from);
		fasync_send(&from->wr_async, POLL_OUT);
	}
	return total;
}

bool file_is_pipe(struct file *f)
{
	return file_pipe(f);
}
