/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel virtual memory: stretches of the vmap region with an unmapped page on both sides.
 *
 * Stretches are in a tree by address, augmented with the largest gap below a node; the first fit is taken. The tables of the level under the root
 * are made at boot, so that every address space shares them; lower tables are made when needed and stay.
 *
 * Freeing removes the entries and gives the frames back at once; the addresses wait (`stale`) until the TLBs of all CPUs are flushed, which is
 * done for many stretches together by the next allocation, since it must not happen with interrupts off.
 */
#include <mm/kmap.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <lib/rbtree_augmented.h>
#include <lib/string.h>
#include <debug/kasan.h>
#include <debug/panic.h>
#include "page_impl.h"
#include "pt.h"

#define REGION_MAX  (1ull << 40)
#define STALE_PAGES 1024 /* flush when so many wait */

LOCK_CLASS(kmap, RANK_KMAP, "stretches of the vmap region");

struct stretch {
	struct rb_node node;
	vaddr_t start, end;	/* with the guard page at the end */
	u64 gap;		/* free bytes between the previous stretch and this one */
	u64 max_gap;		/* in the subtree */
	struct stretch *next_stale;
	bool device;
};

static struct spinlock kmap_lock = SPINLOCK_INIT(kmap);
static struct rb_root stretches;	/* kmap_lock, interrupts off */
static struct stretch *stale;		/* kmap_lock: in the tree, no entries, not flushed */
static u64 stale_pages;
static u64 placed_pages;		/* kmap_lock: stale ones too */
static vaddr_t region_start, region_end;
static struct pt_root kmap_root = {.lock = SPINLOCK_INIT(kmap)};

static u64 max_gap_of(const struct rb_node *n)
{
	return n ? container_of(n, struct stretch, node)->max_gap : 0;
}

static bool stretch_recompute(struct rb_node *n)
{
	struct stretch *s = rb_entry(n, struct stretch, node);
	u64 most = max(s->gap, max(max_gap_of(n->left), max_gap_of(n->right)));
	bool changed = most != s->max_gap;

	s->max_gap = most;
	return changed;
}

RB_AUGMENTED(stretch, stretch_recompute)

static void set_gap(struct stretch *s, vaddr_t prev_end)
{
	s->gap = s->start - prev_end;
	stretch_propagate(&s->node);
}

/* The leftmost stretch with @len free bytes before it, or NULL. */
static struct stretch *first_fit(u64 len)
{
	struct rb_node *n = stretches.node;

	if (max_gap_of(n) < len)
		return NULL;
	for (;;) {
		struct stretch *s = rb_entry(n, struct stretch, node);

		if (max_gap_of(n->left) >= len)
			n = n->left;
		else if (s->gap >= len)
			return s;
		else
			n = n->right;
	}
}

static bool place(struct stretch *s, u64 len)
{
	struct stretch *next = first_fit(len), *prev;
	struct rb_node **link, *parent;

	if (next) {
		s->start = next->start - next->gap;
		parent = &next->node;
		link = &next->node.left;
		while (*link) {
			parent = *link;
			link = &parent->right;
		}
	} else {
		parent = rb_last(&stretches);
		prev = rb_entry_safe(parent, struct stretch, node);
		s->start = prev ? prev->end : region_start;
		if (region_end - s->start < len)
			return false;
		link = parent ? &parent->right : &stretches.node;
	}
	s->end = s->start + len;
	s->gap = 0;
	s->max_gap = 0;
	placed_pages += (s->end - s->start) >> PAGE_SHIFT;
	rb_link(&s->node, parent, link);
	stretch_insert(&s->node, &stretches);
	if (next)
		set_gap(next, s->end);
	return true;
}

static void unplace(struct stretch *s)
{
	struct stretch *next = rb_entry_safe(rb_next(&s->node), struct stretch, node);

	placed_pages -= (s->end - s->start) >> PAGE_SHIFT;
	stretch_erase(&s->node, &stretches);
	if (next)
		set_gap(next, s->start - s->gap);
}

