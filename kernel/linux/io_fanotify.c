/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fanotify_init, fanotify_mark: the checks in Linux' order. [man fanotify_init(2), fanotify_mark(2)]
 */
#include <linux/syscall.h>
#include <io/fanotify.h>
#include <proc/cred.h>
#include <vfs/dentry.h>
#include <vfs/handle.h>
#include <vfs/mount.h>
#include <vfs/namei.h>
#include <linux/fanotify.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/stat.h>

#define ADMIN_FLAGS \
	(FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT | FAN_REPORT_TID | FAN_REPORT_PIDFD | FAN_REPORT_FD_ERROR | FAN_UNLIMITED_QUEUE \
		| FAN_UNLIMITED_MARKS)
#define INIT_FLAGS    (ADMIN_FLAGS | FAN_FID_MODES | FAN_CLOEXEC | FAN_NONBLOCK | FAN_ENABLE_AUDIT)
#define EVENT_F_FLAGS (O_ACCMODE | O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC | O_CLOEXEC | O_LARGEFILE | O_NOATIME)
#define MARK_COMMANDS (FAN_MARK_ADD | FAN_MARK_REMOVE | FAN_MARK_FLUSH)
#define MARK_FLAGS \
	(MARK_COMMANDS | FAN_MARK_TYPES | FAN_IGNORES | FAN_MARK_DONT_FOLLOW | FAN_MARK_ONLYDIR | FAN_MARK_IGNORED_SURV_MODIFY \
		| FAN_MARK_EVICTABLE)

