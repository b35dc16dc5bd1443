/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pair of rings: frames out, buffers in, and back. See impl.h.
 */
#include "impl.h"
#include <lib/endian.h>
#include <lib/errno.h>
#include <lib/string.h>
#include <env/log.h>
#include <env/mem.h>

ENV_LOCK_CLASS(virtio_net_tx, ENV_RANK_DRIVER_QUEUE, "one ring of frames out");

#define NONE	 0xffffu
#define RX_BATCH (VNET_MERGE_MAX * 2)
#define TX_BATCH 64u

static void count(u64 *counter, u64 n)
{
	__atomic_add_fetch(counter, n, __ATOMIC_RELAXED);
}

/* ---- slots ---- */

static struct vnet_slot *slot_at(const struct vnet_ring *r, u16 i)
{
	return (struct vnet_slot *)(void *)((char *)r->slots + (size_t)r->stride * i);
}

static u16 slot_index(const struct vnet_ring *r, const struct vnet_slot *s)
{
	return (u16)((size_t)((const char *)s - (const char *)r->slots) / r->stride);
}

static size_t slots_bytes(const struct vnet_ring *r)
{
	return (size_t)r->stride * r->queue.q.size;
}

static void slot_free(struct vnet_ring *r, struct vnet_slot *s)
{
	s->frame = NULL;
	s->next = r->free;
	r->free = slot_index(r, s);
}

/* A free slot with the frame's bytes mapped: 0; -ENOSPC: none; or what env_dma_map says. */
static int slot_take(struct vnet_ring *r, struct nic_frame *f, struct vnet_slot **out)
{
	struct vnet_slot *s;
	int n;

	if (r->free == NONE)
		return -ENOSPC;
	s = slot_at(r, r->free);
	n = env_dma_map(r->queue.v->dev, &f->data, r->dir, s->segs, r->segs_max);
	if (n < 0)
		return n;
	r->free = s->next;
	s->frame = f;
	s->nsegs = (u16)n;
	*out = s;
	return 0;
}

/* The frame is the client's again. */
static struct nic_frame *slot_give(struct vnet_ring *r, struct vnet_slot *s)
{
	struct nic_frame *f = s->frame;

	env_dma_unmap(r->queue.v->dev, r->dir, s->segs, s->nsegs);
	slot_free(r, s);
	return f;
}

/* The next used entry's frame: 1; 0: none; the device lied: 0, and it is dead. */
static int ring_pop(struct vnet_pair *p, struct vnet_ring *r, struct nic_frame **out, u32 *out_len)
{
	void *token;
	int got = virtq_pop(&r->queue.q, &token, out_len);

	if (got <= 0) {
		if (got)
			vnet_die(p->net, "it breaks the rules of its queue");
		return 0;
	}
	*out = slot_give(r, token);
	return 1;
}

static void publish(struct vnet_ring *r)
{
	if (virtq_publish(&r->queue.q))
		virtio_notify(&r->queue);
}

/* ---- out ---- */

static void refuse(struct vnet_pair *p, struct nic_frame *f)
{
	f->provider[0] = (u64)(unsigned long)p->refused;
	p->refused = f;
	count(&p->stats->tx_dropped, 1);
}

/* lock held */
static int send_one(struct vnet_pair *p, struct nic_frame *f)
{
	struct virtq_seg segs[VNET_TX_SEGS + 1];
	struct vnet_ring *r = &p->tx;
	struct virtio_net_hdr_v1 h;
	struct vnet_slot *s;
	u64 off;
	int err = slot_take(r, f, &s);

	if (err)
		return err;
	off = (u64)slot_index(r, s) * VNET_HDR_LEN;
	vnet_hdr_out(f, &h);
	memcpy((char *)p->headers + off, &h, sizeof(h));
	segs[0] = (struct virtq_seg){p->headers_addr + off, VNET_HDR_LEN};
	for (unsigned i = 0; i < s->nsegs; i++)
		segs[i + 1] = (struct virtq_seg){s->segs[i].addr, s->segs[i].len};
	f->provider[1] = f->data.left;
	err = virtq_add(&r->queue.q, segs, s->nsegs + 1u, 0, s);
	if (err)
		(void)slot_give(r, s);
	return err;
}

unsigned vnet_pair_tx(struct vnet_pair *p, struct nic_frame *const *frames, unsigned n)
{
	unsigned long flags = env_spin_lock(&p->lock);
	unsigned taken = 0;
	bool refused = false;

	for (; taken < n && !READ_ONCE(p->net->dead); taken++) {
		int err = send_one(p, frames[taken]);

		if (err == -ENOSPC || err == -EIO)
			break;
		if (err) { /* of no use to any device like this */
			refuse(p, frames[taken]);
			refused = true;
		}
	}
	publish(&p->tx);
	env_spin_unlock(&p->lock, flags);
	if (refused)
		vnet_pair_wake(p);
	return taken;
}

