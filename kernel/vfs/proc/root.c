/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The root of /proc: the tree of global files, and a directory per process. Each mount of the type is a super block with parameters of its own over the same
 * tree [man proc(5)].
 *
 * Names of tasks are not kept in the name cache longer than they are used, and hold the task's number only, never the task: /proc/PID/x of a process that has
 * ended is -ESRCH, and the number may already be somebody else's directory of the same name.
 */
#include "proc_fs.h"
#include <debug/panic.h>
#include <init/initcall.h>
#include <lib/parse.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <proc/cred.h>
#include <linux/magic.h>
#include <linux/mount.h>

#define PID_OFF (1ll << 32) /* place of pid 0 in readdir */

struct pseudo_node *procfs_root;

static const char *const pid_links[] = {"self", "thread-self"}; /* what subset=pid leaves of the tree */

static bool is_pid_link(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(pid_links); i++) {
		if (strlen(pid_links[i]) == len && memcmp(pid_links[i], name, len) == 0)
			return true;
	}
	return false;
}

bool proc_may_see(const struct super *sb, struct task *t, enum hidepid level)
{
	const struct proc_super *ps = sb->private;

	if (likely(!ps->hidepid))
		return true;
	if (ps->hidepid != HIDEPID_PTRACEABLE) {
		if (ps->hidepid < level || cred_in_group(cred_current(), ps->gid))
			return true;
	}
	return t ? ptrace_may_access(t, PTRACE_READ | PTRACE_FSCREDS) == 0 : capable(CAP_SYS_PTRACE);
}

static int root_lookup(struct inode *dir, struct dentry *d)
{
	const struct proc_super *ps = dir->super->private;
	s32 nr = proc_parse_nr(d->name, d->len);

	if (nr <= 0)
		return ps->pid_only && !is_pid_link(d->name, d->len) ? -ENOENT : proc_found(pseudo_lookup(dir, d), d);
	return proc_found(proc_attach_pid(dir, d, nr, false, NULL), d);
}

/* The entries of the tree. False: the buffer is full. */
static bool emit_tree(struct file *f, struct dir_emit *e)
{
	const struct proc_super *ps = f->inode->super->private;
	struct pseudo_node *root = pseudo_inode(f->inode)->node;

	if (!ps->pid_only)
		return pseudo_iterate_nodes(root, e);
	for (size_t i = (size_t)e->pos - 2; i < ARRAY_SIZE(pid_links); i++) {
		struct pseudo_node *n = pseudo_find(root, pid_links[i], strlen(pid_links[i]));
		bool more = e->emit(e, pid_links[i], strlen(pid_links[i]), n->ino, 10 /* DT_LNK */, (s64)i + 2);

		pseudo_node_put(n);
		if (!more)
			return false;
		e->pos = (s64)i + 3;
	}
	return true;
}

static int root_iterate(struct file *f, struct dir_emit *e)
{
	struct pid *pid;
	s32 nr;

	if (!dir_emit_dots(f, e))
		return 0;
	if (e->pos < PID_OFF) {
		if (!emit_tree(f, e))
			return 0;
		e->pos = PID_OFF + 1;
	}
	for (nr = (s32)(e->pos - PID_OFF); (pid = pid_next_get(nr)); nr++) {
		struct task *leader = pid_task_get(pid, PID_TGID);
		bool more = true;
		char name[12];

		nr = pid_nr(pid);
		if (nr && (leader || READ_ONCE(pid->kthread)) && proc_may_see(f->inode->super, leader, HIDEPID_INVISIBLE))
			more = e->emit(e, name, (size_t)scnprintf(name, sizeof(name), "%d", nr), proc_ino(nr, 0, false), 4, PID_OFF + nr);
		if (leader)
			task_put(leader);
		pid_put(pid);
		if (!more)
			return 0;
		e->pos = PID_OFF + nr + 1;
	}
	return 0;
}

static const struct inode_ops root_ops = {.lookup = root_lookup, .setattr = pseudo_setattr};
static const struct file_ops root_fops = {.read = pseudo_dir_read, .lseek = pseudo_dir_lseek, .iterate = root_iterate};

/* ---- parameters ---- */

enum { P_HIDEPID, P_GID, P_SUBSET };

static const struct fs_param params[] = {
	{"gid", PARAM_GID, P_GID, NULL},
	{"hidepid", PARAM_STRING, P_HIDEPID, NULL},
	{"subset", PARAM_STRING, P_SUBSET, NULL},
	{NULL, 0, 0, NULL},
};
static const struct fs_word hidepid_words[] = {{"off", HIDEPID_OFF}, {"noaccess", HIDEPID_NO_ACCESS}, {"invisible", HIDEPID_INVISIBLE},
	{"ptraceable", HIDEPID_PTRACEABLE}, {NULL, 0}};

struct proc_options {
	struct proc_super set;
	u32 given;
};

