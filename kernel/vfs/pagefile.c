/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Regular files whose bytes are pages of inode->data: read, write, lseek, mmap; for file systems in memory as they are, for others through the object's fill.
 *
 * A read takes no lock: it looks at the size, takes a reference to each page and copies. A page that is truncated meanwhile is still whole memory; the size
 * is looked at page by page, so that a read beside a truncate sees the bytes before or zeroes, never others'. A write holds the inode's lock.
 */
#include "vfs_impl.h"
#include <env/iobuf.h>
#include <lib/string.h>
#include <mm/object.h>
#include <mm/page.h>
#include <mm/reclaim.h>
#include <mm/space.h>
#include <linux/fs.h>
#include <vfs/cache.h>
#include <vfs/notify.h>
#include <vfs/rw.h>

/* The page at @index of a file with a home was read. */
static inline void note_read(struct file *f, struct vm_object *obj, struct page *page, u64 index, size_t left)
{
	if (unlikely(READ_ONCE(page->flags) & PAGE_F_AHEAD))
		cache_read_mark(f, obj->cache, page, DIV_ROUND_UP(left, PAGE_SIZE));
	/* Small reads of one page are one use of it. */
	if (index != f->ahead.prev || !index) {
		page_note_use(page);
		f->ahead.prev = index;
	}
}

/* The page at @index is not there. *out_page NULL: a hole of a memory file. */
static int read_miss(struct file *f, struct vm_object *obj, u64 index, size_t left, unsigned rwf, struct page **out_page)
{
	if (obj->ops->fill) {
		if (rwf & RWF_NOWAIT)
			return -EAGAIN;
		cache_read_miss(f, obj->cache, index, DIV_ROUND_UP(left, PAGE_SIZE));
	}
	return vm_object_get(obj, index, false, out_page);
}

static __always_inline ssize_t read_object(struct file *f, struct vm_object *obj, struct iobuf *to, s64 *pos, unsigned rwf)
{
	u64 at = (u64)*pos;
	ssize_t done = 0;
	int err = 0;

	while (to->left) {
		u64 size = READ_ONCE(obj->size);
		u32 off = at % PAGE_SIZE;
		size_t n, got;
		struct page *page;

		if (at >= size)
			break;
		n = min_t(u64, min_t(u64, PAGE_SIZE - off, size - at), to->left);
		page = vm_object_peek(obj, at / PAGE_SIZE);
		if (unlikely(!page)) {
			err = read_miss(f, obj, at / PAGE_SIZE, off + min_t(u64, to->left, size - at), rwf, &page);
			if (err)
				break;
		}
		if (likely(page)) {
			if (READ_ONCE(page->flags) & PAGE_F_FILE)
				note_read(f, obj, page, at / PAGE_SIZE, off + min_t(u64, to->left, size - at));
			got = iobuf_put(to, (char *)page_va(page) + off, n);
			page_put(page);
		} else {
			got = iobuf_zero(to, n);
		}
		at += got;
		done += (ssize_t)got;
		if (unlikely(got < n)) {
			err = -EFAULT;
			break;
		}
	}
	*pos = (s64)at;
	return done ? done : err;
}

ssize_t pagefile_read_object(struct file *f, struct vm_object *obj, struct iobuf *to, s64 *pos, unsigned rwf)
{
	return read_object(f, obj, to, pos, rwf);
}

ssize_t pagefile_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	struct inode *inode = f->inode;
	ssize_t n = read_object(f, &inode->data, to, pos, rwf);

	if (!(f->flags & O_NOATIME))
		inode_atime(inode, f->path.mnt);
	return n;
}

ssize_t file_hold_pages(struct file *f, s64 pos, size_t len, struct iobuf_seg *segs, u32 *nsegs)
{
	struct vm_object *obj = &f->inode->data;
	u32 max = *nsegs;
	size_t done = 0;
	int err = f->ops->has_pages ? 0 : -EOPNOTSUPP;

	*nsegs = 0;
	if (!err)
		err = notify_perm(f, FAN_ACCESS_PERM);
	while (!err && *nsegs < max && done < len) {
		u64 at = (u64)pos + done, size = READ_ONCE(obj->size);
		u32 off = at % PAGE_SIZE;
		struct page *page;

		if (at >= size)
			break;
		err = vm_object_get(obj, at / PAGE_SIZE, false, &page);
		if (!err && !page)
			err = -EOPNOTSUPP;
		if (err)
			break;
		segs[*nsegs] = (struct iobuf_seg){.page = page, .page_off = off,
			.len = min_t(u64, min_t(u64, PAGE_SIZE - off, size - at), len - done)};
		done += segs[*nsegs].len;
		++*nsegs;
	}
	if (!done)
		return err;
	if (!(f->flags & O_NOATIME))
		inode_atime(f->inode, f->path.mnt);
	notify_file(f, IN_ACCESS);
	return (ssize_t)done;
}

int write_limit(struct file *f, s64 pos, size_t *len)
{
	u64 limit = rlimit_cur(RLIMIT_FSIZE), max = f->inode->super->maxbytes;

	if (unlikely(limit != ~0ull)) {
		if ((u64)pos >= limit) {
			siginfo_t info;

			siginfo_kernel(&info, SIGXFSZ);
			(void)signal_send_task(task_current(), &info);
			return -EFBIG;
		}
		*len = min_t(u64, *len, limit - (u64)pos);
	}
	if ((u64)pos >= max)
		return -EFBIG;
	*len = min_t(u64, *len, max - (u64)pos);
	return 0;
}

