/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Private to the files of tmpfs.
 */
#include "vfs_impl.h"
#include <vfs/memfs.h>
#include <lib/rbtree.h>
#include <vfs/fs_config.h>
#include <linux/falloc.h>

#define TMPFS_FIRST_OFF 4 /* number of a directory's first entry: see tmpfs_dir.c */
#define TMPFS_ENTRY_SIZE 20 /* what an entry adds to a directory's st_size, as on Linux; it starts with two */

/* What regular files are where they are not tmpfs' own: @init sets operations and the object of an inode, -ENOMEM; @fini ends its object; operations of directories. */
struct tmpfs_files {
	int (*init)(struct inode *inode);
	void (*fini)(struct inode *inode);
	const struct inode_ops *dir_ops;
};

struct tmpfs_super {
	const struct tmpfs_files *files; /* NULL: its own */
	u64 max_blocks, max_inodes; /* 0: no limit */
	s64 used_blocks, used_inodes; /* atomic */
	u32 mode, uid, gid;
	u8 huge;		/* kept and shown: pages of files are small */
	bool inode32, noswap;
	struct spinlock handle_lock;
	struct rb_root handles;	/* inodes that have one, by number: handle_lock */
};

struct tmpfs_options {
	u64 blocks, inodes;	/* 0: no limit */
	u32 mode, uid, gid;
	u32 given;		/* bits by id: a reconfiguration changes these only */
	u8 huge;
	bool inode32;
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
	bool has_handle;	/* handle_lock */
	struct rb_node handle_node;
	struct dentry *alias;	/* a name that it has: RCU; NULL: none is known */
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
extern const struct fs_param tmpfs_params[];
int tmpfs_begin(struct fs_config *c) MUST_CHECK;
int tmpfs_set(struct fs_config *c, const struct fs_param *p, const struct fs_value *v) MUST_CHECK;
int tmpfs_create_super(struct fs_config *c) MUST_CHECK;
int tmpfs_reconfigure(struct fs_config *c) MUST_CHECK;
/* The part of a struct fs_type that all types made of tmpfs share. */
#define TMPFS_CONFIG                                                                                                           \
	.params = tmpfs_params, .config_size = sizeof(struct tmpfs_options), .begin = tmpfs_begin, .set = tmpfs_set,           \
	.reconfigure = tmpfs_reconfigure
/* ---- tmpfs_dir.c ---- */
extern const struct inode_ops tmpfs_dir_ops;
extern const struct file_ops tmpfs_dir_fops;
/* @inode becomes the file of the new name @d. The directory is locked. */
void tmpfs_link_in(struct inode *dir, struct dentry *d, struct inode *inode);
/* The same in a directory that has no name yet. */
void tmpfs_link_hidden(struct inode *dir, struct dentry *d, struct inode *inode);
/* ---- tmpfs_handle.c ---- */
void tmpfs_handles_init(struct tmpfs_super *ts);
void tmpfs_handle_note(const struct inode *inode);
int tmpfs_handle_open(struct super *sb, u64 ino, u32 generation, struct dentry **out);
void tmpfs_handle_forget(struct tmpfs_inode *ti);
/* ---- tmpfs_file.c ---- */
extern const struct inode_ops tmpfs_file_ops;
extern const struct file_ops tmpfs_file_fops;
extern const struct vm_object_ops tmpfs_object_ops;
s64 tmpfs_fcntl(struct file *f, unsigned cmd, u64 arg); /* seals */
/* ---- shmem.c ---- */
/* A nameless file of an internal mount, see <vfs/shmem.h>. */
int memory_file_create(struct mount *m, const char *name, u64 size, u32 mode, u32 seals, struct file **out) MUST_CHECK;
/* ---- tmpfs_xattr.c; attributes: <vfs/memfs.h> ---- */
void tmpfs_xattrs_free(struct tmpfs_inode *ti);
