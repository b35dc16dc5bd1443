/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hash bucket list: a head of one pointer, nodes with a back link to the pointer that points at
 * them.
 *
 *	head.first -> a -> b -> NULL       a.pprev = &head.first, b.pprev = &a.next
 *
 * The _rcu forms follow the rules of lib/list.h: one writer, readers in read sections, readers
 * never use pprev.
 */
#pragma once

#include <lib/types.h>

struct hlist_node {
	struct hlist_node *next;
	struct hlist_node **pprev; /* NULL: on no list (after hlist_node_init or hlist_del_init) */
};

struct hlist_head {
	struct hlist_node *first;
};

#define HLIST_HEAD_INIT \
	{               \
		NULL    \
	}
#define HLIST_POISON_PPREV ((struct hlist_node **)0xdead000000000122UL)

static inline void hlist_init(struct hlist_head *h)
{
	h->first = NULL;
}

static inline void hlist_node_init(struct hlist_node *n)
{
	n->next = NULL;
	n->pprev = NULL;
}

static inline bool hlist_unhashed(const struct hlist_node *n)
{
	return READ_ONCE(n->pprev) == NULL;
}

static inline bool hlist_empty(const struct hlist_head *h)
{
	return READ_ONCE(h->first) == NULL;
}

/*
 * Insert @n into the place named by *@link. The release store serves RCU readers and costs
 * nothing extra on x86.
 */
static inline void hlist_insert_at(struct hlist_node *n, struct hlist_node **link)
{
	struct hlist_node *next = *link;

	n->next = next;
	WRITE_ONCE(n->pprev, link);
	STORE_RELEASE(*link, n);
	if (next)
		WRITE_ONCE(next->pprev, &n->next);
}

static inline void hlist_add_head(struct hlist_node *n, struct hlist_head *h)
{
	hlist_insert_at(n, &h->first);
}

static inline void hlist_add_before(struct hlist_node *n, struct hlist_node *next)
{
	hlist_insert_at(n, next->pprev);
}

static inline void hlist_add_after(struct hlist_node *n, struct hlist_node *prev)
{
	hlist_insert_at(n, &prev->next);
}

#define hlist_add_head_rcu(n, h)      hlist_add_head(n, h)
#define hlist_add_before_rcu(n, next) hlist_add_before(n, next)
#define hlist_add_after_rcu(n, prev)  hlist_add_after(n, prev)

static inline void hlist_unlink(struct hlist_node *n)
{
	struct hlist_node *next = n->next;
	struct hlist_node **pprev = n->pprev;

	STORE_RELEASE(*pprev, next);
	if (next)
		WRITE_ONCE(next->pprev, pprev);
}

static inline void hlist_del(struct hlist_node *n)
{
	hlist_unlink(n);
	n->next = (struct hlist_node *)0xdead000000000100UL;
	n->pprev = HLIST_POISON_PPREV;
}

/* Harmless on a node that is on no list. */
static inline void hlist_del_init(struct hlist_node *n)
{
	if (!hlist_unhashed(n)) {
		hlist_unlink(n);
		hlist_node_init(n);
	}
}

/* The node keeps `next` for the readers on it. */
static inline void hlist_del_rcu(struct hlist_node *n)
{
	hlist_unlink(n);
	WRITE_ONCE(n->pprev, HLIST_POISON_PPREV);
}

/*
 * As hlist_del_rcu, and hlist_unhashed(n) holds afterwards; harmless on a node that is on no
 * list.
 */
static inline void hlist_del_init_rcu(struct hlist_node *n)
{
	if (!hlist_unhashed(n)) {
		hlist_unlink(n);
		WRITE_ONCE(n->pprev, NULL);
	}
}

/* Readers see @old or @n, never neither. */
static inline void hlist_replace_rcu(struct hlist_node *old, struct hlist_node *n)
{
	struct hlist_node *next = old->next;

	n->next = next;
	WRITE_ONCE(n->pprev, old->pprev);
	STORE_RELEASE(*old->pprev, n);
	if (next)
		WRITE_ONCE(next->pprev, &n->next);
	WRITE_ONCE(old->pprev, HLIST_POISON_PPREV);
}

/* Move the whole bucket @from to @to, which is overwritten. */
static inline void hlist_move_list(struct hlist_head *from, struct hlist_head *to)
{
	to->first = from->first;
	if (to->first)
		to->first->pprev = &to->first;
	from->first = NULL;
}

#define hlist_entry(ptr, type, field) container_of(ptr, type, field)
#define hlist_entry_safe(ptr, type, field)                                \
	({                                                                \
		struct hlist_node *hlist_ptr_ = (ptr);                    \
		hlist_ptr_ ? hlist_entry(hlist_ptr_, type, field) : NULL; \
	})

#define hlist_for_each_entry(pos, head, field)                                    \
	for (pos = hlist_entry_safe((head)->first, __typeof__(*pos), field); pos; \
		pos = hlist_entry_safe(pos->field.next, __typeof__(*pos), field))
/* The body may remove and free @pos; @tmp is a struct hlist_node *. */
#define hlist_for_each_entry_safe(pos, tmp, head, field)                               \
	for (pos = hlist_entry_safe((head)->first, __typeof__(*pos), field); pos && ({ \
		     tmp = pos->field.next;                                            \
		     1;                                                                \
	     });                                                                       \
		pos = hlist_entry_safe(tmp, __typeof__(*pos), field))
#define hlist_for_each_entry_rcu(pos, head, field)                                              \
	for (pos = hlist_entry_safe(LOAD_ACQUIRE((head)->first), __typeof__(*pos), field); pos; \
		pos = hlist_entry_safe(LOAD_ACQUIRE(pos->field.next), __typeof__(*pos), field))
