/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory is short: pages of files first (hand.c), then the list of shrinkers. One thread goes through that at a time; others wait for it, since what it
 * frees serves them too. A thread that allocates inside a shrinker does not come here again.
 *
 * Reclaim runs inside allocations, under whatever locks the caller holds. So it drops what is clean and what it can have without waiting, and nothing else: it
 * never writes, and takes locks that others hold while they allocate by trylock only.
 *
 * Each node has a thread (reclaimd.c) that keeps frames free, so that few allocations come here. It is kicked below zone_low() and stops at zone_high().
 */
#include <mm/reclaim.h>
#include <mm/page.h>
#include <sched/thread.h>
#include <sync/mutex.h>
#include "page_impl.h"
#include "reclaim_impl.h"

LOCK_CLASS(reclaim, RANK_RECLAIM, "list of shrinkers; one reclaim at a time");

static struct mutex reclaim_lock = MUTEX_INIT(reclaim_lock, reclaim);
LIST_HEAD(reclaim_shrinkers); /* reclaim_lock */
static struct thread *reclaimer; /* written under the lock; compared with oneself only */

void shrinker_register(struct shrinker *s)
{
	mutex_lock(&reclaim_lock);
	list_add_tail(&s->link, &reclaim_shrinkers);
	mutex_unlock(&reclaim_lock);
}

void shrinker_unregister(struct shrinker *s)
{
	mutex_lock(&reclaim_lock);
	list_del(&s->link);
	mutex_unlock(&reclaim_lock);
}

struct thread *reclaim_threads[ZONE_MAX / 2];
u32 reclaim_wanted;

void reclaim_kick(unsigned node)
{
	struct thread *t = LOAD_ACQUIRE(reclaim_threads[node]);

	if (!t || (READ_ONCE(reclaim_wanted) >> node & 1))
		return;
	__atomic_fetch_or(&reclaim_wanted, 1u << node, __ATOMIC_SEQ_CST);
	(void)thread_wake(t);
}

bool reclaim_is_running(void)
{
	struct thread *self = thread_current();

	return self && READ_ONCE(reclaimer) == self;
}

u64 reclaim_files(u64 npages)
{
	u64 freed = 0, dirty;

	for (unsigned node = 0; node < page_zones_nr / 2 && freed < npages; node++)
		freed += hand_reclaim(node, npages - freed, &dirty);
	return freed;
}

u64 reclaim_memory(u64 npages)
{
	u64 freed;

	if (reclaim_is_running())
		return 0;
	freed = reclaim_files(npages);
	return freed < npages ? freed + reclaim_shrink(npages - freed) : freed;
}

u64 reclaim_shrink(u64 npages)
{
	struct thread *self = thread_current();
	struct shrinker *s;
	u64 freed = 0;

	if (reclaim_is_running())
		return 0;
	mutex_lock(&reclaim_lock);
	WRITE_ONCE(reclaimer, self);
	list_for_each_entry(s, &reclaim_shrinkers, link) {
		if (freed >= npages)
			break;
		freed += s->shrink(s, npages - freed);
	}
	WRITE_ONCE(reclaimer, NULL);
	mutex_unlock(&reclaim_lock);
	return freed;
}

u64 reclaim_available(void)
{
	struct page_stats st;
	struct shrinker *s;
	u64 n;

	page_stats(&st);
	n = (st.free > st.reserve ? st.free - st.reserve : 0) + reclaim_file_pages();
	mutex_lock(&reclaim_lock);
	list_for_each_entry(s, &reclaim_shrinkers, link) {
		if (s->count)
			n += s->count(s);
	}
	mutex_unlock(&reclaim_lock);
	return n;
}