/* The next frame that was sent, or was not to be; lock held. NULL: none. */
static struct nic_frame *take_sent(struct vnet_pair *p, u64 *bytes)
{
	struct nic_frame *f = p->refused;
	u32 len;

	if (f) {
		p->refused = (struct nic_frame *)(unsigned long)f->provider[0];
		return f;
	}
	if (!ring_pop(p, &p->tx, &f, &len))
		return NULL;
	*bytes += f->provider[1];
	count(&p->stats->tx_frames, 1);
	return f;
}

/* Give them back: how many. */
static unsigned reclaim(struct vnet_pair *p, unsigned budget)
{
	struct nic_frame *batch[TX_BATCH];
	unsigned n, total = 0;

	do {
		unsigned long flags = env_spin_lock(&p->lock);
		u64 bytes = 0;

		for (n = 0; n < TX_BATCH && total + n < budget; n++) {
			batch[n] = take_sent(p, &bytes);
			if (!batch[n])
				break;
		}
		count(&p->stats->tx_bytes, bytes);
		env_spin_unlock(&p->lock, flags);
		if (n)
			p->net->ops->tx_done(p->net->client, p->index, batch, n);
		total += n;
	} while (n == TX_BATCH);
	return total;
}

/* ---- in ---- */

unsigned vnet_pair_fill(struct vnet_pair *p, struct nic_frame *const *frames, unsigned n)
{
	struct vnet_ring *r = &p->rx;
	unsigned taken = 0;

	for (; taken < n && !READ_ONCE(p->net->dead); taken++) {
		struct virtq_seg segs[VNET_RX_SEGS];
		struct vnet_slot *s;

		if (slot_take(r, frames[taken], &s))
			break;
		for (unsigned i = 0; i < s->nsegs; i++)
			segs[i] = (struct virtq_seg){s->segs[i].addr, s->segs[i].len};
		if (virtq_add(&r->queue.q, segs, 0, s->nsegs, s)) {
			(void)slot_give(r, s);
			break;
		}
	}
	publish(r);
	return taken;
}

/* The header at the front of @f's buffer, taken off. */
static void take_header(struct nic_frame *f, struct virtio_net_hdr_v1 *out)
{
	(void)iobuf_get(&f->data, out, sizeof(*out)); /* there is so much: the caller knows */
}

static unsigned buffers_of(const struct vnet *n, const struct virtio_net_hdr_v1 *h)
{
	return virtio_has(&n->v, VIRTIO_NET_F_MRG_RXBUF) ? le16_to_cpu((struct le16){h->num_buffers}) : 1;
}

static void spoil(struct vnet_pair *p, struct nic_frame **frames, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		frames[i]->len = 0;
		frames[i]->flags = 0;
	}
	count(&p->stats->rx_errors, 1);
}

/*
 * The next frame: its buffers to @out, at most VNET_MERGE_MAX; how many. One that makes no sense
 * comes as empty buffers.
 */
static unsigned receive_frame(struct vnet_pair *p, struct nic_frame **out)
{
	struct virtio_net_hdr_v1 h;
	struct nic_frame *first;
	unsigned n = 1, want;
	u32 len, total;

	if (!ring_pop(p, &p->rx, &first, &len))
		return 0;
	out[0] = first;
	if (len <= VNET_HDR_LEN) {
		spoil(p, out, 1);
		return 1;
	}
	take_header(first, &h);
	first->len = total = len - VNET_HDR_LEN;
	want = buffers_of(p->net, &h);
	while (n < want && n < VNET_MERGE_MAX && ring_pop(p, &p->rx, &out[n], &len)) {
		out[n]->len = len;
		out[n]->flags = NIC_MORE;
		total += len;
		n++;
	}
	if (n != want || vnet_hdr_in(&h, p->net->v.features, total, first)) {
		spoil(p, out, n);
		return n;
	}
	if (n > 1) {
		first->flags |= NIC_MORE;
		out[n - 1]->flags = 0;
	}
	count(&p->stats->rx_frames, 1);
	count(&p->stats->rx_bytes, total);
	return n;
}

static unsigned receive(struct vnet_pair *p, unsigned budget)
{
	struct nic_frame *batch[RX_BATCH];
	unsigned n = 0, total = 0, got;

	while (total + n < budget) {
		got = receive_frame(p, batch + n);
		if (!got)
			break;
		n += got;
		if (n > RX_BATCH - VNET_MERGE_MAX) {
			p->net->ops->rx(p->net->client, p->index, batch, n);
			total += n;
			n = 0;
		}
	}
	if (n)
		p->net->ops->rx(p->net->client, p->index, batch, n);
	return total + n;
}

