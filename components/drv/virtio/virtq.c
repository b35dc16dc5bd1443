/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Order of memory [virtio-1.2 2.7.13, 2.7.14]: a chain before avail.idx (release), used.idx before
 * the element (acquire); and "publish, then look whether to notify" against the device's "say what
 * I want, then look for more" needs a full fence on either side, likewise for interrupts.
 */
#include "virtq.h"
#include <linux/virtio_ring.h>
#include <lib/endian.h>
#include <lib/errno.h>
#include <lib/string.h>

#define END 0xffffu

static u16 get16(const __virtio16 *p)
{
	return le16_to_cpu((struct le16){READ_ONCE(*p)});
}

static void put16(__virtio16 *p, u16 v)
{
	WRITE_ONCE(*p, cpu_to_le16(v).raw);
}

static struct vring_desc *desc_of(const struct virtq *q)
{
	return q->desc;
}

static struct vring_avail *avail_of(const struct virtq *q)
{
	return q->avail;
}

static struct vring_used *used_of(const struct virtq *q)
{
	return q->used;
}

/* Behind the rings stand the two event words [virtio-1.2 2.7.6, 2.7.8]. */
static __virtio16 *used_event(const struct virtq *q)
{
	return &avail_of(q)->ring[q->size];
}

static const __virtio16 *avail_event(const struct virtq *q)
{
	return (const __virtio16 *)&used_of(q)->ring[q->size];
}

void virtq_layout(u16 size, struct virtq_layout *out)
{
	out->desc = 0;
	out->avail = sizeof(struct vring_desc) * size;
	out->used = align_up(out->avail + sizeof(__virtio16) * (3u + size), 64ull);
	out->tables = align_up(
		out->used + sizeof(__virtio16) * 3 + sizeof(struct vring_used_elem) * size, 64ull);
}

size_t virtq_shared_bytes(u16 size, u16 table_max)
{
	struct virtq_layout l;

	virtq_layout(size, &l);
	return l.tables + (size_t)size * table_max * sizeof(struct vring_desc);
}

size_t virtq_private_bytes(u16 size)
{
	return sizeof(struct virtq_slot) * size;
}

int virtq_init(struct virtq *q, u16 size, u16 table_max, bool event_idx, void *shared, u64 addr,
	void *private)
{
	struct virtq_layout l;

	if (!size || size > VIRTQ_MAX_SIZE || size & (size - 1))
		return -EINVAL;
	virtq_layout(size, &l);
	*q = (struct virtq){
		.desc = (char *)shared + l.desc,
		.avail = (char *)shared + l.avail,
		.used = (char *)shared + l.used,
		.tables = (char *)shared + l.tables,
		.table_addr = addr + l.tables,
		.slots = private,
		.size = size,
		.table_max = table_max,
		.nfree = size,
		.event_idx = event_idx,
	};
	for (u16 i = 0; i < size; i++)
		q->slots[i] = (struct virtq_slot){.next = (u16)(i + 1u < size ? i + 1u : END)};
	return 0;
}

static void write_desc(
	struct vring_desc *d, const struct virtq_seg *s, bool in, bool more, u16 next)
{
	d->addr = cpu_to_le64(s->addr).raw;
	d->len = cpu_to_le32(s->len).raw;
	d->flags =
		cpu_to_le16((u16)((in ? VRING_DESC_F_WRITE : 0) | (more ? VRING_DESC_F_NEXT : 0)))
			.raw;
	d->next = cpu_to_le16(more ? next : 0).raw;
}

/* The whole chain in the table of slot @head, one descriptor in the ring. */
static void write_table(
	struct virtq *q, u16 head, const struct virtq_seg *segs, unsigned nout, unsigned n)
{
	struct vring_desc *d = &desc_of(q)[head],
			  *table = (struct vring_desc *)q->tables + (size_t)head * q->table_max;

	for (unsigned i = 0; i < n; i++)
		write_desc(&table[i], &segs[i], i >= nout, i + 1 < n, (u16)(i + 1));
	d->addr = cpu_to_le64(q->table_addr + (u64)head * q->table_max * sizeof(*d)).raw;
	d->len = cpu_to_le32(n * (u32)sizeof(*d)).raw;
	d->flags = cpu_to_le16(VRING_DESC_F_INDIRECT).raw;
	d->next = 0;
}

/* Total of what the device may write; false: a segment is empty or the sum does not fit 32 bits
 * [virtio-1.2 2.7.4]. */
static bool sum_segs(const struct virtq_seg *segs, unsigned nout, unsigned n, u32 *out_writable)
{
	u64 in = 0, out = 0;

	for (unsigned i = 0; i < n; i++) {
		if (!segs[i].len)
			return false;
		*(i < nout ? &out : &in) += segs[i].len;
	}
	*out_writable = (u32)in;
	return in + out <= U32_MAX;
}

