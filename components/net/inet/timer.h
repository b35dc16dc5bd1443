/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Timers of protocols: one wheel per shard, driven by time that is handed in, so that it needs no environment to be tested.
 *
 * Six levels of 64 slots; level 0 has ticks of 2^19 ns (0.5 ms), each level 64 times that. A timer never fires early and at most one tick
 * of its level late, as its distance is known with 1/64 at worst; one that moves down a level gets its precise slot.
 */
#include <lib/list.h>
#include <lib/types.h>

#define WHEEL_TICK_SHIFT 19
#define WHEEL_SLOTS 64
#define WHEEL_LEVELS 6
#define WHEEL_DUE U16_MAX /* level_slot of a timer that wheel_advance gave out */

struct inet;

struct inet_timer {
	struct list_head node; /* wheel->lock; empty: not armed */
	u64 expires_ns;
	/* In a thread, inside a read section, no lock held; may arm it again. */
	void (*fn)(struct inet *in, struct inet_timer *t);
	u16 shard; /* where it was armed last; written under that shard's lock */
	u16 level_slot;
};

struct wheel {
	u64 tick; /* all before it has fired */
	u64 occupied[WHEEL_LEVELS];
	u64 count;
	struct list_head slots[WHEEL_LEVELS][WHEEL_SLOTS];
};

/* The wheel itself: no lock, no environment. */
void wheel_init(struct wheel *w, u64 now_ns);
void wheel_add(struct wheel *w, struct inet_timer *t);
void wheel_remove(struct wheel *w, struct inet_timer *t);
/* Collect on @out what is due at @now_ns; until it is taken off there wheel_remove still works. */
void wheel_advance(struct wheel *w, u64 now_ns, struct list_head *out);
/* When wheel_advance is worth calling next (never late); U64_MAX: empty. */
u64 wheel_next(const struct wheel *w);

/*
 * The instance's timers. A timer belongs to something counted: who arms it holds a reference for it when inet_timer_arm says true (it was
 * not armed; arming one timer from two threads at once is the owner's to prevent), gives it back when inet_timer_cancel says true (it will not fire), and fn owns it otherwise.
 */
struct inet_shard;
void inet_timers_init(struct inet_shard *shard);
void inet_timers_fini(struct inet_shard *shard); /* nothing is armed any more; may sleep */
void inet_timer_init(struct inet_timer *t, void (*fn)(struct inet *in, struct inet_timer *t));
/* Fire at @expires_ns (env_now's clock); moves an armed one. True: it was not armed before.  Context: read section; any lock below NET_QUEUE. */
bool inet_timer_arm(struct inet *in, struct inet_timer *t, u64 expires_ns);
/* True: it was armed and fn will not be called for that. Does not wait for a running fn. */
bool inet_timer_cancel(struct inet *in, struct inet_timer *t);
/* A hint without a lock. */
static inline bool inet_timer_armed(const struct inet_timer *t)
{
	return READ_ONCE(t->shard) != U16_MAX;
}
