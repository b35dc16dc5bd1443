/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mremap. Moving takes each entry out of its old table and puts it into the new one, both tables locked, under the object's maps_lock: truncation
 * finds it in either place.
 */
#include <linux/mman.h>
#include "pt.h"
#include "space_impl.h"

struct remap {
	struct vm_space *s;
	vaddr_t old, new_addr;
	u64 old_len, new_len;
	int flags;
	u64 limit_as, limit_memlock;
	struct vm_watch *watch;	/* is told of the move */
};

/* Move @n entries; each run lies in one table on both sides. True: there was something. */
static bool move_run(struct pte *from, struct pte *to, unsigned n)
{
	bool moved = false;

	pt_lock_two(from, to);
	for (unsigned i = 0; i < n; i++) {
		struct pte pte = pte_load(&from[i]);

		if (pte_is_none(pte))
			continue;
		pte = pte_exchange(&from[i], pte_none());
		pte_store(&to[i], pte);
		pt_note_used(&to[i]);
		moved = true;
	}
	pt_unlock_two(from, to);
	return moved;
}

/* Move a huge leaf; false: it is none any more, or a table is in the way. */
static bool move_large(struct pte *from, struct pte *to)
{
	struct pte pte;
	bool ok;

	pt_lock_two(from, to);
	pte = pte_load(from);
	ok = pte_is_none(pte_load(to)) && !pte_is_none(pte) && !pte_is_table(pte);
	if (ok) {
		pte_store(to, pte_exchange(from, pte_none()));
		pt_note_used(to);
	}
	pt_unlock_two(from, to);
	return ok;
}

/* Move the entries of [old, old + len) to @new_addr. -ENOMEM: some are moved, the caller moves them back. */
static int move_entries(struct vm_space *s, vaddr_t old, vaddr_t new_addr, u64 len, u64 *done)
{
	vaddr_t va = old, end = old + len;
	bool moved = false, busy;
	struct pt_at at;
	int err = 0;

	while ((at = pt_next(s, &va, end)).e) {
		struct pte *from = at.e;
		vaddr_t dst = new_addr + (va - old);
		u64 room = min(pt_span(1) - (va & (pt_span(1) - 1)), pt_span(1) - (dst & (pt_span(1) - 1)));
		bool whole = at.level && room == pt_span(1) && end - va >= room;
		struct pte *to = whole ? pt_make(&s->mmu, &s->root, dst, 1, ALLOC_SLEEP, &busy) : NULL;

		if (to && move_large(from, to)) {
			moved = true;
			va += room;
			continue;
		}
		if (at.level) {
			err = huge_split_in(s, va);
			if (err)
				break;
			continue;
		}
		to = pt_make(&s->mmu, &s->root, dst, 0, ALLOC_SLEEP, &busy);
		if (!to) {
			err = -ENOMEM;
			break;
		}
		room = min(room, end - va);
		moved |= move_run(from, to, (unsigned)(room >> PAGE_SHIFT));
		va += room;
	}
	if (moved)
		tlb_flush_range(&s->mmu, old, end, false);
	*done = min(va, end) - old;
	return err;
}

/* The area that holds all of the old range, or why not. */
static int find_source(const struct remap *r, struct vm_area **out)
{
	struct vm_area *a = area_find(r->s, r->old);

	if (!a || a->start > r->old)
		return -EFAULT;
	if (a->flags & VM_SEALED)
		return -EPERM;
	if (!r->old_len) {
		/* Linux: a second mapping of the same pages; only of shared ones. */
		if (!(a->flags & VM_SHARED))
			return -EINVAL;
	} else if (r->old + r->old_len > a->end) {
		return -EFAULT;
	}
	if ((r->flags & MREMAP_DONTUNMAP) && (a->flags & (VM_DEVICE | VM_LOCKED | VM_HUGETLB)))
		return -EINVAL;
	if ((a->flags & VM_DEVICE) && r->new_len > r->old_len)
		return -EFAULT;
	if (r->new_len > USER_VA_END)
		return -ENOMEM;
	*out = a;
	return 0;
}

static int may_add(const struct remap *r, const struct vm_area *a, u64 npages)
{
	if (space_may_grow(r->s, a->flags, npages, r->limit_as, ~0ull))
		return -ENOMEM;
	if ((a->flags & VM_LOCKED) && r->s->locked_pages + npages > r->limit_memlock >> PAGE_SHIFT)
		return -EAGAIN;
	return area_is_accounted(a->flags) ? vm_commit(npages) : 0;
}

