/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cgroup2, the file system: each mount of the type shows the one tree.
 *
 * Directories and files are names that the kernel makes in memory (<vfs/memfs.h>), so owners, modes and extended attributes stay as they are set. A directory is filled
 * before anybody can see it. Order of locks: the directory's, then cgroup_mutex; a file's text comes before both, so writing to one may lock directories.
 */
#include "cgroup_impl.h"
#include <debug/panic.h>
#include <init/initcall.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <linux/eventpoll.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <mm/slab.h>
#include <vfs/dentry.h>
#include <vfs/file.h>
#include <vfs/fs_config.h>
#include <vfs/inode.h>
#include <vfs/memfs.h>
#include <vfs/mount.h>
#include <vfs/namei.h>
#include <vfs/procfs.h>
#include <vfs/sysfs.h>
#include <io/poll.h>

u32 cgroup_options;
static struct mount *cgroup_mount;

/* ---- files ---- */

static u32 poll_events(struct pseudo_text *t, struct poll_table *pt);

#define TEXT_(id_, name_, mode_, ...) [id_] = {.text = {.name = name_, .mode = mode_, __VA_ARGS__}}
#define SUB_(id_, name_, mode_, ...) [id_] = {.text = {.name = name_, .mode = mode_, __VA_ARGS__}, .not_in_root = true}
#define PIDS_(id_, name_, mode_, ...) \
	[id_] = {.text = {.name = name_, .mode = mode_, __VA_ARGS__}, .not_in_root = true, .controller = CONTROLLER_PIDS}

static const struct file_type {
	struct pseudo_file text;
	bool not_in_root;
	u32 controller; /* that it belongs to; 0: always there */
} types[CGF_COUNT] = {
	SUB_(CGF_TYPE, "cgroup.type", 0644, .show = cgroup_show_type, .store = cgroup_store_type),
	TEXT_(CGF_PROCS, "cgroup.procs", 0644, .show = cgroup_show_procs, .store = cgroup_store_procs),
	TEXT_(CGF_THREADS, "cgroup.threads", 0644, .show = cgroup_show_threads, .store = cgroup_store_threads),
	TEXT_(CGF_CONTROLLERS, "cgroup.controllers", 0444, .show = cgroup_show_controllers),
	TEXT_(CGF_SUBTREE_CONTROL, "cgroup.subtree_control", 0644, .show = cgroup_show_subtree_control, .store = cgroup_store_subtree_control),
	SUB_(CGF_EVENTS, "cgroup.events", 0444, .show = cgroup_show_events, .poll = poll_events),
	TEXT_(CGF_MAX_DESCENDANTS, "cgroup.max.descendants", 0644, .show = cgroup_show_max_descendants, .store = cgroup_store_max_descendants),
	TEXT_(CGF_MAX_DEPTH, "cgroup.max.depth", 0644, .show = cgroup_show_max_depth, .store = cgroup_store_max_depth),
	TEXT_(CGF_STAT, "cgroup.stat", 0444, .show = cgroup_show_stat),
	TEXT_(CGF_CPU_STAT, "cpu.stat", 0444, .show = cgroup_show_cpu_stat),
	SUB_(CGF_FREEZE, "cgroup.freeze", 0644, .show = cgroup_show_freeze, .store = cgroup_store_freeze),
	SUB_(CGF_KILL, "cgroup.kill", 0200, .store = cgroup_store_kill),
	PIDS_(CGF_PIDS_MAX, "pids.max", 0644, .show = cgroup_show_pids_max, .store = cgroup_store_pids_max),
	PIDS_(CGF_PIDS_CURRENT, "pids.current", 0444, .show = cgroup_show_pids_current),
	PIDS_(CGF_PIDS_PEAK, "pids.peak", 0444, .show = cgroup_show_pids_peak),
	PIDS_(CGF_PIDS_EVENTS, "pids.events", 0444, .show = cgroup_show_pids_events, .poll = poll_events),
	PIDS_(CGF_PIDS_EVENTS_LOCAL, "pids.events.local", 0444, .show = cgroup_show_pids_events_local, .poll = poll_events),
};

static struct cgroup_file *file_of(const struct inode *inode)
{
	return inode->private;
}

static const struct file_type *type_of(const struct cgroup_file *cf)
{
	return &types[cf - cf->cg->files];
}

/* What is read now will not be told by poll again: ahead.words keeps the count, as nobody reads ahead here. */
static int text_enter(struct inode *inode, struct pseudo_text *t)
{
	struct cgroup_file *cf = file_of(inode);

	if (READ_ONCE(cf->cg->dead))
		return -ENODEV;
	t->arg = cf->cg;
	return 0;
}

static void text_leave(struct inode *inode, struct pseudo_text *t)
{
}

static const struct pseudo_guard text_guard = {.enter = text_enter, .leave = text_leave};

static void seen(struct file *f)
{
	f->ahead.words[0] = __atomic_load_n(&file_of(f->inode)->events, __ATOMIC_ACQUIRE);
}

