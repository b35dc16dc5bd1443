/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mount(2), umount2(2), pivot_root(2). Checks are in Linux' order.
 */
#include "mount_impl.h"
#include <linux/mount.h>

#ifndef MNT_FORCE
#define MNT_FORCE	1
#define MNT_DETACH	2
#define MNT_EXPIRE	4
#define UMOUNT_NOFOLLOW 8
#endif

bool vfs_may_mount(void)
{
	return capable(CAP_SYS_ADMIN);
}

/* ---- mount ---- */

static int mount_new(const char *source, const struct path *where, const char *type, u64 ms, char *options)
{
	const u32 sb_flags = (u32)ms & (MS_RDONLY | MS_SYNCHRONOUS | MS_MANDLOCK | MS_DIRSYNC | MS_SILENT | MS_LAZYTIME);
	const struct fs_type *t;
	struct fs_config c;
	struct mount *m;
	int err;

	if (!type)
		return -EINVAL;
	t = fs_find(type);
	if (!t)
		return -ENODEV;
	err = fs_config_init(&c, t, NULL);
	if (err)
		return err;
	c.sb_flags = c.sb_mask = sb_flags;
	if (source)
		err = fs_config_string(&c, "source", source);
	if (!err)
		err = fs_config_options(&c, options);
	if (!err)
		err = fs_config_create(&c);
	if (!err) {
		m = mount_alloc(c.super, c.super->root, c.source, mount_flags_of_ms(ms));
		err = m ? mount_graft_new(m, where) : -ENOMEM;
	}
	fs_config_free(&c);
	return err;
}

static int change_type(const struct path *where, u64 ms)
{
	const u64 all = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;
	u64 type = ms & all;
	bool recursive = ms & MS_REC;
	struct mount *root = where->mnt;
	int err;

	if (!path_is_mount(where))
		return -EINVAL;
	if ((ms & ~(all | MS_REC | MS_SILENT)) || (type & (type - 1)))
		return -EINVAL;
	mutex_lock(&mount_sem);
	err = mount_is_ours(root) || (root->ns && mount_is_anonymous(root)) ? 0 : -EINVAL;
	if (!err && type == MS_SHARED)
		err = group_number_tree(root, recursive);
	if (!err) {
		for (struct mount *m = root; m; m = recursive ? mount_next(m, root) : NULL)
			group_change(m, type);
	}
	mutex_unlock(&mount_sem);
	return err;
}

static int mount_move(const char *source, const struct path *where)
{
	struct path from;
	int err;

	if (!source || !*source)
		return -EINVAL;
	err = path_lookup_kernel(source, LOOKUP_FOLLOW, &from);
	if (!err) {
		err = vfs_move_mount(&from, where, 0);
		path_put(&from);
	}
	return err;
}

int vfs_mount(const char *source, const struct path *where, const char *type, u64 ms, char *options)
{
	if ((ms & MS_MGC_MSK) == MS_MGC_VAL)
		ms &= ~(u64)MS_MGC_MSK;
	if (ms & 1ull << 31) /* MS_NOUSER, which is negative in the header */
		return -EINVAL;
	if (!vfs_may_mount())
		return -EPERM;
	if ((ms & (MS_REMOUNT | MS_BIND)) == (MS_REMOUNT | MS_BIND))
		return mount_remount_bind(where, ms);
	if (ms & MS_REMOUNT)
		return mount_remount(where, ms, options);
	if (ms & MS_BIND)
		return mount_bind(source, where, ms & MS_REC);
	if (ms & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE))
		return change_type(where, ms);
	if (ms & MS_MOVE)
		return mount_move(source, where);
	return mount_new(source, where, type, ms, options);
}

/* ---- umount ---- */

/* The root of the caller cannot go, but it can be made safe: read-only. */
static int umount_root(struct super *sb)
{
	struct fs_config c;
	int err;

	if (sb->flags & MS_RDONLY)
		return 0;
	err = fs_config_init(&c, sb->type, sb);
	if (err)
		return err;
	c.sb_flags = c.sb_mask = MS_RDONLY;
	err = fs_config_reconfigure(&c);
	fs_config_free(&c);
	return err;
}

