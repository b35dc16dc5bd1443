/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of areas.
 *
 * Writers hold map_lock, and change the tree, bounds and flags inside a write section of space->seq. A reader (area_view) descends under RCU and
 * copies what it needs; if the sequence has not changed meanwhile the copy is of one moment. What may change afterwards it finds out through
 * area->seq, which the writer changes before it takes page-table locks.
 *
 * Order of memory accesses: writer: store area->seq, full fence (area_changed), load the entries of upper tables, lock leaf tables. Fault: hook missing
 * tables, full fence (pt_make), lock the leaf table, load area->seq. Either the writer finds the table, and then the lock orders the two; or
 * it does not, and then the fault's load comes after the writer's store.
 *
 * Each area knows the hole below it (gap: without the guard gap that a growing stack keeps) and the largest in its subtree.
 *
 * An area that maps an object is on object->maps; its bounds change under object->maps_lock, too, so that truncation sees it whole.
 */
#include <lib/rbtree_augmented.h>
#include <lib/string.h>
#include <mm/policy.h>
#include "pt.h"
#include "space_impl.h"

static struct slab_cache *area_cache;

u64 vm_stack_guard_gap = 256 * PAGE_SIZE;
u64 vm_mmap_min_addr = 65536;

static u64 subtree_gap(const struct rb_node *n)
{
	return n ? container_of(n, struct vm_area, node)->subtree_gap : 0;
}

static bool area_recompute(struct rb_node *n)
{
	struct vm_area *a = rb_entry(n, struct vm_area, node);
	u64 most = max(a->gap, max(subtree_gap(n->left), subtree_gap(n->right)));
	bool changed = most != a->subtree_gap;

	a->subtree_gap = most;
	return changed;
}

RB_AUGMENTED(area_tree, area_recompute)

struct vm_area *area_next(struct vm_area *a)
{
	return rb_entry_safe(rb_next(&a->node), struct vm_area, node);
}

struct vm_area *area_prev(struct vm_area *a)
{
	return rb_entry_safe(rb_prev(&a->node), struct vm_area, node);
}

struct vm_area *area_find(struct vm_space *s, vaddr_t va)
{
	struct rb_node *n = s->areas.node;
	struct vm_area *best = NULL;

