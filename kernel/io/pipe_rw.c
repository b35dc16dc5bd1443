/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bytes of pipes: buffers, waiting, read, write and poll.
 *
 * A ring of page references. A write of up to PIPE_BUF bytes goes into one buffer, by appending to the last one or into a new one, which makes it
 * atomic. Pages that were read are kept in a small cache, so that a steady pipe allocates nothing.
 *
 * Waking: readers sleep while the ring is empty, writers while it is full, so only these changes wake; one of each, who passes the wake-up on
 * if he leaves something. The wake-up is synchronous: who fills a pipe mostly waits for the answer next.
 */
#include "pipe_impl.h"
#include <env/iobuf.h>
#include <io/poll.h>
#include <lib/errno.h>
#include <proc/task.h>
#include <vfs/file.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/fs.h>

/* ---- buffers ---- */

struct page *pipe_page_get(struct pipe *p)
{
	for (unsigned i = 0; i < PIPE_CACHE; i++) {
		struct page *page = p->cache[i];

		if (page) {
			p->cache[i] = NULL;
			return page;
		}
	}
	return page_alloc(0, ALLOC_USER);
}

void pipe_page_put(struct pipe *p, struct page *page)
{
	if (page->kind == PAGE_KERNEL && READ_ONCE(page->refs) == 1) {
		for (unsigned i = 0; i < PIPE_CACHE; i++) {
			if (!p->cache[i]) {
				p->cache[i] = page;
				return;
			}
		}
	}
	page_put(page);
}

void pipe_push(struct pipe *p, struct page *page, u32 off, u32 len, u32 flags)
{
	*pipe_at(p, p->head) = (struct pipe_buf){.page = page, .off = off, .len = len, .flags = flags};
	WRITE_ONCE(p->head, p->head + 1);
}

void pipe_pop(struct pipe *p)
{
	struct page *page = pipe_at(p, p->tail)->page;

	WRITE_ONCE(p->tail, p->tail + 1);
	pipe_page_put(p, page);
}

/* ---- waiting ---- */

static void wake(struct wait_queue *q, u32 key)
{
	wait_wake_sync(q, 1, key);
}

void pipe_wake_readers(struct pipe *p)
{
	wake(&p->rd_wait, EPOLLIN | EPOLLRDNORM);
}

void pipe_wake_writers(struct pipe *p)
{
	wake(&p->wr_wait, EPOLLOUT | EPOLLWRNORM);
}

static bool reader_ready(struct pipe *p)
{
	return !pipe_empty(p) || !READ_ONCE(p->writers);
}

static bool writer_ready(struct pipe *p)
{
	return !pipe_full(p) || !READ_ONCE(p->readers);
}

int pipe_wait_readable(struct pipe *p, bool nonblock, bool alone)
{
	int err;

	while (pipe_empty(p)) {
		if (!p->writers)
			return 0;
		if (nonblock)
			return -EAGAIN;
		mutex_unlock(&p->lock);
		err = wait_event_state(&p->rd_wait, reader_ready(p), THREAD_SLEEP_INTR, ~0ull, alone);
		mutex_lock(&p->lock);
		if (unlikely(err)) {
			/* The one wake-up may have been ours: pass it on. */
			if (reader_ready(p))
				pipe_wake_readers(p);
			return err;
		}
	}
	return 1;
}

static int broken(void)
{
	siginfo_t info;

	siginfo_user(&info, SIGPIPE);
	(void)signal_send_task(task_current(), &info);
	return -EPIPE;
}

int pipe_wait_writable(struct pipe *p, bool nonblock, bool alone)
{
	int err;

	for (;;) {
		if (unlikely(!p->readers))
			return broken();
		if (!pipe_full(p))
			return 1;
		if (nonblock)
			return -EAGAIN;
		mutex_unlock(&p->lock);
		err = wait_event_state(&p->wr_wait, writer_ready(p), THREAD_SLEEP_INTR, ~0ull, alone);
		mutex_lock(&p->lock);
		if (unlikely(err)) {
			if (writer_ready(p))
				pipe_wake_writers(p);
			return err;
		}
	}
}

static inline bool nonblocking(const struct file *f, unsigned rwf)
{
	return (READ_ONCE(f->flags) & O_NONBLOCK) || (rwf & RWF_NOWAIT);
}

/* ---- read ---- */

/* Copy buffers out until @to is full or the ring empty. Lock held. */
static ssize_t read_buffers(struct pipe *p, struct iobuf *to)
{
	ssize_t total = 0;

	while (to->left && !pipe_empty(p)) {
		struct pipe_buf *b = pipe_at(p, p->tail);
		size_t want = min_t(size_t, b->len, to->left);
		size_t n = iobuf_put(to, (char *)page_va(b->page) + b->off, want);
		bool packet = b->flags & PIPE_BUF_PACKET;

		total += (ssize_t)n;
		b->off += (u32)n;
		b->len -= (u32)n;
		if (unlikely(n < want))
			return total ? total : -EFAULT;
		if (packet || !b->len)
			pipe_pop(p);
		if (packet)
			break;
	}
	return total;
}

