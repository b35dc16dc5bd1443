/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open regular files: a file of the layer that has the bytes does the work. One that was opened for reading before the copy-up gets a second one, of the upper
 * layer, with the first use afterwards; mappings made before keep to the lower bytes, as on Linux. Descriptors, locks, leases and watches are the overlay's.
 */
#include "overlay.h"
#include <mm/space.h>
#include <vfs/rw.h>
#include <linux/fiemap.h>
#include <linux/fs.h>

struct real_files {
	struct file *first; /* as it was opened */
	struct file *upper; /* after a copy-up; set once */
};

static int open_real(struct file *f, struct file **out)
{
	const struct path p = ovl_real_path(f->inode);
	unsigned flags = (f->flags & ~(unsigned)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_NOFOLLOW | FASYNC)) | OPEN_UNTOLD;
	const struct cred *saved;
	int err;

	if ((f->path.mnt->flags & (MNT_NOATIME | MNT_RDONLY)))
		flags |= O_NOATIME;
	saved = ovl_enter(f->inode->super);
	err = file_open_path(&p, flags, out);
	ovl_leave(saved);
	return err;
}

static NOINLINE int reopen(struct file *f, struct real_files *r, struct file **out)
{
	struct file *real, *none = NULL;
	int err;

	*out = LOAD_ACQUIRE(r->upper);
	if (*out)
		return 0;
	err = open_real(f, &real);
	if (err)
		return err;
	if (!__atomic_compare_exchange_n(&r->upper, &none, real, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		file_put(real);
		real = none;
	}
	*out = real;
	return 0;
}

/* The file of a layer that @f means now. Stays as long as @f. */
static inline int real_of(struct file *f, struct file **out)
{
	struct real_files *r = f->private;
	int err = 0;

	*out = r->first;
	if (unlikely(r->first->inode != ovl_real_inode(f->inode)))
		err = reopen(f, r, out);
	if (unlikely(!err && ((*out)->flags ^ f->flags) & O_DIRECT))
		WRITE_ONCE((*out)->flags, ((*out)->flags & ~(u32)O_DIRECT) | (f->flags & O_DIRECT));
	return err;
}

static int ovl_open(struct inode *inode, struct file *f)
{
	struct real_files *r;
	int err = 0;

	if ((f->mode & FMODE_WRITE) && !ovl_upper(inode))
		err = ovl_copy_up_size(inode, f->flags & O_TRUNC ? 0 : U64_MAX);
	if (err)
		return err;
	r = kzalloc(sizeof(*r), 0);
	if (!r)
		return -ENOMEM;
	err = open_real(f, &r->first);
	if (err)
		kfree(r);
	else
		f->private = r;
	return err;
}

static void ovl_release(struct file *f)
{
	struct real_files *r = f->private;

	file_put(r->first);
	if (r->upper)
		file_put(r->upper);
	kfree(r);
}

static ssize_t ovl_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	struct file *real;
	int err = real_of(f, &real);

	if (unlikely(err))
		return err;
	return likely(real->ops->read) ? real->ops->read(real, to, pos, rwf) : -EINVAL;
}

/* Writing takes set-ID bits away, by the caller's rights. Lock held; the file is an upper one. */
static int strip_privs(struct inode *inode)
{
	u32 before = inode->mode;
	struct iattr a = {.valid = IATTR_MODE | IATTR_CTIME};
	const struct cred *saved;
	int err;

	inode_strip_privs(inode);
	if (likely(before == inode->mode))
		return 0;
	a.mode = inode->mode & 07777;
	saved = ovl_enter(inode->super);
	err = below_setattr(ovl_upper(inode)->inode, &a);
	ovl_leave(saved);
	return err;
}

