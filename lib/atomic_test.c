/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/atomic.h>
#include <lib/refcount.h>

#include <pthread.h>

#include <lib/test.h>

TEST(atomic_operations)
{
	struct atomic a = ATOMIC_INIT(5);
	struct atomic64 b = ATOMIC_INIT(1LL << 40);
	struct atomic_ptr p = ATOMIC_INIT(&a);
	int expected = 6;
	void *old = &b;

	CHECK_EQ(atomic_fetch_add_relaxed(&a, 2), 5);
	CHECK_EQ(atomic_fetch_sub_acqrel(&a, 1), 7);
	CHECK(atomic_cmpxchg_seq(&a, &expected, 12));
	CHECK(!atomic_cmpxchg_acquire(&a, &expected, 1) && expected == 12);
	CHECK_EQ(atomic_fetch_and_release(&a, 8), 12);
	CHECK_EQ(atomic_fetch_or_seq(&a, 3), 8);
	CHECK_EQ(atomic_fetch_xor_relaxed(&a, 1), 11);
	atomic_add_release(&a, 5);
	atomic_sub_seq(&a, 1);
	CHECK_EQ(atomic_xchg_acqrel(&a, INT_MAX), 14);
	atomic_add_relaxed(&a, 1);
	CHECK(atomic_load_seq(&a) == INT_MIN);
	CHECK_EQ(atomic64_fetch_add_seq(&b, 1), 1LL << 40);
	atomic64_store_seq(&b, -1);
	CHECK_EQ(atomic64_load_acquire(&b), -1);
	CHECK(!atomic_ptr_cmpxchg_release(&p, &old, NULL) && old == &a);
	CHECK(atomic_ptr_xchg_seq(&p, NULL) == &a);
	CHECK(atomic_ptr_load_relaxed(&p) == NULL);
}

TEST(refcount_life)
{
	struct refcount r = REFCOUNT_INIT(1);

	refcount_inc(&r);
	CHECK_EQ(refcount_read(&r), 2);
	CHECK(!refcount_dec_and_test(&r));
	CHECK(refcount_inc_not_zero(&r));
	CHECK(refcount_sub_and_test(&r, 2));
	CHECK(!refcount_inc_not_zero(&r));
	CHECK_EQ(refcount_read(&r), 0);
}

TEST(refcount_saturates)
{
	struct refcount r = REFCOUNT_INIT(0);

	refcount_inc(&r);
	CHECK(refcount_is_saturated(&r));
	refcount_set(&r, INT_MAX);
	refcount_inc(&r);
	CHECK(refcount_read(&r) == REFCOUNT_SATURATED);
	CHECK(refcount_inc_not_zero(&r));
	CHECK(!refcount_dec_and_test(&r));
	CHECK(refcount_is_saturated(&r));
	refcount_set(&r, 0);
	CHECK(!refcount_dec_and_test(&r));
	CHECK(refcount_is_saturated(&r));
	refcount_set(&r, INT_MAX);
	CHECK(refcount_inc_not_zero(&r));
	CHECK(refcount_is_saturated(&r));
	refcount_set(&r, INT_MAX - 3);
	refcount_add(&r, 3);
	CHECK(refcount_read(&r) == INT_MAX);
	refcount_add(&r, 3);
	CHECK(refcount_is_saturated(&r));
}

/* The last of the owners sees what the others wrote, without any other order between them. */
#define OWNERS 4

struct shared {
	struct refcount refs;
	int written[OWNERS];
	int freed;
};

static struct shared shared;

static void *owner(void *arg)
{
	int *mine = arg;

	for (int i = 0; i < 20000; i++) {
		if (refcount_inc_not_zero(&shared.refs) && refcount_dec_and_test(&shared.refs))
			return NULL;
	}
	*mine = 1;
	if (refcount_dec_and_test(&shared.refs)) {
		for (int i = 0; i < OWNERS; i++)
			shared.freed += shared.written[i];
	}
	return NULL;
}

TEST(refcount_last_owner_sees_all)
{
	pthread_t threads[OWNERS];

	refcount_set(&shared.refs, OWNERS);
	for (int i = 0; i < OWNERS; i++)
		REQUIRE(pthread_create(&threads[i], NULL, owner, &shared.written[i]) == 0);
	for (int i = 0; i < OWNERS; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(shared.freed, OWNERS);
}
