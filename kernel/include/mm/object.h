/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A vm_object is an array of pages that have a home: the cached contents of a file, or shared memory. It is the page cache.
 * An inode embeds one. Mappings and read/write meet here, so they are coherent.
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

struct vm_object_ops {
	/*
	 * Make page @page (LOCKED, not UPTODATE) hold the bytes at its index. May sleep. 0, -EIO, -ENOMEM...
	 * The caller sets UPTODATE and unlocks. NULL: pages are born zero (tmpfs, shared anonymous memory).
	 */
	int (*fill)(struct vm_object *obj, struct page *page);
	/* A shared mapping is about to make the page writable for the first time (allocation, quota). May be NULL. */
	int (*mkwrite)(struct vm_object *obj, struct page *page);
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
/* First index >= @index with (data) or without (!data) a page; ~0 if none: SEEK_DATA/SEEK_HOLE of memory files. */
u64 vm_object_seek(struct vm_object *obj, u64 index, bool data);
/* Pages that are there of [first, last]. */
u64 vm_object_count(struct vm_object *obj, u64 first, u64 last);
void page_lock(struct page *page);
bool page_trylock(struct page *page) MUST_CHECK;
void page_unlock(struct page *page);
