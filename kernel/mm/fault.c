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
#include <asm/signal.h>
#include <asm/siginfo.h>
#include <arch/trap.h>
#include <mm/oom.h>
#include <mm/reclaim.h>
#include <sync/rcu.h>
#include <sync/wait.h>
#include "pt.h"
#include "space_impl.h"

#define AROUND 16 /* pages mapped by one read fault, at most */

struct page *vm_zero_page;

struct fault {
	struct vm_space *space;
	vaddr_t va;
	unsigned flags;		/* enum fault_flags, FAULT_FORCE */
	struct area_view v;
	struct pte *e;
	struct page *spare;	/* a frame that was waited for, ALLOC_USER; NULL */
	struct page *mkwrite;	/* this page's owner has agreed that it is written to; a reference */
};

static bool is_write(const struct fault *f)
{
	return f->flags & FAULT_WRITE;
}

static bool is_allowed(u32 vm_flags, unsigned fault_flags)
{
	u32 need = VM_RWX;

	if (unlikely(fault_flags & FAULT_FORCE)) {
		if (fault_flags & FAULT_WRITE)
			return (vm_flags & VM_WRITE) || ((vm_flags & VM_MAYWRITE) && !(vm_flags & VM_SHARED));
		return vm_flags & (VM_RWX | VM_MAYREAD);
	}
	if (fault_flags & FAULT_WRITE)
		need = VM_WRITE;
	else if (fault_flags & FAULT_EXEC)
		need = VM_EXEC;
	return vm_flags & need;
}

/* Lock the leaf table; false (unlocked): the area or the table is not what it was. */
static bool lock_entry(struct fault *f)
{
	pt_lock(f->e);
	if (likely(!pt_is_dead(f->e) && area_view_valid(&f->v)))
		return true;
	pt_unlock(f->e);
	return false;
}

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
		page = page_alloc(0, ALLOC_NOWAIT | ALLOC_USER);

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

