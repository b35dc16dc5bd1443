/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies of mounts and of trees of them.
 */
#include "mount_impl.h"

int mount_copy(struct mount *src, struct dentry *root, unsigned how, struct mount **out)
{
	struct mount *m = mount_alloc(src->super, root, src->source,
		src->flags & (MNT_USER_MASK | MNT_UNBINDABLE | MNT_LOCK_FLAGS | MNT_LOCKED));
	int err = 0;

	if (!m)
		return -ENOMEM;
	if (how & COPY_SLAVE)
		group_follow(m, src);
	else if (!(how & COPY_PRIVATE))
		group_join(m, src);
	if (how & COPY_SHARED) {
		err = group_number_tree(m, false);
		if (!err)
			group_share_tree(m, false);
	}
	if (err) {
		group_change(m, MS_PRIVATE);
		mount_put(m);
		return err;
	}
	*out = m;
	return 0;
}

/* Is @m to be left out of a copy? -EPERM: it must not be left out. */
static int skips(const struct mount *m, unsigned how)
{
	if (!(how & COPY_UNBINDABLE) && (m->flags & MNT_UNBINDABLE))
		return m->flags & MNT_LOCKED ? -EPERM : 1;
	return !(how & COPY_NS_FILES) && inode_is_mount_ns(m->root->inode);
}

int mount_copy_tree(struct mount *src, struct dentry *root, unsigned how, struct mount **out)
{
	struct mount *m, *next, *copy, *whole;
	int err;

	if (skips(src, how))
		return -EINVAL;
	err = mount_copy(src, root, how, &whole);
	if (err)
		return err;
	whole->flags &= ~(u32)MNT_LOCKED;
	src->copy = whole;
	for (m = mount_next(src, src); m; m = next) {
		if ((m->parent == src && !dentry_is_below(m->mountpoint, root)) || (err = skips(m, how)) > 0) {
			next = mount_next_skip(m, src);
			continue;
		}
		if (!err)
			err = mount_copy(m, m->root, how, &copy);
		if (err) {
			LIST_HEAD(gone);

			mount_remove_tree(whole, false, &gone);
			list_for_each_entry_safe(m, next, &gone, work)
			{
				list_del_init(&m->work);
				mount_put(m); /* nobody has seen them: no grace period is needed */
			}
			return err;
		}
		m->copy = copy;
		mount_link(copy, m->parent->copy, m->mountpoint);
		next = mount_next(m, src);
	}
	*out = whole;
	return 0;
}

bool mount_hides(struct mount *m, const struct dentry *root)
{
	struct mount *c;

	list_for_each_entry(c, &m->children, child_link)
	{
		if ((c->flags & MNT_LOCKED) && dentry_is_below(c->mountpoint, (struct dentry *)root))
			return true;
	}
	return false;
}
