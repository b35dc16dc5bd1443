/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Futexes: waiting on a user word [man futex(2)]. All may sleep. Addresses are checked here (-EINVAL unaligned, -EFAULT).
 */
#include <lib/types.h>
#include <lib/compiler.h>
#include <time/timer.h>

struct futex_deadline {
	u64 ns;			/* ~0: none */
	enum timer_clock clock;
};

/* Sleep while *word == value until woken through a bit of @bitset. 0, -EAGAIN (another value), -ETIMEDOUT, -ERESTARTSYS (signal). */
s64 futex_wait(struct uptr word, u32 value, u32 bitset, bool shared, struct futex_deadline deadline);
/* Wake up to @nr waiters: how many. */
s64 futex_wake(struct uptr word, s32 nr, u32 bitset, bool shared);
struct futex_word {
	struct uptr va;
	bool shared;
};
/* Wake @nr_wake waiters of @from and let @nr_requeue others wait on @to; -EAGAIN if @compare and *from != value. */
s64 futex_requeue(struct futex_word from, struct futex_word to, s32 nr_wake, s32 nr_requeue, bool compare, u32 value);
s64 futex_wake_op(struct uptr word1, struct uptr word2, s32 nr1, s32 nr2, u32 op, bool shared);

/*
 * PI locks. Lock: 0; -EDEADLK; -ESRCH, -EPERM (no such owner, or none that can inherit); -EWOULDBLOCK (@try); -ETIMEDOUT; -ERESTARTNOINTR (signal).
 * Unlock: 0; -EPERM (not the owner); -EINVAL (the word and the kernel disagree).
 */
s64 futex_lock_pi(struct uptr word, bool shared, bool try, struct futex_deadline deadline);
s64 futex_unlock_pi(struct uptr word, bool shared);
/*
 * A condition with a PI lock: sleep while *word == value until futex_requeue_pi gives us the lock or lets us wait for it. 0: we have the lock; -EAGAIN: another
 * value, or a signal while waiting for the lock; -ETIMEDOUT; -ERESTARTNOINTR (signal before).
 */
s64 futex_wait_requeue_pi(struct uptr word, u32 value, struct uptr lock, bool shared, struct futex_deadline deadline);
/* Of the waiters of @from, all of whom want @lock, the first gets it if it is free; up to 1 + @nr_requeue leave @from: how many. */
s64 futex_requeue_pi(struct uptr from, struct uptr lock, s32 nr_wake, s32 nr_requeue, u32 value, bool shared);
struct task;
/* @t's scheduling parameters have changed: who holds it up inherits the new ones. */
void futex_pi_reprioritise(struct task *t);

struct futex_waitv_word {
	struct uptr word;
	u32 value;
	bool shared;
};
/* Wait on up to 128 words: index of one that was woken, or as futex_wait. */
s64 futex_waitv(const struct futex_waitv_word *words, u32 n, struct futex_deadline deadline);
