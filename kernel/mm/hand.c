/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which pages of files go when memory is short.
 *
 * Descriptors of frames are an array, so there are no lists: a hand goes round the frames of a node. A page that comes in or goes, or is used, touches no lock
 * and no list for it. Frames are given out again where the hand has just been, so pages meet it about in the order in which they came.
 *
 * Two classes. INACTIVE: used once, perhaps; the hand takes them. ACTIVE: used again while they were there, or wanted again so soon after they had gone that
 * they would still be there had the active pages' room been theirs (refault distance). The hand passes over ACTIVE pages as long as they are not the
 * larger part; then it makes inactive those that were not used since it came last. So a stream of pages that are used once turns over what is inactive,
 * and what is used again stays.
 *
 *	             read once more         hand: many active, and not used for a round
 *	INACTIVE --------------------> ACTIVE --------------------> INACTIVE --hand--> gone, remembered
 *	   ^  fault: used for two rounds, or run                                           |
 *	   +------------------------------- wanted again: (late)  ACTIVE (soon) <----------+
 *
 * What went is remembered by a fingerprint and the time, counted in evictions: 4 bytes for each frame, in buckets of a cache line. A word that two write
 * at once, or a wrong match, makes a wrong guess, no more.
 *
 * A frame is looked at in a read section. Pages of files are freed a grace period after their last reference, so what is seen as one stays a frame of
 * that kind until the section ends, and page_tryget fails if it is dead.
 */
#include <arch/smp.h>
#include <lib/bits.h>
#include <sync/rcu.h>
#include "page_impl.h"
#include "reclaim_impl.h"

#define CHUNK	     (1u << PAGE_CHUNK_SHIFT)
#define CHUNK_SHIFT  (PAGE_SECTION_SHIFT - PAGE_CHUNK_SHIFT) /* chunks per section, log */
#define BATCH	     32
#define BUCKET	     16
#define TAG_BITS     12
#define STAMP_BITS   (32 - TAG_BITS)
#define GHOST_ORDER  PAGE_MAX_ORDER
#define NODES_MAX    (ZONE_MAX / 2)

static u64 hands[NODES_MAX]; /* chunk number; atomic */
static u32 *ghosts;	     /* NULL: none */
static u64 ghost_buckets;    /* a power of two */
static unsigned stamp_shift;
static u64 evictions;	     /* atomic */
static u64 scanned, refaults, activations;
static DEFINE_PER_CPU(s64, file_pages);
static DEFINE_PER_CPU(s64, active_pages);

#define FOLD(var)                                                              \
	({                                                                     \
		s64 sum_ = 0;                                                  \
		for (unsigned cpu_ = 0; cpu_ < cpu_count(); cpu_++)            \
			sum_ += READ_ONCE(*per_cpu_ptr(&(var), cpu_));         \
		(u64)max(sum_, 0ll);                                           \
	})

u64 reclaim_file_pages(void)
{
	return FOLD(file_pages);
}

void reclaim_counts(struct reclaim_counts *out)
{
	u64 file = FOLD(file_pages), active = FOLD(active_pages);

	*out = (struct reclaim_counts){.active = min(active, file), .inactive = file - min(active, file),
		.scanned = __atomic_load_n(&scanned, __ATOMIC_RELAXED), .evicted = __atomic_load_n(&evictions, __ATOMIC_RELAXED),
		.refaults = __atomic_load_n(&refaults, __ATOMIC_RELAXED), .activations = __atomic_load_n(&activations, __ATOMIC_RELAXED)};
}

/* ---- what went ---- */

static u64 ghost_hash(const struct vm_object *obj, u64 index)
{
	return ((u64)(unsigned long)obj->owner ^ index * 0xff51afd7ed558ccdull) * 0x9e3779b97f4a7c15ull;
}

static u32 stamp_now(void)
{
	return (u32)(__atomic_load_n(&evictions, __ATOMIC_RELAXED) >> stamp_shift) & ((1u << STAMP_BITS) - 1);
}

static u32 *bucket_of(u64 hash)
{
	return ghosts + (hash >> 40 & (ghost_buckets - 1)) * BUCKET;
}

