/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mprotect: the areas' flags first, then the entries. An entry gets the right to write only where a fault would give it without more ado.
 */
#include <lib/bits.h>
#include "pt.h"
#include "space_impl.h"

/* The entry as it should be now. */
static struct pte adjust(const struct vm_area *a, struct pte pte)
{
	bool write = false;

	if (!pte_is_special(pte) && (a->flags & VM_WRITE)) {
		struct page *page = pfn_page(pte_paddr(pte) >> PAGE_SHIFT);

		if (page->kind == PAGE_ANON)
			write = READ_ONCE(page->counts) == PAGE_COUNT_MAP;
		else if (a->flags & VM_SHARED)
			write = !a->object->ops->mkwrite || pte_is_dirty(pte);
		if (write && page->kind == PAGE_CACHE)
			page_set_dirty(page);
	}
	return pte_set_prot(pte, area_prot(a->flags, write) & ~PROT_DIRTY);
}

/* Entries of one table; widens [*low, *high) by those that lost a right. */
static void protect_entries(const struct vm_area *a, struct pte *e, vaddr_t va, vaddr_t end, vaddr_t *low,
	vaddr_t *high)
{
	struct page *table = pt_page_of(e);
	u32 groups;

	spin_lock(pt_table_lock(table));
	groups = table->index_lo;
	for (; va < end; va += PAGE_SIZE, e++) {
		struct pte old, fresh = pte_none();

		if (!(groups & pt_group_bit(e)))
			continue;
		do {
			old = pte_load(e);
			if (!pte_is_present(old))
				break;
			fresh = adjust(a, old);
		} while (fresh.raw != old.raw && !pte_cmpxchg(e, old, fresh));
		if (!pte_is_present(old) || fresh.raw == old.raw)
			continue;
		if (pte_prot(old) & ~pte_prot(fresh) & (PROT_R | PROT_W | PROT_X)) {
			*low = min(*low, va);
			*high = max(*high, va + PAGE_SIZE);
		}
	}
	spin_unlock(pt_table_lock(table));
}

/* A huge leaf, all of it in the area. */
static void protect_large(const struct vm_area *a, struct pte *e, vaddr_t va, vaddr_t *low, vaddr_t *high)
{
	struct pte old, fresh;

	pt_lock(e);
	do {
		bool write;

		old = pte_load(e);
		if (pte_is_none(old) || pte_is_table(old))
			break;
		write = pte_is_writable(old) || huge_is_ours(pfn_page(pte_paddr(old) >> PAGE_SHIFT));
		fresh = pte_set_prot(old, area_prot(a->flags, write) & ~PROT_DIRTY);
		if (pte_prot(old) & ~pte_prot(fresh) & (PROT_R | PROT_W | PROT_X)) {
			*low = min(*low, va);
			*high = max(*high, va + HUGE_SIZE);
		}
	} while (!pte_cmpxchg(e, old, fresh));
	pt_unlock(e);
}

static void protect_area(const struct vm_area *a, vaddr_t *low, vaddr_t *high)
{
	vaddr_t va = a->start;
	struct pt_at at;

	while ((at = pt_next(a->space, &va, a->end)).e) {
		struct pte *e = at.e;
		vaddr_t stop = min(pt_end(va, at.level), a->end);

		if (!at.level) {
			protect_entries(a, e, va, stop, low, high);
		} else {
			protect_large(a, e, va, low, high);
			if (pte_is_table(pte_load(e)))
				continue; /* a fault has taken it apart meanwhile */
		}
		va = stop;
	}
}

static int may_protect(const struct vm_area *a, u32 rwx)
{
	if (rwx & ~(a->flags >> 4) & VM_RWX)
		return -EACCES;
	return a->flags & VM_SEALED ? -EPERM : 0;
}