/* Grow where it is. -ENOSPC: something is in the way. */
static int grow_in_place(const struct remap *r, struct vm_area *a)
{
	vaddr_t end = r->old + r->new_len;
	u64 add = (r->new_len - r->old_len) >> PAGE_SHIFT;
	struct vm_area *next = area_next(a);
	u64 guard = next && (next->flags & VM_GROWSDOWN) ? vm_stack_guard_gap : 0;
	int err;

	if (a->end != r->old + r->old_len || end < r->old || end > USER_VA_END ||
		(next && next->start < end + guard))
		return -ENOSPC;
	err = may_add(r, a, add);
	if (err)
		return err;
	area_resize(a, a->start, end, false);
	space_account(r->s, a->flags, (s64)add);
	area_merge(a);
	return 0;
}

static struct vm_area *new_home(const struct remap *r, struct vm_area *a)
{
	struct vm_area *c = area_new(r->s);

	if (!c)
		return NULL;
	if (area_fill(c, a, r->new_addr, r->new_addr + r->new_len, area_index(a, r->old), a->flags & ~VM_SOFTCLEAN)) {
		area_free(c);
		return NULL;
	}
	return c;
}

/* Tables that are left where huge leaves are to stand. */
static void clear_tables(struct vm_space *s, vaddr_t va, vaddr_t end)
{
	struct gather g;

	gather_init(&g, s);
	zap_tables(&g, va, end, va, end);
	gather_finish(&g);
}

/* What is reserved for the pages that have moved is not given back with the old area: @old is cut out, and has nothing reserved. */
static int leave_reservations(struct vm_space *s, vaddr_t old, u64 len)
{
	int err = area_cut(s, old, old + len);
	struct vm_area *a = area_find(s, old);

	if (!err)
		area_set_flags(a, a->flags | VM_NORESERVE);
	return err;
}

/*
 * Entries of [old, +len) go to @home, all or none. It is not in the tree yet, so that nobody makes entries there meanwhile; but on the object's
 * list, so that truncation finds those that have moved.
 */
static int move_pages(const struct remap *r, struct vm_area *a, struct vm_area *home, u64 len)
{
	struct vm_object *obj = a->object;
	u64 done, back;
	int err;

	area_changed(a, false);
	if (unlikely(a->flags & VM_HUGETLB))
		clear_tables(r->s, r->new_addr, r->new_addr + len);
	if (obj) {
		mutex_lock(&obj->maps_lock);
		list_add_tail(&home->object_link, &obj->maps);
	}
	err = move_entries(r->s, r->old, r->new_addr, len, &done);
	if (err)
		(void)!move_entries(r->s, r->new_addr, r->old, done, &back);
	if (obj)
		mutex_unlock(&obj->maps_lock);
	return err;
}

static int choose_place(struct remap *r, const struct vm_area *a, struct vm_area **dead)
{
	u64 slack = a->flags & VM_HUGETLB ? HUGE_SIZE - PAGE_SIZE : 0;
	struct vm_space *s = r->s;

	if (r->flags & MREMAP_FIXED)
		return unmap_locked(s, r->new_addr, r->new_addr + r->new_len, dead);
	r->new_addr = area_find_hole(s, r->new_len + slack, vm_mmap_min_addr, s->mmap_top);
	if (!r->new_addr)
		r->new_addr = area_find_hole(s, r->new_len + slack, vm_mmap_min_addr, USER_VA_END);
	r->new_addr = align_up(r->new_addr, slack + PAGE_SIZE);
	return r->new_addr ? 0 : -ENOMEM;
}

static int move(struct remap *r, struct vm_area *a, struct vm_area **dead)
{
	struct vm_space *s = r->s;
	struct vm_area *home;
	u64 npages = r->new_len >> PAGE_SHIFT;
	int err;

	if (s->nareas + 3 >= vm_max_map_count)
		return -ENOMEM;
	err = choose_place(r, a, dead);
	if (err)
		return err;
	/* Making room may have cut or removed the source's neighbours, never the source. */
	err = find_source(r, &a);
	if (err)
		return err;
	err = may_add(r, a, npages);
	if (err)
		return err;
	home = new_home(r, a);
	if (!home) {
		err = -ENOMEM;
		goto uncommit;
	}
	err = a->flags & VM_HUGETLB && r->old_len ? leave_reservations(s, r->old, r->old_len) : 0;
	if (!err)
		err = move_pages(r, area_find(s, r->old), home, min(r->old_len, r->new_len));
	if (err) {
		home->next_dead = *dead;
		*dead = home;
		goto uncommit;
	}
	area_insert(s, home);
	if (area_tells(home, UFFD_FEATURE_EVENT_REMAP)) {
		r->watch = home->watch;
		vm_watch_begin(r->watch);
	} else if (home->watch) {
		home->watch->ops->leave(home);
	}
	space_account(s, home->flags, (s64)npages);
	area_merge(home);
	if (r->old_len && !(r->flags & MREMAP_DONTUNMAP))
		err = unmap_locked(s, r->old, r->old + r->old_len, dead);
	return err;
uncommit:
	if (area_is_accounted(a->flags))
		vm_uncommit(npages);
	return err;
}

