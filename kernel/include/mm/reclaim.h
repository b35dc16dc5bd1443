/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Memory that could be given back: caches register how.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>

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
u64 reclaim_memory(u64 npages);
/* Pages that a program could have without swapping: free ones less the reserve, and what shrinkers could free. */
u64 reclaim_available(void);
