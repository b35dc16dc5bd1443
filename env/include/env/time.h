/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Time: nanoseconds. In sim it stands still until nobody can run, then jumps to what is next.
 */
#include <lib/compiler.h>
#include <lib/types.h>

u64 env_now(void);  /* monotonic; any context */
s64 env_time(void); /* since the epoch, may jump; any context */

/* A deadline @ns from now, saturating. */
static inline u64 env_deadline(u64 ns)
{
	u64 now = env_now();

	return ns > ~0ull - 1 - now ? ~0ull : now + ns;
}

struct env_timer {
	void (*fn)(struct env_timer *t);
	u64 opaque[9];
};

/* @fn is called in any context (an interrupt's), must not sleep, and may arm the timer again. */
void env_timer_init(struct env_timer *t, void (*fn)(struct env_timer *t));
/*
 * Call fn at @expires_ns, up to @slack_ns later if that merges it with others. Arming an armed
 * timer moves it.  Context: any.
 */
void env_timer_arm(struct env_timer *t, u64 expires_ns, u64 slack_ns);
/* Whether it was armed and fn will not be called for that. Does not wait for a running fn. Any
 * context. */
bool env_timer_cancel(struct env_timer *t);
/* The same, and fn does not run afterwards: @t may be freed.  Context: thread, not holding what fn
 * takes. */
bool env_timer_cancel_sync(struct env_timer *t);

/* Sleep until env_now() is @deadline_ns.  Context: may sleep. */
void env_sleep_until(u64 deadline_ns);
