/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mount namespaces [man mount_namespaces(7)]: each is a tree of mounts. A new one is a copy of its maker's, in which shared mounts stay peers.
 */
#include "mount_impl.h"
#include <debug/panic.h>
#include <linux/sched.h>

struct mount_ns mount_ns_init = {
	.ns = {.refs = REFCOUNT_INIT(1), .ino = 0xf0000001, .type = &mount_ns_type},
	.link = LIST_HEAD_INIT(mount_ns_init.link),
	.id = 1,
};
struct wait_queue mounts_wait;
static u64 last_ns_id = 1;

void mount_init(void)
{
	wait_queue_init(&mounts_wait);
}

struct mount_ns *mount_ns_anonymous(void)
{
	struct mount_ns *ns = kzalloc(sizeof(*ns), 0);

	if (ns)
		list_init(&ns->link);
	return ns;
}

void mount_ns_free(struct mount_ns *ns)
{
	ASSERT(rb_is_empty(&ns->mounts));
	kfree(ns);
}

/* The copies of where @fs's root and working directory are. The old ones are given back after mount_sem, in @old. */
static void follow_copy(struct mount_ns *from, struct fs_context *fs, struct path old[2])
{
	struct path *const both[2] = {&fs->root, &fs->cwd};

	for (unsigned i = 0; i < ARRAY_SIZE(both); i++) {
		struct path p;

		old[i].dentry = NULL;
		if (both[i]->mnt->ns != from)
			continue;
		p = (struct path){.mnt = both[i]->mnt->copy, .dentry = both[i]->dentry};
		fs_context_move(fs, both[i], &p, &old[i]);
	}
}

static int mount_ns_copy(struct ns *old_ns, struct fs_context *fs, struct ns **out)
{
	struct mount_ns *old = container_of(old_ns, struct mount_ns, ns), *ns = mount_ns_anonymous();
	struct path left[2] = {{NULL, NULL}, {NULL, NULL}};
	struct mount *root;
	int err;

	if (!ns)
		return -ENOMEM;
	err = ns_init(&ns->ns, &mount_ns_type);
	if (err) {
		kfree(ns);
		return err;
	}
	mutex_lock(&mount_sem);
	err = mount_copy_tree(old->root, old->root->root, COPY_UNBINDABLE, &root);
	if (!err) {
		ns->id = ++last_ns_id;
		list_add_tail(&ns->link, &mount_ns_init.link);
		mount_join_ns(root, ns);
		ns->root = root;
		if (fs)
			follow_copy(old, fs, left);
	}
	mutex_unlock(&mount_sem);
	for (unsigned i = 0; i < ARRAY_SIZE(left); i++) {
		if (left[i].dentry)
			path_put(&left[i]);
	}
	if (err) {
		ns_fini(&ns->ns);
		mount_ns_free(ns);
		return err;
	}
	*out = &ns->ns;
	return 0;
}

static void mount_ns_destroy(struct ns *n)
{
	struct mount_ns *ns = container_of(n, struct mount_ns, ns);
	LIST_HEAD(gone);

	mutex_lock(&mount_sem);
	list_del_init(&ns->link);
	if (ns->root)
		mount_remove_tree(ns->root, false, &gone);
	mutex_unlock(&mount_sem);
	mounts_release(&gone);
	ns_fini(n);
	mount_ns_free(ns);
}

/* The whole of the namespace is seen: what stands over its root, too. */
static int mount_ns_enter(struct ns *n, struct fs_context *fs)
{
	struct mount_ns *ns = container_of(n, struct mount_ns, ns);
	struct path p;

	if (!capable(CAP_SYS_CHROOT))
		return -EPERM;
	if (!fs || READ_ONCE(fs->refs) != 1)
		return -EINVAL;
	mutex_lock(&mount_sem);
	p.mnt = mount_topmost(ns->root);
	p.dentry = p.mnt->root;
	path_get(&p);
	mutex_unlock(&mount_sem);
	fs_context_set(fs, &p);
	path_put(&p);
	return 0;
}

const struct ns_type mount_ns_type = {
	.name = "mnt",
	.flag = CLONE_NEWNS,
	.copy = mount_ns_copy,
	.enter = mount_ns_enter,
	.destroy = mount_ns_destroy,
};

/* ---- finding them ---- */

struct mount_ns *mount_ns_find_get(u64 id)
{
	struct mount_ns *ours = mount_ns_current(), *ns = &mount_ns_init, *found = NULL;

	mutex_lock(&mount_sem);
	do {
		if (ns->id == (id ? id : ours->id)) {
			if ((ns == ours || capable(CAP_SYS_ADMIN)) && refcount_inc_not_zero(&ns->ns.refs))
				found = ns;
			break;
		}
		ns = list_entry(ns->link.next, struct mount_ns, link);
	} while (ns != &mount_ns_init);
	mutex_unlock(&mount_sem);
	return found;
}

struct mount_ns *mount_ns_neighbour(struct mount_ns *ns, bool previous)
{
	struct mount_ns *next = NULL;

	mutex_lock(&mount_sem);
	/* The ring is in the order of ids, but where it ends in the initial one. */
	while (capable(CAP_SYS_ADMIN)) {
		struct mount_ns *n = list_entry(previous ? ns->link.prev : ns->link.next, struct mount_ns, link);

		if (previous ? n->id >= ns->id : n->id <= ns->id)
			break;
		if (refcount_inc_not_zero(&n->ns.refs)) {
			next = n;
			break;
		}
		ns = n; /* is about to go */
	}
	mutex_unlock(&mount_sem);
	return next;
}

static const struct mount_ns *ns_of_inode(const struct inode *inode)
{
	const struct ns *ns = nsfs_inode_ns(inode);

	return ns && ns->type == &mount_ns_type ? container_of(ns, struct mount_ns, ns) : NULL;
}

bool inode_is_mount_ns(const struct inode *inode)
{
	return ns_of_inode(inode);
}

bool mount_ns_loops(const struct dentry *d)
{
	const struct mount_ns *ns = ns_of_inode(d->inode);

	return ns && ns->id <= mount_ns_current()->id;
}
