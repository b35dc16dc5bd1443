/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open files: their life.
 *
 *   file_alloc ──open──► in use (refs > 0) ──last put──► released in thread context ──RCU──► slab
 *
 * The last put may happen anywhere that may not sleep, so the release is deferred: to the return to user mode of the task that put, or, for kernel threads and
 * tasks that exit, to a work item with a lock-free list. close(2) and the end of a descriptor table call file_put_sync and save the way.
 *
 * The number of open files is counted per CPU and folded in steps of FILE_BATCH, so ENFILE may come that many files per CPU late.
 */
#include "vfs_impl.h"
#include <debug/panic.h>
#include <arch/smp.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <sched/work.h>
#include <sync/pcounter.h>
#include <vfs/fown.h>
#include <vfs/fs_config.h>
#include <vfs/locks.h>
#include <vfs/notify.h>
#include <io/epoll.h>
#include <linux/magic.h>

LOCK_CLASS(file, RANK_LEAF - 1, "one open file: flags, owner, watchers");
LOCK_CLASS(file_pos, RANK_FILE_POS, "position of an open file");

#define FILE_BATCH 32

static struct slab_cache *file_cache;
static DEFINE_PER_CPU(s32, file_delta);
static struct atomic64 nr_files;
u64 vfs_file_max = 1u << 20;
static struct mount *anon_mount, *sock_mount;
static struct inode *anon_inode;
const struct file_ops *vfs_fifo_ops;

static_assert(sizeof(struct task_work) == sizeof(struct rcu_head), "a file waits for its release in its rcu head");

void vfs_set_fifo_ops(const struct file_ops *ops)
{
	vfs_fifo_ops = ops;
}

void file_init(void)
{
	file_cache = slab_cache_create("file", sizeof(struct file), 64, SLAB_PANIC);
}

static void count_files(s32 n)
{
	s32 d;

	preempt_disable();
	d = this_cpu_read(file_delta) + n;
	if (unlikely(d >= FILE_BATCH || d <= -FILE_BATCH)) {
		atomic64_add_relaxed(&nr_files, d);
		d = 0;
	}
	this_cpu_write(file_delta, d);
	preempt_enable();
}

u64 vfs_files(void)
{
	s64 n = atomic64_load_relaxed(&nr_files);

	for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
		n += READ_ONCE(*per_cpu_ptr(&file_delta, cpu));
	return (u64)max(n, 0ll);
}

int file_alloc(unsigned o_flags, struct file **out)
{
	struct file *f;
	s64 n = (s64)atomic64_load_relaxed(&nr_files); /* less than 0 while CPUs have not folded what they opened */

	if (unlikely(n > 0 && (u64)n > vfs_file_max && !capable(CAP_SYS_ADMIN)))
		return -ENFILE;
	f = slab_alloc(file_cache, 0);
	if (!f)
		return -ENOMEM;
	count_files(1);
	f->refs = 1;
	f->mode = 0;
	f->flags = o_flags;
	f->ops = NULL;
	f->inode = NULL;
	f->path = (struct path){NULL, NULL};
	f->pos = 0;
	mutex_init(&f->pos_lock, file_pos);
	spin_init(&f->lock, file);
	f->cred = cred_current();
	cred_get(f->cred);
	f->private = NULL;
	list_init(&f->epoll_watches);
	f->owner = NULL;
	f->ahead = (struct file_ahead){0};
	f->cache_error = f->bdi_error = 0;
	*out = f;
	return 0;
}

static void file_free_rcu(struct rcu_head *head)
{
	slab_free(file_cache, container_of(head, struct file, rcu));
}

void file_free(struct file *f)
{
	count_files(-1);
	cred_put(f->cred);
	rcu_call(&f->rcu, file_free_rcu);
}

