/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads, locks, time and interrupts of the host home: real ones. One thread plays the interrupts
 * (calls and timers), another the work queue; both start with their first use and stay. Ranks are
 * not checked here but in sim.
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <env/lock.h>
#include <env/log.h>
#include <env/rcu.h>
#include <env/task.h>
#include <env/time.h>
#include <env_host/host.h>

/* ---- locks ---- */

struct host_mutex {
	pthread_mutex_t m;
	pthread_t owner;
};
static_assert(sizeof(struct host_mutex) <= sizeof(struct env_mutex), "storage");

struct host_spin {
	u32 locked, pad;
	pthread_t owner;
};
static_assert(sizeof(struct host_spin) <= sizeof(struct env_spin), "storage");

static struct host_mutex *mutex_of(const struct env_mutex *m)
{
	return (struct host_mutex *)(unsigned long)m->opaque;
}

void env_mutex_init(struct env_mutex *m, const struct env_lock_class *klass)
{
	memset(m, 0, sizeof(*m));
	pthread_mutex_init(&mutex_of(m)->m, NULL);
}

void env_mutex_lock(struct env_mutex *m)
{
	struct host_mutex *h = mutex_of(m);

	pthread_mutex_lock(&h->m);
	__atomic_store_n(&h->owner, pthread_self(), __ATOMIC_RELAXED);
}

void env_mutex_unlock(struct env_mutex *m)
{
	struct host_mutex *h = mutex_of(m);

	env_mutex_assert_held(m);
	__atomic_store_n(&h->owner, 0, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&h->m);
}

void env_mutex_assert_held(const struct env_mutex *m)
{
	ENV_ASSERT(__atomic_load_n(&mutex_of(m)->owner, __ATOMIC_RELAXED) == pthread_self());
}

static struct host_spin *spin_of(const struct env_spin *s)
{
	return (struct host_spin *)(unsigned long)s->opaque;
}

void env_spin_init(struct env_spin *s, const struct env_lock_class *klass)
{
	memset(s, 0, sizeof(*s));
}

unsigned long env_spin_lock(struct env_spin *s)
{
	struct host_spin *h = spin_of(s);

	while (__atomic_exchange_n(&h->locked, 1, __ATOMIC_ACQUIRE))
		sched_yield();
	__atomic_store_n(&h->owner, pthread_self(), __ATOMIC_RELAXED);
	return 0;
}

void env_spin_unlock(struct env_spin *s, unsigned long flags)
{
	struct host_spin *h = spin_of(s);

	env_spin_assert_held(s);
	__atomic_store_n(&h->owner, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&h->locked, 0, __ATOMIC_RELEASE);
}

void env_spin_assert_held(const struct env_spin *s)
{
	ENV_ASSERT(__atomic_load_n(&spin_of(s)->owner, __ATOMIC_RELAXED) == pthread_self());
}

/* ---- events ---- */

static u32 *event_word(const struct env_event *ev)
{
	return (u32 *)(unsigned long)ev->opaque;
}

void env_event_init(struct env_event *ev)
{
	memset(ev, 0, sizeof(*ev));
}

u32 env_event_read(const struct env_event *ev)
{
	return __atomic_load_n(event_word(ev), __ATOMIC_SEQ_CST);
}

void env_event_signal(struct env_event *ev)
{
	__atomic_add_fetch(event_word(ev), 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, event_word(ev), FUTEX_WAKE_PRIVATE, 1 << 30, NULL, NULL, 0);
}

static struct timespec to_timespec(u64 ns)
{
	return (struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
}

int env_event_wait(struct env_event *ev, u32 seq, u64 deadline_ns)
{
	struct timespec ts = to_timespec(deadline_ns);

	while (env_event_read(ev) == seq) {
		if (env_now() >= deadline_ns)
			return -ETIMEDOUT;
		syscall(SYS_futex, event_word(ev), FUTEX_WAIT_BITSET_PRIVATE, seq,
			deadline_ns == ENV_FOREVER ? NULL : &ts, NULL, FUTEX_BITSET_MATCH_ANY);
	}
	return 0;
}

/* ---- time ---- */

u64 env_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000 + (u64)ts.tv_nsec;
}

