/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mount(2), umount2(2), pivot_root(2). Propagation: every mount is private here; MS_SHARED, MS_SLAVE and MS_UNBINDABLE are refused.
 */
#include "vfs_impl.h"
#include <lib/string.h>
#include <mm/slab.h>
#include <linux/mount.h>

#ifndef MNT_FORCE
#define MNT_FORCE	1
#define MNT_DETACH	2
#define MNT_EXPIRE	4
#define UMOUNT_NOFOLLOW 8
#endif

#define MAX_MOUNTS 100000

static u32 flags_of_ms(u64 ms)
{
	u32 f = (ms & MS_RDONLY ? MNT_RDONLY : 0) | (ms & MS_NOSUID ? MNT_NOSUID : 0) | (ms & MS_NODEV ? MNT_NODEV : 0)
		| (ms & MS_NOEXEC ? MNT_NOEXEC : 0) | (ms & MS_NOATIME ? MNT_NOATIME : 0)
		| (ms & MS_NODIRATIME ? MNT_NODIRATIME : 0) | (ms & MS_NOSYMFOLLOW ? MNT_NOSYMFOLLOW : 0);

	if (!(ms & (MS_NOATIME | MS_STRICTATIME)))
		f |= MNT_RELATIME;
	return f;
}

/* Lock the tree for something at @where, which is the topmost there. Returns with mount_sem; *out holds references. */
static int lock_place(const struct path *where, struct path *out)
{
	struct path p = *where;
	struct mount *top;

	path_get(&p);
	mutex_lock(&mount_sem);
	while ((top = mount_find(p.mnt, p.dentry))) {
		path_put(&p);
		dentry_get(top->root);
		p = (struct path){.mnt = top, .dentry = top->root};
	}
	if (!p.mnt->ns || (p.mnt->flags & MNT_INTERNAL)
		|| (p.dentry != p.mnt->root && !dentry_is_hashed(p.dentry))) {
		bool gone = p.mnt->ns && !(p.mnt->flags & MNT_INTERNAL);

		mutex_unlock(&mount_sem);
		path_put(&p);
		return gone ? -ENOENT : -EINVAL;
	}
	*out = p;
	return 0;
}

static void unlock_place(struct path *p)
{
	mutex_unlock(&mount_sem);
	path_put(p);
}

/* Attach @m, whose reference is consumed. mount_sem. */
static int graft(struct mount *m, const struct path *at)
{
	int err = 0;

	if (S_ISDIR(m->root->inode->mode) != S_ISDIR(path_inode(at)->mode))
		err = -ENOTDIR;
	else if (at->mnt->ns->nmounts >= MAX_MOUNTS)
		err = -ENOSPC;
	else
		mount_attach(m, at->mnt, at->dentry);
	return err;
}

static int mount_new(const char *source, const struct path *where, const char *type, u64 ms, const char *options)
{
	unsigned sb_flags = (unsigned)(ms & (MS_RDONLY | MS_SYNCHRONOUS | MS_MANDLOCK | MS_DIRSYNC | MS_LAZYTIME | MS_SILENT));
	struct super *sb;
	struct mount *m;
	struct path at;
	int err;

	if (!type)
		return -EINVAL;
	err = fs_type_mount(type, sb_flags, source, options, &sb);
	if (err)
		return err;
	m = mount_alloc(sb, sb->root, source, flags_of_ms(ms));
	super_put(sb);
	if (!m)
		return -ENOMEM;
	err = lock_place(where, &at);
	if (!err) {
		/* The same file system twice in a row on the same place is refused. */
		if (at.mnt->super == m->super && at.mnt->root == at.dentry)
			err = -EBUSY;
		else
			err = graft(m, &at);
		unlock_place(&at);
	}
	if (err)
		mount_put(m);
	return err;
}

static struct mount *clone_mount(const struct mount *old, struct dentry *root)
{
	return mount_alloc(old->super, root, old->source, old->flags & MNT_USER_MASK);
}

/* Copies of the mounts below (src, root) onto the copy @dst. mount_sem. */
static int clone_children(struct mount *src, struct dentry *root, struct mount *dst)
{
	struct mount *c;

	list_for_each_entry(c, &src->children, child_link)
	{
		struct mount *copy;
		int err;

		if (c == dst || !dentry_is_below(c->mountpoint, root))
			continue;
		copy = clone_mount(c, c->root);
		if (!copy)
			return -ENOMEM;
		mount_attach(copy, dst, c->mountpoint);
		err = clone_children(c, c->root, copy);
		if (err)
			return err;
	}
	return 0;
}

