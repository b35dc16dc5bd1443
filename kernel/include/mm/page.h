/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Page frames: the allocator of physical memory and the descriptor of each frame.
 *
 * Every usable 4 KiB frame has a 32-byte struct page in one array indexed by frame number (node-local chunks behind it). All physical
 * memory is in the direct map, so a frame always has a kernel address.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/atomic.h>
#include <arch/mmu.h>

enum page_kind {
	PAGE_FREE, PAGE_RESERVED, PAGE_KERNEL, PAGE_SLAB, PAGE_TABLE, PAGE_ANON, PAGE_CACHE,
};

struct page {
	u8 kind;	/* enum page_kind; owner of the frame */
	u8 order;	/* of the allocation, on its first frame */
	u16 flags;	/* PAGE_F_*: atomic bit operations where the owner says so */
	u32 refs;	/* atomic; the allocator gives a page with 1 */
	u32 maps;	/* atomic; user page-table entries that point here */
	u32 index_lo;	/* PAGE_CACHE: offset in its object, in pages (48 bits) */
	union {
		struct vm_object *object;	/* PAGE_CACHE; guarded by page lock, read under RCU */
		struct slab_cache *cache;	/* PAGE_SLAB */
		u64 private;			/* the owner's */
	};
	u16 index_hi;
	u16 spare;
	u32 link;	/* the owner's list: frame number of the next, 0 ends */
};
static_assert(sizeof(struct page) == 32, "one struct page per 4 KiB: 0.8 % of memory");

enum page_flag {
	PAGE_F_LOCKED = 1u << 0,	/* fill or truncate in progress; wait with page_lock */
	PAGE_F_UPTODATE = 1u << 1,
	PAGE_F_DIRTY = 1u << 2,
	PAGE_F_WRITEBACK = 1u << 3,
	PAGE_F_REFERENCED = 1u << 4,
	PAGE_F_ERROR = 1u << 5,
	PAGE_F_WAITERS = 1u << 6,
	PAGE_F_MLOCKED = 1u << 7,
	PAGE_F_LRU = 1u << 8,
};

enum alloc_flags {
	ALLOC_SLEEP = 0,	    /* may sleep and reclaim; the default */
	ALLOC_NOWAIT = 1u << 0,	    /* any context: never sleeps */
	ALLOC_ZERO = 1u << 1,
	ALLOC_DMA32 = 1u << 2,	    /* below 4 GiB */
	ALLOC_RESERVE = 1u << 3,    /* may use the emergency reserve (the path that frees memory) */
	ALLOC_USER = 1u << 4,	    /* for a user page: may select an OOM victim, counted to the cgroup later */
};

/* 2^order frames, naturally aligned, refs == 1 on the first; NULL when there are none. Order <= PAGE_MAX_ORDER. */
#define PAGE_MAX_ORDER 10
struct page *page_alloc(unsigned order, unsigned alloc_flags);
struct page *page_alloc_node(unsigned node, unsigned order, unsigned alloc_flags);
/* Give back, any context. refs is 0 or 1 and nobody else holds it. */
void page_free(struct page *page, unsigned order);
/* Up to n single frames at once into pages[]; returns how many. */
unsigned page_alloc_batch(struct page **pages, unsigned n, unsigned alloc_flags);

void page_get(struct page *page);
/* Drop a reference; the last one frees the frame (kind decides how). Any context. */
void page_put(struct page *page);
/* Take a reference unless it is 0 (lock-free lookups under RCU). */
bool page_tryget(struct page *page) MUST_CHECK;

paddr_t page_paddr(const struct page *page);
void *page_va(const struct page *page);
struct page *paddr_page(paddr_t pa);	/* NULL if no such frame */
struct page *va_page(const void *va);	/* of a direct-map address */
void *paddr_va(paddr_t pa);
paddr_t va_paddr(const void *va);	/* direct map or kernel image */

static inline u64 page_index(const struct page *p)
{
	return p->index_lo | (u64)p->index_hi << 32;
}

void page_clear(void *va);			/* 4 KiB of zeroes, fast without SSE */
void page_copy(void *dst, const void *src);	/* 4 KiB */

/* Boot: hand over the ranges of boot_info. Called once, before any allocation. */
void page_init(void);

/* Counters in pages, folded from the CPUs. */
struct page_stats {
	u64 total, free, peak_used;
	u64 by_kind[PAGE_CACHE + 1];
};
void page_stats(struct page_stats *out);
