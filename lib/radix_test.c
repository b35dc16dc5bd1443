/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/radix.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <lib/errno.h>
#include <lib/test.h>

struct pool {
	long live;
	long budget; /* allocations until one fails; negative: never */
};

static struct radix_node *pool_alloc(void *ctx)
{
	struct pool *p = ctx;

	if (p->budget == 0)
		return NULL;
	p->budget--;
	p->live++;
	return calloc(1, sizeof(struct radix_node));
}

static void pool_free(void *ctx, struct radix_node *node)
{
	((struct pool *)ctx)->live--;
	memset(node, 0xff, sizeof(*node));
	free(node);
}

static struct pool pool;
static const struct radix_alloc alloc = {pool_alloc, pool_free, &pool};

/* The model: a table of indices, some near each other and some far, with entry and tags. */
#define MODEL 160

static struct {
	u64 index;
	void *entry;
	u8 tags;
} model[MODEL];

static int by_index(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return (x > y) - (x < y);
}

static void model_init(void)
{
	static const u64 bases[] = {
		0, 60, 4000, 262100, 1ULL << 32, (1ULL << 63) - 5, U64_MAX - 20};

	memset(model, 0, sizeof(model));
	for (unsigned i = 0; i < MODEL; i++) {
		bool same;

		do {
			same = false;
			model[i].index = bases[test_rand_below(ARRAY_SIZE(bases))] +
					 test_rand_below(1ULL << test_rand_below(9));
			for (unsigned j = 0; j < i; j++)
				same |= model[j].index == model[i].index;
		} while (same);
	}
	qsort(model, MODEL, sizeof(model[0]), by_index);
}

static void check_gather(const struct radix_tree *t)
{
	static struct radix_found found[MODEL];
	unsigned from = (unsigned)test_rand_below(MODEL), to = (unsigned)test_rand_below(MODEL);
	unsigned tag = (unsigned)test_rand_below(RADIX_NTAGS + 1);
	u64 first = model[from].index - test_rand_below(2), last = model[to].index;
	size_t max = 1 + test_rand_below(MODEL), n = radix_gather(t, first, last, tag, found, max),
	       want = 0;

	for (unsigned i = 0; i < MODEL && want < max; i++) {
		if (!model[i].entry || model[i].index < first || model[i].index > last)
			continue;
		if (tag != RADIX_ANY && !(model[i].tags >> tag & 1))
			continue;
		CHECK(want < n && found[want].index == model[i].index);
		CHECK(want < n && found[want].entry == model[i].entry);
		want++;
	}
	CHECK_EQ(n, want);
}

static void random_step(struct radix_tree *t, unsigned i, bool *any_tag)
{
	unsigned tag = (unsigned)test_rand_below(RADIX_NTAGS);

	switch (test_rand_below(6)) {
	case 0:
	case 1:
	case 2:
		if (model[i].entry) {
			CHECK_EQ(radix_insert(t, model[i].index, &model[i], &alloc), -EEXIST);
			if (test_rand_below(2) == 0)
				break;
			CHECK(radix_erase(t, model[i].index, &alloc) == model[i].entry);
			model[i].entry = NULL;
			model[i].tags = 0;
		} else {
			CHECK(radix_erase(t, model[i].index, &alloc) == NULL);
			CHECK_EQ(radix_insert(t, model[i].index, &model[i], &alloc), 0);
			model[i].entry = &model[i];
		}
		break;
	case 3:
		if (!model[i].entry)
			break;
		CHECK_EQ(radix_tag_set(t, model[i].index, tag), model[i].tags >> tag & 1);
		model[i].tags |= (u8)(1 << tag);
		break;
	case 4:
		if (!model[i].entry)
			break;
		CHECK_EQ(radix_tag_clear(t, model[i].index, tag), model[i].tags >> tag & 1);
		model[i].tags &= (u8) ~(1 << tag);
		break;
	default:
		if (!model[i].entry)
			break;
		CHECK(radix_replace(t, model[i].index, &model[MODEL - 1 - i]) == model[i].entry);
		model[i].entry = &model[MODEL - 1 - i];
	}
	*any_tag = false;
	for (unsigned j = 0; j < MODEL; j++)
		*any_tag |= model[j].tags >> tag & 1;
	CHECK_EQ(radix_tagged(t, tag), *any_tag);
	CHECK_EQ(radix_tag_get(t, model[i].index, tag), model[i].tags >> tag & 1);
}

