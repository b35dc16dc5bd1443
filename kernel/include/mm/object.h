/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A vm_object is an array of pages that have a home: the cached contents of a file, or shared memory. It is the page cache.
 * An inode embeds one. Mappings and read/write meet here, so they are coherent.
 *
 * An object without ops->fill is memory: its pages are all there is. One with a home can get them again, so clean ones may be reclaimed (mm/reclaim.h).
 *
 * Lookup takes no lock (RCU radix tree, page_tryget, recheck). Insertion and removal take obj->lock. A page being filled is LOCKED.
 * Each mapping of the object is on obj->maps so that truncate can remove its entries. Faults look at an object under RCU only: the memory that
 * holds it is freed a grace period after vm_object_fini.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <lib/radix.h>
#include <mm/page.h>
#include <sync/spinlock.h>
#include <sync/mutex.h>

struct vm_object;
struct vm_area;
struct fault;

/* What a leaf of level 1 maps, if not ordinary memory (PAGE_F_HUGETLB): private memory has it in `private` of its frames. Its first member. */
struct vm_block {
	const struct vm_block_ops *ops;
};

/*
 * Memory that is mapped in blocks of level 1, by areas with VM_HUGETLB. [kernel/vm/hugetlb]
 */
struct vm_block_ops {
	/* A fault in @a, whose flags allow it. Returns an enum fault_result. May sleep. map_lock. */
	int (*fault)(struct vm_area *a, struct fault *f);
	/* @a, filled and not in the tree yet, reserves its blocks. -ENOMEM. map_lock. */
	int (*open)(struct vm_area *a) MUST_CHECK;
	/* The part [va, end) of @a goes: with it, what is still reserved. map_lock. */
	void (*forget)(struct vm_area *a, vaddr_t va, vaddr_t end);
	/* vm_object_punch, in bytes. May sleep. */
	void (*punch)(struct vm_object *obj, u64 start, u64 end);
	/* A leaf of a private block was copied for a child; one is gone, and no entry names its frames any more. */
	void (*get)(struct vm_block *b);
	void (*put)(struct vm_block *b);
};

struct vm_object_ops {
	/* Not NULL: its pages come and go in blocks. */
	const struct vm_block_ops *blocks;
	/*
	 * Start to make page @page (LOCKED, not UPTODATE, FILE) hold the bytes at its index; when that is over page_end_fill is called, perhaps before
	 * it returns. May sleep. NULL: a memory object, whose pages are born zero (tmpfs, shared anonymous memory).
	 */
	void (*fill)(struct vm_object *obj, struct page *page);
	/* A shared mapping is about to write to the LOCKED page: make it dirty (vm_object_set_dirty). May sleep. NULL in memory objects. */
	int (*mkwrite)(struct vm_object *obj, struct page *page);
	/* A page became dirty. In a read section perhaps: must not sleep. NULL in memory objects. */
	void (*dirtied)(struct vm_object *obj);
	/* Pages that were dirty were dropped unwritten. May sleep. NULL in memory objects. */
	void (*undirty)(struct vm_object *obj, u64 index, u64 npages);
	/* Before a new page is inserted: account it (tmpfs limits). 0 or -ENOSPC/-ENOMEM. Must not sleep. May be NULL. */
	int (*charge)(struct vm_object *obj, u64 npages);
	void (*uncharge)(struct vm_object *obj, u64 npages);
};

#define VM_OBJECT_SEALED (1u << 31)

struct vm_object {
	const struct vm_object_ops *ops;
	struct radix_tree pages;	/* index -> struct page; written under lock, read under RCU */
	struct spinlock lock;
	u64 npages;		/* lock */
	u64 size;		/* bytes; faults beyond are SIGBUS; written by the owner under its own lock, read with READ_ONCE */
	struct list_head maps;	/* vm_area.object_link; maps_lock */
	struct mutex maps_lock;
	u32 writable_maps;	/* areas that are shared and may write; atomic; VM_OBJECT_SEALED: no new one */
	bool dead;		/* lock: vm_object_fini was called; no page comes in any more */
	void *owner;		/* the inode */
	struct file_cache *cache;	/* the personality's, of objects with a home; NULL */
};

void vm_object_cache_init(void); /* by vm_init */
void vm_object_init(struct vm_object *obj, const struct vm_object_ops *ops, void *owner);
/* No mapping is left. Frees all pages. May sleep. */
void vm_object_fini(struct vm_object *obj);
/*
 * The page at @index with a reference, uptodate, filled if need be.  @create: a hole becomes a zero page of the object (write, fault); else a
 * hole of an object without fill gives *out_page = NULL and 0.   -EIO, -ENOMEM, -ENOSPC, -EINTR (killed while waiting).  May sleep.
 */
