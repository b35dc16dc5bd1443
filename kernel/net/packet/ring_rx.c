/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames into the receiving ring. All under the socket's lock.
 *
 * TPACKET_V3 fills one block at a time; a block is the program's when it is full, or when its time is over and it is not empty. If the next block has not been given
 * back then, the ring is frozen: frames are dropped until it has.
 */
#include "packet_impl.h"
#include <lib/string.h>
#include <time/clock.h>

#define NS_PER_S 1000000000

static u32 status_of(const struct packet_sock *p, const struct packet_view *v)
{
	return packet_status(v->f) | TP_STATUS_TS_SOFTWARE | (p->drops ? TP_STATUS_LOSING : 0);
}

/* Where a frame's parts lie in its place. */
struct layout {
	u32 mac, net;	/* offsets of its bytes and of the network header */
	u32 skip, keep; /* bytes of the frame that are not told, and that are */
};

static void lay_out(const struct packet_sock *p, const struct packet_view *v, u32 keep, struct layout *l)
{
	u32 hdr = packet_header_len(p->version), header = v->f->header_len;

	l->keep = keep;
	if (p->sock.type == SOCK_DGRAM) {
		l->skip = header;
		l->mac = l->net = (u32)TPACKET_ALIGN(hdr) + 16 + p->reserve;
		return;
	}
	l->skip = 0;
	l->net = (u32)TPACKET_ALIGN(hdr + max(header, 16u)) + p->reserve + p->vnet_size;
	l->mac = l->net - header;
}

/* The header of V1, V2 or V3 but for its status, the address and the bytes, at @offset of the ring. */
static void fill_frame(struct packet_sock *p, struct packet_view *v, u64 at, const struct layout *l)
{
	u32 len = v->len - l->skip, sec = (u32)(v->stamp / NS_PER_S), ns = (u32)(v->stamp % NS_PER_S), n;
	struct sockaddr_ll from;
	union {
		struct tpacket_hdr v1;
		struct tpacket2_hdr v2;
		struct tpacket3_hdr v3;
	} h;
	u8 vnet[12];

	memset(&h, 0, sizeof(h));
	if (p->version == TPACKET_V1) {
		h.v1 = (struct tpacket_hdr){.tp_len = len, .tp_snaplen = l->keep, .tp_mac = (u16)l->mac, .tp_net = (u16)l->net, .tp_sec = sec,
			.tp_usec = ns / 1000};
		n = sizeof(h.v1);
	} else if (p->version == TPACKET_V2) {
		h.v2 = (struct tpacket2_hdr){.tp_len = len, .tp_snaplen = l->keep, .tp_mac = (u16)l->mac, .tp_net = (u16)l->net, .tp_sec = sec,
			.tp_nsec = ns};
		n = sizeof(h.v2);
	} else {
		h.v3 = (struct tpacket3_hdr){.tp_len = len, .tp_snaplen = l->keep, .tp_mac = (u16)l->mac, .tp_net = (u16)l->net, .tp_sec = sec,
			.tp_nsec = ns, .tp_status = status_of(p, v)};
		if (p->rx.features & TP_FT_REQ_FILL_RXHASH)
			h.v3.hv1.tp_rxhash = v->f->hash;
		n = sizeof(h.v3);
	}
	packet_ring_put(&p->rx, at, &h, n);
	packet_fill_from(p, v, &from);
	packet_ring_put(&p->rx, at + TPACKET_ALIGN(n), &from, sizeof(from));
	if (p->vnet_size) {
		packet_vnet_fill(v->f, l->skip, vnet);
		packet_ring_put(&p->rx, at + l->mac - p->vnet_size, vnet, p->vnet_size);
	}
	packet_ring_put(&p->rx, at + l->mac, v->bytes + l->skip, l->keep);
}

/* ---- V1, V2 ---- */

static void deliver_frame(struct packet_sock *p, struct packet_view *v, struct layout *l)
{
	struct packet_ring *r = &p->rx;
	u64 at = packet_ring_frame(r, r->head);
	u32 status;

	if (packet_status_get(p, r, at) != TP_STATUS_KERNEL) {
		p->drops++;
		return;
	}
	l->keep = l->mac < r->frame_size ? min(l->keep, r->frame_size - l->mac) : 0;
	r->head = r->head + 1 < r->nframes ? r->head + 1 : 0;
	p->packets++;
	status = status_of(p, v);
	fill_frame(p, v, at, l);
	packet_status_set(p, r, at, status);
	packet_wake(p, EPOLLIN | EPOLLRDNORM);
}

/* ---- V3 ---- */

static u64 block_at(const struct packet_ring *r, u32 index)
{
	return (u64)index * r->block_size;
}

static u32 *block_status(const struct packet_ring *r, u32 index)
{
	return packet_ring_at(r, block_at(r, index) + offsetof(struct tpacket_block_desc, hdr.bh1.block_status));
}

static u32 first_offset(const struct packet_ring *r)
{
	return (u32)align_up(sizeof(struct tpacket_block_desc), 8ul) + align_up(r->private_size, 8u);
}

/* Of the frame at @offset of the block being filled. */
static u32 *next_offset(const struct packet_ring *r, u32 offset)
{
	return packet_ring_at(r, block_at(r, r->block.index) + offset + offsetof(struct tpacket3_hdr, tp_next_offset));
}

