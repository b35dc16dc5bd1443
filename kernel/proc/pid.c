/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Process numbers.
 *
 * A namespace finds a pid by number through a table of three levels, 64 x 256 x 256 numbers, made as numbers come into use:
 *
 *     ns->top[nr >> 16] -> middle[(nr >> 8) & 255] -> chunk: used bits + struct pid *[256]
 *
 * Lookups walk it under RCU without a lock. A number is given by setting its bit under ns->lock, next after the last one given, and its pointer is published when
 * the pid is complete. Chunks are never freed while the namespace lives.
 */
#include <proc/pid.h>
#include <proc/task.h>
#include <lib/bitmap.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <mm/slab.h>
#include <sync/spinlock.h>

#define PID_MAX_LIMIT	(4 * 1024 * 1024)
#define PID_MAX_DEFAULT 32768
#define PID_RESERVED	300 /* after the first round numbers below are left to the system's first daemons */
#define CHUNK_PIDS	256
#define MIDDLE_CHUNKS	256

struct pid_chunk {
	unsigned long used[CHUNK_PIDS / 64];
	u32 nused;
	struct pid *pids[CHUNK_PIDS];
};

struct pid_middle {
	struct pid_chunk *chunks[MIDDLE_CHUNKS];
};

struct pid_namespace {
	struct refcount refs;
	u32 level;
	struct pid_namespace *parent;
	struct spinlock lock;
	s32 last;
	s32 max;
	struct pid_middle *top[PID_MAX_LIMIT / (CHUNK_PIDS * MIDDLE_CHUNKS)];
};

LOCK_CLASS(pid_ns, RANK_LEAF, "numbers of one pid namespace");

struct pid_namespace pid_ns_init = {
	.refs = {ATOMIC_INIT(1)},
	.lock = SPINLOCK_INIT(pid_ns),
	.max = PID_MAX_DEFAULT,
};

struct pid_namespace *pid_ns_current(void)
{
	return &pid_ns_init;
}

static struct pid_chunk *chunk_find(const struct pid_namespace *ns, s32 nr)
{
	struct pid_middle *mid = rcu_dereference(ns->top[nr / (CHUNK_PIDS * MIDDLE_CHUNKS)]);

	return mid ? rcu_dereference(mid->chunks[nr / CHUNK_PIDS % MIDDLE_CHUNKS]) : NULL;
}

/* Make the chunk of @nr exist. May sleep; races are settled under the lock. */
static int MUST_CHECK chunk_make(struct pid_namespace *ns, s32 nr)
{
	struct pid_middle **slot_mid = &ns->top[nr / (CHUNK_PIDS * MIDDLE_CHUNKS)];
	struct pid_middle *mid = NULL;
	struct pid_chunk *chunk, **slot;

	if (!rcu_dereference(*slot_mid)) {
		mid = kzalloc(sizeof(*mid), ALLOC_SLEEP);
		if (!mid)
			return -ENOMEM;
	}
	chunk = kzalloc(sizeof(*chunk), ALLOC_SLEEP);
	if (!chunk) {
		kfree(mid);
		return -ENOMEM;
	}
	spin_lock(&ns->lock);
	if (!*slot_mid) {
		rcu_assign_pointer(*slot_mid, mid);
		mid = NULL;
	}
	slot = &(*slot_mid)->chunks[nr / CHUNK_PIDS % MIDDLE_CHUNKS];
	if (!*slot) {
		rcu_assign_pointer(*slot, chunk);
		chunk = NULL;
	}
	spin_unlock(&ns->lock);
	kfree(mid);
	kfree(chunk);
	return 0;
}

/*
 * First free number in [from, to) whose chunk exists, or the first number whose chunk must be made (*out_make). 0: none. ns->lock held.
 */
static s32 number_search(struct pid_namespace *ns, s32 from, s32 to, bool *out_make)
{
	while (from < to) {
		struct pid_chunk *c = chunk_find(ns, from);
		s32 base = from & ~(CHUNK_PIDS - 1);
		size_t end = min_t(s32, to - base, CHUNK_PIDS);
		size_t bit;

		if (!c) {
			*out_make = true;
			return from;
		}
		if (c->nused < CHUNK_PIDS) {
			bit = bitmap_find_next_clear(c->used, end, (size_t)(from - base));
			if (bit < end)
				return base + (s32)bit;
		}
		from = base + CHUNK_PIDS;
	}
	return 0;
}

static void number_take(struct pid_namespace *ns, s32 nr)
{
	struct pid_chunk *c = chunk_find(ns, nr);

	bitmap_set(c->used, nr % CHUNK_PIDS);
	c->nused++;
}

/* The next number, or exactly @want (> 0). -EAGAIN -ENOMEM -EEXIST -EINVAL. */
static int MUST_CHECK number_alloc(struct pid_namespace *ns, s32 want, s32 *out)
{
	for (;;) {
		bool make = false;
		s32 nr, floor;
		int err;

		spin_lock(&ns->lock);
		if (want > 0) {
			struct pid_chunk *c = chunk_find(ns, want);

			nr = want;
			make = !c;
			if (c && bitmap_test(c->used, want % CHUNK_PIDS)) {
				spin_unlock(&ns->lock);
				return -EEXIST;
			}
		} else {
			floor = ns->last < PID_RESERVED ? 1 : PID_RESERVED;
			nr = number_search(ns, ns->last + 1, ns->max, &make);
			if (!nr)
				nr = number_search(ns, floor, ns->last + 1, &make);
			if (!nr) {
				spin_unlock(&ns->lock);
				return -EAGAIN;
			}
		}
		if (!make) {
			number_take(ns, nr);
			if (want <= 0)
				ns->last = nr;
			spin_unlock(&ns->lock);
			*out = nr;
			return 0;
		}
		spin_unlock(&ns->lock);
		err = chunk_make(ns, nr);
		if (err)
			return err;
	}
}

