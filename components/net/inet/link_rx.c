/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A frame that arrived: whose is it, and which protocol's.
 */
#include "link_impl.h"

#include "gro.h"
#include "ip.h"
#include "neigh_impl.h"
#include "sock.h"

/* To the protocol by p->protocol; @p begins at the network header. */
static void deliver(struct link *l, struct pkt *p)
{
	struct inet *in = l->in;

	pkt_mark_net(p);
	switch (p->protocol) {
	case ETH_P_IP:
		ip4_input(in, p);
		return;
	case ETH_P_IPV6:
		ip6_input(in, p);
		return;
	case ETH_P_ARP:
		arp_input(in, p);
		return;
	}
	pkt_free(p);
}

/* The packets of a link without addresses say by themselves what they are, where the nic does not. */
static bool parse_bare(struct link *l, struct pkt *p)
{
	if (!pkt_pull_up(p, 1))
		return false;
	p->mac_off = (u16)pkt_headroom(p);
	if (!p->protocol)
		p->protocol = p->data[0] >> 4 == 4 ? ETH_P_IP : p->data[0] >> 4 == 6 ? ETH_P_IPV6 : 0;
	if (unlikely(READ_ONCE(l->tapped)))
		link_tap(l, p, PACKET_HOST, 0);
	return true;
}

/* Take the Ethernet header off and say what it tells. False: too short, or not for us. */
static bool parse_ethernet(struct link *l, struct pkt *p)
{
	const u8 *h;

	if (unlikely(!l->header_len))
		return parse_bare(l, p);
	if (!pkt_pull_up(p, ETH_HLEN))
		return false;
	h = p->data;
	p->mac_off = (u16)pkt_headroom(p);
	p->protocol = load_be16(h + 12);
	if (h[0] & 1) {
		p->flags |= memcmp(h, l->broadcast, 6) ? PKT_MULTICAST : PKT_BROADCAST;
		__atomic_fetch_add(&l->queues[0].stats.multicast, 1, __ATOMIC_RELAXED);
	} else if (memcmp(h, l->mac, 6)) {
		p->flags |= PKT_OTHER_HOST;
	}
	if (unlikely(READ_ONCE(l->tapped)))
		link_tap(l, p, p->flags & PKT_OTHER_HOST ? PACKET_OTHERHOST : p->flags & PKT_BROADCAST ? PACKET_BROADCAST
			: p->flags & PKT_MULTICAST ? PACKET_MULTICAST : PACKET_HOST, 0);
	if (p->flags & PKT_OTHER_HOST)
		return false;
	pkt_pull(p, ETH_HLEN);
	return true;
}

void link_receive(struct link *l, struct pkt *p)
{
	if (!link_is_up(l)) {
		pkt_free(p);
		return;
	}
	p->link = l;
	p->ifindex = l->ifindex;
	if (p->flags & PKT_LOOPBACK) {
		if (!l->nic.ops) { /* a copy of what went out by a nic does not count */
			__atomic_fetch_add(&l->queues[0].stats.rx_packets, 1, __ATOMIC_RELAXED);
			__atomic_fetch_add(&l->queues[0].stats.rx_bytes, p->total + ETH_HLEN, __ATOMIC_RELAXED);
			if (unlikely(READ_ONCE(l->tapped)))
				link_tap(l, p, PACKET_HOST, 0);
		}
		if (p->csum == PKT_CSUM_PARTIAL)
			p->csum = PKT_CSUM_VALID;
	} else if (!parse_ethernet(l, p)) {
		pkt_free(p);
		return;
	}
	deliver(l, p);
}

void link_receive_batch(struct link *l, struct pkt_queue *q)
{
	struct gro gro;
	struct pkt *p;

	if (!link_is_up(l)) {
		pkt_free_queue(q);
		return;
	}
	gro_init(&gro);
	while ((p = pkt_queue_take(q))) {
		if (!parse_ethernet(l, p)) {
			pkt_free(p);
			continue;
		}
		if (!gro_add(&gro, p)) {
			pkt_queue_add(&gro.out, p); /* behind what it must not overtake */
		}
		while ((p = gro_take(&gro, false)))
			deliver(l, p);
	}
	while ((p = gro_take(&gro, true)))
		deliver(l, p);
}
