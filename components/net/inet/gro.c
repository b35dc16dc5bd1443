/* SPDX-License-Identifier: BSD-2-Clause */
#include "gro.h"

#include "csum.h"
#include "ip_impl.h"
#include "link_impl.h"
#include "sock.h"

#define GRO_MAX_BYTES 65000
#define TCP_ACK 0x10
#define TCP_PSH 0x08

/* What of a TCP segment decides whether the next joins it; in the held packet's cb. */
struct gro_tcp {
	u32 next_seq;
	u16 hlen;   /* IP and TCP headers */
	u16 size;   /* payload of the first */
	u32 payload;
	u16 segs;
	bool closed; /* a short segment or PSH: nothing joins any more */
};
static_assert(sizeof(struct gro_tcp) <= sizeof_field(struct pkt, cb), "storage");

static struct gro_tcp *gro_of(struct pkt *p)
{
	return (struct gro_tcp *)p->cb;
}

void gro_init(struct gro *g)
{
	memset(g, 0, sizeof(*g));
	pkt_queue_init(&g->out);
}

/* A plain data segment of IPv4 or IPv6 without extension headers, checksum good: fills @out. */
static bool look(struct pkt *p, struct gro_tcp *out, u32 *out_ip)
{
	u32 ip, thl, len;
	const u8 *h, *t;
	union ipaddr src, dst;

	if (p->csum == PKT_CSUM_PARTIAL || p->gso || !pkt_pull_up(p, min(p->total, 120u)) || p->total < 40)
		return false;
	h = p->data;
	if (p->protocol == ETH_P_IP) {
		if (h[0] != 0x45 || h[9] != IP_PROTO_TCP || (ip4_frag_word(h) & (IP4_MF | IP4_OFFMASK)) || h[8] < 2 ||
			csum_fold(csum_add(0, h, IP4_HLEN)) != 0xffff)
			return false;
		ip = IP4_HLEN;
		len = ip4_total(h);
		src = ip_load4(h + 12);
		dst = ip_load4(h + 16);
	} else {
		if (p->protocol != ETH_P_IPV6 || p->total < IP6_HLEN + 20 || h[0] >> 4 != 6 || h[6] != IP_PROTO_TCP)
			return false;
		ip = IP6_HLEN;
		len = IP6_HLEN + (u32)load_be16(h + 4);
		src = ip_load6(h + 8);
		dst = ip_load6(h + 24);
	}
	if (len > p->total || len < ip + 20)
		return false;
	pkt_trim(p, len);
	t = p->data + ip;
	thl = (t[12] >> 4) * 4u;
	if (thl < 20 || ip + thl >= len || ip + thl > p->len || (t[13] & ~TCP_PSH) != TCP_ACK)
		return false;
	if (p->csum == PKT_CSUM_NONE &&
		csum_fold(pkt_sum(p, ip, len - ip, csum_pseudo(&src, &dst, len - ip, IP_PROTO_TCP))) != 0xffff)
		return false;
	*out = (struct gro_tcp){.next_seq = load_be32(t + 4) + len - ip - thl,
		.hlen = (u16)(ip + thl),
		.size = (u16)(len - ip - thl),
		.payload = len - ip - thl,
		.segs = 1,
		.closed = t[13] & TCP_PSH};
	*out_ip = ip;
	return true;
}

/* Same addresses, ports and everything else that a joined header can say only once. */
static bool same_flow(const struct pkt *a, const struct pkt *b, u32 ip)
{
	const u8 *x = a->data, *y = b->data;

	if (a->protocol != b->protocol)
		return false;
	if (ip == IP4_HLEN ? memcmp(x + 12, y + 12, 8) : memcmp(x + 8, y + 8, 32))
		return false;
	return !memcmp(x + ip, y + ip, 4);
}

