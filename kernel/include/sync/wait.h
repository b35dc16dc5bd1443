/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Wait queues: threads waiting for a condition, and watchers (poll, epoll) told of it by callback.
 *
 * An entry's fn is called under the queue's lock, interrupts off; it returns true if it consumed an exclusive wake-up. `key` carries poll bits (EPOLLIN...).
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <lib/list.h>
#include <sync/spinlock.h>
#include <sched/thread.h>

struct wait_queue {
	struct spinlock lock;
	struct list_head entries;
};

struct wait_entry {
	struct list_head link;
	bool (*fn)(struct wait_entry *e, u32 key);
	struct thread *thread;
	bool exclusive;
	bool queued; /* queue's lock */
};

void wait_queue_init(struct wait_queue *q);
void wait_add(struct wait_queue *q, struct wait_entry *e);	/* exclusive entries go behind the others */
void wait_remove(struct wait_queue *q, struct wait_entry *e);	/* nothing if it is not queued */
/*
 * The queue goes before its watchers (signalfd's, with the process): let all entries go. Its memory must be freed after an RCU grace period only,
 * for those who are about to wait_remove.
 */
void wait_queue_drain(struct wait_queue *q);
/* Wake all non-exclusive and up to @nr_exclusive exclusive entries (0: all). A queue that is empty costs one load; the caller's store of the
 * condition is ordered before that load here. Any context. */
void wait_wake(struct wait_queue *q, int nr_exclusive, u32 key);
void wait_wake_sync(struct wait_queue *q, int nr_exclusive, u32 key);
static inline void wait_wake_all(struct wait_queue *q)
{
	wait_wake(q, 0, ~0u);
}
bool wait_queue_active(struct wait_queue *q); /* full barrier, then: is anybody there */

/* fn for entries that simply wake their thread and leave the queue. */
bool wait_fn_thread(struct wait_entry *e, u32 key);
/* A signal is pending for the running thread (implemented by the personality through thread->user_work). */
bool thread_signal_pending(void);
bool thread_kill_pending(void);

/*
 * wait_event_state(q, cond, state, deadline): sleep until cond. 0; -ERESTARTSYS when a signal (state INTR) or fatal signal (KILL) came;
 * -ETIMEDOUT when CLOCK_MONOTONIC passed deadline (~0: never).
 */
#define wait_event_state(q_, cond_, state_, deadline_, exclusive_)                                 \
	({                                                                                         \
		int wret_ = 0;                                                                     \
		if (!(cond_)) {                                                                    \
			struct wait_entry we_ = {.fn = wait_fn_thread,                             \
				.thread = thread_current(), .exclusive = (exclusive_)};            \
			for (;;) {                                                                 \
				wait_prepare(q_, &we_, state_);                                    \
				if (cond_)                                                         \
					break;                                                     \
				wret_ = wait_sleep(state_, deadline_);                             \
				if (wret_)                                                         \
					break;                                                     \
			}                                                                          \
			wait_finish(q_, &we_);                                                     \
			if (wret_ == -ETIMEDOUT && (cond_))                                        \
				wret_ = 0;                                                         \
		}                                                                                  \
		wret_;                                                                             \
	})
void wait_prepare(struct wait_queue *q, struct wait_entry *e, enum thread_state state);
int wait_sleep(enum thread_state state, u64 deadline_ns);
void wait_finish(struct wait_queue *q, struct wait_entry *e);

#define wait_event(q, cond)		  ((void)wait_event_state(q, cond, THREAD_SLEEP_UNINTR, ~0ull, false))
#define wait_event_interruptible(q, cond) wait_event_state(q, cond, THREAD_SLEEP_INTR, ~0ull, false)
#define wait_event_killable(q, cond)	  wait_event_state(q, cond, THREAD_SLEEP_KILL, ~0ull, false)

/* One event, once: done stays set. */
struct completion {
	u32 done;
	struct wait_queue wait;
};
void completion_init(struct completion *c);
void complete(struct completion *c);
void completion_wait(struct completion *c);
int completion_wait_killable(struct completion *c) MUST_CHECK;
