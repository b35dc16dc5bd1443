/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes. The overlay's own, PREFIX overlay. NAME, are its marks on objects below and are not seen above; who uses such a name on the overlay
 * means one that is kept as PREFIX overlay.overlay. NAME, so that an overlay can be a layer of another one.
 */
#include "overlay.h"
#include <linux/limits.h>

#define ESCAPE	   "overlay."
#define ESCAPE_LEN 8

/* ---- marks ---- */

static const char *mark_name(const struct ovl_super *os, const char *name, char buf[XATTR_NAME_MAX + 1])
{
	size_t len = strlen(name);

	memcpy(buf, os->prefix, os->prefix_len);
	memcpy(buf + os->prefix_len, name, len + 1);
	return buf;
}

ssize_t ovl_mark_get(const struct ovl_super *os, struct inode *real, const char *name, void *buf, size_t size)
{
	char text[XATTR_NAME_MAX + 1];

	return below_getxattr(real, mark_name(os, name, text), buf, size);
}

int ovl_mark_set(const struct ovl_super *os, struct inode *real, const char *name, const void *val, size_t size)
{
	char text[XATTR_NAME_MAX + 1];

	return below_setxattr(real, mark_name(os, name, text), val, size, 0);
}

void ovl_mark_remove(const struct ovl_super *os, struct inode *real, const char *name)
{
	char text[XATTR_NAME_MAX + 1];

	(void)!below_setxattr(real, mark_name(os, name, text), NULL, 0, 0);
}

bool ovl_is_own_xattr(const struct ovl_super *os, const char *name)
{
	return strncmp(name, os->prefix, os->prefix_len) == 0;
}

char ovl_opaque_of(const struct ovl_super *os, struct inode *real)
{
	char c = 0;

	return ovl_mark_get(os, real, OVL_OPAQUE, &c, 1) == 1 && (c == 'y' || c == 'x') ? c : 0;
}

int ovl_set_opaque(struct inode *dir, struct dentry *upper)
{
	int err = ovl_mark_set(ovl_super(dir->super), upper->inode, OVL_OPAQUE, "y", 1);

	if (!err)
		ovl_inode(dir)->opaque = true;
	return err;
}

int ovl_set_impure(struct inode *dir)
{
	struct ovl_inode *oi = ovl_inode(dir);
	int err;

	if (READ_ONCE(oi->impure))
		return 0;
	err = ovl_mark_set(ovl_super(dir->super), oi->upper->inode, OVL_IMPURE, "y", 1);
	/* Without attributes numbers change when a file is copied up, and that is all. */
	if (err && err != -EOPNOTSUPP)
		return err;
	WRITE_ONCE(oi->impure, true);
	return 0;
}

/* ---- what programs see ---- */

/* The name below for @name above: itself, or with the escape. -EOPNOTSUPP: too long. */
static int name_below(const struct ovl_super *os, const char *name, char buf[XATTR_NAME_MAX + 1], const char **out)
{
	size_t len = strlen(name);

	*out = name;
	if (!ovl_is_own_xattr(os, name))
		return 0;
	if (len + ESCAPE_LEN > XATTR_NAME_MAX)
		return -EOPNOTSUPP;
	memcpy(buf, os->prefix, os->prefix_len);
	memcpy(buf + os->prefix_len, ESCAPE, ESCAPE_LEN);
	memcpy(buf + os->prefix_len + ESCAPE_LEN, name + os->prefix_len, len - os->prefix_len + 1);
	*out = buf;
	return 0;
}

static ssize_t get(struct inode *inode, const char *below, void *buf, size_t size)
{
	const struct cred *saved = ovl_enter(inode->super);
	ssize_t len = below_getxattr(ovl_real_inode(inode), below, buf, size);

	ovl_leave(saved);
	return len;
}

ssize_t ovl_getxattr(struct inode *inode, const char *name, void *buf, size_t size)
{
	char text[XATTR_NAME_MAX + 1];
	int err = name_below(ovl_super(inode->super), name, text, &name);

	return err ? err : get(inode, name, buf, size);
}

static int set(struct inode *inode, const char *name, const void *val, size_t size, int flags)
{
	char text[XATTR_NAME_MAX + 1];
	const struct cred *saved;
	int err = name_below(ovl_super(inode->super), name, text, &name);

	if (err)
		return err;
	/* What is not there needs no copy to be removed from. */
	if (!val && !ovl_upper(inode)) {
		ssize_t len = get(inode, name, NULL, 0);

		if (len < 0)
			return (int)len;
	}
	err = ovl_copy_up(inode);
	if (!err)
		err = ovl_enter_write(inode->super, &saved);
	if (err)
		return err;
	err = below_setxattr(ovl_upper(inode)->inode, name, val, size, flags);
	ovl_leave_write(inode->super, saved);
	(void)!ovl_copy_attr(inode);
	return err;
}

int ovl_setxattr(struct inode *inode, const char *name, const void *val, size_t size, int flags)
{
	return set(inode, name, val ? val : "", size, flags);
}

