/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How much may be dirty, and who waits for it.
 *
 * A writer looks every RATE pages. Beyond the background limit it wakes its device's thread; half way to the limit it begins to take pauses, longer the nearer
 * the limit is; at the limit it waits. It waits only for its own device, and only if that has a share of what is dirty (a half of the limit over all devices):
 * so a slow disk does not stop a fast one, and a device made of a file on another (loop) can always be written to: what is on top has its own share.
 * The threads take no lock that a writer holds here: an inode's at most.
 */
#include "cache_impl.h"
#include <arch/smp.h>
#include <mm/reclaim.h>
#include <sched/preempt.h>
#include <sync/wait.h>

#define RATE	     32
#define PAUSE_MAX_NS 200000000ull
#define LOOK_NS	     100000000ull

unsigned dirty_background_ratio = 10, dirty_ratio = 20;
u64 dirty_background_bytes, dirty_bytes;
static DEFINE_PER_CPU(u32, dirtied);

static u64 part(u64 bytes, unsigned ratio, u64 memory)
{
	return bytes ? DIV_ROUND_UP(bytes, PAGE_SIZE) : memory * ratio / 100;
}

void writeback_limits(u64 *out_background, u64 *out_limit)
{
	struct page_stats st;
	u64 memory, limit, background;

	page_stats(&st);
	memory = st.free - min(st.free, st.reserve) + reclaim_file_pages();
	limit = part(READ_ONCE(dirty_bytes), READ_ONCE(dirty_ratio), memory);
	background = part(READ_ONCE(dirty_background_bytes), READ_ONCE(dirty_background_ratio), memory);
	*out_limit = max(limit, 2ull * RATE);
	*out_background = background < *out_limit ? background : *out_limit / 2;
}

void cache_limits(struct dirty_limits *out)
{
	u64 dirty, writing, written;

	writeback_limits(&out->background, &out->limit);
	out->ndevices = (unsigned)bdi_counts(&dirty, &writing, &written);
	out->dirty = dirty + writing;
}

/* Does a writer to @b wait? */
static bool is_over(struct bdi *b, u64 level)
{
	struct dirty_limits l;
	u64 own = __atomic_load_n(&b->ndirty, __ATOMIC_RELAXED) + __atomic_load_n(&b->nwriting, __ATOMIC_RELAXED);

	cache_limits(&l);
	return l.dirty > level && own > l.limit / (2 * max(l.ndevices, 1u));
}

static NOINLINE void balance_slow(struct bdi *b)
{
	struct dirty_limits l;
	u64 mid;

	cache_limits(&l);
	if (l.dirty <= l.background)
		return;
	bdi_wake(b);
	mid = (l.background + l.limit) / 2;
	if (l.dirty <= mid || !is_over(b, mid))
		return;
	if (l.dirty < l.limit) {
		u64 pause = PAUSE_MAX_NS * (l.dirty - mid) / max(l.limit - mid, 1ull);

		(void)wait_event_state(&b->done, !is_over(b, mid), THREAD_SLEEP_KILL, cache_clock() + pause, false);
		return;
	}
	while (is_over(b, l.limit) && !thread_kill_pending()) {
		bdi_wake(b);
		(void)wait_event_state(&b->done, !is_over(b, l.limit), THREAD_SLEEP_KILL, cache_clock() + LOOK_NS, false);
		cache_limits(&l);
	}
}

void cache_balance(struct bdi *b, unsigned n)
{
	u32 have;

	preempt_disable();
	have = this_cpu_read(dirtied) + n;
	this_cpu_write(dirtied, have < RATE ? have : 0);
	preempt_enable();
	if (unlikely(have >= RATE))
		balance_slow(b);
}
