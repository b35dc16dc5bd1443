/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What watches that things move: hung tasks (in uninterruptible sleep for HUNG_NS without a switch),
 * soft lock-ups (a CPU that should reschedule and has not for 2 * watchdog_thresh: found by its own tick), hard
 * lock-ups (a CPU that takes no interrupts for 3 * watchdog_thresh: found by its neighbour, which asks by an NMI where it is). Load averages live here too: they
 * are the same walk over CPUs and threads every five seconds.
 *
 * Each report is made once per incident.
 */
#include "sched_impl.h"
#include <debug/log.h>
#include <init/param.h>
#include <sched/smp_call.h>
#include <sched/work.h>

#define HUNG_NS	    120000000000ull
#define PERIOD_NS   5000000000ull
#define CHECK_EVERY 6 /* periods: hung tasks */

#define FIXED_1 (1ull << 16)
/* exp(-5 s / 1, 5, 15 min) in 1/65536 */
static const u64 decay[3] = {60296, 64453, 65173};
static u64 load[3];
static u32 nr_uninterruptible; /* as of the last walk */

static u64 thresh_ns = 10000000000; /* watchdog_thresh=, in seconds */

static struct timer period_timer, second_timer;
static struct work check_work;
static unsigned periods;
static unsigned hard_reported = MAX_CPUS;

static bool check_thread(struct thread *t, void *arg)
{
	u32 *count = arg, mark = (u32)READ_ONCE(t->nr_voluntary) | 1;
	u64 now = sched_clock();

	if (READ_ONCE(t->state) != THREAD_SLEEP_UNINTR)
		return true;
	if (LOAD_ACQUIRE(t->on_rq) || mark == 1)
		return true;
	if (!t->worker && t->space) /* kernel threads wait for work in this state */
		++*count;
	else
		return true;
	if ((s64)(now - READ_ONCE(t->sleep_start)) < (s64)HUNG_NS || t->hung_seen == mark)
		return true;
	t->hung_seen = mark;
	klog(LOG_ERR, "hung task: %s blocked for more than %llu s%s%s", t->name,
		(now - t->sleep_start) / 1000000000, t->wait_what ? " in " : "",
		t->wait_what ? t->wait_what : "");
	return true;
}

static void check_fn(struct work *w)
{
	u32 count = 0;

	thread_for_each(check_thread, &count);
	WRITE_ONCE(nr_uninterruptible, count);
}

static void check_neighbours(void)
{
	u64 now = sched_clock();
	unsigned cpu, none;

	cpumask_for_each(cpu, &cpus_online) {
		struct rq *rq = rq_of(cpu);
		u64 beat = READ_ONCE(rq->heartbeat);

		/* Idle CPUs and kernel threads that run alone have no tick. */
		if (cpu == cpu_id() || READ_ONCE(rq->pub_nr) < 2 || (s64)(now - beat) < (s64)(3 * thresh_ns)) {
			if (READ_ONCE(hard_reported) == cpu)
				WRITE_ONCE(hard_reported, MAX_CPUS);
			continue;
		}
		none = MAX_CPUS;
		if (!__atomic_compare_exchange_n(&hard_reported, &none, cpu, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			continue;
		klog(LOG_ERR, "hard lock-up: cpu %u has taken no timer interrupt for %llu s, runs %s",
			cpu, (now - beat) / 1000000000, READ_ONCE(rq->curr)->name);
		print_backtrace_of(cpu);
	}
}

static void period_fn(struct timer *t)
{
	u64 active = READ_ONCE(nr_uninterruptible);
	unsigned cpu;

	cpumask_for_each(cpu, &cpus_online)
		active += READ_ONCE(rq_of(cpu)->pub_nr);
	for (unsigned i = 0; i < 3; i++)
		WRITE_ONCE(load[i],
			(load[i] * decay[i] + active * FIXED_1 * (FIXED_1 - decay[i])) >> 16);
	check_neighbours();
	if (++periods % CHECK_EVERY == 0)
		work_queue(&check_work);
	timer_arm(t, t->expires_ns + PERIOD_NS, PERIOD_NS / 8);
}

/* On another CPU: the one that has the first timer may be the one that hangs. */
static void second_fn(struct timer *t)
{
	check_neighbours();
	timer_arm(t, t->expires_ns + PERIOD_NS, PERIOD_NS / 8);
}

static void start_second(void *arg)
{
	timer_arm(&second_timer, clock_monotonic() + PERIOD_NS / 2, PERIOD_NS / 8);
}

void sched_watch_tick(struct rq *rq)
{
	/* Who runs alone may run for ever: the clock starts when a tick finds that it should have made room. */
	if (rq->last_switch != rq->stats.switches || !need_resched()) {
		rq->last_switch = rq->stats.switches;
		rq->resched_since = 0;
		rq->lockup_reported = false;
		return;
	}
	if (!rq->resched_since)
		rq->resched_since = rq->now;
	if (rq->now - rq->resched_since < 2 * thresh_ns || rq->lockup_reported)
		return;
	rq->lockup_reported = true;
	klog(LOG_ERR, "soft lock-up: cpu %u has not rescheduled for %llu s, runs %s, depth %x", rq->cpu,
		(rq->now - rq->resched_since) / 1000000000, rq->curr->name, preempt_depth());
	print_backtrace();
}

void sched_watch_start(void)
{
	unsigned cpu;

	thresh_ns = clamp(param_u64("watchdog_thresh", 10), 1ull, 60ull) * 1000000000;
	work_init(&check_work, check_fn);
	timer_init(&period_timer, TIMER_MONOTONIC, period_fn);
	timer_init(&second_timer, TIMER_MONOTONIC, second_fn);
	preempt_disable();
	timer_arm(&period_timer, clock_monotonic() + PERIOD_NS, PERIOD_NS / 8);
	cpumask_for_each(cpu, &cpus_online)
		if (cpu != cpu_id()) {
			smp_call_one(cpu, start_second, NULL);
			break;
		}
	preempt_enable();
}

void sched_loadavg(u64 out[3])
{
	for (unsigned i = 0; i < 3; i++)
		out[i] = READ_ONCE(load[i]);
}
