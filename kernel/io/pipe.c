/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pipes and FIFOs. [man pipe(7), fifo(7)]
 *
 * A ring of page references. A write of up to PIPE_BUF bytes goes into one buffer, by appending to the last one or into a new one, which makes it
 * atomic. Pages that were read are kept in a small cache, so that a steady pipe allocates nothing.
 *
 * Waking: readers sleep while the ring is empty, writers while it is full, so only these changes wake; one of each, who passes the wake-up on
 * if he leaves something. The wake-up is synchronous: who fills a pipe mostly waits for the answer next.
 */
#include "pipe_impl.h"
#include <io/pipe.h>
#include <env/iobuf.h>
#include <init/initcall.h>
#include <io/poll.h>
#include <lib/errno.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/task.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/namei.h>
#include <linux/capability.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <asm/ioctls.h>

/* clang-format off */
LOCK_CLASS(pipe, RANK_FILE_POS + 5, "one pipe: buffers, counts of its ends; below the files, for splice");
LOCK_CLASS(pipe_files, RANK_LEAF, "which inode has which pipe");
/* clang-format on */

static struct slab_cache *pipe_cache;
static struct spinlock pipe_files_lock = SPINLOCK_INIT(pipe_files);

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

int pipe_wait_readable(struct pipe *p, bool nonblock)
{
	int err;

	while (pipe_empty(p)) {
		if (!p->writers)
			return 0;
		if (nonblock)
			return -EAGAIN;
		mutex_unlock(&p->lock);
		err = wait_event_state(&p->rd_wait, reader_ready(p), THREAD_SLEEP_INTR, ~0ull, true);
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

int pipe_wait_writable(struct pipe *p, bool nonblock)
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
		err = wait_event_state(&p->wr_wait, writer_ready(p), THREAD_SLEEP_INTR, ~0ull, true);
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

static ssize_t pipe_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	struct pipe *p = f->private;
	bool was_full, more, slept;
	ssize_t n;

	if (unlikely(!to->left))
		return 0;
	mutex_lock(&p->lock);
	slept = pipe_empty(p);
	n = pipe_wait_readable(p, nonblocking(f, rwf));
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

static ssize_t pipe_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf)
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
		n = pipe_wait_writable(p, nonblocking(f, rwf));
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
	if (more && total)
		pipe_wake_writers(p);
	fasync_send(&p->rd_async, POLL_IN);
	return total ? total : n;
}

/* ---- the rest of a file ---- */

static u32 pipe_poll(struct file *f, struct poll_table *pt)
{
	struct pipe *p = f->private;
	u32 mask = 0;

	if (!READ_ONCE(p->polled))
		WRITE_ONCE(p->polled, true);
	if (f->mode & FMODE_READ)
		poll_wait(pt, f, &p->rd_wait);
	if (f->mode & FMODE_WRITE)
		poll_wait(pt, f, &p->wr_wait);
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

static s64 pipe_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct pipe *p = f->private;
	s32 n = 0;

	if (cmd != FIONREAD)
		return -ENOTTY;
	mutex_lock(&p->lock);
	for (u32 i = p->tail; i != p->head; i++)
		n += (s32)pipe_at(p, i)->len;
	mutex_unlock(&p->lock);
	return copy_to_user(uptr_make(arg), &n, sizeof(n));
}

/* Lock held. */
static int resize(struct pipe *p, u32 nbufs)
{
	struct pipe_buf *bufs = p->few;
	u32 used = pipe_used(p);

	if (nbufs < used)
		return -EBUSY;
	if (nbufs == p->nbufs)
		return 0;
	if (nbufs > PIPE_DEFAULT_BUFS || p->bufs == p->few) {
		bufs = kmalloc(nbufs * sizeof(*bufs), 0);
		if (!bufs)
			return -ENOMEM;
	}
	for (u32 i = 0; i < used; i++)
		bufs[i] = *pipe_at(p, p->tail + i);
	if (p->bufs != p->few)
		kfree(p->bufs);
	p->bufs = bufs;
	p->nbufs = nbufs;
	WRITE_ONCE(p->tail, 0);
	WRITE_ONCE(p->head, used);
	return 0;
}

