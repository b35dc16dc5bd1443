/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Mutex: sections that may sleep. Adaptive: spins while the owner runs, then queues. One atomic operation each way without contention. Hand-off to a waiter that has been
 * passed over. Not recursive; the owner unlocks.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <sync/lockdep.h>
#include <sync/spinlock.h>

struct mutex {
	u64 owner;	/* atomic: struct thread * | flags (mutex.c) */
	struct spinlock lock;	/* waiters */
	struct list_head waiters;
	struct lock_class *klass;
};

#define mutex_init(m, class_id) mutex_init_class(m, &lock_class_##class_id)
#define MUTEX_INIT(name, class_id)                                                                 \
	{.lock = {.klass = &lock_class_mutex_wait}, .waiters = LIST_HEAD_INIT((name).waiters), .klass = &lock_class_##class_id}
extern struct lock_class lock_class_mutex_wait;
void mutex_init_class(struct mutex *m, struct lock_class *klass);
void mutex_lock(struct mutex *m);
void mutex_lock_nested(struct mutex *m);
int mutex_lock_killable(struct mutex *m) MUST_CHECK; /* 0 or -EINTR when a fatal signal is pending */
int mutex_lock_interruptible(struct mutex *m) MUST_CHECK;
bool mutex_trylock(struct mutex *m) MUST_CHECK;
void mutex_unlock(struct mutex *m);
bool mutex_is_locked(const struct mutex *m);
void mutex_assert_held(const struct mutex *m);
