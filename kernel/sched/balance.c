/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moving threads between CPUs. Nobody touches another CPU's queue:
 *
 *   steal   an idle (or much less loaded) CPU writes its number into a victim's steal_req by CAS and
 *           sends an interrupt; the victim answers by pushing up to half of its movable threads, as one
 *           chain, into the thief's inbox, or nothing. The thief does not wait for the answer. Victims
 *           are chosen at random, a bounded number of tries with probability sched_steal_prob / 1024, so
 *           that many idle CPUs do not all ask the one busy CPU.
 *   push    a busy CPU that sees at its tick an idle CPU hands one thread over.
 *
 * Movable: queued, not running, RUNNING (a thread on its way to sleep has a waker that believes in
 * t->cpu), allowed there, not pinned. Model: verify/steal.pml.
 */
#include "sched_impl.h"
#include <arch/irq.h>

#define STEAL_TRIES	  4
#define STEAL_MAX	  32
#define BALANCE_NS	  (32 * NSEC_PER_MSEC)
#define SCAN_MAX	  64 /* threads of a queue looked at for one answer */

unsigned sched_steal_prob = 1024;

static u64 random_next(struct rq *rq)
{
	u64 x = rq->rng;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return rq->rng = x;
}

static bool movable(const struct rq *rq, const struct thread *t, unsigned to)
{
	return t != rq->curr && READ_ONCE(t->state) == THREAD_RUNNING && !t->migrate_off &&
		!t->se.dl_throttled && cpumask_test(&t->allowed, to);
}

/* Collect up to @max movable threads, the most urgent classes first. They stay queued. */
static unsigned collect(struct rq *rq, unsigned to, struct thread **out, unsigned max)
{
	unsigned n = 0, scanned = 0;
	struct rb_node *node;
	struct thread *t;
	size_t slot;

	for (node = rb_first_cached(&rq->dl.tree); node && n < max && scanned < SCAN_MAX;
		node = rb_next(node), scanned++) {
		t = rb_entry(node, struct thread, se.node);
		if (movable(rq, t, to))
			out[n++] = t;
	}
	bitmap_for_each_set(slot, rq->rt.map, RT_PRIOS) {
		list_for_each_entry(t, &rq->rt.queue[slot], se.rt_link) {
			if (n >= max || scanned++ >= SCAN_MAX)
				break;
			if (movable(rq, t, to))
				out[n++] = t;
		}
	}
	/* Latest deadlines first: those would wait longest here. */
	for (node = rb_last(&rq->fair.tree.root); node && n < max && scanned < SCAN_MAX;
		node = rb_prev(node), scanned++) {
		t = rb_entry(node, struct thread, se.node);
		if (movable(rq, t, to))
			out[n++] = t;
	}
	return n;
}

/* Move up to @max threads to CPU @to as one chain. */
static unsigned hand_over(struct rq *rq, unsigned to, unsigned max)
{
	struct thread *batch[STEAL_MAX];
	unsigned n = collect(rq, to, batch, min(max, (unsigned)STEAL_MAX));

	if (!n)
		return 0;
	for (unsigned i = 0; i < n; i++) {
		rq_dequeue(rq, batch[i], false);
		WRITE_ONCE(batch[i]->cpu, to);
		if (i)
			WRITE_ONCE(batch[i - 1]->inbox_next, batch[i]);
	}
	/* The owner turns its inbox round, so the first of the batch comes last out of it. */
	inbox_push(to, batch[0], batch[n - 1]);
	rq->stats.migrations += n;
	return n;
}

void sched_answer_thief(struct rq *rq)
{
	u32 req = __atomic_exchange_n(&rq->steal_req, 0, __ATOMIC_ACQUIRE);
	unsigned thief, theirs, extra;

	if (!req)
		return;
	thief = req - 1;
	theirs = READ_ONCE(rq_of(thief)->pub_nr);
	if (rq->nr <= theirs + 1)
		return;
	rq_update(rq);
	extra = (rq->nr - theirs) / 2;
	if (hand_over(rq, thief, extra))
		rq_of(cpu_id())->stats.steals++;
}

static bool ask(struct rq *rq, unsigned victim)
{
	u32 none = 0;

	rq->stats.steal_tries++;
	if (!__atomic_compare_exchange_n(&rq_of(victim)->steal_req, &none, rq->cpu + 1, false,
		    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		return false;
	rq->stats.ipis++;
	arch_ipi_send(victim, IPI_RESCHED);
	return true;
}

/* A random online CPU that has at least @nr threads; this one if none was found in a few tries. */
static unsigned random_victim(struct rq *rq, unsigned nr)
{
	unsigned count = cpus_online_nr();

	if (count <= STEAL_TRIES) { /* so few that all can be looked at, from a random one on */
		unsigned from = (unsigned)(random_next(rq) % count);

		for (unsigned i = 0; i < count; i++) {
			unsigned cpu = (from + i) % count;

			if (cpu != rq->cpu && READ_ONCE(rq_of(cpu)->pub_nr) >= nr)
				return cpu;
		}
		return rq->cpu;
	}
	for (unsigned i = 0; i < STEAL_TRIES; i++) {
		unsigned cpu = (unsigned)(random_next(rq) % count);

		if (cpu != rq->cpu && READ_ONCE(rq_of(cpu)->pub_nr) >= nr)
			return cpu;
	}
	return rq->cpu;
}

bool sched_try_steal(struct rq *rq)
{
	unsigned victim;

	if (cpus_online_nr() < 2 || (random_next(rq) & 1023) >= sched_steal_prob)
		return false;
	victim = random_victim(rq, 2);
	return victim != rq->cpu && ask(rq, victim);
}

void sched_balance_tick(struct rq *rq)
{
	unsigned cpu;

	if (cpus_online_nr() < 2)
		return;
	/* Something waits here and somebody has nothing to do. */
	if (rq->nr > 1) {
		cpu = (unsigned)bitmap_find_first_set(sched_idle_cpus.bits, MAX_CPUS);
		if (cpu < MAX_CPUS && cpu != rq->cpu &&
			bitmap_test_and_clear_atomic(sched_idle_cpus.bits, cpu)) {
			if (!hand_over(rq, cpu, 1)) /* it remains idle: say so */
				bitmap_set_atomic(sched_idle_cpus.bits, cpu);
			return;
		}
	}
	if (rq->now < rq->balance_at)
		return;
	rq->balance_at = rq->now + BALANCE_NS + random_next(rq) % BALANCE_NS;
	cpu = random_victim(rq, rq->nr + 2);
	if (cpu != rq->cpu)
		ask(rq, cpu);
}
