/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What the host tests of mm put in place of the rest of the kernel: locks that spin, RCU that looks at the preemption counts, a log that prints.
 * Each host thread plays a CPU (host_cpu); a panic ends the program, unless the test expects it.
 */
#include <lib/types.h>
#include <lib/compiler.h>

/* Fresh memory of @len bytes, frames and slabs initialised, @cpus CPUs. */
void env_init(size_t len, unsigned cpus);
/* Run what rcu_call has queued. */
void env_rcu_flush(void);
/* Does @fn panic? The message goes to *out if not NULL. */
bool env_panics(void (*fn)(void *), void *arg, const char **out);
/* Run fn(arg) as CPU 0..n-1 at once. */
void env_run_cpus(unsigned n, void (*fn)(void *), void *arg);
/* How often oom_kill() was called; it makes thread_kill_pending() true. */
extern u64 env_oom_kills;
extern bool env_kill_pending;
/*
 * Let the @n-th allocation from now fail (mm/fail.h); 0: none. What env_fail_left() says afterwards: 0, it has failed.
 */
void env_fail_nth(u32 n);
u32 env_fail_left(void);
