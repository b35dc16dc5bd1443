/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * userfaultfd: what is registered, and the guards on its pages.
 *
 * A guard is a bit of an entry that never stands with the right to write; where there is no page yet a marker keeps its place. Guards are of 4 KiB: huge leaves under them are taken
 * apart. They go with the registration.
 */
#include <lib/bits.h>
#include "../../mm/pt.h"
#include "uffd_impl.h"

#define ANSWERS                                                                                                     \
	(1ull << _UFFDIO_WAKE | 1ull << _UFFDIO_COPY | 1ull << _UFFDIO_ZEROPAGE | 1ull << _UFFDIO_WRITEPROTECT |     \
		1ull << _UFFDIO_CONTINUE | 1ull << _UFFDIO_POISON | 1ull << _UFFDIO_MOVE)

/* ---- guards ---- */

/* The processor may set bits meanwhile. */
bool uffd_guard_entry(struct pte *e, struct pte pte, bool on)
{
	struct pte fresh;

	do {
		if (!pte_is_present(pte))
			return false;
		fresh = on ? pte_mkguarded(pte) : pte_unguard(pte);
		if (fresh.raw == pte.raw)
			return false;
		if (pte_cmpxchg(e, pte, fresh))
			return pte_is_writable(pte);
		pte = pte_load(e);
	} while (true);
}

/* Entries of one table. True: something is to be flushed. */
static bool guard_entries(struct pte *e, vaddr_t va, vaddr_t end, bool on, bool markers)
{
	bool flush = false;

	pt_lock(e);
	for (struct pte *at = e; va < end; va += PAGE_SIZE, at++) {
		struct pte pte = pte_load(at);

		if (pte_is_none(pte)) {
			if (on && markers) {
				pte_store(at, pte_marker(MARK_GUARD));
				pt_note_used(at);
			}
		} else if (pte_is_marker(pte, MARK_GUARD)) {
			if (!on)
				pte_store(at, pte_none());
		} else {
			flush |= uffd_guard_entry(at, pte, on);
		}
	}
	pt_unlock(e);
	return flush;
}

/* [va, end) of one area. With @markers tables are made for what is not there. */
static int guard_range(struct vm_space *s, vaddr_t va, vaddr_t end, bool on, bool markers)
{
	vaddr_t first = va;
	bool flush = false;
	int err = 0;

	while (va < end) {
		struct pt_at at = pt_next(s, &va, end);
		vaddr_t stop;

		if (at.e && at.level) {
			/* A leaf has no guards to be taken away. */
			err = on ? huge_split_in(s, va) : 0;
			if (err)
				break;
			if (!on)
				va = pt_end(va, at.level);
			continue;
		}
		if (!at.e)
			break;
		stop = min(pt_end(va, 0), end);
		flush |= guard_entries(at.e, va, stop, on, markers);
		va = stop;
	}
	if (flush)
		tlb_flush_range(&s->mmu, first, end, false);
	return err;
}

int uffd_make_tables(struct vm_space *s, vaddr_t va, vaddr_t end)
{
	bool busy;

	for (; va < end; va = pt_end(va, 0)) {
		while (!pt_make(&s->mmu, &s->root, va, 0, ALLOC_SLEEP, &busy)) {
			int err = busy ? huge_split_in(s, va) : -ENOMEM;

			if (err)
				return err;
		}
	}
	return 0;
}

void uffd_unguard(struct vm_space *s, vaddr_t va, vaddr_t end)
{
	(void)!guard_range(s, va, end, false, false);
}

static int guard_area(struct vm_area *a, vaddr_t va, vaddr_t end, bool on)
{
	bool markers = a->object || (uffd_features(uffd_of(a)) & UFFD_FEATURE_WP_UNPOPULATED);
	int err = 0;

	if (area_is_device(a))
		return 0; /* nobody can tell its pages' writes */
	markers &= on;
	if (markers)
		err = uffd_make_tables(a->space, va, end);
	return err ? err : guard_range(a->space, va, end, on, markers);
}

int vm_uffd_guard(struct vm_uffd *u, vaddr_t start, u64 len, bool on)
{
	struct vm_space *s = u->space;
	vaddr_t end = start + len;
	int err = -ENOENT;

	mutex_lock(&s->map_lock);
	if (uffd_is_changing(u)) {
		mutex_unlock(&s->map_lock);
		return -EAGAIN;
	}
	for (struct vm_area *a = area_find_in(s, start, end); a && a->start < end; a = area_next(a)) {
		err = a->flags & VM_UFFD_WP ? guard_area(a, max(a->start, start), min(a->end, end), on) : -ENOENT;
		if (err)
			break;
	}
	mutex_unlock(&s->map_lock);
	return err;
}

