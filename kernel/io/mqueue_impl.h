/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Between mqueue.c and mqueue_notify.c.
 */
#include <io/mqueue.h>
#include <lib/heap.h>
#include <net/netlink.h>
#include <proc/signal.h>
#include <sync/wait.h>
#include <vfs/file.h>

struct mqueue {
	struct spinlock lock;
	u32 max, size;	    /* messages, bytes of each; constant */
	struct user *owner; /* charged with @cost */
	u64 cost;
	struct heap heap; /* lock, like all below */
	u64 sequence, bytes;
	u32 receivers; /* waiting */
	struct wait_queue rd_wait, wr_wait;
	/* who wants to hear of the next message in an empty queue */
	struct mq_notifier {
		struct pid *pid; /* a reference; NULL: nobody */
		struct netlink_cookie *cookie; /* SIGEV_THREAD */
		struct sigevent ev;
	} notifier;
	struct heap_slot slots[];
};

/* NULL: @f is no queue. */
struct mqueue *mqueue_of(const struct file *f);

/* ---- mqueue_notify.c ---- */

/* Withdraw it. Lock held; what it held is given to the caller. */
struct mq_notifier mqueue_notify_take(struct mqueue *q);
/* A message has come into an empty queue that nobody waits at. No lock. */
void mqueue_notify_send(struct mq_notifier n);
