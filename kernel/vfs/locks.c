/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Advisory locks. [man fcntl(2), flock(2)]
 *
 * An inode that was ever locked has a struct file_locks: the ranges held (POSIX and OFD in one list, for they exclude each other; flock in another) and one
 * wait queue, woken whenever something in it is given up. A waiter looks again from the start, so no hand-over state exists.
 *
 * Owner: the descriptor table for POSIX, the open file for OFD and flock. Ranges of one owner never overlap, and touching ones of one type are merged.
 *
 * Deadlocks (POSIX only): every waiter stands in `waiting` with the owner that blocks it. An owner waits in one place per thread; following "blocked by" from
 * the new blocker back to the new waiter finds a cycle. deadlock_lock orders that search with the entering, so that of two that close a cycle one sees it.
 */
#include "locks_impl.h"
#include <mm/slab.h>

LOCK_CLASS(file_locks, RANK_LEAF - 3, "advisory locks of one inode");
LOCK_CLASS(lock_deadlock, RANK_LEAF - 2, "who waits for whose file lock");

struct held {
	struct list_head link;
	enum lock_kind kind;
	const void *owner;
	struct lock_range r;
};

struct waiter {
	struct list_head link;
	const void *owner, *blocker;
};

static struct spinlock deadlock_lock = SPINLOCK_INIT(lock_deadlock);
static LIST_HEAD(waiting);
static LIST_HEAD(all_locks); /* deadlock_lock */

struct file_locks *inode_locks_get(struct inode *inode)
{
	struct file_locks *fl = LOAD_ACQUIRE(inode->locks), *none = NULL;

	if (fl)
		return fl;
	fl = kzalloc(sizeof(*fl), 0);
	if (!fl)
		return NULL;
	spin_init(&fl->lock, file_locks);
	list_init(&fl->ranges);
	list_init(&fl->flocks);
	list_init(&fl->leases);
	wait_queue_init(&fl->wait);
	fl->inode = inode;
	if (!__atomic_compare_exchange_n(&inode->locks, &none, fl, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		kfree(fl);
		return none;
	}
	spin_lock(&deadlock_lock);
	list_add_tail(&fl->all_link, &all_locks);
	spin_unlock(&deadlock_lock);
	return fl;
}

void inode_locks_free(struct inode *inode)
{
	struct file_locks *fl = inode->locks;

	spin_lock(&deadlock_lock);
	list_del(&fl->all_link);
	spin_unlock(&deadlock_lock);
	inode->locks = NULL;
	kfree(fl);
}

static const void *owner_of(struct file *f, enum lock_kind kind, struct files *files)
{
	return kind == LOCK_KIND_POSIX ? (const void *)files : f;
}

static bool overlaps(const struct lock_range *a, const struct lock_range *b)
{
	return a->start <= b->end && b->start <= a->end;
}

/* What stands in the way of @r; lock held. */
static struct held *conflict(struct list_head *list, const void *owner, const struct lock_range *r)
{
	struct held *h;

	list_for_each_entry(h, list, link)
	{
		if (h->owner != owner && overlaps(&h->r, r) && (h->r.type == F_WRLCK || r->type == F_WRLCK))
			return h;
	}
	return NULL;
}

int file_lock_test(struct file *f, enum lock_kind kind, struct files *files, struct lock_range *r)
{
	struct file_locks *fl = LOAD_ACQUIRE(f->inode->locks);
	struct held *h = NULL;

	if (fl) {
		spin_lock(&fl->lock);
		h = conflict(&fl->ranges, owner_of(f, kind, files), r);
		if (h)
			*r = h->r;
		spin_unlock(&fl->lock);
	}
	if (!h)
		r->type = F_UNLCK;
	return 0;
}

/* Spare structures, so that nothing is allocated under the lock; and what came free. */
struct spare {
	struct held *h[2];
	struct list_head dead;
};

static struct held *take_spare(struct spare *s)
{
	struct held *h = s->h[0] ? s->h[0] : s->h[1];

