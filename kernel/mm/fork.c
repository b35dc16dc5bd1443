/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fork: a copy of a space.
 *
 * Areas are copied one by one. Only anonymous pages need entries in the child: they are shared, write-protected in both. Pages of objects are found
 * again by faults (and their neighbours with them). One flush of the parent ends it.
 *
 * The child's entries are made under obj->maps_lock for areas that map an object: truncation then finds either no entry yet and the parent's, or
 * both.
 */
#include <lib/bits.h>
#include <lib/string.h>
#include "pt.h"
#include "space_impl.h"

/* The child's part of an entry without a frame, or of a guarded one that is not copied: a marker, or nothing. */
static struct pte marker_for_child(struct pte pte, bool guards)
{
	if (pte_is_swap(pte))
		return guards || pte_is_marker(pte, MARK_POISON) ? pte : pte_none();
	return guards && pte_is_present(pte) && pte_is_guarded(pte) ? pte_marker(MARK_GUARD) : pte_none();
}

/*
 * Share the anonymous pages of [va, va + n pages), in one table each side; with @guards the child keeps them. True: an entry of the parent lost its right to write.
 */
static bool share_entries(struct pte *from, struct pte *to, unsigned n, bool guards, u64 *shared)
{
	struct page *table = pt_page_of(from), *child_table = pt_page_of(to);
	unsigned first = ((unsigned long)from & (PAGE_SIZE - 1)) / sizeof(struct pte), end = first + n;
	struct pte *base = from - first, *child_base = to - first;
	bool protected = false;
	u32 groups, used = 0;

	/* Nobody faults in the child yet, but truncation may go through another area of the same table. */
	pt_lock(from);
	spin_lock_nested(pt_lock_of(to));
	groups = table->index_lo >> (first / PT_GROUP) << (first / PT_GROUP);
	for (; groups; groups &= groups - 1) {
		unsigned group = ctz32(groups), i = max(group * PT_GROUP, first);
		unsigned stop = min((group + 1) * PT_GROUP, end);

		for (; i < stop; i++) {
			struct pte pte = pte_load(&base[i]);
			struct page *page = NULL;

			if (pte_is_none(pte))
				continue;
			if (pte_is_present(pte) && !pte_is_special(pte))
				page = pfn_page(pte_paddr(pte) >> PAGE_SHIFT);
			if (unlikely(!pte_is_present(pte)) || (page && page->kind != PAGE_ANON)) {
				pte = marker_for_child(pte, guards);
				if (pte_is_none(pte))
					continue;
			} else if (page) {
				/* The processor may set ACCESSED and DIRTY meanwhile; nobody needs them of an anonymous page. */
				if (pte_is_writable(pte)) {
					pte = pte_wrprotect(pte);
					pte_store(&base[i], pte);
					protected = true;
				}
				__atomic_fetch_add(&page->counts, PAGE_COUNT_MAP, __ATOMIC_RELAXED);
				++*shared;
			}
			if (!guards && pte_is_present(pte))
				pte = pte_unguard(pte);
			pte_store(&child_base[i], pte);
			used |= 1u << group;
		}
	}
	WRITE_ONCE(child_table->index_lo, child_table->index_lo | used);
	pt_unlock(to);
	pt_unlock(from);
	return protected;
}

/* What a huge leaf's page counts for in the child; false: faults will find it there. */
static bool share_block(struct vm_space *child, struct page *first, u64 *shared)
{
	if (page_is_hugetlb(first)) {
		struct vm_block *b = block_of(first);

		if (!b)
			return false;
		b->ops->get(b);
		rss_add(&space_rss_cell(child)->hugetlb, HUGE_PAGES);
	} else {
		*shared += HUGE_PAGES;
		huge_count(1);
	}
	for (unsigned i = 0; i < HUGE_PAGES; i++)
		__atomic_fetch_add(&first[i].counts, PAGE_COUNT_MAP, __ATOMIC_RELAXED);
	return true;
}

/* The same with a huge leaf. */
static bool share_large(struct vm_space *child, struct pte *from, struct pte *to, u64 *shared)
{
	bool protected = false;
	struct pte pte;

	pt_lock(from);
	spin_lock_nested(pt_lock_of(to));
	pte = pte_load(from);
	if (!pte_is_none(pte) && !pte_is_table(pte) && share_block(child, pfn_page(pte_paddr(pte) >> PAGE_SHIFT), shared)) {
		if (pte_is_writable(pte)) {
			pte = pte_wrprotect(pte);
			pte_store(from, pte);
			protected = true;
		}
		pte_store(to, pte);
		pt_note_used(to);
	}
	pt_unlock(to);
	pt_unlock(from);
	return protected;
}

/* Is there anything to share in the table of @from? */
static bool table_has_entries(const struct pte *from)
{
	return READ_ONCE(pt_page_of(from)->index_lo) != 0;
}

