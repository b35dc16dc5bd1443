/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Red-black tree, intrusive; the caller writes the descent, so that it can compare as it likes:
 *
 *	struct rb_node **link = &root->node, *parent = NULL;
 *	while (*link) {
 *		parent = *link;
 *		link = less(new, rb_entry(parent, struct foo, rb)) ? &parent->left : &parent->right;
 *	}
 *	rb_link(&new->rb, parent, link);
 *	rb_insert(&new->rb, root);
 *
 * or uses rb_add / rb_find with comparison functions that the compiler inlines. rb_root_cached
 * also knows the leftmost node. Augmented trees (a value per node computed from node and children)
 * are in lib/rbtree_augmented.h.
 *
 * Locking: the caller serialises writers. A reader may descend (child pointers by
 * rb_left_rcu/rb_right_rcu, never the parent) beside one writer, under a seqcount that tells it to
 * try again and RCU that keeps nodes mapped: child pointers are stored once, in an order that
 * never makes a cycle visible, so that the descent ends; it may miss nodes.
 */
#pragma once

#include <lib/types.h>

struct rb_node {
	unsigned long parent_color; /* parent | colour; itself when on no tree (rb_clear) */
	struct rb_node *left;
	struct rb_node *right;
} __aligned(8);

struct rb_root {
	struct rb_node *node;
};

struct rb_root_cached {
	struct rb_root root;
	struct rb_node *leftmost;
};

#define RB_ROOT        ((struct rb_root){NULL})
#define RB_ROOT_CACHED ((struct rb_root_cached){{NULL}, NULL})
#define RB_RED         0UL
#define RB_BLACK       1UL

#define rb_entry(ptr, type, field) container_of(ptr, type, field)
#define rb_entry_safe(ptr, type, field)                          \
	({                                                       \
		struct rb_node *rb_ptr_ = (ptr);                 \
		rb_ptr_ ? rb_entry(rb_ptr_, type, field) : NULL; \
	})

static inline struct rb_node *rb_parent(const struct rb_node *n)
{
	return (struct rb_node *)(n->parent_color & ~RB_BLACK);
}

static inline struct rb_node *rb_left_rcu(const struct rb_node *n)
{
	return LOAD_ACQUIRE(n->left);
}

static inline struct rb_node *rb_right_rcu(const struct rb_node *n)
{
	return LOAD_ACQUIRE(n->right);
}

static inline bool rb_is_empty(const struct rb_root *root)
{
	return READ_ONCE(root->node) == NULL;
}

/* Mark @n as being on no tree; rb_erase does not do it. */
static inline void rb_clear(struct rb_node *n)
{
	n->parent_color = (unsigned long)n;
}

static inline bool rb_is_clear(const struct rb_node *n)
{
	return n->parent_color == (unsigned long)n;
}

/* In order; NULL at the end. */
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *n);
struct rb_node *rb_prev(const struct rb_node *n);

/* Children before parents, for tearing a tree down without rebalancing. */
struct rb_node *rb_first_postorder(const struct rb_root *root);
struct rb_node *rb_next_postorder(const struct rb_node *n);

/* Hang @n into the empty place *@link below @parent; rb_insert must follow. */
static inline void rb_link(struct rb_node *n, struct rb_node *parent, struct rb_node **link)
{
	n->parent_color = (unsigned long)parent | RB_RED;
	WRITE_ONCE(n->left, NULL); /* a late reader may stand here, if the node's memory is type-stable */
	WRITE_ONCE(n->right, NULL);
	STORE_RELEASE(*link, n);
}

/* Rebalance after rb_link. */
void rb_insert(struct rb_node *n, struct rb_root *root);

/* @n is on @root. */
void rb_erase(struct rb_node *n, struct rb_root *root);

/* Put @fresh exactly where @old is; their keys compare equal to all others. */
void rb_replace(struct rb_node *old, struct rb_node *fresh, struct rb_root *root);

static inline struct rb_node *rb_first_cached(const struct rb_root_cached *root)
{
	return root->leftmost;
}

/* @leftmost: the descent never turned right. */
static inline void rb_insert_cached(struct rb_node *n, struct rb_root_cached *root, bool leftmost)
{
	if (leftmost)
		root->leftmost = n;
	rb_insert(n, &root->root);
}

static inline void rb_erase_cached(struct rb_node *n, struct rb_root_cached *root)
{
	if (root->leftmost == n)
		root->leftmost = rb_next(n);
	rb_erase(n, &root->root);
}

static inline void rb_replace_cached(
	struct rb_node *old, struct rb_node *fresh, struct rb_root_cached *root)
{
	if (root->leftmost == old)
		root->leftmost = fresh;
	rb_replace(old, fresh, &root->root);
}

/* Find the place for @n: behind its equals. Says whether it is the leftmost. */
static __always_inline bool rb_link_ordered(struct rb_node *n, struct rb_root *root,
	bool (*less)(const struct rb_node *a, const struct rb_node *b))
{
	struct rb_node **link = &root->node;
	struct rb_node *parent = NULL;
	bool leftmost = true;

	while (*link) {
		parent = *link;
		if (less(n, parent)) {
			link = &parent->left;
		} else {
			link = &parent->right;
			leftmost = false;
		}
	}
	rb_link(n, parent, link);
	return leftmost;
}

static __always_inline void rb_add(struct rb_node *n, struct rb_root *root,
	bool (*less)(const struct rb_node *a, const struct rb_node *b))
{
	rb_link_ordered(n, root, less);
	rb_insert(n, root);
}

static __always_inline void rb_add_cached(struct rb_node *n, struct rb_root_cached *root,
	bool (*less)(const struct rb_node *a, const struct rb_node *b))
{
	rb_insert_cached(n, root, rb_link_ordered(n, &root->root, less));
}

/* A node with @cmp(key, node) == 0, or NULL. cmp < 0: the key is left of the node. */
static __always_inline struct rb_node *rb_find(const void *key, const struct rb_root *root,
	int (*cmp)(const void *key, const struct rb_node *n))
{
	struct rb_node *n = root->node;

	while (n) {
		int c = cmp(key, n);

		if (c == 0)
			return n;
		n = c < 0 ? n->left : n->right;
	}
	return NULL;
}

#define rb_for_each_entry(pos, root, field)                                     \
	for (pos = rb_entry_safe(rb_first(root), __typeof__(*pos), field); pos; \
		pos = rb_entry_safe(rb_next(&pos->field), __typeof__(*pos), field))
/* The body may free @pos (and must not rebalance); for teardown. */
#define rb_for_each_entry_postorder_safe(pos, tmp, root, field)                                    \
	for (pos = rb_entry_safe(rb_first_postorder(root), __typeof__(*pos), field); pos && ({     \
		     tmp = rb_entry_safe(rb_next_postorder(&pos->field), __typeof__(*pos), field); \
		     1;                                                                            \
	     });                                                                                   \
		pos = tmp)
