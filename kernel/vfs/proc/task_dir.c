/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/PID and /proc/PID/task/TID: inodes of tasks, who owns them, and the directory of their names (the table is in task_entries.c).
 */
#include "proc_fs.h"
#include <lib/string.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <proc/cred.h>

u64 proc_ino(s32 pid, unsigned entry, bool thread)
{
	return 1ull << 40 | (u64)thread << 39 | (u64)(u32)pid << 8 | entry;
}

s32 proc_parse_nr(const char *name, size_t len)
{
	s64 v = 0;

	if (!len || len > 9 || (name[0] == '0' && len > 1))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return -1;
		v = v * 10 + (name[i] - '0');
	}
	return (s32)v;
}

struct task *proc_inode_task(const struct inode *inode)
{
	return pid_task_get(pseudo_inode(inode)->pid, PID_TID);
}

/* The effective IDs, but root's for what must not be looked into. What everybody may read of a directory stays the user's. */
static void task_owner(struct task *t, u32 mode, u32 *out_uid, u32 *out_gid)
{
	const struct cred *c;
	struct vm_space *s;
	bool dumpable = true;

	if (mode != (S_IFDIR | 0555)) {
		s = task_space_get(t);
		dumpable = s ? READ_ONCE(s->dumpable) == 1 : !t->is_kthread;
		if (s)
			vm_space_put(s);
	}
	c = task_cred_get(t);
	*out_uid = dumpable ? c->euid : 0;
	*out_gid = dumpable ? c->egid : 0;
	cred_put(c);
}

int proc_revalidate(struct dentry *d)
{
	struct inode *inode = d->inode;
	struct task *t = proc_inode_task(inode);
	u32 uid, gid;

	if (!t)
		return 0;
	task_owner(t, inode->mode, &uid, &gid);
	WRITE_ONCE(inode->uid, uid);
	WRITE_ONCE(inode->gid, gid);
	task_put(t);
	return 1;
}

struct pid *procfs_file_pid(const struct file *f)
{
	if (f->ops != &proc_task_dir_fops || pseudo_inode(f->inode)->kind != PROC_TASK_DIR)
		return NULL;
	return pseudo_inode(f->inode)->pid;
}

int proc_task_setattr(struct inode *inode, const struct iattr *attr)
{
	return attr->valid & (IATTR_MODE | IATTR_UID | IATTR_GID) ? -EPERM : pseudo_setattr(inode, attr);
}

int proc_task_getattr(struct inode *inode, struct kstat *st)
{
	struct task *t = proc_inode_task(inode);

	st->has_btime = false;
	st->uid = st->gid = 0;
	if (!t)
		return 0; /* what is open stays what it is, and is root's */
	if (unlikely(!proc_may_see(inode->super, t, HIDEPID_INVISIBLE))) {
		task_put(t);
		return -ENOENT;
	}
	task_owner(t, inode->mode, &st->uid, &st->gid);
	if (pseudo_inode(inode)->kind == PROC_TASK_LIST)
		st->nlink = 2 + READ_ONCE(t->proc->nthreads);
	task_put(t);
	return 0;
}

/* Nobody walks through the directory of a task that is gone. */
int proc_task_permission(struct inode *inode, int mask)
{
	struct task *t = proc_inode_task(inode);
	int err = 0;

	if (!t)
		return -ESRCH;
	if (unlikely(!proc_may_see(inode->super, t, HIDEPID_NO_ACCESS)))
		err = ((const struct proc_super *)inode->super->private)->hidepid == HIDEPID_INVISIBLE ? -ENOENT : -EPERM;
	task_put(t);
	return err ? err : inode_permission_mode(inode, mask);
}

/* ---- callbacks of a task's files ---- */

int proc_space_open(struct task *t, bool attach, struct vm_space **out_space)
{
	if (ptrace_may_access(t, (attach ? PTRACE_ATTACH_MODE : PTRACE_READ) | PTRACE_FSCREDS))
		return -EACCES;
	*out_space = task_space_get(t);
	return 0;
}