s64 env_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (s64)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void env_sleep_until(u64 deadline_ns)
{
	struct timespec ts = to_timespec(deadline_ns);

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

u64 host_random(void)
{
	static u64 state = 0x9e3779b97f4a7c15ull;
	u64 z = __atomic_add_fetch(&state, 0x9e3779b97f4a7c15ull, __ATOMIC_RELAXED);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* ---- the interrupt thread: calls and timers, and the work thread ---- */

struct host_timer {
	struct env_timer *next;
	u64 expires;
	u32 armed, running;
};
static_assert(sizeof(struct host_timer) <= sizeof_field(struct env_timer, opaque), "storage");

struct host_work {
	struct env_work *next;
	u32 queued, running;
};
static_assert(sizeof(struct host_work) <= sizeof_field(struct env_work, opaque), "storage");

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* all that follows */
static pthread_cond_t changed;
static struct host_call *calls, **calls_tail = &calls;
static struct env_timer *timers; /* by expiry */
static struct env_work *works, **works_tail = &works;
static void *running; /* what the interrupt thread runs: for cancel */
static struct env_work *running_work;

static struct host_timer *timer_of(struct env_timer *t)
{
	return (struct host_timer *)t->opaque;
}

static struct host_work *work_of(struct env_work *w)
{
	return (struct host_work *)w->opaque;
}

static bool run_call(void)
{
	struct host_call *c = calls;

	if (!c)
		return false;
	calls = c->next;
	if (!calls)
		calls_tail = &calls;
	c->queued = false;
	running = c;
	pthread_mutex_unlock(&lock);
	c->fn(c->arg);
	pthread_mutex_lock(&lock);
	running = NULL;
	pthread_cond_broadcast(&changed);
	return true;
}

static bool run_timer(void)
{
	struct env_timer *t = timers;

	if (!t || timer_of(t)->expires > env_now())
		return false;
	timers = timer_of(t)->next;
	timer_of(t)->armed = 0;
	running = t;
	pthread_mutex_unlock(&lock);
	t->fn(t);
	pthread_mutex_lock(&lock);
	running = NULL;
	pthread_cond_broadcast(&changed);
	return true;
}

static void *irq_thread(void *arg)
{
	pthread_mutex_lock(&lock);
	for (;;) {
		if (run_call() || run_timer())
			continue;
		if (timers) {
			struct timespec ts = to_timespec(timer_of(timers)->expires);

			pthread_cond_timedwait(&changed, &lock, &ts);
		} else {
			pthread_cond_wait(&changed, &lock);
		}
	}
	return NULL;
}

static void *work_thread(void *arg)
{
	pthread_mutex_lock(&lock);
	for (;;) {
		struct env_work *w = works;

		if (!w) {
			pthread_cond_wait(&changed, &lock);
			continue;
		}
		works = work_of(w)->next;
		if (!works)
			works_tail = &works;
		work_of(w)->queued = 0;
		running_work = w;
		pthread_mutex_unlock(&lock);
		w->fn(w);
		pthread_mutex_lock(&lock);
		running_work = NULL;
		pthread_cond_broadcast(&changed);
	}
	return NULL;
}

static void start_threads(void)
{
	pthread_condattr_t attr;
	pthread_t t;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&changed, &attr);
	if (pthread_create(&t, NULL, irq_thread, NULL) ||
		pthread_create(&t, NULL, work_thread, NULL))
		abort();
}

static void lock_threads(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, start_threads);
	pthread_mutex_lock(&lock);
}

void host_call_queue(struct host_call *c)
{
	lock_threads();
	if (!c->queued) {
		c->queued = true;
		c->next = NULL;
		*calls_tail = c;
		calls_tail = &c->next;
		pthread_cond_broadcast(&changed);
	}
	pthread_mutex_unlock(&lock);
}

