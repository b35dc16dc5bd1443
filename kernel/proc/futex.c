/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Futexes.
 *
 * Waiters stand in hash buckets by the key of their word: (space, address) when private, (object, offset) when shared, so that a word mapped twice is one. A bucket has a lock and
 * a count of those who are, or are about to be, in it: a wake that finds it 0 takes no lock.
 *
 * No wake-up is lost: a waiter raises the count, takes the lock, reads the word, and queues itself before it gives the lock up. A waker has changed the word before
 * its call, and reads the count behind a full barrier. Either the waiter sees the new word, or the waker the count.
 *
 * A waiter's bucket pointer is changed under the bucket's lock only: NULL means woken. The thread is woken inside the lock or after it: its memory outlives
 * that by RCU, and who has returned meanwhile is woken for nothing.
 */
#include <lib/errno.h>
#include <lib/hash.h>
#include <lib/list.h>
#include <linux/futex.h>
#include <arch/smp.h>
#include <debug/panic.h>
#include <init/initcall.h>
#include <mm/kmap.h>
#include <mm/page.h>
#include <mm/slab.h>
#include <mm/space.h>
#include <mm/uaccess.h>
#include <proc/futex.h>
#include <time/sleep.h>
#include "futex_impl.h"
#include "proc_impl.h"

#define BUCKETS_PER_CPU 64
#define WAKE_BATCH	32

LOCK_CLASS(futex_bucket, RANK_FUTEX, "threads waiting on the words of one hash bucket");

static struct futex_bucket *buckets;
static u64 bucket_mask;

static int futex_init(void)
{
	u64 n = BUCKETS_PER_CPU;

	while (n < (u64)cpu_count() * BUCKETS_PER_CPU)
		n *= 2;
	buckets = vmap_alloc(n * sizeof(*buckets));
	if (!buckets)
		return -ENOMEM;
	bucket_mask = n - 1;
	for (u64 i = 0; i < n; i++) {
		spin_init(&buckets[i].lock, futex_bucket);
		list_init(&buckets[i].waiters);
	}
	return 0;
}
INITCALL(futex, "", futex_init);

struct futex_bucket *futex_bucket_of(const struct vm_key *key)
{
	return &buckets[hash_u64(key->a ^ hash_u64(key->b, 64), 32) & bucket_mask];
}

int futex_word_key(struct uptr word, bool shared, struct vm_key *out)
{
	if (word.va & 3)
		return -EINVAL;
	return vm_futex_key(thread_current()->space, word.va, shared, out);
}

/* The word, without serving a fault: bucket locks are held. */
int futex_word_peek(struct uptr word, u32 *out)
{
	int err;

	pagefault_disable();
	err = user_load32(out, word);
	pagefault_enable();
	return err;
}

struct futex_bucket *futex_bucket_enter(const struct vm_key *key)
{
	struct futex_bucket *b = futex_bucket_of(key);

	__atomic_add_fetch(&b->count, 1, __ATOMIC_SEQ_CST);
	spin_lock(&b->lock);
	return b;
}

void futex_bucket_leave(struct futex_bucket *b)
{
	spin_unlock(&b->lock);
	__atomic_sub_fetch(&b->count, 1, __ATOMIC_RELEASE);
}

void futex_waiter_queue(struct futex_waiter *w, struct futex_bucket *b)
{
	w->bucket = b;
	w->thread = thread_current();
	w->ticket = ++b->ticket;
	list_add_tail(&w->link, &b->waiters);
}

/* Bucket lock held. Who is to be woken; in a read section the thread stays. */
static struct thread *waiter_take(struct futex_waiter *w)
{
	struct thread *t = w->thread;
	struct futex_bucket *b = w->bucket;

	list_del(&w->link);
	STORE_RELEASE(w->bucket, NULL); /* from here on the waiter may be gone */
	__atomic_sub_fetch(&b->count, 1, __ATOMIC_RELEASE);
	return t;
}

void futex_waiter_wake(struct futex_waiter *w)
{
	thread_wake(waiter_take(w));
}

