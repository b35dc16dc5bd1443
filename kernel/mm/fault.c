/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page faults.
 *
 * fault_once is the whole of an ordinary fault, in one RCU read section: a view of the area (no lock), the way down the tables (missing ones are
 * hooked by compare-and-exchange), the page, then the leaf table's lock, under which the view must still hold and the entry be what it was.
 * What would have to sleep (no free frame at hand, a page that must be read, a stack that grows) is done outside by fault_serve, and then
 * the fault is tried again from the start. So nothing prepared while sleeping is trusted.
 *
 * Copy on write: a frame that only this entry names is simply made writable. Otherwise the entry is removed, flushed everywhere, and the copy put in:
 * no other thread can read the old frame after one could write to the new.
 */
#include <mm/policy.h>
#include <sync/rcu.h>
#include "fault_impl.h"
#include "page_impl.h"

#define AROUND 16 /* pages mapped by one read fault, at most */

struct page *vm_zero_page;

static void install(struct fault *f, paddr_t pa, unsigned prot)
{
	pte_store(f->e, pte_leaf(pa, prot, 0));
	pt_note_used(f->e);
}

static struct page *anon_page(struct fault *f)
{
	struct page *page = f->spare;

	f->spare = NULL;
	if (likely(!page))
		page = likely(page_zones_nr == 2) ? page_alloc(0, ALLOC_NOWAIT | ALLOC_USER) : vm_policy_alloc(READ_ONCE(f->v.area->policy));
	if (likely(page)) {
		page_set_kind(page, PAGE_ANON);
		WRITE_ONCE(page->counts, PAGE_COUNT_MAP);
	}
	return page;
}

/* Nothing is there: a page of zeroes; for a read, the one that all share. */
static enum fault_result fault_anon(struct fault *f)
{
	struct page *page;

	if (!is_write(f)) {
		if (!lock_entry(f))
			return FR_RETRY;
		if (pte_is_none(pte_load(f->e)))
			install(f, page_paddr(vm_zero_page), area_prot(f->v.flags, false) | PROT_SPECIAL);
		pt_unlock(f->e);
		return FR_DONE;
	}
	page = anon_page(f);
	if (unlikely(!page))
		return FR_NOMEM;
	page_clear(page_va(page));
	if (!lock_entry(f)) {
		page_free(page, 0);
		return FR_RETRY;
	}
	if (unlikely(!pte_is_none(pte_load(f->e)))) {
		pt_unlock(f->e);
		page_free(page, 0);
		return FR_RETRY;
	}
	install(f, page_paddr(page), area_prot(f->v.flags, true));
	pt_unlock(f->e);
	rss_add(&space_rss_cell(f->space)->anon, 1);
	return FR_DONE;
}

/*
 * May an entry of this shared area let the program write? Of a file only after its owner was asked (mkwrite), and while the page is still dirty since then. The
 * table is locked, and @page counts as mapped: write-back either finds it, or its mark is gone here (object_io.c).
 */
static bool writes_freely(const struct fault *f, const struct page *page)
{
	if (likely(!f->v.object->ops->mkwrite))
		return true;
	atomic_fence_seq();
	return f->mkwrite == page && (READ_ONCE(page->flags) & PAGE_F_DIRTY);
}

