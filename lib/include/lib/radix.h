/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Radix tree: u64 index -> pointer, 64 slots a node, as high as the largest index needs.
 *
 *	top --> node(shift 6) --> node(shift 0) --> entry        an index of 12 bits
 *	top --> entry                                            index 0 alone needs no node
 *
 * Entries are not NULL and have bit 0 clear; bit 0 marks nodes inside the tree. Each entry has
 * RADIX_NTAGS tags; a node has a tag's bit set for a child that has the tag anywhere below, so that
 * tagged entries are found without visiting the others.
 *
 * Locking: one writer at a time (the caller's lock). radix_lookup and the gathering functions may
 * run beside it inside an RCU read section if the `free` callback waits for a grace period; they
 *see each entry as it was at some moment during the call, and an entry that stays is never missed.
 *
 * Memory: nodes come from the caller's callbacks, which may hand out preallocated ones, so that
 * insertion works under a spinlock; RADIX_INSERT_NODES are enough for any one insertion.
 */
#pragma once

#include <lib/bits.h>

#define RADIX_BITS         6
#define RADIX_SLOTS        64
#define RADIX_NTAGS        3
#define RADIX_INSERT_NODES 21

struct radix_node {
	u8 shift;  /* index bits below this node's */
	u8 offset; /* this node's slot in parent */
	u8 count;  /* slots in use */
	struct radix_node *parent;
	u64 tags[RADIX_NTAGS];
	void *slots[RADIX_SLOTS];
	void *free_link[2]; /* for the caller while the node waits to be freed: an rcu head, say */
};

struct radix_tree {
	void *top;
	u8 top_tags; /* of an entry that is the top itself */
};

/*
 * @alloc returns a zeroed node or NULL; @free takes one back, which readers may still use until a
 * grace period is over: it must not be changed before, but for free_link.
 */
struct radix_alloc {
	struct radix_node *(*alloc)(void *ctx);
	void (*free)(void *ctx, struct radix_node *node);
	void *ctx;
};

#define RADIX_TREE ((struct radix_tree){NULL, 0})

static inline bool radix_is_node(const void *p)
{
	return (unsigned long)p & 1;
}

static inline struct radix_node *radix_to_node(const void *p)
{
	return (struct radix_node *)((unsigned long)p - 1);
}

static inline bool radix_is_empty(const struct radix_tree *t)
{
	return READ_ONCE(t->top) == NULL;
}

/* The entry at @index, or NULL. RCU or lock. */
static inline void *radix_lookup(const struct radix_tree *t, u64 index)
{
	const void *p = LOAD_ACQUIRE(t->top);
	const struct radix_node *node;
	unsigned shift;

	if (!radix_is_node(p))
		return index == 0 ? (void *)p : NULL;
	node = radix_to_node(p);
	shift = node->shift;
	if (unlikely(index >> shift >= RADIX_SLOTS))
		return NULL;
	for (;;) {
		p = LOAD_ACQUIRE(node->slots[index >> shift & (RADIX_SLOTS - 1)]);
		if (shift == 0 || !p)
			return (void *)p;
		node = radix_to_node(p);
		shift -= RADIX_BITS;
	}
}

/*
 * Put @entry at @index, with no tags.
 * Returns: 0; -EEXIST there is one already; -ENOMEM. On failure the tree holds what it held.
 */
MUST_CHECK
int radix_insert(struct radix_tree *t, u64 index, void *entry, const struct radix_alloc *alloc);

/* Put @entry (not NULL) where there is one already, keeping the tags; returns the old. */
void *radix_replace(struct radix_tree *t, u64 index, void *entry);

/* Take the entry at @index out; returns it, or NULL when there is none. */
void *radix_erase(struct radix_tree *t, u64 index, const struct radix_alloc *alloc);

/* Set or clear @tag (below RADIX_NTAGS) of an existing entry; returns the old value. */
bool radix_tag_set(struct radix_tree *t, u64 index, unsigned tag);
bool radix_tag_clear(struct radix_tree *t, u64 index, unsigned tag);

/* RCU or lock. False when there is no entry. */
bool radix_tag_get(const struct radix_tree *t, u64 index, unsigned tag);

/* Has any entry @tag? RCU or lock. */
bool radix_tagged(const struct radix_tree *t, unsigned tag);

#define RADIX_ANY RADIX_NTAGS /* in place of a tag: all entries */

struct radix_found {
	u64 index;
	void *entry;
};

/*
 * Collect up to @max entries with @tag (or RADIX_ANY) of [@first, @last] in order of index.
 * RCU or lock. Returns: how many; fewer than @max means that there are no more.
 */
size_t radix_gather(const struct radix_tree *t, u64 first, u64 last, unsigned tag,
	struct radix_found *found, size_t max);

/* The first entry with @tag of [*index, @last]; *index becomes its index. NULL: none. RCU or lock.
 */
static inline void *radix_next(const struct radix_tree *t, u64 *index, u64 last, unsigned tag)
{
	struct radix_found found;

	if (!radix_gather(t, *index, last, tag, &found, 1))
		return NULL;
	*index = found.index;
	return found.entry;
}

/* The first index of [@first, @last] without an entry; @last + 1 when all have one (0: beyond
 * 2^64). */
u64 radix_next_gap(const struct radix_tree *t, u64 first, u64 last);

/*
 * Take all entries out, calling @each for them if it is not NULL, and free all nodes. No reader may
 * look any more, or `free` defers.
 */
void radix_clear(struct radix_tree *t, const struct radix_alloc *alloc,
	void (*each)(void *ctx, u64 index, void *entry), void *each_ctx);

/* Every invariant of the tree, for debug builds and tests. */
bool radix_check(const struct radix_tree *t);
