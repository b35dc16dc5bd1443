/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Page frames: the allocator of physical memory and the descriptor of each frame.
 *
 * Every usable 4 KiB frame has a 32-byte struct page. Memory is cut into sections of 128 MiB; each section has an array of descriptors,
 * aligned to its full size of 1 MiB, carved out of the section itself. So frame -> descriptor is one load, descriptor -> frame is mask and
 * shift, and a buddy is one bit flipped in the address of the descriptor. All memory is in the direct map: a frame always has a kernel address.
 *
 * Who owns the fields of a struct page depends on its kind:
 *
 *	          flags        counts             index_lo/prev     u                  link
 *	FREE      -            -                  list: previous    -                  list: next       zone lock
 *	KERNEL    owner        refs               owner             private            owner
 *	SLAB      PAGE_F_TAIL  inuse,fresh,free   list: previous    cache              list: next       slab lock
 *	TABLE     -            the table's lock, with u             -                  list             page-table lock
 *	ANON      atomic bits  refs, maps         -                 -                  -
 *	CACHE     atomic bits  refs, maps         index             object             -                page lock
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/atomic.h>
#include <arch/mmu.h>

enum page_kind {
	PAGE_RESERVED, PAGE_FREE, PAGE_KERNEL, PAGE_SLAB, PAGE_TABLE, PAGE_ANON, PAGE_CACHE, PAGE_KINDS
};

struct page {
	u8 kind;	/* enum page_kind: page_set_kind */
	u8 order;	/* of the allocation, on its first frame */
	u16 flags;	/* PAGE_F_*: atomic bit operations where the owner says so */
	union {
		u32 index_lo;	/* PAGE_CACHE: offset in its object, in pages (48 bits) */
		u32 prev;
	};
	union {
		u64 counts;	/* both at once: PAGE_COUNT_MAP */
		struct {
			u32 refs;	/* atomic; the allocator gives a page with 1 */
			u32 maps;	/* atomic; user page-table entries that point here; each has a reference too */
		};
		struct {
			u16 slab_inuse, slab_fresh;	/* objects out; objects never given out start here */
			u32 slab_free;			/* offset + 1 of the first free object, 0 none */
		};
	};
	union {
		struct vm_object *object;	/* PAGE_CACHE; guarded by page lock, read under RCU */
		struct slab_cache *cache;	/* PAGE_SLAB */
		u64 private;			/* the owner's */
	};
	u16 index_hi;
	u16 section;	/* constant */
	u32 link;	/* the owner's list: frame number of the next, 0 ends */
};
static_assert(sizeof(struct page) == 32, "one struct page per 4 KiB: 0.8 % of memory");
static_assert(offsetof(struct page, counts) == 8 && offsetof(struct page, private) == 16,
	"counts and private together hold a page table's spinlock or an rcu_head");

#define PAGE_COUNT_MAP ((1ull << 32) + 1) /* one reference and one map */

enum page_flag {
	PAGE_F_LOCKED = 1u << 0,	/* fill or truncate in progress; wait with page_lock */
	PAGE_F_UPTODATE = 1u << 1,
	PAGE_F_DIRTY = 1u << 2,
	PAGE_F_WRITEBACK = 1u << 3,	/* being written; wait with page_wait_writeback */
	PAGE_F_REFERENCED = 1u << 4,
	PAGE_F_ERROR = 1u << 5,
	PAGE_F_WAITERS = 1u << 6,
	PAGE_F_MLOCKED = 1u << 7,
	PAGE_F_ACTIVE = 1u << 8,	/* FILE: used more than once; reclaim.c */
	PAGE_F_TAIL = 1u << 9,		/* not the first frame of its slab */
	PAGE_F_POISON = 1u << 10,	/* debug: full of PAGE_POISON since it was freed */
	PAGE_F_FILE = 1u << 11,		/* PAGE_CACHE: has a home that it can be filled from; constant */
	PAGE_F_AHEAD = 1u << 12,	/* whoever comes here starts to read the next window (vm_backing_ops.ahead) */
	PAGE_F_HUGETLB = 1u << 13,	/* of a pool of huge pages (vm/hugetlb), which has a reference; constant while it has */
};

enum alloc_flags {
	ALLOC_SLEEP = 0,	    /* may sleep and reclaim; the default */
	ALLOC_NOWAIT = 1u << 0,	    /* any context: never sleeps */
	ALLOC_ZERO = 1u << 1,
	ALLOC_DMA32 = 1u << 2,	    /* below 4 GiB */
	ALLOC_RESERVE = 1u << 3,    /* may use the emergency reserve (the path that frees memory) */
	ALLOC_USER = 1u << 4,	    /* for a user page: may select an OOM victim, counted to the cgroup later */
};

/*
 * 2^order frames, naturally aligned, PAGE_KERNEL, refs == 1 on the first, flags, maps and index 0; NULL when there are none.
 * Order <= PAGE_MAX_ORDER.  Context: any with ALLOC_NOWAIT; else may sleep.
 */
