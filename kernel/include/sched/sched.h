/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The scheduler as others use it. Mechanism: see sched/thread.h and kernel/sched/README.md.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <sched/thread.h>
#include <sched/preempt.h>

/* Boot CPU: the running code becomes its idle thread. After clock_init, rcu_init; before timer_init_cpu. */
void sched_init(void);
/* CPU's idle thread is running; before timer_init_cpu and before interrupts are enabled on it. */
void sched_init_secondary(unsigned cpu);
/*
 * Once, in a thread, when all CPUs are there: RCU's threads, workers, detectors. Until then callbacks
 * and works only queue up. May sleep.
 */
void sched_start_services(void);
void sched_idle_loop(void) NORETURN;
/* Make the idle thread for @cpu (arch_cpu_start). -ENOMEM. */
int sched_make_idle(unsigned cpu, struct thread **out) MUST_CHECK;
/*
 * Called by arch code on a thread's first switch, before its entry function. Finishes the switch and
 * returns as schedule() does: interrupts on, preemption depth 0.
 */
void sched_tail(struct thread *prev);

/* Handlers that kernel/irq calls, interrupts off, preempt_count raised by PREEMPT_IRQ. */
void sched_interrupt(void);		   /* IPI_RESCHED */
void sched_tick(u64 now_ns, bool from_user); /* called by time/timer.c: the tick is due */
void task_tick(struct thread *t); /* upcall: @t has used CPU time; interrupts off */
/* First thing of every interrupt: an idle CPU is awake again (RCU). */
static inline void sched_irq_enter(void);

void sched_yield_now(void);
/*
 * Checked by the personality (rights); here -EINVAL for bad values, -EBUSY if deadline bandwidth is
 * exhausted. Context: may sleep, or a spinlock held that no interrupt takes; interrupts on.
 */
int sched_set_params(struct thread *t, const struct sched_params *p) MUST_CHECK;
void sched_get_params(struct thread *t, struct sched_params *out);
/* -EINVAL if no CPU of mask exists. Returns when @t runs, or will next run, on an allowed CPU. */
int sched_set_affinity(struct thread *t, const struct cpumask *mask) MUST_CHECK;
void sched_get_affinity(struct thread *t, struct cpumask *out);
u64 sched_rr_interval_ns(struct thread *t);
/* Inheritance by PI futexes: @prio 1..99, 0 ends it. Context as sched_set_params. */
void sched_set_pi(struct thread *t, unsigned prio);
/* CPU time consumed, including the current slice. */
u64 sched_runtime_ns(struct thread *t);
/*
 * User and system time so far; their sum is sched_runtime_ns. Modes are sampled by the tick (4 ms while a user thread
 * runs) and the exact sum is divided in that ratio; never decreases.
 */
void sched_cputime(struct thread *t, u64 *out_utime_ns, u64 *out_stime_ns);
/* Keep the running thread on this CPU; nests. */
void sched_migrate_disable(void);
void sched_migrate_enable(void);

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

DECLARE_PER_CPU(u32, rcu_cpu_idle); /* sync/rcu.c: 1 while this CPU idles outside RCU's sight */
static inline void sched_irq_enter(void)
{
	if (unlikely(this_cpu_read(rcu_cpu_idle)))
		rcu_idle_exit();
}