/* Make the addresses of what was freed usable again. Interrupts on. */
static void flush_stale(void)
{
	struct stretch *list, *s;
	vaddr_t low = ~0ull, high = 0;
	irqflags_t flags = spin_lock_irqsave(&kmap_lock);

	list = stale;
	stale = NULL;
	stale_pages = 0;
	spin_unlock_irqrestore(&kmap_lock, flags);
	if (!list)
		return;
	for (s = list; s; s = s->next_stale) {
		low = min(low, s->start);
		high = max(high, s->end);
	}
	tlb_flush_kernel(low, high);
	while ((s = list)) {
		list = s->next_stale;
		flags = spin_lock_irqsave(&kmap_lock);
		unplace(s);
		spin_unlock_irqrestore(&kmap_lock, flags);
		kfree(s);
	}
}

/* Remove what is mapped in the stretch; any context. */
static void release(struct stretch *s)
{
	irqflags_t flags;

	for (vaddr_t va = s->start; va < s->end - PAGE_SIZE; va += PAGE_SIZE) {
		struct pte *e = pt_find(mmu_kernel_space(), va);
		struct pte old = e ? pte_exchange(e, pte_none()) : pte_none();

		if (!pte_is_none(old) && !s->device)
			page_free(pfn_page(pte_paddr(old) >> PAGE_SHIFT), 0);
	}
	flags = spin_lock_irqsave(&kmap_lock);
	s->next_stale = stale;
	stale = s;
	stale_pages += (s->end - s->start) >> PAGE_SHIFT;
	spin_unlock_irqrestore(&kmap_lock, flags);
}

/* KASAN: memory for the shadow of [va, end), which stays. */
static bool make_shadow(vaddr_t va, vaddr_t end)
{
	vaddr_t at = align_down((va >> 3) + LAYOUT_SHADOW_OFFSET, PAGE_SIZE);
	bool leaf;

	for (; at < (end >> 3) + LAYOUT_SHADOW_OFFSET; at += PAGE_SIZE) {
		struct pte *e = pt_make(mmu_kernel_space(), &kmap_root, at, 0, ALLOC_SLEEP, &leaf);
		struct page *page;

		if (!e)
			return false;
		if (!pte_is_none(pte_load(e)))
			continue;
		page = page_alloc(0, ALLOC_ZERO);
		if (!page)
			return false;
		if (!pte_cmpxchg(e, pte_none(), pte_leaf(page_paddr(page), PROT_R | PROT_W | PROT_GLOBAL | PROT_DIRTY, 0)))
			page_free(page, 0);
	}
	return true;
}

/* @size bytes of addresses, a guard page behind (and the previous one's before). */
static struct stretch *reserve(u64 size)
{
	struct stretch *s = kmalloc(sizeof(*s), ALLOC_SLEEP);
	irqflags_t flags;
	bool ok;

	if (!s)
		return NULL;
	s->device = false;
	if (READ_ONCE(stale_pages) > STALE_PAGES)
		flush_stale();
	for (int round = 0; round < 2; round++) {
		flags = spin_lock_irqsave(&kmap_lock);
		ok = place(s, size + PAGE_SIZE);
		spin_unlock_irqrestore(&kmap_lock, flags);
		if (ok)
			break;
		flush_stale();
	}
	if (!ok) {
		kfree(s);
		return NULL;
	}
	if (NOS_KASAN) {
		if (!make_shadow(s->start, s->end)) {
			release(s);
			return NULL;
		}
		kasan_unpoison((void *)s->start, size);
	}
	return s;
}

static struct pte *entry_of(vaddr_t va)
{
	bool leaf;

	return pt_make(mmu_kernel_space(), &kmap_root, va, 0, ALLOC_SLEEP, &leaf);
}

void *vmap_alloc(size_t size)
{
	struct stretch *s;

	if (!size || size > REGION_MAX)
		return NULL;
	s = reserve(align_up(size, PAGE_SIZE));
	if (!s)
		return NULL;
	for (vaddr_t va = s->start; va < s->end - PAGE_SIZE; va += PAGE_SIZE) {
		struct pte *e = entry_of(va);
		struct page *page = e ? page_alloc(0, ALLOC_ZERO) : NULL;

		if (!page) {
			release(s);
			return NULL;
		}
		pte_store(e, pte_leaf(page_paddr(page), PROT_R | PROT_W | PROT_GLOBAL | PROT_DIRTY, 0));
	}
	kasan_narrow((void *)s->start, size, align_up(size, PAGE_SIZE), KASAN_VMAP_REDZONE);
	return (void *)(unsigned long)s->start;
}