	while (n) {
		struct vm_area *a = rb_entry(n, struct vm_area, node);

		if (a->end > va) {
			best = a;
			if (a->start <= va)
				break;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return best;
}

struct vm_area *area_find_in(struct vm_space *s, vaddr_t va, vaddr_t end)
{
	struct vm_area *a = area_find(s, va);

	return a && a->start < end ? a : NULL;
}

enum area_found area_view(struct vm_space *s, vaddr_t va, struct area_view *out)
{
	u32 seq;

	do {
		struct rb_node *n;

		seq = seq_begin(&s->seq);
		out->area = NULL;
		n = READ_ONCE(s->areas.node);
		while (n) {
			struct vm_area *a = rb_entry(n, struct vm_area, node);

			if (READ_ONCE(a->end) > va) {
				out->area = a;
				if (READ_ONCE(a->start) <= va)
					break;
				n = rb_left_rcu(n);
			} else {
				n = rb_right_rcu(n);
			}
		}
		if (out->area) {
			out->seq = READ_ONCE(out->area->seq);
			out->flags = READ_ONCE(out->area->flags);
			out->start = READ_ONCE(out->area->start);
			out->end = READ_ONCE(out->area->end);
			out->pgoff = READ_ONCE(out->area->pgoff);
			out->object = READ_ONCE(out->area->object);
			out->ops = READ_ONCE(out->area->backing_ops);
		}
	} while (seq_retry(&s->seq, seq));
	if (!out->area)
		return AREA_NONE;
	return out->start <= va ? AREA_HIT : AREA_ABOVE;
}

/* Where the hole below ends. */
static vaddr_t guarded_start(const struct vm_area *a)
{
	u64 guard = a->flags & VM_GROWSDOWN ? vm_stack_guard_gap : 0;

	return a->start > guard ? a->start - guard : 0;
}

static void compute_gap(struct vm_area *a, const struct vm_area *prev)
{
	vaddr_t floor = prev ? prev->end : vm_mmap_min_addr, top = guarded_start(a);

	a->gap = top > floor ? top - floor : 0;
}

/* The hole below @a has changed. */
static void update_gap(struct vm_area *a)
{
	if (!a)
		return;
	compute_gap(a, area_prev(a));
	area_tree_propagate(&a->node);
}

struct hole area_hole(struct vm_space *s, const struct vm_area *next)
{
	const struct vm_area *prev;

	if (next)
		return (struct hole){guarded_start(next) - next->gap, next->start};
	prev = rb_entry_safe(rb_last(&s->areas), struct vm_area, node);
	return (struct hole){prev ? prev->end : 0, USER_VA_END};
}

/* Counts in object->writable_maps? */
static bool is_writer(const struct vm_area *a)
{
	return a->object && (a->flags & (VM_SHARED | VM_MAYWRITE)) == (VM_SHARED | VM_MAYWRITE);
}

struct vm_area *area_new(struct vm_space *s)
{
	struct vm_area *a = slab_alloc(area_cache, ALLOC_SLEEP);
	u32 seq;

	if (!a)
		return NULL;
	/* Whoever still has a view of what was here before must find another number. */
	seq = (READ_ONCE(a->seq) | 1) + 1;
	a->backing = NULL;
	a->space = s;
	a->gap = a->subtree_gap = 0;
	list_init(&a->object_link);
	a->next_dead = NULL;
	a->label = NULL;
	a->anon_name = NULL;
	a->watch = NULL;
	WRITE_ONCE(a->policy, NULL);
	__atomic_store_n(&a->seq, seq, __ATOMIC_RELEASE);
	return a;
}

int area_fill(struct vm_area *a, const struct vm_area *like, vaddr_t start, vaddr_t end, u64 pgoff, u32 flags)
{
	if (like->anon_name) {
		a->anon_name = kstrdup(like->anon_name, ALLOC_SLEEP);
		if (!a->anon_name)
			return -ENOMEM;
	}
	WRITE_ONCE(a->start, start);
	WRITE_ONCE(a->end, end);
	WRITE_ONCE(a->pgoff, pgoff);
	WRITE_ONCE(a->flags, flags);
	WRITE_ONCE(a->object, like->object);
	WRITE_ONCE(a->backing_ops, like->backing_ops);
	a->backing = like->backing;
	a->label = like->label;
	a->watch = like->watch;
	if (a->watch)
		vm_watch_get(a->watch);
	vm_policy_get(like->policy);
	STORE_RELEASE(a->policy, like->policy);
	if (a->backing) {
		a->backing_ops->get(a->backing);
		if (a->backing_ops->opened)
			a->backing_ops->opened(a->backing);
	}
	if (is_writer(a))
		__atomic_fetch_add(&a->object->writable_maps, 1, __ATOMIC_RELAXED);
	return 0;
}

void area_free(struct vm_area *a)
{
	__atomic_store_n(&a->seq, a->seq | 1, __ATOMIC_RELEASE);
	slab_free(area_cache, a);
}

void area_changed(struct vm_area *a, bool dead)
{
	WRITE_ONCE(a->seq, dead ? a->seq | 1 : a->seq + 2);
	atomic_fence_seq();
}

void area_link_object(struct vm_area *a)
{
	if (!a->object)
		return;
	mutex_lock(&a->object->maps_lock);
	list_add_tail(&a->object_link, &a->object->maps);
	mutex_unlock(&a->object->maps_lock);
}

void area_unlink_object(struct vm_area *a)
{
	if (!a->object || list_empty(&a->object_link))
		return;
	mutex_lock(&a->object->maps_lock);
	list_del_init(&a->object_link);
	mutex_unlock(&a->object->maps_lock);
}

static void tree_insert(struct vm_space *s, struct vm_area *a)
{
	struct rb_node **link = &s->areas.node, *parent = NULL;
	struct vm_area *prev = NULL, *next = NULL;

	while (*link) {
		struct vm_area *at = rb_entry(*link, struct vm_area, node);

		parent = *link;
		if (a->start < at->start) {
			next = at;
			link = &parent->left;
		} else {
			prev = at;
			link = &parent->right;
		}
	}
	DASSERT((!prev || prev->end <= a->start) && (!next || a->end <= next->start));
	compute_gap(a, prev);
	seq_write_begin(&s->seq);
	rb_link(&a->node, parent, link);
	area_tree_insert(&a->node, &s->areas);
	seq_write_end(&s->seq);
	s->nareas++;
	update_gap(next);
}

void area_insert(struct vm_space *s, struct vm_area *a)
{
	/* On the object's list first: truncation must find what a fault may map. */
	if (list_empty(&a->object_link))
		area_link_object(a);
	tree_insert(s, a);
}

void area_append(struct vm_space *s, struct vm_area *a)
{
	struct rb_node *last = s->areas.node;

	while (last && last->right)
		last = last->right;
	compute_gap(a, rb_entry_safe(last, struct vm_area, node));
	rb_link(&a->node, last, last ? &last->right : &s->areas.node);
	area_tree_insert(&a->node, &s->areas);
	s->nareas++;
}

void area_erase(struct vm_space *s, struct vm_area *a)
{
	struct vm_area *next = area_next(a);

	seq_write_begin(&s->seq);
	area_tree_erase(&a->node, &s->areas);
	seq_write_end(&s->seq);
	area_changed(a, true);
	s->nareas--;
	update_gap(next);
}

void area_resize(struct vm_area *a, vaddr_t start, vaddr_t end, bool look_again)
{
	struct vm_space *s = a->space;
	struct vm_area *next = end != a->end ? area_next(a) : NULL;

	if (a->object)
		mutex_lock(&a->object->maps_lock);
	seq_write_begin(&s->seq);
	WRITE_ONCE(a->pgoff, a->pgoff + ((s64)(start - a->start) >> PAGE_SHIFT));
	WRITE_ONCE(a->start, start);
	WRITE_ONCE(a->end, end);
	seq_write_end(&s->seq);
	if (a->object)
		mutex_unlock(&a->object->maps_lock);
	if (look_again)
		area_changed(a, false);
	update_gap(a);
	update_gap(next);
}

void area_set_flags(struct vm_area *a, u32 flags)
{
	struct vm_space *s = a->space;

	if (a->flags == flags)
		return;
	seq_write_begin(&s->seq);
	WRITE_ONCE(a->flags, flags);
	seq_write_end(&s->seq);
	area_changed(a, false);
	update_gap(a);
}

int area_split(struct vm_area *a, vaddr_t va, struct vm_area **out)
{
	struct page *table = NULL;
	int err;

	if (huge_may_cross(a, va)) {
		table = pt_table_new(ALLOC_SLEEP);
		if (!table)
			return -ENOMEM;
	}
	err = area_split_with(a, va, table, out);
	if (unlikely(err && table))
		pt_table_free(table);
	return err;
}

int area_split_with(struct vm_area *a, vaddr_t va, struct page *table, struct vm_area **out)
{
	struct vm_space *s = a->space;
	struct vm_area *high;

	if (area_is_whole_at(a, va))
		return -EINVAL;
	if (s->nareas >= vm_max_map_count)
		return -ENOMEM;
	high = area_new(s);
	if (!high)
		return -ENOMEM;
	if (area_fill(high, a, va, a->end, area_index(a, va), a->flags)) {
		area_free(high);
		return -ENOMEM;
	}
	/* Truncation must see both or the whole: one hold of the object's list. */
	if (a->object)
		mutex_lock(&a->object->maps_lock);
	seq_write_begin(&s->seq);
	WRITE_ONCE(a->end, va);
	seq_write_end(&s->seq);
	area_changed(a, false);
	tree_insert(s, high);
	if (a->object) {
		list_add(&high->object_link, &a->object_link);
		mutex_unlock(&a->object->maps_lock);
	}
	huge_cut(s, va, table);
	*out = high;
	return 0;
}

int area_cut(struct vm_space *s, vaddr_t va, vaddr_t end)
{
	struct vm_area *a = area_find(s, va), *part;
	int err;

	if (a && a->start < va) {
		err = area_split(a, va, &part);
		if (err)
			return err;
	}
	a = area_find(s, end);
	if (a && a->start < end)
		return area_split(a, end, &part);
	return 0;
}

static bool same_name(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool area_can_merge(const struct vm_area *low, const struct vm_area *high)
{
	if (!low || !high || ((low->flags | high->flags) & VM_HUGETLB) || low->end != high->start || ((low->flags ^ high->flags) & ~VM_SOFTCLEAN) ||
		low->watch != high->watch || low->policy != high->policy || low->object != high->object || low->backing != high->backing ||
		low->backing_ops != high->backing_ops || low->label != high->label)
		return false;
	if ((low->object || low->backing_ops) && area_index(low, high->start) != high->pgoff)
		return false;
	return same_name(low->anon_name, high->anon_name);
}

/* @low takes over @high's pages. */
static void join(struct vm_area *low, struct vm_area *high)
{
	vaddr_t end = high->end;

	area_erase(high->space, high);
	/* Soft-dirty, if one was. */
	area_set_flags(low, low->flags & high->flags);
	area_resize(low, low->start, end, false);
	/* The object is held by low: putting the other reference is never the last one. */
	area_dispose(high);
}

struct vm_area *area_merge(struct vm_area *a)
{
	struct vm_area *prev = area_prev(a), *next = area_next(a);

	if (area_can_merge(a, next))
		join(a, next);
	if (area_can_merge(prev, a)) {
		join(prev, a);
		a = prev;
	}
	return a;
}

void area_dispose(struct vm_area *dead)
{
	while (dead) {
		struct vm_area *a = dead;

		dead = a->next_dead;
		if (unlikely(a->flags & VM_UNMAP_NOTE)) {
			a->watch->ops->tell(a->watch, UFFD_EVENT_UNMAP, a->start, a->end, 0);
			a->watch = NULL;
		}
		area_unlink_object(a);
		if (is_writer(a))
			__atomic_fetch_sub(&a->object->writable_maps, 1, __ATOMIC_RELAXED);
		if (a->backing) {
			if (a->backing_ops->closed)
				a->backing_ops->closed(a->backing);
			a->backing_ops->put(a->backing);
		}
		if (unlikely(a->watch))
			vm_watch_put(a->watch);
		if (unlikely(a->policy))
			vm_policy_put(a->policy);
		kfree(a->anon_name);
		area_free(a);
	}
}

/*
 * The highest hole: visit areas from high to low addresses, but only those subtrees that have a large enough hole, and nothing whose hole is
 * wholly above @high.
 */
static vaddr_t hole_below_areas(struct vm_space *s, u64 len, vaddr_t low, vaddr_t high)
{
	struct rb_node *n = s->areas.node, *from;

	if (subtree_gap(n) < len)
		return 0;
down:
	while (subtree_gap(n->right) >= len && rb_entry(n, struct vm_area, node)->end + len <= high)
		n = n->right;
	for (;;) {
		struct vm_area *a = rb_entry(n, struct vm_area, node);
		vaddr_t top = guarded_start(a), floor = max(top - a->gap, low);

		top = min(top, high);
		if (a->gap >= len && top > floor && top - floor >= len)
			return top - len;
		if (subtree_gap(n->left) >= len) {
			n = n->left;
			goto down;
		}
		do {
			from = n;
			n = rb_parent(n);
			if (!n)
				return 0;
		} while (from == n->left);
	}
}

vaddr_t area_find_hole(struct vm_space *s, u64 len, vaddr_t low, vaddr_t high)
{
	struct rb_node *last = s->areas.node;
	vaddr_t floor = low;

	if (high < low || high - low < len)
		return 0;
	while (last && last->right)
		last = last->right;
	if (last)
		floor = max(floor, rb_entry(last, struct vm_area, node)->end);
	if (floor <= high - len)
		return high - len;
	return hole_below_areas(s, len, low, high);
}

void area_init(void)
{
	area_cache = slab_cache_create("vm_area", sizeof(struct vm_area), 0, SLAB_RCU | SLAB_PANIC);
}
