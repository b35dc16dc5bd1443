/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ICMP for IPv4 [rfc792] [rfc1122 3.2.2]: errors out within limits, errors in to whom they concern, echo and timestamp answered.
 */
#include "icmp.h"

#include "csum.h"
#include "ip_impl.h"
#include "route_impl.h"
#include "raw.h"
#include "sock.h"

#define ICMP_HLEN 8
#define QUOTE_MAX 576 /* an error's whole size [rfc1812 4.3.2.3] */
#define HOST_BUCKETS 1024
#define HOST_BURST 6

ENV_LOCK_CLASS(inet_icmp, RANK_INET_LEAF, "rates of ICMP messages");

struct icmp_limits {
	struct env_spin lock;
	u64 global_ns; /* the bucket as a time: [global_ns, now] / interval = tokens */
	u64 host_ns[HOST_BUCKETS]; /* by hash of the address: collisions only make us quieter */
};

/* Take a token of a bucket of @burst that fills by one each @interval. */
static bool take_token(u64 *at, u64 now, u64 interval, u32 burst)
{
	u64 oldest = now > interval * burst ? now - interval * burst : 0;

	*at = max(*at, oldest);
	if (*at + interval > now)
		return false;
	*at += interval;
	return true;
}

bool icmp_allow(struct inet *in, const union ipaddr *dst, bool masked)
{
	struct icmp_limits *l = in->icmp;
	u64 now = env_now() + 1000000000000ull; /* so that a fresh machine has its burst */
	u64 rate = in->conf.icmp_ratelimit_ms * 1000000ull;
	unsigned long flags;
	bool ok;

	if (!masked || !in->conf.icmp_msgs_per_sec)
		return true;
	flags = env_spin_lock(&l->lock);
	ok = take_token(&l->global_ns, now, 1000000000ull / in->conf.icmp_msgs_per_sec, in->conf.icmp_msgs_burst);
	if (!ok) {
		INET_COUNT(in, Icmp_OutRateLimitGlobal);
	} else if (rate && !ip_is_loopback(dst)) {
		ok = take_token(&l->host_ns[inet_hash(in, dst, sizeof(*dst)) % HOST_BUCKETS], now, rate / HOST_BURST, HOST_BURST);
		if (!ok)
			INET_COUNT(in, Icmp_OutRateLimitHost);
	}
	env_spin_unlock(&l->lock, flags);
	return ok;
}

static void count_type(struct inet *in, u8 type, bool out)
{
	static const struct {
		u8 type;
		u16 in, out;
	} stats[] = {
		{ICMP_DEST_UNREACH, STAT_Icmp_InDestUnreachs, STAT_Icmp_OutDestUnreachs},
		{ICMP_TIME_EXCEEDED, STAT_Icmp_InTimeExcds, STAT_Icmp_OutTimeExcds},
		{ICMP_PARAMETERPROB, STAT_Icmp_InParmProbs, STAT_Icmp_OutParmProbs},
		{ICMP_SOURCE_QUENCH, STAT_Icmp_InSrcQuenchs, STAT_Icmp_OutSrcQuenchs},
		{ICMP_REDIRECT, STAT_Icmp_InRedirects, STAT_Icmp_OutRedirects},
		{ICMP_ECHO, STAT_Icmp_InEchos, STAT_Icmp_OutEchos},
		{ICMP_ECHOREPLY, STAT_Icmp_InEchoReps, STAT_Icmp_OutEchoReps},
		{ICMP_TIMESTAMP, STAT_Icmp_InTimestamps, STAT_Icmp_OutTimestamps},
		{ICMP_TIMESTAMPREPLY, STAT_Icmp_InTimestampReps, STAT_Icmp_OutTimestampReps},
		{ICMP_ADDRESS, STAT_Icmp_InAddrMasks, STAT_Icmp_OutAddrMasks},
		{ICMP_ADDRESSREPLY, STAT_Icmp_InAddrMaskReps, STAT_Icmp_OutAddrMaskReps},
	};

	inet_count_add(in, out ? STAT_Icmp_OutMsgs : STAT_Icmp_InMsgs, 1);
	for (unsigned i = 0; i < ARRAY_SIZE(stats); i++)
		if (stats[i].type == type)
			inet_count_add(in, out ? stats[i].out : stats[i].in, 1);
}

