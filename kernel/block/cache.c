/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page cache of a device: an inode in no directory whose pages are the device's bytes (vfs/cache.h), with the disk's thread for write-back.
 */
#include "block_impl.h"
#include <lib/errno.h>
#include <init/initcall.h>
#include <arch/cpu.h>
#include <mm/object.h>
#include <vfs/fs_config.h>
#include <vfs/mount.h>
#include <vfs/namei.h>
#include <vfs/rw.h>
#include <linux/magic.h>
#include <linux/stat.h>

static struct mount *bdev_mount;

static struct bdev *bdev_of(const struct file_cache *c)
{
	return container_of(c, struct bdev, cache);
}

/* ---- runs of pages are requests ---- */

static void io_done(struct blk_request *rq)
{
	struct vm_io *io = container_of(rq, struct vm_io, blk);

	io->status = rq->status;
	io->done(io);
}

/* The last page of a device may reach behind its end: those bytes are zero in the cache and are not asked for. */
static void submit(struct file_cache *c, struct vm_io *io, u8 op)
{
	struct bdev *b = bdev_of(c);
	struct blkq *q = b->disk->q;
	u16 lane = (u16)cpu_id();
	u64 at = io->index * PAGE_SIZE, size = bdev_size(b);
	size_t len = at < size ? (size_t)min((u64)io->data.left, size - at) : 0;

	io->blk = (struct blk_request){.op = op,
		.flags = io->flags & VM_IO_AHEAD ? BLK_AHEAD : op == BLK_READ || io->flags & VM_IO_SYNC ? BLK_PRIO : 0,
		.queue = lane,
		.lba512 = at / 512,
		.n512 = len / 512,
		.data = io->data,
		.done = io_done};
	if (op == BLK_READ && len < io->data.left) {
		struct iobuf rest = io->data;

		iobuf_advance(&rest, len);
		(void)iobuf_zero(&rest, rest.left);
	}
	iobuf_limit(&io->blk.data, len);
	blkq_submit(q, &b->range, &io->blk); /* it may be over, and its memory gone, from here on */
	blkq_kick(q, lane);
}

static void cache_read(struct file_cache *c, struct vm_io *io)
{
	submit(c, io, BLK_READ);
}

static void cache_do_write(struct file_cache *c, struct vm_io *io)
{
	submit(c, io, BLK_WRITE);
}

static const struct cache_ops cache_ops = {.read = cache_read, .write = cache_do_write};

/* ---- for open files ---- */

ssize_t bdev_cache_read(struct file *f, struct bdev *b, struct iobuf *to, s64 *pos, unsigned rwf)
{
	return pagefile_read_object(f, &b->inode->data, to, pos, rwf);
}

ssize_t bdev_cache_write(struct file *f, struct bdev *b, struct iobuf *from, s64 *pos, unsigned rwf)
{
	ssize_t n;

	write_lock(&b->inode->lock);
	n = cache_write(&b->cache, from, (u64)*pos, from->left);
	write_unlock(&b->inode->lock);
	if (n > 0)
		*pos += n;
	return n;
}

int bdev_cache_sync(struct bdev *b, u64 start, u64 end)
{
	return cache_sync_range(&b->cache, start, end, CACHE_SYNC);
}

int bdev_cache_drop(struct bdev *b, u64 start, u64 end)
{
	int err = cache_flush_range(&b->cache, start, end);

	return err ? err : cache_invalidate_range(&b->cache, start, end);
}

void bdev_cache_punch(struct bdev *b, u64 start, u64 end)
{
	write_lock(&b->inode->lock);
	cache_punch(&b->cache, start, end);
	write_unlock(&b->inode->lock);
}

static bool is_quiet(const struct file_cache *c)
{
	return !__atomic_load_n(&c->writes.n[0], __ATOMIC_ACQUIRE) && !__atomic_load_n(&c->writes.n[1], __ATOMIC_ACQUIRE);
}

void bdev_cache_last_close(struct bdev *b)
{
	if (cache_flush_range(&b->cache, 0, ~0ull)) /* killed: not waited for */
		wait_event(&b->disk->bdi.done, is_quiet(&b->cache));
	(void)!cache_invalidate_range(&b->cache, 0, ~0ull);
}

/* ---- life ---- */

void bdev_cache_resize(struct bdev *b)
{
	write_lock(&b->inode->lock);
	cache_truncate(&b->cache, bdev_size(b));
	write_unlock(&b->inode->lock);
}

int bdev_cache_create(struct bdev *b)
{
	b->inode = inode_alloc(bdev_mount->super, NULL, S_IFBLK | 0600);
	if (!b->inode)
		return -ENOMEM;
	b->inode->private = b;
	cache_init(&b->cache, b->inode, &cache_ops, &b->disk->bdi);
	b->inode->data.size = bdev_size(b);
	return 0;
}

/* What could not be written is lost with the device. */
void bdev_cache_destroy(struct bdev *b)
{
	write_lock(&b->inode->lock);
	cache_truncate(&b->cache, 0);
	write_unlock(&b->inode->lock);
	inode_put(b->inode);
	b->inode = NULL;
}

static void evict(struct inode *inode)
{
	struct bdev *b = inode->private;

	if (b)
		cache_fini(&b->cache);
}

static int sync_all(struct super *sb, bool wait)
{
	return bdev_sync_all();
}

static const struct super_ops super_ops = {.evict = evict, .sync = sync_all};

static int bdev_fs_create(struct fs_config *c)
{
	return anon_super_create(c, &super_ops, BDEVFS_MAGIC);
}

static struct fs_type bdev_fs = {.name = "bdev", .flags = FS_NODEV | FS_INTERNAL, .create = bdev_fs_create};

static int bdev_fs_init(void)
{
	fs_register(&bdev_fs);
	return mount_internal(&bdev_fs, NULL, &bdev_mount);
}

INITCALL(bdev_fs, "vfs", bdev_fs_init);