void host_call_cancel(struct host_call *c)
{
	lock_threads();
	for (struct host_call **at = &calls; *at; at = &(*at)->next) {
		if (*at == c) {
			*at = c->next;
			if (!*at)
				calls_tail = at;
			break;
		}
	}
	c->queued = false;
	while (running == c)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

void env_timer_init(struct env_timer *t, void (*fn)(struct env_timer *t))
{
	memset(t, 0, sizeof(*t));
	t->fn = fn;
}

static bool unlink_timer(struct env_timer *t)
{
	if (!timer_of(t)->armed)
		return false;
	for (struct env_timer **at = &timers; *at; at = &timer_of(*at)->next) {
		if (*at == t) {
			*at = timer_of(t)->next;
			break;
		}
	}
	timer_of(t)->armed = 0;
	return true;
}

void env_timer_arm(struct env_timer *t, u64 expires_ns, u64 slack_ns)
{
	struct env_timer **at = &timers;

	lock_threads();
	unlink_timer(t);
	timer_of(t)->expires = expires_ns;
	timer_of(t)->armed = 1;
	while (*at && timer_of(*at)->expires <= expires_ns)
		at = &timer_of(*at)->next;
	timer_of(t)->next = *at;
	*at = t;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

bool env_timer_cancel(struct env_timer *t)
{
	bool was;

	lock_threads();
	was = unlink_timer(t);
	pthread_mutex_unlock(&lock);
	return was;
}

bool env_timer_cancel_sync(struct env_timer *t)
{
	bool was;

	lock_threads();
	for (was = unlink_timer(t); running == t; was |= unlink_timer(t))
		pthread_cond_wait(&changed, &lock);
	was |= unlink_timer(t);
	pthread_mutex_unlock(&lock);
	return was;
}

void env_work_init(struct env_work *w, void (*fn)(struct env_work *w))
{
	memset(w, 0, sizeof(*w));
	w->fn = fn;
}

bool env_work_queue(struct env_work *w)
{
	bool queue;

	lock_threads();
	queue = !work_of(w)->queued;
	if (queue) {
		work_of(w)->queued = 1;
		work_of(w)->next = NULL;
		*works_tail = w;
		works_tail = &work_of(w)->next;
		pthread_cond_broadcast(&changed);
	}
	pthread_mutex_unlock(&lock);
	return queue;
}

void env_work_flush(struct env_work *w)
{
	lock_threads();
	while (work_of(w)->queued || running_work == w)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

/* ---- read sections: a grace period is a moment at which a writer got the lock of the readers ---- */

static pthread_rwlock_t readers = PTHREAD_RWLOCK_INITIALIZER; /* prefers readers: they may nest */
static pthread_mutex_t rcu_lock = PTHREAD_MUTEX_INITIALIZER;   /* all that follows */
static pthread_cond_t rcu_reaped = PTHREAD_COND_INITIALIZER;
static struct env_rcu *rcu_list;
static u64 rcu_called, rcu_ended;

static void reap(void *arg)
{
	struct env_rcu *r, *next;
	u64 n = 0;

	pthread_mutex_lock(&rcu_lock);
	r = rcu_list;
	rcu_list = NULL;
	pthread_mutex_unlock(&rcu_lock);
	pthread_rwlock_wrlock(&readers);
	pthread_rwlock_unlock(&readers);
	for (; r; r = next, n++) {
		next = (struct env_rcu *)(unsigned long)r->opaque[0];
		r->fn(r);
	}
	pthread_mutex_lock(&rcu_lock);
	rcu_ended += n;
	pthread_cond_broadcast(&rcu_reaped);
	pthread_mutex_unlock(&rcu_lock);
}

static struct host_call reaper = {.fn = reap};

void env_rcu_enter(void)
{
	pthread_rwlock_rdlock(&readers);
}

void env_rcu_exit(void)
{
	pthread_rwlock_unlock(&readers);
}

void env_rcu_call(struct env_rcu *r, void (*fn)(struct env_rcu *r))
{
	r->fn = fn;
	pthread_mutex_lock(&rcu_lock);
	r->opaque[0] = (unsigned long)rcu_list;
	rcu_list = r;
	rcu_called++;
	pthread_mutex_unlock(&rcu_lock);
	host_call_queue(&reaper);
}

void env_rcu_barrier(void)
{
	u64 called;

	pthread_mutex_lock(&rcu_lock);
	for (called = rcu_called; rcu_ended < called;)
		pthread_cond_wait(&rcu_reaped, &rcu_lock);
	pthread_mutex_unlock(&rcu_lock);
}

unsigned env_cpu(void)
{
	static unsigned threads;
	static _Thread_local unsigned self; /* 0: not numbered yet */

	if (!self)
		self = __atomic_add_fetch(&threads, 1, __ATOMIC_RELAXED);
	return self % 4;
}

/* ---- tasks ---- */

struct env_task {
	pthread_t thread;
	void (*fn)(void *arg);
	void *arg;
	bool stop;
};

static _Thread_local struct env_task *this_task;

static void *task_main(void *p)
{
	struct env_task *t = p;

	this_task = t;
	t->fn(t->arg);
	return NULL;
}

int env_task_start(void (*fn)(void *arg), void *arg, const char *name, struct env_task **out)
{
	struct env_task *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->fn = fn;
	t->arg = arg;
	if (pthread_create(&t->thread, NULL, task_main, t)) {
		free(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

bool env_task_should_stop(void)
{
	return this_task && READ_ONCE(this_task->stop);
}

void env_task_stop(struct env_task *t, struct env_event *wake)
{
	WRITE_ONCE(t->stop, true);
	if (wake)
		env_event_signal(wake);
	pthread_join(t->thread, NULL);
	free(t);
}
