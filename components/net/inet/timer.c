/* SPDX-License-Identifier: BSD-2-Clause */
#include "timer.h"

#include <lib/bits.h>
#include "core.h"

/* ---- the wheel ---- */

#define SLOT_MASK (WHEEL_SLOTS - 1)

void wheel_init(struct wheel *w, u64 now_ns)
{
	memset(w, 0, sizeof(*w));
	w->tick = now_ns >> WHEEL_TICK_SHIFT;
	for (unsigned l = 0; l < WHEEL_LEVELS; l++)
		for (unsigned s = 0; s < WHEEL_SLOTS; s++)
			list_init(&w->slots[l][s]);
}

/* The tick in which it is due: never before its time. */
static u64 due_tick(const struct inet_timer *t)
{
	return (t->expires_ns >> WHEEL_TICK_SHIFT) + 1;
}

void wheel_add(struct wheel *w, struct inet_timer *t)
{
	u64 due = max(due_tick(t), w->tick), ahead = due - w->tick;
	unsigned level = ahead < WHEEL_SLOTS ? 0 : (unsigned)(63 - __builtin_clzll(ahead)) / 6, slot;

	if (level >= WHEEL_LEVELS) { /* a year ahead: as far as it goes, then again */
		level = WHEEL_LEVELS - 1;
		due = w->tick + ((u64)SLOT_MASK << 6 * level);
	}
	slot = (unsigned)(due >> 6 * level) & SLOT_MASK;
	t->level_slot = (u16)(level * WHEEL_SLOTS + slot);
	list_add_tail(&t->node, &w->slots[level][slot]);
	w->occupied[level] |= 1ull << slot;
	w->count++;
}

static void remove_slotted(struct wheel *w, struct inet_timer *t)
{
	unsigned level = t->level_slot / WHEEL_SLOTS, slot = t->level_slot & SLOT_MASK;

	list_del_init(&t->node);
	if (list_empty(&w->slots[level][slot]))
		w->occupied[level] &= ~(1ull << slot);
	w->count--;
}

void wheel_remove(struct wheel *w, struct inet_timer *t)
{
	if (t->level_slot == WHEEL_DUE) {
		list_del_init(&t->node);
		return;
	}
	remove_slotted(w, t);
}

/* The first tick >= w->tick at which level @l has something to do; U64_MAX: none. */
static u64 next_of_level(const struct wheel *w, unsigned l)
{
	u64 at = w->tick >> 6 * l, turned;
	unsigned shift = (unsigned)at & SLOT_MASK;

	if (!w->occupied[l])
		return U64_MAX;
	turned = shift ? w->occupied[l] >> shift | w->occupied[l] << (64 - shift) : w->occupied[l];
	/* Above level 0 the slot under the hand has been emptied downwards when the hand came, unless it has just come (tick is at its
	 * start): what is in it otherwise is due a whole turn later. */
	if (l && (turned & 1) && (w->tick & ((1ull << 6 * l) - 1))) {
		turned &= ~1ull;
		if (!turned)
			return (at + 64) << 6 * l;
	}
	return (at + (unsigned)__builtin_ctzll(turned)) << 6 * l;
}

static u64 next_tick(const struct wheel *w)
{
	u64 next = U64_MAX;

	for (unsigned l = 0; l < WHEEL_LEVELS; l++)
		next = min(next, max(next_of_level(w, l), w->tick));
	return next;
}

u64 wheel_next(const struct wheel *w)
{
	u64 tick = w->count ? next_tick(w) : U64_MAX;

	return tick == U64_MAX ? U64_MAX : tick << WHEEL_TICK_SHIFT;
}

/* The hand stands at w->tick: bring the slots of the higher levels that begin there down. */
static void cascade(struct wheel *w)
{
	for (unsigned l = 1; l < WHEEL_LEVELS && !(w->tick & ((1ull << 6 * l) - 1)); l++) {
		unsigned slot = (unsigned)(w->tick >> 6 * l) & SLOT_MASK;
		struct list_head moved;

		list_init(&moved);
		list_splice(&w->slots[l][slot], &moved);
		w->occupied[l] &= ~(1ull << slot);
		while (!list_empty(&moved)) {
			struct inet_timer *t = list_first_entry(&moved, struct inet_timer, node);

			list_del(&t->node);
			w->count--;
			wheel_add(w, t);
		}
	}
}

