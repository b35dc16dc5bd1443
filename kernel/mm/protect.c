/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mprotect: the areas' flags first, then the entries. An entry gets the right to write only where a fault would give it without more ado.
 */
#include <lib/bits.h>
#include <sync/rcu.h>
#include "pt.h"
#include "space_impl.h"

/* What is done to an area. */
struct protect {
	const struct vm_area *area;
	struct pte plain, writable; /* leaves with the rights that its entries get */
	vaddr_t low, high;	    /* of this and the areas before: what has lost a right */
};

/* Nobody wants to learn of the next write? */
static inline bool may_write_freely(const struct vm_area *a, struct pte pte)
{
	return !pte_is_guarded(pte) && (likely(!(a->flags & VM_SOFTCLEAN)) || pte_is_soft_dirty(pte));
}

/* The entry as it should be now. */
static struct pte adjust(const struct protect *p, struct pte pte)
{
	const struct vm_area *a = p->area;
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
	return pte_set_prot(pte, write && may_write_freely(a, pte) ? p->writable : p->plain);
}

/* Did @old give a right that @fresh does not? Then processors must forget it. */
static inline bool is_less(struct pte old, struct pte fresh)
{
	return pte_prot(old) & ~pte_prot(fresh) & (PROT_R | PROT_W | PROT_X);
}

/* Entries of one table. */
static void protect_entries(struct protect *p, struct pte *e, vaddr_t va, vaddr_t end)
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
			fresh = adjust(p, old);
		} while (fresh.raw != old.raw && !pte_cmpxchg(e, old, fresh));
		if (!pte_is_present(old) || fresh.raw == old.raw)
			continue;
		if (is_less(old, fresh)) {
			p->low = min(p->low, va);
			p->high = max(p->high, va + PAGE_SIZE);
		}
	}
	spin_unlock(pt_table_lock(table));
}

/* A huge leaf, all of it in the area. */
static void protect_large(struct protect *p, struct pte *e, vaddr_t va)
{
	struct pte old, fresh;

	pt_lock(e);
	do {
		struct page *first;
		bool write;

		old = pte_load(e);
		if (pte_is_none(old) || pte_is_table(old))
			break;
		first = pfn_page(pte_paddr(old) >> PAGE_SHIFT);
		write = pte_is_writable(old) || (page_is_hugetlb(first) ? block_is_writable(p->area, first) : huge_is_ours(first));
		fresh = pte_set_prot(old, write && may_write_freely(p->area, old) ? p->writable : p->plain);
		if (is_less(old, fresh)) {
			p->low = min(p->low, va);
			p->high = max(p->high, va + HUGE_SIZE);
		}
	} while (!pte_cmpxchg(e, old, fresh));
	pt_unlock(e);
}

