/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The scheduler on the build machine: HOST_CPUS host threads play CPUs, coroutines are the kernel's
 * threads, a further host thread moves the clock and fires the timers. Booted at the first use, once
 * per process.
 */
#include <lib/types.h>

#define HOST_CPUS 4

/* Run @fn in a kernel thread and wait for it. Called by tests, that is, from outside. */
void host_run(void (*fn)(void));
/* Inside: start @n threads of @fn(index), wait until all have returned. */
void host_parallel(unsigned n, void (*fn)(unsigned index));
/* From now on the clock moves by host_time_advance only (true), or with the machine's (false). */
void host_time_manual(bool manual);
void host_time_advance(u64 ns);
/* A random number; any thread. */
u64 host_rand(u64 below);
/* Blocks that kmalloc gave and kfree has not got back. */
s64 host_live_blocks(void);
