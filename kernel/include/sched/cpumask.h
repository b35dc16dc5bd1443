/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Sets of CPUs.
 */
#include <lib/types.h>
#include <lib/bitmap.h>
#include <arch/cpu.h>

struct cpumask {
	unsigned long bits[MAX_CPUS / 64];
};

static inline bool cpumask_test(const struct cpumask *m, unsigned cpu)
{
	return bitmap_test(m->bits, cpu);
}

static inline void cpumask_set(struct cpumask *m, unsigned cpu)
{
	bitmap_set(m->bits, cpu);
}

static inline void cpumask_clear(struct cpumask *m, unsigned cpu)
{
	bitmap_clear(m->bits, cpu);
}

static inline unsigned cpumask_first_and(
	const struct cpumask *a, const struct cpumask *b, unsigned from)
{
	return (unsigned)bitmap_find_next_and(a->bits, b->bits, MAX_CPUS, from);
}

/* Word by word, atomically each: readers of @dst see a mix of old and new at worst. */
static inline void cpumask_copy(struct cpumask *dst, const struct cpumask *src)
{
	for (unsigned i = 0; i < MAX_CPUS / 64; i++)
		WRITE_ONCE(dst->bits[i], READ_ONCE(src->bits[i]));
}

/* @cpu: an unsigned variable */
#define cpumask_for_each(cpu, m)                                                                   \
	for (cpu = (unsigned)bitmap_find_next_set((m)->bits, MAX_CPUS, 0); cpu < MAX_CPUS;         \
		cpu = (unsigned)bitmap_find_next_set((m)->bits, MAX_CPUS, cpu + 1))

/* Written at boot only; a CPU is in it when it schedules. */
extern struct cpumask cpus_online;
extern unsigned cpus_online_count; /* atomic */
static inline unsigned cpus_online_nr(void)
{
	return READ_ONCE(cpus_online_count);
}
