/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Removing entries. Frames are collected while the tables' locks are held, TLBs flushed once for many, and only then are the frames released: no
 * processor may use a translation to a frame that has another owner.
 *
 * An anonymous frame that only this entry named (counts == one map) is freed without an atomic operation: nobody can find it any more. All others
 * lose one map and one reference in one atomic subtraction.
 */
#include <lib/bits.h>
#include <sched/preempt.h>
#include <sync/rcu.h>
#include "pt.h"
#include "space_impl.h"

DEFINE_PER_CPU(s64, vm_mapped_pages);

u64 vm_mapped(void)
{
	s64 sum = 0;

	for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
		sum += READ_ONCE(*per_cpu_ptr(&vm_mapped_pages, cpu));
	return (u64)max(sum, 0ll);
}

static inline void gather_reset(struct gather *g)
{
	g->n = g->nhuge = 0;
	g->tables = g->redirty = false;
	g->dead_tables = 0;
	g->low = ~0ull;
	g->high = 0;
}

void gather_init(struct gather *g, struct vm_space *s)
{
	g->space = s;
	g->met_low = ~0ull;
	g->met_high = 0;
	gather_reset(g);
}

/* True: the caller frees the frame. */
static inline bool drop_map(struct page *page)
{
	unsigned kind = READ_ONCE(page->kind); /* a huge page that its file lost meanwhile becomes the pool's */
	u64 left;

	if (kind == PAGE_ANON && __atomic_load_n(&page->counts, __ATOMIC_ACQUIRE) == PAGE_COUNT_MAP)
		return true;
	left = __atomic_sub_fetch(&page->counts, PAGE_COUNT_MAP, __ATOMIC_ACQ_REL);
	if (!(left >> 32) && kind == PAGE_CACHE && !page_is_hugetlb(page))
		this_cpu_add(vm_mapped_pages, -1);
	if ((u32)left)
		return false;
	if (kind == PAGE_ANON)
		return true;
	/* The last reference to a page that its object has lost. */
	WRITE_ONCE(page->refs, 1);
	page_put(page);
	return false;
}

void page_unmap_release(struct page *page)
{
	if (drop_map(page))
		page_free(page, 0);
}

static void release_pages(struct page **pages, unsigned n)
{
	unsigned ours = 0;

	for (unsigned i = 0; i < n; i++) {
		if (drop_map(pages[i]))
			pages[ours++] = pages[i];
	}
	if (ours)
		page_free_batch(pages, ours);
}

/* Collect a frame of an object whose entry was dirty; if it has a home, write-back may have cleaned it before the last store. */
static void gather_dirty(struct gather *g, struct page *page)
{
	page_set_dirty(page);
	if (READ_ONCE(page->flags) & PAGE_F_FILE) {
		g->redirty = true;
		page = (struct page *)((unsigned long)page | 1);
	}
	g->pages[g->n++] = page;
}

/* No processor writes through the entries any more. */
static void redirty(struct gather *g)
{
	for (unsigned i = 0; i < g->n; i++) {
		if (!((unsigned long)g->pages[i] & 1))
			continue;
		g->pages[i] = (struct page *)((unsigned long)g->pages[i] - 1);
		vm_object_redirty(g->pages[i]);
	}
	g->redirty = false;
}

void gather_finish(struct gather *g)
{
	if (g->low < g->high)
		tlb_flush_range(&g->space->mmu, g->low, g->high, g->tables);
	if (unlikely(g->redirty))
		redirty(g);
	release_pages(g->pages, g->n);
	for (unsigned i = 0; i < g->nhuge; i++)
		huge_release(g->huge[i]);
	while (g->dead_tables) {
		struct page *table = pfn_page(g->dead_tables);

		g->dead_tables = table->link;
		pt_table_free_rcu(table);
	}
	gather_reset(g);
}

static bool passes(const struct zap_filter *f, struct pte pte)
{
	struct page *page;

	if (!f)
		return true;
	if (unlikely(pte_is_swap(pte)))
		return !f->clean && !(f->keep_guards && pte_is_marker(pte, MARK_GUARD));
	if (pte_is_special(pte))
		return false;
	page = pfn_page(pte_paddr(pte) >> PAGE_SHIFT);
	if (f->clean)
		return page->kind == PAGE_ANON && !pte_is_dirty(pte) && READ_ONCE(page->counts) == PAGE_COUNT_MAP;
	return page->kind == PAGE_ANON ? f->private_too : true;
}

/* The processor has written through the entry after the filter looked at it: back with it. */
static inline bool take_back(struct zap_filter *f, struct pte *e, struct pte old, unsigned npages)
{
	if (likely(!f || !f->clean))
		return false;
	if (pte_is_dirty(old)) {
		pte_store(e, old);
		return true;
	}
	f->zapped += npages;
	return false;
}