static int share_area(struct vm_space *parent, struct vm_area *c, const struct vm_area *a, u64 *shared, bool *flush)
{
	struct vm_space *child = c->space;
	bool guards = c->flags & VM_UFFD_WP;
	vaddr_t va = a->start;
	struct pt_at at;

	while ((at = pt_next(parent, &va, a->end)).e) {
		struct pte *from = at.e;
		vaddr_t stop = min(pt_end(va, at.level), a->end);
		struct pte *to;
		bool busy;

		if (at.level || table_has_entries(from)) {
			to = pt_make(&child->mmu, &child->root, va, at.level, ALLOC_SLEEP, &busy);
			if (!to)
				return -ENOMEM;
		}
		if (at.level) {
			child->root.large = true;
			*flush |= share_large(child, from, to, shared);
			/* Some fault may have taken it apart just now: then there is a table to look at. */
			if (pte_is_table(pte_load(from)))
				continue;
		} else if (table_has_entries(from)) {
			*flush |= share_entries(from, to, (unsigned)((stop - va) >> PAGE_SHIFT), guards, shared);
		}
		va = stop;
	}
	return 0;
}

static struct vm_area *copy_area(struct vm_space *child, const struct vm_area *a, struct vm_watch_forks *forks)
{
	struct vm_area *c = area_new(child);

	if (!c)
		return NULL;
	if (area_fill(c, a, a->start, a->end, a->pgoff, a->flags & ~(VM_LOCKED | VM_LOCKONFAULT))) {
		area_free(c);
		return NULL;
	}
	if (unlikely(c->watch) && c->watch->ops->fork(c, forks)) {
		area_dispose(c);
		return NULL;
	}
	return c;
}

/* Does the child @c of @a get entries, too? */
static bool needs_entries(const struct vm_area *a, const struct vm_area *c)
{
	if (a->flags & VM_WIPEONFORK)
		return false;
	if (a->flags & VM_SHARED)
		return c->flags & VM_UFFD_WP;
	/* A private area that never could be written to has no anonymous pages. */
	return !a->object || (a->flags & VM_MAYWRITE);
}

static int fork_area(struct vm_space *parent, struct vm_space *child, const struct vm_area *a, struct vm_watch_forks *forks,
	u64 *shared, bool *flush)
{
	struct vm_area *c;
	int err = 0;

	if (area_is_accounted(a->flags)) {
		err = vm_commit(area_pages(a));
		if (err)
			return err;
	}
	c = copy_area(child, a, forks);
	if (!c) {
		if (area_is_accounted(a->flags))
			vm_uncommit(area_pages(a));
		return -ENOMEM;
	}
	area_append(child, c);
	space_account(child, c->flags, (s64)area_pages(c));
	if (!c->object)
		return needs_entries(a, c) ? share_area(parent, c, a, shared, flush) : 0;
	mutex_lock(&c->object->maps_lock);
	list_add_tail(&c->object_link, &c->object->maps);
	if (needs_entries(a, c))
		err = share_area(parent, c, a, shared, flush);
	mutex_unlock(&c->object->maps_lock);
	return err;
}

static void copy_description(struct vm_space *child, const struct vm_space *parent)
{
	child->mmap_top = parent->mmap_top;
	child->brk_start = parent->brk_start;
	child->brk = parent->brk;
	child->stack_top = parent->stack_top;
	child->arg_start = parent->arg_start;
	child->arg_end = parent->arg_end;
	child->env_start = parent->env_start;
	child->env_end = parent->env_end;
	child->code_start = parent->code_start;
	child->code_end = parent->code_end;
	child->data_start = parent->data_start;
	child->data_end = parent->data_end;
	child->vdso = parent->vdso;
	memcpy(child->auxv, parent->auxv, sizeof(child->auxv));
	child->dumpable = parent->dumpable;
	child->core_filter = parent->core_filter;
	child->membarrier = READ_ONCE(parent->membarrier);
	child->no_huge = parent->no_huge;
	child->exec_gain = space_exec_gain(parent);
	child->keys = parent->keys;
	child->exec_key = parent->exec_key;
	child->sealed = parent->sealed;
	child->hugetlb = parent->hugetlb;
}

int vm_space_fork(struct vm_space *parent, struct vm_space **out_child)
{
	struct vm_space *child = vm_space_create();
	struct vm_watch_forks forks = {NULL, NULL};
	bool flush = false;
	u64 shared = 0;
	struct vm_area *a;
	int err = 0;

	if (!child)
		return -ENOMEM;
	mutex_lock(&parent->map_lock);
	copy_description(child, parent);
	for (a = area_find(parent, 0); a && !err; a = area_next(a)) {
		if (!(a->flags & VM_DONTFORK))
			err = fork_area(parent, child, a, &forks, &shared, &flush);
	}
	if (flush)
		tlb_flush_range(&parent->mmu, 0, 0, false);
	mutex_unlock(&parent->map_lock);
	rss_add(&space_rss_cell(child)->anon, (s64)shared);
	if (unlikely(forks.ops))
		forks.ops->forked(&forks, !err);
	if (err) {
		vm_space_put_user(child);
		return err;
	}
	*out_child = child;
	return 0;
}
