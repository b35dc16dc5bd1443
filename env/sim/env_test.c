/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The environment's promises, the same scenarios in host (once, real threads) and sim (many seeds).
 * ENV_SIM says which.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <lib/test.h>
#include <env/iobuf.h>
#include <env/lock.h>
#include <env/log.h>
#include <env/mem.h>
#include <env/task.h>
#include <env/time.h>
#include <env_sim/sim.h>

ENV_LOCK_CLASS(outer, ENV_RANK_FS, "test");
ENV_LOCK_CLASS(inner, ENV_RANK_DRIVER_QUEUE, "test");

static void run(void (*fn)(void *arg))
{
	if (!ENV_SIM) {
		fn(NULL);
		return;
	}
#if ENV_SIM
	for (u64 seed = 1; seed <= test_rounds(100); seed++)
		sim_run(&(struct sim_options){.seed = seed}, fn, NULL);
#endif
}

struct counter {
	struct env_mutex mutex;
	struct env_spin spin;
	struct env_event changed;
	struct env_work work;
	struct env_timer timer;
	u64 n, m, works, ticks;
	bool bad;
};

static void add_task_main(void *arg)
{
	struct counter *c = arg;

	for (int i = 0; i < 20; i++) {
		u64 seen, flags;

		env_mutex_lock(&c->mutex);
		seen = c->n;
		flags = env_spin_lock(&c->spin);
		c->m++;
		env_spin_unlock(&c->spin, flags);
		c->n = seen + 1; /* lost if the mutex let another in */
		env_mutex_unlock(&c->mutex);
		env_event_signal(&c->changed);
	}
	while (!env_task_should_stop()) {
		u32 seq = env_event_read(&c->changed);

		if (env_task_should_stop())
			break;
		(void)!env_event_wait(&c->changed, seq, env_deadline(1000000000));
	}
}

static void locks_exclude(void *arg)
{
	struct counter c = {0};
	struct env_task *t[3];
	u64 deadline;

	env_mutex_init(&c.mutex, &env_lock_class_outer);
	env_spin_init(&c.spin, &env_lock_class_inner);
	env_event_init(&c.changed);
	for (int i = 0; i < 3; i++)
		REQUIRE(env_task_start(add_task_main, &c, "adder", &t[i]) == 0);
	deadline = env_deadline(10000000000);
	for (;;) {
		u32 seq = env_event_read(&c.changed);
		u64 n;

		env_mutex_lock(&c.mutex);
		env_mutex_assert_held(&c.mutex);
		n = c.n;
		env_mutex_unlock(&c.mutex);
		if (n == 60)
			break;
		REQUIRE(env_event_wait(&c.changed, seq, deadline) == 0);
	}
	for (int i = 0; i < 3; i++)
		env_task_stop(t[i], &c.changed);
	CHECK_EQ(c.n, 60);
	CHECK_EQ(c.m, 60);
}

TEST(env_locks_exclude)
{
	run(locks_exclude);
}

static void count_work(struct env_work *w)
{
	struct counter *c = container_of(w, struct counter, work);

	__atomic_add_fetch(&c->works, 1, __ATOMIC_RELAXED);
	env_event_signal(&c->changed);
}

static void count_tick(struct env_timer *t)
{
	struct counter *c = container_of(t, struct counter, timer);
	unsigned long flags = env_spin_lock(&c->spin);

	c->ticks++;
	if (c->ticks < 3)
		env_timer_arm(t, env_now() + 1000000, 1000);
	env_spin_unlock(&c->spin, flags);
	env_work_queue(&c->work);
	env_event_signal(&c->changed);
}

static void timers_and_work(void *arg)
{
	struct counter c = {0};
	u64 start = env_now();

	env_spin_init(&c.spin, &env_lock_class_inner);
	env_event_init(&c.changed);
	env_work_init(&c.work, count_work);
	env_timer_init(&c.timer, count_tick);
	env_timer_arm(&c.timer, start + 2000000, 0);
	for (;;) {
		u32 seq = env_event_read(&c.changed);
		unsigned long flags = env_spin_lock(&c.spin);
		u64 ticks = c.ticks;

		env_spin_unlock(&c.spin, flags);
		if (ticks == 3)
			break;
		REQUIRE(env_event_wait(&c.changed, seq, start + 20000000000) == 0);
	}
	CHECK(env_now() >= start + 4000000);
	env_timer_cancel_sync(&c.timer);
	env_work_flush(&c.work);
	CHECK(c.works >= 1 && c.works <= 3);
	env_timer_arm(&c.timer, env_deadline(3600000000000 / 2), 0);
	CHECK(env_timer_cancel(&c.timer));
	CHECK(!env_timer_cancel(&c.timer));
}

