/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The part of a page fault that sleeps: pages that must be fetched, their owners asked, memory waited for; then the fault is tried again from the start,
 * so nothing prepared here is trusted.
 */
#include <asm/signal.h>
#include <asm/siginfo.h>
#include <mm/oom.h>
#include <mm/reclaim.h>
#include <sync/rcu.h>
#include <sync/wait.h>
#include "fault_impl.h"

/* What the slow path borrows from an area. */
struct borrowed {
	struct vm_object *object;
	const struct vm_backing_ops *ops;
	void *backing;
	u64 index;
	bool shared;
	bool create;
};

/* The area at the address, if it allows the access. map_lock. */
static struct vm_area *area_at(const struct fault *f)
{
	struct vm_area *a = area_find(f->space, f->va);

	return a && a->start <= f->va && is_allowed(a->flags, f->flags) ? a : NULL;
}

static bool borrow(struct fault *f, struct borrowed *b)
{
	struct vm_space *s = f->space;
	struct vm_area *a;

	mutex_lock(&s->map_lock);
	a = area_at(f);
	if (a) {
		b->object = a->object;
		b->ops = a->backing_ops;
		b->backing = a->backing;
		b->index = area_index(a, f->va);
		b->shared = a->flags & VM_SHARED;
		b->create = !(a->flags & VM_UFFD_MISSING);
		if (b->backing)
			b->ops->get(b->backing);
	}
	mutex_unlock(&s->map_lock);
	return a;
}

/* The entry that a device or the like made. */
static enum fault_result install_made(struct fault *f, struct pte made)
{
	enum fault_result r = FR_RETRY;
	bool busy;

	rcu_read_lock();
	if (area_view(f->space, f->va, &f->v) != AREA_HIT || !is_allowed(f->v.flags, f->flags))
		goto out;
	f->e = pt_make(&f->space->mmu, &f->space->root, f->va, 0, ALLOC_NOWAIT, &busy);
	if (!f->e) {
		r = busy ? FR_RETRY : FR_NOMEM;
		goto out;
	}
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
	if (b->ops && b->ops->ahead && b->object->ops->fill)
		b->ops->ahead(b->backing, b->index, f->v.flags);
	err = vm_object_get(b->object, b->index, b->create, &page);
	if (err || !page)
		return result_of(err);
	/* Nobody cared for the mark: the fault must not come here for it again. */
	if (unlikely(READ_ONCE(page->flags) & PAGE_F_AHEAD))
		__atomic_fetch_and(&page->flags, (u16)~PAGE_F_AHEAD, __ATOMIC_RELAXED);
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

/* Blocks are cleared or copied, which sleeps anyway: under map_lock, so that the area stands. */
static enum fault_result fault_block(struct fault *f)
{
	enum fault_result r = FR_RETRY;
	struct vm_area *a;

	mutex_lock(&f->space->map_lock);
	a = area_at(f);
	if (a && (a->flags & VM_HUGETLB))
		r = (enum fault_result)a->object->ops->blocks->fault(a, f);
	mutex_unlock(&f->space->map_lock);
	return r;
}

static enum fault_result fault_watched(struct fault *f)
{
	struct vm_area *a;

	mutex_lock(&f->space->map_lock);
	a = area_at(f);
	if (a && a->watch)
		return (enum fault_result)a->watch->ops->fault(a->watch, a, f);
	mutex_unlock(&f->space->map_lock);
	return FR_RETRY;
}

static enum fault_result fault_sleep(struct fault *f)
{
	enum fault_result r = FR_RETRY;
	struct borrowed b;

	if (unlikely(f->v.flags & VM_HUGETLB))
		return fault_block(f);
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
	struct fault f = {.space = s, .va = align_down(va, PAGE_SIZE), .exact = va, .flags = fault_flags};
	enum fault_result r;
	unsigned rounds = 0;

	do {
		r = fault_once(&f);
		if (likely(r == FR_DONE))
			break;
		if (r == FR_MAPERR || r == FR_ACCERR)
			r = confirm_error(&f, r);
		if (r == FR_HUGE) {
			fault_huge_alloc(&f);
			r = FR_RETRY;
		}
		if (r == FR_SLEEP)
			r = fault_sleep(&f);
		else if (r == FR_UFFD)
			r = fault_watched(&f);
		else if (r == FR_GROW)
			r = stack_grow(s, f.va, limit_stack);
		if (r == FR_NOMEM)
			r = wait_memory(&f, &rounds);
	} while (r == FR_RETRY);
	if (unlikely(f.spare))
		page_free(f.spare, 0);
	if (unlikely(f.huge))
		page_free(f.huge, HUGE_ORDER);
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
	case FR_DONE:
	case FR_SIGNAL: return 0;
	case FR_NOMEM:
	case FR_KILLED: return -ENOMEM;
	case FR_BUS:
	case FR_POISON:
		*out_signo = SIGBUS;
		*out_code = r == FR_POISON ? BUS_MCEERR_AR : BUS_ADRERR;
		return -EFAULT;
	default:
		*out_signo = SIGSEGV;
		*out_code = r == FR_ACCERR ? SEGV_ACCERR : SEGV_MAPERR;
		return -EFAULT;
	}
}