static int set_hidepid(struct fs_config *c, struct proc_super *ps, const char *v)
{
	u32 n = 0;

	if (*v >= '0' && *v <= '9' && strtou32(v, 0, &n))
		return fs_config_invalid(c, "Bad value for 'hidepid'");
	for (const struct fs_word *w = hidepid_words; w->name; w++) {
		if (*v >= '0' && *v <= '9' ? w->value == n : strcmp(w->name, v) == 0) {
			ps->hidepid = (u8)w->value;
			return 0;
		}
	}
	return fs_config_invalid(c, "unknown value of hidepid - %s", v);
}

/* A list, though there is one word only. */
static int set_subset(struct fs_config *c, struct proc_super *ps, char *v)
{
	char *word;

	while ((word = strsep(&v, ","))) {
		if (!*word)
			continue;
		if (strcmp(word, "pid"))
			return fs_config_invalid(c, "unsupported subset option - %s\n", word);
		ps->pid_only = true;
	}
	return 0;
}

static int proc_set(struct fs_config *c, const struct fs_param *p, const struct fs_value *v)
{
	struct proc_options *o = c->private;

	o->given |= 1u << p->id;
	switch (p->id) {
	case P_HIDEPID: return set_hidepid(c, &o->set, v->string);
	case P_SUBSET: return set_subset(c, &o->set, v->string);
	default: o->set.gid = (u32)v->number; return 0;
	}
}

static int proc_reconfigure(struct fs_config *c)
{
	struct proc_super *ps = c->super->private;
	const struct proc_options *o = c->private;

	if (o->given & 1u << P_GID)
		WRITE_ONCE(ps->gid, o->set.gid);
	if (o->given & 1u << P_HIDEPID)
		WRITE_ONCE(ps->hidepid, o->set.hidepid);
	if (o->given & 1u << P_SUBSET)
		WRITE_ONCE(ps->pid_only, o->set.pid_only);
	return 0;
}

static size_t proc_show_options(struct super *sb, char *buf, size_t size)
{
	const struct proc_super *ps = sb->private;
	struct strbuf out;

	strbuf_init(&out, buf, size);
	if (ps->gid)
		strbuf_printf(&out, ",gid=%u", ps->gid);
	for (const struct fs_word *w = hidepid_words + 1; w->name; w++) {
		if (w->value == ps->hidepid)
			strbuf_printf(&out, ",hidepid=%s", w->name);
	}
	if (ps->pid_only)
		strbuf_puts(&out, ",subset=pid");
	return out.len;
}

static void proc_kill(struct super *sb)
{
	kfree(sb->private);
}

static const struct super_ops proc_super_ops = {
	.alloc_inode = pseudo_alloc_inode,
	.free_inode = pseudo_free_inode,
	.evict = pseudo_evict,
	.show_options = proc_show_options,
	.kill = proc_kill,
};

static int proc_create(struct fs_config *c)
{
	struct proc_super *ps = kzalloc(sizeof(*ps), 0);
	int err;

	if (!ps)
		return -ENOMEM;
	err = pseudo_super_create(c, &proc_super_ops, PROC_SUPER_MAGIC, procfs_root, &root_ops, &root_fops);
	if (err) {
		kfree(ps);
		return err;
	}
	c->super->private = ps;
	return proc_reconfigure(c);
}

static struct fs_type proc_type = {.name = "proc", .flags = FS_NODEV | FS_USERNS, .params = params,
	.config_size = sizeof(struct proc_options), .set = proc_set, .create = proc_create, .reconfigure = proc_reconfigure};

static ssize_t self_text(struct pseudo_text *t, char *buf, size_t size)
{
	return scnprintf(buf, size, "%d", task_tgid(task_current()));
}

static ssize_t thread_self_text(struct pseudo_text *t, char *buf, size_t size)
{
	return scnprintf(buf, size, "%d/task/%d", task_tgid(task_current()), task_tid(task_current()));
}

static ssize_t mounts_text(struct pseudo_text *t, char *buf, size_t size)
{
	return strscpy(buf, "self/mounts", size);
}

static const struct pseudo_file root_links[] = {
	{.name = "self", .mode = S_IFLNK | 0777, .readlink = self_text},
	{.name = "thread-self", .mode = S_IFLNK | 0777, .readlink = thread_self_text},
	{.name = "mounts", .mode = S_IFLNK | 0777, .readlink = mounts_text},
};

static int procfs_init(void)
{
	pseudo_init();
	procfs_root = pseudo_create_root(0555);
	if (pseudo_add_files(procfs_root, root_links, ARRAY_SIZE(root_links), NULL))
		panic("no memory for /proc");
	proc_global_init();
	proc_stat_init();
	proc_machine_init();
	proc_memory_init();
	proc_sysctl_init();
	fs_register(&proc_type);
	return 0;
}

INITCALL(procfs, "vfs", procfs_init);
