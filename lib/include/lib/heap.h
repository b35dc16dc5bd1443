/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Min-heap of u64 keys whose members know their place, so that any of them can be changed or
 * removed in O(log n): for timers. Four children a node: fewer levels, and a node's children share
 * a cache line. The array is the caller's; members are embedded in the caller's objects.
 */
#pragma once

#include <lib/types.h>

#define HEAP_NOWHERE U32_MAX

struct heap_node {
	u32 pos; /* in the array, or HEAP_NOWHERE */
};

struct heap_slot {
	u64 key;
	struct heap_node *node;
};

struct heap {
	struct heap_slot *slots;
	u32 len;
	u32 cap;
};

static inline void heap_init(struct heap *h, struct heap_slot *slots, u32 cap)
{
	*h = (struct heap){slots, 0, cap};
}

static inline void heap_node_init(struct heap_node *n)
{
	n->pos = HEAP_NOWHERE;
}

static inline bool heap_contains(const struct heap_node *n)
{
	return n->pos != HEAP_NOWHERE;
}

/* The member with the smallest key, or NULL. */
static inline struct heap_node *heap_first(const struct heap *h)
{
	return h->len ? h->slots[0].node : NULL;
}

/* The smallest key; U64_MAX when the heap is empty. */
static inline u64 heap_first_key(const struct heap *h)
{
	return h->len ? h->slots[0].key : U64_MAX;
}

static inline u64 heap_key(const struct heap *h, const struct heap_node *n)
{
	return h->slots[n->pos].key;
}

/* Returns: 0; -ENOSPC the array is full: heap_move to a larger one. */
MUST_CHECK
int heap_insert(struct heap *h, struct heap_node *n, u64 key);

/* @n is in the heap. */
void heap_remove(struct heap *h, struct heap_node *n);
void heap_change(struct heap *h, struct heap_node *n, u64 key);

/* Go on in another array, at least as long as the heap; returns the old one. */
struct heap_slot *heap_move(struct heap *h, struct heap_slot *slots, u32 cap);

/* Every invariant, for debug builds and tests. */
bool heap_check(const struct heap *h);
