/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who runs, on one CPU, in virtual time: the clock moves only where a thread "computes".
 */
#include <linux/sched.h>
#include <lib/errno.h>
#include <lib/test.h>
#include <sched/sched.h>
#include <time/clock.h>
#include "host_env.h"

#define STEP_NS 50000ull
#define MAX	6

static struct sched_params params[MAX];
static u64 used[MAX];
static u64 end_ns;
static u32 nthreads, running;

static void bind_to(unsigned cpu)
{
	struct cpumask mask = {{1ul << cpu}};

	if (sched_set_affinity(thread_current(), &mask))
		FAIL("affinity");
}

static struct thread *self[MAX];
static u32 go, finished;

/* From another CPU, so that who is urgent already does not stop it. */
static void set_all(void)
{
	bind_to(0);
	while (LOAD_ACQUIRE(running) < nthreads)
		sched_yield_now();
	for (unsigned i = 0; i < nthreads; i++)
		if (sched_set_params(self[i], &params[i]))
			FAIL("params of %u", i);
	STORE_RELEASE(go, 1);
}

static void compute(unsigned index)
{
	if (index == nthreads) {
		set_all();
		return;
	}
	bind_to(1);
	self[index] = thread_current();
	__atomic_fetch_add(&running, 1, __ATOMIC_ACQ_REL);
	while (!LOAD_ACQUIRE(go))
		sched_yield_now();
	while (clock_monotonic() < LOAD_ACQUIRE(end_ns)) {
		__atomic_fetch_add(&used[index], STEP_NS, __ATOMIC_RELAXED);
		host_time_advance(STEP_NS);
	}
	if (index) {
		__atomic_fetch_add(&finished, 1, __ATOMIC_RELEASE);
		return;
	}
	while (LOAD_ACQUIRE(finished) < nthreads - 1) /* one may be throttled: time must go on */
		host_time_advance(STEP_NS);
}

/* Let @n threads with params[] compute for @ns; used[] says how long each did. */
static void contest(unsigned n, u64 ns)
{
	nthreads = n;
	running = go = finished = 0;
	for (unsigned i = 0; i < MAX; i++)
		used[i] = 0;
	end_ns = clock_monotonic() + ns;
	host_parallel(n + 1, compute);
	for (unsigned i = 0; i < MAX; i++)
		params[i] = (struct sched_params){.policy = SCHED_NORMAL};
}

static void (*contest_fn)(void);

/* The clock stops when the kernel's side runs already: it waits for its jobs by the clock. */
static void virtual_main(void)
{
	host_time_manual(true);
	contest_fn();
	host_time_manual(false);
}

static void in_virtual_time(void (*fn)(void))
{
	contest_fn = fn;
	host_run(virtual_main);
}

static bool near(u64 value, u64 want, u64 percent)
{
	u64 slack = want * percent / 100;

	return value + slack >= want && value <= want + slack;
}

static void equal_shares(void)
{
	contest(4, 2000000000);
	for (unsigned i = 0; i < 4; i++)
		if (!near(used[i], 500000000, 5))
			FAIL("thread %u got %llu ns", i, used[i]);
}

TEST(equals_share_equally)
{
	in_virtual_time(equal_shares);
}

static void nice_shares(void)
{
	params[1].nice = 5; /* 1.25^5: a third of the weight */
	contest(2, 4000000000);
	if (!near(used[0], used[1] * 1024 / 335, 10))
		FAIL("nice 0 got %llu, nice 5 %llu", used[0], used[1]);
}

TEST(nice_gives_weight)
{
	in_virtual_time(nice_shares);
}

static void idle_policy(void)
{
	params[1].policy = SCHED_IDLE;
	contest(2, 2000000000);
	if (used[1] > used[0] / 50)
		FAIL("SCHED_IDLE got %llu of %llu", used[1], used[0]);
}

TEST(idle_policy_gets_the_rest)
{
	in_virtual_time(idle_policy);
}

static void round_robin(void)
{
	params[0] = params[1] = (struct sched_params){.policy = SCHED_RR, .rt_prio = 10};
	contest(2, 3000000000);
	if (!near(used[0], used[1], 15))
		FAIL("round robin: %llu and %llu", used[0], used[1]);
}

TEST(round_robin_alternates)
{
	in_virtual_time(round_robin);
}

static void throttled(void)
{
	params[1] = (struct sched_params){.policy = SCHED_FIFO, .rt_prio = 10};
	contest(2, 5000000000);
	/* 5 % are left to the other; the start and the end of a period blur it. */
	if (used[0] < 100000000 || used[0] > 1000000000)
		FAIL("beside a real-time thread: %llu of %llu", used[0], used[1]);
}

TEST(real_time_leaves_a_twentieth)
{
	in_virtual_time(throttled);
}

static void deadline_share(void)
{
	params[1] = (struct sched_params){.policy = SCHED_DEADLINE,
		.dl_runtime = 3000000,
		.dl_deadline = 10000000,
		.dl_period = 10000000};
	contest(2, 3000000000);
	if (!near(used[1], 900000000, 10))
		FAIL("deadline thread got %llu instead of 900 ms", used[1]);
}

TEST(deadline_gets_its_bandwidth)
{
	in_virtual_time(deadline_share);
}

static void admission(void)
{
	struct sched_params p = {.policy = SCHED_DEADLINE,
		.dl_runtime = 9000000, .dl_deadline = 10000000, .dl_period = 10000000};
	struct sched_params bad = {.policy = SCHED_FIFO, .rt_prio = 100}, normal = {.nice = 0};
	struct thread *t[8];
	int ret = 0;
	unsigned n = 0;

	CHECK_EQ(sched_set_params(thread_current(), &bad), -EINVAL);
	bad = (struct sched_params){.nice = 20};
	CHECK_EQ(sched_set_params(thread_current(), &bad), -EINVAL);
	for (; n < 8; n++) {
		if (thread_create((void (*)(void *))admission, NULL, "dl", &t[n]))
			break;
		ret = sched_set_params(t[n], &p);
		if (ret)
			break;
	}
	CHECK_EQ(ret, -EBUSY);
	CHECK_EQ(n, 4); /* 4 CPUs at 95 % hold four times 90 % */
	for (unsigned i = 0; i <= n && i < 8; i++) {
		CHECK_EQ(sched_set_params(t[i], &normal), 0);
		thread_fini(t[i]);
	}
}

TEST(deadline_admission)
{
	host_run(admission);
}
