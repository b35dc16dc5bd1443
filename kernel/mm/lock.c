/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mlock and its like: flags of areas, and pages made present. A locked page is one that a locked area maps; nothing else is marked.
 */
#include <linux/mman.h>
#include <arch/trap.h>
#include "space_impl.h"

#define LOCK_FLAGS (VM_LOCKED | VM_LOCKONFAULT)

int vm_populate(struct vm_space *s, vaddr_t va, vaddr_t end, bool write, bool force_write)
{
	for (; va < end; va += PAGE_SIZE) {
		enum fault_result r = FR_ACCERR;

		if (write)
			r = fault_serve(s, va, FAULT_WRITE, 0);
		/* Where writing is not allowed, reading may do. */
		if (r == FR_ACCERR && !force_write)
			r = fault_serve(s, va, 0, 0);
		switch (r) {
		case FR_DONE: break;
		case FR_NOMEM: return -EAGAIN;
		case FR_KILLED: return -EINTR;
		case FR_BUS:
		case FR_POISON: return -EFAULT;
		case FR_ACCERR: return -EINVAL;
		default: return -ENOMEM;
		}
	}
	return 0;
}

/* Set the lock flags of all areas in [va, end). -ENOMEM: a hole; what comes before it has changed. */
static int set_flags(struct vm_space *s, vaddr_t va, vaddr_t end, u32 lock_flags)
{
	struct vm_area *a;
	vaddr_t at = va;
	int err = area_cut(s, va, end);

	if (err)
		return err;
	for (a = area_find(s, va); a && a->start < end; a = area_next(a)) {
		u32 flags = (a->flags & ~LOCK_FLAGS) | lock_flags;

		if (a->start > at)
			break;
		at = a->end;
		if (a->flags == flags || (a->flags & (VM_DEVICE | VM_HUGETLB)))
			continue;
		space_account(s, a->flags, -(s64)area_pages(a));
		area_set_flags(a, flags);
		space_account(s, a->flags, (s64)area_pages(a));
	}
	a = area_find(s, va);
	while (a && a->start <= end) {
		a = area_merge(a);
		a = area_next(a);
	}
	return at >= end ? 0 : -ENOMEM;
}

static u64 unlocked_pages(struct vm_space *s, vaddr_t va, vaddr_t end)
{
	struct vm_area *a;
	u64 n = 0;

	for (a = area_find_in(s, va, end); a && a->start < end; a = area_next(a)) {
		if (!(a->flags & VM_LOCKED))
			n += (min(a->end, end) - max(a->start, va)) >> PAGE_SHIFT;
	}
	return n;
}

/* Make present what is locked in [va, end). */
static int populate_locked(struct vm_space *s, vaddr_t va, vaddr_t end)
{
	while (va < end) {
		struct vm_area *a;
		vaddr_t stop;
		bool want, write;
		int err;

		mutex_lock(&s->map_lock);
		a = area_find_in(s, va, end);
		if (a) {
			va = max(va, a->start);
			stop = min(a->end, end);
			want = (a->flags & LOCK_FLAGS) == VM_LOCKED && (a->flags & VM_RWX);
			write = (a->flags & (VM_WRITE | VM_SHARED)) == VM_WRITE;
		}
		mutex_unlock(&s->map_lock);
		if (!a)
			return 0;
		err = want ? vm_populate(s, va, stop, write, false) : 0;
		if (err)
			return err == -EFAULT || err == -EINVAL ? -ENOMEM : err;
		va = stop;
	}
	return 0;
}

int vm_lock(struct vm_space *s, vaddr_t va, size_t len, u32 lock_flags, u64 limit_memlock)
{
	vaddr_t start = align_down(va, PAGE_SIZE), end = align_up(va + len, PAGE_SIZE);
	int err = 0;

	/* A length that the rounding takes round to nothing is nothing, as Linux has it. */
	if (end == start)
		return 0;
	if (end < start)
		return lock_flags && len > limit_memlock ? -ENOMEM : -EINVAL; /* more than may be locked is told first */
	if (range_is_bad(start, end - start))
		return -ENOMEM;
	lock_flags &= LOCK_FLAGS;
	mutex_lock(&s->map_lock);
	if (lock_flags && limit_memlock != ~0ull &&
		s->locked_pages + unlocked_pages(s, start, end) > limit_memlock >> PAGE_SHIFT)
		err = -ENOMEM;
	if (!err)
		err = set_flags(s, start, end, lock_flags);
	mutex_unlock(&s->map_lock);
	if (!err && lock_flags == VM_LOCKED)
		err = populate_locked(s, start, end);
	return err;
}

int vm_lock_all(struct vm_space *s, int mcl_flags, u64 limit_memlock)
{
	u32 lock_flags = mcl_flags & MCL_ONFAULT ? LOCK_FLAGS : VM_LOCKED;
	struct vm_area *a;
	int err = 0;

	mutex_lock(&s->map_lock);
	if ((mcl_flags & MCL_CURRENT) && limit_memlock != ~0ull &&
		s->total_pages > limit_memlock >> PAGE_SHIFT)
		err = -ENOMEM;
	if (!err) {
		s->def_flags = mcl_flags & MCL_FUTURE ? lock_flags : 0;
		/* munlockall is mcl_flags == 0 */
		for (a = area_find(s, 0); a && (mcl_flags == 0 || (mcl_flags & MCL_CURRENT)); a = area_next(a)) {
			u32 flags = (a->flags & ~LOCK_FLAGS) | (mcl_flags ? lock_flags : 0);

			if (a->flags & (VM_DEVICE | VM_HUGETLB))
				continue;
			space_account(s, a->flags, -(s64)area_pages(a));
			area_set_flags(a, flags);
			space_account(s, a->flags, (s64)area_pages(a));
			a = area_merge(a);
		}
	}
	mutex_unlock(&s->map_lock);
	if (!err && (mcl_flags & MCL_CURRENT))
		(void)!populate_locked(s, 0, USER_VA_END);
	return err;
}
