/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Read sections: what a reader found through a published pointer stays until it leaves.
 *
 *	reader:  env_rcu_enter, LOAD_ACQUIRE of the pointer, use, env_rcu_exit
 *	writer:  unlink (STORE_RELEASE), env_rcu_call(&x->rcu, free_it)
 *
 * Sections nest and never sleep; spinlocks may be taken inside. A thread inside one keeps its CPU.
 */
#include <lib/compiler.h>
#include <lib/types.h>

struct env_rcu {
	void (*fn)(struct env_rcu *r);
	u64 opaque[2];
};

void env_rcu_enter(void); /* any context */
void env_rcu_exit(void);
/* fn(r) when every section that is open now has ended; it must not sleep. Needs no memory.  Context: any. */
void env_rcu_call(struct env_rcu *r, void (*fn)(struct env_rcu *r));
/* Wait until all that was called before has run.  Context: may sleep. */
void env_rcu_barrier(void);

/* The number of the CPU that runs this, for a choice among shards; exact inside a read section or under a spinlock.  Context: any. */
unsigned env_cpu(void);
