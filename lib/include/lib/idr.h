/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Integer ids: the lowest free number of a range, and a pointer for each that is taken.
 *
 * A radix tree whose nodes also know which of their slots are full, so that a free id is found in
 * one descent. Pointers may be NULL: the id is taken, but readers do not see it until idr_replace.
 *
 * Locking: writers need the caller's lock; idr_lookup and idr_next need it or RCU (lib/radix.h,
 * whose nodes and memory callbacks are used: preallocate IDR_ALLOC_NODES to allocate under a
 * spinlock).
 */
#pragma once

#include <lib/radix.h>

#define IDR_MAX         0x7fffffffU
#define IDR_ALLOC_NODES 11

struct idr {
	struct radix_tree tree;
};

#define IDR_INIT ((struct idr){RADIX_TREE})

/*
 * Take the lowest free id of [@min, @max], @max <= IDR_MAX, for @ptr (NULL or even).
 *
 * Returns: 0; -ENOSPC none is free; -ENOMEM.
 */
MUST_CHECK
int idr_alloc(
	struct idr *idr, u32 min, u32 max, void *ptr, const struct radix_alloc *alloc, u32 *out_id);

/* As idr_alloc, but look in [@start, @max] first and in [@min, @start) then: for process ids. */
MUST_CHECK
int idr_alloc_cyclic(struct idr *idr, u32 start, u32 min, u32 max, void *ptr,
	const struct radix_alloc *alloc, u32 *out_id);

/* Free @id; returns its pointer. An id that is not taken is left alone. */
void *idr_remove(struct idr *idr, u32 id, const struct radix_alloc *alloc);

/* Change the pointer of @id, which is taken; returns the old one. */
void *idr_replace(struct idr *idr, u32 id, void *ptr);

/* Is @id taken, with whatever pointer? The caller holds the lock. */
bool idr_is_taken(const struct idr *idr, u32 id);

static inline void *idr_lookup(const struct idr *idr, u32 id)
{
	return radix_lookup(&idr->tree, id);
}

/* The pointer of the first id from *@id on whose pointer is not NULL; *@id becomes that id. */
static inline void *idr_next(const struct idr *idr, u32 *id)
{
	u64 index = *id;
	void *p = radix_next(&idr->tree, &index, IDR_MAX, RADIX_ANY);

	if (p)
		*id = (u32)index;
	return p;
}

static inline bool idr_is_empty(const struct idr *idr)
{
	return radix_is_empty(&idr->tree);
}
