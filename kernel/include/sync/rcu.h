/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Read-copy-update. A read section is a stretch without preemption; a grace period ends when every
 * CPU has since switched, idled, or been interrupted where preemption was on (user mode is).
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <sched/preempt.h>

struct rcu_head {
	struct rcu_head *next;
	void (*fn)(struct rcu_head *);
};

static inline void rcu_read_lock(void)
{
	preempt_disable();
}

static inline void rcu_read_unlock(void)
{
	preempt_enable();
}

#define rcu_dereference(p)	 LOAD_ACQUIRE(p) /* a plain load on x86 */
#define rcu_assign_pointer(p, v) STORE_RELEASE(p, v)

/*
 * fn(head) runs after a grace period in a kernel thread of this CPU, preemption on; it must not
 * sleep for long (locks of the allocators are fine). Any context. No memory is needed.
 */
void rcu_call(struct rcu_head *head, void (*fn)(struct rcu_head *));
/* kfree(base) after a grace period; head is inside the object, at most 4 KiB behind base. */
void rcu_kfree(struct rcu_head *head, void *base);
/* Wait for a grace period. May sleep. */
void rcu_synchronize(void);
/* Wait until all callbacks queued before have run. May sleep. */
void rcu_barrier(void);
/* This CPU is not inside a read section now. Called by schedule(); interrupts or preemption off. */
void rcu_quiescent(void);
/* The idle loop, interrupts off: between these the CPU holds no references and is not asked. */
void rcu_idle_enter(void);
void rcu_idle_exit(void);
/*
 * Interrupts of the timer and the scheduler: report if the interrupted code was preemptible. True if
 * it was not and a grace period waits for this CPU.
 */
bool rcu_interrupt(void);
/* TICK_RCU is due (time/timer.c). Interrupts off. */
void rcu_tick(u64 now_ns);
void rcu_init(void);		       /* before the first rcu_call */
void rcu_cpu_online(unsigned cpu);     /* that CPU takes part from now on; called on it */
void rcu_start_threads(void);	       /* callbacks begin to run */
