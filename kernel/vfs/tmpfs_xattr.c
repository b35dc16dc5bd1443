/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes of tmpfs: user., trusted., security.; kept in a list, the last by name first, as Linux lists them. Access lists are the VFS' (acl.c). Rights are the caller's business (linux/fs_xattr.c).
 */
#include "tmpfs.h"
#include <lib/string.h>
#include <mm/slab.h>
#include <vfs/acl.h>
#include <linux/xattr.h>

/* Where the pointer to the attribute @name would be: to it, or to the first one behind it. Lock held. */
static struct tmpfs_xattr **find(struct tmpfs_inode *ti, const char *name)
{
	struct tmpfs_xattr **link = &ti->xattrs;

	while (*link && strcmp((*link)->name, name) > 0)
		link = &(*link)->next;
	return link;
}

static struct tmpfs_xattr *at(struct tmpfs_xattr **link, const char *name)
{
	return *link && strcmp((*link)->name, name) == 0 ? *link : NULL;
}

static bool supported(const char *name)
{
	return str_has_prefix(name, XATTR_USER_PREFIX) || str_has_prefix(name, XATTR_TRUSTED_PREFIX)
		|| str_has_prefix(name, XATTR_SECURITY_PREFIX);
}

ssize_t tmpfs_getxattr(struct inode *inode, const char *name, void *buf, size_t size)
{
	struct tmpfs_xattr *x;
	ssize_t len = -ENODATA;

	if (!supported(name))
		return -EOPNOTSUPP;
	read_lock(&inode->lock);
	x = at(find(tmpfs_inode(inode), name), name);
	if (x) {
		len = (ssize_t)x->size;
		if (size && x->size > size)
			len = -ERANGE;
		else if (size)
			memcpy(buf, x->value, x->size);
	}
	read_unlock(&inode->lock);
	return len;
}

int tmpfs_setxattr(struct inode *inode, const char *name, const void *val, size_t size, int flags)
{
	size_t name_len = strlen(name) + 1;
	struct tmpfs_xattr **link, *fresh, *old;
	int err = 0;

	if (!supported(name))
		return -EOPNOTSUPP;
	fresh = kmalloc(sizeof(*fresh) + name_len + size, 0);
	if (!fresh)
		return -ENOMEM;
	fresh->name = (char *)(fresh + 1);
	fresh->value = fresh->name + name_len;
	fresh->size = size;
	memcpy(fresh->name, name, name_len);
	if (size)
		memcpy(fresh->value, val, size);
	link = find(tmpfs_inode(inode), name);
	old = at(link, name);
	if (old && (flags & XATTR_CREATE)) {
		err = -EEXIST;
	} else if (!old && (flags & XATTR_REPLACE)) {
		err = -ENODATA;
	} else {
		fresh->next = old ? old->next : *link;
		*link = fresh;
		inode->ctime = ktime_now();
	}
	kfree(err ? fresh : old);
	return err;
}

int tmpfs_removexattr(struct inode *inode, const char *name)
{
	struct tmpfs_xattr **link, *x;

	if (!supported(name))
		return -EOPNOTSUPP;
	link = find(tmpfs_inode(inode), name);
	x = at(link, name);
	if (!x)
		return -ENODATA;
	*link = x->next;
	kfree(x);
	inode->ctime = ktime_now();
	return 0;
}

ssize_t tmpfs_listxattr(struct inode *inode, char *buf, size_t size)
{
	bool trusted = capable(CAP_SYS_ADMIN);
	size_t len;

	read_lock(&inode->lock);
	len = acl_list_names(inode, buf, size);
	for (struct tmpfs_xattr *x = tmpfs_inode(inode)->xattrs; x; x = x->next) {
		size_t n = strlen(x->name) + 1;

		if (!trusted && str_has_prefix(x->name, XATTR_TRUSTED_PREFIX))
			continue;
		if (size && len + n <= size)
			memcpy(buf + len, x->name, n);
		len += n;
	}
	read_unlock(&inode->lock);
	return size && len > size ? -ERANGE : (ssize_t)len;
}

void tmpfs_xattrs_free(struct tmpfs_inode *ti)
{
	while (ti->xattrs) {
		struct tmpfs_xattr *x = ti->xattrs;

		ti->xattrs = x->next;
		kfree(x);
	}
}
