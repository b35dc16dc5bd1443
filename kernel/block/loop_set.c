/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Binding a loop device to a file, changing and clearing it. [man loop(4)] See loop.h.
 */
#include "loop.h"
#include <arch/usercopy.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <vfs/fdtable.h>
#include <vfs/file.h>
#include <vfs/namei.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

static struct loop *loop_of(const struct bdev *b)
{
	return b->disk->private;
}

/* ---- attributes ---- */

static int show_backing_file(struct pseudo_text *t)
{
	const struct loop *lo = t->arg;
	char buf[512];
	ssize_t n = file_path(lo->file, buf, sizeof(buf));

	if (n < 0)
		return (int)n;
	strbuf_write(&t->sb, buf, (size_t)n);
	strbuf_putc(&t->sb, '\n');
	return 0;
}

#define SHOW(name_, expr_)                                                                                                                           \
	static int show_##name_(struct pseudo_text *t)                                                                                               \
	{                                                                                                                                            \
		const struct loop *lo = t->arg;                                                                                                      \
                                                                                                                                                     \
		strbuf_printf(&t->sb, "%llu\n", (u64)(expr_));                                                                                       \
		return 0;                                                                                                                            \
	}

SHOW(autoclear, !!(lo->flags & LO_FLAGS_AUTOCLEAR))
SHOW(dio, !!(lo->flags & LO_FLAGS_DIRECT_IO))
SHOW(offset, lo->offset)
SHOW(partscan, !!(lo->flags & LO_FLAGS_PARTSCAN))
SHOW(sizelimit, lo->sizelimit)

static const struct pseudo_file files[] = {
	{.name = "autoclear", .mode = 0444, .show = show_autoclear},
	{.name = "backing_file", .mode = 0444, .show = show_backing_file},
	{.name = "dio", .mode = 0444, .show = show_dio},
	{.name = "offset", .mode = 0444, .show = show_offset},
	{.name = "partscan", .mode = 0444, .show = show_partscan},
	{.name = "sizelimit", .mode = 0444, .show = show_sizelimit},
};

/* ---- sizes ---- */

static void set_size(struct loop *lo)
{
	u64 size = loop_file_size(lo->file);

	size = lo->offset < size ? size - lo->offset : 0;
	if (lo->sizelimit)
		size = min(size, lo->sizelimit);
	WRITE_ONCE(lo->size512, size / 512);
	disk_refresh(lo->disk);
}

static bool is_block_size(u64 bytes)
{
	return bytes >= 512 && bytes <= PAGE_SIZE && !(bytes & (bytes - 1));
}

static int take_info(struct loop *lo, const struct loop_info64 *info)
{
	if (info->lo_encrypt_type != LO_CRYPT_NONE)
		return -EINVAL;
	if (info->lo_offset > S64_MAX || info->lo_sizelimit > S64_MAX)
		return -EOVERFLOW;
	lo->offset = info->lo_offset;
	lo->sizelimit = info->lo_sizelimit;
	memcpy(lo->name, info->lo_file_name, LO_NAME_SIZE);
	lo->name[LO_NAME_SIZE - 1] = '\0';
	return 0;
}

/* ---- binding ---- */

/* A loop behind a loop may not lead back to @lo. */
static int check_file(const struct loop *lo, const struct file *f)
{
	for (;;) {
		struct bdev *b = bdev_of_file(f);
		const struct loop *below;

		if (!b)
			return inode_is(f->inode, S_IFREG) ? 0 : -EINVAL;
		if (b->disk->ops != &loop_disk_ops)
			return 0;
		below = loop_of(b);
		if (below == lo)
			return -EBADF;
		if (below->state != LOOP_BOUND)
			return -EINVAL;
		f = below->file;
	}
}

static void rescan(struct loop *lo)
{
	if (lo->flags & LO_FLAGS_PARTSCAN)
		(void)!disk_rescan(lo->disk);
}

