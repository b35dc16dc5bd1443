/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mmap, munmap, brk, growing stacks.
 *
 * Under map_lock areas come and go; what they held (files) is given back after it is released, since closing a file may need locks that rank below.
 */
#include <lib/string.h>
#include <mm/slab.h>
#include "pt.h"
#include "space_impl.h"

#define LOW32_BOTTOM 0x40000000ull
#define LOW32_TOP    0x80000000ull

static bool guard_stack_above(struct vm_space *s, vaddr_t end)
{
	const struct vm_area *next = area_find(s, end);

	return next && (next->flags & VM_GROWSDOWN) && next->start - end < vm_stack_guard_gap;
}

static bool is_free(struct vm_space *s, vaddr_t va, u64 len)
{
	return !range_is_bad(va, len) && va >= vm_mmap_min_addr && !area_find_in(s, va, va + len) &&
	       !guard_stack_above(s, va + len);
}

/* Where to map @len bytes when the caller does not insist; 0: nowhere. */
static vaddr_t choose(struct vm_space *s, const struct vm_map_args *args, u64 len)
{
	vaddr_t low = max(vm_mmap_min_addr, PAGE_SIZE * 1ull), va;

	if (args->low32 && !(args->flags & VM_HUGETLB))
		return area_find_hole(s, len, LOW32_BOTTOM, LOW32_TOP);
	if (args->hint && is_free(s, args->hint, len) && !(args->flags & VM_HUGETLB))
		return args->hint;
	if (unlikely(args->flags & VM_HUGETLB)) {
		va = align_up(args->hint, HUGE_SIZE);
		if (args->hint && is_free(s, va, len))
			return va;
	}
	/* Memory that huge pages can fill begins where they can. */
	if (unlikely(args->flags & VM_HUGETLB) || (!args->object && !args->backing_ops && !(len & (HUGE_SIZE - 1)))) {
		va = area_find_hole(s, len + HUGE_SIZE - PAGE_SIZE, low, s->mmap_top);
		if (va || (args->flags & VM_HUGETLB))
			return align_up(va, HUGE_SIZE);
	}
	va = area_find_hole(s, len, low, s->mmap_top);
	/* Only when all below mmap_top is taken: the room above it, meant for the stack. */
	return va ? va : area_find_hole(s, len, low, USER_VA_END);
}

/* Is [va, end) one hole or inside one area's middle: how many pages would be unmapped. */
static u64 mapped_pages(struct vm_space *s, vaddr_t va, vaddr_t end)
{
	struct vm_area *a;
	u64 n = 0;

	for (a = area_find_in(s, va, end); a && a->start < end; a = area_next(a))
		n += (min(a->end, end) - max(a->start, va)) >> PAGE_SHIFT;
	return n;
}

/* The tables for leaves across the ends of what is unmapped. */
struct cuts {
	struct page *low, *high;
};

static int prepare_cuts(struct vm_space *s, const struct vm_area *a, vaddr_t va, vaddr_t end, struct cuts *c)
{
	c->low = c->high = NULL;
	if (huge_may_cross(a, va)) {
		c->low = pt_table_new(ALLOC_SLEEP);
		if (!c->low)
			return -ENOMEM;
	}
	if (a->end < end)
		a = area_find_in(s, end - 1, end);
	if (a && huge_may_cross(a, end)) {
		c->high = pt_table_new(ALLOC_SLEEP);
		if (!c->high) {
			if (c->low)
				pt_table_free(c->low);
			return -ENOMEM;
		}
	}
	return 0;
}

/* The part [va, end) of area @a goes; it keeps one side, or both (split). */
static int cut_out(struct vm_space *s, struct vm_area *a, vaddr_t va, vaddr_t end, struct cuts *c)
{
	struct vm_area *part;
	s64 n = (s64)((min(a->end, end) - max(a->start, va)) >> PAGE_SHIFT);

	if (a->start < va && a->end > end) {
		int err = area_split_with(a, end, c->high, &part);

		if (err)
			return err;
		c->high = NULL;
	}
	if (a->start < va)
		area_resize(a, a->start, va, true);
	else
		area_resize(a, end, a->end, true);
	space_account(s, a->flags, -n);
	if (area_is_accounted(a->flags))
		vm_uncommit((u64)n);
	return 0;
}