/* May an entry of this shared area let the program write without asking first? */
static bool writes_freely(const struct fault *f, const struct page *page)
{
	return !f->v.object->ops->mkwrite || f->mkwrite == page;
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
	unsigned prot = area_prot(f->v.flags, false), mapped = 0;
	struct pte *e = f->e - ((f->va - from) >> PAGE_SHIFT);

	if ((f->v.flags & VM_SHARED) && !f->v.object->ops->mkwrite)
		prot = area_prot(f->v.flags, true);
	index -= (f->va - from) >> PAGE_SHIFT;
	for (vaddr_t va = from; va < to && index < size; va += PAGE_SIZE, e++, index++) {
		struct page *page;

		if (!pte_is_none(pte_load(e)))
			continue;
		page = vm_object_peek_rcu(f->v.object, index);
		if (!page || !try_map(page))
			continue;
		if (unlikely(READ_ONCE(page->object) != f->v.object)) {
			__atomic_fetch_sub(&page->maps, 1, __ATOMIC_RELAXED);
			page_put(page);
			continue;
		}
		pte_store(e, pte_mkold(pte_leaf(page_paddr(page), prot, 0)));
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
	bool shared = f->v.flags & VM_SHARED, write = is_write(f);
	struct page *page;

	if (f->v.ops && f->v.ops->fault)
		return FR_SLEEP;
	if (index >= DIV_ROUND_UP(READ_ONCE(obj->size), PAGE_SIZE))
		return FR_BUS;
	page = vm_object_peek(obj, index);
	if (!page) {
		int err = vm_object_get_nowait(obj, index, &page);

		if (err)
			return err == -ENOSPC ? FR_BUS : FR_SLEEP;
	}
	if (write && !shared)
		return fault_private_copy(f, page);
	if (write && !writes_freely(f, page)) {
		page_put(page);
		return FR_SLEEP;
	}
	if (!lock_entry(f)) {
		page_put(page);
		return FR_RETRY;
	}
	if (!pte_is_none(pte_load(f->e)) || READ_ONCE(page->object) != obj) {
		pt_unlock(f->e);
		page_put(page);
		return FR_RETRY;
	}
	__atomic_fetch_add(&page->maps, 1, __ATOMIC_RELAXED);
	install(f, page_paddr(page), area_prot(f->v.flags, shared && (write || writes_freely(f, page))));
	if (shared && (f->v.flags & VM_WRITE) && (write || !obj->ops->mkwrite))
		page_set_dirty(page);
	rss_add(rss_counter(f->space, page), 1);
	if (!write && !(f->v.flags & VM_RAND_READ))
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
	if (pte_is_none(pte) || pte_is_writable(pte)) {
		pt_unlock(f->e);
		return pte_is_none(pte) ? FR_RETRY : FR_DONE;
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

/* Does the entry allow what the fault wants? Then another CPU was faster, or the TLB was stale. */
static bool entry_suffices(const struct fault *f, struct pte pte)
{
	if (!pte_is_user(pte))
		return false;
	if (is_write(f))
		return pte_is_writable(pte);
	return !(f->flags & FAULT_EXEC) || pte_is_exec(pte);
}

static enum fault_result fault_present(struct fault *f, struct pte pte)
{
	if (entry_suffices(f, pte)) {
		tlb_flush_local(&f->space->mmu, f->va);
		return FR_DONE;
	}
	if (is_write(f))
		return fault_write_protected(f);
	/* Rights that the area has and the entry not yet: mprotect is on its way; or ptrace looks into PROT_NONE. */
	return f->flags & FAULT_FORCE ? FR_DONE : FR_RETRY;
}

static enum fault_result fault_once(struct fault *f)
{
	enum fault_result r;
	struct pte pte;
	bool leaf;

	rcu_read_lock();
	switch (area_view(f->space, f->va, &f->v)) {
	case AREA_NONE: r = FR_MAPERR; goto out;
	case AREA_ABOVE: r = f->v.flags & VM_GROWSDOWN ? FR_GROW : FR_MAPERR; goto out;
	case AREA_HIT: break;
	}
	r = FR_ACCERR;
	if (unlikely(!is_allowed(f->v.flags, f->flags)))
		goto out;
	r = FR_NOMEM;
	f->e = pt_make(&f->space->mmu, &f->space->root, f->va, 0, ALLOC_NOWAIT, &leaf);
	if (unlikely(!f->e))
		goto out;
	pte = pte_load(f->e);
	if (!pte_is_none(pte))
		r = fault_present(f, pte);
	else if (f->v.object || (f->v.ops && f->v.ops->fault))
		r = fault_object(f);
	else
		r = fault_anon(f);
out:
	rcu_read_unlock();
	return r;
}

/* What the slow path borrows from an area. */
struct borrowed {
	struct vm_object *object;
	const struct vm_backing_ops *ops;
	void *backing;
	u64 index;
	bool shared;
};

static bool borrow(struct fault *f, struct borrowed *b)
{
	struct vm_space *s = f->space;
	struct vm_area *a;
	bool ok;

	mutex_lock(&s->map_lock);
	a = area_find(s, f->va);
	ok = a && a->start <= f->va && is_allowed(a->flags, f->flags);
	if (ok) {
		b->object = a->object;
		b->ops = a->backing_ops;
		b->backing = a->backing;
		b->index = area_index(a, f->va);
		b->shared = a->flags & VM_SHARED;
		if (b->backing)
			b->ops->get(b->backing);
	}
	mutex_unlock(&s->map_lock);
	return ok;
}

/* The entry that a device or the like made. */
static enum fault_result install_made(struct fault *f, struct pte made)
{
	enum fault_result r = FR_RETRY;
	bool leaf;

	rcu_read_lock();
	if (area_view(f->space, f->va, &f->v) != AREA_HIT || !is_allowed(f->v.flags, f->flags))
		goto out;
	r = FR_NOMEM;
	f->e = pt_make(&f->space->mmu, &f->space->root, f->va, 0, ALLOC_NOWAIT, &leaf);
	if (!f->e)
		goto out;
	r = FR_RETRY;
	if (lock_entry(f)) {
		if (pte_is_none(pte_load(f->e))) {
			pte_store(f->e, made);
			pt_note_used(f->e);
			r = FR_DONE;
		}
		pt_unlock(f->e);
	}
out:
	rcu_read_unlock();
	return r;
}

static enum fault_result result_of(int err)
{
	switch (err) {
	case 0: return FR_RETRY;
	case -ENOMEM: return FR_NOMEM;
	case -EINTR: return FR_KILLED;
	default: return FR_BUS;
	}
}

/* Get the page into its object, and its owner's leave to write. */
static enum fault_result prepare_page(struct fault *f, const struct borrowed *b)
{
	struct page *page;
	int err;

	if (b->index >= DIV_ROUND_UP(READ_ONCE(b->object->size), PAGE_SIZE))
		return FR_BUS;
	err = vm_object_get(b->object, b->index, true, &page);
	if (err)
		return result_of(err);
	if (b->shared && is_write(f) && b->object->ops->mkwrite) {
		page_lock(page);
		if (READ_ONCE(page->object) == b->object)
			err = b->object->ops->mkwrite(b->object, page);
		page_unlock(page);
		if (!err && f->mkwrite != page) {
			if (f->mkwrite)
				page_put(f->mkwrite);
			f->mkwrite = page;
			return FR_RETRY;
		}
	}
	page_put(page);
	return result_of(err);
}

static enum fault_result fault_sleep(struct fault *f)
{
	enum fault_result r = FR_RETRY;
	struct borrowed b;

	if (!borrow(f, &b))
		return FR_RETRY;
	if (b.ops && b.ops->fault) {
		struct pte made;
		int err = b.ops->fault(b.backing, b.index, f->flags, &made);

		r = err ? result_of(err) : install_made(f, made);
	} else if (b.object) {
		r = prepare_page(f, &b);
	}
	if (b.backing)
		b.ops->put(b.backing);
	return r;
}

/*
 * Wait for a free frame, or for a victim. The frame is kept for the next attempt: given back, another CPU's search for memory would take it. With a
 * frame in hand it is something else that is missing (a page table, a block for a slab): then only a victim helps, after some rounds.
 */
static enum fault_result wait_memory(struct fault *f, unsigned *rounds)
{
	bool had = f->spare;

	if (!had)
		f->spare = page_alloc(0, ALLOC_SLEEP | ALLOC_USER);
	if (f->spare && (!had || ++*rounds % 16)) {
		if (had)
			(void)reclaim_memory(1);
		return FR_RETRY;
	}
	if (thread_kill_pending())
		return FR_NOMEM;
	oom_kill();
	return thread_kill_pending() ? FR_NOMEM : FR_RETRY;
}

/*
 * No area there, or none that allows it, said the view. A change of several steps (an area cut or joined, a map put in another's place) shows such
 * moments to readers without the lock, so before the program pays for it this is looked at again between two changes.
 */
static enum fault_result confirm_error(struct fault *f, enum fault_result r)
{
	struct vm_space *s = f->space;
	struct vm_area *a;

	mutex_lock(&s->map_lock);
	a = area_find(s, f->va);
	if (a && a->start <= f->va && is_allowed(a->flags, f->flags))
		r = FR_RETRY;
	else if (r == FR_MAPERR && a && a->start > f->va && (a->flags & VM_GROWSDOWN))
		r = FR_GROW;
	mutex_unlock(&s->map_lock);
	return r;
}

enum fault_result fault_serve(struct vm_space *s, vaddr_t va, unsigned fault_flags, u64 limit_stack)
{
	struct fault f = {.space = s, .va = align_down(va, PAGE_SIZE), .flags = fault_flags};
	enum fault_result r;
	unsigned rounds = 0;

	do {
		r = fault_once(&f);
		if (likely(r == FR_DONE))
			break;
		if (r == FR_MAPERR || r == FR_ACCERR)
			r = confirm_error(&f, r);
		if (r == FR_SLEEP)
			r = fault_sleep(&f);
		else if (r == FR_GROW)
			r = stack_grow(s, f.va, limit_stack);
		if (r == FR_NOMEM)
			r = wait_memory(&f, &rounds);
	} while (r == FR_RETRY);
	if (unlikely(f.spare))
		page_free(f.spare, 0);
	if (unlikely(f.mkwrite))
		page_put(f.mkwrite);
	return r;
}

int vm_fault(struct vm_space *s, vaddr_t va, unsigned fault_flags, u64 limit_stack, int *out_signo,
	int *out_code)
{
	enum fault_result r = FR_MAPERR;

	if (unlikely(fault_flags & FAULT_PKEY)) {
		*out_signo = SIGSEGV;
		*out_code = SEGV_PKUERR;
		return -EFAULT;
	}
	if (likely(va < USER_VA_END))
		r = fault_serve(s, va, fault_flags, limit_stack);
	switch (r) {
	case FR_DONE: return 0;
	case FR_NOMEM:
	case FR_KILLED: return -ENOMEM;
	case FR_BUS:
		*out_signo = SIGBUS;
		*out_code = BUS_ADRERR;
		return -EFAULT;
	default:
		*out_signo = SIGSEGV;
		*out_code = r == FR_ACCERR ? SEGV_ACCERR : SEGV_MAPERR;
		return -EFAULT;
	}
}
