/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/hlist.h>
#include <lib/list.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <lib/test.h>

struct item {
	int id;
	struct list_head node;
	struct hlist_node hash;
};

#define MAX 12

static struct item items[MAX];

/* The ids on @head are those of @want, forwards and backwards. */
static void check_list(struct list_head *head, const char *want)
{
	char got[MAX + 1], back[MAX + 1];
	struct item *it;
	size_t n = 0, m = 0;

	list_for_each_entry (it, head, node) {
		if (n < MAX)
			got[n++] = (char)('a' + it->id);
	}
	got[n] = '\0';
	list_for_each_entry_reverse(it, head, node)
	{
		if (m < MAX)
			back[n - ++m] = (char)('a' + it->id);
	}
	back[n] = '\0';
	CHECK_STR_EQ(got, want);
	CHECK_STR_EQ(back, want);
}

static void fill(struct list_head *head, int from, int to)
{
	list_init(head);
	for (int i = from; i < to; i++) {
		items[i].id = i;
		list_add_tail(&items[i].node, head);
	}
}

TEST(list_basics)
{
	LIST_HEAD(head);
	struct item extra = {.id = 9}, *it, *tmp;

	CHECK(list_empty(&head));
	CHECK(list_first_entry_or_null(&head, struct item, node) == NULL);
	check_list(&head, "");
	fill(&head, 0, 3);
	check_list(&head, "abc");
	CHECK(list_first_entry(&head, struct item, node) == &items[0]);
	CHECK(list_last_entry(&head, struct item, node) == &items[2]);
	CHECK(list_is_first(&items[0].node, &head) && list_is_last(&items[2].node, &head));
	CHECK(list_next_entry(&items[0], node) == &items[1]);
	CHECK(list_prev_entry(&items[1], node) == &items[0]);
	list_add(&extra.node, &head);
	check_list(&head, "jabc");
	list_move_tail(&extra.node, &head);
	check_list(&head, "abcj");
	list_move(&items[2].node, &head);
	check_list(&head, "cabj");
	list_rotate_to_front(&items[1].node, &head);
	check_list(&head, "bjca");
	list_replace(&items[1].node, &items[5].node);
	items[5].id = 5;
	check_list(&head, "fjca");
	list_del_init(&extra.node);
	list_del_init(&extra.node);
	CHECK(list_empty(&extra.node));
	check_list(&head, "fca");
	list_for_each_entry_safe (it, tmp, &head, node) {
		if (it != &items[2])
			list_del(&it->node);
	}
	check_list(&head, "c");
	CHECK(list_is_singular(&head));
}

TEST(list_splice_all)
{
	struct list_head a, b;

	fill(&a, 0, 3);
	fill(&b, 3, 5);
	list_splice(&b, &a);
	check_list(&a, "deabc");
	CHECK(list_empty(&b));
	list_splice_tail(&b, &a);
	check_list(&a, "deabc");
	fill(&b, 5, 7);
	list_splice_tail(&b, &a);
	check_list(&a, "deabcfg");
	list_splice(&a, &b);
	check_list(&b, "deabcfg");
	check_list(&a, "");
}

TEST(list_rcu_single_thread)
{
	LIST_HEAD(head);
	struct item *it;
	int sum = 0;

	for (int i = 0; i < 4; i++)
		items[i].id = i;
	list_add_rcu(&items[1].node, &head);
	list_add_rcu(&items[0].node, &head);
	list_add_tail_rcu(&items[2].node, &head);
	check_list(&head, "abc");
	list_replace_rcu(&items[1].node, &items[3].node);
	check_list(&head, "adc");
	list_del_rcu(&items[3].node);
	CHECK(items[3].node.next == &items[2].node);
	list_for_each_entry_rcu (it, &head, node)
		sum = sum * 10 + it->id;
	CHECK_EQ(sum, 2);
	check_list(&head, "ac");
}

