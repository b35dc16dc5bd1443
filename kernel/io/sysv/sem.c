/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System V semaphores: sets whose operations happen all or not at all [man semop(2), semctl(2)].
 *
 * An array of operations is tried under the set's lock and taken back if one of them cannot be. Who has to wait stands in the set's list with the
 * operation that stopped it; whoever changes a value tries the waiters in their order and again from the start after each that went on, so that
 * a waiter finds its work done when it wakes.
 */
#include <io/sysv.h>
#include <lib/strbuf.h>
#include <mm/slab.h>
#include <proc/pid.h>
#include <proc/task.h>
#include <linux/stat.h>
#include "sem.h"

#define WAITING 1 /* no errno */

struct sem_waiter {
	struct list_head link;
	struct wait_queue wait;
	const struct sembuf *ops;
	u32 nops;
	struct sem_undo *undo;
	struct pid *pid;
	const struct sembuf *stopped_by;
	int result; /* WAITING until it is decided */
};

u32 sysv_sem_limits[4] = {32000, 1024000000, 500, 32000};
static struct atomic64 sem_total;

static void set_free(struct sysv_object *o);
static int set_make(struct sysv_table *t, s32 key, int flags, u64 nsems, struct sysv_object **out);
static int set_fits(struct sysv_object *o, u64 nsems);

static u32 set_limit(void)
{
	return READ_ONCE(sysv_sem_limits[3]);
}

static const struct sysv_kind sem_kind = {.free = set_free, .make = set_make, .fits = set_fits, .limit = set_limit};

LOCK_CLASS(sem_table, RANK_SYSV_TABLE, "creation and removal of semaphore sets");

struct sysv_table sem_table = SYSV_TABLE(sem_table, sem_kind);

/* ---- sets ---- */

static void set_free(struct sysv_object *o)
{
	struct sem_set *set = sem_set_of(o);

	for (u32 i = 0; i < set->nsems; i++)
		pid_put(set->sems[i].pid);
	atomic64_sub_relaxed(&sem_total, set->nsems);
	kfree(set);
}

static int set_make(struct sysv_table *t, s32 key, int flags, u64 nsems, struct sysv_object **out)
{
	struct sem_set *set;

	if (!nsems)
		return -EINVAL;
	if ((u64)atomic64_load_relaxed(&sem_total) + nsems > READ_ONCE(sysv_sem_limits[1]))
		return -ENOSPC;
	set = kzalloc(sizeof(*set) + nsems * sizeof(set->sems[0]), ALLOC_SLEEP);
	if (!set)
		return -ENOMEM;
	sysv_object_init(&set->obj, t, key, flags);
	set->nsems = (u32)nsems;
	set->ctime = sysv_now();
	list_init(&set->waiters);
	list_init(&set->undos);
	atomic64_add_relaxed(&sem_total, (s64)nsems);
	*out = &set->obj;
	return 0;
}

static int set_fits(struct sysv_object *o, u64 nsems)
{
	return nsems > sem_set_of(o)->nsems ? -EINVAL : 0;
}

s64 sysv_semget(s32 key, int nsems, int flags)
{
	if (nsems < 0 || (u32)nsems > READ_ONCE(sysv_sem_limits[0]))
		return -EINVAL;
	return sysv_get(&sem_table, key, flags, (u64)nsems);
}

/* ---- operations ---- */

/* Take back the first @n operations. */
static void take_back(struct sem_set *set, struct sem_waiter *w, u32 n)
{
	while (n--) {
		const struct sembuf *op = &w->ops[n];

		set->sems[op->sem_num].value = (u16)(set->sems[op->sem_num].value - op->sem_op);
		if (op->sem_flg & SEM_UNDO)
			w->undo->adjust[op->sem_num] = (s16)(w->undo->adjust[op->sem_num] + op->sem_op);
	}
}

/* One operation: 0; WAITING; -ERANGE. */
static int do_one(struct sem_set *set, struct sem_waiter *w, const struct sembuf *op)
{
	struct semaphore *sem = &set->sems[op->sem_num];
	s32 value = sem->value + op->sem_op, adjust;

	if ((!op->sem_op && sem->value) || value < 0)
		return WAITING;
	if (value > SEM_VALUE_MAX)
		return -ERANGE;
	if (op->sem_flg & SEM_UNDO) {
		adjust = w->undo->adjust[op->sem_num] - op->sem_op;
		if (adjust < -SEM_VALUE_MAX - 1 || adjust > SEM_VALUE_MAX)
			return -ERANGE;
		w->undo->adjust[op->sem_num] = (s16)adjust;
	}
	sem->value = (u16)value;
	return 0;
}

/* All or none: 0; WAITING; -EAGAIN, -ERANGE. */
static int try_ops(struct sem_set *set, struct sem_waiter *w)
{
	for (u32 i = 0; i < w->nops; i++) {
		int err = do_one(set, w, &w->ops[i]);

		if (err) {
			take_back(set, w, i);
			w->stopped_by = &w->ops[i];
			return err == WAITING && (w->ops[i].sem_flg & IPC_NOWAIT) ? -EAGAIN : err;
		}
	}
	for (u32 i = 0; i < w->nops; i++) {
		struct pid **at = &set->sems[w->ops[i].sem_num].pid;

		if (*at != w->pid) {
			pid_put(*at);
			pid_get(w->pid);
			*at = w->pid;
		}
	}
	set->otime = sysv_now();
	return 0;
}

