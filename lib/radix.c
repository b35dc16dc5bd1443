/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Invariants (radix_check): a node has count > 0 slots in use, all children of a node are nodes of
 * shift - 6 (or entries, at shift 0), parent and offset lead back, a node's tag bit is set exactly
 * when the child has the tag, the top node uses a slot other than 0 (else it would be lower).
 *
 * Readers without the lock: a node is complete before the release store that links it. Growing puts
 * a new node above the top: both roads are right. Shrinking makes the top's only child, slot 0, the
 * top; a reader on the old one still finds it there. A pruned node keeps its slots, all NULL.
 */
#include <lib/radix.h>

#include <lib/errno.h>

#define SLOT_MASK (RADIX_SLOTS - 1)

static void *from_node(const struct radix_node *node)
{
	return (void *)((unsigned long)node + 1);
}

static unsigned slot_of(const struct radix_node *node, u64 index)
{
	return (unsigned)(index >> node->shift) & SLOT_MASK;
}

/* Where the pointer to @node is stored. */
static void **link_of(struct radix_tree *t, const struct radix_node *node)
{
	return node->parent ? &node->parent->slots[node->offset] : &t->top;
}

/* The leaf node whose slot is @index, or NULL. The caller holds the lock. */
static struct radix_node *find_leaf(const struct radix_tree *t, u64 index)
{
	struct radix_node *node;

	if (!radix_is_node(t->top))
		return NULL;
	node = radix_to_node(t->top);
	if (index >> node->shift >= RADIX_SLOTS)
		return NULL;
	while (node->shift) {
		void *child = node->slots[slot_of(node, index)];

		if (!child)
			return NULL;
		node = radix_to_node(child);
	}
	return node;
}

/* Lower the tree while its top has only slot 0. */
static void shrink(struct radix_tree *t, const struct radix_alloc *alloc)
{
	while (radix_is_node(t->top)) {
		struct radix_node *top = radix_to_node(t->top);
		void *child = top->slots[0];

		if (top->count != 1 || !child)
			return;
		if (radix_is_node(child)) {
			radix_to_node(child)->parent = NULL;
		} else {
			t->top_tags = 0;
			for (unsigned tag = 0; tag < RADIX_NTAGS; tag++)
				t->top_tags |= (u8)((top->tags[tag] & 1) << tag);
		}
		STORE_RELEASE(t->top, child);
		alloc->free(alloc->ctx, top);
	}
}

/* Free @node and those above it as long as they are empty. */
static void prune(struct radix_tree *t, struct radix_node *node, const struct radix_alloc *alloc)
{
	while (node && node->count == 0) {
		struct radix_node *parent = node->parent;

		STORE_RELEASE(*link_of(t, node), NULL);
		if (parent)
			parent->count--;
		alloc->free(alloc->ctx, node);
		node = parent;
	}
	shrink(t, alloc);
}

/* Put a node above the top; in an empty tree, one that reaches @index. */
static int grow(struct radix_tree *t, u64 index, const struct radix_alloc *alloc)
{
	struct radix_node *node = alloc->alloc(alloc->ctx);

	if (!node)
		return -ENOMEM;
	if (radix_is_node(t->top)) {
		struct radix_node *top = radix_to_node(t->top);

		node->shift = (u8)(top->shift + RADIX_BITS);
		for (unsigned tag = 0; tag < RADIX_NTAGS; tag++)
			node->tags[tag] = top->tags[tag] != 0;
		top->parent = node;
		top->offset = 0;
	} else if (t->top) {
		for (unsigned tag = 0; tag < RADIX_NTAGS; tag++)
			node->tags[tag] = t->top_tags >> tag & 1;
	} else {
		node->shift = (u8)(ilog2(index) / RADIX_BITS * RADIX_BITS);
	}
	node->slots[0] = t->top;
	node->count = t->top != NULL;
	STORE_RELEASE(t->top, from_node(node));
	return 0;
}

