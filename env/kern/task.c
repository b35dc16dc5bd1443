/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The environment in the kernel: work, events, tasks, time.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <arch/cpu.h>
#include <env/rcu.h>
#include <env/task.h>
#include <env/time.h>
#include <mm/slab.h>
#include <sched/sched.h>
#include <sched/work.h>
#include <sync/rcu.h>
#include <sync/wait.h>
#include <time/clock.h>
#include <time/timer.h>

/* ---- work ---- */

static_assert(sizeof(struct work) <= sizeof_field(struct env_work, opaque), "storage");

static struct work *work_of(struct env_work *w)
{
	return (struct work *)w->opaque;
}

static void run_work(struct work *inner)
{
	struct env_work *w =
		(struct env_work *)(void *)((char *)inner - offsetof(struct env_work, opaque));

	w->fn(w);
}

void env_work_init(struct env_work *w, void (*fn)(struct env_work *w))
{
	w->fn = fn;
	work_init(work_of(w), run_work);
}

bool env_work_queue(struct env_work *w)
{
	return work_queue(work_of(w));
}

void env_work_flush(struct env_work *w)
{
	work_flush(work_of(w));
}

/* ---- read sections ---- */

static_assert(sizeof(struct rcu_head) <= sizeof_field(struct env_rcu, opaque), "storage");

void env_rcu_enter(void)
{
	rcu_read_lock();
}

void env_rcu_exit(void)
{
	rcu_read_unlock();
}

static void run_rcu(struct rcu_head *inner)
{
	struct env_rcu *r = (struct env_rcu *)(void *)((char *)inner - offsetof(struct env_rcu, opaque));

	r->fn(r);
}

void env_rcu_call(struct env_rcu *r, void (*fn)(struct env_rcu *r))
{
	r->fn = fn;
	rcu_call((struct rcu_head *)r->opaque, run_rcu);
}

void env_rcu_barrier(void)
{
	rcu_barrier();
}

unsigned env_cpu(void)
{
	return cpu_id();
}

/* ---- events ---- */

struct kern_event {
	struct wait_queue wait;
	u32 seq; /* atomic */
};
static_assert(sizeof(struct kern_event) <= sizeof(struct env_event), "storage");

static struct kern_event *event_of(const struct env_event *ev)
{
	return (struct kern_event *)(unsigned long)ev->opaque;
}

void env_event_init(struct env_event *ev)
{
	wait_queue_init(&event_of(ev)->wait);
	event_of(ev)->seq = 0;
}

u32 env_event_read(const struct env_event *ev)
{
	return LOAD_ACQUIRE(event_of(ev)->seq);
}

void env_event_signal(struct env_event *ev)
{
	__atomic_add_fetch(&event_of(ev)->seq, 1, __ATOMIC_RELEASE);
	wait_wake_all(&event_of(ev)->wait);
}

int env_event_wait(struct env_event *ev, u32 seq, u64 deadline_ns)
{
	return wait_event_state(&event_of(ev)->wait, env_event_read(ev) != seq, THREAD_SLEEP_UNINTR,
		deadline_ns, false);
}

/* ---- tasks ---- */

LOCK_CLASS(env_tasks, RANK_LEAF, "list of the tasks of components");

struct env_task {
	struct env_task *next;
	struct thread *thread;
	void (*fn)(void *arg);
	void *arg;
	bool stop;
	struct completion ended;
};

static struct spinlock tasks_lock = SPINLOCK_INIT(env_tasks);
static struct env_task *tasks; /* tasks_lock */

static void task_main(void *arg)
{
	struct env_task *t = arg;

	t->fn(t->arg);
	complete(&t->ended);
	thread_exit();
}

int env_task_start(void (*fn)(void *arg), void *arg, const char *name, struct env_task **out)
{
	struct env_task *t = kzalloc(sizeof(*t), ALLOC_SLEEP);
	irqflags_t flags;
	int err;

	if (!t)
		return -ENOMEM;
	t->fn = fn;
	t->arg = arg;
	completion_init(&t->ended);
	err = thread_create(task_main, t, name, &t->thread);
	if (err) {
		kfree(t);
		return err;
	}
	flags = spin_lock_irqsave(&tasks_lock);
	t->next = tasks;
	tasks = t;
	spin_unlock_irqrestore(&tasks_lock, flags);
	*out = t;
	thread_start(t->thread);
	return 0;
}

bool env_task_should_stop(void)
{
	irqflags_t flags = spin_lock_irqsave(&tasks_lock);
	bool stop = false;

	for (const struct env_task *t = tasks; t; t = t->next)
		if (t->thread == thread_current())
			stop = READ_ONCE(t->stop);
	spin_unlock_irqrestore(&tasks_lock, flags);
	return stop;
}

void env_task_stop(struct env_task *t, struct env_event *wake)
{
	irqflags_t flags;

	WRITE_ONCE(t->stop, true);
	if (wake)
		env_event_signal(wake);
	completion_wait(&t->ended);
	flags = spin_lock_irqsave(&tasks_lock);
	for (struct env_task **at = &tasks; *at; at = &(*at)->next) {
		if (*at == t) {
			*at = t->next;
			break;
		}
	}
	spin_unlock_irqrestore(&tasks_lock, flags);
	thread_put(t->thread);
	kfree(t);
}

/* ---- time ---- */

static_assert(sizeof(struct timer) <= sizeof_field(struct env_timer, opaque), "storage");

static struct timer *timer_of(struct env_timer *t)
{
	return (struct timer *)t->opaque;
}

static void run_timer(struct timer *inner)
{
	struct env_timer *t =
		(struct env_timer *)(void *)((char *)inner - offsetof(struct env_timer, opaque));

	t->fn(t);
}

u64 env_now(void)
{
	return clock_monotonic();
}

s64 env_time(void)
{
	return clock_realtime();
}

void env_timer_init(struct env_timer *t, void (*fn)(struct env_timer *t))
{
	t->fn = fn;
	timer_init(timer_of(t), TIMER_MONOTONIC, run_timer);
}

void env_timer_arm(struct env_timer *t, u64 expires_ns, u64 slack_ns)
{
	timer_arm(timer_of(t), expires_ns, slack_ns);
}

bool env_timer_cancel(struct env_timer *t)
{
	return timer_cancel(timer_of(t));
}

bool env_timer_cancel_sync(struct env_timer *t)
{
	return timer_cancel_sync(timer_of(t));
}

void env_sleep_until(u64 deadline_ns)
{
	while (clock_monotonic() < deadline_ns) {
		thread_prepare_wait(THREAD_SLEEP_UNINTR);
		schedule_deadline(deadline_ns, 0);
		thread_finish_wait();
	}
}
