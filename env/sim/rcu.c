/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Read sections of the simulated machine: a grace period is a moment at which nobody is in one.
 */
#include "sim_impl.h"

static void run_rcu(void *arg)
{
	struct env_rcu *r = sim.rcu, *next;

	if (sim.readers)
		return; /* the last to leave calls again */
	sim.rcu = NULL;
	for (; r; r = next) {
		next = (struct env_rcu *)(unsigned long)r->opaque[0];
		r->fn(r);
	}
	sim_wake_all(&sim.rcu);
}

static void kick_rcu(void)
{
	if (sim.readers || !sim.rcu)
		return;
	sim.rcu_call.fn = run_rcu;
	host_call_queue(&sim.rcu_call);
}

void env_rcu_enter(void)
{
	sim.readers++;
	if (!sim.in_irq)
		sim.current->readers++;
	sim_step();
}

void env_rcu_exit(void)
{
	ENV_ASSERT(sim.readers && (sim.in_irq || sim.current->readers));
	sim.readers--;
	if (!sim.in_irq)
		sim.current->readers--;
	kick_rcu();
	sim_step();
}

void env_rcu_call(struct env_rcu *r, void (*fn)(struct env_rcu *r))
{
	r->fn = fn;
	r->opaque[0] = (unsigned long)sim.rcu;
	sim.rcu = r;
	kick_rcu();
}

void env_rcu_barrier(void)
{
	sim_assert_may_sleep();
	while (sim.rcu)
		sim_wait_on(&sim.rcu, NO_WAIT);
}
