/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Read-copy-update. A read section is a stretch without preemption; a grace period ends when every CPU has since switched, idled or been in user mode.
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

#define rcu_dereference(p)	__atomic_load_n(&(p), __ATOMIC_CONSUME)
#define rcu_assign_pointer(p, v) __atomic_store_n(&(p), (v), __ATOMIC_RELEASE)

/* fn runs in thread context or soft work after a grace period; must not sleep. Any context. Batched per CPU. */
void rcu_call(struct rcu_head *head, void (*fn)(struct rcu_head *));
/* kfree after a grace period. */
void rcu_kfree(struct rcu_head *head, void *base);
/* Wait for a grace period. May sleep. */
void rcu_synchronize(void);
/* Wait until all callbacks queued before have run. May sleep. */
void rcu_barrier(void);
/* Called by the scheduler and the user/idle edges. */
void rcu_quiescent(void);
void rcu_idle_enter(void);
void rcu_idle_exit(void);
void rcu_init(void);