static int mount_bind(const char *source, const struct path *where, bool recursive)
{
	struct path from, at;
	struct mount *m = NULL, *list = NULL;
	int err;

	if (!source || !*source)
		return -EINVAL;
	err = path_lookup_kernel(source, LOOKUP_FOLLOW, &from);
	if (err)
		return err;
	err = lock_place(where, &at);
	if (err)
		goto out;
	err = -EINVAL;
	if (!from.mnt->ns || (from.mnt->flags & MNT_INTERNAL))
		goto unlock;
	err = -ENOMEM;
	m = clone_mount(from.mnt, from.dentry);
	if (!m)
		goto unlock;
	err = graft(m, &at);
	if (err)
		goto unlock;
	if (recursive)
		err = clone_children(from.mnt, from.dentry, m);
	if (err)
		list = mount_unlink_tree(m, NULL);
	m = NULL;
unlock:
	unlock_place(&at);
	if (m)
		mount_put(m);
	if (list)
		mount_drop_list(list);
out:
	path_put(&from);
	return err;
}

static int mount_move(const char *source, const struct path *where)
{
	struct path from, at;
	struct mount *p;
	struct dentry *old_at;
	int err;

	if (!source || !*source)
		return -EINVAL;
	err = path_lookup_kernel(source, LOOKUP_FOLLOW, &from);
	if (err)
		return err;
	err = lock_place(where, &at);
	if (err)
		goto out;
	err = -EINVAL;
	if (from.dentry != from.mnt->root || !from.mnt->ns || !mount_has_parent(from.mnt) || (from.mnt->flags & MNT_INTERNAL)
		|| S_ISDIR(path_inode(&from)->mode) != S_ISDIR(path_inode(&at)->mode))
		goto unlock;
	err = -ELOOP;
	for (p = at.mnt; mount_has_parent(p); p = p->parent) {
		if (p == from.mnt)
			goto unlock;
	}
	old_at = mount_detach(from.mnt);
	mount_reattach(from.mnt, at.mnt, at.dentry);
	dentry_put(old_at);
	err = 0;
unlock:
	unlock_place(&at);
out:
	path_put(&from);
	return err;
}

/* Nobody may write any more: set the flag first, then look who still does. mount_sem. */
static int make_readonly(struct mount *m)
{
	WRITE_ONCE(m->flags, m->flags | MNT_RDONLY);
	rcu_synchronize();
	if (pcounter_sum(&m->writers) > 0) {
		WRITE_ONCE(m->flags, m->flags & ~(u32)MNT_RDONLY);
		return -EBUSY;
	}
	return 0;
}

static int super_make_readonly(struct super *sb, struct mount_ns *ns)
{
	u32 old = sb->flags;
	struct mount *m;

	WRITE_ONCE(sb->flags, old | MS_RDONLY);
	rcu_synchronize();
	list_for_each_entry(m, &ns->mounts, ns_link)
	{
		if (m->super == sb && pcounter_sum(&m->writers) > 0) {
			WRITE_ONCE(sb->flags, old);
			return -EBUSY;
		}
	}
	return 0;
}

static int mount_remount(const struct path *where, u64 ms, const char *options)
{
	struct mount *m = where->mnt;
	struct super *sb = m->super;
	u32 want = flags_of_ms(ms);
	int err = 0;

	if (where->dentry != m->root)
		return -EINVAL;
	/* Without an atime word the present policy stays. */
	if (!(ms & (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)))
		want = (want & ~(u32)(MNT_NOATIME | MNT_NODIRATIME | MNT_RELATIME))
			| (m->flags & (MNT_NOATIME | MNT_NODIRATIME | MNT_RELATIME));
	mutex_lock(&mount_sem);
	if (!m->ns) {
		err = -EINVAL;
	} else if (ms & MS_BIND) {
		if ((want & MNT_RDONLY) && !(m->flags & MNT_RDONLY))
			err = make_readonly(m);
	} else {
		bool was_ro = sb->flags & MS_RDONLY;

		if ((ms & MS_RDONLY) && !was_ro)
			err = super_make_readonly(sb, m->ns);
		if (!err && sb->ops->remount)
			err = sb->ops->remount(sb, (unsigned)ms, options);
		if (err && (ms & MS_RDONLY) && !was_ro)
			WRITE_ONCE(sb->flags, sb->flags & ~(u32)MS_RDONLY);
		if (!err && !(ms & MS_RDONLY))
			WRITE_ONCE(sb->flags, sb->flags & ~(u32)MS_RDONLY);
	}
	if (!err)
		WRITE_ONCE(m->flags, (m->flags & ~(u32)MNT_USER_MASK) | want);
	mutex_unlock(&mount_sem);
	return err;
}

