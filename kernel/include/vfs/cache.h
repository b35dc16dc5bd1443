/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The page cache of files that have a home: a disk, or a file system on one. What is policy is here (kernel/vfs/cache): when to read ahead, when and how
 * much to write back, who has to wait for it, who is told of errors. Pages themselves, their mappings and reclaim are the core's (mm/object.h).
 *
 * Who has data to cache embeds a struct file_cache in its inode, fills in a struct cache_ops and makes a struct bdi for each device (or mounted file system
 * with a device of its own). Then pagefile_read, pagefile_write, pagefile_mmap (vfs_impl.h) are its file operations, and cache_fsync a part of its fsync.
 *
 * The way of the bytes. The cache asks by runs of consecutive pages: struct vm_io, whose `data` is an iobuf of page frames. It fits struct fsys_io of
 * port/fsys.h and struct blk_request of port/blk.h: both stand in it, so the owner copies five fields, submits, and hands the status back.
 *
 * A page:     (none) --read ahead, miss--> LOCKED --done--> UPTODATE --write, mkwrite--> DIRTY --write-back--> WRITEBACK --done--> UPTODATE
 *
 * - A page is made dirty under its lock. `dirty` comes first, once for each page that was clean: it reserves what write-back will need, and may refuse.
 * - Write-back takes the dirty mark off, then the right to write from all mappings, then submits. What is written meanwhile makes the page dirty again;
 *   it is not submitted again before the first write is done. With BDI_STABLE nobody changes a page that is being written.
 * - Bytes behind the end of the file are zero in what is written. The owner zeroes what is behind a smaller size on its disk, and in what it reads.
 * - Truncation, punching and invalidation wait for reads and writes of the pages that they take away; so when they return the owner may free the blocks.
 *   The owner calls them under the inode's lock, before it changes its disk.
 *
 * Locks and sleeping. Write-back runs in the bdi's thread and in callers of fsync, never inside an allocation, and takes no inode lock: an owner may
 * allocate memory (it may sleep) and may wait for write-back while it holds an inode lock, not from within `write` or what `write` needs to end. Reclaim
 * only drops clean pages. `dirty` is called with the page locked: what completes reads and writes takes no page locks, it calls vm_io.done.
 *
 * Errors of write-back are told once to each open file (errseq): cache_error.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <lib/list.h>
#include <env/iobuf.h>
#include <port/blk.h>
#include <port/fsys.h>
#include <sched/work.h>
#include <sync/mutex.h>
#include <sync/spinlock.h>
#include <sync/wait.h>

struct bdi;
struct file;
struct file_cache;
struct inode;
struct page;
struct thread;
struct vm_object;

enum vm_io_flags {
	VM_IO_WRITE = 1u << 0,
	VM_IO_AHEAD = 1u << 1,	/* a read that nobody waits for yet: may fail early */
	VM_IO_SYNC = 1u << 2,	/* a write that somebody waits for */
};

/* A run of pages on the way. The cache's until submitted by read or write, then the owner's until it calls done, exactly once. */
struct vm_io {
	struct file_cache *cache;
	u8 flags;	/* enum vm_io_flags */
	s32 status;	/* out, before done: 0; -EIO -ENOSPC -EDQUOT -EROFS...: none of it can be relied on; -ENOMEM, -EAGAIN of a write: it is tried again */
	u64 index;	/* of the first page */
	u64 size;	/* of the file as of these bytes. Pages are whole, so the last one may reach behind it */
	struct iobuf data; /* IOBUF_PAGES, from its position; the frames are lent */
	/*
	 * From any context, never from within read or write, no locks of rank above RANK_WAITQ held. The memory of the request is the cache's again, the
	 * inode may be gone when it returns.
	 */
	void (*done)(struct vm_io *io);
	union { /* the owner's between submit and done: a request of the port that it uses */
		struct fsys_io fsys;
		struct blk_request blk;
		u64 words[24];
	};
	/* ---- the cache's own ---- */
	struct list_head link;
	u32 npages, room;
	u32 epoch;
	struct iobuf_seg segs[];
};

