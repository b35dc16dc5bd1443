/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The page that the vDSO reads the time from. Written by time/clock.c under the seq; mapped read-only into every process just below the vDSO.
 * ns(clock) = base_ns[clock] + ((counter - cycle_last) * mult >> shift)
 */
#include <lib/types.h>

struct vvar {
	u32 seq;	/* odd: being written */
	u32 mode;	/* 1: the counter may be read in user mode; 0: make the system call */
	u64 cycle_last;
	u32 mult, shift;
	s64 realtime_ns, monotonic_ns, boottime_ns, tai_ns, raw_ns; /* at cycle_last */
	s64 realtime_coarse_ns, monotonic_coarse_ns;
	u32 raw_mult, pad;
	s32 tz_minuteswest, tz_dsttime;
};
