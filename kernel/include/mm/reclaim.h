/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Memory that could be given back: caches register how.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <mm/page.h>

struct shrinker {
	struct list_head link;
	const char *name;
	/*
	 * Free about @npages pages if possible; how many were. May sleep, but must not wait for a lock under which memory is allocated: it tries
	 * such locks and passes over what it cannot have.
	 */
	u64 (*shrink)(struct shrinker *s, u64 npages);
	/* Pages that shrink could free now, roughly; for MemAvailable. Any context. May be NULL: unknown, 0. */
	u64 (*count)(struct shrinker *s);
};

extern struct list_head reclaim_shrinkers;
void shrinker_register(struct shrinker *s); /* @s stays for ever, or until unregistered. May sleep. */
void shrinker_unregister(struct shrinker *s);
/* Ask all shrinkers, in turn, until @npages are free. How many. May sleep. Not recursive: a caller inside a shrinker gets 0. */
u64 reclaim_shrink(u64 npages);
/* Drop clean pages of files; they are free a grace period later. How many. May sleep. */
u64 reclaim_files(u64 npages);
/* Both, files first. */
u64 reclaim_memory(u64 npages);
/* Is the running thread inside reclaim_memory? Then what it drops may not wait for locks that others hold while they allocate. */
bool reclaim_is_running(void);
/* Pages of files that have a home, all of them. */
u64 reclaim_file_pages(void);
struct reclaim_counts {
	u64 active, inactive; /* pages of files */
	u64 scanned, evicted, refaults, activations; /* ever */
};
void reclaim_counts(struct reclaim_counts *out);

void page_use_again(struct page *page);
/* A page of a file was read (not through a mapping, whose entries say so): the first time, or again. */
static inline void page_note_use(struct page *page)
{
	if (unlikely((READ_ONCE(page->flags) & (PAGE_F_ACTIVE | PAGE_F_REFERENCED)) != (PAGE_F_ACTIVE | PAGE_F_REFERENCED)))
		page_use_again(page);
}

/* Pages that a program could have without swapping: free ones less the reserve, and what shrinkers could free. */
u64 reclaim_available(void);
