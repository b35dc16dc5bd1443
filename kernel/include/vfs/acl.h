/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * POSIX ACLs, for every file system whose type has FS_ACLS. [man acl(5)]
 *
 * inode->acl and inode->default_acl are the lists in force, immutable and read under RCU; NULL: the mode says it all. inode->mode has INODE_MODE_ACL beside an
 * access list. A file system that keeps them on a disk sets them with inode_set_acl when it reads an inode and has ops->set_acl to write them; new inodes get
 * theirs from inode_alloc.
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <sync/rcu.h>

struct inode;

enum acl_type { ACL_ACCESS, ACL_DEFAULT };

struct acl_entry {
	u16 tag, perm; /* ACL_USER_OBJ... of <linux/posix_acl.h> */
	u32 id;
};

struct acl {
	struct rcu_head rcu;
	u32 n;
	struct acl_entry entry[];
};

/* "system.posix_acl_access" or "..._default": true. */
bool acl_is_xattr(const char *name, enum acl_type *out);
/* getxattr(2) and setxattr(2) of these names. Size or -ENODATA -ERANGE -EOPNOTSUPP. set: inode lock held for writing; @val NULL: remove. */
ssize_t acl_get_xattr(struct inode *inode, enum acl_type type, void *buf, size_t size);
int acl_set_xattr(struct inode *inode, enum acl_type type, const void *val, size_t size) MUST_CHECK;
/* What setxattr(2)'s bytes say: *out NULL: no list. -EINVAL -EOPNOTSUPP -ENOMEM. */
int acl_decode(const void *val, size_t size, struct acl **out) MUST_CHECK;
/* Bytes, or how many they would be if @size is 0; -ERANGE. */
ssize_t acl_encode(const struct acl *a, void *buf, size_t size);
/* Put the list in force; @a moves in, the old one goes. Inode lock held, or nobody else sees the inode. */
void inode_set_acl(struct inode *inode, enum acl_type type, struct acl *a);
/* Rights of the running task by the access list; it is neither the owner. 0, -EACCES; -EAGAIN: there is none. Any context. */
int acl_permission(struct inode *inode, int mask);
/* A new inode's lists, and what they leave of its mode, from its directory's default. -ENOMEM. */
int acl_inherit(struct inode *inode, const struct inode *dir) MUST_CHECK;
/* The access list as it is after chmod to @mode: *out NULL: there is none. -ENOMEM. */
int acl_for_chmod(const struct inode *inode, u32 mode, struct acl **out) MUST_CHECK;
void acl_free(struct acl *a);
/* A copy of one of @inode's lists, whoever changes it meanwhile: *out NULL: there is none. -ENOMEM. */
int acl_snapshot(const struct inode *inode, enum acl_type type, struct acl **out) MUST_CHECK;
/* Names for listxattr(2), with their ends; as ops->listxattr counts. */
size_t acl_list_names(const struct inode *inode, char *buf, size_t size);
