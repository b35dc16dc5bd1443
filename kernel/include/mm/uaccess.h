/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * User memory, for system calls: 0 or -EFAULT. May sleep.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <arch/usercopy.h>
#include <debug/kasan.h>

static inline int MUST_CHECK copy_from_user(void *dst, struct uptr src, size_t len)
{
	kasan_check_write(dst, len);
	return arch_copy_from_user(dst, src, len) ? -EFAULT : 0;
}

static inline int MUST_CHECK copy_to_user(struct uptr dst, const void *src, size_t len)
{
	kasan_check_read(src, len);
	return arch_copy_to_user(dst, src, len) ? -EFAULT : 0;
}

static inline int MUST_CHECK clear_user(struct uptr dst, size_t len)
{
	return arch_clear_user(dst, len) ? -EFAULT : 0;
}

/*
 * A struct that has grown over the years (clone_args, open_how): copies min(ksize, usize), zeroes the rest; -E2BIG if the user's extra bytes are not zero.
 */
int copy_struct_from_user(void *dst, size_t ksize, struct uptr src, size_t usize) MUST_CHECK;

/* While > 0 on this thread, faults in user copies are not served: the copy fails at once. */
void pagefault_disable(void);
void pagefault_enable(void);
