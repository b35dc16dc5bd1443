/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SEM_UNDO: what is given back when a process ends [man semop(2)].
 *
 * A record stands on two lists, its set's and its owner's. Locks: set, then list. The end of a process comes from the list's side: it looks at the
 * first record under the list's lock, takes a reference to the set, lets go, and takes both locks in order; the record may be gone by then with its set.
 */
#include <io/sysv.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <proc/task.h>
#include "sem.h"

LOCK_CLASS(sem_undos, RANK_SYSV_UNDO, "a task's records of SEM_UNDO");

static struct sem_undos *undos_create(void)
{
	struct sem_undos *u = kzalloc(sizeof(*u), ALLOC_SLEEP);

	if (u) {
		refcount_set(&u->refs, 1);
		spin_init(&u->lock, sem_undos);
		list_init(&u->list);
	}
	return u;
}

int sysv_clone(struct task *child, struct task *parent, bool share)
{
	child->sem_undos = NULL;
	if (!share)
		return 0;
	if (!parent->sem_undos)
		parent->sem_undos = undos_create();
	if (!parent->sem_undos)
		return -ENOMEM;
	refcount_inc(&parent->sem_undos->refs);
	child->sem_undos = parent->sem_undos;
	return 0;
}

static struct sem_undo *find(struct sem_undos *all, struct sem_set *set)
{
	struct sem_undo *u;

	list_for_each_entry(u, &all->list, list_link)
	{
		if (u->set == set)
			return u;
	}
	return NULL;
}

/* The record of @set; with @fresh (NULL: only look) one is made of that if there is none: *fresh is NULL then. */
static int find_or_add(struct sem_undos *all, struct sem_set *set, struct sem_undo **fresh, struct sem_undo **out)
{
	struct sem_undo *u;
	int err = sysv_lock(&set->obj);

	if (err)
		return err;
	spin_lock(&all->lock);
	u = find(all, set);
	if (!u && *fresh) {
		u = *fresh;
		*fresh = NULL;
		u->owner = all;
		u->set = set;
		refcount_inc(&set->obj.refs);
		list_add_tail(&u->list_link, &all->list);
		list_add_tail(&u->set_link, &set->undos);
	}
	spin_unlock(&all->lock);
	sysv_unlock(&set->obj);
	*out = u;
	return 0;
}

int sem_undo_get(struct sem_set *set, struct sem_undo **out)
{
	struct task *me = task_current();
	struct sem_undo *fresh = NULL;
	int err;

	if (!me->sem_undos)
		me->sem_undos = undos_create();
	if (!me->sem_undos)
		return -ENOMEM;
	err = find_or_add(me->sem_undos, set, &fresh, out);
	if (err || *out)
		return err;
	fresh = kzalloc(sizeof(*fresh) + set->nsems * sizeof(fresh->adjust[0]), ALLOC_SLEEP);
	if (!fresh)
		return -ENOMEM;
	err = find_or_add(me->sem_undos, set, &fresh, out);
	kfree(fresh);
	return err;
}

/* Both locks held. */
static void unlink_undo(struct sem_undo *u)
{
	list_del(&u->list_link);
	list_del(&u->set_link);
}

void sem_undo_forget(struct sem_set *set)
{
	struct sem_undo *u, *tmp;

	list_for_each_entry_safe(u, tmp, &set->undos, set_link)
	{
		struct sem_undos *all = u->owner;

		spin_lock(&all->lock);
		unlink_undo(u);
		spin_unlock(&all->lock);
		sysv_put(&u->set->obj);
		kfree(u);
	}
}

void sem_undo_clear(struct sem_set *set, int num)
{
	struct sem_undo *u;

	list_for_each_entry(u, &set->undos, set_link)
	{
		if (num >= 0)
			u->adjust[num] = 0;
		else
			memset(u->adjust, 0, set->nsems * sizeof(u->adjust[0]));
	}
}

/* Set's lock. A value stays within its bounds whatever is undone, as Linux has it. */
static void apply(struct sem_undo *u)
{
	struct sem_set *set = u->set;

	for (u32 i = 0; i < set->nsems; i++) {
		s32 v = set->sems[i].value + u->adjust[i];

		if (!u->adjust[i])
			continue;
		set->sems[i].value = (u16)clamp(v, 0, SEM_VALUE_MAX);
		sysv_set_pid(&set->sems[i].pid);
	}
	set->otime = sysv_now();
	sem_wake(set);
}

static void undo_all(struct sem_undos *all)
{
	for (;;) {
		struct sem_undo *u;
		struct sem_set *set = NULL;

		spin_lock(&all->lock);
		if (!list_empty(&all->list)) {
			set = list_first_entry(&all->list, struct sem_undo, list_link)->set;
			refcount_inc(&set->obj.refs);
		}
		spin_unlock(&all->lock);
		if (!set)
			return;
		spin_lock(&set->obj.lock);
		spin_lock(&all->lock);
		u = find(all, set);
		if (u)
			unlink_undo(u);
		spin_unlock(&all->lock);
		if (u)
			apply(u);
		spin_unlock(&set->obj.lock);
		if (u) {
			sysv_put(&set->obj);
			kfree(u);
		}
		sysv_put(&set->obj);
	}
}

void sysv_exit(struct task *t)
{
	struct sem_undos *all = t->sem_undos;

	t->sem_undos = NULL;
	if (!all || !refcount_dec_and_test(&all->refs))
		return;
	undo_all(all);
	kfree(all);
}
