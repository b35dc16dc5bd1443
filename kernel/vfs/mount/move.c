/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Putting trees of mounts in their place: new ones, copies, and moved ones. Errors and their order as Linux has them.
 */
#include "mount_impl.h"
#include <linux/mount.h>

/* ---- the place ---- */

/* What place_lock locks. Kept by who moves mounts, since that changes what stands where. */
static struct inode *locked_inode(const struct path *p, bool beneath)
{
	return (beneath ? p->mnt->mountpoint : p->dentry)->inode;
}

int place_lock(const struct path *where, bool beneath, struct path *out)
{
	struct path p = *where;
	struct inode *inode;
	struct mount *top;

	path_get(&p);
	mutex_lock(&mount_sem);
	while ((top = mount_lookup(p.mnt, p.dentry))) {
		mount_get(top);
		dentry_get(top->root);
		path_put(&p);
		p = (struct path){.mnt = top, .dentry = top->root};
	}
	if (beneath && (!path_is_mount(&p) || !mount_has_parent(p.mnt) || p.mnt->flags & MNT_INTERNAL)) {
		mutex_unlock(&mount_sem);
		path_put(&p);
		return -EINVAL;
	}
	/* What is mounted on stays where it is: whoever removes names locks their inodes. */
	inode = locked_inode(&p, beneath);
	if (inode)
		write_lock(&inode->lock);
	if (!inode || (inode->flags & INODE_DEAD)
		|| (!path_is_mount(&p) && !dentry_is_hashed(p.dentry) && !(p.mnt->flags & MNT_INTERNAL))) {
		if (inode)
			write_unlock(&inode->lock);
		mutex_unlock(&mount_sem);
		path_put(&p);
		return -ENOENT;
	}
	*out = p;
	return 0;
}

static void place_unlock_inode(struct inode *inode, struct path *p)
{
	write_unlock(&inode->lock);
	mutex_unlock(&mount_sem);
	path_put(p);
}

void place_unlock(struct path *p)
{
	place_unlock_inode(path_inode(p), p);
}

/* ---- attaching ---- */

int mount_attach(struct mount *source, const struct path *at, unsigned flags)
{
	struct mount *dest = flags & ATTACH_BENEATH ? at->mnt->parent : at->mnt;
	struct dentry *point = flags & ATTACH_BENEATH ? at->mnt->mountpoint : at->dentry;
	LIST_HEAD(copies);
	u32 n = 0;
	int err;

	for (struct mount *m = source; m; m = mount_next(m, source))
		n++;
	if (!(flags & ATTACH_MOVE) && dest->ns->nmounts + n > MAX_MOUNTS)
		return -ENOSPC;
	if (mount_is_shared(dest)) {
		err = group_number_tree(source, true);
		if (err)
			return err;
		err = propagate_copies(dest, point, source, &copies);
		if (err) {
			LIST_HEAD(gone);
			struct mount *m, *next;

			propagate_discard(&copies, &gone);
			group_forget_numbers(source);
			list_for_each_entry_safe(m, next, &gone, work)
			{
				list_del_init(&m->work);
				mount_put(m); /* nobody has seen them */
			}
			return err;
		}
		group_share_tree(source, true);
	}
	if (source->ns != dest->ns)
		mount_join_ns(source, dest->ns);
	mount_tuck(source, dest, point);
	ns_changed(dest->ns);
	propagate_commit(&copies, point);
	return 0;
}

/* A tree that was to be attached and was not. */
static void discard(struct mount *m)
{
	LIST_HEAD(gone);

	mutex_lock(&mount_sem);
	mount_remove_tree(m, false, &gone);
	mutex_unlock(&mount_sem);
	mounts_release(&gone);
}

static bool same_kind(const struct mount *m, const struct path *at)
{
	return S_ISDIR(m->root->inode->mode) == S_ISDIR(path_inode(at)->mode);
}