ssize_t pipe_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	struct pipe *p = f->private;
	bool was_full, more, slept;
	ssize_t n;

	if (unlikely(!to->left))
		return 0;
	mutex_lock(&p->lock);
	slept = pipe_empty(p);
	n = pipe_wait_readable(p, nonblocking(f, rwf), true);
	if (n <= 0) {
		mutex_unlock(&p->lock);
		fasync_send(&p->wr_async, POLL_OUT); /* as Linux: at each end of a call */
		return n;
	}
	was_full = pipe_full(p);
	n = read_buffers(p, to);
	was_full = was_full && !pipe_full(p);
	more = slept && !pipe_empty(p); /* the one wake-up was ours: pass it on */
	mutex_unlock(&p->lock);
	if (was_full || READ_ONCE(p->polled))
		pipe_wake_writers(p);
	if (more)
		pipe_wake_readers(p);
	fasync_send(&p->wr_async, POLL_OUT);
	return n;
}

/* ---- write ---- */

/* Append the part of the write that is no whole page to the last buffer, if it fits. Bytes; 0: did not; -EFAULT. Lock held. */
static ssize_t write_merge(struct pipe *p, struct iobuf *from)
{
	u32 chars = from->left & (PAGE_SIZE - 1);
	struct pipe_buf *b = pipe_at(p, p->head - 1);
	size_t n;

	if (!chars || !(b->flags & PIPE_BUF_MERGE) || b->off + b->len + chars > PAGE_SIZE)
		return 0;
	n = iobuf_get(from, (char *)page_va(b->page) + b->off + b->len, chars);
	b->len += (u32)n;
	return n ? (ssize_t)n : -EFAULT;
}

/* Fill new buffers. Bytes, or -EFAULT -ENOMEM if none. Lock held; there is room for one at least. */
static ssize_t write_buffers(struct pipe *p, struct iobuf *from, u32 flags)
{
	ssize_t total = 0;

	while (from->left && !pipe_full(p)) {
		size_t want = min_t(size_t, from->left, PAGE_SIZE), n;
		struct page *page = pipe_page_get(p);

		if (unlikely(!page))
			return total ? total : -ENOMEM;
		n = iobuf_get(from, page_va(page), want);
		if (likely(n))
			pipe_push(p, page, 0, (u32)n, flags);
		else
			pipe_page_put(p, page);
		total += (ssize_t)n;
		if (unlikely(n < want))
			return total ? total : -EFAULT;
	}
	return total;
}

ssize_t pipe_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf)
{
	struct pipe *p = f->private;
	bool was_empty, more, slept = false, wake_reader = false;
	u32 flags = READ_ONCE(f->flags) & O_DIRECT ? PIPE_BUF_PACKET : PIPE_BUF_MERGE;
	ssize_t total = 0, n = 0;

	if (unlikely(!from->left))
		return 0;
	mutex_lock(&p->lock);
	if (unlikely(!p->readers)) {
		n = broken();
		goto out;
	}
	was_empty = pipe_empty(p);
	if (!was_empty && flags == PIPE_BUF_MERGE) {
		n = write_merge(p, from);
		if (n < 0)
			goto out;
		total = n;
	}
	while (from->left) {
		if (pipe_full(p) && wake_reader) {
			mutex_unlock(&p->lock);
			pipe_wake_readers(p);
			fasync_send(&p->rd_async, POLL_IN);
			mutex_lock(&p->lock);
			wake_reader = false;
		}
		slept |= pipe_full(p);
		n = pipe_wait_writable(p, nonblocking(f, rwf), true);
		if (n < 0)
			break;
		was_empty = pipe_empty(p);
		n = write_buffers(p, from, flags);
		if (n <= 0)
			break;
		wake_reader |= was_empty;
		total += n;
	}
	wake_reader |= total && READ_ONCE(p->polled);
out:
	more = slept && !pipe_full(p);
	mutex_unlock(&p->lock);
	if (wake_reader)
		pipe_wake_readers(p);
	if (more) /* also after a fault: the others sleep on */
		pipe_wake_writers(p);
	fasync_send(&p->rd_async, POLL_IN);
	return total ? total : n;
}

/* ---- poll ---- */

static u32 events_now(const struct file *f, const struct pipe *p)
{
	u32 mask = 0;

	if (f->mode & FMODE_READ) {
		if (!pipe_empty(p))
			mask |= EPOLLIN | EPOLLRDNORM;
		/* A FIFO opened without waiting is no broken one before its first writer came. */
		if (!READ_ONCE(p->writers) && (u64)f->pos != READ_ONCE(p->writer_opens))
			mask |= EPOLLHUP;
	}
	if (f->mode & FMODE_WRITE) {
		if (!pipe_full(p))
			mask |= EPOLLOUT | EPOLLWRNORM;
		if (!READ_ONCE(p->readers))
			mask |= EPOLLERR;
	}
	return mask;
}

/* Apart, so that asking alone saves no registers. */
static NOINLINE u32 join_and_ask(struct file *f, struct pipe *p, struct poll_table *pt)
{
	if (!READ_ONCE(p->polled))
		WRITE_ONCE(p->polled, true);
	if (f->mode & FMODE_READ)
		poll_wait(pt, f, &p->rd_wait);
	if (f->mode & FMODE_WRITE)
		poll_wait(pt, f, &p->wr_wait);
	return events_now(f, p);
}

u32 pipe_poll(struct file *f, struct poll_table *pt)
{
	struct pipe *p = f->private;

	return pt && pt->queue ? join_and_ask(f, p, pt) : events_now(f, p);
}
