/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/heap.h>

#include <lib/errno.h>
#include <lib/test.h>

#define MODEL 100

TEST(heap_random)
{
	static struct heap_slot slots[MODEL / 2], more[MODEL];
	static struct heap_node nodes[MODEL];
	static u64 keys[MODEL];
	struct heap h;

	heap_init(&h, slots, ARRAY_SIZE(slots));
	for (unsigned i = 0; i < MODEL; i++)
		heap_node_init(&nodes[i]);
	for (u64 round = 0; round < test_rounds(30000); round++) {
		unsigned i = (unsigned)test_rand_below(MODEL);
		u64 key = test_rand_below(1000), lowest = U64_MAX;

		if (!heap_contains(&nodes[i])) {
			int err = heap_insert(&h, &nodes[i], key);

			if (err) {
				CHECK(err == -ENOSPC && h.len == MODEL / 2);
				CHECK(heap_move(&h, more, MODEL) == slots);
				continue;
			}
			keys[i] = key;
		} else if (test_rand_below(2)) {
			heap_change(&h, &nodes[i], key);
			keys[i] = key;
		} else {
			heap_remove(&h, &nodes[i]);
		}
		CHECK(heap_check(&h));
		for (unsigned j = 0; j < MODEL; j++) {
			if (!heap_contains(&nodes[j]))
				continue;
			CHECK_EQ(heap_key(&h, &nodes[j]), keys[j]);
			lowest = min(lowest, keys[j]);
		}
		CHECK_EQ(heap_first_key(&h), lowest);
		CHECK((heap_first(&h) == NULL) == (h.len == 0));
	}
	while (h.len) {
		u64 key = heap_first_key(&h);

		heap_remove(&h, heap_first(&h));
		CHECK(key <= heap_first_key(&h) && heap_check(&h));
	}
}
