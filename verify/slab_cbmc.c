/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CBMC: slabs, by induction as in buddy_cbmc.c. Every well-formed state of a cache of at most 3 slabs of 4 objects is led by every slab_take,
 * slab_give and slab_reap to a well-formed state, whether frames can be had or not.
 *
 * Well-formed: an object is either out, or on its slab's free list exactly once, or has never been given out; slabs that have a free object are on
 * the cache's list and no others; all counters are exact.
 *
 * What an operation gives out was not out, is aligned, lies in one of the cache's slabs and is given out once; what comes back changes nothing else.
 * A slab goes back to the frames only when no object of it is out; after a free at most one empty slab is kept. The lock is held once and
 * given back.
 *
 * Not in it: blocks of several frames, magazines, the debug kernel's trailers.
 *
 * cbmc: --function check_slab --unwind 5 --unwinding-assertions --drop-unused-functions
 * cbmc: --bounds-check --pointer-check --signed-overflow-check --no-standard-checks
 * seconds: 600
 * break-cbmc: -DSLABS=2u -DOBJECTS=2u
 * break: kernel/mm/slab.c: slab->slab_fresh++; => ;
 * break: kernel/mm/slab.c: slab->slab_free = link_get(c, obj); => slab->slab_free = 0;
 * break: kernel/mm/slab.c: if (slab->slab_inuse++ == 0) => if (slab->slab_inuse++ == 1)
 * break: kernel/mm/slab.c: slab->prev = 0; => ;
 * break: kernel/mm/slab.c: if (slab->slab_inuse) => if (slab->slab_inuse > 1)
 * break: kernel/mm/slab.c: c->inuse += got; => c->inuse += n;
 * break: kernel/mm/slab.c: if (c->nempty_slabs > 1) => if (c->nempty_slabs > 2)
 */
#include <arch/smp.h>
#include <lib/string.h>
#include <mm/percpu.h>
#include <mm/reclaim.h>
#include <sync/mutex.h>
#include <sync/rcu.h>
#include <debug/log.h>
#include <debug/panic.h>
#include "../kernel/mm/slab_impl.h"

static struct page *frame_of(u64 pfn);
static u64 number_of(const struct page *page);
static void *memory_of(const struct page *page);
static struct page *head_of(const void *obj);
#define pfn_page  frame_of
#define page_pfn  number_of
#define page_va	  memory_of
#define slab_head head_of
#include "../kernel/mm/slab.c"
/* Of the checks of every access only those in the tree's code. */
#pragma CPROVER check push
#pragma CPROVER check disable "bounds"
#pragma CPROVER check disable "pointer"
#pragma CPROVER check disable "signed-overflow"

#ifndef SLABS
#define SLABS	3u
#define OBJECTS 4u /* at most 4: count() */
#endif
#define STRIDE	8u
#define ALL	((1u << OBJECTS) - 1)

unsigned nondet_unsigned(void);
bool nondet_bool(void);
void check_slab(void);

struct memory {
	u32 word[OBJECTS * STRIDE / sizeof(u32)];
};
static struct page frames[SLABS];	/* numbers from 1 */
static struct memory memory[SLABS];
static u8 out[SLABS];			/* bit per object: somebody has it */
static struct slab_cache cache;

static struct page *frame_of(u64 pfn)
{
	__CPROVER_assert(pfn >= 1 && pfn <= SLABS, "a frame number");
	return &frames[pfn - 1];
}

static u64 number_of(const struct page *page)
{
	return (u64)(page - frames) + 1;
}

static void *memory_of(const struct page *page)
{
	return &memory[page - frames];
}

static struct page *head_of(const void *obj)
{
	return &frames[(const struct memory *)obj - memory];
}

/* ---- the rest of the kernel ---- */

struct page *page_alloc(unsigned order, unsigned alloc_flags)
{
	unsigned i = nondet_unsigned();

