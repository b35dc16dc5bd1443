/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The simulated machine: one processor, its threads, its interrupts, its clock.
 *
 * Threads are the host's, but only the one that holds the baton (`current`) runs; all state is
 * therefore its own, and the mutex and condition variables are only how the baton travels. A step
 *is a place where something else could happen on a real machine: taking and leaving a lock,
 *queueing, waiting, signalling. There the seed chooses among
 *	- going on,
 *	- any other thread that can run,
 *	- an interrupt or timer that is due, which runs right here unless a spinlock is held.
 * Under a spinlock and in an interrupt nothing else runs, as on one processor. Each step takes 100
 * ns; when no thread can run, time jumps to the next timer or deadline. Here: who runs, tasks, the
 *run; the rest of the environment is in lock.c, time.c and rcu.c.
 */
#include "sim_impl.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_NS 100
#define HOUR_NS 3600000000000ull

struct sim sim = {.lock = PTHREAD_MUTEX_INITIALIZER};

void NORETURN sim_give_up(const char *what)
{
	fprintf(stderr, "sim: %s (seed %llu, step %llu, %llu ns)\n", what, sim.seed, sim.steps,
		sim.now);
	for (const struct env_task *t = sim.all; t; t = t->next)
		fprintf(stderr, "sim: %s%s waits for %p until %llu\n", t == sim.current ? "* " : "",
			t->is_worker      ? "worker"
			: t == &sim.first ? "scenario"
					  : "task",
			t->waits, t->deadline);
	abort();
}

