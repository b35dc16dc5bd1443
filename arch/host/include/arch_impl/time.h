/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include <lib/types.h>

/* Virtual time: one count is one nanosecond, and it stands still unless the test moves it. */
extern u64 host_counter;
extern u64 host_timer[]; /* per CPU: what arch_timer_arm asked for, ~0 none */

static inline u64 arch_counter(void)
{
	return __atomic_load_n(&host_counter, __ATOMIC_RELAXED);
}
