/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ARP for IPv4 over Ethernet [rfc826] [rfc5227].
 *
 *	0      2      4   5   6      8          14        18         24        28
 *	| hrd  | pro  |hln|pln| op   | sender mac| sender ip| target mac| target ip|
 */
#include "ndp.h"
#include "neigh_impl.h"
#include "route_impl.h"

#define ARP_LEN 28

struct arp {
	u16 op;
	u8 sender_mac[6], target_mac[6];
	union ipaddr sender, target;
};

static void arp_send(struct link *l, u16 op, const u8 *to, const union ipaddr *sender, const union ipaddr *target, const u8 *target_mac)
{
	struct pkt *p = pkt_alloc(PKT_HEADROOM, ARP_LEN);
	u8 *h;

	if (!p)
		return;
	h = pkt_put(p, ARP_LEN);
	store_be16(h, ARPHRD_ETHER);
	store_be16(h + 2, ETH_P_IP);
	h[4] = 6;
	h[5] = 4;
	store_be16(h + 6, op);
	memcpy(h + 8, l->mac, 6);
	memcpy(h + 14, &sender->w[3], 4);
	memcpy(h + 18, target_mac, 6);
	memcpy(h + 24, &target->w[3], 4);
	pkt_mark_net(p);
	if (!link_header(l, p, to, NULL, ETH_P_ARP)) {
		pkt_free(p);
		return;
	}
	(void)link_transmit(l, p);
}

void arp_solicit(struct neigh *n, bool unicast)
{
	static const u8 nobody[6];
	struct link *l = n->link;
	u64 mac = READ_ONCE(n->mac);
	union ipaddr src = ifaddr_select(l->in, l, &n->addr, &n->addr);

	arp_send(l, ARPOP_REQUEST, unicast && mac ? (const u8 *)&mac : l->broadcast, &src, &n->addr, nobody);
}

/* Tell everybody [rfc5227 2.3]. */
void arp_announce(struct ifaddr *a)
{
	static const u8 nobody[6];
	struct link *l = a->link;

	if (link_flags(l) & (IFF_LOOPBACK | IFF_NOARP))
		return;
	arp_send(l, ARPOP_REQUEST, l->broadcast, &a->addr, &a->addr, nobody);
}

static bool arp_parse(struct pkt *p, struct arp *out)
{
	const u8 *h;

	if (!pkt_pull_up(p, ARP_LEN))
		return false;
	h = p->data;
	if (load_be16(h) != ARPHRD_ETHER || load_be16(h + 2) != ETH_P_IP || h[4] != 6 || h[5] != 4)
		return false;
	out->op = load_be16(h + 6);
	memcpy(out->sender_mac, h + 8, 6);
	out->sender = ip_load4(h + 14);
	memcpy(out->target_mac, h + 18, 6);
	out->target = ip_load4(h + 24);
	return (out->op == ARPOP_REQUEST || out->op == ARPOP_REPLY) && !(out->sender_mac[0] & 1) &&
	       !ip_is_multicast(&out->target) && !ip_is_loopback(&out->target);
}

/* Does one of our addresses answer for it? With arp_ignore 0 any of ours on any link does, as on Linux. */
static bool is_ours(struct link *l, const struct arp *a)
{
	struct ifaddr *mine = ifaddr_find(l->in, &a->target, l->conf.arp_ignore ? l : NULL);

	if (!mine || ip_is_loopback(&a->target))
		return false;
	return l->conf.arp_ignore < 2 || ip_is_any(&a->sender) || ip_in_prefix(&a->sender, &mine->addr, mine->prefix);
}

void arp_input(struct inet *in, struct pkt *p)
{
	struct link *l = p->link;
	struct arp a;
	bool ours;

	if ((link_flags(l) & (IFF_LOOPBACK | IFF_NOARP)) || !arp_parse(p, &a)) {
		pkt_free(p);
		return;
	}
	ours = is_ours(l, &a);
	if (a.op == ARPOP_REQUEST && ours) {
		/* A probe (no sender address) is answered and teaches nothing [rfc5227 2.1.1]. */
		arp_send(l, ARPOP_REPLY, a.sender_mac, &a.target, &a.sender, a.sender_mac);
		if (!ip_is_any(&a.sender) && !ip_is_bad_source(&a.sender) && !ifaddr_find(in, &a.sender, NULL))
			neigh_learn(l, &a.sender, a.sender_mac, NUD_STALE, NEIGH_OVERRIDE | NEIGH_CREATE);
	} else if (!ip_is_any(&a.sender) && !ip_is_bad_source(&a.sender)) {
		bool asked = a.op == ARPOP_REPLY && !(p->flags & (PKT_BROADCAST | PKT_MULTICAST));

		neigh_learn(l, &a.sender, a.sender_mac, asked ? NUD_REACHABLE : NUD_STALE, NEIGH_OVERRIDE);
	}
	pkt_free(p);
}
