/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mutex.
 *
 *	owner = thread | WAITERS | HANDOFF        0: free and nobody waits
 *
 * Lock without contention: CAS 0 -> me; unlock: CAS me -> 0. A contender spins while the owner runs
 * on a CPU, then queues at the tail of `waiters` and sets WAITERS, so that the owner's CAS fails and
 * its unlock comes to the slow path. That frees the lock (owner = flags) and wakes the first waiter,
 * which competes with spinners; a first waiter that lost once sets HANDOFF, and then the unlock makes
 * it the owner itself. So the lock is fast under load and nobody starves.
 *
 * Only the first waiter tries to take the lock from the queue; it removes itself. WAITERS is set
 * while the list is not empty, both changed under m->lock (the flag by CAS, against the fast paths).
 * An owner that is examined by a spinner stays allocated: threads are freed after a grace period,
 * and the spinner has preemption off. Taking the lock releases as well as acquires, because it
 * publishes the owner's struct to the spinners.
 */
#include <sync/mutex.h>
#include <lib/errno.h>
#include <debug/panic.h>
#include <sched/sched.h>
#include <sync/wait.h>

#define WAITERS 1ull
#define HANDOFF 2ull
#define FLAGS	3ull

struct lock_class lock_class_mutex_wait SECTION("lock_classes") = {
	.name = "mutex_wait", .rank = RANK_WAITQ + 5, .what = "the waiters of one mutex or rwlock"};

struct mutex_waiter {
	struct list_head link;
	struct thread *thread;
};

void mutex_init_class(struct mutex *m, struct lock_class *klass)
{
	*m = (struct mutex){.klass = klass};
	spin_init(&m->lock, mutex_wait);
	list_init(&m->waiters);
}

static inline bool owner_cas(struct mutex *m, u64 old, u64 new_value, int order)
{
	return __atomic_compare_exchange_n(
		&m->owner, &old, new_value, false, order, __ATOMIC_RELAXED);
}

