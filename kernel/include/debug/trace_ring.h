/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A ring of trace records with one writer and any number of readers, none of whom waits for another.
 *
 * Record number n is in slot n % TRACE_SLOTS, under the stamp n + 1. The writer makes the stamp 0, writes the words, then the stamp; a reader that finds
 * the same stamp before and after has read one record. Every word is stored with release and loaded with acquire: so a reader that saw a word of a later
 * record sees its stamp changed [boehm12, "Can seqlocks get along with programming language memory models?"].
 */
#include <lib/types.h>
#include <lib/compiler.h>

#define TRACE_SLOTS 1024u
#define TRACE_WORDS 7u /* of a record: with its stamp a cache line */

struct trace_slot {
	u64 stamp; /* atomic; 0: being written, or never was */
	u64 word[TRACE_WORDS];
};

struct trace_ring {
	u64 head; /* records written so far; the writer's */
	struct trace_slot slot[TRACE_SLOTS];
};

/* Only the ring's one writer: here, the CPU whose it is, interrupts off. */
static inline void trace_ring_put(struct trace_ring *r, const u64 words[TRACE_WORDS])
{
	u64 n = r->head;
	struct trace_slot *s = &r->slot[n % TRACE_SLOTS];

	WRITE_ONCE(s->stamp, 0);
	for (unsigned i = 0; i < TRACE_WORDS; i++)
		STORE_RELEASE(s->word[i], words[i]);
	STORE_RELEASE(s->stamp, n + 1);
	STORE_RELEASE(r->head, n + 1);
}

/* Records [first, last) may be there; older ones are overwritten. Any context. */
static inline u64 trace_ring_last(const struct trace_ring *r)
{
	return LOAD_ACQUIRE(r->head);
}

static inline u64 trace_ring_first(const struct trace_ring *r)
{
	u64 last = trace_ring_last(r);

	return last > TRACE_SLOTS ? last - TRACE_SLOTS : 0;
}

/* Record @n; false: not written yet, or overwritten already. Any context. */
static inline bool trace_ring_get(const struct trace_ring *r, u64 n, u64 words[TRACE_WORDS])
{
	const struct trace_slot *s = &r->slot[n % TRACE_SLOTS];

	if (LOAD_ACQUIRE(s->stamp) != n + 1)
		return false;
	for (unsigned i = 0; i < TRACE_WORDS; i++)
		words[i] = LOAD_ACQUIRE(s->word[i]);
	return READ_ONCE(s->stamp) == n + 1;
}
