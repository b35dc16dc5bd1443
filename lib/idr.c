/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * node->tags[0] is the map of full slots: taken ids in a leaf, children without a free id above.
 * node->count counts taken ids or children. The top is always a node; it is not lowered when high
 * ids go, only freed when all have gone.
 */
#include <lib/idr.h>

#include <lib/errno.h>

#define SLOT_MASK (RADIX_SLOTS - 1)
#define FULL      (~0ULL)

static struct radix_node *top_of(const struct idr *idr)
{
	return idr->tree.top ? radix_to_node(idr->tree.top) : NULL;
}

static unsigned slot_of(const struct radix_node *node, u64 id)
{
	return (unsigned)(id >> node->shift) & SLOT_MASK;
}

static void set_top(struct idr *idr, struct radix_node *node)
{
	STORE_RELEASE(idr->tree.top, node ? (void *)((unsigned long)node + 1) : NULL);
}

static bool reaches(const struct radix_node *top, u64 id)
{
	return top && id >> top->shift < RADIX_SLOTS;
}

/* The lowest free id from @id on; ids beyond the tree are all free. */
static u64 find_free(const struct idr *idr, u64 id)
{
	const struct radix_node *top = top_of(idr), *node = top;

	while (reaches(top, id)) {
		unsigned slot = slot_of(node, id);
		u64 free = ~node->tags[0] & (~0ULL << slot);

		if (!free) {
			/* On with the first id behind this node, from the top. */
			id = ((id >> node->shift | SLOT_MASK) + 1) << node->shift;
			node = top;
			continue;
		}
		if (ctz64(free) != slot)
			id = ((id >> node->shift & ~(u64)SLOT_MASK) | ctz64(free)) << node->shift;
		if (node->shift == 0 || !node->slots[ctz64(free)])
			return id;
		node = radix_to_node(node->slots[ctz64(free)]);
	}
	return id;
}

/* The leaf of @id, or NULL. */
static struct radix_node *find_leaf(const struct idr *idr, u64 id)
{
	struct radix_node *node = top_of(idr);

	if (!reaches(node, id))
		return NULL;
	while (node && node->shift) {
		void *child = node->slots[slot_of(node, id)];

		node = child ? radix_to_node(child) : NULL;
	}
	return node;
}

/* Free @node and those above it as long as they are empty. */
static void prune(struct idr *idr, struct radix_node *node, const struct radix_alloc *alloc)
{
	while (node && node->count == 0) {
		struct radix_node *parent = node->parent;

		if (parent) {
			WRITE_ONCE(parent->slots[node->offset], NULL);
			parent->count--;
		} else {
			set_top(idr, NULL);
		}
		alloc->free(alloc->ctx, node);
		node = parent;
	}
}

/* Make the tree reach @id. */
static int grow(struct idr *idr, u64 id, const struct radix_alloc *alloc)
{
	while (!reaches(top_of(idr), id)) {
		struct radix_node *top = top_of(idr), *node = alloc->alloc(alloc->ctx);

		if (!node)
			return -ENOMEM;
		if (top) {
			node->shift = (u8)(top->shift + RADIX_BITS);
			node->slots[0] = idr->tree.top;
			node->count = 1;
			node->tags[0] = top->tags[0] == FULL;
			top->parent = node;
			top->offset = 0;
		} else {
			node->shift = id ? (u8)(ilog2(id) / RADIX_BITS * RADIX_BITS) : 0;
		}
		set_top(idr, node);
	}
	return 0;
}

static int make_leaf(
	struct idr *idr, u64 id, const struct radix_alloc *alloc, struct radix_node **out)
{
	int err = grow(idr, id, alloc);
	struct radix_node *node = top_of(idr), *child;

	if (err)
		return err;
	for (; node->shift; node = child) {
		unsigned slot = slot_of(node, id);

		if (node->slots[slot]) {
			child = radix_to_node(node->slots[slot]);
			continue;
		}
		child = alloc->alloc(alloc->ctx);
		if (!child) {
			prune(idr, node, alloc);
			return -ENOMEM;
		}
		child->shift = (u8)(node->shift - RADIX_BITS);
		child->offset = (u8)slot;
		child->parent = node;
		STORE_RELEASE(node->slots[slot], (void *)((unsigned long)child + 1));
		node->count++;
	}
	*out = node;
	return 0;
}

int idr_alloc(
	struct idr *idr, u32 min, u32 max, void *ptr, const struct radix_alloc *alloc, u32 *out_id)
{
	u64 id = find_free(idr, min);
	struct radix_node *node;
	unsigned slot;
	int err;

	if (id > max)
		return -ENOSPC;
	err = make_leaf(idr, id, alloc, &node);
	if (err)
		return err;
	slot = slot_of(node, id);
	STORE_RELEASE(node->slots[slot], ptr);
	node->count++;
	for (;;) {
		node->tags[0] |= BIT64(slot);
		if (node->tags[0] != FULL || !node->parent)
			break;
		slot = node->offset;
		node = node->parent;
	}
	*out_id = (u32)id;
	return 0;
}

int idr_alloc_cyclic(struct idr *idr, u32 start, u32 min, u32 max, void *ptr,
	const struct radix_alloc *alloc, u32 *out_id)
{
	int err = start > max ? -ENOSPC : idr_alloc(idr, start, max, ptr, alloc, out_id);

	if (err == -ENOSPC && start > min)
		err = idr_alloc(idr, min, min(start - 1, max), ptr, alloc, out_id);
	return err;
}

bool idr_is_taken(const struct idr *idr, u32 id)
{
	const struct radix_node *leaf = find_leaf(idr, id);

	return leaf && leaf->tags[0] >> slot_of(leaf, id) & 1;
}

void *idr_remove(struct idr *idr, u32 id, const struct radix_alloc *alloc)
{
	struct radix_node *leaf = find_leaf(idr, id), *node = leaf;
	unsigned slot;
	bool was_full;
	void *old;

	if (!idr_is_taken(idr, id))
		return NULL;
	slot = slot_of(leaf, id);
	old = leaf->slots[slot];
	WRITE_ONCE(leaf->slots[slot], NULL);
	do {
		was_full = node->tags[0] == FULL;
		node->tags[0] &= ~BIT64(slot);
		slot = node->offset;
		node = node->parent;
	} while (node && was_full);
	leaf->count--;
	prune(idr, leaf, alloc);
	return old;
}

void *idr_replace(struct idr *idr, u32 id, void *ptr)
{
	struct radix_node *leaf = find_leaf(idr, id);
	void **slot = &leaf->slots[slot_of(leaf, id)];
	void *old = *slot;

	STORE_RELEASE(*slot, ptr);
	return old;
}