/* Take a waiter out. False: it was woken already. */
static bool waiter_unqueue(struct futex_waiter *w)
{
	struct futex_bucket *b;

	while ((b = LOAD_ACQUIRE(w->bucket))) {
		spin_lock(&b->lock);
		if (w->bucket == b) { /* else requeued meanwhile */
			list_del(&w->link);
			futex_bucket_leave(b);
			return true;
		}
		spin_unlock(&b->lock);
	}
	return false;
}

int futex_waiter_prepare(struct futex_waiter *w, struct uptr word, u32 value, bool shared)
{
	struct futex_bucket *b;
	u32 now;
	int err = futex_word_key(word, shared, &w->key);

	if (err)
		return err;
	b = futex_bucket_enter(&w->key);
	err = futex_word_peek(word, &now);
	if (!err && now == value) {
		futex_waiter_queue(w, b);
		thread_prepare_wait(THREAD_SLEEP_INTR);
		spin_unlock(&b->lock);
		return 0;
	}
	futex_bucket_leave(b);
	if (!err)
		return -EAGAIN;
	return user_load32(&now, word) ? -EFAULT : 1;
}

/* Sleep until woken(arg), a signal, or the deadline. The thread is prepared. */
int futex_wait_until(bool (*woken)(void *), void *arg, struct futex_deadline deadline)
{
	struct task *me = task_current();
	int err = 0;

	for (;;) {
		if (woken(arg))
			break;
		if (thread_signal_pending()) {
			err = -ERESTARTSYS;
			break;
		}
		if (!schedule_clock(deadline.clock, deadline.ns, me->timer_slack_ns)) {
			err = -ETIMEDOUT;
			break;
		}
		thread_prepare_wait(THREAD_SLEEP_INTR);
	}
	thread_finish_wait();
	return err;
}

bool futex_waiter_woken(void *arg)
{
	return !LOAD_ACQUIRE(((struct futex_waiter *)arg)->bucket);
}

s64 futex_wait(struct uptr word, u32 value, u32 bitset, bool shared, struct futex_deadline deadline)
{
	struct futex_waiter w = {.bitset = bitset};
	int err;

	if (!bitset)
		return -EINVAL;
	do
		err = futex_waiter_prepare(&w, word, value, shared);
	while (err == 1);
	if (err)
		return err;
	err = futex_wait_until(futex_waiter_woken, &w, deadline);
	/* woken at the last moment is woken */
	return waiter_unqueue(&w) ? err : 0;
}

/*
 * Wake up to @nr: how many, or -EINVAL. The threads are woken when the lock is free again: waking may mean to interrupt another processor, and who is
 * awake comes for this lock. More than a batch: the caller calls again; *@until is 0 the first time and then says who was waiting already.
 */
static s64 wake_batch(struct futex_bucket *b, const struct vm_key *key, s64 nr, u32 bitset, u64 *until)
{
	struct thread *batch[WAKE_BATCH];
	struct futex_waiter *w, *tmp;
	s64 n = 0, err = 0;

	rcu_read_lock();
	spin_lock(&b->lock);
	if (!*until)
		*until = b->ticket;
	list_for_each_entry_safe(w, tmp, &b->waiters, link)
	{
		if (w->ticket > *until)
			break;
		if (!futex_key_equal(&w->key, key) || !(w->bitset & bitset))
			continue;
		if (w->pi || w->pi_target) {
			err = -EINVAL;
			break;
		}
		batch[n++] = waiter_take(w);
		if (n >= nr || n == WAKE_BATCH)
			break;
	}
	spin_unlock(&b->lock);
	for (s64 i = 0; i < n; i++)
		thread_wake(batch[i]);
	rcu_read_unlock();
	return err ? err : n;
}

s64 futex_wake(struct uptr word, s32 nr, u32 bitset, bool shared)
{
	struct vm_key key;
	struct futex_bucket *b;
	s64 woken = 0, n;
	u64 until = 0;
	int err;

	if (!bitset)
		return -EINVAL;
	err = futex_word_key(word, shared, &key);
	if (err)
		return err;
	b = futex_bucket_of(&key);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!READ_ONCE(b->count))
		return 0;
	do {
		n = wake_batch(b, &key, nr - woken, bitset, &until);
		if (n < 0)
			return n;
		woken += n;
	} while (n == WAKE_BATCH && woken < nr);
	return woken;
}

