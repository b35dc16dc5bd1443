/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The per-CPU front of a cache: two magazines of objects, and a depot of full and empty ones behind [bonwick01].
 *
 * Allocation pops from the loaded magazine, free pushes to it, whichever CPU the object came from. When that cannot be, the two are
 * exchanged; when that does not help either, one is exchanged at the depot under the cache's lock. So at least a magazine's worth of operations
 * lies between two visits to the depot.
 *
 * Owner protocol as in page.c: preemption off, `busy` set; an interrupt that finds it set goes to the slabs.
 * A CPU starts with two magazines that hold nothing and can take nothing: neither path has to look for NULL.
 */
#include <arch/smp.h>
#include <lib/string.h>
#include <mm/fail.h>
#include <mm/percpu.h>
#include <sched/preempt.h>
#include <debug/panic.h>
#include "slab_impl.h"

static struct magazine no_magazine; /* n == cap == 0; never written */
static struct slab_cache magazine_caches[3];
static const struct {
	const char *name;
	u16 rounds;
	u32 max_size;	/* objects up to this size have such magazines */
} magazine_types[3] = {
	{"magazine_62", 62, 512},
	{"magazine_30", 30, 2048},
	{"magazine_6", 6, ~0u},
};

static unsigned magazine_type(size_t size)
{
	unsigned i = 0;

	while (size > magazine_types[i].max_size)
		i++;
	return i;
}

struct slab_cache *magazine_cache_for(size_t size)
{
	return &magazine_caches[magazine_type(size)];
}

void magazine_caches_init(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(magazine_types); i++)
		slab_cache_setup(&magazine_caches[i], magazine_types[i].name,
			sizeof(struct magazine) + magazine_types[i].rounds * sizeof(void *), 0,
			SLAB_PANIC);
}

bool slab_cpu_setup(struct slab_cache *c, struct slab_cache *magazines)
{
	struct slab_cpu *cpu = percpu_alloc(sizeof(*cpu), sizeof(u64));

	if (!cpu)
		return false;
	for (unsigned i = 0; i < cpu_count(); i++) {
		per_cpu_ptr(cpu, i)->loaded = &no_magazine;
		per_cpu_ptr(cpu, i)->previous = &no_magazine;
	}
	c->magazines = magazines;
	c->cpu = cpu;
	return true;
}

static struct magazine *magazine_new(struct slab_cache *c)
{
	struct magazine *m;

	/* May be called with another cache's owner flag set, so never sleeps and has no magazines itself. */
	if (!slab_take(c->magazines, (void **)&m, 1, ALLOC_NOWAIT))
		return NULL;
	if (NOS_DEBUG)
		slab_debug_alloc(c->magazines, m, __builtin_return_address(0));
	m->next = NULL;
	m->n = 0;
	m->cap = magazine_types[c->magazines - magazine_caches].rounds;
	return m;
}

static inline struct slab_cpu *cpu_enter(struct slab_cache *c)
{
	struct slab_cpu *cpu;

	preempt_disable();
	cpu = this_cpu_ptr(c->cpu);
	if (unlikely(cpu->busy)) {
		preempt_enable();
		return NULL;
	}
	cpu->busy = 1;
	barrier();
	return cpu;
}

static inline void cpu_leave(struct slab_cpu *cpu)
{
	barrier();
	cpu->busy = 0;
	preempt_enable();
}

static void depot_put_empty(struct slab_cache *c, struct magazine *m)
{
	if (!m->cap)
		return;
	m->next = c->empty;
	c->empty = m;
	c->nempty++;
}

/* Both magazines are empty: a full one from the depot, or half a magazine from the slabs. False: not without sleeping. */
static NOINLINE bool reload(struct slab_cache *c, struct slab_cpu *cpu)
{
	struct magazine *m;
	irqflags_t flags;

	if (cpu->previous->n) {
		swap(cpu->loaded, cpu->previous);
		return true;
	}
	flags = spin_lock_irqsave(&c->lock);
	m = c->full;
	if (m) {
		c->full = m->next;
		c->nfull--;
		depot_put_empty(c, cpu->previous);
		cpu->previous = cpu->loaded;
		cpu->loaded = m;
	}
	spin_unlock_irqrestore(&c->lock, flags);
	if (m)
		return true;
	if (!cpu->loaded->cap) {
		m = magazine_new(c);
		if (!m)
			return false;
		cpu->loaded = m;
	}
	m = cpu->loaded;
	m->n = (u16)slab_take(c, m->obj, m->cap / 2, ALLOC_NOWAIT);
	return m->n != 0;
}

