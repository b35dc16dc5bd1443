/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * File systems whose files are objects of the kernel: one directory in memory, made of tmpfs' parts.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <vfs/inode.h>

/*
 * A super block of @t with an empty root directory of mode 01777, whose operations are @root_ops: it wants memfs_lookup and memfs_unlink in it.
 * @evict: before an inode goes. -ENOMEM.
 */
int memfs_create(const struct fs_type *t, const struct inode_ops *root_ops, void (*evict)(struct inode *inode), struct super **out) MUST_CHECK;
/* A new regular file at @d with the caller's operations; the directory's lock is held. -ENOMEM, then @priv is still the caller's. */
int memfs_add(struct inode *dir, struct dentry *d, u32 mode, const struct file_ops *fops, void *priv, u64 size) MUST_CHECK;
/*
 * Names that the kernel makes. @dir is the directory of dentry @at, locked for writing, or not yet seen by anybody (then @at has no inode yet). The name is there with
 * *out (may be NULL; no reference: the directory has one). -ENOMEM.
 */
int memfs_add_named(struct dentry *at, struct inode *dir, const char *name, u32 mode, const struct file_ops *fops, void *priv,
	struct dentry **out) MUST_CHECK;
/* Take such a name away; the same lock. */
void memfs_remove_named(struct inode *dir, struct dentry *d);
/* A new, empty directory for @d, which nobody sees before memfs_link_dir. Its operations are @ops. -ENOMEM. */
int memfs_new_dir(struct inode *parent, u32 mode, const struct inode_ops *ops, void *priv, struct inode **out) MUST_CHECK;
void memfs_link_dir(struct inode *parent, struct dentry *d, struct inode *dir);
/* Remove directory @d, which is empty: as rmdir, with @parent and the directory locked. */
void memfs_unlink_dir(struct inode *parent, struct dentry *d);
/* What /proc/mounts shows of the super block. */
void memfs_set_show_options(struct super *sb, size_t (*show)(struct super *sb, char *buf, size_t size));
/* Handles of its files can be opened, and are their numbers. */
void memfs_keep_ids(struct super *sb);
/* Attributes as tmpfs keeps them, for operations of the caller's own; user., trusted. and security. are taken. */
int tmpfs_setattr(struct inode *inode, const struct iattr *attr) MUST_CHECK;
int tmpfs_getattr(struct inode *inode, struct kstat *st);
ssize_t tmpfs_getxattr(struct inode *inode, const char *name, void *buf, size_t size);
int tmpfs_setxattr(struct inode *inode, const char *name, const void *val, size_t size, int flags);
ssize_t tmpfs_listxattr(struct inode *inode, char *buf, size_t size);
int tmpfs_removexattr(struct inode *inode, const char *name);
#define MEMFS_ATTRIBUTE_OPS                                                                                                     \
	.getattr = tmpfs_getattr, .setattr = tmpfs_setattr, .getxattr = tmpfs_getxattr, .setxattr = tmpfs_setxattr, \
	.listxattr = tmpfs_listxattr, .removexattr = tmpfs_removexattr

int memfs_lookup(struct inode *dir, struct dentry *d);
int memfs_unlink(struct inode *dir, struct dentry *d);