/* @p: the ICMP message, its sum still to be made. */
static void send_message(struct inet *in, struct pkt *p, const struct inet_flow *flow, u8 tos)
{
	struct ip_tx tx = {.proto = IP_PROTO_ICMP, .tos = tos};
	struct inet_route r;
	u8 type = p->data[0];

	*(u16_any *)(p->data + 2) = csum_finish(pkt_sum(p, 0, p->total, 0));
	if (inet_route_lookup(in, flow, &r)) {
		INET_COUNT(in, Icmp_OutErrors);
		pkt_free(p);
		return;
	}
	count_type(in, type, true);
	(void)ip_output(in, p, &r, &tx);
}

/* May an error be told about it [rfc1122 3.2.2]? */
static bool may_complain(struct inet *in, const struct pkt *p)
{
	const u8 *h = pkt_net(p);
	u32 first = (u32)(p->data - p->buf->mem) + p->len; /* end of the first piece */
	unsigned hlen;

	if ((u32)p->net_off + IP4_HLEN > first || h[0] >> 4 != 4)
		return false;
	hlen = ip4_hlen(h);
	if ((p->flags & (PKT_BROADCAST | PKT_MULTICAST)) || (ip4_frag_word(h) & IP4_OFFMASK))
		return false;
	if (ip_is_bad_source(&p->src) || p->src.b[12] == 0 || (ip_is_loopback(&p->src) && !(p->flags & PKT_LOOPBACK)))
		return false;
	if (inet_addr_type(in, &p->src) == RTN_BROADCAST || ip_is_multicast(&p->dst) || inet_addr_type(in, &p->dst) == RTN_BROADCAST)
		return false;
	if (h[9] == IP_PROTO_ICMP) {
		u8 type;

		if (p->net_off + hlen >= first)
			return false;
		type = h[hlen];
		return type == ICMP_ECHO || type == ICMP_TIMESTAMP || type == ICMP_ECHOREPLY || type == ICMP_TIMESTAMPREPLY;
	}
	return true;
}

void icmp_send_error(struct inet *in, const struct pkt *p, u8 type, u8 code, u32 info)
{
	struct inet_flow flow = {.dst = p->src, .proto = IP_PROTO_ICMP, .flags = 0};
	bool masked = in->conf.icmp_ratemask >> type & 1;
	u32 net, quote;
	struct pkt *e;
	u8 *h;

	if (!may_complain(in, p) || !icmp_allow(in, &p->src, masked))
		return;
	/* From the address that it came to, or one of the link it came on. */
	if (inet_addr_type(in, &p->dst) == RTN_LOCAL)
		flow.src = p->dst;
	else
		flow.src = p->link ? ifaddr_select(in, p->link, &p->src, &p->src) : ip_any(AF_INET);
	net = (u32)(p->data - p->buf->mem) - p->net_off; /* header bytes in front of data */
	quote = min(net + p->total, (u32)QUOTE_MAX - IP4_HLEN - ICMP_HLEN);
	e = pkt_alloc(PKT_HEADROOM, ICMP_HLEN + quote);
	if (!e)
		return;
	h = pkt_put(e, ICMP_HLEN + quote);
	h[0] = type;
	h[1] = code;
	*(u16_any *)(h + 2) = 0;
	*(u32_any *)(h + 4) = 0;
	if (type == ICMP_PARAMETERPROB)
		h[4] = (u8)info;
	else if (type == ICMP_REDIRECT)
		*(u32_any *)(h + 4) = info;
	else if (type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED)
		store_be16(h + 6, (u16)info);
	memcpy(h + ICMP_HLEN, pkt_net(p), min(net, quote));
	if (quote > net)
		pkt_copy_out(p, 0, h + ICMP_HLEN + net, quote - net);
	send_message(in, e, &flow, (u8)((p->tos & 0x1e) | 0xc0));
}

