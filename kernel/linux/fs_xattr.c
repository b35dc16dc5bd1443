/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes. [man xattr(7), setxattr(2)]
 */
#include <linux/syscall.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <mm/kmap.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <security/file_caps.h>
#include <vfs/acl.h>
#include <vfs/dentry.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/mount.h>
#include <vfs/namei.h>
#include <vfs/notify.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/stat.h>
#include <linux/xattr.h>

/* What a call works on: a path with references, by name or by descriptor. */
static int target_path(struct uptr upath, bool follow, struct path *out)
{
	struct path_name *name;
	int err = path_name_get(upath, false, &name);

	if (err)
		return err;
	err = path_lookup(AT_FDCWD, name, follow ? LOOKUP_FOLLOW : 0, out);
	path_name_put(name);
	return err;
}

static int target_fd(int fd, struct path *out)
{
	struct fd_ref r = fd_get(fd);

	if (!r.file)
		return -EBADF;
	*out = r.file->path;
	path_get(out);
	fd_put(r);
	return 0;
}

static int name_get(struct uptr uname, char name[XATTR_NAME_MAX + 1])
{
	ssize_t len = arch_strncpy_from_user(name, uname, XATTR_NAME_MAX + 1);

	if (len == 0 || len == -ENAMETOOLONG)
		return -ERANGE;
	if (len < 0)
		return (int)len;
	/* A name space without a name. */
	return name[len - 1] == '.' && strchr(name, '.') == name + len - 1 ? -EINVAL : 0;
}

static bool is_caps(const char *name)
{
	return strcmp(name, XATTR_NAME_CAPS) == 0;
}

/* Rights by name space [man xattr(7)]. */
static int may_xattr(struct inode *inode, const char *name, bool write)
{
	if (write && (inode->flags & (INODE_IMMUTABLE | INODE_APPEND)))
		return -EPERM;
	if (str_has_prefix(name, XATTR_SECURITY_PREFIX)) {
		if (!write)
			return 0;
		return capable(is_caps(name) ? CAP_SETFCAP : CAP_SYS_ADMIN) ? 0 : -EPERM;
	}
	if (str_has_prefix(name, XATTR_SYSTEM_PREFIX))
		return 0;
	if (str_has_prefix(name, XATTR_TRUSTED_PREFIX)) {
		if (!capable(CAP_SYS_ADMIN))
			return write ? -EPERM : -ENODATA;
		return 0;
	}
	if (str_has_prefix(name, XATTR_USER_PREFIX)) {
		if (!inode_is(inode, S_IFREG) && !inode_is(inode, S_IFDIR))
			return write ? -EPERM : -ENODATA;
		if (write && inode_is(inode, S_IFDIR) && (inode->mode & S_ISVTX) && !inode_owner_or_capable(inode))
			return -EPERM;
	}
	return inode_permission(inode, write ? MAY_WRITE : MAY_READ);
}

/* Lock held. */
static int set_locked(struct inode *inode, const char *name, const void *val, size_t size, int flags)
{
	enum acl_type type;
	int err;

	if (acl_is_xattr(name, &type))
		return inode->flags & (INODE_IMMUTABLE | INODE_APPEND) ? -EPERM : acl_set_xattr(inode, type, val, size);
	err = may_xattr(inode, name, true);
	if (err)
		return err;
	if (!inode->ops->setxattr)
		return -EOPNOTSUPP;
	err = inode->ops->setxattr(inode, name, val, size, flags);
	if (!err && is_caps(name))
		inode->flags |= INODE_FILECAPS;
	return err;
}

static int remove_locked(struct inode *inode, const char *name)
{
	enum acl_type type;
	int err;

	if (acl_is_xattr(name, &type))
		return inode->flags & (INODE_IMMUTABLE | INODE_APPEND) ? -EPERM : acl_set_xattr(inode, type, NULL, 0);
	err = may_xattr(inode, name, true);
	if (err)
		return err;
	return inode->ops->removexattr ? inode->ops->removexattr(inode, name) : -EOPNOTSUPP;
}

