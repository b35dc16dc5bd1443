/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The watches of epoll: their places in wait queues, in the set of their epoll and in the list of their file; and the graph of epolls that watch epolls.
 */
#include "epoll_impl.h"
#include <init/initcall.h>
#include <io/epoll.h>
#include <lib/errno.h>
#include <mm/slab.h>

#define MAX_NESTS 4

LOCK_CLASS(epoll_nest, RANK_EPOLL - 1, "which epoll instance watches which");

struct mutex epoll_nest_mutex = MUTEX_INIT(epoll_nest_mutex, epoll_nest);
static struct slab_cache *watch_cache;

/* ---- events ---- */

void epoll_wake(struct epoll *ep)
{
	wait_wake(&ep->wait, 1, EPOLLIN);
	wait_wake(&ep->poll_wait, 0, EPOLLIN | EPOLLRDNORM);
}

/* Queue @w unless it is queued or switched off (oneshot). */
static bool make_ready(struct watch *w, u32 key)
{
	irqflags_t flags = spin_lock_irqsave(&w->ep->lock);
	u32 events = w->events;
	bool fresh = (events & ~EPOLL_PRIVATE_BITS) && (key & events) && !w->queued;

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
	epoll_wake(ep);
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

/* ---- watches ---- */

static int compare(const struct watch *w, const struct file *f, int fd)
{
	if (f != w->file)
		return (u64)(unsigned long)f < (u64)(unsigned long)w->file ? -1 : 1;
	return fd < w->fd ? -1 : fd > w->fd;
}

struct watch *epoll_watch_find(struct epoll *ep, const struct file *f, int fd)
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

/* ep->mutex held, and epoll_nest_mutex if the file is an epoll. */
void epoll_watch_destroy(struct watch *w)
{
	struct epoll *ep = w->ep;
	irqflags_t flags;

	detach_queues(w); /* no callback from here on */
	flags = spin_lock_irqsave(&ep->lock);
	if (w->queued)
		list_del(&w->ready_link);
	spin_unlock_irqrestore(&ep->lock, flags);
	rb_erase(&w->node, &ep->watches);
	if (file_is_epoll(w->file))
		list_del(&w->nested_link);
	spin_lock(&w->file->lock);
	list_del(&w->file_link);
	spin_unlock(&w->file->lock);
	slab_free(watch_cache, w);
}

void epoll_file_release(struct file *f)
{
	bool nested = file_is_epoll(f);

	if (nested)
		mutex_lock(&epoll_nest_mutex);
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
			epoll_watch_destroy(mine);
		mutex_unlock(&ep->mutex);
		epoll_put(ep);
	}
	if (nested)
		mutex_unlock(&epoll_nest_mutex);
}

/* ---- nesting ---- */

/* Levels of epolls below @ep, itself included; -ELOOP: too many, or @top is among them. epoll_nest_mutex held. */
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

/* Levels of epolls above @ep, itself included. epoll_nest_mutex held: edges to epolls do not change, so no lock guards the list of watches of one. */
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

int epoll_check_nesting(struct epoll *ep, struct file *target)
{
	int below = levels_below(target->private, ep, 0);

	if (below < 0)
		return below;
	return below + levels_above(ep, 0) > MAX_NESTS + 1 ? -ELOOP : 0;
}
int epoll_watch_add(struct epoll *ep, struct file *f, int fd, const struct epoll_event *ev)
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
	if (file_is_epoll(f))
		list_add_tail(&w->nested_link, &ep->nested);
	file_mark_epolled(f);
	spin_lock(&f->lock);
	list_add_tail(&w->file_link, &f->epoll_watches);
	spin_unlock(&f->lock);
	watch_insert(ep, w);
	now = file_poll(f, &a.pt) & ev->events;
	if (a.err) {
		epoll_watch_destroy(w);
		return a.err;
	}
	if (now && make_ready(w, now))
		epoll_wake(ep);
	return 0;
}

void epoll_watch_modify(struct watch *w, const struct epoll_event *ev)
{
	irqflags_t flags = spin_lock_irqsave(&w->ep->lock);
	u32 now;

	WRITE_ONCE(w->events, ev->events);
	w->data = ev->data;
	spin_unlock_irqrestore(&w->ep->lock, flags);
	/* The callback reads events after the queue's condition changed; we ask after writing them. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	now = epoll_watch_ask(w);
	if (now && make_ready(w, now))
		epoll_wake(w->ep);
}

static int epoll_init(void)
{
	watch_cache = slab_cache_create("epoll_watch", sizeof(struct watch), 0, SLAB_PANIC);
	return 0;
}

INITCALL(epoll, "vfs", epoll_init);
