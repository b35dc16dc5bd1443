/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The simulated machine: one processor, its threads, its interrupts, its clock.
 *
 * Threads are the host's, but only the one that holds the baton (`current`) runs; all state is
 *therefore its own, and the mutex and condition variables are only how the baton travels. A step is
 *a place where something else could happen on a real machine: taking and leaving a lock, queueing,
 *waiting, signalling. There the seed chooses among
 *	- going on,
 *	- any other thread that can run,
 *	- an interrupt or timer that is due, which runs right here unless a spinlock is held.
 * Under a spinlock and in an interrupt nothing else runs, as on one processor. Each step takes 100
 *ns; when no thread can run, time jumps to the next timer or deadline.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <env/lock.h>
#include <env/log.h>
#include <env/rcu.h>
#include <env/task.h>
#include <env/time.h>
#include <env_sim/sim.h>

#define STEP_NS  100
#define HOUR_NS  3600000000000ull
#define MAX_HELD 16
#define NO_WAIT  (~0ull)

struct env_task {
	struct env_task *next; /* all */
	pthread_t thread;
	pthread_cond_t baton;
	void (*fn)(void *arg);
	void *arg;
	const void *waits; /* what for; NULL: can run */
	u64 deadline;
	bool timed_out, stop, ended, is_worker;
	unsigned nheld, readers, cpu;
	const struct env_lock_class *held[MAX_HELD];
};

struct sim_timer {
	struct env_timer *next;
	u64 expires;
	u32 armed, pad;
};
static_assert(sizeof(struct sim_timer) <= sizeof_field(struct env_timer, opaque), "storage");

struct sim_work {
	struct env_work *next;
	u32 queued, pad;
};
static_assert(sizeof(struct sim_work) <= sizeof_field(struct env_work, opaque), "storage");

static struct {
	pthread_mutex_t lock;
	struct env_task *current, *all, worker, first;
	u64 seed, random, now, steps;
	struct host_call *calls;
	struct env_timer *timers;
	struct env_work *works, **works_tail, *running_work;
	unsigned spins;   /* held spinlocks */
	unsigned readers; /* open read sections of all threads */
	unsigned ntasks;
	struct env_rcu *rcu;
	struct host_call rcu_call;
	bool in_irq, end;
} sim = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void NORETURN give_up(const char *what)
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

