/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of shrinkers. One thread reclaims at a time; others wait for it, since what it frees serves them too. A thread that allocates inside
 * a shrinker does not come here again.
 */
#include <mm/reclaim.h>
#include <mm/page.h>
#include <sched/thread.h>
#include <sync/mutex.h>

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

u64 reclaim_memory(u64 npages)
{
	struct thread *self = thread_current();
	struct shrinker *s;
	u64 freed = 0;

	if (self && READ_ONCE(reclaimer) == self)
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
	n = st.free > st.reserve ? st.free - st.reserve : 0;
	mutex_lock(&reclaim_lock);
	list_for_each_entry(s, &reclaim_shrinkers, link) {
		if (s->count)
			n += s->count(s);
	}
	mutex_unlock(&reclaim_lock);
	return n;
}
