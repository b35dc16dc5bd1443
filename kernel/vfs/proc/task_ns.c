/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/PID/ns: magic links to the files of a task's namespaces.
 */
#include "proc_fs.h"
#include <lib/string.h>
#include <proc/ns.h>

static int link_follow(struct inode *inode, struct dentry *d, struct path *out)
{
	struct task *t = proc_inode_task(inode);
	enum ns_kind kind;
	struct ns *ns = NULL;
	int err = -EACCES;

	(void)nsfs_link((size_t)pseudo_inode(inode)->fd, &kind);
	if (!t)
		return -EACCES;
	if (ptrace_may_access(t, PTRACE_READ | PTRACE_FSCREDS) == 0) {
		err = -ENOENT;
		ns = task_ns_get(t, kind);
	}
	task_put(t);
	return ns ? nsfs_path(ns, out) : err;
}

const struct inode_ops proc_ns_ops = {
	.readlink = proc_link_readlink,
	.follow = link_follow,
	.setattr = proc_task_setattr,
	.getattr = proc_task_getattr,
	.revalidate = proc_revalidate,
};

static u64 link_ino(const struct pseudo_inode *dir, size_t i)
{
	return 4ull << 60 | (u64)(dir->kind == PROC_NS_LIST) << 59 | (u64)(u32)pid_nr(dir->pid) << 8 | i;
}

static int list_lookup(struct inode *dir, struct dentry *d)
{
	struct pseudo_inode *pi = pseudo_inode(dir);
	const char *name;
	enum ns_kind kind;

	d->flags |= DENTRY_UNCACHED;
	for (size_t i = 0; (name = nsfs_link(i, &kind)); i++) {
		if (strlen(name) == d->len && memcmp(name, d->name, d->len) == 0)
			return proc_attach(dir, d, pi->pid, PROC_NS, S_IFLNK | 0777, NULL, (s32)i, link_ino(pi, i));
	}
	return -ENOENT;
}

static int list_iterate(struct file *f, struct dir_emit *e)
{
	struct pseudo_inode *pi = pseudo_inode(f->inode);
	struct task *t = proc_inode_task(f->inode);
	const char *name;
	enum ns_kind kind;

	if (!t)
		return -ENOENT;
	task_put(t);
	if (!dir_emit_dots(f, e))
		return 0;
	for (size_t i = (size_t)e->pos - 2; (name = nsfs_link(i, &kind)); i++) {
		if (!e->emit(e, name, strlen(name), link_ino(pi, i), 10 /* DT_LNK */, (s64)i + 2))
			return 0;
		e->pos = (s64)i + 3;
	}
	return 0;
}

const struct inode_ops proc_ns_list_ops = {
	.lookup = list_lookup,
	.permission = proc_task_permission,
	.setattr = proc_task_setattr,
	.getattr = proc_task_getattr,
	.revalidate = proc_revalidate,
};
const struct file_ops proc_ns_list_fops = {.read = pseudo_dir_read, .lseek = pseudo_dir_lseek, .iterate = list_iterate};