TEST(env_timers_and_work)
{
	run(timers_and_work);
}

static void waits_end(void *arg)
{
	struct env_event ev;
	u64 start = env_now();
	u32 seq;

	env_event_init(&ev);
	seq = env_event_read(&ev);
	CHECK_EQ(env_event_wait(&ev, seq, start + 1000000), -ETIMEDOUT);
	CHECK(env_now() >= start + 1000000);
	env_event_signal(&ev);
	CHECK_EQ(env_event_wait(&ev, seq, 0), 0);
	env_sleep_until(start + 3000000);
	CHECK(env_now() >= start + 3000000);
}

TEST(env_waits_end)
{
	run(waits_end);
}

TEST(env_memory)
{
	u64 live = host_live_objects();
	u8 *p, *q;

	host_fail_alloc(2);
	p = env_alloc(40, ENV_ALLOC_ZERO);
	REQUIRE(p);
	CHECK(mem_is_zero(p, 40));
	CHECK(!env_alloc(8, ENV_ALLOC_NOWAIT));
	q = env_alloc(8192, ENV_ALLOC_ZERO);
	REQUIRE(q);
	CHECK_EQ((unsigned long)q % 4096, 0);
	CHECK(mem_is_zero(q, 8192));
	CHECK_EQ(host_live_objects(), live + 2);
	env_free(p, 40);
	env_free(q, 8192);
	env_free(NULL, 5);
	CHECK_EQ(host_live_objects(), live);
}

TEST(env_iobuf)
{
	char page[4096] __aligned(4096), a[8], out[16] = {0};
	struct iobuf_seg segs[3] = {{.base = (u64)(unsigned long)page, .page_off = 100, .len = 5},
		{.len = 0}, {.base = (u64)(unsigned long)page, .page_off = 4090, .len = 6}};
	struct iobuf b, copy;

	iobuf_init_segs(&b, IOBUF_PAGES, segs, 3);
	CHECK_EQ(b.left, 11);
	copy = b;
	CHECK_EQ(iobuf_put(&b, "hello wide world", 16), 11);
	CHECK_EQ(b.left, 0);
	CHECK_MEM_EQ(page + 100, "hello", 5);
	CHECK_MEM_EQ(page + 4090, " wide ", 6);
	iobuf_advance(&copy, 3);
	iobuf_limit(&copy, 4);
	CHECK_EQ(iobuf_get(&copy, out, sizeof(out)), 4);
	CHECK_MEM_EQ(out, "lo w", 4);
	iobuf_init_kernel(&b, a, sizeof(a));
	memset(a, 7, sizeof(a));
	CHECK_EQ(iobuf_zero(&b, 5), 5);
	CHECK(mem_is_zero(a, 5) && a[5] == 7);
}

#if ENV_SIM
static u64 order;

static void three(void *arg)
{
	order = order * 31 + (u64)(unsigned long)arg;
}

static void race(void *arg)
{
	struct host_call calls[3] = {{.fn = three, .arg = (void *)1},
		{.fn = three, .arg = (void *)2}, {.fn = three, .arg = (void *)3}};

	order = 0;
	for (int i = 0; i < 3; i++)
		host_call_queue(&calls[i]);
	env_sleep_until(env_deadline(100000));
	*(u64 *)arg = order;
}

TEST(sim_seed_repeats_and_differs)
{
	u64 first, again, steps, differ = 0, last = 0;

	for (u64 seed = 1; seed <= 50; seed++) {
		sim_run(&(struct sim_options){.seed = seed}, race, &first);
		steps = sim_steps();
		sim_run(&(struct sim_options){.seed = seed}, race, &again);
		CHECK_EQ(first, again);
		CHECK_EQ(steps, sim_steps());
		differ += first != last;
		last = first;
	}
	CHECK(differ > 10);
}
#endif
