/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The page that the vDSO reads the time from. Written by time/clock.c under the seq; mapped read-only into every process just below the vDSO.
 * A fine clock is clock[id] plus ((counter - cycle_last) * mult >> 32) ns, mult being raw_mult for CLOCK_MONOTONIC_RAW; a coarse one is clock[id].
 */
#include <lib/types.h>

#define VVAR_CLOCKS 12 /* by the numbers of <linux/time.h>; those without a value are zero and make the system call */

struct vvar_clock {
	u64 sec, ns; /* ns < 10^9; at cycle_last */
};

struct vvar {
	u32 seq; /* odd: being written */
	s32 tz_minuteswest, tz_dsttime;
	u64 cycle_last, mult, raw_mult;
	struct vvar_clock clock[VVAR_CLOCKS];
};
