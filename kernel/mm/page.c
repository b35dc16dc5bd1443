/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocation of page frames.
 *
 *   page_alloc ── per-CPU cache (orders 0..3, and 9): a stack, no lock, no atomic ── batch ──► zone (one lock) ── chunk by chunk ──► boot memory
 *
 * The cache belongs to its CPU: preemption is off inside, and `busy` tells an interrupt that came in between to go to the zone itself. Batches
 * move half a stack at a time, so that the zone's lock and the peak are touched once per some dozen frames.
 *
 * Near exhaustion: the last zone->reserve frames are for ALLOC_RESERVE, half of them also for ALLOC_NOWAIT. Who may sleep first lets the
 * shrinkers give memory back and takes the frames out of the other CPUs' caches. Then NULL: an error to the caller.
 */
#include <mm/fail.h>
#include <mm/page.h>
#include <mm/reclaim.h>
#include <arch/smp.h>
#include <lib/bits.h>
#include <lib/string.h>
#include <sched/preempt.h>
#include <sched/smp_call.h>
#include <sync/rcu.h>
#include <debug/kasan.h>
#include <debug/panic.h>
#include "page_impl.h"
#include "reclaim_impl.h"

DEFINE_PER_CPU(struct pcp, page_cache);
DEFINE_PER_CPU(s64, page_kind_count[PAGE_KINDS]);
u64 page_peak_used;

static inline struct page **pcp_slots(struct pcp *c, unsigned order)
{
	return order ? c->slot[order - 1] : c->slot0;
}

static inline unsigned pcp_capacity(unsigned order)
{
	return order ? PCP_SLOTS_N : PCP_SLOTS;
}

void page_clear(void *va)
{
	memset(va, 0, PAGE_SIZE);
}

void page_copy(void *dst, const void *src)
{
	memcpy(dst, src, PAGE_SIZE);
}

/* Debug kernels: what is free is full of poison, so that a write after free is found when the frame is given out. */
static void poison(struct page *page, unsigned order)
{
	for (unsigned i = 0; i < 1u << order; i++) {
		kasan_fill(page_va(page + i), (int)(PAGE_POISON & 0xff), PAGE_SIZE);
		page[i].flags = PAGE_F_POISON;
	}
}

static void poison_check(struct page *page, unsigned order)
{
	for (unsigned i = 0; i < 1u << order; i++) {
		const u64 *w = page_va(page + i);

		if (!(page[i].flags & PAGE_F_POISON))
			continue;
		page[i].flags = 0;
		for (unsigned k = 0; k < PAGE_SIZE / 8; k++) {
			if (w[k] != PAGE_POISON)
				panic("frame %#llx was written to after it was freed: %#llx at %#x",
					page_pfn(page + i), w[k], k * 8);
		}
	}
}

/* Frames that the request must leave in the zone. */
static u64 mark(const struct zone *zone, unsigned alloc_flags)
{
	if (alloc_flags & ALLOC_RESERVE)
		return 0;
	return (alloc_flags & (ALLOC_NOWAIT | ALLOC_USER)) == ALLOC_NOWAIT ? zone->reserve / 2 : zone->reserve;
}

/*
 * Take blocks of @order out of the smallest block that holds one, as many as it has and @n wants: a batch costs a few list operations, and large
 * blocks stay whole as long as there are small ones. 0: nothing fits.
 */
static unsigned zone_carve(struct zone *zone, unsigned order, struct page **out, unsigned n)
{
	u32 fit = zone->nonempty >> order;
	struct page *block;
	unsigned shift;

	if (!fit)
		return 0;
	shift = min(ctz32(fit), ilog2(n));
	block = buddy_alloc(zone, order + shift);
	for (unsigned i = 0; i < 1u << shift; i++)
		out[i] = block + ((unsigned long)i << order);
	return 1u << shift;
}

/* Up to @n blocks of @order; how many. */
static unsigned zone_take(
	struct zone *zone, unsigned order, unsigned alloc_flags, struct page **out, unsigned n)
{
	u64 keep = mark(zone, alloc_flags);
	irqflags_t flags;
	unsigned got = 0;
	u64 left = READ_ONCE(zone->free) + READ_ONCE(zone->virgin);

	if (unlikely(left < zone_low(zone)))
		reclaim_kick(zone->node);
	if (left < keep + (1ull << order))
		return 0;
	flags = spin_lock_irqsave(&zone->lock);
	while (got < n && zone->free + zone->virgin >= keep + (1ull << order)) {
		u64 spare = (zone->free + zone->virgin - keep) >> order;
		unsigned more = zone_carve(zone, order, out + got, (unsigned)min_t(u64, n - got, spare));

		got += more;
		if (!more && !zone_grow(zone))
			break;
	}
	spin_unlock_irqrestore(&zone->lock, flags);
	return got;
}

