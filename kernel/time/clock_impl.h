/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Between clock.c (bases and readers) and adjust.c (adjtimex: what rate, which second is a leap).
 */
#include <lib/types.h>
#include <time/clock.h>

#define NSEC_PER_SEC 1000000000ll

/* clock.c, for adjust.c. All under the clock lock. */
irqflags_t clock_lock(void);
void clock_unlock(irqflags_t flags);
void clock_update_locked(void);
s64 clock_realtime_locked(void);
/* Run at (1 + rate) where rate is in ns per second, 2^-16. */
void clock_set_rate_locked(s64 ns_per_s_16);
/* Shift CLOCK_REALTIME by @delta_ns; TAI = REALTIME + @tai seconds from now on. */
void clock_step_locked(s64 delta_ns, s32 tai);

/* adjust.c, called under the clock lock with each second that CLOCK_REALTIME has begun. */
bool adjust_second_locked(s64 second); /* true: REALTIME jumped (leap second) */
/* adjust.c: a second must not be missed (slewing or a leap second ahead). */
bool adjust_is_active_locked(void);
/* The clock was set: the discipline forgets. */
void adjust_clear_locked(void);
/* clock.c */
void clock_start_seconds(void);
s32 clock_tai_offset_locked(void);
