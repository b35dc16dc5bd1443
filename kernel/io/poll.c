/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asking files whether they are ready, and waiting until one of several is.
 */
#include <io/poll.h>
#include <mm/slab.h>
#include <vfs/file.h>
#include <linux/eventpoll.h>

#define CHUNK_ENTRIES ((4096 - sizeof(struct poll_chunk)) / sizeof(struct poll_entry))

u32 file_poll(struct file *f, struct poll_table *pt)
{
	return f->ops->poll ? f->ops->poll(f, pt) : EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
}

static bool entry_woken(struct wait_entry *e, u32 key)
{
	struct poll_entry *pe = container_of(e, struct poll_entry, entry);

	if (!(key & pe->events))
		return false;
	WRITE_ONCE(pe->waiter->woken, 1);
	thread_wake(pe->waiter->thread); /* full barrier before it looks at the state */
	return true;
}

static struct poll_entry *new_entry(struct poll_waiter *w)
{
	struct poll_chunk *c = w->chunks;

	if (w->nfew < POLL_FEW)
		return &w->few[w->nfew++];
	if (!c || c->n == CHUNK_ENTRIES) {
		c = kmalloc(4096, 0);
		if (!c)
			return NULL;
		c->n = 0;
		c->next = w->chunks;
		w->chunks = c;
	}
	return &c->entries[c->n++];
}

static void join_queue(struct poll_table *pt, struct file *f, struct wait_queue *q)
{
	struct poll_waiter *w = container_of(pt, struct poll_waiter, pt);
	struct poll_entry *pe = new_entry(w);

	if (!pe) {
		w->err = -ENOMEM;
		return;
	}
	*pe = (struct poll_entry){.entry = {.fn = entry_woken}, .queue = q, .waiter = w, .file = f,
		.events = pt->events | EPOLLERR | EPOLLHUP};
	file_get(f);
	wait_add(q, &pe->entry);
}

void poll_waiter_init(struct poll_waiter *w)
{
	w->pt = (struct poll_table){.queue = join_queue};
	w->thread = thread_current();
	w->woken = 0;
	w->err = 0;
	w->nfew = 0;
	w->chunks = NULL;
}

static void leave(struct poll_entry *pe)
{
	wait_remove(pe->queue, &pe->entry);
	file_put(pe->file);
}

void poll_waiter_fini(struct poll_waiter *w)
{
	struct poll_chunk *c;

	for (u32 i = 0; i < w->nfew; i++)
		leave(&w->few[i]);
	while ((c = w->chunks)) {
		w->chunks = c->next;
		for (u32 i = 0; i < c->n; i++)
			leave(&c->entries[i]);
		kfree(c);
	}
}

int poll_waiter_sleep(struct poll_waiter *w, u64 deadline, u64 slack)
{
	bool in_time = true;

	if (thread_signal_pending())
		return -ERESTARTNOHAND;
	thread_prepare_wait(THREAD_SLEEP_INTR);
	if (!READ_ONCE(w->woken)) {
		if (deadline == ~0ull)
			schedule();
		else
			in_time = schedule_deadline(deadline, slack);
	}
	thread_finish_wait();
	/* Before the next scan looks at the files. */
	__atomic_exchange_n(&w->woken, 0, __ATOMIC_SEQ_CST);
	return in_time ? 0 : -ETIMEDOUT;
}
