/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/heap.h>

#include <lib/errno.h>
#include <lib/string.h>

#define FAN 4

static void place(struct heap *h, u32 pos, struct heap_slot slot)
{
	h->slots[pos] = slot;
	slot.node->pos = pos;
}

/* @slot goes to the hole at @pos or, pushing larger ones down, above it. */
static void sift_up(struct heap *h, u32 pos, struct heap_slot slot)
{
	while (pos) {
		u32 parent = (pos - 1) / FAN;

		if (h->slots[parent].key <= slot.key)
			break;
		place(h, pos, h->slots[parent]);
		pos = parent;
	}
	place(h, pos, slot);
}

/* @slot goes to the hole at @pos or, pulling smaller ones up, below it. */
static void sift_down(struct heap *h, u32 pos, struct heap_slot slot)
{
	u64 child;

	while ((child = (u64)pos * FAN + 1) < h->len) {
		u64 end = min(child + FAN, (u64)h->len), best = child;

		while (++child < end) {
			if (h->slots[child].key < h->slots[best].key)
				best = child;
		}
		if (slot.key <= h->slots[best].key)
			break;
		place(h, pos, h->slots[best]);
		pos = (u32)best;
	}
	place(h, pos, slot);
}

int heap_insert(struct heap *h, struct heap_node *n, u64 key)
{
	if (h->len == h->cap)
		return -ENOSPC;
	sift_up(h, h->len++, (struct heap_slot){key, n});
	return 0;
}

static void put(struct heap *h, u32 pos, struct heap_slot slot)
{
	if (pos && slot.key < h->slots[(pos - 1) / FAN].key)
		sift_up(h, pos, slot);
	else
		sift_down(h, pos, slot);
}

void heap_remove(struct heap *h, struct heap_node *n)
{
	u32 pos = n->pos;

	n->pos = HEAP_NOWHERE;
	if (pos != --h->len)
		put(h, pos, h->slots[h->len]);
}

void heap_change(struct heap *h, struct heap_node *n, u64 key)
{
	put(h, n->pos, (struct heap_slot){key, n});
}

struct heap_slot *heap_move(struct heap *h, struct heap_slot *slots, u32 cap)
{
	struct heap_slot *old = h->slots;

	memcpy(slots, old, h->len * sizeof(*slots));
	h->slots = slots;
	h->cap = cap;
	return old;
}

bool heap_check(const struct heap *h)
{
	for (u32 i = 0; i < h->len; i++) {
		if (h->slots[i].node->pos != i)
			return false;
		if (i && h->slots[(i - 1) / FAN].key > h->slots[i].key)
			return false;
	}
	return h->len <= h->cap;
}
