/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What debug kernels know of each object: a trailer that says whether it is out, and who took and who gave it last.
 *
 *	| object | (link, SLAB_RCU) | u64 state | last allocation | last free |
 *
 * A write past the end destroys the state; a double free finds it FREE; a write after free destroys the poison. Objects of SLAB_RCU caches
 * are not poisoned: readers may still look. With KASAN the trailer may not be touched but from here, nor a free object.
 */
#include <arch/boot.h>
#include <arch/mmu.h>
#include <lib/string.h>
#include <debug/kasan.h>
#include <debug/kasan_impl.h>
#include <debug/log.h>
#include <debug/panic.h>
#include <sched/thread.h>
#include "slab_impl.h"

#define STATE_OUT   0x0b1ec7005a11ff1eull
#define STATE_FREE  0x0b1ec7f4eef4eef4ull
#define OBJ_POISON  0x6b
#define SITE_PCS    6

/* Who did it: return addresses relative to this file's code, innermost first; 0 ends them. Without KASAN only the first. */
struct site {
	s32 pc[SITE_PCS];
	u32 cpu;
};

struct trailer {
	u64 state;
	struct site taken, given;
};
static_assert(sizeof(struct trailer) == SLAB_DEBUG_BYTES, "room in the stride");

static struct trailer *trailer_of(const struct slab_cache *c, const void *obj)
{
	size_t body = align_up(max_t(size_t, c->size, sizeof(u64)), sizeof(u64));

	return (struct trailer *)((char *)obj + body + (c->flags & SLAB_RCU ? sizeof(u64) : 0));
}

static bool is_poisoned(const struct slab_cache *c)
{
	return !(c->flags & SLAB_RCU);
}

static vaddr_t anchor(void)
{
	return (vaddr_t)(unsigned long)slab_debug_new;
}

static NO_ASAN void note(struct site *s, void *caller)
{
	vaddr_t pcs[SITE_PCS + 4] = {(vaddr_t)(unsigned long)caller};
	unsigned n = 1, first = 0;

	if (NOS_KASAN) {
		n = arch_backtrace(NULL, pcs, ARRAY_SIZE(pcs));
		while (first < n && pcs[first] != (vaddr_t)(unsigned long)caller)
			first++;
	}
	for (unsigned i = 0; i < SITE_PCS; i++)
		s->pc[i] = first + i < n ? (s32)(pcs[first + i] - anchor()) : 0;
	s->cpu = cpu_id();
}

static NO_ASAN vaddr_t first_pc(const struct site *s)
{
	return s->pc[0] ? anchor() + (vaddr_t)(s64)s->pc[0] : 0;
}

static NO_ASAN void print_site(const char *what, const struct site *s)
{
	vaddr_t pcs[SITE_PCS];
	unsigned n = 0;

	for (; n < SITE_PCS && s->pc[n]; n++)
		pcs[n] = anchor() + (vaddr_t)(s64)s->pc[n];
	if (!n)
		return;
	klog(LOG_ERR, "  %s on cpu %u:", what, s->cpu);
	panic_print_pcs(pcs, n, false);
}

static void check_object(const struct slab_cache *c, const void *obj, const char *doing)
{
	const struct page *slab = slab_head(obj);

	if (slab->kind != PAGE_SLAB || slab->cache != c ||
		((vaddr_t)obj - (vaddr_t)page_va(slab)) % c->stride)
		panic("slab: %s %p, which is no object of %s", doing, obj, c->name);
}

/* @obj is in a state in which it cannot be. */
static NO_ASAN NORETURN void complain(const struct slab_cache *c, const void *obj, const char *what)
{
	const struct trailer *t = trailer_of(c, obj);

	print_site("allocated", &t->taken);
	print_site("freed", &t->given);
	panic("slab: %s: object %p of %s, state %#llx, taken at %#llx, given at %#llx", what, obj, c->name, t->state,
		first_pc(&t->taken), first_pc(&t->given));
}

NO_ASAN void slab_debug_new(struct slab_cache *c, void *obj)
{
	struct trailer *t = trailer_of(c, obj);

	t->state = STATE_FREE;
	t->taken.pc[0] = 0;
	t->given.pc[0] = 0;
	if (is_poisoned(c))
		kasan_fill(obj, OBJ_POISON, c->size);
}

NO_ASAN void slab_debug_alloc(struct slab_cache *c, void *obj, void *caller)
{
	struct trailer *t = trailer_of(c, obj);

	check_object(c, obj, "allocating");
	if (t->state != STATE_FREE)
		complain(c, obj, t->state == STATE_OUT ? "given out twice" : "write past the end");
	kasan_unpoison(obj, c->size);
	/* The first word may have been the link of the free list. */
	if (is_poisoned(c) && c->size > sizeof(u64) &&
		memchr_inv((char *)obj + sizeof(u64), OBJ_POISON, c->size - sizeof(u64)))
		complain(c, obj, "written to after free");
	t->state = STATE_OUT;
	note(&t->taken, caller);
}

NO_ASAN void slab_debug_free(struct slab_cache *c, void *obj, void *caller)
{
	struct trailer *t = trailer_of(c, obj);

	check_object(c, obj, "freeing");
	if (t->state != STATE_OUT)
		complain(c, obj, t->state == STATE_FREE ? "double free" : "write past the end");
	t->state = STATE_FREE;
	note(&t->given, caller);
	if (!is_poisoned(c))
		return;
	kasan_fill(obj, OBJ_POISON, c->size);
	kasan_poison(obj, c->size, KASAN_SLAB_FREE);
}

NO_ASAN void slab_debug_leaks(struct slab_cache *c)
{
	for (u32 pfn = c->partial; pfn; pfn = pfn_page(pfn)->link) {
		struct page *slab = pfn_page(pfn);

		for (unsigned i = 0; i < slab->slab_fresh; i++) {
			void *obj = (char *)page_va(slab) + i * c->stride;
			const struct trailer *t = trailer_of(c, obj);

			if (t->state == STATE_OUT) {
				klog(LOG_ERR, "slab: %s: %p is out", c->name, obj);
				print_site("allocated", &t->taken);
			}
		}
	}
}

NO_ASAN bool slab_debug_describe(vaddr_t va)
{
	const struct page *page, *slab;
	const struct slab_cache *c;
	const struct trailer *t;
	vaddr_t obj;

	if (va < kernel_layout.direct_base || va >= kernel_layout.direct_end)
		return false;
	page = paddr_page(va - kernel_layout.direct_base);
	if (!page || page->kind != PAGE_SLAB)
		return false;
	slab = slab_head((const void *)(unsigned long)va);
	c = slab->cache;
	obj = va - (va - (vaddr_t)(unsigned long)page_va(slab)) % c->stride;
	t = trailer_of(c, (const void *)(unsigned long)obj);
	klog(LOG_ERR, "  byte %llu of the %u-byte object %016llx of %s, which is %s", va - obj, c->size, obj, c->name,
		t->state == STATE_OUT ? "out" : t->state == STATE_FREE ? "free" : "overwritten behind its end");
	print_site("allocated", &t->taken);
	print_site("freed", &t->given);
	return true;
}
