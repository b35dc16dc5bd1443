/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A hash table that grows and shrinks under its readers.
 *
 * Readers take no lock. Each node has two links, for two generations of the bucket array: a rebuild links every node into the new array by
 * the other link, stripe by stripe (a stripe is the low bits of the hash, so a node has the same one in both arrays), then publishes the
 * array, waits for the readers of the old, and frees it. While a rebuild goes on, changes in a stripe that is done go to both arrays. A
 * reader therefore always sees a whole chain of one generation.
 *
 * Writers of one stripe exclude each other by its lock, which table_lock gives: look, decide and insert are one step under it.
 */
#include <env/lock.h>
#include <env/rcu.h>
#include <env/task.h>
#include <lib/hlist.h>
#include <lib/types.h>

#define TABLE_STRIPES 64
#define TABLE_MIN_BITS 6 /* >= log2 of the stripes */

struct table_node {
	struct hlist_node link[2];
	u32 hash;
	u32 on; /* stripe lock: it is in the table */
};

struct table_array {
	u32 bits;
	u8 gen; /* which link */
	struct hlist_head heads[];
};

struct table_stripe {
	struct env_spin lock;
	bool dual; /* the next array has this stripe too */
	u8 pad[47];
};

struct table {
	struct table_array *array; /* published */
	struct table_array *next;  /* a rebuild's, with the stripes that are `dual`; any stripe lock to read */
	u64 count;		   /* atomic */
	u32 max_bits;
	bool closing;
	struct env_work rebuild;
	struct table_stripe *stripes;
};

/* 0; -ENOMEM.  Context: may sleep. */
int table_init(struct table *t, u32 max_bits) MUST_CHECK;
void table_fini(struct table *t); /* empty; may sleep */

unsigned long table_lock(struct table *t, u32 hash) MUST_CHECK;
void table_unlock(struct table *t, u32 hash, unsigned long flags);
/* Under the lock of node->hash's stripe. */
void table_insert(struct table *t, struct table_node *n);
bool table_remove(struct table *t, struct table_node *n); /* false: it was not in */

/* Inside a read section (or under the stripe's lock): the chain that may hold @hash. */
#define table_for_each(t, h, node)                                                                          \
	for (const struct table_array *ta_ = LOAD_ACQUIRE((t)->array), *once_ = ta_; once_; once_ = NULL)    \
		for ((node) = table_first(ta_, (h)); (node); (node) = table_after(ta_, (node)))              \
			if ((node)->hash == (h))

static inline struct table_node *table_at(struct hlist_node *n, unsigned gen)
{
	return n ? (struct table_node *)(void *)(n - gen) : NULL;
}

static inline struct table_node *table_first(const struct table_array *a, u32 hash)
{
	return table_at(LOAD_ACQUIRE(a->heads[hash & ((1u << a->bits) - 1)].first), a->gen);
}

static inline struct table_node *table_after(const struct table_array *a, const struct table_node *n)
{
	return table_at(LOAD_ACQUIRE(n->link[a->gen].next), a->gen);
}

/* Walk everything, for dumps: @*cursor 0 at first; fn false stops it. A change of size in between may repeat or skip. */
void table_walk(struct table *t, u64 *cursor, bool (*fn)(struct table_node *n, void *arg), void *arg);
