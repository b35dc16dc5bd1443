/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending: what the device cannot do is done here (checksums, segments), frames wait behind a full ring.
 */
#include "link_impl.h"

#include "sock.h"

static bool device_can_gso(const struct link *l, const struct pkt *p)
{
	static const u32 feature[] = {[NIC_GSO_NONE] = 0,
		[NIC_GSO_TCP4] = NIC_F_TX_TCP4,
		[NIC_GSO_TCP6] = NIC_F_TX_TCP6,
		[NIC_GSO_UDP] = NIC_F_TX_UDP};

	return (l->features & feature[p->gso]) && p->total <= l->max_gso && (l->features & NIC_F_TX_CSUM);
}

static unsigned pieces_of(const struct pkt *p)
{
	unsigned n = 0;

	for (; p; p = p->more)
		n += p->len != 0;
	return n;
}

/* All bytes in few pieces. NULL: no memory; takes @p. */
static struct pkt *pkt_flatten(struct pkt *p)
{
	struct pkt *flat = pkt_alloc(PKT_HEADROOM, min(p->total, (u32)PKT_PIECE_MAX));
	struct pkt keep;
	int err = flat ? 0 : -ENOMEM;

	for (const struct pkt *at = p; at && !err; at = at->more)
		err = pkt_append(flat, at->data, at->len);
	if (err) {
		pkt_free(flat);
		pkt_free(p);
		return NULL;
	}
	keep = *flat;
	*flat = *p;
	flat->buf = keep.buf;
	flat->home = keep.home;
	flat->data = keep.data;
	flat->len = keep.len;
	flat->more = keep.more;
	flat->mac_off = (u16)(p->mac_off - pkt_headroom(p) + PKT_HEADROOM);
	flat->net_off = (u16)(p->net_off - pkt_headroom(p) + PKT_HEADROOM);
	flat->transport_off = (u16)(p->transport_off - pkt_headroom(p) + PKT_HEADROOM);
	p->owner = NULL; /* the account went along */
	pkt_free(p);
	return flat;
}

bool link_header(struct link *l, struct pkt *p, const u8 *dst_mac, const u8 *src_mac, u16 type)
{
	u8 *h;

	if (!l->header_len) {
		p->mac_off = (u16)pkt_headroom(p);
		p->protocol = type;
		return true;
	}
	h = pkt_push(p, ETH_HLEN);
	if (!h)
		return false;
	memcpy(h, dst_mac, 6);
	memcpy(h + 6, src_mac ? src_mac : l->mac, 6);
	store_be16(h + 12, type);
	p->mac_off = (u16)pkt_headroom(p);
	p->protocol = type;
	return true;
}

static int transmit_loopback(struct link *l, struct pkt *p)
{
	struct link_queue *q = &l->queues[0];

	p->link = l;
	p->flags |= PKT_LOOPBACK;
	/* Two counters each way, by relaxed adds: one queue serves all CPUs. */
	__atomic_fetch_add(&q->stats.tx_packets, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&q->stats.tx_bytes, p->total + ETH_HLEN, __ATOMIC_RELAXED);
	inet_backlog_add(l->in, p);
	return 0;
}

static struct link_queue *choose_queue(struct link *l)
{
	return &l->queues[l->nqueues > 1 ? env_cpu() % l->nqueues : 0];
}

int link_transmit(struct link *l, struct pkt *p)
{
	if (!link_is_up(l)) {
		pkt_free(p);
		return -ENETDOWN;
	}
	if (unlikely(READ_ONCE(l->tapped)))
		link_tap(l, p, PACKET_OUTGOING, 0);
	return link_transmit_untapped(l, p);
}

int link_transmit_untapped(struct link *l, struct pkt *p)
{
	struct pkt_queue parts;
	int err = 0;

	if (!l->nic.ops)
		return transmit_loopback(l, p);
	if (p->gso && !device_can_gso(l, p)) {
		pkt_queue_init(&parts);
		if (!gso_segment(l->in, p, &parts))
			return -ENOBUFS;
		while ((p = pkt_queue_take(&parts))) {
			int e = link_queue_send(choose_queue(l), p);

			err = err ? err : e;
		}
		return err;
	}
	return link_queue_send(choose_queue(l), p);
}