/* Lock held; returns bytes, or an error if there were none. */
static ssize_t write_pages(struct inode *inode, struct iobuf *from, u64 at, size_t len)
{
	struct vm_object *obj = &inode->data;
	ssize_t done = 0;
	int err = 0;

	while ((size_t)done < len) {
		u32 off = at % PAGE_SIZE;
		size_t n = min_t(size_t, PAGE_SIZE - off, len - (size_t)done), got;
		struct page *page = vm_object_peek(obj, at / PAGE_SIZE);

		if (!page) {
			/* Before the page exists: a bad pointer must not allocate. */
			if (unlikely(!iobuf_fault_in(from, n, false))) {
				err = -EFAULT;
				break;
			}
			err = vm_object_get(obj, at / PAGE_SIZE, true, &page);
			if (err)
				break;
		}
		got = iobuf_get(from, (char *)page_va(page) + off, n);
		page_put(page);
		at += got;
		done += (ssize_t)got;
		if (at > obj->size && got)
			WRITE_ONCE(obj->size, at);
		if (unlikely(got < n)) {
			err = -EFAULT;
			break;
		}
	}
	return done ? done : err;
}

ssize_t pagefile_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf)
{
	struct inode *inode = f->inode;
	size_t len = from->left;
	ssize_t done;
	int err;

	if (unlikely(!len))
		return 0;
	if (unlikely((rwf & RWF_NOWAIT))) {
		if (inode->data.cache)
			return -EOPNOTSUPP; /* it may wait for room, as on Linux */
		if (!write_trylock(&inode->lock))
			return -EAGAIN;
	} else {
		write_lock(&inode->lock);
	}
	if (rwf & RWF_APPEND)
		*pos = (s64)inode->data.size;
	err = inode->flags & INODE_IMMUTABLE ? -EPERM : write_limit(f, *pos, &len);
	if (unlikely(err)) {
		write_unlock(&inode->lock);
		return err;
	}
	inode_strip_privs(inode);
	inode->mtime = inode->ctime = ktime_now();
	if (inode->data.cache)
		done = cache_write(inode->data.cache, from, (u64)*pos, len);
	else
		done = write_pages(inode, from, (u64)*pos, len);
	write_unlock(&inode->lock);
	if (done > 0)
		*pos += done;
	return done;
}

s64 lseek_size(struct file *f, s64 off, int whence, s64 max, s64 size)
{
	s64 pos;

	switch (whence) {
	case SEEK_SET: pos = off; break;
	case SEEK_CUR:
		if (__builtin_add_overflow(f->pos, off, &pos))
			return -EINVAL;
		break;
	case SEEK_END:
		if (__builtin_add_overflow(size, off, &pos))
			return -EINVAL;
		break;
	default: return -EINVAL;
	}
	if (pos < 0 || pos > max)
		return -EINVAL;
	f->pos = pos;
	return pos;
}

static s64 seek_data_hole(struct file *f, s64 off, bool data)
{
	struct vm_object *obj = &f->inode->data;
	s64 size, found;
	u64 index;

	read_lock(&f->inode->lock);
	size = (s64)obj->size;
	if (off < 0 || off >= size) {
		read_unlock(&f->inode->lock);
		return -ENXIO;
	}
	index = vm_object_seek(obj, (u64)off / PAGE_SIZE, data);
	read_unlock(&f->inode->lock);
	found = index >= (u64)size / PAGE_SIZE + 1 ? size : max((s64)(index * PAGE_SIZE), off);
	if (found >= size) {
		if (data)
			return -ENXIO;
		found = size;
	}
	f->pos = found;
	return found;
}

s64 pagefile_lseek(struct file *f, s64 off, int whence)
{
	if (whence == SEEK_DATA || whence == SEEK_HOLE)
		return seek_data_hole(f, off, whence == SEEK_DATA);
	return lseek_size(f, off, whence, (s64)f->inode->super->maxbytes, (s64)READ_ONCE(f->inode->data.size));
}

static void backing_get(void *backing)
{
	file_get(backing);
}

static void backing_put(void *backing)
{
	file_put(backing);
}

static size_t backing_name(void *backing, char *buf, size_t size)
{
	ssize_t len = file_path(backing, buf, size);

	return len < 0 ? 0 : (size_t)len;
}

static void backing_ident(void *backing, u32 *out_dev, u64 *out_ino)
{
	struct file *f = backing;

	*out_dev = f->inode->super->dev;
	*out_ino = f->inode->ino;
}

static void backing_ahead(void *backing, u64 index, u32 vm_flags)
{
	struct file *f = backing;

	if (f->inode->data.cache)
		cache_fault_ahead(f, f->inode->data.cache, index, vm_flags);
}

static void backing_willneed(void *backing, u64 index, u64 n)
{
	struct file *f = backing;

	if (f->inode->data.cache)
		cache_ahead(f->inode->data.cache, index, n);
}

static int backing_sync(void *backing, u64 index, u64 n)
{
	struct file *f = backing;

	return f->ops->fsync ? f->ops->fsync(f, (s64)(index << PAGE_SHIFT), (s64)((index + n) << PAGE_SHIFT) - 1, false) : 0;
}

const struct vm_backing_ops file_backing_ops = {
	.ahead = backing_ahead,
	.willneed = backing_willneed,
	.sync = backing_sync,
	.get = backing_get,
	.put = backing_put,
	.name = backing_name,
	.ident = backing_ident,
};

int pagefile_mmap(struct file *f, struct vm_map_args *args)
{
	args->object = &f->inode->data;
	args->backing_ops = &file_backing_ops;
	args->backing = f;
	if (!(f->flags & O_NOATIME))
		inode_atime(f->inode, f->path.mnt);
	return 0;
}
