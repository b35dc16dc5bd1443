/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Between the files of the page cache's policy: cache.c (files, errors), io.c (requests), flight.c, ahead.c, write.c, writeback.c (one file), bdi.c (all files
 * of a device), limit.c (how much may be dirty).
 */
#include <debug/panic.h>
#include <lib/errno.h>
#include <mm/object.h>
#include <mm/page.h>
#include <vfs/cache.h>
#include <vfs/inode.h>
#include <vfs/writeback.h>

enum cache_state {
	CACHE_LISTED = 1u << 0, /* on bdi->dirty */
	CACHE_INODE = 1u << 1,	/* cache_mark_inode */
	CACHE_HELD = 1u << 2,	/* the list has a reference to the inode (cache_keep) */
	CACHE_DEAD = 1u << 3,	/* cache_fini: never on the list again */
};

static inline struct vm_object *cache_object(struct file_cache *c)
{
	return &c->inode->data;
}

static inline struct file_cache *object_cache(struct vm_object *obj)
{
	return obj->cache;
}

/* ---- flight.c ---- */
void flight_init(struct flight *f);
/* What begins now; before what it stands for can be seen. */
unsigned flight_begin(struct flight *f);
/* The last one wakes @q, which stays for a grace period. Any context. */
void flight_end(struct flight *f, unsigned epoch, struct wait_queue *q);
/* All that has begun is over. -EINTR: killed. May sleep. */
int flight_wait(struct flight *f, struct wait_queue *q, bool killable) MUST_CHECK;

/* ---- io.c ---- */
#define CACHE_IO_PAGES	  256
#define CACHE_AHEAD_PAGES 32

/* Room for @room pages from @index on. NULL: no memory. */
struct vm_io *cache_io_new(struct file_cache *c, u64 index, unsigned room, unsigned flags, unsigned alloc_flags);
static inline bool cache_io_fits(const struct vm_io *io, u64 index)
{
	return io->npages < io->room && io->index + io->npages == index;
}
static inline void cache_io_add(struct vm_io *io, struct page *page)
{
	io->segs[io->npages++] = (struct iobuf_seg){.page = page, .len = PAGE_SIZE};
}
/* Give it to the owner; empty: free it. */
void cache_io_submit(struct vm_io *io);
void cache_fail_work(struct work *w);

/* ---- cache.c ---- */
extern const struct vm_object_ops cache_object_ops;
void cache_set_error(struct file_cache *c, int err);

/* ---- writeback.c ---- */
struct write_ctl {
	u64 budget;	/* pages */
	unsigned tag;	/* enum vm_object_tag */
	bool sync;	/* somebody waits: wait for pages that are locked or being written */
};
/* Submit tagged pages of [first, last]. Where it stopped: @last + 1, unless the budget is used up. */
u64 cache_write_range(struct file_cache *c, u64 first, u64 last, struct write_ctl *ctl);

/* cache_ops.store, if cache_mark_inode was called. */
int cache_store(struct file_cache *c, bool wait);

/* ---- bdi.c ---- */
/* It became dirty. In a read section perhaps. */
void bdi_list(struct file_cache *c, unsigned state);
void bdi_wake(struct bdi *b);
/* A pass of the thread: write what is too old, and, if the limits are passed, until they are not. False: nothing was to do. */
bool bdi_pass(struct bdi *b, u64 now);
u64 cache_clock(void);

/* ---- limit.c ---- */
/* Of all devices: pages that are dirty or being written; where write-back begins; where writers wait. */
struct dirty_limits {
	u64 dirty, background, limit;
	unsigned ndevices;
};
void cache_limits(struct dirty_limits *out);
/* @n pages became dirty by the running thread: it may have to wait. May sleep; any locks but pages' that write-back does not need. */
void cache_balance(struct bdi *b, unsigned n);
