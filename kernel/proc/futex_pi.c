/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PI futexes: locks whose owner inherits the real-time priority of those who wait for it [man futex(2)].
 *
 * The word: 0 free; owner's tid, with FUTEX_WAITERS when somebody waits in the kernel; FUTEX_OWNER_DIED. While somebody waits there is a futex_pi_state for the
 * key, found through any waiter in the bucket, and the word belongs to the kernel: user space cannot lock (not 0) nor unlock (WAITERS) by itself.
 *
 *     owner set --FUTEX_UNLOCK_PI: the first waiter is written into the word and woken--> owner set, one waiter less
 *     owner set --owner exits--> no owner, the first waiter is the heir --it writes itself into the word--> owner set
 *     the last waiter has left --> the state is freed
 *
 * The dying owner cannot write the word, whose address it does not know; hence the heir. Who arrives meanwhile queues.
 *
 * pi_lock guards all states, task->pi_owned, pi_wait, pi_closed, and thereby the graph "thread waits for state, state is owned by thread", which stays without
 * cycles: who would close one gets -EDEADLK. It is one lock for all, because a change of priority travels along the graph at once; only contended PI locks
 * come here. It is taken after a bucket's lock.
 *
 * What is inherited is a real-time priority (a deadline thread lends 99); nice values are not, as on Linux.
 */
#include <lib/errno.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <debug/panic.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <mm/uaccess.h>
#include <sched/sched.h>
#include "futex_impl.h"
#include "proc_impl.h"

#define PRIO_DEADLINE 99

LOCK_CLASS(futex_pi, RANK_FUTEX + 1, "owners, waiters and inherited priorities of PI futexes");

struct futex_pi_state {
	struct list_head owned;	  /* owner->pi_owned */
	struct task *owner;	  /* NULL: died */
	struct list_head waiters; /* most urgent first */
	struct vm_key key;
};

static struct spinlock pi_lock = SPINLOCK_INIT(futex_pi);

static struct futex_waiter *first_waiter(const struct futex_pi_state *ps)
{
	return list_first_entry(&ps->waiters, struct futex_waiter, pi_link);
}

/* What @t lends to who holds it up. */
static u32 task_prio(struct task *t)
{
	struct sched_params p;

	sched_get_params(&t->thread, &p);
	if (p.policy == SCHED_DEADLINE)
		return PRIO_DEADLINE;
	return max(p.policy == SCHED_FIFO || p.policy == SCHED_RR ? p.rt_prio : 0, READ_ONCE(t->thread.pi_prio));
}

/* Among equals the one that came first. pi_lock. */
static void state_insert(struct futex_pi_state *ps, struct futex_waiter *w)
{
	struct list_head *at = &ps->waiters;
	struct futex_waiter *other;

	list_for_each_entry(other, &ps->waiters, pi_link)
	{
		if (other->pi_prio < w->pi_prio) {
			at = &other->pi_link;
			break;
		}
	}
	list_add_tail(&w->pi_link, at);
}

/* @t gained or lost a waiter: it, and all that hold it up, get what is due to them. pi_lock. */
static void propagate(struct task *t)
{
	while (t) {
		struct futex_pi_state *ps;
		struct futex_waiter *w;
		u32 lent = 0;

		list_for_each_entry(ps, &t->pi_owned, owned)
			lent = max(lent, first_waiter(ps)->pi_prio);
		sched_set_pi(&t->thread, lent);
		w = t->pi_wait;
		if (!w || w->pi_prio == task_prio(t))
			return;
		w->pi_prio = task_prio(t);
		list_del(&w->pi_link);
		state_insert(w->pi, w);
		t = w->pi->owner;
	}
}

/* Does @t wait, directly or not, for @who? pi_lock. */
static bool waits_for(struct task *t, const struct task *who)
{
	while (t && t != who)
		t = t->pi_wait ? t->pi_wait->pi->owner : NULL;
	return t;
}

/* Bucket lock. */
static struct futex_pi_state *state_find(struct futex_bucket *b, const struct vm_key *key)
{
	struct futex_waiter *w;

	list_for_each_entry(w, &b->waiters, link)
	{
		if (w->pi && futex_key_equal(&w->key, key))
			return w->pi;
	}
	return NULL;
}

