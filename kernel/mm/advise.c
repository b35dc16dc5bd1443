/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * madvise, mincore, msync. Anonymous memory has no place to be paged out to.
 *
 * What the personality does for a range of an area (msync, MADV_WILLNEED) sleeps, so it is done without map_lock: the area's backing is borrowed, and the walk
 * goes on behind the range whatever is there then.
 */
#include <linux/mman.h>
#include <arch/trap.h>
#include <sched/thread.h>
#include <sync/rcu.h>
#include "pt.h"
#include "space_impl.h"

struct advice {
	u32 set, clear;		/* flags of areas */
	u32 must, must_not;	/* flags that areas have to have, or -EINVAL */
	bool anonymous;		/* only without object */
	bool removes;		/* a userfaultfd is told of it */
	bool discards;		/* what is there, or will be in a child: not of sealed memory that cannot be written to */
	int (*act)(struct vm_area *a, vaddr_t va, vaddr_t end);
};

/* Huge leaves that lie across an end. */
static int split_ends(struct vm_area *a, vaddr_t va, vaddr_t end)
{
	int err = huge_split_at(a->space, va);

	return err ? err : huge_split_at(a->space, end);
}

static int drop_pages(struct vm_area *a, vaddr_t va, vaddr_t end)
{
	struct zap_filter guards = {.private_too = true, .keep_guards = true};
	struct gather g;
	int err = split_ends(a, va, end);

	if (err)
		return err;
	gather_init(&g, a->space);
	zap_range(&g, va, end, a->object && (a->flags & VM_UFFD_WP) ? &guards : NULL);
	gather_finish(&g);
	return 0;
}

static int free_pages_lazily(struct vm_area *a, vaddr_t va, vaddr_t end)
{
	int err = split_ends(a, va, end);

	if (!err)
		lazy_mark(a->space, va, end);
	return err;
}

/* NULL: not one of those that change areas or drop entries. */
static const struct advice *advice_of(int advice)
{
	static const struct advice normal = {.clear = VM_SEQ_READ | VM_RAND_READ},
		random = {.set = VM_RAND_READ, .clear = VM_SEQ_READ},
		sequential = {.set = VM_SEQ_READ, .clear = VM_RAND_READ},
		nothing = {0},
		dontneed = {.discards = true, .removes = true, .must_not = VM_LOCKED | VM_DEVICE, .act = drop_pages},
		dontneed_locked = {.discards = true, .removes = true, .must_not = VM_DEVICE, .act = drop_pages},
		freeing = {.discards = true, .removes = true, .must_not = VM_LOCKED | VM_DEVICE | VM_SHARED, .anonymous = true, .act = free_pages_lazily},
		dontfork = {.discards = true, .set = VM_DONTFORK},
		dofork = {.clear = VM_DONTFORK, .must_not = VM_DEVICE},
		wipe = {.discards = true, .set = VM_WIPEONFORK, .must_not = VM_SHARED, .anonymous = true},
		keep = {.clear = VM_WIPEONFORK},
		dontdump = {.set = VM_DONTDUMP},
		dodump = {.clear = VM_DONTDUMP, .must_not = VM_DEVICE},
		huge = {.set = VM_HUGE, .clear = VM_NOHUGE},
		nohuge = {.set = VM_NOHUGE, .clear = VM_HUGE},
		collapse = {.must_not = VM_NOHUGE | VM_DEVICE, .anonymous = true, .act = huge_collapse},
		cold = {.must_not = VM_LOCKED | VM_DEVICE | VM_HUGETLB};

	switch (advice) {
	case MADV_NORMAL: return &normal;
	case MADV_RANDOM: return &random;
	case MADV_SEQUENTIAL: return &sequential;
	case MADV_WILLNEED: return &nothing;
	case MADV_DONTNEED: return &dontneed;
	case MADV_DONTNEED_LOCKED: return &dontneed_locked;
	case MADV_FREE: return &freeing;
	case MADV_DONTFORK: return &dontfork;
	case MADV_DOFORK: return &dofork;
	case MADV_WIPEONFORK: return &wipe;
	case MADV_KEEPONFORK: return &keep;
	case MADV_DONTDUMP: return &dontdump;
	case MADV_DODUMP: return &dodump;
	case MADV_HUGEPAGE: return &huge;
	case MADV_NOHUGEPAGE: return &nohuge;
	case MADV_COLLAPSE: return &collapse;
	case MADV_COLD:
	case MADV_PAGEOUT: return &cold;
	default: return NULL;
	}
}

/* Sealed private anonymous memory without the right to write, be it for its key. */
static bool is_sealed_constant(const struct vm_area *a)
{
	const struct thread *self = thread_current();

	if (likely((a->flags & (VM_SEALED | VM_SHARED)) != VM_SEALED) || !area_is_anonymous(a))
		return false;
	return !(a->flags & VM_WRITE) || (self && self->space == a->space && mmu_key_restrictions(area_key(a)));
}

