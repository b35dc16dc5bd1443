/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * statmount(2), listmount(2): mounts by their unique numbers.
 */
#include "mount_impl.h"
#include <lib/strbuf.h>
#include <linux/mount.h>

struct mount *mount_from_id(const struct mount_ns *ns, u64 id)
{
	struct rb_node *n = ns->mounts.node;
	struct mount *best = NULL;

	while (n) {
		struct mount *m = rb_entry(n, struct mount, ns_node);

		if (m->unique_id >= id) {
			best = m;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return best;
}

/* The last one with that id or a lower one. */
static struct mount *mount_up_to_id(const struct mount_ns *ns, u64 id)
{
	struct mount *m = mount_from_id(ns, id);

	if (!m) {
		struct rb_node *n = ns->mounts.node;

		while (n && n->right)
			n = n->right;
		return rb_entry_safe(n, struct mount, ns_node);
	}
	return m->unique_id == id ? m : rb_entry_safe(rb_prev(&m->ns_node), struct mount, ns_node);
}

static struct mount *mount_of_id(const struct mount_ns *ns, u64 id)
{
	struct mount *m = mount_from_id(ns, id);

	return m && m->unique_id == id ? m : NULL;
}

/* What the caller sees of @ns: below his root, or all of another one. References. mount_sem. */
static void visible_root(struct mount_ns *ns, struct path *out)
{
	if (ns == mount_ns_current()) {
		fs_get_root(out);
		return;
	}
	out->mnt = mount_topmost(ns->root);
	out->dentry = out->mnt->root;
	path_get(out);
}

static u64 attr_of_flags(u32 f)
{
	return (f & MNT_RDONLY ? MOUNT_ATTR_RDONLY : 0) | (f & MNT_NOSUID ? MOUNT_ATTR_NOSUID : 0) | (f & MNT_NODEV ? MOUNT_ATTR_NODEV : 0)
		| (f & MNT_NOEXEC ? MOUNT_ATTR_NOEXEC : 0) | (f & MNT_NODIRATIME ? MOUNT_ATTR_NODIRATIME : 0)
		| (f & MNT_NOSYMFOLLOW ? MOUNT_ATTR_NOSYMFOLLOW : 0)
		| (f & MNT_NOATIME ? MOUNT_ATTR_NOATIME : f & MNT_RELATIME ? MOUNT_ATTR_RELATIME : MOUNT_ATTR_STRICTATIME);
}

static u64 propagation_of(const struct mount *m)
{
	u64 p = (mount_is_shared(m) ? MS_SHARED : 0) | (m->master ? MS_SLAVE : 0) | (m->flags & MNT_UNBINDABLE ? MS_UNBINDABLE : 0);

	return p ? p : MS_PRIVATE;
}

static void fill_numbers(const struct mount *m, u64 mask, const struct path *root, struct statmount *st)
{
	const struct super *sb = m->super;

	if (mask & STATMOUNT_SB_BASIC) {
		st->sb_dev_major = vfs_major(sb->dev);
		st->sb_dev_minor = vfs_minor(sb->dev);
		st->sb_magic = sb->magic;
		st->sb_flags = sb->flags & (MS_RDONLY | MS_SYNCHRONOUS | MS_DIRSYNC | MS_LAZYTIME);
	}
	if (mask & STATMOUNT_MNT_BASIC) {
		st->mnt_id = m->unique_id;
		st->mnt_parent_id = m->parent->unique_id;
		st->mnt_id_old = (u32)m->id;
		st->mnt_parent_id_old = (u32)m->parent->id;
		st->mnt_attr = attr_of_flags(m->flags);
		st->mnt_propagation = propagation_of(m);
		st->mnt_peer_group = mount_is_shared(m) ? m->group : 0;
		st->mnt_master = m->master ? m->master->group : 0;
	}
	if ((mask & STATMOUNT_PROPAGATE_FROM) && m->master)
		st->propagate_from = group_dominating(m, root);
	if (mask & STATMOUNT_MNT_NS_ID)
		st->mnt_ns_id = m->ns->id;
	st->mask |= mask & (STATMOUNT_SB_BASIC | STATMOUNT_MNT_BASIC | STATMOUNT_PROPAGATE_FROM | STATMOUNT_MNT_NS_ID);
}

/* One string into @scratch; its length, 0: there is none. */
static ssize_t make_string(const struct mount *m, u64 what, const struct path *root, char *scratch)
{
	struct path p = {.mnt = (struct mount *)m, .dentry = m->root};
	ssize_t n;

	switch (what) {
	case STATMOUNT_FS_TYPE: return strscpy(scratch, m->super->type->name, PATH_MAX);
	case STATMOUNT_MNT_ROOT: return mount_root_text(m, scratch, PATH_MAX);
	case STATMOUNT_MNT_POINT:
		if (!mount_is_below(m, m->root, root))
			return 0;
		return path_string(&p, root, scratch, PATH_MAX);
	default:
		n = m->super->ops->show_options ? (ssize_t)m->super->ops->show_options(m->super, scratch, PATH_MAX) : 0;
		if (n > 0) { /* the comma that it begins with is for those who have something before it */
			memmove(scratch, scratch + 1, (size_t)n);
			n--;
		}
		return n;
	}
}

static int fill_strings(const struct mount *m, u64 mask, const struct path *root, struct statmount *st, char *buf, size_t size, size_t *len)
{
	const struct {
		u64 bit;
		u32 *offset;
	} strings[] = {{STATMOUNT_FS_TYPE, &st->fs_type}, {STATMOUNT_MNT_ROOT, &st->mnt_root}, {STATMOUNT_MNT_POINT, &st->mnt_point},
		{STATMOUNT_MNT_OPTS, &st->mnt_opts}};
	char *scratch = kmalloc(PATH_MAX, 0);
	int err = scratch ? 0 : -ENOMEM;

	for (size_t i = 0; i < ARRAY_SIZE(strings) && !err; i++) {
		ssize_t n;

		if (!(mask & strings[i].bit))
			continue;
		n = make_string(m, strings[i].bit, root, scratch);
		if (n < 0)
			err = (int)n;
		if (n <= 0)
			continue;
		if (*len + (size_t)n + 1 > size) {
			err = -EOVERFLOW;
			break;
		}
		*strings[i].offset = (u32)*len;
		memcpy(buf + *len, scratch, (size_t)n);
		buf[*len + (size_t)n] = '\0';
		*len += (size_t)n + 1;
		st->mask |= strings[i].bit;
	}
	kfree(scratch);
	return err;
}

int vfs_statmount(struct mount_ns *ns, u64 id, u64 mask, struct statmount *st, char *buf, size_t size, size_t *out_len)
{
	struct path root;
	struct mount *m;
	int err = -ENOENT;

	memset(st, 0, sizeof(*st));
	*out_len = 0;
	mutex_lock(&mount_sem);
	m = ns->root ? mount_of_id(ns, id) : NULL;
	if (!m)
		goto out;
	visible_root(ns, &root);
	err = mount_is_below(m, m->root, &root) || capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
	if (!err) {
		fill_numbers(m, mask, &root, st);
		err = fill_strings(m, mask, &root, st, buf, size, out_len);
	}
	mutex_unlock(&mount_sem);
	path_put(&root);
	return err;
out:
	mutex_unlock(&mount_sem);
	return err;
}

ssize_t vfs_listmount(struct mount_ns *ns, u64 id, u64 last, bool reverse, u64 *ids, size_t n)
{
	struct path root, from;
	struct mount *m = NULL;
	ssize_t got = -ENOENT;

	mutex_lock(&mount_sem);
	if (ns->root && id != LSMT_ROOT)
		m = mount_of_id(ns, id);
	if (!ns->root || (id != LSMT_ROOT && !m)) {
		mutex_unlock(&mount_sem);
		return got;
	}
	visible_root(ns, &root);
	from = m ? (struct path){.mnt = m, .dentry = m->root} : root;
	got = !m || mount_is_below(m, m->root, &root) || capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
	if (!got) {
		if (reverse)
			m = mount_up_to_id(ns, last ? last - 1 : U64_MAX);
		else
			m = mount_from_id(ns, last ? last + 1 : 0);
		for (; m && (size_t)got < n;
			m = rb_entry_safe(reverse ? rb_prev(&m->ns_node) : rb_next(&m->ns_node), struct mount, ns_node)) {
			if (m->unique_id != id && mount_is_below(m, m->root, &from))
				ids[got++] = m->unique_id;
		}
	}
	mutex_unlock(&mount_sem);
	path_put(&root);
	return got;
}
