/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Operations on names, for the host tests of vfs: paths are C strings.
 */
#include <vfs/namei.h>
#include <vfs/file.h>
#include <linux/fcntl.h>
#include "vfs_impl.h"

#define NAMED(fn, s, ...)                             \
	({                                            \
		struct path_name *n_;                 \
		int e_ = path_name_kernel(s, &n_);    \
		if (!e_) {                            \
			e_ = fn(__VA_ARGS__);         \
			path_name_put(n_);            \
		}                                     \
		e_;                                   \
	})

static inline int t_mkdir(const char *s)
{
	return NAMED(vfs_mkdirat, s, AT_FDCWD, n_, 0755);
}

static inline int t_unlink(const char *s)
{
	return NAMED(vfs_unlinkat, s, AT_FDCWD, n_);
}

static inline int t_rmdir(const char *s)
{
	return NAMED(vfs_rmdirat, s, AT_FDCWD, n_);
}

static inline int t_symlink(const char *target, const char *s)
{
	struct path_name *t;
	int err = path_name_kernel(target, &t);

	if (err)
		return err;
	err = NAMED(vfs_symlinkat, s, t, AT_FDCWD, n_);
	path_name_put(t);
	return err;
}

static inline int t_rename(const char *from, const char *to, unsigned flags)
{
	struct path_name *o;
	int err = path_name_kernel(from, &o);

	if (err)
		return err;
	err = NAMED(vfs_renameat, to, AT_FDCWD, o, AT_FDCWD, n_, flags);
	path_name_put(o);
	return err;
}

static inline int t_link(const char *from, const char *to)
{
	struct path_name *o;
	int err = path_name_kernel(from, &o);

	if (err)
		return err;
	err = NAMED(vfs_linkat, to, AT_FDCWD, o, AT_FDCWD, n_, 0);
	path_name_put(o);
	return err;
}

static inline int t_open(const char *s, unsigned flags, struct file **out)
{
	return NAMED(file_open, s, AT_FDCWD, n_, flags, 0644, 0, out);
}

static inline int t_create(const char *s)
{
	struct file *f;
	int err = t_open(s, O_CREAT | O_EXCL | O_RDWR, &f);

	if (!err)
		file_put_sync(f);
	return err;
}

/* Inode number of what @s leads to; negative error. */
static inline s64 t_ino(const char *s, unsigned look)
{
	struct path p;
	int err = path_lookup_kernel(s, look, &p);
	s64 ino;

	if (err)
		return err;
	ino = (s64)path_inode(&p)->ino;
	path_put(&p);
	return ino;
}
