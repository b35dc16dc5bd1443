/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Between the files that make up address spaces:
 *	space.c (life), area.c (the tree), map.c (mmap, munmap, brk), protect.c, lock.c, remap.c, advise.c, fault*.c, fork.c, zap.c (removing entries),
 *	huge.c, pin.c (access from outside), commit.c, layout.c, object.c, object_map.c
 */
#include <mm/object.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <mm/watch.h>
#include <arch/mmu.h>
#include <arch/smp.h>
#include <lib/errno.h>
#include <debug/panic.h>

#define VM_RWX	 (VM_READ | VM_WRITE | VM_EXEC)
#define VM_UFFD	 (VM_UFFD_MISSING | VM_UFFD_WP | VM_UFFD_MINOR)
#define VM_UFFD_ALL (VM_UFFD | VM_UFFD_ASYNC)

/* ---- area.c: the tree. Callers hold map_lock unless said otherwise. ---- */

/* The first area that ends above @va, or NULL. */
struct vm_area *area_find(struct vm_space *s, vaddr_t va);
struct vm_area *area_next(struct vm_area *a);
struct vm_area *area_prev(struct vm_area *a);
/* The first area that has a page in [va, end), or NULL. */
struct vm_area *area_find_in(struct vm_space *s, vaddr_t va, vaddr_t end);

/* What a fault needs of an area, taken at one moment. */
struct area_view {
	struct vm_area *area;
	u32 seq, flags;
	vaddr_t start, end;
	u64 pgoff;
	struct vm_object *object;
	const struct vm_backing_ops *ops;
};
enum area_found { AREA_NONE, AREA_ABOVE, AREA_HIT };
/* In an RCU read section, no lock: the area at @va (HIT), or the next above (ABOVE). */
enum area_found area_view(struct vm_space *s, vaddr_t va, struct area_view *out);

static inline bool area_view_valid(const struct area_view *v)
{
	return READ_ONCE(v->area->seq) == v->seq;
}

static inline u64 area_pages(const struct vm_area *a)
{
	return (a->end - a->start) >> PAGE_SHIFT;
}

/* Its entries are made by somebody else, who knows nothing of writes. */
static inline bool area_is_device(const struct vm_area *a)
{
	return (a->flags & VM_DEVICE) || (a->backing_ops && a->backing_ops->fault);
}

/* Shared memory, tmpfs, memfd: an object whose pages have no other home. */
static inline bool area_is_memory(const struct vm_area *a)
{
	return a->object && !a->object->ops->fill && !area_is_device(a);
}

static inline u64 area_index(const struct vm_area *a, vaddr_t va)
{
	return a->pgoff + ((va - a->start) >> PAGE_SHIFT);
}

/* Private memory of nobody else; it may have a name. */
static inline bool area_is_anonymous(const struct vm_area *a)
{
	return !a->object && !(a->backing_ops && a->backing_ops->fault);
}

struct vm_area *area_new(struct vm_space *s);	/* not in the tree; area_fill must follow */
/* Make @a what @like is (same object, file, names: own references), at other bounds. -ENOMEM: area_free it. */
int area_fill(struct vm_area *a, const struct vm_area *like, vaddr_t start, vaddr_t end, u64 pgoff, u32 flags)
	MUST_CHECK;
