/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Types of file systems out of components. Their options are the component's own: text that is collected here and read there.
 *
 * A device is mounted once: who mounts it again gets the same super block, or waits until the one that is being unmounted is gone.
 */
#include "fsys_impl.h"
#include <init/initcall.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <linux/mount.h>

LOCK_CLASS(fsys_mounts, RANK_LEAF, "devices with a file system of a component");

static struct spinlock mounts_lock = SPINLOCK_INIT(fsys_mounts);
static LIST_HEAD(mounts);
static struct wait_queue mounts_changed;

struct options {
	size_t len;
	char text[PAGE_SIZE - sizeof(size_t)];
};

static int set_other(struct fs_config *c, const struct fs_arg *arg)
{
	struct options *o = c->private;
	size_t key = strlen(arg->key), value = arg->kind == FS_ARG_STRING ? strlen(arg->string) + 1 : 0;
	size_t room = sizeof(o->text) - o->len;

	if (arg->kind != FS_ARG_FLAG && arg->kind != FS_ARG_STRING)
		return fs_config_invalid(c, "Bad value for '%s'", arg->key);
	if (strchr(arg->key, ',') || (value && strchr(arg->string, ',')))
		return fs_config_invalid(c, "Bad value for '%s'", arg->key);
	if (key + value + 2 > room)
		return fs_config_invalid(c, "Too many options");
	if (o->len)
		o->text[o->len++] = ',';
	memcpy(o->text + o->len, arg->key, key);
	o->len += key;
	if (value) {
		o->text[o->len++] = '=';
		memcpy(o->text + o->len, arg->string, value - 1);
		o->len += value - 1;
	}
	o->text[o->len] = '\0';
	return 0;
}

/* ---- one super block a device ---- */

static struct fsys_super *entry_of(u32 rdev)
{
	struct fsys_super *fs;

	list_for_each_entry(fs, &mounts, link)
	{
		if (fs->rdev == rdev)
			return fs;
	}
	return NULL;
}

