/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Names of the file systems below one that is stacked on them. Everything is done with the running task's rights, which the stacked file system sets
 * (cred_override), and with its own locks held: they rank before those of all file systems below (RANK_STACK). Directories are given by their dentries in a
 * mount of the stacked file system's own (mount_private), which the caller has made writable (mount_want_write) for what changes something.
 *
 * A name that somebody changed behind the stacked file system's back is -ESTALE.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <vfs/dentry.h>
#include <vfs/inode.h>

/* Look @name up in @dir: *out is referenced and may be negative. -EACCES -ENAMETOOLONG -ENOMEM and the file system's. May sleep. */
int below_lookup(struct dentry *dir, const char *name, u32 len, struct dentry **out) MUST_CHECK;

/* What a new name is to lead to. */
struct below_new {
	u32 mode;		/* type and permissions; no umask is applied */
	u32 rdev;
	const char *target;	/* of a symbolic link */
	struct inode *link;	/* not NULL: another name for this one */
};
/* *out (may be NULL): the new name, referenced. -EEXIST. */
int below_make(struct dentry *dir, const char *name, u32 len, const struct below_new *what, struct dentry **out) MUST_CHECK;
/* Remove the file or empty directory @d of @dir. */
int below_remove(struct dentry *dir, struct dentry *d) MUST_CHECK;
/* RENAME_* of <linux/fs.h>. After it @od has the new name; with RENAME_EXCHANGE @nd the old one. */
int below_rename(struct dentry *odir, struct dentry *od, struct dentry *ndir, struct dentry *nd, unsigned flags) MUST_CHECK;

/* Attributes, with checks. */
int below_setattr(struct inode *inode, const struct iattr *attr) MUST_CHECK;
int below_getattr(struct inode *inode, struct kstat *st) MUST_CHECK;
/* Extended attributes with system.posix_acl_*; sizes and errors as the system calls have them. @val NULL: remove. */
ssize_t below_getxattr(struct inode *inode, const char *name, void *buf, size_t size);
int below_setxattr(struct inode *inode, const char *name, const void *val, size_t size, int flags) MUST_CHECK;
/* A new inode gets the access lists that it would have got from directory @dir. */
int below_inherit_acl(struct inode *inode, const struct inode *dir) MUST_CHECK;
