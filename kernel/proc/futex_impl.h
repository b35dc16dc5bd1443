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