/* The top does not reach @index, or is an entry, or there is none and @index is not 0. */
static bool too_low(const struct radix_tree *t, u64 index)
{
	return !radix_is_node(t->top) || index >> radix_to_node(t->top)->shift >= RADIX_SLOTS;
}

/* The leaf for @index, made with all nodes above it; *out is untouched on failure. */
static int make_leaf(
	struct radix_tree *t, u64 index, const struct radix_alloc *alloc, struct radix_node **out)
{
	struct radix_node *node, *child;
	int err = 0;

	while (!err && too_low(t, index))
		err = grow(t, index, alloc);
	if (err) {
		if (radix_is_node(t->top))
			prune(t, radix_to_node(t->top), alloc);
		return err;
	}
	for (node = radix_to_node(t->top); node->shift; node = child) {
		unsigned slot = slot_of(node, index);

		if (node->slots[slot]) {
			child = radix_to_node(node->slots[slot]);
			continue;
		}
		child = alloc->alloc(alloc->ctx);
		if (!child) {
			prune(t, node, alloc);
			return -ENOMEM;
		}
		child->shift = (u8)(node->shift - RADIX_BITS);
		child->offset = (u8)slot;
		child->parent = node;
		STORE_RELEASE(node->slots[slot], from_node(child));
		node->count++;
	}
	*out = node;
	return 0;
}

int radix_insert(struct radix_tree *t, u64 index, void *entry, const struct radix_alloc *alloc)
{
	struct radix_node *leaf;
	unsigned slot;
	int err;

	if (radix_lookup(t, index))
		return -EEXIST;
	if (index == 0 && !t->top) {
		t->top_tags = 0;
		STORE_RELEASE(t->top, entry);
		return 0;
	}
	err = make_leaf(t, index, alloc, &leaf);
	if (err)
		return err;
	slot = slot_of(leaf, index);
	leaf->count++;
	STORE_RELEASE(leaf->slots[slot], entry);
	return 0;
}

void *radix_replace(struct radix_tree *t, u64 index, void *entry)
{
	struct radix_node *leaf = find_leaf(t, index);
	void **slot = leaf ? &leaf->slots[slot_of(leaf, index)] : &t->top;
	void *old = *slot;

	STORE_RELEASE(*slot, entry);
	return old;
}

/* Clear @tag at @slot of @node, and above while nothing else has it. */
static void clear_tag_up(struct radix_node *node, unsigned slot, unsigned tag)
{
	for (; node; slot = node->offset, node = node->parent) {
		WRITE_ONCE(node->tags[tag], node->tags[tag] & ~BIT64(slot));
		if (node->tags[tag])
			return;
	}
}

void *radix_erase(struct radix_tree *t, u64 index, const struct radix_alloc *alloc)
{
	struct radix_node *leaf = find_leaf(t, index);
	unsigned slot;
	void *old;

	if (!leaf) {
		old = t->top;
		if (index || !old || radix_is_node(old))
			return NULL;
		WRITE_ONCE(t->top, NULL);
		return old;
	}
	slot = slot_of(leaf, index);
	old = leaf->slots[slot];
	if (!old)
		return NULL;
	for (unsigned tag = 0; tag < RADIX_NTAGS; tag++) {
		if (leaf->tags[tag] & BIT64(slot))
			clear_tag_up(leaf, slot, tag);
	}
	WRITE_ONCE(leaf->slots[slot], NULL);
	leaf->count--;
	if (leaf->count <= 1)
		prune(t, leaf, alloc);
	return old;
}

bool radix_tag_set(struct radix_tree *t, u64 index, unsigned tag)
{
	struct radix_node *node = find_leaf(t, index);
	unsigned slot;
	bool old;

	if (!node) {
		old = t->top_tags >> tag & 1;
		WRITE_ONCE(t->top_tags, (u8)(t->top_tags | 1 << tag));
		return old;
	}
	slot = slot_of(node, index);
	old = node->tags[tag] >> slot & 1;
	for (; node && !(node->tags[tag] >> slot & 1); slot = node->offset, node = node->parent)
		WRITE_ONCE(node->tags[tag], node->tags[tag] | BIT64(slot));
	return old;
}

