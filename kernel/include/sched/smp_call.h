/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Run a function on other CPUs, in interrupt context there.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <sched/thread.h>

/* On every CPU of @mask but this one, and wait. Interrupts on, preemption off or on. fn must not sleep. */
void smp_call(const struct cpumask *mask, void (*fn)(void *), void *arg);
void smp_call_one(unsigned cpu, void (*fn)(void *), void *arg);
extern struct cpumask cpus_online; /* written at boot only */