static bool changes(const struct sembuf *ops, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		if (ops[i].sem_op)
			return true;
	}
	return false;
}

static void finish(struct sem_waiter *w, int result)
{
	list_del_init(&w->link);
	w->result = result;
	wait_wake_all(&w->wait);
}

void sem_wake(struct sem_set *set)
{
	struct sem_waiter *w, *tmp;
	bool again;

	do {
		again = false;
		list_for_each_entry_safe(w, tmp, &set->waiters, link)
		{
			int result = try_ops(set, w);

			if (result == WAITING)
				continue;
			again = !result && changes(w->ops, w->nops);
			finish(w, result);
			if (again)
				break;
		}
	} while (again);
}

/* The set is locked, and is not any more afterwards. */
static int wait_turn(struct sem_set *set, struct sem_waiter *w, u64 deadline)
{
	int err;

	w->result = WAITING;
	wait_queue_init(&w->wait);
	list_add_tail(&w->link, &set->waiters);
	spin_unlock(&set->obj.lock);
	err = wait_event_state(&w->wait, READ_ONCE(w->result) != WAITING, THREAD_SLEEP_INTR, deadline, false);
	/* Who decided holds the lock until it has let go of @w. */
	spin_lock(&set->obj.lock);
	if (w->result == WAITING) {
		list_del(&w->link);
		w->result = err == -ETIMEDOUT ? -EAGAIN : -EINTR;
	}
	spin_unlock(&set->obj.lock);
	return w->result;
}

static int MUST_CHECK check_ops(struct sem_set *set, const struct sembuf *ops, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		if (ops[i].sem_num >= set->nsems)
			return -EFBIG;
	}
	return 0;
}

static int operate(struct sem_set *set, struct sem_waiter *w, u64 deadline)
{
	u32 want = changes(w->ops, w->nops) ? SYSV_WRITE : SYSV_READ;
	int err;

	for (u32 i = 0; i < w->nops && !w->undo; i++) {
		if (w->ops[i].sem_flg & SEM_UNDO) {
			err = sem_undo_get(set, &w->undo);
			if (err)
				return err;
		}
	}
	err = sysv_lock(&set->obj);
	if (err)
		return err;
	err = sysv_may(&set->obj, want);
	if (!err)
		err = try_ops(set, w);
	if (err == WAITING)
		return wait_turn(set, w, deadline);
	if (!err && want == SYSV_WRITE)
		sem_wake(set);
	sysv_unlock(&set->obj);
	return err;
}

s64 sysv_semop(s32 id, const struct sembuf *ops, u32 nops, u64 deadline)
{
	struct sem_waiter w = {.ops = ops, .nops = nops, .pid = task_current()->proc->pid};
	struct sysv_object *o;
	int err;

	err = sysv_find(&sem_table, id, &o);
	if (err)
		return err;
	err = check_ops(sem_set_of(o), ops, nops);
	if (!err)
		err = operate(sem_set_of(o), &w, deadline);
	sysv_put(o);
	return err;
}

/* ---- semctl ---- */

static void stat_locked(struct sem_set *set, struct semid64_ds *out)
{
	*out = (struct semid64_ds){.sem_otime = set->otime, .sem_ctime = set->ctime, .sem_nsems = set->nsems};
	sysv_perm(&set->obj, &out->sem_perm);
}

s64 sysv_sem_stat(s32 id, int cmd, struct semid64_ds *out)
{
	struct sysv_object *o;
	s64 ret;

	ret = cmd == IPC_STAT ? sysv_find(&sem_table, id, &o) : sysv_find_index(&sem_table, id, &o);
	if (ret)
		return ret;
	ret = sysv_lock(o);
	if (!ret) {
		if (cmd != SEM_STAT_ANY)
			ret = sysv_may(o, SYSV_READ);
		if (!ret) {
			stat_locked(sem_set_of(o), out);
			ret = cmd == IPC_STAT ? 0 : o->id;
		}
		sysv_unlock(o);
	}
	sysv_put(o);
	return ret;
}

s64 sysv_sem_set(s32 id, const struct semid64_ds *in)
{
	struct sysv_object *o;
	int err = sysv_change_begin(&sem_table, id, &o);

	if (err)
		return err;
	err = sysv_set(o, &in->sem_perm);
	if (!err)
		sem_set_of(o)->ctime = sysv_now();
	sysv_change_end(o);
	return err;
}

s64 sysv_sem_remove(s32 id)
{
	struct sem_waiter *w, *tmp;
	struct sysv_object *o;
	int err = sysv_change_begin(&sem_table, id, &o);

	if (err)
		return err;
	sysv_remove(o);
	sem_undo_forget(sem_set_of(o));
	list_for_each_entry_safe(w, tmp, &sem_set_of(o)->waiters, link)
		finish(w, -EIDRM);
	sysv_change_end(o);
	sysv_put(o);
	return 0;
}

