/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers.
 *
 * Each CPU has one tree per clock base, ordered by the latest moment at which a timer may fire. The
 * interrupt fires leftmost timers while their earliest moment has come: what slack allows to merge
 * merges. The hardware is armed for the smallest latest moment of all trees and of the scheduler's
 * and RCU's ticks; it is armed anew only when something earlier comes, never because the first went away (it
 * then fires once for nothing, which is cheaper than arming it on each cancel).
 *
 * Locking: base->lock, interrupts off, guards the trees, base->running and the fields of the timers
 * whose `cpu` names the base. A timer changes its base only under the lock of the old one, when its
 * fn does not run. fn runs without the lock. Only the owner CPU touches armed_ns and tick_ns[].
 */
#include <time/timer.h>
#include <time/clock.h>
#include <arch/irq.h>
#include <arch/time.h>
#include <arch/trap.h>
#include <debug/panic.h>
#include <sched/cpumask.h>
#include <sched/sched.h>
#include <sync/rcu.h>
#include <sync/spinlock.h>

LOCK_CLASS(timer_base, RANK_TIMER, "one CPU's timers");

enum base_clock { BASE_MONOTONIC, BASE_REALTIME, BASE_TAI, BASE_COUNT };

struct timer_base {
	struct spinlock lock;
	struct rb_root_cached tree[BASE_COUNT];
	struct timer *running;
	u64 armed_ns; /* the hardware fires then or before; ~0 disarmed */
	u64 tick_ns[TICK_COUNT];
};
static DEFINE_PER_CPU(struct timer_base, timer_base);

static struct spinlock hooks_lock = SPINLOCK_INIT(timer_base);
static struct clock_change_hook *hooks;

static enum base_clock base_clock(const struct timer *t)
{
	switch (t->clock) {
	case TIMER_REALTIME: return BASE_REALTIME;
	case TIMER_TAI: return BASE_TAI;
	default: return BASE_MONOTONIC; /* this kernel does not suspend: boottime is monotonic */
	}
}

static bool timer_less(const struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct timer, node)->latest_ns <
		rb_entry(b, struct timer, node)->latest_ns;
}

void timer_init(struct timer *t, enum timer_clock clock, void (*fn)(struct timer *))
{
	*t = (struct timer){.fn = fn, .clock = (u8)clock};
	rb_clear(&t->node);
}

bool timer_is_armed(const struct timer *t)
{
	return READ_ONCE(t->armed);
}

/* The base that holds @t, locked; interrupts off. */
static struct timer_base *base_lock(struct timer *t)
{
	for (;;) {
		u32 cpu = LOAD_ACQUIRE(t->cpu);
		struct timer_base *b = per_cpu_ptr(&timer_base, cpu);

		spin_lock(&b->lock);
		if (likely(LOAD_ACQUIRE(t->cpu) == cpu))
			return b;
		spin_unlock(&b->lock);
	}
}

static bool detach_locked(struct timer_base *b, struct timer *t)
{
	if (!t->armed)
		return false;
	rb_erase_cached(&t->node, &b->tree[base_clock(t)]);
	WRITE_ONCE(t->armed, 0);
	return true;
}

static u64 base_now(enum base_clock c, u64 mono)
{
	if (c == BASE_REALTIME)
		return (u64)clock_realtime();
	if (c == BASE_TAI)
		return (u64)clock_tai();
	return mono;
}

/* When, on CLOCK_MONOTONIC, the first timer of tree @c, which is not empty, must fire. */
static u64 first_ns(struct timer_base *b, enum base_clock c, u64 mono)
{
	u64 latest = rb_entry(rb_first_cached(&b->tree[c]), struct timer, node)->latest_ns, now;

	if (c == BASE_MONOTONIC)
		return latest;
	now = base_now(c, mono);
	if (latest <= now)
		return mono;
	return latest - now > ~0ull - mono ? ~0ull : mono + (latest - now);
}

static void arm_hardware(struct timer_base *b, u64 ns)
{
	if (ns >= b->armed_ns)
		return;
	b->armed_ns = ns;
	arch_timer_arm(clock_counter_at(ns));
}

