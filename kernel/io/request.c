/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operations of io/request.h.
 *
 * A poll's entries stay in the file's queues until it is done. A wake-up queues the work, which asks the file; whoever sets `finished` first takes the entries
 * out and tells the result. Each run of the work has a reference, for it may be queued once more while it runs.
 */
#include <env/iobuf.h>
#include <io/poll.h>
#include <io/request.h>
#include <io/signalfd.h>
#include <lib/errno.h>
#include <vfs/file.h>
#include <linux/eventpoll.h>

static void request_put(struct io_request *r)
{
	if (__atomic_fetch_sub(&r->refs, 1, __ATOMIC_ACQ_REL) == 1)
		r->free(r);
}

/* False: somebody else has. */
static bool finish(struct io_request *r, s64 result)
{
	if (__atomic_exchange_n(&r->finished, 1, __ATOMIC_ACQ_REL))
		return false;
	for (u32 i = 0; i < r->nentries; i++)
		wait_remove(r->entries[i].queue, &r->entries[i].entry);
	file_put(r->file);
	r->file = NULL;
	r->done(r, result);
	request_put(r);
	return true;
}

void io_request_init(struct io_request *r, struct file *f)
{
	r->file = f;
	r->refs = 1;
	r->finished = r->cancelled = r->armed = 0;
	r->nentries = 0;
}

void io_request_rw(struct io_request *r, bool write, struct iobuf *b, s64 pos, unsigned rwf)
{
	struct file *f = r->file;
	s64 *at = f->mode & FMODE_SEEK ? &pos : NULL;
	ssize_t n = write ? file_write(f, b, at, rwf) : file_read(f, b, at, rwf);

	switch (n) {
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK: n = -EINTR; break; /* there is no call that could begin again */
	}
	(void)finish(r, n);
}

static void sync_work(struct work *w)
{
	struct io_request *r = container_of(w, struct io_request, work);

	(void)finish(r, r->file->ops->fsync(r->file, 0, S64_MAX, r->datasync));
}

void io_request_sync(struct io_request *r, bool datasync)
{
	r->datasync = datasync;
	work_init(&r->work, sync_work);
	(void)work_queue(&r->work);
}

/* ---- poll ---- */

/* Ask again, by a worker. Any context. */
static void ask_later(struct io_request *r)
{
	__atomic_fetch_add(&r->refs, 1, __ATOMIC_RELAXED);
	/* Not the last reference: the operation has one as long as it has entries, or who cancels knows of one. */
	if (!work_queue(&r->work))
		__atomic_fetch_sub(&r->refs, 1, __ATOMIC_RELEASE);
}

static bool entry_woken(struct wait_entry *e, u32 key)
{
	struct io_request *r = container_of(e, struct io_request_entry, entry)->request;

	if (key & r->events)
		ask_later(r);
	return false;
}

static void poll_work(struct work *w)
{
	struct io_request *r = container_of(w, struct io_request, work);
	u32 ready = 0;

	if (__atomic_load_n(&r->armed, __ATOMIC_ACQUIRE) && !__atomic_load_n(&r->finished, __ATOMIC_ACQUIRE)) {
		if (!__atomic_load_n(&r->cancelled, __ATOMIC_ACQUIRE))
			ready = file_poll(r->file, NULL) & r->events;
		if (ready || __atomic_load_n(&r->cancelled, __ATOMIC_ACQUIRE))
			(void)finish(r, ready);
	}
	request_put(r);
}

struct join {
	struct poll_table pt;
	struct io_request *request;
	bool full;
};

static void join_queue(struct poll_table *pt, struct file *f, struct wait_queue *q)
{
	struct join *j = container_of(pt, struct join, pt);
	struct io_request *r = j->request;
	struct io_request_entry *e = &r->entries[r->nentries];

	if (r->nentries == IO_REQUEST_QUEUES) {
		j->full = true;
		return;
	}
	*e = (struct io_request_entry){.entry = {.fn = entry_woken}, .queue = q, .request = r};
	r->nentries++;
	wait_add(q, &e->entry);
}

int io_request_poll(struct io_request *r, u32 events)
{
	struct join j = {.pt = {.queue = join_queue, .events = events | EPOLLERR | EPOLLHUP}, .request = r};
	struct file *f = r->file;
	u32 ready;

	if (file_is_signalfd(f))
		return -EINVAL; /* what it has to say depends on who asks */
	r->events = j.pt.events;
	work_init(&r->work, poll_work);
	/* For us, until the end: a worker may be done with it at once. */
	__atomic_fetch_add(&r->refs, 1, __ATOMIC_RELAXED);
	file_get(f);
	(void)file_poll(f, &j.pt);
	if (j.full) {
		for (u32 i = 0; i < r->nentries; i++)
			wait_remove(r->entries[i].queue, &r->entries[i].entry);
		work_flush(&r->work);
		r->refs = 1;
		file_put(f);
		return -EINVAL;
	}
	__atomic_store_n(&r->armed, 1, __ATOMIC_SEQ_CST);
	/* What came before was not answered. */
	ready = file_poll(f, NULL) & r->events;
	if (ready)
		(void)finish(r, ready);
	file_put(f);
	request_put(r);
	return 0;
}

void io_request_cancel(struct io_request *r)
{
	__atomic_store_n(&r->cancelled, 1, __ATOMIC_RELEASE);
	ask_later(r);
}