static void count_entry(void *ctx, u64 index, void *entry)
{
	(void)entry;
	for (unsigned i = 0; i < MODEL; i++) {
		if (model[i].index == index) {
			CHECK(model[i].entry == entry);
			--*(long *)ctx;
		}
	}
}

TEST(radix_random)
{
	for (u64 trees = 0; trees < test_rounds(8); trees++) {
		struct radix_tree t = RADIX_TREE;
		long count = 0;
		bool any_tag;

		pool = (struct pool){0, -1};
		model_init();
		for (u64 round = 0; round < 2000; round++) {
			unsigned i = (unsigned)test_rand_below(round < 1000 ? MODEL : 12);

			random_step(&t, i, &any_tag);
			CHECK(radix_lookup(&t, model[i].index) == model[i].entry);
			CHECK(radix_check(&t));
			check_gather(&t);
		}
		for (unsigned i = 0; i < MODEL; i++) {
			CHECK(radix_lookup(&t, model[i].index) == model[i].entry);
			count += model[i].entry != NULL;
		}
		if (trees % 2) {
			radix_clear(&t, &alloc, count_entry, &count);
			CHECK_EQ(count, 0);
		} else {
			for (unsigned i = 0; i < MODEL; i++)
				radix_erase(&t, model[i].index, &alloc);
		}
		CHECK(radix_is_empty(&t));
		CHECK_EQ(pool.live, 0);
	}
}

/* The n-th allocation fails, for every n: the tree is as it was, and nothing leaks. */
TEST(radix_out_of_memory)
{
	static const u64 indices[] = {0, 1, 64, 5000, 1ULL << 40, U64_MAX, 63};
	static int entry;

	for (long budget = 0; budget < 60; budget++) {
		struct radix_tree t = RADIX_TREE;
		bool in[ARRAY_SIZE(indices)] = {false};

		pool = (struct pool){0, budget};
		for (unsigned i = 0; i < ARRAY_SIZE(indices); i++) {
			long live = pool.live;
			int err = radix_insert(&t, indices[i], &entry, &alloc);

			in[i] = err == 0;
			if (err) {
				CHECK_EQ(err, -ENOMEM);
				CHECK_EQ(pool.live, live);
				pool.budget = 3;
			}
			CHECK(radix_check(&t));
			for (unsigned j = 0; j < ARRAY_SIZE(indices); j++)
				CHECK_EQ(radix_lookup(&t, indices[j]) != NULL, in[j]);
		}
		radix_clear(&t, &alloc, NULL, NULL);
		CHECK_EQ(pool.live, 0);
	}
}

TEST(radix_insert_nodes_bound)
{
	struct radix_tree t = RADIX_TREE;
	static int entry;

	pool = (struct pool){0, -1};
	CHECK_EQ(radix_insert(&t, 0, &entry, &alloc), 0);
	CHECK_EQ(pool.live, 0);
	CHECK_EQ(radix_insert(&t, U64_MAX, &entry, &alloc), 0);
	CHECK_EQ(pool.live, RADIX_INSERT_NODES);
	CHECK(radix_erase(&t, U64_MAX, &alloc) == &entry);
	CHECK_EQ(pool.live, 0);
	CHECK(radix_erase(&t, 0, &alloc) == &entry);
}

