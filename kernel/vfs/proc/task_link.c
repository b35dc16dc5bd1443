/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Magic links of tasks: exe, cwd, root. They lead to the object itself, not to where its name leads now; who may look into the task may follow.
 */
#include "proc_fs.h"
#include <mm/slab.h>
#include <vfs/namei.h>

int proc_path_text_put(struct path *p, char *buf, size_t size)
{
	struct path root;
	ssize_t len;

	fs_get_root(&root);
	len = path_string(p, &root, buf, size);
	path_put(&root);
	path_put(p);
	return (int)len;
}

int proc_exe_path(struct task *t, struct path *out)
{
	struct proc *p = t->proc;
	struct file *f;

	spin_lock(&p->lock);
	f = p->exe;
	if (f)
		file_get(f);
	spin_unlock(&p->lock);
	if (!f)
		return -ENOENT;
	if (t->tree_exited) { /* of the dead only the name is left */
		file_put(f);
		return -ENOENT;
	}
	*out = f->path;
	path_get(out);
	file_put(f);
	return 0;
}

static int fs_path(struct task *t, bool root, struct path *out)
{
	struct fs_context *fs = task_fs_get(t);

	if (!fs)
		return -ENOENT;
	spin_lock(&fs->lock);
	*out = root ? fs->root : fs->cwd;
	path_get(out);
	spin_unlock(&fs->lock);
	fs_context_put(fs);
	return 0;
}

int proc_cwd_path(struct task *t, struct path *out)
{
	return fs_path(t, false, out);
}

int proc_root_path(struct task *t, struct path *out)
{
	return fs_path(t, true, out);
}

static int link_follow(struct inode *inode, struct dentry *d, struct path *out)
{
	const struct task_entry *e = container_of(pseudo_inode(inode)->file, const struct task_entry, file);
	struct task *t = proc_inode_task(inode);
	int err;

	if (!t)
		return -ENOENT;
	err = ptrace_may_access(t, PTRACE_READ | PTRACE_FSCREDS) ? -EACCES : e->target(t, out);
	task_put(t);
	return err;
}

int proc_link_readlink(struct inode *inode, struct dentry *d, char *buf, size_t size)
{
	struct path p;
	int err = inode->ops->follow(inode, d, &p);

	return err ? err : proc_path_text_put(&p, buf, size);
}

const struct inode_ops proc_link_ops = {
	.readlink = proc_link_readlink,
	.follow = link_follow,
	.setattr = proc_task_setattr,
	.getattr = proc_task_getattr,
	.revalidate = proc_revalidate,
};