static bool super_tryget(struct super *sb)
{
	u64 refs = sb ? READ_ONCE(sb->refs) : 0;

	while (refs && !__atomic_compare_exchange_n(&sb->refs, &refs, refs + 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		;
	return refs;
}

/* Enter @fs (0), or get the one that is mounted from its device (1). -EAGAIN: one is coming or going. */
static int try_enter(struct fsys_super *fs, struct super **out)
{
	struct fsys_super *at;
	int got = 0;

	spin_lock(&mounts_lock);
	at = entry_of(fs->rdev);
	if (!at) {
		list_add(&fs->link, &mounts);
	} else if (super_tryget(at->super)) {
		*out = at->super;
		got = 1;
	} else {
		got = -EAGAIN;
	}
	spin_unlock(&mounts_lock);
	return got;
}

static bool is_moving(u32 rdev)
{
	struct fsys_super *at;
	bool moving;

	spin_lock(&mounts_lock);
	at = entry_of(rdev);
	moving = at && !(at->super && READ_ONCE(at->super->refs));
	spin_unlock(&mounts_lock);
	return moving;
}

static int enter(struct fsys_super *fs, struct super **out)
{
	int got;

	while ((got = try_enter(fs, out)) == -EAGAIN) {
		if (wait_event_killable(&mounts_changed, !is_moving(fs->rdev)))
			return -EINTR;
	}
	return got;
}

void fsys_unlist(struct fsys_super *fs)
{
	spin_lock(&mounts_lock);
	list_del_init(&fs->link);
	spin_unlock(&mounts_lock);
	wait_wake_all(&mounts_changed);
}

static void publish(struct fsys_super *fs, struct super *sb)
{
	spin_lock(&mounts_lock);
	WRITE_ONCE(fs->super, sb);
	spin_unlock(&mounts_lock);
	wait_wake_all(&mounts_changed);
}

/* ---- making one ---- */

static int start(struct fs_config *c, const struct fsys_type *t, struct fsys_super *fs, struct super *sb)
{
	const struct options *o = c->private;
	struct fsys_mount m = {.ms_flags = c->sb_flags, .client_ops = &fsys_client_ops, .client = fs};
	struct fsys_attr root;
	struct fsys_statfs st;
	struct iobuf text;
	struct inode *inode;
	char name[16];
	int err;

	if (fs->claim)
		m.device = fs->device;
	if (o->len) {
		iobuf_init_kernel(&text, (void *)o->text, o->len);
		m.options = &text;
	}
	err = t->mount(&m, &fs->port.self, &root);
	if (err)
		return err;
	fs->port.ops = t->ops;
	t->ops->statfs(fs->port.self, &st);
	sb->magic = st.magic;
	sb->blksize = (u32)st.block_bytes;
	sb->namelen_max = st.name_max;
	sb->maxbytes = st.file_max;
	scnprintf(name, sizeof(name), "%u:%u", vfs_major(sb->dev), vfs_minor(sb->dev));
	err = bdi_start(&fs->bdi, name);
	if (err) {
		t->ops->forget(fs->port.self, root.node, 1);
		return err;
	}
	fs->started = true;
	err = fsys_inode_get(sb, &root, &inode);
	if (err)
		return err;
	sb->root = dentry_create_root(sb, inode);
	return sb->root ? 0 : -ENOMEM;
}

/* @fs is entered; its own from here on. */
static int make(struct fs_config *c, const struct fsys_type *t, struct fsys_super *fs, struct bdev *b)
{
	bool ro = b && bdev_is_read_only(b);
	struct super *sb;
	int err = super_create(c->type, &fsys_super_ops, c->sb_flags, &sb);

	if (err) {
		fsys_unlist(fs);
		kfree(fs);
		return err;
	}
	sb->private = fs;
	if (b) {
		sb->dev = bdev_rdev(b);
		err = ro && !(c->sb_flags & MS_RDONLY) ? -EACCES
						       : bdev_claim(b, ro ? BDEV_READ : BDEV_READ | BDEV_WRITE, fs, &fs->claim, &fs->device);
	}
	if (!err)
		err = start(c, t, fs, sb);
	if (err) {
		super_put(sb);
		return err;
	}
	publish(fs, sb);
	c->super = sb;
	return 0;
}

/* What is mounted already, as it is. */
static int share(struct fs_config *c, struct super *sb)
{
	int err = 0;

	if (c->exclusive) {
		(void)fs_config_invalid(c, "reusing existing filesystem not allowed");
		err = -EBUSY;
	} else if (sb->type != c->type || ((sb->flags ^ c->sb_flags) & MS_RDONLY)) {
		err = -EBUSY;
	}
	if (err)
		super_put(sb);
	else
		c->super = sb;
	return err;
}

static int create(struct fs_config *c)
{
	const struct fsys_type *t = container_of(c->type, struct fsys_placement, type)->component;
	struct super *old = NULL;
	struct fsys_super *fs;
	struct bdev *b = NULL;
	int err;

	if (t->flags & FSYS_TYPE_NEEDS_DEVICE) {
		if (!c->source)
			return fs_config_invalid(c, "No source specified");
		err = bdev_lookup_path(c->source, &b);
		if (err)
			return err;
	}
	fs = kzalloc(sizeof(*fs), 0);
	err = fs ? 0 : -ENOMEM;
	if (!err) {
		list_init(&fs->link);
		fs->rdev = b ? bdev_rdev(b) : 0;
		err = b ? enter(fs, &old) : 0;
	}
	if (!err)
		err = make(c, t, fs, b);
	else
		kfree(fs);
	if (b)
		bdev_put(b);
	return err == 1 ? share(c, old) : err;
}

static int reconfigure(struct fs_config *c)
{
	const struct options *o = c->private;
	u32 flags = (c->super->flags & ~c->sb_mask) | (c->sb_flags & c->sb_mask);

	return fsys_remount(c->super, flags, o->len ? o->text : NULL);
}

static int fsys_init(void)
{
	wait_queue_init(&mounts_changed);
	fsys_inodes_init();
	for (unsigned i = 0; i < fsys_placements_nr; i++) {
		const struct fsys_type *t = fsys_placements[i].component;

		fsys_placements[i].type = (struct fs_type){.name = t->name,
			.flags = FS_ACLS | (t->flags & FSYS_TYPE_NEEDS_DEVICE ? 0 : FS_NODEV) | (t->flags & FSYS_TYPE_USER_MOUNT ? FS_USERNS : 0),
			.config_size = sizeof(struct options),
			.set_other = set_other,
			.create = create,
			.reconfigure = reconfigure};
		fs_register(&fsys_placements[i].type);
	}
	return 0;
}

INITCALL(fsys, "vfs", fsys_init);
