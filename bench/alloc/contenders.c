/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <arch/cpu.h>
#include <lib/bits.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <sched/preempt.h>
#include "../../kernel/mm/test_env.h"
#include "alloc.h"

#define MEMORY (1ull << 30)

__thread unsigned long bench_percpu;

/* ---- NOS ---- */

static unsigned order;
static struct slab_cache *cache;

static void nos_start(size_t size, unsigned cpus)
{
	bench_percpu = per_cpu_offset[0];
	env_init(MEMORY, cpus);
	for (unsigned cpu = 0; cpu < cpus; cpu++)
		*per_cpu_ptr(&preempt_count, cpu) = PREEMPT_NO_RESCHED;
	slab_init();
	order = size < PAGE_SIZE ? 0 : ctz64(size / PAGE_SIZE);
	cache = slab_cache_create("bench", size < PAGE_SIZE ? size : 64, 0, 0);
	if (!cache)
		abort();
}

static void nos_enter(unsigned cpu)
{
	host_cpu = cpu;
	bench_percpu = per_cpu_offset[cpu];
}

static void *nos_page_alloc(void)
{
	return page_alloc(order, ALLOC_NOWAIT);
}

static void nos_page_free(void *page)
{
	page_free(page, order);
}

static void *nos_object_alloc(void)
{
	return slab_alloc(cache, ALLOC_NOWAIT);
}

static void nos_object_free(void *object)
{
	slab_free(cache, object);
}

const struct contender nos_pages = {
	.name = "NOS", .start = nos_start, .enter = nos_enter, .alloc = nos_page_alloc, .free = nos_page_free};
const struct contender nos_objects = {
	.name = "NOS", .start = nos_start, .enter = nos_enter, .alloc = nos_object_alloc, .free = nos_object_free};

/* ---- the C library ---- */

static size_t libc_size;

static void libc_start(size_t size, unsigned cpus)
{
	libc_size = size;
}

static void libc_enter(unsigned cpu)
{
}

static void *libc_alloc(void)
{
	return malloc(libc_size);
}

const struct contender libc_malloc = {
	.name = "malloc", .start = libc_start, .enter = libc_enter, .alloc = libc_alloc, .free = free};
