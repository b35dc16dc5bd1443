/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Regular files of tmpfs: limits, truncation, fallocate, seals.
 *
 * Seals are looked at under the inode's lock; F_SEAL_WRITE also needs that no shared writable mapping exists, which vm_object.writable_maps counts: sealing
 * (vm_object_seal_write) makes it refuse new ones.
 */
#include "tmpfs.h"
#include <debug/panic.h>
#include <mm/object.h>
#include <mm/page.h>
#include <mm/space.h>
#include <arch/smp.h>
#include <vfs/shmem.h>
#include <linux/fs.h>
#include <linux/memfd.h>

#define SEALS_WRITE (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

static DEFINE_PER_CPU(s64, shmem_pages); /* exact only when summed */

static int tmpfs_charge(struct vm_object *obj, u64 npages)
{
	struct inode *inode = obj->owner;
	struct tmpfs_super *ts = tmpfs_super(inode->super);

	if (ts->max_blocks) {
		if ((u64)__atomic_add_fetch(&ts->used_blocks, (s64)npages, __ATOMIC_RELAXED) > ts->max_blocks) {
			__atomic_fetch_sub(&ts->used_blocks, (s64)npages, __ATOMIC_RELAXED);
			return -ENOSPC;
		}
	}
	this_cpu_add(shmem_pages, (s64)npages);
	return 0;
}

static void tmpfs_uncharge(struct vm_object *obj, u64 npages)
{
	struct inode *inode = obj->owner;
	struct tmpfs_super *ts = tmpfs_super(inode->super);

	if (ts->max_blocks)
		__atomic_fetch_sub(&ts->used_blocks, (s64)npages, __ATOMIC_RELAXED);
	this_cpu_add(shmem_pages, -(s64)npages);
}

u64 vfs_shmem_pages(void)
{
	s64 sum = 0;

	for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
		sum += READ_ONCE(*per_cpu_ptr(&shmem_pages, cpu));
	return (u64)max(sum, 0ll);
}

const struct vm_object_ops tmpfs_object_ops = {.charge = tmpfs_charge, .uncharge = tmpfs_uncharge};

int tmpfs_getattr(struct inode *inode, struct kstat *st)
{
	if (S_ISREG(inode->mode))
		st->blocks = READ_ONCE(inode->data.npages) * (PAGE_SIZE / 512);
	return 0;
}

static int set_size(struct inode *inode, u64 size)
{
	u32 seals = tmpfs_inode(inode)->seals;
	u64 old = inode->data.size;

	if (!S_ISREG(inode->mode))
		return S_ISDIR(inode->mode) ? -EISDIR : -EINVAL;
	if (size > inode->super->maxbytes)
		return -EFBIG;
	if ((size < old && (seals & F_SEAL_SHRINK)) || (size > old && (seals & F_SEAL_GROW)))
		return -EPERM;
	if (size < old)
		vm_object_truncate(&inode->data, size);
	else
		WRITE_ONCE(inode->data.size, size);
	return 0;
}

int tmpfs_setattr(struct inode *inode, const struct iattr *attr)
{
	if ((attr->valid & IATTR_MODE) && (tmpfs_inode(inode)->seals & F_SEAL_EXEC) && ((inode->mode ^ attr->mode) & 0111))
		return -EPERM;
	if (attr->valid & IATTR_SIZE) {
		int err = set_size(inode, attr->size);

		if (err)
			return err;
	}
	inode_setattr_copy(inode, attr);
	return 0;
}

const struct inode_ops tmpfs_file_ops = {
	.getattr = tmpfs_getattr,
	.setattr = tmpfs_setattr,
	.getxattr = tmpfs_getxattr,
	.setxattr = tmpfs_setxattr,
	.listxattr = tmpfs_listxattr,
	.removexattr = tmpfs_removexattr,
};

static ssize_t tmpfs_write(struct file *f, struct iobuf *from, s64 *pos, unsigned rwf)
{
	u32 seals = READ_ONCE(tmpfs_inode(f->inode)->seals);

	if (unlikely(seals & (SEALS_WRITE | F_SEAL_GROW))) {
		if (seals & SEALS_WRITE)
			return -EPERM;
		if ((u64)*pos + from->left > f->inode->data.size)
			return -EPERM;
	}
	return pagefile_write(f, from, pos, rwf);
}