/* What the owner of the data does. Thread context, no spinlocks; the cache holds what is said. */
struct cache_ops {
	/* Submit; must not wait for requests that are submitted already to make progress before it returns. The pages are LOCKED (read), WRITEBACK (write). */
	void (*read)(struct file_cache *c, struct vm_io *io);
	void (*write)(struct file_cache *c, struct vm_io *io); /* NULL: read only */
	/*
	 * Pages [index, index + n) are about to become dirty for the first time since they were read or written: reserve blocks, quota. Not called for a
	 * page that is still being written: what was reserved for that write serves. They are LOCKED; the inode's lock is held by a write, not by a fault. May sleep. NULL: nothing to reserve.   -ENOSPC -EDQUOT -EROFS -EIO ...
	 */
	int (*dirty)(struct file_cache *c, u64 index, u64 n);
	/* Dirty pages were dropped (truncate, punch, eviction of an unlinked file) or could not be written: the reservation goes. May sleep; no page locked. */
	void (*undirty)(struct file_cache *c, u64 index, u64 n);
	/*
	 * The inode's times, or its size, may differ from what the disk's owner was told: tell it (setattr), @wait: because of a sync. Called by the
	 * write-back thread after the pages, when cache_mark_inode was called before; the inode has a reference, no lock. NULL: not needed.
	 */
	int (*store)(struct file_cache *c, bool wait);
};

/*
 * What is under way, counted in two epochs, so that one can wait for all that has begun before without waiting for what begins meanwhile
 * (cache/flight.c). Whoever ends something may find the count's owner gone right after.
 */
struct flight {
	u32 n[2];	/* atomic */
	u32 epoch;	/* atomic; lock to change */
	struct mutex lock;
};

/* Of one inode; embedded by the owner. Zeroed before cache_init. */
struct file_cache {
	struct inode *inode;	/* whose `data` it is; constant */
	const struct cache_ops *ops;
	struct bdi *bdi;
	u32 error;		/* errseq: write-back has failed; atomic */
	struct flight writes;	/* requests */
	u32 state;		/* enum cache_state; bdi->lock to change */
	u64 dirty_since;	/* bdi->lock: nanoseconds, of the oldest change on the list */
	u64 cursor;		/* bdi->thread: where it goes on in a large file */
	struct list_head link;	/* bdi->dirty, bdi->lock */
};

enum bdi_flags {
	BDI_STABLE = 1u << 0,	/* pages do not change while they are written (checksums of data, a service in another address space) */
};

/* A device that write-back goes to: one thread, one list of dirty inodes. Zeroed, then ahead_pages, io_pages and flags set, before bdi_start. */
struct bdi {
	u32 flags;		/* enum bdi_flags */
	u32 ahead_pages;	/* the largest window of reading ahead; 0: the default, 128 KiB. May be changed (BLKRASET) */
	u32 io_pages;		/* the most in one vm_io; 0: the default, 1 MiB */
	/* ---- the cache's own ---- */
	struct list_head all;	/* every bdi */
	struct spinlock lock;	/* of the lists and who is on them */
	struct list_head dirty;	/* file_cache.link, the oldest first */
	u64 ndirty, nwriting;	/* pages; atomic */
	u64 written;		/* pages, ever; atomic */
	u32 error;		/* errseq of all its files: syncfs */
	bool stop, wanted;	/* wanted: write until the limits are kept */
	struct flight visits, writes; /* of files by write-back; requests */
	struct wait_queue work;	/* the thread sleeps here, */
	struct wait_queue done;	/* and here whoever waits for writes or for the limits */
	bool ended;		/* the thread has */
	struct vm_io *spare;	/* for write-back when there is no memory: of one page */
	u32 spare_used;		/* atomic */
	struct spinlock fail_lock; /* interrupts off */
	struct list_head failed; /* writes that have, by vm_io.link; fail_lock */
	struct work fail_work;
	char name[16];
};

/* The thread runs from now on. -ENOMEM. */
int bdi_start(struct bdi *b, const char *name) MUST_CHECK;
/* All that is dirty is written (or lost: -EIO, if the device fails), the thread ends. No file_cache is left that could become dirty. May sleep. */
int bdi_stop(struct bdi *b);