/* Memory of huge pages: in whole ones, and it does not grow. */
static int round_to_blocks(struct remap *r)
{
	struct vm_area *a = area_find(r->s, r->old);

	if (!a || a->start > r->old || likely(!(a->flags & VM_HUGETLB)))
		return 0;
	r->old_len = align_up(r->old_len, HUGE_SIZE);
	r->new_len = align_up(r->new_len, HUGE_SIZE);
	if ((r->old | (r->flags & MREMAP_FIXED ? r->new_addr : 0)) & (HUGE_SIZE - 1))
		return -EINVAL;
	return r->new_len > r->old_len ? -EINVAL : 0;
}

static int remap_locked(struct remap *r, struct vm_area **dead, vaddr_t *out_va)
{
	struct vm_area *a;
	int err = round_to_blocks(r);

	if (err)
		return err;
	if (range_is_bad(r->old, PAGE_SIZE) || !area_find_in(r->s, r->old, r->old + PAGE_SIZE))
		return -EFAULT;
	if (range_is_bad(r->old, r->old_len))
		return r->old_len > r->new_len ? -EINVAL : -EFAULT;
	if (r->old_len > r->new_len && !(r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))) {
		*out_va = r->old;
		return unmap_locked(r->s, r->old + r->new_len, r->old + r->old_len, dead);
	}
	err = find_source(r, &a);
	if (err)
		return err;
	*out_va = r->old;
	if (!(r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && r->old_len) {
		if (r->old_len == r->new_len)
			return 0;
		err = grow_in_place(r, a);
		if (err != -ENOSPC)
			return err;
	}
	if (!(r->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	if (r->old_len > r->new_len) {
		/* Shrink first, then move what is left. */
		err = unmap_locked(r->s, r->old + r->new_len, r->old + r->old_len, dead);
		if (err)
			return err;
		r->old_len = r->new_len;
		err = find_source(r, &a);
		if (err)
			return err;
	}
	err = move(r, a, dead);
	*out_va = r->new_addr;
	return err;
}

static int check_args(const struct remap *r)
{
	int flags = r->flags;

	if ((flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) || (r->old & (PAGE_SIZE - 1)) ||
		!r->new_len)
		return -EINVAL;
	if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if ((flags & MREMAP_DONTUNMAP) && r->old_len != r->new_len)
		return -EINVAL;
	if (!(flags & MREMAP_FIXED))
		return 0;
	if (range_is_bad(r->new_addr, r->new_len))
		return -EINVAL;
	if (r->new_addr < vm_mmap_min_addr)
		return -EPERM;
	if (r->old + r->old_len > r->new_addr && r->new_addr + r->new_len > r->old)
		return -EINVAL;
	return 0;
}

int vm_remap(struct vm_space *s, vaddr_t old, size_t old_len, size_t new_len, int mremap_flags,
	vaddr_t new_addr, u64 limit_as, u64 limit_memlock, vaddr_t *out_va)
{
	struct remap r = {s, old, new_addr, align_up(old_len, PAGE_SIZE), align_up(new_len, PAGE_SIZE),
		mremap_flags, limit_as, limit_memlock, NULL};
	struct vm_area *dead = NULL, *a;
	bool populate = false;
	vaddr_t va = old;
	int err = check_args(&r);

	if (err)
		return err;
	mutex_lock(&s->map_lock);
	err = remap_locked(&r, &dead, &va);
	if (!err) {
		a = area_find(s, va);
		populate = a && (a->flags & (VM_LOCKED | VM_LOCKONFAULT)) == VM_LOCKED && new_len > old_len;
	}
	mutex_unlock(&s->map_lock);
	if (unlikely(r.watch))
		r.watch->ops->tell(r.watch, UFFD_EVENT_REMAP, old, va, r.old_len);
	area_dispose(dead);
	if (err)
		return err;
	if (populate)
		(void)!vm_populate(s, va + r.old_len, va + r.new_len, true, false);
	*out_va = va;
	return 0;
}
