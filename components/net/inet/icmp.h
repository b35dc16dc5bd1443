/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include "ip.h"

/* Types and codes [rfc792] [rfc1122 3.2.2] [rfc1812 5.2.7]; <linux/icmp.h> needs a C library. */
#define ICMP_ECHOREPLY 0
#define ICMP_DEST_UNREACH 3
#define ICMP_SOURCE_QUENCH 4
#define ICMP_REDIRECT 5
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12
#define ICMP_TIMESTAMP 13
#define ICMP_TIMESTAMPREPLY 14
#define ICMP_ADDRESS 17
#define ICMP_ADDRESSREPLY 18

#define ICMP_NET_UNREACH 0
#define ICMP_HOST_UNREACH 1
#define ICMP_PROT_UNREACH 2
#define ICMP_PORT_UNREACH 3
#define ICMP_FRAG_NEEDED 4
#define ICMP_PKT_FILTERED 13
#define ICMP_REDIR_HOST 1
#define ICMP_EXC_TTL 0
#define ICMP_EXC_FRAGTIME 1

#define ICMP_FILTER 1 /* SOL_RAW [man raw(7)] */

int icmp_init(struct inet *in) MUST_CHECK;
void icmp_fini(struct inet *in);
/* @p waited for a neighbour that does not answer: IP header at net_off. */
void icmp_send_unreachable_host(struct inet *in, struct pkt *p);
/* May we send an ICMP message to @dst now? A token bucket for all and one each. */
bool icmp_allow(struct inet *in, const union ipaddr *dst, bool masked);
extern const struct transport icmp_transport, icmp6_transport;
/* An ICMPv6 message of ours: summed, counted, sent. Takes @p. */
void icmp6_transmit(struct inet *in, struct pkt *p, const struct inet_flow *flow, const struct ip_tx *tx);
/* Hand an ICMP error about @p (the quoted packet, transport header first) to its transport and raw sockets. */
void icmp_deliver_error(struct inet *in, struct pkt *p, const struct ip_error *e);