TEST(radix_gaps)
{
	struct radix_tree t = RADIX_TREE;
	static int entry;

	pool = (struct pool){0, -1};
	CHECK_EQ(radix_next_gap(&t, 0, 10), 0);
	for (u64 i = 0; i < 130; i++)
		CHECK_EQ(radix_insert(&t, i, &entry, &alloc), 0);
	CHECK_EQ(radix_next_gap(&t, 0, 1000), 130);
	CHECK_EQ(radix_next_gap(&t, 5, 100), 101);
	radix_erase(&t, 70, &alloc);
	CHECK_EQ(radix_next_gap(&t, 5, 100), 70);
	CHECK_EQ(radix_next_gap(&t, 71, 200), 130);
	radix_clear(&t, &alloc, NULL, NULL);
}

/*
 * Readers look up and gather while a writer inserts, erases, grows and shrinks. An even index is
 * always there: it must never be missed. Nodes are freed after every reader has been between looks.
 */
#define READERS 2

static struct radix_tree shared = {NULL, 0};
static u64 passes[READERS];
static int stop;
static u64 entries[256];
static struct radix_node *graveyard;

static void defer_free(void *ctx, struct radix_node *node)
{
	(void)ctx;
	node->free_link[0] = graveyard;
	graveyard = node;
}

static const struct radix_alloc deferred = {pool_alloc, defer_free, &pool};

static void bury(void)
{
	u64 seen[READERS];

	for (int i = 0; i < READERS; i++)
		seen[i] = LOAD_ACQUIRE(passes[i]);
	for (int i = 0; i < READERS; i++) {
		while (LOAD_ACQUIRE(passes[i]) < seen[i] + 2)
			sched_yield();
	}
	while (graveyard) {
		struct radix_node *node = graveyard;

		graveyard = node->free_link[0];
		pool_free(&pool, node);
	}
}

static void *reader(void *arg)
{
	u64 *pass = arg, wrong = 0;
	static struct radix_found found[READERS][256];
	struct radix_found *mine = found[pass - passes];

	while (!READ_ONCE(stop)) {
		u64 even = 0;
		size_t n;

		for (u64 i = 0; i < 128; i += 2)
			wrong += radix_lookup(&shared, i) != &entries[i];
		n = radix_gather(&shared, 0, U64_MAX, RADIX_ANY, mine, 256);
		for (size_t i = 0; i < n; i++) {
			even += mine[i].index < 128 && mine[i].index % 2 == 0;
			wrong += i && mine[i].index <= mine[i - 1].index;
		}
		wrong += even != 64;
		radix_tag_get(&shared, 1, 0);
		STORE_RELEASE(*pass, *pass + 1);
	}
	return (void *)(unsigned long)wrong;
}

TEST(radix_lockless_readers)
{
	pthread_t threads[READERS];

	pool = (struct pool){0, -1};
	for (u64 i = 0; i < 128; i += 2)
		CHECK_EQ(radix_insert(&shared, i, &entries[i], &deferred), 0);
	for (int i = 0; i < READERS; i++)
		REQUIRE(pthread_create(&threads[i], NULL, reader, &passes[i]) == 0);
	for (u64 round = 0; round < test_rounds(3000); round++) {
		u64 i = 1 + 2 * test_rand_below(64);

		if (test_rand_below(4) == 0)
			i = i << 6 * (1 + test_rand_below(4));
		if (!radix_erase(&shared, i | 1, &deferred))
			CHECK_EQ(radix_insert(&shared, i | 1, &entries[i % 256], &deferred), 0);
		else
			(void)radix_tagged(&shared, 0);
		if (radix_lookup(&shared, 1))
			radix_tag_set(&shared, 1, 0);
		if (round % 16 == 0)
			bury();
	}
	WRITE_ONCE(stop, 1);
	for (int i = 0; i < READERS; i++) {
		void *wrong;

		pthread_join(threads[i], &wrong);
		CHECK(wrong == NULL);
		passes[i] = U64_MAX / 2;
	}
	CHECK(radix_check(&shared));
	radix_clear(&shared, &alloc, NULL, NULL);
	while (graveyard) {
		struct radix_node *node = graveyard;

		graveyard = node->free_link[0];
		pool_free(&pool, node);
	}
	CHECK_EQ(pool.live, 0);
}
