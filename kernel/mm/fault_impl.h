/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Between the parts of a page fault: fault.c (without sleeping), fault_huge.c (huge leaves), fault_serve.c (what has to sleep, and the loop around).
 */
#include <arch/trap.h>
#include "pt.h"
#include "space_impl.h"

struct fault {
	struct vm_space *space;
	vaddr_t va, exact;	/* of the page; as the processor said */
	unsigned flags;		/* enum fault_flags, FAULT_FORCE */
	struct area_view v;
	struct pte *e;
	struct page *spare;	/* a frame that was waited for, ALLOC_USER; NULL */
	struct page *huge;	/* a zeroed block of HUGE_ORDER; NULL */
	bool no_huge;		/* there was none */
	struct page *mkwrite;	/* this page's owner has agreed that it is written to; a reference */
};

static inline bool is_write(const struct fault *f)
{
	return f->flags & FAULT_WRITE;
}

/* Do the flags of an area allow the access? */
static inline bool is_allowed(u32 vm_flags, unsigned fault_flags)
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
static inline bool lock_entry(struct fault *f)
{
	struct page *table = pt_page_of(f->e);

	spin_lock(pt_table_lock(table));
	if (likely(!(table->flags & PT_F_DEAD) && area_view_valid(&f->v)))
		return true;
	spin_unlock(pt_table_lock(table));
	return false;
}

/* Does the entry allow what the fault wants? Then another CPU was faster, or the TLB was stale. */
static inline bool entry_suffices(const struct fault *f, struct pte pte)
{
	if (!pte_is_user(pte))
		return false;
	if (is_write(f))
		return pte_is_writable(pte);
	return !(f->flags & FAULT_EXEC) || pte_is_exec(pte);
}

/* One attempt, in one read section. */
enum fault_result fault_once(struct fault *f);

/* ---- fault_huge.c, in the read section ---- */

/* May a huge page be put around the address? The area has no object. */
bool fault_wants_huge(const struct fault *f);
/* No table is there: FR_HUGE asks for a block, FR_RETRY: look again. */
enum fault_result fault_huge(struct fault *f);
/* f->e is above level 0 and not empty. */
enum fault_result fault_large(struct fault *f);

/* ---- fault_marker.c, in the read section ---- */

/* The entry is neither a page nor nothing. */
enum fault_result fault_marker(struct fault *f, struct pte pte);
/* Is a write through this entry to be told first? */
static inline bool is_guarded(const struct fault *f, struct pte pte)
{
	return unlikely(pte_is_guarded(pte)) && (f->v.flags & (VM_UFFD_WP | VM_UFFD_ASYNC)) == VM_UFFD_WP;
}

/* Outside of it: get the block that FR_HUGE asks for, or give up. */
void fault_huge_alloc(struct fault *f);
