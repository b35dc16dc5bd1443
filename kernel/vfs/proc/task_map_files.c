/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/PID/map_files: a magic link START-END to the file of each area that maps one. The place in readdir is the page of the area's start.
 */
#include "proc_fs.h"
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/page.h>
#include <mm/space.h>
#include <proc/cred.h>

struct mapped {
	vaddr_t start, end;
	bool found;
	u32 mode;
	struct path path; /* referenced, when found */
};

static bool area_file(struct vm_area *a, struct mapped *m)
{
	const struct file *f = a->backing;

	if (!a->backing_ops || a->backing_ops->get != file_backing_ops.get)
		return false;
	*m = (struct mapped){a->start, a->end, true, S_IFLNK | (f->mode & FMODE_READ ? 0400 : 0) | (f->mode & FMODE_WRITE ? 0200 : 0), f->path};
	path_get(&m->path);
	return true;
}

/* The first area from the start on that has a file. */
static bool take_next(struct vm_area *a, void *arg)
{
	return !area_file(a, arg);
}

/* The area that is exactly this, if it has one. */
static bool take_exact(struct vm_area *a, void *arg)
{
	struct mapped *m = arg;

	if (a->start == m->start && a->end == m->end)
		(void)area_file(a, m);
	return false;
}

static int find(const struct inode *inode, bool exact, struct mapped *m)
{
	struct task *t = proc_inode_task(inode);
	struct vm_space *s;
	int err;

	if (!t)
		return -ENOENT;
	err = ptrace_may_access(t, PTRACE_READ | PTRACE_FSCREDS) ? -EACCES : 0;
	s = err ? NULL : task_space_get(t);
	task_put(t);
	m->found = false;
	if (s) {
		vm_for_each_area(s, m->start, exact ? take_exact : take_next, m);
		vm_space_put(s);
	}
	return err ? err : m->found ? 0 : -ENOENT;
}

/* Hexadecimal digits without leading zeroes up to @end; NULL: it is not that. */
static const char *parse_address(const char *s, char end, u64 *out)
{
	const char *first = s;
	u64 v = 0;

	for (; *s != end; s++) {
		u32 digit = *s >= '0' && *s <= '9' ? (u32)(*s - '0') : (*s | 32) >= 'a' && (*s | 32) <= 'f' ? (u32)((*s | 32) - 'a' + 10) : 16;

		if (digit == 16 || v >> 60)
			return NULL;
		v = v << 4 | digit;
	}
	if (s == first || (*first == '0' && s - first > 1))
		return NULL;
	*out = v;
	return s + 1;
}

static bool parse_name(const struct dentry *d, struct mapped *m)
{
	const char *s = parse_address(d->name, '-', &m->start);

	return s && parse_address(s, '\0', &m->end) && strlen(d->name) == d->len;
}

/* ---- the links ---- */

static int find_link(const struct dentry *d, struct mapped *m)
{
	return parse_name(d, m) ? find(d->inode, true, m) : -ENOENT;
}

static int link_revalidate(struct dentry *d)
{
	struct mapped m;

	if (find_link(d, &m))
		return 0;
	WRITE_ONCE(d->inode->mode, m.mode);
	path_put(&m.path);
	return proc_revalidate(d);
}

/* What the link leads to may have no name that the caller could reach: that is for who restores processes. */
static int link_follow(struct inode *inode, struct dentry *d, struct path *out)
{
	struct mapped m;
	int err;

	if (!capable(CAP_CHECKPOINT_RESTORE) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	err = find_link(d, &m);
	if (!err)
		*out = m.path;
	return err;
}

static int link_readlink(struct inode *inode, struct dentry *d, char *buf, size_t size)
{
	struct mapped m;
	int err = find_link(d, &m);

	return err ? err : proc_path_text_put(&m.path, buf, size);
}

const struct inode_ops proc_map_ops = {
	.readlink = link_readlink,
	.follow = link_follow,
	.setattr = proc_task_setattr,
	.getattr = proc_task_getattr,
	.revalidate = link_revalidate,
};

/* ---- the directory ---- */

static u64 link_ino(const struct pseudo_inode *dir, vaddr_t start)
{
	return 5ull << 60 | (u64)(u32)pid_nr(dir->pid) << 36 | start >> PAGE_SHIFT;
}

static int list_lookup(struct inode *dir, struct dentry *d)
{
	struct pseudo_inode *pi = pseudo_inode(dir);
	struct mapped m;
	int err;

	d->flags |= DENTRY_UNCACHED;
	if (!parse_name(d, &m))
		return -ENOENT;
	err = find(dir, true, &m);
	if (err)
		return err;
	path_put(&m.path);
	return proc_found(proc_attach(dir, d, pi->pid, PROC_MAP, m.mode, NULL, 0, link_ino(pi, m.start)), d);
}

static int list_iterate(struct file *f, struct dir_emit *e)
{
	struct pseudo_inode *pi = pseudo_inode(f->inode);
	struct mapped m;
	char name[40];
	int err;

	if (!dir_emit_dots(f, e))
		return 0;
	for (;;) {
		m.start = (vaddr_t)(e->pos - 2) << PAGE_SHIFT;
		err = find(f->inode, false, &m);
		if (err)
			return err == -ENOENT ? 0 : err;
		path_put(&m.path);
		if (!e->emit(e, name, (size_t)scnprintf(name, sizeof(name), "%llx-%llx", (u64)m.start, (u64)m.end), link_ino(pi, m.start),
			    10 /* DT_LNK */, (s64)(m.start >> PAGE_SHIFT) + 2))
			return 0;
		e->pos = (s64)(m.end >> PAGE_SHIFT) + 2;
	}
}

const struct inode_ops proc_map_list_ops = {
	.lookup = list_lookup,
	.permission = proc_list_permission,
	.setattr = proc_task_setattr,
	.getattr = proc_task_getattr,
	.revalidate = proc_revalidate,
};
const struct file_ops proc_map_list_fops = {.read = pseudo_dir_read, .lseek = pseudo_dir_lseek, .iterate = list_iterate};
