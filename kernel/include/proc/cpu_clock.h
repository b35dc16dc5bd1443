/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Clocks that count CPU time of a thread or process: CLOCK_{PROCESS,THREAD}_CPUTIME_ID and those of clock_getcpuclockid(3), whose
 * numbers are ~pid << 3 | (thread ? 4 : 0) | (0 user+system at tick, 1 user, 2 precise).
 */
#include <lib/types.h>
#include <lib/compiler.h>

struct task;
struct proc;

/* -EINVAL: no such clock, or the process is gone. */
int cpu_clock_read(int id, s64 *out_ns) MUST_CHECK;
/* clock_nanosleep on one. As the call; the caller's own thread clock is -EINVAL. */
s64 cpu_clock_sleep(int id, bool absolute, u64 ns, struct uptr rem);
/* The task a clock id names, referenced; whole process if *out_process. -EINVAL. */
int cpu_clock_task(int id, struct task **out, bool *out_process) MUST_CHECK;
u64 proc_cpu_ns(struct proc *p);
