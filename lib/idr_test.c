/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/idr.h>

#include <stdlib.h>
#include <string.h>

#include <lib/errno.h>
#include <lib/test.h>

static long live, budget = -1;

static struct radix_node *node_alloc(void *ctx)
{
	(void)ctx;
	if (budget == 0)
		return NULL;
	budget--;
	live++;
	return calloc(1, sizeof(struct radix_node));
}

static void node_free(void *ctx, struct radix_node *node)
{
	(void)ctx;
	live--;
	free(node);
}

static const struct radix_alloc alloc = {node_alloc, node_free, NULL};

#define MODEL 9000

static struct {
	bool taken;
	void *ptr;
} model[MODEL];

static s64 model_lowest(u32 min, u32 max)
{
	for (u32 id = min; id <= max && id < MODEL; id++) {
		if (!model[id].taken)
			return id;
	}
	return -1;
}

TEST(idr_random)
{
	struct idr idr = IDR_INIT;
	u64 fill = 4; /* of 8: how often to allocate */

	budget = -1;
	live = 0;
	memset(model, 0, sizeof(model));
	for (u64 round = 0; round < test_rounds(40000); round++) {
		u32 min = (u32)test_rand_below(test_rand_below(2) ? MODEL - 1 : 100), id = 0;
		u32 max = min + (u32)test_rand_below(MODEL - min);

		if (round % 4096 == 0)
			fill = 2 + test_rand_below(6);
		if (test_rand_below(8) < fill) {
			void *ptr = test_rand_below(4) ? &model[min] : NULL;
			s64 want = model_lowest(min, max);
			int err = idr_alloc(&idr, min, max, ptr, &alloc, &id);

			CHECK_EQ(err, want < 0 ? -ENOSPC : 0);
			if (err)
				continue;
			CHECK_EQ(id, want);
			model[id].taken = true;
			model[id].ptr = ptr;
		} else {
			id = min;
			CHECK(idr_remove(&idr, id, &alloc) == model[id].ptr);
			model[id].taken = false;
			model[id].ptr = NULL;
		}
		CHECK(idr_lookup(&idr, min) == model[min].ptr);
		CHECK_EQ(idr_is_taken(&idr, max), model[max].taken);
		for (id = min; id < MODEL && !model[id].ptr; id++)
			;
		CHECK(idr_next(&idr, &min) == (id < MODEL ? model[id].ptr : NULL));
		CHECK(id == MODEL || min == id);
	}
	for (u32 id = 0; id < MODEL; id++)
		idr_remove(&idr, id, &alloc);
	CHECK(idr_is_empty(&idr));
	CHECK_EQ(live, 0);
}

TEST(idr_reserve_then_publish)
{
	struct idr idr = IDR_INIT;
	int object[2];
	u32 id = 0;

	budget = -1;
	CHECK_EQ(idr_alloc(&idr, 1, 10, NULL, &alloc, &id), 0);
	CHECK_EQ(id, 1);
	CHECK(idr_lookup(&idr, 1) == NULL && idr_is_taken(&idr, 1));
	CHECK(idr_replace(&idr, 1, object) == NULL);
	CHECK(idr_lookup(&idr, 1) == object);
	CHECK(idr_remove(&idr, 1, &alloc) == object);
	CHECK(idr_remove(&idr, 1, &alloc) == NULL);
}

TEST(idr_cyclic)
{
	struct idr idr = IDR_INIT;
	u32 id = 0, start = 2;

	budget = -1;
	for (u32 i = 2; i < 10; i++, start = id + 1) {
		CHECK_EQ(idr_alloc_cyclic(&idr, start, 2, 9, NULL, &alloc, &id), 0);
		CHECK_EQ(id, i);
	}
	CHECK_EQ(idr_alloc_cyclic(&idr, start, 2, 9, NULL, &alloc, &id), -ENOSPC);
	idr_remove(&idr, 4, &alloc);
	CHECK_EQ(idr_alloc_cyclic(&idr, start, 2, 9, NULL, &alloc, &id), 0);
	CHECK_EQ(id, 4);
	idr_remove(&idr, 3, &alloc);
	idr_remove(&idr, 8, &alloc);
	CHECK_EQ(idr_alloc_cyclic(&idr, 5, 2, 9, NULL, &alloc, &id), 0);
	CHECK_EQ(id, 8);
	for (id = 2; id < 10; id++)
		idr_remove(&idr, id, &alloc);
	CHECK(idr_is_empty(&idr));
}

TEST(idr_limits)
{
	struct idr idr = IDR_INIT;
	u32 id = 0;

	budget = IDR_ALLOC_NODES;
	CHECK_EQ(idr_alloc(&idr, 0, IDR_MAX, NULL, &alloc, &id), 0);
	budget = IDR_ALLOC_NODES;
	CHECK_EQ(idr_alloc(&idr, IDR_MAX, IDR_MAX, NULL, &alloc, &id), 0);
	CHECK_EQ(id, IDR_MAX);
	CHECK_EQ(idr_alloc(&idr, IDR_MAX, IDR_MAX, NULL, &alloc, &id), -ENOSPC);
	CHECK_EQ(idr_alloc(&idr, 5, 4, NULL, &alloc, &id), -ENOSPC);
	idr_remove(&idr, 0, &alloc);
	idr_remove(&idr, IDR_MAX, &alloc);
	CHECK(idr_is_empty(&idr));
}

TEST(idr_out_of_memory)
{
	live = 0;
	for (long n = 0; n < 30; n++) {
		struct idr idr = IDR_INIT;
		static const u32 ids[] = {0, 70, 5000, IDR_MAX, 1 << 20};

		budget = n;
		for (unsigned i = 0; i < ARRAY_SIZE(ids); i++) {
			u32 id = 0;
			int err = idr_alloc(&idr, ids[i], ids[i], NULL, &alloc, &id);

			CHECK(err == 0 || err == -ENOMEM);
			CHECK_EQ(idr_is_taken(&idr, ids[i]), err == 0);
			if (err)
				budget = 2;
		}
		for (unsigned i = 0; i < ARRAY_SIZE(ids); i++)
			idr_remove(&idr, ids[i], &alloc);
		CHECK(idr_is_empty(&idr));
		CHECK_EQ(live, 0);
	}
}