/* The loaded magazine is full: make room. False: the object must go to its slab. */
static NOINLINE bool unload(struct slab_cache *c, struct slab_cpu *cpu)
{
	struct magazine *m, *spill = NULL;
	irqflags_t flags;

	if (cpu->previous->n < cpu->previous->cap) {
		swap(cpu->loaded, cpu->previous);
		return true;
	}
	flags = spin_lock_irqsave(&c->lock);
	m = c->empty;
	if (m) {
		c->empty = m->next;
		c->nempty--;
	}
	spin_unlock_irqrestore(&c->lock, flags);
	if (!m)
		m = magazine_new(c);
	if (!m)
		return false;
	if (cpu->previous->cap) {
		flags = spin_lock_irqsave(&c->lock);
		if (c->nfull < DEPOT_MAX) {
			cpu->previous->next = c->full;
			c->full = cpu->previous;
			c->nfull++;
		} else {
			spill = cpu->previous;
		}
		spin_unlock_irqrestore(&c->lock, flags);
	}
	cpu->previous = cpu->loaded;
	cpu->loaded = m;
	if (spill) {
		slab_give(c, spill->obj, spill->n);
		spill->n = 0;
		flags = spin_lock_irqsave(&c->lock);
		depot_put_empty(c, spill);
		spin_unlock_irqrestore(&c->lock, flags);
	}
	return true;
}

/* @cpu is entered, or NULL. */
static NOINLINE void *alloc_slow(struct slab_cache *c, struct slab_cpu *cpu, unsigned alloc_flags)
{
	void *obj = NULL;

	if (cpu) {
		if (reload(c, cpu))
			obj = cpu->loaded->obj[--cpu->loaded->n];
		cpu_leave(cpu);
	}
	if (!obj && !slab_take(c, &obj, 1, alloc_flags))
		return NULL;
	return obj;
}

void *slab_alloc(struct slab_cache *c, unsigned alloc_flags)
{
	struct slab_cpu *cpu;
	void *obj;

	if (alloc_must_fail(alloc_flags))
		return NULL;
	cpu = likely(c->cpu) ? cpu_enter(c) : NULL;
	if (likely(cpu && cpu->loaded->n)) {
		struct magazine *m = cpu->loaded;
		unsigned n = m->n - 1u;

		obj = m->obj[n];
		m->n = (u16)n;
		cpu_leave(cpu);
	} else {
		obj = alloc_slow(c, cpu, alloc_flags);
		if (unlikely(!obj))
			return NULL;
	}
	if (NOS_DEBUG)
		slab_debug_alloc(c, obj, __builtin_return_address(0));
	if (alloc_flags & ALLOC_ZERO)
		memset(obj, 0, c->size);
	return obj;
}

static NOINLINE void free_slow(struct slab_cache *c, struct slab_cpu *cpu, void *obj)
{
	bool room = cpu && unload(c, cpu);

	if (room)
		cpu->loaded->obj[cpu->loaded->n++] = obj;
	if (cpu)
		cpu_leave(cpu);
	if (!room)
		slab_give(c, &obj, 1);
}

static __always_inline void put_back(struct slab_cache *c, void *obj)
{
	struct slab_cpu *cpu = likely(c->cpu) ? cpu_enter(c) : NULL;

	if (likely(cpu && cpu->loaded->n < cpu->loaded->cap)) {
		struct magazine *m = cpu->loaded;

		m->obj[m->n] = obj;
		m->n++;
		cpu_leave(cpu);
	} else {
		free_slow(c, cpu, obj);
	}
}

void slab_free(struct slab_cache *c, void *obj)
{
	if (unlikely(!obj))
		return;
	if (NOS_DEBUG)
		slab_debug_free(c, obj, __builtin_return_address(0));
	if (NOS_KASAN && !quarantine_swap(&c, &obj))
		return;
	put_back(c, obj);
}

void slab_put_back(struct slab_cache *c, void *obj)
{
	put_back(c, obj);
}

u64 magazine_objects(struct slab_cache *c)
{
	irqflags_t flags;
	u64 n = 0;

	if (!c->cpu)
		return 0;
	flags = spin_lock_irqsave(&c->lock);
	for (struct magazine *m = c->full; m; m = m->next)
		n += m->n;
	spin_unlock_irqrestore(&c->lock, flags);
	/* A magazine that is being exchanged may be counted twice or not at all. Its memory stays a magazine. */
	for (unsigned i = 0; i < cpu_count(); i++) {
		const struct slab_cpu *cpu = per_cpu_ptr(c->cpu, i);

		n += READ_ONCE(READ_ONCE(cpu->loaded)->n) + READ_ONCE(READ_ONCE(cpu->previous)->n);
	}
	return n;
}

static void magazine_drop(struct slab_cache *c, struct magazine *m)
{
	if (!m->cap)
		return;
	slab_give(c, m->obj, m->n);
	slab_free(c->magazines, m);
}

void magazines_fini(struct slab_cache *c)
{
	struct magazine *m;

	for (unsigned i = 0; i < cpu_count(); i++) {
		magazine_drop(c, per_cpu_ptr(c->cpu, i)->loaded);
		magazine_drop(c, per_cpu_ptr(c->cpu, i)->previous);
	}
	while ((m = c->full)) {
		c->full = m->next;
		magazine_drop(c, m);
	}
	c->nfull = 0;
	while ((m = c->empty)) {
		c->empty = m->next;
		slab_free(c->magazines, m);
	}
	percpu_free(c->cpu);
	c->cpu = NULL;
}