static void open_block(struct packet_sock *p)
{
	struct packet_ring *r = &p->rx;
	struct packet_block *b = &r->block;
	struct tpacket_block_desc d = {.version = TPACKET_V3, .offset_to_priv = (u32)align_up(sizeof(d), 8ul)};

	b->offset = first_offset(r);
	b->stamp = clock_realtime();
	b->npackets = 0;
	b->last = 0;
	b->frozen = false;
	d.hdr.bh1.block_status = TP_STATUS_KERNEL;
	d.hdr.bh1.offset_to_first_pkt = b->offset;
	d.hdr.bh1.blk_len = b->offset;
	d.hdr.bh1.seq_num = ++b->seq;
	d.hdr.bh1.ts_first_pkt.ts_sec = (u32)(b->stamp / NS_PER_S);
	d.hdr.bh1.ts_first_pkt.ts_nsec = (u32)(b->stamp % NS_PER_S);
	packet_ring_put(r, block_at(r, b->index), &d, sizeof(d));
}

/* The open block becomes the program's. */
static void retire(struct packet_sock *p, u32 why)
{
	struct packet_ring *r = &p->rx;
	struct packet_block *b = &r->block;
	struct tpacket_block_desc *d = packet_ring_at(r, block_at(r, b->index)); /* blocks begin with pages */
	u32 status = TP_STATUS_USER | why | (p->drops ? TP_STATUS_LOSING : 0);

	if (b->npackets)
		*next_offset(r, b->last) = 0;
	d->hdr.bh1.ts_last_pkt.ts_sec = (u32)(b->stamp / NS_PER_S);
	d->hdr.bh1.ts_last_pkt.ts_nsec = (u32)(b->stamp % NS_PER_S);
	d->hdr.bh1.num_pkts = b->npackets;
	d->hdr.bh1.blk_len = b->offset;
	STORE_RELEASE(*block_status(r, b->index), status);
	b->index = b->index + 1 < r->nblocks ? b->index + 1 : 0;
	b->offset = 0;
	packet_wake(p, EPOLLIN | EPOLLRDNORM);
}

/* A block to fill: the open one, or the next if the program has given it back. */
static bool have_block(struct packet_sock *p)
{
	struct packet_ring *r = &p->rx;

	if (r->block.offset)
		return true;
	if (LOAD_ACQUIRE(*block_status(r, r->block.index)) & TP_STATUS_USER) {
		if (!r->block.frozen)
			p->freezes++;
		r->block.frozen = true;
		return false;
	}
	open_block(p);
	return true;
}

void packet_blocks_init(struct packet_sock *p)
{
	p->rx.block = (struct packet_block){.index = 0};
	open_block(p);
}

static void deliver_to_block(struct packet_sock *p, struct packet_view *v, struct layout *l)
{
	struct packet_ring *r = &p->rx;
	struct packet_block *b = &r->block;
	u32 most = r->block_size - first_offset(r), need, at;

	if (l->mac + l->keep > most)
		l->keep = l->mac < most ? most - l->mac : 0;
	if (l->mac > most) { /* the reserve alone is too much */
		p->drops++;
		return;
	}
	need = (u32)TPACKET_ALIGN(l->mac + l->keep);
	if (need > most)
		need = most;
	if (b->offset && b->offset + need > r->block_size) {
		(void)timer_cancel(&p->retire);
		retire(p, 0);
	}
	if (!have_block(p)) {
		p->drops++;
		return;
	}
	at = b->offset;
	fill_frame(p, v, block_at(r, b->index) + at, l);
	*next_offset(r, at) = need;
	if (!b->npackets) {
		struct tpacket_block_desc *d = packet_ring_at(r, block_at(r, b->index));

		d->hdr.bh1.ts_first_pkt.ts_sec = (u32)(v->stamp / NS_PER_S);
		d->hdr.bh1.ts_first_pkt.ts_nsec = (u32)(v->stamp % NS_PER_S);
		timer_arm(&p->retire, clock_monotonic() + r->retire_ms * 1000000ull, 0);
	}
	b->npackets++;
	b->last = at;
	b->stamp = v->stamp;
	b->offset += need;
	p->packets++;
}

void packet_retire_timer(struct timer *t)
{
	struct packet_sock *p = container_of(t, struct packet_sock, retire);
	irqflags_t flags = spin_lock_irqsave(&p->lock);

	if (p->rx.pages && p->version == TPACKET_V3 && p->rx.block.offset && p->rx.block.npackets) {
		retire(p, TP_STATUS_BLK_TMO);
		(void)have_block(p);
	}
	spin_unlock_irqrestore(&p->lock, flags);
}

/* ---- both ---- */

void packet_ring_deliver(struct packet_sock *p, struct packet_view *v, u32 keep)
{
	struct layout l;

	lay_out(p, v, keep, &l);
	if (l.net > U16_MAX) {
		p->drops++;
		return;
	}
	if (p->version == TPACKET_V3)
		deliver_to_block(p, v, &l);
	else
		deliver_frame(p, v, &l);
}

bool packet_ring_readable(const struct packet_sock *p)
{
	const struct packet_ring *r = &p->rx;
	u32 before;

	if (p->version == TPACKET_V3) {
		before = r->block.index ? r->block.index - 1 : r->nblocks - 1;
		return LOAD_ACQUIRE(*block_status(r, before)) & TP_STATUS_USER;
	}
	before = r->head ? r->head - 1 : r->nframes - 1;
	return packet_status_get(p, r, packet_ring_frame(r, before)) != TP_STATUS_KERNEL;
}
