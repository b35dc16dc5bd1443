/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scalar types of NOS, for the kernel and for the host (where they agree with libc's typedefs
 * of the same name). u64 is `unsigned long long`, as __u64 in the UAPI headers is: print it with
 * %llu.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <limits.h>

#include <lib/compiler.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long long s64;

/* Words of any object at any address. */
typedef u16 MAY_ALIAS __aligned(1) u16_any;
typedef u32 MAY_ALIAS __aligned(1) u32_any;
typedef u64 MAY_ALIAS __aligned(1) u64_any;

typedef long ssize_t;
typedef int pid_t;

typedef u64 paddr_t; /* a physical address */
typedef u64 vaddr_t; /* a virtual address, of the kernel or of a process, as a number */
typedef s64 nsec_t;  /* nanoseconds: a point on a monotonic clock or a distance */

static_assert(sizeof(long) == 8 && sizeof(void *) == 8, "NOS is an LP64 kernel");

#define U8_MAX  ((u8)~0)
#define U16_MAX ((u16)~0)
#define U32_MAX (~0U)
#define U64_MAX (~0ULL)
#define S32_MAX 0x7fffffff
#define S32_MIN (-S32_MAX - 1)
#define S64_MAX 0x7fffffffffffffffLL
#define S64_MIN (-S64_MAX - 1)

/* An address in user space: cannot be dereferenced, travels in one register. */
struct uptr {
	u64 va;
};

static inline struct uptr uptr_make(u64 va)
{
	return (struct uptr){va};
}

static inline struct uptr uptr_add(struct uptr p, u64 bytes)
{
	return (struct uptr){p.va + bytes};
}

static inline bool uptr_is_null(struct uptr p)
{
	return p.va == 0;
}

/* The address of a member of the user structure of @type at @p. */
#define uptr_field(p, type, field) uptr_add(p, offsetof(type, field))
