/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* A user address of a host test is an address of its own; those in the first page fault. */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/errno.h>

#define HOST_USER_ACCESS(bits)                                                                     \
	static inline int MUST_CHECK user_load##bits(u##bits *out, struct uptr p)                  \
	{                                                                                          \
		return arch_copy_from_user(out, p, sizeof(*out)) ? -EFAULT : 0;                    \
	}                                                                                          \
	static inline int MUST_CHECK user_store##bits(struct uptr p, u##bits v)                    \
	{                                                                                          \
		return arch_copy_to_user(p, &v, sizeof(v)) ? -EFAULT : 0;                          \
	}
HOST_USER_ACCESS(8)
HOST_USER_ACCESS(16)
HOST_USER_ACCESS(32)
HOST_USER_ACCESS(64)
#undef HOST_USER_ACCESS
