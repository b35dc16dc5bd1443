/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A reference count that cannot wrap.
 *
 *	0               the object is dead; only refcount_set revives it
 *	1 .. INT_MAX    alive
 *	negative        saturated: pinned at REFCOUNT_SATURATED, the object leaks and is never freed
 *
 * Overflow, increment from zero and decrement below zero all saturate: a counting bug becomes a
 * leak, not a use after free. Between an addition and the store that pins it, 2^30 others would
 * have to run to leave the negative half.
 *
 * Order: dec_and_test releases before and acquires on zero, so the last owner sees all writes of
 * the others. Increments are relaxed: who increments holds a reference already, or found the
 * object under RCU and uses inc_not_zero.
 */
#pragma once

#include <lib/atomic.h>

#define REFCOUNT_SATURATED (INT_MIN / 2)
#define REFCOUNT_INIT(n)       \
	{                      \
		ATOMIC_INIT(n) \
	}

struct refcount {
	struct atomic n;
};

static inline void refcount_set(struct refcount *r, int n)
{
	atomic_store_relaxed(&r->n, n);
}

/* A snapshot, for assertions and statistics. */
static inline int refcount_read(const struct refcount *r)
{
	return atomic_load_relaxed(&r->n);
}

static inline bool refcount_is_saturated(const struct refcount *r)
{
	return refcount_read(r) < 0;
}

static COLD NOINLINE UNUSED void refcount_saturate(struct refcount *r)
{
	atomic_store_relaxed(&r->n, REFCOUNT_SATURATED);
}

/* The caller holds a reference already. @n > 0 */
static inline void refcount_add(struct refcount *r, int n)
{
	int old = atomic_fetch_add_relaxed(&r->n, n);

	if (unlikely(old <= 0 || old > INT_MAX - n))
		refcount_saturate(r);
}

static inline void refcount_inc(struct refcount *r)
{
	refcount_add(r, 1);
}

/* Take a reference unless the object is dead. False: it is, do not touch it. */
static inline MUST_CHECK
bool refcount_inc_not_zero(struct refcount *r)
{
	int old = atomic_load_relaxed(&r->n);

	do {
		if (old == 0)
			return false;
		if (unlikely(old < 0 || old == INT_MAX)) {
			refcount_saturate(r);
			return true;
		}
	} while (!atomic_cmpxchg_relaxed(&r->n, &old, old + 1));
	return true;
}

/* Drop @n references. True: they were the last, the caller frees the object. */
static inline MUST_CHECK
bool refcount_sub_and_test(struct refcount *r, int n)
{
	int old = atomic_fetch_sub_release(&r->n, n);

	if (old == n) {
		(void)atomic_load_acquire(&r->n);
		return true;
	}
	if (unlikely(old < n))
		refcount_saturate(r);
	return false;
}

static inline MUST_CHECK
bool refcount_dec_and_test(struct refcount *r)
{
	return refcount_sub_and_test(r, 1);
}
