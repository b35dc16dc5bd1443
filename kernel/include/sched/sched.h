/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The scheduler as others use it. Mechanism: see sched/thread.h and kernel/sched/README.md.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <sched/thread.h>
#include <sched/preempt.h>

void sched_init(void);			/* boot CPU: the running code becomes its idle thread */
void sched_init_secondary(unsigned cpu); /* CPU's idle thread is running */
void sched_idle_loop(void) NORETURN;
/* Make the idle thread for @cpu (arch_cpu_start). -ENOMEM. */
int sched_make_idle(unsigned cpu, struct thread **out) MUST_CHECK;
/* Called by arch code on a thread's first switch. */
void sched_tail(struct thread *prev);

void sched_yield_now(void);
/* Checked by the personality (rights); here -EINVAL for bad values, -EBUSY if deadline bandwidth is exhausted. */
int sched_set_params(struct thread *t, const struct sched_params *p) MUST_CHECK;
void sched_get_params(struct thread *t, struct sched_params *out);
/* -EINVAL if no CPU of mask exists. Returns when @t runs, or will next run, on an allowed CPU. */
int sched_set_affinity(struct thread *t, const struct cpumask *mask) MUST_CHECK;
void sched_get_affinity(struct thread *t, struct cpumask *out);
u64 sched_rr_interval_ns(struct thread *t);
/* Inheritance by PI futexes and mutexes: @prio 1..99, 0 ends it. */
void sched_set_pi(struct thread *t, unsigned prio);
/* User and system time so far; their sum is sched_runtime_ns, and neither ever goes back. */
void sched_cputime(struct thread *t, u64 *out_utime_ns, u64 *out_stime_ns);
/* CPU time consumed, including the current slice. */
u64 sched_runtime_ns(struct thread *t);

/* Threads on run queues (fair+rt+dl), context switches, steals...; folded from the CPUs when read. */
struct sched_stats {
	u64 switches, wakeups, migrations, steals, steal_tries, ipis, forks, running;
	u64 idle_ns, user_ns, system_ns, irq_ns; /* of one CPU */
};
void sched_stats(unsigned cpu, struct sched_stats *out);
/* Load averages in 1/65536 for 1, 5, 15 minutes. */
void sched_loadavg(u64 out[3]);
/* Probability in 1/1024 that an idle CPU tries to steal on each round. */
extern unsigned sched_steal_prob;
