/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The lock of what the kernel's log is written through: a bare word, taken with interrupts off, because the log is written from any context, also by who
 * holds the highest-ranking lock. Nothing is taken inside but what says that it may be.
 */
#include <arch/cpu.h>
#include <lib/types.h>

#define LOG_LOCK_SPINS (1u << 22)

static inline irqflags_t log_lock_take(u32 *lock)
{
	irqflags_t flags = irq_save();

	/* Bounded: what is under it takes microseconds, so somebody died with it. */
	for (u32 i = 0; i < LOG_LOCK_SPINS && __atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE); i++)
		cpu_relax();
	return flags;
}

static inline void log_lock_drop(u32 *lock, irqflags_t flags)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
	irq_restore(flags);
}
