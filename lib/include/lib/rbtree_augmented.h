/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rebalancing itself, as inline functions over a recompute function, and the maker of
 * augmented trees.
 *
 * An augmented tree keeps in each node a value that is a function of the node and its children's
 * values (smallest deadline, largest gap). `recompute(n)` computes it for one node and returns
 * whether it changed; it stores with WRITE_ONCE where readers look without the lock.
 *
 *	static bool ent_recompute(struct rb_node *n) { … }
 *	RB_AUGMENTED(ent, ent_recompute)
 *
 * makes static ent_insert, ent_erase, ent_replace, their _cached forms, and ent_propagate(n) (call
 * after the node's own part has changed in place). Insert: rb_link, then ent_insert, which
 * computes @n's value and all above it.
 *
 * Invariants [CLRS 13]: the root is black; a red node has black children; every path down from a
 * node passes the same number of black nodes. Rotations (x with right child y; mirror image alike)
 * store, in this order, so that no cycle is ever reachable:
 *
 *	    p            x.right = b   y is off the tree, b hangs under x
 *	    x            y.left  = x   only y sees it
 *	  a   y          p.child = y   y is back, above x
 *	     b c
 */
#pragma once

#include <lib/rbtree.h>

typedef bool (*rb_recompute_fn)(struct rb_node *n);

static inline bool rb_is_red(const struct rb_node *n)
{
	return !(n->parent_color & RB_BLACK);
}

static inline void rb_set_black(struct rb_node *n)
{
	n->parent_color |= RB_BLACK;
}

static inline void rb_set_red(struct rb_node *n)
{
	n->parent_color &= ~RB_BLACK;
}

static inline void rb_set_parent(struct rb_node *n, struct rb_node *parent)
{
	n->parent_color = (unsigned long)parent | (n->parent_color & RB_BLACK);
}

/* Make @parent (or the root, when NULL) point at @to where it pointed at @from. */
static inline void rb_change_child(
	struct rb_node *from, struct rb_node *to, struct rb_node *parent, struct rb_root *root)
{
	if (!parent)
		STORE_RELEASE(root->node, to);
	else if (parent->left == from)
		STORE_RELEASE(parent->left, to);
	else
		STORE_RELEASE(parent->right, to);
}

static __always_inline void rb_rotate_fix(
	struct rb_node *x, struct rb_node *y, struct rb_root *root, rb_recompute_fn recompute)
{
	struct rb_node *parent = rb_parent(x);

	rb_change_child(x, y, parent, root);
	rb_set_parent(y, parent);
	rb_set_parent(x, y);
	if (recompute) {
		recompute(x);
		recompute(y);
	}
}

/* @x goes down to the left, its right child takes its place; colours stay with the nodes. */
static __always_inline void rb_rotate_left(
	struct rb_node *x, struct rb_root *root, rb_recompute_fn recompute)
{
	struct rb_node *y = x->right;
	struct rb_node *b = y->left;

	STORE_RELEASE(x->right, b);
	if (b)
		rb_set_parent(b, x);
	STORE_RELEASE(y->left, x);
	rb_rotate_fix(x, y, root, recompute);
}

static __always_inline void rb_rotate_right(
	struct rb_node *x, struct rb_root *root, rb_recompute_fn recompute)
{
	struct rb_node *y = x->left;
	struct rb_node *b = y->right;

	STORE_RELEASE(x->left, b);
	if (b)
		rb_set_parent(b, x);
	STORE_RELEASE(y->right, x);
	rb_rotate_fix(x, y, root, recompute);
}

static __always_inline void rb_insert_fixup(
	struct rb_node *n, struct rb_root *root, rb_recompute_fn recompute)
{
	struct rb_node *parent;

	while ((parent = rb_parent(n)) && rb_is_red(parent)) {
		struct rb_node *grand = rb_parent(parent); /* exists: the root is black */
		bool left = parent == grand->left;
		struct rb_node *uncle = left ? grand->right : grand->left;

		if (uncle && rb_is_red(uncle)) {
			rb_set_black(parent);
			rb_set_black(uncle);
			rb_set_red(grand);
			n = grand;
			continue;
		}
		if (n == (left ? parent->right : parent->left)) {
			if (left)
				rb_rotate_left(parent, root, recompute);
			else
				rb_rotate_right(parent, root, recompute);
			parent = n;
		}
		rb_set_black(parent);
		rb_set_red(grand);
		if (left)
			rb_rotate_right(grand, root, recompute);
		else
			rb_rotate_left(grand, root, recompute);
		break;
	}
	if (!parent)
		rb_set_black(n);
}

/* The place of @n, below @parent, lacks one black; @n is black or NULL. */
static __always_inline void rb_erase_fixup(
	struct rb_node *n, struct rb_node *parent, struct rb_root *root, rb_recompute_fn recompute)
{
	while (parent && (!n || !rb_is_red(n))) {
		bool left = n == parent->left;
		struct rb_node *sib = left ? parent->right : parent->left;
		struct rb_node *near, *far;

		if (rb_is_red(sib)) {
			rb_set_black(sib);
			rb_set_red(parent);
			if (left)
				rb_rotate_left(parent, root, recompute);
			else
				rb_rotate_right(parent, root, recompute);
			sib = left ? parent->right : parent->left;
		}
		near = left ? sib->left : sib->right;
		far = left ? sib->right : sib->left;
		if ((!near || !rb_is_red(near)) && (!far || !rb_is_red(far))) {
			rb_set_red(sib);
			n = parent;
			parent = rb_parent(n);
			continue;
		}
		if (!far || !rb_is_red(far)) {
			rb_set_black(near);
			rb_set_red(sib);
			if (left)
				rb_rotate_right(sib, root, recompute);
			else
				rb_rotate_left(sib, root, recompute);
			far = sib;
			sib = near;
		}
		rb_set_red(sib);
		sib->parent_color |= parent->parent_color & RB_BLACK;
		rb_set_black(parent);
		rb_set_black(far);
		if (left)
			rb_rotate_left(parent, root, recompute);
		else
			rb_rotate_right(parent, root, recompute);
		return;
	}
	if (n)
		rb_set_black(n);
}

/* Recompute @n and upwards until a value stays the same. */
static __always_inline void rb_propagate(struct rb_node *n, rb_recompute_fn recompute)
{
	while (n && recompute(n))
		n = rb_parent(n);
}

/*
 * Recompute the whole path from @n up, whether or not values change: several nodes on it have
 * stale values.
 */
static __always_inline void rb_propagate_all(struct rb_node *n, rb_recompute_fn recompute)
{
	for (; n; n = rb_parent(n))
		recompute(n);
}

/*
 * Put the successor of @n, which has two children, in its place; returns where a black may be
 * missing.
 */
static __always_inline struct rb_node *rb_erase_two_children(
	struct rb_node *n, struct rb_root *root, struct rb_node **out_parent, bool *out_lost_black)
{
	struct rb_node *succ = n->right;
	struct rb_node *child, *parent;

	while (succ->left)
		succ = succ->left;
	child = succ->right;
	*out_lost_black = !rb_is_red(succ);
	if (succ == n->right) {
		parent = succ;
	} else {
		parent = rb_parent(succ);
		STORE_RELEASE(parent->left, child);
		STORE_RELEASE(succ->right, n->right);
		rb_set_parent(n->right, succ);
	}
	if (child)
		rb_set_parent(child, parent);
	STORE_RELEASE(succ->left, n->left);
	rb_set_parent(n->left, succ);
	rb_change_child(n, succ, rb_parent(n), root);
	succ->parent_color = n->parent_color;
	*out_parent = parent;
	return child;
}

static __always_inline void rb_erase_generic(
	struct rb_node *n, struct rb_root *root, rb_recompute_fn recompute)
{
	struct rb_node *child, *parent;
	bool lost_black;

	if (n->left && n->right) {
		child = rb_erase_two_children(n, root, &parent, &lost_black);
	} else {
		child = n->left ? n->left : n->right;
		parent = rb_parent(n);
		lost_black = !rb_is_red(n);
		rb_change_child(n, child, parent, root);
		if (child)
			rb_set_parent(child, parent);
	}
	if (recompute)
		rb_propagate_all(parent, recompute);
	if (lost_black)
		rb_erase_fixup(child, parent, root, recompute);
}

#define RB_AUGMENTED(name, recompute)                                                          \
	static UNUSED void name##_propagate(struct rb_node *n)                                 \
	{                                                                                      \
		rb_propagate(n, recompute);                                                    \
	}                                                                                      \
	static UNUSED void name##_insert(struct rb_node *n, struct rb_root *root)              \
	{                                                                                      \
		recompute(n);                                                                  \
		rb_propagate(rb_parent(n), recompute);                                         \
		rb_insert_fixup(n, root, recompute);                                           \
	}                                                                                      \
	static UNUSED void name##_erase(struct rb_node *n, struct rb_root *root)               \
	{                                                                                      \
		rb_erase_generic(n, root, recompute);                                          \
	}                                                                                      \
	static UNUSED void name##_replace(                                                     \
		struct rb_node *old, struct rb_node *fresh, struct rb_root *root)              \
	{                                                                                      \
		rb_replace(old, fresh, root);                                                  \
		recompute(fresh);                                                              \
		rb_propagate(rb_parent(fresh), recompute);                                     \
	}                                                                                      \
	static UNUSED void name##_insert_cached(                                               \
		struct rb_node *n, struct rb_root_cached *root, bool leftmost)                 \
	{                                                                                      \
		if (leftmost)                                                                  \
			root->leftmost = n;                                                    \
		name##_insert(n, &root->root);                                                 \
	}                                                                                      \
	static UNUSED void name##_erase_cached(struct rb_node *n, struct rb_root_cached *root) \
	{                                                                                      \
		if (root->leftmost == n)                                                       \
			root->leftmost = rb_next(n);                                           \
		name##_erase(n, &root->root);                                                  \
	}