static s64 pipe_fcntl(struct file *f, unsigned cmd, u64 arg)
{
	struct pipe *p = f->private;
	u32 nbufs = 1;
	int err;

	if (cmd == F_GETPIPE_SZ)
		return READ_ONCE(p->nbufs) * (s64)PAGE_SIZE;
	if (cmd != F_SETPIPE_SZ)
		return -EINVAL;
	arg = (u32)arg;
	if (arg > (1u << 31))
		return -EINVAL;
	while ((u64)nbufs * PAGE_SIZE < arg)
		nbufs *= 2;
	if (nbufs > PIPE_MAX_SIZE / PAGE_SIZE && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	mutex_lock(&p->lock);
	err = resize(p, nbufs);
	mutex_unlock(&p->lock);
	if (!err)
		wait_wake(&p->wr_wait, 0, EPOLLOUT | EPOLLWRNORM);
	return err ? err : (s64)nbufs * (s64)PAGE_SIZE;
}

/* ---- life ---- */

static struct pipe *pipe_create(void)
{
	struct pipe *p = slab_alloc(pipe_cache, 0);

	if (!p)
		return NULL;
	*p = (struct pipe){.nbufs = PIPE_DEFAULT_BUFS};
	mutex_init(&p->lock, pipe);
	wait_queue_init(&p->rd_wait);
	wait_queue_init(&p->wr_wait);
	fasync_list_init(&p->rd_async);
	fasync_list_init(&p->wr_async);
	p->bufs = p->few;
	return p;
}

static void pipe_free(struct pipe *p)
{
	for (u32 i = p->tail; i != p->head; i++)
		page_put(pipe_at(p, i)->page);
	for (unsigned i = 0; i < PIPE_CACHE; i++) {
		if (p->cache[i])
			page_put(p->cache[i]);
	}
	if (p->bufs != p->few)
		kfree(p->bufs);
	slab_free(pipe_cache, p);
}

static void pipe_unuse(struct inode *inode, struct pipe *p)
{
	bool last;

	spin_lock(&pipe_files_lock);
	last = !--p->files;
	if (last)
		inode->pipe = NULL;
	spin_unlock(&pipe_files_lock);
	if (last)
		pipe_free(p);
}

/* Nobody reads or nobody writes any more, or somebody does again: all must look. */
static void wake_everybody(struct pipe *p)
{
	wait_wake(&p->rd_wait, 0, EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM | EPOLLERR | EPOLLHUP);
	wait_wake(&p->wr_wait, 0, EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM | EPOLLERR | EPOLLHUP);
	fasync_send(&p->rd_async, POLL_IN);
	fasync_send(&p->wr_async, POLL_OUT);
}

static int pipe_fasync(struct file *f, int fd, bool on)
{
	struct pipe *p = f->private;
	int err = f->mode & FMODE_READ ? fasync_set(&p->rd_async, f, fd, on) : 0;

	if (!err && (f->mode & FMODE_WRITE)) {
		err = fasync_set(&p->wr_async, f, fd, on);
		if (err && (f->mode & FMODE_READ))
			fasync_set(&p->rd_async, f, fd, false);
	}
	return err;
}

static void leave(struct pipe *p, u32 mode)
{
	bool gone;

	mutex_lock(&p->lock);
	if (mode & FMODE_READ)
		p->readers--;
	if (mode & FMODE_WRITE)
		p->writers--;
	gone = !p->readers != !p->writers;
	mutex_unlock(&p->lock);
	if (gone)
		wake_everybody(p);
}

static void pipe_release(struct file *f)
{
	struct pipe *p = f->private;

	leave(p, f->mode);
	pipe_unuse(f->inode, p);
}

/* The pipe of @inode with one more file, made if there is none; NULL: -ENOMEM. */
static struct pipe *pipe_use(struct inode *inode)
{
	struct pipe *fresh = NULL, *p;

	for (;;) {
		spin_lock(&pipe_files_lock);
		p = inode->pipe;
		if (!p && fresh) {
			p = inode->pipe = fresh;
			fresh = NULL;
		}
		if (p)
			p->files++;
		spin_unlock(&pipe_files_lock);
		if (p)
			break;
		fresh = pipe_create();
		if (!fresh)
			return NULL;
	}
	if (fresh)
		pipe_free(fresh);
	return p;
}

/* Wait until somebody opened the other end (*@opens changed from @seen). */
static int wait_partner(struct pipe *p, struct wait_queue *q, u32 *opens, u32 seen)
{
	int err;

	mutex_unlock(&p->lock);
	err = wait_event_interruptible(q, READ_ONCE(*opens) != seen);
	mutex_lock(&p->lock);
	return err;
}

/* Lock held. */
static int join(struct pipe *p, struct file *f, bool fifo)
{
	bool nonblock = f->flags & O_NONBLOCK;
	int err = 0;

	if (f->mode & FMODE_READ) {
		p->readers++;
		WRITE_ONCE(p->reader_opens, p->reader_opens + 1);
	}
	if (f->mode & FMODE_WRITE) {
		p->writers++;
		WRITE_ONCE(p->writer_opens, p->writer_opens + 1);
	}
	wake_everybody(p);
	if (!fifo || (f->mode & (FMODE_READ | FMODE_WRITE)) == (FMODE_READ | FMODE_WRITE))
		return 0;
	if ((f->mode & FMODE_READ) && !p->writers) {
		if (nonblock)
			f->pos = p->writer_opens;
		else
			err = wait_partner(p, &p->rd_wait, &p->writer_opens, p->writer_opens);
	} else if ((f->mode & FMODE_WRITE) && !p->readers) {
		err = wait_partner(p, &p->wr_wait, &p->reader_opens, p->reader_opens);
	}
	return err;
}

static int pipe_open(struct inode *inode, struct file *f)
{
	bool fifo = !(inode->flags & INODE_ANON);
	struct pipe *p = pipe_use(inode);
	int err;

	if (!p)
		return -ENOMEM;
	f->private = p;
	mutex_lock(&p->lock);
	if (fifo && (f->flags & O_NONBLOCK) && (f->mode & (FMODE_READ | FMODE_WRITE)) == FMODE_WRITE && !p->readers) {
		mutex_unlock(&p->lock);
		pipe_unuse(inode, p);
		return -ENXIO;
	}
	err = join(p, f, fifo);
	mutex_unlock(&p->lock);
	if (err) {
		leave(p, f->mode);
		pipe_unuse(inode, p);
		return err;
	}
	f->mode |= FMODE_NOWAIT;
	return 0;
}

static int pipe_setfl(struct file *f, unsigned flags)
{
	return 0; /* O_DIRECT means packets */
}

const struct file_ops pipe_file_ops = {
	.open = pipe_open,
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.fasync = pipe_fasync,
	.ioctl = pipe_ioctl,
	.fcntl = pipe_fcntl,
	.setfl = pipe_setfl,
	.release = pipe_release,
};

struct pipe *file_pipe(struct file *f)
{
	return f->ops == &pipe_file_ops ? f->private : NULL;
}

int pipe_create_files(unsigned o_flags, struct file **out_read, struct file **out_write)
{
	struct inode *inode;
	struct pipe *p = pipe_create();
	int err;

	if (!p)
		return -ENOMEM;
	err = inode_create_anon("pipe", S_IFIFO | 0600, &inode);
	if (err) {
		pipe_free(p);
		return err;
	}
	p->files = 2;
	p->readers = p->writers = p->reader_opens = p->writer_opens = 1;
	err = file_create_inode(inode, "pipe", &pipe_file_ops, p, O_RDONLY | (o_flags & O_NONBLOCK), out_read);
	if (err) {
		pipe_free(p);
		goto out;
	}
	inode->pipe = p;
	err = file_create_inode(inode, "pipe", &pipe_file_ops, p, O_WRONLY | (o_flags & (O_NONBLOCK | O_DIRECT)), out_write);
	if (err) {
		p->files = 1;
		p->writers = 0;
		file_put_sync(*out_read);
	}
out:
	inode_put(inode);
	return err;
}

static int pipe_init(void)
{
	pipe_cache = slab_cache_create("pipe", sizeof(struct pipe), 64, SLAB_PANIC);
	vfs_set_fifo_ops(&pipe_file_ops);
	return 0;
}

INITCALL(pipe, "vfs", pipe_init);
