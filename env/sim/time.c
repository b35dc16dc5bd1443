/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events, the clock, interrupts, timers and work of the simulated machine.
 */
#include "sim_impl.h"
#include <errno.h>
#include <string.h>

struct sim_work {
	struct env_work *next;
	u32 queued, pad;
};
static_assert(sizeof(struct sim_work) <= sizeof_field(struct env_work, opaque), "storage");

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
	sim_wake_all(ev);
	sim_step();
}

int env_event_wait(struct env_event *ev, u32 seq, u64 deadline_ns)
{
	sim_assert_may_sleep();
	sim_step();
	while (env_event_read(ev) == seq) {
		if (sim.now >= deadline_ns)
			return -ETIMEDOUT;
		if (sim_wait_on(ev, deadline_ns) && env_event_read(ev) == seq)
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
		if (sim_wait_on(&sim.now, deadline_ns))
			return;
}

/* ---- interrupts, timers, work ---- */

void host_call_queue(struct host_call *c)
{
	struct host_call **at = &sim.calls;

	if (c->queued)
		return;
	while (*at && sim_draw() % 4) /* interrupts have no order */
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
	s->expires = expires_ns + (slack_ns ? sim_draw() % slack_ns : 0);
	s->armed = 1;
	while (*at && ((struct sim_timer *)(*at)->opaque)->expires <= s->expires)
		at = &((struct sim_timer *)(*at)->opaque)->next;
	s->next = *at;
	*at = t;
	sim_step();
}

bool env_timer_cancel_sync(struct env_timer *t)
{
	sim_assert_may_sleep(); /* and so fn does not run */
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
	sim_wake_all(&sim.works);
	sim_step();
	return true;
}

void env_work_flush(struct env_work *w)
{
	sim_assert_may_sleep();
	while (((struct sim_work *)w->opaque)->queued || sim.running_work == w)
		sim_wait_on(&sim.running_work, NO_WAIT);
}

void sim_worker_main(void *arg)
{
	while (!sim.end) {
		struct env_work *w = sim.works;
		struct sim_work *s;

		if (!w) {
			sim_wait_on(&sim.works, NO_WAIT);
			continue;
		}
		s = (struct sim_work *)w->opaque;
		sim.works = s->next;
		if (!sim.works)
			sim.works_tail = &sim.works;
		s->queued = 0;
		sim.running_work = w;
		sim_step();
		w->fn(w);
		sim.running_work = NULL;
		if (sim.current->nheld || sim.current->readers)
			sim_give_up("work ends with a lock held");
		sim_wake_all(&sim.running_work);
		sim_step();
	}
}
