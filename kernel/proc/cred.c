/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Credentials and the users they count for.
 */
#include <proc/cred.h>
#include <proc/task.h>
#include <lib/errno.h>
#include <lib/hash.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <mm/space.h>
#include "proc_impl.h"

#define USER_HASH_BITS 8

LOCK_CLASS(user_table, RANK_LEAF, "users by uid");

static struct spinlock user_lock = SPINLOCK_INIT(user_table);
static struct hlist_head user_table[1 << USER_HASH_BITS];

static struct hlist_head *user_bucket(u32 uid)
{
	return &user_table[hash_u32(uid, USER_HASH_BITS)];
}

/* Irqsave: a signal sent from an interrupt may drop a user. */
static struct user *user_find_locked(u32 uid)
{
	struct user *u;

	hlist_for_each_entry(u, user_bucket(uid), hash)
	{
		if (u->uid == uid)
			return u;
	}
	return NULL;
}

int user_get(u32 uid, struct user **out)
{
	struct user *fresh, *u;
	irqflags_t flags;

	flags = spin_lock_irqsave(&user_lock);
	u = user_find_locked(uid);
	if (u)
		refcount_inc(&u->refs);
	spin_unlock_irqrestore(&user_lock, flags);
	if (u)
		goto found;
	fresh = kzalloc(sizeof(*fresh), ALLOC_SLEEP);
	if (!fresh)
		return -ENOMEM;
	fresh->uid = uid;
	refcount_set(&fresh->refs, 1);
	flags = spin_lock_irqsave(&user_lock);
	u = user_find_locked(uid);
	if (u) {
		refcount_inc(&u->refs);
	} else {
		hlist_add_head(&fresh->hash, user_bucket(uid));
		u = fresh;
		fresh = NULL;
	}
	spin_unlock_irqrestore(&user_lock, flags);
	kfree(fresh);
found:
	*out = u;
	return 0;
}

void user_hold(struct user *u)
{
	refcount_inc(&u->refs);
}

void user_put(struct user *u)
{
	irqflags_t flags;
	bool last;

	flags = spin_lock_irqsave(&user_lock);
	last = refcount_dec_and_test(&u->refs);
	if (last)
		hlist_del(&u->hash);
	spin_unlock_irqrestore(&user_lock, flags);
	if (last)
		kfree(u);
}

static const struct cred *kernel_cred; /* those that process 1 began with: of kernel threads, when they use files */

const struct cred *cred_current(void)
{
	return likely(thread_current()->release == task_release) ? task_current()->cred : kernel_cred;
}

struct cred *cred_copy(const struct cred *old)
{
	struct cred *c = kmemdup(old, sizeof(*old), ALLOC_SLEEP);

	if (!c)
		return NULL;
	if (old->ngroups) {
		c->groups = kmemdup(old->groups, old->ngroups * sizeof(u32), ALLOC_SLEEP);
		if (!c->groups) {
			kfree(c);
			return NULL;
		}
	}
	refcount_set(&c->refs, 1);
	user_hold(c->user);
	return c;
}

void cred_get(const struct cred *c)
{
	refcount_inc(&((struct cred *)c)->refs);
}

static void cred_free_rcu(struct rcu_head *head)
{
	struct cred *c = container_of(head, struct cred, rcu);

	kfree(c->groups);
	kfree(c);
}

void cred_put(const struct cred *cc)
{
	struct cred *c = (struct cred *)cc;

	if (c && refcount_dec_and_test(&c->refs)) {
		user_put(c->user);
		rcu_call(&c->rcu, cred_free_rcu);
	}
}

void cred_commit(struct cred *c)
{
	struct task *me = task_current();
	const struct cred *old = me->cred;

	if (c->user != old->user) {
		atomic64_add_relaxed(&c->user->nprocs, 1);
		atomic64_sub_relaxed(&old->user->nprocs, 1);
	}
	rcu_assign_pointer(me->cred, (const struct cred *)c);
	cred_put(old);
}

const struct cred *cred_override(const struct cred *c)
{
	struct task *me = task_current_or_null();
	const struct cred *saved = me ? me->cred : NULL;

	if (me)
		rcu_assign_pointer(me->cred, c);
	return saved;
}

void cred_revert(const struct cred *saved)
{
	if (saved)
		rcu_assign_pointer(task_current()->cred, saved);
}

int cred_set_user(struct cred *c, u32 uid)
{
	struct user *u;
	int err = user_get(uid, &u);

	if (err)
		return err;
	user_put(c->user);
	c->user = u;
	c->uid = uid;
	return 0;
}

bool cred_in_group(const struct cred *c, u32 gid)
{
	u32 lo = 0, hi = c->ngroups;

	if (c->fsgid == gid)
		return true;
	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (c->groups[mid] == gid)
			return true;
		if (c->groups[mid] < gid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

bool cred_capable(const struct cred *c, int cap)
{
	return c->cap_effective >> cap & 1;
}

bool vm_low_is_privileged(void)
{
	return capable(CAP_SYS_RAWIO);
}

bool vm_commit_is_privileged(void)
{
	return !thread_current()->space || capable(CAP_SYS_ADMIN);
}

bool capable(int cap)
{
	return cred_capable(cred_current(), cap);
}

int cred_create_root(struct cred **out)
{
	struct cred *c = kzalloc(sizeof(*c), ALLOC_SLEEP);
	int err;

	if (!c)
		return -ENOMEM;
	err = user_get(0, &c->user);
	if (err) {
		kfree(c);
		return err;
	}
	refcount_set(&c->refs, 1);
	c->cap_permitted = c->cap_effective = c->cap_bset = KCAP_ALL;
	if (!kernel_cred) {
		cred_get(c);
		kernel_cred = c;
	}
	*out = c;
	return 0;
}
