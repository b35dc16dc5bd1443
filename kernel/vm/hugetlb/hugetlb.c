/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pool of huge pages.
 *
 * A block is 512 frames, naturally aligned, marked PAGE_F_HUGETLB. The pool keeps one reference to each of them as long as the block is its: so no code that counts maps and
 * references of single frames ever frees one, and needs to know nothing of blocks.
 *
 *	memory ──create──► FREE ──take──► USED ──put by the last user──► FREE
 *	   ▲                │                          └─ some frame is pinned ─► PINNED ─ swept ─► FREE
 *	   └────destroy─────┘
 *
 * total = free + used + pinned; free >= reserved. Surplus blocks are made when the pool is empty, and go when nobody needs them: up to `overcommit` of them are allowed.
 * Blocks become surplus, too, when the total is lowered below what is used.
 */
#include <lib/string.h>
#include <sync/wait.h>
#include "hugetlb_impl.h"

LOCK_CLASS(hugetlb_pool, RANK_PT + 5, "the pool of huge pages");
LOCK_CLASS(hugetlb_limits, RANK_PT + 4, "huge pages of one mount");
LOCK_CLASS(hugetlb_resize, RANK_MAP + 1, "who changes the number of huge pages");

static struct spinlock pool_lock = SPINLOCK_INIT(hugetlb_pool);
static struct mutex resize_lock = MUTEX_INIT(resize_lock, hugetlb_resize);
static LIST_HEAD(free_blocks);	 /* pool_lock, like all below */
static LIST_HEAD(pinned_blocks);
static struct hugetlb_stats pool;

void hugetlb_stats(struct hugetlb_stats *out)
{
	spin_lock(&pool_lock);
	*out = pool;
	spin_unlock(&pool_lock);
}

/* Free ones that nobody was promised. pool_lock. */
static u64 spare(void)
{
	return pool.free > pool.reserved ? pool.free - pool.reserved : 0;
}

/* ---- memory to blocks, and back ---- */

static struct hugetlb_block *block_create(void)
{
	struct hugetlb_block *b = kzalloc(sizeof(*b), ALLOC_SLEEP);
	struct page *first = b ? page_alloc(HUGE_ORDER, ALLOC_SLEEP) : NULL;

	if (!first) {
		kfree(b);
		return NULL;
	}
	page_shatter(first, HUGE_ORDER, PAGE_KERNEL, 1);
	for (unsigned i = 0; i < HUGE_PAGES; i++)
		WRITE_ONCE(first[i].flags, PAGE_F_HUGETLB);
	b->block.ops = &hugetlb_block_ops;
	b->first = first;
	return b;
}

static void block_destroy(struct hugetlb_block *b)
{
	for (unsigned i = 0; i < HUGE_PAGES; i++)
		WRITE_ONCE(b->first[i].flags, 0);
	page_free_joined(b->first, HUGE_ORDER);
	kfree(b);
}

static void destroy_list(struct list_head *list)
{
	struct hugetlb_block *b, *next;

	list_for_each_entry_safe(b, next, list, link)
		block_destroy(b);
}

/* ---- under pool_lock ---- */

/* The pool has @n more. */
static void add_total(s64 n)
{
	pool.total += (u64)n;
	WRITE_ONCE(vm_set_aside, pool.total << HUGE_ORDER);
}

static void push_free(struct hugetlb_block *b)
{
	list_add(&b->link, &free_blocks);
	pool.free++;
}

static struct hugetlb_block *pop_free(void)
{
	struct hugetlb_block *b;

	if (!pool.free)
		return NULL;
	b = list_first_entry(&free_blocks, struct hugetlb_block, link);
	list_del_init(&b->link);
	pool.free--;
	return b;
}

static bool is_idle(const struct hugetlb_block *b)
{
	for (unsigned i = 0; i < HUGE_PAGES; i++) {
		if (__atomic_load_n(&b->first[i].counts, __ATOMIC_ACQUIRE) != 1)
			return false;
	}
	return true;
}

/* Whose pins are gone is free. */
static void sweep_pinned(void)
{
	struct hugetlb_block *b, *next;

	list_for_each_entry_safe(b, next, &pinned_blocks, link) {
		if (is_idle(b)) {
			list_del(&b->link);
			push_free(b);
		}
	}
}

