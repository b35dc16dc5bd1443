/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of huge pages: objects, and what their mappings have reserved.
 *
 * A shared mapping reserves what the object has not and nobody else has reserved; the object keeps it until it is made or truncated. A private one reserves all its
 * blocks for itself, for copies; the set of those not yet used is shared by the areas that it was cut into, and a child has no part in it.
 */
#include <sync/rcu.h>
#include <sync/wait.h>
#include "hugetlb_impl.h"

LOCK_CLASS(hugetlb_file, RANK_MAP + 2, "huge pages of one object, and reservations");

#define BATCH 16

/* Only the pool's blocks come in, by vm_object_insert_block. */
static int refuse(struct vm_object *obj, u64 npages)
{
	return -ENOSPC;
}

static void forget_nothing(struct vm_object *obj, u64 npages)
{
}

static const struct vm_object_ops hugetlb_ops = {.blocks = &hugetlb_block_ops, .charge = refuse, .uncharge = forget_nothing};

static struct radix_node *node_alloc(void *ctx)
{
	return kzalloc(sizeof(struct radix_node), ALLOC_SLEEP);
}

static void node_free(void *ctx, struct radix_node *node)
{
	kfree(node);
}

static const struct radix_alloc nodes = {node_alloc, node_free, NULL};

struct hugetlb_file *hugetlb_file_create(struct vm_object *obj, struct hugetlb_limits *limits)
{
	struct hugetlb_file *hf = kzalloc(sizeof(*hf), ALLOC_SLEEP);

	if (!hf)
		return NULL;
	vm_object_init(obj, &hugetlb_ops, hf);
	hf->obj = obj;
	hf->limits = limits;
	hf->reserved = RADIX_TREE;
	mutex_init(&hf->lock, hugetlb_file);
	list_init(&hf->blocks);
	return hf;
}

/* ---- reservations ---- */

static bool has_block(struct hugetlb_file *hf, u64 index)
{
	bool has;

	rcu_read_lock();
	has = vm_object_peek_rcu(hf->obj, index << HUGE_ORDER);
	rcu_read_unlock();
	return has;
}

/* Take the numbers [first, last] out: how many there were. */
static u64 drop_numbers(struct radix_tree *set, u64 first, u64 last)
{
	struct radix_found found[BATCH];
	u64 total = 0;
	size_t n;

	do {
		n = radix_gather(set, first, last, RADIX_ANY, found, BATCH);
		for (size_t i = 0; i < n; i++)
			radix_erase(set, found[i].index, &nodes);
		total += n;
	} while (n == BATCH);
	return total;
}

/* The numbers of [first, end) that are missing, and whose block the object does not have (@shared), come in. A fresh one is @set + 8 until all are there. */
static int add_numbers(struct hugetlb_file *hf, struct radix_tree *set, u64 first, u64 end, bool shared)
{
	void *old = set, *fresh = (char *)set + 8;
	int err = 0;
	u64 i;

	for (i = first; i < end && !err; i++) {
		if ((shared && has_block(hf, i)) || radix_lookup(set, i))
			continue;
		err = hugetlb_reserve(hf->limits, 1);
		if (err)
			break;
		err = radix_insert(set, i, fresh, &nodes);
		if (err)
			hugetlb_unreserve(hf->limits, 1);
	}
	while (i-- > first) {
		if (radix_lookup(set, i) != fresh)
			continue;
		if (!err) {
			radix_replace(set, i, old);
			continue;
		}
		radix_erase(set, i, &nodes);
		hugetlb_unreserve(hf->limits, 1);
	}
	return err;
}

static void map_get(void *backing)
{
	struct hugetlb_map *m = backing;

	__atomic_fetch_add(&m->refs, 1, __ATOMIC_RELAXED);
}