static u32 poll_events(struct pseudo_text *t, struct poll_table *pt)
{
	const struct cgroup_file *cf = file_of(t->file->inode);
	u32 ready = EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;

	poll_wait(pt, t->file, &cf->cg->wait);
	if ((u32)t->file->ahead.words[0] != __atomic_load_n(&cf->events, __ATOMIC_ACQUIRE))
		ready |= EPOLLERR | EPOLLPRI;
	return ready;
}

static int text_open(struct inode *inode, struct file *f)
{
	if (READ_ONCE(file_of(inode)->cg->dead))
		return -ENODEV;
	seen(f);
	return pseudo_text_open(f, &type_of(file_of(inode))->text, &text_guard);
}

static ssize_t text_read(struct file *f, struct iobuf *to, s64 *pos, unsigned rwf)
{
	seen(f);
	return pseudo_text_read(f, to, pos, rwf);
}

static const struct file_ops text_fops = {
	.open = text_open,
	.read = text_read,
	.write = pseudo_text_write,
	.lseek = pseudo_text_lseek,
	.poll = pseudo_text_poll,
	.release = pseudo_text_release,
};

/* Does the directory of @cg have this file? Mutex. */
static bool is_wanted(const struct cgroup *cg, const struct file_type *ft)
{
	if (!ft->text.name || (ft->not_in_root && !cg->parent))
		return false;
	return !ft->controller || (cgroup_controllers(cg) & ft->controller);
}

/* Make what is missing and remove what is too much in @dir, the directory of @cg at dentry @at. Directory's lock and mutex. */
static int MUST_CHECK fill_dir(struct cgroup *cg, struct dentry *at, struct inode *dir)
{
	int err = 0;

	for (unsigned id = 0; id < CGF_COUNT; id++) {
		struct cgroup_file *cf = &cg->files[id];
		bool want = is_wanted(cg, &types[id]);

		if (id == CGF_DIR || want == !!cf->dentry)
			continue;
		if (!want) {
			memfs_remove_named(dir, cf->dentry);
			cf->dentry = NULL;
			continue;
		}
		cgroup_get(cg);
		err = memfs_add_named(at, dir, types[id].text.name, types[id].text.mode, &text_fops, cf, &cf->dentry);
		if (err) {
			cgroup_put(cg);
			break;
		}
	}
	return err;
}

static void empty_dir(struct cgroup *cg, struct inode *dir)
{
	for (unsigned id = 0; id < CGF_COUNT; id++) {
		struct cgroup_file *cf = &cg->files[id];

		if (id != CGF_DIR && cf->dentry)
			memfs_remove_named(dir, cf->dentry);
		cf->dentry = NULL;
	}
}

int cgroup_sync_files(struct cgroup *cg)
{
	struct dentry *d;
	int err = 0;

	mutex_lock(&cgroup_mutex);
	d = cg->files[CGF_DIR].dentry;
	if (d)
		dentry_get(d);
	mutex_unlock(&cgroup_mutex);
	if (!d)
		return 0;
	write_lock(&d->inode->lock);
	mutex_lock(&cgroup_mutex);
	if (!cg->dead)
		err = fill_dir(cg, d, d->inode);
	mutex_unlock(&cgroup_mutex);
	write_unlock(&d->inode->lock);
	dentry_put(d);
	return err;
}

/* ---- directories ---- */

static bool is_too_many(const struct cgroup *parent)
{
	s32 level = 0;

	for (; parent; parent = parent->parent, level++) {
		if (parent->ndescendants >= parent->max_descendants || level >= parent->max_depth)
			return true;
	}
	return false;
}

/* The new group's directory, complete but for its name. Mutex. */
static int MUST_CHECK make_dir(struct cgroup *cg, struct inode *parent, struct dentry *d, u32 mode, struct inode **out)
{
	struct inode *dir;
	int err;

	cgroup_get(cg);
	err = memfs_new_dir(parent, mode & 07777, &cgroup_dir_ops, &cg->files[CGF_DIR], &dir);
	if (err) {
		cgroup_put(cg);
		return err;
	}
	err = fill_dir(cg, d, dir);
	if (err) {
		empty_dir(cg, dir);
		inode_put(dir);
		return err;
	}
	*out = dir;
	return 0;
}

static int cgroup_mkdir(struct inode *parent, struct dentry *d, u32 mode)
{
	struct cgroup *up = file_of(parent)->cg, *cg;
	struct inode *dir;
	int err;

	if (memchr(d->name, '\n', d->len))
		return -EINVAL;
	err = cgroup_lock_live(up);
	if (err)
		return err;
	err = -EAGAIN;
	if (is_too_many(up))
		goto out;
	err = -ENOMEM;
	cg = cgroup_alloc(up, d->name, d->len);
	if (!cg)
		goto out;
	err = make_dir(cg, parent, d, mode, &dir);
	if (!err) {
		cg->files[CGF_DIR].dentry = d;
		cgroup_enter(cg);
		memfs_link_dir(parent, d, dir);
	}
	cgroup_put(cg); /* its files hold it */
out:
	mutex_unlock(&cgroup_mutex);
	return err;
}