/* Surplus blocks that nobody needs leave the pool, onto @out. */
static void trim(struct list_head *out)
{
	while (pool.surplus && spare()) {
		struct hugetlb_block *b = pop_free();

		pool.surplus--;
		add_total(-1);
		list_add(&b->link, out);
	}
}

/* ---- limits of a mount ---- */

/* @n more: how many of them have to be promised by the pool. -ENOMEM: too many. */
static int limits_get(struct hugetlb_limits *l, u64 n, u64 *out_pool)
{
	u64 kept;

	*out_pool = n;
	if (!l)
		return 0;
	spin_lock(&l->lock);
	if (n > l->max || l->used > l->max - n) {
		spin_unlock(&l->lock);
		return -ENOMEM;
	}
	l->used += n;
	kept = min(n, l->kept);
	l->kept -= kept;
	spin_unlock(&l->lock);
	*out_pool = n - kept;
	return 0;
}

/* @n less: how many of them the pool need not promise any more. */
static u64 limits_put(struct hugetlb_limits *l, u64 n)
{
	u64 keep = 0;

	if (!l)
		return n;
	spin_lock(&l->lock);
	l->used -= n;
	if (l->used + l->kept < l->min) {
		keep = min(n, l->min - l->used - l->kept);
		l->kept += keep;
	}
	spin_unlock(&l->lock);
	return n - keep;
}

/* ---- reservations ---- */

/* A block more, for somebody who found none. False: not allowed, or no memory. */
static bool grow_surplus(void)
{
	struct hugetlb_block *b = block_create();
	bool allowed;

	if (!b)
		return false;
	spin_lock(&pool_lock);
	allowed = pool.surplus < pool.overcommit;
	if (allowed) {
		pool.surplus++;
		add_total(1);
		push_free(b);
	}
	spin_unlock(&pool_lock);
	if (!allowed)
		block_destroy(b);
	return allowed;
}

static void trim_now(void)
{
	struct list_head gone = LIST_HEAD_INIT(gone);

	spin_lock(&pool_lock);
	trim(&gone);
	spin_unlock(&pool_lock);
	destroy_list(&gone);
}

static int promise(u64 n)
{
	bool may_grow, done;

	do {
		u64 room;

		spin_lock(&pool_lock);
		if (!list_empty(&pinned_blocks))
			sweep_pinned();
		done = spare() >= n;
		if (done)
			pool.reserved += n;
		room = pool.overcommit > pool.surplus ? pool.overcommit - pool.surplus : 0;
		may_grow = room && spare() + room >= n;
		spin_unlock(&pool_lock);
	} while (!done && may_grow && grow_surplus());
	if (!done)
		trim_now();
	return done ? 0 : -ENOMEM;
}

int hugetlb_reserve(struct hugetlb_limits *l, u64 n)
{
	u64 from_pool;
	int err = limits_get(l, n, &from_pool);

	if (err)
		return err;
	err = promise(from_pool);
	/* What was kept for the mount is kept again. */
	if (err)
		(void)limits_put(l, n);
	return err;
}

void hugetlb_unreserve(struct hugetlb_limits *l, u64 n)
{
	u64 to_pool = limits_put(l, n);

	if (!to_pool)
		return;
	spin_lock(&pool_lock);
	DASSERT(pool.reserved >= to_pool);
	pool.reserved -= to_pool;
	spin_unlock(&pool_lock);
	trim_now();
}

int hugetlb_limits_init(struct hugetlb_limits *l, u64 max, u64 min)
{
	spin_init(&l->lock, hugetlb_limits);
	l->max = max;
	l->min = l->kept = min;
	l->used = 0;
	return promise(min);
}

void hugetlb_limits_fini(struct hugetlb_limits *l)
{
	DASSERT(!l->used);
	l->min = 0;
	hugetlb_unreserve(NULL, l->kept);
}

/* ---- blocks ---- */

static struct hugetlb_block *take_free(bool promised)
{
	struct hugetlb_block *b = NULL;
	bool may_grow;

