/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Single accesses to user memory, inline. A faulting one goes on at its label (extable), with SMAP's window still open: closed there. What is not a user address
 * becomes, by computation and not by a branch, the first address that is none, where nothing is ever mapped: so no guess of the processor reads kernel memory
 * through a user's pointer.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/errno.h>
#include <arch_impl/layout.h>
#include <arch_x86/asm.h>

static inline unsigned long user_sanitize(u64 va)
{
	__asm__("cmpq %1, %0\n\tcmovaq %1, %0" : "+r"(va) : "r"(USER_VA_END) : "cc");
	return va;
}

#define USER_ACCESS_(bits, suffix, reg)                                                            \
	static inline int MUST_CHECK user_load##bits(u##bits *out, struct uptr p)                  \
	{                                                                                          \
		unsigned long va = user_sanitize(p.va);                                            \
		u##bits v;                                                                         \
                                                                                                   \
		__asm__ goto volatile(STAC "1: mov" suffix " %1, %" reg "0\n" CLAC                 \
				EXTABLE_("1b", "%l[fault]")                                              \
				: "=r"(v)                                                          \
				: "m"(*(const u##bits *)va)                                        \
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
		unsigned long va = user_sanitize(p.va);                                            \
                                                                                                   \
		__asm__ goto volatile(STAC "1: mov" suffix " %" reg "0, %1\n" CLAC                 \
				EXTABLE_("1b", "%l[fault]")                                              \
				:                                                                  \
				: "r"(v), "m"(*(u##bits *)va)                                      \
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
