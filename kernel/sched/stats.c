/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers about threads and CPUs for the personality.
 */
#include "sched_impl.h"

u64 sched_runtime_ns(struct thread *t)
{
	u64 start, sum;
	s64 more;

	/* What it has run since it was charged last. The tick may charge it between two loads; wrong by that much if it switches on another CPU meanwhile. */
	do {
		start = READ_ONCE(t->se.exec_start);
		sum = READ_ONCE(t->se.sum_exec);
		more = thread_is_running(t) ? (s64)(sched_clock() - start) : 0;
	} while (unlikely(READ_ONCE(t->se.exec_start) != start));
	return sum + (u64)max(more, (s64)0);
}

static u64 never_back(u64 *seen, u64 value)
{
	u64 old = READ_ONCE(*seen);

	while (old < value)
		if (__atomic_compare_exchange_n(
			    seen, &old, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return value;
	return old;
}

void sched_cputime(struct thread *t, u64 *out_utime_ns, u64 *out_stime_ns)
{
	u64 sum = sched_runtime_ns(t);
	u64 user = READ_ONCE(t->utime_ns), system = READ_ONCE(t->stime_ns), part;

	if (!t->space && !user)
		part = 0;
	else if (!system)
		part = sum;
	else {
		while ((user | system) >> 32) { /* the ratio is all that matters */
			user >>= 1;
			system >>= 1;
		}
		/* sum * user / (user + system) without overflow */
		part = sum / (user + system) * user + sum % (user + system) * user / (user + system);
	}
	*out_utime_ns = never_back(&t->utime_seen, part);
	*out_stime_ns = never_back(&t->stime_seen, sum - min(part, sum));
}

void sched_stats(unsigned cpu, struct sched_stats *out)
{
	struct rq *rq = rq_of(cpu);
	const u64 *from = (const u64 *)&rq->stats;
	u64 *to = (u64 *)out;

	static_assert(sizeof(struct sched_stats) % sizeof(u64) == 0, "copied word by word");
	for (unsigned i = 0; i < sizeof(*out) / sizeof(u64); i++)
		to[i] = READ_ONCE(from[i]);
	out->running = READ_ONCE(rq->pub_nr);
	if (READ_ONCE(rq->curr) == READ_ONCE(rq->idle)) {
		s64 more = (s64)(sched_clock() - READ_ONCE(rq->idle_since));

		if (more > 0)
			out->idle_ns += (u64)more;
	}
}

void sched_start_services(void)
{
	rcu_start_threads();
	work_start();
	sched_watch_start();
}
