/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The clocks. Everything is nanoseconds in u64/s64 from arch_counter() by multiply and shift;
 * readers take no lock (seqcount). All functions that read: any context.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <arch/time.h>

u64 clock_monotonic(void); /* CLOCK_MONOTONIC */
/* CLOCK_MONOTONIC @ns from now, saturating: a deadline for schedule_deadline. */
static inline u64 deadline_after(u64 ns)
{
	u64 now = clock_monotonic();

	return ns > ~0ull - 1 - now ? ~0ull : now + ns;
}
u64 clock_boottime(void);
s64 clock_realtime(void);  /* CLOCK_REALTIME since the epoch */
s64 clock_tai(void);
u64 clock_monotonic_raw(void);
/* The value at the last update of the coarse clocks; a busy CPU updates them every 4 ms. */
s64 clock_realtime_coarse(void);
u64 clock_monotonic_coarse(void);
#define CLOCK_COARSE_RES_NS 4000000

/* Nanoseconds since boot, not slewed: the scheduler's own clock, a few instructions. */
extern u64 sched_clock_mult, sched_clock_base; /* 32.32 ns per count; constant after clock_init */
static inline u64 sched_clock(void)
{
	return (u64)((unsigned __int128)(arch_counter() - sched_clock_base) * sched_clock_mult >> 32);
}

/*
 * settimeofday/clock_settime. Calls the hooks of time/timer.h and re-evaluates the realtime timers.
 * Returns 0; -EINVAL for a time before the epoch or before boot's. Context: interrupts on.
 */
int clock_set_realtime(s64 ns) MUST_CHECK;
/* The kernel's time zone (settimeofday's second argument), kept for gettimeofday and the vDSO. */
void clock_set_timezone(s32 minutes_west, s32 dst_time);
void clock_get_timezone(s32 *out_minutes_west, s32 *out_dst_time);
struct __kernel_timex;
/*
 * adjtimex: applies what modes ask and fills the struct. The clock state (TIME_OK..) or -EINVAL.
 * Rights are the caller's business. Context: interrupts on.
 */
int clock_adjust(struct __kernel_timex *tx) MUST_CHECK;
void clock_init(void); /* after arch_init_late: counter frequency known */
/* Bring the bases and coarse clocks up to date if they are older than a tick; @mono: clock_monotonic(). Interrupts off. */
void clock_tick(u64 mono);
/* Counter value at which CLOCK_MONOTONIC reaches @ns, or up to a second before; for timers. */
u64 clock_counter_at(u64 ns);
