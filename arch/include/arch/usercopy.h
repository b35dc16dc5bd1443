/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Copies between kernel and user memory. A struct uptr may hold any value: addresses that are not wholly in the user half are refused without an
 * access. Page faults are served (may sleep) unless page faults are disabled (preemption off or pagefault_disable), then what is not present fails.
 * The _raw functions return the number of bytes NOT copied; portable code uses the wrappers of <mm/uaccess.h>.
 */
#include <lib/types.h>
#include <lib/compiler.h>

size_t arch_copy_from_user(void *dst, struct uptr src, size_t len) MUST_CHECK;
size_t arch_copy_to_user(struct uptr dst, const void *src, size_t len) MUST_CHECK;
size_t arch_clear_user(struct uptr dst, size_t len) MUST_CHECK;
/* Length of the string without its NUL, copied with NUL into dst (size bytes); -EFAULT; -ENAMETOOLONG when no NUL within size. */
ssize_t arch_strncpy_from_user(char *dst, struct uptr src, size_t size) MUST_CHECK;
/*
 * Atomic operations on a user u32 (futex); -EFAULT if not accessible. Page faults as above.
 * cmpxchg: stores the value found to *out_old.
 */
int arch_user_cmpxchg32(struct uptr p, u32 old, u32 new_value, u32 *out_old) MUST_CHECK;
/* FUTEX_OP_*: op as in <linux/futex.h> (SET ADD OR ANDN XOR); old value to *out_old. */
int arch_user_atomic_op32(struct uptr p, int op, u32 operand, u32 *out_old) MUST_CHECK;
/*
 * <arch_impl/usercopy.h>: inline int user_load8/16/32/64(T *out, struct uptr), user_store8/16/32/64(struct uptr, T): 0 or -EFAULT.
 */
#include <arch_impl/usercopy.h>
