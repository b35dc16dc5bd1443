/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mount tree: look-up, references, attaching and taking away. What mount(2) and its like decide is in ops.c.
 *
 * References are per-CPU counts, so that a walk costs no shared cache line. While a mount stands in a namespace its count cannot reach zero (the tree holds
 * one), and mount_put only decrements. Once it is out (ns NULL), mount_put takes mount_lock and sums: who finds zero frees it. Order: umount stores
 * ns = NULL inside mount_seq and waits a grace period before it drops the tree's reference; a put that still saw ns != NULL ran in a read section before
 * that, so its decrement is in the later sum.
 */
#include "mount_impl.h"
#include <debug/panic.h>
#include <lib/hash.h>
#include <vfs/notify.h>

LOCK_CLASS(mount_sem, RANK_NAMESPACE, "shape of the mount trees");
LOCK_CLASS(mount_lock, RANK_DENTRY - 2, "mount table: parent, mountpoint, hash, namespace");

#define MOUNT_HASH_BITS 8

struct mutex mount_sem = MUTEX_INIT(mount_sem, mount_sem);
struct spinlock mount_lock = SPINLOCK_INIT(mount_lock);
struct seqcount mount_seq;
static struct hlist_head mount_table[1u << MOUNT_HASH_BITS]; /* by parent and mountpoint */
static struct hlist_head point_table[1u << MOUNT_HASH_BITS]; /* by mountpoint */
static struct mount_ns ns_internal;
static s32 last_id;

static struct hlist_head *bucket(const struct mount *m, const struct dentry *d)
{
	return &mount_table[hash_u64((u64)(unsigned long)m / 64 + (u64)(unsigned long)d / 8, MOUNT_HASH_BITS)];
}

