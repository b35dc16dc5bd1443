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
int memfs_lookup(struct inode *dir, struct dentry *d);
int memfs_unlink(struct inode *dir, struct dentry *d);