/* Take a map and a reference of a page that may be on its way out. */
static bool try_map(struct page *page)
{
	u64 counts = READ_ONCE(page->counts);

	do {
		if (!(u32)counts)
			return false;
	} while (!__atomic_compare_exchange_n(&page->counts, &counts, counts + PAGE_COUNT_MAP, true,
		__ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	if (!(counts >> 32))
		this_cpu_add(vm_mapped_pages, 1);
	return true;
}

/*
 * Map the cached neighbours, too: those in the same aligned group of AROUND pages, in the area, in the object. The table is locked.
 * Programs touch neighbouring pages; a trap costs as much as ten such entries.
 */
static void map_around(struct fault *f, u64 index)
{
	u64 size = DIV_ROUND_UP(READ_ONCE(f->v.object->size), PAGE_SIZE);
	vaddr_t group = align_down(f->va, AROUND * PAGE_SIZE);
	vaddr_t from = max(group, f->v.start), to = min(group + AROUND * PAGE_SIZE, f->v.end);
	bool write = (f->v.flags & (VM_SHARED | VM_SOFTCLEAN)) == VM_SHARED && !f->v.object->ops->mkwrite;
	struct pte like = pte_mkold(pte_leaf(0, area_prot(f->v.flags, write), 0));
	struct pte *e = f->e - ((f->va - from) >> PAGE_SHIFT);
	unsigned mapped = 0;

	index -= (f->va - from) >> PAGE_SHIFT;
	for (vaddr_t va = from; va < to && index < size; va += PAGE_SIZE, e++, index++) {
		struct page *page;

		if (!pte_is_none(pte_load(e)))
			continue;
		page = vm_object_peek_rcu(f->v.object, index);
		if (!page || unlikely(READ_ONCE(page->flags) & PAGE_F_AHEAD) || !try_map(page))
			continue;
		if (unlikely(READ_ONCE(page->object) != f->v.object)) {
			page_unmap(page);
			page_put(page);
			continue;
		}
		pte_store(e, pte_of_frame(like, page_paddr(page)));
		mapped++;
	}
	if (mapped) {
		struct vm_rss *cell = space_rss_cell(f->space);

		rss_add(f->v.object->ops->fill ? &cell->file : &cell->shmem, mapped);
	}
}

/* A private write to a page of the object: a copy right away. The reference to @page is consumed. */
static enum fault_result fault_private_copy(struct fault *f, struct page *page)
{
	struct page *copy = anon_page(f);
	bool stands;

	if (!copy) {
		page_put(page);
		return FR_NOMEM;
	}
	page_copy(page_va(copy), page_va(page));
	stands = lock_entry(f);
	if (stands && pte_is_none(pte_load(f->e)) && READ_ONCE(page->object) == f->v.object) {
		install(f, page_paddr(copy), area_prot(f->v.flags, true));
		rss_add(&space_rss_cell(f->space)->anon, 1);
		pt_unlock(f->e);
		page_put(page);
		return FR_DONE;
	}
	if (stands)
		pt_unlock(f->e);
	page_put(page);
	page_free(copy, 0);
	return FR_RETRY;
}

/* Nothing is there, and the area maps an object. */
static enum fault_result fault_object(struct fault *f)
{
	struct vm_object *obj = f->v.object;
	u64 index = f->v.pgoff + ((f->va - f->v.start) >> PAGE_SHIFT);
	bool shared = f->v.flags & VM_SHARED, write = is_write(f), free;
	struct page *page;

	if (f->v.ops && f->v.ops->fault)
		return FR_SLEEP;
	if (index >= DIV_ROUND_UP(READ_ONCE(obj->size), PAGE_SIZE))
		return FR_BUS;
	page = vm_object_peek(obj, index);
	if (unlikely(f->v.flags & (page ? VM_UFFD_MINOR : VM_UFFD_MISSING))) {
		if (page)
			page_put(page);
		return FR_UFFD;
	}
	if (!page) {
		int err = vm_object_get_nowait(obj, index, &page);

		if (err)
			return err == -ENOSPC ? FR_BUS : FR_SLEEP;
	}
	if (unlikely(READ_ONCE(page->flags) & PAGE_F_AHEAD)) {
		page_put(page);
		return FR_SLEEP;
	}
	if (write && !shared)
		return fault_private_copy(f, page);
	if (!lock_entry(f)) {
		page_put(page);
		return FR_RETRY;
	}
	if (!pte_is_none(pte_load(f->e)) || READ_ONCE(page->object) != obj) {
		pt_unlock(f->e);
		page_put(page);
		return FR_RETRY;
	}
	page_map(page);
	free = writes_freely(f, page);
	if (unlikely(write && !free)) {
		page_unmap(page);
		pt_unlock(f->e);
		page_put(page);
		return FR_SLEEP;
	}
	install(f, page_paddr(page), area_prot(f->v.flags, shared && (write || (free && !(f->v.flags & VM_SOFTCLEAN)))));
	if (shared && (f->v.flags & VM_WRITE) && (write || !obj->ops->mkwrite))
		page_set_dirty(page);
	rss_add(rss_counter(f->space, page), 1);
	if (!write && !(f->v.flags & (VM_RAND_READ | VM_UFFD_WP | VM_UFFD_MINOR)))
		map_around(f, index);
	pt_unlock(f->e);
	return FR_DONE;
}

/* Replace the entry, which is present and not writable, by a private copy. The table is locked; unlocks. */
static enum fault_result copy_locked(struct fault *f, struct pte old)
{
	struct page *from = pte_is_special(old) ? NULL : pfn_page(pte_paddr(old) >> PAGE_SHIFT);
	struct page *copy = anon_page(f);

	if (unlikely(!copy)) {
		pt_unlock(f->e);
		return FR_NOMEM;
	}
	if (pte_paddr(old) == page_paddr(vm_zero_page))
		page_clear(page_va(copy));
	else
		page_copy(page_va(copy), paddr_va(pte_paddr(old)));
	(void)pte_exchange(f->e, pte_none());
	tlb_flush_range(&f->space->mmu, f->va, f->va + PAGE_SIZE, false);
	install(f, page_paddr(copy), area_prot(f->v.flags, true));
	pt_unlock(f->e);
	if (!from || from->kind != PAGE_ANON) {
		if (from)
			rss_add(rss_counter(f->space, from), -1);
		rss_add(&space_rss_cell(f->space)->anon, 1);
	}
	if (from)
		page_unmap_release(from);
	return FR_DONE;
}

/* Make the entry writable as it is; unlocks. */
static enum fault_result reuse_locked(struct fault *f, struct pte pte)
{
	if (f->v.flags & VM_WRITE) {
		pte_store(f->e, pte_mkyoung(pte_mkdirty(pte_mkwrite(pte))));
		tlb_flush_local(&f->space->mmu, f->va);
	}
	pt_unlock(f->e);
	return FR_DONE;
}

/* A write to an entry that is present but not writable. */
static enum fault_result fault_write_protected(struct fault *f)
{
	struct page *page;
	struct pte pte;

	if (!lock_entry(f))
		return FR_RETRY;
	pte = pte_load(f->e);
	if (!pte_is_present(pte) || pte_is_writable(pte)) {
		pt_unlock(f->e);
		return pte_is_present(pte) ? FR_DONE : FR_RETRY;
	}
	if (is_guarded(f, pte)) {
		pt_unlock(f->e);
		return FR_UFFD;
	}
	if (pte_is_special(pte)) {
		if (!(f->v.flags & VM_SHARED))
			return copy_locked(f, pte);
		pt_unlock(f->e);
		return FR_SLEEP;
	}
	page = pfn_page(pte_paddr(pte) >> PAGE_SHIFT);
	if (page->kind == PAGE_ANON) {
		if (__atomic_load_n(&page->counts, __ATOMIC_ACQUIRE) == PAGE_COUNT_MAP)
			return reuse_locked(f, pte);
		return copy_locked(f, pte);
	}
	if (!(f->v.flags & VM_SHARED))
		return copy_locked(f, pte);
	if (!writes_freely(f, page)) {
		pt_unlock(f->e);
		return FR_SLEEP;
	}
	page_set_dirty(page);
	return reuse_locked(f, pte);
}

static enum fault_result fault_present(struct fault *f, struct pte pte)
{
	if (entry_suffices(f, pte)) {
		tlb_flush_local(&f->space->mmu, f->va);
		return FR_DONE;
	}
	if (unlikely(pte_is_swap(pte)))
		return fault_marker(f, pte);
	if (is_write(f))
		return fault_write_protected(f);
	/* Rights that the area has and the entry not yet: mprotect is on its way; or ptrace looks into PROT_NONE. */
	return f->flags & FAULT_FORCE ? FR_DONE : FR_RETRY;
}

/* The table of the address is there. */
static inline enum fault_result fault_entry(struct fault *f)
{
	struct pte pte = pte_load(f->e);

	if (!pte_is_none(pte))
		return fault_present(f, pte);
	if (f->v.object || (f->v.ops && f->v.ops->fault))
		return fault_object(f);
	return unlikely(f->v.flags & VM_UFFD_MISSING) ? FR_UFFD : fault_anon(f);
}

/* The walk ended early: at a larger leaf, or (f->e is NULL) where a table is missing. True: it is there now; else *out is the result. */
static NOINLINE bool fault_upper(struct fault *f, enum fault_result *out)
{
	bool busy;

	if (f->e) {
		*out = fault_large(f);
		return false;
	}
	if (fault_wants_huge(f)) {
		*out = fault_huge(f);
		return false;
	}
	f->e = pt_make(&f->space->mmu, &f->space->root, f->va, 0, ALLOC_NOWAIT, &busy);
	*out = busy ? FR_RETRY : FR_NOMEM;
	return f->e;
}

enum fault_result fault_once(struct fault *f)
{
	enum fault_result r;
	struct pt_at at;

	rcu_read_lock();
	switch (area_view(f->space, f->va, &f->v)) {
	case AREA_NONE: r = FR_MAPERR; goto out;
	case AREA_ABOVE: r = f->v.flags & VM_GROWSDOWN ? FR_GROW : FR_MAPERR; goto out;
	case AREA_HIT: break;
	}
	r = FR_ACCERR;
	if (unlikely(!is_allowed(f->v.flags, f->flags)))
		goto out;
	at = pt_walk(&f->space->mmu, f->va, 0);
	f->e = at.e;
	if (likely(at.e && !at.level) || fault_upper(f, &r))
		r = fault_entry(f);
out:
	rcu_read_unlock();
	return r;
}
