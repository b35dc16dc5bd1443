/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes, and access lists, which are attributes on the disk and the VFS' in memory. Rights are checked by the callers.
 */
#include "fsys_impl.h"
#include <lib/string.h>
#include <mm/slab.h>
#include <vfs/acl.h>
#include <linux/xattr.h>

#define ACL_MAX 4096

#define NAME(var, text)                     \
	struct fsys_name var = {.hash = 0}; \
	iobuf_init_kernel(&var.bytes, (void *)(text), strlen(text))

static ssize_t get(struct inode *inode, const char *name, void *buf, size_t size)
{
	struct iobuf to;
	NAME(n, name);

	if (!size)
		return FSYS_CALL(inode, getxattr, &n, NULL);
	iobuf_init_kernel(&to, buf, size);
	return FSYS_CALL(inode, getxattr, &n, &to);
}

static int set(struct inode *inode, const char *name, const void *val, size_t size, int flags)
{
	struct fsys_cred who = fsys_cred(inode->super);
	struct iobuf from;
	int err;
	NAME(n, name);

	if (val)
		iobuf_init_kernel(&from, (void *)val, size);
	err = FSYS_CALL(inode, setxattr, &n, val ? &from : NULL, (u32)flags, &who);
	if (!err)
		inode->ctime = fsys_time_in(who.now);
	fsys_inode(inode)->blocks_moved = true;
	return err;
}

ssize_t fsys_getxattr(struct inode *inode, const char *name, void *buf, size_t size)
{
	return get(inode, name, buf, size);
}

int fsys_setxattr(struct inode *inode, const char *name, const void *val, size_t size, int flags)
{
	return set(inode, name, val ? val : "", size, flags);
}

int fsys_removexattr(struct inode *inode, const char *name)
{
	return set(inode, name, NULL, 0, 0);
}

/* Names of "trusted." are for the privileged only. */
static size_t leave_out_trusted(char *list, size_t len)
{
	size_t kept = 0;

	for (size_t at = 0; at < len;) {
		size_t n = strnlen(list + at, len - at) + 1;

		if (!str_has_prefix(list + at, XATTR_TRUSTED_PREFIX)) {
			memmove(list + kept, list + at, n);
			kept += n;
		}
		at += n;
	}
	return kept;
}

ssize_t fsys_listxattr(struct inode *inode, char *buf, size_t size)
{
	ssize_t len = FSYS_CALL(inode, listxattr, NULL);
	struct iobuf to;
	char *list;

	if (len <= 0)
		return len;
	list = kmalloc((size_t)len, 0);
	if (!list)
		return -ENOMEM;
	iobuf_init_kernel(&to, list, (size_t)len);
	len = FSYS_CALL(inode, listxattr, &to);
	if (len > 0 && !capable(CAP_SYS_ADMIN))
		len = (ssize_t)leave_out_trusted(list, (size_t)len);
	if (len > 0 && size && (size_t)len > size)
		len = -ERANGE;
	else if (len > 0 && size)
		memcpy(buf, list, (size_t)len);
	kfree(list);
	return len;
}

/* ---- access lists ---- */

static const char *acl_name(int type)
{
	return type == ACL_ACCESS ? XATTR_NAME_POSIX_ACL_ACCESS : XATTR_NAME_POSIX_ACL_DEFAULT;
}

static int write_acl(struct inode *inode, int type, const struct acl *a)
{
	ssize_t len;
	void *mem;
	int err;

	if (!a) {
		err = set(inode, acl_name(type), NULL, 0, 0);
		return err == -ENODATA ? 0 : err;
	}
	len = acl_encode(a, NULL, 0);
	mem = kmalloc((size_t)len, 0);
	if (!mem)
		return -ENOMEM;
	len = acl_encode(a, mem, (size_t)len);
	err = set(inode, acl_name(type), mem, (size_t)len, 0);
	kfree(mem);
	return err;
}

int fsys_set_acl(struct inode *inode, int type, const struct acl *a, u32 mode)
{
	struct fsys_cred who = fsys_cred(inode->super);
	struct fsys_attr attr = {.mode = mode};
	int err = write_acl(inode, type, a);

	if (err || type != ACL_ACCESS)
		return err;
	return FSYS_CALL(inode, setattr, FSYS_MODE, &attr, &who);
}

int fsys_write_acls(struct inode *inode)
{
	int err = inode->acl ? write_acl(inode, ACL_ACCESS, inode->acl) : 0;

	return !err && inode->default_acl ? write_acl(inode, ACL_DEFAULT, inode->default_acl) : err;
}

static int read_acl(struct inode *inode, int type)
{
	ssize_t len = get(inode, acl_name(type), NULL, 0);
	struct acl *a = NULL;
	void *mem;
	int err;

	if (len == -ENODATA || len == -EOPNOTSUPP || !len)
		return 0;
	if (len < 0)
		return (int)len;
	if (len > ACL_MAX * 16)
		return -EUCLEAN;
	mem = kmalloc((size_t)len, 0);
	if (!mem)
		return -ENOMEM;
	len = get(inode, acl_name(type), mem, (size_t)len);
	err = len < 0 ? (int)len : acl_decode(mem, (size_t)len, &a);
	kfree(mem);
	if (!err && a)
		inode_set_acl(inode, type, a);
	return err == -EINVAL ? -EUCLEAN : err;
}

int fsys_read_acls(struct inode *inode)
{
	int err = read_acl(inode, ACL_ACCESS);

	if (!err && S_ISDIR(inode->mode))
		err = read_acl(inode, ACL_DEFAULT);
	if (!err && S_ISREG(inode->mode) && get(inode, XATTR_NAME_CAPS, NULL, 0) >= 0)
		inode->flags |= INODE_FILECAPS;
	return err;
}