/* ---- poll mode ---- */

unsigned vnet_pair_poll(struct vnet_pair *p, unsigned budget)
{
	unsigned done;

	if (!p->quiet) {
		unsigned long flags = env_spin_lock(&p->lock);

		virtq_disarm(&p->tx.queue.q);
		env_spin_unlock(&p->lock, flags);
		virtq_disarm(&p->rx.queue.q);
		p->quiet = true;
	}
	/* Neither direction may starve the other; less than the budget only if both are empty. */
	done = reclaim(p, (budget + 1) / 2);
	if (done < budget)
		done += receive(p, budget - done);
	if (done < budget)
		done += reclaim(p, budget - done);
	return done;
}

bool vnet_pair_arm(struct vnet_pair *p)
{
	unsigned long flags;
	bool more;

	if (READ_ONCE(p->net->dead))
		return true; /* nothing will come; the client has been told */
	__atomic_store_n(&p->armed, true, __ATOMIC_SEQ_CST);
	p->quiet = false;
	more = virtq_arm(&p->rx.queue.q);
	flags = env_spin_lock(&p->lock);
	more |= p->refused || virtq_arm_most(&p->tx.queue.q);
	env_spin_unlock(&p->lock, flags);
	if (!more)
		return true;
	return !__atomic_exchange_n(&p->armed, false, __ATOMIC_SEQ_CST);
}

void vnet_pair_wake(void *pair)
{
	struct vnet_pair *p = pair;

	if (READ_ONCE(p->armed) && __atomic_exchange_n(&p->armed, false, __ATOMIC_SEQ_CST))
		p->net->ops->ready(p->net->client, p->index);
}

/* ---- life ---- */

static int ring_open(struct vnet_pair *p, struct vnet_ring *r, bool tx)
{
	struct vnet *n = p->net;
	int err;

	r->dir = tx ? ENV_DMA_TO_DEVICE : ENV_DMA_FROM_DEVICE;
	r->segs_max = tx ? VNET_TX_SEGS : VNET_RX_SEGS;
	r->stride = (u32)align_up(sizeof(struct vnet_slot) + r->segs_max * sizeof(struct env_dma_seg), 16ul);
	r->free = NONE;
	err = virtio_queue_open(&n->v, (u16)(2 * p->index + tx), n->depth, tx ? VNET_TX_SEGS + 1 : 0,
		vnet_pair_wake, p, &r->queue);
	if (err)
		return err;
	r->slots = env_alloc(slots_bytes(r), ENV_ALLOC_ZERO);
	if (!r->slots) {
		(void)!virtio_reset(&n->v);
		virtio_queue_close(&r->queue);
		return -ENOMEM;
	}
	for (u16 i = r->queue.q.size; i-- > 0;)
		slot_free(r, slot_at(r, i));
	return 0;
}

static void ring_close(struct vnet_pair *p, struct vnet_ring *r)
{
	struct nic_frame *f;
	struct vnet_slot *s;

	if (!r->slots)
		return;
	/* An upcall that gives us more finds the queue broken. */
	while ((s = virtq_abort(&r->queue.q))) {
		f = slot_give(r, s);
		f->len = 0;
		f->flags = 0;
		if (r == &p->rx)
			p->net->ops->rx(p->net->client, p->index, &f, 1);
		else
			p->net->ops->tx_done(p->net->client, p->index, &f, 1);
	}
	env_free(r->slots, slots_bytes(r));
	virtio_queue_close(&r->queue);
	r->slots = NULL;
	r->free = NONE;
}

static size_t headers_bytes(const struct vnet_pair *p)
{
	return (size_t)p->tx.queue.q.size * VNET_HDR_LEN;
}

int vnet_pair_open(struct vnet *n, u16 index)
{
	struct vnet_pair *p = &n->pair[index];
	int err;

	p->net = n;
	p->index = index;
	p->stats = &n->stats[index];
	env_spin_init(&p->lock, &env_lock_class_virtio_net_tx);
	err = ring_open(p, &p->rx, false);
	if (!err)
		err = ring_open(p, &p->tx, true);
	if (!err)
		err = env_dma_alloc(n->v.dev, headers_bytes(p), &p->headers, &p->headers_addr);
	return err;
}

void vnet_pair_close(struct vnet_pair *p)
{
	struct nic_frame *f;

	if (!p->net)
		return;
	while ((f = p->refused)) {
		p->refused = (struct nic_frame *)(unsigned long)f->provider[0];
		p->net->ops->tx_done(p->net->client, p->index, &f, 1);
	}
	if (p->headers)
		env_dma_free(p->net->v.dev, headers_bytes(p), p->headers, p->headers_addr);
	ring_close(p, &p->tx);
	ring_close(p, &p->rx);
}