int vm_object_get(struct vm_object *obj, u64 index, bool create, struct page **out_page) MUST_CHECK;
/* Only if it is there and uptodate; no lock, never sleeps; NULL if not. Takes a reference. */
struct page *vm_object_peek(struct vm_object *obj, u64 index);
/* vm_object_get(create) without sleeping, for objects without fill: -EAGAIN when that cannot be said now; -ENOSPC. Any context but interrupts. */
int vm_object_get_nowait(struct vm_object *obj, u64 index, struct page **out_page) MUST_CHECK;
/* The same without a reference, for who stays inside one RCU read section: the page's contents cannot change owner before it ends. */
struct page *vm_object_peek_rcu(struct vm_object *obj, u64 index);
/*
 * A page that nobody has seen, with its contents, becomes the object's at @index; the caller keeps a reference. For objects without fill. -EEXIST -ENOMEM -ENOSPC -EFAULT (the
 * object is dead): the page is freed.
 */
int vm_object_insert(struct vm_object *obj, u64 index, struct page *page) MUST_CHECK;
/*
 * 2^@order frames in a row, to which the caller has a reference each and keeps it, become the object's, all or none; their contents are there. -EEXIST -ENOMEM -EFAULT (dead).
 * After a failure somebody may still look at them until a grace period is over.
 */
int vm_object_insert_block(struct vm_object *obj, u64 index, struct page *first, unsigned order) MUST_CHECK;
/* F_SEAL_WRITE: -EBUSY while there are shared writable mappings. */
int vm_object_seal_write(struct vm_object *obj) MUST_CHECK;
/* Drop pages at or past byte @size, zero the tail of the last one, unmap them everywhere, set obj->size. May sleep. */
void vm_object_truncate(struct vm_object *obj, u64 size);
/* The same for a hole [start, end) in bytes; partial pages are zeroed. */
void vm_object_punch(struct vm_object *obj, u64 start, u64 end);
/* The pages that are there read as zeroes in [start, end). */
void vm_object_clear(struct vm_object *obj, u64 start, u64 end);
/*
 * The file is about to grow from behind its end: what a mapping has stored behind the end, in the last page, shall not be seen. Of files with a home; who
 * stores into memory files there finds it again. May sleep.
 */
void vm_object_zero_tail(struct vm_object *obj);
/* First index >= @index with (data) or without (!data) a page; ~0 if none: SEEK_DATA/SEEK_HOLE of memory files. */
u64 vm_object_seek(struct vm_object *obj, u64 index, bool data);
/* Pages that are there of [first, last]. */
u64 vm_object_count(struct vm_object *obj, u64 first, u64 last);

/* ---- objects with a home (ops->fill): what kernel/vfs/cache is made of ---- */

enum vm_object_tag { VM_TAG_DIRTY, VM_TAG_TOWRITE };

/* A fresh page (page_alloc) becomes the object's, LOCKED; the caller keeps a reference. -EEXIST -ENOMEM -EIO (the object is dead): the page is freed. */
int vm_object_add(struct vm_object *obj, u64 index, struct page *page) MUST_CHECK;
/* The page at @index in any state, with a reference; NULL. */
struct page *vm_object_find(struct vm_object *obj, u64 index);
/* The fill of a LOCKED page is over: UPTODATE if @err is 0. Unlocks. Any context. */
void page_end_fill(struct page *page, int err);
/* Make the LOCKED, UPTODATE page of an object dirty. True: it was clean. */
bool vm_object_set_dirty(struct page *page);
/* The page's contents may have changed since it was cleaned: it is dirty again, nothing is reserved for it. No lock needed but a reference. */
void vm_object_redirty(struct page *page);
/* The holder of a pinned page (vm_pin) has written to it, not through an entry. */
static inline void page_note_written(struct page *page)
{
	if (READ_ONCE(page->flags) & PAGE_F_FILE)
		vm_object_redirty(page);
}
/* Take the dirty mark off a LOCKED page that is not being written: it is WRITEBACK then. False: it was clean. */
bool vm_object_clean(struct page *page);
/* Then, before it is submitted: make all mappings' entries for pages [first, last] read-only, so that the next store asks mkwrite. May sleep (RANK_OBJECT_MAPS). */
void vm_object_protect(struct vm_object *obj, u64 first, u64 last);
/* The write is over. Any context; the page may be gone when it returns. */
void page_end_writeback(struct page *page);
void page_wait_writeback(struct page *page);
/* Tagged pages of [first, last], each with a reference; at most @max. How many. */
unsigned vm_object_gather(struct vm_object *obj, u64 first, u64 last, enum vm_object_tag tag, struct page **pages, unsigned max);
/* Those that are dirty now are TOWRITE: what a sync has to write, though more become dirty meanwhile. */
void vm_object_mark_towrite(struct vm_object *obj, u64 first, u64 last);
bool vm_object_is_dirty(struct vm_object *obj); /* some page is; a hint without the object's lock */
/* Drop clean pages [first, last], mapped ones too if @unmap. Pages that stayed because they are in use, dirty or locked. May sleep. */
u64 vm_object_invalidate(struct vm_object *obj, u64 first, u64 last, bool unmap);

void page_lock(struct page *page);
bool page_trylock(struct page *page) MUST_CHECK;
void page_unlock(struct page *page);