static int cgroup_rmdir(struct inode *parent, struct dentry *d)
{
	struct cgroup *cg = file_of(d->inode)->cg;
	int err;

	mutex_lock(&cgroup_mutex);
	err = cgroup_leave(cg);
	if (!err) {
		empty_dir(cg, d->inode);
		memfs_unlink_dir(parent, d);
		cgroup_file_changed(cg, CGF_EVENTS); /* who polls it goes away */
	}
	mutex_unlock(&cgroup_mutex);
	return err;
}

const struct inode_ops cgroup_dir_ops = {.lookup = memfs_lookup, .mkdir = cgroup_mkdir, .rmdir = cgroup_rmdir, MEMFS_ATTRIBUTE_OPS};

static void cgroup_evict(struct inode *inode)
{
	if (file_of(inode))
		cgroup_put(file_of(inode)->cg);
}

/* ---- mounting ---- */

static const struct fs_param options[] = {
	{"nsdelegate", PARAM_FLAG, 0, NULL},
	{"favordynmods", PARAM_FLAG, 1, NULL},
	{"memory_localevents", PARAM_FLAG, 2, NULL},
	{"memory_recursiveprot", PARAM_FLAG, 3, NULL},
	{"memory_hugetlb_accounting", PARAM_FLAG, 4, NULL},
	{"pids_localevents", PARAM_FLAG, 5, NULL}, /* ids: bits of enum cgroup_option */
	{NULL, 0, 0, NULL},
};
#define NR_OPTIONS (ARRAY_SIZE(options) - 1)

static int set_option(struct fs_config *c, const struct fs_param *p, const struct fs_value *v)
{
	*(u32 *)c->private |= 1u << p->id;
	return 0;
}

/* What a mount does not name is off for all. */
static int take_options(struct fs_config *c)
{
	WRITE_ONCE(cgroup_options, *(const u32 *)c->private);
	return 0;
}

static size_t show_options(struct super *sb, char *buf, size_t size)
{
	u32 set = READ_ONCE(cgroup_options);
	struct strbuf out;

	strbuf_init(&out, buf, size);
	for (size_t i = 0; i < NR_OPTIONS; i++) {
		if (set & 1u << options[i].id)
			strbuf_printf(&out, ",%s", options[i].name);
	}
	return out.len;
}

/* The first: the root group's directory, mounted inside the kernel only. */
static int make_super(const struct fs_type *t, struct super **out)
{
	struct cgroup_file *dir = &cgroup_root->files[CGF_DIR];
	struct dentry *d;
	int err = memfs_create(t, &cgroup_dir_ops, cgroup_evict, out);

	if (err)
		return err;
	memfs_set_show_options(*out, show_options);
	memfs_keep_ids(*out);
	(*out)->magic = CGROUP2_SUPER_MAGIC;
	d = (*out)->root;
	d->inode->mode = S_IFDIR | 0755;
	cgroup_get(cgroup_root);
	d->inode->private = dir;
	dir->dentry = d;
	return cgroup_sync_files(cgroup_root);
}

static int create_super(struct fs_config *c)
{
	return cgroup_mount ? take_options(c) ?: fs_config_share(c, cgroup_mount->super) : make_super(c->type, &c->super);
}

static struct fs_type cgroup2_type = {.name = "cgroup2", .flags = FS_NODEV | FS_USERNS, .params = options, .config_size = sizeof(u32),
	.set = set_option, .create = create_super, .reconfigure = take_options};

/* ---- /sys/kernel/cgroup, /proc/cgroups ---- */

static int show_features(struct pseudo_text *t)
{
	for (size_t i = 0; i < NR_OPTIONS; i++)
		strbuf_printf(&t->sb, "%s\n", options[i].name);
	return 0;
}

/* What a delegatee is to own, beside the directory. */
static int show_delegate(struct pseudo_text *t)
{
	strbuf_puts(&t->sb, "cgroup.procs\ncgroup.threads\ncgroup.subtree_control\n");
	return 0;
}

static int show_cgroups(struct pseudo_text *t)
{
	strbuf_printf(&t->sb, "#subsys_name\thierarchy\tnum_cgroups\tenabled\npids\t0\t%d\t1\n", READ_ONCE(cgroup_root->ndescendants) + 1);
	return 0;
}

static const struct pseudo_file sys_files[] = {
	{.name = "features", .mode = 0444, .show = show_features},
	{.name = "delegate", .mode = 0444, .show = show_delegate},
};
static const struct pseudo_file proc_file = {.name = "cgroups", .mode = 0444, .show = show_cgroups};

static int cgroup_fs_init(void)
{
	struct pseudo_node *dir;
	int err = pseudo_make_path(sysfs_fs, "cgroup", &dir);

	if (!err)
		err = pseudo_make_path(sysfs_kernel, "cgroup", &dir);
	if (!err)
		err = pseudo_add_files(dir, sys_files, ARRAY_SIZE(sys_files), NULL);
	if (!err)
		err = pseudo_add_file(procfs_root, &proc_file, NULL, NULL);
	if (err)
		return err;
	fs_register(&cgroup2_type);
	return mount_internal(&cgroup2_type, NULL, &cgroup_mount);
}
INITCALL(cgroup_fs, "cgroup sysfs procfs", cgroup_fs_init);