void wheel_advance(struct wheel *w, u64 now_ns, struct list_head *out)
{
	u64 now = now_ns >> WHEEL_TICK_SHIFT;

	while (w->tick <= now) {
		u64 next = w->count ? next_tick(w) : U64_MAX;
		unsigned slot;

		if (next > now) {
			w->tick = now + 1;
			break;
		}
		w->tick = next;
		cascade(w);
		slot = (unsigned)w->tick & SLOT_MASK;
		while (!list_empty(&w->slots[0][slot])) {
			struct inet_timer *t = list_first_entry(&w->slots[0][slot], struct inet_timer, node);

			remove_slotted(w, t);
			t->level_slot = WHEEL_DUE;
			list_add_tail(&t->node, out);
		}
		w->tick++;
	}
}

/* ---- the instance's ---- */

void inet_timer_init(struct inet_timer *t, void (*fn)(struct inet *in, struct inet_timer *t))
{
	list_init(&t->node);
	t->fn = fn;
	t->shard = U16_MAX;
}

static void arm_tick(struct inet_shard *shard)
{
	u64 next = wheel_next(&shard->wheel);

	if (next >= shard->armed_for || READ_ONCE(shard->in->closing))
		return;
	shard->armed_for = next;
	env_timer_arm(&shard->tick, next, 1u << WHEEL_TICK_SHIFT);
}

static void tick_fires(struct env_timer *tick)
{
	env_work_queue(&container_of(tick, struct inet_shard, tick)->tick_work);
}

static struct inet_timer *take_due(struct inet_shard *shard)
{
	unsigned long flags = env_spin_lock(&shard->wheel_lock);
	struct inet_timer *t = list_first_entry_or_null(&shard->due, struct inet_timer, node);

	if (t) {
		wheel_remove(&shard->wheel, t);
		WRITE_ONCE(t->shard, U16_MAX);
	}
	env_spin_unlock(&shard->wheel_lock, flags);
	return t;
}

#define TIMERS_A_SECTION 64

static void run_ticks(struct env_work *work)
{
	struct inet_shard *shard = container_of(work, struct inet_shard, tick_work);
	struct inet *in = shard->in;
	struct inet_timer *t;
	unsigned long flags = env_spin_lock(&shard->wheel_lock);

	shard->armed_for = U64_MAX;
	wheel_advance(&shard->wheel, env_now(), &shard->due);
	arm_tick(shard);
	env_spin_unlock(&shard->wheel_lock, flags);
	do {
		unsigned n = 0;

		inet_enter(in);
		while (n++ < TIMERS_A_SECTION && (t = take_due(shard)))
			t->fn(in, t);
		inet_leave(in);
	} while (t);
}

ENV_LOCK_CLASS(inet_wheel, RANK_INET_LEAF, "timers of one shard");

void inet_timers_init(struct inet_shard *shard)
{
	env_spin_init(&shard->wheel_lock, &env_lock_class_inet_wheel);
	wheel_init(&shard->wheel, env_now());
	list_init(&shard->due);
	shard->armed_for = U64_MAX;
	env_timer_init(&shard->tick, tick_fires);
	env_work_init(&shard->tick_work, run_ticks);
}

void inet_timers_fini(struct inet_shard *shard)
{
	env_timer_cancel_sync(&shard->tick);
	env_work_flush(&shard->tick_work);
	ENV_ASSERT(!shard->wheel.count && list_empty(&shard->due));
}

bool inet_timer_cancel(struct inet *in, struct inet_timer *t)
{
	for (;;) {
		u16 at = READ_ONCE(t->shard);
		struct inet_shard *shard;
		unsigned long flags;
		bool was;

		if (at == U16_MAX)
			return false;
		shard = &in->shards[at];
		flags = env_spin_lock(&shard->wheel_lock);
		was = READ_ONCE(t->shard) == at;
		if (was) {
			wheel_remove(&shard->wheel, t);
			WRITE_ONCE(t->shard, U16_MAX);
		}
		env_spin_unlock(&shard->wheel_lock, flags);
		if (was)
			return true;
	}
}

bool inet_timer_arm(struct inet *in, struct inet_timer *t, u64 expires_ns)
{
	bool was = inet_timer_cancel(in, t);
	struct inet_shard *shard = inet_shard(in);
	unsigned long flags = env_spin_lock(&shard->wheel_lock);

	ENV_ASSERT(READ_ONCE(t->shard) == U16_MAX);
	t->expires_ns = expires_ns;
	WRITE_ONCE(t->shard, (u16)(shard - in->shards));
	wheel_add(&shard->wheel, t);
	arm_tick(shard);
	env_spin_unlock(&shard->wheel_lock, flags);
	return !was;
}
