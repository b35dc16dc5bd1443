/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Sequence count: readers retry when a writer was there. Writers exclude each other by a lock of theirs, and do not get preempted inside.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <arch/cpu.h>
#include <sched/preempt.h>

struct seqcount {
	u32 seq;
};

static inline u32 seq_begin(const struct seqcount *s)
{
	u32 seq;

	while (unlikely((seq = __atomic_load_n(&s->seq, __ATOMIC_ACQUIRE)) & 1))
		cpu_relax();
	return seq;
}

static inline bool seq_retry(const struct seqcount *s, u32 seq)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return unlikely(__atomic_load_n(&s->seq, __ATOMIC_RELAXED) != seq);
}

static inline void seq_write_begin(struct seqcount *s)
{
	preempt_disable();
	__atomic_store_n(&s->seq, s->seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void seq_write_end(struct seqcount *s)
{
	__atomic_store_n(&s->seq, s->seq + 1, __ATOMIC_RELEASE);
	preempt_enable();
}
