/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * epoll: its three system calls and its file. epoll_impl.h tells how it works. [man epoll(7)]
 */
#include "epoll_impl.h"
#include <io/epoll.h>
#include <lib/errno.h>
#include <lib/printf.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/task.h>
#include <vfs/inode.h>
#include <linux/fcntl.h>

/* clang-format off */
LOCK_CLASS(epoll, RANK_EPOLL, "watches of one epoll instance; nested along the edges");
LOCK_CLASS(epoll_ready, RANK_WAITQ + 5, "ready list of one epoll instance");
/* clang-format on */

#define EXCLUSIVE_BITS (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

static const struct file_ops epoll_ops;

void epoll_put(struct epoll *ep)
{
	if (refcount_dec_and_test(&ep->refs))
		kfree(ep);
}

/* ---- epoll_ctl ---- */

static int check_ctl(struct file *epf, struct file *f, int op, struct epoll_event *ev)
{
	if (!f->ops->poll)
		return -EPERM;
	ev->events &= ~(u32)EPOLLWAKEUP;
	if (epf == f || !file_is_epoll(epf))
		return -EINVAL;
	if (op != EPOLL_CTL_DEL && (ev->events & EPOLLEXCLUSIVE)) {
		if (op == EPOLL_CTL_MOD || file_is_epoll(f) || (ev->events & ~(u32)EXCLUSIVE_BITS))
			return -EINVAL;
	}
	return 0;
}

static int ctl_locked(struct epoll *ep, struct file *f, int fd, int op, struct epoll_event *ev)
{
	struct watch *w = epoll_watch_find(ep, f, fd);

	ev->events |= EPOLLERR | EPOLLHUP;
	switch (op) {
	case EPOLL_CTL_ADD: return w ? -EEXIST : epoll_watch_add(ep, f, fd, ev);
	case EPOLL_CTL_DEL:
		if (!w)
			return -ENOENT;
		epoll_watch_destroy(w);
		return 0;
	case EPOLL_CTL_MOD:
		if (!w)
			return -ENOENT;
		if (w->events & EPOLLEXCLUSIVE)
			return -EINVAL;
		epoll_watch_modify(w, ev);
		return 0;
	default: return -EINVAL;
	}
}

int epoll_control(struct file *epf, struct file *f, int fd, int op, struct epoll_event *ev)
{
	struct epoll *ep = epf->private;
	bool nested = file_is_epoll(f);
	int err = check_ctl(epf, f, op, ev);

	if (err)
		return err;
	if (nested) {
		mutex_lock(&epoll_nest_mutex);
		if (op == EPOLL_CTL_ADD)
			err = epoll_check_nesting(ep, f);
	}
	if (!err) {
		mutex_lock(&ep->mutex);
		err = ctl_locked(ep, f, fd, op, ev);
		mutex_unlock(&ep->mutex);
	}
	if (nested)
		mutex_unlock(&epoll_nest_mutex);
	return err;
}

/* ---- epoll_wait ---- */

static void unqueue(struct epoll *ep, struct watch *w)
{
	irqflags_t flags = spin_lock_irqsave(&ep->lock);

	list_del(&w->ready_link);
	w->queued = false;
	spin_unlock_irqrestore(&ep->lock, flags);
}

/* Back on the list: it has not been told, or is level-triggered and must be asked again next time. */
static void requeue(struct epoll *ep, struct watch *w, bool first)
{
	irqflags_t flags = spin_lock_irqsave(&ep->lock);

	if (!w->queued) {
		w->queued = true;
		if (first)
			list_add(&w->ready_link, &ep->ready);
		else
			list_add_tail(&w->ready_link, &ep->ready);
	}
	spin_unlock_irqrestore(&ep->lock, flags);
}

static void take_ready(struct epoll *ep, struct list_head *batch)
{
	irqflags_t flags = spin_lock_irqsave(&ep->lock);

	list_splice(&ep->ready, batch);
	spin_unlock_irqrestore(&ep->lock, flags);
}

/* Who has not been asked comes first the next time, who has been told last. */
static void give_back(struct epoll *ep, struct list_head *batch, struct list_head *told)
{
	irqflags_t flags;

	if (list_empty(batch) && list_empty(told))
		return;
	flags = spin_lock_irqsave(&ep->lock);
	list_splice(batch, &ep->ready);
	list_splice_tail(told, &ep->ready);
	spin_unlock_irqrestore(&ep->lock, flags);
}

static int MUST_CHECK send_event(struct uptr to, u32 events, u64 data)
{
	int err = user_store32(uptr_field(to, struct epoll_event, events), events);

	return err ? err : user_store64(uptr_field(to, struct epoll_event, data), data);
}

/*
 * What is true of @w, which is on a list that is the caller's alone (ep->mutex); it leaves the list unless *@out_kept. A level-triggered watch stays queued
 * while something is true: an event that comes meanwhile has nothing to add. Others are asked when they are off: see epoll_impl.h.
 */
static u32 ask_taken(struct epoll *ep, struct watch *w, bool *out_kept)
{
	u32 now = w->events & (EPOLLET | EPOLLONESHOT) ? 0 : epoll_watch_ask(w);

	*out_kept = now;
	if (now)
		return now;
	unqueue(ep, w);
	return epoll_watch_ask(w);
}

