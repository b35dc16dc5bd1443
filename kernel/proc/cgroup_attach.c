/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is in a group, and moving tasks between groups.
 */
#include "cgroup_impl.h"
#include <lib/errno.h>
#include <lib/parse.h>
#include <lib/strbuf.h>
#include <linux/fs.h>
#include <vfs/namei.h>
#include <vfs/dentry.h>
#include <vfs/file.h>
#include <vfs/inode.h>

/* ---- reading: under the tree lock, so that a task that moves meanwhile is seen once ---- */

/* A leader that has exited stands for its process as long as that has threads. */
static bool is_live_process(const struct task *t)
{
	return t == t->proc->leader && (!t->tree_exited || t->proc->state == PROC_ALIVE);
}

static void put_pids(struct strbuf *sb, const struct cgroup *cg, bool processes)
{
	struct task *t;

	list_for_each_entry(t, &cg->tasks, cgroup_link)
	{
		if (processes ? !is_live_process(t) : t->tree_exited)
			continue;
		strbuf_put_u64(sb, (u64)pid_nr(t->pids[processes ? PID_TGID : PID_TID]));
		strbuf_putc(sb, '\n');
	}
}

/* The root of a threaded subtree has all its processes. */
int cgroup_show_procs(struct pseudo_text *t)
{
	struct cgroup *cg = cgroup_of(t), *at = NULL;
	int err = 0;

	spin_lock(&proc_tree_lock);
	if (cgroup_is_threaded(cg)) {
		err = -EOPNOTSUPP;
	} else {
		while ((at = cgroup_next(at, cg))) {
			if (at->domain == cg)
				put_pids(&t->sb, at, true);
		}
	}
	spin_unlock(&proc_tree_lock);
	return err;
}

int cgroup_show_threads(struct pseudo_text *t)
{
	spin_lock(&proc_tree_lock);
	put_pids(&t->sb, cgroup_of(t), false);
	spin_unlock(&proc_tree_lock);
	return 0;
}

/* ---- moving; mutex held ---- */

/* Linux' order: domain, thread root, processes in inner groups. */
static int MUST_CHECK may_hold_tasks(const struct cgroup *dst)
{
	if (!cgroup_is_valid_domain(dst->domain))
		return -EOPNOTSUPP;
	if (cgroup_can_be_thread_root(dst) || cgroup_is_threaded(dst))
		return 0;
	return dst->control ? -EBUSY : 0;
}

static int MUST_CHECK may_write(const struct cgroup *cg)
{
	const struct dentry *d = cg->files[CGF_PROCS].dentry;

	return d ? inode_permission(d->inode, MAY_WRITE) : -ENODEV;
}

/* The writer must be able to write to the cgroup.procs of the nearest group above both: that makes delegation safe. */
static int MUST_CHECK may_move(struct cgroup *src, struct cgroup *dst, bool thread)
{
	struct cgroup *common = src;
	int err;

	while (!cgroup_is_below(dst, common))
		common = common->parent;
	err = may_write(common);
	if (!err)
		err = may_hold_tasks(dst);
	if (!err && thread && src->domain != dst->domain)
		err = -EOPNOTSUPP;
	return err;
}

static struct cgroup *group_of(struct task *t)
{
	struct cgroup *cg;

	spin_lock(&proc_tree_lock);
	cg = t->cgroup;
	if (cg)
		cgroup_get(cg);
	spin_unlock(&proc_tree_lock);
	return cg;
}

static void move(struct task *t, struct cgroup *dst, bool thread)
{
	struct task *each;

	spin_lock(&proc_tree_lock);
	if (thread) {
		if (!t->tree_exited)
			cgroup_move_locked(t, dst);
	} else {
		list_for_each_entry(each, &t->proc->threads, thread_link)
		{
			if (!each->tree_exited)
				cgroup_move_locked(each, dst);
		}
	}
	spin_unlock(&proc_tree_lock);
}

static int attach(struct cgroup *dst, struct task *t, bool thread, const struct cred *rights)
{
	const struct cred *saved;
	struct cgroup *src;
	int err = cgroup_lock_live(dst);

	if (err)
		return err;
	src = group_of(t);
	err = -ESRCH;
	if (src) {
		saved = cred_override(rights);
		err = may_move(src, dst, thread);
		cred_revert(saved);
		if (!err)
			move(t, dst, thread);
		cgroup_put(src);
	}
	mutex_unlock(&cgroup_mutex);
	return err;
}

static int store(struct pseudo_text *text, char *word, bool thread)
{
	struct task *t;
	s32 nr;
	int err;

	if (strtos32(pseudo_trim(word), 0, &nr) || nr < 0)
		return -EINVAL;
	if (nr) {
		t = task_find_get(nr, PID_TID);
		if (!t)
			return -ESRCH;
	} else {
		t = task_current();
		task_get(t);
	}
	err = attach(cgroup_of(text), t, thread, text->file->cred);
	task_put(t);
	return err;
}

int cgroup_store_procs(struct pseudo_text *t, char *text, size_t len)
{
	return store(t, text, false);
}

int cgroup_store_threads(struct pseudo_text *t, char *text, size_t len)
{
	return store(t, text, true);
}

/* ---- CLONE_INTO_CGROUP ---- */

int cgroup_clone_target(int fd, bool thread, struct cgroup **out)
{
	struct cgroup *dst, *src = task_current()->cgroup;
	struct fd_ref r = fd_get_path(fd);
	int err = -EBADF;

	if (!r.file)
		return -EBADF;
	if (r.file->inode->ops == &cgroup_dir_ops) {
		dst = ((struct cgroup_file *)r.file->inode->private)->cg;
		err = cgroup_lock_live(dst);
		if (!err) {
			err = may_write(dst);
			if (!err)
				err = may_move(src, dst, thread);
			if (!err) {
				cgroup_get(dst);
				*out = dst;
			}
			mutex_unlock(&cgroup_mutex);
		}
	}
	fd_put(r);
	return err;
}