/* May it be given for this area? */
static int check_advice(const struct vm_area *a, const struct advice *adv)
{
	if (adv->discards && is_sealed_constant(a))
		return -EPERM;
	if ((a->flags & adv->must_not) || (a->flags & adv->must) != adv->must ||
		(adv->anonymous && !area_is_anonymous(a)))
		return -EINVAL;
	return 0;
}

static int apply(struct vm_space *s, struct vm_area *a, vaddr_t va, vaddr_t end, const struct advice *adv)
{
	u32 flags = (a->flags & ~adv->clear) | adv->set;
	int err = check_advice(a, adv);

	if (err)
		return err;
	if (unlikely(a->flags & VM_HUGETLB) && adv->act) {
		if (va & (HUGE_SIZE - 1))
			return -EINVAL;
		end = align_down(end, HUGE_SIZE);
	}
	if (flags != a->flags) {
		err = area_cut(s, va, end);
		if (err)
			return err;
		a = area_find(s, va);
		area_set_flags(a, flags);
		area_merge(a);
	}
	return adv->act ? adv->act(a, va, end) : 0;
}

/* Tell who wants to know that [va, end) of @a is about to go. map_lock is given up for that: true, @a has to be looked for again. */
static bool tell_removal(struct vm_space *s, struct vm_area *a, vaddr_t va, vaddr_t end)
{
	struct vm_watch *w = a->watch;

	if (!area_tells(a, UFFD_FEATURE_EVENT_REMOVE))
		return false;
	vm_watch_begin(w);
	mutex_unlock(&s->map_lock);
	w->ops->tell(w, UFFD_EVENT_REMOVE, va, end, 0);
	mutex_lock(&s->map_lock);
	return true;
}

/* Areas in order; holes are passed over but reported, as Linux does. */
static int advise_locked(struct vm_space *s, vaddr_t va, vaddr_t end, const struct advice *adv)
{
	vaddr_t told = va;
	bool hole = false;

	while (va < end) {
		struct vm_area *a = area_find_in(s, va, end);
		vaddr_t stop;
		int err;

		if (!a)
			return -ENOMEM;
		hole |= a->start > va;
		va = max(va, a->start);
		stop = min(a->end, end);
		if (adv->removes && va >= told) {
			told = stop;
			if (!check_advice(a, adv) && tell_removal(s, a, va, stop))
				continue;
		}
		err = apply(s, a, va, stop, adv);
		if (err)
			return err;
		va = stop;
	}
	return hole ? -ENOMEM : 0;
}

/* MADV_REMOVE: a hole in the object itself. */
static int remove_pages(struct vm_space *s, vaddr_t va, vaddr_t end)
{
	vaddr_t told = va;

	while (va < end) {
		struct vm_object *obj = NULL;
		const struct vm_backing_ops *ops;
		void *backing;
		struct vm_area *a;
		u64 from, len;

		mutex_lock(&s->map_lock);
		a = area_find(s, va);
		if (a && a->start <= va && a->object && !a->object->ops->fill && !(a->flags & VM_LOCKED) &&
			(a->flags & (VM_SHARED | VM_WRITE)) == (VM_SHARED | VM_WRITE)) {
			if (va >= told) {
				told = min(a->end, end);
				if (tell_removal(s, a, va, told)) {
					mutex_unlock(&s->map_lock);
					continue;
				}
			}
			obj = a->object;
			ops = a->backing_ops;
			backing = a->backing;
			from = area_index(a, va) << PAGE_SHIFT;
			len = min(a->end, end) - va;
			if (backing)
				ops->get(backing);
		}
		mutex_unlock(&s->map_lock);
		if (!obj)
			return a && a->start <= va ? -EINVAL : -ENOMEM;
		if (unlikely(obj->ops->blocks))
			obj->ops->blocks->punch(obj, align_up(from, HUGE_SIZE), align_down(from + len, HUGE_SIZE));
		else
			vm_object_punch(obj, from, from + len);
		if (backing)
			ops->put(backing);
		va += len;
	}
	return 0;
}

/*
 * Have [va, end) of @a, which maps a file, written, or read ahead. map_lock is given up for that; *next is where to go on.
 */
static int without_lock(struct vm_space *s, struct vm_area *a, vaddr_t va, vaddr_t end, bool sync, vaddr_t *next)
{
	const struct vm_backing_ops *ops = a->backing_ops;
	void *backing = a->backing;
	u64 index = area_index(a, va), n = (end - va) >> PAGE_SHIFT;
	int err = 0;

	*next = end;
	if (!backing || !(sync ? (void *)ops->sync : (void *)ops->willneed))
		return 0;
	ops->get(backing);
	mutex_unlock(&s->map_lock);
	if (sync)
		err = ops->sync(backing, index, n);
	else
		ops->willneed(backing, index, n);
	ops->put(backing);
	mutex_lock(&s->map_lock);
	return err;
}

