/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MLD messages [rfc2710] [rfc3810]: IGMP's counterpart, in ICMPv6.
 *
 *	v1:	0 type  2 sum  4 max delay (ms)  8 group  24		v2 query: 24 S|QRV  25 QQIC  26 n sources
 *	v2 report: 0 143  2 sum  6 n records  8 record: 0 type 1 aux 2 n sources 4 group 20
 */
#include "icmp.h"
#include "ip_impl.h"
#include "mcast_impl.h"

#define MLD_QUERY 130
#define MLD_REPORT 131
#define MLD_DONE 132
#define MLD2_REPORT 143
#define RECORD_IS_EX 2
#define RECORD_TO_IN 3
#define RECORD_TO_EX 4
#define OLD_ROUTER_NS (400 * 1000000000ull)

/* Hop-by-hop options with a router alert and padding [rfc3810 5]. */
static const u8 router_alert[8] = {IP_PROTO_ICMP6, 0, 5, 2, 0, 0, 1, 0};

static void transmit(struct link *l, struct pkt *p, const union ipaddr *dst)
{
	struct ip_tx tx = {.proto = IP_PROTO_ICMP6,
		.ttl = 1,
		.options = router_alert,
		.options_len = sizeof(router_alert),
		.options_first = IP_PROTO_HOPOPTS};
	struct inet_flow flow = {.dst = *dst, .oif = l->ifindex, .proto = IP_PROTO_ICMP6, .flags = FLOW_ANYSRC};
	struct ifaddr *a;

	/* From a link-local address that is ours already, or none [rfc3590]. */
	list_for_each_entry_rcu(a, &l->addrs, link_node)
		if (ip6_is_linklocal(&a->addr) && !(READ_ONCE(a->flags) & IFA_F_TENTATIVE))
			flow.src = a->addr;
	icmp6_transmit(l->in, p, &flow, &tx);
}

void mld_send(struct link *l, const union ipaddr *group, enum mc_say what)
{
	static const u8 record[] = {[MC_SAY_MEMBER] = RECORD_IS_EX, [MC_SAY_JOIN] = RECORD_TO_EX, [MC_SAY_LEAVE] = RECORD_TO_IN};
	bool v1 = l->mld_v1_until > env_now();
	union ipaddr to = {.w = {ENDIAN_BE(32, 0xff020000u), 0, 0, ENDIAN_BE(32, 0x16u)}};
	u32 len = v1 ? 24 : 28;
	struct pkt *p;
	u8 *h;

	if (l->conf.disable_ipv6)
		return;
	p = pkt_alloc(PKT_HEADROOM, len);
	if (!p)
		return;
	h = pkt_put(p, len);
	memset(h, 0, len);
	if (v1) {
		h[0] = what == MC_SAY_LEAVE ? MLD_DONE : MLD_REPORT;
		memcpy(h + 8, group->b, 16);
		to = *group;
		if (what == MC_SAY_LEAVE)
			to = (union ipaddr){.w = {ENDIAN_BE(32, 0xff020000u), 0, 0, ENDIAN_BE(32, 2u)}};
	} else {
		h[0] = MLD2_REPORT;
		store_be16(h + 6, 1);
		h[8] = record[what];
		memcpy(h + 12, group->b, 16);
	}
	transmit(l, p, &to);
}

void mld_input(struct inet *in, struct pkt *p)
{
	struct link *l = p->link;
	union ipaddr group;
	u32 code;
	u64 ms;

	if (p->total < 24 || p->ttl != 1 || !ip6_is_linklocal(&p->src) || !pkt_pull_up(p, min(p->total, 28u)))
		goto out;
	group = ip_load6(p->data + 8);
	if (p->data[0] == MLD_REPORT && !(p->flags & PKT_LOOPBACK))
		mcast_heard_report(l, &group);
	if (p->data[0] != MLD_QUERY)
		goto out;
	code = load_be16(p->data + 4);
	ms = code;
	if (p->total < 28)
		WRITE_ONCE(l->mld_v1_until, env_deadline(OLD_ROUTER_NS));
	else if (code >= 32768) /* with an exponent [rfc3810 5.1.3] */
		ms = (u64)((code & 0xfff) | 0x1000) << ((code >> 12 & 7) + 3);
	if (p->total >= 28 && (p->data[24] & 7))
		WRITE_ONCE(l->mld_robust, (u8)(p->data[24] & 7));
	mcast_query(l, &group, false, ms * 1000000ull);
out:
	pkt_free(p);
}
