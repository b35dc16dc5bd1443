/* SPDX-License-Identifier: BSD-2-Clause */
#include <lib/ring.h>

#include <lib/string.h>

u32 ring_write_span(const struct ring *r, u8 **out)
{
	u32 head = r->head;
	u32 space = ring_size(r) - (head - LOAD_ACQUIRE(r->tail));
	u32 to_end = ring_size(r) - (head & r->mask);

	*out = r->buf + (head & r->mask);
	return min(space, to_end);
}

u32 ring_read_span(const struct ring *r, const u8 **out)
{
	u32 tail = r->tail;
	u32 used = LOAD_ACQUIRE(r->head) - tail;
	u32 to_end = ring_size(r) - (tail & r->mask);

	*out = r->buf + (tail & r->mask);
	return min(used, to_end);
}

u32 ring_write(struct ring *r, const void *data, u32 len)
{
	u32 head = r->head;
	u32 space = ring_size(r) - (head - LOAD_ACQUIRE(r->tail));
	u32 at = head & r->mask;
	u32 first;

	len = min(len, space);
	first = min(len, ring_size(r) - at);
	memcpy(r->buf + at, data, first);
	memcpy(r->buf, (const u8 *)data + first, len - first);
	STORE_RELEASE(r->head, head + len);
	return len;
}

u32 ring_peek(const struct ring *r, void *data, u32 len)
{
	u32 tail = r->tail;
	u32 used = LOAD_ACQUIRE(r->head) - tail;
	u32 at = tail & r->mask;
	u32 first;

	len = min(len, used);
	first = min(len, ring_size(r) - at);
	memcpy(data, r->buf + at, first);
	memcpy((u8 *)data + first, r->buf, len - first);
	return len;
}

u32 ring_read(struct ring *r, void *data, u32 len)
{
	len = ring_peek(r, data, len);
	ring_read_commit(r, len);
	return len;
}
