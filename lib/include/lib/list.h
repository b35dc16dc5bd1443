/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doubly linked circular list; the head is a node of the same kind.
 *
 *	head <-> a <-> b <-> head        empty: head <-> head
 *
 * A removed node's links are poisoned (list_del), made empty (list_del_init) or left alone for
 * readers (list_del_rcu).
 *
 * RCU: one writer at a time (the caller's lock), any number of readers inside a read section that
 * use the _rcu iterators. A node is complete before the release store that makes it reachable;
 * readers load with acquire. A reader never follows `prev`. After list_del_rcu the node may be
 * freed, or put on another list, only after a grace period.
 */
#pragma once

#include <lib/types.h>

struct list_head {
	struct list_head *next;
	struct list_head *prev;
};

#define LIST_HEAD_INIT(name)     \
	{                        \
		&(name), &(name) \
	}
#define LIST_HEAD(name)  struct list_head name = LIST_HEAD_INIT(name)
#define LIST_POISON_NEXT ((struct list_head *)0xdead000000000100UL)
#define LIST_POISON_PREV ((struct list_head *)0xdead000000000122UL)

static inline void list_init(struct list_head *head)
{
	WRITE_ONCE(head->next, head);
	head->prev = head;
}

static inline bool list_empty(const struct list_head *head)
{
	return READ_ONCE(head->next) == head;
}

static inline bool list_is_singular(const struct list_head *head)
{
	return head->next != head && head->next == head->prev;
}

static inline bool list_is_first(const struct list_head *node, const struct list_head *head)
{
	return node->prev == head;
}

static inline bool list_is_last(const struct list_head *node, const struct list_head *head)
{
	return node->next == head;
}

static inline void list_insert_between(
	struct list_head *node, struct list_head *prev, struct list_head *next)
{
	next->prev = node;
	node->next = next;
	node->prev = prev;
	WRITE_ONCE(prev->next, node);
}

/* Insert @node right after @head (as a stack does), or right before it (as a queue does). */
static inline void list_add(struct list_head *node, struct list_head *head)
{
	list_insert_between(node, head, head->next);
}

static inline void list_add_tail(struct list_head *node, struct list_head *head)
{
	list_insert_between(node, head->prev, head);
}

/* Release: a reader that comes to @next this way never saw the store that first published it. */
static inline void list_unlink_between(struct list_head *prev, struct list_head *next)
{
	next->prev = prev;
	STORE_RELEASE(prev->next, next);
}

/* Take @node out; list_empty(@node) does not hold afterwards. */
static inline void list_del(struct list_head *node)
{
	list_unlink_between(node->prev, node->next);
	node->next = LIST_POISON_NEXT;
	node->prev = LIST_POISON_PREV;
}

/* Take @node out and make it an empty list, so that a second list_del_init is harmless. */
static inline void list_del_init(struct list_head *node)
{
	list_unlink_between(node->prev, node->next);
	list_init(node);
}

/* Put @node where @old was. @old keeps its stale links. */
static inline void list_replace(struct list_head *old, struct list_head *node)
{
	list_insert_between(node, old->prev, old->next);
}

static inline void list_move(struct list_head *node, struct list_head *head)
{
	list_unlink_between(node->prev, node->next);
	list_add(node, head);
}

static inline void list_move_tail(struct list_head *node, struct list_head *head)
{
	list_unlink_between(node->prev, node->next);
	list_add_tail(node, head);
}

static inline void list_splice_between(
	struct list_head *from, struct list_head *prev, struct list_head *next)
{
	struct list_head *first = from->next;
	struct list_head *last = from->prev;

	if (first == from)
		return;
	first->prev = prev;
	last->next = next;
	next->prev = last;
	WRITE_ONCE(prev->next, first);
	list_init(from);
}

/* Move all nodes of @from behind @head, or before it, in their order; @from is empty then. */
static inline void list_splice(struct list_head *from, struct list_head *head)
{
	list_splice_between(from, head, head->next);
}

static inline void list_splice_tail(struct list_head *from, struct list_head *head)
{
	list_splice_between(from, head->prev, head);
}

/* Make @node, which is on the list, the first of it. */
static inline void list_rotate_to_front(struct list_head *node, struct list_head *head)
{
	list_unlink_between(head->prev, head->next);
	list_add_tail(head, node);
}

#define list_entry(ptr, type, field)         container_of(ptr, type, field)
#define list_first_entry(head, type, field)  list_entry((head)->next, type, field)
#define list_last_entry(head, type, field)   list_entry((head)->prev, type, field)
#define list_next_entry(pos, f)              list_entry((pos)->f.next, __typeof__(*(pos)), f)
#define list_prev_entry(pos, f)              list_entry((pos)->f.prev, __typeof__(*(pos)), f)
#define list_entry_is_head(pos, head, field) (&(pos)->field == (head))

/* NULL when the list is empty */
#define list_first_entry_or_null(head, type, field)                                      \
	({                                                                               \
		struct list_head *list_head_ = (head);                                   \
		struct list_head *list_first_ = READ_ONCE(list_head_->next);             \
		list_first_ != list_head_ ? list_entry(list_first_, type, field) : NULL; \
	})

#define list_for_each(pos, head) for (pos = (head)->next; pos != (head); pos = pos->next)
#define list_for_each_safe(pos, tmp, head) \
	for (pos = (head)->next, tmp = pos->next; pos != (head); pos = tmp, tmp = pos->next)
#define list_for_each_entry(pos, head, field)                       \
	for (pos = list_first_entry(head, __typeof__(*pos), field); \
		!list_entry_is_head(pos, head, field); pos = list_next_entry(pos, field))
#define list_for_each_entry_reverse(pos, head, field)              \
	for (pos = list_last_entry(head, __typeof__(*pos), field); \
		!list_entry_is_head(pos, head, field); pos = list_prev_entry(pos, field))
/* The body may remove and free @pos. */
#define list_for_each_entry_safe(pos, tmp, head, field)             \
	for (pos = list_first_entry(head, __typeof__(*pos), field), \
	    tmp = list_next_entry(pos, field);                      \
		!list_entry_is_head(pos, head, field);              \
		pos = tmp, tmp = list_next_entry(tmp, field))

/* RCU forms; see the head of this file. */

static inline void list_insert_between_rcu(
	struct list_head *node, struct list_head *prev, struct list_head *next)
{
	node->next = next;
	node->prev = prev;
	STORE_RELEASE(prev->next, node);
	next->prev = node;
}

static inline void list_add_rcu(struct list_head *node, struct list_head *head)
{
	list_insert_between_rcu(node, head, head->next);
}

static inline void list_add_tail_rcu(struct list_head *node, struct list_head *head)
{
	list_insert_between_rcu(node, head->prev, head);
}

/* Readers on @node still find their way out through node->next. */
static inline void list_del_rcu(struct list_head *node)
{
	list_unlink_between(node->prev, node->next);
	node->prev = LIST_POISON_PREV;
}

/* Readers see @old or @node, never neither. */
static inline void list_replace_rcu(struct list_head *old, struct list_head *node)
{
	list_insert_between_rcu(node, old->prev, old->next);
	old->prev = LIST_POISON_PREV;
}

#define list_entry_rcu(lvalue, type, field) container_of(LOAD_ACQUIRE(lvalue), type, field)
#define list_for_each_entry_rcu(pos, head, field)                         \
	for (pos = list_entry_rcu((head)->next, __typeof__(*pos), field); \
		!list_entry_is_head(pos, head, field);                    \
		pos = list_entry_rcu(pos->field.next, __typeof__(*pos), field))