/* Without serving a fault: -EFAULT; -EAGAIN: the word was another. */
static int MUST_CHECK word_change(struct uptr word, u32 old, u32 next)
{
	u32 seen;
	int err;

	pagefault_disable();
	err = arch_user_cmpxchg32(word, old, next, &seen);
	pagefault_enable();
	return err ? err : seen == old ? 0 : -EAGAIN;
}

/* A waiter leaves its state, as owner or without the lock. The emptied state is returned, to be freed without locks. pi_lock. */
static struct futex_pi_state *state_leave(struct futex_waiter *w)
{
	struct futex_pi_state *ps = w->pi;

	list_del(&w->pi_link);
	thread_task(w->thread)->pi_wait = NULL;
	w->pi = NULL;
	if (!list_empty(&ps->waiters))
		return NULL;
	if (ps->owner)
		list_del_init(&ps->owned);
	return ps;
}

static void state_set_owner(struct futex_pi_state *ps, struct task *owner)
{
	ps->owner = owner;
	list_add(&ps->owned, &owner->pi_owned);
}

static void choose_heir(struct futex_pi_state *ps)
{
	struct futex_waiter *w = first_waiter(ps);

	w->pi_heir = true;
	thread_wake(w->thread);
}

/* @who is the first to wait for a lock of the live thread @owner. @ps is used on success. 0; -EAGAIN: look again; -errno. Bucket and pi lock. */
static int MUST_CHECK state_open(struct futex_pi_state *ps, struct task *owner, const struct task *who, struct uptr word, u32 old)
{
	u32 now;
	int err;

	if (owner->is_kthread)
		return -EPERM;
	if (owner->pi_closed) {
		/* it has marked its locks: if this was one, the word says so now */
		err = futex_word_peek(word, &now);
		return err ? err : now == old ? -ESRCH : -EAGAIN;
	}
	err = old & FUTEX_WAITERS ? 0 : word_change(word, old, old | FUTEX_WAITERS);
	/* only now is it certain that @owner still has it: it may have let go without us, and wait for a lock of ours since */
	if (!err && waits_for(owner, who))
		err = -EDEADLK;
	if (!err) {
		list_init(&ps->waiters);
		state_set_owner(ps, owner);
	}
	return err;
}

/* @w waits in @ps. Bucket and pi lock. */
static void state_join(struct futex_pi_state *ps, struct futex_waiter *w)
{
	struct task *who = thread_task(w->thread);

	w->pi = ps;
	w->pi_prio = task_prio(who);
	w->bitset = FUTEX_BITSET_MATCH_ANY;
	state_insert(ps, w);
	who->pi_wait = w;
	propagate(ps->owner);
}

/*
 * Take a free lock for the thread of @w, or let it wait for one that is owned. 1: it waits, and is to stand in the bucket; 0: the lock is its; -EAGAIN: the word
 * changed, look again; -EWOULDBLOCK cannot be told from that, so a lock that is owned is -EBUSY when @spare is NULL. Bucket lock held.
 */
int futex_pi_lock_for(struct futex_waiter *w, struct uptr word, const struct vm_key *key, struct futex_bucket *b, struct futex_pi_state **spare)
{
	struct task *who = thread_task(w->thread);
	s32 me = task_tid(who);
	struct futex_pi_state *ps;
	struct task *owner = NULL;
	int err;
	u32 old;

	err = futex_word_peek(word, &old);
	if (err)
		return err;
	if ((s32)(old & FUTEX_TID_MASK) == me)
		return -EDEADLK;
	ps = state_find(b, key);
	if (!ps && !(old & FUTEX_TID_MASK))
		return word_change(word, old, (u32)me | (old & FUTEX_OWNER_DIED));
	if (!ps) {
		owner = task_find_get((s32)(old & FUTEX_TID_MASK), PID_TID);
		if (!owner) {
			u32 now;

			/* it may have unlocked and gone since */
			err = futex_word_peek(word, &now);
			return err ? err : now == old ? -ESRCH : -EAGAIN;
		}
	}
	spin_lock(&pi_lock);
	if (!spare)
		err = -EBUSY;
	else if (ps)
		err = waits_for(ps->owner, who) ? -EDEADLK : 0;
	else
		err = state_open(*spare, owner, who, word, old);
	if (!err) {
		if (!ps) {
			ps = *spare;
			ps->key = *key;
			*spare = NULL;
		}
		state_join(ps, w);
		err = 1;
	}
	spin_unlock(&pi_lock);
	if (owner)
		task_put(owner);
	return err;
}

