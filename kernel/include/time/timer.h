/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * High-resolution timers: a heap per CPU, expiry in interrupt context. A timer belongs to the CPU that armed it last.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/rbtree.h>

enum timer_clock { TIMER_MONOTONIC, TIMER_REALTIME, TIMER_BOOTTIME, TIMER_TAI };

struct timer {
	struct rb_node node;
	u64 expires_ns;		/* in terms of its clock */
	u64 slack_ns;		/* may fire this much later, to be merged with others */
	void (*fn)(struct timer *); /* interrupt context; may arm the timer again */
	u32 cpu;
	u8 clock;		/* enum timer_clock */
	u8 state;
};

void timer_init(struct timer *t, enum timer_clock clock, void (*fn)(struct timer *));
/* Any context. Past deadlines fire at once (soon, from the interrupt). Arming an armed timer moves it. */
void timer_arm(struct timer *t, u64 expires_ns, u64 slack_ns);
/* True if it was armed and will not fire. Does not wait for a running fn. Any context. */
bool timer_cancel(struct timer *t);
/* The same and wait until fn does not run. Not from fn. Interrupts on. */
bool timer_cancel_sync(struct timer *t);
bool timer_is_armed(const struct timer *t);
/* Called whenever CLOCK_REALTIME jumps. */
struct clock_change_hook {
	struct clock_change_hook *next;
	void (*fn)(struct clock_change_hook *);
};
void clock_change_register(struct clock_change_hook *h);
void timer_init_cpu(void);