static int bind_locked(struct loop *lo, struct file *loop_file, struct file *f, const struct loop_config *c)
{
	u32 block = c->block_size ?: 512;
	int err;

	if (lo->state != LOOP_UNBOUND)
		return -EBUSY;
	err = check_file(lo, f);
	if (err)
		return err;
	if (c->info.lo_flags & ~(u32)LOOP_CONFIGURE_SETTABLE_FLAGS || !is_block_size(block))
		return -EINVAL;
	err = take_info(lo, &c->info);
	if (err)
		return err;
	lo->flags = c->info.lo_flags;
	if (!(f->mode & FMODE_WRITE) || !(loop_file->mode & FMODE_WRITE) || !f->ops->write)
		lo->flags |= LO_FLAGS_READ_ONLY;
	if (f->flags & O_DIRECT && bdev_of_file(f))
		lo->flags |= LO_FLAGS_DIRECT_IO;
	lo->block_bytes = block;
	file_get(f);
	lo->file = f;
	err = pseudo_add_dir(lo->disk->whole->sys.node, "loop", &lo->attrs);
	if (!err)
		err = pseudo_add_files(lo->attrs, files, ARRAY_SIZE(files), lo);
	if (err) {
		if (lo->attrs)
			pseudo_remove(lo->attrs);
		lo->attrs = NULL;
		lo->file = NULL;
		file_put(f);
		return err;
	}
	lo->state = LOOP_BOUND;
	lo->disk->no_parts = !(lo->flags & LO_FLAGS_PARTSCAN);
	lo->disk->seq = __atomic_add_fetch(&bdev_next_seq, 1, __ATOMIC_RELAXED);
	WRITE_ONCE(lo->disk->whole->range.read_only, lo->flags & LO_FLAGS_READ_ONLY);
	set_size(lo);
	sysfs_uevent(&lo->disk->whole->sys, "change");
	rescan(lo);
	return 0;
}

/* Nobody else may have claimed the device meanwhile. */
static int loop_bind(struct bdev *b, struct file *loop_file, const struct loop_config *c)
{
	struct loop *lo = loop_of(b);
	struct fd_ref r = fd_get((int)c->fd);
	bool mine;
	int err;

	if (!r.file)
		return -EBADF;
	mutex_lock(&block_lock);
	mine = b->holder == loop_file;
	err = mine ? 0 : bdev_hold(b, lo);
	mutex_unlock(&block_lock);
	if (!err) {
		mutex_lock(&loop_mutex);
		err = bind_locked(lo, loop_file, r.file, c);
		mutex_unlock(&loop_mutex);
		mutex_lock(&block_lock);
		if (!mine)
			bdev_unhold(b);
		mutex_unlock(&block_lock);
	}
	fd_put(r);
	return err;
}

void loop_unbind(struct loop *lo)
{
	struct disk *d = lo->disk;
	struct file *f = lo->file;

	(void)bdev_cache_drop(d->whole, 0, ~0ull);
	mutex_lock(&block_lock);
	disk_drop_parts(d);
	mutex_unlock(&block_lock);
	pseudo_remove(lo->attrs);
	lo->attrs = NULL;
	work_flush(&lo->work);
	lo->state = LOOP_UNBOUND;
	lo->file = NULL;
	lo->flags = 0;
	lo->offset = lo->sizelimit = 0;
	lo->block_bytes = 512;
	memset(lo->name, 0, sizeof(lo->name));
	d->no_parts = true;
	WRITE_ONCE(d->whole->range.read_only, 0);
	WRITE_ONCE(lo->size512, 0);
	disk_refresh(d);
	sysfs_uevent(&d->whole->sys, "change");
	file_put(f);
}

/* ---- what the bound ones are asked; loop_mutex held ---- */

static s64 clear(struct loop *lo)
{
	if (lo->state != LOOP_BOUND)
		return -ENXIO;
	lo->flags |= LO_FLAGS_AUTOCLEAR; /* whoever asks has it open: it goes with the last close */
	return 0;
}

