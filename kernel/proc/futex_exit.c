/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Robust futexes: locks that a dying thread still holds are marked and handed on. The list is the user's memory: hostile, possibly circular.
 */
#include <lib/errno.h>
#include <linux/futex.h>
#include <mm/uaccess.h>
#include <proc/futex.h>
#include "proc_impl.h"

#define ROBUST_LIMIT 2048

/* The word of an entry: if its owner is us, mark it and wake one waiter. -EFAULT ends the walk. */
static int MUST_CHECK robust_word(struct uptr word, s32 tid, bool pi, bool pending)
{
	u32 old, seen, next;

	if (word.va & 3)
		return -EFAULT;
	if (user_load32(&old, word))
		return -EFAULT;
	for (;;) {
		/* interrupted between unlocking and waking: the wake is still owed */
		if (pending && !pi && !old) {
			futex_wake(word, 1, FUTEX_BITSET_MATCH_ANY, true);
			return 0;
		}
		if ((s32)(old & FUTEX_TID_MASK) != tid)
			return 0;
		next = (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
		if (arch_user_cmpxchg32(word, old, next, &seen))
			return -EFAULT;
		if (seen == old)
			break;
		old = seen;
	}
	if (!pi && (old & FUTEX_WAITERS))
		futex_wake(word, 1, FUTEX_BITSET_MATCH_ANY, true);
	return 0;
}

/* A list pointer; bit 0 says that the lock is a PI one. */
static int MUST_CHECK load_entry(struct uptr at, u64 *out_entry, bool *out_pi)
{
	u64 raw;

	if (user_load64(&raw, at))
		return -EFAULT;
	*out_entry = raw & ~1ull;
	*out_pi = raw & 1;
	return 0;
}

void futex_exit_robust(struct task *t)
{
	struct uptr head = t->robust_list;
	u64 entry, pending, next;
	bool pi, pending_pi, next_pi;
	s32 tid = task_tid(t);
	u64 offset;

	if (uptr_is_null(head))
		return;
	t->robust_list = uptr_make(0);
	if (load_entry(head, &entry, &pi) || user_load64(&offset, uptr_field(head, struct robust_list_head, futex_offset)) ||
		load_entry(uptr_field(head, struct robust_list_head, list_op_pending), &pending, &pending_pi))
		return;
	for (unsigned n = 0; entry != head.va && n < ROBUST_LIMIT; n++) {
		/* read on before the word is given up: its memory may go at once */
		int err = load_entry(uptr_make(entry), &next, &next_pi);

		if (entry != pending && robust_word(uptr_make(entry + offset), tid, pi, false))
			return;
		if (err)
			return;
		entry = next;
		pi = next_pi;
	}
	if (pending) {
		int ignored = robust_word(uptr_make(pending + offset), tid, pending_pi, true);

		(void)ignored;
	}
}

void futex_wake_user(struct uptr va)
{
	futex_wake(va, 1, FUTEX_BITSET_MATCH_ANY, true);
}
