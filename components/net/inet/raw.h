/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include "icmp.h"
#include "sock_impl.h"

struct raw_sock {
	struct sock sock;
	u32 icmp_filter;     /* ICMP_FILTER: types that are not wanted */
	u32 icmp6_filter[8]; /* ICMP6_FILTER: the same */
	s32 checksum_at;     /* IPV6_CHECKSUM; -1: none */
};

struct raw_tables {
	struct env_spin lock;
	struct list_head socks[256]; /* raw sockets by protocol: sock.proto_node; RCU */
	struct port_table pings;     /* ping sockets by identifier */
};

int raw_open(struct inet *in) MUST_CHECK;
void raw_close(struct inet *in);
/* Copies of @p (transport header first) to the raw sockets that want it: true if there was one. */
bool raw_deliver(struct inet *in, struct pkt *p);
/* Would one take it? */
bool raw_wanted(struct inet *in, const struct pkt *p);
void raw_error(struct inet *in, struct pkt *p, const struct ip_error *e);
/* An echo reply, to the ping socket of its identifier. Does not take it. */
void ping_deliver(struct inet *in, struct pkt *p);
void ping_error(struct inet *in, struct pkt *p, const struct ip_error *e);
extern const struct proto raw_proto, ping_proto;

static inline struct raw_sock *raw_of(struct sock *s)
{
	return container_of(s, struct raw_sock, sock);
}
