/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/PID/task: the threads of a process. Listed in the order in which they were made; the place in readdir is the number of those before, so that a thread that
 * ends meanwhile may hide another from one listing, as on Linux.
 */
#include "proc_fs.h"
#include <lib/printf.h>
#include <lib/string.h>

static int list_lookup(struct inode *dir, struct dentry *d)
{
	s32 nr = proc_parse_nr(d->name, d->len);
	struct task *t;
	int err = 0;

	d->flags |= DENTRY_UNCACHED;
	if (nr <= 0)
		return -ENOENT;
	t = proc_inode_task(dir);
	if (!t)
		return -ENOENT;
	err = proc_attach_pid(dir, d, nr, true, t->proc->pid);
	task_put(t);
	return proc_found(err, d);
}

/* Numbers of up to @n threads from the @skip-th on; how many. */
static unsigned list_threads(struct proc *p, u64 skip, s32 *nrs, unsigned n)
{
	unsigned got = 0;
	struct task *t;

	rcu_read_lock();
	list_for_each_entry_rcu(t, &p->threads, thread_link)
	{
		struct pid *pid = READ_ONCE(t->pids[PID_TID]);

		if (skip) {
			skip--;
			continue;
		}
		nrs[got] = pid ? pid_nr(pid) : 0;
		if (++got == n)
			break;
	}
	rcu_read_unlock();
	return got;
}

static int list_iterate(struct file *f, struct dir_emit *e)
{
	struct task *t = proc_inode_task(f->inode);
	s32 nrs[32];
	unsigned got;

	if (!t)
		return -ENOENT;
	if (!dir_emit_dots(f, e))
		goto out;
	do {
		got = list_threads(t->proc, (u64)e->pos - 2, nrs, ARRAY_SIZE(nrs));
		for (unsigned i = 0; i < got; i++) {
			char name[12];

			if (nrs[i]
				&& !e->emit(e, name, (size_t)scnprintf(name, sizeof(name), "%d", nrs[i]), proc_ino(nrs[i], 0, true), 4, e->pos))
				goto out;
			e->pos++;
		}
	} while (got == ARRAY_SIZE(nrs));
out:
	task_put(t);
	return 0;
}

const struct inode_ops proc_task_list_ops = {
	.lookup = list_lookup,
	.permission = proc_task_permission,
	.setattr = proc_task_setattr,
	.getattr = proc_task_getattr,
	.revalidate = proc_revalidate,
};
const struct file_ops proc_task_list_fops = {.read = pseudo_dir_read, .lseek = pseudo_dir_lseek, .iterate = list_iterate};
