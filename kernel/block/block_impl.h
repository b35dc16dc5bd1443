/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Disks and block devices, for the files of kernel/block.
 *
 *	struct disk	a queue over a port (queue.h), a name, numbers
 *	  struct bdev	what can be opened: the whole disk, or a partition: a range of the queue, an inode with a page cache, openers, a claim
 *
 * block_lock (mutex) guards the lists, openers, claims and the partition table of each disk. Fields that requests need are read without.
 *
 * A bdev lives as long as it is listed (one reference), open or claimed; a partition refers to its whole, the whole owns the disk. So when
 * the last bdev goes no request is left, and the queue goes too.
 */
#include <lib/list.h>
#include <lib/refcount.h>
#include <block/bdev.h>
#include <sync/mutex.h>
#include <sched/work.h>
#include <vfs/cache.h>
#include <vfs/inode.h>
#include <vfs/sysfs.h>
#include "part.h"
#include "queue.h"

#define BDEV_NAME	32
#define PARTS_PER_DISK	16u /* minors, the whole included; others have numbers of major BLKEXT_MAJOR */
#define BLKEXT_MAJOR	259u
#define VIRTBLK_MAJOR	254u
#define BDEV_MAX_SECTORS 2560u /* what Linux says by default of one request */

struct disk;

/* What kinds of disks differ in. */
struct disk_ops {
	const char *prefix;	/* "vd" */
	u32 major;
	u32 minors;		/* of each disk */
	/* Of the device's own ioctls; -ENOTTY: none of them. NULL. */
	s64 (*ioctl)(struct bdev *b, struct file *f, unsigned cmd, u64 arg);
	/* First opener, last closer; block_lock is held for neither. open: 0; -ENXIO... NULL. */
	int (*open)(struct disk *d);
	void (*release)(struct disk *d);
	void (*free)(struct disk *d); /* the last reference is gone; NULL */
	const struct pseudo_file *files; /* more attributes of the whole, their arg is the bdev; a directory of their own if files_dir */
	const char *files_dir;
	size_t nfiles;
};

struct bdev {
	struct refcount refs;
	struct disk *disk;
	u32 partno;	/* 0: the whole */
	u32 rdev;
	char name[BDEV_NAME];
	struct blkq_range range;
	struct list_head link;	/* disk->bdevs, the whole first; block_lock */
	bool listed;		/* block_lock */
	bool in_sysfs;		/* block_lock */
	u32 openers, writers;	/* block_lock */
	const void *holder;	/* block_lock, with nclaims */
	u32 nclaims;
	u32 part_holders;	/* of a whole: claims of its partitions; block_lock */
	char uuid[37], label[PART_NAME_MAX + 1]; /* constant once listed */
	u32 block_bytes;	/* BLKBSZSET: of the page cache, which does not need it */
	u32 read_ahead512;
	struct inode *inode;	/* its `data` is the page cache */
	struct file_cache cache;
	struct sysfs_device sys;
	struct pseudo_node *holders;
};

struct disk {
	const struct disk_ops *ops;
	void *private;
	const char *device;
	struct blk_port lower;
	struct blkq *q;
	struct bdev *whole;
	struct list_head bdevs;	/* block_lock */
	struct list_head claims; /* block_lock */
	struct list_head link;	/* all disks; block_lock */
	u32 index;		/* 0: vda */
	u64 seq;		/* diskseq; another one for another medium */
	bool removable, no_parts, shown;
	bool gone;		/* atomic: the port has said so */
	char model[48], serial[28];
	struct work changed;
	struct bdi bdi;		/* write-back of all its bdevs */
};

extern struct mutex block_lock;
extern struct list_head block_disks; /* block_lock */
extern u64 bdev_next_seq; /* atomic */

/* Reading ahead, of the disk and all that is on it. */
static inline void bdev_set_ahead(struct bdev *b, u32 n512)
{
	u32 pages = n512 / (PAGE_SIZE / 512);

	WRITE_ONCE(b->disk->whole->read_ahead512, pages * (u32)(PAGE_SIZE / 512));
	WRITE_ONCE(b->disk->bdi.ahead_pages, max(pages, 1u));
}