static s64 set_status(struct loop *lo, const struct loop_info64 *info)
{
	u32 before = lo->flags;
	int err;

	if (lo->state != LOOP_BOUND)
		return -ENXIO;
	if (lo->offset != info->lo_offset || lo->sizelimit != info->lo_sizelimit) {
		err = bdev_cache_drop(lo->disk->whole, 0, ~0ull);
		if (err && err != -EBUSY)
			return err;
	}
	work_flush(&lo->work);
	err = take_info(lo, info);
	if (err)
		return err;
	lo->flags = (before & ~(u32)LOOP_SET_STATUS_CLEARABLE_FLAGS) | (info->lo_flags & LOOP_SET_STATUS_SETTABLE_FLAGS);
	set_size(lo);
	if (lo->flags & ~before & LO_FLAGS_PARTSCAN) {
		lo->disk->no_parts = false;
		rescan(lo);
	}
	return 0;
}

static s64 get_status(const struct loop *lo, struct loop_info64 *out)
{
	struct kstat st;
	int err;

	if (lo->state != LOOP_BOUND)
		return -ENXIO;
	err = inode_getattr(&lo->file->path, &st);
	if (err)
		return err;
	*out = (struct loop_info64){.lo_device = st.dev,
		.lo_inode = st.ino,
		.lo_rdevice = bdev_of_file(lo->file) ? st.rdev : st.dev,
		.lo_offset = lo->offset,
		.lo_sizelimit = lo->sizelimit,
		.lo_number = lo->index,
		.lo_flags = lo->flags};
	memcpy(out->lo_file_name, lo->name, LO_NAME_SIZE);
	return 0;
}

static s64 set_direct(struct loop *lo, bool on)
{
	if (lo->state != LOOP_BOUND)
		return -ENXIO;
	if (on && !bdev_of_file(lo->file))
		return -EINVAL;
	lo->flags = on ? lo->flags | LO_FLAGS_DIRECT_IO : lo->flags & ~(u32)LO_FLAGS_DIRECT_IO;
	return 0;
}

static s64 set_block_size(struct loop *lo, u64 bytes)
{
	if (lo->state != LOOP_BOUND)
		return -ENXIO;
	if (!is_block_size(bytes))
		return -EINVAL;
	if (lo->block_bytes == bytes)
		return 0;
	(void)bdev_cache_drop(lo->disk->whole, 0, ~0ull);
	WRITE_ONCE(lo->block_bytes, (u32)bytes);
	disk_refresh(lo->disk);
	return 0;
}

static s64 change_file(struct loop *lo, int fd)
{
	struct fd_ref r;
	struct file *old;
	int err;

	if (lo->state != LOOP_BOUND)
		return -ENXIO;
	if (!(lo->flags & LO_FLAGS_READ_ONLY))
		return -EINVAL;
	r = fd_get(fd);
	if (!r.file)
		return -EBADF;
	err = check_file(lo, r.file);
	if (!err && loop_file_size(r.file) != loop_file_size(lo->file))
		err = -EINVAL;
	if (!err) {
		(void)bdev_cache_drop(lo->disk->whole, 0, ~0ull);
		work_flush(&lo->work);
		old = lo->file;
		file_get(r.file);
		lo->file = r.file;
		file_put(old);
		sysfs_uevent(&lo->disk->whole->sys, "change");
		rescan(lo);
	}
	fd_put(r);
	return err;
}

/* ---- the old struct of 32-bit times ---- */

static void info_from_old(const struct loop_info *in, struct loop_info64 *out)
{
	*out = (struct loop_info64){.lo_offset = (u64)(s64)in->lo_offset, .lo_encrypt_type = (u32)in->lo_encrypt_type, .lo_flags = (u32)in->lo_flags};
	memcpy(out->lo_file_name, in->lo_name, LO_NAME_SIZE);
}

