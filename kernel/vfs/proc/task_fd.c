/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/PID/fd and fdinfo.
 */
#include "proc_fs.h"
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/slab.h>

#define FDINFO_ROOM 2048

static struct file *task_fd(struct task *t, s32 fd)
{
	struct files *files = task_files_get(t);
	struct file *f = NULL;

	if (files) {
		f = files_lookup(files, fd);
		files_put(files);
	}
	return f;
}

static struct file *inode_fd(const struct inode *inode)
{
	struct task *t = proc_inode_task(inode);
	struct file *f = NULL;

	if (t) {
		f = task_fd(t, pseudo_inode(inode)->fd);
		task_put(t);
	}
	return f;
}

static u32 fd_mode(const struct file *f)
{
	return S_IFLNK | (f->mode & FMODE_READ ? 0500 : 0) | (f->mode & FMODE_WRITE ? 0300 : 0);
}

static int fd_revalidate(struct dentry *d)
{
	struct file *f = inode_fd(d->inode);

	if (!f)
		return 0;
	if (S_ISLNK(d->inode->mode))
		WRITE_ONCE(d->inode->mode, fd_mode(f));
	file_put(f);
	return proc_revalidate(d);
}

static int list_lookup(struct inode *dir, struct dentry *d, bool info)
{
	struct pseudo_inode *pi = pseudo_inode(dir);
	s32 fd = proc_parse_nr(d->name, d->len);
	struct task *t = proc_inode_task(dir);
	struct file *f = NULL;
	int err = 0;

	d->flags |= DENTRY_UNCACHED;
	if (t && fd >= 0)
		f = task_fd(t, fd);
	if (f) {
		u64 ino = (info ? 3ull : 2ull) << 60 | (u64)(u32)pid_nr(pi->pid) << 30 | (u32)fd;

		err = proc_attach(dir, d, pi->pid, info ? PROC_FILE : PROC_FD, info ? S_IFREG | 0444 : fd_mode(f),
			info ? &proc_fdinfo_file : NULL, fd, ino);
		file_put(f);
	}
	if (t)
		task_put(t);
	return proc_found(err, d);
}

static int fd_lookup(struct inode *dir, struct dentry *d)
{
	return list_lookup(dir, d, false);
}

static int fdinfo_lookup(struct inode *dir, struct dentry *d)
{
	return list_lookup(dir, d, true);
}

static int list_iterate(struct file *f, struct dir_emit *e, unsigned type, u64 ino_class)
{
	struct task *t = proc_inode_task(f->inode);
	struct files *files;
	u64 ino = ino_class << 60 | (u64)(u32)pid_nr(pseudo_inode(f->inode)->pid) << 30;

	if (!t)
		return -ENOENT;
	files = task_files_get(t);
	task_put(t);
	if (dir_emit_dots(f, e) && files) {
		int fd = (int)e->pos - 2;

		while ((fd = files_next(files, fd)) >= 0) {
			char name[12];

			if (!e->emit(e, name, (size_t)scnprintf(name, sizeof(name), "%d", fd), ino | (u32)fd, type, (s64)fd + 2))
				break;
			e->pos = (s64)++fd + 2;
		}
	}
	if (files)
		files_put(files);
	return 0;
}

static int fd_iterate(struct file *f, struct dir_emit *e)
{
	return list_iterate(f, e, 10, 2);
}

static int fdinfo_iterate(struct file *f, struct dir_emit *e)
{
	return list_iterate(f, e, 8, 3);
}

int proc_list_permission(struct inode *inode, int mask)
{
	struct task *t;
	int err = inode_permission_mode(inode, mask);

	if (!err)
		return 0;
	t = proc_inode_task(inode);
	if (t && t->proc == task_current()->proc)
		err = 0;
	if (t)
		task_put(t);
	return err;
}

/* ---- fd/N ---- */

static int fd_follow(struct inode *inode, struct dentry *d, struct path *out)
{
	struct task *t = proc_inode_task(inode);
	struct file *f = NULL;
	int err = -ENOENT;

	if (!t)
		return -ENOENT;
	if (ptrace_may_access(t, PTRACE_READ | PTRACE_FSCREDS))
		err = -EACCES;
	else
		f = task_fd(t, pseudo_inode(inode)->fd);
	task_put(t);
	if (!f)
		return err;
	*out = f->path;
	path_get(out);
	file_put(f);
	return 0;
}

/* ---- fdinfo/N ---- */

static int show_fdinfo(struct pseudo_text *text)
{
	s32 fd = pseudo_inode(text->file->inode)->fd;
	struct files *files = task_files_get(text->task);
	struct strbuf *sb = &text->sb;
	struct file *f = NULL;
	u32 flags = 0;
	char *more;

	if (files) {
		f = files_lookup(files, fd);
		if (f)
			flags = READ_ONCE(f->flags) | (files_cloexec(files, fd) ? O_CLOEXEC : 0);
		files_put(files);
	}
	if (!f)
		return -ENOENT;
	/* O_LARGEFILE is what every open on a 64-bit system has; pipes, sockets and the like were not opened. */
	strbuf_printf(sb, "pos:\t%lld\nflags:\t0%o\nmnt_id:\t%d\nino:\t%llu\n", READ_ONCE(f->pos), flags | (f->inode->flags & INODE_ANON ? 0 : 0100000), f->path.mnt->id,
		f->inode->ino);
	if (f->ops && f->ops->show_fdinfo) {
		more = kmalloc(FDINFO_ROOM, 0);
		if (more) {
			strbuf_write(sb, more, min_t(size_t, f->ops->show_fdinfo(f, more, FDINFO_ROOM), FDINFO_ROOM));
			kfree(more);
		}
	}
	file_put(f);
	return 0;
}

const struct pseudo_file proc_fdinfo_file = {.name = "fdinfo", .mode = 0444, .flags = PSEUDO_PTRACE, .show = show_fdinfo};

const struct inode_ops proc_fd_list_ops = {
	.lookup = fd_lookup,
	.permission = proc_list_permission,
	.setattr = proc_task_setattr,
	.getattr = proc_task_getattr,
	.revalidate = proc_revalidate,
};
const struct inode_ops proc_fdinfo_list_ops = {
	.lookup = fdinfo_lookup,
	.permission = proc_list_permission,
	.setattr = proc_task_setattr,
	.getattr = proc_task_getattr,
	.revalidate = proc_revalidate,
};
const struct inode_ops proc_fd_ops = {
	.readlink = proc_link_readlink,
	.follow = fd_follow,
	.setattr = proc_task_setattr,
	.getattr = proc_task_getattr,
	.revalidate = fd_revalidate,
};
const struct file_ops proc_fd_list_fops = {.read = pseudo_dir_read, .lseek = pseudo_dir_lseek, .iterate = fd_iterate};
const struct file_ops proc_fdinfo_list_fops = {.read = pseudo_dir_read, .lseek = pseudo_dir_lseek, .iterate = fdinfo_iterate};
