/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What futex.c and futex_pi.c share: buckets, waiters, and how they are queued and woken.
 */
#include <lib/list.h>
#include <mm/space.h>
#include <proc/futex.h>
#include <proc/task.h>
#include <sync/spinlock.h>

struct futex_pi_state;

struct futex_bucket {
	struct spinlock lock;
	u32 count;
	struct list_head waiters; /* in the order of their tickets */
	u64 ticket;		  /* lock; the newest */
} __aligned(64);

struct futex_waiter {
	struct list_head link;
	struct futex_bucket *bucket; /* NULL: woken */
	u64 ticket;		     /* the bucket's lock */
	struct vm_key key;
	u32 bitset;
	struct thread *thread;
	/* a waiter for a PI lock; pi_lock, see futex_pi.c */
	struct futex_pi_state *pi;
	struct list_head pi_link;
	u32 pi_prio;
	bool pi_heir; /* the owner died: it takes the lock itself */
	/* FUTEX_WAIT_REQUEUE_PI, until it is requeued: the PI lock it wants to be moved to; bucket lock */
	const struct vm_key *pi_target;
};

static inline bool futex_key_equal(const struct vm_key *a, const struct vm_key *b)
{
	return a->a == b->a && a->b == b->b;
}

/* -EINVAL unaligned, -EFAULT. May sleep. */
int futex_word_key(struct uptr word, bool shared, struct vm_key *out) MUST_CHECK;
/* The word, without serving a fault: bucket locks are held. */
int futex_word_peek(struct uptr word, u32 *out) MUST_CHECK;
/* The key's bucket, locked, its count raised; both undone by futex_bucket_leave, the count by waking who was queued. */
struct futex_bucket *futex_bucket_enter(const struct vm_key *key);
void futex_bucket_leave(struct futex_bucket *b);
/* The running thread joins; takes over the raised count. Bucket lock held. */
void futex_waiter_queue(struct futex_waiter *w, struct futex_bucket *b);
/* Bucket lock held; @w may be gone on return. */
void futex_waiter_wake(struct futex_waiter *w);
bool futex_waiter_woken(void *waiter);
/* Sleep until woken(arg): 0, -ERESTARTSYS, -ETIMEDOUT. The thread is prepared (SLEEP_INTR). */
int futex_wait_until(bool (*woken)(void *), void *arg, struct futex_deadline deadline);
/* Both buckets, in address order. */
void futex_lock_two(struct futex_bucket *a, struct futex_bucket *b);
void futex_unlock_two(struct futex_bucket *a, struct futex_bucket *b);
struct futex_bucket *futex_bucket_of(const struct vm_key *key);
/* To another word. Both buckets' locks held. */
void futex_waiter_move(struct futex_waiter *w, struct futex_bucket *from, struct futex_bucket *to, const struct vm_key *key);
/* Queue @w if the word has the value. 0; 1: queue again after a fault was served; -errno. On 0 the bucket's count stays raised for the waiter. */
int futex_waiter_prepare(struct futex_waiter *w, struct uptr word, u32 value, bool shared) MUST_CHECK;

/* ---- futex_pi.c ---- */
struct futex_pi_state *futex_pi_state_create(void); /* kfree; NULL */
int futex_word_fault_in(struct uptr word) MUST_CHECK;
int futex_pi_lock_for(struct futex_waiter *w, struct uptr word, const struct vm_key *key, struct futex_bucket *b,
	struct futex_pi_state **spare) MUST_CHECK;
/* As futex_wait_until, and what remains to be done afterwards (@err: its result): 0: the lock is ours. */
int futex_pi_wait(struct futex_waiter *w, struct futex_deadline deadline);
int futex_pi_wait_end(struct futex_waiter *w, struct uptr word, int err);
