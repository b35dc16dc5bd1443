/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counting what is under way in two epochs.
 *
 * flight_begin counts in the epoch that it read and reads again: had it changed, a waiter may have looked at the count already. A waiter waits for the
 * epoch that is not the current one (left behind by a waiter that was killed), turns, and waits for the one that was. So what begins after the turn is not
 * waited for, and what is counted before the caller came is.
 */
#include "cache_impl.h"
#include <sync/rcu.h>

LOCK_CLASS(flight, RANK_FS_INODE + 7, "waiting for write-back: one turn of an epoch at a time");

void flight_init(struct flight *f)
{
	f->n[0] = f->n[1] = f->epoch = 0;
	mutex_init(&f->lock, flight);
}

unsigned flight_begin(struct flight *f)
{
	for (;;) {
		u32 epoch = __atomic_load_n(&f->epoch, __ATOMIC_SEQ_CST);

		__atomic_fetch_add(&f->n[epoch & 1], 1, __ATOMIC_SEQ_CST);
		if (likely(__atomic_load_n(&f->epoch, __ATOMIC_SEQ_CST) == epoch))
			return epoch & 1;
		/* Nobody but a waiter can have seen it: it looks again. */
		__atomic_fetch_sub(&f->n[epoch & 1], 1, __ATOMIC_SEQ_CST);
	}
}

void flight_end(struct flight *f, unsigned epoch, struct wait_queue *q)
{
	rcu_read_lock();
	if (__atomic_fetch_sub(&f->n[epoch], 1, __ATOMIC_SEQ_CST) == 1)
		wait_wake_all(q);
	rcu_read_unlock();
}

static bool is_over(const struct flight *f, unsigned epoch)
{
	return !__atomic_load_n(&f->n[epoch], __ATOMIC_SEQ_CST);
}

/* A begin that was taken back wakes nobody: look again now and then. */
#define LOOK_AGAIN_NS 10000000ull

static int wait_epoch(struct flight *f, unsigned epoch, struct wait_queue *q, bool killable)
{
	int err = is_over(f, epoch) ? 0 : -ETIMEDOUT;

	while (err == -ETIMEDOUT)
		err = wait_event_state(q, is_over(f, epoch), killable ? THREAD_SLEEP_KILL : THREAD_SLEEP_UNINTR, cache_clock() + LOOK_AGAIN_NS, false);
	return err ? -EINTR : 0;
}

int flight_wait(struct flight *f, struct wait_queue *q, bool killable)
{
	unsigned now;
	int err = 0;

	if (killable)
		err = mutex_lock_killable(&f->lock);
	else
		mutex_lock(&f->lock);
	if (err)
		return -EINTR;
	now = f->epoch & 1;
	err = wait_epoch(f, now ^ 1, q, killable);
	if (!err) {
		__atomic_fetch_add(&f->epoch, 1, __ATOMIC_SEQ_CST);
		err = wait_epoch(f, now, q, killable);
	}
	mutex_unlock(&f->lock);
	return err;
}