TEST(hlist_basics)
{
	struct hlist_head head = HLIST_HEAD_INIT, other;
	struct hlist_node *tmp;
	struct item *it;
	int order = 0;

	for (int i = 0; i < 6; i++) {
		items[i].id = i;
		hlist_node_init(&items[i].hash);
	}
	CHECK(hlist_empty(&head));
	hlist_del_init(&items[0].hash);
	hlist_add_head(&items[2].hash, &head);
	hlist_add_before(&items[1].hash, &items[2].hash);
	hlist_add_after(&items[3].hash, &items[2].hash);
	hlist_for_each_entry (it, &head, hash)
		order = order * 10 + it->id;
	CHECK_EQ(order, 123);
	hlist_replace_rcu(&items[2].hash, &items[4].hash);
	order = 0;
	hlist_for_each_entry_rcu (it, &head, hash)
		order = order * 10 + it->id;
	CHECK_EQ(order, 143);
	hlist_del_rcu(&items[4].hash);
	CHECK(items[4].hash.next == &items[3].hash);
	hlist_del_init_rcu(&items[1].hash);
	CHECK(hlist_unhashed(&items[1].hash));
	hlist_add_head_rcu(&items[5].hash, &head);
	hlist_move_list(&head, &other);
	CHECK(hlist_empty(&head));
	order = 0;
	hlist_for_each_entry_safe (it, tmp, &other, hash) {
		order = order * 10 + it->id;
		hlist_del(&it->hash);
		memset(&it->hash, 0xff, sizeof(it->hash));
	}
	CHECK_EQ(order, 53);
	CHECK(hlist_empty(&other));
}

/* Random operations against an array that is shifted by hand. */
TEST(list_random)
{
	LIST_HEAD(head);
	char model[MAX + 1] = "";

	for (int i = 0; i < MAX; i++)
		items[i].id = i;
	for (u64 round = 0; round < test_rounds(20000); round++) {
		int id = (int)test_rand_below(MAX);
		char *at = strchr(model, 'a' + id);
		size_t len = strlen(model), place;

		if (at) {
			list_del(&items[id].node);
			memmove(at, at + 1, strlen(at));
		} else {
			place = test_rand_below(len + 1);
			if (place == 0)
				list_add(&items[id].node, &head);
			else
				list_add(&items[id].node, &items[model[place - 1] - 'a'].node);
			memmove(model + place + 1, model + place, len - place + 1);
			model[place] = (char)('a' + id);
		}
		check_list(&head, model);
	}
}

/*
 * RCU stress: readers walk both kinds of list while the writer adds and removes nodes. A grace
 * period is the wait until each reader has passed between two walks; then the node is freed for
 * good, so that a reader behind it would be seen.
 */
#define READERS 2

static struct list_head rcu_list = LIST_HEAD_INIT(rcu_list);
static struct hlist_head rcu_hash;
static u64 passes[READERS];
static int rcu_stop;

static void *rcu_reader(void *arg)
{
	u64 *pass = arg, wrong = 0;

	while (!READ_ONCE(rcu_stop)) {
		struct item *it;

		list_for_each_entry_rcu (it, &rcu_list, node)
			wrong += it->id != 42;
		hlist_for_each_entry_rcu (it, &rcu_hash, hash)
			wrong += it->id != 42;
		STORE_RELEASE(*pass, *pass + 1);
		if (*pass % 16 == 0)
			sched_yield(); /* or the writer waits whole slices where CPUs are scarce */
	}
	return (void *)(unsigned long)wrong;
}

static void grace_period(void)
{
	u64 seen[READERS];

	for (int i = 0; i < READERS; i++)
		seen[i] = LOAD_ACQUIRE(passes[i]);
	for (int i = 0; i < READERS; i++) {
		while (LOAD_ACQUIRE(passes[i]) < seen[i] + 2)
			sched_yield();
	}
}

TEST(list_rcu_stress)
{
	struct item *on[8] = {NULL};
	pthread_t threads[READERS];

	for (int i = 0; i < READERS; i++)
		REQUIRE(pthread_create(&threads[i], NULL, rcu_reader, &passes[i]) == 0);
	for (u64 round = 0; round < test_rounds(2000); round++) {
		struct item **slot = &on[test_rand_below(ARRAY_SIZE(on))];

		if (*slot) {
			list_del_rcu(&(*slot)->node);
			hlist_del_rcu(&(*slot)->hash);
			grace_period();
			memset(*slot, 0xff, sizeof(**slot));
			free(*slot);
			*slot = NULL;
		} else {
			*slot = malloc(sizeof(**slot));
			(*slot)->id = 42;
			if (test_rand_below(2))
				list_add_rcu(&(*slot)->node, &rcu_list);
			else
				list_add_tail_rcu(&(*slot)->node, &rcu_list);
			hlist_add_head_rcu(&(*slot)->hash, &rcu_hash);
		}
	}
	WRITE_ONCE(rcu_stop, 1);
	for (int i = 0; i < READERS; i++) {
		void *wrong;

		pthread_join(threads[i], &wrong);
		CHECK(wrong == NULL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(on); i++)
		free(on[i]);
}