/* A new mount or copy onto @at, which is locked and ours. */
static int graft(struct mount *m, const struct path *at)
{
	if (m->super->flags & SUPER_NOUSER)
		return -EINVAL;
	if (!same_kind(m, at))
		return -ENOTDIR;
	return mount_attach(m, at, 0);
}

/* What is seen at @from may be copied by the running task? mount_sem. */
static int may_copy(const struct path *from, bool recursive)
{
	struct mount *m = from->mnt;

	if (m->flags & MNT_UNBINDABLE)
		return -EINVAL;
	if (!mount_is_ours(m) && !nsfs_inode_ns(path_inode(from)))
		return -EINVAL;
	return !recursive && mount_hides(m, from->dentry) ? -EINVAL : 0;
}

static int copy_seen(const struct path *from, bool recursive, struct mount **out)
{
	int err = may_copy(from, recursive);

	if (err)
		return err;
	return recursive ? mount_copy_tree(from->mnt, from->dentry, COPY_PEER | COPY_NS_FILES, out)
			 : mount_copy(from->mnt, from->dentry, COPY_PEER, out);
}

int mount_bind(const char *source, const struct path *where, bool recursive)
{
	struct path from, at;
	struct mount *m = NULL;
	int err;

	if (!source || !*source)
		return -EINVAL;
	err = path_lookup_kernel(source, LOOKUP_FOLLOW, &from);
	if (err)
		return err;
	err = mount_ns_loops(from.dentry) ? -EINVAL : place_lock(where, false, &at);
	if (err)
		goto out;
	err = mount_is_ours(at.mnt) ? copy_seen(&from, recursive, &m) : -EINVAL;
	if (!err) {
		m->flags &= ~(u32)MNT_LOCKED;
		err = graft(m, &at);
	}
	place_unlock(&at);
	if (err && m)
		discard(m);
out:
	path_put(&from);
	return err;
}

/* A mount of a new super block, whose reference moves in also on error. */
int mount_graft_new(struct mount *m, const struct path *where)
{
	struct path at;
	int err = place_lock(where, false, &at);

	if (!err) {
		if (!mount_is_ours(at.mnt))
			err = -EINVAL;
		else if (at.mnt->super == m->super && at.mnt->root == at.dentry && m->root == at.dentry)
			err = -EBUSY; /* the same twice in a row on the same place */
		else if (S_ISLNK(m->root->inode->mode))
			err = -EINVAL;
		else
			err = graft(m, &at);
		place_unlock(&at);
	}
	if (err)
		discard(m);
	return err;
}

/* ---- moving ---- */

static bool has_unbindable(struct mount *root)
{
	for (struct mount *m = root; m; m = mount_next(m, root)) {
		if (m->flags & MNT_UNBINDABLE)
			return true;
	}
	return false;
}

static bool has_looping_ns_file(struct mount *root)
{
	for (struct mount *m = root; m; m = mount_next(m, root)) {
		if (mount_ns_loops(m->root))
			return true;
	}
	return false;
}

/* What speaks against @from below the mount @to, on the same place? */
static int may_go_beneath(const struct mount *from, const struct mount *to)
{
	struct mount *parent = to->parent;

	if (to->flags & MNT_LOCKED)
		return -EINVAL;
	if (mount_lookup(from, from->root)) /* it is covered itself: what is seen would not be what is moved */
		return -EINVAL;
	if (to == fs_current()->root.mnt || parent == mount_ns_current()->root)
		return -EINVAL;
	for (const struct mount *m = from; mount_has_parent(m); m = m->parent) {
		if (m == to)
			return -EINVAL;
	}
	if (propagates_over(parent, to, to->mountpoint) || propagates_over(parent, from, to->mountpoint))
		return -EINVAL;
	return 0;
}

