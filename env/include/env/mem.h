/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Memory of a component. Every allocation can fail, and in sim each one does in some run.
 */
#include <lib/compiler.h>
#include <lib/types.h>

enum env_alloc_flags {
	ENV_ALLOC_SLEEP = 0,        /* may sleep and reclaim */
	ENV_ALLOC_NOWAIT = 1u << 0, /* any context */
	ENV_ALLOC_ZERO = 1u << 1,
};

/*
 * @size bytes, aligned to 16; from a page upwards to a page. @size is not 0.
 *
 * Context: may sleep; any with ENV_ALLOC_NOWAIT.
 * Returns: the memory, or NULL: there is none.
 */
void *env_alloc(size_t size, unsigned flags);

/* Give back. @size is what it was allocated with. NULL is nothing.  Context: any. */
void env_free(void *p, size_t size);