u64 sim_draw(void)
{
	u64 z = sim.random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

u64 host_random(void)
{
	return sim_draw();
}

u64 sim_steps(void)
{
	return sim.steps;
}

/* ---- who runs ---- */

static void hand_over(struct env_task *to)
{
	struct env_task *self = sim.current;

	if (to == self)
		return;
	sim.current = to;
	pthread_cond_signal(&to->baton);
	while (sim.current != self && !self->ended)
		pthread_cond_wait(&self->baton, &sim.lock);
}

/* Make runnable whose deadline has passed. */
static void expire(void)
{
	for (struct env_task *t = sim.all; t; t = t->next) {
		if (t->waits && t->deadline <= sim.now) {
			t->waits = NULL;
			t->timed_out = true;
		}
	}
}

static struct env_task *pick_thread(void)
{
	struct env_task *chosen = NULL;
	unsigned n = 0;

	for (struct env_task *t = sim.all; t; t = t->next)
		if (!t->waits && !t->ended && sim_draw() % ++n == 0)
			chosen = t;
	return chosen;
}

/* Run one interrupt or expired timer, if there is one. */
static bool run_upcall(void)
{
	struct host_call *c = sim.calls;
	struct env_timer *t = sim.timers;

	if (t && ((struct sim_timer *)t->opaque)->expires > sim.now)
		t = NULL;
	if (!c && !t)
		return false;
	sim.in_irq = true;
	if (c && (!t || sim_draw() % 2)) {
		sim.calls = c->next;
		c->queued = false;
		c->fn(c->arg);
	} else {
		struct sim_timer *s = (struct sim_timer *)t->opaque;

		sim.timers = s->next;
		s->armed = 0;
		t->fn(t);
	}
	sim.in_irq = false;
	return true;
}

/* Nobody can run: go to the next moment at which somebody can. */
static void jump(void)
{
	u64 next = NO_WAIT;

	for (const struct env_task *t = sim.all; t; t = t->next)
		if (t->waits && !t->ended)
			next = min(next, t->deadline);
	if (sim.timers)
		next = min(next, ((struct sim_timer *)sim.timers->opaque)->expires);
	if (next == NO_WAIT)
		sim_give_up("deadlock: all threads wait and nothing will happen");
	if (next > sim.now && next - sim.now > HOUR_NS)
		sim_give_up("a wait of more than an hour");
	sim.now = max(sim.now, next);
}

/* The running thread cannot go on, or lets others: returns when it is to run. */
static void schedule_next(void)
{
	for (;;) {
		struct env_task *t;

		expire();
		while (sim_draw() % 2 && run_upcall())
			;
		t = pick_thread();
		if (t) {
			hand_over(t);
			return;
		}
		if (!run_upcall())
			jump();
	}
}

void sim_step(void)
{
	sim.steps++;
	if (sim.in_irq || sim.spins || !sim.current)
		return;
	sim.now += STEP_NS;
	schedule_next();
}

void sim_assert_may_sleep(void)
{
	if (sim.in_irq || sim.spins || sim.current->readers)
		sim_give_up("sleeps in an interrupt, under a spinlock or in a read section");
}

int sim_wait_on(const void *what, u64 deadline)
{
	struct env_task *self = sim.current;

	sim_assert_may_sleep();
	self->waits = what;
	self->deadline = deadline;
	self->timed_out = false;
	schedule_next();
	return self->timed_out ? -ETIMEDOUT : 0;
}

void sim_wake_all(const void *what)
{
	for (struct env_task *t = sim.all; t; t = t->next)
		if (t->waits == what)
			t->waits = NULL;
}

unsigned env_cpu(void)
{
	return sim.current->cpu;
}

/* ---- tasks ---- */

static void *thread_main(void *p)
{
	struct env_task *self = p;

	pthread_mutex_lock(&sim.lock);
	while (sim.current != self)
		pthread_cond_wait(&self->baton, &sim.lock);
	self->fn(self->arg);
	if (self->nheld || self->readers || sim.spins)
		sim_give_up("a thread ends with a lock held");
	self->ended = true;
	sim_wake_all(self);
	if (self != &sim.first && !sim.end)
		schedule_next();
	pthread_mutex_unlock(&sim.lock);
	return NULL;
}

static int add_task(struct env_task *t, void (*fn)(void *arg), void *arg)
{
	pthread_cond_init(&t->baton, NULL);
	t->fn = fn;
	t->arg = arg;
	if (pthread_create(&t->thread, NULL, thread_main, t))
		return -ENOMEM;
	t->cpu = sim.ntasks++ % 4;
	t->next = sim.all;
	sim.all = t;
	return 0;
}

static void drop_task(struct env_task *t)
{
	struct env_task **at = &sim.all;

	pthread_mutex_unlock(&sim.lock);
	pthread_join(t->thread, NULL);
	pthread_mutex_lock(&sim.lock);
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	pthread_cond_destroy(&t->baton);
}

int env_task_start(void (*fn)(void *arg), void *arg, const char *name, struct env_task **out)
{
	struct env_task *t;

	sim_assert_may_sleep();
	if (env_fault("task: no memory"))
		return -ENOMEM;
	t = calloc(1, sizeof(*t));
	if (!t || add_task(t, fn, arg))
		sim_give_up("no thread");
	*out = t;
	sim_step();
	return 0;
}

bool env_task_should_stop(void)
{
	return sim.current->stop;
}

void env_task_stop(struct env_task *t, struct env_event *wake)
{
	t->stop = true;
	if (wake)
		env_event_signal(wake);
	while (!t->ended)
		sim_wait_on(t, NO_WAIT);
	drop_task(t);
	free(t);
}

/* ---- the run ---- */

void sim_run(const struct sim_options *options, void (*fn)(void *arg), void *arg)
{
	u64 live = host_live_objects();

	pthread_mutex_lock(&sim.lock);
	sim.seed = options->seed;
	sim.random = options->seed * 0xd1342543de82ef95ull;
	sim.now = 1000000000;
	sim.steps = 0;
	sim.ntasks = 0;
	sim.all = NULL;
	sim.works_tail = &sim.works;
	sim.end = false;
	memset(&sim.worker, 0, sizeof(sim.worker));
	memset(&sim.first, 0, sizeof(sim.first));
	sim.worker.is_worker = true;
	host_fail_alloc(options->fail_alloc);
	host_fail_point(options->fail_point);
	if (add_task(&sim.worker, sim_worker_main, NULL) || add_task(&sim.first, fn, arg))
		sim_give_up("no thread");
	sim.current = &sim.first;
	pthread_cond_signal(&sim.first.baton);
	drop_task(&sim.first);
	if (sim.works || sim.running_work || sim.timers || sim.calls)
		sim_give_up("the scenario left work, a timer or an interrupt behind");
	if (sim.all != &sim.worker || sim.worker.next)
		sim_give_up("the scenario left a task behind");
	sim.end = true;
	sim.worker.waits = NULL;
	sim.current = &sim.worker;
	pthread_cond_signal(&sim.worker.baton);
	drop_task(&sim.worker);
	sim.current = NULL;
	pthread_mutex_unlock(&sim.lock);
	host_fail_alloc(0);
	host_fail_point(0);
	if (host_live_objects() != live)
		sim_give_up("the scenario left memory behind");
}
