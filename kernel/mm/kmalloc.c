/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kmalloc: a ladder of caches, and whole frames above the last rung. kfree finds the cache through the frame's descriptor.
 * A large allocation keeps only the frames that it needs; their number is in `link` of the first.
 */
#include <lib/bits.h>
#include <lib/overflow.h>
#include <lib/string.h>
#include <debug/kasan.h>
#include <debug/panic.h>
#include "slab_impl.h"

#define CLASS_MAX 8192u
#define LARGE_MAX (2ul << 20)

static const u16 class_sizes[] = {16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048,
	3072, 4096, 6144, CLASS_MAX};
static const char *const class_names[] = {"kmalloc-16", "kmalloc-32", "kmalloc-48", "kmalloc-64",
	"kmalloc-96", "kmalloc-128", "kmalloc-192", "kmalloc-256", "kmalloc-384", "kmalloc-512",
	"kmalloc-768", "kmalloc-1k", "kmalloc-1536", "kmalloc-2k", "kmalloc-3k", "kmalloc-4k",
	"kmalloc-6k", "kmalloc-8k"};
static struct slab_cache classes[ARRAY_SIZE(class_sizes)];
static u8 small_class[1024 / 16 + 1]; /* by (size + 15) / 16 */

static_assert(ARRAY_SIZE(class_sizes) == ARRAY_SIZE(class_names), "one name per class");

void kmalloc_init(void)
{
	unsigned k = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(classes); i++) {
		slab_cache_setup(&classes[i], class_names[i], class_sizes[i], 16, SLAB_PANIC);
		if (!slab_cpu_setup(&classes[i], magazine_cache_for(class_sizes[i])))
			panic("no memory for kmalloc");
	}
	for (unsigned i = 0; i < ARRAY_SIZE(small_class); i++) {
		while (class_sizes[k] < i * 16)
			k++;
		small_class[i] = (u8)k;
	}
}

static inline struct slab_cache *class_of(size_t size)
{
	unsigned k;

	if (likely(size <= 1024))
		return &classes[small_class[(size + 15) / 16]];
	/* Two classes per power of two: 1536, 2048, 3072, 4096, 6144, 8192. */
	k = ilog2(size - 1);
	return &classes[12 + (k - 10) * 2 + ((size - 1) >> (k - 1) & 1)];
}

static void *alloc_large(size_t size, unsigned alloc_flags)
{
	unsigned npages = (unsigned)DIV_ROUND_UP(size, PAGE_SIZE), order = ilog2_ceil(npages);
	struct page *page = page_alloc(order, alloc_flags);

	if (!page)
		return NULL;
	page_trim(page, order, npages);
	page->link = npages;
	kasan_narrow(page_va(page), size, npages * PAGE_SIZE, KASAN_PAGE_REDZONE);
	return page_va(page);
}

void *kmalloc(size_t size, unsigned alloc_flags)
{
	if (likely(size <= CLASS_MAX)) {
		struct slab_cache *c = class_of(size);
		void *p = slab_alloc(c, alloc_flags);

		if (NOS_KASAN && p)
			kasan_narrow(p, size, c->size, KASAN_SLAB_REDZONE);
		return p;
	}
	return size <= LARGE_MAX ? alloc_large(size, alloc_flags) : NULL;
}

void *kzalloc(size_t size, unsigned alloc_flags)
{
	return kmalloc(size, alloc_flags | ALLOC_ZERO);
}

void *kcalloc(size_t n, size_t size, unsigned alloc_flags)
{
	return kmalloc(size_mul(n, size), alloc_flags | ALLOC_ZERO);
}

size_t kmalloc_usable(const void *p)
{
	const struct page *page;
	size_t size;

	if (!p)
		return 0;
	page = slab_head(p);
	size = page->kind == PAGE_SLAB ? page->cache->size : page->link * PAGE_SIZE;
	kasan_unpoison(p, size);
	return size;
}

void *krealloc(void *p, size_t size, unsigned alloc_flags)
{
	size_t have = kmalloc_usable(p);
	void *q;

	if (p && size <= have && size > have / 4) {
		kasan_narrow(p, size, have, KASAN_SLAB_REDZONE);
		return p;
	}
	q = kmalloc(size, alloc_flags);
	if (q && p) {
		memcpy(q, p, min(size, have));
		kfree(p);
	}
	return q;
}

char *kstrdup(const char *s, unsigned alloc_flags)
{
	return kmemdup(s, strlen(s) + 1, alloc_flags);
}

void *kmemdup(const void *p, size_t len, unsigned alloc_flags)
{
	void *q = kmalloc(len, alloc_flags);

	return q ? memcpy(q, p, len) : NULL;
}

void kfree(const void *p)
{
	struct page *page;

	if (unlikely(!p))
		return;
	page = slab_head(p);
	if (likely(page->kind == PAGE_SLAB)) {
		slab_free(page->cache, (void *)p);
		return;
	}
	ASSERT(page->kind == PAGE_KERNEL && page->link && page_va(page) == p);
	page_free_exact(page, page->link);
}
