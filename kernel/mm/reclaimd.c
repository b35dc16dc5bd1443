/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread for each node that keeps frames free: below zone_low() it is kicked, and works until each zone has zone_high(), or nothing more can be had.
 */
#include <debug/panic.h>
#include <init/initcall.h>
#include <lib/printf.h>
#include <sched/sched.h>
#include <sched/thread.h>
#include <sync/rcu.h>
#include <time/clock.h>
#include "page_impl.h"
#include "reclaim_impl.h"

#define FAILS_MAX 4

/* Frames that are missing in the node's zones. */
static u64 missing(unsigned node)
{
	u64 n = 0;

	for (unsigned i = 0; i < page_zones_nr; i++) {
		const struct zone *z = &page_zones[i];
		u64 have = READ_ONCE(z->free) + READ_ONCE(z->virgin);

		if (z->node == node && have < zone_high(z))
			n += zone_high(z) - have;
	}
	return n;
}

static void work(unsigned node)
{
	unsigned fails = 0;
	u64 want;

	while ((want = missing(node)) && fails < FAILS_MAX) {
		u64 dirty, freed = hand_reclaim(node, want, &dirty);

		/* Names and the like get old, too; all the more when files have nothing to give. */
		freed += reclaim_shrink(freed < want ? want - freed : want / 16 + 1);
		fails = freed ? 0 : fails + 1;
		rcu_barrier();
	}
	/* Nothing to be had: programs hold it all. Let them find out, and look again later. */
	if (fails) {
		thread_prepare_wait(THREAD_SLEEP_UNINTR);
		(void)schedule_deadline(clock_monotonic() + 100000000, 50000);
		thread_finish_wait();
	}
}

static void reclaimd(void *arg)
{
	unsigned node = (unsigned)(unsigned long)arg;

	for (;;) {
		for (;;) {
			thread_prepare_wait(THREAD_SLEEP_UNINTR);
			if (__atomic_load_n(&reclaim_wanted, __ATOMIC_SEQ_CST) >> node & 1)
				break;
			schedule();
		}
		thread_finish_wait();
		work(node);
		__atomic_fetch_and(&reclaim_wanted, ~(1u << node), __ATOMIC_SEQ_CST);
	}
}

static int reclaimd_start(void)
{
	hand_init();
	for (unsigned node = 0; node < page_zones_nr / 2; node++) {
		char name[16];
		struct thread *t;
		int err;

		scnprintf(name, sizeof(name), "kswapd%u", node);
		err = thread_create(reclaimd, (void *)(unsigned long)node, name, &t);
		if (err)
			return err;
		STORE_RELEASE(reclaim_threads[node], t);
		thread_start(t);
	}
	return 0;
}

INITCALL(reclaimd, "", reclaimd_start);