static bool is_sealed(struct vm_space *s, vaddr_t va, vaddr_t end)
{
	for (struct vm_area *a = area_find_in(s, va, end); a && a->start < end; a = area_next(a)) {
		if (a->flags & VM_SEALED)
			return true;
	}
	return false;
}

/* Would memory of the pool, in @a or in the last area, be cut inside a huge page? */
static bool cuts_block(struct vm_space *s, const struct vm_area *a, vaddr_t va, vaddr_t end)
{
	const struct vm_area *last = area_find(s, end - 1);

	return area_is_whole_at(a, max(va, a->start)) || (last && last->start < end && area_is_whole_at(last, min(end, last->end)));
}

/* Does a leaf table's range that has a part in [va, end) end before @next begins? */
static bool is_room_for_table(vaddr_t va, vaddr_t end, const struct vm_area *next)
{
	vaddr_t first_end = align_down(va, HUGE_SIZE) + HUGE_SIZE;

	return first_end <= end || !next || first_end <= next->start;
}

/* It did not happen. */
static void drop_notes(struct vm_area *list)
{
	while (list) {
		struct vm_area *note = list;

		list = note->next_dead;
		vm_watch_drop(note->watch);
		area_free(note);
	}
}

/* What unmap_locked is about to do to [va, end): areas on *list that stand for the parts that are watched. -ENOMEM. */
static int note_unmap(struct vm_space *s, vaddr_t va, vaddr_t end, struct vm_area **list)
{
	for (struct vm_area *a = area_find_in(s, va, end); a && a->start < end; a = area_next(a)) {
		struct vm_area *note;

		if (!area_tells(a, UFFD_FEATURE_EVENT_UNMAP))
			continue;
		note = area_new(s);
		if (!note)
			return -ENOMEM;
		note->flags = VM_UNMAP_NOTE;
		note->object = NULL;
		note->start = max(a->start, va);
		note->end = min(a->end, end);
		note->watch = a->watch;
		vm_watch_begin(note->watch);
		while (*list)
			list = &(*list)->next_dead;
		*list = note;
	}
	return 0;
}

int unmap_locked(struct vm_space *s, vaddr_t va, vaddr_t end, struct vm_area **out_dead)
{
	struct vm_area *a = area_find_in(s, va, end), *next, *notes = NULL, **tail = out_dead;
	struct cuts cuts;
	struct gather g;
	int err;

	if (!a)
		return 0;
	if (unlikely(s->sealed && is_sealed(s, va, end)))
		return -EPERM;
	if (unlikely(s->hugetlb && cuts_block(s, a, va, end)))
		return -EINVAL;
	space_note_peak(s);
	err = note_unmap(s, va, end, &notes);
	if (!err)
		err = prepare_cuts(s, a, va, end, &cuts);
	if (unlikely(err))
		goto out;
	/* Only the first may need a new area, and it is tried first: on failure nothing has changed. */
	for (; !err && a && a->start < end; a = next) {
		next = area_next(a);
		if (a->start < va || a->end > end) {
			area_forget(a, max(va, a->start), min(end, a->end));
			err = cut_out(s, a, va, end, &cuts);
			continue;
		}
		area_forget(a, a->start, a->end);
		area_erase(s, a);
		/* Before another area can be here: a truncation of its object must not take that one's pages. */
		if (a->object)
			area_unlink_object(a);
		space_account(s, a->flags, -(s64)area_pages(a));
		if (area_is_accounted(a->flags))
			vm_uncommit(area_pages(a));
		while (*tail)
			tail = &(*tail)->next_dead;
		*tail = a;
	}
	huge_cut(s, va, cuts.low);
	huge_cut(s, end, cuts.high);
	if (unlikely(err))
		goto out;
	gather_init(&g, s);
	zap_range(&g, va, end, NULL);
	if (g.met_low < g.met_high && is_room_for_table(g.met_low, g.met_high, a)) {
		struct hole hole = area_hole(s, a);

		zap_tables(&g, g.met_low, g.met_high, hole.low, hole.high);
	}
	gather_finish(&g);
	if (unlikely(notes)) {
		while (*tail)
			tail = &(*tail)->next_dead;
		*tail = notes;
	}
	return 0;
out:
	drop_notes(notes);
	return err;
}

