/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/rbtree_augmented.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <lib/test.h>

struct item {
	struct rb_node rb;
	u64 key;
	u64 value;
	u64 min_value; /* of the subtree */
	bool in_tree;
};

static struct item *item_of(const struct rb_node *n)
{
	return container_of((struct rb_node *)n, struct item, rb);
}

static bool item_less(const struct rb_node *a, const struct rb_node *b)
{
	return item_of(a)->key < item_of(b)->key;
}

static int item_cmp(const void *key, const struct rb_node *n)
{
	u64 k = *(const u64 *)key;

	return k < item_of(n)->key ? -1 : k > item_of(n)->key;
}

static u64 item_min(const struct rb_node *n)
{
	const struct item *it = item_of(n);
	u64 v = it->value;

	if (n->left)
		v = min(v, item_of(n->left)->min_value);
	if (n->right)
		v = min(v, item_of(n->right)->min_value);
	return v;
}

static bool item_recompute(struct rb_node *n)
{
	u64 v = item_min(n);
	bool changed = v != item_of(n)->min_value;

	item_of(n)->min_value = v;
	return changed;
}

RB_AUGMENTED(item, item_recompute)

/* The number of black nodes on the way down, or -1 where a rule of the tree is broken. */
static int black_height(const struct rb_node *n, const struct rb_node *parent, bool augmented)
{
	int left, right;

	if (!n)
		return 0;
	if (rb_parent(n) != parent || (parent && rb_is_red(parent) && rb_is_red(n)))
		return -1;
	if ((n->left && item_less(n, n->left)) || (n->right && item_less(n->right, n)))
		return -1;
	if (augmented && item_of(n)->min_value != item_min(n))
		return -1;
	left = black_height(n->left, n, augmented);
	right = black_height(n->right, n, augmented);
	return left < 0 || left != right ? -1 : left + !rb_is_red(n);
}

static bool tree_ok(const struct rb_root *root, bool augmented)
{
	return (!root->node || !rb_is_red(root->node)) &&
	       black_height(root->node, NULL, augmented) >= 0;
}

static void check_order(const struct rb_root_cached *root, u64 count)
{
	const struct item *it, *last = NULL;
	u64 n = 0;

	CHECK(rb_first_cached(root) == rb_first(&root->root));
	rb_for_each_entry (it, &root->root, rb) {
		CHECK(!last || last->key <= it->key);
		CHECK(!last || rb_prev(&it->rb) == &last->rb);
		last = it;
		n++;
	}
	CHECK_EQ(n, count);
	CHECK(rb_last(&root->root) == (last ? &last->rb : NULL));
}

TEST(rbtree_random)
{
	static struct item items[200];
	struct rb_root_cached root = RB_ROOT_CACHED;
	u64 count = 0, range = 1 + test_rand_below(300);

	memset(items, 0, sizeof(items));
	for (u64 round = 0; round < test_rounds(20000); round++) {
		struct item *it = &items[test_rand_below(ARRAY_SIZE(items))];

		if (it->in_tree) {
			rb_erase_cached(&it->rb, &root);
			rb_clear(&it->rb);
			CHECK(rb_is_clear(&it->rb));
			count--;
		} else {
			u64 key = it->key = test_rand_below(range);

			rb_add_cached(&it->rb, &root, item_less);
			CHECK(item_of(rb_find(&key, &root.root, item_cmp))->key == key);
			count++;
		}
		it->in_tree = !it->in_tree;
		CHECK(tree_ok(&root.root, false));
		if (round % 64 == 0)
			check_order(&root, count);
	}
}

TEST(rbtree_augmented_random)
{
	static struct item items[120];
	struct rb_root_cached root = RB_ROOT_CACHED;

	memset(items, 0, sizeof(items));
	for (u64 round = 0; round < test_rounds(20000); round++) {
		struct item *it = &items[test_rand_below(ARRAY_SIZE(items))];
		u64 lowest = U64_MAX;

		if (!it->in_tree) {
			it->key = test_rand_below(1000);
			it->value = test_rand_below(1000);
			item_insert_cached(
				&it->rb, &root, rb_link_ordered(&it->rb, &root.root, item_less));
			it->in_tree = true;
		} else if (test_rand_below(3) == 0) {
			it->value = test_rand_below(1000);
			item_propagate(&it->rb);
		} else {
			item_erase_cached(&it->rb, &root);
			it->in_tree = false;
		}
		CHECK(tree_ok(&root.root, true));
		for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
			if (items[i].in_tree)
				lowest = min(lowest, items[i].value);
		}
		if (root.root.node)
			CHECK_EQ(item_of(root.root.node)->min_value, lowest);
	}
}

