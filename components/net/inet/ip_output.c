/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sending: the header, then to a neighbour, to ourselves, to a group, or in fragments.
 */
#include "csum.h"
#include "frag.h"
#include "ip.h"
#include "ip_impl.h"
#include "mcast.h"
#include "neigh.h"
#include "sock.h"

/* With a copy for ourselves if it is to a group of ours, or a broadcast. */
static void loop_back(struct inet *in, struct pkt *p, const struct inet_route *r)
{
	struct pkt *copy = pkt_clone(p);

	if (!copy)
		return;
	copy->link = r->link;
	copy->ifindex = r->link->ifindex;
	copy->flags |= PKT_LOOPBACK | (r->type == RTN_BROADCAST ? PKT_BROADCAST : PKT_MULTICAST);
	if (copy->csum != PKT_CSUM_PARTIAL)
		copy->csum = PKT_CSUM_VALID;
	inet_backlog_add(in, copy);
}

static int to_neighbour(struct inet *in, struct pkt *p, struct inet_route *r)
{
	u64 gen = __atomic_load_n(&in->neigh_gen, __ATOMIC_ACQUIRE);

	if (unlikely(!r->neigh || r->neigh_gen != gen)) {
		r->neigh = neigh_get(r->link, &r->hop);
		r->neigh_gen = gen;
		if (!r->neigh) {
			pkt_free(p);
			return -ENOBUFS;
		}
	}
	return neigh_output(r->neigh, p);
}

/* One packet that fits, header and all. Takes it. */
int ip_finish_output(struct inet *in, struct pkt *p, struct inet_route *r)
{
	u8 mac[6];

	if (r->link == in->loopback)
		return link_transmit(r->link, p);
	if (r->type == RTN_UNICAST)
		return to_neighbour(in, p, r);
	if (r->type == RTN_MULTICAST)
		mcast_mac(&r->dst, mac);
	else
		memcpy(mac, r->link->broadcast, 6);
	if (!link_header(r->link, p, mac, NULL, p->protocol)) {
		pkt_free(p);
		return -ENOBUFS;
	}
	return link_transmit(r->link, p);
}

static void put_header4(struct inet *in, u8 *h, const struct pkt *p, const struct inet_route *r, const struct ip_tx *tx, bool df, u8 ttl)
{
	unsigned hlen = IP4_HLEN + tx->options_len;
	u16 id;

	/* An atomic datagram's id means nothing [rfc6864 4.1]; others' shall be neither guessed nor repeated soon. */
	id = df && !(p->flags & PKT_LOCAL_DF) ? 0 : ip4_next_id(in, &r->src, &r->dst, tx->proto);
	if (p->gso)
		id = ip4_next_id(in, &r->src, &r->dst, tx->proto);
	h[0] = (u8)(0x40 | hlen / 4);
	h[1] = tx->tos;
	store_be16(h + 2, (u16)p->total);
	store_be16(h + 4, id);
	store_be16(h + 6, df ? IP4_DF : 0);
	h[8] = ttl;
	h[9] = tx->proto;
	h[10] = h[11] = 0;
	memcpy(h + 12, &r->src.w[3], 4);
	memcpy(h + 16, &r->dst.w[3], 4);
	if (tx->options_len)
		memcpy(h + IP4_HLEN, tx->options, tx->options_len);
	*(u16_any *)(h + 10) = csum_finish(csum_add(0, h, hlen));
}

static void put_header6(u8 *h, const struct pkt *p, const struct inet_route *r, const struct ip_tx *tx, u8 ttl)
{
	u32 payload = p->total - IP6_HLEN;

	*(u32_any *)h = ENDIAN_BE(32, 0x60000000u | (u32)tx->tos << 20) | tx->flow_label;
	store_be16(h + 4, payload > U16_MAX ? 0 : (u16)payload);
	h[6] = tx->options_len ? tx->options_first : tx->proto;
	h[7] = ttl;
	memcpy(h + 8, r->src.b, 16);
	memcpy(h + 24, r->dst.b, 16);
	if (tx->options_len)
		memcpy(h + IP6_HLEN, tx->options, tx->options_len);
}

/* May it be cut? */
static bool may_fragment(const struct pkt *p, const struct ip_tx *tx)
{
	if (tx->flags & IP_TX_NO_FRAG)
		return false;
	return (p->flags & PKT_LOCAL_DF) || tx->pmtudisc == 0 /* IP_PMTUDISC_DONT */ || tx->pmtudisc == 1 /* WANT: UDP */ ||
	       tx->pmtudisc == 5 /* OMIT */;
}

