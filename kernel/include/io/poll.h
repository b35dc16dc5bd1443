/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Readiness. A file's poll operation names the wait queues that will tell of changes, and says what is ready now.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <sync/wait.h>

struct file;

struct poll_table {
	/* Called by poll_wait for each queue. */
	void (*queue)(struct poll_table *pt, struct file *f, struct wait_queue *q);
	u32 events; /* that the caller is interested in */
};

static inline void poll_wait(struct poll_table *pt, struct file *f, struct wait_queue *q)
{
	if (pt && pt->queue)
		pt->queue(pt, f, q);
}
u32 file_poll(struct file *f, struct poll_table *pt);	/* files without a poll operation are always readable and writable */

/*
 * One thread that waits for several files: poll(2) and select(2).
 *
 *	poll_waiter_init; scan with file_poll(f, poll_waiter_table(w)); while nothing is ready: poll_waiter_sleep, scan again; poll_waiter_fini.
 *
 * Only the first scan gets a table: queues are joined once. Context: thread, no locks.
 */
#define POLL_FEW 8
struct poll_entry {
	struct wait_entry entry;
	struct wait_queue *queue;
	struct poll_waiter *waiter;
	struct file *file; /* a reference */
	u32 events;
};

struct poll_chunk {
	struct poll_chunk *next;
	u32 n;
	struct poll_entry entries[];
};

struct poll_waiter {
	struct poll_table pt;
	struct thread *thread;
	u32 woken; /* atomic */
	int err;   /* -ENOMEM: some queue could not be joined */
	u32 nfew;
	struct poll_chunk *chunks;
	struct poll_entry few[POLL_FEW];
};

void poll_waiter_init(struct poll_waiter *w);
void poll_waiter_fini(struct poll_waiter *w);
/* Something may have changed: 0; -ETIMEDOUT; -ERESTARTNOHAND: a signal. */
int poll_waiter_sleep(struct poll_waiter *w, u64 deadline, u64 slack) MUST_CHECK;