int vm_unmap(struct vm_space *s, vaddr_t va, size_t len)
{
	struct vm_area *dead = NULL;
	int err;

	len = align_up(len, PAGE_SIZE);
	if (!len || range_is_bad(va, len))
		return -EINVAL;
	mutex_lock(&s->map_lock);
	err = unmap_locked(s, va, va + len, &dead);
	mutex_unlock(&s->map_lock);
	area_dispose(dead);
	return err;
}

/* A shared mapping that may write joins the object's writers, unless they are sealed off. */
static int join_writers(struct vm_object *obj, u32 flags)
{
	u32 n;

	if (!obj || !(flags & VM_SHARED) || !(flags & VM_MAYWRITE))
		return 0;
	n = READ_ONCE(obj->writable_maps);
	do {
		if (n & VM_OBJECT_SEALED)
			return -EPERM;
	} while (!__atomic_compare_exchange_n(&obj->writable_maps, &n, n + 1, true, __ATOMIC_ACQUIRE,
		__ATOMIC_RELAXED));
	return 0;
}

static void leave_writers(struct vm_object *obj, u32 flags)
{
	if (obj && (flags & VM_SHARED) && (flags & VM_MAYWRITE))
		__atomic_fetch_sub(&obj->writable_maps, 1, __ATOMIC_RELAXED);
}

/* Would the new pages continue a neighbour? Then it grows, and no area is made. */
static bool extend_neighbour(struct vm_space *s, const struct vm_area *want)
{
	struct vm_area *next = area_find(s, want->start), *prev;

	prev = next ? area_prev(next) : NULL;
	if (!next) {
		struct rb_node *last = rb_last(&s->areas);

		prev = rb_entry_safe(last, struct vm_area, node);
	}
	if (area_can_merge(prev, want)) {
		area_set_flags(prev, prev->flags & want->flags);
		area_resize(prev, prev->start, want->end, false);
		area_merge(prev);
		return true;
	}
	if (area_can_merge(want, next)) {
		area_set_flags(next, next->flags & want->flags);
		area_resize(next, want->start, next->end, false);
		return true;
	}
	return false;
}

static int insert_new(struct vm_space *s, const struct vm_map_args *args, u32 flags, vaddr_t va, u64 len)
{
	struct vm_area want = {.start = va, .end = va + len, .flags = flags, .pgoff = args->pgoff,
		.object = args->object, .backing_ops = args->backing_ops, .backing = args->backing,
		.label = args->label};
	struct vm_area *a;

	if (!args->object && !args->backing)
		want.pgoff = va >> PAGE_SHIFT;
	if (extend_neighbour(s, &want)) {
		/* The neighbour counts as the object's writer already. */
		leave_writers(args->object, flags);
		return 0;
	}
	if (s->nareas >= vm_max_map_count)
		return -ENOMEM;
	a = area_new(s);
	if (!a)
		return -ENOMEM;
	if (area_fill(a, &want, va, va + len, want.pgoff, flags)) {
		area_free(a);
		return -ENOMEM;
	}
	if (unlikely(flags & VM_HUGETLB)) {
		int err = a->object->ops->blocks->open(a);

		s->hugetlb = true;
		if (err) {
			area_dispose(a);
			return err;
		}
	}
	/* join_writers has counted it. */
	leave_writers(args->object, flags);
	area_insert(s, a);
	return 0;
}

static int check_limits(
	struct vm_space *s, const struct vm_map_args *args, u32 flags, u64 npages, u64 replaced)
{
	int err = space_may_grow(s, flags, npages - min(npages, replaced), args->limit_as, args->limit_data);

	if (err)
		return err;
	if ((flags & VM_LOCKED) && s->locked_pages + npages > args->limit_memlock >> PAGE_SHIFT)
		return -EAGAIN;
	return 0;
}

