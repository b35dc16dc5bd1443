/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Between hugetlb.c (the pool), hugetlb_file.c (objects, reservations) and hugetlb_fault.c.
 */
#include <vm/hugetlb.h>
#include "../../mm/space_impl.h"

struct hugetlb_block {
	struct vm_block block;	/* to the core; first */
	struct list_head link;	/* of free or pinned ones: pool's lock; of an object: its lock */
	struct page *first;
	struct hugetlb_limits *limits;	/* what it is counted against */
	u32 users;		/* pool's lock: leaves that map it; an object counts as one */
	bool cached;		/* it is an object's */
};

/* ---- hugetlb.c ---- */

/* Promise @n blocks, counted against @l. -ENOMEM. May sleep. */
int hugetlb_reserve(struct hugetlb_limits *l, u64 n) MUST_CHECK;
void hugetlb_unreserve(struct hugetlb_limits *l, u64 n);
/* A block with one user, of frames with a reference of the pool each, contents undefined; @reserved: it was promised. NULL: there is none. May sleep. */
struct hugetlb_block *hugetlb_block_take(struct hugetlb_limits *l, bool reserved, bool cached);
/* The frames of a block that was taken for private memory become a leaf's. */
void hugetlb_block_map(struct hugetlb_block *b);
/* One user less; the last one gives it back. Nobody finds its frames any more; pins that are left are waited for. Any thread context without pool's lock. */
void hugetlb_block_put(struct hugetlb_block *b);
/* The same for a leaf; and one more. */
void hugetlb_put(struct vm_block *b);
void hugetlb_get(struct vm_block *b);

/* ---- hugetlb_file.c ---- */

struct hugetlb_file {
	struct vm_object *obj;
	struct mutex lock;		/* blocks of the object come and go; reservations */
	struct hugetlb_limits *limits;
	struct radix_tree reserved;	/* lock: numbers of blocks, for shared mappings */
	struct list_head blocks;	/* lock: that the object has */
};

/* What a private mapping with reservations has for a backing: the file's, and the numbers of blocks that it may still ask for. */
struct hugetlb_map {
	u32 refs;		/* atomic */
	struct hugetlb_file *hf;
	const struct vm_backing_ops *ops;
	void *backing;
	struct vm_space *owner;	/* compared only; children have no reservations */
	struct radix_tree reserved; /* hf->lock */
};

static inline struct hugetlb_file *hugetlb_of(const struct vm_area *a)
{
	return a->object->owner;
}

/* Did @a reserve its blocks itself, for copies? */
bool hugetlb_is_owner(const struct vm_area *a);
/* The reservation for block @index of @a, if it has one, is used up. hf->lock. */
bool hugetlb_claim(struct vm_area *a, u64 index);
/* Block @index, which the object does not have, is made: zeroes. hf->lock. -ENOSPC -ENOMEM. */
int hugetlb_make(struct hugetlb_file *hf, u64 index, bool reserved, struct page **out_first) MUST_CHECK;
extern const struct vm_block_ops hugetlb_block_ops;
int hugetlb_open(struct vm_area *a) MUST_CHECK;
void hugetlb_forget(struct vm_area *a, vaddr_t va, vaddr_t end);

/* ---- hugetlb_fault.c ---- */

int hugetlb_fault(struct vm_area *a, struct fault *f);
