/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slabs: blocks of 2^k frames cut into objects of one size.
 *
 *	| object 0 | object 1 | ... | object n-1 | rest |
 *
 * Its state is in the descriptor of its first frame: objects out (slab_inuse), where objects that were never given out start (slab_fresh), the
 * list of those that came back (slab_free; each holds offset + 1 of the next at link_at), the cache. The other frames' descriptors say how far
 * behind the first they are. Slabs that have a free object are on the cache's list `partial`; full ones on none.
 *
 * One empty slab is kept per cache; a second one goes back to the frames, for SLAB_RCU after a grace period.
 *
 * Locking: cache->lock, interrupts off. The per-CPU front (magazine.c) comes here once per half a magazine.
 */
#include <arch/smp.h>
#include <lib/bits.h>
#include <lib/string.h>
#include <mm/percpu.h>
#include <mm/reclaim.h>
#include <sync/mutex.h>
#include <sync/rcu.h>
#include <debug/kasan.h>
#include <debug/log.h>
#include <debug/panic.h>
#include "slab_impl.h"

LOCK_CLASS(slab, RANK_SLAB, "slabs and depot of one cache");
LOCK_CLASS(slab_list, RANK_SLAB_LIST, "list of caches");

LIST_HEAD(slab_caches);
static struct mutex slab_list_lock = MUTEX_INIT(slab_list_lock, slab_list);
static struct slab_cache cache_cache;

static void partial_insert(struct slab_cache *c, struct page *slab)
{
	u32 pfn = (u32)page_pfn(slab);

	slab->prev = 0;
	slab->link = c->partial;
	if (c->partial)
		pfn_page(c->partial)->prev = pfn;
	c->partial = pfn;
}

static void partial_remove(struct slab_cache *c, struct page *slab)
{
	if (slab->link)
		pfn_page(slab->link)->prev = slab->prev;
	if (slab->prev)
		pfn_page(slab->prev)->link = slab->link;
	else
		c->partial = slab->link;
}

static unsigned objects_of(const struct slab_cache *c, const struct page *slab)
{
	return slab->order == c->order ? c->per_slab : c->per_small;
}

static u32 *link_of(const struct slab_cache *c, void *obj)
{
	return (u32 *)((char *)obj + c->link_at);
}

/* A free object may not be touched, but for its link. */
static NO_ASAN u32 link_get(const struct slab_cache *c, void *obj)
{
	return *link_of(c, obj);
}

static NO_ASAN void link_set(const struct slab_cache *c, void *obj, u32 link)
{
	*link_of(c, obj) = link;
}

static void *slab_pop(struct slab_cache *c, struct page *slab)
{
	char *base = page_va(slab);
	void *obj;

	if (slab->slab_free) {
		u32 offset = slab->slab_free - 1;

		obj = base + offset;
		slab->slab_free = link_get(c, obj);
		ASSERT(offset % c->stride == 0 && slab->slab_free <= objects_of(c, slab) * c->stride);
	} else {
		obj = base + slab->slab_fresh * c->stride;
		slab->slab_fresh++;
		if (NOS_DEBUG)
			slab_debug_new(c, obj);
	}
	if (slab->slab_inuse++ == 0)
		c->nempty_slabs--;
	if (slab->slab_inuse == objects_of(c, slab))
		partial_remove(c, slab);
	return obj;
}

static void slab_push(struct slab_cache *c, struct page *slab, void *obj)
{
	u32 offset = (u32)((char *)obj - (char *)page_va(slab));

	ASSERT(slab->kind == PAGE_SLAB && slab->cache == c && offset % c->stride == 0);
	link_set(c, obj, slab->slab_free);
	slab->slab_free = offset + 1;
	if (slab->slab_inuse == objects_of(c, slab))
		partial_insert(c, slab);
	if (--slab->slab_inuse == 0)
		c->nempty_slabs++;
}

static struct page *slab_new(struct slab_cache *c, unsigned alloc_flags)
{
	unsigned flags = alloc_flags & (ALLOC_NOWAIT | ALLOC_RESERVE | ALLOC_DMA32);
	/* A large block is a wish: fragmented memory must not look like exhausted memory. */
	struct page *slab = page_alloc(c->order, c->order > c->small_order ? flags | ALLOC_NOWAIT : flags);