void area_free(struct vm_area *a);		/* memory only */
/* Put into the tree, join the object's list. */
void area_insert(struct vm_space *s, struct vm_area *a);
/* The same for fork: nobody looks yet, and @a is above all others. */
void area_append(struct vm_space *s, struct vm_area *a);
/* Out of the tree and marked; entries may exist until zapped. Still on the object's list. */
void area_erase(struct vm_space *s, struct vm_area *a);
/* Faults that have seen the area must look again. Comes before any page-table lock is taken. */
void area_changed(struct vm_area *a, bool dead);
/* Change bounds in place; the tree's order stays. @look_again: faults under way must. */
void area_resize(struct vm_area *a, vaddr_t start, vaddr_t end, bool look_again);
void area_set_flags(struct vm_area *a, u32 flags);
/* Cut @a at @va: it keeps the lower part; the upper part becomes *out. -ENOMEM. */
int area_split(struct vm_area *a, vaddr_t va, struct vm_area **out) MUST_CHECK;
/* The same with the table for a leaf that crosses; it is used up on success. */
int area_split_with(struct vm_area *a, vaddr_t va, struct page *table, struct vm_area **out) MUST_CHECK;
/* Areas begin and end at va and end, if they touch these addresses. -ENOMEM: nothing has changed that matters. */
int area_cut(struct vm_space *s, vaddr_t va, vaddr_t end) MUST_CHECK;
/* Join @a with its neighbours where they are alike; what remains. */
struct vm_area *area_merge(struct vm_area *a);
/* The key for memory that may only be executed, made now if need be; the running thread may not read it. 0: there is none. map_lock. */
u32 space_exec_key(struct vm_space *s);
static inline u32 area_key(const struct vm_area *a)
{
	return (a->flags & VM_KEY) / (VM_KEY & -VM_KEY);
}
bool area_can_merge(const struct vm_area *low, const struct vm_area *high);
/* Leave the object's list; give back what the area holds, and its memory. Not under map_lock. */
void area_dispose(struct vm_area *dead);
void area_unlink_object(struct vm_area *a);
void area_link_object(struct vm_area *a);
/* The highest hole of @len bytes in [low, high); 0: none. */
vaddr_t area_find_hole(struct vm_space *s, u64 len, vaddr_t low, vaddr_t high);
struct hole {
	vaddr_t low, high;
};
/* The hole below @next (NULL: above the last area). A part at its lower end may be missing. */
struct hole area_hole(struct vm_space *s, const struct vm_area *next);
void area_init(void);

/* ---- accounting ---- */

/* Add (sign 1) or remove (-1) an area's pages from the space's counters. */
void space_account(struct vm_space *s, u32 flags, s64 npages);

static inline struct vm_rss *space_rss_cell(struct vm_space *s)
{
	return &s->rss[cpu_id() & (VM_RSS_CELLS - 1)];
}

