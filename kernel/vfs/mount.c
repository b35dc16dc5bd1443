/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mount tree: look-up, references, attaching and taking away. What mount(2) and its like decide is in mount_ops.c.
 *
 * References are per-CPU counts, so that a walk costs no shared cache line. While a mount stands in a namespace its count cannot reach zero (the tree holds
 * one), and mount_put only decrements. Once it is out (ns NULL), mount_put takes mount_lock and sums: who finds zero frees it. Order: umount stores
 * ns = NULL inside mount_seq and waits a grace period before it drops the tree's reference; a put that still saw ns != NULL ran in a read section before
 * that, so its decrement is in the later sum.
 */
#include "vfs_impl.h"
#include <debug/panic.h>
#include <lib/hash.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <vfs/notify.h>
#include <linux/mount.h>

LOCK_CLASS(mount_sem, RANK_NAMESPACE, "shape of the mount trees");
LOCK_CLASS(mount_lock, RANK_DENTRY - 2, "mount table: parent, mountpoint, hash, namespace");

#define MOUNT_HASH_BITS 8

struct mutex mount_sem = MUTEX_INIT(mount_sem, mount_sem);
struct spinlock mount_lock = SPINLOCK_INIT(mount_lock);
struct seqcount mount_seq;
struct mount_ns mount_ns_init = {.refs = 1, .mounts = LIST_HEAD_INIT(mount_ns_init.mounts)};
static struct hlist_head mount_table[1u << MOUNT_HASH_BITS];
static struct mount_ns ns_internal = {.refs = 1, .mounts = LIST_HEAD_INIT(ns_internal.mounts)};
static s32 next_id = 1;
static struct wait_queue mounts_wait;

static struct hlist_head *bucket(const struct mount *m, const struct dentry *d)
{
	return &mount_table[hash_u64((u64)(unsigned long)m / 64 + (u64)(unsigned long)d / 8, MOUNT_HASH_BITS)];
}

void mount_init(void)
{
	wait_queue_init(&mounts_wait);
	mount_ns_init.wait = &mounts_wait;
}

struct mount *mount_alloc(struct super *sb, struct dentry *root, const char *source, u32 flags)
{
	struct mount *m = kzalloc(sizeof(*m), 0);

	if (!m)
		return NULL;
	m->source = kstrdup(source ? source : "none", 0);
	if (!m->source)
		goto no_source;
	if (pcounter_init(&m->refs))
		goto no_refs;
	if (pcounter_init(&m->writers))
		goto no_writers;
	m->parent = m;
	m->super = sb;
	super_get(sb);
	m->root = root;
	dentry_get(root);
	m->flags = flags;
	m->id = __atomic_fetch_add(&next_id, 1, __ATOMIC_RELAXED);
	m->unique_id = (1ull << 31) + (u64)m->id;
	hlist_node_init(&m->hash_link);
	list_init(&m->children);
	list_init(&m->child_link);
	list_init(&m->ns_link);
	pcounter_add(&m->refs, 1);
	return m;
no_writers:
	pcounter_fini(&m->refs);
no_refs:
	kfree(m->source);
no_source:
	kfree(m);
	return NULL;
}

/* The last reference is gone and it stands nowhere. May sleep. */
static void mount_free(struct mount *m)
{
	struct super *sb = m->super;

	notify_mount_gone(m);
	dentry_put(m->root);
	rcu_synchronize(); /* walkers may still try to count */
	pcounter_fini(&m->refs);
	pcounter_fini(&m->writers);
	kfree(m->source);
	kfree(m);
	super_put(sb);
}

void mount_get(struct mount *m)
{
	pcounter_add(&m->refs, 1);
}

/* Drop a reference; true: it was the last one of an unmounted mount, and the caller frees it. */
static bool put_is_last(struct mount *m)
{
	bool last;

	spin_lock(&mount_lock);
	/* Walkers that found it before it left must not get it any more. */
	seq_write_begin(&mount_seq);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	pcounter_add(&m->refs, -1);
	last = !m->ns && !(m->flags & MNT_UMOUNTED) && pcounter_sum(&m->refs) == 0;
	if (last)
		m->flags |= MNT_UMOUNTED;
	seq_write_end(&mount_seq);
	spin_unlock(&mount_lock);
	return last;
}

void mount_put(struct mount *m)
{
	rcu_read_lock();
	if (likely(READ_ONCE(m->ns))) {
		pcounter_add(&m->refs, -1);
		rcu_read_unlock();
		return;
	}
	rcu_read_unlock();
	if (put_is_last(m))
		mount_free(m);
}

