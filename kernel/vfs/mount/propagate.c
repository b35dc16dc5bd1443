/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Propagation of mounts [man mount_namespaces(7)].
 *
 * Shared mounts form peer groups: what is mounted below one of them is mounted below all. A slave gets what its master gets, and gives nothing back; it may be in
 * a group of its own. In memory:
 *
 *   peers    a ring through the members of a group, which have the same group number and the same master
 *   master   some member of the group that this one is a slave of; the slave is on that member's list slaves. Only shared mounts have slaves.
 *
 * Who follows a mount is found without recursion: its peers, then, for each that has been found, that one's slaves. Every mount has at most one master and the
 * slaves of a group are all on lists of its members, so each is found once, masters before slaves and peers one after the other.
 *
 * A follower gets a copy of the copy nearest to it: that of a peer, whose peer the copy becomes, or else that of the next master up that got one (one from
 * which the place cannot be seen gets none), whose slave it becomes. So copies are related as the mounts they stand on.
 *
 * All under mount_sem.
 */
#include "mount_impl.h"
#include <lib/idr.h>

/* ---- numbers of groups ---- */

static struct idr numbers;

static struct radix_node *node_alloc(void *ctx)
{
	return kzalloc(sizeof(struct radix_node), 0);
}

static void node_free(void *ctx, struct radix_node *node)
{
	kfree(node); /* no reader but under mount_sem */
}

static const struct radix_alloc nodes = {node_alloc, node_free, NULL};

static void number_free(struct mount *m)
{
	idr_remove(&numbers, m->group, &nodes);
	m->group = 0;
}

void group_forget_numbers(struct mount *root)
{
	for (struct mount *m = root; m; m = mount_next(m, root)) {
		if (m->group && !mount_is_shared(m))
			number_free(m);
	}
}

int group_number_tree(struct mount *root, bool tree)
{
	for (struct mount *m = root; m; m = tree ? mount_next(m, root) : NULL) {
		int err = m->group ? 0 : idr_alloc(&numbers, 1, IDR_MAX, NULL, &nodes, &m->group);

		if (err) {
			group_forget_numbers(root);
			return err;
		}
	}
	return 0;
}

void group_share_tree(struct mount *root, bool tree)
{
	for (struct mount *m = root; m; m = tree ? mount_next(m, root) : NULL)
		m->flags = (m->flags & ~(u32)MNT_UNBINDABLE) | MNT_SHARED;
}

/* ---- groups ---- */

static struct mount *next_peer(const struct mount *m)
{
	return list_entry(m->peers.next, struct mount, peers);
}

void group_follow(struct mount *m, struct mount *master)
{
	m->master = master;
	list_add(&m->slave_link, &master->slaves);
}

void group_join(struct mount *m, struct mount *peer)
{
	if (peer->master) {
		m->master = peer->master;
		list_add(&m->slave_link, &peer->slave_link);
	}
	if (!peer->group)
		return;
	m->group = peer->group;
	m->flags |= peer->flags & MNT_SHARED;
	list_add(&m->peers, &peer->peers);
}

/* The peer to take over what @m leaves: one that shows the same directory if there is one. NULL: it is alone. */
static struct mount *heir_of(const struct mount *m)
{
	struct mount *p = next_peer(m);

	if (p == m)
		return NULL;
	for (; p != m; p = next_peer(p)) {
		if (p->root == m->root)
			return p;
	}
	return next_peer(m);
}

/* @m leaves its group and becomes a slave of what it was a peer of; alone, it stays the slave that it was. Its slaves stay with the group. */
static void leave_group(struct mount *m)
{
	struct mount *heir = heir_of(m), *master = heir ? heir : m->master, *s, *next;

	if (!mount_is_shared(m))
		return;
	if (!heir)
		number_free(m);
	m->group = 0;
	m->flags &= ~(u32)MNT_SHARED;
	list_del_init(&m->peers);
	list_for_each_entry_safe(s, next, &m->slaves, slave_link)
	{
		list_del_init(&s->slave_link);
		s->master = NULL;
		if (master)
			group_follow(s, master);
	}
	if (heir) {
		list_del_init(&m->slave_link);
		group_follow(m, heir);
	}
}

