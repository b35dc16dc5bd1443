/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/rbtree_augmented.h>

void rb_insert(struct rb_node *n, struct rb_root *root)
{
	rb_insert_fixup(n, root, NULL);
}

void rb_erase(struct rb_node *n, struct rb_root *root)
{
	rb_erase_generic(n, root, NULL);
}

void rb_replace(struct rb_node *old, struct rb_node *fresh, struct rb_root *root)
{
	fresh->parent_color = old->parent_color;
	fresh->left = old->left;
	fresh->right = old->right;
	if (fresh->left)
		rb_set_parent(fresh->left, fresh);
	if (fresh->right)
		rb_set_parent(fresh->right, fresh);
	rb_change_child(old, fresh, rb_parent(old), root);
}

struct rb_node *rb_first(const struct rb_root *root)
{
	struct rb_node *n = root->node;

	while (n && n->left)
		n = n->left;
	return n;
}

struct rb_node *rb_last(const struct rb_root *root)
{
	struct rb_node *n = root->node;

	while (n && n->right)
		n = n->right;
	return n;
}

struct rb_node *rb_next(const struct rb_node *n)
{
	struct rb_node *parent;

	if (n->right) {
		n = n->right;
		while (n->left)
			n = n->left;
		return (struct rb_node *)n;
	}
	while ((parent = rb_parent(n)) && n == parent->right)
		n = parent;
	return parent;
}

struct rb_node *rb_prev(const struct rb_node *n)
{
	struct rb_node *parent;

	if (n->left) {
		n = n->left;
		while (n->right)
			n = n->right;
		return (struct rb_node *)n;
	}
	while ((parent = rb_parent(n)) && n == parent->left)
		n = parent;
	return parent;
}

static struct rb_node *rb_leftmost_leaf(struct rb_node *n)
{
	for (;;) {
		if (n->left)
			n = n->left;
		else if (n->right)
			n = n->right;
		else
			return n;
	}
}

struct rb_node *rb_first_postorder(const struct rb_root *root)
{
	return root->node ? rb_leftmost_leaf(root->node) : NULL;
}

struct rb_node *rb_next_postorder(const struct rb_node *n)
{
	struct rb_node *parent = rb_parent(n);

	if (parent && n == parent->left && parent->right)
		return rb_leftmost_leaf(parent->right);
	return parent;
}
