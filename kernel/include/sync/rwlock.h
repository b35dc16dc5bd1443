/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Sleeping reader/writer lock. Writers are not starved; readers do not nest.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <sync/lockdep.h>
#include <sync/spinlock.h>

struct rwlock {
	s64 state;	/* readers, or writer and waiter flags */
	struct spinlock lock;
	struct list_head waiters;
	struct lock_class *klass;
};

#define rwlock_init(l, class_id) rwlock_init_class(l, &lock_class_##class_id)
void rwlock_init_class(struct rwlock *l, struct lock_class *klass);
void read_lock(struct rwlock *l);
int read_lock_killable(struct rwlock *l) MUST_CHECK;
bool read_trylock(struct rwlock *l) MUST_CHECK;
void read_unlock(struct rwlock *l);
void write_lock(struct rwlock *l);
void write_lock_nested(struct rwlock *l); /* a second lock of the same rank; the caller keeps an order (tree, address) */
int write_lock_killable(struct rwlock *l) MUST_CHECK;
bool write_trylock(struct rwlock *l) MUST_CHECK;
void write_unlock(struct rwlock *l);
void write_downgrade(struct rwlock *l);