	if (!slab && c->order > c->small_order)
		slab = page_alloc(c->small_order, flags);
	if (!slab)
		return NULL;
	page_set_kind(slab, PAGE_SLAB);
	slab->counts = 0;
	slab->cache = c;
	kasan_poison(page_va(slab), PAGE_SIZE << slab->order, KASAN_SLAB_REDZONE);
	for (unsigned i = 1; i < 1u << slab->order; i++) {
		slab[i].flags = PAGE_F_TAIL;
		slab[i].link = i;
	}
	return slab;
}

static void slab_release(struct page *slab)
{
	unsigned order = slab->order;

	for (unsigned i = 1; i < 1u << order; i++)
		slab[i].flags = 0;
	page_free(slab, order);
}

static void slab_release_rcu(struct rcu_head *head)
{
	slab_release((struct page *)((char *)head - offsetof(struct page, counts)));
}

/* Off the list already; nobody has an object of it. */
static void slab_destroy(struct slab_cache *c, struct page *slab)
{
	static_assert(sizeof(struct rcu_head) == 16, "counts and cache of the descriptor hold it");
	c->nslabs--;
	c->npages -= 1u << slab->order;
	if (c->flags & SLAB_RCU)
		rcu_call((struct rcu_head *)&slab->counts, slab_release_rcu);
	else
		slab_release(slab);
}

/* Free empty slabs beyond @keep. */
static u64 slab_trim(struct slab_cache *c, u32 keep)
{
	u32 pfn = c->partial;
	u64 pages = 0;

	while (c->nempty_slabs > keep && pfn) {
		struct page *slab = pfn_page(pfn);

		pfn = slab->link;
		if (slab->slab_inuse)
			continue;
		partial_remove(c, slab);
		c->nempty_slabs--;
		pages += 1ull << slab->order;
		slab_destroy(c, slab);
	}
	return pages;
}

unsigned slab_take(struct slab_cache *c, void **out, unsigned n, unsigned alloc_flags)
{
	irqflags_t flags = spin_lock_irqsave(&c->lock);
	unsigned got = 0;

	while (got < n) {
		if (!c->partial) {
			struct page *slab;

			if (got)
				break;
			spin_unlock_irqrestore(&c->lock, flags);
			slab = slab_new(c, alloc_flags);
			if (!slab)
				return 0;
			flags = spin_lock_irqsave(&c->lock);
			partial_insert(c, slab);
			c->nslabs++;
			c->npages += 1u << slab->order;
			c->nempty_slabs++;
		}
		out[got++] = slab_pop(c, pfn_page(c->partial));
	}
	c->inuse += got;
	spin_unlock_irqrestore(&c->lock, flags);
	return got;
}

void slab_give(struct slab_cache *c, void *const *objs, unsigned n)
{
	irqflags_t flags = spin_lock_irqsave(&c->lock);

	for (unsigned i = 0; i < n; i++)
		slab_push(c, slab_head(objs[i]), objs[i]);
	c->inuse -= n;
	if (c->nempty_slabs > 1)
		slab_trim(c, 1);
	spin_unlock_irqrestore(&c->lock, flags);
}

u64 slab_reap(struct slab_cache *c)
{
	struct magazine *m, *full;
	irqflags_t flags;
	u64 pages;

	flags = spin_lock_irqsave(&c->lock);
	full = c->full;
	c->full = NULL;
	c->nfull = 0;
	spin_unlock_irqrestore(&c->lock, flags);
	while ((m = full)) {
		full = m->next;
		slab_give(c, m->obj, m->n);
		slab_free(c->magazines, m);
	}
	flags = spin_lock_irqsave(&c->lock);
	pages = slab_trim(c, 0);
	spin_unlock_irqrestore(&c->lock, flags);
	return pages;
}

/* The smallest slab with at least 8 objects, or the largest order; small remainder first. */
static unsigned choose_order(size_t stride)
{
	unsigned order = 0;

	while (order < SLAB_MAX_ORDER) {
		size_t bytes = PAGE_SIZE << order, n = bytes / stride;

		if (n >= 8 && bytes - n * stride <= bytes / 8)
			break;
		order++;
	}
	return order;
}