static int umount_locked(struct mount *m, int flags, struct list_head *gone)
{
	bool expired = m->expiring;

	if (!mount_is_ours(m) || (m->flags & MNT_LOCKED))
		return -EINVAL;
	if (flags & MNT_EXPIRE) {
		if (m == fs_current()->root.mnt || (flags & (MNT_FORCE | MNT_DETACH)))
			return -EINVAL;
		if (mount_check_idle(m, 2))
			return -EBUSY;
		m->expiring = true;
		if (!expired)
			return -EAGAIN;
	}
	if (!mount_has_parent(m)) /* the root of the namespace stays */
		return -EINVAL;
	if (!(flags & MNT_DETACH) && propagate_busy(m))
		return -EBUSY;
	mount_remove_tree(m, true, gone);
	return 0;
}

int vfs_umount(struct path *where, int flags)
{
	struct mount *m = where->mnt;
	LIST_HEAD(gone);
	int err;

	if (!vfs_may_mount())
		err = -EPERM;
	else if (!path_is_mount(where) || !mount_is_ours(m) || (m->flags & MNT_LOCKED))
		err = -EINVAL;
	else if (m == fs_current()->root.mnt && !(flags & (MNT_DETACH | MNT_EXPIRE)))
		err = umount_root(m->super);
	else {
		mutex_lock(&mount_sem);
		err = umount_locked(m, flags, &gone);
		mutex_unlock(&mount_sem);
	}
	dentry_put(where->dentry);
	mount_put_unused(m); /* asking is no use of it */
	mounts_release(&gone);
	return err;
}

/* ---- pivot_root ---- */

/* Those whose root or working directory is the old root follow: the running task's here; proc walks the others. */
static void (*chroot_fs_refs)(const struct path *old, const struct path *new_root);

void vfs_set_chroot_hook(void (*fn)(const struct path *, const struct path *))
{
	chroot_fs_refs = fn;
}

static int may_pivot(const struct path *fresh, const struct path *old, const struct path *root)
{
	struct mount *nm = fresh->mnt, *rm = root->mnt, *om = old->mnt;

	if (mount_is_shared(om) || mount_is_shared(nm->parent) || mount_is_shared(rm->parent))
		return -EINVAL;
	if (!mount_is_ours(rm) || !mount_is_ours(nm) || (nm->flags & MNT_LOCKED))
		return -EINVAL;
	if (!path_is_mount(fresh) && !dentry_is_hashed(fresh->dentry))
		return -ENOENT;
	if (nm == rm || om == rm)
		return -EBUSY;
	if (!path_is_mount(root) || !mount_has_parent(rm) || !path_is_mount(fresh) || !mount_has_parent(nm))
		return -EINVAL;
	if (!mount_is_below(om, old->dentry, fresh) || !mount_is_below(nm, fresh->dentry, root))
		return -EINVAL;
	return 0;
}

int vfs_pivot_root(const struct path *new_root, const struct path *put_old)
{
	struct mount *nm = new_root->mnt, *rm;
	struct path root, old;
	int err;

	if (!vfs_may_mount())
		return -EPERM;
	fs_get_root(&root);
	rm = root.mnt;
	err = place_lock(put_old, false, &old);
	if (err)
		goto out;
	err = may_pivot(new_root, &old, &root);
	if (!err) {
		/* Where the new root stands may be the place of the old one: then that is where the old one goes. */
		mount_place((const struct placement[]){{rm, old.mnt, old.dentry}, {nm, rm->parent, rm->mountpoint}}, 2);
		if (rm->flags & MNT_LOCKED) {
			rm->flags &= ~(u32)MNT_LOCKED;
			nm->flags |= MNT_LOCKED;
		}
		ns_changed(rm->ns);
		nm->expiring = false;
	}
	place_unlock(&old);
	if (!err) {
		fs_context_replace(fs_current(), &root, new_root);
		if (chroot_fs_refs)
			chroot_fs_refs(&root, new_root);
	}
out:
	path_put(&root);
	return err;
}