#define PAGE_MAX_ORDER 10
struct page *page_alloc(unsigned order, unsigned alloc_flags);
struct page *page_alloc_node(unsigned node, unsigned order, unsigned alloc_flags);
/* Give back, any context. refs is 0 or 1 and nobody else holds it. */
void page_free(struct page *page, unsigned order);
/* Up to n single frames at once into pages[]; returns how many. */
unsigned page_alloc_batch(struct page **pages, unsigned n, unsigned alloc_flags);
/* page_free of n single frames. */
void page_free_batch(struct page **pages, unsigned n);
/*
 * Keep the first @npages of an allocation of @order and give back the rest. What is kept must be freed by page_free_exact (it is no
 * longer one block).
 */
void page_trim(struct page *page, unsigned order, unsigned npages);
void page_free_exact(struct page *page, unsigned npages);

/* An allocation of @order that nobody has seen becomes single frames of @kind, each with @counts. */
void page_shatter(struct page *page, unsigned order, enum page_kind kind, u64 counts);
/* The other way: 2^order single frames, naturally aligned, that nobody else holds are freed as one block. */
void page_free_joined(struct page *page, unsigned order);

void page_get(struct page *page);
/* Drop a reference; the last one frees the frame (a page of an object after an RCU grace period). Any context. */
void page_put(struct page *page);
/* page_put of each page of a list (by link, frame numbers, 0 ends); the list's pages are the caller's to link. */
void page_put_list(u32 first);
/* Take a reference unless it is 0 (lock-free lookups under RCU). */
bool page_tryget(struct page *page) MUST_CHECK;
/* The owner names what it uses an allocation for (never write page->kind); page_free forgets it. */
void page_set_kind(struct page *page, enum page_kind kind);

#define PAGE_SECTION_SHIFT 15 /* frames per section: 128 MiB */
#define PAGE_CHUNK_SHIFT   10 /* frames that become known to the buddy at once: 4 MiB */

struct page_section {
	struct page *pages;	/* of its first frame; the part of the array that exists is [first, end) chunks */
	paddr_t array;		/* where the existing part of the array is */
	u32 array_len;
	u32 ready;		/* bit per chunk: descriptors are initialised; atomic */
	u8 zone, first, end;	/* first and one past the last chunk with an array; 0, 0: no memory here */
	u8 lent_chunks;		/* this many chunks of another section are described here, */
	u16 lent_pfn;		/* from this frame of the section on */
};
extern struct page_section *page_sections;
extern u64 page_sections_nr;

static inline struct page *pfn_page(u64 pfn) /* of a frame that has one */
{
	return page_sections[pfn >> PAGE_SECTION_SHIFT].pages + (pfn & ((1u << PAGE_SECTION_SHIFT) - 1));
}

static inline u64 page_pfn(const struct page *page)
{
	u64 slot = (unsigned long)page / sizeof(struct page);

	return (u64)page->section << PAGE_SECTION_SHIFT | (slot & ((1u << PAGE_SECTION_SHIFT) - 1));
}

static inline paddr_t page_paddr(const struct page *page)
{
	return page_pfn(page) << PAGE_SHIFT;
}

static inline void *paddr_va(paddr_t pa)
{
	return (void *)(unsigned long)(kernel_layout.direct_base + pa);
}

static inline void *page_va(const struct page *page)
{
	return paddr_va(page_paddr(page));
}

/* Of a direct-map address of memory that the allocator manages. */
static inline struct page *va_page(const void *va)
{
	return pfn_page(((vaddr_t)(unsigned long)va - kernel_layout.direct_base) >> PAGE_SHIFT);
}

struct page *paddr_page(paddr_t pa);	/* NULL if the allocator does not manage such a frame; any value */
paddr_t va_paddr(const void *va);	/* direct map or kernel image */

static inline u64 page_index(const struct page *p)
{
	return p->index_lo | (u64)p->index_hi << 32;
}

void page_clear(void *va);			/* 4 KiB of zeroes, fast without SSE */
void page_copy(void *dst, const void *src);	/* 4 KiB */

/* Boot: hand over the ranges of boot_info. Called once, before any allocation. */
void page_init(void);
/* Hand over more: boot memory that is no longer needed (initrd, init code). Whole frames within [base, base + len). May sleep. */
void page_give(paddr_t base, u64 len);

/* Counters in pages, folded from the CPUs. */
struct page_stats {
	u64 total, free, peak_used;
	u64 reserve;		/* kept back for ALLOC_RESERVE and ALLOC_NOWAIT */
	u64 by_kind[PAGE_KINDS];
};
void page_stats(struct page_stats *out);
/* The @i-th zone: false if there are not so many. */
struct page_zone_info {
	unsigned node;
	bool high;	/* at or above 4 GiB */
	u64 total, free, reserve;
	u64 cached;	/* of free: by the CPUs */
	u64 blocks[PAGE_MAX_ORDER + 1]; /* free ones by size, but for what CPUs cache */
};
bool page_zone_info(unsigned i, struct page_zone_info *out);
/* All CPUs give their cached frames back. May sleep. */
void page_drain(void);