bool radix_tag_clear(struct radix_tree *t, u64 index, unsigned tag)
{
	struct radix_node *node = find_leaf(t, index);
	unsigned slot;
	bool old;

	if (!node) {
		old = t->top_tags >> tag & 1;
		WRITE_ONCE(t->top_tags, (u8)(t->top_tags & ~(1 << tag)));
		return old;
	}
	slot = slot_of(node, index);
	old = node->tags[tag] >> slot & 1;
	if (old)
		clear_tag_up(node, slot, tag);
	return old;
}

bool radix_tag_get(const struct radix_tree *t, u64 index, unsigned tag)
{
	const void *p = LOAD_ACQUIRE(t->top);
	const struct radix_node *node;

	if (!radix_is_node(p))
		return index == 0 && p && READ_ONCE(t->top_tags) >> tag & 1;
	node = radix_to_node(p);
	if (index >> node->shift >= RADIX_SLOTS)
		return false;
	for (;;) {
		unsigned slot = slot_of(node, index);

		if (!(READ_ONCE(node->tags[tag]) >> slot & 1))
			return false;
		p = LOAD_ACQUIRE(node->slots[slot]);
		if (node->shift == 0 || !p)
			return p != NULL;
		node = radix_to_node(p);
	}
}

bool radix_tagged(const struct radix_tree *t, unsigned tag)
{
	const void *p = LOAD_ACQUIRE(t->top);

	if (!radix_is_node(p))
		return p && READ_ONCE(t->top_tags) >> tag & 1;
	return READ_ONCE(radix_to_node(p)->tags[tag]) != 0;
}

/* A way through the tree, from left to right. */
struct walk {
	const struct radix_tree *tree;
	u64 index; /* next to look at */
	u64 last;
	unsigned tag;
	struct radix_found *found;
	size_t n, max;
};

/* Collect from @leaf. False: the walk is at its end. */
static bool gather_leaf(struct walk *w, const struct radix_node *leaf)
{
	for (;;) {
		unsigned slot = (unsigned)w->index & SLOT_MASK;
		u64 tags = w->tag == RADIX_ANY ? ~0ULL : READ_ONCE(leaf->tags[w->tag]);
		void *entry;

		if (tags >> slot & 1) {
			entry = LOAD_ACQUIRE(leaf->slots[slot]);
			if (entry) {
				w->found[w->n++] = (struct radix_found){w->index, entry};
				if (w->n == w->max)
					return false;
			}
		}
		if (w->index++ == w->last)
			return false;
		if (slot == SLOT_MASK)
			return true;
	}
}

/* From @node down to the leaf of w->index, or over what is empty. False: the walk is at its end. */
static bool gather_below(struct walk *w, const struct radix_node *node)
{
	while (node->shift) {
		unsigned slot = slot_of(node, w->index);
		u64 tags = w->tag == RADIX_ANY ? ~0ULL : READ_ONCE(node->tags[w->tag]);
		const void *child = tags >> slot & 1 ? LOAD_ACQUIRE(node->slots[slot]) : NULL;

		if (child) {
			node = radix_to_node(child);
			continue;
		}
		/* The next slot of this node; behind the last one the walk begins again at the top.
		 */
		w->index = ((w->index >> node->shift) + 1) << node->shift;
		if (w->index == 0 || w->index > w->last)
			return false;
		if (slot == SLOT_MASK)
			return true;
	}
	return gather_leaf(w, node);
}

size_t radix_gather(const struct radix_tree *t, u64 first, u64 last, unsigned tag,
	struct radix_found *found, size_t max)
{
	struct walk w = {t, first, last, tag, found, 0, max};
	const struct radix_node *top;
	const void *p;