static int info_to_old(const struct loop_info64 *in, struct loop_info *out)
{
	*out = (struct loop_info){.lo_number = (int)in->lo_number,
		.lo_device = (__kernel_old_dev_t)in->lo_device,
		.lo_inode = in->lo_inode,
		.lo_rdevice = (__kernel_old_dev_t)in->lo_rdevice,
		.lo_offset = (int)in->lo_offset,
		.lo_flags = (int)in->lo_flags};
	memcpy(out->lo_name, in->lo_file_name, LO_NAME_SIZE);
	return (u64)out->lo_offset != in->lo_offset || out->lo_device != in->lo_device || out->lo_rdevice != in->lo_rdevice ? -EOVERFLOW : 0;
}

/* ---- ioctl ---- */

static s64 ioctl_status(struct loop *lo, bool may, unsigned cmd, u64 arg)
{
	struct loop_info64 info;
	struct loop_info old;
	s64 err;

	switch (cmd) {
	case LOOP_SET_STATUS:
		if (!may)
			return -EPERM;
		if (copy_from_user(&old, uptr_make(arg), sizeof(old)))
			return -EFAULT;
		info_from_old(&old, &info);
		break;
	case LOOP_SET_STATUS64:
		if (!may)
			return -EPERM;
		if (copy_from_user(&info, uptr_make(arg), sizeof(info)))
			return -EFAULT;
		break;
	default:
		if (!arg)
			return -EINVAL;
	}
	mutex_lock(&loop_mutex);
	err = cmd == LOOP_SET_STATUS || cmd == LOOP_SET_STATUS64 ? set_status(lo, &info) : get_status(lo, &info);
	mutex_unlock(&loop_mutex);
	if (!err && cmd == LOOP_GET_STATUS)
		err = info_to_old(&info, &old);
	if (!err && cmd == LOOP_GET_STATUS)
		err = copy_to_user(uptr_make(arg), &old, sizeof(old));
	if (!err && cmd == LOOP_GET_STATUS64)
		err = copy_to_user(uptr_make(arg), &info, sizeof(info));
	return err;
}

static s64 ioctl_change(struct loop *lo, bool may, unsigned cmd, u64 arg)
{
	s64 err = 0;

	if (!may)
		return -EPERM;
	mutex_lock(&loop_mutex);
	switch (cmd) {
	case LOOP_SET_CAPACITY:
		if (lo->state != LOOP_BOUND)
			err = -ENXIO;
		else
			set_size(lo);
		break;
	case LOOP_SET_DIRECT_IO: err = set_direct(lo, arg); break;
	default: err = set_block_size(lo, arg);
	}
	mutex_unlock(&loop_mutex);
	return err;
}

s64 loop_ioctl(struct bdev *b, struct file *f, unsigned cmd, u64 arg)
{
	struct loop *lo = loop_of(b);
	bool may = f->mode & FMODE_WRITE || capable(CAP_SYS_ADMIN);
	struct loop_config c = {0};
	s64 err;

	switch (cmd) {
	case LOOP_SET_FD: c.fd = (u32)arg; return loop_bind(b, f, &c);
	case LOOP_CONFIGURE: return copy_from_user(&c, uptr_make(arg), sizeof(c)) ? -EFAULT : loop_bind(b, f, &c);
	case LOOP_CLR_FD:
	case LOOP_CHANGE_FD:
		mutex_lock(&loop_mutex);
		err = cmd == LOOP_CLR_FD ? clear(lo) : change_file(lo, (int)arg);
		mutex_unlock(&loop_mutex);
		return err;
	case LOOP_SET_STATUS:
	case LOOP_SET_STATUS64:
	case LOOP_GET_STATUS:
	case LOOP_GET_STATUS64: return ioctl_status(lo, may, cmd, arg);
	case LOOP_SET_CAPACITY:
	case LOOP_SET_DIRECT_IO:
	case LOOP_SET_BLOCK_SIZE: return ioctl_change(lo, may, cmd, arg);
	default: return -EINVAL;
	}
}
