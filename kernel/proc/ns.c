/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Namespaces of tasks: <proc/ns.h>.
 */
#include <lib/errno.h>
#include <lib/idr.h>
#include <linux/sched.h>
#include <mm/slab.h>
#include <proc/cred.h>
#include <proc/ns.h>
#include <proc/task.h>
#include <proc/uts.h>
#include <sync/mutex.h>
#include <vfs/mount.h>
#include <vfs/namei.h>

LOCK_CLASS(ns_numbers, RANK_NAMESPACE + 1, "numbers of namespaces");

#define FIRST_NUMBER 0xf0000000u /* those of initial namespaces of net and mnt; the others' are fixed, above */

/* Kinds of which there is one namespace so far. */
#define LONE_KIND(id_, name_, flag_, ino_)                                              \
	static const struct ns_type id_##_type = {.name = name_, .flag = flag_};        \
	static struct ns id_##_init = {.refs = REFCOUNT_INIT(1), .ino = ino_, .type = &id_##_type}
LONE_KIND(ipc, "ipc", CLONE_NEWIPC, 0xefffffff);
LONE_KIND(user, "user", CLONE_NEWUSER, 0xeffffffd);
LONE_KIND(pid, "pid", CLONE_NEWPID, 0xeffffffc);
LONE_KIND(cgroup, "cgroup", CLONE_NEWCGROUP, 0xeffffffb);
LONE_KIND(time, "time", CLONE_NEWTIME, 0xeffffffa);
LONE_KIND(net, "net", CLONE_NEWNET, FIRST_NUMBER);

struct nsproxy nsproxy_init = {
	.refs = REFCOUNT_INIT(1),
	.slot = {[NS_MNT] = &mount_ns_init.ns, [NS_UTS] = &uts_ns_init.ns, [NS_IPC] = &ipc_init, [NS_NET] = &net_init,
		[NS_PID] = &pid_init, [NS_USER] = &user_init, [NS_CGROUP] = &cgroup_init, [NS_TIME] = &time_init},
};

/* ---- numbers ---- */

static struct mutex numbers_lock = MUTEX_INIT(numbers_lock, ns_numbers);
static struct idr numbers; /* from FIRST_NUMBER + 2 on */

static struct radix_node *node_alloc(void *ctx)
{
	return kzalloc(sizeof(struct radix_node), 0);
}

static void node_free(void *ctx, struct radix_node *node)
{
	kfree(node);
}

static const struct radix_alloc nodes = {node_alloc, node_free, NULL};

int ns_init(struct ns *ns, const struct ns_type *type)
{
	u32 nr;
	int err;

	mutex_lock(&numbers_lock);
	err = idr_alloc(&numbers, 2, 0x0fffffff, NULL, &nodes, &nr);
	mutex_unlock(&numbers_lock);
	if (err)
		return err;
	refcount_set(&ns->refs, 1);
	ns->ino = FIRST_NUMBER + nr;
	ns->type = type;
	return 0;
}

void ns_fini(struct ns *ns)
{
	mutex_lock(&numbers_lock);
	idr_remove(&numbers, ns->ino - FIRST_NUMBER, &nodes);
	mutex_unlock(&numbers_lock);
}

void ns_get(struct ns *ns)
{
	refcount_inc(&ns->refs);
}

void ns_put(struct ns *ns)
{
	if (refcount_dec_and_test(&ns->refs))
		ns->type->destroy(ns);
}

/* ---- proxies ---- */

struct nsproxy *nsproxy_current(void)
{
	struct task *t = task_current_or_null();

	return likely(t && t->ns) ? t->ns : &nsproxy_init;
}

struct ns *task_ns_get(struct task *t, enum ns_kind kind)
{
	struct ns *ns = NULL;

	spin_lock(&t->alloc_lock);
	if (t->ns) {
		ns = t->ns->slot[kind];
		ns_get(ns);
	}
	spin_unlock(&t->alloc_lock);
	return ns;
}

void nsproxy_put(struct nsproxy *p)
{
	if (!p || !refcount_dec_and_test(&p->refs))
		return;
	for (unsigned i = 0; i < NS_KINDS; i++)
		ns_put(p->slot[i]);
	kfree(p);
}

/* One that only the caller has, with the same namespaces. */
static struct nsproxy *proxy_clone(const struct nsproxy *from)
{
	struct nsproxy *p = kmalloc(sizeof(*p), 0);

	if (!p)
		return NULL;
	*p = *from;
	refcount_set(&p->refs, 1);
	for (unsigned i = 0; i < NS_KINDS; i++)
		ns_get(p->slot[i]);
	return p;
}

int nsproxy_copy(struct nsproxy *from, u64 flags, struct fs_context *fs, struct nsproxy **out)
{
	struct nsproxy *p;
	int err = 0;

	if (likely(!(flags & NS_CLONE_FLAGS))) {
		refcount_inc(&from->refs);
		*out = from;
		return 0;
	}
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	p = proxy_clone(from);
	if (!p)
		return -ENOMEM;
	/* Mounts last: their copy moves @fs, and after that nothing may fail. */
	static_assert(NS_MNT == 0, "the last one");
	for (unsigned i = NS_KINDS; i-- > 0 && !err;) {
		struct ns *old = p->slot[i];

		if (!(flags & old->type->flag))
			continue;
		err = old->type->copy ? old->type->copy(old, fs, &p->slot[i]) : -EINVAL;
		if (!err)
			ns_put(old);
	}
	if (err)
		nsproxy_put(p);
	else
		*out = p;
	return err;
}

void nsproxy_switch(struct nsproxy *p)
{
	struct task *me = task_current();
	struct nsproxy *old;

	spin_lock(&me->alloc_lock);
	old = me->ns;
	me->ns = p;
	spin_unlock(&me->alloc_lock);
	nsproxy_put(old);
}

/* Into one of them, in @p. */
static int enter_one(struct nsproxy *p, struct ns *ns, struct fs_context *fs)
{
	unsigned kind = 0;
	int err;

	while (p->slot[kind]->type != ns->type)
		kind++;
	if (ns->type->flag == CLONE_NEWUSER)
		return -EINVAL; /* there is one, and nobody enters his own again */
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	err = ns->type->enter ? ns->type->enter(ns, fs) : 0;
	if (err)
		return err;
	ns_get(ns);
	ns_put(p->slot[kind]);
	p->slot[kind] = ns;
	return 0;
}

/* Root and working directory are changed last, and all at once: those of a copy, if there is more that may fail. */
int nsproxy_enter(struct ns *const *list, size_t n)
{
	struct fs_context *mine = fs_current(), *fs = mine;
	struct nsproxy *p = proxy_clone(nsproxy_current());
	int err = 0;

	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < n && n > 1; i++) {
		if (list[i]->type->flag == CLONE_NEWNS && fs == mine) {
			fs = fs_context_fork(mine);
			err = fs ? 0 : -ENOMEM;
		}
	}
	for (size_t i = 0; i < n && !err; i++)
		err = enter_one(p, list[i], fs);
	if (!err) {
		if (fs != mine) {
			fs_set_root(&fs->root);
			fs_set_cwd(&fs->cwd);
		}
		nsproxy_switch(p);
	} else {
		nsproxy_put(p);
	}
	if (fs && fs != mine)
		fs_context_put(fs);
	return err;
}
