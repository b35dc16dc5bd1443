/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * splice, tee, vmsplice. [man splice(2), tee(2), vmsplice(2)]
 */
#include <linux/syscall.h>
#include <env/iobuf.h>
#include <io/splice.h>
#include <mm/uaccess.h>
#include <vfs/file.h>
#include <vfs/notify.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include "vec.h"

#define SPLICE_ALL 0xfu /* MOVE NONBLOCK MORE GIFT */

/* The position that a side uses: the user's, else the file's own if it has one. */
struct splice_pos {
	struct uptr user;
	s64 value;
	s64 *use;
};

static int pos_begin(struct splice_pos *p, struct file *f)
{
	p->use = NULL;
	if (!uptr_is_null(p->user)) {
		if (!(f->mode & FMODE_SEEK))
			return -EINVAL;
		if (p->value < 0)
			return -EINVAL;
		p->use = &p->value;
	} else if (f->mode & FMODE_SEEK) {
		p->value = READ_ONCE(f->pos);
		p->use = &p->value;
	}
	return 0;
}

static s64 pos_end(struct splice_pos *p, struct file *f, s64 ret)
{
	if (!p->use || ret <= 0)
		return ret;
	if (uptr_is_null(p->user))
		WRITE_ONCE(f->pos, p->value);
	else if (copy_to_user(p->user, &p->value, sizeof(p->value)))
		return -EFAULT;
	return ret;
}

static s64 splice_files(struct file *in, struct uptr off_in, struct file *out, struct uptr off_out, size_t len, unsigned flags)
{
	bool in_pipe = file_is_pipe(in), out_pipe = file_is_pipe(out);
	struct splice_pos pos = {.user = in_pipe ? off_out : off_in};
	s64 ret;

	if ((in_pipe && !uptr_is_null(off_in)) || (out_pipe && !uptr_is_null(off_out)))
		return -ESPIPE;
	for (int i = 0; i < 2; i++) {
		struct uptr off = i ? off_in : off_out;

		if (!uptr_is_null(off) && copy_from_user(&pos.value, off, sizeof(pos.value)))
			return -EFAULT;
	}
	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE))
		return -EBADF;
	if (in_pipe && out_pipe)
		return splice_between_pipes(in, out, len, flags, true);
	if (in_pipe) {
		if (!out->ops->write || out->ops->no_splice || (READ_ONCE(out->flags) & O_APPEND))
			return -EINVAL;
		ret = pos_begin(&pos, out);
		return ret ? ret : pos_end(&pos, out, splice_from_pipe(in, out, pos.use, len, flags));
	}
	if (!out_pipe || !in->ops->read || in->ops->no_splice || (in->mode & FMODE_DIR))
		return -EINVAL;
	ret = pos_begin(&pos, in);
	return ret ? ret : pos_end(&pos, in, splice_to_pipe(in, pos.use, out, len, flags));
}

/* What is no pipe was read or written as a file and has told by itself. */
static void tell_pipes(struct file *in, struct file *out)
{
	if (file_is_pipe(out))
		notify_file(out, IN_MODIFY);
	if (file_is_pipe(in))
		notify_file(in, IN_ACCESS);
}

SYSCALL6(splice, int, fd_in, struct uptr, off_in, int, fd_out, struct uptr, off_out, size_t, len, unsigned, flags)
{
	struct fd_ref in, out;
	s64 ret = -EBADF;

	if (!len)
		return 0;
	if (flags & ~SPLICE_ALL)
		return -EINVAL;
	in = fd_get(fd_in);
	if (!in.file)
		return ret;
	out = fd_get(fd_out);
	if (out.file) {
		ret = splice_files(in.file, off_in, out.file, off_out, min_t(size_t, len, S32_MAX & ~0xfff), flags);
		if (ret > 0)
			tell_pipes(in.file, out.file);
		fd_put(out);
	}
	fd_put(in);
	return ret;
}

SYSCALL4(tee, int, fd_in, int, fd_out, size_t, len, unsigned, flags)
{
	struct fd_ref in, out;
	s64 ret = -EBADF;

	if (flags & ~SPLICE_ALL)
		return -EINVAL;
	if (!len)
		return 0;
	in = fd_get(fd_in);
	if (!in.file)
		return ret;
	out = fd_get(fd_out);
	if (out.file) {
		if (!(in.file->mode & FMODE_READ) || !(out.file->mode & FMODE_WRITE))
			ret = -EBADF;
		else if (!file_is_pipe(in.file) || !file_is_pipe(out.file))
			ret = -EINVAL;
		else
			ret = splice_between_pipes(in.file, out.file, len, flags, false);
		if (ret > 0)
			tell_pipes(in.file, out.file);
		fd_put(out);
	}
	fd_put(in);
	return ret;
}

/* One range between user memory and the pipe: copied, which the call's contract allows. */
static ssize_t vmsplice_range(struct file *f, const struct iobuf_seg *v, unsigned flags)
{
	unsigned rwf = flags & SPLICE_NONBLOCK ? RWF_NOWAIT : 0;
	struct iobuf b;
	int err = iobuf_init_user(&b, uptr_make(v->base), v->len);

	if (err)
		return err;
	return f->mode & FMODE_WRITE ? file_write(f, &b, NULL, rwf) : file_read(f, &b, NULL, rwf);
}

static s64 vmsplice_all(struct file *f, const struct vec *v, size_t n, unsigned flags)
{
	s64 total = 0, ret = 0;

	if (!v->buf.left)
		return 0;
	if (!file_is_pipe(f))
		return -EBADF;
	for (size_t i = 0; i < n; i++) {
		if (!v->segs[i].len)
			continue;
		ret = vmsplice_range(f, &v->segs[i], total && !(f->mode & FMODE_WRITE) ? flags | SPLICE_NONBLOCK : flags);
		if (ret <= 0)
			break;
		total += ret;
		if ((size_t)ret < v->segs[i].len)
			break;
	}
	return total ? total : ret;
}

SYSCALL4(vmsplice, int, fd, struct uptr, uiov, size_t, n, unsigned, flags)
{
	struct fd_ref r;
	struct vec v;
	s64 ret;

	if (flags & ~SPLICE_ALL)
		return -EINVAL;
	r = fd_get(fd);
	if (!r.file)
		return -EBADF;
	ret = vec_import(&v, uiov, n);
	if (!ret) {
		ret = vmsplice_all(r.file, &v, n, flags);
		vec_free(&v);
	}
	fd_put(r);
	return ret;
}
