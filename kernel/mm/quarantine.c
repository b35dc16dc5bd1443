/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Freed objects wait here before their memory is given out again, so that a use after free finds it poisoned: per CPU a ring for small objects and one for
 * large ones, from which an object comes out when as many others have been freed. At most half a MiB of each CPU waits.
 *
 * A ring belongs to its CPU, as a magazine does: preemption is off inside, an interrupt that finds `busy` does not let its object wait, and a drain that
 * does is made up for by the owner.
 */
#include <arch/smp.h>
#include <sched/preempt.h>
#include <sched/smp_call.h>
#include "slab_impl.h"

#define SMALL	    512u /* bytes */
#define SMALL_SLOTS 512u
#define LARGE_SLOTS 32u

struct waiting {
	struct slab_cache *cache;
	void *obj;
};

struct quarantine {
	u32 busy, drain;
	u32 small_at, large_at; /* the oldest of each ring */
	struct waiting small[SMALL_SLOTS], large[LARGE_SLOTS];
};
static DEFINE_PER_CPU(struct quarantine, quarantine);

/* All out, on the CPU whose it is; it is not busy. */
static void drain(struct quarantine *q)
{
	for (unsigned i = 0; i < SMALL_SLOTS + LARGE_SLOTS; i++) {
		struct waiting *w = i < SMALL_SLOTS ? &q->small[i] : &q->large[i - SMALL_SLOTS];
		struct waiting old = *w;

		w->obj = NULL;
		if (old.obj)
			slab_put_back(old.cache, old.obj);
	}
}

static void leave(struct quarantine *q)
{
	if (unlikely(READ_ONCE(q->drain))) {
		drain(q);
		__atomic_store_n(&q->drain, 0, __ATOMIC_RELEASE);
	}
	barrier();
	WRITE_ONCE(q->busy, 0);
	preempt_enable();
}

/* NULL: it is busy, this is an interrupt. */
static struct quarantine *enter(void)
{
	struct quarantine *q;

	preempt_disable();
	q = this_cpu_ptr(&quarantine);
	if (READ_ONCE(q->busy)) {
		preempt_enable();
		return NULL;
	}
	WRITE_ONCE(q->busy, 1);
	barrier();
	return q;
}

bool quarantine_swap(struct slab_cache **c, void **obj)
{
	bool is_small = (*c)->stride <= SMALL;
	struct quarantine *q;
	struct waiting *w, old;

	if ((*c)->flags & SLAB_RCU || !(q = enter()))
		return true;
	if (is_small) {
		w = &q->small[q->small_at];
		q->small_at = (q->small_at + 1) % SMALL_SLOTS;
	} else {
		w = &q->large[q->large_at];
		q->large_at = (q->large_at + 1) % LARGE_SLOTS;
	}
	old = *w;
	*w = (struct waiting){*c, *obj};
	leave(q);
	*c = old.cache;
	*obj = old.obj;
	return old.obj != NULL;
}

static void drain_on_cpu(void *arg)
{
	struct quarantine *q = this_cpu_ptr(&quarantine);

	if (q->busy)
		WRITE_ONCE(q->drain, 1);
	else
		drain(q);
}

void quarantine_drain(void)
{
	struct quarantine *q = enter();

	if (q) {
		drain(q);
		leave(q);
	}
	if (cpu_count() == 1)
		return;
	smp_call(&cpus_online, drain_on_cpu, NULL);
	for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
		while (__atomic_load_n(&per_cpu_ptr(&quarantine, cpu)->drain, __ATOMIC_ACQUIRE))
			cpu_relax();
}
