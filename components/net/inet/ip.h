/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The IP layer towards transports: output with a cached route, input by upcall, errors by upcall.
 */
#include "route.h"

/* Header fields of what a transport sends; a socket keeps one. */
struct ip_tx {
	u8 proto;
	u8 ttl;	 /* 0: the route's, or the default */
	u8 tos;	 /* TOS or traffic class; ECN bits included */
	u8 pmtudisc; /* IP_PMTUDISC_*: the same numbers for IPv6 */
	u32 flow_label; /* network order, 20 bits */
	u32 mark;
	u32 frag_size; /* IPV6_MTU: cut at this, 0: none */
	const u8 *options; /* IPv4 options (padded), or IPv6 extension headers in order, chained by options_first */
	u16 options_len;
	u8 options_first; /* IPv6: type of the first */
	u8 flags;	  /* enum ip_tx_flags */
};

enum ip_tx_flags {
	IP_TX_HDRINCL = 1, /* the packet begins with its IP header */
	IP_TX_MC_LOOP = 2, /* a copy of a multicast for ourselves */
	IP_TX_NO_FRAG = 4, /* -EMSGSIZE instead of fragments (also by pmtudisc) */
};

/*
 * Send @p (a transport's header first, checksum done or PKT_CSUM_PARTIAL, perhaps gso) by @r from r->src to r->dst. Takes @p.
 *
 * Context: read section; a sock's lock may be held: nothing is delivered before inet_leave.
 * Returns: 0; -EMSGSIZE larger than the path's MTU and not to be cut; -ENOBUFS; -EHOSTUNREACH, -ENETDOWN.
 */
int ip_output(struct inet *in, struct pkt *p, struct inet_route *r, const struct ip_tx *tx);

/* Largest transport packet (its header included) that goes by @r uncut with @tx's options. */
static inline u32 ip_payload_mtu(const struct inet_route *r, const struct ip_tx *tx)
{
	return r->mtu - (ip_is4(&r->dst) ? 20 : 40) - tx->options_len;
}

/*
 * A transport. input: @p begins at the transport header (net_off tells where the IP header is; src, dst, ttl, tos, ifindex, flags are set;
 * at least one byte is there). It takes @p. error: an ICMP error about a packet of ours; @p begins at that packet's transport header, of
 * which at least 8 bytes are in a row; src and dst are those of our packet. It does not take @p. Both in a read section without locks.
 */
struct ip_error {
	u8 origin;     /* SO_EE_ORIGIN_ICMP, _ICMP6 */
	u8 type, code; /* of the ICMP message */
	int err;       /* positive errno */
	bool hard;     /* ends a connection [rfc1122 4.2.3.9] */
	u32 info;      /* MTU, pointer */
	union ipaddr from;
};

struct transport {
	u8 proto;
	void (*input)(struct inet *in, struct pkt *p);
	void (*error)(struct inet *in, struct pkt *p, const struct ip_error *e);
};

extern const struct transport *const inet_transports[]; /* protos.c; ends with NULL */
const struct transport *inet_transport(u8 proto);

/* Input from links; each takes @p, IP header first. */
void ip4_input(struct inet *in, struct pkt *p);
void ip6_input(struct inet *in, struct pkt *p);
/* The reassembled or whole packet to its transport, to raw sockets before. */
void ip_deliver(struct inet *in, struct pkt *p);

/* Tell the sender of @p (as received, IP header at net_off) about an error, if the rules [rfc1812 4.3.2.7] [rfc4443 2.4] and limits allow. Does not take @p. */
void icmp_send_error(struct inet *in, const struct pkt *p, u8 type, u8 code, u32 info);
void icmp6_send_error(struct inet *in, const struct pkt *p, u8 type, u8 code, u32 info);
/* Nobody is at that port. */
void icmp_send_port_unreachable(struct inet *in, const struct pkt *p);