/* refs is 0. Thread context. */
static void file_release(struct file *f)
{
	u32 mode = f->mode;

	if (mode & FMODE_OPENED)
		notify_file(f, mode & FMODE_WRITE ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
	if (unlikely(mode & FMODE_EPOLLED))
		epoll_file_release(f);
	if (unlikely(f->flags & FASYNC) && f->ops->fasync)
		(void)f->ops->fasync(f, -1, false);
	if (unlikely(mode & FMODE_EXEC))
		inode_allow_write(f->inode);
	if (unlikely(mode & FMODE_LOCKED))
		file_locks_release(f);
	if ((mode & FMODE_OPENED) && f->ops->release)
		f->ops->release(f);
	if (unlikely(f->owner))
		file_owner_free(f);
	if (mode & FMODE_WRITER) {
		inode_put_write(f->inode);
		mount_drop_write(f->path.mnt);
	}
	if (unlikely(mode & FMODE_DISSOLVE))
		mount_dissolve(f->path.mnt);
	if (f->path.dentry)
		path_put(&f->path);
	file_free(f);
}

static struct file *delayed; /* linked by rcu.next */

static void release_delayed(struct work *w)
{
	struct rcu_head *h = (void *)__atomic_exchange_n(&delayed, NULL, __ATOMIC_ACQUIRE);

	while (h) {
		struct rcu_head *next = h->next;

		file_release(container_of(h, struct file, rcu));
		h = next;
	}
}

static struct work delayed_work = WORK_INIT(release_delayed);

static void release_task_work(struct task_work *w)
{
	file_release(container_of((struct rcu_head *)(void *)w, struct file, rcu));
}

void file_get(struct file *f)
{
	__atomic_fetch_add(&f->refs, 1, __ATOMIC_RELAXED);
}

bool file_tryget(struct file *f)
{
	u64 old = READ_ONCE(f->refs);

	do {
		if (unlikely(!old))
			return false;
	} while (!__atomic_compare_exchange_n(&f->refs, &old, old + 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return true;
}

static NOINLINE void release_later(struct file *f)
{
	struct task *t = task_current_or_null();
	struct task_work *w = (struct task_work *)(void *)&f->rcu;
	struct rcu_head *h = &f->rcu;
	struct file *head;

	if (t) {
		w->fn = release_task_work;
		if (task_work_add(t, w))
			return;
	}
	head = READ_ONCE(delayed);
	do {
		h->next = (void *)head;
	} while (!__atomic_compare_exchange_n(&delayed, &head, (struct file *)(void *)h, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	work_queue(&delayed_work);
}

void file_put(struct file *f)
{
	if (unlikely(__atomic_fetch_sub(&f->refs, 1, __ATOMIC_ACQ_REL) == 1))
		release_later(f);
}

void file_put_sync(struct file *f)
{
	if (__atomic_fetch_sub(&f->refs, 1, __ATOMIC_ACQ_REL) == 1)
		file_release(f);
}

void file_mark_epolled(struct file *f)
{
	__atomic_fetch_or(&f->mode, FMODE_EPOLLED, __ATOMIC_RELAXED);
}

/* ---- files in no directory ---- */

int anon_inode_getattr(struct inode *inode, struct kstat *st)
{
	st->has_btime = false;
	return 0;
}

static const struct inode_ops anon_inode_ops = {.getattr = anon_inode_getattr};

static const struct super_ops anon_super_ops = {0};

int anon_super_create(struct fs_config *c, const struct super_ops *ops, u64 magic)
{
	struct super *sb;
	struct inode *root;
	int err = super_create(c->type, ops, c->sb_flags, &sb);

	if (err)
		return err;
	sb->magic = magic;
	sb->flags |= SUPER_NOUSER;
	root = inode_alloc(sb, NULL, S_IFDIR | 0500);
	if (root)
		root->ops = &anon_inode_ops;
	sb->root = root ? dentry_create_root(sb, root) : NULL;
	if (!sb->root) {
		super_put(sb);
		return -ENOMEM;
	}
	c->super = sb;
	return 0;
}

static int pipefs_create(struct fs_config *c)
{
	return anon_super_create(c, &anon_super_ops, PIPEFS_MAGIC);
}

static int sockfs_create(struct fs_config *c)
{
	return anon_super_create(c, &anon_super_ops, SOCKFS_MAGIC);
}

static struct fs_type pipefs_type = {.name = "pipefs", .flags = FS_NODEV | FS_INTERNAL, .create = pipefs_create};
static struct fs_type sockfs_type = {.name = "sockfs", .flags = FS_NODEV | FS_INTERNAL, .create = sockfs_create};

int pipefs_init(void)
{
	int err;

	fs_register(&pipefs_type);
	fs_register(&sockfs_type);
	err = mount_internal(&pipefs_type, NULL, &anon_mount);
	if (!err)
		err = mount_internal(&sockfs_type, NULL, &sock_mount);
	if (err)
		return err;
	err = inode_create_anon("[anon]", 0600, &anon_inode);
	return err;
}

int inode_create_anon(const char *kind, u32 mode, struct inode **out)
{
	struct mount *mnt = S_ISSOCK(mode) ? sock_mount : anon_mount;
	struct inode *inode = inode_alloc(mnt->super, mnt->root->inode, mode);

	if (!inode)
		return -ENFILE;
	inode->ops = &anon_inode_ops;
	inode->flags = INODE_ANON | INODE_NOATIME;
	inode_init_special(inode, 0);
	*out = inode;
	return 0;
}

int file_create_inode(struct inode *inode, const char *kind, const struct file_ops *ops, void *priv, unsigned o_flags,
	struct file **out)
{
	struct mount *mnt = inode->super == sock_mount->super ? sock_mount : anon_mount;
	struct dentry *d;
	struct file *f;
	int err = file_alloc(o_flags & ~(unsigned)(O_CLOEXEC | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC), &f);

	if (err)
		return err;
	inode_get(inode);
	d = dentry_create_anon(mnt->super, kind, inode, DENTRY_ANON);
	if (!d) {
		file_free(f);
		return -ENOMEM;
	}
	mount_get(mnt);
	f->path = (struct path){.mnt = mnt, .dentry = d};
	f->inode = inode;
	f->ops = ops;
	f->private = priv;
	f->mode = FMODE_OPENED | FMODE_NOWAIT | (((o_flags + 1) & O_ACCMODE) & FMODE_READ ? FMODE_READ : 0)
		| (((o_flags + 1) & O_ACCMODE) & FMODE_WRITE ? FMODE_WRITE : 0);
	*out = f;
	return 0;
}

int file_create_anon(const char *name, const struct file_ops *ops, void *priv, unsigned o_flags, struct file **out)
{
	return file_create_inode(anon_inode, name, ops, priv, o_flags, out);
}

s64 file_lseek_noop(struct file *f, s64 off, int whence)
{
	return f->pos;
}
