/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/N of kernel threads: what ps, top and lsof read of processes, where there is something behind it. They have no memory, no files and no arguments; their
 * parent is the one that makes them.
 */
#include "format.h"
#include "proc_fs.h"
#include <lib/printf.h>
#include <lib/string.h>
#include <arch/smp.h>
#include <sched/sched.h>

#define KTHREAD_PARENT 2
#define TASK_F_KTHREAD 0x00200000u

static struct thread *thread_of(const struct pseudo_text *t)
{
	return t->arg;
}

static s32 parent_of(const struct pid *pid)
{
	return pid_nr(pid) == KTHREAD_PARENT ? 0 : KTHREAD_PARENT;
}

/* One that waits for something to do is idle, not held up. */
static char state_of(const struct thread *th)
{
	switch (READ_ONCE(th->state)) {
	case THREAD_RUNNING:
	case THREAD_WOKEN:
	case THREAD_NEW: return 'R';
	case THREAD_DEAD: return 'Z';
	case THREAD_SLEEP_INTR: return 'S';
	default: return 'I';
	}
}

static int show_stat(struct pseudo_text *t)
{
	struct thread *th = thread_of(t);
	struct sched_params sp;
	struct stat_fields f = {
		.pid = pid_nr(t->pid), .comm = th->name, .state = state_of(th), .ppid = parent_of(t->pid), .tpgid = -1,
		.flags = TASK_F_KTHREAD, .num_threads = 1, .rsslim = ~0ull,
		.sigignore = ~0ull, .exit_signal = 17, .processor = (s32)READ_ONCE(th->cpu),
	};

	sched_get_params(th, &sp);
	f.nice = sp.nice;
	f.priority = sp.rt_prio ? -1 - (s64)sp.rt_prio : 20 + sp.nice;
	f.policy = (u32)sp.policy;
	f.rt_priority = sp.rt_prio;
	f.stime = sched_runtime_ns(th) / NS_PER_TICK;
	f.starttime = th->start_ns / NS_PER_TICK;
	proc_format_stat(&t->sb, &f);
	return 0;
}

static int show_status(struct pseudo_text *t)
{
	struct thread *th = thread_of(t);
	struct cpumask allowed;
	struct status_fields f = {
		.comm = th->name, .has_umask = true, .umask = 022, .state = state_of(th), .tgid = pid_nr(t->pid), .pid = pid_nr(t->pid),
		.ppid = parent_of(t->pid), .fdsize = 64, .is_kthread = true, .threads = 1, .ignored = ~0ull, .cap_prm = KCAP_ALL,
		.cap_eff = KCAP_ALL, .cap_bnd = KCAP_ALL, .ncpus = cpu_count(), .voluntary = READ_ONCE(th->nr_voluntary),
		.involuntary = READ_ONCE(th->nr_involuntary),
	};

	sched_get_affinity(th, &allowed);
	f.cpus = allowed.bits;
	proc_format_status(&t->sb, &f);
	return 0;
}

static int show_statm(struct pseudo_text *t)
{
	strbuf_puts(&t->sb, "0 0 0 0 0 0 0\n");
	return 0;
}

static int show_comm(struct pseudo_text *t)
{
	strbuf_printf(&t->sb, "%s\n", thread_of(t)->name);
	return 0;
}

static int show_nothing(struct pseudo_text *t)
{
	return 0;
}

static int show_zero(struct pseudo_text *t)
{
	strbuf_puts(&t->sb, "0\n");
	return 0;
}

static int show_wchan(struct pseudo_text *t)
{
	const char *what = READ_ONCE(thread_of(t)->wait_what);

	strbuf_puts(&t->sb, what && state_of(thread_of(t)) != 'R' && capable(CAP_SYS_PTRACE) ? what : "0");
	return 0;
}

static int show_cgroup(struct pseudo_text *t)
{
	strbuf_puts(&t->sb, "0::/\n");
	return 0;
}

static int show_schedstat(struct pseudo_text *t)
{
	struct thread *th = thread_of(t);

	strbuf_printf(&t->sb, "%llu 0 %llu\n", sched_runtime_ns(th), READ_ONCE(th->nr_voluntary) + READ_ONCE(th->nr_involuntary));
	return 0;
}

