/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The allocators side by side, in the host home: those of the tree, the C library's, and a buddy system behind one lock. A contender hands
 * out blocks of one size; main.c measures.
 */
#include <lib/types.h>

struct contender {
	const char *name;
	/* Fresh memory for blocks of @size bytes, a power of two, used by @cpus threads. */
	void (*start)(size_t size, unsigned cpus);
	/* The calling thread plays CPU @cpu from now on; after start. */
	void (*enter)(unsigned cpu);
	void *(*alloc)(void); /* never NULL here: there is enough */
	void (*free)(void *block);
};

extern const struct contender nos_pages, nos_objects, libc_malloc, locked_buddy;