/* Make inode->data a cached file (it calls vm_object_init; set inode->data.size afterwards). */
void cache_init(struct file_cache *c, struct inode *inode, const struct cache_ops *ops, struct bdi *bdi);
/* In super_ops.evict: pages go, dirty ones unwritten (see cache_keep). May sleep. */
void cache_fini(struct file_cache *c);
/*
 * In super_ops.keep, which inode_put asks when the last reference is gone: true: the inode is dirty and linked, so write-back holds it for a while
 * longer and puts it when it is clean; or this is reclaim, and its thread does what eviction may wait for. So every inode of such a file system has a
 * file_cache. Who looks inodes up without a reference finds a count of 0 for the moment between.
 */
bool cache_keep(struct file_cache *c);
/* Its times or size changed in memory only: `store` is called, at the latest by a sync, else after dirty_expire. Any thread. */
void cache_mark_inode(struct file_cache *c);

/* In open: the file is told of errors from now on. The VFS does it where inode->data is what is opened. */
void cache_open(struct file *f, struct file_cache *c);
/*
 * From the buffer into pages from byte @at on; the size grows. Bytes, or the error that came before any: -ENOSPC -EDQUOT -EFAULT -EINTR ... What is
 * left of pagefile_write once limits, rights and times are seen to. Inode's lock for a write. May wait for write-back.
 */
ssize_t cache_write(struct file_cache *c, struct iobuf *from, u64 at, size_t len);

/* ---- for operations of files; bytes [start, end), end ~0 is all ---- */
enum cache_sync { CACHE_WAIT_BEFORE = 1, CACHE_WRITE = 2, CACHE_WAIT_AFTER = 4, CACHE_SYNC = 7 };
/*
 * Write dirty pages of the range and wait, as @what (enum cache_sync) says. 0; -EINTR: killed. Errors of writing are left to cache_error.
 * May sleep; takes page locks only.
 */
int cache_sync_range(struct file_cache *c, u64 start, u64 end, unsigned what) MUST_CHECK;
/* The error of write-back that this open file was not told yet; it is told now. 0. */
int cache_error(struct file *f, struct file_cache *c);
/* cache_sync_range, store, cache_error: what fsync begins with. The owner then makes its device stable. */
int cache_fsync(struct file *f, struct file_cache *c, s64 start, s64 last, bool datasync);
/* All files of a device: what sync and syncfs begin with. */
int bdi_sync(struct bdi *b, bool wait);
/* The error of any file of the device that this open file was not told by syncfs yet. */
int bdi_error(struct file *f, struct bdi *b);

/*
 * O_DIRECT: write what is dirty of the pages of the range and drop them all; or only drop what is clean. -EBUSY: some page stays: it is in use, or dirty
 * (again). Inode's lock for a write. May sleep.
 */
int cache_flush_range(struct file_cache *c, u64 start, u64 end) MUST_CHECK;
int cache_invalidate_range(struct file_cache *c, u64 start, u64 end) MUST_CHECK;
/* The size, down (pages go) or up. Inode's lock. The owner then changes its disk. */
void cache_truncate(struct file_cache *c, u64 size);
/* A hole, or what the owner is about to zero or move: dirty parts of pages at the edges stay in the cache, zeroed. Inode's lock. */
void cache_punch(struct file_cache *c, u64 start, u64 end);
/*
 * A read of @f is about to wait for the page at @index, and will want @want pages; or it has come to one marked AHEAD; or a fault has. Never waits for
 * what it reads.
 */
void cache_read_miss(struct file *f, struct file_cache *c, u64 index, u64 want);
void cache_read_mark(struct file *f, struct file_cache *c, struct page *page, u64 want);
void cache_fault_ahead(struct file *f, struct file_cache *c, u64 index, u32 vm_flags);
/* POSIX_FADV_DONTNEED: begin to write what is dirty, drop whole pages of the range that are clean and not mapped. */
void cache_forget(struct file_cache *c, u64 start, u64 end);
/* cachestat(2). */
struct cachestat;
void cache_stat(struct vm_object *obj, u64 first, u64 last, struct cachestat *out);
/* Read pages ahead, as many as make sense: readahead(2), POSIX_FADV_WILLNEED. Does not wait. */
void cache_ahead(struct file_cache *c, u64 index, u64 n);
