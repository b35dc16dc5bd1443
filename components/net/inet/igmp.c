/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IGMP messages [rfc2236] [rfc3376]: queries heard, reports sent, in the version of the oldest router lately heard.
 *
 *	v1, v2:	0 type  1 max resp  2 sum  4 group		v3 query: 8 flags|QRV  9 QQIC  10 n sources  12 sources
 *	v3 report: 0 type  2 sum  6 n records  8 record: 0 type 1 aux 2 n sources 4 group
 */
#include "igmp.h"

#include "csum.h"
#include "ip_impl.h"
#include "mcast_impl.h"
#include "raw.h"

#define IGMP_QUERY 0x11
#define IGMP_V1_REPORT 0x12
#define IGMP_V2_REPORT 0x16
#define IGMP_V2_LEAVE 0x17
#define IGMP_V3_REPORT 0x22
#define RECORD_IS_EX 2
#define RECORD_TO_IN 3
#define RECORD_TO_EX 4
#define OLD_ROUTER_NS (400 * 1000000000ull) /* [rfc3376 8.12] */

static const u8 router_alert[4] = {148, 4, 0, 0};

/* @p: the message, its sum still to be made; out on @l itself, whatever the tables say. */
static void transmit(struct link *l, struct pkt *p, const union ipaddr *dst)
{
	struct inet *in = l->in;
	struct ip_tx tx = {.proto = IP_PROTO_IGMP, .ttl = 1, .tos = 0xc0, .options = router_alert, .options_len = 4};
	struct inet_flow flow = {.src = ip_any(AF_INET), .dst = *dst, .oif = l->ifindex, .flags = FLOW_ANYSRC};
	struct inet_route r;

	*(u16_any *)(p->data + 2) = csum_finish(csum_add(0, p->data, p->len));
	if (inet_route_lookup(in, &flow, &r)) {
		pkt_free(p);
		return;
	}
	(void)ip_output(in, p, &r, &tx);
}

static void send_v3(struct link *l, const union ipaddr *group, enum mc_say what)
{
	static const u8 record[] = {[MC_SAY_MEMBER] = RECORD_IS_EX, [MC_SAY_JOIN] = RECORD_TO_EX, [MC_SAY_LEAVE] = RECORD_TO_IN};
	union ipaddr to = ip_from4(ENDIAN_BE(32, 0xe0000016u));
	struct pkt *p = pkt_alloc(PKT_HEADROOM, 16);
	u8 *h;

	if (!p)
		return;
	h = pkt_put(p, 16);
	memset(h, 0, 16);
	h[0] = IGMP_V3_REPORT;
	store_be16(h + 6, 1);
	h[8] = record[what];
	memcpy(h + 12, &group->w[3], 4);
	transmit(l, p, &to);
}

void igmp_send(struct link *l, const union ipaddr *group, enum mc_say what)
{
	u64 now = env_now();
	bool v1 = l->igmp_v1_until > now;
	union ipaddr to = *group;
	struct pkt *p;
	u8 *h;

	if (!v1 && l->igmp_v2_until <= now) {
		send_v3(l, group, what);
		return;
	}
	if (v1 && what == MC_SAY_LEAVE)
		return;
	p = pkt_alloc(PKT_HEADROOM, 8);
	if (!p)
		return;
	h = pkt_put(p, 8);
	memset(h, 0, 8);
	h[0] = v1 ? IGMP_V1_REPORT : what == MC_SAY_LEAVE ? IGMP_V2_LEAVE : IGMP_V2_REPORT;
	memcpy(h + 4, &group->w[3], 4);
	if (what == MC_SAY_LEAVE)
		to = ip_from4(ENDIAN_BE(32, 0xe0000002u));
	transmit(l, p, &to);
}

/* A time in tenths of a second; from 128 on with an exponent [rfc3376 4.1.1]. */
static u64 max_response(u8 code)
{
	u64 tenths = code < 128 ? code : (u64)((code & 0xf) | 0x10) << ((code >> 4 & 7) + 3);

	return tenths * 100000000ull;
}

static void query(struct link *l, const u8 *h, u32 len)
{
	union ipaddr group = ip_load4(h + 4);
	u64 max;

	if (len < 12) {
		bool v1 = !h[1];

		WRITE_ONCE(*(v1 ? &l->igmp_v1_until : &l->igmp_v2_until), env_deadline(OLD_ROUTER_NS));
		max = v1 ? max_response(100) : max_response(min(h[1], (u8)127));
	} else {
		max = max_response(h[1]);
		if (h[8] & 7)
			WRITE_ONCE(l->igmp_robust, (u8)(h[8] & 7));
	}
	mcast_query(l, &group, true, max);
}

static void igmp_input(struct inet *in, struct pkt *p)
{
	union ipaddr group;

	if (p->total < 8 || !pkt_pull_up(p, min(p->total, 12u)) || csum_fold(pkt_sum(p, 0, p->total, 0)) != 0xffff ||
		p->ttl != 1) {
		pkt_free(p);
		return;
	}
	group = ip_load4(p->data + 4);
	switch (p->data[0]) {
	case IGMP_QUERY:
		query(p->link, p->data, p->total);
		break;
	case IGMP_V1_REPORT:
	case IGMP_V2_REPORT:
		if (!(p->flags & PKT_LOOPBACK))
			mcast_heard_report(p->link, &group);
		break;
	}
	pkt_free(p);
}

const struct transport igmp_transport = {.proto = IP_PROTO_IGMP, .input = igmp_input};
