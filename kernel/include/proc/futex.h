/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Futexes: waiting on a user word. A hash table of buckets, each with its lock; a waiter's key is (space, address) for private words, (object, page) for shared.
 */
#include <lib/types.h>
#include <lib/compiler.h>

/* deadline_ns in the clock given, ~0 none. Returns and errors as futex(2). */
s64 futex_wait(struct uptr word, u32 value, u32 bitset, bool shared, u64 deadline_ns, bool realtime);
s64 futex_wake(struct uptr word, s32 nr, u32 bitset, bool shared);
s64 futex_requeue(struct uptr from, struct uptr to, s32 nr_wake, s32 nr_requeue, bool compare, u32 value, bool shared);
s64 futex_wake_op(struct uptr word1, struct uptr word2, s32 nr1, s32 nr2, u32 op, bool shared);
