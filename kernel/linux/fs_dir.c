/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directories: getdents, chdir, chroot, getcwd, umask. [man getdents(2), getcwd(3), chdir(2)]
 */
#include <linux/syscall.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/cred.h>
#include <proc/task.h>
#include <vfs/dentry.h>
#include <vfs/file.h>
#include <vfs/inode.h>
#include <vfs/mount.h>
#include <vfs/namei.h>
#include <vfs/notify.h>
#include <vfs/rw.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/stat.h>

/* struct linux_dirent64 and, for the old call, struct linux_dirent: type in the last byte. */
#define DIRENT64_NAME 19
#define DIRENT_NAME   18

/*
 * Entries are collected in kernel memory and copied out in one go: iterate runs under the directory's lock, and a fault of the user's buffer under it could
 * wait for anything.
 */
struct getdents {
	struct dir_emit emit;	/* first */
	char *buf;
	size_t size, used, last; /* last: start of the newest record, whose d_off is not known yet */
	bool old, any, too_small;
};

static bool emit_record(struct dir_emit *e, const char *name, size_t len, u64 ino, unsigned type, s64 off)
{
	struct getdents *g = (struct getdents *)e;
	size_t head = g->old ? DIRENT_NAME : DIRENT64_NAME;
	size_t rec = align_up(head + len + 1 + (g->old ? 1 : 0), 8);
	char *at = g->buf + g->used;
	u16 rec16 = (u16)rec;

	if (rec > g->size - g->used) {
		g->too_small = !g->any;
		return false;
	}
	if (g->any) /* d_off of the one before: where this one is */
		memcpy(g->buf + g->last + 8, &off, 8);
	memset(at + rec - 8, 0, 8);
	memcpy(at, &ino, 8);
	memcpy(at + 16, &rec16, 2);
	if (g->old)
		at[rec - 1] = (char)type;
	else
		at[18] = (char)type;
	memcpy(at + head, name, len);
	g->last = g->used;
	g->used += rec;
	g->any = true;
	return true;
}

static s64 do_dents(int fd, struct uptr ubuf, unsigned count, bool old)
{
	struct fd_pos p = {.ref = fd_get(fd)};
	struct file *f = p.ref.file;
	struct getdents g = {.emit = {.emit = emit_record}, .old = old};
	s64 ret;

	if (!f)
		return -EBADF;
	file_pos_lock(&p);
	ret = -ENOTDIR;
	if (!f->ops->iterate)
		goto out;
	g.size = min_t(size_t, count, 65536);
	ret = -ENOMEM;
	g.buf = kmalloc(max_t(size_t, g.size, 16), 0);
	if (!g.buf)
		goto out;
	ret = notify_perm(f, FAN_ACCESS_PERM);
	if (ret)
		goto out_buf;
	read_lock(&f->inode->lock);
	ret = -ENOENT;
	if (!(f->inode->flags & INODE_DEAD)) {
		g.emit.pos = f->pos;
		ret = f->ops->iterate(f, &g.emit);
	}
	read_unlock(&f->inode->lock);
	if (ret != -ENOENT)
		notify_file(f, IN_ACCESS);
	if (ret && !g.any)
		goto out_buf;
	ret = g.too_small ? -EINVAL : (s64)g.used;
	if (g.any) {
		memcpy(g.buf + g.last + 8, &g.emit.pos, 8);
		if (copy_to_user(ubuf, g.buf, g.used))
			ret = -EFAULT;
		else
			f->pos = g.emit.pos;
	}
	if (f->path.mnt && ret >= 0)
		inode_touch_atime(f->inode, f->path.mnt);
out_buf:
	kfree(g.buf);
out:
	file_pos_unlock(&p);
	return ret;
}

SYSCALL3(getdents64, int, fd, struct uptr, buf, unsigned, count)
{
	return do_dents(fd, buf, count, false);
}

SYSCALL3(getdents, int, fd, struct uptr, buf, unsigned, count)
{
	return do_dents(fd, buf, count, true);
}

/* ---- working directory and root ---- */

static int lookup_dir(struct uptr upath, struct path *out)
{
	struct path_name *name;
	int err = path_name_get(upath, false, &name);

	if (err)
		return err;
	err = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, out);
	path_name_put(name);
	if (err)
		return err;
	err = inode_permission(out->dentry->inode, MAY_EXEC);
	if (err)
		path_put(out);
	return err;
}

SYSCALL1(chdir, struct uptr, path)
{
	struct path p;
	int err = lookup_dir(path, &p);

	if (err)
		return err;
	fs_set_cwd(&p);
	path_put(&p);
	return 0;
}

SYSCALL1(fchdir, int, fd)
{
	struct fd_ref r = fd_get_path(fd);
	int err = -ENOTDIR;

	if (!r.file)
		return -EBADF;
	if (inode_is(r.file->inode, S_IFDIR))
		err = inode_permission(r.file->inode, MAY_EXEC);
	if (!err)
		fs_set_cwd(&r.file->path);
	fd_put(r);
	return err;
}

SYSCALL1(chroot, struct uptr, path)
{
	struct path p;
	int err = lookup_dir(path, &p);

	if (err)
		return err;
	if (capable(CAP_SYS_CHROOT))
		fs_set_root(&p);
	else
		err = -EPERM;
	path_put(&p);
	return err;
}

SYSCALL2(getcwd, struct uptr, ubuf, size_t, size)
{
	struct path cwd, root;
	char *buf = kmalloc(PATH_MAX, 0);
	ssize_t len;

	if (!buf)
		return -ENOMEM;
	fs_get_cwd(&cwd);
	fs_get_root(&root);
	if (cwd.dentry != cwd.mnt->root && !dentry_is_hashed(cwd.dentry))
		len = -ENOENT;
	else
		len = path_string(&cwd, &root, buf, PATH_MAX);
	path_put(&root);
	path_put(&cwd);
	if (len >= 0) {
		len++; /* with the NUL */
		if ((size_t)len > size)
			len = -ERANGE;
		else if (copy_to_user(ubuf, buf, (size_t)len))
			len = -EFAULT;
	}
	kfree(buf);
	return len;
}

SYSCALL1(umask, u32, mask)
{
	struct fs_context *fs = fs_current();

	return __atomic_exchange_n(&fs->umask, mask & 0777, __ATOMIC_RELAXED);
}
