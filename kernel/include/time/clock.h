/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The clocks. Everything is nanoseconds in u64/s64 from arch_counter() by multiply and shift; readers take no lock (seqcount).
 */
#include <lib/types.h>
#include <lib/compiler.h>

u64 clock_monotonic(void);	/* CLOCK_MONOTONIC; any context */
/* CLOCK_MONOTONIC @ns from now, saturating: a deadline for schedule_deadline. */
static inline u64 deadline_after(u64 ns)
{
	u64 now = clock_monotonic();

	return ns > ~0ull - 1 - now ? ~0ull : now + ns;
}

u64 clock_boottime(void);
s64 clock_realtime(void);	/* CLOCK_REALTIME since the epoch */
s64 clock_tai(void);
u64 clock_monotonic_raw(void);
/* The value at the last update of the coarse clocks. */
s64 clock_realtime_coarse(void);
u64 clock_monotonic_coarse(void);

/* settimeofday/clock_settime. Wakes timers with TFD_TIMER_CANCEL_ON_SET by the callbacks of time/timer.h. */
int clock_set_realtime(s64 ns) MUST_CHECK;
struct __kernel_timex;
/* adjtimex: fills the struct; applies what modes ask. The clock state (TIME_OK..) or -EINVAL. */
int clock_adjust(struct __kernel_timex *tx) MUST_CHECK;
void clock_init(void);	/* after arch_init_late: counter frequency known */