static bool wants_df(const struct pkt *p, const struct inet_route *r, const struct ip_tx *tx)
{
	switch (tx->pmtudisc) {
	case 2: /* IP_PMTUDISC_DO */
	case 3: /* IP_PMTUDISC_PROBE */
		return true;
	case 1: /* IP_PMTUDISC_WANT */
		return !r->mtu_locked && (p->gso || p->total <= r->mtu);
	}
	return false;
}

static u8 default_ttl(const struct inet *in, const struct inet_route *r, const struct ip_tx *tx)
{
	if (tx->ttl)
		return tx->ttl;
	if (r->hop_limit)
		return r->hop_limit;
	if (ip_is4(&r->dst))
		return (u8)in->conf.ip_default_ttl;
	return (u8)(r->link->ra_hop_limit ? r->link->ra_hop_limit : in->conf.ip6_hop_limit);
}

static void count_out(struct inet *in, const struct pkt *p, const struct inet_route *r, bool v4)
{
	if (v4) {
		INET_COUNT(in, Ip_OutRequests);
		INET_COUNT_N(in, IpExt_OutOctets, p->total);
		if (r->type == RTN_MULTICAST)
			INET_COUNT(in, IpExt_OutMcastPkts);
		else if (r->type == RTN_BROADCAST)
			INET_COUNT(in, IpExt_OutBcastPkts);
	} else {
		INET_COUNT(in, Ip6_OutRequests);
		INET_COUNT_N(in, Ip6_OutOctets, p->total);
		if (r->type == RTN_MULTICAST)
			INET_COUNT(in, Ip6_OutMcastPkts);
	}
}

static bool push_header(struct inet *in, struct pkt *p, const struct inet_route *r, const struct ip_tx *tx, bool v4)
{
	u8 *h;

	if (tx->flags & IP_TX_HDRINCL) {
		pkt_mark_net(p);
		return true;
	}
	pkt_mark_transport(p);
	h = pkt_push(p, (v4 ? IP4_HLEN : IP6_HLEN) + (u32)tx->options_len);
	if (!h)
		return false;
	pkt_mark_net(p);
	if (v4)
		put_header4(in, h, p, r, tx, wants_df(p, r, tx), default_ttl(in, r, tx));
	else
		put_header6(h, p, r, tx, default_ttl(in, r, tx));
	return true;
}

int ip_output(struct inet *in, struct pkt *p, struct inet_route *r, const struct ip_tx *tx)
{
	bool v4 = ip_is4(&r->dst);
	u32 mtu = r->mtu, largest;
	int err;

	p->protocol = v4 ? ETH_P_IP : ETH_P_IPV6;
	p->src = r->src;
	p->dst = r->dst;
	p->mark = tx->mark;
	if (!push_header(in, p, r, tx, v4)) {
		pkt_free(p);
		return -ENOBUFS;
	}
	count_out(in, p, r, v4);
	if (tx->pmtudisc >= 3) /* PROBE, INTERFACE, OMIT: the path's MTU is not asked */
		mtu = r->link->mtu;
	if (tx->frag_size && tx->frag_size < mtu)
		mtu = tx->frag_size;
	if (r->type == RTN_MULTICAST || r->type == RTN_BROADCAST) {
		bool loop = r->type == RTN_BROADCAST || ((tx->flags & IP_TX_MC_LOOP) && mcast_is_member(r->link, &r->dst, NULL));

		if (loop && r->link != in->loopback)
			loop_back(in, p, r);
		if (r->type == RTN_MULTICAST && !default_ttl(in, r, tx)) {
			pkt_free(p); /* stays on this host */
			return 0;
		}
	}
	largest = p->gso ? p->gso_size + (p->transport_off - p->net_off) + 60u : p->total;
	if (p->gso)
		largest = min(largest, mtu); /* who cuts it knows the MTU */
	if (likely(largest <= mtu))
		return ip_finish_output(in, p, r);
	if ((tx->flags & IP_TX_HDRINCL) || !may_fragment(p, tx)) {
		if (v4)
			INET_COUNT(in, Ip_FragFails);
		else
			INET_COUNT(in, Ip6_FragFails);
		pkt_free(p);
		return -EMSGSIZE;
	}
	err = v4 ? ip4_fragment(in, p, r, mtu) : ip6_fragment(in, p, r, mtu);
	return err;
}