static int send_events(struct epoll *ep, struct uptr events, int max)
{
	LIST_HEAD(batch);
	LIST_HEAD(told);
	int n = 0;

	mutex_lock(&ep->mutex);
	take_ready(ep, &batch);
	while (n < max && !list_empty(&batch)) {
		struct watch *w = list_first_entry(&batch, struct watch, ready_link);
		bool kept;
		u32 now = ask_taken(ep, w, &kept);

		if (!now)
			continue;
		if (send_event(uptr_add(events, (u64)n * sizeof(struct epoll_event)), now, w->data)) {
			if (!kept)
				requeue(ep, w, true);
			if (!n)
				n = -EFAULT;
			break;
		}
		n++;
		if (kept)
			list_move_tail(&w->ready_link, &told);
		else if (w->events & EPOLLONESHOT)
			WRITE_ONCE(w->events, w->events & EPOLL_PRIVATE_BITS);
		else if (!(w->events & EPOLLET))
			requeue(ep, w, false);
	}
	give_back(ep, &batch, &told);
	if (!list_empty(&ep->ready))
		epoll_wake(ep);
	mutex_unlock(&ep->mutex);
	return n;
}

int epoll_wait_events(struct file *epf, struct uptr events, int max, u64 deadline)
{
	struct epoll *ep = epf->private;
	bool timed_out = deadline == 0;
	int err = 0;

	for (;;) {
		int n = 0;

		if (!list_empty(&ep->ready))
			n = send_events(ep, events, max);
		if (n || timed_out)
			return n;
		if (err)
			return -EINTR;
		/* Who is woken and interrupted at once looks again: the wake-up was for him alone. */
		err = wait_event_state(&ep->wait, !list_empty(&ep->ready), THREAD_SLEEP_INTR, deadline, true);
		timed_out = err == -ETIMEDOUT;
	}
}

/* ---- the file ---- */

/* Is any watch ready? Those that are not any more leave the list. */
static u32 epoll_poll(struct file *f, struct poll_table *pt)
{
	struct epoll *ep = f->private;
	LIST_HEAD(batch);
	LIST_HEAD(none);
	u32 mask = 0;

	poll_wait(pt, f, &ep->poll_wait);
	if (list_empty(&ep->ready))
		return 0;
	mutex_lock_nested(&ep->mutex);
	take_ready(ep, &batch);
	while (!mask && !list_empty(&batch)) {
		struct watch *w = list_first_entry(&batch, struct watch, ready_link);
		bool kept;

		if (!ask_taken(ep, w, &kept))
			continue;
		if (!kept)
			requeue(ep, w, true);
		mask = EPOLLIN | EPOLLRDNORM;
	}
	give_back(ep, &batch, &none);
	mutex_unlock(&ep->mutex);
	return mask;
}

static void epoll_release(struct file *f)
{
	struct epoll *ep = f->private;
	struct rb_node *n;

	mutex_lock(&epoll_nest_mutex);
	mutex_lock(&ep->mutex);
	while ((n = rb_first(&ep->watches)))
		epoll_watch_destroy(rb_entry(n, struct watch, node));
	mutex_unlock(&ep->mutex);
	mutex_unlock(&epoll_nest_mutex);
	epoll_put(ep);
}

static size_t epoll_show_fdinfo(struct file *f, char *buf, size_t size)
{
	struct epoll *ep = f->private;
	struct watch *w;
	size_t n = 0;

	mutex_lock(&ep->mutex);
	rb_for_each_entry(w, &ep->watches, node) {
		n += (size_t)scnprintf(buf + n, size - n, "tfd: %8d events: %8x data: %16llx  pos:%lld ino:%llx sdev:%x\n", w->fd,
			w->events, w->data, w->file->pos, w->file->inode->ino, w->file->inode->super->dev);
	}
	mutex_unlock(&ep->mutex);
	return n;
}

/* Of its own it would have the settings of busy polling, which no device here knows. */
static s64 epoll_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	return -EINVAL;
}

static const struct file_ops epoll_ops = {
	.ioctl = epoll_ioctl,
	.lseek = file_lseek_noop,
	.poll = epoll_poll,
	.release = epoll_release,
	.show_fdinfo = epoll_show_fdinfo,
};

bool file_is_epoll(const struct file *f)
{
	return f->ops == &epoll_ops;
}

int epoll_target(struct file *epf, int fd, u32 nr, const struct file **out)
{
	struct epoll *ep = epf->private;
	struct watch *w;
	int err = -ENOENT;

	if (!file_is_epoll(epf))
		return -EINVAL;
	mutex_lock(&ep->mutex);
	rb_for_each_entry(w, &ep->watches, node) {
		if (w->fd == fd && !nr--) {
			*out = w->file;
			err = 0;
			break;
		}
	}
	mutex_unlock(&ep->mutex);
	return err;
}

int epoll_create_file(struct file **out)
{
	struct epoll *ep = kzalloc(sizeof(*ep), 0);
	int err;

	if (!ep)
		return -ENOMEM;
	mutex_init(&ep->mutex, epoll);
	spin_init(&ep->lock, epoll_ready);
	refcount_set(&ep->refs, 1);
	list_init(&ep->ready);
	list_init(&ep->nested);
	wait_queue_init(&ep->wait);
	wait_queue_init(&ep->poll_wait);
	err = file_create_anon("[eventpoll]", &epoll_ops, ep, O_RDWR, &ep->file);
	if (err) {
		kfree(ep);
		return err;
	}
	*out = ep->file;
	return 0;
}