bool mount_get_rcu(struct mount *m, u32 seq)
{
	pcounter_add(&m->refs, 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (likely(READ_ONCE(mount_seq.seq) == seq))
		return true;
	if (READ_ONCE(m->ns)) {
		pcounter_add(&m->refs, -1);
	} else if (put_is_last(m)) { /* our brief count hid the real last put */
		rcu_read_unlock();
		mount_free(m);
		rcu_read_lock();
	}
	return false;
}

struct mount *mount_find_rcu(const struct mount *m, const struct dentry *d)
{
	struct mount *c;

	hlist_for_each_entry_rcu(c, bucket(m, d), hash_link)
	{
		if (READ_ONCE(c->parent) == m && READ_ONCE(c->mountpoint) == d)
			return c;
	}
	return NULL;
}

struct mount *mount_find(struct mount *m, struct dentry *d)
{
	struct mount *c;

	spin_lock(&mount_lock);
	c = mount_find_rcu(m, d);
	if (c)
		mount_get(c);
	spin_unlock(&mount_lock);
	return c;
}

int mount_want_write(struct mount *m)
{
	int err = 0;

	preempt_disable();
	pcounter_add(&m->writers, 1);
	if (unlikely((READ_ONCE(m->flags) & MNT_RDONLY) || (READ_ONCE(m->super->flags) & MS_RDONLY))) {
		pcounter_add(&m->writers, -1);
		err = -EROFS;
	}
	preempt_enable();
	return err;
}

static void ns_changed(struct mount_ns *ns)
{
	WRITE_ONCE(ns->seq, ns->seq + 1);
	if (ns->wait)
		wait_wake(ns->wait, 0, ~0u);
}

/* Does any mount of its namespace stand on @d? mount_sem. */
static bool is_mountpoint(const struct mount_ns *ns, const struct dentry *d)
{
	struct mount *m;

	list_for_each_entry(m, &ns->mounts, ns_link)
	{
		if (m->mountpoint == d)
			return true;
	}
	return false;
}

static void set_mounted_flag(struct dentry *d, bool on)
{
	spin_lock(&d->lock);
	WRITE_ONCE(d->flags, on ? d->flags | DENTRY_MOUNTED : d->flags & ~(u32)DENTRY_MOUNTED);
	spin_unlock(&d->lock);
}

/* Put @m on (@parent, @mountpoint), or, @parent NULL, make it the root of the namespace. mount_sem. The caller's reference becomes the tree's. */
void mount_attach(struct mount *m, struct mount *parent, struct dentry *mountpoint)
{
	struct mount_ns *ns = parent ? parent->ns : &mount_ns_init;

	if (parent) {
		dentry_get(mountpoint);
		set_mounted_flag(mountpoint, true);
	}
	spin_lock(&mount_lock);
	seq_write_begin(&mount_seq);
	m->parent = parent ? parent : m;
	m->mountpoint = mountpoint;
	WRITE_ONCE(m->ns, ns);
	if (parent)
		hlist_add_head_rcu(&m->hash_link, bucket(parent, mountpoint));
	seq_write_end(&mount_seq);
	spin_unlock(&mount_lock);
	if (parent)
		list_add_tail(&m->child_link, &parent->children);
	list_add_tail(&m->ns_link, &ns->mounts);
	ns->nmounts++;
	ns_changed(ns);
}

/* Take @m from its place but leave it in its namespace's list (move, pivot). mount_sem. Returns the old mountpoint with its reference. */
struct dentry *mount_detach(struct mount *m)
{
	struct dentry *at = m->mountpoint;

	spin_lock(&mount_lock);
	seq_write_begin(&mount_seq);
	hlist_del_init_rcu(&m->hash_link);
	WRITE_ONCE(m->parent, m);
	WRITE_ONCE(m->mountpoint, NULL);
	seq_write_end(&mount_seq);
	spin_unlock(&mount_lock);
	list_del_init(&m->child_link);
	if (at && !is_mountpoint(m->ns, at))
		set_mounted_flag(at, false);
	return at;
}

/* The opposite of mount_detach, within the namespace. Takes a reference of its own to @at. */
void mount_reattach(struct mount *m, struct mount *parent, struct dentry *at)
{
	dentry_get(at);
	set_mounted_flag(at, true);
	spin_lock(&mount_lock);
	seq_write_begin(&mount_seq);
	WRITE_ONCE(m->parent, parent);
	WRITE_ONCE(m->mountpoint, at);
	hlist_add_head_rcu(&m->hash_link, bucket(parent, at));
	seq_write_end(&mount_seq);
	spin_unlock(&mount_lock);
	list_add_tail(&m->child_link, &parent->children);
	ns_changed(parent->ns);
}

/*
 * Sum of references while nobody can take one by RCU: -EBUSY if more than @expected, else the mount leaves its namespace. mount_sem.
 */
int mount_take_idle(struct mount *m, s64 expected)
{
	int err = 0;

	spin_lock(&mount_lock);
	seq_write_begin(&mount_seq);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (pcounter_sum(&m->refs) > expected)
		err = -EBUSY;
	seq_write_end(&mount_seq);
	spin_unlock(&mount_lock);
	return err;
}

/* @m, all below it: out of the namespace. mount_sem. Linked by next_free for mount_drop_list. */
struct mount *mount_unlink_tree(struct mount *m, struct mount *list)
{
	struct mount_ns *ns = m->ns;
	struct dentry *at;

	while (!list_empty(&m->children))
		list = mount_unlink_tree(list_first_entry(&m->children, struct mount, child_link), list);
	at = mount_detach(m);
	m->next_free = list;
	spin_lock(&mount_lock);
	seq_write_begin(&mount_seq);
	m->mountpoint = at; /* freed with it; it stands on nothing */
	WRITE_ONCE(m->ns, NULL);
	seq_write_end(&mount_seq);
	spin_unlock(&mount_lock);
	list_del_init(&m->ns_link);
	if (at && !is_mountpoint(ns, at))
		set_mounted_flag(at, false);
	ns->nmounts--;
	ns_changed(ns);
	return m;
}

/* Drop the tree's references. May sleep; mount_sem not held. */
void mount_drop_list(struct mount *list)
{
	rcu_synchronize(); /* puts that still saw a namespace have decremented by now */
	while (list) {
		struct mount *next = list->next_free;
		struct dentry *at = list->mountpoint;

		list->mountpoint = NULL;
		if (at)
			dentry_put(at);
		mount_put(list);
		list = next;
	}
}

int mount_internal(struct fs_type *t, const char *options, struct mount **out)
{
	struct super *sb;
	struct mount *m;
	int err = t->mount(t, 0, t->name, options, &sb);

	if (err)
		return err;
	m = mount_alloc(sb, sb->root, t->name, MNT_INTERNAL);
	super_put(sb);
	if (!m)
		return -ENOMEM;
	m->ns = &ns_internal;
	*out = m;
	return 0;
}

/* The first mount: root of everything. */
int mount_tree_init(struct super *rootfs)
{
	struct mount *m = mount_alloc(rootfs, rootfs->root, "rootfs", MNT_RELATIME);
	struct path p;

	if (!m)
		return -ENOMEM;
	mutex_lock(&mount_sem);
	mount_attach(m, NULL, NULL);
	mount_ns_init.root = m;
	mutex_unlock(&mount_sem);
	p = (struct path){.mnt = m, .dentry = m->root};
	fs_set_root(&p);
	fs_set_cwd(&p);
	return 0;
}

/* Is (m, d) at or below @root? Under mount_sem or RCU with mount_seq. */
bool mount_is_below(const struct mount *m, const struct dentry *d, const struct path *root)
{
	while (m != root->mnt && mount_has_parent(m)) {
		d = m->mountpoint;
		m = m->parent;
	}
	return m == root->mnt && dentry_is_below((struct dentry *)d, root->dentry);
}

int vfs_statfs(const struct path *p, struct kstatfs *out)
{
	struct super *sb = p->dentry->super;
	int err = -ENOSYS;

	*out = (struct kstatfs){.type = sb->magic, .bsize = sb->blksize, .frsize = sb->blksize, .namelen = sb->namelen_max, .fsid = sb->dev};
	if (sb->ops->statfs)
		err = sb->ops->statfs(sb, out);
	out->flags = (p->mnt->flags & MNT_USER_MASK) | (sb->flags & MS_RDONLY ? 1 : 0) | (sb->flags & MS_SYNCHRONOUS ? 16 : 0);
	if (!out->frsize)
		out->frsize = out->bsize;
	return err;
}

bool path_is_nosuid(const struct path *p)
{
	return p->mnt && (READ_ONCE(p->mnt->flags) & MNT_NOSUID);
}

bool path_is_noexec(const struct path *p)
{
	return p->mnt && (READ_ONCE(p->mnt->flags) & MNT_NOEXEC);
}
