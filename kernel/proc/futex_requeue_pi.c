/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Condition variables over PI locks: FUTEX_WAIT_REQUEUE_PI and FUTEX_CMP_REQUEUE_PI [man futex(2)].
 *
 *     on the word, pi_target set --requeue, lock free--> woken: the lock is its
 *                                --requeue, lock owned--> pi_target NULL, waits in the lock's state as if it had called FUTEX_LOCK_PI
 *                                --signal, deadline--> leaves
 *
 * Nothing else wakes or moves a waiter with a target: who tries gets -EINVAL. All steps are made with the buckets of both words locked.
 */
#include <lib/errno.h>
#include <linux/futex.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include "futex_impl.h"
#include "proc_impl.h"

#define ROUNDS_MAX 1000

/* Take @w off the first word. False: it has been moved or woken. */
static bool leave_word(struct futex_waiter *w)
{
	struct futex_bucket *b;
	bool there = false;

	while ((b = LOAD_ACQUIRE(w->bucket))) {
		spin_lock(&b->lock);
		if (w->bucket == b) {
			there = w->pi_target;
			if (!there) {
				spin_unlock(&b->lock);
				return false;
			}
			list_del(&w->link);
			futex_bucket_leave(b);
			return true;
		}
		spin_unlock(&b->lock);
	}
	return false;
}

s64 futex_wait_requeue_pi(struct uptr word, u32 value, struct uptr lock, bool shared, struct futex_deadline deadline)
{
	struct vm_key target;
	struct futex_waiter w = {.bitset = FUTEX_BITSET_MATCH_ANY, .pi_target = &target};
	int err;

	if (word.va == lock.va)
		return -EINVAL;
	do {
		err = futex_word_key(lock, shared, &target);
		if (!err)
			err = futex_waiter_prepare(&w, word, value, shared);
	} while (err == 1);
	if (err)
		return err;
	err = futex_pi_wait(&w, deadline);
	if (leave_word(&w))
		return err == -ERESTARTSYS ? -ERESTARTNOINTR : err;
	err = futex_pi_wait_end(&w, lock, err);
	/* The word has changed since: made again, the call would find that. */
	return err == -ERESTARTSYS ? -EAGAIN : err;
}

/* Move one waiter; both buckets locked. 0; -errno, nothing changed. */
static int MUST_CHECK move_one(struct futex_waiter *w, struct uptr lock, const struct vm_key *key, struct futex_bucket *from,
	struct futex_bucket *to, struct futex_pi_state **spare)
{
	unsigned rounds = 0;
	int err;

	/* Who has just got the lock may have given it up already. Somebody who only plays with the word does not keep us here. */
	do
		err = futex_pi_lock_for(w, lock, key, to, spare);
	while (err == -EAGAIN && ++rounds < ROUNDS_MAX);
	if (err < 0)
		return err;
	w->pi_target = NULL;
	if (err)
		futex_waiter_move(w, from, to, key);
	else
		futex_waiter_wake(w);
	return 0;
}

/* How many left @from; on an error before the first one that. Both buckets locked. @spare is used up at most once: all wait in one state. */
static s64 move_all(struct futex_bucket *from, const struct vm_key *kf, struct uptr lock, struct futex_bucket *to, const struct vm_key *kt,
	s64 most, struct futex_pi_state **spare)
{
	struct futex_waiter *w, *tmp;
	s64 done = 0;
	int err = 0;

	list_for_each_entry_safe(w, tmp, &from->waiters, link)
	{
		if (done >= most)
			break;
		if (!futex_key_equal(&w->key, kf))
			continue;
		if (!w->pi_target || !futex_key_equal(w->pi_target, kt))
			err = -EINVAL;
		else
			err = move_one(w, lock, kt, from, to, spare);
		if (err)
			break;
		done++;
	}
	return done && (err == -EAGAIN || err == -EFAULT) ? done : err ? err : done;
}

s64 futex_requeue_pi(struct uptr from, struct uptr lock, s32 nr_wake, s32 nr_requeue, u32 value, bool shared)
{
	struct futex_pi_state *spare;
	struct futex_bucket *bf, *bt;
	struct vm_key kf, kt;
	s64 ret;
	u32 now;

	if (nr_wake < 0 || nr_requeue < 0 || from.va == lock.va || nr_wake != 1)
		return -EINVAL;
	spare = futex_pi_state_create();
	if (!spare)
		return -ENOMEM;
	do {
		ret = futex_word_key(from, shared, &kf);
		if (!ret)
			ret = futex_word_key(lock, shared, &kt);
		if (!ret && futex_key_equal(&kf, &kt))
			ret = -EINVAL;
		if (!ret)
			ret = user_load32(&now, from) || futex_word_fault_in(lock) ? -EFAULT : 0;
		if (ret)
			break;
		bf = futex_bucket_of(&kf);
		bt = futex_bucket_of(&kt);
		futex_lock_two(bf, bt);
		ret = futex_word_peek(from, &now);
		if (!ret && now != value) {
			futex_unlock_two(bf, bt);
			ret = -EAGAIN;
			break;
		}
		if (!ret)
			ret = move_all(bf, &kf, lock, bt, &kt, 1 + (s64)nr_requeue, &spare);
		futex_unlock_two(bf, bt);
	} while (ret == -EFAULT || ret == -EAGAIN);
	kfree(spare);
	return ret;
}
