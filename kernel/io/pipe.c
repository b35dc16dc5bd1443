/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pipes and FIFOs: from the first open to the last close, and their size. pipe_rw.c has the bytes. [man pipe(7), fifo(7)]
 */
#include "pipe_impl.h"
#include <io/pipe.h>
#include <init/initcall.h>
#include <lib/errno.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <lib/parse.h>
#include <vfs/file.h>
#include <vfs/procfs.h>
#include <vfs/inode.h>
#include <vfs/namei.h>
#include <linux/capability.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <asm/ioctls.h>

/* clang-format off */
LOCK_CLASS(pipe, RANK_FILE_POS + 5, "one pipe: buffers, counts of its ends; below the files, for splice");
LOCK_CLASS(pipe_files, RANK_LEAF, "which inode has which pipe");
/* clang-format on */

static struct slab_cache *pipe_cache;
static struct spinlock pipe_files_lock = SPINLOCK_INIT(pipe_files);

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

static u32 max_size = 1u << 20; /* fs.pipe-max-size: for those without CAP_SYS_RESOURCE */

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
	if (nbufs > READ_ONCE(max_size) / PAGE_SIZE && !capable(CAP_SYS_RESOURCE))
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

static int get_max_size(const struct sysctl *s, struct strbuf *sb)
{
	strbuf_printf(sb, "%u\n", READ_ONCE(max_size));
	return 0;
}

static int set_max_size(const struct sysctl *s, char *text)
{
	s64 v;
	u32 size = PAGE_SIZE;

	if (strtos64(text, 0, &v) || v < 1 || v > 1ll << 31)
		return -EINVAL;
	while (size < v)
		size *= 2;
	WRITE_ONCE(max_size, size);
	return 0;
}

static const struct sysctl table[] = {
	{"fs/pipe-max-size", 0644, SYSCTL_CALL, .get = get_max_size, .set = set_max_size},
};

static int pipe_sysctl_init(void)
{
	sysctl_register(table, ARRAY_SIZE(table));
	return 0;
}

INITCALL(pipe_sysctl, "procfs", pipe_sysctl_init);

static int pipe_init(void)
{
	pipe_cache = slab_cache_create("pipe", sizeof(struct pipe), 64, SLAB_PANIC);
	vfs_set_fifo_ops(&pipe_file_ops);
	return 0;
}

INITCALL(pipe, "vfs", pipe_init);
