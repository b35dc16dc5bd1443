/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include <lib/types.h>
#include <lib/compiler.h>

/* The time-stamp counter, not read ahead of earlier loads: what one CPU has seen, another that read later does not undercut. */
static inline u64 arch_counter(void)
{
	u64 lo, hi;

	__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
	return lo | hi << 32;
}