	__CPROVER_assert(!cache.lock.locked, "frames are asked for without the lock");
	if (i >= SLABS || frames[i].kind != PAGE_RESERVED)
		return NULL;
	frames[i] = (struct page){.kind = PAGE_KERNEL, .order = (u8)order, .refs = 1};
	return &frames[i];
}

void page_set_kind(struct page *page, enum page_kind kind)
{
	page->kind = (u8)kind;
}

void page_free(struct page *page, unsigned order)
{
	unsigned i = (unsigned)(page - frames);

	__CPROVER_assert(page->kind == PAGE_SLAB && order == 0, "a slab goes back once, as it came");
	__CPROVER_assert(out[i] == 0, "nobody has an object of it");
	page->kind = PAGE_RESERVED;
}

void rcu_call(struct rcu_head *head, void (*fn)(struct rcu_head *))
{
	__CPROVER_assert(false, "the cache is not SLAB_RCU");
}

void slab_debug_new(struct slab_cache *c, void *obj)
{
}

void slab_free(struct slab_cache *c, void *obj)
{
	__CPROVER_assert(false, "the depot is empty");
}

unsigned long per_cpu_offset[MAX_CPUS];
u32 preempt_count;
static unsigned irqs_off;

unsigned cpu_id(void)
{
	return 0;
}

void preempt_schedule(void)
{
}

irqflags_t irq_save(void)
{
	__CPROVER_assert(irqs_off++ == 0, "interrupts are switched off once");
	return 0;
}

void irq_restore(irqflags_t flags)
{
	__CPROVER_assert(irqs_off-- == 1, "and on again");
}

void lockdep_acquire(struct lock_class *klass, const void *lock, bool trylock, bool nested, bool sleeping)
{
	__CPROVER_assert(!cache.lock.locked, "not taken twice");
}

void lockdep_release(struct lock_class *klass, const void *lock)
{
	__CPROVER_assert(cache.lock.locked, "given back once");
}

void panic(const char *fmt, ...)
{
	__CPROVER_assert(false, "no panic");
	__CPROVER_assume(false);
}

/* ---- what is well-formed ---- */

static unsigned count(u8 bits)
{
	return (bits & 1) + (bits >> 1 & 1) + (bits >> 2 & 1) + (bits >> 3 & 1);
}

/* The objects on the free list, a bit each; 0xff: it is not one. */
static u8 free_list(unsigned i)
{
	u32 at = frames[i].slab_free;
	u8 seen = 0;

	for (unsigned n = 0; n < OBJECTS && at; n++) {
		unsigned k = (at - 1) / STRIDE;

		if ((at - 1) % STRIDE || k >= OBJECTS || (seen >> k & 1))
			return 0xff;
		seen |= (u8)(1u << k);
		at = memory[i].word[k * (STRIDE / sizeof(u32))];
	}
	return at ? 0xff : seen;
}

static bool slab_is_right(unsigned i)
{
	const struct page *p = &frames[i];
	u8 given = (u8)((1u << p->slab_fresh) - 1), idle;

	if (p->slab_fresh > OBJECTS || p->order != 0 || p->cache != &cache || p->flags)
		return false;
	idle = free_list(i);
	return idle != 0xff && (idle & out[i]) == 0 && (idle | out[i]) == given && p->slab_inuse == count(out[i]);
}

/* The slabs on the list, a bit each; 0xff: it is not one. */
static u8 partial_list(void)
{
	u32 pfn = cache.partial, prev = 0;
	u8 seen = 0;

	for (unsigned n = 0; n < SLABS && pfn; n++) {
		unsigned i = pfn - 1;

		if (i >= SLABS || (seen >> i & 1) || frames[i].prev != prev)
			return 0xff;
		seen |= (u8)(1u << i);
		prev = pfn;
		pfn = frames[i].link;
	}
	return pfn ? 0xff : seen;
}

