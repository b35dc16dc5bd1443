/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The attribute security.capability. [man capabilities(7)]
 *
 *	v1, v2: magic and flags, then permitted and inheritable, 32 bits each, once or twice	 v3: and the user who is root where it counts
 *
 * There is one user namespace: a v3 attribute counts if its root is 0, and is then shown as v2.
 */
#include <lib/errno.h>
#include <lib/string.h>
#include <proc/cred.h>
#include <security/file_caps.h>
#include <vfs/inode.h>
#include <linux/xattr.h>

static ssize_t read_raw(struct inode *inode, struct vfs_ns_cap_data *out)
{
	memset(out, 0, sizeof(*out));
	return inode->ops->getxattr ? inode->ops->getxattr(inode, XATTR_NAME_CAPS, out, sizeof(*out)) : -EOPNOTSUPP;
}

/* Is this how long it has to be? */
static bool fits(const struct vfs_ns_cap_data *d, size_t size)
{
	switch (d->magic_etc & VFS_CAP_REVISION_MASK) {
	case VFS_CAP_REVISION_1: return size == XATTR_CAPS_SZ_1;
	case VFS_CAP_REVISION_2: return size == XATTR_CAPS_SZ_2;
	case VFS_CAP_REVISION_3: return size == XATTR_CAPS_SZ_3;
	default: return false;
	}
}

int file_caps_read(struct inode *inode, struct file_caps *out)
{
	struct vfs_ns_cap_data d;
	ssize_t size = read_raw(inode, &d);

	if (size == -ENODATA || size == -EOPNOTSUPP)
		return -ENODATA;
	if (size < 0)
		return size == -ERANGE ? -EINVAL : (int)size;
	if (size < (ssize_t)sizeof(d.magic_etc) || !fits(&d, (size_t)size))
		return -EINVAL;
	if (size == XATTR_CAPS_SZ_3 && d.rootid)
		return -ENODATA;
	*out = (struct file_caps){
		.permitted = (d.data[0].permitted | (u64)d.data[1].permitted << 32) & KCAP_ALL,
		.inheritable = (d.data[0].inheritable | (u64)d.data[1].inheritable << 32) & KCAP_ALL,
		.effective = d.magic_etc & VFS_CAP_FLAGS_EFFECTIVE,
	};
	return 0;
}

int file_caps_check(const void *val, size_t size)
{
	struct vfs_ns_cap_data d = {0};

	memcpy(&d, val, min(size, sizeof(d)));
	if (!fits(&d, size) || size == XATTR_CAPS_SZ_1)
		return -EINVAL;
	if (!capable(CAP_SETFCAP))
		return -EPERM;
	return size == XATTR_CAPS_SZ_3 && d.rootid == ~0u ? -EINVAL : 0;
}

ssize_t file_caps_get_xattr(struct inode *inode, void *buf, size_t size)
{
	struct vfs_ns_cap_data d;
	ssize_t len = read_raw(inode, &d);

	if (len < 0)
		return len;
	if (len == XATTR_CAPS_SZ_3 && fits(&d, (size_t)len) && !d.rootid) {
		d.magic_etc = VFS_CAP_REVISION_2 | (d.magic_etc & VFS_CAP_FLAGS_EFFECTIVE);
		len = XATTR_CAPS_SZ_2;
	}
	if (size && (size_t)len > size)
		return -ERANGE;
	if (size)
		memcpy(buf, &d, (size_t)len);
	return len;
}
