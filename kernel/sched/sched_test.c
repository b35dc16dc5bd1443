/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler and the primitives under storms, on four CPUs of the host. Run under ASan and TSan.
 */
#include <stdlib.h>
#include <string.h>
#include <linux/sched.h>
#include <lib/test.h>
#include <mm/slab.h>
#include <sched/sched.h>
#include <sched/smp_call.h>
#include <sched/work.h>
#include <sync/mutex.h>
#include <sync/once.h>
#include <sync/rwlock.h>
#include <sync/wait.h>
#include <time/clock.h>
#include <time/timer.h>
#include "host_env.h"

LOCK_CLASS(test_mutex, 10, "a test's mutex");
LOCK_CLASS(test_rwlock, 20, "a test's rwlock");
LOCK_CLASS(test_spin, 30, "a test's spinlock");

#define IN_KERNEL(id)                                                                              \
	static void kernel_##id(void);                                                             \
	TEST(id)                                                                                   \
	{                                                                                          \
		host_run(kernel_##id);                                                             \
	}                                                                                          \
	static void kernel_##id(void)

static u64 count;

static void add_one(unsigned index)
{
	__atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);
}

IN_KERNEL(threads_run_and_end)
{
	count = 0;
	for (u64 i = 0; i < test_rounds(20); i++)
		host_parallel(16, add_one);
	CHECK_EQ(count, 16 * test_rounds(20));
}

/* ---- bare wait and wake: a token goes round, lost wake-ups stop it ---- */

#define RING 12
static struct thread *ring[RING];
static u32 token, ring_rounds;

static void ring_member(unsigned index)
{
	thread_get(thread_current());
	STORE_RELEASE(ring[index], thread_current());
	for (;;) {
		u32 now;

		for (;;) {
			thread_prepare_wait(THREAD_SLEEP_UNINTR);
			now = LOAD_ACQUIRE(token);
			if (now % RING == index || now >= ring_rounds)
				break;
			schedule();
		}
		thread_finish_wait();
		if (now >= ring_rounds)
			break;
		STORE_RELEASE(token, now + 1);
		struct thread *next;

		while (!(next = LOAD_ACQUIRE(ring[(index + 1) % RING])))
			sched_yield_now();
		if (host_rand(2))
			thread_wake(next);
		else
			thread_wake_sync(next);
	}
	thread_wake(ring[(index + 1) % RING]); /* the end goes round too */
}

IN_KERNEL(wake_ring)
{
	memset(ring, 0, sizeof(ring));
	token = 0;
	ring_rounds = (u32)test_rounds(4000);
	host_parallel(RING, ring_member);
	for (unsigned i = 0; i < RING; i++)
		thread_put(ring[i]);
	CHECK_EQ(token, ring_rounds);
}

/* ---- many wakers, one sleeper ---- */

static struct wait_queue storm_queue;
static u64 produced, consumed;
static u32 producers_left;