static inline void rss_add(s64 *counter, s64 n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static inline s64 *rss_counter(struct vm_space *s, const struct page *page)
{
	struct vm_rss *cell = space_rss_cell(s);

	if (page->kind == PAGE_ANON)
		return &cell->anon;
	return READ_ONCE(page->flags) & PAGE_F_FILE ? &cell->file : &cell->shmem;
}
void space_note_peak(struct vm_space *s);

/* Pages that an area with @flags promises. */
static inline bool area_is_accounted(u32 flags)
{
	return (flags & VM_ACCOUNT) != 0;
}

static_assert(VM_KEY == (u32)PROT_KEY, "an area's key is passed on as it is");
/* Rights in an entry for @flags; writing only if @write. */
static inline unsigned area_prot(u32 flags, bool write)
{
	unsigned prot = 0;

	if (!(flags & VM_RWX))
		return 0;
	prot = PROT_R | PROT_USER | (flags & VM_KEY);
	if (flags & VM_EXEC)
		prot |= PROT_X;
	if (write && (flags & VM_WRITE))
		prot |= PROT_W | PROT_DIRTY;
	return prot;
}

/* ---- huge.c ---- */

#define HUGE_ORDER PT_SHIFT
#define HUGE_PAGES (1u << HUGE_ORDER)
#define HUGE_SIZE  (PAGE_SIZE << HUGE_ORDER)

/* May an area with @flags get huge pages by faults? */
bool huge_is_allowed(const struct vm_space *s, u32 flags);
/* Leaves that came, or went. */
void huge_count(int n);
/* All frames of the leaf's page are named by that leaf only. Its table's lock. */
bool huge_is_ours(const struct page *first);
/* A leaf's entry is gone and flushed. */
void huge_release(struct page *first);
/* Take the leaf @e at @va apart; @table is used up. The lock of e's table. */
void huge_split_locked(struct vm_space *s, struct pte *e, vaddr_t va, struct page *table);
/* No huge leaf holds @va at this moment; a fault may make one. map_lock. -ENOMEM. */
int huge_split_in(struct vm_space *s, vaddr_t va) MUST_CHECK;
/* The same where one crosses @va. */
static inline int MUST_CHECK huge_split_at(struct vm_space *s, vaddr_t va)
{
	return (va & (HUGE_SIZE - 1)) && READ_ONCE(s->root.large) ? huge_split_in(s, va) : 0;
}
/* Take the leaf at @va apart, if there is one; @table is used up. map_lock. */
void huge_split(struct vm_space *s, vaddr_t va, struct page *table);
/* May a leaf cross @va, where @a is to be cut? Then a table (pt_table_new) has to be at hand. */
static inline bool huge_may_cross(const struct vm_area *a, vaddr_t va)
{
	vaddr_t base = align_down(va, HUGE_SIZE);

	return unlikely(base >= a->start && base + HUGE_SIZE <= a->end && va != base && !a->object && !a->backing_ops);
}
/* After it. @table (may be NULL) is used up. */
static inline void huge_cut(struct vm_space *s, vaddr_t va, struct page *table)
{
	if (unlikely(table))
		huge_split(s, va, table);
}

/* Replace the tables of [va, end) in @a by huge leaves. map_lock. 0, or why one was not: -ENOMEM -EAGAIN (pinned) -EINVAL (nothing is there). */
int huge_collapse(struct vm_area *a, vaddr_t va, vaddr_t end) MUST_CHECK;

/* ---- leaves of blocks (mm/object.h) ---- */

static inline bool page_is_hugetlb(const struct page *page)
{
	return unlikely(READ_ONCE(page->flags) & PAGE_F_HUGETLB);
}

/* The private block of a leaf; NULL: it is an object's. */
static inline struct vm_block *block_of(const struct page *first)
{
	return READ_ONCE(first->kind) == PAGE_ANON ? (void *)(unsigned long)first->private : NULL;
}

/* No area of blocks can be cut here. */
static inline bool area_is_whole_at(const struct vm_area *a, vaddr_t va)
{
	return unlikely(a->flags & VM_HUGETLB) && (va & (HUGE_SIZE - 1));
}

static inline void area_forget(struct vm_area *a, vaddr_t va, vaddr_t end)
{
	if (unlikely(a->flags & VM_HUGETLB))
		a->object->ops->blocks->forget(a, va, end);
}

/* May a write go through a leaf of @first, in @a? Its table's lock. */
static inline bool block_is_writable(const struct vm_area *a, const struct page *first)
{
	return (a->flags & VM_SHARED) || (first->kind == PAGE_ANON && READ_ONCE(first->maps) == 1);
}

/* ---- markers, and who watches (mm/watch.h) ---- */

/* Entries without a frame, in areas that are or were watched: a guard for a page that is not there yet; a page that kills (UFFDIO_POISON). */
#define MARK_GUARD  1ull
#define MARK_POISON 2ull

static inline struct pte pte_marker(u64 mark)
{
	return pte_swap(mark);
}

static inline bool pte_is_marker(struct pte pte, u64 mark)
{
	return pte.raw == pte_swap(mark).raw;
}

static inline bool area_tells(const struct vm_area *a, u32 feature)
{
	return unlikely(a->watch) && (READ_ONCE(a->watch->features) & feature);
}

/* ---- lazy.c ---- */

/* Mark the private anonymous pages of [va, end) as free to go. map_lock. */
void lazy_mark(struct vm_space *s, vaddr_t va, vaddr_t end);
/* @s goes. */
void lazy_forget(struct vm_space *s);
void lazy_init(void);

/* ---- zap.c ---- */

#define GATHER_MAX  126
#define GATHER_HUGE 8

/* Frames whose entries are gone, waiting for the TLB flush. */
struct gather {
	struct vm_space *space;
	unsigned n;
	unsigned nhuge;
	bool tables;		/* tables were unhooked */
	bool redirty;		/* some pages[] are marked in bit 0: of files, and their entries were dirty */
	u32 dead_tables;	/* list of frame numbers, by page->link */
	vaddr_t low, high;	/* what must be flushed; low >= high: nothing */
	vaddr_t met_low, met_high;	/* where zap_range has met tables or leaves */
	struct page *huge[GATHER_HUGE];	/* first frames */
	struct page *pages[GATHER_MAX];
};

void gather_init(struct gather *g, struct vm_space *s);
/* Flush, then free. Interrupts on, no lock that interrupts take. */
void gather_finish(struct gather *g);

struct zap_filter {
	bool private_too;	/* not only pages of the object, but private copies */
	bool keep_guards;	/* userfaultfd's: a marker takes their place */
	bool clean;		/* only anonymous frames that nobody else has and nobody has written to since lazy_mark */
	u64 zapped;		/* pages, counted for @clean */
};
/* Remove the entries of [va, end). @filter may be NULL. */
void zap_range(struct gather *g, vaddr_t va, vaddr_t end, struct zap_filter *filter);
/* Unhook the page tables, of all levels, that have a part in [va, end) and lie wholly in [low, high), where no area is. map_lock held. */
void zap_tables(struct gather *g, vaddr_t va, vaddr_t end, vaddr_t low, vaddr_t high);
/* Everything, of a space without users. */
void zap_space(struct vm_space *s);
/* Pages of objects that some entry names, of this CPU's making; the sum counts. */
DECLARE_PER_CPU(s64, vm_mapped_pages);
/* One more entry names the page of an object; who calls has a reference for it. */
static inline void page_map(struct page *page)
{
	if (!__atomic_fetch_add(&page->maps, 1, __ATOMIC_RELAXED))
		this_cpu_add(vm_mapped_pages, 1);
}

/* It does not, after all. The reference stays. */
static inline void page_unmap(struct page *page)
{
	if (__atomic_fetch_sub(&page->maps, 1, __ATOMIC_RELAXED) == 1)
		this_cpu_add(vm_mapped_pages, -1);
}

/* An entry's reference to its frame is gone and flushed. */
void page_unmap_release(struct page *page);

/* Of a memory object. What has a home is dirty before an entry is (object_io.c). */
static inline void page_set_dirty(struct page *page)
{
	if (!(READ_ONCE(page->flags) & (PAGE_F_DIRTY | PAGE_F_FILE)))
		__atomic_fetch_or(&page->flags, PAGE_F_DIRTY, __ATOMIC_RELAXED);
}

/* ---- fault.c ---- */

/* Beside enum fault_flags: ptrace may look and write where the program may not (yet). */
#define FAULT_FORCE (1u << 31)

enum fault_result {
	FR_DONE,	/* the entry is there */
	FR_RETRY,	/* something changed meanwhile */
	FR_MAPERR, FR_ACCERR, FR_BUS,
	FR_NOMEM,
	FR_HUGE,	/* a block for a huge page is wanted */
	FR_SLEEP,	/* the page must be fetched, or its owner asked */
	FR_UFFD,	/* a userfaultfd is to be asked */
	FR_SIGNAL,	/* the program's own fault was interrupted: it comes again */
	FR_POISON,
	FR_GROW,	/* below a stack */
	FR_KILLED,
};
/* Serve a fault to the end; may sleep. Never FR_RETRY, FR_HUGE, FR_SLEEP, FR_UFFD or FR_GROW; FR_SIGNAL only with FAULT_USER. */
enum fault_result fault_serve(struct vm_space *s, vaddr_t va, unsigned fault_flags, u64 limit_stack);
/* Let the growing area above @va begin there. FR_RETRY when it is done. */
enum fault_result stack_grow(struct vm_space *s, vaddr_t va, u64 limit_stack);

/* ---- others ---- */

extern struct page *vm_zero_page;
int unmap_locked(struct vm_space *s, vaddr_t va, vaddr_t end, struct vm_area **out_dead) MUST_CHECK;
/* Make the pages of [va, end) present, for mlock and MAP_POPULATE; stops at the first that cannot be. */
int vm_populate(struct vm_space *s, vaddr_t va, vaddr_t end, bool write, bool force_write) MUST_CHECK;
/* 0 or -ENOMEM */
int space_may_grow(struct vm_space *s, u32 flags, u64 npages, u64 limit_as, u64 limit_data);

static inline bool range_is_bad(vaddr_t va, u64 len)
{
	return (va & (PAGE_SIZE - 1)) || len > USER_VA_END || va > USER_VA_END - len;
}

/* Cannot be mapped twice with entries of its own: filled by its backing, not counted. */
static inline bool area_is_private(u32 flags)
{
	return !(flags & VM_SHARED);
}