/* Find the place; for a fixed one, empty it. */
static int take_place(struct vm_space *s, const struct vm_map_args *args, u64 len, vaddr_t *out_va,
	struct vm_area **dead)
{
	if (!args->fixed) {
		*out_va = choose(s, args, len);
		return *out_va ? 0 : -ENOMEM;
	}
	*out_va = args->hint;
	if (!area_find_in(s, args->hint, args->hint + len))
		return 0;
	return args->noreplace ? -EEXIST : unmap_locked(s, args->hint, args->hint + len, dead);
}

static int map_locked(struct vm_space *s, const struct vm_map_args *args, u32 flags, u64 len, vaddr_t *out_va,
	struct vm_area **dead)
{
	u64 npages = len >> PAGE_SHIFT, replaced = 0;
	int err;

	if (unlikely(s->exec_gain) && (flags & VM_EXEC) && (flags & VM_WRITE))
		return -EACCES;
	if (args->fixed && !args->noreplace)
		replaced = mapped_pages(s, args->hint, args->hint + len);
	err = check_limits(s, args, flags, npages, replaced);
	if (err)
		return err;
	err = take_place(s, args, len, out_va, dead);
	if (err)
		return err;
	if (area_is_accounted(flags)) {
		err = vm_commit(npages);
		if (err)
			return err;
	}
	err = join_writers(args->object, flags);
	if (!err) {
		err = insert_new(s, args, flags, *out_va, len);
		if (err)
			leave_writers(args->object, flags);
	}
	if (err) {
		if (area_is_accounted(flags))
			vm_uncommit(npages);
		return err;
	}
	space_account(s, flags, (s64)npages);
	return 0;
}

/* What the kernel decides of an area's flags. */
static u32 final_flags(struct vm_space *s, const struct vm_map_args *args)
{
	u32 flags = (args->flags | s->def_flags) & ~VM_ACCOUNT;
	bool promise = (flags & (VM_WRITE | VM_SHARED)) == VM_WRITE && !(flags & VM_DEVICE);

	if (promise && (!(flags & VM_NORESERVE) || vm_overcommit_policy == 2))
		flags |= VM_ACCOUNT;
	if (flags & VM_HUGETLB)
		flags &= ~VM_ACCOUNT; /* the pool answers for it */
	if (flags & (VM_DEVICE | VM_HUGETLB))
		flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
	if (unlikely((flags & VM_RWX) == VM_EXEC))
		flags |= space_exec_key(s) << ctz32(VM_KEY);
	return flags;
}

int vm_map(struct vm_space *s, const struct vm_map_args *args, vaddr_t *out_va)
{
	u64 len = align_up(args->len, PAGE_SIZE);
	struct vm_area *dead = NULL;
	vaddr_t va;
	u32 flags;
	int err;

	if (!args->len || len < args->len || len > USER_VA_END)
		return args->len ? -ENOMEM : -EINVAL;
	if (args->fixed && range_is_bad(args->hint, len))
		return (args->hint & (PAGE_SIZE - 1)) ? -EINVAL : -ENOMEM;
	if (args->fixed && args->hint < vm_mmap_min_addr && !vm_low_is_privileged())
		return -EPERM;
	if ((args->flags & VM_HUGETLB) && ((len | args->pgoff << PAGE_SHIFT | (args->fixed ? args->hint : 0)) & (HUGE_SIZE - 1)))
		return -EINVAL;
	if (args->object && args->pgoff + (len >> PAGE_SHIFT) < args->pgoff)
		return -EOVERFLOW;
	mutex_lock(&s->map_lock);
	flags = final_flags(s, args);
	err = map_locked(s, args, flags, len, &va, &dead);
	mutex_unlock(&s->map_lock);
	area_dispose(dead);
	if (err)
		return err;
	if (args->populate || (flags & (VM_LOCKED | VM_LOCKONFAULT)) == VM_LOCKED)
		(void)!vm_populate(s, va, va + len, (flags & (VM_WRITE | VM_SHARED)) == VM_WRITE, false);
	*out_va = va;
	return 0;
}

/* Does one file, mapped in one way, lie in all of [va, end), from @a on? */
static bool is_one_file(struct vm_area *a, vaddr_t end)
{
	while (a->end < end) {
		struct vm_area *next = area_next(a);

		if (!next || next->start != a->end || next->backing != a->backing || next->object != a->object || next->flags != a->flags)
			return false;
		a = next;
	}
	return true;
}

