/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * High-resolution timers: a tree per CPU and clock, expiry in interrupt context. A timer belongs to
 * the CPU that armed it last.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/rbtree.h>

enum timer_clock { TIMER_MONOTONIC, TIMER_REALTIME, TIMER_BOOTTIME, TIMER_TAI };

struct timer {
	struct rb_node node;
	u64 expires_ns;		    /* in terms of its clock */
	u64 latest_ns;		    /* expires + slack: the order of the tree */
	void (*fn)(struct timer *); /* interrupt context; may arm the timer again */
	u32 cpu;		    /* whose tree; changes under that CPU's lock */
	u8 clock;		    /* enum timer_clock */
	u8 armed;		    /* the lock of cpu's tree */
};

void timer_init(struct timer *t, enum timer_clock clock, void (*fn)(struct timer *));
/*
 * Fire at @expires_ns, or up to @slack_ns later when that merges it with another. Past deadlines
 * fire soon, from the interrupt. Arming an armed timer moves it. Any context.
 */
void timer_arm(struct timer *t, u64 expires_ns, u64 slack_ns);
/* True if it was armed and will not fire. Does not wait for a running fn. Any context. */
bool timer_cancel(struct timer *t);
/* The same and wait until fn does not run. Not from fn. Interrupts on. */
bool timer_cancel_sync(struct timer *t);
bool timer_is_armed(const struct timer *t);
/* Called whenever CLOCK_REALTIME jumps; any context, must not sleep. Hooks stay for ever. */
struct clock_change_hook {
	struct clock_change_hook *next;
	void (*fn)(struct clock_change_hook *);
};
void clock_change_register(struct clock_change_hook *h);
/* This CPU: its hardware timer is known to be disarmed. Interrupts off. */
void timer_init_cpu(void);

struct trapframe;
/* The handler of IPI_TIMER (kernel/irq calls it). @tf: what was interrupted. Interrupts off. */
void timer_interrupt(struct trapframe *tf);
/*
 * Two more deadlines of this CPU, that need no lock: the scheduler's tick (sched_tick) and RCU's
 * (rcu_tick). The function is called once at @ns (CLOCK_MONOTONIC) or soon after; ~0: not.
 * Interrupts off.
 */
enum tick { TICK_SCHED, TICK_RCU, TICK_COUNT };
void timer_set_tick(enum tick which, u64 ns);
/* clock.c: CLOCK_REALTIME or TAI has jumped: all CPUs look again, hooks run. */
void timer_clock_changed(void);