static ssize_t ovl_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf)
{
	struct inode *inode = f->inode;
	const struct cred *saved;
	struct file *real;
	ssize_t n = real_of(f, &real);

	if (n || !from->left)
		return n;
	if (!real->ops->write)
		return -EINVAL;
	if (unlikely(rwf & RWF_NOWAIT)) {
		if (!write_trylock(&inode->lock))
			return -EAGAIN;
	} else {
		write_lock(&inode->lock);
	}
	n = strip_privs(inode);
	if (!n) {
		saved = ovl_enter(inode->super);
		n = real->ops->write(real, from, pos, rwf);
		ovl_leave(saved);
		(void)!ovl_copy_attr(inode);
	}
	write_unlock(&inode->lock);
	return n;
}

static s64 ovl_lseek(struct file *f, s64 off, int whence)
{
	struct file *real;
	s64 pos;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return lseek_size(f, off, whence, (s64)f->inode->super->maxbytes, (s64)READ_ONCE(f->inode->data.size));
	pos = real_of(f, &real);
	if (pos)
		return pos;
	pos = real->ops->lseek ? real->ops->lseek(real, off, whence) : -EINVAL;
	if (pos >= 0)
		f->pos = pos;
	return pos;
}

static int ovl_fsync(struct file *f, s64 start, s64 end, bool datasync)
{
	struct file *real;
	int err = 0;

	/* Nothing of a lower layer was changed here. */
	if (ovl_super(f->inode->super)->o.is_volatile || !ovl_upper(f->inode))
		return 0;
	err = real_of(f, &real);
	return !err && real->ops->fsync ? real->ops->fsync(real, start, end, datasync) : err;
}

static int ovl_fallocate(struct file *f, int mode, s64 off, s64 len)
{
	struct inode *inode = f->inode;
	const struct cred *saved;
	struct file *real;
	int err = real_of(f, &real);

	if (err)
		return err;
	if (!real->ops->fallocate)
		return -EOPNOTSUPP;
	write_lock(&inode->lock);
	err = strip_privs(inode);
	if (!err) {
		saved = ovl_enter(inode->super);
		err = real->ops->fallocate(real, mode, off, len);
		ovl_leave(saved);
		(void)!ovl_copy_attr(inode);
	}
	write_unlock(&inode->lock);
	return err;
}

static s64 ovl_ioctl(struct file *f, unsigned cmd, u64 arg)
{
	struct file *real;
	int err;

	if (cmd != FS_IOC_FIEMAP)
		return -ENOTTY;
	err = real_of(f, &real);
	if (err)
		return err;
	return real->ops->ioctl ? real->ops->ioctl(real, cmd, arg) : -EOPNOTSUPP;
}

/* ---- mappings: the pages are the layer's, name and numbers the overlay's ---- */

static struct file *backing_real(void *backing)
{
	struct file *f = backing, *real;

	return real_of(f, &real) ? NULL : real;
}

static void backing_ahead(void *backing, u64 index, u32 vm_flags)
{
	struct file *real = backing_real(backing);

	if (real)
		file_backing_ops.ahead(real, index, vm_flags);
}

static void backing_willneed(void *backing, u64 index, u64 n)
{
	struct file *real = backing_real(backing);

	if (real)
		file_backing_ops.willneed(real, index, n);
}

static struct vm_backing_ops backing_ops; /* file_backing_ops, but for these two */

void ovl_files_init(void)
{
	backing_ops = file_backing_ops;
	backing_ops.ahead = backing_ahead;
	backing_ops.willneed = backing_willneed;
}

static int ovl_mmap(struct file *f, struct vm_map_args *args)
{
	struct file *real;
	int err = real_of(f, &real);

	if (!err)
		err = real->ops->mmap ? real->ops->mmap(real, args) : -ENODEV;
	if (!err && args->backing == real && args->backing_ops == &file_backing_ops) {
		args->backing_ops = &backing_ops;
		args->backing = f;
	}
	return err;
}

const struct file_ops ovl_file_fops = {
	.open = ovl_open,
	.release = ovl_release,
	.read = ovl_read,
	.write = ovl_write,
	.lseek = ovl_lseek,
	.mmap = ovl_mmap,
	.fsync = ovl_fsync,
	.fallocate = ovl_fallocate,
	.ioctl = ovl_ioctl,
};