int vm_remap_pages(struct vm_space *s, vaddr_t va, u64 len, u64 pgoff, struct vm_map_args *args)
{
	struct vm_area *a;
	int err = -EINVAL;
	vaddr_t at;

	mutex_lock(&s->map_lock);
	a = area_find(s, va);
	if (a && a->start <= va && (a->flags & VM_SHARED) && a->backing && is_one_file(a, va + len)) {
		args->flags = a->flags & ~(VM_UFFD_ALL | VM_SOFTCLEAN);
		args->object = a->object;
		args->backing_ops = a->backing_ops;
		args->backing = a->backing;
		a->backing_ops->get(a->backing);
		err = 0;
	}
	mutex_unlock(&s->map_lock);
	if (err)
		return err;
	args->hint = va;
	args->len = len;
	args->pgoff = pgoff;
	args->fixed = true;
	err = vm_map(s, args, &at);
	args->backing_ops->put(args->backing);
	return err;
}

static int brk_grow(struct vm_space *s, vaddr_t old_end, vaddr_t new_end, u64 limit_data, u64 limit_as)
{
	struct vm_map_args args = {
		.hint = old_end,
		.len = new_end - old_end,
		.flags = VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC,
		.fixed = true,
		.noreplace = true,
		.label = "[heap]",
		.limit_as = limit_as,
		.limit_data = limit_data,
		.limit_memlock = ~0ull,
	};
	struct vm_area *dead = NULL;
	vaddr_t va;

	if (range_is_bad(old_end, args.len) || guard_stack_above(s, new_end))
		return -ENOMEM;
	return map_locked(s, &args, final_flags(s, &args), args.len, &va, &dead);
}

vaddr_t vm_brk(struct vm_space *s, vaddr_t brk, u64 limit_data, u64 limit_as)
{
	struct vm_area *dead = NULL;
	vaddr_t old_end, new_end, populate = 0;
	int err = 0;

	mutex_lock(&s->map_lock);
	old_end = align_up(s->brk, PAGE_SIZE);
	new_end = align_up(brk, PAGE_SIZE);
	if (brk < s->brk_start || brk > USER_VA_END || brk - s->brk_start > limit_data)
		err = -ENOMEM;
	else if (new_end > old_end)
		err = brk_grow(s, old_end, new_end, limit_data, limit_as);
	else if (new_end < old_end)
		err = unmap_locked(s, new_end, old_end, &dead);
	if (!err) {
		s->brk = brk;
		if (new_end > old_end && (s->def_flags & (VM_LOCKED | VM_LOCKONFAULT)) == VM_LOCKED)
			populate = old_end;
	}
	brk = s->brk;
	mutex_unlock(&s->map_lock);
	area_dispose(dead);
	if (populate)
		(void)!vm_populate(s, populate, new_end, true, false);
	return brk;
}

static int grow_locked(struct vm_space *s, vaddr_t va, u64 limit_stack)
{
	struct vm_area *a = area_find(s, va), *prev;
	u64 n;

	if (!a || a->start <= va)
		return a ? 0 : -EFAULT;
	n = (a->start - va) >> PAGE_SHIFT;
	prev = area_prev(a);
	if (!(a->flags & VM_GROWSDOWN) || a->end - va > limit_stack || va < vm_mmap_min_addr)
		return -EFAULT;
	if (prev && (prev->flags & VM_RWX) && !(prev->flags & VM_GROWSDOWN) &&
		va < prev->end + vm_stack_guard_gap)
		return -EFAULT;
	if (prev && va < prev->end)
		return -EFAULT;
	if (area_is_accounted(a->flags) && vm_commit(n))
		return -ENOMEM;
	area_resize(a, va, a->end, false);
	space_account(s, a->flags, (s64)n);
	return 0;
}

enum fault_result stack_grow(struct vm_space *s, vaddr_t va, u64 limit_stack)
{
	int err;

	mutex_lock(&s->map_lock);
	err = grow_locked(s, va, limit_stack);
	mutex_unlock(&s->map_lock);
	return err ? FR_MAPERR : FR_RETRY;
}