static inline bool bdev_is_part(const struct bdev *b)
{
	return b->partno != 0;
}

/* ---- disk.c ---- */

/* A disk over @lower, with the number that is free (@index ~0u) or this one. It is not seen by anybody before disk_show. */
int disk_create(const struct disk_ops *ops, const struct blk_port *lower, u32 index, void *private, struct disk **out) MUST_CHECK;
/* Nodes, /sys, uevents, partitions. Before the file systems of these stand it waits until they do. */
void disk_show(struct disk *d);
/* It is not found any more; requests end with -ENODEV; the creator's reference goes. The lower port is not called when this returns. */
void disk_remove(struct disk *d);
/* Its size is what the port says now. */
void disk_refresh(struct disk *d);
/* A bdev of @d without references of its own; -ENOMEM. Not listed. */
int bdev_create(struct disk *d, u32 partno, u64 start512, u64 n512, struct bdev **out) MUST_CHECK;
/* The @n-th that is listed, with a reference; NULL. */
struct bdev *bdev_nth(u32 n);
/* List it and make its names, or take them away. block_lock held. */
int bdev_list(struct bdev *b) MUST_CHECK;
void bdev_unlist(struct bdev *b);

/* ---- partition.c ---- */

/* Read the table: partitions that are not open go and come. -EBUSY: one is open. block_lock not held. */
int disk_rescan(struct disk *d) MUST_CHECK;
void disk_drop_parts(struct disk *d); /* block_lock held */
s64 bdev_ioctl_blkpg(struct bdev *b, u64 arg);

/* ---- claim.c ---- */

/* The clients of @d's claims hear that it has changed or gone. */
void claims_tell(struct disk *d, bool gone);
/* block_lock held: 0; -EBUSY. */
int bdev_hold(struct bdev *b, const void *holder) MUST_CHECK;
void bdev_unhold(struct bdev *b);

/* ---- rw.c: requests from inside ---- */

/* Submit, kick, wait. The result's status. May sleep. */
int bdev_request(struct bdev *b, u8 op, u8 flags, u64 lba512, u64 n512, const struct iobuf *data) MUST_CHECK;
int bdev_flush(struct bdev *b);
int bdev_sync_all(void); /* of every device; may sleep */

/* ---- cache.c: the page cache of a device ---- */

int bdev_cache_create(struct bdev *b) MUST_CHECK;
void bdev_cache_destroy(struct bdev *b);
ssize_t bdev_cache_read(struct file *f, struct bdev *b, struct iobuf *to, s64 *pos, unsigned rwf);
ssize_t bdev_cache_write(struct file *f, struct bdev *b, struct iobuf *from, s64 *pos, unsigned rwf);
int bdev_cache_sync(struct bdev *b, u64 start, u64 end); /* bytes [start, end) are on the device, perhaps in its cache */
/* What is dirty of [start, end) is written, then nothing of it is in the page cache: 0; -EBUSY: some stayed, mapped or in use; -EINTR: killed. */
int bdev_cache_drop(struct bdev *b, u64 start, u64 end);
/* [start, end) of the cache is zero, or not there: the device's bytes are about to change. */
void bdev_cache_punch(struct bdev *b, u64 start, u64 end);
/* Nobody has it open: write and drop everything, whatever signal is pending. */
void bdev_cache_last_close(struct bdev *b);
void bdev_cache_resize(struct bdev *b);

/* ---- direct.c ---- */

ssize_t bdev_direct(struct file *f, struct bdev *b, struct iobuf *buf, s64 *pos, unsigned rwf, bool write);

/* ---- file.c, ioctl.c ---- */

s64 bdev_ioctl(struct file *f, unsigned cmd, u64 arg);
int bdev_zero_range(struct bdev *b, u64 start, u64 len, unsigned op, unsigned flags);
void bdev_close(struct bdev *b, bool write);
int bdev_open(struct bdev *b, bool write) MUST_CHECK;

/* ---- sysfs.c ---- */

int bdev_sysfs_add(struct bdev *b) MUST_CHECK;
void bdev_sysfs_remove(struct bdev *b);
void bdev_uevent_resize(struct bdev *b);