/* The owner died and this waiter is the heir: 0 when the lock is ours; -EFAULT. */
static int MUST_CHECK inherit(struct futex_waiter *w, struct uptr word)
{
	u32 me = (u32)task_tid(task_current()), old, more;
	struct futex_pi_state *empty = NULL, *ps;
	struct futex_bucket *b;
	int err;

	for (;;) {
		b = futex_bucket_enter(&w->key);
		spin_lock(&pi_lock);
		err = futex_word_peek(word, &old);
		if (!err) {
			more = w->pi_link.next == w->pi_link.prev && w->pi_link.next == &w->pi->waiters ? 0 : FUTEX_WAITERS;
			err = word_change(word, old, me | FUTEX_OWNER_DIED | more);
		}
		if (!err) {
			ps = w->pi;
			empty = state_leave(w);
			if (!empty)
				state_set_owner(ps, task_current());
			propagate(task_current());
			futex_waiter_wake(w);
		}
		spin_unlock(&pi_lock);
		futex_bucket_leave(b);
		kfree(empty);
		if (err != -EFAULT && err != -EAGAIN)
			return err;
		if (err == -EFAULT && futex_word_fault_in(word))
			return -EFAULT;
	}
}

static bool lock_is_ours_to_take(void *arg)
{
	struct futex_waiter *w = arg;

	return futex_waiter_woken(w) || READ_ONCE(w->pi_heir);
}

/* Give up waiting. False: the lock had been handed over already. */
static bool lock_give_up(struct futex_waiter *w)
{
	struct futex_bucket *b = futex_bucket_enter(&w->key);
	struct futex_pi_state *ps = NULL, *empty = NULL;
	bool queued = !futex_waiter_woken(w);

	if (queued) {
		spin_lock(&pi_lock);
		ps = w->pi;
		empty = state_leave(w);
		if (ps->owner)
			propagate(ps->owner);
		else if (!empty && w->pi_heir)
			choose_heir(ps);
		futex_waiter_wake(w);
		spin_unlock(&pi_lock);
	}
	futex_bucket_leave(b);
	kfree(empty);
	return queued;
}

int futex_pi_wait(struct futex_waiter *w, struct futex_deadline deadline)
{
	return futex_wait_until(lock_is_ours_to_take, w, deadline);
}

int futex_pi_wait_end(struct futex_waiter *w, struct uptr word, int err)
{
	if (futex_waiter_woken(w))
		return 0;
	if (READ_ONCE(w->pi_heir))
		err = inherit(w, word);
	return !err || !lock_give_up(w) ? 0 : err;
}

struct futex_pi_state *futex_pi_state_create(void)
{
	return kzalloc(sizeof(struct futex_pi_state), ALLOC_SLEEP);
}

/* Make the word present and writable. No locks. */
int futex_word_fault_in(struct uptr word)
{
	struct page *page;
	int err = vm_pin(thread_current()->space, word.va, true, false, &page);

	if (!err)
		page_put(page);
	return err;
}

s64 futex_lock_pi(struct uptr word, bool shared, bool try, struct futex_deadline deadline)
{
	struct futex_pi_state *spare = NULL;
	struct futex_waiter w = {.thread = thread_current()};
	struct futex_bucket *b;
	int err = 0;

	if (!try) {
		spare = futex_pi_state_create();
		if (!spare)
			return -ENOMEM;
	}
	do {
		if (err == -EFAULT) {
			err = futex_word_fault_in(word);
			if (err)
				break;
		}
		err = futex_word_key(word, shared, &w.key);
		if (err)
			break;
		b = futex_bucket_enter(&w.key);
		err = futex_pi_lock_for(&w, word, &w.key, b, try ? NULL : &spare);
		if (err == 1) {
			futex_waiter_queue(&w, b);
			thread_prepare_wait(THREAD_SLEEP_INTR);
			spin_unlock(&b->lock);
		} else {
			futex_bucket_leave(b);
		}
	} while (err == -EAGAIN || err == -EFAULT);
	kfree(spare);
	if (err == 1) {
		err = futex_pi_wait_end(&w, word, futex_pi_wait(&w, deadline));
		/* a lock is not refused for a signal: the call is made again after the handler, whatever its flags */
		return err == -ERESTARTSYS ? -ERESTARTNOINTR : err;
	}
	return err == -EBUSY ? -EWOULDBLOCK : err;
}