/* How far the first of @pages and those behind it make up one aligned block: the log of their number. */
static unsigned run_of(struct page *const *pages, unsigned n, unsigned order)
{
	u64 slot = page_pfn(pages[0]) >> order;
	unsigned shift = 0, len = 1;

	while (order + shift < PAGE_MAX_ORDER && !(slot >> shift & 1)) {
		while (len < n && len < 2u << shift && pages[len] == pages[0] + ((unsigned long)len << order))
			len++;
		if (len < 2u << shift)
			break;
		shift++;
	}
	return shift;
}

static void zone_give(struct page *const *pages, unsigned n, unsigned order)
{
	struct zone *zone = NULL;
	irqflags_t flags = 0;

	for (unsigned i = 0, shift; i < n; i += 1u << shift) {
		struct zone *z = page_zone(pages[i]);

		if (z != zone) {
			if (zone)
				spin_unlock_irqrestore(&zone->lock, flags);
			zone = z;
			flags = spin_lock_irqsave(&zone->lock);
		}
		shift = run_of(pages + i, n - i, order);
		buddy_free(zone, pages[i], order + shift);
	}
	if (zone)
		spin_unlock_irqrestore(&zone->lock, flags);
}

/* Zones in the order of preference: the node's high and low one, then the other nodes'. */
static unsigned zones_take(
	unsigned node, unsigned order, unsigned alloc_flags, struct page **out, unsigned n)
{
	unsigned nodes = page_zones_nr / 2;

	for (unsigned i = 0; i < nodes; i++) {
		struct zone *low = &page_zones[(node + i) % nodes * 2];
		unsigned got = 0;

		if (!(alloc_flags & ALLOC_DMA32))
			got = zone_take(low + 1, order, alloc_flags, out, n);
		if (!got)
			got = zone_take(low, order, alloc_flags, out, n);
		if (got)
			return got;
	}
	return 0;
}

