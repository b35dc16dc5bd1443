/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include "sock_impl.h"

/* Options of SOL_UDPLITE [man udplite(7)]. */
#define UDPLITE_SEND_CSCOV 10
#define UDPLITE_RECV_CSCOV 11

struct udp_sock {
	struct sock sock;
	bool corked_option, gro, no_check6_tx, no_check6_rx;
	u16 gso_size;
	u8 encap;
	/* UDP-Lite: how many bytes the checksum covers, header included, 0: all; what comes in must cover so much, if it does not cover all. */
	u16 send_cover, receive_cover;
	bool receive_cover_set;
	/* MSG_MORE, UDP_CORK: what was gathered. lock. */
	struct pkt *pending;
	struct inet_route pending_route;
	struct ip_tx pending_tx;
	u32 pending_tsflags;
	u16 pending_port, pending_gso;
};

/* Of UDP, and of UDP-Lite, whose ports are others. */
struct udp_tables {
	struct port_table ports;
	struct table conns; /* sock.conn_node by both ends: connected sockets */
};

int udp_open(struct inet *in) MUST_CHECK;
void udp_close(struct inet *in);
extern const struct proto udp_proto, udplite_proto;
extern const struct transport udp_transport, udplite_transport;

static inline struct udp_sock *udp_of(struct sock *s)
{
	return container_of(s, struct udp_sock, sock);
}

static inline bool udp_is_lite(const struct sock *s)
{
	return s->proto == &udplite_proto;
}

static inline struct udp_tables *udp_tables_of(const struct sock *s)
{
	return &s->in->udp[udp_is_lite(s)];
}

int udp_auto_bind(struct sock *s) MUST_CHECK; /* a port if there is none; lock held */
/* udp_send.c */
ssize_t udp_send(struct sock *s, struct inet_msg *msg);
int udp_push_pending(struct sock *s); /* lock held */
void udp_drop_pending(struct sock *s);