/* Take it if it is free; flags stay. Handed over already counts as taken. */
static bool try_take(struct mutex *m, u64 me)
{
	u64 owner = LOAD_ACQUIRE(m->owner);

	for (;;) {
		if ((owner & ~FLAGS) == me)
			return true;
		if (owner & ~FLAGS)
			return false;
		if (__atomic_compare_exchange_n(&m->owner, &owner, me | (owner & WAITERS), false,
			    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return true;
	}
}

/* Spin as long as the owner runs and nothing else is to be done here. True: taken. */
static bool spin_for(struct mutex *m, u64 me)
{
	bool taken = false;

	preempt_disable();
	for (;;) {
		u64 owner = LOAD_ACQUIRE(m->owner);

		if (!(owner & ~FLAGS)) {
			if ((taken = owner_cas(m, owner, me | owner, __ATOMIC_ACQ_REL)))
				break;
			continue;
		}
		if ((owner & HANDOFF) || need_resched() ||
			!thread_is_running((struct thread *)(unsigned long)(owner & ~FLAGS)))
			break;
		cpu_relax();
	}
	preempt_enable();
	return taken;
}

static bool gives_up(enum thread_state state)
{
	return (state == THREAD_SLEEP_INTR && thread_signal_pending()) ||
		(state == THREAD_SLEEP_KILL && thread_kill_pending());
}

static void dequeue_locked(struct mutex *m, struct mutex_waiter *w)
{
	list_del(&w->link);
	if (list_empty(&m->waiters))
		__atomic_fetch_and(&m->owner, ~FLAGS, __ATOMIC_RELAXED);
}

static NOINLINE int lock_slow(struct mutex *m, u64 me, enum thread_state state)
{
	struct mutex_waiter w = {.thread = thread_current()};
	bool lost = false;
	int ret = 0;

	if (spin_for(m, me))
		return 0;
	spin_lock(&m->lock);
	list_add_tail(&w.link, &m->waiters);
	__atomic_fetch_or(&m->owner, WAITERS, __ATOMIC_RELAXED);
	for (;;) {
		thread_prepare_wait(state);
		if (list_is_first(&w.link, &m->waiters)) {
			if (try_take(m, me))
				break;
			/* Set while somebody owns it: that one's unlock will see the flag. */
			if (lost) {
				u64 owner = READ_ONCE(m->owner);

				if (!(owner & ~FLAGS) ||
					!owner_cas(m, owner, owner | HANDOFF, __ATOMIC_RELAXED))
					continue;
			}
			lost = true;
		}
		if (gives_up(state)) {
			ret = -EINTR;
			break;
		}
		spin_unlock(&m->lock);
		schedule();
		spin_lock(&m->lock);
	}
	if (ret && try_take(m, me)) /* handed over, or free, just now: we have it */
		ret = 0;
	dequeue_locked(m, &w);
	if (ret && !list_empty(&m->waiters) && !(READ_ONCE(m->owner) & ~FLAGS))
		thread_wake(list_first_entry(&m->waiters, struct mutex_waiter, link)->thread);
	if (ret) /* HANDOFF was for this waiter */
		__atomic_fetch_and(&m->owner, ~HANDOFF, __ATOMIC_RELAXED);
	spin_unlock(&m->lock);
	thread_finish_wait();
	return ret;
}

static inline int lock_common(struct mutex *m, enum thread_state state, bool nested)
{
	u64 me = (u64)(unsigned long)thread_current();
	int ret = 0;

	if (NOS_DEBUG) {
		assert_may_sleep();
		lockdep_acquire(m->klass, m, false, nested, true);
	}
	if (unlikely(!owner_cas(m, 0, me, __ATOMIC_ACQ_REL)))
		ret = lock_slow(m, me, state);
	if (NOS_DEBUG && ret)
		lockdep_release(m->klass, m);
	return ret;
}

void mutex_lock(struct mutex *m)
{
	(void)!lock_common(m, THREAD_SLEEP_UNINTR, false);
}

void mutex_lock_nested(struct mutex *m)
{
	(void)!lock_common(m, THREAD_SLEEP_UNINTR, true);
}

int mutex_lock_killable(struct mutex *m)
{
	return lock_common(m, THREAD_SLEEP_KILL, false);
}

int mutex_lock_interruptible(struct mutex *m)
{
	return lock_common(m, THREAD_SLEEP_INTR, false);
}

bool mutex_trylock(struct mutex *m)
{
	if (!owner_cas(m, 0, (u64)(unsigned long)thread_current(), __ATOMIC_ACQ_REL))
		return false;
	if (NOS_DEBUG)
		lockdep_acquire(m->klass, m, true, false, true);
	return true;
}

static NOINLINE void unlock_slow(struct mutex *m)
{
	struct mutex_waiter *w;
	u64 owner;

	spin_lock(&m->lock);
	w = list_first_entry_or_null(&m->waiters, struct mutex_waiter, link);
	owner = READ_ONCE(m->owner);
	for (;;) {
		u64 next = w ? WAITERS : 0;

		if (w && (owner & HANDOFF))
			next |= (u64)(unsigned long)w->thread;
		if (__atomic_compare_exchange_n(&m->owner, &owner, next, false, __ATOMIC_RELEASE,
			    __ATOMIC_RELAXED))
			break;
	}
	if (w)
		thread_wake(w->thread);
	spin_unlock(&m->lock);
}

void mutex_unlock(struct mutex *m)
{
	u64 me = (u64)(unsigned long)thread_current();

	if (NOS_DEBUG) {
		ASSERT((READ_ONCE(m->owner) & ~FLAGS) == me);
		lockdep_release(m->klass, m);
	}
	if (unlikely(!owner_cas(m, me, 0, __ATOMIC_RELEASE)))
		unlock_slow(m);
}

bool mutex_is_locked(const struct mutex *m)
{
	return READ_ONCE(m->owner) & ~FLAGS;
}

void mutex_assert_held(const struct mutex *m)
{
	DASSERT((READ_ONCE(m->owner) & ~FLAGS) == (u64)(unsigned long)thread_current());
}
