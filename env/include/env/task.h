/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What runs by itself: work (a function run soon, once), tasks (a thread of the component's own),
 *and events, the one way in which a thread waits.
 *
 * An event is a sequence number. Reading it, looking at the condition, and waiting for it to move
 *loses no wake-up, takes no lock and serves any number of waiters:
 *
 *	for (;;) {
 *		u32 seq = env_event_read(&ev);
 *
 *		if (condition)
 *			break;
 *		if (env_event_wait(&ev, seq, deadline))
 *			return -ETIMEDOUT;
 *	}
 */
#include <lib/compiler.h>
#include <lib/types.h>

#define ENV_FOREVER (~0ull) /* only for a wait that somebody is bound to end: say who */

struct env_work {
	void (*fn)(struct env_work *w);
	u64 opaque[3];
};

void env_work_init(struct env_work *w, void (*fn)(struct env_work *w));

/*
 * Run fn in a thread soon (it may sleep), unless it is queued already. It may be queued again as
 * soon as fn has started and never runs twice at the same time; fn may free @w. Context: any.
 * Returns: whether this call queued it. What the caller wrote before is seen by fn.
 */
bool env_work_queue(struct env_work *w);

/* Wait until it is neither queued nor running.  Context: may sleep; not from fn. */
void env_work_flush(struct env_work *w);

struct env_event {
	u64 opaque[5];
};

void env_event_init(struct env_event *ev);
/* Acquire: what was written before the env_event_signal that made the value is seen. Any context.
 */
u32 env_event_read(const struct env_event *ev);
/* Move it and wake all who wait.  Context: any. Costs one load and one add when nobody waits. */
void env_event_signal(struct env_event *ev);
/*
 * Sleep until the event is no longer at @seq or env_now() passes @deadline_ns.
 * Context: thread, no spinlock held.  Returns: 0; -ETIMEDOUT.
 */
int env_event_wait(struct env_event *ev, u32 seq, u64 deadline_ns) MUST_CHECK;

struct env_task;

/*
 * A thread that runs fn(arg) and ends when fn returns. @name is copied, 15 bytes of it.
 * Context: may sleep.  Returns: 0; -ENOMEM.  Ownership: the caller ends it with env_task_stop,
 * always.
 */
int env_task_start(
	void (*fn)(void *arg), void *arg, const char *name, struct env_task **out) MUST_CHECK;
/* Has env_task_stop been called for the running task? false in a thread that is none. */
bool env_task_should_stop(void);
/*
 * Ask @t to end, signal @wake (where it waits; may be NULL), wait until it has, and free it.
 * Context: may sleep; not from @t.
 */
void env_task_stop(struct env_task *t, struct env_event *wake);