int ovl_removexattr(struct inode *inode, const char *name)
{
	return set(inode, name, NULL, 0, 0);
}

/* Hide marks, take the escapes off; @trusted: the caller may see those. In place; the new length. */
static size_t filter(const struct ovl_super *os, char *list, size_t len, bool trusted)
{
	size_t kept = 0;

	for (size_t at = 0; at < len;) {
		size_t n = strnlen(list + at, len - at) + 1;
		char *name = list + at;

		at += n;
		if (!trusted && str_has_prefix(name, XATTR_TRUSTED_PREFIX))
			continue;
		if (ovl_is_own_xattr(os, name)) {
			size_t tail = n - os->prefix_len;

			if (strncmp(name + os->prefix_len, ESCAPE, ESCAPE_LEN))
				continue;
			memmove(name + os->prefix_len, name + os->prefix_len + ESCAPE_LEN, tail - ESCAPE_LEN);
			n -= ESCAPE_LEN;
		}
		memmove(list + kept, name, n);
		kept += n;
	}
	return kept;
}

/* All names below, in new memory; 0: there are none. */
static ssize_t list_below(struct inode *real, char **out)
{
	ssize_t len;

	if (!real->ops->listxattr)
		return 0;
	len = real->ops->listxattr(real, NULL, 0);
	if (len <= 0)
		return len;
	*out = kmalloc((size_t)len, 0);
	if (!*out)
		return -ENOMEM;
	len = real->ops->listxattr(real, *out, (size_t)len);
	if (len <= 0)
		kfree(*out);
	return len;
}

ssize_t ovl_listxattr(struct inode *inode, char *buf, size_t size)
{
	bool trusted = capable(CAP_SYS_ADMIN);
	const struct cred *saved = ovl_enter(inode->super);
	char *list;
	ssize_t len = list_below(ovl_real_inode(inode), &list);

	ovl_leave(saved);
	if (len <= 0)
		return len;
	len = (ssize_t)filter(ovl_super(inode->super), list, (size_t)len, trusted);
	if (size && (size_t)len > size)
		len = -ERANGE;
	else if (size)
		memcpy(buf, list, (size_t)len);
	kfree(list);
	return len;
}

int ovl_set_acl(struct inode *inode, int type, const struct acl *a, u32 mode)
{
	const char *name = type == ACL_ACCESS ? XATTR_NAME_POSIX_ACL_ACCESS : XATTR_NAME_POSIX_ACL_DEFAULT;
	const struct iattr attr = {.valid = IATTR_MODE | IATTR_CTIME, .mode = mode & 07777};
	const struct cred *saved;
	void *bytes = NULL;
	ssize_t len = 0;
	int err = ovl_copy_up(inode);

	if (!err && a) {
		len = acl_encode(a, NULL, 0);
		bytes = kmalloc((size_t)len, 0);
		if (!bytes)
			return -ENOMEM;
		len = acl_encode(a, bytes, (size_t)len);
	}
	if (!err)
		err = ovl_enter_write(inode->super, &saved);
	if (!err) {
		err = below_setxattr(ovl_upper(inode)->inode, name, bytes, (size_t)len, 0);
		if (!err && type == ACL_ACCESS)
			err = below_setattr(ovl_upper(inode)->inode, &attr);
		ovl_leave_write(inode->super, saved);
	}
	kfree(bytes);
	return err;
}

/* ---- copy-up ---- */

static int copy_one(struct inode *from, struct inode *to, const char *name)
{
	ssize_t len = below_getxattr(from, name, NULL, 0);
	void *val;
	int err;

	if (len < 0)
		return len == -ENODATA || len == -EOPNOTSUPP ? 0 : (int)len;
	val = kmalloc((size_t)len + 1, 0);
	if (!val)
		return -ENOMEM;
	len = below_getxattr(from, name, val, (size_t)len + 1);
	err = len < 0 ? (int)len : below_setxattr(to, name, val, (size_t)len, 0);
	kfree(val);
	return err;
}

int ovl_copy_xattrs(const struct ovl_super *os, struct inode *from, struct inode *to)
{
	char *list = NULL;
	ssize_t len = list_below(from, &list);
	int err = 0;

	if (len <= 0)
		return len == -EOPNOTSUPP ? 0 : (int)len;
	for (ssize_t at = 0; !err && at < len;) {
		const char *name = list + at;
		size_t n = strnlen(name, (size_t)(len - at)) + 1;

		at += (ssize_t)n;
		if (ovl_is_own_xattr(os, name) && strncmp(name + os->prefix_len, ESCAPE, ESCAPE_LEN))
			continue;
		err = copy_one(from, to, name);
		/* Only what protects must arrive. */
		if (err == -EOPNOTSUPP && !str_has_prefix(name, XATTR_SECURITY_PREFIX) && !str_has_prefix(name, "system.posix_acl_"))
			err = 0;
	}
	kfree(list);
	return err;
}