s64 sysv_sem_info(int cmd, struct seminfo *out)
{
	*out = (struct seminfo){
		.semmap = (int)sysv_sem_limits[1],
		.semmni = (int)sysv_sem_limits[3],
		.semmns = (int)sysv_sem_limits[1],
		.semmnu = (int)sysv_sem_limits[1],
		.semmsl = (int)sysv_sem_limits[0],
		.semopm = (int)sysv_sem_limits[2],
		.semume = (int)sysv_sem_limits[2],
		.semusz = 20,
		.semvmx = SEM_VALUE_MAX,
		.semaem = SEM_VALUE_MAX,
	};
	if (cmd == SEM_INFO) {
		out->semusz = (int)READ_ONCE(sem_table.used);
		out->semaem = (int)atomic64_load_relaxed(&sem_total);
	}
	return sysv_highest(&sem_table);
}

/* Who waits for semaphore @num to grow (or, @zero, to become zero). */
static s64 count_waiters(struct sem_set *set, int num, bool zero)
{
	struct sem_waiter *w;
	s64 n = 0;

	list_for_each_entry(w, &set->waiters, link)
	{
		if (w->stopped_by->sem_num == num && !w->stopped_by->sem_op == zero)
			n++;
	}
	return n;
}

s64 sysv_sem_get_one(s32 id, int num, int cmd)
{
	struct sysv_object *o;
	struct sem_set *set;
	s64 ret = sysv_take(&sem_table, id, SYSV_READ, &o);

	if (ret)
		return ret;
	set = sem_set_of(o);
	if (num < 0 || (u32)num >= set->nsems) {
		ret = -EINVAL;
	} else {
		switch (cmd) {
		case GETVAL: ret = set->sems[num].value; break;
		case GETPID: ret = pid_nr(set->sems[num].pid); break;
		default: ret = count_waiters(set, num, cmd == GETZCNT);
		}
	}
	sysv_release(o);
	return ret;
}

s64 sysv_sem_set_one(s32 id, int num, int value)
{
	struct sysv_object *o;
	struct sem_set *set;
	int err;

	if (value < 0 || value > SEM_VALUE_MAX)
		return -ERANGE;
	err = sysv_find(&sem_table, id, &o);
	if (err)
		return err;
	set = sem_set_of(o);
	err = num < 0 || (u32)num >= set->nsems ? -EINVAL : sysv_lock(o);
	if (!err) {
		err = sysv_may(o, SYSV_WRITE);
		if (!err) {
			sem_undo_clear(set, num);
			set->sems[num].value = (u16)value;
			sysv_set_pid(&set->sems[num].pid);
			set->ctime = sysv_now();
			sem_wake(set);
		}
		sysv_unlock(o);
	}
	sysv_put(o);
	return err;
}

s64 sysv_sem_count(s32 id)
{
	struct sysv_object *o;
	s64 n = sysv_find(&sem_table, id, &o);

	if (n)
		return n;
	n = sem_set_of(o)->nsems;
	sysv_put(o);
	return n;
}

s64 sysv_sem_get_all(s32 id, u16 *out, u32 n)
{
	struct sysv_object *o;
	int err = sysv_take(&sem_table, id, SYSV_READ, &o);

	if (err)
		return err;
	for (u32 i = 0; i < min(n, sem_set_of(o)->nsems); i++)
		out[i] = sem_set_of(o)->sems[i].value;
	sysv_release(o);
	return 0;
}

static void set_all_locked(struct sem_set *set, const u16 *in, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		set->sems[i].value = in[i];
		sysv_set_pid(&set->sems[i].pid);
	}
	sem_undo_clear(set, -1);
	set->ctime = sysv_now();
	sem_wake(set);
}

s64 sysv_sem_set_all(s32 id, const u16 *in, u32 n)
{
	struct sysv_object *o;
	int err = sysv_take(&sem_table, id, SYSV_WRITE, &o);

	if (err)
		return err;
	n = min(n, sem_set_of(o)->nsems);
	for (u32 i = 0; i < n && !err; i++)
		err = in[i] > SEM_VALUE_MAX ? -ERANGE : 0;
	if (!err)
		set_all_locked(sem_set_of(o), in, n);
	sysv_release(o);
	return err;
}

bool sysv_sem_show(u32 *index, struct strbuf *sb)
{
	struct sysv_object *o = sysv_next(&sem_table, index);
	struct semid64_ds d;

	if (!o)
		return false;
	spin_lock(&o->lock);
	stat_locked(sem_set_of(o), &d);
	spin_unlock(&o->lock);
	strbuf_printf(sb, "%10d %10d  %4o %10lu %5u %5u %5u %5u %10ld %10ld\n", o->key, o->id, d.sem_perm.mode, d.sem_nsems, d.sem_perm.uid,
		d.sem_perm.gid, d.sem_perm.cuid, d.sem_perm.cgid, d.sem_otime, d.sem_ctime);
	sysv_put(o);
	return true;
}
