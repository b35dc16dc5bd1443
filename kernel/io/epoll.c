/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * epoll. [man epoll(7)]
 *
 *	watch: one (file, descriptor) of one epoll instance, with an entry on each wait queue that the file's poll names
 *	ready: the watches whose callback was called; only these are asked again by epoll_wait, so its cost is what it finds
 *
 * Locks, outermost first:
 *	nest_mutex	edges between epoll instances: added, removed and walked under it
 *	ep->mutex	the set of watches; held while ready ones are asked, so that none goes away. Nested along the edges.
 *	queue's lock	the callback runs under it, with interrupts off
 *	ep->lock	ready list and what a watch waits for; interrupts off; nothing inside
 *	file->lock	file->epoll_watches
 *
 * A watch holds no reference to its file. The file's release comes here first (epoll_file_release) and takes the watches away while the file still
 * works; ep->mutex keeps it waiting while somebody asks the file.
 *
 * A watch that is taken off the ready list to be asked may be put on it again by its callback at once: an event is either seen by the question or queues
 * again, never lost.
 */
#include <io/epoll.h>
#include <io/poll.h>
#include <init/initcall.h>
#include <lib/errno.h>
#include <lib/list.h>
#include <lib/printf.h>
#include <lib/rbtree.h>
#include <lib/refcount.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/task.h>
#include <sync/mutex.h>
#include <sync/wait.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>

/* clang-format off */
LOCK_CLASS(epoll_nest, RANK_EPOLL - 1, "which epoll instance watches which");
LOCK_CLASS(epoll, RANK_EPOLL, "watches of one epoll instance; nested along the edges");
LOCK_CLASS(epoll_ready, RANK_WAITQ + 5, "ready list of one epoll instance");
/* clang-format on */

#define MAX_NESTS	 4
#define PRIVATE_BITS	 (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)
#define EXCLUSIVE_BITS	 (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)
#define WATCH_QUEUES	 2

struct epoll {
	struct mutex mutex;
	struct spinlock lock;
	struct refcount refs;		/* the file's, and whoever waits for the mutex to take a watch away */
	struct list_head ready;		/* lock */
	struct rb_root watches;		/* mutex; by file, descriptor */
	struct wait_queue wait;		/* epoll_wait */
	struct wait_queue poll_wait;	/* the epoll descriptor is polled itself */
	struct file *file;
	struct list_head nested;	/* nest_mutex: watches of other instances */
};

struct watch_entry {
	struct wait_entry entry;
	struct wait_queue *queue;
	struct watch *watch;
	struct watch_entry *next;	/* those beyond WATCH_QUEUES */
};

struct watch {
	struct rb_node node;		/* ep->mutex */
	struct list_head ready_link;	/* ep->lock, while queued */
	bool queued;			/* ep->lock */
	u8 nentries;
	int fd;
	struct epoll *ep;
	struct file *file;
	u32 events;			/* ep->mutex to change, ep->lock or that to read */
	u64 data;
	struct list_head file_link;	/* file->lock */
	struct list_head nested_link;	/* nest_mutex, if file is an epoll */
	struct watch_entry entries[WATCH_QUEUES];
	struct watch_entry *more;
};

static struct mutex nest_mutex = MUTEX_INIT(nest_mutex, epoll_nest);
static struct slab_cache *watch_cache;
static const struct file_ops epoll_ops;

static bool is_epoll(const struct file *f)
{
	return f->ops == &epoll_ops;
}

static void ep_put(struct epoll *ep)
{
	if (refcount_dec_and_test(&ep->refs))
		kfree(ep);
}

/* ---- events ---- */

static void wake_waiters(struct epoll *ep)
{
	wait_wake(&ep->wait, 1, EPOLLIN);
	wait_wake(&ep->poll_wait, 0, EPOLLIN | EPOLLRDNORM);
}

/* Queue @w unless it is queued or switched off (oneshot). */
static bool make_ready(struct watch *w, u32 key)
{
	irqflags_t flags = spin_lock_irqsave(&w->ep->lock);
	u32 events = w->events;
	bool fresh = (events & ~PRIVATE_BITS) && (key & events) && !w->queued;

	if (fresh) {
		w->queued = true;
		list_add_tail(&w->ready_link, &w->ep->ready);
	}
	spin_unlock_irqrestore(&w->ep->lock, flags);
	return fresh;
}

