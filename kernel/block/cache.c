/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page cache of a device: an inode in no directory whose pages are the device's bytes. What is written goes through to the device before the call
 * returns.
 */
#include "block_impl.h"
#include <lib/errno.h>
#include <lib/string.h>
#include <debug/panic.h>
#include <init/initcall.h>
#include <mm/object.h>
#include <mm/page.h>
#include <vfs/fs_config.h>
#include <vfs/mount.h>
#include <vfs/namei.h>
#include <linux/magic.h>
#include <linux/stat.h>

static struct mount *bdev_mount;

static struct bdev *bdev_of(const struct vm_object *obj)
{
	return ((struct inode *)obj->owner)->private;
}

static void page_buf(struct iobuf *b, struct iobuf_seg *seg, struct page *page, u32 off, u32 len)
{
	*seg = (struct iobuf_seg){.page = page, .page_off = off, .len = len};
	iobuf_init_segs(b, IOBUF_PAGES, seg, 1);
}

/* The bytes of the device that page @index holds; a tail shorter than a page is left. */
static u32 page_bytes(const struct bdev *b, u64 index)
{
	u64 size = bdev_size(b), at = index * PAGE_SIZE;

	return at >= size ? 0 : (u32)min_t(u64, PAGE_SIZE, size - at);
}

static void fill(struct vm_object *obj, struct page *page)
{
	struct bdev *b = bdev_of(obj);
	u64 index = page_index(page);
	u32 len = page_bytes(b, index);
	struct iobuf_seg seg;
	struct iobuf buf;
	int err = 0;

	page_clear(page_va(page));
	if (len) {
		page_buf(&buf, &seg, page, 0, len);
		err = bdev_request(b, BLK_READ, 0, index * (PAGE_SIZE / 512), len / 512, &buf);
	}
	page_end_fill(page, err);
}

static const struct vm_object_ops object_ops = {.fill = fill};

static int write_page(struct bdev *b, struct page *page, u64 index)
{
	struct iobuf_seg seg;
	struct iobuf buf;
	u32 len = page_bytes(b, index);

	if (!len)
		return 0;
	page_buf(&buf, &seg, page, 0, len);
	return bdev_request(b, BLK_WRITE, 0, index * (PAGE_SIZE / 512), len / 512, &buf);
}

ssize_t bdev_cache_read(struct file *f, struct bdev *b, struct iobuf *to, s64 *pos, unsigned rwf)
{
	u64 at = (u64)*pos, size = bdev_size(b);
	ssize_t done = 0;
	int err = 0;

	while (to->left && at < size) {
		u32 off = at % PAGE_SIZE;
		size_t n = min_t(u64, min_t(u64, PAGE_SIZE - off, size - at), to->left), got;
		struct page *page;

		err = vm_object_get(&b->inode->data, at / PAGE_SIZE, true, &page);
		if (err)
			break;
		got = iobuf_put(to, (char *)page_va(page) + off, n);
		page_put(page);
		at += got;
		done += (ssize_t)got;
		if (got < n) {
			err = -EFAULT;
			break;
		}
	}
	*pos = (s64)at;
	return done ? done : err;
}

ssize_t bdev_cache_write(struct file *f, struct bdev *b, struct iobuf *from, s64 *pos, unsigned rwf)
{
	u64 at = (u64)*pos, size = bdev_size(b);
	ssize_t done = 0;
	int err = 0;

	write_lock(&b->inode->lock);
	while (from->left && at < size) {
		u32 off = at % PAGE_SIZE;
		size_t n = min_t(u64, min_t(u64, PAGE_SIZE - off, size - at), from->left), got;
		struct page *page;

		err = iobuf_fault_in(from, n, false) ? vm_object_get(&b->inode->data, at / PAGE_SIZE, true, &page) : -EFAULT;
		if (err)
			break;
		got = iobuf_get(from, (char *)page_va(page) + off, n);
		err = got ? write_page(b, page, at / PAGE_SIZE) : -EFAULT;
		page_put(page);
		if (err)
			break;
		at += got;
		done += (ssize_t)got;
	}
	write_unlock(&b->inode->lock);
	*pos = (s64)at;
	return done ? done : err;
}

int bdev_cache_sync(struct bdev *b, u64 start, u64 end)
{
	return 0;
}

int bdev_cache_drop(struct bdev *b, u64 start, u64 end, bool discard)
{
	write_lock(&b->inode->lock);
	vm_object_punch(&b->inode->data, start & ~(PAGE_SIZE - 1), end > bdev_size(b) ? align_up(bdev_size(b), PAGE_SIZE) : align_up(end, PAGE_SIZE));
	write_unlock(&b->inode->lock);
	return 0;
}

void bdev_cache_resize(struct bdev *b)
{
	write_lock(&b->inode->lock);
	vm_object_truncate(&b->inode->data, bdev_size(b));
	write_unlock(&b->inode->lock);
}

int bdev_cache_create(struct bdev *b)
{
	b->inode = inode_alloc(bdev_mount->super, NULL, S_IFBLK | 0600);
	if (!b->inode)
		return -ENOMEM;
	b->inode->private = b;
	vm_object_init(&b->inode->data, &object_ops, b->inode);
	b->inode->data.size = bdev_size(b);
	return 0;
}

void bdev_cache_destroy(struct bdev *b)
{
	inode_put(b->inode);
	b->inode = NULL;
}

static void evict(struct inode *inode)
{
	if (inode->private)
		vm_object_fini(&inode->data);
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