int virtq_add(
	struct virtq *q, const struct virtq_seg *segs, unsigned nout, unsigned nin, void *token)
{
	unsigned n = nout + nin;
	bool indirect = n > 1 && n <= q->table_max;
	u16 ndesc = indirect ? 1 : (u16)n, head = q->free_head, at = head;
	u32 writable;

	if (q->broken)
		return -EIO;
	if (!n || n > max((unsigned)q->size, (unsigned)q->table_max) || !token ||
		!sum_segs(segs, nout, n, &writable))
		return -EINVAL;
	if (ndesc > q->nfree)
		return -ENOSPC;
	if (indirect) {
		write_table(q, head, segs, nout, n);
		at = q->slots[head].next;
	} else {
		for (unsigned i = 0; i < n; i++) {
			u16 next = q->slots[at].next;

			write_desc(&desc_of(q)[at], &segs[i], i >= nout, i + 1 < n, next);
			at = next;
		}
	}
	q->free_head = at;
	q->nfree = (u16)(q->nfree - ndesc);
	q->slots[head].token = token;
	q->slots[head].ndesc = ndesc;
	q->slots[head].writable = writable;
	q->inflight++;
	put16(&avail_of(q)->ring[q->avail_idx & (q->size - 1)], head);
	q->avail_idx++;
	return 0;
}

bool virtq_publish(struct virtq *q)
{
	u16 old = q->kicked_idx, idx = q->avail_idx;

	if (old == idx)
		return false;
	STORE_RELEASE(avail_of(q)->idx, cpu_to_le16(idx).raw);
	q->kicked_idx = idx;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (q->event_idx)
		return (u16)(idx - get16(avail_event(q)) - 1) < (u16)(idx - old);
	return !(get16(&used_of(q)->flags) & VRING_USED_F_NO_NOTIFY);
}

/* The chain of @head is the driver's again. */
static void *release(struct virtq *q, u16 head)
{
	struct virtq_slot *s = &q->slots[head];
	void *token = s->token;
	u16 last = head;

	for (u16 i = 1; i < s->ndesc; i++)
		last = q->slots[last].next;
	q->slots[last].next = q->nfree ? q->free_head : END;
	q->free_head = head;
	q->nfree = (u16)(q->nfree + s->ndesc);
	q->inflight--;
	s->token = NULL;
	s->ndesc = 0;
	return token;
}

int virtq_pop(struct virtq *q, void **out_token, u32 *out_len)
{
	u16 idx = le16_to_cpu((struct le16){LOAD_ACQUIRE(used_of(q)->idx)});
	const struct vring_used_elem *e = &used_of(q)->ring[q->used_idx & (q->size - 1)];
	u32 id, len;

	if (q->broken)
		return -EIO;
	if (idx == q->used_idx)
		return 0;
	id = le32_to_cpu((struct le32){READ_ONCE(e->id)});
	len = le32_to_cpu((struct le32){READ_ONCE(e->len)});
	if ((u16)(idx - q->used_idx) > q->inflight || id >= q->size || !q->slots[id].token ||
		len > q->slots[id].writable) {
		q->broken = true;
		return -EIO;
	}
	q->used_idx++;
	*out_token = release(q, (u16)id);
	*out_len = len;
	return 1;
}

void virtq_disarm(struct virtq *q)
{
	if (q->event_idx) /* as far away as it gets */
		put16(used_event(q), (u16)(q->used_idx - 1));
	else
		put16(&avail_of(q)->flags, VRING_AVAIL_F_NO_INTERRUPT);
}

/* Ask to hear of the entry after the next @skip; true: it is there already. */
static bool arm_after(struct virtq *q, u16 skip)
{
	if (q->event_idx)
		put16(used_event(q), (u16)(q->used_idx + skip));
	else
		put16(&avail_of(q)->flags, 0);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return (u16)(get16(&used_of(q)->idx) - q->used_idx) > skip;
}

bool virtq_arm(struct virtq *q)
{
	return arm_after(q, 0);
}

bool virtq_arm_most(struct virtq *q)
{
	return arm_after(q, q->event_idx ? (u16)(q->inflight * 3u / 4) : 0);
}

void *virtq_abort(struct virtq *q)
{
	q->broken = true;
	for (u16 i = 0; q->inflight && i < q->size; i++)
		if (q->slots[i].token)
			return release(q, i);
	return NULL;
}

bool virtq_check(const struct virtq *q)
{
	u32 used = 0, heads = 0, nfree = 0;
	u16 at = q->free_head;

	for (u16 i = 0; i < q->size; i++) {
		if (q->slots[i].token) {
			heads++;
			used += q->slots[i].ndesc;
		}
	}
	for (; nfree < q->nfree; nfree++) {
		if (at >= q->size || q->slots[at].token)
			return false;
		at = q->slots[at].next;
	}
	return heads == q->inflight && used + q->nfree == q->size;
}