TEST(rbtree_replace_keeps_shape)
{
	struct item items[32] = {0}, fresh = {0};
	struct rb_root_cached root = RB_ROOT_CACHED;

	for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
		items[i].key = i;
		items[i].value = 100 + i;
		item_insert_cached(
			&items[i].rb, &root, rb_link_ordered(&items[i].rb, &root.root, item_less));
	}
	fresh.key = 17;
	fresh.value = 1;
	item_replace(&items[17].rb, &fresh.rb, &root.root);
	CHECK(tree_ok(&root.root, true));
	CHECK_EQ(item_of(root.root.node)->min_value, 1);
	CHECK(rb_next(&fresh.rb) == &items[18].rb && rb_prev(&fresh.rb) == &items[16].rb);
	fresh.key = 0;
	item_erase_cached(&items[0].rb, &root);
	CHECK(rb_first_cached(&root) == &items[1].rb);
	fresh = *item_of(&items[1].rb);
	rb_replace_cached(&items[1].rb, &fresh.rb, &root);
	CHECK(rb_first_cached(&root) == &fresh.rb);
}

TEST(rbtree_postorder_frees)
{
	struct rb_root root = RB_ROOT;
	struct item *it, *tmp;
	u64 n = 0;

	CHECK(rb_first_postorder(&root) == NULL);
	for (u64 i = 0; i < 100; i++) {
		it = calloc(1, sizeof(*it));
		it->key = test_rand_below(1000);
		rb_add(&it->rb, &root, item_less);
	}
	rb_for_each_entry_postorder_safe(it, tmp, &root, rb)
	{
		if (it->rb.left)
			CHECK(item_of(it->rb.left)->key == U64_MAX);
		if (it->rb.right)
			CHECK(item_of(it->rb.right)->key == U64_MAX);
		it->key = U64_MAX;
		n++;
	}
	CHECK_EQ(n, 100);
	rb_for_each_entry_postorder_safe(it, tmp, &root, rb) free(it);
}

/*
 * A reader descends without the lock while one writer inserts and erases. Nodes live for ever (RCU
 * would see to it), so only the descent itself is tested: it ends, and under the sanitizer it has
 * no race.
 */
#define STRESS_ITEMS 64

static struct item stress_items[STRESS_ITEMS];
static struct rb_root stress_root;
static int stress_stop;

static void *stress_reader(void *arg)
{
	u64 seed = 1, longest = 0;

	(void)arg;
	while (!READ_ONCE(stress_stop)) {
		struct rb_node *n = LOAD_ACQUIRE(stress_root.node);
		u64 key, steps = 0;

		seed = seed * 6364136223846793005ULL + 1;
		key = (seed >> 33) % STRESS_ITEMS;
		while (n && item_of(n)->key != key) {
			n = key < item_of(n)->key ? rb_left_rcu(n) : rb_right_rcu(n);
			steps++;
		}
		longest = max(longest, steps);
	}
	return (void *)(unsigned long)longest;
}

TEST(rbtree_lockless_reader)
{
	pthread_t thread;
	void *longest;

	stress_root = RB_ROOT;
	memset(stress_items, 0, sizeof(stress_items));
	for (u64 i = 0; i < STRESS_ITEMS; i++)
		stress_items[i].key = i;
	REQUIRE(pthread_create(&thread, NULL, stress_reader, NULL) == 0);
	for (u64 round = 0; round < test_rounds(100000); round++) {
		struct item *it = &stress_items[test_rand_below(STRESS_ITEMS)];

		if (!it->in_tree) {
			struct rb_node **link = &stress_root.node, *parent = NULL;

			while (*link) {
				parent = *link;
				link = item_less(&it->rb, parent) ? &parent->left : &parent->right;
			}
			it->rb.parent_color = (unsigned long)parent;
			STORE_RELEASE(it->rb.left, NULL);
			STORE_RELEASE(it->rb.right, NULL);
			STORE_RELEASE(*link, &it->rb);
			rb_insert(&it->rb, &stress_root);
		} else {
			rb_erase(&it->rb, &stress_root);
		}
		it->in_tree = !it->in_tree;
	}
	WRITE_ONCE(stress_stop, 1);
	pthread_join(thread, &longest);
	CHECK(tree_ok(&stress_root, false));
}
