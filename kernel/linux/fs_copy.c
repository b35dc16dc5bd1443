/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes from file to file: sendfile, copy_file_range. [man sendfile(2), copy_file_range(2)]
 */
#include <linux/syscall.h>
#include <mm/uaccess.h>
#include <proc/task.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/rw.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

/* From *@off, or from where the file is if that is NULL. */
static s64 send_between(struct file *in, struct file *out, s64 *off, size_t count)
{
	s64 n, *out_pos = out->mode & FMODE_SEEK ? &out->pos : NULL;

	off = off ? off : &in->pos;

	if (!(out->mode & FMODE_WRITE))
		return -EBADF;
	/* The source must be something with positions; pipes and sockets are spliced. */
	if (!(in->mode & FMODE_SEEK) || !in->ops->read || !out->ops->write || inode_is(in->inode, S_IFDIR))
		return -EINVAL;
	if ((out->flags & O_APPEND) || in->ops->no_splice || out->ops->no_splice)
		return -EINVAL;
	if (*off < 0)
		return -EINVAL;
	n = file_copy(in, off, out, out_pos, count);
	if (n > 0) {
		struct task *t = task_current();

		t->ioac[0] += (u64)n;
		t->ioac[1] += (u64)n;
	}
	return n;
}

SYSCALL4(sendfile, int, out_fd, int, in_fd, struct uptr, off, size_t, count)
{
	s64 ret = -EBADF, from = 0;
	struct fd_ref in, out;

	if (!uptr_is_null(off) && copy_from_user(&from, off, sizeof(from)))
		return -EFAULT;
	in = fd_get(in_fd);
	if (!in.file)
		return -EBADF;
	if ((in.file->mode & FMODE_READ) && !uptr_is_null(off) && !(in.file->mode & FMODE_SEEK)) {
		ret = -ESPIPE;
	} else if (in.file->mode & FMODE_READ) {
		out = fd_get(out_fd);
		if (out.file)
			ret = send_between(in.file, out.file, uptr_is_null(off) ? NULL : &from, count);
		fd_put(out);
	}
	fd_put(in);
	if (!uptr_is_null(off) && copy_to_user(off, &from, sizeof(from)))
		return -EFAULT;
	return ret;
}

static int range_check(struct file *in, s64 in_pos, struct file *out, s64 out_pos, size_t *len)
{
	s64 size;

	if (inode_is(in->inode, S_IFDIR) || inode_is(out->inode, S_IFDIR))
		return -EISDIR;
	if (!inode_is(in->inode, S_IFREG) || !inode_is(out->inode, S_IFREG))
		return -EINVAL;
	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE) || (out->flags & O_APPEND))
		return -EBADF;
	if (out->inode->flags & INODE_IMMUTABLE)
		return -EPERM;
	if ((u64)in_pos + *len < (u64)in_pos || (u64)out_pos + *len < (u64)out_pos)
		return -EOVERFLOW;
	if (in_pos < 0 || out_pos < 0)
		return -EINVAL;
	size = (s64)READ_ONCE(in->inode->data.size);
	*len = in_pos >= size ? 0 : min_t(size_t, *len, (size_t)(size - in_pos));
	if (in->inode == out->inode && in_pos < out_pos + (s64)*len && out_pos < in_pos + (s64)*len)
		return -EINVAL;
	return 0;
}

static s64 copy_range(struct file *in, struct uptr uin, struct file *out, struct uptr uout, size_t len, unsigned flags)
{
	s64 in_pos = in->pos, out_pos = out->pos, n;
	int err;

	if ((!uptr_is_null(uin) && copy_from_user(&in_pos, uin, sizeof(in_pos)))
		|| (!uptr_is_null(uout) && copy_from_user(&out_pos, uout, sizeof(out_pos))))
		return -EFAULT;
	if (flags)
		return -EINVAL;
	err = range_check(in, in_pos, out, out_pos, &len);
	if (err || !len)
		return err;
	n = file_copy(in, &in_pos, out, &out_pos, len);
	if (n <= 0)
		return n;
	if (uptr_is_null(uin))
		in->pos = in_pos;
	else if (copy_to_user(uin, &in_pos, sizeof(in_pos)))
		return -EFAULT;
	if (uptr_is_null(uout))
		out->pos = out_pos;
	else if (copy_to_user(uout, &out_pos, sizeof(out_pos)))
		return -EFAULT;
	return n;
}

SYSCALL6(copy_file_range, int, in_fd, struct uptr, in_off, int, out_fd, struct uptr, out_off, size_t, len, unsigned, flags)
{
	struct fd_ref in = fd_get(in_fd), out;
	s64 ret;

	if (!in.file)
		return -EBADF;
	out = fd_get(out_fd);
	if (!out.file)
		ret = -EBADF;
	else
		ret = copy_range(in.file, in_off, out.file, out_off, len, flags);
	fd_put(out);
	fd_put(in);
	return ret;
}