void group_change(struct mount *m, u64 type)
{
	if (type == MS_SHARED) {
		group_share_tree(m, false);
		return;
	}
	leave_group(m);
	if (type != MS_SLAVE) {
		list_del_init(&m->slave_link);
		m->master = NULL;
		m->flags = type == MS_UNBINDABLE ? m->flags | MNT_UNBINDABLE : m->flags & ~(u32)MNT_UNBINDABLE;
	}
}

u32 group_dominating(const struct mount *m, const struct path *root)
{
	for (const struct mount *master = m->master; master; master = master->master) {
		const struct mount *p = master;

		do {
			if (p->ns == m->ns && mount_is_below(p, p->root, root))
				return p->group;
			p = next_peer(p);
		} while (p != master);
	}
	return 0;
}

/* ---- who follows ---- */

static void add_target(struct mount *m, struct list_head *targets)
{
	list_add_tail(&m->target, targets);
}

/* All that follow @m, without it. What is in no namespace yet is on its way there, and what has an anonymous one is nobody's. */
static void find_targets(struct mount *m, struct list_head *targets)
{
	struct mount *t, *s;

	for (t = next_peer(m); t != m; t = next_peer(t))
		add_target(t, targets);
	list_for_each_entry(s, &m->slaves, slave_link)
		add_target(s, targets);
	list_for_each_entry(t, targets, target)
	{
		list_for_each_entry(s, &t->slaves, slave_link)
			add_target(s, targets);
	}
	list_for_each_entry_safe(t, s, targets, target)
	{
		if (!t->ns || !t->ns->id)
			list_del_init(&t->target);
	}
}

static void forget_targets(struct list_head *targets)
{
	while (!list_empty(targets)) {
		struct mount *t = list_first_entry(targets, struct mount, target);

		t->arrival = NULL;
		list_del_init(&t->target);
	}
}

/* ---- mounting ---- */

/* What @m's copy is to be copied from, and how they will be related. */
static struct mount *nearest_arrival(struct mount *m, unsigned *how)
{
	struct mount *p;

	*how = COPY_PEER | COPY_SHARED;
	if (mount_is_shared(m)) {
		for (p = list_entry(m->peers.prev, struct mount, peers); p != m; p = list_entry(p->peers.prev, struct mount, peers)) {
			if (p->arrival)
				return p->arrival;
		}
	}
	*how = COPY_SLAVE | (mount_is_shared(m) ? COPY_SHARED : 0);
	for (struct mount *master = m->master; master; master = master->master) {
		p = master;
		do {
			if (p->arrival)
				return p->arrival;
			p = next_peer(p);
		} while (p != master);
	}
	return NULL;
}

static u32 tree_size(struct mount *root)
{
	u32 n = 0;

	for (struct mount *m = root; m; m = mount_next(m, root))
		n++;
	return n;
}

int propagate_copies(struct mount *dest, struct dentry *at, struct mount *source, struct list_head *copies)
{
	u32 size = tree_size(source);
	LIST_HEAD(targets);
	struct mount *t, *from, *copy;
	unsigned how;
	int err = 0;

	find_targets(dest, &targets);
	dest->arrival = source;
	list_for_each_entry(t, &targets, target)
	{
		if (!dentry_is_below(at, t->root))
			continue;
		from = nearest_arrival(t, &how);
		if (!from)
			continue;
		err = t->ns->nmounts + size > MAX_MOUNTS ? -ENOSPC : mount_copy_tree(from, from->root, how, &copy);
		if (err)
			break;
		copy->flags &= ~(u32)MNT_LOCKED;
		copy->onto = t;
		t->arrival = copy;
		list_add_tail(&copy->work, copies);
	}
	dest->arrival = NULL;
	forget_targets(&targets);
	return err;
}

void mount_tuck(struct mount *m, struct mount *parent, struct dentry *at)
{
	struct mount *over = mount_lookup(parent, at), *top;

	if (!over) {
		mount_link(m, parent, at);
		return;
	}
	top = mount_topmost(m);
	mount_place((const struct placement[]){{m, parent, at}, {over, top, top->root}}, 2);
}

