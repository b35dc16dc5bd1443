/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of address spaces share (space_test.h), and everything about a space that can be checked: the tree's order, holes, counters, and that no entry lies
 * outside an area.
 */
#include <debug/log.h>
#include "space_test.h"

int last_signo, last_code;
u64 kernel_tables;
const struct vm_object_ops memory_ops = {0};

struct check {
	struct vm_space *space;
	const char *why;
	vaddr_t at;
	u64 total, locked, data, stack, exec;
	s64 rss;
	u32 nareas;
};

static void complain(struct check *c, const char *why, vaddr_t at)
{
	if (!c->why) {
		c->why = why;
		c->at = at;
	}
}

static void check_entry(struct check *c, const struct vm_area *a, struct pte pte, vaddr_t va)
{
	const struct page *page;

	if (!pte_is_present(pte) || pte_is_special(pte))
		return;
	if (pte_is_guarded(pte) && pte_is_writable(pte))
		complain(c, "a guarded entry is writable", va);
	page = pfn_page(pte_paddr(pte) >> PAGE_SHIFT);
	c->rss++;
	if (page->kind != PAGE_ANON && page->kind != PAGE_CACHE)
		complain(c, "an entry names a frame of another owner", va);
	if (!page->maps || page->refs < page->maps)
		complain(c, "a mapped frame has no map or too few references", va);
	if (pte_is_writable(pte) && !(a->flags & VM_WRITE))
		complain(c, "an entry is writable and its area is not", va);
	if (pte_is_writable(pte) && !(a->flags & VM_SHARED) && page->counts != PAGE_COUNT_MAP &&
		page->maps != 1)
		complain(c, "a shared private frame is writable", va);
	if ((a->flags & VM_SHARED) && page->kind == PAGE_ANON)
		complain(c, "an anonymous frame in a shared area", va);
}

static void check_table(struct check *c, const struct pte *e, vaddr_t va, vaddr_t end)
{
	for (; va < end; va += PAGE_SIZE, e++) {
		struct vm_area *a;

		if (pte_is_none(pte_load(e)))
			continue;
		a = area_find(c->space, va);
		if (!a || a->start > va)
			complain(c, "an entry outside all areas", va);
		else
			check_entry(c, a, pte_load(e), va);
		if (!(pt_page_of(e)->index_lo & pt_group_bit(e)))
			complain(c, "an entry in a group that is marked empty", va);
	}
}

static void check_large(struct check *c, const struct pte *e, vaddr_t va)
{
	struct vm_area *a = area_find(c->space, va);
	struct pte pte = pte_load(e);

	if (!a || a->start > va || a->end < va + HUGE_SIZE || (a->object && !(a->flags & VM_HUGETLB)))
		complain(c, "a huge leaf that does not lie in an anonymous area", va);
	if (pte_paddr(pte) & (HUGE_SIZE - 1))
		complain(c, "a huge leaf whose frames are not aligned", va);
	if (!(pt_page_of(e)->index_lo & pt_group_bit(e)))
		complain(c, "a leaf in a group that is marked empty", va);
	for (unsigned i = 0; a && !(a->flags & VM_HUGETLB) && i < HUGE_PAGES; i++)
		check_entry(c, a, pte_part(pte, 1, i), va + i * PAGE_SIZE);
}

static void check_entries(struct check *c)
{
	vaddr_t va = 0;
	struct pt_at at;

	while ((at = pt_next(c->space, &va, USER_VA_END)).e) {
		struct pte *e = at.e;
		vaddr_t end = pt_end(va, at.level);

		if (at.level)
			check_large(c, e, va);
		else
			check_table(c, e, va, end);
		va = end;
	}
}

static u64 largest_gap(const struct rb_node *n)
{
	return n ? container_of(n, struct vm_area, node)->subtree_gap : 0;
}

static void check_area(struct check *c, struct vm_area *a, const struct vm_area *prev)
{
	u64 n = area_pages(a), guard = a->flags & VM_GROWSDOWN ? vm_stack_guard_gap : 0;
	vaddr_t floor = prev ? prev->end : vm_mmap_min_addr;
	u64 gap = a->start > guard + floor ? a->start - guard - floor : 0;

	c->nareas++;
	c->total += n;
	c->locked += a->flags & VM_LOCKED ? n : 0;
	if (a->flags & VM_GROWSDOWN)
		c->stack += n;
	else if ((a->flags & (VM_WRITE | VM_SHARED)) == VM_WRITE)
		c->data += n;
	else if (a->flags & VM_EXEC)
		c->exec += n;
	if (a->start >= a->end || a->end > USER_VA_END || ((a->start | a->end) & (PAGE_SIZE - 1)))
		complain(c, "bad bounds", a->start);
	if (prev && prev->end > a->start)
		complain(c, "areas overlap", a->start);
	if (a->gap != gap)
		complain(c, "wrong gap", a->start);
	if (a->subtree_gap != max(a->gap, max(largest_gap(a->node.left), largest_gap(a->node.right))))
		complain(c, "wrong largest gap", a->start);
	if (a->seq & 1)
		complain(c, "a dead area in the tree", a->start);
	if (a->space != c->space)
		complain(c, "another space's area", a->start);
	if (a->object && list_empty(&a->object_link))
		complain(c, "not on its object's list", a->start);
}

bool vm_space_check(struct vm_space *s)
{
	struct check c = {.space = s};
	struct vm_area *a, *prev = NULL;
	struct vm_rss rss;
	s64 peak;

	mutex_lock(&s->map_lock);
	for (a = area_find(s, 0); a; a = area_next(a)) {
		check_area(&c, a, prev);
		prev = a;
	}
	check_entries(&c);
	if (c.total != s->total_pages || c.locked != s->locked_pages || c.data != s->data_pages ||
		c.stack != s->stack_pages || c.exec != s->exec_pages || c.nareas != s->nareas)
		complain(&c, "wrong counters", 0);
	vm_space_rss(s, &rss, &peak);
	if (c.rss != rss.anon + rss.file + rss.shmem)
		complain(&c, "wrong count of resident pages", (vaddr_t)c.rss);
	mutex_unlock(&s->map_lock);
	if (c.why)
		klog(LOG_ERR, "vm: %s at %#llx", c.why, c.at);
	return !c.why;
}