/* Take entry @e out; its table's lock is held. */
static void zap_entry(struct gather *g, struct pte *e, vaddr_t va, struct zap_filter *f)
{
	struct pte old = pte_exchange(e, pte_none());
	struct page *page;

	if (take_back(f, e, old, 1))
		return;
	if (unlikely(f && f->keep_guards && pte_is_guarded(old) && pte_is_present(old)))
		pte_store(e, pte_marker(MARK_GUARD));
	g->low = min(g->low, va);
	g->high = max(g->high, va + PAGE_SIZE);
	if (!pte_is_present(old) || pte_is_special(old))
		return;
	page = pfn_page(pte_paddr(old) >> PAGE_SHIFT);
	rss_add(rss_counter(g->space, page), -1);
	if (page->kind == PAGE_CACHE && pte_is_dirty(old))
		gather_dirty(g, page);
	else
		g->pages[g->n++] = page;
}

/* Entries [e, e + n) of one table, @va the first's address. False: the gather is full, finish it and come again. */
static bool zap_entries(struct gather *g, struct pte *e, unsigned n, vaddr_t va, struct zap_filter *f)
{
	struct page *table = pt_page_of(e);
	unsigned first = pt_index(va, 0), end = first + n;
	struct pte *base = e - first;
	u32 groups;

	spin_lock(pt_table_lock(table));
	groups = table->flags & PT_F_DEAD ? 0 : table->index_lo >> (first / PT_GROUP) << (first / PT_GROUP);
	while (groups) {
		unsigned group = ctz32(groups), from = max(group * PT_GROUP, first);
		unsigned to = min((group + 1) * PT_GROUP, end);

		groups &= groups - 1;
		if (from >= end)
			break;
		for (unsigned i = from; i < to; i++) {
			struct pte pte = pte_load(&base[i]);

			if (pte_is_none(pte) || !passes(f, pte))
				continue;
			if (g->n == GATHER_MAX) {
				spin_unlock(pt_table_lock(table));
				return false;
			}
			zap_entry(g, &base[i], va + (u64)(i - first) * PAGE_SIZE, f);
		}
		if (!f && to - from == PT_GROUP)
			WRITE_ONCE(table->index_lo, table->index_lo & ~(1u << group));
	}
	spin_unlock(pt_table_lock(table));
	return true;
}

static void note_large(struct gather *g, struct page *first)
{
	struct vm_rss *cell = space_rss_cell(g->space);

	g->huge[g->nhuge++] = first;
	if (page_is_hugetlb(first)) {
		rss_add(&cell->hugetlb, -(s64)HUGE_PAGES);
		return;
	}
	rss_add(&cell->anon, -(s64)HUGE_PAGES);
	huge_count(-1);
}

/* The huge leaf @e. False: the gather is full. */
static bool zap_large(struct gather *g, struct pte *e, vaddr_t va, vaddr_t end, struct zap_filter *f)
{
	vaddr_t base = align_down(va, HUGE_SIZE);
	struct pte pte;

	if (g->nhuge == GATHER_HUGE)
		return false;
	pt_lock(e);
	pte = pte_load(e);
	/* One that does not lie in the range has come after the caller took apart what was in the way. */
	if (!pt_is_dead(e) && !pte_is_none(pte) && !pte_is_table(pte) && base >= va && base + HUGE_SIZE <= end &&
		passes(f, pte) && !take_back(f, e, pte_exchange(e, pte_none()), HUGE_PAGES)) {
		g->low = min(g->low, base);
		g->high = max(g->high, base + HUGE_SIZE);
		note_large(g, pfn_page(pte_paddr(pte) >> PAGE_SHIFT));
	}
	pt_unlock(e);
	return true;
}

void zap_range(struct gather *g, vaddr_t va, vaddr_t end, struct zap_filter *filter)
{
	while (va < end) {
		struct pt_at at;
		bool done = true;

		rcu_read_lock();
		at = pt_next(g->space, &va, end);
		if (at.e) {
			vaddr_t stop = min(pt_end(va, at.level), end);

			g->met_low = min(g->met_low, va);
			g->met_high = stop;
			if (unlikely(at.level))
				done = zap_large(g, at.e, va, end, filter);
			else
				done = zap_entries(g, at.e, (unsigned)((stop - va) >> PAGE_SHIFT), va, filter);
			if (done)
				va = stop;
		}
		rcu_read_unlock();
		if (!done)
			gather_finish(g);
	}
}

struct prune {
	struct gather *g;
	vaddr_t va, end;	/* tables that have a part in it ... */
	vaddr_t low, high;	/* ... and lie in it */
};

