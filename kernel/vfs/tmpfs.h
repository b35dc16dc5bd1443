/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Private to the files of tmpfs.
 */
#include "vfs_impl.h"
#include <vfs/memfs.h>
#include <lib/rbtree.h>
#include <linux/falloc.h>

#define TMPFS_FIRST_OFF 4 /* number of a directory's first entry: see tmpfs_dir.c */
#define TMPFS_ENTRY_SIZE 20 /* what an entry adds to a directory's st_size, as on Linux; it starts with two */

struct tmpfs_super {
	u64 max_blocks, max_inodes; /* 0: no limit */
	s64 used_blocks, used_inodes; /* atomic */
	u32 mode, uid, gid;
	bool internal;		/* memfd, shared memory: sealing may be used */
};

struct tmpfs_xattr {
	struct tmpfs_xattr *next;
	char *name;		/* the value follows the NUL */
	void *value;
	size_t size;
};

struct tmpfs_inode {
	struct inode inode;	/* first */
	struct tmpfs_xattr *xattrs; /* inode.lock */
	struct rb_root entries;	/* directories: dentries by off; inode.lock */
	u64 next_off;
	u32 seals;		/* inode.lock to change; F_SEAL_SEAL when sealing is not possible */
};

static inline struct tmpfs_inode *tmpfs_inode(const struct inode *inode)
{
	return (struct tmpfs_inode *)inode;
}

static inline struct tmpfs_super *tmpfs_super(const struct super *sb)
{
	return sb->private;
}

/* ---- tmpfs.c ---- */
extern const struct super_ops tmpfs_super_ops;
extern const struct inode_ops tmpfs_special_ops;
int tmpfs_inode_create(struct super *sb, struct inode *dir, u32 mode, u32 rdev, struct inode **out) MUST_CHECK;
int tmpfs_mount(struct fs_type *t, unsigned sb_flags, const char *source, const char *options, struct super **out) MUST_CHECK;
/* ---- tmpfs_dir.c ---- */
extern const struct inode_ops tmpfs_dir_ops;
extern const struct file_ops tmpfs_dir_fops;
/* @inode becomes the file of the new name @d. The directory is locked. */
void tmpfs_link_in(struct inode *dir, struct dentry *d, struct inode *inode);
/* The same in a directory that has no name yet. */
void tmpfs_link_hidden(struct inode *dir, struct dentry *d, struct inode *inode);
/* ---- tmpfs_file.c ---- */
extern const struct inode_ops tmpfs_file_ops;
extern const struct file_ops tmpfs_file_fops;
extern const struct vm_object_ops tmpfs_object_ops;
/* ---- tmpfs_xattr.c; attributes: <vfs/memfs.h> ---- */
void tmpfs_xattrs_free(struct tmpfs_inode *ti);