int link_queue_send(struct link_queue *q, struct pkt *p)
{
	struct link *l = q->link;
	unsigned long flags;
	bool full;

	if (p->csum == PKT_CSUM_PARTIAL && !(l->features & NIC_F_TX_CSUM) && !pkt_csum_finish(p)) {
		pkt_free(p);
		return -ENOBUFS;
	}
	if (p->more && pieces_of(p) > LINK_MAX_SEGS - 2) {
		p = pkt_flatten(p);
		if (!p)
			return -ENOBUFS;
	}
	flags = env_spin_lock(&q->lock);
	full = q->waiting.n >= l->txqlen || !q->tx_free;
	if (full) {
		LINK_COUNT(q->stats.tx_dropped, 1);
	} else {
		pkt_queue_add(&q->waiting, p);
		link_queue_push(q);
	}
	env_spin_unlock(&q->lock, flags);
	if (full) {
		pkt_free(p);
		return -ENOBUFS;
	}
	return 0;
}

static void fill_frame(struct nic_frame *f, struct pkt *p)
{
	struct iobuf_seg *segs = container_of(f, struct link_tx_frame, frame)->segs;
	unsigned n = 0;

	for (const struct pkt *at = p; at; at = at->more)
		if (at->len)
			segs[n++] = (struct iobuf_seg){.base = (u64)(unsigned long)at->data, .len = at->len};
	iobuf_init_segs(&f->data, IOBUF_KERNEL, segs, n);
	f->cookie = (u64)(unsigned long)p;
	f->len = p->total;
	f->flags = 0;
	f->gso = p->gso;
	f->gso_size = p->gso_size;
	f->gso_ecn = 0;
	f->hdr_len = 0;
	if (p->csum == PKT_CSUM_PARTIAL) {
		f->flags |= NIC_CSUM_PARTIAL;
		f->csum_start = (u16)(p->transport_off - pkt_headroom(p) + p->csum_start);
		f->csum_off = p->csum_off;
	}
	if (p->gso) {
		const u8 *th = pkt_transport(p);
		u32 start = p->transport_off - pkt_headroom(p);

		f->hdr_len = (u16)(start + (p->gso == NIC_GSO_UDP ? 8u : (th[12] >> 4) * 4u));
		f->gso_ecn = p->gso != NIC_GSO_UDP && (th[13] & 0x80);
	}
}

/* A frame that the nic took is the poller's: its packet may be gone when tx returns, so it leaves the queue before. */
void link_queue_push(struct link_queue *q)
{
	struct link *l = q->link;
	unsigned n, sent;

	do {
		struct nic_frame *batch[LINK_TX_BATCH];
		struct pkt *pkts[LINK_TX_BATCH];
		u32 bytes[LINK_TX_BATCH];

		for (n = 0; q->waiting.n && n < LINK_TX_BATCH && n < q->tx_nfree; n++) {
			pkts[n] = pkt_queue_take(&q->waiting);
			bytes[n] = pkts[n]->total;
			batch[n] = q->tx_free[q->tx_nfree - 1 - n];
			fill_frame(batch[n], pkts[n]);
		}
		sent = n ? l->nic.ops->tx(l->nic.self, q->index, batch, n) : 0;
		q->tx_nfree -= sent; /* those that were not taken are at its new end */
		LINK_COUNT(q->stats.tx_packets, sent);
		for (unsigned i = 0; i < sent; i++)
			LINK_COUNT(q->stats.tx_bytes, bytes[i]);
		for (unsigned i = n; i-- > sent;)
			pkt_queue_put_back(&q->waiting, pkts[i]);
	} while (n && sent == n); /* else tx_done goes on */
}

void link_queue_tx_done(struct link_queue *q, struct nic_frame *const *frames, unsigned n)
{
	unsigned long flags;

	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = (struct pkt *)(unsigned long)frames[i]->cookie;

		frames[i]->cookie = 0;
		pkt_free(p);
	}
	flags = env_spin_lock(&q->lock);
	for (unsigned i = 0; i < n; i++)
		q->tx_free[q->tx_nfree++] = frames[i];
	if (q->waiting.n && link_is_up(q->link))
		link_queue_push(q);
	env_spin_unlock(&q->lock, flags);
}
