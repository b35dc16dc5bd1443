/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the language lacks: attributes, container_of, checked min/max, alignment, single-copy
 * accesses.
 *
 * READ_ONCE/WRITE_ONCE/LOAD_ACQUIRE/STORE_RELEASE take an lvalue of 1, 2, 4 or 8 bytes (integer or
 * pointer) and access it exactly once. They are __atomic operations, so the thread sanitizer
 * understands them.
 */
#pragma once

#ifndef static_assert
#define static_assert _Static_assert
#endif

#undef __always_inline
#define __always_inline inline __attribute__((__always_inline__))
#undef __packed
#define __packed __attribute__((__packed__))
#undef __aligned
#define __aligned(n) __attribute__((__aligned__(n)))

#define MUST_CHECK        __attribute__((__warn_unused_result__))
#define NORETURN          __attribute__((__noreturn__))
#define NOINLINE          __attribute__((__noinline__))
#define COLD              __attribute__((__cold__))
#define UNUSED            __attribute__((__unused__))
#define USED              __attribute__((__used__))
#define MAY_ALIAS         __attribute__((__may_alias__))
#define SECTION(name)     __attribute__((__section__(name)))
#define FALLTHROUGH       __attribute__((__fallthrough__))
#define PRINTF_LIKE(f, a) __attribute__((__format__(__printf__, f, a)))

/* For functions that read whole words across the end of an object, within its aligned word. */
#define NO_ASAN                                     \
	__attribute__((__no_sanitize__("address"))) \
	__attribute__((__no_sanitize__("kernel-address")))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* The compiler neither moves nor caches memory accesses across it. Not a processor barrier. */
#define barrier() __asm__ volatile("" ::: "memory")

/* Hide where the value of @var came from, so that the compiler does not reason across. */
#define OPAQUE(var) __asm__ volatile("" : "+r"(var))

#define READ_ONCE(x)        __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)    __atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
#define LOAD_ACQUIRE(x)     __atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define STORE_RELEASE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELEASE)

#define SAME_TYPE(a, b) __builtin_types_compatible_p(__typeof__(a), __typeof__(b))

/* 0, or a compile error when @cond holds; usable inside an expression. */
#define BUILD_ZERO_UNLESS(cond) ((int)sizeof(char[1 - 2 * !!(cond)]) * 0)

/* Elements of an array; a pointer does not compile. */
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]) + BUILD_ZERO_UNLESS(SAME_TYPE(a, &(a)[0])))

#define sizeof_field(type, field) sizeof(((type *)0)->field)

/* The structure of @type whose member @field lies at @ptr (not NULL). */
#define container_of(ptr, type, field)                                                          \
	({                                                                                      \
		static_assert(SAME_TYPE(*(ptr), ((type *)0)->field) || SAME_TYPE(*(ptr), void), \
			"container_of: pointer is not of the field's type");                    \
		(type *)(void *)((char *)(ptr) - __builtin_offsetof(type, field));              \
	})

/*
 * Both sides must be signed or both unsigned; the _t forms convert first. Arguments are evaluated
 * once; not for pointers.
 */
#define IS_SIGNED(x) (((__typeof__(x))-1) < (__typeof__(x))1)
#define ASSERT_SAME_SIGN(a, b) \
	static_assert(IS_SIGNED(a) == IS_SIGNED(b), "min/max of signed and unsigned")
#define min(a, b)                                  \
	({                                         \
		__auto_type min_a_ = (a);          \
		__auto_type min_b_ = (b);          \
		ASSERT_SAME_SIGN(min_a_, min_b_);  \
		min_a_ < min_b_ ? min_a_ : min_b_; \
	})
#define max(a, b)                                  \
	({                                         \
		__auto_type max_a_ = (a);          \
		__auto_type max_b_ = (b);          \
		ASSERT_SAME_SIGN(max_a_, max_b_);  \
		max_a_ > max_b_ ? max_a_ : max_b_; \
	})
#define min_t(type, a, b)        min((type)(a), (type)(b))
#define max_t(type, a, b)        max((type)(a), (type)(b))
#define clamp(v, lo, hi)         min(max(v, lo), hi)
#define clamp_t(type, v, lo, hi) min_t(type, max_t(type, v, lo), hi)

#define swap(a, b)                             \
	do {                                   \
		__typeof__(a) swap_tmp_ = (a); \
		(a) = (b);                     \
		(b) = swap_tmp_;               \
	} while (0)

/*
 * @align is a power of two. Constant arguments give a constant; align_up wraps at the type's end.
 */
#define ALIGN_MASK(x, align)     ((__typeof__(x))(align)-1)
#define align_down(x, align)     ((x) & ~ALIGN_MASK(x, align))
#define align_up(x, align)       (((x) + ALIGN_MASK(x, align)) & ~ALIGN_MASK(x, align))
#define is_aligned(x, align)     (((x)&ALIGN_MASK(x, align)) == 0)
#define align_ptr_up(p, align)   ((__typeof__(p))align_up((unsigned long)(p), align))
#define align_ptr_down(p, align) ((__typeof__(p))align_down((unsigned long)(p), align))

#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))

#define STRINGIFY_(x) #x
#define STRINGIFY(x)  STRINGIFY_(x)
#define CONCAT_(a, b) a##b
#define CONCAT(a, b)  CONCAT_(a, b)
