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
