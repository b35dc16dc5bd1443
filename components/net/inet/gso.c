/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Segmentation in software: one large TCP or UDP packet into many of gso_size payload bytes, each with headers of its own.
 */
#include "csum.h"
#include "ip_impl.h"
#include "link_impl.h"
#include "sock.h"

#define HEADERS_MAX 256
#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_CWR 0x80

struct headers {
	u32 net, transport, len; /* offsets from the packet's start; len: of all headers */
	bool v4, tcp;
};

static bool look(struct pkt *p, struct headers *h)
{
	u32 start = pkt_headroom(p);
	const u8 *t;

	if (p->net_off < start || p->transport_off <= p->net_off)
		return false;
	h->net = p->net_off - start;
	h->transport = p->transport_off - start;
	h->tcp = p->gso != NIC_GSO_UDP;
	if (!pkt_pull_up(p, min(p->total, h->transport + 60)))
		return false;
	h->v4 = p->data[h->net] >> 4 == 4;
	t = p->data + h->transport;
	h->len = h->transport + (h->tcp ? (t[12] >> 4) * 4u : 8u);
	return h->len <= HEADERS_MAX && h->len < p->total && h->len <= p->len;
}

/* The headers of the segment at @off of the payload, @n bytes long. */
static void adjust(const struct pkt *p, const struct headers *h, u8 *at, u32 off, u32 n, u32 index)
{
	u8 *ip = at + h->net, *t = at + h->transport;
	u32 transport_len = h->len - h->transport + n;
	bool last = off + n == p->total - h->len;

	if (h->v4) {
		store_be16(ip + 2, (u16)(h->transport - h->net + transport_len));
		store_be16(ip + 4, (u16)(load_be16(ip + 4) + index));
		ip[10] = ip[11] = 0;
		*(u16_any *)(ip + 10) = csum_finish(csum_add(0, ip, ip4_hlen(ip)));
	} else {
		store_be16(ip + 4, (u16)(h->transport - h->net - IP6_HLEN + transport_len));
	}
	if (h->tcp) {
		store_be32(t + 4, load_be32(t + 4) + off);
		if (!last)
			t[13] &= (u8) ~(TCP_FIN | TCP_PSH);
		if (off)
			t[13] &= (u8)~TCP_CWR; /* once is told [rfc3168 6.1.2] */
	} else {
		store_be16(t + 4, (u16)transport_len);
	}
	*(u16_any *)(t + (h->tcp ? 16 : 6)) =
		csum_fold(csum_pseudo(&p->src, &p->dst, transport_len, h->tcp ? IP_PROTO_TCP : IP_PROTO_UDP));
}

static struct pkt *segment(struct pkt *p, const struct headers *h, u32 off, u32 n, u32 index)
{
	struct pkt *s = pkt_slice(p, h->len + off, n, PKT_HEADROOM + HEADERS_MAX);
	u8 *at = s ? pkt_push(s, h->len) : NULL;

	if (!at) {
		pkt_free(s);
		return NULL;
	}
	memcpy(at, p->data, h->len);
	adjust(p, h, at, off, n, index);
	s->mac_off = (u16)pkt_headroom(s);
	s->net_off = (u16)(pkt_headroom(s) + h->net);
	s->transport_off = (u16)(pkt_headroom(s) + h->transport);
	s->protocol = p->protocol;
	s->src = p->src;
	s->dst = p->dst;
	s->flags = p->flags;
	s->csum = PKT_CSUM_PARTIAL;
	s->csum_start = 0;
	s->csum_off = h->tcp ? 16 : 6;
	return s;
}

bool gso_segment(struct inet *in, struct pkt *p, struct pkt_queue *out)
{
	struct headers h;
	u32 payload, index = 0;

	if (!p->gso_size || !look(p, &h))
		goto fail;
	payload = p->total - h.len;
	for (u32 off = 0; off < payload; off += p->gso_size) {
		struct pkt *s = segment(p, &h, off, min((u32)p->gso_size, payload - off), index++);

		if (!s)
			goto fail;
		pkt_queue_add(out, s);
	}
	/* The account stays until the last has left. */
	if (p->owner && out->n) {
		struct pkt *last = out->head;

		while (last->next)
			last = last->next;
		last->owner = p->owner;
		last->owner_kind = p->owner_kind;
		last->charge = p->charge;
		p->owner = NULL;
	}
	pkt_free(p);
	return true;
fail:
	pkt_free_queue(out);
	pkt_free(p);
	return false;
}
