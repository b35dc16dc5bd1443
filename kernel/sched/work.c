/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deferred work: a pool of worker threads per CPU.
 *
 * A pool has a list of works and as many workers as it takes to have one that is not blocked: when a
 * worker goes to sleep inside a work (the scheduler tells: work_sleeping) or a work is queued while
 * all busy workers are blocked, an idle worker is woken, or the spawner thread makes a new one, up to
 * WORKERS_MAX. Surplus workers end after IDLE_NS without work.
 *
 *   pending = QUEUED | (last pool + 1) << 8
 *
 * Who sets QUEUED links the work; a worker unlinks it and clears QUEUED before it calls fn, and does
 * not touch the work afterwards unless it was queued again: so fn may free it. That a work runs is
 * known from worker->current_work. A work that runs is queued to the pool that runs it, and that
 * worker links it again when fn has returned: it never runs twice at the same time.
 */
#include <sched/work.h>
#include <arch/smp.h>
#include <debug/log.h>
#include <debug/panic.h>
#include <lib/list.h>
#include <mm/slab.h>
#include <sched/sched.h>
#include <sync/spinlock.h>
#include <sync/wait.h>
#include <time/clock.h>
#include "sched_impl.h"

#define WORKERS_MAX 64
#define IDLE_NS	    10000000000ull
#define QUEUED	    1u
#define POOL_SHIFT  8

LOCK_CLASS(work, RANK_LOG + 10, "one CPU's works and workers");

struct worker {
	struct list_head link;	   /* pool->workers */
	struct work *current_work; /* NULL: idle */
	bool again;		   /* current_work was queued meanwhile */
	bool blocked;		   /* went to sleep inside current_work */
	struct pool *pool;
	struct thread *thread;
};

struct pool { /* all under lock */
	struct spinlock lock;
	struct work *head, **tail;
	struct list_head workers;
	u32 nworkers;
	bool spawn_wanted;
	unsigned cpu;
	struct wait_queue flushers;
};
static DEFINE_PER_CPU(struct pool, work_pool);
static struct thread *spawner;

void work_init(struct work *w, void (*fn)(struct work *))
{
	*w = (struct work){.fn = fn};
}

static void link_locked(struct pool *p, struct work *w)
{
	w->next = NULL;
	*p->tail = w;
	p->tail = &w->next;
}

static struct worker *running_locked(struct pool *p, const struct work *w)
{
	struct worker *k;

	list_for_each_entry(k, &p->workers, link) {
		if (k->current_work == w)
			return k;
	}
	return NULL;
}

/* There is work: see that somebody does it. */
static void kick_locked(struct pool *p)
{
	struct worker *k, *idle = NULL;

	list_for_each_entry(k, &p->workers, link) {
		if (!k->current_work)
			idle = k;
		else if (!k->blocked)
			return;
	}
	if (idle) {
		thread_wake(idle->thread);
	} else if (p->nworkers < WORKERS_MAX && !p->spawn_wanted) {
		WRITE_ONCE(p->spawn_wanted, true);
		if (spawner)
			thread_wake(spawner);
	}
}

/* The pool whose worker runs @w, locked, or this CPU's, locked. Interrupts off. */
static struct pool *pool_lock_for(struct work *w)
{
	u32 last = READ_ONCE(w->pending) >> POOL_SHIFT;
	struct pool *p;

	if (last) {
		p = per_cpu_ptr(&work_pool, last - 1);
		spin_lock(&p->lock);
		if (running_locked(p, w))
			return p;
		spin_unlock(&p->lock);
	}
	p = this_cpu_ptr(&work_pool);
	spin_lock(&p->lock);
	return p;
}

bool work_queue(struct work *w)
{
	struct worker *k;
	irqflags_t flags;
	struct pool *p;

	if (__atomic_fetch_or(&w->pending, QUEUED, __ATOMIC_ACQ_REL) & QUEUED)
		return false;
	preempt_disable();
	flags = irq_save();
	p = pool_lock_for(w);
	WRITE_ONCE(w->pending, QUEUED | (p->cpu + 1) << POOL_SHIFT);
	k = running_locked(p, w);
	if (k) {
		k->again = true;
	} else {
		link_locked(p, w);
		kick_locked(p);
	}
	spin_unlock(&p->lock);
	irq_restore(flags);
	preempt_enable();
	return true;
}

void work_sleeping(struct worker *k)
{
	struct pool *p = k->pool;

	spin_lock(&p->lock);
	if (k->current_work) {
		k->blocked = true;
		if (p->head)
			kick_locked(p);
	}
	spin_unlock(&p->lock);
}

static struct work *take_locked(struct pool *p, struct worker *k)
{
	struct work *w = p->head;