static bool can_join(const struct pkt *a, const struct pkt *b, const struct gro_tcp *g, const struct gro_tcp *n, u32 ip)
{
	const u8 *x = a->data, *y = b->data;

	if (g->closed || g->hlen != n->hlen || n->size > g->size || g->payload + n->payload > GRO_MAX_BYTES)
		return false;
	if (load_be32(y + ip + 4) != g->next_seq || memcmp(x + ip + 8, y + ip + 8, 4)) /* sequence; acknowledgment */
		return false;
	if (memcmp(x + ip + 14, y + ip + 14, 2) || memcmp(x + ip + 20, y + ip + 20, g->hlen - ip - 20u)) /* window; options */
		return false;
	if (ip == IP4_HLEN)
		return x[1] == y[1] && x[8] == y[8] && !((x[6] ^ y[6]) & 0x40);
	return !memcmp(x, y, 4) && x[7] == y[7];
}

static void finish(struct pkt *p)
{
	const struct gro_tcp g = *gro_of(p);
	u32 ip = p->protocol == ETH_P_IP ? IP4_HLEN : IP6_HLEN;
	u8 *h = p->data;

	p->csum = PKT_CSUM_VALID;
	if (g.segs == 1 || !pkt_make_private(p, g.hlen))
		return;
	h = p->data;
	if (ip == IP4_HLEN) {
		store_be16(h + 2, (u16)p->total);
		h[10] = h[11] = 0;
		*(u16_any *)(h + 10) = csum_finish(csum_add(0, h, IP4_HLEN));
		p->gso = NIC_GSO_TCP4;
	} else {
		store_be16(h + 4, (u16)(p->total - IP6_HLEN));
		p->gso = NIC_GSO_TCP6;
	}
	p->gso_size = g.size;
	p->gso_segs = g.segs;
}

static void flush(struct gro *g, unsigned i)
{
	struct pkt *p = g->held[i];

	g->held[i] = NULL;
	finish(p);
	pkt_queue_add(&g->out, p);
}

static void join(struct gro *g, unsigned i, struct pkt *p, const struct gro_tcp *n)
{
	struct gro_tcp *held = gro_of(g->held[i]);
	u32 ip = g->held[i]->protocol == ETH_P_IP ? IP4_HLEN : IP6_HLEN;

	if (n->closed)
		g->held[i]->data[ip + 13] |= TCP_PSH;
	pkt_pull(p, n->hlen);
	g->held[i]->total += p->total;
	g->tail[i]->more = p;
	while (p->more)
		p = p->more;
	g->tail[i] = p;
	held->next_seq = n->next_seq;
	held->payload += n->payload;
	held->segs++;
	held->closed = n->closed || n->size < held->size;
	if (held->closed)
		flush(g, i);
}

bool gro_add(struct gro *g, struct pkt *p)
{
	struct gro_tcp n;
	u32 ip;
	unsigned empty = GRO_FLOWS;

	if (!look(p, &n, &ip)) {
		for (unsigned i = 0; i < GRO_FLOWS; i++) /* order within a flow: flush all, such packets are rare in bulk */
			if (g->held[i])
				flush(g, i);
		return false;
	}
	for (unsigned i = 0; i < GRO_FLOWS; i++) {
		if (!g->held[i]) {
			empty = i;
			continue;
		}
		if (!same_flow(g->held[i], p, ip))
			continue;
		if (can_join(g->held[i], p, gro_of(g->held[i]), &n, ip)) {
			join(g, i, p, &n);
			return true;
		}
		flush(g, i);
		empty = i;
	}
	if (empty == GRO_FLOWS) {
		empty = g->n++ % GRO_FLOWS;
		flush(g, empty);
	}
	g->held[empty] = p;
	g->tail[empty] = p;
	while (g->tail[empty]->more)
		g->tail[empty] = g->tail[empty]->more;
	*gro_of(p) = n;
	if (n.closed)
		flush(g, empty);
	return true;
}

struct pkt *gro_take(struct gro *g, bool all)
{
	if (all)
		for (unsigned i = 0; i < GRO_FLOWS && !g->out.n; i++)
			if (g->held[i])
				flush(g, i);
	return pkt_queue_take(&g->out);
}
