/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A byte ring between one producer and one consumer, without a lock.
 *
 * head and tail run freely and wrap at 2^32; head - tail is the number of bytes inside. The
 * producer owns head and stores it with release after the bytes; the consumer loads it with
 * acquire before them. tail alike, the other way round. With several producers (or consumers) a
 * lock on that side makes them one.
 */
#pragma once

#include <lib/types.h>

struct ring {
	u8 *buf;
	u32 mask; /* size - 1 */
	u32 head; /* written by the producer */
	u32 tail; /* written by the consumer */
};

/* @size: a power of two, at most 2^31. The ring does not own @buf. */
static inline void ring_init(struct ring *r, void *buf, u32 size)
{
	*r = (struct ring){buf, size - 1, 0, 0};
}

static inline u32 ring_size(const struct ring *r)
{
	return r->mask + 1;
}

/*
 * Either side may ask; only its own side's answer stays true (space for the producer, used for
 * the consumer: at least).
 */
static inline u32 ring_used(const struct ring *r)
{
	return LOAD_ACQUIRE(r->head) - LOAD_ACQUIRE(r->tail);
}

static inline u32 ring_space(const struct ring *r)
{
	return ring_size(r) - ring_used(r);
}

static inline bool ring_is_empty(const struct ring *r)
{
	return ring_used(r) == 0;
}

/* Producer: put as many of @len bytes as fit; returns how many. */
u32 ring_write(struct ring *r, const void *data, u32 len);

/* Consumer: take up to @len bytes; returns how many. peek leaves them. */
u32 ring_read(struct ring *r, void *data, u32 len);
u32 ring_peek(const struct ring *r, void *data, u32 len);

/* Producer and consumer of a single byte; false: full, empty. */
static inline bool ring_putc(struct ring *r, u8 c)
{
	u32 head = r->head;

	if (head - LOAD_ACQUIRE(r->tail) > r->mask)
		return false;
	r->buf[head & r->mask] = c;
	STORE_RELEASE(r->head, head + 1);
	return true;
}

static inline bool ring_getc(struct ring *r, u8 *out)
{
	u32 tail = r->tail;

	if (tail == LOAD_ACQUIRE(r->head))
		return false;
	*out = r->buf[tail & r->mask];
	STORE_RELEASE(r->tail, tail + 1);
	return true;
}

/*
 * Direct access. The producer fills, or the consumer uses, up to the returned number of bytes at
 * *@out, then commits (at most that many). 0: full, empty. Twice round serves a range that wraps.
 */
u32 ring_write_span(const struct ring *r, u8 **out);
u32 ring_read_span(const struct ring *r, const u8 **out);

static inline void ring_write_commit(struct ring *r, u32 len)
{
	STORE_RELEASE(r->head, r->head + len);
}

static inline void ring_read_commit(struct ring *r, u32 len)
{
	STORE_RELEASE(r->tail, r->tail + len);
}

/* Consumer: drop everything that is inside now. */
static inline void ring_discard(struct ring *r)
{
	STORE_RELEASE(r->tail, LOAD_ACQUIRE(r->head));
}
