/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A file with a page cache over a disk in memory, for the tests: the disk ends requests out of order, from a processor of its own, and fails on request.
 */
#include <string.h>
#include <lib/test.h>
#include <mm/page.h>
#include <mm/reclaim.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <vfs/file.h>
#include "../../mm/test_env.h"
#include "cache_impl.h"

#define FILE_PAGES 64
#define FILE_BYTES (FILE_PAGES * PAGE_SIZE)

struct disk_file {
	struct inode inode;
	struct file_cache cache;
	u8 bytes[FILE_BYTES];	 /* what the disk has */
	u8 reserved[FILE_PAGES]; /* `dirty` was called, and not written or given back since */
	u64 size;		 /* what the disk's owner knows */
	int fail_read, fail_write;	 /* the errors of the next requests, */
	u32 fail_count;		 /* so many; atomic */
	u32 reads, writes, pages_read, stores, evicted; /* ever; atomic */
	u64 room;		 /* pages that may be reserved */
	u64 nreserved;
};

extern struct bdi test_bdi;
extern bool disk_by_hand; /* requests wait for disk_finish */

void disk_start(u64 memory, unsigned cpus);
void disk_stop(void);
struct disk_file *disk_file_create(void);
/* The inode's last reference. */
void disk_file_put(struct disk_file *d);
/* End one request that waits, any. False: there is none. */
bool disk_finish(void);
/* Through the cache: read bytes as pagefile_read does. */
ssize_t disk_read(struct disk_file *d, struct file *f, void *buf, u64 at, size_t len);
ssize_t disk_write(struct disk_file *d, const void *buf, u64 at, size_t len);
void disk_truncate(struct disk_file *d, u64 size);
void disk_punch(struct disk_file *d, u64 from, u64 to);