void propagate_commit(struct list_head *copies, struct dentry *at)
{
	while (!list_empty(copies)) {
		struct mount *copy = list_first_entry(copies, struct mount, work);

		list_del_init(&copy->work);
		mount_join_ns(copy, copy->onto->ns);
		mount_tuck(copy, copy->onto, at);
	}
}

void propagate_discard(struct list_head *copies, struct list_head *gone)
{
	while (!list_empty(copies)) {
		struct mount *copy = list_first_entry(copies, struct mount, work);

		list_del_init(&copy->work);
		mount_remove_tree(copy, false, gone);
	}
}

bool propagates_over(struct mount *from, const struct mount *to, const struct dentry *at)
{
	if (!mount_is_shared(from) || !to->ns || to->root != at)
		return false;
	for (; to; to = to->master) {
		if (to->group == from->group)
			return true;
	}
	return false;
}

/* ---- unmounting ---- */

static struct mount *child_over_root(const struct mount *m)
{
	return mount_lookup(m, m->root);
}

bool propagate_busy(struct mount *m)
{
	LIST_HEAD(targets);
	bool busy = false;
	struct mount *t, *c;

	if (!list_empty(&m->children) || mount_check_idle(m, 2)) /* the tree's and the caller's */
		return true;
	if (!mount_has_parent(m))
		return false;
	find_targets(m->parent, &targets);
	list_for_each_entry(t, &targets, target)
	{
		c = mount_lookup(t, m->mountpoint);
		/* One with mounts of its own stays, and does not matter; but what just covers it does not count. */
		if (!c || (!list_empty(&c->children) && !(list_is_singular(&c->children) && child_over_root(c))))
			continue;
		if (mount_check_idle(c, 1)) {
			busy = true;
			break;
		}
	}
	forget_targets(&targets);
	return busy;
}

/*
 * Does a candidate go? Not if something stays that stands in it; but what stands over all of it can take its place, if that place will be free.
 */
static bool may_go(const struct mount *m)
{
	struct mount *c;

	if ((m->flags & MNT_LOCKED) && !(m->parent->flags & MNT_DOOMED))
		return false;
	list_for_each_entry(c, &m->children, child_link)
	{
		if (c->flags & MNT_DOOMED)
			continue;
		if (c->mountpoint != m->root || ((m->parent->flags & MNT_DOOMED) && m->mountpoint != m->parent->root))
			return false;
	}
	return true;
}

static void find_candidates(struct mount *m, struct list_head *candidates)
{
	LIST_HEAD(targets);
	struct mount *t, *c;

	if (!mount_has_parent(m))
		return;
	find_targets(m->parent, &targets);
	list_for_each_entry(t, &targets, target)
	{
		c = mount_lookup(t, m->mountpoint);
		if (!c || (c->flags & MNT_DOOMED))
			continue;
		c->flags |= MNT_DOOMED;
		list_add_tail(&c->work, candidates);
	}
	forget_targets(&targets);
}

/* What stands over @m moves down to where @m, and what goes with it, stood. */
static void move_down(struct mount *over, struct mount *m)
{
	while (m->parent->flags & MNT_DOOMED)
		m = m->parent;
	mount_place((const struct placement[]){{over, m->parent, m->mountpoint}, {m, NULL, NULL}}, 2);
}

void propagate_umount(struct list_head *doomed)
{
	LIST_HEAD(candidates);
	struct mount *m, *next, *over;
	bool changed;

	list_for_each_entry(m, doomed, work)
		find_candidates(m, &candidates);
	do {
		changed = false;
		list_for_each_entry_safe(m, next, &candidates, work)
		{
			if (may_go(m))
				continue;
			m->flags &= ~(u32)MNT_DOOMED;
			list_del_init(&m->work);
			changed = true;
		}
	} while (changed);
	list_for_each_entry(m, &candidates, work)
	{
		over = child_over_root(m);
		if (over && !(over->flags & MNT_DOOMED))
			move_down(over, m);
	}
	list_splice_tail(&candidates, doomed);
}