void slab_cache_setup(
	struct slab_cache *c, const char *name, size_t size, size_t align, unsigned slab_flags)
{
	size_t body = align_up(max(size, sizeof(u64)), sizeof(u64));

	align = max(align, sizeof(u64));
	memset(c, 0, sizeof(*c));
	c->name = name;
	c->size = (u32)size;
	c->flags = (u8)slab_flags;
	/* Readers may still look at a freed object of a SLAB_RCU cache: its link stands behind it. */
	if (slab_flags & SLAB_RCU) {
		c->link_at = (u32)body;
		body += sizeof(u64);
	}
	if (NOS_DEBUG)
		body += SLAB_DEBUG_BYTES;
	c->stride = (u32)align_up(body, align);
	c->order = (u8)choose_order(c->stride);
	while (PAGE_SIZE << c->small_order < c->stride)
		c->small_order++;
	c->per_slab = (u16)((PAGE_SIZE << c->order) / c->stride);
	c->per_small = (u16)((PAGE_SIZE << c->small_order) / c->stride);
	ASSERT(c->per_slab > 0);
	spin_init(&c->lock, slab);
	mutex_lock(&slab_list_lock);
	list_add_tail(&c->all, &slab_caches);
	mutex_unlock(&slab_list_lock);
}

struct slab_cache *slab_cache_create(
	const char *name, size_t size, size_t align, unsigned slab_flags)
{
	struct slab_cache *c = NULL;

	if (size <= (PAGE_SIZE << SLAB_MAX_ORDER) / 2)
		c = slab_alloc(&cache_cache, ALLOC_SLEEP);
	if (c) {
		slab_cache_setup(c, name, size, align, slab_flags);
		if (slab_cpu_setup(c, magazine_cache_for(size)))
			return c;
		mutex_lock(&slab_list_lock);
		list_del(&c->all);
		mutex_unlock(&slab_list_lock);
		slab_free(&cache_cache, c);
	}
	if (slab_flags & SLAB_PANIC)
		panic("no memory for the cache %s", name);
	return NULL;
}

void slab_cache_destroy(struct slab_cache *c)
{
	if (!c)
		return;
	mutex_lock(&slab_list_lock);
	list_del(&c->all);
	mutex_unlock(&slab_list_lock);
	if (NOS_KASAN)
		quarantine_drain();
	magazines_fini(c);
	slab_reap(c);
	if (WARN_ON(c->nslabs)) {
		klog(LOG_ERR, "slab: %s destroyed with %llu objects out", c->name, c->inuse);
		if (NOS_DEBUG)
			slab_debug_leaks(c);
		return; /* its slabs still name it */
	}
	if (c->flags & SLAB_RCU)
		rcu_barrier();
	slab_free(&cache_cache, c);
}

void slab_for_each(void (*fn)(const struct slab_info *, void *arg), void *arg)
{
	struct slab_cache *c;

	mutex_lock(&slab_list_lock);
	list_for_each_entry(c, &slab_caches, all) {
		u64 npages = READ_ONCE(c->npages), out = READ_ONCE(c->inuse);
		u64 cached = magazine_objects(c);
		struct slab_info info = {
			.name = c->name,
			.size = c->size,
			.live = out > cached ? out - cached : 0,
			.total = npages * PAGE_SIZE / c->stride,
			.pages = npages,
		};

		fn(&info, arg);
	}
	mutex_unlock(&slab_list_lock);
}

static u64 shrink(struct shrinker *s, u64 npages)
{
	struct slab_cache *c;
	u64 freed = 0;

	if (NOS_KASAN)
		quarantine_drain();
	if (!mutex_trylock(&slab_list_lock))
		return 0;
	list_for_each_entry(c, &slab_caches, all) freed += slab_reap(c);
	mutex_unlock(&slab_list_lock);
	return freed;
}

static struct shrinker slab_shrinker = {.name = "slab", .shrink = shrink};

void slab_init(void)
{
	magazine_caches_init();
	slab_cache_setup(&cache_cache, "slab_cache", sizeof(struct slab_cache), 64, SLAB_PANIC);
	if (!slab_cpu_setup(&cache_cache, magazine_cache_for(sizeof(struct slab_cache))))
		panic("no memory for slabs");
	kmalloc_init();
	shrinker_register(&slab_shrinker);
}
