/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Super blocks and the types of file systems.
 */
#include "vfs_impl.h"
#include <lib/string.h>
#include <lib/strbuf.h>
#include <mm/slab.h>
#include <vfs/fs_config.h>
#include <vfs/notify.h>
#include <linux/mount.h>

LOCK_CLASS(super_list, RANK_LEAF, "the list of super blocks and of file system types");
LOCK_CLASS(fs_rename, RANK_FS_RENAME, "renames between directories of one file system");

static struct spinlock super_lock = SPINLOCK_INIT(super_list);
static LIST_HEAD(supers);
static struct fs_type *types;
static u32 next_minor = 1;

void fs_register(struct fs_type *t)
{
	struct fs_type **link = &types;

	spin_lock(&super_lock);
	while (*link)
		link = &(*link)->next;
	t->next = NULL;
	STORE_RELEASE(*link, t);
	spin_unlock(&super_lock);
}

struct fs_type *fs_find(const char *name)
{
	for (struct fs_type *t = LOAD_ACQUIRE(types); t; t = LOAD_ACQUIRE(t->next)) {
		if (strcmp(t->name, name) == 0)
			return t;
	}
	return NULL;
}

size_t fs_show_types(char *buf, size_t size)
{
	struct strbuf sb;

	strbuf_init(&sb, buf, size);
	for (struct fs_type *t = LOAD_ACQUIRE(types); t; t = LOAD_ACQUIRE(t->next))
		strbuf_printf(&sb, "%s\t%s\n", t->flags & FS_NODEV ? "nodev" : "", t->name);
	return sb.len;
}

u32 super_anon_dev(void)
{
	u32 dev;

	spin_lock(&super_lock);
	dev = vfs_mkdev(0, next_minor++);
	spin_unlock(&super_lock);
	return dev;
}

int super_create(const struct fs_type *t, const struct super_ops *ops, unsigned sb_flags, struct super **out)
{
	struct super *sb = kzalloc(sizeof(*sb), 0);

	if (!sb)
		return -ENOMEM;
	sb->ops = ops;
	sb->type = t;
	sb->refs = 1;
	sb->flags = sb_flags;
	sb->blksize = PAGE_SIZE;
	sb->namelen_max = NAME_MAX;
	sb->maxbytes = MAX_FILE_BYTES;
	sb->next_ino = 1;
	list_init(&sb->watched);
	list_init(&sb->mounts);
	mutex_init(&sb->rename_lock, fs_rename);
	spin_lock(&super_lock);
	sb->dev = vfs_mkdev(0, next_minor++);
	list_add_tail(&sb->link, &supers);
	spin_unlock(&super_lock);
	*out = sb;
	return 0;
}

void super_get(struct super *sb)
{
	__atomic_fetch_add(&sb->refs, 1, __ATOMIC_RELAXED);
}

void super_put(struct super *sb)
{
	spin_lock(&super_lock);
	if (__atomic_fetch_sub(&sb->refs, 1, __ATOMIC_ACQ_REL) != 1) {
		spin_unlock(&super_lock);
		return;
	}
	list_del(&sb->link);
	spin_unlock(&super_lock);
	if (sb->ops->sync)
		(void)sb->ops->sync(sb, true);
	notify_unmount(sb);
	if (sb->root) {
		dentry_shrink_tree(sb->root);
		dentry_kill_tree(sb->root);
		dentry_put(sb->root);
	}
	/* Inodes and dentries point at the super block until their grace period is over. */
	rcu_barrier();
	if (sb->ops->kill)
		sb->ops->kill(sb);
	kfree(sb);
}

static void sync_one(struct super *sb)
{
	if (sb->ops->sync && !(sb->flags & MS_RDONLY))
		(void)sb->ops->sync(sb, true);
}

static void shut_one(struct super *sb)
{
	if (sb->ops->shutdown)
		sb->ops->shutdown(sb);
}

static void for_each_super(void (*fn)(struct super *sb))
{
	struct super *sb, *prev = NULL;

	spin_lock(&super_lock);
	list_for_each_entry(sb, &supers, link)
	{
		if (!sb->ops->sync && !sb->ops->shutdown)
			continue;
		super_get(sb);
		spin_unlock(&super_lock);
		fn(sb);
		if (prev)
			super_put(prev);
		prev = sb; /* holds its place in the list */
		spin_lock(&super_lock);
	}
	spin_unlock(&super_lock);
	if (prev)
		super_put(prev);
}

int vfs_sync_all(void)
{
	for_each_super(sync_one);
	return 0;
}

void vfs_shutdown(void)
{
	for_each_super(shut_one);
}

int vfs_statfs(const struct path *p, struct kstatfs *out)
{
	struct super *sb = p->dentry->super;
	int err = 0;

	*out = (struct kstatfs){.type = sb->magic, .bsize = sb->blksize, .frsize = sb->blksize, .namelen = sb->namelen_max, .fsid = sb->dev};
	if (sb->ops->statfs)
		err = sb->ops->statfs(sb, out);
	out->flags = (p->mnt->flags & MNT_USER_MASK) | (sb->flags & MS_RDONLY ? 1 : 0) | (sb->flags & MS_SYNCHRONOUS ? 16 : 0);
	if (!out->frsize)
		out->frsize = out->bsize;
	return err;
}
