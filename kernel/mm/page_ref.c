/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * References to frames. A page of an object is free a grace period after its last one: lookups without a lock may still see it.
 */
#include <lib/errno.h>
#include <mm/page.h>
#include <sync/rcu.h>
#include <debug/panic.h>
#include "reclaim_impl.h"

void page_get(struct page *page)
{
	u32 old = __atomic_fetch_add(&page->refs, 1, __ATOMIC_RELAXED);

	DASSERT(old != 0);
}

bool page_tryget(struct page *page)
{
	u32 refs = READ_ONCE(page->refs);

	do {
		if (!refs)
			return false;
	} while (!__atomic_compare_exchange_n(&page->refs, &refs, refs + 1, true, __ATOMIC_ACQUIRE,
		__ATOMIC_RELAXED));
	return true;
}

/* The head for RCU lies in the first frame of the list: nobody reads contents without a reference or a read section. */
static void free_after_grace(struct rcu_head *head)
{
	struct page *page = va_page(head);

	for (;;) {
		u32 next = page->link;

		if (page->flags & PAGE_F_FILE)
			hand_note_gone(page);
		page_free(page, page->order);
		if (!next)
			break;
		page = pfn_page(next);
	}
}

static inline bool drop_ref(struct page *page)
{
	u32 old = __atomic_fetch_sub(&page->refs, 1, __ATOMIC_ACQ_REL);

	DASSERT(old != 0);
	return old == 1;
}

void page_put(struct page *page)
{
	if (!drop_ref(page))
		return;
	if (page->kind == PAGE_CACHE) {
		page->link = 0;
		rcu_call((struct rcu_head *)page_va(page), free_after_grace);
	} else {
		page_free(page, page->order);
	}
}

void page_put_list(u32 first)
{
	u32 dead = 0;

	while (first) {
		struct page *page = pfn_page(first);
		u32 pfn = first;

		first = page->link;
		if (!drop_ref(page))
			continue;
		if (page->kind == PAGE_CACHE) {
			page->link = dead;
			dead = pfn;
		} else {
			page_free(page, page->order);
		}
	}
	if (dead)
		rcu_call((struct rcu_head *)page_va(pfn_page(dead)), free_after_grace);
}