static void remember(const struct vm_object *obj, u64 index)
{
	u64 hash = ghost_hash(obj, index);
	u32 now = stamp_now(), *bucket, *oldest;
	u32 age = 0;

	if (!ghosts)
		return;
	bucket = oldest = bucket_of(hash);
	for (unsigned i = 0; i < BUCKET; i++) {
		u32 e = READ_ONCE(bucket[i]), a = (now - e) & ((1u << STAMP_BITS) - 1);

		if (!e || a >= age) {
			oldest = &bucket[i];
			age = e ? a : ~0u;
		}
	}
	WRITE_ONCE(*oldest, (u32)(hash & ((1u << TAG_BITS) - 1)) << STAMP_BITS | now);
}

/* True: it went less than @distance evictions ago. */
static bool went_lately(const struct vm_object *obj, u64 index, u64 distance)
{
	u64 hash = ghost_hash(obj, index);
	u32 tag = hash & ((1u << TAG_BITS) - 1), now = stamp_now(), *bucket;

	if (!ghosts)
		return false;
	bucket = bucket_of(hash);
	for (unsigned i = 0; i < BUCKET; i++) {
		u32 e = READ_ONCE(bucket[i]);

		if (!e || e >> STAMP_BITS != tag)
			continue;
		WRITE_ONCE(bucket[i], 0);
		__atomic_fetch_add(&refaults, 1, __ATOMIC_RELAXED);
		return (u64)((now - e) & ((1u << STAMP_BITS) - 1)) << stamp_shift <= distance;
	}
	return false;
}

/* ---- the classes ---- */

static void activate(struct page *page)
{
	if (__atomic_fetch_or(&page->flags, PAGE_F_ACTIVE, __ATOMIC_RELAXED) & PAGE_F_ACTIVE)
		return;
	this_cpu_add(active_pages, 1);
	__atomic_fetch_add(&activations, 1, __ATOMIC_RELAXED);
}

void page_use_again(struct page *page)
{
	u16 flags = READ_ONCE(page->flags);

	if (!(flags & PAGE_F_REFERENCED)) {
		__atomic_fetch_or(&page->flags, PAGE_F_REFERENCED, __ATOMIC_RELAXED);
	} else if (!(flags & PAGE_F_ACTIVE)) {
		__atomic_fetch_and(&page->flags, (u16)~PAGE_F_REFERENCED, __ATOMIC_RELAXED);
		activate(page);
	}
}

void hand_note_new(struct page *page, const struct vm_object *obj, u64 index)
{
	this_cpu_add(file_pages, 1);
	if (__atomic_load_n(&evictions, __ATOMIC_RELAXED) && went_lately(obj, index, FOLD(active_pages))) {
		page->flags |= PAGE_F_ACTIVE; /* nobody sees it yet */
		this_cpu_add(active_pages, 1);
	}
}

void hand_note_gone(const struct page *page)
{
	this_cpu_add(file_pages, -1);
	if (page->flags & PAGE_F_ACTIVE)
		this_cpu_add(active_pages, -1);
}

/* ---- the hand ---- */

struct scan {
	u64 want, freed, dirty, looked;
	bool thin;	/* take from the active ones, too */
	unsigned n;
	struct page *pages[BATCH];
};

/* An active page that was not used since the hand came last becomes inactive. */
static void thin_out(struct page *page, u16 flags)
{
	if (flags & PAGE_F_REFERENCED)
		__atomic_fetch_and(&page->flags, (u16)~PAGE_F_REFERENCED, __ATOMIC_RELAXED);
	else if (__atomic_fetch_and(&page->flags, (u16)~PAGE_F_ACTIVE, __ATOMIC_RELAXED) & PAGE_F_ACTIVE)
		this_cpu_add(active_pages, -1);
}

/* May the mapped page go? It is unmapped then. */
static bool give_up_mapped(struct vm_object *obj, struct page *page)
{
	struct page_use use;

	if (!vm_object_age(obj, page, &use))
		return false;
	if (use.young) {
		if (use.exec || use.young > 1 || (READ_ONCE(page->flags) & PAGE_F_REFERENCED))
			activate(page);
		__atomic_fetch_or(&page->flags, PAGE_F_REFERENCED, __ATOMIC_RELAXED);
	}
	return !use.young && !use.locked;
}

