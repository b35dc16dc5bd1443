/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Per-CPU memory.
 *
 * A CPU's area is a copy of section `percpu` of the image. Memory made at run time is cut from one static per-CPU array, so that its
 * address in the template works with this_cpu_ptr just as a variable's does. What is allocated is marked in a bitmap of 8-byte units; the end of
 * each allocation in a second one.
 */
#include <mm/percpu.h>
#include <mm/page.h>
#include <arch/smp.h>
#include <lib/bitmap.h>
#include <lib/string.h>
#include <sync/spinlock.h>
#include <debug/kasan.h>
#include <debug/panic.h>
#include "page_impl.h"

#define UNIT	      8
#define DYNAMIC_BYTES 32768u
#define UNITS	      (DYNAMIC_BYTES / UNIT)
#define LINE	      64

LOCK_CLASS(percpu, RANK_LEAF, "map of dynamic per-CPU memory");

static DEFINE_PER_CPU(u64, dynamic[UNITS]) __aligned(LINE);
static struct spinlock percpu_lock = SPINLOCK_INIT(percpu);
static BITMAP_DECLARE(used, UNITS);	/* percpu_lock */
static BITMAP_DECLARE(last, UNITS);	/* percpu_lock; the last unit of each allocation */

void *percpu_alloc(size_t size, size_t align)
{
	size_t n = DIV_ROUND_UP(size, UNIT), at;

	if (!n || n > UNITS || align > LINE)
		return NULL;
	align = max_t(size_t, align / UNIT, 1);
	spin_lock(&percpu_lock);
	at = bitmap_find_area(used, UNITS, 0, n, align);
	if (at < UNITS) {
		bitmap_set_range(used, at, n);
		bitmap_set(last, at + n - 1);
	}
	spin_unlock(&percpu_lock);
	if (at >= UNITS)
		return NULL;
	for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
		kasan_unpoison(per_cpu_ptr(&dynamic[at], cpu), size);
		memset(per_cpu_ptr(&dynamic[at], cpu), 0, size);
	}
	return &dynamic[at];
}

void percpu_free(void *p)
{
	size_t at = (size_t)((u64 *)p - dynamic), end;

	if (!p)
		return;
	ASSERT(at < UNITS);
	spin_lock(&percpu_lock);
	end = bitmap_find_next_set(last, UNITS, at);
	ASSERT(bitmap_test(used, at) && end < UNITS);
	for (unsigned cpu = 0; NOS_KASAN && cpu < cpu_count(); cpu++)
		kasan_poison(per_cpu_ptr(p, cpu), (end + 1 - at) * UNIT, KASAN_PERCPU_FREE);
	bitmap_clear(last, end);
	bitmap_clear_range(used, at, end + 1 - at);
	spin_unlock(&percpu_lock);
}

/*
 * The running CPU uses the template until its offset changes, and frames are allocated meanwhile. So its caches are made empty just before
 * the copy, and what the template counted stays with CPU 0 only.
 */
void percpu_init(void)
{
	size_t size = (size_t)(__stop_percpu - __start_percpu);
	unsigned npages = (unsigned)DIV_ROUND_UP(size, PAGE_SIZE), order = ilog2_ceil(npages);
	struct page *pages[MAX_CPUS];
	s64 counted[PAGE_KINDS];

	for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
		pages[cpu] = page_alloc_node(cpu_node(cpu), order, ALLOC_NOWAIT);
		if (!pages[cpu])
			panic("no memory for the per-CPU area of CPU %u", cpu);
		page_trim(pages[cpu], order, npages);
	}
	page_drain_local();
	memcpy(counted, page_kind_count, sizeof(counted));
	memset(page_kind_count, 0, sizeof(page_kind_count));
	for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
		void *area = page_va(pages[cpu]);

		memcpy(area, __start_percpu, size);
		per_cpu_offset[cpu] = (unsigned long)area - (unsigned long)__start_percpu;
		kasan_poison(per_cpu_ptr(&dynamic, cpu), sizeof(dynamic), KASAN_PERCPU_FREE);
	}
	memcpy(per_cpu_ptr(&page_kind_count, 0), counted, sizeof(counted));
}

u64 percpu_bytes(void)
{
	return align_up((u64)(__stop_percpu - __start_percpu), PAGE_SIZE) * cpu_count();
}
