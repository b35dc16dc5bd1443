/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * eventfd: a 64-bit counter with a descriptor. [man eventfd(2)]
 */
#include <env/iobuf.h>
#include <io/eventfd.h>
#include <io/poll.h>
#include <lib/errno.h>
#include <lib/printf.h>
#include <mm/slab.h>
#include <vfs/file.h>
#include <linux/eventfd.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/fs.h>

/* clang-format off */
LOCK_CLASS(eventfd, RANK_WAITQ - 1, "count of one eventfd");
/* clang-format on */

struct eventfd {
	u64 count;		/* lock to change */
	struct spinlock lock;
	struct wait_queue rd_wait, wr_wait;
	bool semaphore;
};

static bool nonblocking(const struct file *f, unsigned rwf)
{
	return (READ_ONCE(f->flags) & O_NONBLOCK) || (rwf & RWF_NOWAIT);
}

/* Take from the counter: false if it is 0. */
static bool take(struct eventfd *e, u64 *out)
{
	irqflags_t flags = spin_lock_irqsave(&e->lock);
	bool ok = e->count != 0;

	*out = e->semaphore ? 1 : e->count;
	if (ok)
		WRITE_ONCE(e->count, e->count - *out);
	spin_unlock_irqrestore(&e->lock, flags);
	return ok;
}

static bool give(struct eventfd *e, u64 n)
{
	irqflags_t flags = spin_lock_irqsave(&e->lock);
	bool ok = U64_MAX - e->count > n;

	if (ok)
		WRITE_ONCE(e->count, e->count + n);
	spin_unlock_irqrestore(&e->lock, flags);
	return ok;
}

static ssize_t eventfd_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	struct eventfd *e = f->private;
	u64 n;
	int err;

	if (to->left < sizeof(n))
		return -EINVAL;
	while (!take(e, &n)) {
		if (nonblocking(f, rwf))
			return -EAGAIN;
		err = wait_event_interruptible(&e->rd_wait, READ_ONCE(e->count));
		if (err)
			return err;
	}
	wait_wake(&e->wr_wait, 0, EPOLLOUT | EPOLLWRNORM);
	return iobuf_put(to, &n, sizeof(n)) == sizeof(n) ? (ssize_t)sizeof(n) : -EFAULT;
}

static ssize_t eventfd_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf)
{
	struct eventfd *e = f->private;
	u64 n;
	int err;

	if (from->left != sizeof(n))
		return -EINVAL;
	if (iobuf_get(from, &n, sizeof(n)) != sizeof(n))
		return -EFAULT;
	if (n == U64_MAX)
		return -EINVAL;
	while (!give(e, n)) {
		if (nonblocking(f, rwf))
			return -EAGAIN;
		err = wait_event_interruptible(&e->wr_wait, U64_MAX - READ_ONCE(e->count) > n);
		if (err)
			return err;
	}
	wait_wake_sync(&e->rd_wait, 1, EPOLLIN | EPOLLRDNORM);
	return sizeof(n);
}

static u32 eventfd_poll(struct file *f, struct poll_table *pt)
{
	struct eventfd *e = f->private;
	u64 count;

	poll_wait(pt, f, &e->rd_wait);
	poll_wait(pt, f, &e->wr_wait);
	count = READ_ONCE(e->count);
	return (count ? EPOLLIN : 0) | (count == U64_MAX ? EPOLLERR : 0)
		| (count < U64_MAX - 1 ? EPOLLOUT : 0);
}

static void eventfd_release(struct file *f)
{
	kfree(f->private);
}

static size_t eventfd_show_fdinfo(struct file *f, char *buf, size_t size)
{
	struct eventfd *e = f->private;

	return (size_t)scnprintf(buf, size, "eventfd-count: %16llx\neventfd-semaphore: %d\n", READ_ONCE(e->count), e->semaphore);
}

static const struct file_ops eventfd_ops = {
	.no_splice = true,
	.read = eventfd_read,
	.write = eventfd_write,
	.lseek = file_lseek_noop,
	.poll = eventfd_poll,
	.release = eventfd_release,
	.show_fdinfo = eventfd_show_fdinfo,
};

int eventfd_create_file(u32 count, int flags, struct file **out)
{
	struct eventfd *e = kzalloc(sizeof(*e), 0);
	int err;

	if (!e)
		return -ENOMEM;
	e->count = count;
	e->semaphore = flags & EFD_SEMAPHORE;
	spin_init(&e->lock, eventfd);
	wait_queue_init(&e->rd_wait);
	wait_queue_init(&e->wr_wait);
	err = file_create_anon("[eventfd]", &eventfd_ops, e, O_RDWR | (unsigned)(flags & EFD_NONBLOCK), out);
	if (err)
		kfree(e);
	return err;
}

void eventfd_signal(struct file *f, u64 n)
{
	struct eventfd *e = f->private;
	irqflags_t flags = spin_lock_irqsave(&e->lock);

	WRITE_ONCE(e->count, U64_MAX - e->count < n ? U64_MAX : e->count + n);
	spin_unlock_irqrestore(&e->lock, flags);
	wait_wake(&e->rd_wait, 1, EPOLLIN | EPOLLRDNORM | (READ_ONCE(e->count) == U64_MAX ? EPOLLERR : 0));
}

bool file_is_eventfd(const struct file *f)
{
	return f->ops == &eventfd_ops;
}