static int may_move(const struct path *from, const struct path *at, bool beneath)
{
	struct mount *m = from->mnt, *dest = at->mnt;
	bool attached = mount_has_parent(m);

	if (!mount_is_ours(dest) || !m->ns || (m->flags & MNT_INTERNAL))
		return -EINVAL;
	if (attached ? !mount_is_ours(m) : !mount_is_anonymous(m))
		return -EINVAL;
	if ((m->flags & MNT_LOCKED) || !path_is_mount(from) || !same_kind(m, at))
		return -EINVAL;
	if (attached && mount_is_shared(m->parent))
		return -EINVAL;
	if (beneath) {
		int err = may_go_beneath(m, dest);

		if (err)
			return err;
		dest = dest->parent;
	}
	if (mount_is_shared(dest) && has_unbindable(m))
		return -EINVAL;
	if (has_looping_ns_file(m))
		return -ELOOP;
	for (; mount_has_parent(dest); dest = dest->parent) {
		if (dest == m)
			return -ELOOP;
	}
	return dest == m ? -ELOOP : 0;
}

static int set_group(const struct path *from, const struct path *to)
{
	struct mount *f = from->mnt, *t = to->mnt;

	if (!f->ns || !t->ns || ((f->flags | t->flags) & MNT_INTERNAL))
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (!path_is_mount(from) || !path_is_mount(to) || f->super != t->super)
		return -EINVAL;
	if (!dentry_is_below(t->root, f->root) || mount_hides(f, t->root))
		return -EINVAL;
	if (t->group || t->master || !(f->group || f->master))
		return -EINVAL;
	group_join(t, f);
	return 0;
}

int vfs_move_mount(const struct path *from, const struct path *to, unsigned flags)
{
	bool beneath = flags & MOVE_MOUNT_BENEATH;
	struct mount_ns *anonymous = NULL;
	struct inode *inode;
	struct path at;
	int err;

	if (flags & MOVE_MOUNT_SET_GROUP) {
		mutex_lock(&mount_sem);
		err = set_group(from, to);
		mutex_unlock(&mount_sem);
		return err;
	}
	err = place_lock(to, beneath, &at);
	if (err)
		return err;
	inode = locked_inode(&at, beneath);
	err = may_move(from, &at, beneath);
	if (!err) {
		struct mount_ns *old = from->mnt->ns;
		bool attached = mount_has_parent(from->mnt);

		err = mount_attach(from->mnt, &at, (attached ? ATTACH_MOVE : 0) | (beneath ? ATTACH_BENEATH : 0));
		if (!err && !attached)
			anonymous = old;
		else if (!err)
			from->mnt->expiring = false;
	}
	place_unlock_inode(inode, &at);
	if (anonymous)
		mount_ns_free(anonymous);
	return err;
}

/* ---- trees that only a descriptor holds ---- */

/* @m alone in a namespace, which it enters. Its reference moves in, also on error. A reference in *out. */
static int detach_new(struct mount *m, struct path *out)
{
	struct mount_ns *ns = mount_ns_anonymous();

	if (!ns) {
		discard(m);
		return -ENOMEM;
	}
	mutex_lock(&mount_sem);
	mount_join_ns(m, ns);
	ns->root = m;
	*out = (struct path){.mnt = m, .dentry = m->root};
	path_get(out);
	mutex_unlock(&mount_sem);
	return 0;
}

int vfs_mount_config(struct fs_config *c, u32 flags, struct path *out)
{
	struct mount *m = mount_alloc(c->super, c->super->root, c->source, flags);

	return m ? detach_new(m, out) : -ENOMEM;
}

int vfs_clone_tree(const struct path *from, bool recursive, struct path *out)
{
	struct mount *m;
	int err;

	mutex_lock(&mount_sem);
	err = copy_seen(from, recursive, &m);
	mutex_unlock(&mount_sem);
	return err ? err : detach_new(m, out);
}

void mount_dissolve(struct mount *m)
{
	struct mount_ns *ns;
	LIST_HEAD(gone);

	mutex_lock(&mount_sem);
	ns = m->ns;
	if (ns && mount_is_anonymous(m) && ns->root == m)
		mount_remove_tree(m, false, &gone);
	else
		ns = NULL;
	mutex_unlock(&mount_sem);
	mounts_release(&gone);
	if (ns)
		mount_ns_free(ns);
}