/* Unhook from @hook, an entry of @level, the table for [base, base + its span), if it is empty. */
static void unhook(struct gather *g, struct pte *hook, unsigned level, vaddr_t base)
{
	struct page *table = pfn_page(pte_paddr(pte_load(hook)) >> PAGE_SHIFT);
	struct vm_space *s = g->space;

	/* Faults that meet the dead table spin until it is out of their way. */
	preempt_disable();
	if (pt_kill(table)) {
		if (level == pt_levels() - 1) {
			spin_lock(&s->root.lock);
			pt_root_store(&s->mmu, hook, pte_none());
			spin_unlock(&s->root.lock);
		} else {
			pt_lock(hook);
			pte_store(hook, pte_none());
			pt_unlock(hook);
		}
		table->link = g->dead_tables;
		g->dead_tables = (u32)page_pfn(table);
		g->tables = true;
		g->low = min(g->low, base);
		g->high = max(g->high, base + pt_span(level));
	}
	preempt_enable();
}

/* @table holds entries of @level, the first for @base. */
static void prune_table(const struct prune *p, struct pte *table, unsigned level, vaddr_t base)
{
	vaddr_t from = max(p->va, base), to = min(p->end, base + (pt_span(level) << PT_SHIFT));
	unsigned first = pt_index(from, level), last = pt_index(to - 1, level);

	for (unsigned i = first; i <= last; i++) {
		struct pte pte = pte_load(&table[i]);
		vaddr_t at = base + i * pt_span(level);

		if (!pte_is_table(pte))
			continue;
		if (level > 1)
			prune_table(p, pt_table_va(pte), level - 1, at);
		if (at >= p->low && at + pt_span(level) <= p->high)
			unhook(p->g, &table[i], level, at);
	}
}

void zap_tables(struct gather *g, vaddr_t va, vaddr_t end, vaddr_t low, vaddr_t high)
{
	struct prune p = {g, va, end, low, high};

	if (align_up(max(low, align_down(va, HUGE_SIZE)), HUGE_SIZE) + HUGE_SIZE <= min(high, align_up(end, HUGE_SIZE)))
		prune_table(&p, mmu_space_root(&g->space->mmu), pt_levels() - 1, 0);
}

/* Free what hangs below a table that no processor and no reader can reach. */
static void free_leaves(struct page *table, struct gather *g)
{
	struct pte *base = page_va(table);

	for (u32 groups = table->index_lo; groups; groups &= groups - 1) {
		struct pte *e = base + ctz32(groups) * PT_GROUP;

		for (unsigned i = 0; i < PT_GROUP; i++) {
			struct pte pte = pte_load(&e[i]);
			struct page *page;

			if (!pte_is_present(pte) || pte_is_special(pte))
				continue;
			page = pfn_page(pte_paddr(pte) >> PAGE_SHIFT);
			if (g->n == GATHER_MAX) {
				if (unlikely(g->redirty))
					redirty(g);
				release_pages(g->pages, g->n);
				g->n = 0;
			}
			if (page->kind == PAGE_CACHE && pte_is_dirty(pte))
				gather_dirty(g, page);
			else
				g->pages[g->n++] = page;
		}
	}
}

static void free_subtree(struct page *table, unsigned level, struct gather *g)
{
	struct pte *base = page_va(table);

	if (level == 0) {
		free_leaves(table, g);
		pt_table_free(table);
		return;
	}
	for (u32 groups = table->index_lo; groups; groups &= groups - 1) {
		struct pte *e = base + ctz32(groups) * PT_GROUP;

		for (unsigned i = 0; i < PT_GROUP; i++) {
			struct pte pte = pte_load(&e[i]);
			struct page *below = pte_is_none(pte) ? NULL : pfn_page(pte_paddr(pte) >> PAGE_SHIFT);

			if (below && pte_is_table(pte)) {
				free_subtree(below, level - 1, g);
			} else if (below) {
				if (!page_is_hugetlb(below))
					huge_count(-1);
				huge_release(below);
			}
		}
	}
	pt_table_free(table);
}

void zap_space(struct vm_space *s)
{
	struct pte *root = mmu_space_root(&s->mmu);
	unsigned top = pt_levels() - 1;
	struct gather g;
	u32 list = 0;

	for (u32 groups = s->root.used; groups; groups &= groups - 1) {
		struct pte *e = root + ctz32(groups) * PT_GROUP;

		for (unsigned i = 0; i < PT_GROUP; i++) {
			struct pte pte = pte_load(&e[i]);
			struct page *table;

			if (pte_is_none(pte))
				continue;
			table = pfn_page(pte_paddr(pte) >> PAGE_SHIFT);
			pt_root_store(&s->mmu, &e[i], pte_none());
			table->link = list;
			list = (u32)page_pfn(table);
		}
	}
	s->root.used = 0;
	if (!list)
		return;
	tlb_flush_range(&s->mmu, 0, 0, true);
	gather_init(&g, s);
	while (list) {
		struct page *table = pfn_page(list);

		list = table->link;
		free_subtree(table, top - 1, &g);
	}
	if (unlikely(g.redirty))
		redirty(&g);
	release_pages(g.pages, g.n);
}