	if (!w)
		return NULL;
	p->head = w->next;
	if (!p->head)
		p->tail = &p->head;
	k->current_work = w;
	k->blocked = k->again = false;
	/* Queued from here on means: once more. */
	__atomic_fetch_and(&w->pending, ~QUEUED, __ATOMIC_RELEASE);
	return w;
}

static void done_locked(struct pool *p, struct worker *k)
{
	struct work *w = k->current_work;

	k->current_work = NULL;
	if (k->again)
		link_locked(p, w);
}

/* Nothing to do: sleep. False: long enough idle, and others are there; the worker is unlinked. */
static bool worker_wait(struct pool *p, struct worker *k)
{
	bool surplus, woken = true, empty;
	irqflags_t flags;

	thread_prepare_wait(THREAD_SLEEP_UNINTR);
	flags = spin_lock_irqsave(&p->lock);
	surplus = p->nworkers > 1;
	empty = !p->head;
	spin_unlock_irqrestore(&p->lock, flags);
	if (empty)
		woken = schedule_deadline(surplus ? clock_monotonic() + IDLE_NS : ~0ull, IDLE_NS / 4);
	thread_finish_wait();
	if (woken)
		return true;
	flags = spin_lock_irqsave(&p->lock);
	surplus = p->nworkers > 1 && !p->head;
	if (surplus) {
		list_del(&k->link);
		p->nworkers--;
	}
	spin_unlock_irqrestore(&p->lock, flags);
	return !surplus;
}

static void worker_main(void *arg)
{
	struct worker *k = arg;
	struct pool *p = k->pool;

	for (;;) {
		irqflags_t flags = spin_lock_irqsave(&p->lock);
		struct work *w = take_locked(p, k);

		spin_unlock_irqrestore(&p->lock, flags);
		if (!w) {
			if (worker_wait(p, k))
				continue;
			break;
		}
		w->fn(w);
		flags = spin_lock_irqsave(&p->lock);
		done_locked(p, k);
		spin_unlock_irqrestore(&p->lock, flags);
		wait_wake_all(&p->flushers);
	}
	WRITE_ONCE(k->thread->worker, NULL);
	thread_put(k->thread);
	kfree(k);
}

static void spawn(struct pool *p)
{
	struct worker *k = kzalloc(sizeof(*k), ALLOC_SLEEP);
	irqflags_t flags;

	if (k && thread_create_on(p->cpu, worker_main, k, "kworker", &k->thread)) {
		kfree(k);
		k = NULL;
	}
	if (k) {
		k->pool = p;
		k->thread->worker = k;
	}
	flags = spin_lock_irqsave(&p->lock);
	WRITE_ONCE(p->spawn_wanted, false); /* no memory: the next block or queueing tries again */
	if (k) {
		list_add(&k->link, &p->workers);
		p->nworkers++;
	}
	spin_unlock_irqrestore(&p->lock, flags);
	if (k)
		thread_start(k->thread);
}

static void spawner_main(void *arg)
{
	for (;;) {
		bool any = false;

		thread_prepare_wait(THREAD_SLEEP_UNINTR);
		for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
			struct pool *p = per_cpu_ptr(&work_pool, cpu);

			if (!READ_ONCE(p->spawn_wanted))
				continue;
			thread_finish_wait();
			any = true;
			spawn(p);
		}
		if (!any)
			schedule();
		thread_finish_wait();
	}
}

static bool is_busy(struct work *w)
{
	irqflags_t flags;
	struct pool *p;
	u32 pending = LOAD_ACQUIRE(w->pending);
	bool busy;

	if (!(pending >> POOL_SHIFT))
		return pending & QUEUED;
	p = per_cpu_ptr(&work_pool, (pending >> POOL_SHIFT) - 1);
	flags = spin_lock_irqsave(&p->lock);
	busy = (READ_ONCE(w->pending) & QUEUED) || running_locked(p, w);
	spin_unlock_irqrestore(&p->lock, flags);
	return busy;
}

void work_flush(struct work *w)
{
	assert_may_sleep();
	while (is_busy(w)) {
		u32 pool = READ_ONCE(w->pending) >> POOL_SHIFT;

		if (pool)
			wait_event(&per_cpu_ptr(&work_pool, pool - 1)->flushers,
				!is_busy(w) || READ_ONCE(w->pending) >> POOL_SHIFT != pool);
		else
			sched_yield_now(); /* being queued right now */
	}
}

void work_init_cpu(unsigned cpu)
{
	struct pool *p = per_cpu_ptr(&work_pool, cpu);

	spin_init(&p->lock, work);
	p->tail = &p->head;
	list_init(&p->workers);
	wait_queue_init(&p->flushers);
	p->cpu = cpu;
}

void work_start(void)
{
	unsigned cpu;

	cpumask_for_each(cpu, &cpus_online)
		spawn(per_cpu_ptr(&work_pool, cpu));
	if (thread_create(spawner_main, NULL, "kthreadd", &spawner))
		panic("work: no memory");
	thread_start(spawner);
}