/* A page with a reference of ours. */
static void try_evict(struct scan *sc, struct page *page, u32 *list)
{
	struct vm_object *obj;
	bool gone = false;

	if (!page_trylock(page)) {
		page_put(page);
		return;
	}
	obj = READ_ONCE(page->object);
	if (obj && (!READ_ONCE(page->maps) || give_up_mapped(obj, page))) {
		u64 index = page_index(page);

		gone = vm_object_evict(obj, page, list);
		if (gone) {
			sc->freed++;
			remember(obj, index);
			__atomic_fetch_add(&evictions, 1, __ATOMIC_RELAXED);
		}
	}
	page_unlock(page);
	if (!gone)
		page_put(page);
}

static void evict_batch(struct scan *sc)
{
	u32 list = 0;

	for (unsigned i = 0; i < sc->n; i++)
		try_evict(sc, sc->pages[i], &list);
	sc->n = 0;
	page_put_list(list);
}

/* In a read section. */
static void look_at(struct scan *sc, struct page *page)
{
	u16 flags;

	if (LOAD_ACQUIRE(page->kind) != PAGE_CACHE)
		return;
	flags = READ_ONCE(page->flags);
	if (!(flags & PAGE_F_FILE))
		return;
	sc->looked++;
	if (flags & (PAGE_F_DIRTY | PAGE_F_WRITEBACK)) {
		sc->dirty++;
	} else if (flags & PAGE_F_ACTIVE) {
		if (!sc->thin)
			return;
		/* Entries of mappings say themselves whether they were used: the hand asks when it comes as for an inactive page. */
		thin_out(page, flags);
	} else if (!(flags & PAGE_F_LOCKED) && page_tryget(page)) {
		sc->pages[sc->n++] = page;
	}
}

static void scan_chunk(struct scan *sc, struct page *first)
{
	for (unsigned i = 0; i < CHUNK && sc->freed < sc->want;) {
		rcu_read_lock();
		for (unsigned end = i + BATCH; i < end; i++)
			look_at(sc, first + i);
		rcu_read_unlock();
		if (sc->n)
			evict_batch(sc);
	}
}

/* The descriptors of the chunk that the hand is at; NULL: not one of the node's. */
static struct page *chunk_of(unsigned node, u64 hand)
{
	const struct page_section *s = &page_sections[hand >> CHUNK_SHIFT];
	unsigned chunk = hand & ((1u << CHUNK_SHIFT) - 1);

	if (chunk < s->first || chunk >= s->end || !(LOAD_ACQUIRE(s->ready) >> chunk & 1) || page_zones[s->zone].node != node)
		return NULL;
	return s->pages + ((unsigned long)chunk << PAGE_CHUNK_SHIFT);
}

u64 hand_reclaim(unsigned node, u64 npages, u64 *out_dirty)
{
	struct scan sc = {.want = npages};
	u64 chunks = page_sections_nr << CHUNK_SHIFT;

	/* Two rounds at most: what the first makes inactive the second takes. */
	for (u64 i = 0; i < 2 * chunks && sc.freed < npages; i++) {
		u64 hand = __atomic_fetch_add(&hands[node], 1, __ATOMIC_RELAXED) % chunks;
		struct page *first = chunk_of(node, hand);
		u64 active = FOLD(active_pages), file = FOLD(file_pages);

		if (!file)
			break;
		sc.thin = active > file / 2 || i >= chunks;
		if (first)
			scan_chunk(&sc, first);
	}
	__atomic_fetch_add(&scanned, sc.looked, __ATOMIC_RELAXED);
	*out_dirty = sc.dirty;
	return sc.freed;
}

void hand_init(void)
{
	struct page_stats st;
	unsigned order = 0;
	struct page *mem;

	page_stats(&st);
	while (order < GHOST_ORDER && (PAGE_SIZE / 4) << order < st.total)
		order++;
	mem = page_alloc(order, ALLOC_ZERO);
	if (mem) {
		ghosts = page_va(mem);
		ghost_buckets = ((PAGE_SIZE / 4) << order) / BUCKET;
	}
	while (st.total >> stamp_shift > 1u << (STAMP_BITS - 2))
		stamp_shift++;
}
