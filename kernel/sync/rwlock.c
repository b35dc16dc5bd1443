/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sleeping reader/writer lock.
 *
 *	state = readers * READER | WRITER | WAITERS
 *
 * Without waiters: a reader adds READER, a writer does CAS 0 -> WRITER. Once WAITERS is set
 * everybody queues, so neither kind starves, and ownership is granted, not competed for: whoever
 * makes the lock grantable (the last reader, the writer) gives it, under l->lock, to the first waiter
 * if that is a writer, else to all readers in front of the first writer. A waiter's `granted` is
 * its own word; a granted waiter has left the queue.
 */
#include <sync/rwlock.h>
#include <lib/errno.h>
#include <debug/panic.h>
#include <sched/sched.h>
#include <sync/mutex.h>
#include <sync/wait.h>

#define WAITERS 1ll
#define WRITER	2ll
#define READER	4ll

struct rw_waiter {
	struct list_head link;
	struct thread *thread;
	bool write;
	u32 granted; /* atomic: the store (release) is the last access to the waiter */
};

void rwlock_init_class(struct rwlock *l, struct lock_class *klass)
{
	*l = (struct rwlock){.klass = klass};
	spin_init(&l->lock, mutex_wait);
	list_init(&l->waiters);
}

static bool read_try(struct rwlock *l)
{
	s64 s = READ_ONCE(l->state);

	while (!(s & (WRITER | WAITERS)))
		if (__atomic_compare_exchange_n(&l->state, &s, s + READER, false, __ATOMIC_ACQUIRE,
			    __ATOMIC_RELAXED))
			return true;
	return false;
}

static bool write_try(struct rwlock *l)
{
	s64 s = 0;

	return __atomic_compare_exchange_n(
		&l->state, &s, WRITER, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void give(struct rw_waiter *w)
{
	struct thread *t = w->thread;

	list_del(&w->link);
	STORE_RELEASE(w->granted, 1);
	thread_wake(t); /* freed after a grace period at the earliest: preemption is off */
}

/* Give the lock to whom it can be given. WAITERS is set, so nobody else takes it; l->lock held. */
static void grant_locked(struct rwlock *l)
{
	while (!list_empty(&l->waiters)) {
		struct rw_waiter *w = list_first_entry(&l->waiters, struct rw_waiter, link);
		s64 s = READ_ONCE(l->state);

		if (s & WRITER)
			return;
		if (w->write) {
			s = WAITERS;
			if (__atomic_compare_exchange_n(&l->state, &s, WRITER | WAITERS, false,
				    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
				give(w);
				break;
			}
			return; /* readers inside: the last one comes here */
		}
		__atomic_fetch_add(&l->state, READER, __ATOMIC_ACQ_REL);
		give(w);
	}
	if (list_empty(&l->waiters))
		__atomic_fetch_and(&l->state, ~WAITERS, __ATOMIC_RELAXED);
}

static bool gives_up(enum thread_state state)
{
	return state == THREAD_SLEEP_KILL && thread_kill_pending();
}

static NOINLINE int lock_slow(struct rwlock *l, bool write, enum thread_state state)
{
	struct rw_waiter w = {.thread = thread_current(), .write = write};
	int ret = 0;

	spin_lock(&l->lock);
	list_add_tail(&w.link, &l->waiters);
	__atomic_fetch_or(&l->state, WAITERS, __ATOMIC_ACQ_REL);
	grant_locked(l); /* it may have become free just before WAITERS was set */
	spin_unlock(&l->lock);
	for (;;) {
		thread_prepare_wait(state);
		if (LOAD_ACQUIRE(w.granted))
			break;
		if (gives_up(state)) {
			spin_lock(&l->lock);
			if (!w.granted) {
				ret = -EINTR;
				list_del(&w.link);
				grant_locked(l);
				if (list_empty(&l->waiters))
					__atomic_fetch_and(&l->state, ~WAITERS, __ATOMIC_RELAXED);
			}
			spin_unlock(&l->lock);
			break;
		}
		schedule();
	}
	thread_finish_wait();
	return ret;
}

static inline int lock_common(struct rwlock *l, bool write, bool nested, enum thread_state state)
{
	int ret = 0;

	if (NOS_DEBUG) {
		assert_may_sleep();
		lockdep_acquire(l->klass, l, false, nested, true);
	}
	if (!(write ? write_try(l) : read_try(l)))
		ret = lock_slow(l, write, state);
	if (NOS_DEBUG && ret)
		lockdep_release(l->klass, l);
	return ret;
}

static NOINLINE void unlock_slow(struct rwlock *l)
{
	spin_lock(&l->lock);
	grant_locked(l);
	spin_unlock(&l->lock);
}

void read_lock(struct rwlock *l)
{
	(void)!lock_common(l, false, false, THREAD_SLEEP_UNINTR);
}

int read_lock_killable(struct rwlock *l)
{
	return lock_common(l, false, false, THREAD_SLEEP_KILL);
}

bool read_trylock(struct rwlock *l)
{
	if (!read_try(l))
		return false;
	if (NOS_DEBUG)
		lockdep_acquire(l->klass, l, true, false, true);
	return true;
}

void read_unlock(struct rwlock *l)
{
	if (NOS_DEBUG)
		lockdep_release(l->klass, l);
	if (unlikely(__atomic_sub_fetch(&l->state, READER, __ATOMIC_RELEASE) == WAITERS))
		unlock_slow(l);
}

void write_lock(struct rwlock *l)
{
	(void)!lock_common(l, true, false, THREAD_SLEEP_UNINTR);
}

void write_lock_nested(struct rwlock *l)
{
	(void)!lock_common(l, true, true, THREAD_SLEEP_UNINTR);
}

int write_lock_killable(struct rwlock *l)
{
	return lock_common(l, true, false, THREAD_SLEEP_KILL);
}

bool write_trylock(struct rwlock *l)
{
	if (!write_try(l))
		return false;
	if (NOS_DEBUG)
		lockdep_acquire(l->klass, l, true, false, true);
	return true;
}

void write_unlock(struct rwlock *l)
{
	if (NOS_DEBUG)
		lockdep_release(l->klass, l);
	DASSERT(READ_ONCE(l->state) & WRITER);
	if (unlikely(__atomic_and_fetch(&l->state, ~WRITER, __ATOMIC_RELEASE) & WAITERS))
		unlock_slow(l);
}

void write_downgrade(struct rwlock *l)
{
	DASSERT(READ_ONCE(l->state) & WRITER);
	if (__atomic_add_fetch(&l->state, READER - WRITER, __ATOMIC_RELEASE) & WAITERS)
		unlock_slow(l);
}
