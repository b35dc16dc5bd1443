/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory policies, and moving pages between nodes.
 *
 * A machine of one node pays a load and a branch for each page. A page is moved only if the one entry names it: it is taken out under its table's lock,
 * flushed, copied and put back.
 */
#include <linux/mempolicy.h>
#include <lib/bits.h>
#include <mm/policy.h>
#include <sched/thread.h>
#include "page_impl.h"
#include "pt.h"
#include "space_impl.h"

unsigned vm_nodes_nr(void)
{
	return page_zones_nr / 2;
}

u64 vm_nodes(void)
{
	u64 nodes = 0;

	for (unsigned i = 0; i < page_zones_nr; i++)
		nodes |= READ_ONCE(page_zones[i].total) ? 1ull << page_zones[i].node : 0;
	return nodes;
}

/* ---- policies ---- */

/* The n-th of the nodes, counted round. */
static unsigned nth_node(u64 nodes, unsigned n)
{
	for (n %= popcount64(nodes); n; n--)
		nodes &= nodes - 1;
	return ctz64(nodes);
}

/* What is meant by relative nodes: the n-th of those that there are. */
static u64 relative_nodes(u64 asked, u64 have)
{
	u64 nodes = 0;

	for (; asked; asked &= asked - 1)
		nodes |= 1ull << nth_node(have, ctz64(asked));
	return nodes;
}

int vm_policy_create(u16 mode, u16 flags, u64 nodes, struct vm_policy **out)
{
	u16 absolute = flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES);
	u64 use = flags & MPOL_F_RELATIVE_NODES ? relative_nodes(nodes, vm_nodes()) : nodes & vm_nodes();
	struct vm_policy *p;

	if (mode == MPOL_DEFAULT) {
		*out = NULL;
		return nodes ? -EINVAL : 0;
	}
	if (mode == MPOL_PREFERRED && !nodes)
		mode = MPOL_LOCAL;
	else if ((mode == MPOL_LOCAL) != !nodes)
		return -EINVAL;
	if (mode == MPOL_LOCAL && absolute)
		return -EINVAL;
	if (nodes && !use)
		return -EINVAL;
	p = kzalloc(sizeof(*p), ALLOC_SLEEP);
	if (!p)
		return -ENOMEM;
	refcount_set(&p->refs, 1);
	p->mode = mode;
	p->flags = flags;
	/* Of preferred nodes Linux takes the first. */
	p->nodes = mode == MPOL_PREFERRED ? use & -use : use;
	p->user_nodes = nodes;
	p->home = -1;
	*out = p;
	return 0;
}

static void free_policy(struct rcu_head *head)
{
	kfree(container_of(head, struct vm_policy, rcu));
}

void vm_policy_put(struct vm_policy *p)
{
	if (p && refcount_dec_and_test(&p->refs))
		rcu_call(&p->rcu, free_policy);
}

static struct page *alloc_bound(const struct vm_policy *p, unsigned first)
{
	struct page *page = p->nodes >> first & 1 ? page_alloc_node(first, 0, ALLOC_NOWAIT | ALLOC_USER) : NULL;

	for (u64 rest = p->nodes; !page && rest; rest &= rest - 1)
		page = page_alloc_node(ctz64(rest), 0, ALLOC_NOWAIT | ALLOC_USER);
	return page;
}

struct page *vm_policy_alloc(struct vm_policy *p)
{
	unsigned here = cpu_node(cpu_id());
	struct page *page = NULL;

	if (!p)
		p = thread_current() ? thread_current()->mempolicy : NULL;
	if (!p || !p->nodes)
		return page_alloc(0, ALLOC_NOWAIT | ALLOC_USER);
	switch (p->mode) {
	case MPOL_INTERLEAVE:
	case MPOL_WEIGHTED_INTERLEAVE:
		page = page_alloc_node(nth_node(p->nodes, __atomic_fetch_add(&p->turn, 1, __ATOMIC_RELAXED)), 0, ALLOC_NOWAIT | ALLOC_USER);
		break;
	case MPOL_BIND: return alloc_bound(p, p->home >= 0 ? (unsigned)p->home : here);
	default: page = alloc_bound(p, p->home >= 0 ? (unsigned)p->home : here);
	}
	return page ? page : page_alloc(0, ALLOC_NOWAIT | ALLOC_USER);
}

/* ---- of areas ---- */

static void set_area(struct vm_area *a, struct vm_policy *p)
{
	struct vm_policy *old = a->policy;

	vm_policy_get(p);
	STORE_RELEASE(a->policy, p);
	vm_policy_put(old);
}

int vm_policy_set(struct vm_space *s, vaddr_t start, vaddr_t end, struct vm_policy *p)
{
	struct vm_area *a;
	vaddr_t at = start;
	int err = 0;

	mutex_lock(&s->map_lock);
	for (a = area_find(s, start); !err && at < end; a = a ? area_next(a) : NULL) {
		if (!a || a->start > at)
			err = -EFAULT;
		else
			at = a->end;
	}
	if (!err)
		err = area_cut(s, start, end);
	a = err ? NULL : area_find(s, start);
	while (a && a->start < end) {
		set_area(a, p);
		a = area_next(area_merge(a));
	}
	if (a)
		area_merge(a);
	mutex_unlock(&s->map_lock);
	return err;
}

int vm_policy_at(struct vm_space *s, vaddr_t va, struct vm_policy **out)
{
	struct vm_area *a;
	int err = -EFAULT;

	mutex_lock(&s->map_lock);
	a = area_find(s, va);
	if (a && a->start <= va) {
		vm_policy_get(a->policy);
		*out = a->policy;
		err = 0;
	}
	mutex_unlock(&s->map_lock);
	return err;
}

