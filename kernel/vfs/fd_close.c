/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Closing and replacing descriptors. See fdtable.c for the tables.
 */
#include "fdtable_impl.h"
#include <vfs/locks.h>

int fdtable_tell_close(struct file *file, struct files *t)
{
	int err = 0;

	if (file->ops && file->ops->flush)
		err = file->ops->flush(file);
	if (unlikely(READ_ONCE(file->inode->locks)) && !(file->mode & FMODE_PATH))
		file_locks_close(file, t);
	return err;
}

/* Take the file out; NULL: not open. */
static struct file *take(struct files *t, u32 fd)
{
	struct fdtable *f = t->fdt;
	struct file *file;

	file = slot_read(f, fd);
	if (!file)
		return NULL;
	WRITE_ONCE(f->file[fd], NULL);
	bitmap_clear(f->cloexec, fd);
	set_free(t, f, fd);
	return file;
}

int fd_close(int fd)
{
	struct files *t = task_current()->files;
	bool locked = lock_table(t);
	struct file *file = take(t, (u32)fd);
	int err;

	unlock_table(t, locked);
	if (!file)
		return -EBADF;
	err = fdtable_tell_close(file, t);
	file_put_sync(file);
	return err;
}

void files_close_on_exec(struct files *t)
{
	for (u32 w = 0; w < READ_ONCE(t->fdt)->max / 64; w++) {
		unsigned long bits = t->fdt->cloexec[w] & t->fdt->open[w];

		for (; bits; bits &= bits - 1) {
			bool locked = lock_table(t);
			struct file *file = take(t, w * 64 + ctz64(bits));

			unlock_table(t, locked);
			if (file) {
				(void)fdtable_tell_close(file, t);
				file_put_sync(file);
			}
		}
	}
}

void fd_close_range(u32 first, u32 last, bool mark_only)
{
	struct files *t = task_current()->files;

	for (u32 fd = first; fd <= last; fd++) {
		bool locked = lock_table(t);
		struct fdtable *f = t->fdt;
		struct file *file = NULL;

		fd = (u32)bitmap_find_next_set(f->open, f->max, fd);
		if (fd >= f->max || fd > last) {
			unlock_table(t, locked);
			break;
		}
		if (mark_only)
			bitmap_set(f->cloexec, fd);
		else
			file = take(t, fd);
		unlock_table(t, locked);
		if (file) {
			(void)fdtable_tell_close(file, t);
			file_put_sync(file);
		}
	}
}

int fd_set_cloexec(int fd, bool on)
{
	struct files *t = task_current()->files;
	bool locked = lock_table(t);
	int err = -EBADF;

	if ((u32)fd < t->fdt->max && t->fdt->file[fd]) {
		bitmap_assign(t->fdt->cloexec, (u32)fd, on);
		err = 0;
	}
	unlock_table(t, locked);
	return err;
}

/* Put a reference of @file at @fd, closing what is there. -EBUSY: somebody reserves it just now. */
int fd_replace(int fd, struct file *file, bool cloexec)
{
	struct files *t = task_current()->files;
	bool locked = lock_table(t);
	struct file *old;
	int err;

	while ((u32)fd >= t->fdt->max) {
		err = fdtable_grow(t, (u32)fd, &locked);
		if (err < 0) {
			unlock_table(t, locked);
			return err == -EMFILE ? -EBADF : err;
		}
	}
	old = t->fdt->file[fd];
	if (!old && bitmap_test(t->fdt->open, (u32)fd)) {
		unlock_table(t, locked);
		return -EBUSY;
	}
	file_get(file);
	set_open(t->fdt, (u32)fd, cloexec);
	rcu_assign_pointer(t->fdt->file[fd], file);
	unlock_table(t, locked);
	if (old) {
		(void)fdtable_tell_close(old, t);
		file_put_sync(old);
	}
	return fd;
}