static int punch(struct inode *inode, s64 off, s64 len)
{
	if (tmpfs_inode(inode)->seals & SEALS_WRITE)
		return -EPERM;
	vm_object_punch(&inode->data, (u64)off, (u64)off + (u64)len);
	return 0;
}

/* All pages of the range exist afterwards, or as before. */
static int reserve(struct inode *inode, s64 off, s64 len, bool keep_size)
{
	struct tmpfs_super *ts = tmpfs_super(inode->super);
	u64 first = (u64)off / PAGE_SIZE, last = ((u64)off + (u64)len - 1) / PAGE_SIZE, i;
	u64 end = (u64)off + (u64)len, old = inode->data.size;

	if (end > inode->super->maxbytes)
		return -EFBIG;
	/* Also where the size is kept. */
	if (end > old && inode_grow_limit(end))
		return -EFBIG;
	if (end > old && (tmpfs_inode(inode)->seals & F_SEAL_GROW))
		return -EPERM;
	if (ts->max_blocks && last + 1 - first > ts->max_blocks)
		return -ENOSPC;
	for (i = first; i <= last; i++) {
		struct page *page;
		int err = thread_signal_pending() ? -EINTR : vm_object_get(&inode->data, i, true, &page);

		if (err) {
			/* What was added beyond the old end goes again; within it, holes that became zeroes read the same. */
			if (end > old && i > first)
				vm_object_truncate(&inode->data, old);
			return err;
		}
		page_put(page);
	}
	if (!keep_size && end > old)
		WRITE_ONCE(inode->data.size, end);
	return 0;
}

static int tmpfs_fallocate(struct file *f, int mode, s64 off, s64 len)
{
	struct inode *inode = f->inode;
	int err;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	write_lock(&inode->lock);
	inode_strip_privs(inode);
	if (mode & FALLOC_FL_PUNCH_HOLE)
		err = punch(inode, off, len);
	else
		err = reserve(inode, off, len, mode & FALLOC_FL_KEEP_SIZE);
	if (!err)
		inode_touch(inode, IATTR_MTIME | IATTR_CTIME);
	write_unlock(&inode->lock);
	return err;
}

static int tmpfs_fsync(struct file *f, s64 start, s64 end, bool datasync)
{
	return 0;
}

static int tmpfs_mmap(struct file *f, struct vm_map_args *args)
{
	u32 seals = READ_ONCE(tmpfs_inode(f->inode)->seals);

	if ((args->flags & VM_SHARED) && (seals & SEALS_WRITE)) {
		if (args->flags & VM_WRITE)
			return -EPERM;
		args->flags &= ~(u32)VM_MAYWRITE;
	}
	return pagefile_mmap(f, args);
}

/* Adds seals, all or none. */
static int add_seals(struct file *f, u32 seals)
{
	struct inode *inode = f->inode;
	struct tmpfs_inode *ti = tmpfs_inode(inode);
	int err = 0;

	if (!(f->mode & FMODE_WRITE))
		return -EPERM;
	if (seals & ~(u32)(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | F_SEAL_EXEC))
		return -EINVAL;
	write_lock(&inode->lock);
	if (ti->seals & F_SEAL_SEAL) {
		err = -EPERM;
		goto out;
	}
	if ((seals & F_SEAL_WRITE) && !(ti->seals & F_SEAL_WRITE)) {
		err = vm_object_seal_write(&inode->data);
		if (err)
			goto out;
	}
	/* An executable file that is sealed against chmod is sealed against change too. */
	if ((seals & F_SEAL_EXEC) && (inode->mode & 0111))
		seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
	ti->seals |= seals;
out:
	write_unlock(&inode->lock);
	return err;
}

s64 tmpfs_fcntl(struct file *f, unsigned cmd, u64 arg)
{
	switch (cmd) {
	case F_GET_SEALS: return tmpfs_inode(f->inode)->seals;
	case F_ADD_SEALS: return arg > U32_MAX ? -EINVAL : add_seals(f, (u32)arg);
	default: return -EINVAL;
	}
}

const struct file_ops tmpfs_file_fops = {
	.has_pages = true,
	.read = pagefile_read,
	.write = tmpfs_write,
	.lseek = pagefile_lseek,
	.mmap = tmpfs_mmap,
	.fsync = tmpfs_fsync,
	.fallocate = tmpfs_fallocate,
	.fcntl = tmpfs_fcntl,
};