static u64 draw(void)
{
	u64 z = sim.random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

u64 host_random(void)
{
	return draw();
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
		if (!t->waits && !t->ended && draw() % ++n == 0)
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
	if (c && (!t || draw() % 2)) {
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
		give_up("deadlock: all threads wait and nothing will happen");
	if (next > sim.now && next - sim.now > HOUR_NS)
		give_up("a wait of more than an hour");
	sim.now = max(sim.now, next);
}

/* The running thread cannot go on, or lets others: returns when it is to run. */
static void schedule_next(void)
{
	for (;;) {
		struct env_task *t;

		expire();
		while (draw() % 2 && run_upcall())
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

static void step(void)
{
	sim.steps++;
	if (sim.in_irq || sim.spins || !sim.current)
		return;
	sim.now += STEP_NS;
	schedule_next();
}

static void assert_may_sleep(void)
{
	if (sim.in_irq || sim.spins || sim.current->readers)
		give_up("sleeps in an interrupt, under a spinlock or in a read section");
}

/* 0, or -ETIMEDOUT. */
static int wait_on(const void *what, u64 deadline)
{
	struct env_task *self = sim.current;

	assert_may_sleep();
	self->waits = what;
	self->deadline = deadline;
	self->timed_out = false;
	schedule_next();
	return self->timed_out ? -ETIMEDOUT : 0;
}

static void wake_all(const void *what)
{
	for (struct env_task *t = sim.all; t; t = t->next)
		if (t->waits == what)
			t->waits = NULL;
}

/* ---- locks ---- */

struct sim_lock {
	struct env_task *owner;
	const struct env_lock_class *klass;
};
static_assert(sizeof(struct sim_lock) <= sizeof(struct env_spin), "storage");

static void check_rank(const struct env_lock_class *klass)
{
	struct env_task *self = sim.current;

	if (sim.in_irq)
		return; /* on top of whatever was interrupted, which holds no spinlock */
	if (self->nheld && self->held[self->nheld - 1]->rank >= klass->rank)
		give_up("a lock is taken against its rank");
	if (self->nheld == MAX_HELD)
		give_up("too many locks held");
	self->held[self->nheld++] = klass;
}

static void forget_rank(const struct env_lock_class *klass)
{
	struct env_task *self = sim.current;
	unsigned i = self->nheld;

	if (sim.in_irq)
		return;
	while (i && self->held[i - 1] != klass)
		i--;
	ENV_ASSERT(i);
	memmove(&self->held[i - 1], &self->held[i], (self->nheld - i) * sizeof(self->held[0]));
	self->nheld--;
}

void env_mutex_init(struct env_mutex *m, const struct env_lock_class *klass)
{
	*(struct sim_lock *)m->opaque = (struct sim_lock){NULL, klass};
}

void env_mutex_lock(struct env_mutex *m)
{
	struct sim_lock *l = (struct sim_lock *)m->opaque;

	assert_may_sleep();
	step();
	if (l->owner == sim.current)
		give_up("a mutex is locked twice");
	check_rank(l->klass);
	while (l->owner)
		wait_on(l, NO_WAIT);
	l->owner = sim.current;
}

void env_mutex_unlock(struct env_mutex *m)
{
	struct sim_lock *l = (struct sim_lock *)m->opaque;

	env_mutex_assert_held(m);
	l->owner = NULL;
	forget_rank(l->klass);
	wake_all(l);
	step();
}

void env_mutex_assert_held(const struct env_mutex *m)
{
	ENV_ASSERT(!sim.in_irq && ((const struct sim_lock *)m->opaque)->owner == sim.current);
}

void env_spin_init(struct env_spin *s, const struct env_lock_class *klass)
{
	*(struct sim_lock *)s->opaque = (struct sim_lock){NULL, klass};
}

unsigned long env_spin_lock(struct env_spin *s)
{
	struct sim_lock *l = (struct sim_lock *)s->opaque;

	step();
	if (l->owner)
		give_up("a spinlock is taken twice");
	check_rank(l->klass);
	l->owner = sim.current;
	return sim.spins++;
}

void env_spin_unlock(struct env_spin *s, unsigned long flags)
{
	struct sim_lock *l = (struct sim_lock *)s->opaque;

	env_spin_assert_held(s);
	l->owner = NULL;
	forget_rank(l->klass);
	sim.spins--;
	ENV_ASSERT(sim.spins == flags);
	step();
}

void env_spin_assert_held(const struct env_spin *s)
{
	ENV_ASSERT(((const struct sim_lock *)s->opaque)->owner == sim.current);
}

/* ---- events, time ---- */

void env_event_init(struct env_event *ev)
{
	memset(ev, 0, sizeof(*ev));
}

u32 env_event_read(const struct env_event *ev)
{
	return (u32)ev->opaque[0];
}

void env_event_signal(struct env_event *ev)
{
	ev->opaque[0]++;
	wake_all(ev);
	step();
}

int env_event_wait(struct env_event *ev, u32 seq, u64 deadline_ns)
{
	assert_may_sleep();
	step();
	while (env_event_read(ev) == seq) {
		if (sim.now >= deadline_ns)
			return -ETIMEDOUT;
		if (wait_on(ev, deadline_ns) && env_event_read(ev) == seq)
			return -ETIMEDOUT;
	}
	return 0;
}

u64 env_now(void)
{
	return sim.now;
}

s64 env_time(void)
{
	return 1000000000000000000 + (s64)sim.now;
}

void env_sleep_until(u64 deadline_ns)
{
	while (sim.now < deadline_ns)
		if (wait_on(&sim.now, deadline_ns))
			return;
}

/* ---- interrupts, timers, work ---- */

void host_call_queue(struct host_call *c)
{
	struct host_call **at = &sim.calls;

	if (c->queued)
		return;
	while (*at && draw() % 4) /* interrupts have no order */
		at = &(*at)->next;
	c->queued = true;
	c->next = *at;
	*at = c;
}

void host_call_cancel(struct host_call *c)
{
	for (struct host_call **at = &sim.calls; *at; at = &(*at)->next) {
		if (*at == c) {
			*at = c->next;
			break;
		}
	}
	c->queued = false;
}

void env_timer_init(struct env_timer *t, void (*fn)(struct env_timer *t))
{
	memset(t, 0, sizeof(*t));
	t->fn = fn;
}

bool env_timer_cancel(struct env_timer *t)
{
	struct sim_timer *s = (struct sim_timer *)t->opaque;
	bool was = s->armed;

	for (struct env_timer **at = &sim.timers; was && *at;
		at = &((struct sim_timer *)(*at)->opaque)->next) {
		if (*at == t) {
			*at = s->next;
			break;
		}
	}
	s->armed = 0;
	return was;
}

void env_timer_arm(struct env_timer *t, u64 expires_ns, u64 slack_ns)
{
	struct sim_timer *s = (struct sim_timer *)t->opaque;
	struct env_timer **at = &sim.timers;

	env_timer_cancel(t);
	s->expires = expires_ns + (slack_ns ? draw() % slack_ns : 0);
	s->armed = 1;
	while (*at && ((struct sim_timer *)(*at)->opaque)->expires <= s->expires)
		at = &((struct sim_timer *)(*at)->opaque)->next;
	s->next = *at;
	*at = t;
	step();
}

bool env_timer_cancel_sync(struct env_timer *t)
{
	assert_may_sleep(); /* and so fn does not run */
	return env_timer_cancel(t);
}

void env_work_init(struct env_work *w, void (*fn)(struct env_work *w))
{
	memset(w, 0, sizeof(*w));
	w->fn = fn;
}

bool env_work_queue(struct env_work *w)
{
	struct sim_work *s = (struct sim_work *)w->opaque;

	if (s->queued)
		return false;
	s->queued = 1;
	s->next = NULL;
	*sim.works_tail = w;
	sim.works_tail = &s->next;
	wake_all(&sim.works);
	step();
	return true;
}

void env_work_flush(struct env_work *w)
{
	assert_may_sleep();
	while (((struct sim_work *)w->opaque)->queued || sim.running_work == w)
		wait_on(&sim.running_work, NO_WAIT);
}

static void worker_main(void *arg)
{
	while (!sim.end) {
		struct env_work *w = sim.works;
		struct sim_work *s;

		if (!w) {
			wait_on(&sim.works, NO_WAIT);
			continue;
		}
		s = (struct sim_work *)w->opaque;
		sim.works = s->next;
		if (!sim.works)
			sim.works_tail = &sim.works;
		s->queued = 0;
		sim.running_work = w;
		step();
		w->fn(w);
		sim.running_work = NULL;
		if (sim.current->nheld || sim.current->readers)
			give_up("work ends with a lock held");
		wake_all(&sim.running_work);
		step();
	}
}

/* ---- read sections: a grace period is a moment at which nobody is in one ---- */

static void run_rcu(void *arg)
{
	struct env_rcu *r = sim.rcu, *next;

	if (sim.readers)
		return; /* the last to leave calls again */
	sim.rcu = NULL;
	for (; r; r = next) {
		next = (struct env_rcu *)(unsigned long)r->opaque[0];
		r->fn(r);
	}
	wake_all(&sim.rcu);
}

static void kick_rcu(void)
{
	if (sim.readers || !sim.rcu)
		return;
	sim.rcu_call.fn = run_rcu;
	host_call_queue(&sim.rcu_call);
}

void env_rcu_enter(void)
{
	sim.readers++;
	if (!sim.in_irq)
		sim.current->readers++;
	step();
}

void env_rcu_exit(void)
{
	ENV_ASSERT(sim.readers && (sim.in_irq || sim.current->readers));
	sim.readers--;
	if (!sim.in_irq)
		sim.current->readers--;
	kick_rcu();
	step();
}

void env_rcu_call(struct env_rcu *r, void (*fn)(struct env_rcu *r))
{
	r->fn = fn;
	r->opaque[0] = (unsigned long)sim.rcu;
	sim.rcu = r;
	kick_rcu();
}

void env_rcu_barrier(void)
{
	assert_may_sleep();
	while (sim.rcu)
		wait_on(&sim.rcu, NO_WAIT);
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
		give_up("a thread ends with a lock held");
	self->ended = true;
	wake_all(self);
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

	assert_may_sleep();
	if (env_fault("task: no memory"))
		return -ENOMEM;
	t = calloc(1, sizeof(*t));
	if (!t || add_task(t, fn, arg))
		give_up("no thread");
	*out = t;
	step();
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
		wait_on(t, NO_WAIT);
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
	if (add_task(&sim.worker, worker_main, NULL) || add_task(&sim.first, fn, arg))
		give_up("no thread");
	sim.current = &sim.first;
	pthread_cond_signal(&sim.first.baton);
	drop_task(&sim.first);
	if (sim.works || sim.running_work || sim.timers || sim.calls)
		give_up("the scenario left work, a timer or an interrupt behind");
	if (sim.all != &sim.worker || sim.worker.next)
		give_up("the scenario left a task behind");
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
		give_up("the scenario left memory behind");
}