/* MADV_WILLNEED. Holes are passed over, but told. */
static int will_need(struct vm_space *s, vaddr_t va, vaddr_t end)
{
	bool hole = false;

	mutex_lock(&s->map_lock);
	while (va < end) {
		struct vm_area *a = area_find_in(s, va, end);

		hole |= !a || a->start > va;
		if (!a)
			break;
		va = max(va, a->start);
		if (a->object && a->object->ops->fill)
			(void)without_lock(s, a, va, min(a->end, end), false, &va);
		else
			va = a->end;
	}
	mutex_unlock(&s->map_lock);
	return hole ? -ENOMEM : 0;
}

/* MADV_POPULATE_READ: areas have to be readable, though the processor lets who may write read. */
static int populate_read(struct vm_space *s, vaddr_t va, vaddr_t end)
{
	int err = 0;

	while (va < end && !err) {
		struct vm_area *a;
		vaddr_t stop = end;

		mutex_lock(&s->map_lock);
		a = area_find(s, va);
		if (a && a->start <= va) {
			stop = min(a->end, end);
			err = a->flags & VM_READ ? 0 : -EINVAL;
		}
		mutex_unlock(&s->map_lock);
		if (!err)
			err = vm_populate(s, va, stop, false, false);
		va = stop;
	}
	return err;
}

int vm_madvise(struct vm_space *s, vaddr_t va, size_t len, int advice)
{
	const struct advice *adv = advice_of(advice);
	u64 bytes = align_up(len, PAGE_SIZE);
	int err;

	if (!adv && advice != MADV_REMOVE && advice != MADV_POPULATE_READ && advice != MADV_POPULATE_WRITE)
		return -EINVAL;
	if ((va & (PAGE_SIZE - 1)) || (len && !bytes) || va + bytes < va)
		return -EINVAL;
	if (!bytes)
		return 0;
	if (range_is_bad(va, bytes))
		return -ENOMEM;
	if (advice == MADV_REMOVE)
		return remove_pages(s, va, va + bytes);
	if (advice == MADV_WILLNEED)
		return will_need(s, va, va + bytes);
	if (!adv)
		return advice == MADV_POPULATE_WRITE ? vm_populate(s, va, va + bytes, true, true) : populate_read(s, va, va + bytes);
	mutex_lock(&s->map_lock);
	err = advise_locked(s, va, va + bytes, adv);
	mutex_unlock(&s->map_lock);
	return err;
}

/* Pages [va, end) of @a, in one read section: at most as many as one leaf table has. */
static void pages_in_core(struct vm_area *a, vaddr_t va, vaddr_t end, u8 *vec)
{
	struct pt_at at;
	struct pte *e;
	bool large;

	rcu_read_lock();
	at = pt_walk(&a->space->mmu, va, 0);
	e = at.e;
	large = at.level;
	for (; va < end; va += PAGE_SIZE) {
		*vec = large || (e && pte_is_present(pte_load(e)));
		if (!*vec && a->object && !(a->flags & VM_HUGETLB))
			*vec = vm_object_peek_rcu(a->object, area_index(a, va)) != NULL;
		vec++;
		e += e != NULL;
	}
	rcu_read_unlock();
}

int vm_mincore(struct vm_space *s, vaddr_t va, size_t npages, u8 *vec)
{
	vaddr_t end = va + npages * PAGE_SIZE;
	int err = 0;

	mutex_lock(&s->map_lock);
	while (va < end && !err) {
		struct vm_area *a = area_find(s, va);

		if (!a || a->start > va) {
			err = -ENOMEM;
			break;
		}
		while (va < min(a->end, end)) {
			vaddr_t stop = min(pt_end(va, 0), min(a->end, end));

			pages_in_core(a, va, stop, vec);
			vec += (stop - va) >> PAGE_SHIFT;
			va = stop;
		}
	}
	mutex_unlock(&s->map_lock);
	return err;
}

int vm_sync(struct vm_space *s, vaddr_t va, size_t len, int ms_flags)
{
	u64 bytes = align_up(len, PAGE_SIZE);
	vaddr_t end = va + bytes;
	bool hole = false;
	int err = 0;

	if ((ms_flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) || (va & (PAGE_SIZE - 1)) ||
		((ms_flags & MS_ASYNC) && (ms_flags & MS_SYNC)))
		return -EINVAL;
	if (end < va)
		return -ENOMEM;
	mutex_lock(&s->map_lock);
	while (va < end) {
		struct vm_area *a = area_find_in(s, va, end);

		if (!a) {
			hole = true;
			break;
		}
		hole |= a->start > va;
		if ((ms_flags & MS_INVALIDATE) && (a->flags & VM_LOCKED)) {
			err = -EBUSY;
			break;
		}
		va = max(va, a->start);
		if ((ms_flags & MS_SYNC) && (a->flags & VM_SHARED) && a->object && a->object->ops->fill)
			err = without_lock(s, a, va, min(a->end, end), true, &va);
		else
			va = a->end;
		if (err)
			break;
	}
	mutex_unlock(&s->map_lock);
	return err ? err : hole ? -ENOMEM : 0;
}