void icmp_send_port_unreachable(struct inet *in, const struct pkt *p)
{
	if (ip_is4(&p->dst))
		icmp_send_error(in, p, ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
	else
		icmp6_send_error(in, p, 1, 4, 0);
}

void icmp_send_unreachable_host(struct inet *in, struct pkt *p)
{
	if (p->total < IP4_HLEN || !pkt_pull_up(p, min(p->total, 60u)))
		return;
	pkt_mark_net(p);
	if (!(p->flags & PKT_FORWARDED))
		p->flags |= PKT_LOOPBACK; /* the one to tell is ourselves */
	if (p->data[0] >> 4 == 4)
		icmp_send_error(in, p, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
	else
		icmp6_send_error(in, p, 1, 3, 0);
}

/* ---- in ---- */

/* Echo and timestamp: turned round. */
static void answer(struct inet *in, struct pkt *p, u8 type)
{
	struct inet_flow flow = {.src = p->dst, .dst = p->src, .proto = IP_PROTO_ICMP, .mark = p->mark};
	u8 tos = p->tos;
	struct pkt *out;

	if (!icmp_allow(in, &p->src, in->conf.icmp_ratemask >> type & 1))
		return;
	if (inet_addr_type(in, &p->dst) != RTN_LOCAL)
		flow.src = ip_any(AF_INET);
	out = pkt_alloc(PKT_HEADROOM, min(p->total, (u32)PKT_PIECE_MAX));
	if (!out)
		return;
	for (const struct pkt *at = p; at; at = at->more) {
		if (pkt_append(out, at->data, at->len)) {
			pkt_free(out);
			return;
		}
	}
	out->data[0] = type;
	*(u16_any *)(out->data + 2) = 0;
	if (type == ICMP_TIMESTAMPREPLY) { /* ms since midnight UT, to the receive and transmit times */
		u32 ms = (u32)((u64)(env_time() / 1000000) % 86400000);

		store_be32(out->data + 12, ms);
		store_be32(out->data + 16, ms);
	}
	send_message(in, out, &flow, tos);
}

static const struct {
	int err;
	bool hard;
} unreachable[] = {
	{ENETUNREACH, false}, {EHOSTUNREACH, false}, {ENOPROTOOPT, true}, {ECONNREFUSED, true}, {EMSGSIZE, false},
	{EOPNOTSUPP, false}, {ENETUNREACH, true}, {EHOSTDOWN, true}, {ENONET, true}, {ENETUNREACH, true},
	{EHOSTUNREACH, true}, {ENETUNREACH, false}, {EHOSTUNREACH, false}, {EHOSTUNREACH, true}, {EHOSTUNREACH, true},
	{EHOSTUNREACH, true},
};

void icmp_deliver_error(struct inet *in, struct pkt *p, const struct ip_error *e)
{
	const struct transport *t = inet_transport(p->ip_proto);

	raw_error(in, p, e);
	if (t && t->error && p->total >= 8 && pkt_pull_up(p, 8))
		t->error(in, p, e);
}

static bool what_error(const u8 *h, struct ip_error *e)
{
	*e = (struct ip_error){.origin = SO_EE_ORIGIN_ICMP, .type = h[0], .code = h[1]};
	switch (h[0]) {
	case ICMP_DEST_UNREACH:
		if (h[1] >= ARRAY_SIZE(unreachable))
			return false;
		e->err = unreachable[h[1]].err;
		e->hard = unreachable[h[1]].hard;
		if (h[1] == ICMP_FRAG_NEEDED)
			e->info = load_be16(h + 6);
		return true;
	case ICMP_PARAMETERPROB:
		e->err = EPROTO;
		e->hard = true;
		e->info = h[4];
		return true;
	case ICMP_TIME_EXCEEDED:
		e->err = EHOSTUNREACH;
		return h[1] <= ICMP_EXC_FRAGTIME;
	case ICMP_REDIRECT:
		return true;
	}
	return false;
}

/* An error: behind the ICMP header lies the head of a packet that we sent, perhaps. */
static void error_in(struct inet *in, struct pkt *p)
{
	struct ip_error e;
	union ipaddr gateway;
	unsigned hlen;
	const u8 *h;

	if (!pkt_pull_up(p, ICMP_HLEN + IP4_HLEN) || !what_error(p->data, &e))
		goto bad;
	e.from = p->src;
	gateway = ip_load4(p->data + 4);
	hlen = ip4_hlen(p->data + ICMP_HLEN);
	if (p->data[ICMP_HLEN] >> 4 != 4 || hlen < IP4_HLEN || !pkt_pull_up(p, ICMP_HLEN + hlen + 8))
		goto bad;
	h = p->data + ICMP_HLEN;
	p->ip_proto = h[9];
	p->src = ip_load4(h + 12);
	p->dst = ip_load4(h + 16);
	if (p->data[0] == ICMP_REDIRECT) {
		if (in->conf.accept_redirects && p->link->conf.accept_redirects && !in->conf.ip_forward)
			inet_redirect(in, p->link, &e.from, &p->dst, &gateway);
		return;
	}
	/* The quoted source must be ours; its transport checks whether it has such a conversation. */
	if (inet_addr_type(in, &p->src) != RTN_LOCAL)
		return;
	if (e.err == EMSGSIZE && !e.info) /* an old router: the next plateau below [rfc1191 5] */
		e.info = max(ip4_total(h) / 2u, 576u);
	pkt_pull(p, ICMP_HLEN);
	pkt_mark_net(p);
	pkt_pull(p, hlen);
	pkt_mark_transport(p);
	icmp_deliver_error(in, p, &e);
	return;
bad:
	INET_COUNT(in, Icmp_InErrors);
}

static void icmp_input(struct inet *in, struct pkt *p)
{
	u8 type;

	if (p->total < ICMP_HLEN || !pkt_pull_up(p, ICMP_HLEN)) {
		INET_COUNT(in, Icmp_InErrors);
		goto out;
	}
	if (p->csum == PKT_CSUM_NONE && csum_fold(pkt_sum(p, 0, p->total, 0)) != 0xffff) {
		INET_COUNT(in, Icmp_InCsumErrors);
		INET_COUNT(in, Icmp_InErrors);
		goto out;
	}
	type = p->data[0];
	count_type(in, type, false);
	switch (type) {
	case ICMP_ECHO:
		if (in->conf.icmp_echo_ignore_all)
			break;
		if ((p->flags & (PKT_BROADCAST | PKT_MULTICAST)) && in->conf.icmp_echo_ignore_broadcasts)
			break;
		answer(in, p, ICMP_ECHOREPLY);
		break;
	case ICMP_TIMESTAMP:
		if ((p->flags & (PKT_BROADCAST | PKT_MULTICAST)) || p->total < 20 || !pkt_pull_up(p, 20))
			break;
		answer(in, p, ICMP_TIMESTAMPREPLY);
		break;
	case ICMP_ECHOREPLY:
		ping_deliver(in, p);
		break;
	case ICMP_DEST_UNREACH:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
	case ICMP_REDIRECT:
		error_in(in, p);
		break;
	}
out:
	pkt_free(p);
}

const struct transport icmp_transport = {.proto = IP_PROTO_ICMP, .input = icmp_input};

int icmp_init(struct inet *in)
{
	in->icmp = env_alloc(sizeof(*in->icmp), ENV_ALLOC_ZERO);
	if (!in->icmp)
		return -ENOMEM;
	env_spin_init(&in->icmp->lock, &env_lock_class_inet_icmp);
	return 0;
}

void icmp_fini(struct inet *in)
{
	if (in->icmp)
		env_free(in->icmp, sizeof(*in->icmp));
	in->icmp = NULL;
}