static ssize_t get_checked(struct inode *inode, const char *name, void *val, size_t size)
{
	enum acl_type type;
	int err;

	if (acl_is_xattr(name, &type))
		return acl_get_xattr(inode, type, val, size);
	err = may_xattr(inode, name, false);
	if (err)
		return err;
	if (!inode->ops->getxattr)
		return -EOPNOTSUPP;
	if (is_caps(name))
		return file_caps_get_xattr(inode, val, size);
	return inode->ops->getxattr(inode, name, val, size);
}

/* What setxattr was given, in the kernel's memory. */
struct new_value {
	char name[XATTR_NAME_MAX + 1];
	void *bytes; /* kfree */
	size_t size;
	int flags;
};

static int MUST_CHECK new_value_get(struct new_value *v, struct uptr uname, struct uptr uval, size_t size, int flags)
{
	int err;

	*v = (struct new_value){.size = size, .flags = flags};
	if (flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	err = name_get(uname, v->name);
	if (err || !size)
		return err;
	if (size > XATTR_SIZE_MAX)
		return -E2BIG;
	v->bytes = kmalloc(size, 0);
	if (!v->bytes)
		return -ENOMEM;
	err = copy_from_user(v->bytes, uval, size);
	if (!err && is_caps(v->name))
		err = file_caps_check(v->bytes, size);
	if (err)
		kfree(v->bytes);
	return err;
}

static s64 set_on(const struct path *p, const struct new_value *v)
{
	struct inode *inode = p->dentry->inode;
	int err = mount_want_write(p->mnt);

	if (err)
		return err;
	write_lock(&inode->lock);
	err = set_locked(inode, v->name, v->bytes, v->size, v->flags);
	write_unlock(&inode->lock);
	mount_drop_write(p->mnt);
	if (!err)
		notify_dentry(p->dentry, IN_ATTRIB);
	return err;
}

static s64 set_at(struct uptr path, bool follow, const struct new_value *v)
{
	struct path p;
	s64 ret = target_path(path, follow, &p);

	if (ret)
		return ret;
	ret = set_on(&p, v);
	path_put(&p);
	return ret;
}

static s64 get_on(const struct path *p, struct uptr uname, struct uptr uval, size_t size)
{
	struct inode *inode = p->dentry->inode;
	char name[XATTR_NAME_MAX + 1];
	void *val = NULL;
	ssize_t len = name_get(uname, name);

	if (len)
		return len;
	if (size) {
		size = min_t(size_t, size, XATTR_SIZE_MAX);
		val = kmalloc(size, 0);
		if (!val)
			return -ENOMEM;
	}
	len = get_checked(inode, name, val, size);
	if (len > 0 && size && copy_to_user(uval, val, (size_t)len))
		len = -EFAULT;
	kfree(val);
	return len;
}

static s64 list_on(const struct path *p, struct uptr ulist, size_t size)
{
	struct inode *inode = p->dentry->inode;
	char *list = NULL;
	ssize_t len;

	if (!inode->ops->listxattr)
		return 0;
	if (size) {
		size = min_t(size_t, size, XATTR_LIST_MAX);
		list = kmalloc(size, 0);
		if (!list)
			return -ENOMEM;
	}
	len = inode->ops->listxattr(inode, list, size);
	if (len > 0 && size && copy_to_user(ulist, list, (size_t)len))
		len = -EFAULT;
	kfree(list);
	return len;
}

static s64 remove_on(const struct path *p, struct uptr uname)
{
	struct inode *inode = p->dentry->inode;
	char name[XATTR_NAME_MAX + 1];
	int err = name_get(uname, name);

	if (err)
		return err;
	err = mount_want_write(p->mnt);
	if (err)
		return err;
	write_lock(&inode->lock);
	err = remove_locked(inode, name);
	write_unlock(&inode->lock);
	mount_drop_write(p->mnt);
	if (!err)
		notify_dentry(p->dentry, IN_ATTRIB);
	return err;
}

SYSCALL5(setxattr, struct uptr, path, struct uptr, name, struct uptr, val, size_t, size, int, flags)
{
	struct new_value v;
	s64 ret = new_value_get(&v, name, val, size, flags);

	if (ret)
		return ret;
	ret = set_at(path, true, &v);
	kfree(v.bytes);
	return ret;
}

SYSCALL5(lsetxattr, struct uptr, path, struct uptr, name, struct uptr, val, size_t, size, int, flags)
{
	struct new_value v;
	s64 ret = new_value_get(&v, name, val, size, flags);

	if (ret)
		return ret;
	ret = set_at(path, false, &v);
	kfree(v.bytes);
	return ret;
}

SYSCALL5(fsetxattr, int, fd, struct uptr, name, struct uptr, val, size_t, size, int, flags)
{
	struct new_value v;
	struct path p;
	s64 ret = target_fd(fd, &p);

	if (ret)
		return ret;
	ret = new_value_get(&v, name, val, size, flags);
	if (!ret) {
		ret = set_on(&p, &v);
		kfree(v.bytes);
	}
	path_put(&p);
	return ret;
}

SYSCALL4(getxattr, struct uptr, path, struct uptr, name, struct uptr, val, size_t, size)
{
	struct path p;
	s64 ret = target_path(path, true, &p);

	if (ret)
		return ret;
	ret = get_on(&p, name, val, size);
	path_put(&p);
	return ret;
}

SYSCALL4(lgetxattr, struct uptr, path, struct uptr, name, struct uptr, val, size_t, size)
{
	struct path p;
	s64 ret = target_path(path, false, &p);

	if (ret)
		return ret;
	ret = get_on(&p, name, val, size);
	path_put(&p);
	return ret;
}

SYSCALL4(fgetxattr, int, fd, struct uptr, name, struct uptr, val, size_t, size)
{
	struct path p;
	s64 ret = target_fd(fd, &p);

	if (ret)
		return ret;
	ret = get_on(&p, name, val, size);
	path_put(&p);
	return ret;
}

SYSCALL3(listxattr, struct uptr, path, struct uptr, list, size_t, size)
{
	struct path p;
	s64 ret = target_path(path, true, &p);

	if (ret)
		return ret;
	ret = list_on(&p, list, size);
	path_put(&p);
	return ret;
}

SYSCALL3(llistxattr, struct uptr, path, struct uptr, list, size_t, size)
{
	struct path p;
	s64 ret = target_path(path, false, &p);

	if (ret)
		return ret;
	ret = list_on(&p, list, size);
	path_put(&p);
	return ret;
}

SYSCALL3(flistxattr, int, fd, struct uptr, list, size_t, size)
{
	struct path p;
	s64 ret = target_fd(fd, &p);

	if (ret)
		return ret;
	ret = list_on(&p, list, size);
	path_put(&p);
	return ret;
}

SYSCALL2(removexattr, struct uptr, path, struct uptr, name)
{
	struct path p;
	s64 ret = target_path(path, true, &p);

	if (ret)
		return ret;
	ret = remove_on(&p, name);
	path_put(&p);
	return ret;
}

SYSCALL2(lremovexattr, struct uptr, path, struct uptr, name)
{
	struct path p;
	s64 ret = target_path(path, false, &p);

	if (ret)
		return ret;
	ret = remove_on(&p, name);
	path_put(&p);
	return ret;
}

SYSCALL2(fremovexattr, int, fd, struct uptr, name)
{
	struct path p;
	s64 ret = target_fd(fd, &p);

	if (ret)
		return ret;
	ret = remove_on(&p, name);
	path_put(&p);
	return ret;
}