/* Under the lock of the file's wait queue, interrupts off. */
static bool watch_woken(struct wait_entry *e, u32 key)
{
	struct watch *w = container_of(e, struct watch_entry, entry)->watch;
	struct epoll *ep = w->ep;
	bool waiting;

	if (!(key & READ_ONCE(w->events)))
		return false;
	(void)make_ready(w, key);
	waiting = !list_empty(&ep->wait.entries);
	wake_waiters(ep);
	return waiting;
}

static void attach_entry(struct watch *w, struct watch_entry *we, struct wait_queue *q)
{
	*we = (struct watch_entry){.entry = {.fn = watch_woken, .exclusive = w->events & EPOLLEXCLUSIVE}, .queue = q, .watch = w};
	wait_add(q, &we->entry);
}

struct attach {
	struct poll_table pt;
	struct watch *watch;
	int err;
};

static void attach_queue(struct poll_table *pt, struct file *f, struct wait_queue *q)
{
	struct attach *a = container_of(pt, struct attach, pt);
	struct watch *w = a->watch;
	struct watch_entry *we;

	if (w->nentries < WATCH_QUEUES) {
		attach_entry(w, &w->entries[w->nentries++], q);
		return;
	}
	we = kmalloc(sizeof(*we), 0);
	if (!we) {
		a->err = -ENOMEM;
		return;
	}
	attach_entry(w, we, q);
	we->next = w->more;
	w->more = we;
}

static void detach_queues(struct watch *w)
{
	struct watch_entry *we;

	for (unsigned i = 0; i < w->nentries; i++)
		wait_remove(w->entries[i].queue, &w->entries[i].entry);
	while ((we = w->more)) {
		w->more = we->next;
		wait_remove(we->queue, &we->entry);
		kfree(we);
	}
}

/* What of its events is true now. ep->mutex held. An epoll below locks its own mutex, nested. */
static u32 watch_ask(struct watch *w)
{
	struct poll_table pt = {.events = w->events};

	return file_poll(w->file, &pt) & w->events;
}

/* ---- watches ---- */

static int compare(const struct watch *w, const struct file *f, int fd)
{
	if (f != w->file)
		return (u64)(unsigned long)f < (u64)(unsigned long)w->file ? -1 : 1;
	return fd < w->fd ? -1 : fd > w->fd;
}

static struct watch *watch_find(struct epoll *ep, const struct file *f, int fd)
{
	struct rb_node *n = ep->watches.node;

	while (n) {
		struct watch *w = rb_entry(n, struct watch, node);
		int c = compare(w, f, fd);

		if (!c)
			return w;
		n = c < 0 ? n->left : n->right;
	}
	return NULL;
}

static void watch_insert(struct epoll *ep, struct watch *w)
{
	struct rb_node **link = &ep->watches.node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = compare(rb_entry(parent, struct watch, node), w->file, w->fd) < 0 ? &parent->left : &parent->right;
	}
	rb_link(&w->node, parent, link);
	rb_insert(&w->node, &ep->watches);
}

/* ep->mutex held, and nest_mutex if the file is an epoll. */
static void watch_destroy(struct watch *w)
{
	struct epoll *ep = w->ep;
	irqflags_t flags;

	detach_queues(w); /* no callback from here on */
	flags = spin_lock_irqsave(&ep->lock);
	if (w->queued)
		list_del(&w->ready_link);
	spin_unlock_irqrestore(&ep->lock, flags);
	rb_erase(&w->node, &ep->watches);
	if (is_epoll(w->file))
		list_del(&w->nested_link);
	spin_lock(&w->file->lock);
	list_del(&w->file_link);
	spin_unlock(&w->file->lock);
	slab_free(watch_cache, w);
}

void epoll_file_release(struct file *f)
{
	bool nested = is_epoll(f);

	if (nested)
		mutex_lock(&nest_mutex);
	for (;;) {
		struct watch *w, *mine = NULL;
		struct epoll *ep = NULL;

		spin_lock(&f->lock);
		w = list_first_entry_or_null(&f->epoll_watches, struct watch, file_link);
		if (w) {
			ep = w->ep;
			refcount_inc(&ep->refs);
		}
		spin_unlock(&f->lock);
		if (!w)
			break;
		mutex_lock(&ep->mutex);
		/* It may have gone meanwhile with its epoll. */
		spin_lock(&f->lock);
		list_for_each_entry(w, &f->epoll_watches, file_link) {
			if (w->ep == ep)
				mine = w;
		}
		spin_unlock(&f->lock);
		if (mine)
			watch_destroy(mine);
		mutex_unlock(&ep->mutex);
		ep_put(ep);
	}
	if (nested)
		mutex_unlock(&nest_mutex);
}

