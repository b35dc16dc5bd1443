/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * userfaultfd: answers. Each page is prepared without locks (copying from the caller's memory may fault, on a registered page even), then map_lock is
 * taken, the area looked at again, and the entry made: so no fault can slip between.
 */
#include <mm/uaccess.h>
#include "../../mm/pt.h"
#include "uffd_impl.h"

/* One answer for a run of pages. */
struct fill {
	struct vm_uffd *uffd;
	vaddr_t dst, end;
	struct uptr src;
	bool guard;
	/* Fill the page at @va; map_lock is held. @copy: a frame with the contents, consumed when *copy becomes NULL. */
	int (*page)(struct fill *f, struct vm_area *a, vaddr_t va, struct page **copy);
	bool copies;		/* a frame is prepared */
};

/* The area at @va, if it holds everything up to @end and is registered with @u. */
static struct vm_area *find_area(const struct vm_uffd *u, vaddr_t va, vaddr_t end)
{
	struct vm_area *a = area_find(u->space, va);

	return a && a->start <= va && a->end >= end && uffd_of(a) == u ? a : NULL;
}

/* Make the entry at @va @fresh, where none is, or (@over) a marker. */
static int fill_entry(struct vm_area *a, vaddr_t va, struct pte fresh, bool over, const struct page *page)
{
	struct vm_space *s = a->space;
	struct pte *e, old;
	int err = -EEXIST;
	bool busy;

	e = pt_make(&s->mmu, &s->root, va, 0, ALLOC_SLEEP, &busy);
	if (!e)
		return busy ? -EEXIST : -ENOMEM;
	pt_lock(e);
	old = pte_load(e);
	if (pte_is_none(old) || (over && !pte_is_present(old)))
		err = page && page->kind == PAGE_CACHE && READ_ONCE(page->object) != a->object ? -EFAULT : 0;
	if (!err) {
		pte_store(e, fresh);
		pt_note_used(e);
	}
	pt_unlock(e);
	return err;
}

static struct pte leaf_for(const struct vm_area *a, paddr_t pa, bool write, bool guard)
{
	struct pte pte = pte_leaf(pa, area_prot(a->flags, write), 0);

	return guard ? pte_mkguarded(pte) : pte;
}

/* An entry for a page of the area's object; takes over the reference to @page. */
static int map_cached(struct fill *f, struct vm_area *a, vaddr_t va, struct page *page)
{
	bool shared = a->flags & VM_SHARED;
	int err;

	page_map(page);
	err = fill_entry(a, va, leaf_for(a, page_paddr(page), shared, f->guard), true, page);
	if (err) {
		page_unmap(page);
		page_put(page);
		return err;
	}
	if (shared && (a->flags & VM_WRITE))
		page_set_dirty(page);
	rss_add(rss_counter(a->space, page), 1);
	return 0;
}

static bool is_beyond(const struct vm_area *a, vaddr_t va)
{
	return a->object && area_index(a, va) >= DIV_ROUND_UP(READ_ONCE(a->object->size), PAGE_SIZE);
}

static int fill_cached(struct fill *f, struct vm_area *a, vaddr_t va, struct page *page)
{
	int err;

	if (is_beyond(a, va)) {
		page_put(page);
		return -EFAULT;
	}
	err = vm_object_insert(a->object, area_index(a, va), page);
	return err ? err : map_cached(f, a, va, page);
}

static int fill_copy(struct fill *f, struct vm_area *a, vaddr_t va, struct page **copy)
{
	struct page *page = *copy;
	int err;

	if (f->guard && !(a->flags & VM_UFFD_WP))
		return -EINVAL;
	if (a->object && (a->flags & VM_SHARED)) {
		*copy = NULL;
		return fill_cached(f, a, va, page);
	}
	if (is_beyond(a, va))
		return -EFAULT;
	page_set_kind(page, PAGE_ANON);
	WRITE_ONCE(page->counts, PAGE_COUNT_MAP);
	err = fill_entry(a, va, leaf_for(a, page_paddr(page), true, f->guard), true, page);
	if (!err) {
		*copy = NULL;
		rss_add(&space_rss_cell(a->space)->anon, 1);
	}
	return err;
}

static int fill_zero(struct fill *f, struct vm_area *a, vaddr_t va, struct page **copy)
{
	struct page *page;

	if (is_beyond(a, va))
		return -EFAULT;
	if (!a->object || !(a->flags & VM_SHARED))
		return fill_entry(a, va, pte_leaf(page_paddr(vm_zero_page), area_prot(a->flags, false) | PROT_SPECIAL, 0), false, NULL);
	page = page_alloc(0, ALLOC_USER | ALLOC_ZERO);
	return page ? fill_cached(f, a, va, page) : -ENOMEM;
}

static int fill_continue(struct fill *f, struct vm_area *a, vaddr_t va, struct page **copy)
{
	struct page *page;

	if (!area_is_memory(a) || (f->guard && !(a->flags & VM_UFFD_WP)))
		return -EINVAL;
	page = is_beyond(a, va) ? NULL : vm_object_peek(a->object, area_index(a, va));
	return page ? map_cached(f, a, va, page) : -EFAULT;
}

static int fill_poison(struct fill *f, struct vm_area *a, vaddr_t va, struct page **copy)
{
	if (is_beyond(a, va))
		return -EFAULT;
	return fill_entry(a, va, pte_marker(MARK_POISON), false, NULL);
}

static int fill_one(struct fill *f, vaddr_t va, struct page **copy)
{
	struct vm_space *s = f->uffd->space;
	struct vm_area *a;
	int err;

	mutex_lock(&s->map_lock);
	a = find_area(f->uffd, va, f->end);
	if (!a)
		err = -ENOENT;
	else if (uffd_is_changing(f->uffd))
		err = -EAGAIN;
	else if (a->object && !area_is_memory(a))
		err = -EINVAL;
	else
		err = f->copies && !*copy ? 0 : f->page(f, a, va, copy);
	mutex_unlock(&s->map_lock);
	return err;
}

/* A frame with what the caller has at @src. */
static int prepare(struct uptr src, struct page **out)
{
	struct page *page = page_alloc(0, ALLOC_USER);

	if (!page)
		return -ENOMEM;
	if (copy_from_user(page_va(page), src, PAGE_SIZE)) {
		page_free(page, 0);
		return -EFAULT;
	}
	*out = page;
	return 0;
}

static s64 fill(struct fill *f)
{
	struct page *copy = NULL;
	vaddr_t va = f->dst;
	int err = 0;

	/* An area that does not fit is complained of before a source that does not. */
	if (f->copies)
		err = fill_one(f, va, &copy);
	for (; !err && va < f->end; va += PAGE_SIZE) {
		if (f->copies)
			err = prepare(uptr_add(f->src, va - f->dst), &copy);
		if (!err)
			err = fill_one(f, va, &copy);
		if (copy) {
			page_free(copy, 0);
			copy = NULL;
		}
		if (err)
			break;
		if (thread_kill_pending()) {
			va += PAGE_SIZE;
			break;
		}
	}
	return va > f->dst ? (s64)(va - f->dst) : err;
}

s64 vm_uffd_copy(struct vm_uffd *u, vaddr_t dst, struct uptr src, u64 len, bool guard)
{
	return fill(&(struct fill){.uffd = u, .dst = dst, .end = dst + len, .src = src, .guard = guard, .page = fill_copy, .copies = true});
}

s64 vm_uffd_zero(struct vm_uffd *u, vaddr_t dst, u64 len)
{
	return fill(&(struct fill){.uffd = u, .dst = dst, .end = dst + len, .page = fill_zero});
}

s64 vm_uffd_continue(struct vm_uffd *u, vaddr_t dst, u64 len, bool guard)
{
	return fill(&(struct fill){.uffd = u, .dst = dst, .end = dst + len, .guard = guard, .page = fill_continue});
}

s64 vm_uffd_poison(struct vm_uffd *u, vaddr_t dst, u64 len)
{
	return fill(&(struct fill){.uffd = u, .dst = dst, .end = dst + len, .page = fill_poison});
}

/* ---- move ---- */

#define SAME_RIGHTS (VM_RWX | VM_KEY)

static int check_move(const struct vm_uffd *u, struct vm_area *to, struct vm_area *from)
{
	const u32 not = VM_DEVICE | VM_SHARED;

	if (!to || !from)
		return -ENOENT;
	if ((to->flags ^ from->flags) & (SAME_RIGHTS | VM_LOCKED) || !(from->flags & VM_WRITE))
		return -EINVAL;
	if (((to->flags | from->flags) & not) || !area_is_anonymous(to) || !area_is_anonymous(from))
		return -EINVAL;
	return uffd_of(to) == u ? 0 : -EINVAL;
}

/* The entry of @va, of a page. NULL: no table there. */
static int small_entry(struct vm_space *s, vaddr_t va, struct pte **out)
{
	struct pt_at at = pt_walk(&s->mmu, va, 0);

	if (at.e && at.level) {
		int err = huge_split_in(s, va);

		if (err)
			return err;
		at = pt_walk(&s->mmu, va, 0);
	}
	*out = at.level ? NULL : at.e;
	return 0;
}

/* Both tables are locked. */
static int move_locked(struct vm_area *to, struct pte *dst, vaddr_t dst_va, struct pte *src, vaddr_t src_va, bool holes)
{
	struct pte old = pte_load(src);
	struct page *page;

	if (!pte_is_none(pte_load(dst)))
		return -EEXIST;
	if (!pte_is_present(old))
		return pte_is_none(old) ? (holes ? 0 : -ENOENT) : -EFAULT;
	if (pte_paddr(old) == page_paddr(vm_zero_page)) {
		(void)pte_exchange(src, pte_none());
		tlb_flush_range(&to->space->mmu, src_va, src_va + PAGE_SIZE, false);
		pte_store(dst, pte_leaf(page_paddr(vm_zero_page), area_prot(to->flags, false) | PROT_SPECIAL, 0));
		pt_note_used(dst);
		return 0;
	}
	if (pte_is_special(old))
		return -EBUSY;
	page = pfn_page(pte_paddr(old) >> PAGE_SHIFT);
	if (page->kind != PAGE_ANON || READ_ONCE(page->counts) != PAGE_COUNT_MAP)
		return -EBUSY;
	(void)pte_exchange(src, pte_none());
	tlb_flush_range(&to->space->mmu, src_va, src_va + PAGE_SIZE, false);
	pte_store(dst, leaf_for(to, page_paddr(page), true, false));
	pt_note_used(dst);
	return 0;
}

static int move_page(struct vm_uffd *u, vaddr_t dst_va, vaddr_t dst_end, vaddr_t src_va, vaddr_t src_end, bool holes)
{
	struct vm_space *s = u->space;
	struct vm_area *to = area_find(s, dst_va), *from = area_find(s, src_va);
	struct pte *dst, *src = NULL;
	bool busy;
	int err;

	to = to && to->start <= dst_va ? to : NULL;
	from = from && from->start <= src_va ? from : NULL;
	err = check_move(u, to, from);
	if (err)
		return err;
	if (src_end > from->end || dst_end > to->end)
		return -EINVAL;
	if (uffd_is_changing(u))
		return -EAGAIN;
	dst = pt_make(&s->mmu, &s->root, dst_va, 0, ALLOC_SLEEP, &busy);
	if (!dst)
		return busy ? -EEXIST : -ENOMEM;
	err = small_entry(s, src_va, &src);
	if (err)
		return err;
	if (!src)
		return !pte_is_none(pte_load(dst)) ? -EEXIST : holes ? 0 : -ENOENT;
	pt_lock_two(dst, src);
	err = move_locked(to, dst, dst_va, src, src_va, holes);
	pt_unlock_two(dst, src);
	return err;
}

s64 vm_uffd_move(struct vm_uffd *u, vaddr_t dst, vaddr_t src, u64 len, bool holes)
{
	struct vm_space *s = u->space;
	u64 done;
	int err = 0;

	/* The two cannot be one. */
	if (dst < src + len && src < dst + len)
		return -EINVAL;
	for (done = 0; !err && done < len; done += err ? 0 : PAGE_SIZE) {
		mutex_lock(&s->map_lock);
		err = move_page(u, dst + done, dst + len, src + done, src + len, holes);
		mutex_unlock(&s->map_lock);
		if (thread_kill_pending() && !err)
			err = -EINTR;
	}
	return done ? (s64)done : err;
}
