/* SPDX-License-Identifier: BSD-2-Clause */
#include <sched/thread.h>
#include <time/sleep.h>

struct sleeper {
	struct timer timer;
	struct thread *thread;
	bool fired;
};

static void sleeper_fire(struct timer *t)
{
	struct sleeper *s = container_of(t, struct sleeper, timer);

	WRITE_ONCE(s->fired, true);
	thread_wake(s->thread);
}

bool schedule_clock(enum timer_clock clock, u64 deadline_ns, u64 slack_ns)
{
	struct sleeper s = {.thread = thread_current()};

	if (clock == TIMER_MONOTONIC || deadline_ns == ~0ull)
		return schedule_deadline(deadline_ns, slack_ns);
	timer_init(&s.timer, clock, sleeper_fire);
	timer_arm(&s.timer, deadline_ns, slack_ns);
	schedule();
	timer_cancel_sync(&s.timer);
	return !READ_ONCE(s.fired);
}
