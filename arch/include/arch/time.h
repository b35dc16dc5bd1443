/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The counter that time is made of, the local one-shot timer, and the battery clock.
 */
#include <lib/types.h>
#include <lib/compiler.h>

/* Monotonic 64-bit counter, the same on all CPUs; inline u64 arch_counter(void) in <arch_impl/time.h>. Its frequency, after calibration. */
#include <arch_impl/time.h>
u64 arch_counter_hz(void);
/*
 * Arm this CPU's timer to raise IPI_TIMER once when arch_counter() reaches @counter (or as soon as possible if past; the hardware may fire early, the
 * kernel then arms again). ~0: disarm. Interrupts off.
 */
void arch_timer_arm(u64 counter);
/* Seconds since 1970 from the battery clock (or paravirtual wall clock), UTC. */
u64 arch_wall_clock_seconds(void);