int vfs_mount(const char *source, const struct path *where, const char *type, u64 ms, const char *options)
{
	if ((ms & MS_MGC_MSK) == MS_MGC_VAL)
		ms &= ~(u64)MS_MGC_MSK;
	if (ms & 1ull << 31) /* MS_NOUSER, which is negative in the header */
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (ms & MS_REMOUNT)
		return mount_remount(where, ms, options);
	if (ms & MS_BIND)
		return mount_bind(source, where, ms & MS_REC);
	if (ms & (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)) {
		u64 kind = ms & ~(u64)(MS_REC | MS_SILENT);

		/* All mounts are private: making one so is done. */
		return where->dentry == where->mnt->root && kind == MS_PRIVATE ? 0 : -EINVAL;
	}
	if (ms & MS_MOVE)
		return mount_move(source, where);
	return mount_new(source, where, type, ms, options);
}

int vfs_umount(struct path *where, int flags)
{
	struct mount *m = where->mnt, *list = NULL;
	int err = -EINVAL;

	if (where->dentry != m->root || (m->flags & MNT_INTERNAL))
		goto out;
	err = -EPERM;
	if (!capable(CAP_SYS_ADMIN))
		goto out;
	err = -EINVAL;
	mutex_lock(&mount_sem);
	if (!m->ns)
		goto unlock;
	if (flags & MNT_EXPIRE) {
		struct fs_context *fs = fs_current();

		if (m == fs->root.mnt || (flags & (MNT_FORCE | MNT_DETACH)))
			goto unlock;
	}
	if (!mount_has_parent(m)) /* the root stays */
		goto unlock;
	err = 0;
	if (!(flags & MNT_DETACH)) {
		if (!list_empty(&m->children))
			err = -EBUSY;
		else
			err = mount_take_idle(m, 2); /* the tree's and the caller's */
	}
	if (!err && (flags & MNT_EXPIRE) && !(m->flags & MNT_EXPIRE_MARK)) {
		m->flags |= MNT_EXPIRE_MARK;
		err = -EAGAIN;
	}
	if (!err)
		list = mount_unlink_tree(m, NULL);
unlock:
	mutex_unlock(&mount_sem);
out:
	path_put(where);
	if (list)
		mount_drop_list(list);
	return err;
}

/* Those whose root or working directory is the old root follow: the running task's here; proc walks the others. */
static void (*chroot_fs_refs)(const struct path *old, const struct path *new_root);

void vfs_set_chroot_hook(void (*fn)(const struct path *, const struct path *))
{
	chroot_fs_refs = fn;
}

int vfs_pivot_root(const struct path *new_root, const struct path *put_old)
{
	struct mount *nm = new_root->mnt, *rm;
	struct path root, parent_place;
	struct dentry *root_at, *new_at;
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	fs_get_root(&root);
	rm = root.mnt;
	mutex_lock(&mount_sem);
	err = -EINVAL;
	if (!nm->ns || !rm->ns || !put_old->mnt->ns)
		goto out;
	err = -EBUSY;
	if (nm == rm || put_old->mnt == rm)
		goto out;
	err = -EINVAL;
	if (root.dentry != rm->root || !mount_has_parent(rm) || new_root->dentry != nm->root || !mount_has_parent(nm))
		goto out;
	if (!mount_is_below(put_old->mnt, put_old->dentry, new_root) || !mount_is_below(nm, new_root->dentry, &root))
		goto out;
	parent_place = (struct path){.mnt = rm->parent, .dentry = rm->mountpoint};
	new_at = mount_detach(nm);
	root_at = mount_detach(rm);
	mount_reattach(rm, put_old->mnt, put_old->dentry);
	mount_reattach(nm, parent_place.mnt, parent_place.dentry);
	dentry_put(new_at);
	dentry_put(root_at);
	err = 0;
out:
	mutex_unlock(&mount_sem);
	if (!err) {
		fs_context_replace(fs_current(), &root, new_root);
		if (chroot_fs_refs)
			chroot_fs_refs(&root, new_root);
	}
	path_put(&root);
	return err;
}
