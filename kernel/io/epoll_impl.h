/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * epoll. [man epoll(7)]
 *
 *	watch: one (file, descriptor) of one epoll instance, with an entry on each wait queue that the file's poll names
 *	ready: the watches whose callback was called; only these are asked again by epoll_wait, so its cost is what it finds
 *
 * Locks, outermost first:
 *	nest mutex	edges between epoll instances: added, removed and walked under it
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
 * A level-triggered watch that was true when it was asked need not be taken off for that: it is asked again the next time in any case.
 */
#include <io/poll.h>
#include <lib/list.h>
#include <lib/rbtree.h>
#include <lib/refcount.h>
#include <sync/mutex.h>
#include <sync/wait.h>
#include <vfs/file.h>
#include <linux/eventpoll.h>

/* Of a watch's events: how, not what. */
#define EPOLL_PRIVATE_BITS (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)
#define WATCH_QUEUES	   2

struct epoll {
	struct mutex mutex;
	struct spinlock lock;
	struct refcount refs;		/* the file's, and whoever waits for the mutex to take a watch away */
	struct list_head ready;		/* lock */
	struct rb_root watches;		/* mutex; by file, descriptor */
	struct wait_queue wait;		/* epoll_wait */
	struct wait_queue poll_wait;	/* the epoll descriptor is polled itself */
	struct file *file;
	struct list_head nested;	/* epoll_nest_mutex: watches of other instances */
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
	struct list_head nested_link;	/* epoll_nest_mutex, if file is an epoll */
	struct watch_entry entries[WATCH_QUEUES];
	struct watch_entry *more;
};

/* epoll.c */
void epoll_put(struct epoll *ep);

/* epoll_watch.c: all but epoll_wake with ep->mutex held, and epoll_nest_mutex if the file is an epoll. */
extern struct mutex epoll_nest_mutex;
void epoll_wake(struct epoll *ep);
struct watch *epoll_watch_find(struct epoll *ep, const struct file *f, int fd);
int epoll_watch_add(struct epoll *ep, struct file *f, int fd, const struct epoll_event *ev) MUST_CHECK; /* -ENOMEM */
void epoll_watch_modify(struct watch *w, const struct epoll_event *ev);
void epoll_watch_destroy(struct watch *w);
int epoll_check_nesting(struct epoll *ep, struct file *target) MUST_CHECK; /* may @ep watch the epoll @target? -ELOOP; only epoll_nest_mutex held */

/* What of its events is true now. ep->mutex held. An epoll below locks its own mutex, nested. */
static inline u32 epoll_watch_ask(struct watch *w)
{
	struct poll_table pt = {.events = w->events};

	return file_poll(w->file, &pt) & w->events;
}
