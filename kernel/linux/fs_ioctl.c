/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ioctl: the commands that all files know; the others are the file's own. [man ioctl(2), ioctl_fat(2)...]
 */
#include <linux/syscall.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <vfs/dentry.h>
#include <vfs/fdtable.h>
#include <vfs/file.h>
#include <vfs/fown.h>
#include <vfs/inode.h>
#include <vfs/namei.h>
#include <vfs/mount.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <asm/ioctls.h>

static int set_flag(struct file *f, struct uptr arg, u32 flag)
{
	u32 on;

	if (user_load32(&on, arg))
		return -EFAULT;
	spin_lock(&f->lock);
	WRITE_ONCE(f->flags, on ? f->flags | flag : f->flags & ~flag);
	spin_unlock(&f->lock);
	return 0;
}

static int set_async(struct file *f, int fd, struct uptr arg)
{
	u32 on;
	int err;

	if (user_load32(&on, arg))
		return -EFAULT;
	if (!on == !(READ_ONCE(f->flags) & FASYNC))
		return 0;
	if (!f->ops->fasync)
		return -ENOTTY;
	err = f->ops->fasync(f, fd, on);
	return err ? err : set_flag(f, arg, FASYNC);
}

static const struct {
	u32 inode, fs;
} flag_map[] = {{INODE_IMMUTABLE, FS_IMMUTABLE_FL}, {INODE_APPEND, FS_APPEND_FL}, {INODE_NODUMP, FS_NODUMP_FL}, {INODE_NOATIME, FS_NOATIME_FL}};

static int get_fs_flags(struct inode *inode, struct uptr arg)
{
	u32 flags = 0;

	if (!inode->ops->setattr)
		return -ENOTTY;
	if (inode->ops->get_flags)
		return user_store32(arg, inode->ops->get_flags(inode));
	for (size_t i = 0; i < ARRAY_SIZE(flag_map); i++)
		flags |= inode->flags & flag_map[i].inode ? flag_map[i].fs : 0;
	return user_store32(arg, flags);
}

static int set_fs_flags(struct file *f, struct uptr arg)
{
	struct inode *inode = f->inode;
	u32 flags, want = 0, all = 0, known = 0;
	int err;

	if (!inode->ops->setattr)
		return -ENOTTY;
	if (user_load32(&flags, arg))
		return -EFAULT;
	for (size_t i = 0; i < ARRAY_SIZE(flag_map); i++) {
		want |= flags & flag_map[i].fs ? flag_map[i].inode : 0;
		all |= flag_map[i].inode;
		known |= flag_map[i].fs;
	}
	err = mount_want_write(f->path.mnt);
	if (err)
		return err;
	write_lock(&inode->lock);
	if (!inode_owner_or_capable(inode))
		err = -EPERM;
	else if (((inode->flags ^ want) & (INODE_IMMUTABLE | INODE_APPEND)) && !capable(CAP_LINUX_IMMUTABLE))
		err = -EPERM;
	else if (inode->ops->set_flags)
		err = inode->ops->set_flags(inode, flags);
	else if (flags & ~known)
		err = -EOPNOTSUPP;
	if (!err && !inode->ops->set_flags) {
		WRITE_ONCE(inode->flags, (inode->flags & ~all) | want);
		inode_touch(inode, IATTR_CTIME);
	}
	write_unlock(&inode->lock);
	mount_drop_write(f->path.mnt);
	return err;
}

static s64 size_left(struct file *f, struct uptr arg)
{
	s64 n = (s64)READ_ONCE(f->inode->data.size) - f->pos;

	return user_store32(arg, (u32)n);
}

static s64 ioctl_file(struct file *f, int fd, unsigned cmd, u64 arg)
{
	struct uptr p = {arg};
	bool regular = inode_is(f->inode, S_IFREG);
	s64 ret;

	switch (cmd) {
	case FIOCLEX: return fd_set_cloexec(fd, true);
	case FIONCLEX: return fd_set_cloexec(fd, false);
	case FIONBIO: return set_flag(f, p, O_NONBLOCK);
	case FIOASYNC: return set_async(f, fd, p);
	case FIOQSIZE:
		if (!regular && !inode_is(f->inode, S_IFDIR) && !inode_is(f->inode, S_IFLNK))
			return -ENOTTY;
		return user_store64(p, READ_ONCE(f->inode->data.size));
	case FIBMAP: return capable(CAP_SYS_RAWIO) ? -EINVAL : -EPERM; /* FIEMAP tells more */
	case FIGETBSZ: return f->inode->super->blksize ? user_store32(p, f->inode->super->blksize) : -EINVAL;
	case FIONREAD:
		if (regular)
			return size_left(f, p);
		break;
	case FS_IOC_GETFLAGS:
		if (regular || inode_is(f->inode, S_IFDIR))
			return get_fs_flags(f->inode, p);
		break;
	case FS_IOC_SETFLAGS:
		if (regular || inode_is(f->inode, S_IFDIR))
			return set_fs_flags(f, p);
		break;
	case FICLONE:
	case FICLONERANGE: return -EOPNOTSUPP;
	default: break;
	}
	ret = f->ops->ioctl ? f->ops->ioctl(f, cmd, arg) : -ENOTTY;
	return ret == -ENOIOCTLCMD ? -ENOTTY : ret;
}

SYSCALL3(ioctl, int, fd, unsigned, cmd, u64, arg)
{
	struct fd_ref r = fd_get(fd);
	s64 ret;

	if (unlikely(!r.file))
		return -EBADF;
	ret = ioctl_file(r.file, fd, cmd, arg);
	fd_put(r);
	return ret;
}
