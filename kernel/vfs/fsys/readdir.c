/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directories, read: the port's cookies are the positions of the file.
 */
#include "fsys_impl.h"
#include <lib/string.h>
#include <mm/slab.h>
#include <linux/fs.h>

#define CHUNK 8192

/* All of @mem: false: the caller's buffer is full, or (*err) a record makes no sense. */
static bool emit_all(struct dir_emit *e, const u8 *mem, size_t len, int *err)
{
	for (size_t at = 0; at < len;) {
		const struct fsys_dirent *d = (const struct fsys_dirent *)(mem + at);

		if (len - at < sizeof(*d) || d->len < sizeof(*d) + d->name_len || d->len > len - at || d->next > S64_MAX) {
			*err = -EIO;
			return false;
		}
		if (!e->emit(e, (const char *)(d + 1), d->name_len, d->ino, d->type, e->pos))
			return false;
		e->pos = (s64)d->next;
		at += d->len;
	}
	return true;
}

static int fsys_iterate(struct file *f, struct dir_emit *e)
{
	u8 *mem = kmalloc(CHUNK, 0);
	int err = 0;

	if (!mem)
		return -ENOMEM;
	for (;;) {
		struct iobuf to;
		ssize_t got;

		iobuf_init_kernel(&to, mem, CHUNK);
		got = FSYS_CALL(f->inode, readdir, (u64)e->pos, &to);
		if (got <= 0) {
			err = (int)got;
			break;
		}
		if (thread_kill_pending()) {
			err = -EINTR;
			break;
		}
		if (!emit_all(e, mem, (size_t)got, &err))
			break;
	}
	kfree(mem);
	return err;
}

static s64 dir_lseek(struct file *f, s64 off, int whence)
{
	return whence == SEEK_END ? -EINVAL : lseek_size(f, off, whence, S64_MAX, 0);
}

static ssize_t dir_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	return -EISDIR;
}

const struct file_ops fsys_dir_fops = {
	.read = dir_read,
	.lseek = dir_lseek,
	.iterate = fsys_iterate,
	.fsync = fsys_fsync,
	.ioctl = fsys_ioctl,
};