void page_note_peak(void)
{
	u64 used = 0, peak = READ_ONCE(page_peak_used);

	for (unsigned i = 0; i < page_zones_nr; i++) {
		const struct zone *z = &page_zones[i];

		used += READ_ONCE(z->total) - READ_ONCE(z->free) - READ_ONCE(z->virgin);
	}
	while (used > peak && !__atomic_compare_exchange_n(&page_peak_used, &peak, used, true,
				       __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

void page_drain_local(void)
{
	struct pcp *c = this_cpu_ptr(&page_cache);

	for (unsigned order = 0; order < PCP_ORDERS; order++) {
		zone_give(pcp_slots(c, order), c->n[order], order);
		WRITE_ONCE(c->n[order], 0);
	}
	zone_give(c->huge, c->nhuge, PCP_HUGE_ORDER);
	WRITE_ONCE(c->nhuge, 0);
}

/* Enter the CPU's cache; NULL: it is busy (this is an interrupt), preemption is as before. */
static inline struct pcp *pcp_enter(void)
{
	struct pcp *c;

	preempt_disable();
	c = this_cpu_ptr(&page_cache);
	if (unlikely(c->busy)) {
		preempt_enable();
		return NULL;
	}
	c->busy = 1;
	barrier();
	return c;
}

static inline void pcp_leave(struct pcp *c)
{
	barrier();
	c->busy = 0;
	if (unlikely(READ_ONCE(c->drain))) {
		WRITE_ONCE(c->drain, 0);
		c->busy = 1;
		page_drain_local();
		c->busy = 0;
	}
	preempt_enable();
}

static NOINLINE bool pcp_refill(struct pcp *c, unsigned order, unsigned alloc_flags)
{
	unsigned n = zones_take(cpu_node(cpu_id()), order, alloc_flags & ~ALLOC_RESERVE,
		pcp_slots(c, order), pcp_capacity(order) / 2);

	WRITE_ONCE(c->n[order], n);
	page_note_peak();
	return n != 0;
}

static inline struct page *pcp_pop(unsigned order, unsigned alloc_flags)
{
	struct pcp *c = pcp_enter();
	struct page *page = NULL;

	if (unlikely(!c))
		return NULL;
	if (likely(c->n[order]) || pcp_refill(c, order, alloc_flags)) {
		u32 n = c->n[order] - 1;

		page = pcp_slots(c, order)[n];
		WRITE_ONCE(c->n[order], n);
	}
	pcp_leave(c);
	return page;
}

static NOINLINE void pcp_overflow(struct pcp *c, unsigned order)
{
	unsigned half = pcp_capacity(order) / 2;
	struct page **slots = pcp_slots(c, order);

	/* The oldest go back: the newest are warm in the CPU's caches. */
	zone_give(slots, half, order);
	memmove(slots, slots + half, half * sizeof(*slots));
	WRITE_ONCE(c->n[order], half);
}

static inline bool is_remote(const struct page *page)
{
	return unlikely(page_zones_nr > 2) && page_zone(page)->node != cpu_node(cpu_id());
}

static inline bool pcp_push(struct page *page, unsigned order)
{
	struct pcp *c = pcp_enter();
	u32 n;

	if (unlikely(!c))
		return false;
	if (is_remote(page)) {
		pcp_leave(c);
		return false;
	}
	if (unlikely(c->n[order] == pcp_capacity(order)))
		pcp_overflow(c, order);
	n = c->n[order];
	pcp_slots(c, order)[n] = page;
	WRITE_ONCE(c->n[order], n + 1);
	pcp_leave(c);
	return true;
}

/* Huge pages are not taken in batches: what is cached was freed here. */
static struct page *pcp_pop_huge(void)
{
	struct pcp *c = pcp_enter();
	struct page *page = NULL;

	if (unlikely(!c))
		return NULL;
	if (c->nhuge) {
		page = c->huge[c->nhuge - 1];
		WRITE_ONCE(c->nhuge, c->nhuge - 1);
	}
	pcp_leave(c);
	return page;
}

static bool pcp_push_huge(struct page *page)
{
	u64 limit = min_t(u64, READ_ONCE(page_zone(page)->total) / (64ull * cpu_count() << PCP_HUGE_ORDER), PCP_HUGE_SLOTS);
	struct pcp *c = pcp_enter();
	bool ok;

	if (unlikely(!c))
		return false;
	ok = c->nhuge < limit && !is_remote(page);
	if (ok) {
		c->huge[c->nhuge] = page;
		WRITE_ONCE(c->nhuge, c->nhuge + 1);
	}
	pcp_leave(c);
	return ok;
}

static void drain_on_cpu(void *arg)
{
	struct pcp *c = this_cpu_ptr(&page_cache);

	if (c->busy)
		WRITE_ONCE(c->drain, 1);
	else
		page_drain_local();
}

void page_drain(void)
{
	struct pcp *c = pcp_enter();

	if (c) {
		page_drain_local();
		pcp_leave(c);
	}
	if (cpu_count() > 1)
		smp_call(&cpus_online, drain_on_cpu, NULL);
}

/* Straight from the zones; who may sleep makes room first. */
static NOINLINE struct page *alloc_slow(unsigned node, unsigned order, unsigned alloc_flags)
{
	struct page *page;

	if (zones_take(node, order, alloc_flags, &page, 1))
		goto got;
	if (alloc_flags & ALLOC_NOWAIT)
		return NULL;
	assert_may_sleep();
	for (unsigned round = 0; round < 8; round++) {
		u64 freed = reclaim_memory(1ull << max(order, 5u));

		page_drain();
		if (zones_take(node, order, alloc_flags, &page, 1))
			goto got;
		/* Pages of files are free a grace period later. */
		if (freed)
			rcu_barrier();
		if (freed && zones_take(node, order, alloc_flags, &page, 1))
			goto got;
		if (!freed && round)
			break;
	}
	return NULL;
got:
	page_note_peak();
	return page;
}

static inline struct page *prepare(struct page *page, unsigned order, unsigned alloc_flags)
{
	kasan_unpoison(page_va(page), PAGE_SIZE << order);
	if (NOS_DEBUG)
		poison_check(page, order);
	WRITE_ONCE(page->kind, PAGE_KERNEL);
	page->order = (u8)order;
	page->flags = 0;
	page->index_lo = 0;
	WRITE_ONCE(page->counts, 1);
	page->private = 0;
	page->index_hi = 0;
	page->link = 0;
	if (alloc_flags & ALLOC_ZERO) {
		for (unsigned i = 0; i < 1u << order; i++)
			page_clear(page_va(page) + i * PAGE_SIZE);
	}
	return page;
}

struct page *page_alloc(unsigned order, unsigned alloc_flags)
{
	struct page *page = NULL;

	if (alloc_must_fail(alloc_flags))
		return NULL;
	if (likely(order < PCP_ORDERS && !(alloc_flags & ALLOC_DMA32)))
		page = pcp_pop(order, alloc_flags);
	else if (order == PCP_HUGE_ORDER && !(alloc_flags & ALLOC_DMA32))
		page = pcp_pop_huge();
	if (unlikely(!page)) {
		if (order > PAGE_MAX_ORDER)
			return NULL;
		page = alloc_slow(cpu_node(cpu_id()), order, alloc_flags);
		if (!page)
			return NULL;
	}
	return prepare(page, order, alloc_flags);
}

struct page *page_alloc_node(unsigned node, unsigned order, unsigned alloc_flags)
{
	struct page *page;

	if (page_zones_nr == 2 || node == cpu_node(cpu_id()))
		return page_alloc(order, alloc_flags);
	if (order > PAGE_MAX_ORDER || node >= page_zones_nr / 2 || alloc_must_fail(alloc_flags))
		return NULL;
	page = alloc_slow(node, order, alloc_flags);
	return page ? prepare(page, order, alloc_flags) : NULL;
}

unsigned page_alloc_batch(struct page **pages, unsigned n, unsigned alloc_flags)
{
	unsigned got;

	for (got = 0; got < n; got++) {
		pages[got] = page_alloc(0, alloc_flags);
		if (!pages[got])
			break;
	}
	return got;
}

void page_set_kind(struct page *page, enum page_kind kind)
{
	DASSERT(page->kind > PAGE_FREE && kind > PAGE_FREE);
	if (page->kind != PAGE_KERNEL)
		this_cpu_add(page_kind_count[page->kind], -(1ll << page->order));
	if (kind != PAGE_KERNEL)
		this_cpu_add(page_kind_count[kind], 1ll << page->order);
	STORE_RELEASE(page->kind, (u8)kind); /* who reads PAGE_CACHE finds the other fields */
}

/* From the owner's hands into nobody's. */
static inline void retire(struct page *page, unsigned order)
{
	unsigned kind = page->kind;

	if (unlikely(kind <= PAGE_FREE || page->order != order))
		panic("frame %#llx: freed twice, or with the wrong order (%u, was %u)", page_pfn(page),
			order, page->order);
	if (kind != PAGE_KERNEL)
		this_cpu_add(page_kind_count[kind], -(1ll << order));
	WRITE_ONCE(page->kind, PAGE_RESERVED);
	WRITE_ONCE(page->counts, 0);
	if (NOS_DEBUG)
		poison(page, order);
	kasan_poison(page_va(page), PAGE_SIZE << order, KASAN_PAGE_FREE);
}

void page_free(struct page *page, unsigned order)
{
	retire(page, order);
	if (likely(order < PCP_ORDERS) ? !pcp_push(page, order) : order != PCP_HUGE_ORDER || !pcp_push_huge(page))
		zone_give(&page, 1, order);
}

void page_free_batch(struct page **pages, unsigned n)
{
	struct pcp *c;

	for (unsigned i = 0; i < n; i++)
		retire(pages[i], 0);
	c = pcp_enter();
	if (unlikely(!c || page_zones_nr > 2)) {
		zone_give(pages, n, 0);
		if (c)
			pcp_leave(c);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		if (unlikely(c->n[0] == PCP_SLOTS))
			pcp_overflow(c, 0);
		c->slot0[c->n[0]] = pages[i];
		WRITE_ONCE(c->n[0], c->n[0] + 1);
	}
	pcp_leave(c);
}

void page_shatter(struct page *page, unsigned order, enum page_kind kind, u64 counts)
{
	page_set_kind(page, kind);
	for (unsigned i = 0; i < 1u << order; i++) {
		struct page *p = page + i;

		WRITE_ONCE(p->kind, (u8)kind);
		p->order = 0;
		p->flags = 0;
		p->index_lo = 0;
		p->index_hi = 0;
		p->private = 0;
		p->link = 0;
		WRITE_ONCE(p->counts, counts);
	}
}

void page_free_joined(struct page *page, unsigned order)
{
	for (unsigned i = 0; i < 1u << order; i++)
		retire(page + i, 0);
	if (order != PCP_HUGE_ORDER || !pcp_push_huge(page))
		zone_give(&page, 1, order);
}

void page_trim(struct page *page, unsigned order, unsigned npages)
{
	unsigned kind = page->kind;
	u64 pfn = page_pfn(page), end = pfn + (1ull << order);

	page_set_kind(page, PAGE_KERNEL);
	for (u64 rest = pfn + npages; rest < end;) {
		struct page *p = pfn_page(rest);
		unsigned o = ctz64(rest);

		/* Blocks grow from the cut towards the end, which is aligned to the whole. */
		WRITE_ONCE(p->kind, PAGE_KERNEL);
		p->order = (u8)o;
		page_free(p, o);
		rest += 1ull << o;
	}
	for (u64 keep = pfn; keep < pfn + npages; keep++) {
		struct page *p = pfn_page(keep);

		WRITE_ONCE(p->kind, PAGE_KERNEL);
		p->order = 0;
		page_set_kind(p, kind);
	}
}

void page_free_exact(struct page *page, unsigned npages)
{
	for (unsigned i = 0; i < npages; i++)
		page_free(page + i, 0);
}
