/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * name_to_handle_at, open_by_handle_at. [man open_by_handle_at(2)]
 */
#include <linux/syscall.h>
#include <lib/string.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <vfs/dentry.h>
#include <vfs/file.h>
#include <vfs/handle.h>
#include <vfs/inode.h>
#include <vfs/mount.h>
#include <vfs/namei.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>

#define HANDLE_MAX	128 /* MAX_HANDLE_SZ */
#define AT_HANDLE_KNOWN (AT_SYMLINK_FOLLOW | AT_EMPTY_PATH | AT_HANDLE_FID | AT_HANDLE_MNT_ID_UNIQUE)

struct handle_head {
	u32 bytes;
	s32 type;
};

static s64 make_handle(const struct path *p, struct uptr uhandle, struct uptr umount_id, int flags)
{
	struct inode *inode = p->dentry->inode;
	struct inode_handle h;
	struct handle_head head;
	s64 ret;

	if (!super_opens_handles(inode->super) && !(flags & AT_HANDLE_FID))
		return -EOPNOTSUPP;
	if (copy_from_user(&head, uhandle, sizeof(head)))
		return -EFAULT;
	if (head.bytes > HANDLE_MAX)
		return -EINVAL;
	inode_encode_handle(inode, &h);
	ret = h.bytes > (head.bytes & ~3u) ? -EOVERFLOW : 0;
	if (ret)
		h.type = 0xff;
	if (flags & AT_HANDLE_MNT_ID_UNIQUE ? copy_to_user(umount_id, &p->mnt->unique_id, sizeof(u64))
					    : user_store32(umount_id, (u32)p->mnt->id))
		return -EFAULT;
	return copy_to_user(uhandle, &h, sizeof(head) + (ret ? 0 : h.bytes)) ? -EFAULT : ret;
}

SYSCALL5(name_to_handle_at, int, dirfd, struct uptr, upath, struct uptr, uhandle, struct uptr, umount_id, int, flags)
{
	unsigned look = (flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	struct path_name *name;
	struct path p;
	s64 ret;

	if (flags & ~AT_HANDLE_KNOWN)
		return -EINVAL;
	ret = path_name_get(upath, flags & AT_EMPTY_PATH, &name);
	if (ret)
		return ret;
	ret = path_lookup(dirfd, name, look, &p);
	path_name_put(name);
	if (ret)
		return ret;
	ret = make_handle(&p, uhandle, umount_id, flags);
	path_put(&p);
	return ret;
}

/* The mount that @fd stands on, referenced with its path. */
static int mount_of_fd(int fd, struct path *out)
{
	struct fd_ref r;

	if (fd == AT_FDCWD) {
		fs_get_cwd(out);
		return 0;
	}
	r = fd_get_path(fd);
	if (!r.file)
		return -EBADF;
	*out = r.file->path;
	path_get(out);
	fd_put(r);
	return 0;
}

/* p->dentry becomes what the handle names, whatever names lead to it. */
static int decode(struct path *p, u32 bytes, const u32 *data)
{
	struct super *sb = p->mnt->super;
	struct dentry *d;
	int err = -ESTALE;

	if (super_opens_handles(sb) && sb->ops->handle_is_id && bytes >= sizeof(u64))
		err = sb->ops->handle_open(sb, data[0] | (u64)data[1] << 32, 0, &d);
	else if (super_opens_handles(sb) && bytes >= HANDLE_BYTES)
		err = sb->ops->handle_open(sb, data[1] | (u64)data[2] << 32, data[0], &d);
	if (err)
		return err == -ENOMEM ? err : -ESTALE;
	dentry_put(p->dentry);
	p->dentry = d;
	return 0;
}

SYSCALL3(open_by_handle_at, int, mount_fd, struct uptr, uhandle, int, flags)
{
	unsigned o_flags = (unsigned)flags | O_LARGEFILE;
	u32 data[HANDLE_MAX / 4];
	struct handle_head head;
	struct path p;
	struct file *f;
	int fd, err;

	err = mount_of_fd(mount_fd, &p);
	if (err)
		return err;
	if (!capable(CAP_DAC_READ_SEARCH) && !((o_flags & O_DIRECTORY) && capable(CAP_SYS_ADMIN)))
		err = -EPERM;
	if (!err && copy_from_user(&head, uhandle, sizeof(head)))
		err = -EFAULT;
	if (!err && (!head.bytes || head.bytes > HANDLE_MAX))
		err = -EINVAL;
	if (!err && copy_from_user(data, uptr_add(uhandle, sizeof(head)), head.bytes))
		err = -EFAULT;
	if (!err)
		err = decode(&p, head.bytes, data);
	if (!err && (o_flags & O_DIRECTORY) && !S_ISDIR(p.dentry->inode->mode))
		err = -ENOTDIR;
	if (!err)
		err = file_open_path(&p, o_flags, &f);
	path_put(&p);
	if (err)
		return err;
	fd = fd_add(f, o_flags & O_CLOEXEC);
	if (fd < 0)
		file_put_sync(f);
	return fd;
}
