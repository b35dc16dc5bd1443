/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a textbook does: a buddy system over units of the size asked for, one spinlock, doubly linked lists in the free blocks, a byte per unit that says
 * whether a free block begins there, and of which order.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <lib/bits.h>
#include <lib/list.h>
#include <lib/string.h>
#include <arch/cpu.h>
#include "alloc.h"

#define MEMORY	  (1ull << 28)
#define MAX_ORDER 10u
#define NOT_FREE  0xff

static char *memory;
static size_t unit;
static u8 *state;
static struct list_head lists[MAX_ORDER + 1];
static u32 locked;

static void lock(void)
{
	while (__atomic_exchange_n(&locked, 1, __ATOMIC_ACQUIRE)) {
		while (__atomic_load_n(&locked, __ATOMIC_RELAXED))
			__builtin_ia32_pause();
	}
}

static void unlock(void)
{
	__atomic_store_n(&locked, 0, __ATOMIC_RELEASE);
}

static struct list_head *block_at(size_t nr)
{
	return (struct list_head *)(memory + nr * unit);
}

static void insert(size_t nr, unsigned order)
{
	state[nr] = (u8)order;
	list_add(block_at(nr), &lists[order]);
}

static void buddy_start(size_t size, unsigned cpus)
{
	size_t units = MEMORY / size;

	if (memory)
		munmap(memory, MEMORY);
	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	free(state);
	state = malloc(units);
	if (memory == MAP_FAILED || !state)
		abort();
	unit = size;
	memset(state, NOT_FREE, units);
	for (unsigned i = 0; i <= MAX_ORDER; i++)
		list_init(&lists[i]);
	for (size_t nr = 0; nr < units;) {
		unsigned order = MAX_ORDER;

		while (nr + (1ull << order) > units)
			order--;
		insert(nr, order);
		nr += 1ull << order;
	}
}

static void buddy_enter(unsigned cpu)
{
}

static void *buddy_alloc_unit(void)
{
	unsigned order = 0;
	size_t nr;

	lock();
	while (order <= MAX_ORDER && list_empty(&lists[order]))
		order++;
	if (order > MAX_ORDER)
		abort();
	nr = (size_t)((char *)lists[order].next - memory) / unit;
	list_del(block_at(nr));
	state[nr] = NOT_FREE;
	while (order--)
		insert(nr + (1ull << order), order);
	unlock();
	return memory + nr * unit;
}

static void buddy_free_unit(void *block)
{
	size_t nr = (size_t)((char *)block - memory) / unit;
	unsigned order = 0;

	lock();
	while (order < MAX_ORDER && (nr ^ (1ull << order)) < MEMORY / unit && state[nr ^ (1ull << order)] == order) {
		size_t buddy = nr ^ (1ull << order);

		list_del(block_at(buddy));
		state[buddy] = NOT_FREE;
		nr &= buddy;
		order++;
	}
	insert(nr, order);
	unlock();
}

const struct contender locked_buddy = {.name = "locked", .start = buddy_start, .enter = buddy_enter,
	.alloc = buddy_alloc_unit, .free = buddy_free_unit};