static bool well_formed(void)
{
	unsigned slabs = 0, empty = 0, objects = 0;
	u8 partial = partial_list();

	if (partial == 0xff || cache.lock.locked)
		return false;
	for (unsigned i = 0; i < SLABS; i++) {
		bool is_slab = frames[i].kind == PAGE_SLAB;

		if (!is_slab && (frames[i].kind != PAGE_RESERVED || out[i]))
			return false;
		if (is_slab && !slab_is_right(i))
			return false;
		if ((partial >> i & 1) != (is_slab && frames[i].slab_inuse < OBJECTS))
			return false;
		slabs += is_slab;
		empty += is_slab && !out[i];
		objects += count(out[i]);
	}
	return cache.nslabs == slabs && cache.npages == slabs && cache.nempty_slabs == empty && cache.inuse == objects;
}

/* Field by field: CBMC 6.6 lets the members of a union differ when the whole of it is anything. */
static void any_state(void)
{
	for (unsigned i = 0; i < SLABS; i++) {
		frames[i].kind = nondet_bool() ? PAGE_SLAB : PAGE_RESERVED;
		frames[i].slab_inuse = (u16)nondet_unsigned();
		frames[i].slab_fresh = (u16)nondet_unsigned();
		frames[i].slab_free = nondet_unsigned();
		frames[i].cache = &cache;
		frames[i].prev = nondet_unsigned();
		frames[i].link = nondet_unsigned();
		for (unsigned k = 0; k < OBJECTS; k++)
			memory[i].word[k * (STRIDE / sizeof(u32))] = nondet_unsigned();
		out[i] = (u8)nondet_unsigned();
		__CPROVER_assume(out[i] <= ALL);
	}
	cache.partial = nondet_unsigned();
	cache.nempty_slabs = nondet_unsigned();
	cache.nslabs = nondet_unsigned();
	cache.npages = nondet_unsigned();
	cache.inuse = nondet_unsigned();
	__CPROVER_assume(well_formed());
}

static void check_take(void)
{
	void *objs[2] = {NULL, NULL};
	unsigned n = nondet_unsigned(), got;
	bool had = cache.partial != 0;

	__CPROVER_assume(n == 1 || n == 2);
	got = slab_take(&cache, objs, n, nondet_unsigned());
	__CPROVER_assert(got <= n && (got || !had), "what is there is given");
	for (unsigned k = 0; k < got; k++) {
		unsigned i = (unsigned)((struct memory *)objs[k] - memory);
		unsigned offset = (unsigned)((char *)objs[k] - (char *)&memory[i]), bit = 1u << offset / STRIDE;

		__CPROVER_assert(i < SLABS && offset % STRIDE == 0 && bit <= ALL, "an object of a slab");
		__CPROVER_assert(!(out[i] & bit), "it was not out");
		out[i] |= (u8)bit;
	}
}

static void check_give(void)
{
	void *objs[2];
	unsigned n = nondet_unsigned();

	__CPROVER_assume(n == 1 || n == 2);
	for (unsigned k = 0; k < n; k++) {
		unsigned i = nondet_unsigned(), object = nondet_unsigned();

		__CPROVER_assume(i < SLABS && object < OBJECTS && (out[i] >> object & 1));
		out[i] &= (u8)~(1u << object);
		objs[k] = (char *)&memory[i] + object * STRIDE;
	}
	slab_give(&cache, objs, n);
	__CPROVER_assert(cache.nempty_slabs <= 1, "one empty slab is kept");
}

void check_slab(void)
{
	cache.stride = STRIDE;
	cache.per_slab = cache.per_small = OBJECTS;
	__CPROVER_assert(well_formed(), "a new cache is well-formed");
	any_state();
	switch (nondet_unsigned()) {
	case 0: check_take(); break;
	case 1: check_give(); break;
	default:
		(void)slab_reap(&cache);
		__CPROVER_assert(cache.nempty_slabs == 0, "no empty slab is kept");
	}
	__CPROVER_assert(well_formed(), "objects are out or free, lists are whole, counters exact");
}
