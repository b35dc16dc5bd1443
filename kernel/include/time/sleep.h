/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Sleeping until a moment of any clock. CLOCK_REALTIME and CLOCK_TAI sleepers follow when the clock is set.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <time/timer.h>

/* As schedule_deadline (after thread_prepare_wait), with the deadline in @clock; ~0: none. False when it has passed. */
bool schedule_clock(enum timer_clock clock, u64 deadline_ns, u64 slack_ns);
