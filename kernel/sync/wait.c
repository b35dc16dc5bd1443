/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Wait queues. The list holds non-exclusive entries first, exclusive ones behind them, so that a
 * wake-up stops at the right place. Queues nest (an epoll entry's fn wakes another queue), which
 * lockdep is told of; the order is the nesting of epoll instances, which is checked to be a tree.
 */
#include <sync/wait.h>
#include <lib/errno.h>
#include <debug/panic.h>
#include <sched/sched.h>
#include <sync/rcu.h>

struct lock_class lock_class_wait_queue SECTION("lock_classes") = {
	.name = "wait_queue", .rank = RANK_WAITQ, .what = "entries of one wait queue"};

static irqflags_t queue_lock(struct wait_queue *q)
{
	irqflags_t flags = irq_save();

	spin_lock_nested(&q->lock);
	return flags;
}

void wait_queue_init(struct wait_queue *q)
{
	spin_init(&q->lock, wait_queue);
	list_init(&q->entries);
}

static void add_locked(struct wait_queue *q, struct wait_entry *e)
{
	if (e->queued)
		return;
	e->queued = true;
	if (e->exclusive)
		list_add_tail(&e->link, &q->entries);
	else
		list_add(&e->link, &q->entries);
}

void wait_add(struct wait_queue *q, struct wait_entry *e)
{
	irqflags_t flags = queue_lock(q);

	add_locked(q, e);
	spin_unlock_irqrestore(&q->lock, flags);
	/* The caller looks at its condition now: see wait_queue_active. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void wait_remove(struct wait_queue *q, struct wait_entry *e)
{
	/*
	 * A queue that is gone (wait_queue_drain) has let the entry go before; its memory stays for a grace period, which does not end while
	 * interrupts are off here.
	 */
	irqflags_t flags = irq_save();

	if (!LOAD_ACQUIRE(e->queued)) {
		irq_restore(flags);
		return;
	}
	spin_lock_nested(&q->lock);
	if (e->queued) {
		e->queued = false;
		list_del(&e->link);
	}
	spin_unlock_irqrestore(&q->lock, flags);
}

void wait_queue_drain(struct wait_queue *q)
{
	irqflags_t flags = queue_lock(q);
	struct wait_entry *e, *tmp;

	list_for_each_entry_safe(e, tmp, &q->entries, link) {
		list_del(&e->link);
		STORE_RELEASE(e->queued, false);
	}
	list_init(&q->entries);
	spin_unlock_irqrestore(&q->lock, flags);
}

bool wait_queue_active(struct wait_queue *q)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return !list_empty(&q->entries);
}

static NOINLINE void wake_slow(struct wait_queue *q, int nr_exclusive, u32 key)
{
	irqflags_t flags = queue_lock(q);
	struct wait_entry *e, *tmp;

	list_for_each_entry_safe(e, tmp, &q->entries, link) {
		bool exclusive = e->exclusive; /* fn may let the entry go */

		if (e->fn(e, key) && exclusive && nr_exclusive && --nr_exclusive == 0)
			break;
	}
	spin_unlock_irqrestore(&q->lock, flags);
}

void wait_wake(struct wait_queue *q, int nr_exclusive, u32 key)
{
	if (wait_queue_active(q))
		wake_slow(q, nr_exclusive, key);
}

/* What wait_fn_thread does differs by one bit, which travels with the CPU: interrupts are off. */
static DEFINE_PER_CPU(u32, wake_is_sync);

void wait_wake_sync(struct wait_queue *q, int nr_exclusive, u32 key)
{
	irqflags_t flags;

	if (!wait_queue_active(q))
		return;
	flags = irq_save();
	this_cpu_write(wake_is_sync, 1);
	wake_slow(q, nr_exclusive, key);
	this_cpu_write(wake_is_sync, 0);
	irq_restore(flags);
}

bool wait_fn_thread(struct wait_entry *e, u32 key)
{
	struct thread *t = e->thread;

	/*
	 * Off the queue first: once awake, the owner of @e may find `queued` false without the lock
	 * and return, which ends the life of @e; @t stays at least until this read section ends.
	 */
	list_del(&e->link);
	STORE_RELEASE(e->queued, false);
	if (this_cpu_read(wake_is_sync))
		thread_wake_sync(t);
	else
		thread_wake(t);
	return true;
}

/*
 * The state is set under the lock: a wake-up that took the entry off the queue before is undone here,
 * one that comes after finds the thread asleep. Outside, the first could be followed by going to sleep
 * off the queue.
 */
void wait_prepare(struct wait_queue *q, struct wait_entry *e, enum thread_state state)
{
	irqflags_t flags;

	if (unlikely(READ_ONCE(e->thread->state) != THREAD_RUNNING))
		thread_finish_wait();
	flags = queue_lock(q);
	add_locked(q, e);
	thread_prepare_wait(state); /* full barrier */
	spin_unlock_irqrestore(&q->lock, flags);
}

int wait_sleep(enum thread_state state, u64 deadline_ns)
{
	if ((state == THREAD_SLEEP_INTR && thread_signal_pending()) ||
		(state == THREAD_SLEEP_KILL && thread_kill_pending()))
		return -ERESTARTSYS;
	if (deadline_ns == ~0ull)
		schedule();
	else if (!schedule_deadline(deadline_ns, 50000))
		return -ETIMEDOUT;
	return 0;
}

void wait_finish(struct wait_queue *q, struct wait_entry *e)
{
	thread_finish_wait();
	if (LOAD_ACQUIRE(e->queued))
		wait_remove(q, e);
}

void completion_init(struct completion *c)
{
	c->done = 0;
	wait_queue_init(&c->wait);
}

void complete(struct completion *c)
{
	irqflags_t flags = queue_lock(&c->wait);
	struct wait_entry *e, *tmp;

	/*
	 * Set under the lock, and waiters leave under it: so the waiter may free the completion as
	 * soon as it returns.
	 */
	STORE_RELEASE(c->done, 1);
	list_for_each_entry_safe(e, tmp, &c->wait.entries, link)
		e->fn(e, ~0u);
	spin_unlock_irqrestore(&c->wait.lock, flags);
}

static int completion_wait_state(struct completion *c, enum thread_state state)
{
	int ret = wait_event_state(&c->wait, LOAD_ACQUIRE(c->done), state, ~0ull, false);
	irqflags_t flags = queue_lock(&c->wait); /* complete() has left */

	spin_unlock_irqrestore(&c->wait.lock, flags);
	return ret;
}

void completion_wait(struct completion *c)
{
	(void)completion_wait_state(c, THREAD_SLEEP_UNINTR);
}

int completion_wait_killable(struct completion *c)
{
	return completion_wait_state(c, THREAD_SLEEP_KILL);
}
