/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of control groups, and what a fork and an exit do to it.
 */
#include "cgroup_impl.h"
#include <init/initcall.h>
#include <lib/errno.h>
#include <lib/strbuf.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <vfs/dentry.h>
#include <vfs/notify.h>

LOCK_CLASS(cgroup, RANK_FS_INODE + 6, "the tree of control groups and their settings");

struct mutex cgroup_mutex = MUTEX_INIT(cgroup_mutex, cgroup);
static struct cgroup root = {
	.refs = REFCOUNT_INIT(1),
	.children = LIST_HEAD_INIT(root.children),
	.sibling = LIST_HEAD_INIT(root.sibling),
	.domain = &root,
	.max_descendants = S32_MAX,
	.max_depth = S32_MAX,
	.tasks = LIST_HEAD_INIT(root.tasks),
	.pids_max = PIDS_UNLIMITED,
};
struct cgroup *const cgroup_root = &root;

/* ---- life of a group ---- */

static void free_work(struct work *w)
{
	struct cgroup *cg = container_of(w, struct cgroup, free_work), *parent = cg->parent;

	for (struct cgroup *up = parent; cg->dead && up; up = up->parent)
		__atomic_sub_fetch(&up->ndying, 1, __ATOMIC_RELAXED);
	wait_queue_drain(&cg->wait);
	rcu_synchronize(); /* those who were about to leave the queue */
	kfree(cg);
	cgroup_put(parent);
}

/* The last reference may go under the tree lock: a zombie is reaped. */
void cgroup_put(struct cgroup *cg)
{
	if (refcount_dec_and_test(&cg->refs))
		work_queue(&cg->free_work);
}

static void tell_work(struct work *w)
{
	struct cgroup *cg = container_of(w, struct cgroup, tell_work);
	u32 told = __atomic_exchange_n(&cg->told, 0, __ATOMIC_ACQUIRE);

	for (unsigned id = 0; id < CGF_COUNT; id++) {
		struct dentry *d;

		if (!(told & 1u << id))
			continue;
		mutex_lock(&cgroup_mutex);
		d = cg->files[id].dentry;
		if (d)
			dentry_get(d);
		mutex_unlock(&cgroup_mutex);
		if (!d)
			continue;
		notify_dentry(d, IN_MODIFY);
		dentry_put(d);
	}
	wait_wake_all(&cg->wait);
	cgroup_put(cg);
}

void cgroup_file_changed(struct cgroup *cg, enum cgroup_file_id id)
{
	__atomic_add_fetch(&cg->files[id].events, 1, __ATOMIC_RELEASE);
	__atomic_or_fetch(&cg->told, 1u << id, __ATOMIC_RELEASE);
	cgroup_get(cg);
	if (!work_queue(&cg->tell_work))
		cgroup_put(cg);
}

struct cgroup *cgroup_alloc(struct cgroup *parent, const char *name, size_t len)
{
	struct cgroup *cg = kzalloc(sizeof(*cg) + len + 1, 0);

	if (!cg)
		return NULL;
	refcount_set(&cg->refs, 1);
	cg->level = parent->level + 1;
	cg->parent = parent;
	cgroup_get(parent);
	list_init(&cg->children);
	list_init(&cg->sibling);
	list_init(&cg->tasks);
	cg->domain = cg;
	cg->max_descendants = cg->max_depth = S32_MAX;
	cg->pids_max = PIDS_UNLIMITED;
	wait_queue_init(&cg->wait);
	work_init(&cg->tell_work, tell_work);
	work_init(&cg->free_work, free_work);
	for (unsigned i = 0; i < CGF_COUNT; i++)
		cg->files[i].cg = cg;
	memcpy(cg->name, name, len);
	return cg;
}

void cgroup_enter(struct cgroup *cg)
{
	struct cgroup *parent = cg->parent;

	spin_lock(&proc_tree_lock);
	list_add_tail(&cg->sibling, &parent->children);
	parent->nchildren++;
	cg->freezing = parent->freezing;
	cg->frozen = cg->freezing != 0;
	parent->nfrozen_children += cg->frozen;
	spin_unlock(&proc_tree_lock);
	for (; parent; parent = parent->parent)
		parent->ndescendants++;
}

int cgroup_leave(struct cgroup *cg)
{
	struct cgroup *parent = cg->parent;

	spin_lock(&proc_tree_lock);
	if (cgroup_is_populated(cg) || !list_empty(&cg->children)) {
		spin_unlock(&proc_tree_lock);
		return -EBUSY;
	}
	cg->dead = true;
	cgroup_cpu_remove(cg);
	list_del_init(&cg->sibling);
	parent->nchildren--;
	parent->nfrozen_children -= cg->frozen;
	cgroup_update_frozen(parent);
	spin_unlock(&proc_tree_lock);
	if (cgroup_is_threaded(cg))
		parent->nthreaded_children--;
	for (; parent; parent = parent->parent) {
		parent->ndescendants--;
		__atomic_add_fetch(&parent->ndying, 1, __ATOMIC_RELAXED);
	}
	return 0;
}