/* ---- nesting ---- */

/* Levels of epolls below @ep, itself included; -ELOOP: too many, or @top is among them. nest_mutex held. */
static int levels_below(struct epoll *ep, struct epoll *top, int depth)
{
	struct watch *w;
	int most = 0;

	if (ep == top || depth > MAX_NESTS)
		return -ELOOP;
	list_for_each_entry(w, &ep->nested, nested_link) {
		int n = levels_below(w->file->private, top, depth + 1);

		if (n < 0)
			return n;
		most = max(most, n);
	}
	return most + 1;
}

/* Levels of epolls above @ep, itself included. nest_mutex held: edges to epolls do not change, so no lock guards the list of watches of one. */
static int levels_above(struct epoll *ep, int depth)
{
	struct watch *w;
	int most = 0;

	if (depth > MAX_NESTS)
		return MAX_NESTS + 1;
	list_for_each_entry(w, &ep->file->epoll_watches, file_link)
		most = max(most, levels_above(w->ep, depth + 1));
	return most + 1;
}

static int check_nesting(struct epoll *ep, struct file *target)
{
	int below = levels_below(target->private, ep, 0);

	if (below < 0)
		return below;
	return below + levels_above(ep, 0) > MAX_NESTS + 1 ? -ELOOP : 0;
}

/* ---- epoll_ctl ---- */

static int watch_add(struct epoll *ep, struct file *f, int fd, const struct epoll_event *ev)
{
	struct watch *w = slab_alloc(watch_cache, ALLOC_ZERO);
	struct attach a = {.pt = {.queue = attach_queue, .events = ev->events}, .watch = w};
	u32 now;

	if (!w)
		return -ENOMEM;
	w->fd = fd;
	w->ep = ep;
	w->file = f;
	WRITE_ONCE(w->events, ev->events);
	w->data = ev->data;
	if (is_epoll(f))
		list_add_tail(&w->nested_link, &ep->nested);
	file_mark_epolled(f);
	spin_lock(&f->lock);
	list_add_tail(&w->file_link, &f->epoll_watches);
	spin_unlock(&f->lock);
	watch_insert(ep, w);
	now = file_poll(f, &a.pt) & ev->events;
	if (a.err) {
		watch_destroy(w);
		return a.err;
	}
	if (now && make_ready(w, now))
		wake_waiters(ep);
	return 0;
}

