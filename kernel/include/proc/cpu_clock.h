/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Clocks that count CPU time of a thread or process: CLOCK_{PROCESS,THREAD}_CPUTIME_ID and those of clock_getcpuclockid(3), whose
 * numbers are ~pid << 3 | (thread ? 4 : 0) | (0 user+system at tick, 1 user, 2 precise).
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>

struct task;
struct proc;

/* -EINVAL: no such clock, or the process is gone. */
int cpu_clock_read(int id, s64 *out_ns) MUST_CHECK;
/* clock_nanosleep on one. As the call; the caller's own thread clock is -EINVAL. */
s64 cpu_clock_sleep(int id, bool absolute, u64 ns, struct uptr rem);
/* The task a clock id names, referenced; whole process if *out_process. -EINVAL. */
int cpu_clock_task(int id, struct task **out, bool *out_process) MUST_CHECK;

/*
 * Something to be done when a CPU clock reaches a time. task, process and user_only are set before the first arm; @fn runs in interrupt context without locks and
 * may arm again. The owner keeps task referenced until the watch is cancelled.
 */
struct cpu_watch {
	struct list_head link;	/* task->proc->cpu_lock; so are at, queued, firing */
	struct task *task;
	bool process;		/* the clock of all its threads */
	bool user_only;
	bool queued, firing;
	u64 at;
	void (*fn)(struct cpu_watch *w);
};
u64 cpu_watch_now(const struct cpu_watch *w); /* the clock; any context */
void cpu_watch_arm(struct cpu_watch *w, u64 at);
void cpu_watch_cancel(struct cpu_watch *w);
void cpu_watch_cancel_sync(struct cpu_watch *w); /* fn has returned, too; the caller holds no lock that fn takes */