static int check_init(unsigned flags, unsigned f_flags)
{
	unsigned fid_mode = flags & FAN_FID_MODES, class = flags & (FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT);

	if (!capable(CAP_SYS_ADMIN) && ((flags & ADMIN_FLAGS) || !fid_mode))
		return -EPERM;
	if (flags & ~(unsigned)INIT_FLAGS)
		return -EINVAL;
	if ((flags & FAN_REPORT_PIDFD) && (flags & FAN_REPORT_TID))
		return -EINVAL;
	if ((f_flags & ~(unsigned)EVENT_F_FLAGS) || (f_flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	if (fid_mode && class)
		return -EINVAL;
	if ((fid_mode & FAN_REPORT_NAME) && !(fid_mode & FAN_REPORT_DIR_FID))
		return -EINVAL;
	if ((fid_mode & FAN_REPORT_TARGET_FID) && (~fid_mode & (FAN_REPORT_NAME | FAN_REPORT_FID)))
		return -EINVAL;
	if (class == (FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT))
		return -EINVAL;
	return (flags & FAN_ENABLE_AUDIT) && !capable(CAP_AUDIT_WRITE) ? -EPERM : 0;
}

SYSCALL2(fanotify_init, unsigned, flags, unsigned, event_f_flags)
{
	int err = check_init(flags, event_f_flags), fd;
	struct file *f;

	if (err)
		return err;
	err = fanotify_create_file(flags, event_f_flags, capable(CAP_SYS_ADMIN), &f);
	if (err)
		return err;
	fd = fd_add(f, flags & FAN_CLOEXEC);
	if (fd < 0)
		file_put_sync(f);
	return fd;
}

/* What needs neither group nor path. */
static int check_mark(unsigned flags, u64 mask)
{
	if ((mask >> 32) || (flags & ~(unsigned)MARK_FLAGS) || (flags & FAN_MARK_TYPES) == FAN_MARK_TYPES)
		return -EINVAL;
	switch (flags & MARK_COMMANDS) {
	case FAN_MARK_ADD:
	case FAN_MARK_REMOVE:
		if (!mask)
			return -EINVAL;
		break;
	case FAN_MARK_FLUSH:
		if (flags & ~(unsigned)(FAN_MARK_TYPES | FAN_MARK_FLUSH))
			return -EINVAL;
		break;
	default: return -EINVAL;
	}
	if (mask & ~(u64)(FAN_KNOWN_EVENTS | FAN_FLAG_BITS))
		return -EINVAL;
	return (flags & FAN_IGNORES) == FAN_IGNORES ? -EINVAL : 0;
}

/* What the group may ask for. */
static int check_group(const struct fan_group *g, unsigned flags, u32 mask)
{
	unsigned type = flags & FAN_MARK_TYPES, init = fanotify_flags(g), fid_mode = init & FAN_FID_MODES;

	if ((!capable(CAP_SYS_ADMIN) || !fanotify_is_privileged(g)) && type != FAN_MARK_INODE)
		return -EPERM;
	if ((mask & FAN_PERM_EVENTS) && !(init & (FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT)))
		return -EINVAL;
	if ((mask & FAN_FS_ERROR) && type != FAN_MARK_FILESYSTEM)
		return -EINVAL;
	if ((flags & FAN_MARK_EVICTABLE) && type != FAN_MARK_INODE)
		return -EINVAL;
	if ((mask & ~(u32)(FAN_PATH_EVENTS | FAN_PERM_EVENTS | FAN_FLAG_BITS)) && (!fid_mode || type == FAN_MARK_MOUNT))
		return -EINVAL;
	return (mask & FAN_RENAME) && !(fid_mode & FAN_REPORT_NAME) ? -EINVAL : 0;
}

static int find_path(int dirfd, struct uptr upath, unsigned flags, struct path *out)
{
	unsigned look = (flags & FAN_MARK_DONT_FOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & FAN_MARK_ONLYDIR ? LOOKUP_DIRECTORY : 0);
	struct path_name *name;
	struct fd_ref r;
	int err = 0;

	if (uptr_is_null(upath)) {
		r = fd_get(dirfd);
		if (!r.file)
			return -EBADF;
		if ((flags & FAN_MARK_ONLYDIR) && !inode_is(r.file->inode, S_IFDIR)) {
			err = -ENOTDIR;
		} else {
			*out = r.file->path;
			path_get(out);
		}
		fd_put(r);
	} else {
		err = path_name_get(upath, false, &name);
		if (err)
			return err;
		err = path_lookup(dirfd, name, look, out);
		path_name_put(name);
	}
	if (err)
		return err;
	err = path_permission(out, MAY_READ);
	if (err)
		path_put(out);
	return err;
}

/* What the object can be marked for. */
static int check_object(const struct fan_group *g, const struct path *p, unsigned flags, u32 mask)
{
	unsigned type = flags & FAN_MARK_TYPES, fid_mode = fanotify_flags(g) & FAN_FID_MODES;
	bool is_dir = inode_is(p->dentry->inode, S_IFDIR);
	bool strict = (fid_mode & FAN_REPORT_TARGET_FID) || (mask & FAN_RENAME) || (flags & FAN_MARK_IGNORE);

	if (flags & FAN_MARK_ADD) {
		if ((mask & FAN_PERM_EVENTS) && p->dentry->super->magic == PROC_SUPER_MAGIC)
			return -EINVAL;
		if (type != FAN_MARK_INODE && (p->mnt->flags & MNT_INTERNAL))
			return -EINVAL;
		if (strict && type == FAN_MARK_INODE && !is_dir && (mask & (FAN_NAME_EVENTS | FAN_FLAG_BITS)))
			return -ENOTDIR;
	}
	if (fid_mode && type != FAN_MARK_INODE && !super_opens_handles(p->dentry->super))
		return -EOPNOTSUPP;
	if ((flags & FAN_MARK_ADD) && (flags & FAN_MARK_IGNORE) && !(flags & FAN_MARK_IGNORED_SURV_MODIFY)) {
		if (type != FAN_MARK_INODE)
			return -EINVAL;
		if (is_dir)
			return -EISDIR;
	}
	return 0;
}

static int mark_path(struct fan_group *g, const struct path *p, unsigned flags, u32 mask)
{
	unsigned type = flags & FAN_MARK_TYPES;
	int err = check_object(g, p, flags, mask);

	if (err)
		return err;
	/* Who writes to it would end the ignoring at once. */
	if ((flags & FAN_MARK_ADD) && (flags & FAN_IGNORES) && !(flags & FAN_MARK_IGNORED_SURV_MODIFY) && type == FAN_MARK_INODE
		&& READ_ONCE(p->dentry->inode->writers) > 0)
		return 0;
	if (type != FAN_MARK_INODE || !inode_is(p->dentry->inode, S_IFDIR)) {
		mask &= ~(u32)FAN_EVENT_ON_CHILD;
		/* The directory is wanted with what happens to its files. */
		if ((fanotify_flags(g) & FAN_REPORT_DIR_FID) && (flags & FAN_MARK_ADD) && !(flags & FAN_IGNORES))
			mask |= FAN_EVENT_ON_CHILD;
	}
	return flags & FAN_MARK_ADD ? fanotify_mark_add(g, p, flags, mask) : fanotify_mark_remove(g, p, flags, mask);
}

SYSCALL5(fanotify_mark, int, fd, unsigned, flags, u64, mask, int, dirfd, struct uptr, path)
{
	int err = check_mark(flags, mask);
	struct fan_group *g;
	struct fd_ref r;
	struct path p;

	if (err)
		return err;
	if (flags & FAN_MARK_IGNORED_MASK)
		mask &= ~(u64)FAN_FLAG_BITS;
	r = fd_get(fd);
	if (!r.file)
		return -EBADF;
	g = fanotify_group(r.file);
	err = g ? check_group(g, flags, (u32)mask) : -EINVAL;
	if (err)
		goto out;
	if (flags & FAN_MARK_FLUSH) {
		fanotify_mark_flush(g, flags & FAN_MARK_TYPES);
		goto out;
	}
	err = find_path(dirfd, path, flags, &p);
	if (err)
		goto out;
	err = mark_path(g, &p, flags, (u32)mask);
	path_put(&p);
out:
	fd_put(r);
	return err;
}
