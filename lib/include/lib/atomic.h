/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Typed atomics, a thin coat over the C11 memory model. Every operation names its order; there is
 * no default.
 *
 *	struct atomic (int)   struct atomic64 (s64)   struct atomic_ptr (void *)
 *
 *	X_load_{relaxed,acquire,seq}(a)             X_store_{relaxed,release,seq}(a, v)
 *	X_xchg_ORDER(a, v)                          -> old
 *	X_cmpxchg_ORDER(a, &expected, v)            -> bool; expected := what was there
 *	X_fetch_{add,sub,and,or,xor}_ORDER(a, v)    -> old   (not for atomic_ptr)
 *	X_{add,sub}_ORDER(a, v)                     no result; compiles to `lock add` and the like
 *
 * ORDER is relaxed, acquire, release, acqrel or seq. Arithmetic wraps. A failed cmpxchg orders as
 * a load of the same strength would (acquire, acqrel, seq: acquire or seq; otherwise relaxed).
 */
#pragma once

#include <lib/types.h>

struct atomic {
	int v;
};
struct atomic64 {
	s64 v;
};
struct atomic_ptr {
	void *v;
};

#define ATOMIC_INIT(x) \
	{              \
		(x)    \
	}

#define ATOMIC_LOAD_(name, obj, type, sfx, order)                          \
	static __always_inline type name##_load_##sfx(const struct obj *a) \
	{                                                                  \
		return __atomic_load_n(&a->v, order);                      \
	}
#define ATOMIC_STORE_(name, obj, type, sfx, order)                            \
	static __always_inline void name##_store_##sfx(struct obj *a, type v) \
	{                                                                     \
		__atomic_store_n(&a->v, v, order);                            \
	}
#define ATOMIC_XCHG_(name, obj, type, sfx, order, fail_order)                                     \
	static __always_inline type name##_xchg_##sfx(struct obj *a, type v)                      \
	{                                                                                         \
		return __atomic_exchange_n(&a->v, v, order);                                      \
	}                                                                                         \
	static __always_inline bool name##_cmpxchg_##sfx(struct obj *a, type *expected, type v)   \
	{                                                                                         \
		return __atomic_compare_exchange_n(&a->v, expected, v, false, order, fail_order); \
	}
#define ATOMIC_FETCH_(name, obj, type, op, sfx, order)                               \
	static __always_inline type name##_fetch_##op##_##sfx(struct obj *a, type v) \
	{                                                                            \
		return __atomic_fetch_##op(&a->v, v, order);                         \
	}
#define ATOMIC_VOID_(name, obj, type, op, sfx, order)                          \
	static __always_inline void name##_##op##_##sfx(struct obj *a, type v) \
	{                                                                      \
		(void)__atomic_fetch_##op(&a->v, v, order);                    \
	}
#define ATOMIC_ARITH_(name, obj, type, sfx, order)      \
	ATOMIC_FETCH_(name, obj, type, add, sfx, order) \
	ATOMIC_FETCH_(name, obj, type, sub, sfx, order) \
	ATOMIC_FETCH_(name, obj, type, and, sfx, order) \
	ATOMIC_FETCH_(name, obj, type, or, sfx, order)  \
	ATOMIC_FETCH_(name, obj, type, xor, sfx, order) \
	ATOMIC_VOID_(name, obj, type, add, sfx, order)  \
	ATOMIC_VOID_(name, obj, type, sub, sfx, order)

#define ATOMIC_COMMON_(name, obj, type)                                            \
	ATOMIC_LOAD_(name, obj, type, relaxed, __ATOMIC_RELAXED)                   \
	ATOMIC_LOAD_(name, obj, type, acquire, __ATOMIC_ACQUIRE)                   \
	ATOMIC_LOAD_(name, obj, type, seq, __ATOMIC_SEQ_CST)                       \
	ATOMIC_STORE_(name, obj, type, relaxed, __ATOMIC_RELAXED)                  \
	ATOMIC_STORE_(name, obj, type, release, __ATOMIC_RELEASE)                  \
	ATOMIC_STORE_(name, obj, type, seq, __ATOMIC_SEQ_CST)                      \
	ATOMIC_XCHG_(name, obj, type, relaxed, __ATOMIC_RELAXED, __ATOMIC_RELAXED) \
	ATOMIC_XCHG_(name, obj, type, acquire, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE) \
	ATOMIC_XCHG_(name, obj, type, release, __ATOMIC_RELEASE, __ATOMIC_RELAXED) \
	ATOMIC_XCHG_(name, obj, type, acqrel, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)  \
	ATOMIC_XCHG_(name, obj, type, seq, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#define ATOMIC_NUMBER_(name, obj, type)                           \
	ATOMIC_COMMON_(name, obj, type)                           \
	ATOMIC_ARITH_(name, obj, type, relaxed, __ATOMIC_RELAXED) \
	ATOMIC_ARITH_(name, obj, type, acquire, __ATOMIC_ACQUIRE) \
	ATOMIC_ARITH_(name, obj, type, release, __ATOMIC_RELEASE) \
	ATOMIC_ARITH_(name, obj, type, acqrel, __ATOMIC_ACQ_REL)  \
	ATOMIC_ARITH_(name, obj, type, seq, __ATOMIC_SEQ_CST)

ATOMIC_NUMBER_(atomic, atomic, int)
ATOMIC_NUMBER_(atomic64, atomic64, s64)
ATOMIC_COMMON_(atomic_ptr, atomic_ptr, void *)

#undef ATOMIC_NUMBER_
#undef ATOMIC_COMMON_
#undef ATOMIC_ARITH_
#undef ATOMIC_VOID_
#undef ATOMIC_FETCH_
#undef ATOMIC_XCHG_
#undef ATOMIC_STORE_
#undef ATOMIC_LOAD_

/*
 * Fences, for the algorithms that need one apart from an access. (The thread sanitizer does not
 * see them.)
 */
#define atomic_fence_acquire() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define atomic_fence_release() __atomic_thread_fence(__ATOMIC_RELEASE)
#define atomic_fence_seq()     __atomic_thread_fence(__ATOMIC_SEQ_CST)