	if (h == s->h[0])
		s->h[0] = NULL;
	else
		s->h[1] = NULL;
	return h;
}

static void insert(struct list_head *list, struct held *h, enum lock_kind kind, const void *owner, const struct lock_range *r)
{
	*h = (struct held){.kind = kind, .owner = owner, .r = *r};
	list_add_tail(&h->link, list);
}

/* Make the owner's ranges say *r: cut, split and merge its others. Lock held. */
static void apply(struct file_locks *fl, enum lock_kind kind, const void *owner, struct lock_range r, struct spare *sp)
{
	struct held *h, *tmp;

	list_for_each_entry_safe(h, tmp, &fl->ranges, link)
	{
		bool touch = h->r.start <= (r.end == S64_MAX ? r.end : r.end + 1) && r.start <= (h->r.end == S64_MAX ? S64_MAX : h->r.end + 1);

		if (h->owner != owner || !touch)
			continue;
		if (h->r.type == r.type) {
			r.start = min(r.start, h->r.start);
			r.end = max(r.end, h->r.end);
			list_move(&h->link, &sp->dead);
		} else if (!overlaps(&h->r, &r)) {
			continue;
		} else if (h->r.start < r.start && h->r.end > r.end) {
			struct lock_range tail = h->r;

			tail.start = r.end + 1;
			h->r.end = r.start - 1;
			insert(&fl->ranges, take_spare(sp), kind, owner, &tail);
		} else if (h->r.start < r.start) {
			h->r.end = r.start - 1;
		} else if (h->r.end > r.end) {
			h->r.start = r.end + 1;
		} else {
			list_move(&h->link, &sp->dead);
		}
	}
	if (r.type != F_UNLCK)
		insert(&fl->ranges, take_spare(sp), kind, owner, &r);
}

static void spare_free(struct spare *sp)
{
	struct held *h, *tmp;

	kfree(sp->h[0]);
	kfree(sp->h[1]);
	list_for_each_entry_safe(h, tmp, &sp->dead, link)
		kfree(h);
}

/* Does waiting for @blocker close a circle back to @owner? deadlock_lock. */
static bool would_deadlock(const void *owner, const void *blocker)
{
	for (int depth = 0; depth < 64; depth++) {
		struct waiter *w;
		bool found = false;

		if (blocker == owner)
			return true;
		list_for_each_entry(w, &waiting, link)
		{
			if (w->owner == blocker) {
				blocker = w->blocker;
				found = true;
				break;
			}
		}
		if (!found)
			return false;
	}
	return false;
}

/* Wait until the lists of @fl changed. */
static int wait_change(struct file_locks *fl, struct list_head *list, enum lock_kind kind, const void *owner,
	const struct lock_range *r, const void *blocker)
{
	struct waiter w = {.owner = owner, .blocker = blocker};
	int err = 0;

	spin_lock(&deadlock_lock);
	if (kind == LOCK_KIND_POSIX && would_deadlock(owner, blocker))
		err = -EDEADLK;
	else if (kind == LOCK_KIND_POSIX)
		list_add_tail(&w.link, &waiting);
	spin_unlock(&deadlock_lock);
	if (err)
		return err;
	err = wait_event_interruptible(&fl->wait, ({
		struct held *h;

		spin_lock(&fl->lock);
		h = conflict(list, owner, r);
		/* Blocked by somebody else now: once more round, for the search of cycles. */
		h = h && h->owner == blocker ? h : NULL;
		spin_unlock(&fl->lock);
		!h;
	}));
	if (kind == LOCK_KIND_POSIX) {
		spin_lock(&deadlock_lock);
		list_del(&w.link);
		spin_unlock(&deadlock_lock);
	}
	return err;
}

static int set_range(struct file_locks *fl, enum lock_kind kind, const void *owner, const struct lock_range *r, bool wait)
{
	struct spare sp = {.dead = LIST_HEAD_INIT(sp.dead)};
	int err = 0;

	sp.h[0] = kmalloc(sizeof(struct held), 0);
	sp.h[1] = kmalloc(sizeof(struct held), 0);
	if (!sp.h[0] || !sp.h[1]) {
		spare_free(&sp);
		return -ENOLCK;
	}
	for (;;) {
		struct held *h = NULL;
		const void *blocker;

		spin_lock(&fl->lock);
		if (r->type != F_UNLCK)
			h = conflict(&fl->ranges, owner, r);
		if (!h) {
			apply(fl, kind, owner, *r, &sp);
			spin_unlock(&fl->lock);
			break;
		}
		blocker = h->owner;
		spin_unlock(&fl->lock);
		err = wait ? wait_change(fl, &fl->ranges, kind, owner, r, blocker) : -EAGAIN;
		if (err)
			break;
	}
	spare_free(&sp);
	if (!err)
		wait_wake_all(&fl->wait);
	return err;
}

/* Take out all of @owner's in @list; true if there was one. Lock held. */
static bool drop_owner(struct list_head *list, const void *owner, struct list_head *dead)
{
	struct held *h, *tmp;
	bool any = false;

	list_for_each_entry_safe(h, tmp, list, link)
	{
		if (h->owner == owner) {
			list_move(&h->link, dead);
			any = true;
		}
	}
	return any;
}

static int set_flock(struct file_locks *fl, struct file *f, const struct lock_range *r, bool wait)
{
	struct held *fresh = kmalloc(sizeof(*fresh), 0), *h;
	struct spare sp = {.dead = LIST_HEAD_INIT(sp.dead)};
	int err = 0;

	if (!fresh)
		return -ENOLCK;
	spin_lock(&fl->lock);
	list_for_each_entry(h, &fl->flocks, link)
	{
		if (h->owner == f && h->r.type == r->type) {
			spin_unlock(&fl->lock);
			kfree(fresh);
			return 0;
		}
	}
	/* A conversion gives the old lock up first, and may lose it [man flock(2)]. */
	if (drop_owner(&fl->flocks, f, &sp.dead) || r->type == F_UNLCK) {
		spin_unlock(&fl->lock);
		wait_wake_all(&fl->wait);
		spin_lock(&fl->lock);
	}
	while (r->type != F_UNLCK) {
		const void *blocker;

		h = conflict(&fl->flocks, f, r);
		if (!h) {
			insert(&fl->flocks, fresh, LOCK_KIND_FLOCK, f, r);
			fresh = NULL;
			break;
		}
		blocker = h->owner;
		spin_unlock(&fl->lock);
		err = wait ? wait_change(fl, &fl->flocks, LOCK_KIND_FLOCK, f, r, blocker) : -EAGAIN;
		spin_lock(&fl->lock);
		if (err)
			break;
	}
	spin_unlock(&fl->lock);
	kfree(fresh);
	spare_free(&sp);
	return err;
}

int file_lock_set(struct file *f, enum lock_kind kind, struct files *files, const struct lock_range *r, bool wait)
{
	struct file_locks *fl = r->type == F_UNLCK ? LOAD_ACQUIRE(f->inode->locks) : inode_locks_get(f->inode);

	if (!fl)
		return r->type == F_UNLCK ? 0 : -ENOLCK;
	if (kind != LOCK_KIND_POSIX)
		__atomic_fetch_or(&f->mode, FMODE_LOCKED, __ATOMIC_RELAXED);
	if (kind == LOCK_KIND_FLOCK)
		return set_flock(fl, f, r, wait);
	return set_range(fl, kind, owner_of(f, kind, files), r, wait);
}

static void drop_all(struct inode *inode, const void *owner, bool flocks)
{
	struct file_locks *fl = LOAD_ACQUIRE(inode->locks);
	struct spare sp = {.dead = LIST_HEAD_INIT(sp.dead)};
	bool any;

	if (!fl)
		return;
	spin_lock(&fl->lock);
	any = drop_owner(&fl->ranges, owner, &sp.dead);
	if (flocks)
		any |= drop_owner(&fl->flocks, owner, &sp.dead);
	spin_unlock(&fl->lock);
	if (any)
		wait_wake_all(&fl->wait);
	spare_free(&sp);
}

void file_locks_close(struct file *f, struct files *files)
{
	drop_all(f->inode, files, false);
	if (S_ISDIR(f->inode->mode))
		file_dnotify_close(f, files);
}

void file_locks_release(struct file *f)
{
	file_lease_drop(f);
	drop_all(f->inode, f, true);
}

static void show_one(struct strbuf *sb, u64 n, const struct file_locks *fl, const struct held *h)
{
	static const char *const kinds[] = {"POSIX ", "OFDLCK", "FLOCK "};
	u32 dev = fl->inode->super->dev;

	strbuf_printf(sb, "%llu: %s ADVISORY  %s %d %02x:%02x:%llu %lld ", n, kinds[h->kind], h->r.type == F_WRLCK ? "WRITE" : "READ ",
		h->r.pid, vfs_major(dev), vfs_minor(dev), fl->inode->ino, h->r.start);
	if (h->r.end == S64_MAX)
		strbuf_puts(sb, "EOF\n");
	else
		strbuf_printf(sb, "%lld\n", h->r.end);
}

size_t file_locks_show(u64 *line, char *buf, size_t size)
{
	struct file_locks *fl;
	struct strbuf sb;
	u64 at = 0;

	strbuf_init(&sb, buf, size);
	spin_lock(&deadlock_lock);
	list_for_each_entry(fl, &all_locks, all_link)
	{
		struct list_head *lists[2] = {&fl->ranges, &fl->flocks};

		for (int i = 0; i < 2; i++) {
			struct held *h;

			/* The reverse of the usual order, so only try: a list that is busy is not shown this time. */
			if (!spin_trylock(&fl->lock))
				continue;
			if (i && !leases_show_locked(fl, &sb, &at, line)) {
				spin_unlock(&fl->lock);
				goto out;
			}
			list_for_each_entry(h, lists[i], link)
			{
				size_t before = sb.len;

				if (at++ < *line)
					continue;
				show_one(&sb, at, fl, h);
				if (strbuf_overflowed(&sb)) {
					sb.len = before;
					spin_unlock(&fl->lock);
					goto out;
				}
				(*line)++;
			}
			spin_unlock(&fl->lock);
		}
	}
out:
	spin_unlock(&deadlock_lock);
	return sb.len;
}
