/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * "kasan_test" on the command line: do once each thing that KASAN is there to find, and say what was found.
 */
#include <lib/string.h>
#include <arch/smp.h>
#include <debug/kasan_impl.h>
#include <debug/log.h>
#include <init/initcall.h>
#include <init/param.h>
#include <mm/kmap.h>
#include <mm/page.h>
#include <mm/percpu.h>
#include <mm/slab.h>

static u8 global[13];
static volatile u8 sink;

/* An access that the compiler cannot judge. */
static NOINLINE void touch(volatile u8 *p, size_t at)
{
	OPAQUE(p);
	OPAQUE(at);
	sink = p[at];
}

static NOINLINE void put(volatile u8 *p, size_t at)
{
	OPAQUE(p);
	OPAQUE(at);
	p[at] = 1;
}

static void heap_end(void)
{
	u8 *p = kmalloc(50, ALLOC_SLEEP);

	put(p, 49);
	put(p, 50);
	kfree(p);
}

static void heap_behind(void)
{
	u8 *p = kmalloc(64, ALLOC_SLEEP);

	touch(p, 64);
	kfree(p);
}

static void heap_freed(void)
{
	u8 *p = kmalloc(100, ALLOC_SLEEP);

	kfree(p);
	touch(p, 8);
}

static void heap_shrunk(void)
{
	u8 *p = kmalloc(100, ALLOC_SLEEP);

	p = krealloc(p, 70, ALLOC_SLEEP);
	touch(p, 69);
	touch(p, 71);
	kfree(p);
}

static void heap_large(void)
{
	u8 *p = kmalloc(10000, ALLOC_SLEEP);

	touch(p, 9999);
	touch(p, 10000);
	kfree(p);
}

static void cache_freed(void)
{
	struct slab_cache *c = slab_cache_create("kasan_test", 40, 0, 0);
	void *p = slab_alloc(c, ALLOC_SLEEP);

	slab_free(c, p);
	touch(p, 39);
	slab_cache_destroy(c);
}

static void page_freed(void)
{
	struct page *page = page_alloc(0, ALLOC_SLEEP);

	page_free(page, 0);
	touch(page_va(page), 100);
}

static void vmap_end(void)
{
	u8 *p = vmap_alloc(5000);

	put(p, 4999);
	put(p, 5000);
	vmap_free(p);
}

static void percpu_freed(void)
{
	u64 *p = percpu_alloc(sizeof(u64), 8);

	percpu_free(p);
	touch((void *)per_cpu_ptr(p, 0), 0);
}

static void stack_freed(void)
{
	u8 *p = kstack_alloc();

	kstack_free(p);
	touch(p, 4096);
}

static void stack_end(void)
{
	u8 buf[20];

	put(buf, 19);
	put(buf, 20);
}

static void stack_scope(void)
{
	volatile u8 *p;

	{
		u8 buf[16];

		p = buf;
		put(p, 3);
	}
	touch(p, 3);
}

static void global_end(void)
{
	touch(global, 12);
	touch(global, 13);
}

static void copy_past_end(void)
{
	u8 *p = kmalloc(24, ALLOC_SLEEP), buf[64] = {0};
	size_t len = 30;

	OPAQUE(len);
	memcpy(p, buf, len);
	kfree(p);
}

static const struct {
	const char *name;
	void (*fn)(void);
} tests[] = {
	{"heap_end", heap_end}, {"heap_behind", heap_behind}, {"heap_freed", heap_freed}, {"heap_shrunk", heap_shrunk},
	{"heap_large", heap_large}, {"cache_freed", cache_freed}, {"page_freed", page_freed}, {"vmap_end", vmap_end},
	{"percpu_freed", percpu_freed}, {"stack_freed", stack_freed}, {"stack_end", stack_end}, {"stack_scope", stack_scope},
	{"global_end", global_end}, {"copy_past_end", copy_past_end},
};

static int kasan_test(void)
{
	unsigned found = 0;

	if (!param_get("kasan_test"))
		return 0;
	for (unsigned i = 0; i < ARRAY_SIZE(tests); i++) {
		unsigned before = kasan_reports();

		klog(LOG_NOTICE, "kasan_test: %s", tests[i].name);
		kasan_forget();
		tests[i].fn();
		if (kasan_reports() == before + 1)
			found++;
		else
			klog(LOG_ERR, "kasan_test: %s gave %u reports", tests[i].name, kasan_reports() - before);
	}
	klog(LOG_NOTICE, "kasan_test: %u of %zu found", found, ARRAY_SIZE(tests));
	return 0;
}
INITCALL(kasan_test, "", kasan_test);
