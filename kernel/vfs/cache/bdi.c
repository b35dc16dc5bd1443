/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Write-back of a device: a list of its dirty files, the one that has been dirty for the longest first, and a thread.
 *
 *	off the list --first page dirty, times changed--> LISTED --visit--> off --still dirty--> LISTED
 *
 * A visit takes the file off, with a reference to its inode, writes some pages, and puts it on again if it is still dirty. Who makes a page dirty sets the
 * tag first and then looks whether the file is listed; a visit takes it off first and looks for tags at the end. Both are sequentially consistent, so
 * a dirty file is listed or being visited. A file that nobody else holds keeps the reference of the list (HELD, cache_keep).
 *
 * The thread writes what has been dirty for dirty_expire, looks every dirty_writeback, and when it is told that the limits are passed writes until they are
 * not. A sync visits all that was dirty when it came, and waits for visits and writes that had begun.
 */
#include "cache_impl.h"
#include <lib/string.h>
#include <mm/slab.h>
#include <sched/thread.h>
#include <sync/rcu.h>
#include <time/clock.h>
#include <vfs/namei.h>
#include <vfs/writeback.h>

#define VISIT_PAGES 1024 /* then it is another file's turn */

LOCK_CLASS(bdi, RANK_OBJECT - 3, "dirty files of one device");
LOCK_CLASS(bdi_all, RANK_OBJECT - 2, "list of the devices that write-back goes to");
LOCK_CLASS(bdi_failed, RANK_IRQ, "writes of one device that have failed");

unsigned dirty_expire_centisecs = 3000, dirty_writeback_centisecs = 500;
static struct spinlock all_lock = SPINLOCK_INIT(bdi_all);
static LIST_HEAD(all);

u64 cache_clock(void)
{
	return clock_monotonic();
}

void bdi_wake(struct bdi *b)
{
	__atomic_store_n(&b->wanted, true, __ATOMIC_SEQ_CST);
	wait_wake_all(&b->work);
}

void bdi_list(struct file_cache *c, unsigned state)
{
	struct bdi *b = c->bdi;

	spin_lock(&b->lock);
	if (!(c->state & CACHE_DEAD)) {
		if (!(c->state & CACHE_LISTED)) {
			c->dirty_since = cache_clock();
			list_add_tail(&c->link, &b->dirty);
		}
		__atomic_store_n(&c->state, c->state | CACHE_LISTED | state, __ATOMIC_SEQ_CST);
	}
	spin_unlock(&b->lock);
}

struct visit {
	struct file_cache *c;
	unsigned flight;
	u64 since;
	bool held; /* the list's own reference is ours now */
};

/* Take the first file off the list that has been dirty since @before or longer, or that only waits to be put. */
static bool visit_begin(struct bdi *b, u64 before, struct visit *v)
{
	struct file_cache *c;

	*v = (struct visit){.flight = flight_begin(&b->visits)};
	spin_lock(&b->lock);
	list_for_each_entry(c, &b->dirty, link) {
		if (c->dirty_since > before && (!(c->state & CACHE_HELD) || READ_ONCE(c->inode->nlink)))
			continue;
		v->held = c->state & CACHE_HELD;
		/* The last reference is just being put: it is the list's in a moment, or the file goes. */
		if (!v->held && !inode_tryget(c->inode))
			continue;
		list_del_init(&c->link);
		__atomic_store_n(&c->state, c->state & ~(u32)(CACHE_LISTED | CACHE_HELD), __ATOMIC_SEQ_CST);
		v->c = c;
		v->since = c->dirty_since;
		break;
	}
	spin_unlock(&b->lock);
	if (!v->c)
		flight_end(&b->visits, v->flight, &b->done);
	return v->c;
}

static bool is_dirty(struct file_cache *c)
{
	atomic_fence_seq();
	return (c->state & CACHE_INODE) || vm_object_is_dirty(cache_object(c));
}

/* Put it back if there is more to write: @partly: as old as it was. */
static void visit_end(struct bdi *b, struct visit *v, bool partly)
{
	struct file_cache *c = v->c;
	bool put = true;

	spin_lock(&b->lock);
	if (is_dirty(c)) {
		if (!(c->state & CACHE_LISTED)) {
			c->dirty_since = partly ? v->since : cache_clock();
			list_add_tail(&c->link, &b->dirty);
			__atomic_store_n(&c->state, c->state | CACHE_LISTED, __ATOMIC_SEQ_CST);
		}
	}
	if (v->held && (c->state & CACHE_LISTED) && !(c->state & CACHE_HELD) && READ_ONCE(c->inode->nlink)) {
		__atomic_store_n(&c->state, c->state | CACHE_HELD, __ATOMIC_SEQ_CST);
		put = false;
	}
	spin_unlock(&b->lock);
	if (put)
		inode_put(c->inode);
	flight_end(&b->visits, v->flight, &b->done);
}

/* Pages that were submitted. */
static u64 write_file(struct visit *v, u64 budget, bool sync)
{
	struct write_ctl ctl = {.budget = budget, .tag = sync ? VM_TAG_TOWRITE : VM_TAG_DIRTY, .sync = sync};
	struct file_cache *c = v->c;

	/* Nobody will read what only we hold. */
	if (!c->ops->write || (v->held && !READ_ONCE(c->inode->nlink)))
		return 0;
	if (sync) {
		vm_object_mark_towrite(cache_object(c), 0, ~0ull);
		(void)cache_write_range(c, 0, ~0ull, &ctl);
	} else {
		u64 from = c->cursor, next = cache_write_range(c, from, ~0ull, &ctl);

		if (!next && from) /* the end was reached: go on at the start */
			next = cache_write_range(c, 0, from - 1, &ctl);
		c->cursor = ctl.budget ? 0 : next;
	}
	return budget - ctl.budget;
}

