/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading and writing an open file: the checks that all kinds share, in Linux' order, and the use from inside the kernel.
 */
#include "vfs_impl.h"
#include <env/iobuf.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <linux/fs.h>
#include <vfs/notify.h>
#include <vfs/rw.h>

#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x20
#endif
#define RWF_KNOWN (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND | RWF_NOAPPEND)

unsigned file_rwf(const struct file *f, unsigned rwf)
{
	u32 flags = READ_ONCE(f->flags);

	if (likely(!(flags & (O_NONBLOCK | O_APPEND | O_DSYNC | O_SYNC))))
		return rwf;
	/* Regular files and directories know no O_NONBLOCK. */
	if ((flags & O_NONBLOCK) && !(f->mode & FMODE_POS_LOCK))
		rwf |= RWF_NOWAIT;
	if ((flags & O_APPEND) && !(rwf & RWF_NOAPPEND))
		rwf |= RWF_APPEND;
	if (flags & O_DSYNC)
		rwf |= (flags & O_SYNC) == O_SYNC ? RWF_SYNC : RWF_DSYNC;
	return rwf;
}

int file_check_rwf(const struct file *f, unsigned rwf)
{
	if (likely(!rwf))
		return 0;
	if (rwf & ~(unsigned)RWF_KNOWN)
		return -EOPNOTSUPP;
	if ((rwf & (RWF_APPEND | RWF_NOAPPEND)) == (RWF_APPEND | RWF_NOAPPEND))
		return -EINVAL;
	return (rwf & RWF_NOWAIT) && !(f->mode & FMODE_NOWAIT) ? -EOPNOTSUPP : 0;
}

static inline int check_range(const s64 *pos, size_t len)
{
	if (unlikely((ssize_t)len < 0))
		return -EINVAL;
	return pos && unlikely(*pos < 0 || *pos > S64_MAX - (s64)len) ? -EINVAL : 0;
}

/* Somebody may want to allow or hear of it. */
static NOINLINE ssize_t read_watched(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	ssize_t n = notify_perm_slow(f, FAN_ACCESS_PERM);

	if (!n)
		n = f->ops->read(f, to, pos, rwf);
	if (n > 0)
		notify_file(f, IN_ACCESS);
	return n;
}

static inline ssize_t read_told(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	if (unlikely(READ_ONCE(f->inode->notify) & (IN_ACCESS | FAN_ACCESS_PERM | NOTIFY_HINTS)))
		return read_watched(f, to, pos, rwf);
	return f->ops->read(f, to, pos, rwf);
}

ssize_t file_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	int err;

	if (unlikely(!(f->mode & FMODE_READ)))
		return -EBADF;
	if (unlikely(!f->ops->read))
		return -EINVAL;
	err = check_range(pos, to->left);
	if (unlikely(err))
		return err;
	iobuf_limit(to, MAX_RW_COUNT);
	return read_told(f, to, pos, file_rwf(f, rwf));
}

ssize_t file_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf)
{
	s64 start = pos ? *pos : 0;
	ssize_t n;
	int err;

	if (unlikely(!(f->mode & FMODE_WRITE)))
		return -EBADF;
	if (unlikely(!f->ops->write))
		return -EINVAL;
	err = check_range(pos, from->left);
	if (unlikely(err))
		return err;
	iobuf_limit(from, MAX_RW_COUNT);
	rwf = file_rwf(f, rwf);
	n = f->ops->write(f, from, pos, rwf);
	if (unlikely(rwf & (RWF_SYNC | RWF_DSYNC)) && n > 0 && f->ops->fsync) {
		if (rwf & RWF_APPEND)
			start = *pos - n;
		err = f->ops->fsync(f, start, start + n - 1, !(rwf & RWF_SYNC));
		if (err)
			return err;
	}
	if (likely(n > 0))
		notify_file(f, IN_MODIFY);
	return n;
}

ssize_t file_read_at(struct file *f, void *buf, size_t len, s64 pos)
{
	struct iobuf b;

	iobuf_init_kernel(&b, buf, len);
	if (!(f->mode & (FMODE_READ | FMODE_EXEC)))
		return -EBADF;
	if (!f->ops->read)
		return -EINVAL;
	return read_told(f, &b, &pos, file_rwf(f, 0));
}

ssize_t file_write_at(struct file *f, const void *buf, size_t len, s64 pos)
{
	struct iobuf b;

	iobuf_init_kernel(&b, (void *)(unsigned long)buf, len);
	return file_write(f, &b, &pos, RWF_NOAPPEND);
}

#define COPY_PAGES  16
#define COPY_BOUNCE 65536

/* From the pages of the page cache, if @in has some here; else -EOPNOTSUPP. */
static ssize_t copy_pages(struct file *in, s64 *in_pos, struct file *out, s64 *out_pos, size_t len)
{
	struct iobuf_seg segs[COPY_PAGES];
	u32 n = COPY_PAGES;
	ssize_t ret = file_hold_pages(in, *in_pos, len, segs, &n);
	struct iobuf b;

	if (ret > 0) {
		iobuf_init_segs(&b, IOBUF_PAGES, segs, n);
		ret = file_write(out, &b, out_pos, 0);
	}
	for (u32 i = 0; i < n; i++)
		page_put(segs[i].page);
	if (ret > 0)
		*in_pos += ret;
	return ret;
}

static ssize_t copy_through(struct file *in, s64 *in_pos, struct file *out, s64 *out_pos, size_t len, void *bounce)
{
	struct iobuf b;
	s64 start = *in_pos;
	ssize_t got, put;

	iobuf_init_kernel(&b, bounce, min_t(size_t, len, COPY_BOUNCE));
	got = file_read(in, &b, in_pos, 0);
	if (got <= 0)
		return got;
	iobuf_init_kernel(&b, bounce, (size_t)got);
	put = file_write(out, &b, out_pos, 0);
	if (put < got)
		*in_pos = start + max_t(ssize_t, put, 0);
	return put;
}

ssize_t file_copy(struct file *in, s64 *in_pos, struct file *out, s64 *out_pos, size_t len)
{
	void *bounce = NULL;
	ssize_t done = 0, n = 0;

	len = min_t(size_t, len, MAX_RW_COUNT);
	while (len) {
		n = copy_pages(in, in_pos, out, out_pos, len);
		if (n == -EOPNOTSUPP) {
			if (!bounce)
				bounce = kmalloc(COPY_BOUNCE, 0);
			n = bounce ? copy_through(in, in_pos, out, out_pos, len, bounce) : -ENOMEM;
		}
		if (n <= 0)
			break;
		done += n;
		len -= (size_t)n;
		if (thread_signal_pending())
			break;
	}
	kfree(bounce);
	return done ? done : n;
}