static int root_path(struct path *out)
{
	struct fs_context *fs = &fs_context_init;

	spin_lock(&fs->lock);
	*out = fs->root;
	path_get(out);
	spin_unlock(&fs->lock);
	return 0;
}

static const struct {
	struct pseudo_file file;
	u8 kind;
} entries[] = {
	{{.name = "task", .mode = 0555}, PROC_KT_TASK},
	{{.name = "fd", .mode = 0500}, PROC_KT_EMPTY},
	{{.name = "map_files", .mode = 0500}, PROC_KT_EMPTY},
	{{.name = "fdinfo", .mode = 0555}, PROC_KT_EMPTY},
	{{.name = "cwd", .mode = 0777}, PROC_KT_LINK},
	{{.name = "root", .mode = 0777}, PROC_KT_LINK},
	{{.name = "exe", .mode = 0777}, PROC_KT_LINK},
	{{.name = "stat", .mode = 0444, .show = show_stat}, PROC_KT_FILE},
	{{.name = "status", .mode = 0444, .show = show_status}, PROC_KT_FILE},
	{{.name = "statm", .mode = 0444, .show = show_statm}, PROC_KT_FILE},
	{{.name = "comm", .mode = 0644, .show = show_comm}, PROC_KT_FILE},
	{{.name = "cmdline", .mode = 0444, .show = show_nothing}, PROC_KT_FILE},
	{{.name = "environ", .mode = 0400, .show = show_nothing}, PROC_KT_FILE},
	{{.name = "maps", .mode = 0444, .show = show_nothing}, PROC_KT_FILE},
	{{.name = "smaps", .mode = 0444, .show = show_nothing}, PROC_KT_FILE},
	{{.name = "oom_score", .mode = 0444, .show = show_zero}, PROC_KT_FILE},
	{{.name = "oom_score_adj", .mode = 0444, .show = show_zero}, PROC_KT_FILE},
	{{.name = "wchan", .mode = 0444, .show = show_wchan}, PROC_KT_FILE},
	{{.name = "cgroup", .mode = 0444, .show = show_cgroup}, PROC_KT_FILE},
	{{.name = "schedstat", .mode = 0444, .show = show_schedstat}, PROC_KT_FILE},
};

/* ---- callbacks ---- */

static int text_enter(struct inode *inode, struct pseudo_text *text)
{
	struct pseudo_inode *pi = pseudo_inode(inode);

	text->arg = pid_kthread_get(pi->pid);
	text->pid = pi->pid;
	return text->arg ? 0 : -ESRCH;
}

static void text_leave(struct inode *inode, struct pseudo_text *text)
{
	thread_put(text->arg);
	text->arg = NULL;
}

static const struct pseudo_guard guard = {.enter = text_enter, .leave = text_leave};

static int file_open_text(struct inode *inode, struct file *f)
{
	return pseudo_text_open(f, pseudo_inode(inode)->file, &guard);
}

static int revalidate(struct dentry *d)
{
	return READ_ONCE(pseudo_inode(d->inode)->pid->kthread) != NULL;
}

static int getattr(struct inode *inode, struct kstat *st)
{
	st->has_btime = false;
	return 0;
}

static int link_follow(struct inode *inode, struct dentry *d, struct path *out)
{
	if (!capable(CAP_SYS_PTRACE))
		return -EACCES;
	return strcmp(pseudo_inode(inode)->file->name, "exe") == 0 ? -ENOENT : root_path(out);
}

static const struct file_ops file_fops = {
	.open = file_open_text, .read = pseudo_text_read, .lseek = pseudo_text_lseek, .release = pseudo_text_release};
static const struct inode_ops file_ops = {.setattr = proc_task_setattr, .getattr = getattr, .revalidate = revalidate};
static const struct inode_ops link_ops = {
	.readlink = proc_link_readlink, .follow = link_follow, .setattr = proc_task_setattr, .getattr = getattr, .revalidate = revalidate};

/* ---- directories ---- */

static int dir_lookup(struct inode *dir, struct dentry *d);
static int dir_iterate(struct file *f, struct dir_emit *e);