static bool visit(struct bdi *b, u64 before, bool sync, u64 *wrote)
{
	struct visit v;
	u64 n;

	if (!visit_begin(b, before, &v))
		return false;
	n = write_file(&v, sync ? ~0ull : VISIT_PAGES, sync);
	*wrote += n;
	(void)cache_store(v.c, sync);
	visit_end(b, &v, !sync && n == VISIT_PAGES);
	return true;
}

static bool over_background(void)
{
	struct dirty_limits l;

	cache_limits(&l);
	return l.dirty > l.background;
}

bool bdi_pass(struct bdi *b, u64 now)
{
	u64 expire = (u64)READ_ONCE(dirty_expire_centisecs) * 10000000, wrote = 0;
	u64 old = now > expire ? now - expire : 0;
	bool any = false;

	/* A file that was visited is younger than @now, so each gets as many visits as it has work for. */
	__atomic_store_n(&b->wanted, false, __ATOMIC_SEQ_CST);
	while (visit(b, over_background() ? now : old, false, &wrote))
		any = true;
	return any;
}

static bool is_wanted(const struct bdi *b)
{
	return __atomic_load_n(&b->wanted, __ATOMIC_SEQ_CST) || READ_ONCE(b->stop);
}

static void bdi_thread(void *arg)
{
	struct bdi *b = arg;

	while (!READ_ONCE(b->stop)) {
		u64 period = (u64)READ_ONCE(dirty_writeback_centisecs) * 10000000;
		u64 until = period ? cache_clock() + period : ~0ull;

		(void)wait_event_state(&b->work, is_wanted(b), THREAD_SLEEP_UNINTR, until, false);
		if (!READ_ONCE(b->stop))
			(void)bdi_pass(b, cache_clock());
	}
	rcu_read_lock();
	STORE_RELEASE(b->ended, true);
	wait_wake_all(&b->done);
	rcu_read_unlock();
	thread_exit();
}

static void bdi_init(struct bdi *b, const char *name)
{
	b->ahead_pages = b->ahead_pages ? b->ahead_pages : CACHE_AHEAD_PAGES;
	b->io_pages = b->io_pages ? b->io_pages : CACHE_IO_PAGES;
	spin_init(&b->lock, bdi);
	spin_init(&b->fail_lock, bdi_failed);
	list_init(&b->dirty);
	list_init(&b->failed);
	flight_init(&b->visits);
	flight_init(&b->writes);
	wait_queue_init(&b->work);
	wait_queue_init(&b->done);
	work_init(&b->fail_work, cache_fail_work);
	strscpy(b->name, name, sizeof(b->name));
}

int bdi_start(struct bdi *b, const char *name)
{
	struct thread *t;
	int err;

	bdi_init(b, name);
	b->spare = kmalloc(sizeof(*b->spare) + sizeof(b->spare->segs[0]), 0);
	if (!b->spare)
		return -ENOMEM;
	err = thread_create(bdi_thread, b, b->name, &t);
	if (err) {
		kfree(b->spare);
		return err;
	}
	spin_lock(&all_lock);
	list_add_tail(&b->all, &all);
	spin_unlock(&all_lock);
	thread_start(t);
	thread_put(t);
	return 0;
}

int bdi_sync(struct bdi *b, bool wait)
{
	u64 start = cache_clock(), wrote = 0;
	int err = 0;

	if (!wait) {
		while (visit(b, start, false, &wrote) && !thread_kill_pending())
			;
		return 0;
	}
	/* What somebody else visits just now may come back, as old as it was. */
	for (int round = 0; round < 2 && !err; round++) {
		while (visit(b, start, true, &wrote)) {
			if (thread_kill_pending())
				return -EINTR;
		}
		err = flight_wait(&b->visits, &b->done, true);
	}
	return err ? err : flight_wait(&b->writes, &b->done, true);
}

int bdi_stop(struct bdi *b)
{
	u32 before = __atomic_load_n(&b->error, __ATOMIC_RELAXED);
	u64 wrote = 0;

	while (visit(b, ~0ull, true, &wrote))
		;
	(void)!flight_wait(&b->visits, &b->done, false);
	WRITE_ONCE(b->stop, true);
	wait_wake_all(&b->work);
	wait_event(&b->done, LOAD_ACQUIRE(b->ended) && !__atomic_load_n(&b->nwriting, __ATOMIC_ACQUIRE));
	work_flush(&b->fail_work);
	DASSERT(list_empty(&b->dirty));
	spin_lock(&all_lock);
	list_del(&b->all);
	spin_unlock(&all_lock);
	/* Whoever woke us may not have left yet. */
	rcu_synchronize();
	kfree(b->spare);
	return before == __atomic_load_n(&b->error, __ATOMIC_RELAXED) ? 0 : -EIO;
}

u64 bdi_counts(u64 *out_dirty, u64 *out_writing, u64 *out_written)
{
	u64 n = 0;
	struct bdi *b;

	*out_dirty = *out_writing = *out_written = 0;
	spin_lock(&all_lock);
	list_for_each_entry(b, &all, all) {
		*out_dirty += __atomic_load_n(&b->ndirty, __ATOMIC_RELAXED);
		*out_writing += __atomic_load_n(&b->nwriting, __ATOMIC_RELAXED);
		*out_written += __atomic_load_n(&b->written, __ATOMIC_RELAXED);
		n++;
	}
	spin_unlock(&all_lock);
	return n;
}

void bdi_wake_all(void)
{
	struct bdi *b;

	spin_lock(&all_lock);
	list_for_each_entry(b, &all, all)
		bdi_wake(b);
	spin_unlock(&all_lock);
}
