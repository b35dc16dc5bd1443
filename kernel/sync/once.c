/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Run once: 0 not yet, 1 running, 2 done. Waiters share one queue; there are few, and only at start.
 */
#include <sync/once.h>
#include <lib/errno.h>
#include <sync/wait.h>

enum { ONCE_NEW, ONCE_RUNNING, ONCE_DONE };

LOCK_CLASS(once, RANK_WAITQ, "threads waiting for a once");
static struct wait_queue waiters = {
	.lock = SPINLOCK_INIT(once), .entries = LIST_HEAD_INIT(waiters.entries)};

void once_run(struct once *o, void (*fn)(void *), void *arg)
{
	u32 state = LOAD_ACQUIRE(o->state);

	if (likely(state == ONCE_DONE))
		return;
	state = ONCE_NEW;
	if (__atomic_compare_exchange_n(&o->state, &state, ONCE_RUNNING, false, __ATOMIC_ACQUIRE,
		    __ATOMIC_ACQUIRE)) {
		fn(arg);
		STORE_RELEASE(o->state, ONCE_DONE);
		wait_wake_all(&waiters);
		return;
	}
	wait_event(&waiters, LOAD_ACQUIRE(o->state) == ONCE_DONE);
}
