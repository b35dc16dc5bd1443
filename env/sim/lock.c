/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Locks of the simulated machine: each taking is a step, ranks are checked.
 */
#include "sim_impl.h"
#include <string.h>

struct sim_lock {
	struct env_task *owner;
	const struct env_lock_class *klass;
};
static_assert(sizeof(struct sim_lock) <= sizeof(struct env_spin), "storage");

static void check_rank(const struct env_lock_class *klass)
{
	struct env_task *self = sim.current;

	if (sim.in_irq)
		return; /* on top of whatever was interrupted, which holds no spinlock */
	if (self->nheld && self->held[self->nheld - 1]->rank >= klass->rank)
		sim_give_up("a lock is taken against its rank");
	if (self->nheld == MAX_HELD)
		sim_give_up("too many locks held");
	self->held[self->nheld++] = klass;
}

static void forget_rank(const struct env_lock_class *klass)
{
	struct env_task *self = sim.current;
	unsigned i = self->nheld;

	if (sim.in_irq)
		return;
	while (i && self->held[i - 1] != klass)
		i--;
	ENV_ASSERT(i);
	memmove(&self->held[i - 1], &self->held[i], (self->nheld - i) * sizeof(self->held[0]));
	self->nheld--;
}

void env_mutex_init(struct env_mutex *m, const struct env_lock_class *klass)
{
	*(struct sim_lock *)m->opaque = (struct sim_lock){NULL, klass};
}

void env_mutex_lock(struct env_mutex *m)
{
	struct sim_lock *l = (struct sim_lock *)m->opaque;

	sim_assert_may_sleep();
	sim_step();
	if (l->owner == sim.current)
		sim_give_up("a mutex is locked twice");
	check_rank(l->klass);
	while (l->owner)
		sim_wait_on(l, NO_WAIT);
	l->owner = sim.current;
}

void env_mutex_unlock(struct env_mutex *m)
{
	struct sim_lock *l = (struct sim_lock *)m->opaque;

	env_mutex_assert_held(m);
	l->owner = NULL;
	forget_rank(l->klass);
	sim_wake_all(l);
	sim_step();
}

void env_mutex_assert_held(const struct env_mutex *m)
{
	ENV_ASSERT(!sim.in_irq && ((const struct sim_lock *)m->opaque)->owner == sim.current);
}

void env_spin_init(struct env_spin *s, const struct env_lock_class *klass)
{
	*(struct sim_lock *)s->opaque = (struct sim_lock){NULL, klass};
}

unsigned long env_spin_lock(struct env_spin *s)
{
	struct sim_lock *l = (struct sim_lock *)s->opaque;

	sim_step();
	if (l->owner)
		sim_give_up("a spinlock is taken twice");
	check_rank(l->klass);
	l->owner = sim.current;
	return sim.spins++;
}

void env_spin_unlock(struct env_spin *s, unsigned long flags)
{
	struct sim_lock *l = (struct sim_lock *)s->opaque;

	env_spin_assert_held(s);
	l->owner = NULL;
	forget_rank(l->klass);
	sim.spins--;
	ENV_ASSERT(sim.spins == flags);
	sim_step();
}

void env_spin_assert_held(const struct env_spin *s)
{
	ENV_ASSERT(((const struct sim_lock *)s->opaque)->owner == sim.current);
}
