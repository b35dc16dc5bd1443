/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * userfaultfd: uffd.c (objects, waiting, events), uffd_area.c (registration, guards), uffd_fill.c (answers). Faults on guarded entries and markers are mm/fault_marker.c.
 */
#include <vm/uffd.h>
#include "../../mm/space_impl.h"

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
	return READ_ONCE(u->watch.features);
}

/* Who watches the area; NULL: nobody. map_lock. */
static inline struct vm_uffd *uffd_of(const struct vm_area *a)
{
	static_assert(offsetof(struct vm_uffd, watch) == 0, "NULL stays NULL");
	return (struct vm_uffd *)a->watch;
}

/* May nobody answer now? */
static inline bool uffd_is_changing(const struct vm_uffd *u)
{
	return __atomic_load_n(&u->watch.changing, __ATOMIC_ACQUIRE) != 0;
}

/* Guard a present entry, or take the guard away; its table is locked. True: a right to write is gone, to be flushed. */
bool uffd_guard_entry(struct pte *e, struct pte pte, bool on);
/* The tables of [va, end), for markers. map_lock. -ENOMEM. */
int uffd_make_tables(struct vm_space *s, vaddr_t va, vaddr_t end) MUST_CHECK;
/* @a is registered no more; its entries are as they were. map_lock, or nobody else knows @a. */
void uffd_leave_area(struct vm_area *a);
/* Take guards and their markers off the entries of [va, end), without more ado. map_lock. */
void uffd_unguard(struct vm_space *s, vaddr_t va, vaddr_t end);
