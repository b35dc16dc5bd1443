/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Single accesses to user memory, inline. A faulting one goes on at its label (extable), with SMAP's window still open: closed there.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <arch_impl/layout.h>
#include <arch_x86/asm.h>

#define USER_ACCESS_(bits, suffix, reg)                                                            \
	static inline int MUST_CHECK user_load##bits(u##bits *out, struct uptr p)                  \
	{                                                                                          \
		u##bits v;                                                                         \
                                                                                                   \
		if (unlikely(p.va > USER_VA_END - sizeof(v)))                                      \
			return -EFAULT;                                                            \
		__asm__ goto volatile(STAC "1: mov" suffix " %1, %" reg "0\n" CLAC                 \
				EXTABLE_("1b", "%l[fault]")                                              \
				: "=r"(v)                                                          \
				: "m"(*(const u##bits *)(unsigned long)p.va)                       \
				:                                                                  \
				: fault);                                                          \
		*out = v;                                                                          \
		return 0;                                                                          \
	fault:                                                                                     \
		__asm__ volatile(CLAC);                                                            \
		return -EFAULT;                                                                    \
	}                                                                                          \
	static inline int MUST_CHECK user_store##bits(struct uptr p, u##bits v)                    \
	{                                                                                          \
		if (unlikely(p.va > USER_VA_END - sizeof(v)))                                      \
			return -EFAULT;                                                            \
		__asm__ goto volatile(STAC "1: mov" suffix " %" reg "0, %1\n" CLAC                 \
				EXTABLE_("1b", "%l[fault]")                                              \
				:                                                                  \
				: "r"(v), "m"(*(u##bits *)(unsigned long)p.va)                     \
				: "memory"                                                         \
				: fault);                                                          \
		return 0;                                                                          \
	fault:                                                                                     \
		__asm__ volatile(CLAC);                                                            \
		return -EFAULT;                                                                    \
	}
USER_ACCESS_(8, "b", "b")
USER_ACCESS_(16, "w", "w")
USER_ACCESS_(32, "l", "k")
USER_ACCESS_(64, "q", "q")
#undef USER_ACCESS_