void futex_lock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	if (a == b) {
		spin_lock(&a->lock);
		return;
	}
	spin_lock(a < b ? &a->lock : &b->lock);
	spin_lock_nested(a < b ? &b->lock : &a->lock);
}

void futex_unlock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

void futex_waiter_move(struct futex_waiter *w, struct futex_bucket *from, struct futex_bucket *to, const struct vm_key *key)
{
	w->key = *key;
	if (from == to)
		return;
	w->ticket = ++to->ticket;
	list_move_tail(&w->link, &to->waiters);
	__atomic_add_fetch(&to->count, 1, __ATOMIC_SEQ_CST);
	__atomic_sub_fetch(&from->count, 1, __ATOMIC_RELEASE);
	STORE_RELEASE(w->bucket, to);
}

static s64 requeue_locked(
	struct futex_bucket *bf, const struct vm_key *kf, struct futex_bucket *bt, const struct vm_key *kt, s32 nr_wake, s32 nr_requeue)
{
	struct futex_waiter *w, *tmp;
	s64 done = 0;

	list_for_each_entry_safe(w, tmp, &bf->waiters, link)
	{
		if (!futex_key_equal(&w->key, kf))
			continue;
		if (done >= (s64)nr_wake + nr_requeue)
			break;
		if (w->pi || w->pi_target)
			return -EINVAL;
		if (done < nr_wake)
			futex_waiter_wake(w);
		else
			futex_waiter_move(w, bf, bt, kt);
		done++;
	}
	return done;
}

s64 futex_requeue(struct futex_word from, struct futex_word to, s32 nr_wake, s32 nr_requeue, bool compare, u32 value)
{
	struct futex_bucket *bf, *bt;
	struct vm_key kf, kt;
	u32 now = value;
	s64 ret;
	int err;

	if (nr_wake < 0 || nr_requeue < 0)
		return -EINVAL;
	for (;;) {
		ret = futex_word_key(from.va, from.shared, &kf);
		if (!ret)
			ret = futex_word_key(to.va, to.shared, &kt);
		if (ret)
			return ret;
		bf = futex_bucket_of(&kf);
		bt = futex_bucket_of(&kt);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		futex_lock_two(bf, bt);
		err = compare ? futex_word_peek(from.va, &now) : 0;
		if (!err)
			break;
		futex_unlock_two(bf, bt);
		if (user_load32(&now, from.va))
			return -EFAULT;
	}
	ret = -EAGAIN;
	if (!compare || now == value)
		ret = requeue_locked(bf, &kf, bt, &kt, nr_wake, nr_requeue);
	futex_unlock_two(bf, bt);
	return ret;
}

static s64 wake_locked(struct futex_bucket *b, const struct vm_key *key, s32 nr)
{
	struct futex_waiter *w, *tmp;
	s64 woken = 0;

	list_for_each_entry_safe(w, tmp, &b->waiters, link)
	{
		if (!futex_key_equal(&w->key, key))
			continue;
		if (w->pi || w->pi_target)
			return -EINVAL;
		futex_waiter_wake(w);
		if (++woken >= nr)
			break;
	}
	return woken;
}

static s32 sign_extend12(u32 v)
{
	return (s32)(v << 20) >> 20;
}

/* Does the old value satisfy the comparison of a FUTEX_WAKE_OP word? -ENOSYS: unknown comparison. */
static int MUST_CHECK wake_op_compare(u32 op, u32 old)
{
	s32 arg = sign_extend12(op & 0xfff), v = (s32)old;

	switch (op >> 24 & 0xf) {
	case FUTEX_OP_CMP_EQ: return v == arg;
	case FUTEX_OP_CMP_NE: return v != arg;
	case FUTEX_OP_CMP_LT: return v < arg;
	case FUTEX_OP_CMP_GE: return v >= arg;
	case FUTEX_OP_CMP_LE: return v <= arg;
	case FUTEX_OP_CMP_GT: return v > arg;
	default: return -ENOSYS;
	}
}