static void watch_modify(struct watch *w, const struct epoll_event *ev)
{
	irqflags_t flags = spin_lock_irqsave(&w->ep->lock);
	u32 now;

	WRITE_ONCE(w->events, ev->events);
	w->data = ev->data;
	spin_unlock_irqrestore(&w->ep->lock, flags);
	/* The callback reads events after the queue's condition changed; we ask after writing them. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	now = watch_ask(w);
	if (now && make_ready(w, now))
		wake_waiters(w->ep);
}

static int check_ctl(struct file *epf, struct file *f, int op, struct epoll_event *ev)
{
	if (!f->ops->poll)
		return -EPERM;
	ev->events &= ~(u32)EPOLLWAKEUP;
	if (epf == f || !is_epoll(epf))
		return -EINVAL;
	if (op != EPOLL_CTL_DEL && (ev->events & EPOLLEXCLUSIVE)) {
		if (op == EPOLL_CTL_MOD || is_epoll(f) || (ev->events & ~(u32)EXCLUSIVE_BITS))
			return -EINVAL;
	}
	return 0;
}

static int ctl_locked(struct epoll *ep, struct file *f, int fd, int op, struct epoll_event *ev)
{
	struct watch *w = watch_find(ep, f, fd);

	ev->events |= EPOLLERR | EPOLLHUP;
	switch (op) {
	case EPOLL_CTL_ADD: return w ? -EEXIST : watch_add(ep, f, fd, ev);
	case EPOLL_CTL_DEL:
		if (!w)
			return -ENOENT;
		watch_destroy(w);
		return 0;
	case EPOLL_CTL_MOD:
		if (!w)
			return -ENOENT;
		if (w->events & EPOLLEXCLUSIVE)
			return -EINVAL;
		watch_modify(w, ev);
		return 0;
	default: return -EINVAL;
	}
}

int epoll_control(struct file *epf, struct file *f, int fd, int op, struct epoll_event *ev)
{
	struct epoll *ep = epf->private;
	bool nested = is_epoll(f);
	int err = check_ctl(epf, f, op, ev);

	if (err)
		return err;
	if (nested) {
		mutex_lock(&nest_mutex);
		if (op == EPOLL_CTL_ADD)
			err = check_nesting(ep, f);
	}
	if (!err) {
		mutex_lock(&ep->mutex);
		err = ctl_locked(ep, f, fd, op, ev);
		mutex_unlock(&ep->mutex);
	}
	if (nested)
		mutex_unlock(&nest_mutex);
	return err;
}

/* ---- epoll_wait ---- */

static struct watch *take_first(struct epoll *ep, struct list_head *from)
{
	irqflags_t flags = spin_lock_irqsave(&ep->lock);
	struct watch *w = list_first_entry_or_null(from, struct watch, ready_link);

	if (w) {
		list_del(&w->ready_link);
		w->queued = false;
	}
	spin_unlock_irqrestore(&ep->lock, flags);
	return w;
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

static void splice(struct epoll *ep, struct list_head *from, struct list_head *to)
{
	irqflags_t flags = spin_lock_irqsave(&ep->lock);

	list_splice(from, to);
	list_init(from);
	spin_unlock_irqrestore(&ep->lock, flags);
}

static int send_events(struct epoll *ep, struct uptr events, int max)
{
	LIST_HEAD(batch);
	struct watch *w;
	int n = 0;

	mutex_lock(&ep->mutex);
	splice(ep, &ep->ready, &batch);
	while (n < max && (w = take_first(ep, &batch))) {
		u32 now = watch_ask(w);
		struct epoll_event ev = {.events = now, .data = w->data};

		if (!now)
			continue;
		if (copy_to_user(uptr_add(events, (u64)n * sizeof(ev)), &ev, sizeof(ev))) {
			requeue(ep, w, true);
			if (!n)
				n = -EFAULT;
			break;
		}
		n++;
		if (w->events & EPOLLONESHOT)
			WRITE_ONCE(w->events, w->events & PRIVATE_BITS);
		else if (!(w->events & EPOLLET))
			requeue(ep, w, false);
	}
	if (!list_empty(&batch))
		splice(ep, &batch, &ep->ready);
	if (!list_empty(&ep->ready))
		wake_waiters(ep);
	mutex_unlock(&ep->mutex);
	return n;
}

int epoll_wait_events(struct file *epf, struct uptr events, int max, u64 deadline)
{
	struct epoll *ep = epf->private;
	bool timed_out = deadline == 0;

	for (;;) {
		int n = 0;

		if (!list_empty(&ep->ready))
			n = send_events(ep, events, max);
		if (n || timed_out)
			return n;
		n = wait_event_state(&ep->wait, !list_empty(&ep->ready), THREAD_SLEEP_INTR, deadline, true);
		if (n == -ETIMEDOUT)
			timed_out = true;
		else if (n)
			return -EINTR;
	}
}

/* ---- the file ---- */

/* Is any watch ready? Those that are not any more leave the list. */
static u32 epoll_poll(struct file *f, struct poll_table *pt)
{
	struct epoll *ep = f->private;
	u32 mask = 0;
	struct watch *w;
	LIST_HEAD(batch);

	poll_wait(pt, f, &ep->poll_wait);
	if (list_empty(&ep->ready))
		return 0;
	mutex_lock_nested(&ep->mutex);
	splice(ep, &ep->ready, &batch);
	while ((w = take_first(ep, &batch))) {
		if (!watch_ask(w))
			continue;
		requeue(ep, w, true);
		mask = EPOLLIN | EPOLLRDNORM;
		break;
	}
	splice(ep, &batch, &ep->ready);
	mutex_unlock(&ep->mutex);
	return mask;
}

static void epoll_release(struct file *f)
{
	struct epoll *ep = f->private;
	struct rb_node *n;

	mutex_lock(&nest_mutex);
	mutex_lock(&ep->mutex);
	while ((n = rb_first(&ep->watches)))
		watch_destroy(rb_entry(n, struct watch, node));
	mutex_unlock(&ep->mutex);
	mutex_unlock(&nest_mutex);
	ep_put(ep);
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

static const struct file_ops epoll_ops = {
	.lseek = file_lseek_noop,
	.poll = epoll_poll,
	.release = epoll_release,
	.show_fdinfo = epoll_show_fdinfo,
};

bool file_is_epoll(const struct file *f)
{
	return is_epoll(f);
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

static int epoll_init(void)
{
	watch_cache = slab_cache_create("epoll_watch", sizeof(struct watch), 0, SLAB_PANIC);
	return 0;
}

INITCALL(epoll, "vfs", epoll_init);
