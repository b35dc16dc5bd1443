/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Between the parts of the page cache: object.c (life of pages), object_io.c (dirty, written), object_map.c (mappings), object_evict.c (clean pages go).
 */
#include <mm/object.h>

extern const struct radix_alloc vm_object_nodes;

/* The queue where waiters for a bit of @page's flags sleep. */
struct wait_queue *page_queue(const struct page *page);