static void map_put(void *backing)
{
	struct hugetlb_map *m = backing;
	u64 n;

	if (__atomic_fetch_sub(&m->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	n = drop_numbers(&m->reserved, 0, ~0ull);
	hugetlb_unreserve(m->hf->limits, n);
	m->ops->put(m->backing);
	kfree(m);
}

static size_t map_name(void *backing, char *buf, size_t size)
{
	struct hugetlb_map *m = backing;

	return m->ops->name(m->backing, buf, size);
}

static void map_ident(void *backing, u32 *out_dev, u64 *out_ino)
{
	struct hugetlb_map *m = backing;

	m->ops->ident(m->backing, out_dev, out_ino);
}

static const struct vm_backing_ops map_ops = {.get = map_get, .put = map_put, .name = map_name, .ident = map_ident};

static struct hugetlb_map *map_of(const struct vm_area *a)
{
	return a->backing_ops == &map_ops ? a->backing : NULL;
}

int hugetlb_open(struct vm_area *a)
{
	struct hugetlb_file *hf = hugetlb_of(a);
	u64 first = a->pgoff >> HUGE_ORDER, end = first + (area_pages(a) >> HUGE_ORDER);
	bool shared = a->flags & VM_SHARED;
	struct hugetlb_map *m = NULL;
	int err;

	if (a->flags & VM_NORESERVE)
		return 0;
	if (!shared) {
		m = kzalloc(sizeof(*m), ALLOC_SLEEP);
		if (!m)
			return -ENOMEM;
		m->refs = 1;
		m->hf = hf;
		m->owner = a->space;
		m->reserved = RADIX_TREE;
	}
	mutex_lock(&hf->lock);
	err = add_numbers(hf, m ? &m->reserved : &hf->reserved, first, end, shared);
	mutex_unlock(&hf->lock);
	if (err) {
		kfree(m);
	} else if (m) {
		/* The area's reference to the file is the map's now. */
		m->ops = a->backing_ops;
		m->backing = a->backing;
		a->backing = m;
		WRITE_ONCE(a->backing_ops, &map_ops);
	}
	return err;
}

int hugetlb_file_reserve(struct hugetlb_file *hf, u64 size)
{
	int err;

	mutex_lock(&hf->lock);
	err = add_numbers(hf, &hf->reserved, 0, size >> HUGETLB_SHIFT, true);
	mutex_unlock(&hf->lock);
	return err;
}

void hugetlb_forget(struct vm_area *a, vaddr_t va, vaddr_t end)
{
	struct hugetlb_map *m = map_of(a);
	u64 n;

	if (!m || m->owner != a->space || (a->flags & VM_NORESERVE) || va >= end)
		return;
	mutex_lock(&m->hf->lock);
	n = drop_numbers(&m->reserved, area_index(a, va) >> HUGE_ORDER, (area_index(a, end - PAGE_SIZE)) >> HUGE_ORDER);
	mutex_unlock(&m->hf->lock);
	hugetlb_unreserve(m->hf->limits, n);
}

bool hugetlb_is_owner(const struct vm_area *a)
{
	return map_of(a) && map_of(a)->owner == a->space;
}

bool hugetlb_claim(struct vm_area *a, u64 index)
{
	struct hugetlb_map *m = map_of(a);

	if (a->flags & VM_SHARED)
		return radix_erase(&hugetlb_of(a)->reserved, index, &nodes);
	return hugetlb_is_owner(a) && radix_erase(&m->reserved, index, &nodes);
}

/* ---- blocks ---- */

int hugetlb_make(struct hugetlb_file *hf, u64 index, bool reserved, struct page **out_first)
{
	struct hugetlb_block *b = hugetlb_block_take(hf->limits, reserved, true);
	int err;

	if (!b)
		return -ENOSPC;
	for (unsigned i = 0; i < HUGE_PAGES; i++)
		page_clear(page_va(b->first + i));
	err = vm_object_insert_block(hf->obj, index << HUGE_ORDER, b->first, HUGE_ORDER);
	if (err) {
		rcu_synchronize(); /* somebody may have found some of it */
		hugetlb_block_put(b);
		return -ENOMEM;
	}
	list_add_tail(&b->link, &hf->blocks);
	*out_first = b->first;
	return 0;
}

/* The pages of blocks [first, last] have left the object; lock held, which is given back. */
static void drop_blocks(struct hugetlb_file *hf, u64 first, u64 last)
{
	struct list_head gone = LIST_HEAD_INIT(gone);
	u64 n = drop_numbers(&hf->reserved, first, last);
	struct hugetlb_block *b, *next;

	list_for_each_entry_safe(b, next, &hf->blocks, link) {
		if (READ_ONCE(b->first->object) != hf->obj)
			list_move_tail(&b->link, &gone);
	}
	mutex_unlock(&hf->lock);
	hugetlb_unreserve(hf->limits, n);
	if (list_empty(&gone))
		return;
	/* Who found a page without a reference looks at it until then. */
	rcu_synchronize();
	list_for_each_entry_safe(b, next, &gone, link)
		hugetlb_block_put(b);
}

void hugetlb_truncate(struct hugetlb_file *hf, u64 size)
{
	mutex_lock(&hf->lock);
	vm_object_truncate(hf->obj, size);
	drop_blocks(hf, size >> HUGETLB_SHIFT, ~0ull);
}

void hugetlb_punch(struct hugetlb_file *hf, u64 start, u64 end)
{
	if (start >= end)
		return;
	mutex_lock(&hf->lock);
	vm_object_punch(hf->obj, start, end);
	/* What is reserved stays so, for those who have mapped it. */
	drop_blocks(hf, 1, 0);
}

void hugetlb_file_destroy(struct hugetlb_file *hf)
{
	vm_object_fini(hf->obj);
	mutex_lock(&hf->lock);
	drop_blocks(hf, 0, ~0ull);
	kfree(hf);
}

int hugetlb_fill(struct hugetlb_file *hf, u64 start, u64 end)
{
	u64 last = DIV_ROUND_UP(end, HUGETLB_SIZE);
	int err = 0;

	for (u64 i = start >> HUGETLB_SHIFT; i < last && !err; i++) {
		struct page *first;

		if (thread_signal_pending())
			return -EINTR;
		mutex_lock(&hf->lock);
		if (!has_block(hf, i))
			err = hugetlb_make(hf, i, radix_erase(&hf->reserved, i, &nodes), &first);
		mutex_unlock(&hf->lock);
	}
	return err;
}

static void punch(struct vm_object *obj, u64 start, u64 end)
{
	hugetlb_punch(obj->owner, start, end);
}

const struct vm_block_ops hugetlb_block_ops = {
	.fault = hugetlb_fault, .open = hugetlb_open, .forget = hugetlb_forget, .punch = punch, .get = hugetlb_get, .put = hugetlb_put};
