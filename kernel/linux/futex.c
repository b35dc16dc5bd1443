/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * futex(2), futex_waitv(2), robust lists.
 */
#include <linux/syscall.h>
#include <linux/futex.h>
#include <linux/time.h>
#include <mm/slab.h>
#include <mm/uaccess.h>
#include <proc/futex.h>
#include <proc/task.h>
#include <time/clock.h>
#include "syscalls.h"

/* An interrupted relative wait goes on with what is left of its time. */
static s64 wait_restart(struct restart_block *rb)
{
	struct futex_deadline d = {.ns = rb->args[3], .clock = TIMER_MONOTONIC};
	s64 ret = futex_wait(uptr_make(rb->args[0]), (u32)rb->args[1], (u32)rb->args[2], rb->args[4], d);

	return ret == -ERESTARTSYS ? -ERESTART_RESTARTBLOCK : ret;
}

static s64 do_wait(struct uptr word, u32 value, u32 bitset, bool shared, struct futex_deadline d, bool relative)
{
	struct restart_block *rb = &task_current()->restart;
	s64 ret = futex_wait(word, value, bitset, shared, d);

	if (ret != -ERESTARTSYS || d.ns == ~0ull || !relative)
		return ret;
	rb->fn = wait_restart;
	rb->args[0] = word.va;
	rb->args[1] = value;
	rb->args[2] = bitset;
	rb->args[3] = d.ns;
	rb->args[4] = shared;
	return -ERESTART_RESTARTBLOCK;
}

static int MUST_CHECK deadline_get(struct futex_deadline *d, int cmd, bool realtime, struct uptr uts)
{
	u64 ns;
	int err;

	*d = (struct futex_deadline){.ns = ~0ull, .clock = realtime ? TIMER_REALTIME : TIMER_MONOTONIC};
	if (uptr_is_null(uts))
		return 0;
	err = timespec_from_user(&ns, uts);
	if (!err)
		d->ns = cmd == FUTEX_WAIT ? deadline_after(ns) : ns;
	return err;
}

SYSCALL6(futex, struct uptr, word, int, op, u32, value, struct uptr, uts, struct uptr, word2, u32, value3)
{
	bool shared = !(op & FUTEX_PRIVATE_FLAG), realtime = op & FUTEX_CLOCK_REALTIME;
	int cmd = op & FUTEX_CMD_MASK;
	u32 value2 = (u32)uts.va; /* the timeout's place carries a count in calls without one */
	struct futex_word from = {word, shared}, to = {word2, shared};
	struct futex_deadline d = {.ns = ~0ull};
	int err;

	if (cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_LOCK_PI || cmd == FUTEX_LOCK_PI2
		|| cmd == FUTEX_WAIT_REQUEUE_PI) {
		err = deadline_get(&d, cmd, realtime || cmd == FUTEX_LOCK_PI, uts);
		if (err)
			return err;
	}
	if (realtime && cmd != FUTEX_WAIT_BITSET && cmd != FUTEX_WAIT_REQUEUE_PI && cmd != FUTEX_LOCK_PI2)
		return -ENOSYS;
	switch (cmd) {
	case FUTEX_WAIT: return do_wait(word, value, FUTEX_BITSET_MATCH_ANY, shared, d, true);
	case FUTEX_WAIT_BITSET: return do_wait(word, value, value3, shared, d, false);
	case FUTEX_WAKE: return futex_wake(word, (s32)value, FUTEX_BITSET_MATCH_ANY, shared);
	case FUTEX_WAKE_BITSET: return futex_wake(word, (s32)value, value3, shared);
	case FUTEX_REQUEUE: return futex_requeue(from, to, (s32)value, (s32)value2, false, 0);
	case FUTEX_CMP_REQUEUE: return futex_requeue(from, to, (s32)value, (s32)value2, true, value3);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2: return futex_lock_pi(word, shared, false, d);
	case FUTEX_TRYLOCK_PI: return futex_lock_pi(word, shared, true, d);
	case FUTEX_UNLOCK_PI: return futex_unlock_pi(word, shared);
	case FUTEX_WAIT_REQUEUE_PI: return futex_wait_requeue_pi(word, value, word2, shared, d);
	case FUTEX_CMP_REQUEUE_PI: return futex_requeue_pi(word, word2, (s32)value, (s32)value2, value3, shared);
	case FUTEX_WAKE_OP: return futex_wake_op(word, word2, (s32)value, (s32)value2, value3, shared);
	default: return -ENOSYS;
	}
}

/* ---- the calls that name size and kind of the word by flags ---- */

