/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * userfaultfd, between the files of address spaces: uffd.c (objects, waiting, events), uffd_area.c (registration), uffd_fill.c (answers),
 * fault_uffd.c (faults on guarded entries and markers).
 */
#include <mm/uffd.h>
#include "space_impl.h"

/*
 * Entries without a frame, in areas that are or were registered: a guard for a page that is not there yet; a page that kills (UFFDIO_POISON).
 */
#define MARK_GUARD  1ull
#define MARK_POISON 2ull

static inline struct pte pte_marker(u64 mark)
{
	return pte_swap(mark);
}

static inline bool pte_is_marker(struct pte pte, u64 mark)
{
	return pte.raw == pte_swap(mark).raw;
}

/* One who waits: for an answer to a fault, or until an event is read. On its stack. */
struct vm_uffd_wait {
	struct list_head link;	/* the object's lock, as all here */
	struct uffd_msg msg;
	vaddr_t va;
	bool done;		/* goes on; stored last */
	bool held;		/* a reader makes a descriptor for it */
	struct vm_uffd *child;	/* UFFD_EVENT_FORK */
	struct wait_queue wait;
};

static inline u32 uffd_features(const struct vm_uffd *u)
{
	return READ_ONCE(u->features);
}

static inline bool area_tells(const struct vm_area *a, u32 feature)
{
	return unlikely(a->uffd) && (uffd_features(a->uffd) & feature);
}

/* May nobody answer now? */
static inline bool uffd_is_changing(const struct vm_uffd *u)
{
	return __atomic_load_n(&u->changing, __ATOMIC_ACQUIRE) != 0;
}

/*
 * Events. _begin, under map_lock, for a change that will be told: the object is changing from then on, and there is a reference. _tell waits until it is read or nobody
 * will: no locks. _drop: it did not happen.
 */
void uffd_event_begin(struct vm_uffd *u);
void uffd_event_drop(struct vm_uffd *u);
void uffd_tell_remove(struct vm_uffd *u, vaddr_t start, vaddr_t end);
void uffd_tell_remap(struct vm_uffd *u, vaddr_t from, vaddr_t to, u64 len);
/* What unmap_locked is about to do to [va, end): areas on *list that stand for the registered parts. -ENOMEM. map_lock. */
int uffd_note_unmap(struct vm_space *s, vaddr_t va, vaddr_t end, struct vm_area **list) MUST_CHECK;
/* Such an area is disposed of. */
void uffd_tell_unmap(struct vm_area *note);
void uffd_drop_notes(struct vm_area *list);

/* fork: the objects of the child beside the parent's. */
struct uffd_forks {
	struct uffd_fork *first;
};
/* The child's area @c, a copy of the parent's: registered with the child's object, or with none. -ENOMEM. */
int uffd_fork_area(struct uffd_forks *f, struct vm_area *c) MUST_CHECK;
/* No locks. */
void uffd_fork_done(struct uffd_forks *f, bool ok);

/* Guard a present entry, or take the guard away; its table is locked. True: a right to write is gone, to be flushed. */
bool uffd_guard_entry(struct pte *e, struct pte pte, bool on);
/* The tables of [va, end), for markers. map_lock. -ENOMEM. */
int uffd_make_tables(struct vm_space *s, vaddr_t va, vaddr_t end) MUST_CHECK;
/* @a is registered no more; its entries are as they were. map_lock, or nobody else knows @a. */
void uffd_leave_area(struct vm_area *a);
/* Take guards and their markers off the entries of [va, end), without more ado. map_lock. */
void uffd_unguard(struct vm_space *s, vaddr_t va, vaddr_t end);