static int set_home(struct vm_area *a, s32 node)
{
	struct vm_policy *fresh;

	if (a->policy->mode != MPOL_BIND && a->policy->mode != MPOL_PREFERRED_MANY)
		return -EOPNOTSUPP;
	if (a->policy->home == node)
		return 0;
	fresh = kmemdup(a->policy, sizeof(*fresh), ALLOC_SLEEP);
	if (!fresh)
		return -ENOMEM;
	refcount_set(&fresh->refs, 1);
	fresh->home = node;
	set_area(a, fresh);
	vm_policy_put(fresh);
	return 0;
}

int vm_policy_set_home(struct vm_space *s, vaddr_t start, vaddr_t end, s32 node)
{
	struct vm_area *a;
	int err = -ENOENT, cut;

	mutex_lock(&s->map_lock);
	cut = area_cut(s, start, end);
	for (a = cut ? NULL : area_find_in(s, start, end); a && a->start < end; a = area_next(a)) {
		if (!a->policy)
			continue;
		err = set_home(a, node);
		if (err)
			break;
	}
	mutex_unlock(&s->map_lock);
	return cut ? cut : err;
}

/* ---- pages ---- */

/* The entry of the page at @va; its frame, or why not. The table is locked if there is one. */
static int look_up(struct vm_space *s, vaddr_t va, struct pte **out_e, struct page **out)
{
	struct vm_area *a = area_find(s, va);
	struct pt_at at;
	struct pte pte;

	if (!a || a->start > va)
		return -EFAULT;
	at = pt_walk(&s->mmu, va, 0);
	pte = at.e ? pte_load(at.e) : pte_none();
	if (at.e && at.level && !pte_is_none(pte) && !pte_is_table(pte))
		pte = pte_part(pte, 1, pt_index(va, 0));
	if (!pte_is_present(pte))
		return -ENOENT;
	if (pte_is_special(pte))
		return -EFAULT;
	*out_e = at.level ? NULL : at.e;
	*out = pfn_page(pte_paddr(pte) >> PAGE_SHIFT);
	return 0;
}

int vm_page_node(struct vm_space *s, vaddr_t va)
{
	struct page *page;
	struct pte *e;
	int ret;

	mutex_lock(&s->map_lock);
	ret = look_up(s, va, &e, &page);
	if (!ret)
		ret = page_zone(page)->node;
	mutex_unlock(&s->map_lock);
	return ret;
}

/* Put a copy in the place of the private page that @e alone names. */
static int replace(struct vm_space *s, struct pte *e, vaddr_t va, struct page *copy)
{
	struct page *page;
	int err = -EBUSY;
	struct pte old;

	pt_lock(e);
	old = pte_load(e);
	page = pte_is_present(old) && !pte_is_special(old) ? pfn_page(pte_paddr(old) >> PAGE_SHIFT) : NULL;
	if (page && page->kind == PAGE_ANON && __atomic_load_n(&page->counts, __ATOMIC_ACQUIRE) == PAGE_COUNT_MAP) {
		old = pte_exchange(e, pte_none());
		tlb_flush_range(&s->mmu, va, va + PAGE_SIZE, false);
		page_copy(page_va(copy), page_va(page));
		page_set_kind(copy, PAGE_ANON);
		WRITE_ONCE(copy->counts, PAGE_COUNT_MAP);
		pte_store(e, pte_of_frame(old, page_paddr(copy)));
		err = 0;
	}
	pt_unlock(e);
	if (!err)
		page_unmap_release(page);
	return err;
}

static int move_locked(struct vm_space *s, vaddr_t va, unsigned node)
{
	struct page *page, *copy;
	struct pte *e;
	int err = look_up(s, va, &e, &page);

	if (err)
		return err;
	if (page_zone(page)->node == node)
		return (int)node;
	if (!e) {
		err = huge_split_in(s, va);
		if (!err)
			err = look_up(s, va, &e, &page);
		if (err || !e)
			return err ? err : -EBUSY;
	}
	if (READ_ONCE(page->maps) > 1)
		return -EACCES;
	copy = page_alloc_node(node, 0, ALLOC_USER);
	if (!copy)
		return -ENOMEM;
	err = page_zone(copy)->node == node ? replace(s, e, va, copy) : -ENOMEM;
	if (!err)
		return (int)node;
	page_free(copy, 0);
	return err;
}

int vm_page_move(struct vm_space *s, vaddr_t va, unsigned node)
{
	int ret;

	mutex_lock(&s->map_lock);
	ret = move_locked(s, va, node);
	mutex_unlock(&s->map_lock);
	return ret;
}

u64 vm_pages_move(struct vm_space *s, vaddr_t start, vaddr_t end, u64 from, u64 nodes)
{
	u64 left = 0, turn = 0;
	struct pt_at at;

	mutex_lock(&s->map_lock);
	while ((at = pt_next(s, &start, end)).e) {
		vaddr_t stop = min(pt_end(start, at.level), end);

		for (; start < stop; start += PAGE_SIZE) {
			struct page *page;
			struct pte *e;
			u64 bit;

			if (look_up(s, start, &e, &page))
				continue;
			bit = 1ull << page_zone(page)->node;
			if ((bit & from) && !(bit & nodes) && move_locked(s, start, nth_node(nodes, (unsigned)turn++)) < 0)
				left++;
		}
	}
	mutex_unlock(&s->map_lock);
	return left;
}