void timer_arm(struct timer *t, u64 expires_ns, u64 slack_ns)
{
	irqflags_t flags = irq_save();
	struct timer_base *mine = this_cpu_ptr(&timer_base), *b = base_lock(t);
	u32 cpu = READ_ONCE(t->cpu);
	enum base_clock c = base_clock(t);

	detach_locked(b, t);
	if (b != mine && b->running != t) {
		/* Who finds it there holds the lock of that base only, and must see it detached. */
		STORE_RELEASE(t->cpu, cpu_id());
		spin_unlock(&b->lock);
		/* Another may arm it meanwhile: look again where it is. */
		b = base_lock(t);
		detach_locked(b, t);
		cpu = READ_ONCE(t->cpu);
	}
	t->expires_ns = expires_ns;
	t->latest_ns = slack_ns > ~0ull - expires_ns ? ~0ull : expires_ns + slack_ns;
	WRITE_ONCE(t->armed, 1);
	rb_add_cached(&t->node, &b->tree[c], timer_less);
	if (rb_first_cached(&b->tree[c]) == &t->node) {
		if (b == mine) {
			arm_hardware(b, c == BASE_MONOTONIC ? t->latest_ns : first_ns(b, c, clock_monotonic()));
		} else {
			arch_ipi_send(cpu, IPI_TIMER);
		}
	}
	spin_unlock(&b->lock);
	irq_restore(flags);
}

bool timer_cancel(struct timer *t)
{
	irqflags_t flags = irq_save();
	struct timer_base *b = base_lock(t);
	bool was = detach_locked(b, t);

	spin_unlock(&b->lock);
	irq_restore(flags);
	return was;
}

bool timer_cancel_sync(struct timer *t)
{
	bool was = false;

	for (;;) {
		irqflags_t flags = irq_save();
		struct timer_base *b = base_lock(t);
		bool running;

		was |= detach_locked(b, t);
		running = b->running == t;
		spin_unlock(&b->lock);
		irq_restore(flags);
		if (!running)
			return was;
		cpu_relax();
	}
}

void timer_set_tick(enum tick which, u64 ns)
{
	struct timer_base *b = this_cpu_ptr(&timer_base);

	b->tick_ns[which] = ns;
	arm_hardware(b, ns);
}

/* Fire what is due in tree @c. */
static void run_tree(struct timer_base *b, enum base_clock c, u64 mono)
{
	u64 now = base_now(c, mono);

	for (;;) {
		struct rb_node *n = rb_first_cached(&b->tree[c]);
		struct timer *t = rb_entry_safe(n, struct timer, node);

		if (!t || t->expires_ns > now)
			return;
		detach_locked(b, t);
		b->running = t;
		spin_unlock(&b->lock);
		t->fn(t);
		spin_lock(&b->lock);
		b->running = NULL;
	}
}

void timer_interrupt(struct trapframe *tf)
{
	struct timer_base *b = this_cpu_ptr(&timer_base);
	u64 mono, next;

	b->armed_ns = ~0ull;
	mono = clock_monotonic();
	clock_tick(mono);
	spin_lock(&b->lock);
	for (unsigned c = 0; c < BASE_COUNT; c++)
		if (b->tree[c].leftmost)
			run_tree(b, c, mono);
	spin_unlock(&b->lock);
	rcu_interrupt();
	if (mono >= b->tick_ns[TICK_SCHED]) {
		b->tick_ns[TICK_SCHED] = ~0ull;
		sched_tick(mono, tf && tf_from_user(tf));
	}
	if (mono >= b->tick_ns[TICK_RCU]) {
		b->tick_ns[TICK_RCU] = ~0ull;
		rcu_tick(mono);
	}
	spin_lock(&b->lock);
	next = min(b->tick_ns[TICK_SCHED], b->tick_ns[TICK_RCU]);
	for (unsigned c = 0; c < BASE_COUNT; c++)
		if (b->tree[c].leftmost)
			next = min(next, first_ns(b, c, mono));
	arm_hardware(b, next);
	spin_unlock(&b->lock);
}

void clock_change_register(struct clock_change_hook *h)
{
	irqflags_t flags = spin_lock_irqsave(&hooks_lock);

	h->next = hooks;
	STORE_RELEASE(hooks, h);
	spin_unlock_irqrestore(&hooks_lock, flags);
}

void timer_clock_changed(void)
{
	unsigned cpu;

	/* Each CPU looks at its trees again: the moments of realtime timers have moved. */
	cpumask_for_each(cpu, &cpus_online)
		arch_ipi_send(cpu, IPI_TIMER);
	for (struct clock_change_hook *h = LOAD_ACQUIRE(hooks); h; h = LOAD_ACQUIRE(h->next))
		h->fn(h);
}

void timer_init_cpu(void)
{
	struct timer_base *b = this_cpu_ptr(&timer_base);

	spin_init(&b->lock, timer_base);
	for (unsigned c = 0; c < BASE_COUNT; c++)
		b->tree[c] = RB_ROOT_CACHED;
	b->armed_ns = b->tick_ns[TICK_SCHED] = b->tick_ns[TICK_RCU] = ~0ull;
}