/* ---- registration ---- */

static bool may_register(const struct vm_area *a, u32 modes, bool async)
{
	bool memory = area_is_memory(a);

	if (a->flags & VM_HUGETLB)
		return false;
	if ((modes & VM_UFFD_MINOR) && !memory)
		return false;
	if (async && modes == VM_UFFD_WP)
		return true;
	return memory || area_is_anonymous(a);
}

static int check_area(const struct vm_uffd *u, const struct vm_area *a, u32 modes)
{
	if (!may_register(a, modes, uffd_features(u) & UFFD_FEATURE_WP_ASYNC))
		return -EINVAL;
	if (!(a->flags & VM_MAYWRITE))
		return -EPERM;
	return a->watch && uffd_of(a) != u ? -EBUSY : 0;
}

/* All areas of the range, or why not. Holes do not matter. */
static int check_range(struct vm_uffd *u, vaddr_t start, vaddr_t end, u32 modes)
{
	struct vm_area *a = area_find_in(u->space, start, end);

	if (!a)
		return -EINVAL;
	for (; a && a->start < end; a = area_next(a)) {
		int err = check_area(u, a, modes);

		if (err)
			return err;
	}
	return 0;
}

static void join_area(struct vm_uffd *u, struct vm_area *a, u32 modes)
{
	u32 flags = (a->flags & ~VM_UFFD_ALL) | modes;

	if ((a->flags & VM_UFFD_WP) && !(modes & VM_UFFD_WP))
		uffd_unguard(a->space, a->start, a->end);
	if (uffd_features(u) & UFFD_FEATURE_WP_ASYNC)
		flags |= VM_UFFD_ASYNC;
	if (!a->watch) {
		vm_uffd_get(u);
		a->watch = &u->watch;
	}
	area_set_flags(a, flags);
}

void uffd_leave_area(struct vm_area *a)
{
	struct vm_uffd *u = uffd_of(a);

	if (a->flags & VM_UFFD_WP)
		uffd_unguard(a->space, a->start, a->end);
	a->watch = NULL;
	area_set_flags(a, a->flags & ~VM_UFFD_ALL);
	vm_uffd_put(u);
}

static int register_locked(struct vm_uffd *u, vaddr_t start, vaddr_t end, u32 modes)
{
	struct vm_space *s = u->space;
	struct vm_area *a;
	int err = check_range(u, start, end, modes);

	if (!err)
		err = area_cut(s, start, end);
	if (err)
		return err;
	a = area_find(s, start);
	while (a && a->start < end) {
		if (!a->watch || (a->flags & modes) != modes)
			join_area(u, a, modes);
		a = area_next(area_merge(a));
	}
	/* The last may be like the one behind it. */
	if (a)
		area_merge(a);
	return 0;
}

int vm_uffd_register(struct vm_uffd *u, vaddr_t start, u64 len, u32 modes, u64 *out_ioctls)
{
	u64 answers = ANSWERS;
	int err;

	mutex_lock(&u->space->map_lock);
	err = register_locked(u, start, start + len, modes);
	mutex_unlock(&u->space->map_lock);
	if (err)
		return err;
	if (!(modes & VM_UFFD_WP))
		answers &= ~(1ull << _UFFDIO_WRITEPROTECT);
	if (!(modes & VM_UFFD_MINOR))
		answers &= ~(1ull << _UFFDIO_CONTINUE);
	*out_ioctls = answers;
	return 0;
}

static int unregister_locked(struct vm_uffd *u, vaddr_t start, vaddr_t end)
{
	struct vm_space *s = u->space;
	struct vm_area *a = area_find_in(s, start, end);
	int err;

	if (!a)
		return -EINVAL;
	for (; a && a->start < end; a = area_next(a)) {
		/* What could not be registered by any mode. */
		if (!may_register(a, a->flags & VM_UFFD, uffd_features(u) & UFFD_FEATURE_WP_ASYNC))
			return -EINVAL;
	}
	err = area_cut(s, start, end);
	a = err ? NULL : area_find(s, start);
	while (a && a->start < end) {
		if (a->watch) {
			struct vm_uffd *of = uffd_of(a);
			vaddr_t from = a->start;
			u64 len = a->end - a->start;

			vm_uffd_get(of);
			uffd_leave_area(a);
			vm_uffd_wake(of, from, len);
			vm_uffd_put(of);
		}
		a = area_next(area_merge(a));
	}
	if (a)
		area_merge(a);
	return err;
}

int vm_uffd_unregister(struct vm_uffd *u, vaddr_t start, u64 len)
{
	int err;

	mutex_lock(&u->space->map_lock);
	err = unregister_locked(u, start, start + len);
	mutex_unlock(&u->space->map_lock);
	return err;
}
