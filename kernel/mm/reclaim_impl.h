/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Between reclaim.c (who asks), hand.c (which pages of files go) and object_evict.c (how they go).
 */
#include <mm/object.h>
#include <mm/page.h>
#include <mm/reclaim.h>

/* What the mappings of a page have done since they were asked last. */
struct page_use {
	unsigned young; /* entries that were used */
	bool exec;	/* one of them to run it */
	bool locked;	/* by mlock */
};
/* Ask, and forget; if it was not used and is not locked, unmap it. False: cannot be said now. The page is LOCKED. */
bool vm_object_age(struct vm_object *obj, struct page *page, struct page_use *use);
/* Take the LOCKED page, of which the caller has a reference, out of its object onto @list (page_put_list, after page_unlock). False: it is in use, or dirty. */
bool vm_object_evict(struct vm_object *obj, struct page *page, u32 *list);
/* vm_object_unmap under maps_lock. */
void vm_object_unmap_locked(struct vm_object *obj, u64 first, u64 last, bool private_too);

/* A page of a file came in, to be used once; or again, soon after it was evicted: it is ACTIVE. */
void hand_note_new(struct page *page, const struct vm_object *obj, u64 index);
/* It is about to be freed. */
void hand_note_gone(const struct page *page);
/* Evict about @npages clean pages of files that lie in @node. How many went; *out_dirty: that were passed over because they are dirty or being written. */
u64 hand_reclaim(unsigned node, u64 npages, u64 *out_dirty);
void hand_init(void);

/* ---- reclaim.c, reclaimd.c ---- */
extern struct thread *reclaim_threads[];
extern u32 reclaim_wanted; /* bit per node; atomic */
/* Few frames of the node are left: its thread shall work. Any context. */
void reclaim_kick(unsigned node);
