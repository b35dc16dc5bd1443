/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The environment in the kernel: memory, locks, log. Thin: each function is the kernel's own with
 * another name.
 */
#include <stdarg.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <debug/log.h>
#include <debug/panic.h>
#include <env/lock.h>
#include <env/log.h>
#include <env/mem.h>
#include <mm/kmap.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <security/random.h>
#include <sync/mutex.h>
#include <sync/spinlock.h>

/* ---- memory: slabs below a page, whole pages from there, a map of pages beyond the largest block
 * ---- */

static unsigned order_of(size_t size)
{
	unsigned order = 0;

	while (PAGE_SIZE << order < size)
		order++;
	return order;
}

void *env_alloc(size_t size, unsigned flags)
{
	unsigned af = (flags & ENV_ALLOC_NOWAIT ? ALLOC_NOWAIT : ALLOC_SLEEP) |
		      (flags & ENV_ALLOC_ZERO ? ALLOC_ZERO : 0);
	struct page *page;
	unsigned order;

	if (size < PAGE_SIZE)
		return kmalloc(size, af);
	if (size > PAGE_SIZE << PAGE_MAX_ORDER)
		return flags & ENV_ALLOC_NOWAIT ? NULL : vmap_alloc(size);
	order = order_of(size);
	page = page_alloc(order, af);
	if (!page)
		return NULL;
	page_trim(page, order, (unsigned)(align_up(size, (size_t)PAGE_SIZE) / PAGE_SIZE));
	return page_va(page);
}

void env_free(void *p, size_t size)
{
	if (size < PAGE_SIZE || !p)
		kfree(p);
	else if (size > PAGE_SIZE << PAGE_MAX_ORDER)
		vmap_free(p);
	else
		page_free_exact(
			va_page(p), (unsigned)(align_up(size, (size_t)PAGE_SIZE) / PAGE_SIZE));
}

/* ---- locks ---- */

static_assert(sizeof(struct mutex) <= sizeof(struct env_mutex), "storage");
static_assert(sizeof(struct spinlock) <= sizeof(struct env_spin), "storage");

#define MAX_CLASSES 128

LOCK_CLASS(env_other, ENV_RANK_FS, "locks of components; debug kernels tell them apart");

/* A component's class is constant; lockdep's is not. A slot is taken once, for ever. */
static struct {
	const struct env_lock_class *from; /* atomic */
	struct lock_class klass;
} classes[MAX_CLASSES];

static struct lock_class *class_of(const struct env_lock_class *from)
{
	if (!NOS_DEBUG)
		return &lock_class_env_other;
	for (unsigned i = 0; i < MAX_CLASSES; i++) {
		const struct env_lock_class *none = NULL;

		if (LOAD_ACQUIRE(classes[i].from) != from &&
			!__atomic_compare_exchange_n(&classes[i].from, &none, from, false,
				__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) &&
			none != from)
			continue;
		classes[i].klass.name = from->name; /* the same values, whoever writes them */
		classes[i].klass.what = from->what;
		classes[i].klass.rank = from->rank;
		return &classes[i].klass;
	}
	panic("more than %u lock classes of components", MAX_CLASSES);
}

void env_mutex_init(struct env_mutex *m, const struct env_lock_class *klass)
{
	mutex_init_class((struct mutex *)m->opaque, class_of(klass));
}

void env_mutex_lock(struct env_mutex *m)
{
	mutex_lock((struct mutex *)m->opaque);
}

void env_mutex_unlock(struct env_mutex *m)
{
	mutex_unlock((struct mutex *)m->opaque);
}

void env_mutex_assert_held(const struct env_mutex *m)
{
	mutex_assert_held((const struct mutex *)m->opaque);
}

void env_spin_init(struct env_spin *s, const struct env_lock_class *klass)
{
	spin_init_class((struct spinlock *)s->opaque, class_of(klass));
}

unsigned long env_spin_lock(struct env_spin *s)
{
	return spin_lock_irqsave((struct spinlock *)s->opaque);
}

void env_spin_unlock(struct env_spin *s, unsigned long flags)
{
	spin_unlock_irqrestore((struct spinlock *)s->opaque, flags);
}

void env_spin_assert_held(const struct env_spin *s)
{
	spin_assert_held((struct spinlock *)(unsigned long)s->opaque);
}

/* ---- log, random ---- */

void env_log(enum env_log_level level, const char *fmt, ...)
{
	char line[200];
	va_list args;

	va_start(args, fmt);
	vscnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	klog((enum log_level)level, "%s", line);
}

void env_random(void *buf, size_t len)
{
	random_bytes(buf, len);
}

bool env_fault(const char *point)
{
	return false;
}

void env_bug(const char *file, int line, const char *what)
{
	panic("%s:%d: %s", file, line, what);
}
