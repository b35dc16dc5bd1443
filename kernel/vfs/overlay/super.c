/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Super blocks of the overlay.
 */
#include "overlay.h"
#include <linux/magic.h>
#include <linux/mount.h>

/* What tells of the whole: the upper layer's file system, or the topmost lower one's. */
static struct super *main_super(const struct ovl_super *os)
{
	return os->layers[os->layers[0].mnt ? 0 : 1].mnt->super;
}

static int ovl_statfs(struct super *sb, struct kstatfs *out)
{
	const struct ovl_super *os = ovl_super(sb);
	struct super *real = main_super(os);
	int err;

	*out = (struct kstatfs){.bsize = real->blksize, .frsize = real->blksize, .fsid = real->dev};
	err = real->ops->statfs ? real->ops->statfs(real, out) : 0;
	out->type = OVERLAYFS_SUPER_MAGIC;
	out->namelen = sb->namelen_max;
	if (os->fsid)
		out->fsid = os->fsid;
	return err;
}

static int ovl_sync(struct super *sb, bool wait)
{
	const struct ovl_super *os = ovl_super(sb);
	struct super *real = os->layers && os->layers[0].mnt ? os->layers[0].mnt->super : NULL;

	if (!real || os->o.is_volatile || !real->ops->sync || (real->flags & MS_RDONLY))
		return 0;
	return real->ops->sync(real, wait);
}

static void ovl_kill(struct super *sb)
{
	struct ovl_super *os = ovl_super(sb);

	ovl_layers_free(os);
	cred_put(os->creator);
	kfree(os);
}

static const struct super_ops ovl_super_ops = {
	.alloc_inode = ovl_alloc_inode,
	.free_inode = ovl_free_inode,
	.evict = ovl_evict,
	.statfs = ovl_statfs,
	.sync = ovl_sync,
	.show_options = ovl_show_options,
	.kill = ovl_kill,
};

LOCK_CLASS(ovl_rename_outer, RANK_STACK, "renames between directories of an overlay on an overlay");
LOCK_CLASS(ovl_rename, RANK_STACK + 4, "renames between directories of one overlay");

static int make_root(struct super *sb)
{
	const struct ovl_super *os = ovl_super(sb);
	struct ovl_found f = {.lower = kcalloc(os->nlayers, sizeof(*f.lower), 0)};
	struct inode *inode;
	int err;

	if (!f.lower)
		return -ENOMEM;
	if (os->layers[0].mnt) {
		f.upper = os->layers[0].mnt->root;
		dentry_get(f.upper);
	}
	for (u32 i = 1; i < os->nlayers; i++) {
		f.lower[f.nlower++] = (struct ovl_lower){os->layers[i].mnt->root, i};
		dentry_get(os->layers[i].mnt->root);
	}
	f.whiteouts = true; /* a single lower layer may have been made to stand on others */
	err = ovl_inode_get(sb, NULL, &f, &inode);
	if (err)
		return err;
	sb->root = dentry_create_root(sb, inode);
	return sb->root ? 0 : -ENOMEM;
}

int ovl_create_super(struct fs_config *c)
{
	struct ovl_super *os = kzalloc(sizeof(*os), 0);
	struct super *sb;
	int err;

	if (!os)
		return -ENOMEM;
	err = super_create(c->type, &ovl_super_ops, c->sb_flags, &sb);
	if (err) {
		kfree(os);
		return err;
	}
	sb->private = os;
	os->creator = cred_current();
	cred_get(os->creator);
	err = ovl_layers_init(c, sb);
	if (!err) {
		const struct super *real = main_super(os);

		if (sb->stack_depth > 1)
			mutex_init(&sb->rename_lock, ovl_rename_outer);
		else
			mutex_init(&sb->rename_lock, ovl_rename);
		if (!os->layers[0].mnt)
			sb->flags |= MS_RDONLY;
		sb->magic = OVERLAYFS_SUPER_MAGIC;
		sb->blksize = real->blksize;
		sb->namelen_max = real->namelen_max;
		sb->maxbytes = real->maxbytes;
		err = make_root(sb);
	}
	if (err) {
		super_put(sb);
		return err;
	}
	c->super = sb;
	return 0;
}
