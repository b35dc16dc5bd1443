/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
#include "sock_impl.h"

struct udp_sock {
	struct sock sock;
	bool corked_option, gro, no_check6_tx, no_check6_rx;
	u16 gso_size;
	u8 encap;
	/* MSG_MORE, UDP_CORK: what was gathered. lock. */
	struct pkt *pending;
	struct inet_route pending_route;
	struct ip_tx pending_tx;
	u16 pending_port, pending_gso;
};

struct udp_tables {
	struct port_table ports;
	struct table conns; /* sock.conn_node by both ends: connected sockets */
};

int udp_open(struct inet *in) MUST_CHECK;
void udp_close(struct inet *in);
extern const struct proto udp_proto;
extern const struct transport udp_transport;

static inline struct udp_sock *udp_of(struct sock *s)
{
	return container_of(s, struct udp_sock, sock);
}

int udp_auto_bind(struct sock *s) MUST_CHECK; /* a port if there is none; lock held */
/* udp_send.c */
ssize_t udp_send(struct sock *s, struct inet_msg *msg);
int udp_push_pending(struct sock *s); /* lock held */
void udp_drop_pending(struct sock *s);
