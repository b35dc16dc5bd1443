/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Kernel objects: caches of one size with a magazine per CPU [bonwick01], and kmalloc over a ladder of such caches.
 * Allocation and free on the same CPU touch only that CPU's magazine: no lock, no atomic.
 * Debug kernels poison freed objects, put red zones round them and report a double free.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <mm/page.h>

struct slab_cache;

enum slab_flags {
	SLAB_RCU = 1u << 0,	/* memory stays of this type for an RCU grace period after free */
	SLAB_PANIC = 1u << 1,	/* creation at boot cannot fail */
};

/* A cache of objects of @size bytes, @align (0: natural). NULL on -ENOMEM. May sleep. */
struct slab_cache *slab_cache_create(const char *name, size_t size, size_t align, unsigned slab_flags);
/* All objects are back. May sleep. Debug kernels report what is missing. */
void slab_cache_destroy(struct slab_cache *cache);
void *slab_alloc(struct slab_cache *cache, unsigned alloc_flags);
void slab_free(struct slab_cache *cache, void *obj); /* any context; NULL is nothing */

void *kmalloc(size_t size, unsigned alloc_flags); /* aligned to 16; > 2 MiB: NULL, use vmap_alloc; NULL when there is none */
void *kzalloc(size_t size, unsigned alloc_flags);
void *kcalloc(size_t n, size_t size, unsigned alloc_flags); /* overflow checked */
void *krealloc(void *p, size_t size, unsigned alloc_flags);
char *kstrdup(const char *s, unsigned alloc_flags);
void *kmemdup(const void *p, size_t len, unsigned alloc_flags);
void kfree(const void *p); /* any context; NULL is nothing */
size_t kmalloc_usable(const void *p);

void slab_init(void);
/* Bytes in slabs and in live objects, for /proc/meminfo; one line per cache for /proc/slabinfo through the callback. */
struct slab_info {
	const char *name;
	size_t size, live, total, pages;
};
void slab_for_each(void (*fn)(const struct slab_info *, void *arg), void *arg);