static int task_open(struct inode *inode, struct pseudo_text *text)
{
	const struct pseudo_inode *pi = pseudo_inode(inode);
	struct task *t;
	int err = 0;

	if (!(pi->file->flags & PSEUDO_SPACE))
		return 0;
	t = proc_inode_task(inode);
	if (!t)
		return -ESRCH;
	err = proc_space_open(t, pi->file->flags & PSEUDO_ATTACH, &text->space);
	task_put(t);
	return err;
}

static int task_enter(struct inode *inode, struct pseudo_text *text)
{
	const struct pseudo_inode *pi = pseudo_inode(inode);
	struct task *t = proc_inode_task(inode);

	if (!t)
		return -ESRCH;
	if ((pi->file->flags & PSEUDO_PTRACE)
		&& ptrace_may_access(t, (pi->file->flags & PSEUDO_ATTACH ? PTRACE_ATTACH_MODE : PTRACE_READ) | PTRACE_FSCREDS)) {
		task_put(t);
		return -EACCES;
	}
	text->task = t;
	text->pid = pi->pid;
	return 0;
}

static void task_leave(struct inode *inode, struct pseudo_text *text)
{
	task_put(text->task);
	text->task = NULL;
}

static const struct pseudo_guard task_guard = {.open = task_open, .enter = task_enter, .leave = task_leave};

static int task_file_open(struct inode *inode, struct file *f)
{
	int err = pseudo_text_open(f, pseudo_inode(inode)->file, &task_guard);

	if (!err && pseudo_inode(inode)->file->poll)
		(void)pseudo_text_poll(f, NULL); /* what pollers are told of is what comes after this */
	return err;
}

#define TASK_FOPS                                                                                                              \
	.open = task_file_open, .read = pseudo_text_read, .write = pseudo_text_write, .lseek = pseudo_text_lseek,              \
	.ioctl = pseudo_text_ioctl, .release = pseudo_text_release

static const struct file_ops task_file_fops = {TASK_FOPS, .no_splice = true};
static const struct file_ops task_file_poll_fops = {TASK_FOPS, .poll = pseudo_text_poll};
static const struct inode_ops task_file_ops = {
	.setattr = proc_task_setattr, .getattr = proc_task_getattr, .revalidate = proc_revalidate};

/* ---- inodes ---- */

static void set_ops(struct inode *inode, u8 kind, const struct pseudo_file *file)
{
	switch (kind) {
	case PROC_TASK_DIR:
	case PROC_THREAD_DIR:
		inode->ops = &proc_task_dir_ops;
		inode->fops = &proc_task_dir_fops;
		break;
	case PROC_TASK_LIST:
		inode->ops = &proc_task_list_ops;
		inode->fops = &proc_task_list_fops;
		break;
	case PROC_FD_LIST:
		inode->ops = &proc_fd_list_ops;
		inode->fops = &proc_fd_list_fops;
		break;
	case PROC_FDINFO_LIST:
		inode->ops = &proc_fdinfo_list_ops;
		inode->fops = &proc_fdinfo_list_fops;
		break;
	case PROC_LINK: inode->ops = &proc_link_ops; break;
	case PROC_FD: inode->ops = &proc_fd_ops; break;
	case PROC_NS_LIST:
		inode->ops = &proc_ns_list_ops;
		inode->fops = &proc_ns_list_fops;
		break;
	case PROC_NS: inode->ops = &proc_ns_ops; break;
	case PROC_MAP_LIST:
		inode->ops = &proc_map_list_ops;
		inode->fops = &proc_map_list_fops;
		break;
	case PROC_MAP: inode->ops = &proc_map_ops; break;
	default:
		inode->ops = &task_file_ops;
		inode->fops = file->fops ?: file->poll ? &task_file_poll_fops : &task_file_fops;
	}
}

