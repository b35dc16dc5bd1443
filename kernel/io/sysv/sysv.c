/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables of System V objects. A number is (use count of the slot << 15) + slot: old numbers of a slot lead nowhere. Slots are given in turn, so
 * that a number comes back late.
 */
#include <lib/errno.h>
#include <lib/hash.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <proc/cred.h>
#include <proc/pid.h>
#include <proc/task.h>
#include <time/clock.h>
#include <linux/stat.h>
#include "sysv.h"

#define SLOTS_FIRST 64

LOCK_CLASS(sysv_object, RANK_SYSV_OBJECT, "a System V object");

struct sysv_slots {
	u32 max;
	struct rcu_head rcu;
	struct sysv_object *at[];
};

/* ---- one object ---- */

void sysv_object_init(struct sysv_object *o, struct sysv_table *t, s32 key, int flags)
{
	const struct cred *c = cred_current();

	o->table = t;
	o->id = -1;
	refcount_set(&o->refs, 1);
	spin_init(&o->lock, sysv_object);
	o->key = key;
	o->mode = flags & SYSV_MODE;
	o->cuid = o->uid = c->euid;
	o->cgid = o->gid = c->egid;
	hlist_node_init(&o->key_link);
}

static void object_free_rcu(struct rcu_head *head)
{
	struct sysv_object *o = container_of(head, struct sysv_object, rcu);

	o->table->kind->free(o);
}

void sysv_put(struct sysv_object *o)
{
	if (refcount_dec_and_test(&o->refs))
		rcu_call(&o->rcu, object_free_rcu);
}

int sysv_lock(struct sysv_object *o)
{
	spin_lock(&o->lock);
	if (!o->removed)
		return 0;
	spin_unlock(&o->lock);
	return -EIDRM;
}

void sysv_unlock(struct sysv_object *o)
{
	spin_unlock(&o->lock);
}

int sysv_may(const struct sysv_object *o, u32 want)
{
	const struct cred *c = cred_current();
	u32 have = o->mode;

	if (c->euid == o->cuid || c->euid == o->uid)
		have >>= 6;
	else if (c->egid == o->cgid || c->egid == o->gid || cred_in_group(c, o->cgid) || cred_in_group(c, o->gid))
		have >>= 3;
	want = want >> 6 | want >> 3 | want;
	return !(want & ~have & 7) || capable(CAP_IPC_OWNER) ? 0 : -EACCES;
}

