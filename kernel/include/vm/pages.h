/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What the pages of a space are and cost, for /proc. Callers have a user or a reference of the space.
 */
#include <mm/space.h>

/* Bytes of [va, end) that are resident, by kind, added to *u; pss are in 2^-VM_PSS_SHIFT bytes. Takes map_lock. */
#define VM_PSS_SHIFT 12
#define VM_USAGE_NODES 16
struct vm_usage {
	u64 rss, pss, pss_dirty, pss_anon, pss_file, shared_clean, shared_dirty, private_clean, private_dirty, referenced, anonymous, lazy_free, anon_huge,
		locked, hugetlb_shared, hugetlb_private, hugetlb_anon, on_node[VM_USAGE_NODES];
	u32 most_maps;	/* of one page */
};
void vm_usage(struct vm_space *s, vaddr_t va, vaddr_t end, struct vm_usage *u);
/* A word for each of @npages pages from @va, as /proc/PID/pagemap has them; frame numbers only with @frames. Takes map_lock. */
void vm_pagemap(struct vm_space *s, vaddr_t va, u64 npages, u64 *words, bool frames);
/* PAGEMAP_SCAN: pages from @at to @end that are as wanted, as regions. */
struct vm_scan {
	u64 flags;		/* PM_SCAN_* */
	u64 inverted, mask, anyof, returned; /* PAGE_IS_* */
	u64 max_pages, found;
	vaddr_t at, end;
	struct page_region *regions;	/* NULL: none are wanted */
	u32 n, room;
};
/* 1: all, 0: no room for more (@at is where to go on), -EPERM: not all areas can be guarded. Takes map_lock. -ENOMEM. */
int vm_scan_pages(struct vm_space *s, struct vm_scan *scan) MUST_CHECK;
/* Forget that the pages (anonymous, of files) were used. Takes map_lock. */
void vm_clear_referenced(struct vm_space *s, bool anon, bool files);
void vm_clear_soft_dirty(struct vm_space *s);
/* The peak of resident pages is what there is now. */
void vm_reset_peak(struct vm_space *s);