static void protect_area(struct protect *p)
{
	const struct vm_area *a = p->area;
	vaddr_t va = a->start;
	struct pt_at at;

	p->plain = pte_leaf(0, area_prot(a->flags, false), 0);
	p->writable = a->flags & VM_WRITE ? pte_mkwrite(p->plain) : p->plain;

	while ((at = pt_next(a->space, &va, a->end)).e) {
		struct pte *e = at.e;
		vaddr_t stop = min(pt_end(va, at.level), a->end);

		if (!at.level) {
			protect_entries(p, e, va, stop);
		} else {
			protect_large(p, e, va);
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
	if (unlikely(a->space->exec_gain) && (rwx & VM_EXEC) && (!(a->flags & VM_EXEC) || (rwx & VM_WRITE)))
		return -EACCES;
	return a->flags & VM_SEALED ? -EPERM : 0;
}

/* A private area that becomes writable promises its pages. */
static int promise(struct vm_area *a, u32 *flags)
{
	if (!(*flags & VM_WRITE) || (*flags & (VM_SHARED | VM_ACCOUNT | VM_DEVICE | VM_HUGETLB)) ||
		((*flags & VM_NORESERVE) && vm_overcommit_policy != 2))
		return 0;
	if (vm_commit(area_pages(a)))
		return -ENOMEM;
	*flags |= VM_ACCOUNT;
	return 0;
}

u32 space_exec_key(struct vm_space *s)
{
	unsigned key = s->exec_key;

	if (!key && vm_key_alloc(s, &key))
		return 0;
	s->exec_key = key;
	mmu_key_restrict(key, KEY_NO_ACCESS);
	return key;
}

/* The key that an area gets from mprotect, which names none: what may only be executed has one of its own, and gives it up with that. -1: as before. */
static int key_unasked(const struct vm_area *a, u32 rwx)
{
	u32 key;

	if (unlikely(rwx == VM_EXEC)) {
		key = space_exec_key(a->space);
		return key ? (int)key : -1;
	}
	return unlikely((a->flags & VM_RWX) == VM_EXEC) && area_key(a) == a->space->exec_key ? 0 : -1;
}

static int protect_one(struct protect *p, struct vm_area *a, u32 rwx, int key)
{
	u32 flags;
	int err;

	if (rwx & VM_MAYEXEC)
		rwx = (rwx & VM_RWX) | (a->flags & VM_MAYEXEC ? VM_EXEC : 0);
	flags = (a->flags & ~VM_RWX) | rwx;
	err = may_protect(a, rwx);
	if (err)
		return err;
	if (key < 0)
		key = key_unasked(a, rwx);
	if (key >= 0)
		flags = (flags & ~VM_KEY) | (u32)key << ctz32(VM_KEY);
	if (flags == a->flags)
		return 0;
	err = promise(a, &flags);
	if (err)
		return err;
	space_account(a->space, a->flags, -(s64)area_pages(a));
	/* The rights that another key gives are nobody's to compare. */
	if (unlikely((flags ^ a->flags) & VM_KEY)) {
		p->low = min(p->low, a->start);
		p->high = max(p->high, a->end);
	}
	area_set_flags(a, flags);
	space_account(a->space, a->flags, (s64)area_pages(a));
	p->area = a;
	protect_area(p);
	return 0;
}

/* What comes before a hole, or before an area that may not become what is asked, has changed. */
static int protect_locked(struct vm_space *s, vaddr_t va, vaddr_t end, u32 rwx, int key)
{
	struct protect p = {.low = ~0ull};
	vaddr_t at = va;
	struct vm_area *a;
	int err = area_cut(s, va, end);

	for (a = area_find(s, va); !err && at < end; a = area_next(a)) {
		if (!a || a->start > at) {
			err = -ENOMEM;
			break;
		}
		err = protect_one(&p, a, rwx, key);
		at = a->end;
	}
	if (p.low < p.high)
		tlb_flush_range(&s->mmu, p.low, p.high, false);
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
	/* The one behind the range may be alike now, too. */
	while (a && a->start <= end) {
		if (a->start < end)
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

int vm_protect_key(struct vm_space *s, vaddr_t va, size_t len, u32 vm_rwx, bool growsdown, int key)
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
		err = protect_locked(s, va, end, vm_rwx & (VM_RWX | VM_MAYEXEC), key);
	mutex_unlock(&s->map_lock);
	return err;
}

int vm_key_alloc(struct vm_space *s, unsigned *out_key)
{
	u32 keys = READ_ONCE(s->keys), key;

	do {
		key = ctz32(~keys);
		if (key >= mmu_keys())
			return -ENOSPC;
	} while (!__atomic_compare_exchange_n(&s->keys, &keys, keys | 1u << key, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	*out_key = key;
	return 0;
}

bool vm_key_is_allocated(const struct vm_space *s, int key)
{
	/* The key of what may only be executed is not the program's. */
	return key >= 0 && (unsigned)key < mmu_keys() && (READ_ONCE(s->keys) >> key & 1) && (!key || (unsigned)key != READ_ONCE(s->exec_key));
}

int vm_key_free(struct vm_space *s, int key)
{
	if (!vm_key_is_allocated(s, key))
		return -EINVAL;
	__atomic_fetch_and(&s->keys, ~(1u << key), __ATOMIC_RELAXED);
	return 0;
}

unsigned vm_key_at(struct vm_space *s, vaddr_t va)
{
	struct area_view v;
	unsigned key = 0;

	rcu_read_lock();
	if (va < USER_VA_END && area_view(s, va, &v) == AREA_HIT)
		key = (v.flags & VM_KEY) >> ctz32(VM_KEY);
	rcu_read_unlock();
	return key;
}
