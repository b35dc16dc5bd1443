/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The root of /proc: the tree of global files, and a directory per process. One super block serves every mount.
 *
 * Names of tasks are not kept in the name cache longer than they are used, and hold the task's number only, never the task: /proc/PID/x of a process that has
 * ended is -ESRCH, and the number may already be somebody else's directory of the same name.
 */
#include "proc_fs.h"
#include <debug/panic.h>
#include <init/initcall.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <linux/magic.h>
#include <linux/mount.h>

#define PID_OFF (1ll << 32) /* place of pid 0 in readdir */

struct pseudo_node *procfs_root;
static struct mount *proc_mount;

static int root_lookup(struct inode *dir, struct dentry *d)
{
	s32 nr = proc_parse_nr(d->name, d->len);

	return proc_found(nr > 0 ? proc_attach_pid(dir, d, nr, false, NULL) : pseudo_lookup(dir, d), d);
}

static int root_iterate(struct file *f, struct dir_emit *e)
{
	struct pid *pid;
	s32 nr;

	if (!dir_emit_dots(f, e))
		return 0;
	if (e->pos < PID_OFF) {
		if (!pseudo_iterate_nodes(pseudo_inode(f->inode)->node, e))
			return 0;
		e->pos = PID_OFF + 1;
	}
	for (nr = (s32)(e->pos - PID_OFF); (pid = pid_next_get(nr)); nr++) {
		bool leader, more = true;
		char name[12];

		nr = pid_nr(pid);
		rcu_read_lock();
		leader = pid_task_rcu(pid, PID_TGID) || READ_ONCE(pid->kthread);
		rcu_read_unlock();
		if (leader && nr)
			more = e->emit(e, name, (size_t)scnprintf(name, sizeof(name), "%d", nr), proc_ino(nr, 0, false), 4, PID_OFF + nr);
		pid_put(pid);
		if (!more)
			return 0;
		e->pos = PID_OFF + nr + 1;
	}
	return 0;
}

static const struct inode_ops root_ops = {.lookup = root_lookup, .setattr = pseudo_setattr};
static const struct file_ops root_fops = {.read = pseudo_dir_read, .lseek = pseudo_dir_lseek, .iterate = root_iterate};

static const struct super_ops proc_super_ops = {
	.alloc_inode = pseudo_alloc_inode,
	.free_inode = pseudo_free_inode,
	.evict = pseudo_evict,
	.statfs = pseudo_statfs,
};

/* hidepid=0 is what there is; gid= says whom another value would spare. */
static int check_options(const char *options)
{
	char *copy, *rest, *word;
	int err = 0;

	if (!options || !*options)
		return 0;
	copy = rest = kstrdup(options, 0);
	if (!copy)
		return -ENOMEM;
	while (!err && (word = strsep(&rest, ","))) {
		if (*word && strcmp(word, "hidepid=0") && strcmp(word, "hidepid=off") && !str_has_prefix(word, "gid="))
			err = -EINVAL;
	}
	kfree(copy);
	return err;
}

static int proc_fs_mount(struct fs_type *t, unsigned sb_flags, const char *source, const char *options, struct super **out)
{
	int err = check_options(options);

	if (err)
		return err;
	if (!proc_mount)
		return pseudo_mount(t, &proc_super_ops, sb_flags, PROC_SUPER_MAGIC, procfs_root, &root_ops, &root_fops, out);
	super_get(proc_mount->super);
	*out = proc_mount->super;
	return 0;
}

static struct fs_type proc_type = {.name = "proc", .flags = FS_NODEV | FS_USERNS, .mount = proc_fs_mount};

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
	return mount_internal(&proc_type, NULL, &proc_mount);
}

INITCALL(procfs, "vfs", procfs_init);