	if (first > last || max == 0)
		return 0;
	do {
		p = LOAD_ACQUIRE(t->top);
		if (!radix_is_node(p)) {
			if (w.index == 0 && p &&
				(tag == RADIX_ANY || READ_ONCE(t->top_tags) >> tag & 1))
				found[w.n++] = (struct radix_found){0, (void *)p};
			break;
		}
		top = radix_to_node(p);
		if (w.index >> top->shift >= RADIX_SLOTS)
			break;
	} while (gather_below(&w, top));
	return w.n;
}

/* The leaf of @index, without the lock. */
static const struct radix_node *find_leaf_rcu(const struct radix_tree *t, u64 index)
{
	const void *p = LOAD_ACQUIRE(t->top);
	const struct radix_node *node;

	if (!radix_is_node(p) || index >> radix_to_node(p)->shift >= RADIX_SLOTS)
		return NULL;
	for (node = radix_to_node(p); node->shift; node = radix_to_node(p)) {
		p = LOAD_ACQUIRE(node->slots[slot_of(node, index)]);
		if (!p)
			return NULL;
	}
	return node;
}

u64 radix_next_gap(const struct radix_tree *t, u64 first, u64 last)
{
	const struct radix_node *leaf = NULL;

	for (u64 index = first;; index++) {
		if (!leaf || (index & SLOT_MASK) == 0)
			leaf = find_leaf_rcu(t, index);
		if (leaf ? !LOAD_ACQUIRE(leaf->slots[index & SLOT_MASK]) : !radix_lookup(t, index))
			return index;
		if (index == last)
			return last + 1;
	}
}

void radix_clear(struct radix_tree *t, const struct radix_alloc *alloc,
	void (*each)(void *ctx, u64 index, void *entry), void *each_ctx)
{
	void *p = t->top;
	struct radix_node *node = radix_is_node(p) ? radix_to_node(p) : NULL;
	u64 base = 0; /* the first index below node */
	unsigned slot = 0;

	STORE_RELEASE(t->top, NULL);
	if (p && !node && each)
		each(each_ctx, 0, p);
	while (node) {
		struct radix_node *done = node;

		for (; slot < RADIX_SLOTS; slot++) {
			p = node->slots[slot];
			if (p && node->shift)
				break;
			if (p && each)
				each(each_ctx, base + slot, p);
		}
		if (slot < RADIX_SLOTS) {
			base += (u64)slot << node->shift;
			node = radix_to_node(p);
			slot = 0;
			continue;
		}
		slot = node->offset + 1U;
		node = node->parent;
		if (node)
			base -= (u64)(slot - 1) << node->shift;
		alloc->free(alloc->ctx, done);
	}
}

static bool check_node(const struct radix_node *node)
{
	unsigned count = 0;

	for (unsigned slot = 0; slot < RADIX_SLOTS; slot++) {
		const void *p = node->slots[slot];

		count += p != NULL;
		if (p && radix_is_node(p) != (node->shift != 0))
			return false;
		for (unsigned tag = 0; tag < RADIX_NTAGS; tag++) {
			bool set = node->tags[tag] >> slot & 1;

			if (set && !p)
				return false;
			if (p && node->shift && set != (radix_to_node(p)->tags[tag] != 0))
				return false;
		}
		if (p && node->shift) {
			const struct radix_node *child = radix_to_node(p);

			if (child->parent != node || child->offset != slot ||
				child->shift + RADIX_BITS != node->shift || !check_node(child))
				return false;
		}
	}
	return count == node->count && count > 0;
}

bool radix_check(const struct radix_tree *t)
{
	const struct radix_node *top;

	if (!radix_is_node(t->top))
		return true;
	top = radix_to_node(t->top);
	return !top->parent && !(top->count == 1 && top->slots[0]) && check_node(top);
}