int proc_attach(struct inode *dir, struct dentry *d, struct pid *pid, u8 kind, u32 mode, const struct pseudo_file *file, s32 fd,
	u64 ino)
{
	struct task *t = pid_task_get(pid, PID_TID);
	struct inode *inode;

	if (!t)
		return -ENOENT;
	inode = inode_alloc(dir->super, NULL, mode);
	if (inode) {
		pseudo_inode(inode)->kind = kind;
		pseudo_inode(inode)->file = file;
		pseudo_inode(inode)->fd = fd;
		pseudo_inode(inode)->pid = pid;
		pid_get(pid);
		inode->ino = ino;
		inode->nlink = S_ISDIR(mode) ? 2 : 1;
		inode->data.size = kind == PROC_FD || kind == PROC_MAP ? 64 : 0; /* what Linux says of links to files, however long */
		set_ops(inode, kind, file);
		task_owner(t, mode, &inode->uid, &inode->gid);
		d->flags |= DENTRY_REVALIDATE | DENTRY_UNCACHED;
		dentry_set_inode(d, inode);
	}
	task_put(t);
	return inode ? 0 : -ENOMEM;
}

int proc_attach_pid(struct inode *dir, struct dentry *d, s32 nr, bool thread, struct pid *tgid)
{
	struct pid *pid = pid_find_get(nr);
	struct task *t;
	int err = 0;

	d->flags |= DENTRY_UNCACHED;
	if (!pid)
		return 0;
	t = pid_task_get(pid, PID_TID);
	if (t && ((const struct proc_super *)dir->super->private)->hidepid == HIDEPID_PTRACEABLE
		&& !proc_may_see(dir->super, t, HIDEPID_NO_ACCESS))
		err = -ENOENT;
	else if (t && (!tgid || t->proc->pid == tgid))
		err = proc_attach(dir, d, pid, thread ? PROC_THREAD_DIR : PROC_TASK_DIR, S_IFDIR | 0555, NULL, 0, proc_ino(nr, 0, thread));
	if (t)
		task_put(t);
	else if (!tgid && proc_may_see(dir->super, NULL, HIDEPID_INVISIBLE))
		err = proc_attach_kthread(dir, d, pid, thread);
	pid_put(pid);
	return err == -ENOENT ? 0 : err;
}

/* ---- the directory ---- */

static bool entry_is_in(const struct task_entry *e, u8 kind)
{
	return !(e->file.flags & (kind == PROC_TASK_DIR ? PSEUDO_THREAD : PSEUDO_PROC));
}

static u32 entry_type(const struct task_entry *e)
{
	return e->kind == PROC_LINK ? S_IFLNK : e->kind ? S_IFDIR : S_IFREG;
}

static int task_dir_lookup(struct inode *dir, struct dentry *d)
{
	struct pseudo_inode *pi = pseudo_inode(dir);

	d->flags |= DENTRY_UNCACHED;
	for (size_t i = 0; i < task_entries_nr; i++) {
		const struct task_entry *e = &task_entries[i];

		if (strncmp(e->file.name, d->name, d->len) || e->file.name[d->len] || !entry_is_in(e, pi->kind))
			continue;
		return proc_attach(dir, d, pi->pid, e->kind ?: PROC_FILE, entry_type(e) | e->file.mode, &e->file, 0,
			proc_ino(pid_nr(pi->pid), (unsigned)i + 1, pi->kind == PROC_THREAD_DIR));
	}
	return -ENOENT;
}

static int task_dir_iterate(struct file *f, struct dir_emit *e)
{
	struct pseudo_inode *pi = pseudo_inode(f->inode);
	struct task *t = proc_inode_task(f->inode);

	if (!t)
		return -ENOENT;
	task_put(t);
	if (!dir_emit_dots(f, e))
		return 0;
	for (size_t i = (size_t)e->pos - 2; i < task_entries_nr; i++) {
		const struct task_entry *te = &task_entries[i];

		if (entry_is_in(te, pi->kind)
			&& !e->emit(e, te->file.name, strlen(te->file.name),
				proc_ino(pid_nr(pi->pid), (unsigned)i + 1, pi->kind == PROC_THREAD_DIR), entry_type(te) >> 12, (s64)i + 2))
			return 0;
		e->pos = (s64)i + 3;
	}
	return 0;
}

const struct inode_ops proc_task_dir_ops = {
	.lookup = task_dir_lookup,
	.permission = proc_task_permission,
	.setattr = proc_task_setattr,
	.getattr = proc_task_getattr,
	.revalidate = proc_revalidate,
};
const struct file_ops proc_task_dir_fops = {.read = pseudo_dir_read, .lseek = pseudo_dir_lseek, .iterate = task_dir_iterate};
