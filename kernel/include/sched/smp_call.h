/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Run a function on other CPUs, in interrupt context there.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <sched/cpumask.h>

/*
 * On every online CPU of @mask but this one, and wait until all have returned. fn must not sleep.
 * Context: interrupts on, preemption off or on; no lock that an interrupt handler takes is held.
 */
void smp_call(const struct cpumask *mask, void (*fn)(void *), void *arg);
/* On @cpu, which may be this one (then with interrupts off), and wait. */
void smp_call_one(unsigned cpu, void (*fn)(void *), void *arg);
/* The handler of IPI_CALL (kernel/irq calls it); interrupts off. */
void smp_call_interrupt(void);
