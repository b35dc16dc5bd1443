/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When memory is short: reclaim drops clean pages only, so have more of them. The threads do it; the caller, who may hold locks that they do not need, gives
 * them a moment, and is told how far they came.
 */
#include "cache_impl.h"
#include <init/initcall.h>
#include <mm/reclaim.h>
#include <sched/sched.h>
#include <sched/thread.h>

#define NAP_NS 10000000ull

static u64 not_clean(void)
{
	u64 dirty, writing, written;

	(void)bdi_counts(&dirty, &writing, &written);
	return dirty + writing;
}

static u64 clean_some(struct shrinker *s, u64 npages)
{
	u64 before = not_clean(), after;

	if (!before)
		return 0;
	bdi_wake_all();
	thread_prepare_wait(THREAD_SLEEP_UNINTR);
	(void)schedule_deadline(cache_clock() + NAP_NS, 50000);
	thread_finish_wait();
	after = not_clean();
	return before > after ? before - after : 0;
}

static struct shrinker cleaner = {.name = "dirty pages", .shrink = clean_some};

static int cache_start(void)
{
	shrinker_register(&cleaner);
	return 0;
}

INITCALL(page_cache, "", cache_start);