static void number_free(struct pid_namespace *ns, s32 nr)
{
	struct pid_chunk *c = chunk_find(ns, nr);

	if (!nr) /* was never given */
		return;
	spin_lock(&ns->lock);
	rcu_assign_pointer(c->pids[nr % CHUNK_PIDS], NULL);
	bitmap_clear(c->used, nr % CHUNK_PIDS);
	c->nused--;
	spin_unlock(&ns->lock);
}

int pid_create(struct pid_namespace *ns, const s32 *set_tid, size_t nset, struct pid **out)
{
	struct pid_namespace *at;
	struct pid *pid;
	int err, i;

	if (nset > ns->level + 1)
		return -EINVAL;
	pid = kzalloc(sizeof(*pid) + (ns->level + 1) * sizeof(pid->numbers[0]), ALLOC_SLEEP);
	if (!pid)
		return -ENOMEM;
	refcount_set(&pid->refs, 1);
	pid->level = ns->level;
	wait_queue_init(&pid->wait);
	for (i = 0; i < PID_TYPES; i++)
		list_init(&pid->members[i]);

	/* set_tid[0] is the number in the innermost namespace */
	for (at = ns, i = (int)ns->level; at; at = at->parent, i--) {
		size_t depth = ns->level - (unsigned)i;
		s32 want = depth < nset ? set_tid[depth] : 0;

		err = -EINVAL;
		if (depth >= nset || (want > 0 && want < at->max))
			err = number_alloc(at, want, &pid->numbers[i].nr);
		if (err)
			goto undo;
		pid->numbers[i].ns = at;
	}
	for (i = 0; i <= (int)ns->level; i++) {
		struct pid_number *n = &pid->numbers[i];

		rcu_assign_pointer(chunk_find(n->ns, n->nr)->pids[n->nr % CHUNK_PIDS], pid);
	}
	*out = pid;
	return 0;
undo:
	for (i++; i <= (int)ns->level; i++)
		number_free(pid->numbers[i].ns, pid->numbers[i].nr);
	kfree(pid);
	return err;
}

struct pid pid_zero = {.numbers = {{.nr = 0, .ns = &pid_ns_init}}};

void pid_zero_init(void)
{
	refcount_set(&pid_zero.refs, 1);
	wait_queue_init(&pid_zero.wait);
	for (int i = 0; i < PID_TYPES; i++)
		list_init(&pid_zero.members[i]);
}

void pid_get(struct pid *p)
{
	refcount_inc(&p->refs);
}

static void pid_free_rcu(struct rcu_head *head)
{
	kfree(container_of(head, struct pid, rcu));
}

void pid_put(struct pid *p)
{
	if (p && refcount_dec_and_test(&p->refs))
		rcu_call(&p->rcu, pid_free_rcu);
}

void pid_free_numbers(struct pid *p)
{
	for (u32 i = 0; i <= p->level; i++)
		number_free(p->numbers[i].ns, p->numbers[i].nr);
}

s32 pid_nr_in(const struct pid *p, const struct pid_namespace *ns)
{
	if (!p || ns->level > p->level || p->numbers[ns->level].ns != ns)
		return 0;
	return p->numbers[ns->level].nr;
}

s32 pid_nr(const struct pid *p)
{
	return pid_nr_in(p, pid_ns_current());
}

struct pid *pid_find_rcu(s32 nr)
{
	struct pid_chunk *c;

	if (nr <= 0 || nr >= PID_MAX_LIMIT)
		return NULL;
	nr = index_nospec(nr, PID_MAX_LIMIT);
	c = chunk_find(pid_ns_current(), nr);
	return c ? rcu_dereference(c->pids[nr % CHUNK_PIDS]) : NULL;
}

struct pid *pid_find_get(s32 nr)
{
	struct pid *p;

	rcu_read_lock();
	p = pid_find_rcu(nr);
	if (p && !refcount_inc_not_zero(&p->refs))
		p = NULL;
	rcu_read_unlock();
	return p;
}

struct pid *pid_next_get(s32 nr)
{
	struct pid_namespace *ns = pid_ns_current();
	struct pid *p = NULL;

	nr = max(nr, 1);
	rcu_read_lock();
	while (nr < ns->max) {
		struct pid_chunk *c = chunk_find(ns, nr);
		size_t bit = CHUNK_PIDS;

		if (c)
			bit = bitmap_find_next_set(c->used, CHUNK_PIDS, nr % CHUNK_PIDS);
		if (bit >= CHUNK_PIDS) {
			nr = (nr & ~(CHUNK_PIDS - 1)) + CHUNK_PIDS;
			continue;
		}
		p = rcu_dereference(c->pids[bit]);
		if (p && refcount_inc_not_zero(&p->refs))
			break;
		p = NULL;
		nr = (nr & ~(CHUNK_PIDS - 1)) + (s32)bit + 1;
	}
	rcu_read_unlock();
	return p;
}

s32 pid_last(void)
{
	return READ_ONCE(pid_ns_current()->last);
}

s32 pid_max(void)
{
	return READ_ONCE(pid_ns_current()->max);
}

int pid_set_max(s32 max)
{
	if (max <= PID_RESERVED || max > PID_MAX_LIMIT)
		return -EINVAL;
	WRITE_ONCE(pid_ns_current()->max, max);
	return 0;
}