/* A private area that becomes writable promises its pages. */
static int promise(struct vm_area *a, u32 *flags)
{
	if (!(*flags & VM_WRITE) || (*flags & (VM_SHARED | VM_ACCOUNT | VM_DEVICE)) ||
		((*flags & VM_NORESERVE) && vm_overcommit_policy != 2))
		return 0;
	if (vm_commit(area_pages(a)))
		return -ENOMEM;
	*flags |= VM_ACCOUNT;
	return 0;
}

/* One area; the entries that lost a right widen [*low, *high). */
static int protect_one(struct vm_area *a, u32 rwx, vaddr_t *low, vaddr_t *high)
{
	u32 flags = (a->flags & ~VM_RWX) | rwx;
	int err = may_protect(a, rwx);

	if (err || flags == a->flags)
		return err;
	err = promise(a, &flags);
	if (err)
		return err;
	space_account(a->space, a->flags, -(s64)area_pages(a));
	area_set_flags(a, flags);
	space_account(a->space, a->flags, (s64)area_pages(a));
	protect_area(a, low, high);
	return 0;
}

/* What comes before a hole, or before an area that may not become what is asked, has changed. */
static int protect_locked(struct vm_space *s, vaddr_t va, vaddr_t end, u32 rwx)
{
	vaddr_t low = ~0ull, high = 0, at = va;
	struct vm_area *a;
	int err = area_cut(s, va, end);

	for (a = area_find(s, va); !err && at < end; a = area_next(a)) {
		if (!a || a->start > at) {
			err = -ENOMEM;
			break;
		}
		err = protect_one(a, rwx, &low, &high);
		at = a->end;
	}
	if (low < high)
		tlb_flush_range(&s->mmu, low, high, false);
	/* Join what is alike again, from the left neighbour to the right one. */
	a = area_find(s, va);
	while (a && a->start <= end) {
		a = area_merge(a);
		a = area_next(a);
	}
	return err;
}

static int seal_locked(struct vm_space *s, vaddr_t va, vaddr_t end)
{
	struct vm_area *a;
	vaddr_t at = va;
	int err;

	for (a = area_find(s, va); at < end; a = area_next(a)) {
		if (!a || a->start > at)
			return -ENOMEM;
		at = a->end;
	}
	err = area_cut(s, va, end);
	if (err)
		return err;
	s->sealed = true;
	a = area_find(s, va);
	while (a && a->start < end) {
		area_set_flags(a, a->flags | VM_SEALED);
		a = area_next(area_merge(a));
	}
	return 0;
}

int vm_seal(struct vm_space *s, vaddr_t va, size_t len)
{
	u64 bytes = align_up(len, PAGE_SIZE);
	int err;

	if ((va & (PAGE_SIZE - 1)) || (len && !bytes) || va + bytes < va)
		return -EINVAL;
	if (!bytes)
		return 0;
	if (range_is_bad(va, bytes))
		return -ENOMEM;
	mutex_lock(&s->map_lock);
	err = seal_locked(s, va, va + bytes);
	mutex_unlock(&s->map_lock);
	return err;
}

int vm_protect(struct vm_space *s, vaddr_t va, size_t len, u32 vm_rwx, bool growsdown)
{
	u64 bytes = align_up(len, PAGE_SIZE);
	vaddr_t end = va + bytes;
	int err;

	if (va & (PAGE_SIZE - 1))
		return -EINVAL;
	if (!len)
		return 0;
	if (bytes < len || range_is_bad(va, bytes))
		return -ENOMEM;
	mutex_lock(&s->map_lock);
	if (growsdown) {
		struct vm_area *a = area_find(s, va);

		/* The area that holds va, from its start; va is given in the program's stack. */
		if (!a || a->start >= end)
			err = -ENOMEM;
		else
			err = a->flags & VM_GROWSDOWN ? 0 : -EINVAL;
		if (!err)
			va = a->start;
	} else {
		err = 0;
	}
	if (!err)
		err = protect_locked(s, va, end, vm_rwx & VM_RWX);
	mutex_unlock(&s->map_lock);
	return err;
}