static void storm_member(unsigned index)
{
	u64 rounds = test_rounds(300);

	if (index % 4 == 0) {
		for (;;) {
			u64 seen = LOAD_ACQUIRE(consumed);

			wait_event(&storm_queue, LOAD_ACQUIRE(produced) > LOAD_ACQUIRE(consumed) ||
					!LOAD_ACQUIRE(producers_left));
			seen = LOAD_ACQUIRE(consumed);
			if (LOAD_ACQUIRE(produced) > seen)
				__atomic_compare_exchange_n(&consumed, &seen, seen + 1, false,
					__ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
			else if (!LOAD_ACQUIRE(producers_left))
				break;
		}
		return;
	}
	for (u64 i = 0; i < rounds; i++) {
		__atomic_fetch_add(&produced, 1, __ATOMIC_ACQ_REL);
		if (host_rand(2))
			wait_wake(&storm_queue, 1, 0);
		else
			wait_wake_sync(&storm_queue, 1, 0);
		if (host_rand(8) == 0)
			sched_yield_now();
	}
	if (!__atomic_sub_fetch(&producers_left, 1, __ATOMIC_ACQ_REL))
		wait_wake_all(&storm_queue);
}

IN_KERNEL(wake_storm)
{
	wait_queue_init(&storm_queue);
	produced = consumed = 0;
	producers_left = 12;
	host_parallel(16, storm_member);
	CHECK_EQ(produced, consumed);
	CHECK_EQ(produced, 12 * test_rounds(300));
}

/* ---- locks ---- */

static struct mutex mutex;
static struct rwlock rwlock;
static struct spinlock spin;
static u64 guarded[4], mutex_inside;

static void lock_member(unsigned index)
{
	for (u64 i = 0; i < test_rounds(400); i++) {
		switch (host_rand(6)) {
		case 0:
		case 1:
			if (host_rand(4) == 0) {
				if (!mutex_trylock(&mutex))
					break;
			} else {
				mutex_lock(&mutex);
			}
			mutex_inside++;
			guarded[0]++;
			if (host_rand(16) == 0)
				sched_yield_now();
			if (mutex_inside != 1)
				FAIL("two in the mutex");
			mutex_inside--;
			mutex_unlock(&mutex);
			break;
		case 2:
			write_lock(&rwlock);
			guarded[1]++;
			if (host_rand(16) == 0)
				sched_yield_now();
			guarded[2]++;
			if (host_rand(4) == 0) {
				write_downgrade(&rwlock);
				if (guarded[1] != guarded[2])
					FAIL("torn after downgrade");
				read_unlock(&rwlock);
			} else {
				write_unlock(&rwlock);
			}
			break;
		case 3:
		case 4:
			read_lock(&rwlock);
			if (guarded[1] != guarded[2])
				FAIL("a writer was inside");
			if (host_rand(16) == 0)
				sched_yield_now();
			read_unlock(&rwlock);
			break;
		default:
			spin_lock(&spin);
			guarded[3]++;
			spin_unlock(&spin);
		}
	}
}

IN_KERNEL(lock_torture)
{
	mutex_init(&mutex, test_mutex);
	rwlock_init(&rwlock, test_rwlock);
	spin_init(&spin, test_spin);
	host_parallel(12, lock_member);
	CHECK(!mutex_is_locked(&mutex));
	CHECK_EQ(rwlock.state, 0);
	CHECK_EQ(guarded[1], guarded[2]);
	CHECK(lockdep_ok());
}

/* ---- affinity and parameters, changed from outside while the threads sleep, wake and run ---- */

static struct thread *victims[8];
static u32 stop;

static void victim(unsigned index)
{
	thread_get(thread_current());
	STORE_RELEASE(victims[index], thread_current());
	while (!LOAD_ACQUIRE(stop)) {
		switch (host_rand(3)) {
		case 0: sched_yield_now(); break;
		case 1:
			thread_prepare_wait(THREAD_SLEEP_INTR);
			schedule_deadline(clock_monotonic() + host_rand(300000), 0);
			thread_finish_wait();
			break;
		default:
			for (unsigned i = 0; i < 20; i++)
				cpu_relax();
		}
	}
}

static void random_params(struct sched_params *p)
{
	*p = (struct sched_params){.policy = SCHED_NORMAL};
	switch (host_rand(6)) {
	case 0: p->nice = (int)host_rand(40) - 20; break;
	case 1: p->policy = SCHED_BATCH; break;
	case 2: p->policy = SCHED_IDLE; break;
	case 3:
		p->policy = SCHED_FIFO;
		p->rt_prio = 1 + (unsigned)host_rand(99);
		break;
	case 4:
		p->policy = SCHED_RR;
		p->rt_prio = 1 + (unsigned)host_rand(99);
		break;
	default:
		p->policy = SCHED_DEADLINE;
		p->dl_runtime = 100000 + host_rand(100000);
		p->dl_deadline = p->dl_period = 2000000;
	}
}

static void tormentor(unsigned index)
{
	if (index < 8) {
		victim(index);
		return;
	}
	for (u64 i = 0; i < test_rounds(150); i++) {
		struct thread *t = LOAD_ACQUIRE(victims[host_rand(8)]);
		struct cpumask mask = {{1 + host_rand(15)}};
		struct sched_params p;
		int ret;

		if (!t) {
			sched_yield_now();
			continue;
		}
		switch (host_rand(4)) {
		case 0: CHECK_EQ(sched_set_affinity(t, &mask), 0); break;
		case 1:
			random_params(&p);
			ret = sched_set_params(t, &p);
			if (ret && ret != -EBUSY)
				FAIL("sched_set_params: %d", ret);
			break;
		case 2: sched_set_pi(t, (unsigned)host_rand(100)); break;
		default: thread_wake(t);
		}
	}
	if (!__atomic_sub_fetch(&producers_left, 1, __ATOMIC_ACQ_REL))
		STORE_RELEASE(stop, 1);
}

IN_KERNEL(affinity_and_params_storm)
{
	memset(victims, 0, sizeof(victims));
	stop = 0;
	producers_left = 3;
	host_parallel(11, tormentor);
	for (unsigned i = 0; i < 8; i++)
		thread_put(victims[i]);
}

static void stay_on(unsigned index)
{
	for (u64 i = 0; i < test_rounds(60); i++) {
		unsigned cpu = (unsigned)host_rand(HOST_CPUS);
		struct cpumask mask = {{1ul << cpu}};

		if (sched_set_affinity(thread_current(), &mask))
			FAIL("affinity refused");
		if (cpu_id() != cpu)
			FAIL("on cpu %u instead of %u", cpu_id(), cpu);
		sched_yield_now();
		if (cpu_id() != cpu)
			FAIL("strayed to cpu %u from %u", cpu_id(), cpu);
	}
}

IN_KERNEL(affinity_holds)
{
	host_parallel(8, stay_on);
}

/* ---- work is spread ---- */

static u32 seen_cpus;

/* Until each CPU has had one of us: the host may keep one from running for long. */
static void spin_around(unsigned index)
{
	u64 end = clock_monotonic() + 30000000000ull;

	while (READ_ONCE(seen_cpus) != (1u << HOST_CPUS) - 1 && clock_monotonic() < end) {
		__atomic_fetch_or(&seen_cpus, 1u << cpu_id(), __ATOMIC_RELAXED);
		cpu_relax();
	}
}

IN_KERNEL(idle_cpus_get_work)
{
	seen_cpus = 0;
	host_parallel(16, spin_around);
	CHECK_EQ(seen_cpus, (1u << HOST_CPUS) - 1);
}

/* ---- RCU ---- */

struct item {
	u64 magic;
	struct rcu_head rcu;
};
static struct item *current_item;
static u64 freed;

static void item_free(struct rcu_head *h)
{
	struct item *it = container_of(h, struct item, rcu);

	WRITE_ONCE(it->magic, 0xdead);
	free(it);
	__atomic_fetch_add(&freed, 1, __ATOMIC_RELAXED);
}

static void rcu_member(unsigned index)
{
	for (u64 i = 0; i < test_rounds(400); i++) {
		if (index < 4) {
			struct item *fresh = malloc(sizeof(*fresh)), *old;

			fresh->magic = 0x600d;
			old = __atomic_exchange_n(&current_item, fresh, __ATOMIC_ACQ_REL);
			if (host_rand(64) == 0) {
				rcu_synchronize();
				item_free(&old->rcu);
			} else {
				rcu_call(&old->rcu, item_free);
			}
			if (host_rand(8) == 0)
				sched_yield_now();
			continue;
		}
		rcu_read_lock();
		struct item *it = rcu_dereference(current_item);

		for (u64 n = host_rand(30); n; n--)
			cpu_relax();
		if (it->magic != 0x600d)
			FAIL("freed under a reader");
		rcu_read_unlock();
	}
}

IN_KERNEL(rcu_torture)
{
	current_item = malloc(sizeof(*current_item));
	current_item->magic = 0x600d;
	freed = 0;
	host_parallel(12, rcu_member);
	rcu_barrier();
	CHECK_EQ(freed, 4 * test_rounds(400));
	free(current_item);
}

/* ---- timers ---- */

struct timed {
	struct timer timer;
	bool shared; /* armed again by others: nobody can say what is early */
	u32 fired;
};

static void timed_fn(struct timer *t)
{
	struct timed *x = container_of(t, struct timed, timer);

	if (!x->shared && clock_monotonic() < t->expires_ns)
		FAIL("a timer fired early");
	__atomic_fetch_add(&x->fired, 1, __ATOMIC_RELAXED);
}

static struct timed shared_timers[4];

static void timer_member(unsigned index)
{
	struct timed mine;

	timer_init(&mine.timer, TIMER_MONOTONIC, timed_fn);
	mine.fired = 0;
	mine.shared = false;
	for (u64 i = 0; i < test_rounds(150); i++) {
		struct timed *other = &shared_timers[host_rand(4)];
		u64 deadline;

		timer_arm(&other->timer, clock_monotonic() + host_rand(500000), host_rand(2) * 100000);
		if (host_rand(2))
			timer_cancel(&other->timer);
		deadline = clock_monotonic() + host_rand(200000);
		thread_prepare_wait(THREAD_SLEEP_UNINTR);
		if (schedule_deadline(deadline, 0))
			FAIL("woken by nobody");
		thread_finish_wait();
		if (clock_monotonic() < deadline)
			FAIL("slept too short");
		timer_arm(&mine.timer, clock_monotonic() + host_rand(100000), 0);
		if (host_rand(2))
			timer_cancel_sync(&mine.timer);
	}
	timer_cancel_sync(&mine.timer);
}

IN_KERNEL(timer_storm)
{
	for (unsigned i = 0; i < 4; i++) {
		shared_timers[i].shared = true;
		timer_init(&shared_timers[i].timer, TIMER_MONOTONIC, timed_fn);
	}
	host_parallel(8, timer_member);
	for (unsigned i = 0; i < 4; i++)
		timer_cancel_sync(&shared_timers[i].timer);
}

/* ---- works and calls ---- */

static struct work works[6];
static u32 work_running[6];
static u64 work_runs;

static void work_fn(struct work *w)
{
	u32 *running = &work_running[w - works];

	if (__atomic_exchange_n(running, 1, __ATOMIC_ACQUIRE))
		FAIL("a work runs twice");
	__atomic_fetch_add(&work_runs, 1, __ATOMIC_RELAXED);
	if (host_rand(4) == 0) {
		thread_prepare_wait(THREAD_SLEEP_UNINTR);
		schedule_deadline(clock_monotonic() + host_rand(100000), 0);
		thread_finish_wait();
	}
	__atomic_store_n(running, 0, __ATOMIC_RELEASE);
}

static void work_member(unsigned index)
{
	for (u64 i = 0; i < test_rounds(200); i++) {
		struct work *w = &works[host_rand(6)];

		work_queue(w);
		if (host_rand(8) == 0)
			work_flush(w);
		if (host_rand(8) == 0)
			sched_yield_now();
	}
}

IN_KERNEL(work_storm)
{
	work_runs = 0;
	for (unsigned i = 0; i < 6; i++)
		work_init(&works[i], work_fn);
	host_parallel(8, work_member);
	for (unsigned i = 0; i < 6; i++)
		work_flush(&works[i]);
	CHECK(work_runs > 0);
	for (unsigned i = 0; i < 6; i++)
		CHECK_EQ(work_running[i], 0);
}

static u64 calls;

static void called(void *arg)
{
	__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
}

static void call_member(unsigned index)
{
	for (u64 i = 0; i < test_rounds(50); i++) {
		smp_call(&cpus_online, called, NULL);
		smp_call_one((unsigned)host_rand(HOST_CPUS), called, NULL);
	}
}

IN_KERNEL(smp_calls)
{
	calls = 0;
	host_parallel(6, call_member);
	CHECK_EQ(calls, 6 * test_rounds(50) * HOST_CPUS);
}

static struct once once;
static u64 once_count;

static void once_fn(void *arg)
{
	sched_yield_now();
	once_count++;
}

static void once_member(unsigned index)
{
	once_run(&once, once_fn, NULL);
	if (once_count != 1)
		FAIL("once is not done");
}

IN_KERNEL(once_runs_once)
{
	host_parallel(8, once_member);
	CHECK_EQ(once_count, 1);
}