static const struct inode_ops dir_ops = {
	.lookup = dir_lookup, .setattr = proc_task_setattr, .getattr = getattr, .revalidate = revalidate};
static const struct file_ops dir_fops = {.read = pseudo_dir_read, .lseek = pseudo_dir_lseek, .iterate = dir_iterate};

static int attach(struct inode *dir, struct dentry *d, struct pid *pid, u8 kind, u32 mode, const struct pseudo_file *file, unsigned entry)
{
	struct inode *inode = inode_alloc(dir->super, NULL, mode);

	if (!inode)
		return -ENOMEM;
	pseudo_inode(inode)->kind = kind;
	pseudo_inode(inode)->file = file;
	pseudo_inode(inode)->pid = pid;
	pid_get(pid);
	inode->ino = proc_ino(pid_nr(pid), entry, kind == PROC_KT_THREAD);
	inode->nlink = S_ISDIR(mode) ? 2 : 1;
	inode->ops = S_ISDIR(mode) ? &dir_ops : S_ISLNK(mode) ? &link_ops : &file_ops;
	inode->fops = S_ISDIR(mode) ? &dir_fops : &file_fops;
	d->flags |= DENTRY_REVALIDATE | DENTRY_UNCACHED;
	dentry_set_inode(d, inode);
	return 0;
}

int proc_attach_kthread(struct inode *dir, struct dentry *d, struct pid *pid, bool in_task)
{
	if (!READ_ONCE(pid->kthread))
		return 0;
	return attach(dir, d, pid, in_task ? PROC_KT_THREAD : PROC_KT_DIR, S_IFDIR | 0555, NULL, 0);
}

static u32 type_of(u8 kind)
{
	return kind == PROC_KT_FILE ? S_IFREG : kind == PROC_KT_LINK ? S_IFLNK : S_IFDIR;
}

/* A thread's own directory in task/ has no task/. */
static bool is_in(size_t i, u8 kind)
{
	return !(kind == PROC_KT_THREAD && entries[i].kind == PROC_KT_TASK);
}

static int dir_lookup(struct inode *dir, struct dentry *d)
{
	struct pseudo_inode *pi = pseudo_inode(dir);

	d->flags |= DENTRY_UNCACHED;
	if (pi->kind == PROC_KT_TASK && proc_parse_nr(d->name, d->len) == pid_nr(pi->pid))
		return proc_found(proc_attach_kthread(dir, d, pi->pid, true), d);
	for (size_t i = 0; i < ARRAY_SIZE(entries) && (pi->kind == PROC_KT_DIR || pi->kind == PROC_KT_THREAD); i++) {
		const struct pseudo_file *file = &entries[i].file;

		if (!strncmp(file->name, d->name, d->len) && !file->name[d->len] && is_in(i, pi->kind))
			return attach(dir, d, pi->pid, entries[i].kind, type_of(entries[i].kind) | file->mode, file, (unsigned)i + 1);
	}
	return -ENOENT;
}

static int dir_iterate(struct file *f, struct dir_emit *e)
{
	struct pseudo_inode *pi = pseudo_inode(f->inode);
	s32 nr = pid_nr(pi->pid);
	char name[12];

	if (!READ_ONCE(pi->pid->kthread))
		return -ENOENT;
	if (!dir_emit_dots(f, e) || pi->kind == PROC_KT_EMPTY)
		return 0;
	if (pi->kind == PROC_KT_TASK) {
		if (e->pos == 2 && e->emit(e, name, (size_t)scnprintf(name, sizeof(name), "%d", nr), proc_ino(nr, 0, true), 4, 2))
			e->pos = 3;
		return 0;
	}
	for (size_t i = (size_t)e->pos - 2; i < ARRAY_SIZE(entries); i++) {
		const char *n = entries[i].file.name;

		if (is_in(i, pi->kind)
			&& !e->emit(e, n, strlen(n), proc_ino(nr, (unsigned)i + 1, pi->kind == PROC_KT_THREAD), type_of(entries[i].kind) >> 12,
				(s64)i + 2))
			return 0;
		e->pos = (s64)i + 3;
	}
	return 0;
}