int sysv_owns(const struct sysv_object *o)
{
	u32 euid = cred_current()->euid;

	return euid == o->cuid || euid == o->uid || capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

int sysv_set(struct sysv_object *o, const struct ipc64_perm *p)
{
	if (p->uid == ~0u || p->gid == ~0u)
		return -EINVAL;
	o->uid = p->uid;
	o->gid = p->gid;
	o->mode = (u16)((o->mode & ~SYSV_MODE) | (p->mode & SYSV_MODE));
	return 0;
}

void sysv_perm(const struct sysv_object *o, struct ipc64_perm *out)
{
	*out = (struct ipc64_perm){.key = o->key,
		.uid = o->uid,
		.gid = o->gid,
		.cuid = o->cuid,
		.cgid = o->cgid,
		.mode = o->mode,
		.seq = o->seq};
}

s64 sysv_now(void)
{
	return clock_realtime() / 1000000000;
}

void sysv_set_pid(struct pid **at)
{
	struct pid *mine = task_current()->proc->pid, *old = *at;

	if (old == mine)
		return;
	pid_get(mine);
	*at = mine;
	pid_put(old);
}

/* ---- the table ---- */

static struct hlist_head *bucket(struct sysv_table *t, s32 key)
{
	return &t->keys[hash_u32((u32)key, 9)];
}

static struct sysv_object *at_index_rcu(struct sysv_table *t, u32 index)
{
	struct sysv_slots *s = rcu_dereference(t->slots);

	return s && index < s->max ? rcu_dereference(s->at[index]) : NULL;
}

int sysv_find(struct sysv_table *t, s32 id, struct sysv_object **out)
{
	struct sysv_object *o = NULL;
	int err = -EINVAL;

	rcu_read_lock();
	if (id >= 0)
		o = at_index_rcu(t, (u32)id % SYSV_MAX);
	if (o && o->id != id)
		err = -EIDRM;
	else if (o && refcount_inc_not_zero(&o->refs))
		err = 0;
	rcu_read_unlock();
	if (!err)
		*out = o;
	return err;
}

int sysv_find_index(struct sysv_table *t, s32 index, struct sysv_object **out)
{
	struct sysv_object *o = NULL;

	rcu_read_lock();
	if (index >= 0)
		o = at_index_rcu(t, (u32)index % SYSV_MAX);
	if (o && !refcount_inc_not_zero(&o->refs))
		o = NULL;
	rcu_read_unlock();
	*out = o;
	return o ? 0 : -EINVAL;
}

struct sysv_object *sysv_next(struct sysv_table *t, u32 *index)
{
	struct sysv_object *o;

	for (; *index < SYSV_MAX; (*index)++) {
		if (!sysv_find_index(t, (s32)*index, &o))
			return o;
	}
	return NULL;
}

s32 sysv_highest(struct sysv_table *t)
{
	struct sysv_slots *s;
	s32 i = -1;

	rcu_read_lock();
	s = rcu_dereference(t->slots);
	if (s) {
		for (i = (s32)s->max - 1; i >= 0 && !rcu_dereference(s->at[i]); i--)
			;
	}
	rcu_read_unlock();
	return max(i, 0);
}

int sysv_take(struct sysv_table *t, s32 id, u32 want, struct sysv_object **out)
{
	int err = sysv_find(t, id, out);

	if (err)
		return err;
	err = sysv_lock(*out);
	if (!err) {
		err = sysv_may(*out, want);
		if (!err)
			return 0;
		sysv_unlock(*out);
	}
	sysv_put(*out);
	return err;
}

void sysv_release(struct sysv_object *o)
{
	sysv_unlock(o);
	sysv_put(o);
}

/* Room for one more. -ENOSPC, -ENOMEM. */
static int MUST_CHECK grow(struct sysv_table *t)
{
	struct sysv_slots *old = t->slots, *s;
	u32 max = old ? old->max * 2 : SLOTS_FIRST;

	if (t->used >= min(t->kind->limit(), SYSV_MAX))
		return -ENOSPC;
	/* Less than two thirds full, a free slot is near. */
	if (old && (t->used * 3 < old->max * 2 || old->max == SYSV_MAX))
		return 0;
	s = kzalloc(sizeof(*s) + max * sizeof(s->at[0]), ALLOC_SLEEP);
	if (!s)
		return -ENOMEM;
	s->max = max;
	if (old)
		memcpy(s->at, old->at, old->max * sizeof(s->at[0]));
	rcu_assign_pointer(t->slots, s);
	if (old)
		rcu_kfree(&old->rcu, old);
	return 0;
}

static void insert(struct sysv_table *t, struct sysv_object *o)
{
	struct sysv_slots *s = t->slots;
	u32 i = (u32)(t->last + 1);

	for (; i < s->max && s->at[i]; i++)
		;
	if (i >= s->max) {
		t->seq = (u16)((t->seq + 1) % (S32_MAX / SYSV_MAX));
		for (i = 0; s->at[i]; i++)
			;
	}
	t->last = (s32)i;
	t->used++;
	o->seq = t->seq;
	o->id = (s32)((u32)t->seq << SYSV_INDEX_BITS | i);
	if (o->key != IPC_PRIVATE)
		hlist_add_head(&o->key_link, bucket(t, o->key));
	rcu_assign_pointer(s->at[i], o);
}

void sysv_forget_key(struct sysv_object *o)
{
	if (!hlist_unhashed(&o->key_link))
		hlist_del_init(&o->key_link);
	o->key = IPC_PRIVATE;
}

void sysv_remove(struct sysv_object *o)
{
	struct sysv_table *t = o->table;

	sysv_forget_key(o);
	o->removed = true;
	rcu_assign_pointer(t->slots->at[(u32)o->id % SYSV_MAX], NULL);
	t->used--;
}

int sysv_change_begin(struct sysv_table *t, s32 id, struct sysv_object **out)
{
	int err;

	mutex_lock(&t->lock);
	err = sysv_find(t, id, out);
	if (err)
		goto fail;
	err = sysv_lock(*out);
	if (!err) {
		err = sysv_owns(*out);
		if (!err)
			return 0;
		sysv_unlock(*out);
	}
	sysv_put(*out);
fail:
	mutex_unlock(&t->lock);
	return err;
}

void sysv_change_end(struct sysv_object *o)
{
	struct sysv_table *t = o->table;

	sysv_release(o);
	mutex_unlock(&t->lock);
}

static struct sysv_object *find_key(struct sysv_table *t, s32 key)
{
	struct sysv_object *o;

	hlist_for_each_entry(o, bucket(t, key), key_link)
	{
		if (o->key == key)
			return o;
	}
	return NULL;
}

/* The object of a key: is it what the caller asked for? */
static s64 check_found(struct sysv_table *t, struct sysv_object *o, int flags, u64 size)
{
	int err;

	if ((flags & IPC_CREAT) && (flags & IPC_EXCL))
		return -EEXIST;
	spin_lock(&o->lock);
	err = t->kind->fits(o, size);
	if (!err)
		err = sysv_may(o, (u32)flags & SYSV_MODE);
	spin_unlock(&o->lock);
	return err ? err : o->id;
}

/* The key is free: @o, made meanwhile, takes it. */
static s64 add(struct sysv_table *t, struct sysv_object *o)
{
	int err = grow(t);

	if (err)
		return err;
	insert(t, o);
	return o->id;
}

s64 sysv_get(struct sysv_table *t, s32 key, int flags, u64 size)
{
	struct sysv_object *found, *made = NULL;
	s64 ret = 0;

	/* Making one may wait for locks of the file system, so it is done without the table's. */
	for (;;) {
		mutex_lock(&t->lock);
		found = key == IPC_PRIVATE ? NULL : find_key(t, key);
		if (found)
			ret = check_found(t, found, flags, size);
		else if (key != IPC_PRIVATE && !(flags & IPC_CREAT))
			ret = -ENOENT;
		else if (made)
			ret = add(t, made);
		else
			ret = t->used >= t->kind->limit() ? -ENOSPC : 0;
		mutex_unlock(&t->lock);
		if (found || made || ret)
			break;
		ret = t->kind->make(t, key, flags, size, &made);
		if (ret)
			return ret;
	}
	if (made && ret != made->id)
		sysv_put(made);
	return ret;
}
