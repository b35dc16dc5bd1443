/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What debug kernels know of each object: a trailer that says whether it is out, and who had it last.
 *
 *	| object | (link, SLAB_RCU) | u64 state | u64 address of the caller |
 *
 * A write past the end destroys the state; a double free finds it FREE; a write after free destroys the poison. Objects of SLAB_RCU caches
 * are not poisoned: readers may still look.
 */
#include <lib/string.h>
#include <debug/log.h>
#include <debug/panic.h>
#include "slab_impl.h"

#define STATE_OUT   0x0b1ec7005a11ff1eull
#define STATE_FREE  0x0b1ec7f4eef4eef4ull
#define OBJ_POISON  0x6b

struct trailer {
	u64 state;
	u64 caller;
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

static void check_object(const struct slab_cache *c, const void *obj, const char *doing)
{
	const struct page *slab = slab_head(obj);

	if (slab->kind != PAGE_SLAB || slab->cache != c ||
		((vaddr_t)obj - (vaddr_t)page_va(slab)) % c->stride)
		panic("slab: %s %p, which is no object of %s", doing, obj, c->name);
}

void slab_debug_new(struct slab_cache *c, void *obj)
{
	struct trailer *t = trailer_of(c, obj);

	t->state = STATE_FREE;
	t->caller = 0;
	if (is_poisoned(c))
		memset(obj, OBJ_POISON, c->size);
}

void slab_debug_alloc(struct slab_cache *c, void *obj, void *caller)
{
	struct trailer *t = trailer_of(c, obj);

	check_object(c, obj, "allocating");
	if (t->state != STATE_FREE)
		panic("slab: free object %p of %s has state %#llx, last user %#llx", obj, c->name,
			t->state, t->caller);
	/* The first word may have been the link of the free list. */
	if (is_poisoned(c) && c->size > sizeof(u64) &&
		memchr_inv((char *)obj + sizeof(u64), OBJ_POISON, c->size - sizeof(u64)))
		panic("slab: object %p of %s was written to after free by %#llx", obj, c->name,
			t->caller);
	t->state = STATE_OUT;
	t->caller = (vaddr_t)caller;
}

void slab_debug_free(struct slab_cache *c, void *obj, void *caller)
{
	struct trailer *t = trailer_of(c, obj);

	check_object(c, obj, "freeing");
	if (t->state != STATE_OUT)
		panic("slab: %s: object %p of %s, state %#llx, last user %#llx",
			t->state == STATE_FREE ? "double free" : "write past the end", obj, c->name,
			t->state, t->caller);
	t->state = STATE_FREE;
	t->caller = (vaddr_t)caller;
	if (is_poisoned(c))
		memset(obj, OBJ_POISON, c->size);
}

void slab_debug_leaks(struct slab_cache *c)
{
	for (u32 pfn = c->partial; pfn; pfn = pfn_page(pfn)->link) {
		struct page *slab = pfn_page(pfn);

		for (unsigned i = 0; i < slab->slab_fresh; i++) {
			void *obj = (char *)page_va(slab) + i * c->stride;
			const struct trailer *t = trailer_of(c, obj);

			if (t->state == STATE_OUT)
				klog(LOG_ERR, "slab: %s: %p is out, allocated at %#llx", c->name, obj,
					t->caller);
		}
	}
}
