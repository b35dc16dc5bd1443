/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel stacks: vmap stretches (guard pages on both sides), kept by each CPU and by a common pool for the next thread. A stack in the pool
 * holds the link to the next in its first word.
 */
#include <mm/kmap.h>
#include <mm/page.h>
#include <mm/reclaim.h>
#include <arch/context.h>
#include <debug/kasan.h>
#include <sync/spinlock.h>
#include <sched/preempt.h>

#define PER_CPU 4
#define POOL_MAX 32

LOCK_CLASS(kstack, RANK_KMAP, "pool of kernel stacks");

struct kstack_cache {
	u32 n;
	void *stack[PER_CPU];
};
static DEFINE_PER_CPU(struct kstack_cache, kstack_cache);
static struct spinlock pool_lock = SPINLOCK_INIT(kstack);
static void *pool;	/* pool_lock */
static u32 pool_n;	/* pool_lock */

static void *pool_pop(void)
{
	irqflags_t flags;
	void *stack;

	if (!READ_ONCE(pool_n))
		return NULL;
	flags = spin_lock_irqsave(&pool_lock);
	stack = pool;
	if (stack) {
		pool = *(void **)stack;
		pool_n--;
	}
	spin_unlock_irqrestore(&pool_lock, flags);
	return stack;
}

void *kstack_alloc(void)
{
	irqflags_t flags = irq_save();
	struct kstack_cache *c = this_cpu_ptr(&kstack_cache);
	void *stack = c->n ? c->stack[--c->n] : NULL;

	irq_restore(flags);
	if (!stack)
		stack = pool_pop();
	if (!stack)
		return vmap_alloc(KSTACK_SIZE);
	/* Whoever had it may have left from the depth of a call. */
	kasan_unpoison(stack, KSTACK_SIZE);
	return stack;
}

void kstack_free(void *stack)
{
	irqflags_t flags;
	struct kstack_cache *c;
	bool kept;

	if (!stack)
		return;
	/* But for the link of the pool. */
	kasan_unpoison(stack, sizeof(void *));
	kasan_poison((char *)stack + sizeof(void *), KSTACK_SIZE - sizeof(void *), KASAN_STACK_FREE);
	flags = irq_save();
	c = this_cpu_ptr(&kstack_cache);
	kept = c->n < PER_CPU;
	if (kept)
		c->stack[c->n++] = stack;
	irq_restore(flags);
	if (kept)
		return;
	flags = spin_lock_irqsave(&pool_lock);
	kept = pool_n < POOL_MAX;
	if (kept) {
		*(void **)stack = pool;
		pool = stack;
		WRITE_ONCE(pool_n, pool_n + 1);
	}
	spin_unlock_irqrestore(&pool_lock, flags);
	if (!kept)
		vmap_free(stack);
}

static u64 shrink(struct shrinker *s, u64 npages)
{
	u64 freed = 0;
	void *stack;

	while (freed < npages && (stack = pool_pop())) {
		vmap_free(stack);
		freed += KSTACK_SIZE / PAGE_SIZE;
	}
	return freed;
}

static struct shrinker kstack_shrinker = {.name = "kstack", .shrink = shrink};

void kstack_init(void)
{
	shrinker_register(&kstack_shrinker);
}
