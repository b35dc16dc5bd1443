/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Between slab.c (slabs of a cache), magazine.c (per-CPU front), slab_debug.c and kmalloc.c.
 */
#include <mm/slab.h>
#include <lib/list.h>
#include <sync/spinlock.h>
#include <arch/cpu.h>

#define SLAB_MAX_ORDER 3
#define DEPOT_MAX      32 /* full magazines that a depot keeps */

struct magazine {
	struct magazine *next;	/* depot's list */
	u16 n, cap;
	u32 pad;
	void *obj[];
};

struct slab_cpu {
	struct magazine *loaded, *previous;
	u32 busy;	/* the owner is inside; an interrupt passes by */
};

struct slab_cache {
	/* constant */
	struct slab_cpu *cpu;	/* per CPU; NULL: no magazines (caches that magazines are made of) */
	u32 size, stride;	/* of an object; from one to the next in its slab */
	u32 link_at;		/* where a free object in a slab keeps the link to the next */
	u16 per_slab, per_small;	/* objects of a slab of `order`; of `small_order`, when there is no such block */
	u8 order, small_order;
	u8 flags;		/* enum slab_flags */
	struct slab_cache *magazines;	/* where this cache's magazines come from */
	const char *name;
	struct list_head all;	/* slab_caches; slab_list_lock */

	struct spinlock lock;	/* guards what follows and the slabs' descriptors */
	u32 partial;		/* frame number of the first slab that is not full; 0 none */
	u32 nempty_slabs;
	u32 nfull, nempty;	/* depot */
	struct magazine *full, *empty;
	u64 nslabs, npages, inuse;	/* inuse counts what magazines hold, too */
};

extern struct list_head slab_caches;

void slab_cache_setup(
	struct slab_cache *c, const char *name, size_t size, size_t align, unsigned slab_flags);
/* Give @c its per-CPU front. False: no memory. */
bool slab_cpu_setup(struct slab_cache *c, struct slab_cache *magazines);
struct slab_cache *magazine_cache_for(size_t size);
void kmalloc_init(void);
void magazine_caches_init(void);

/* Up to @n objects from slabs, growing by one slab if need be; how many. Grows with @alloc_flags. */
unsigned slab_take(struct slab_cache *c, void **out, unsigned n, unsigned alloc_flags);
void slab_give(struct slab_cache *c, void *const *objs, unsigned n);
/* Empty the depot into the slabs, and the running CPU's magazines; free empty slabs. Pages freed. */
u64 slab_reap(struct slab_cache *c);
/* Objects that magazines hold; racy. */
u64 magazine_objects(struct slab_cache *c);
/* Back to the slabs with all that magazines hold, on all CPUs: nobody uses the cache any more. */
void magazines_fini(struct slab_cache *c);

/* Debug kernels: a trailer behind each object says whether it is out, and who had it; free ones are full of poison. */
#define SLAB_DEBUG_BYTES 64
void slab_debug_new(struct slab_cache *c, void *obj);
void slab_debug_alloc(struct slab_cache *c, void *obj, void *caller);
void slab_debug_free(struct slab_cache *c, void *obj, void *caller);
/*
 * KASAN: keep *obj of *c, which has just been freed, and give back in its place the one that has waited longest. False: none is due.
 */
bool quarantine_swap(struct slab_cache **c, void **obj);
/* Give back all that waits, on all CPUs. May sleep. */
void quarantine_drain(void);
/* An object straight to the magazines: it is not out any more. Any context. */
void slab_put_back(struct slab_cache *c, void *obj);
/* Print where the objects that are still out were allocated. */
void slab_debug_leaks(struct slab_cache *c);

static inline struct page *slab_head(const void *obj)
{
	struct page *page = va_page(obj);

	return page->flags & PAGE_F_TAIL ? page - page->link : page;
}