static int MUST_CHECK wake_op_apply(struct uptr word, u32 op, u32 *out_old)
{
	u32 arg = (u32)sign_extend12(op >> 12 & 0xfff);
	int kind = (int)(op >> 28 & 7), err;

	if (op >> 28 & FUTEX_OP_OPARG_SHIFT)
		arg = 1u << (arg & 31);
	pagefault_disable();
	err = arch_user_atomic_op32(word, kind, arg, out_old);
	pagefault_enable();
	return err;
}

s64 futex_wake_op(struct uptr word1, struct uptr word2, s32 nr1, s32 nr2, u32 op, bool shared)
{
	struct futex_bucket *b1, *b2;
	struct vm_key k1, k2;
	struct page *page;
	u32 old;
	s64 ret;
	int err;

	for (;;) {
		ret = futex_word_key(word1, shared, &k1);
		if (!ret)
			ret = futex_word_key(word2, shared, &k2);
		if (ret)
			return ret;
		b1 = futex_bucket_of(&k1);
		b2 = futex_bucket_of(&k2);
		futex_lock_two(b1, b2);
		err = wake_op_apply(word2, op, &old);
		if (!err)
			break;
		futex_unlock_two(b1, b2);
		if (err != -EFAULT)
			return err;
		/* make it present and writable, then again */
		err = vm_pin(thread_current()->space, word2.va, true, false, &page);
		if (err)
			return err;
		page_put(page);
	}
	ret = wake_locked(b1, &k1, nr1);
	err = wake_op_compare(op, old);
	if (err > 0 && ret >= 0) {
		s64 second = wake_locked(b2, &k2, nr2);

		ret = second < 0 ? second : ret + second;
	}
	futex_unlock_two(b1, b2);
	return err < 0 ? err : ret;
}

struct waitv {
	struct futex_waiter *w;
	u32 n;
};

/* Index of a woken waiter, -1. */
static s64 waitv_woken_index(const struct waitv *v)
{
	for (u32 i = 0; i < v->n; i++) {
		if (futex_waiter_woken(&v->w[i]))
			return i;
	}
	return -1;
}

static bool waitv_woken(void *arg)
{
	return waitv_woken_index(arg) >= 0;
}

/* Leave all queues: index of the first that had been woken, -1. */
static s64 waitv_unqueue(struct waitv *v, u32 n)
{
	s64 woken = -1;

	for (u32 i = 0; i < n; i++) {
		if (!waiter_unqueue(&v->w[i]) && woken < 0)
			woken = i;
	}
	return woken;
}

static int MUST_CHECK waitv_prepare(struct waitv *v, const struct futex_waitv_word *words)
{
	for (u32 i = 0; i < v->n; i++) {
		int err = futex_waiter_prepare(&v->w[i], words[i].word, words[i].value, words[i].shared);
		s64 woken;

		if (!err)
			continue;
		thread_finish_wait();
		woken = waitv_unqueue(v, i);
		if (woken >= 0)
			return (int)woken + 2;
		return err;
	}
	return 0;
}

s64 futex_waitv(const struct futex_waitv_word *words, u32 n, struct futex_deadline deadline)
{
	struct waitv v = {.n = n};
	s64 ret, woken;
	int err;

	v.w = kcalloc(n, sizeof(*v.w), ALLOC_SLEEP);
	if (!v.w)
		return -ENOMEM;
	for (u32 i = 0; i < n; i++)
		v.w[i].bitset = FUTEX_BITSET_MATCH_ANY;
	do
		err = waitv_prepare(&v, words);
	while (err == 1);
	if (err) {
		ret = err > 1 ? err - 2 : err;
	} else {
		ret = futex_wait_until(waitv_woken, &v, deadline);
		woken = waitv_unqueue(&v, n);
		if (woken >= 0)
			ret = woken;
	}
	kfree(v.w);
	return ret;
}