struct cgroup *cgroup_next(struct cgroup *at, struct cgroup *top)
{
	if (!at)
		return top;
	if (!list_empty(&at->children))
		return list_first_entry(&at->children, struct cgroup, sibling);
	for (; at != top; at = at->parent) {
		if (!list_is_last(&at->sibling, &at->parent->children))
			return list_next_entry(at, sibling);
	}
	return NULL;
}

bool cgroup_is_below(const struct cgroup *cg, const struct cgroup *top)
{
	while (cg && cg->level > top->level)
		cg = cg->parent;
	return cg == top;
}

/* ---- who is in it; tree lock ---- */

/* @cg, or what is below it, has got its first live task, or lost its last. */
static void tell_populated(struct cgroup *cg, bool now)
{
	for (;;) {
		struct cgroup *parent = cg->parent;
		bool was;

		if (!parent)
			return;
		cgroup_file_changed(cg, CGF_EVENTS);
		was = cgroup_is_populated(parent);
		parent->npopulated[cgroup_is_threaded(cg)] += now ? 1u : ~0u;
		if (cgroup_is_populated(parent) == was)
			return;
		cg = parent;
	}
}

static void live_add(struct cgroup *cg, u32 n)
{
	bool was = cgroup_is_populated(cg);

	cg->nlive += n;
	if (unlikely(cgroup_is_populated(cg) != was))
		tell_populated(cg, !was);
	if (unlikely(cg->freezing))
		cgroup_update_frozen(cg);
}

static void list_enter(struct task *t, struct cgroup *cg)
{
	if (!cg->ntasks++)
		cgroup_get(cg);
	list_add_tail(&t->cgroup_link, &cg->tasks);
	t->cgroup = cg;
}

static void list_leave(struct task *t, struct cgroup *cg)
{
	if (cg->parent)
		cgroup_cpu_leave(t, cg);
	list_del_init(&t->cgroup_link);
	t->cgroup = NULL;
	if (!--cg->ntasks)
		cgroup_put(cg);
}

int cgroup_fork_locked(struct task *t, struct cgroup *cg)
{
	if (cg->parent) {
		int err = cg->dead ? -ENODEV : cgroup_pids_charge(cg);

		if (err)
			return err;
	}
	list_enter(t, cg);
	live_add(cg, 1);
	if (unlikely(cg->freezing)) { /* nobody sees it yet, and its maker's sighand lock, which may be its own, is held */
		t->jobctl |= JOBCTL_FREEZE;
		__atomic_or_fetch(&t->thread.user_work, UW_SIGNAL, __ATOMIC_RELAXED);
	}
	return 0;
}

void cgroup_boot_locked(struct task *t)
{
	list_enter(t, cgroup_root);
	cgroup_root->nlive++;
}

void cgroup_exit_locked(struct task *t)
{
	if (unlikely(t->frozen))
		cgroup_leave_frozen_locked(t);
	live_add(t->cgroup, ~0u);
}

void cgroup_release_locked(struct task *t)
{
	struct cgroup *cg = t->cgroup;

	if (cg->parent)
		cgroup_pids_add(cg, -1);
	list_leave(t, cg);
}

void cgroup_move_locked(struct task *t, struct cgroup *to)
{
	struct cgroup *from = t->cgroup;
	bool live = !t->tree_exited, frozen = t->frozen;

	if (from == to)
		return;
	if (frozen) /* it moves as one that runs; the new group looks whether it stands still */
		cgroup_leave_frozen_locked(t);
	cgroup_pids_add(to, 1);
	cgroup_pids_add(from, -1);
	if (live)
		live_add(to, 1);
	cgroup_get(from);
	list_leave(t, from);
	list_enter(t, to);
	cgroup_cpu_enter(t);
	if (live) {
		live_add(from, ~0u);
		if (from->freezing || to->freezing)
			cgroup_freeze_task(t, to->freezing);
	}
	cgroup_put(from);
}

/* ---- names ---- */

static void put_names(struct strbuf *sb, const struct cgroup *cg)
{
	if (!cg->parent)
		return;
	put_names(sb, cg->parent);
	strbuf_putc(sb, '/');
	strbuf_puts(sb, cg->name);
}

void cgroup_put_path(struct strbuf *sb, struct task *t)
{
	struct cgroup *cg;

	spin_lock(&proc_tree_lock);
	cg = t->cgroup;
	if (cg && cg->parent) /* none: it is reaped */
		put_names(sb, cg);
	else
		strbuf_putc(sb, '/');
	if (cg && cg->dead)
		strbuf_puts(sb, " (deleted)");
	spin_unlock(&proc_tree_lock);
}

static int cgroup_init(void)
{
	wait_queue_init(&root.wait);
	work_init(&root.tell_work, tell_work);
	for (unsigned i = 0; i < CGF_COUNT; i++)
		root.files[i].cg = &root;
	return 0;
}
INITCALL(cgroup, "", cgroup_init);
