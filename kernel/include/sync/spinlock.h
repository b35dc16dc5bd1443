/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Spinlock: short sections that do not sleep. Taking it disables preemption; the _irqsave variants also interrupts: use them for a lock that an interrupt handler
 * takes too. Test-and-set with bounded back-off, not a ticket: a virtual CPU that is not running must not stop those behind it.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <arch/cpu.h>
#include <sched/preempt.h>
#include <sync/lockdep.h>

struct spinlock {
	u32 locked;
	struct lock_class *klass;
};

#define SPINLOCK_INIT(class_id) {.klass = &lock_class_##class_id}
#define spin_init(l, class_id)	spin_init_class(l, &lock_class_##class_id)
void spin_init_class(struct spinlock *l, struct lock_class *klass);
void spin_lock_slow(struct spinlock *l);

static inline void spin_lock_raw(struct spinlock *l)
{
	if (unlikely(__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE)))
		spin_lock_slow(l);
}

static inline void spin_lock_dep(struct spinlock *l, bool trylock, bool nested)
{
	if (NOS_DEBUG)
		lockdep_acquire(l->klass, l, trylock, nested, false);
}

static inline void spin_lock(struct spinlock *l)
{
	preempt_disable();
	spin_lock_dep(l, false, false);
	spin_lock_raw(l);
}

/* A second lock of the same rank; the caller keeps an order (address, tree). */
static inline void spin_lock_nested(struct spinlock *l)
{
	preempt_disable();
	spin_lock_dep(l, false, true);
	spin_lock_raw(l);
}

static inline bool MUST_CHECK spin_trylock(struct spinlock *l)
{
	preempt_disable();
	if (__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE)) {
		preempt_enable();
		return false;
	}
	spin_lock_dep(l, true, false);
	return true;
}

static inline void spin_unlock_raw(struct spinlock *l)
{
	if (NOS_DEBUG)
		lockdep_release(l->klass, l);
	__atomic_store_n(&l->locked, 0, __ATOMIC_RELEASE);
}

static inline void spin_unlock(struct spinlock *l)
{
	spin_unlock_raw(l);
	preempt_enable();
}

static inline irqflags_t MUST_CHECK spin_lock_irqsave(struct spinlock *l)
{
	irqflags_t flags = irq_save();

	spin_lock(l);
	return flags;
}

static inline void spin_unlock_irqrestore(struct spinlock *l, irqflags_t flags)
{
	spin_unlock_raw(l);
	irq_restore(flags);
	preempt_enable();
}

#define spin_assert_held(l)                                                                        \
	do {                                                                                       \
		if (NOS_DEBUG && !lockdep_held(l))                                                 \
			panic("%s:%d: lock not held", __FILE__, __LINE__);                         \
	} while (0)
#include <debug/panic.h>