	do {
		spin_lock(&pool_lock);
		if (!list_empty(&pinned_blocks))
			sweep_pinned();
		if (promised || spare())
			b = pop_free();
		if (b && promised)
			pool.reserved--;
		may_grow = !b && pool.surplus < pool.overcommit;
		spin_unlock(&pool_lock);
	} while (may_grow && grow_surplus());
	return b;
}

struct hugetlb_block *hugetlb_block_take(struct hugetlb_limits *l, bool reserved, bool cached)
{
	struct hugetlb_block *b;
	u64 from_pool = 0;

	if (!reserved && limits_get(l, 1, &from_pool))
		return NULL;
	b = take_free(!from_pool);
	if (!b) {
		if (!reserved)
			(void)limits_put(l, 1);
		return NULL;
	}
	b->limits = l;
	b->cached = cached;
	spin_lock(&pool_lock);
	b->users = 1;
	*(cached ? &pool.cached : &pool.anon) += 1;
	spin_unlock(&pool_lock);
	return b;
}

void hugetlb_block_map(struct hugetlb_block *b)
{
	for (unsigned i = 0; i < HUGE_PAGES; i++) {
		struct page *page = b->first + i;

		page_set_kind(page, PAGE_ANON);
		page->private = (u64)(unsigned long)&b->block;
		__atomic_fetch_add(&page->counts, PAGE_COUNT_MAP, __ATOMIC_RELAXED);
	}
}

void hugetlb_get(struct vm_block *block)
{
	struct hugetlb_block *b = container_of(block, struct hugetlb_block, block);

	spin_lock(&pool_lock);
	b->users++;
	spin_unlock(&pool_lock);
}

void hugetlb_block_put(struct hugetlb_block *b)
{
	struct list_head gone = LIST_HEAD_INIT(gone);
	bool last, promised;

	spin_lock(&pool_lock);
	last = --b->users == 0;
	spin_unlock(&pool_lock);
	if (!last)
		return;
	for (unsigned i = 0; i < HUGE_PAGES; i++) {
		page_set_kind(b->first + i, PAGE_KERNEL);
		WRITE_ONCE(b->first[i].flags, PAGE_F_HUGETLB);
		b->first[i].private = 0;
	}
	/* What its mount keeps stays promised. */
	promised = !limits_put(b->limits, 1);
	b->limits = NULL;
	spin_lock(&pool_lock);
	*(b->cached ? &pool.cached : &pool.anon) -= 1;
	if (is_idle(b))
		push_free(b);
	else
		list_add_tail(&b->link, &pinned_blocks);
	pool.reserved += promised;
	trim(&gone);
	spin_unlock(&pool_lock);
	destroy_list(&gone);
}

void hugetlb_put(struct vm_block *block)
{
	hugetlb_block_put(container_of(block, struct hugetlb_block, block));
}

/* ---- the size of the pool ---- */

static bool grow_one(void)
{
	struct hugetlb_block *b = block_create();

	if (!b)
		return false;
	spin_lock(&pool_lock);
	add_total(1);
	push_free(b);
	spin_unlock(&pool_lock);
	return true;
}

/* Blocks that are used turn from surplus ones into ordinary ones, or the other way; free ones go. True: @n is more than there are. */
static bool settle(u64 n, struct list_head *gone)
{
	bool more;

	spin_lock(&pool_lock);
	while (pool.surplus && pool.total - pool.surplus < n)
		pool.surplus--;
	while (pool.total - pool.surplus > n && spare()) {
		struct hugetlb_block *b = pop_free();

		add_total(-1);
		list_add(&b->link, gone);
	}
	if (pool.total - pool.surplus > n)
		pool.surplus = pool.total - n;
	more = pool.total - pool.surplus < n;
	spin_unlock(&pool_lock);
	return more;
}

void hugetlb_set_total(u64 n)
{
	struct list_head gone = LIST_HEAD_INIT(gone);

	mutex_lock(&resize_lock);
	while (settle(n, &gone) && !thread_kill_pending() && grow_one())
		;
	mutex_unlock(&resize_lock);
	destroy_list(&gone);
}

void hugetlb_set_overcommit(u64 n)
{
	spin_lock(&pool_lock);
	pool.overcommit = n;
	spin_unlock(&pool_lock);
}