/* Hand the lock to the first waiter. Bucket lock; 0, -EAGAIN, -errno; *out_empty is to be freed. */
static int MUST_CHECK unlock_hand_over(
	struct futex_pi_state *ps, struct uptr word, u32 old, struct futex_pi_state **out_empty)
{
	struct task *me = task_current(), *next;
	struct futex_waiter *w;
	u32 more;
	int err = -EINVAL;

	spin_lock(&pi_lock);
	if (ps->owner != me)
		goto out;
	w = first_waiter(ps);
	next = thread_task(w->thread);
	more = w->pi_link.next == &ps->waiters ? 0 : FUTEX_WAITERS;
	err = word_change(word, old, (u32)task_tid(next) | more);
	if (err)
		goto out;
	list_del_init(&ps->owned);
	ps->owner = NULL;
	*out_empty = state_leave(w);
	if (!*out_empty)
		state_set_owner(ps, next);
	propagate(next);
	propagate(me);
	futex_waiter_wake(w);
out:
	spin_unlock(&pi_lock);
	return err;
}

s64 futex_unlock_pi(struct uptr word, bool shared)
{
	struct futex_pi_state *ps, *empty;
	struct futex_bucket *b;
	struct vm_key key;
	int err;
	u32 old;

	do {
		empty = NULL;
		if (user_load32(&old, word))
			return -EFAULT;
		if ((s32)(old & FUTEX_TID_MASK) != task_tid(task_current()))
			return -EPERM;
		err = futex_word_key(word, shared, &key);
		if (err)
			return err;
		b = futex_bucket_enter(&key);
		ps = state_find(b, &key);
		err = ps ? unlock_hand_over(ps, word, old, &empty) : word_change(word, old, 0);
		futex_bucket_leave(b);
		kfree(empty);
		if (err == -EFAULT && futex_word_fault_in(word))
			return -EFAULT;
	} while (err == -EAGAIN || err == -EFAULT);
	return err;
}

/* The first state that @t owns, with its bucket and pi_lock held; false: none. */
static bool owned_lock(struct task *t, struct futex_pi_state **out_state, struct futex_bucket **out_bucket)
{
	struct futex_pi_state *ps;
	struct vm_key key;

	for (;;) {
		spin_lock(&pi_lock);
		if (list_empty(&t->pi_owned)) {
			spin_unlock(&pi_lock);
			return false;
		}
		key = list_first_entry(&t->pi_owned, struct futex_pi_state, owned)->key;
		spin_unlock(&pi_lock);
		*out_bucket = futex_bucket_enter(&key);
		spin_lock(&pi_lock);
		list_for_each_entry(ps, &t->pi_owned, owned)
		{
			if (futex_key_equal(&ps->key, &key)) {
				*out_state = ps;
				return true;
			}
		}
		spin_unlock(&pi_lock);
		futex_bucket_leave(*out_bucket);
	}
}

void futex_exit_pi(struct task *t, bool final)
{
	struct futex_pi_state *ps;
	struct futex_bucket *b;

	if (final) {
		spin_lock(&pi_lock);
		t->pi_closed = true;
		spin_unlock(&pi_lock);
	}
	while (owned_lock(t, &ps, &b)) {
		list_del_init(&ps->owned);
		ps->owner = NULL;
		choose_heir(ps);
		propagate(t);
		spin_unlock(&pi_lock);
		futex_bucket_leave(b);
	}
}

void futex_pi_reprioritise(struct task *t)
{
	spin_lock(&pi_lock);
	if (t->pi_wait)
		propagate(t);
	spin_unlock(&pi_lock);
}