static struct hlist_head *point_bucket(const struct dentry *d)
{
	return &point_table[hash_u64((u64)(unsigned long)d / 8, MOUNT_HASH_BITS)];
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
	m->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
	m->unique_id = (1ull << 31) + (u64)m->id;
	hlist_node_init(&m->hash_link);
	hlist_node_init(&m->point_link);
	list_init(&m->children);
	list_init(&m->child_link);
	list_init(&m->super_link);
	list_init(&m->peers);
	list_init(&m->slaves);
	list_init(&m->slave_link);
	list_init(&m->target);
	list_init(&m->work);
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

static void free_rcu(struct rcu_head *head)
{
	struct mount *m = container_of(head, struct mount, rcu);

	pcounter_fini(&m->refs);
	pcounter_fini(&m->writers);
	kfree(m);
}

/* The last reference is gone and it stands nowhere. Walkers may still try to count. May sleep. */
static void mount_free(struct mount *m)
{
	struct super *sb = m->super;

	notify_mount_gone(m);
	dentry_put(m->root);
	kfree(m->source);
	rcu_call(&m->rcu, free_rcu);
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

/* As mount_put, but it is no use that MNT_EXPIRE would see. */
void mount_put_unused(struct mount *m)
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

void mount_put(struct mount *m)
{
	if (unlikely(READ_ONCE(m->expiring)))
		WRITE_ONCE(m->expiring, false);
	mount_put_unused(m);
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

struct mount *mount_lookup(const struct mount *m, const struct dentry *d)
{
	struct mount *c;

	hlist_for_each_entry(c, bucket(m, d), hash_link)
	{
		if (c->parent == m && c->mountpoint == d)
			return c;
	}
	return NULL;
}

struct mount *mount_topmost(struct mount *m)
{
	struct mount *over;

	while ((over = mount_lookup(m, m->root)))
		m = over;
	return m;
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

void ns_changed(struct mount_ns *ns)
{
	WRITE_ONCE(ns->changes, ns->changes + 1);
	wait_wake(&mounts_wait, 0, ~0u);
}

struct mount *mount_next_skip(struct mount *m, const struct mount *root)
{
	for (; m != root; m = m->parent) {
		if (!list_is_last(&m->child_link, &m->parent->children))
			return list_entry(m->child_link.next, struct mount, child_link);
	}
	return NULL;
}

struct mount *mount_next(struct mount *m, const struct mount *root)
{
	return list_empty(&m->children) ? mount_next_skip(m, root) : list_first_entry(&m->children, struct mount, child_link);
}

/* ---- places ---- */

static struct mount *first_on(const struct dentry *d)
{
	struct mount *m;

	hlist_for_each_entry(m, point_bucket(d), point_link)
	{
		if (m->mountpoint == d)
			return m;
	}
	return NULL;
}

static void set_mounted_flag(struct dentry *d, bool on)
{
	spin_lock(&d->lock);
	WRITE_ONCE(d->flags, on ? d->flags | DENTRY_MOUNTED : d->flags & ~(u32)DENTRY_MOUNTED);
	spin_unlock(&d->lock);
}

void mount_place(const struct placement *p, unsigned n)
{
	struct dentry *old[2];
	unsigned i;

	ASSERT(n <= ARRAY_SIZE(old));
	for (i = 0; i < n; i++) {
		old[i] = p[i].m->mountpoint;
		if (p[i].parent) {
			dentry_get(p[i].at);
			set_mounted_flag(p[i].at, true);
		}
	}
	spin_lock(&mount_lock);
	seq_write_begin(&mount_seq);
	for (i = 0; i < n; i++) {
		hlist_del_init_rcu(&p[i].m->hash_link);
		hlist_del_init(&p[i].m->point_link);
		WRITE_ONCE(p[i].m->parent, p[i].parent ? p[i].parent : p[i].m);
		WRITE_ONCE(p[i].m->mountpoint, p[i].at);
	}
	for (i = 0; i < n; i++) {
		if (!p[i].parent)
			continue;
		hlist_add_head_rcu(&p[i].m->hash_link, bucket(p[i].parent, p[i].at));
		hlist_add_head(&p[i].m->point_link, point_bucket(p[i].at));
	}
	seq_write_end(&mount_seq);
	spin_unlock(&mount_lock);
	for (i = 0; i < n; i++) {
		list_del_init(&p[i].m->child_link);
		if (p[i].parent)
			list_add_tail(&p[i].m->child_link, &p[i].parent->children);
	}
	for (i = 0; i < n; i++) {
		if (!old[i])
			continue;
		if (!first_on(old[i]))
			set_mounted_flag(old[i], false);
		dentry_put(old[i]);
	}
}

void mount_link(struct mount *m, struct mount *parent, struct dentry *at)
{
	mount_place(&(struct placement){m, parent, at}, 1);
}

static void ns_insert(struct mount_ns *ns, struct mount *m)
{
	struct rb_node **link = &ns->mounts.node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = m->unique_id < rb_entry(parent, struct mount, ns_node)->unique_id ? &parent->left : &parent->right;
	}
	rb_link(&m->ns_node, parent, link);
	rb_insert(&m->ns_node, &ns->mounts);
	ns->nmounts++;
}

static void ns_erase(struct mount *m)
{
	rb_erase(&m->ns_node, &m->ns->mounts);
	m->ns->nmounts--;
	if (m->ns->root == m)
		m->ns->root = NULL;
}

static void set_ns(struct mount *m, struct mount_ns *ns)
{
	spin_lock(&mount_lock);
	seq_write_begin(&mount_seq);
	WRITE_ONCE(m->ns, ns);
	seq_write_end(&mount_seq);
	spin_unlock(&mount_lock);
}

void mount_join_ns(struct mount *root, struct mount_ns *ns)
{
	for (struct mount *m = root; m; m = mount_next(m, root)) {
		if (m->ns)
			ns_erase(m);
		else
			list_add_tail(&m->super_link, &m->super->mounts);
		set_ns(m, ns);
		ns_insert(ns, m);
	}
	ns_changed(ns);
}

int mount_check_idle(struct mount *m, s64 expected)
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

/* ---- taking trees down ---- */

void mount_remove_tree(struct mount *root, bool propagate, struct list_head *gone)
{
	LIST_HEAD(doomed);
	struct mount *m, *next;

	for (m = root; m; m = mount_next(m, root)) {
		m->flags |= MNT_DOOMED;
		list_add_tail(&m->work, &doomed);
	}
	if (propagate)
		propagate_umount(&doomed);
	list_for_each_entry_safe(m, next, &doomed, work)
	{
		struct mount_ns *ns = m->ns;

		mount_link(m, NULL, NULL);
		group_change(m, MS_PRIVATE);
		m->flags &= ~(u32)MNT_DOOMED;
		if (ns) {
			list_del_init(&m->super_link);
			ns_erase(m);
			set_ns(m, NULL);
			ns_changed(ns);
		}
	}
	list_splice_tail(&doomed, gone);
}

void mounts_release(struct list_head *gone)
{
	if (list_empty(gone))
		return;
	rcu_synchronize(); /* puts that still saw a namespace have decremented by now */
	while (!list_empty(gone)) {
		struct mount *m = list_first_entry(gone, struct mount, work);

		list_del_init(&m->work);
		mount_put(m);
	}
}

bool mountpoint_is_local(const struct dentry *d)
{
	struct mount_ns *ours;
	struct mount *m;
	bool local = false;

	if (likely(!(READ_ONCE(d->flags) & DENTRY_MOUNTED)))
		return false;
	ours = mount_ns_current();
	spin_lock(&mount_lock); /* directories are locked: mount_sem would be too late */
	hlist_for_each_entry(m, point_bucket(d), point_link)
		local |= m->mountpoint == d && m->ns == ours;
	spin_unlock(&mount_lock);
	return local;
}

void mounts_drop_from(struct dentry *d)
{
	LIST_HEAD(gone);
	struct mount *m;

	if (likely(!(READ_ONCE(d->flags) & DENTRY_MOUNTED)))
		return;
	mutex_lock(&mount_sem);
	while ((m = first_on(d)))
		mount_remove_tree(m, false, &gone);
	mutex_unlock(&mount_sem);
	mounts_release(&gone);
}

/* ---- mounts of the kernel ---- */

/* A super block of @t as @options say, in a configuration that the caller frees. */
static int MUST_CHECK config_kernel(struct fs_config *c, const struct fs_type *t, const char *options)
{
	char text[64] = "";
	int err = fs_config_init(c, t, NULL);

	if (err)
		return err;
	if (options)
		strscpy(text, options, sizeof(text));
	err = fs_config_options(c, text);
	if (!err)
		err = fs_config_create(c);
	if (err)
		fs_config_free(c);
	return err;
}

/* Alone and in no namespace, but alive, and counted with its super block's mounts. */
static void enter_internal(struct mount *m)
{
	m->ns = &ns_internal;
	mutex_lock(&mount_sem);
	list_add_tail(&m->super_link, &m->super->mounts);
	mutex_unlock(&mount_sem);
}

int mount_private(const struct path *p, u32 flags, struct mount **out)
{
	struct mount *m = mount_alloc(p->mnt->super, p->dentry, p->mnt->source, flags | MNT_INTERNAL);

	if (!m)
		return -ENOMEM;
	enter_internal(m);
	*out = m;
	return 0;
}

void mount_private_put(struct mount *m)
{
	mutex_lock(&mount_sem);
	list_del_init(&m->super_link);
	mutex_unlock(&mount_sem);
	WRITE_ONCE(m->ns, NULL);
	rcu_synchronize(); /* who drops a reference looks whether it is alive */
	mount_put(m);
}

int mount_internal(const struct fs_type *t, const char *options, struct mount **out)
{
	struct fs_config c;
	struct mount *m;
	int err = config_kernel(&c, t, options);

	if (err)
		return err;
	m = mount_alloc(c.super, c.super->root, t->name, MNT_INTERNAL);
	fs_config_free(&c);
	if (!m)
		return -ENOMEM;
	enter_internal(m);
	*out = m;
	return 0;
}

/* The first mount: root of everything. */
int mount_tree_init(const struct fs_type *t, const char *options)
{
	struct fs_config c;
	struct mount *m;
	struct path p;
	int err = config_kernel(&c, t, options);

	if (err)
		return err;
	m = mount_alloc(c.super, c.super->root, t->name, MNT_RELATIME);
	fs_config_free(&c);
	if (!m)
		return -ENOMEM;
	mutex_lock(&mount_sem);
	mount_join_ns(m, &mount_ns_init);
	mount_ns_init.root = m;
	mutex_unlock(&mount_sem);
	p = (struct path){.mnt = m, .dentry = m->root};
	fs_set_root(&p);
	fs_set_cwd(&p);
	return 0;
}

/* ---- paths ---- */

bool mount_is_below(const struct mount *m, const struct dentry *d, const struct path *root)
{
	while (m != root->mnt && mount_has_parent(m)) {
		d = m->mountpoint;
		m = m->parent;
	}
	return m == root->mnt && dentry_is_below((struct dentry *)d, root->dentry);
}

bool path_is_mount(const struct path *p)
{
	return p->dentry == p->mnt->root;
}

bool path_is_nosuid(const struct path *p)
{
	return p->mnt && (READ_ONCE(p->mnt->flags) & MNT_NOSUID);
}

bool path_is_noexec(const struct path *p)
{
	return p->mnt && (READ_ONCE(p->mnt->flags) & MNT_NOEXEC);
}