static struct stretch *find(const void *p)
{
	vaddr_t va = align_down((vaddr_t)(unsigned long)p, PAGE_SIZE);
	irqflags_t flags = spin_lock_irqsave(&kmap_lock);
	struct rb_node *n = stretches.node;
	struct stretch *s = NULL;

	while (n) {
		s = rb_entry(n, struct stretch, node);
		if (va == s->start)
			break;
		n = va < s->start ? n->left : n->right;
	}
	spin_unlock_irqrestore(&kmap_lock, flags);
	if (!n)
		panic("vmap: %p was not allocated", p);
	return s;
}

void vmap_free(void *va)
{
	if (va)
		release(find(va));
}

void *vmap_device(paddr_t pa, size_t size, unsigned prot)
{
	u64 in_page = pa & (PAGE_SIZE - 1), len = align_up(in_page + size, PAGE_SIZE);
	struct stretch *s;

	if (!size || size > REGION_MAX)
		return NULL;
	s = reserve(len);
	if (!s)
		return NULL;
	s->device = true;
	pa -= in_page;
	for (vaddr_t va = s->start; va < s->end - PAGE_SIZE; va += PAGE_SIZE, pa += PAGE_SIZE) {
		struct pte *e = entry_of(va);

		if (!e) {
			release(s);
			return NULL;
		}
		pte_store(e, pte_leaf(pa, PROT_R | PROT_GLOBAL | prot, 0));
	}
	return (void *)(unsigned long)(s->start + in_page);
}

void vmap_device_free(void *va)
{
	vmap_free(va);
}

/* The tables under the root: the early code's, or new ones. */
static void make_top_tables(vaddr_t start, vaddr_t end)
{
	unsigned top = pt_levels() - 1;
	bool busy;

	for (vaddr_t va = align_down(start, pt_span(top)); va < end; va += pt_span(top)) {
		struct pte e = pte_load(mmu_space_root(mmu_kernel_space()) + pt_index(va, top));

		if (!pte_is_none(e))
			pt_table_adopt(page_describe(pte_paddr(e)));
		else if (!pt_make(mmu_kernel_space(), &kmap_root, max(va, start), top - 1, ALLOC_NOWAIT, &busy) && !busy)
			panic("no memory for the kernel's page tables");
	}
}

void kmap_init(void)
{
	/* One guard page before the first stretch. */
	region_start = kernel_layout.vmap_base + PAGE_SIZE;
	region_end = min(kernel_layout.vmap_end, kernel_layout.vmap_base + REGION_MAX);
	make_top_tables(region_start, region_end);
	if (NOS_KASAN)
		make_top_tables((region_start >> 3) + LAYOUT_SHADOW_OFFSET, (region_end >> 3) + LAYOUT_SHADOW_OFFSET);
}

void kmap_usage(u64 *out_total, u64 *out_used)
{
	*out_total = (region_end - region_start) >> PAGE_SHIFT;
	*out_used = READ_ONCE(placed_pages) - min(READ_ONCE(stale_pages), READ_ONCE(placed_pages));
}

void kmap_direct_usage(u64 out[DIRECT_LEVELS])
{
	vaddr_t va = kernel_layout.direct_base;

	for (unsigned i = 0; i < DIRECT_LEVELS; i++)
		out[i] = 0;
	while (va < kernel_layout.direct_end) {
		struct pt_at at = pt_walk(mmu_kernel_space(), va, 0);
		u64 span = pt_span((unsigned)at.level);

		if (at.e && at.level < DIRECT_LEVELS && pte_is_present(pte_load(at.e)))
			out[at.level] += span >> PAGE_SHIFT;
		/* Where a table is missing nothing is mapped: on with the next that could be there. */
		va = align_down(va, at.e ? span : pt_span(1)) + (at.e ? span : pt_span(1));
	}
}