#define FUTEX2_KNOWN (FUTEX2_SIZE_MASK | FUTEX2_PRIVATE)

static bool flags_ok(u32 flags)
{
	return !(flags & ~(u32)FUTEX2_KNOWN) && (flags & FUTEX2_SIZE_MASK) == FUTEX2_SIZE_U32;
}

static int MUST_CHECK deadline_on(struct futex_deadline *d, struct uptr uts, int clock)
{
	*d = (struct futex_deadline){.ns = ~0ull, .clock = TIMER_MONOTONIC};
	if (uptr_is_null(uts))
		return 0;
	if (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME)
		return -EINVAL;
	d->clock = clock == CLOCK_REALTIME ? TIMER_REALTIME : TIMER_MONOTONIC;
	return timespec_from_user(&d->ns, uts);
}

static int MUST_CHECK words_get(struct futex_waitv_word *words, u32 n, struct uptr user)
{
	struct futex_waitv one;

	for (u32 i = 0; i < n; i++) {
		if (copy_from_user(&one, uptr_add(user, i * sizeof(one)), sizeof(one)))
			return -EFAULT;
		if (!flags_ok(one.flags) || one.__reserved || one.val >> 32)
			return -EINVAL;
		words[i] = (struct futex_waitv_word){
			.word = uptr_make(one.uaddr),
			.value = (u32)one.val,
			.shared = !(one.flags & FUTEX2_PRIVATE),
		};
	}
	return 0;
}

SYSCALL5(futex_waitv, struct uptr, waiters, u32, n, u32, flags, struct uptr, uts, int, clock)
{
	struct futex_waitv_word *words;
	struct futex_deadline d;
	s64 ret;

	if (flags || !n || n > FUTEX_WAITV_MAX || uptr_is_null(waiters))
		return -EINVAL;
	ret = deadline_on(&d, uts, clock);
	if (ret)
		return ret;
	words = kcalloc(n, sizeof(*words), ALLOC_SLEEP);
	if (!words)
		return -ENOMEM;
	ret = words_get(words, n, waiters);
	if (!ret)
		ret = futex_waitv(words, n, d);
	kfree(words);
	return ret;
}

static int futex_check(struct uptr word, u32 mask)
{
	if (!mask || (word.va & 3))
		return -EINVAL;
	return word.va < USER_VA_END ? 0 : -EFAULT;
}

SYSCALL4(futex_wake, struct uptr, word, u64, mask, int, nr, u32, flags)
{
	if (!flags_ok(flags) || mask >> 32)
		return -EINVAL;
	/* Here, and only here, to wake 0 wakes nobody: but a bad address is told. */
	return nr ? futex_wake(word, nr, (u32)mask, !(flags & FUTEX2_PRIVATE)) : futex_check(word, (u32)mask);
}

SYSCALL6(futex_wait, struct uptr, word, u64, value, u64, mask, u32, flags, struct uptr, uts, int, clock)
{
	struct futex_deadline d;
	int err;

	if (!flags_ok(flags) || value >> 32 || mask >> 32)
		return -EINVAL;
	err = deadline_on(&d, uts, clock);
	return err ? err : futex_wait(word, (u32)value, (u32)mask, !(flags & FUTEX2_PRIVATE), d);
}

SYSCALL4(futex_requeue, struct uptr, waiters, u32, flags, int, nr_wake, int, nr_requeue)
{
	struct futex_waitv_word w[2];
	int err;

	if (flags || uptr_is_null(waiters))
		return -EINVAL;
	err = words_get(w, 2, waiters);
	if (err)
		return err;
	return futex_requeue((struct futex_word){w[0].word, w[0].shared}, (struct futex_word){w[1].word, w[1].shared}, nr_wake, nr_requeue,
		true, w[0].value);
}

SYSCALL2(set_robust_list, struct uptr, head, size_t, len)
{
	if (len != sizeof(struct robust_list_head))
		return -EINVAL;
	task_current()->robust_list = head;
	return 0;
}

SYSCALL3(get_robust_list, s32, pid, struct uptr, uhead, struct uptr, ulen)
{
	struct task *t = task_current();
	u64 head;
	int err = 0;

	task_get(t);
	if (pid) {
		task_put(t);
		t = task_find_get(pid, PID_TID);
		if (!t)
			return -ESRCH;
		err = ptrace_may_access(t, PTRACE_READ | PTRACE_REALCREDS);
	}
	head = t->robust_list.va;
	task_put(t);
	if (err)
		return err;
	return user_store64(ulen, sizeof(struct robust_list_head)) || user_store64(uhead, head) ? -EFAULT : 0;
}
