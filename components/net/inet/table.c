/* SPDX-License-Identifier: BSD-2-Clause */
#include "table.h"

#include <env/log.h>
#include <env/mem.h>
#include <lib/errno.h>
#include <lib/string.h>
#include "core.h"

ENV_LOCK_CLASS(inet_stripe, RANK_INET_TABLE, "a stripe of a hash table of the protocol family");

static size_t array_bytes(unsigned bits)
{
	return sizeof(struct table_array) + (sizeof(struct hlist_head) << bits);
}

static struct table_array *array_create(unsigned bits, unsigned gen)
{
	struct table_array *a = env_alloc(array_bytes(bits), ENV_ALLOC_ZERO);

	if (a) {
		a->bits = bits;
		a->gen = (u8)gen;
	}
	return a;
}

static struct table_stripe *stripe_of(struct table *t, u32 hash)
{
	return &t->stripes[hash & (TABLE_STRIPES - 1)];
}

static void array_insert(struct table_array *a, struct table_node *n)
{
	hlist_add_head(&n->link[a->gen], &a->heads[n->hash & ((1u << a->bits) - 1)]);
}

/* One stripe's nodes into the next array as well; they stay readable by the old. */
static void move_stripe(struct table *t, unsigned stripe)
{
	struct table_array *from = t->array, *to = t->next;
	unsigned long flags = env_spin_lock(&t->stripes[stripe].lock);

	for (u32 i = stripe; i < 1u << from->bits; i += TABLE_STRIPES)
		for (struct table_node *n = table_at(from->heads[i].first, from->gen); n; n = table_after(from, n))
			array_insert(to, n);
	t->stripes[stripe].dual = true;
	env_spin_unlock(&t->stripes[stripe].lock, flags);
}

static void grace_ends(struct env_rcu *r)
{
}

/* Wait until nobody reads through what was unpublished. */
static void wait_for_readers(void)
{
	struct env_rcu r;

	env_rcu_call(&r, grace_ends);
	env_rcu_barrier();
}

static unsigned wanted_bits(const struct table *t)
{
	u64 count = __atomic_load_n(&t->count, __ATOMIC_RELAXED);
	unsigned bits = t->array->bits;

	if (count > 1ull << bits && bits < t->max_bits)
		return min(bits + 2, t->max_bits);
	if (bits > TABLE_MIN_BITS && count < 1ull << (bits - 3))
		return max(bits - 2, (unsigned)TABLE_MIN_BITS);
	return bits;
}

static void rebuild(struct env_work *w)
{
	struct table *t = container_of(w, struct table, rebuild);
	struct table_array *old = t->array;
	unsigned bits = wanted_bits(t);
	unsigned long flags;

	if (bits == old->bits || READ_ONCE(t->closing))
		return;
	t->next = array_create(bits, !old->gen);
	if (!t->next)
		return; /* chains grow longer; the next insertion asks again */
	for (unsigned i = 0; i < TABLE_STRIPES; i++)
		move_stripe(t, i);
	STORE_RELEASE(t->array, t->next);
	/* From here writers need the old array only for readers that are still in it. */
	wait_for_readers();
	for (unsigned i = 0; i < TABLE_STRIPES; i++) {
		flags = env_spin_lock(&t->stripes[i].lock);
		t->stripes[i].dual = false;
		env_spin_unlock(&t->stripes[i].lock, flags);
	}
	t->next = NULL;
	env_free(old, array_bytes(old->bits));
}

int table_init(struct table *t, u32 max_bits)
{
	memset(t, 0, sizeof(*t));
	t->max_bits = max_bits;
	t->stripes = env_alloc(TABLE_STRIPES * sizeof(*t->stripes), ENV_ALLOC_ZERO);
	t->array = array_create(TABLE_MIN_BITS, 0);
	if (!t->stripes || !t->array) {
		env_free(t->stripes, TABLE_STRIPES * sizeof(*t->stripes));
		env_free(t->array, array_bytes(TABLE_MIN_BITS));
		t->stripes = NULL;
		t->array = NULL;
		return -ENOMEM;
	}
	for (unsigned i = 0; i < TABLE_STRIPES; i++)
		env_spin_init(&t->stripes[i].lock, &env_lock_class_inet_stripe);
	env_work_init(&t->rebuild, rebuild);
	return 0;
}

void table_fini(struct table *t)
{
	if (!t->array)
		return;
	WRITE_ONCE(t->closing, true);
	env_work_flush(&t->rebuild);
	ENV_ASSERT(!t->count);
	env_free(t->array, array_bytes(t->array->bits));
	env_free(t->stripes, TABLE_STRIPES * sizeof(*t->stripes));
	t->array = NULL;
	t->stripes = NULL;
}

unsigned long table_lock(struct table *t, u32 hash)
{
	return env_spin_lock(&stripe_of(t, hash)->lock);
}

void table_unlock(struct table *t, u32 hash, unsigned long flags)
{
	env_spin_unlock(&stripe_of(t, hash)->lock, flags);
}

/*
 * While a stripe is dual both arrays have its nodes: array and next before the switch, next (which array is now) and the old one after it.
 * A writer that works on the wrong pair is impossible, as `dual` is set and cleared under the stripe's lock and the pair only changes its
 * names in between: the two generations are always "array" and the other one, whose heads a removal need not know (pprev).
 */
void table_insert(struct table *t, struct table_node *n)
{
	struct table_stripe *s = stripe_of(t, n->hash);
	struct table_array *a;
	u64 count;

	env_spin_assert_held(&s->lock);
	a = s->dual ? t->next : LOAD_ACQUIRE(t->array);
	n->link[0] = n->link[1] = (struct hlist_node){NULL, NULL};
	array_insert(a, n);
	if (s->dual && LOAD_ACQUIRE(t->array) != a)
		array_insert(t->array, n);
	n->on = 1;
	count = __atomic_add_fetch(&t->count, 1, __ATOMIC_RELAXED);
	if (unlikely(count > 1ull << a->bits) && a->bits < t->max_bits && !READ_ONCE(t->closing))
		env_work_queue(&t->rebuild);
}

static void unlink_one(struct hlist_node *n)
{
	if (n->pprev)
		hlist_del_rcu(n);
}

bool table_remove(struct table *t, struct table_node *n)
{
	struct table_stripe *s = stripe_of(t, n->hash);
	struct table_array *a;

	env_spin_assert_held(&s->lock);
	if (!n->on)
		return false;
	n->on = 0;
	a = s->dual ? t->next : LOAD_ACQUIRE(t->array);
	/* The link of an array that is gone is stale, and only a dual stripe's other link is not. */
	unlink_one(&n->link[a->gen]);
	if (s->dual)
		unlink_one(&n->link[!a->gen]);
	__atomic_fetch_sub(&t->count, 1, __ATOMIC_RELAXED);
	return true;
}

void table_walk(struct table *t, u64 *cursor, bool (*fn)(struct table_node *n, void *arg), void *arg)
{
	const struct table_array *a = LOAD_ACQUIRE(t->array);

	for (; *cursor < 1ull << a->bits; (*cursor)++)
		for (struct table_node *n = table_at(LOAD_ACQUIRE(a->heads[*cursor].first), a->gen); n; n = table_after(a, n))
			if (!fn(n, arg))
				return;
}
